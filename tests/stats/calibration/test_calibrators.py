"""Recalibration: the reference curves, judged only on rows they were not fitted on."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import special
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats.calibration._scores import deal_folds

RNG = np.random.default_rng(0)
CHANCE = RNG.random(1500)
Y = RNG.random(1500) < CHANCE
SCORE = CHANCE**2
WEIGHTS = RNG.random(1500) + 0.1
GRID = np.linspace(0, 1, 41)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_platt_is_scikit_learn_on_logits(weights: np.ndarray | None) -> None:
    """Slope and intercept are those of scikit-learn's sigmoid with its smoothed targets."""
    found = stats.recalibrate(Y, SCORE, method="platt", weights=weights)
    slope, intercept = _sigmoid_calibration(special.logit(np.clip(SCORE, 1e-6, 1 - 1e-6)), Y, weights)
    expected = special.expit(-slope * special.logit(np.clip(GRID, 1e-6, 1 - 1e-6)) - intercept)
    assert found(GRID) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_isotonic_is_scikit_learn(weights: np.ndarray | None) -> None:
    """The curve is that of isotonic regression, level outside the scores seen."""
    found = stats.recalibrate(Y, SCORE, weights=weights)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(SCORE, Y, sample_weight=weights)
    assert found(GRID) == pytest.approx(theirs.predict(GRID))


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_scores_come_from_other_folds(method: str) -> None:
    """Recalibration helps out of fold, and looks better still on the rows it was fitted on."""
    found = stats.recalibrate(Y, SCORE, method=method)
    assert np.mean((found(SCORE) - Y) ** 2) < found.brier_after < found.brier_before - 0.01
    assert found.brier_after == pytest.approx(np.mean((found.scores - Y) ** 2))


def test_noise_is_not_mended() -> None:
    """On calibrated scores of 200 rows isotonic regression makes the score worse out of fold, and says so."""
    rng, worse = np.random.default_rng(1), 0
    for seed in range(20):
        chance = rng.random(200)
        found = stats.recalibrate(rng.random(200) < chance, chance, seed=seed)
        worse += found.brier_after > found.brier_before
    assert worse >= 15


def test_whole_groups_go_into_a_fold() -> None:
    """No group is in two folds; without groups every fold has its share of either label."""
    groups = np.repeat(np.arange(300), 5)
    fold = deal_folds(Y, 5, 0, groups)
    assert all(len(set(fold[groups == group])) == 1 for group in range(300))
    assert np.bincount(fold) == pytest.approx(300, abs=0)
    shares = [Y[deal_folds(Y, 5, 0) == number].sum() for number in range(5)]
    assert max(shares) - min(shares) <= 1


def test_a_calibrator_travels() -> None:
    """It pickles, compares, prints, and gives the same with the same seed."""
    found = stats.recalibrate(Y, SCORE, method="platt", seed=3)
    assert pickle.loads(pickle.dumps(found)) == found == stats.recalibrate(Y, SCORE, method="platt", seed=3)
    assert found != stats.recalibrate(Y, SCORE, method="platt", seed=4)
    assert str(found).startswith(f"platt of 1500 rows, {Y.sum()} positive; Brier score ")
    assert set(found.as_dict()) == {"method", "n", "positives", "folds", "brier_before", "brier_after"}


def test_few_separable_rows_stay_finite() -> None:
    """Platt's targets keep the slope finite where the classes are apart; constant scores give the base rate."""
    found = stats.recalibrate([0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.3, 0.7, 0.8, 0.9], method="platt", folds=3)
    assert 0 < found([0.0])[0] < found([0.5])[0] < found([1.0])[0] < 1
    assert found([0.1, 0.9]) == pytest.approx([0.2, 0.8], abs=0.1)
    level = stats.recalibrate([0, 0, 1, 0, 1, 0], [0.5] * 6, method="platt", folds=2)
    assert level([0.5]) == pytest.approx([(2 * 3 / 4 + 4 / 6) / 6])


@pytest.mark.parametrize(
    ("y", "score", "more", "message"),
    [
        ([0, 0, 0], [0.1, 0.2, 0.3], {}, "rows of both labels"),
        (["no"] * 3, [0.1, 0.2, 0.3], {}, "holds only no"),
        ([0, 1, 1], [0.1, 1.2, 0.3], {}, "lie in"),
        ([0, 1, 1], [[0.5, 0.1]] * 3, {}, "sum to one, got 0.6"),
        ([0, 1, 1, 0], [0.1, 0.2, 0.3, 0.4], {}, "rarer one has 2"),
        ([0, 1] * 5, [0.5] * 10, {"weights": [1.0] * 9 + [0.0]}, "positive and finite, got .*0.0"),
        ([0, 1] * 5, [0.5] * 10, {"weights": [1.0] * 9 + [-2.0]}, "positive and finite"),
        ([0, 1] * 5, [0.5] * 10, {"weights": [1.0]}, "one number per row"),
        ([0, 1] * 5, [0.5] * 10, {"method": "best"}, "'isotonic', 'platt', got 'best'"),
        ([0, 1] * 5, [0.5] * 10, {"folds": 1}, "2 or more"),
        ([0, 1] * 5, [0.5] * 10, {"groups": [0] * 5 + [1] * 5}, "5 groups, got 2"),
        ([0, 1, np.nan], [0.5] * 3, {}, "missing"),
    ],
)
def test_what_cannot_be_recalibrated_is_refused(
    y: list[object], score: list[object], more: dict[str, object], message: str
) -> None:
    """Each mistake is named with what came and what would do."""
    with pytest.raises(InvalidInput, match=message):
        stats.recalibrate(y, score, **more)  # type: ignore[arg-type]
    if not more:
        return
    with pytest.raises(InvalidInput, match="lie in"):
        stats.recalibrate(Y, SCORE)([1.5])
