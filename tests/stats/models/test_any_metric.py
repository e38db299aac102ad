"""Any metric: scikit-learn's scorers and functions by name, and functions of one's own, against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats.models._metric_names import metric_named

RNG = np.random.default_rng(3)
Y = RNG.integers(0, 2, 200)
SCORE = np.round(0.3 * Y + 0.7 * RNG.random(200), 2)
SAID = (SCORE > 0.5).astype(int)
THREE = RNG.integers(0, 3, 200)
TABLE = RNG.dirichlet([1, 1, 1], 200)
TARGET = RNG.uniform(1, 2, 200)
GUESS = TARGET * RNG.uniform(0.8, 1.2, 200)
CASES: dict[str, tuple[Any, Any, Any]] = {
    **{name: (Y, SAID, getattr(sk, f"{name}_score")) for name in ("f1", "precision", "recall", "jaccard")},
    "balanced_accuracy": (Y, SAID, sk.balanced_accuracy_score),
    "matthews_corrcoef": (Y, SAID, sk.matthews_corrcoef),
    "average_precision": (Y, SCORE, sk.average_precision_score),
    "average_precision_score": (Y, SCORE, sk.average_precision_score),
    "f1_macro": (THREE, TABLE.argmax(axis=1), lambda y, p: sk.f1_score(y, p, average="macro")),
    "cohen_kappa_score": (THREE, TABLE.argmax(axis=1), sk.cohen_kappa_score),
    "hamming_loss": (Y, SAID, sk.hamming_loss),
    "roc_auc_ovr": (THREE, TABLE, lambda y, p: sk.roc_auc_score(y, p, multi_class="ovr")),
    "top_k_accuracy": (THREE, TABLE, sk.top_k_accuracy_score),
    "r2": (TARGET, GUESS, sk.r2_score),
    "r2_score": (TARGET, GUESS, sk.r2_score),
    "explained_variance": (TARGET, GUESS, sk.explained_variance_score),
    "median_absolute_error": (TARGET, GUESS, sk.median_absolute_error),
    "max_error": (TARGET, GUESS, sk.max_error),
    "rmsle": (TARGET, GUESS, sk.root_mean_squared_log_error),
    "mean_poisson_deviance": (TARGET, GUESS, sk.mean_poisson_deviance),
    "neg_root_mean_squared_error": (TARGET, GUESS, lambda y, p: -sk.root_mean_squared_error(y, p)),
    "positive_likelihood_ratio": (Y, SAID, lambda y, p: sk.class_likelihood_ratios(y, p)[0]),
}


@pytest.mark.parametrize("metric", CASES)
def test_a_name_gives_scikit_learns_value_with_limits_around_it(metric: str) -> None:
    """On all rows the value is scikit-learn's, and its standard error that of calling it on the same draws."""
    y, guess, reference = CASES[metric]
    found = stats.metric_interval(y, guess, metric, resamples=80)
    plain = stats.interval(lambda rows: reference(y[rows], guess[rows]), 200, resamples=80)
    assert (found.value, found.standard_error) == pytest.approx((plain.value, plain.standard_error), abs=1e-9)
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("metric", [name for name in CASES if "likelihood" not in name])
def test_the_better_of_two_is_better_whichever_way_the_metric_points(metric: str) -> None:
    """The truth itself against the guesses: not worse, and it is the winner."""
    y, guess, _ = CASES[metric]
    right = np.eye(3)[y] if guess.ndim == 2 else y
    found = stats.compare(y, right, guess, metric, resamples=40)
    assert found.gain.value > 0
    assert stats.best_of(y, {"guess": guess, "right": right}, metric, resamples=40).winner == "right"


def gain_of(y: Any, prediction: Any) -> float:
    """Return a score of one's own: 3 where all is right."""
    return float(3 * np.mean(y == prediction))


def own_loss(y: Any, prediction: Any) -> float:
    """Return a loss of one's own."""
    return float(np.mean(np.abs(y - prediction)))


def test_a_function_of_ones_own_will_do() -> None:
    """It gets arrays; whether more is better its name says; its range is found from answers all right and all wrong."""
    found = stats.metric_interval(Y, SAID, gain_of, resamples=200)
    assert found.value == pytest.approx(3 * (Y == SAID).mean())
    assert stats.metric_interval(Y, Y, gain_of).low == pytest.approx(3 * 0.025 ** (1 / 200))
    better = stats.compare(TARGET, TARGET, GUESS, own_loss)
    assert (better.verdict, better.metric) == ("better", "own_loss")
    assert better.gain.value == stats.compare(TARGET, TARGET, GUESS, "mae").gain.value
    assert stats.best_of(TARGET, {"a": GUESS, "b": TARGET}, own_loss, resamples=100).winner == "b"


def test_errors_of_a_function_of_ones_own_are_its_own() -> None:
    """On all rows they are passed on as they are."""
    with pytest.raises(ZeroDivisionError):
        stats.metric_interval(Y, SAID, lambda y, prediction: 1 / 0)


def test_text_labels_have_the_second_as_positive() -> None:
    """Labels that are text give the values of the same labels as 0 and 1."""
    texts, said = np.where(Y, "yes", "no"), np.where(SAID, "yes", "no")
    for metric in ("f1", "precision", "recall", "balanced_accuracy", "cohen_kappa_score"):
        one, other = (stats.metric_interval(y, p, metric, resamples=80) for y, p in ((Y, SAID), (texts, said)))
        assert [one.value, one.low, one.high] == pytest.approx([other.value, other.low, other.high])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("f1_mac", "there is no metric 'f1_mac'; did you mean 'f1_macro'"),
        ("fbeta_score", "there is no metric 'fbeta_score'"),
        ("confusion_matrix", "there is no metric 'confusion_matrix'"),
        ("roc_curve", "there is no metric 'roc_curve'"),
        (None, "metric is a name such as 'roc_auc' or a function of truth and prediction, got NoneType"),
    ],
)
def test_what_is_no_metric_says_what_is(name: Any, message: str) -> None:
    """With names that look alike; what needs more than truth and prediction, or returns no number, is none."""
    with pytest.raises(InvalidInput, match=message):
        metric_named(name)
