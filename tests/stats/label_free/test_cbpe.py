"""CBPE: right where its assumption holds, in the middle and at its limits; refused where it cannot know."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats.label_free._expected import class_metric
from mlcycle.stats.label_free._scores import chances_of, decisions

Drawn = tuple[np.ndarray, np.ndarray]


def calibrated(rng: np.random.Generator, n: int, a: float, b: float) -> Drawn:
    """Return labels as probable as their scores say, and the scores."""
    score = rng.beta(a, b, n)
    return rng.random(n) < score, score


def overconfident(rng: np.random.Generator, n: int, a: float, b: float) -> Drawn:
    """Return labels and scores whose log odds are twice what they should be, and shifted."""
    y, score = calibrated(rng, n, a, b)
    return y, 1 / (1 + np.exp(-2 * np.log(score / (1 - score)) - 0.5))


def realised(y: np.ndarray, score: np.ndarray, metric: str) -> float:
    """Return the metric once the labels are there."""
    chances = chances_of("score", score, 2)
    return class_metric(metric, 2).realised(chances, decisions(chances, 0.5), y.astype(int))


def runs(
    draw: Callable[..., Drawn], metric: str, times: int, m: int, n: int, **options: Any
) -> tuple[float, np.ndarray]:
    """Return how often the limits held the realised metric, and the errors, with scores that shift."""
    held, errors = [], []
    for seed in range(times):
        rng = np.random.default_rng([seed, m, n])
        (y_old, old), (y, score) = draw(rng, m, 2, 2), draw(rng, n, 3, 2)
        found = stats.cbpe(y_old, old, score, metric=metric, resamples=60, **options)
        truth = realised(y, score, metric)
        held.append(found.interval.low <= truth <= found.interval.high)
        errors.append(found.value - truth)
    return float(np.mean(held)), np.array(errors)


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
@pytest.mark.parametrize("draw", [calibrated, overconfident])
def test_limits_hold_the_realised_metric(draw: Callable[..., Drawn], metric: str) -> None:
    """95 % limits hold what labels will show in at least 95 % less 3 standard errors; the middle is not biased."""
    held, errors = runs(draw, metric, 50, 500, 300)
    assert held >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 50)
    assert abs(errors.mean()) <= 3 * errors.std() / math.sqrt(50)


@pytest.mark.deep
@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "precision", "f1", "specificity"])
@pytest.mark.parametrize("draw", [calibrated, overconfident])
@pytest.mark.parametrize(("m", "n"), [(300, 300), (2000, 500), (1000, 5000)])
def test_limits_hold_at_many_sizes(draw: Callable[..., Drawn], metric: str, m: int, n: int) -> None:
    """The same for small and large sides; 1 % is granted for the curve being chosen by the data."""
    held, _ = runs(draw, metric, 400, m, n)
    assert held >= 0.94 - 3 * math.sqrt(0.95 * 0.05 / 400)


def test_the_error_of_the_reference_is_in_the_limits() -> None:
    """With endless new rows the limits stay as wide as a small reference makes them."""
    rng = np.random.default_rng(0)
    (y_old, old), (_, score) = overconfident(rng, 300, 2, 2), overconfident(rng, 20_000, 2, 2)
    found = stats.cbpe(y_old, old, score, metric="accuracy", resamples=100)
    assert found.reference_error > 0.8 * found.interval.standard_error > 4 * math.sqrt(0.25 / 20_000)


def test_scores_are_corrected_as_far_as_the_reference_asks() -> None:
    """Calibrated scores stay nearly what they are, others do not; a step needs an isotonic curve."""
    rng = np.random.default_rng(1)
    y, score = calibrated(rng, 2000, 2, 2)
    left = stats.cbpe(y, score, score[:200])
    assert left.calibration == "beta"
    assert left.rows is not None
    assert np.abs(left.rows[:, 1] - score[:200]).max() < 0.05
    y, score = overconfident(rng, 2000, 2, 2)
    corrected = stats.cbpe(y, score, score[:200]).rows
    assert corrected is not None
    assert np.abs(corrected[:, 1] - score[:200]).max() > 0.1
    stepped = rng.random(4000)
    y = rng.random(4000) < np.where(stepped < 0.4, 0.1, np.where(stepped < 0.6, 0.5, 0.55))
    assert stats.cbpe(y, stepped, stepped[:200]).calibration == "isotonic"


# Shapes of the scores, and the slope and shift of their log odds that make them wrong: even, rare and common labels,
# scores near 0 and 1, scores in the middle.
_LAWS = [(0.7, 0.9, 1.3, 0.3), (0.6, 4, 1, -0.3), (5, 5, 1, 0), (0.25, 0.25, 0.6, 0), (4, 0.7, 0.8, 0.5)]


def small_references(times: int, m: int) -> tuple[list[bool], list[bool]]:
    """Return which estimates from `m` rows were refused, of new rows of the same law, and which limits held."""
    refused, held = [], []
    for law, (a, b, slope, shift) in enumerate(_LAWS):
        for seed in range(times):
            rng = np.random.default_rng([seed, law, m])
            old, new = (np.clip(rng.beta(a, b, n), 1e-4, 1 - 1e-4) for n in (m, 1000))
            y, truth = (rng.random(len(s)) < 1 / (1 + np.exp(-slope * np.log(s / (1 - s)) - shift)) for s in (old, new))
            metric = ("accuracy", "roc_auc", "f1")[seed % 3]
            found = stats.cbpe(y, old, new, metric=metric, resamples=100)
            refused.append(found.refused)
            if not found.refused:
                held.append(found.interval.low <= realised(truth, new, metric) <= found.interval.high)
    return refused, held


def test_a_hundred_rows_of_the_same_law_are_not_refused() -> None:
    """Of five laws, 12 draws each, at most one is refused, and 95 % limits hold within 3 errors of 92 %."""
    refused, held = small_references(12, 100)
    assert np.mean(refused) <= 0.02
    assert np.mean(held) >= 0.92 - 3 * math.sqrt(0.92 * 0.08 / len(held))


@pytest.mark.deep
@pytest.mark.parametrize("m", [100, 200, 400])
def test_small_references_of_the_same_law_at_length(m: int) -> None:
    """The same with 500 draws: at most one in a hundred refused, limits hold in 92 % or more."""
    refused, held = small_references(100, m)
    assert np.mean(refused) <= 0.01
    assert np.mean(held) >= 0.92


def test_missing_support_is_refused() -> None:
    """Scores that no reference row had give no number but the reason."""
    rng = np.random.default_rng(0)
    old = rng.uniform(0.1, 0.5, 500)
    found = stats.cbpe(rng.random(500) < old, old, rng.uniform(0.4, 0.95, 200), metric="accuracy")
    assert (found.refused, math.isnan(found.value), found.rows) == (True, True, None)
    assert "hardly any reference row comes near" in found.reason
    assert "refused" in str(found)
    assert found.unsupported > 0.3


def test_too_little_reference_is_refused() -> None:
    """Two rows of a label are too few to learn what a score means."""
    y = np.repeat([0, 1], [200, 2])
    found = stats.cbpe(y, np.random.default_rng(0).random(202), [0.5] * 20)
    assert found.reason == "the rarest label rests on 2 reference rows; 3 would do"
    assert stats.cbpe([0, 1] * 50, [0.4, 0.6] * 50, []).reason == "there are no rows to estimate"


def test_a_perfect_reference_is_not_certainty() -> None:
    """Scores of 0 and 1 that were always right leave room for what 100 rows of a label cannot exclude."""
    y = np.repeat([0, 1], [300, 100])
    found = stats.cbpe(y, y.astype(float), y[::4].astype(float), metric="accuracy")
    assert found.value == pytest.approx(1, abs=1e-5)
    assert found.interval.low == pytest.approx(0.025 ** (1 / 100))


def test_an_undefined_metric_is_refused() -> None:
    """Precision where nothing is decided positive is no number."""
    rng = np.random.default_rng(0)
    score = rng.uniform(0, 0.4, 1000)
    found = stats.cbpe(rng.random(1000) < score, score, score[:200], metric="precision")
    assert found.refused
    assert "undefined" in found.reason


@pytest.mark.parametrize(
    ("y", "old", "new", "said"),
    [
        ([1] * 50, [0.5] * 50, [0.5], "no row of 1 of 2 labels"),
        ([0, 1], [0.5, 1.2], [0.5], r"score_reference holds probabilities in \[0, 1\]"),
        ([0, 1], [0.5, 0.2], [1.5], r"score holds probabilities in \[0, 1\]"),
        ([0, 1], [0.5, 0.2], [math.nan], "score has 1 missing"),
        ([0, 1], [0.5, math.nan], [0.5], "1 missing"),
        ([0, 1], [[0.5, 0.5], [0.2, 0.9]], [0.5], "sum to one"),
        ([0, 1], [0.5, 0.2], [[0.5, 0.6]], "sum to one"),
        ([0, 1], [0.5, 0.2], [[0.5, 0.3, 0.2]], "needs 2 columns"),
        ([0, 1], [0.5], [0.5], "need 2 rows"),
        ([0, 1], [0.5, 0.2], ["a"], "score needs one number per row"),
        ([], [], [0.5], "y_reference has no rows"),
    ],
)
def test_bad_input_is_named(y: Any, old: Any, new: Any, said: str) -> None:
    """What is no probability, missing, or of one class only is said by name."""
    with pytest.raises(InvalidInput, match=said):
        stats.cbpe(y, old, new)


def test_bad_options_are_named() -> None:
    """Thresholds, confidences and resamples out of range."""
    y, score = [0, 1] * 50, [0.4, 0.6] * 50
    for options in ({"threshold": 2.0}, {"confidence": 1.0}, {"resamples": 3}, {"metric": "kappa"}):
        with pytest.raises(InvalidInput):
            stats.cbpe(y, score, score, **options)


def test_three_labels() -> None:
    """Accuracy and macro metrics of three labels are near what labels show, from over-confident scores."""
    rng = np.random.default_rng(0)
    chances = rng.dirichlet([2, 2, 2], 4000)
    code = (rng.random((4000, 1)) > np.cumsum(chances, axis=1)).sum(axis=1)
    sharp = chances**2 / (chances**2).sum(axis=1, keepdims=True)
    y = np.array(["ash", "elm", "oak"])[code]
    for metric in ("accuracy", "f1_macro", "roc_auc", "balanced_accuracy"):
        found = stats.cbpe(y[:3000], sharp[:3000], sharp[3000:], metric=metric, resamples=80)
        truth = class_metric(metric, 3).realised(sharp[3000:], np.argmax(sharp[3000:], axis=1), code[3000:])
        assert found.interval.low < truth < found.interval.high


def test_pandas_lists_columns_and_seeds() -> None:
    """Series, lists and two columns give one answer; the seed decides it."""
    rng = np.random.default_rng(0)
    y, score = calibrated(rng, 600, 2, 2)
    plain = stats.cbpe(y[:400], score[:400], score[400:])
    both = np.column_stack([1 - score, score])
    words = pd.Series(np.where(y[:400], "yes", "no"), index=range(9, 409))
    assert plain == stats.cbpe(words, pd.Series(score[:400]), score[400:].tolist())
    assert plain.value == pytest.approx(stats.cbpe(y[:400], both[:400], both[400:]).value)
    assert plain.interval != stats.cbpe(y[:400], score[:400], score[400:], seed=1).interval


def test_the_record_prints_and_turns_into_a_dict() -> None:
    """Text, HTML and JSON carry the assumption."""
    rng = np.random.default_rng(0)
    y, score = calibrated(rng, 600, 2, 2)
    found = stats.cbpe(y, score, score[:100], metric="accuracy")
    assert "no concept drift" in str(found)
    assert "no concept drift" in found._repr_html_()
    assert repr(found).startswith("LabelFree(accuracy without labels (CBPE): 0.")
    assert json.loads(json.dumps(found.as_dict()))["metric"] == "accuracy"
    assert found.n == 100
