"""Intervals a gate may trust: they hold their value, hold the truth, and never punish a model for being right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import KNeighborsClassifier

from mlcycle.checks import EvaluationData, cache_predictions, find_metric, judge
from mlcycle.records import AtLeast, AtMost, NotWorseThan, Result
from tests.checks.contexts import context_of


class Told:
    """A classifier that is as sure as told of the labels told, one a row of ``i``."""

    def __init__(self, said: Any, sure: Any, classes: int) -> None:
        self.classes_, self._said = np.arange(classes), said
        self._chances = np.repeat((1 - sure)[:, None] / (classes - 1), classes, axis=1)
        self._chances[np.arange(len(said)), said] = sure

    def predict(self, X: Any) -> Any:
        """Return the labels."""
        return self._said[X["i"]]

    def predict_proba(self, X: Any) -> Any:
        """Return how sure it is of each."""
        return self._chances[X["i"]]


class Numbers:
    """A regressor that answers what it is told."""

    def __init__(self, answers: Any) -> None:
        self._answers = answers

    def predict(self, X: Any) -> Any:
        """Return the numbers."""
        return self._answers[X["i"]]


def result_of(criterion: Any, models: Any, y: Any, groups: Any = None) -> Result:
    """Judge ``m@2``, with ``m@1`` in production where there is one."""
    frame = pd.DataFrame({"i": range(len(y))})
    models = models if isinstance(models, dict) else {"m@2": models}
    context = context_of(
        lambda ref: EvaluationData(ref, frame, frame, y, groups),
        models.__getitem__,
        lambda name: "m@1" if name == "m@production" and "m@1" in models else None,
    )
    [result] = judge(criterion, "m@2", context)
    return result


def profit(y: Any, predicted: Any) -> float:
    """Return a user's own score, 3 where all is right."""
    return float(3 * (y == predicted).mean())


LABELS = ["balanced_accuracy", "f1_macro", "f1_weighted", "precision_macro", "jaccard_macro", "matthews_corrcoef"]
TWO = ["f1", "precision", "recall", "jaccard", "roc_auc", "average_precision", "brier_score", "log_loss", "accuracy"]
CASES = [
    *((metric, 124, (0.22, 0.38, 0.40)) for metric in [*LABELS, "log_loss", profit]),
    *((metric, 50, (0.3, 0.3, 0.4)) for metric in ["roc_auc_ovr", "average_precision"]),
    *((metric, 60, (0.3, 0.7)) for metric in [*LABELS, *TWO, "sklearn.metrics:cohen_kappa_score"]),
    *((metric, 124, (0.85, 0.15)) for metric in [*LABELS, *TWO]),
]


@pytest.mark.parametrize(("metric", "n", "shares"), CASES)
def test_a_mistake_put_right_never_lowers_the_near_end(metric: Any, n: int, shares: tuple[float, ...]) -> None:
    """From six mistakes down to none, the end of the interval that a gate looks at only gets better."""
    lower = metric in ("brier_score", "log_loss")
    rng = np.random.default_rng(n)
    y = rng.choice(len(shares), n, p=shares)
    other, order = (y + rng.integers(1, len(shares), n)) % len(shares), rng.permutation(n)
    sure, lows = rng.uniform(0.6, 1, n), []
    for mistakes in (1, 0) if n == 50 else (6, 2, 1, 0):
        said = y.copy()
        said[order[:mistakes]] = other[order[:mistakes]]
        result = result_of((AtMost if lower else AtLeast)(metric, 0.5), Told(said, sure, len(shares)), y)
        assert result.low <= result.value <= result.high
        lows.append(-result.high if lower else result.low)
    assert sorted(lows) == lows


@pytest.mark.parametrize("metric", ["r2", "rmse", "mean_absolute_error", "mean_squared_log_error"])
def test_an_error_put_right_never_lowers_the_near_end(metric: str) -> None:
    """The same for numbers: a perfect regressor is at least as sure as one with small errors or one large one."""
    rng = np.random.default_rng(0)
    y, ends = rng.uniform(10, 20, 124), []
    noise, large = rng.normal(size=124) / 10, 5.0 * (np.arange(124) < 1)
    for error in (noise + large, noise, 0 * noise):
        criterion = AtLeast(metric, 0.5) if metric == "r2" else AtMost(metric, 5)
        result = result_of(criterion, Numbers(y + error), y)
        ends.append(result.low if metric == "r2" else -result.high)
    assert sorted(ends) == ends
    assert "no width" in result.detail


def test_a_model_all_wrong_is_not_surer_than_one_nearly_so() -> None:
    """At the other end of the range the same holds: nothing right is no proof of nothing ever right."""
    y, highs = np.arange(120) % 3, []
    for right in (0, 1, 2, 6):
        said = (y + 1) % 3
        said[:right] = y[:right]
        result = result_of(AtMost("balanced_accuracy", 0.5), Told(said, np.full(120, 0.8), 3), y)
        assert result.high > 0
        highs.append(result.high)
    assert sorted(highs) == highs


@pytest.mark.parametrize("metric", ["accuracy", "f1_macro", "roc_auc"])
def test_a_step_up_from_production_never_turns_a_pass_into_a_block(metric: str) -> None:
    """A model as good as production is not less sure to be no worse than one with a mistake more."""
    rng = np.random.default_rng(0)
    y, sure, lows = rng.integers(0, 2, 124), np.full(124, 0.9), []
    order = rng.permutation(124)

    def model(mistakes: int) -> Told:
        said = y.copy()
        said[order[:mistakes]] = 1 - said[order[:mistakes]]
        return Told(said, sure, 2)

    for mistakes in (12, 11, 10, 9, 8):
        models = {"m@1": model(10), "m@2": model(mistakes)}
        lows.append(result_of(NotWorseThan("production", metric, margin=0.02), models, y).low)
    assert sorted(lows) == lows


@pytest.mark.deep
@pytest.mark.parametrize(
    ("metric", "shares", "wrong"),
    [("f1_macro", (0.2, 0.8), 0.02), ("balanced_accuracy", (0.2, 0.3, 0.5), 0.03), ("f1", (0.8, 0.2), 0.03)],
)
def test_limits_hold_the_truth_as_often_as_they_say(metric: str, shares: tuple[float, ...], wrong: float) -> None:
    """Near a perfect score, where a bootstrap alone misses, the near end lies above the truth in 2.5 % of samples.

    The bound on 150 samples is the 99.9 % quantile of that rate.
    """
    rng = np.random.default_rng(0)

    def sample(n: int) -> tuple[Any, Told]:
        y = rng.choice(len(shares), n, p=shares)
        said = np.where(rng.random(n) < wrong, (y + 1) % len(shares), y)
        return y, Told(said, np.full(n, 0.9), len(shares))

    y, model = sample(400_000)
    truth = find_metric(metric)(cache_predictions(model, pd.DataFrame({"i": range(len(y))})), y, np.arange(len(y)))
    above = 0
    for _ in range(150):
        y, model = sample(100)
        result = result_of(AtLeast(metric, 0.5), model, y)
        above += result.low is not None and result.low > truth
    assert above <= 10


def test_groups_that_are_all_right_are_as_many_observations_as_there_are_groups() -> None:
    """A perfect score on twenty customers of fifty rows is one of twenty, not of a thousand."""
    y = np.arange(1000) % 2
    result = result_of(AtLeast("accuracy", 0.9), Told(y, np.full(1000, 0.9), 2), y, np.arange(1000) // 50)
    assert (result.value, result.verdict) == (1, "inconclusive")
    assert result.low == pytest.approx(0.025 ** (1 / 20), abs=0.01)


@pytest.mark.filterwarnings("ignore:The number of unique classes")
@pytest.mark.parametrize(
    "metric",
    ["adjusted_rand_score", "v_measure_score", "rand_score", "fowlkes_mallows_score"],
)
def test_an_interval_that_does_not_hold_its_value_is_none(metric: str) -> None:
    """A row drawn twice agrees with itself: of many small groups no resample is like the rows, and that is said."""
    rng = np.random.default_rng(0)
    homes = pd.DataFrame(rng.normal(size=(100, 2)), columns=["east", "north"])
    entity = np.repeat(np.arange(100), 2)
    seen = homes.iloc[entity].reset_index(drop=True) + 0.2 * rng.normal(size=(200, 2))
    model = KNeighborsClassifier(1).fit(homes, np.arange(100))
    context = context_of(
        lambda ref: EvaluationData(ref, seen, seen, entity),
        lambda ref: model,
    )
    [result] = judge(AtLeast(metric, 0.3), "m@1", context)
    if metric == "adjusted_rand_score":
        assert result.value == pytest.approx(adjusted_rand_score(entity, model.predict(seen)))
        assert (result.verdict, result.low) == ("inconclusive", None)
        assert "the resamples lie beside the value" in result.detail
    assert result.low is None or result.low <= result.value <= result.high


def test_errors_that_are_all_alike_are_judged() -> None:
    """A regressor that is wrong by one on every row meets a limit of five, and the reader learns what that rests on."""
    y = np.arange(1, 101)
    result = result_of(AtMost("mean_absolute_error", 5), Numbers(y - 1), y)
    assert (result.verdict, result.value, result.low) == ("pass", 1, 1)
    assert result.high == pytest.approx(2 - 0.025 ** (1 / 100), abs=1e-3)  # rows twice as bad were allowed for
    assert "bounds" not in result.detail


@pytest.mark.parametrize("metric", ["precision", "recall", "f1", "jaccard", "precision_macro", "balanced_accuracy"])
@pytest.mark.parametrize(("n", "positive"), [(60, 8), (400, 8), (400, 40)])
def test_a_perfect_score_rests_on_the_rows_it_is_about(metric: str, n: int, positive: int) -> None:
    """Eight positive rows say what eight rows can, however many negative ones stand beside them."""
    y = (np.arange(n) < positive).astype(int)
    found = result_of(AtLeast(metric, 0.5), Told(y, np.full(n, 0.9), 2), y)
    exact = 0.025 ** (1 / positive)
    weight = {"f1": 0.5, "precision_macro": 0.5, "balanced_accuracy": 0.5}.get(metric, 1.0)
    assert found.low is not None
    assert 1 - found.low > 0.75 * weight * (1 - exact)


def within(y: Any, predicted: Any) -> float:
    """Return a user's own score of numbers: the share answered to within one half."""
    return float((np.abs(np.asarray(y) - np.asarray(predicted)) <= 0.5).mean())


def own_loss(y: Any, predicted: Any) -> float:
    """Return a user's own loss of numbers."""
    return float(np.abs(np.asarray(y) - np.asarray(predicted)).mean())


@pytest.mark.parametrize("criterion", [AtLeast(within, 0.98), AtMost(own_loss, 0.2)], ids=["score", "loss"])
@pytest.mark.parametrize("kind", ["numbers", "counts"])
def test_a_users_own_metric_of_numbers_allows_for_rows_not_seen(criterion: Any, kind: str) -> None:
    """Twenty rows that are all right prove little, many prove more; and a slip never makes it surer."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=20) if kind == "numbers" else rng.permutation(150)[:100] // 2
    right = result_of(criterion, Numbers(y), y)
    slipped = result_of(criterion, Numbers(np.append(y[:-1], y[-1] + 0.7)), y)
    turn = 1 if isinstance(criterion, AtLeast) else -1
    near, nearer = (turn * (one.low if turn > 0 else one.high) for one in (slipped, right))  # type: ignore[operator]
    assert (right.low < right.high, near <= nearer) == (True, True)  # type: ignore[operator]
    assert right.verdict == "inconclusive"
    assert result_of(criterion, Numbers(np.repeat(y, 50)), np.repeat(y, 50)).verdict == "pass"
