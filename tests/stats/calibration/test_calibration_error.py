"""Calibration error: no alarm on calibrated scores, intervals that hold at zero and beyond, less bias."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats.calibration._bins import bins_of, mean_by

Curve = Callable[[np.ndarray], np.ndarray]


def calibrated(score: np.ndarray) -> np.ndarray:
    """Let come what was promised."""
    return score


def bent(score: np.ndarray) -> np.ndarray:
    """Be a little wrong everywhere."""
    return score**1.3


def broken(score: np.ndarray) -> np.ndarray:
    """Be right below 0.9, far off above."""
    return np.where(score > 0.9, score - 0.3, score)


def wavy(score: np.ndarray) -> np.ndarray:
    """Be wrong both ways."""
    return np.clip(score + 0.05 * np.sin(20 * score), 0, 1)


def trial(curve: Curve, n: int, samples: int, seed: int = 3) -> dict[str, float]:
    """Simulate: how often the interval holds the true error of the bins, how often p is at most 0.05, and biases."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(samples):
        score = rng.random(n)
        chance = curve(score)
        y = rng.random(n) < chance
        bins = bins_of(y, score, 15, "quantile")
        true = float(np.abs(mean_by(bins.code, chance) - bins.score) @ bins.size / n)
        found = stats.calibration_error(y, score, seed=number)
        held = found.error.low <= true + 1e-12 and true <= found.error.high
        rows.append([held, found.p <= 0.05, found.error.value - true, found.plug_in - true])
    return dict(zip(("held", "alarms", "bias", "plug_in"), np.mean(rows, axis=0).tolist(), strict=True))


def test_calibrated_scores_are_let_alone() -> None:
    """Of 150 calibrated samples 95 % hold 0, 5 % have a p of 0.05 (3 standard errors); the bias falls by half."""
    found = trial(calibrated, 300, 150)
    assert found["held"] >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 150)
    assert found["alarms"] <= 0.05 + 3 * math.sqrt(0.95 * 0.05 / 150)
    assert 0 <= found["bias"] < 0.4 * found["plug_in"]


@pytest.mark.parametrize("curve", [bent, broken])
def test_the_interval_holds_a_true_error(curve: Curve) -> None:
    """Of 100 samples 95 % hold the error, whether spread over all bins or in a few (3 standard errors)."""
    assert trial(curve, 1000, 100)["held"] >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 100)


@pytest.mark.deep
@pytest.mark.parametrize("n", [200, 1000, 5000])
@pytest.mark.parametrize("curve", [calibrated, bent, broken, wavy])
def test_the_interval_holds_on_a_grid(curve: Curve, n: int) -> None:
    """Of 400 samples 94 % hold the error (3 standard errors), and the estimate is no more biased than the plug-in."""
    found = trial(curve, n, 400)
    assert found["held"] >= 0.94 - 3 * math.sqrt(0.94 * 0.06 / 400)
    assert abs(found["bias"]) <= abs(found["plug_in"]) + 0.01


@pytest.mark.deep
@pytest.mark.parametrize("n", [100, 1000, 10_000])
def test_rare_events_raise_no_alarm(n: int) -> None:
    """Scores of a few per cent, where normal theory fails: at most 5 % alarms in 1 000 samples (3 standard errors)."""
    rng, alarms = np.random.default_rng(0), 0
    for seed in range(1000):
        score = rng.beta(0.5, 20, n)
        alarms += stats.calibration_error(rng.random(n) < score, score, bins=10, seed=seed).p <= 0.05
    assert alarms / 1000 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)


def test_the_plug_in_is_the_usual_ece() -> None:
    """With bins of equal width the plug-in is the sum over bins that everyone computes."""
    rng = np.random.default_rng(0)
    score = rng.random(500)
    y = rng.random(500) < score**2
    edges = np.minimum((score * 15).astype(int), 14)
    usual = sum(abs(np.sum(y[edges == k]) - np.sum(score[edges == k])) for k in range(15)) / 500
    assert stats.calibration_error(y, score, strategy="uniform").plug_in == pytest.approx(usual)


def test_a_large_error_is_no_longer_biased() -> None:
    """For scores squared the truth is a sixth, in the interval of every one of 20 samples of 5 000 rows."""
    rng = np.random.default_rng(1)
    for seed in range(20):
        chance = rng.random(5000)
        found = stats.calibration_error(rng.random(5000) < chance, chance**2, seed=seed).error
        assert found.low <= 1 / 6 <= found.high or abs(found.value - 1 / 6) < 2.5 * found.standard_error


def test_the_seed_decides() -> None:
    """The same seed gives the same answer, and tied scores stay in one bin."""
    rng = np.random.default_rng(0)
    score = np.round(rng.random(400), 1)
    y = rng.random(400) < score
    one, same = (stats.calibration_error(y, score, bins=15, seed=5) for _ in range(2))
    assert one == same
    assert one.bins <= 11
    assert str(one).endswith("for none at all")


def test_few_rows_say_how_many_would_do() -> None:
    """Below five rows a bin there is no number, and the reason names the rows that would do."""
    found = stats.calibration_error([0, 1] * 10, [0.4, 0.6] * 10)
    assert found.error.reason == "20 rows are too few for 15 bins; 75 would do, or fewer bins"
    assert math.isnan(found.p)


def test_labels_of_one_class_are_judged() -> None:
    """Nothing but zeros against scores of 0.3 is an error of 0.3; a perfect forecast has none."""
    found = stats.calibration_error(np.zeros(200, int), np.full(200, 0.3))
    assert (found.error.value, found.p) == (pytest.approx(0.3, abs=0.01), 0.001)
    perfect = stats.calibration_error([0, 1] * 100, [0.0, 1.0] * 100)
    assert (perfect.error.value, perfect.error.low, perfect.p) == (0.0, 0.0, 1.0)
    assert perfect.error.high == pytest.approx(1 - 0.025 ** (1 / 200))


@pytest.mark.parametrize(
    ("more", "message"),
    [({"strategy": "kmeans"}, "'quantile'"), ({"bins": 0}, "bins is a whole number of at least 1, got 0")],
)
def test_unknown_choices_are_refused(more: dict[str, object], message: str) -> None:
    """Each is named with what there is."""
    with pytest.raises(InvalidInput, match=message):
        stats.calibration_error([0, 1] * 100, [0.4, 0.6] * 100, **more)  # type: ignore[arg-type]


def test_a_mass_of_equal_scores_hides_nothing() -> None:
    """Scores above a value that most rows share keep bins of their own, and their error is seen."""
    rng = np.random.default_rng(0)
    tail = rng.random(4000) < 0.05
    score = np.where(tail, rng.uniform(0.6, 0.9, 4000), 0.05)
    y = rng.random(4000) < np.where(tail, 0, 0.09)
    found = stats.calibration_error(y, score)
    assert found.error.low < 0.0755 < found.error.high
    assert found.error.low > 0.05


def test_one_class_in_any_type_is_the_negative_one_where_it_is_0() -> None:
    """Zeros as objects are zeros."""
    score = np.full(100, 0.3)
    zeros = np.zeros(100, int)
    as_objects, as_ints = (stats.calibration_error(y, score).plug_in for y in (zeros.astype(object), zeros))
    assert as_objects == pytest.approx(as_ints)
