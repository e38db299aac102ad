"""One model's metric, two models compared: against scikit-learn, the plain bootstrap and published examples."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats
from sklearn import metrics as sk

from mlcycle import stats
from mlcycle.errors import InvalidInput

RNG = np.random.default_rng(7)
Y = RNG.integers(0, 2, 300)
SCORE = 1 / (1 + np.exp(-(Y + RNG.normal(0, 1.2, 300) - 0.5)))
TIED = np.round(SCORE, 1)
TARGET = RNG.normal(size=300)
CASES = {
    "accuracy": (Y, (SCORE > 0.5).astype(int), sk.accuracy_score),
    "roc_auc": (Y, SCORE, sk.roc_auc_score),
    "auc": (Y, TIED, sk.roc_auc_score),
    "log_loss": (Y, SCORE, sk.log_loss),
    "brier_score_loss": (Y, SCORE, sk.brier_score_loss),
    "mae": (TARGET, TARGET + SCORE, sk.mean_absolute_error),
    "mse": (TARGET, TARGET + SCORE, sk.mean_squared_error),
    "rmse": (TARGET, TARGET + SCORE, sk.root_mean_squared_error),
}


@pytest.mark.parametrize("metric", [name for name in CASES if name != "accuracy"])
@pytest.mark.parametrize("grouped", [False, True])
def test_fast_intervals_are_the_plain_bootstrap(metric: str, grouped: bool) -> None:
    """Weights give what calling scikit-learn's metric on the same draws gives; limits allow for rows not seen, too."""
    y, guess, reference = CASES[metric]
    groups = np.repeat(np.arange(60), 5) if grouped else None
    fast = stats.metric_interval(y, guess, metric, groups=groups, resamples=60, seed=3)
    slow = stats.interval(lambda rows: reference(y[rows], guess[rows]), len(y), groups=groups, resamples=60, seed=3)
    assert [fast.value, fast.standard_error] == pytest.approx([slow.value, slow.standard_error], abs=1e-9)
    assert slow.low - slow.standard_error <= fast.low <= slow.low + 1e-9
    assert slow.high - 1e-9 <= fast.high <= slow.high + 4 * slow.standard_error


def test_an_accuracy_of_rows_has_wilsons_interval() -> None:
    """The very one of `stats.wilson`, so that an evaluation and a script say the same; groups are drawn."""
    y, guess, _ = CASES["accuracy"]
    found = stats.metric_interval(y, guess, "accuracy")
    assert found == stats.wilson(int((y == guess).sum()), 300)
    assert stats.metric_interval(y, guess, "accuracy", groups=np.arange(300) // 5).method == (
        "percentile bootstrap of 60 groups"
    )


@pytest.mark.parametrize("metric", ["neg_log_loss", "neg_mean_absolute_error"])
def test_scorer_names_turn_the_sign(metric: str) -> None:
    """A name with neg_ gives the value, limits and direction of scikit-learn's scorer."""
    y, guess, _ = CASES["log_loss" if "log" in metric else "mae"]
    plain, turned = (stats.metric_interval(y, guess, name) for name in (metric.removeprefix("neg_"), metric))
    assert [turned.value, turned.low, turned.high] == pytest.approx([-plain.value, -plain.high, -plain.low])


def test_several_classes_have_log_loss_and_brier_score() -> None:
    """Tables of probabilities over text labels give scikit-learn's values."""
    rng = np.random.default_rng(0)
    y = rng.choice(["a", "b", "c"], 200)
    table = rng.dirichlet([1, 1, 1], 200)
    found = [stats.metric_interval(pd.Series(y), table, name).value for name in ("log_loss", "brier")]
    assert found == pytest.approx([sk.log_loss(y, table), sk.brier_score_loss(y, table)])


def test_a_metric_difference_is_the_paired_bootstrap() -> None:
    """Both paths draw the same rows for both models."""
    other = np.clip(SCORE + RNG.normal(0, 0.2, 300), 0, 1)
    fast = stats.compare(Y, SCORE, other, "roc_auc", resamples=80).gain
    slow = stats.interval(
        lambda rows: sk.roc_auc_score(Y[rows], SCORE[rows]) - sk.roc_auc_score(Y[rows], other[rows]),
        300,
        resamples=80,
    )
    assert [fast.value, fast.standard_error] == pytest.approx([slow.value, slow.standard_error], abs=1e-9)
    assert slow.low - 2 * slow.standard_error <= fast.low <= slow.low + 1e-9


def test_perfect_predictions_have_an_exact_limit() -> None:
    """All right on 40 rows, 10 of them positive: accuracy rests on 40 rows, recall and AUC on 10."""
    y = np.array([1] * 10 + [0] * 30)
    low = [stats.metric_interval(y, y, name).low for name in ("accuracy", "recall", "roc_auc")]
    assert low == pytest.approx([40 / (40 + 1.96**2), *[0.025 ** (1 / 10)] * 2], abs=1e-3)
    assert "rest on 10 rows of the rarer class" in stats.metric_interval(y, y, "roc_auc").reason


@pytest.mark.parametrize(("guess", "metric"), [(SCORE, "roc_auc"), (Y, "accuracy"), (SCORE, "mae")])
def test_the_same_model_twice_is_no_worse_by_a_margin(guess: np.ndarray, metric: str) -> None:
    """Agreement on every row says that the two differ on few, not on none: it takes a margin to be no worse."""
    assert stats.compare(Y, guess, guess, metric).verdict == "inconclusive"
    assert stats.compare(Y, guess, guess, metric, margin=0.05).verdict == "not worse"
    needed = stats.compare(Y, Y, Y, "accuracy", margin=0.001).rows_needed
    assert needed is not None
    many = np.zeros(needed, int)
    assert stats.compare(many, many, many, "accuracy", margin=0.001).verdict == "not worse"


def test_models_that_merely_agreed_are_seldom_called_no_worse() -> None:
    """A model worse than its margin on rows that are rare keeps to its 2.5 % (tolerance: 3 standard errors)."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        y = rng.integers(0, 2, 50)
        b = y.copy()
        a = np.where(rng.random(50) < 0.05, 1 - y, y)
        wrong += stats.compare(y, a, b, "accuracy", margin=0.02, resamples=200).verdict in ("better", "not worse")
    assert wrong / 400 <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / 400)


@pytest.mark.parametrize("guess", [SCORE, (SCORE > 0.5).astype(int).astype(str)])
def test_scores_and_labels_of_another_type_are_no_decisions(guess: np.ndarray) -> None:
    """Neither accuracy nor F1 takes them for a model that is always wrong."""
    right = (SCORE > 0.5).astype(int)
    for call in (
        lambda: stats.metric_interval(Y, guess, "accuracy"),
        lambda: stats.compare(Y, guess, right, "accuracy"),
        lambda: stats.metric_interval(Y, guess, "f1"),
    ):
        with pytest.raises(InvalidInput, match="predictions are labels as y has them"):
            call()
    assert stats.metric_interval(np.array(["a", "b"] * 20), np.array(["c"] * 40), "accuracy").value == 0


def test_endless_and_textual_numbers_are_refused() -> None:
    """Infinite errors and text are named, not carried into limits."""
    with pytest.raises(InvalidInput, match="predictions has 1 missing or infinite values"):
        stats.metric_interval(TARGET, np.append(TARGET[1:], np.inf), "mae")
    with pytest.raises(InvalidInput, match="predictions hold numbers"):
        stats.metric_interval(Y, np.array(["high"] * len(Y)), "roc_auc")


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_few_rows_of_a_class_have_no_interval(metric: str) -> None:
    """An area that rests on three positive rows of a hundred has none, nor has a difference, and neither is better."""
    y, score = np.arange(100) % 34 == 0, np.arange(100.0)
    found = stats.compare(y, score + 1000 * y, score, metric)
    assert found.a.reason == found.gain.reason == "only 3 of 100 rows have the label True; about 200 rows would do"
    assert (found.verdict, stats.metric_interval(y[:30], score[:30], "accuracy").conclusive) == ("inconclusive", True)


def test_all_against_nothing_differs_by_as_much_as_the_rows_allow() -> None:
    """A model right on 20 rows against one wrong on all: limits either way round, not a difference of no width."""
    y = np.arange(20) % 2
    ahead, behind = (stats.compare(y, *both, "accuracy").gain for both in ((y, 1 - y), (1 - y, y)))
    assert [ahead.low, -behind.high] == pytest.approx([1 - 2 * (1 - 0.025 ** (1 / 20))] * 2)


def test_one_class_has_no_area() -> None:
    """An AUC of one class is nan with the reason, never a number."""
    found = stats.metric_interval(np.zeros(50, int), SCORE[:50], "roc_auc")
    assert (math.isnan(found.value), found.reason) == (True, "the measure is undefined on these rows")


@pytest.mark.parametrize(
    ("y", "guess", "metric", "message"),
    [
        ([0, 1], [0.2, 1.2], "log_loss", "probabilities lie in"),
        ([0, 1], [[0.2, 0.2], [0.5, 0.5]], "brier", "sum to one, got 0.4"),
        ([0, 1, 2], [0.2, 0.3, 0.1], "roc_auc", "two classes, y has 3"),
        ([0, 1], [0.2], "mae", "need 2 rows"),
        ([0.0, np.nan], [0.2, 0.1], "mae", "1 missing values"),
        ([0, 1], [0.2, 0.3], "f1", "predictions are labels as y has them"),
        ([0, 1], [0, 1], "f1_mcro", "there is no metric 'f1_mcro'; did you mean 'f1_micro' or 'f1_macro'"),
        ([0, 1], [0, 1], 3, "metric is a name such as 'roc_auc' or a function"),
        ([0, 1, 2], [0, 1, 1], "f1", "f1 cannot be computed of these predictions"),
        (["x", "x"], [0.2, 0.3], "log_loss", "name them all with labels="),
        (
            [1.0, 2.0],
            [0.0, 1.0],
            "mean_poisson_deviance",
            "mean_poisson_deviance cannot be computed of these predictions",
        ),
        ([-3.0, 2.0], [0.0, 1.0], "rmsle", "rmsle cannot be computed of these predictions"),
        ([0, 1], [0.2, 0.3], "silhouette_score", "there is no metric 'silhouette_score'"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(
    y: list[object], guess: list[object], metric: str, message: str
) -> None:
    """Each mistake is named with what came."""
    with pytest.raises(InvalidInput, match=message):
        stats.metric_interval(y, guess, metric)


def test_wilson_agrees_with_scipy() -> None:
    """Limits are scipy's for every count of 0 to 12."""
    for k in range(13):
        theirs = scipy_stats.binomtest(k, 12).proportion_ci(0.9, method="wilson")
        found = stats.wilson(k, 12, 0.9)
        assert [found.low, found.high] == pytest.approx([theirs.low, theirs.high], abs=1e-9)
