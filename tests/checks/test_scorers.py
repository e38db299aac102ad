"""Every scorer on what models really answer: scikit-learn's own value, or the reason in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.metrics import get_scorer, get_scorer_names, log_loss
from sklearn.multioutput import MultiOutputClassifier
from sklearn.svm import LinearSVC

from mlcycle.checks import EvaluationContext, EvaluationData, judge
from mlcycle.checks._fast_metrics import fast_metric
from mlcycle.checks._metric_case import MetricCase, metric_case
from mlcycle.checks._metrics import find_metric
from mlcycle.errors import InvalidInput
from mlcycle.records import AtLeast, AtMost
from mlcycle.stats.models import units_of
from tests.checks.contexts import context_of, on

Make = Callable[..., Any]
RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(150, 3)), columns=list("abc"))
SCORE = (X["a"] + 0.5 * RNG.normal(size=150)).to_numpy()
TWO, THREE = (SCORE > 0).astype(int), np.digitize(SCORE, [-0.5, 0.5])
YES, LEVEL = np.where(TWO, "yes", "no"), np.array(["low", "mid", "high"])[THREE]
MODELS: dict[str, tuple[Any, Any]] = {
    "two": (LogisticRegression(), TWO),
    "one and two": (LogisticRegression(), TWO + 1),
    "truth values": (LogisticRegression(), TWO.astype(bool)),
    "text": (LogisticRegression(), YES),
    "three": (LogisticRegression(), THREE),
    "three texts": (LogisticRegression(), LEVEL),
    "without probabilities": (LinearSVC(), TWO),
    "three without probabilities": (LinearSVC(), LEVEL),
    "numbers": (LinearRegression(), SCORE),
    "numbers above 0": (PoissonRegressor(), np.exp(SCORE)),
    "numbers for labels": (LinearRegression(), TWO),
    "clusters": (KMeans(3, n_init=1), LEVEL),
    "clusters without predict": (DBSCAN(), THREE),
    "outliers": (IsolationForest(n_estimators=5, random_state=0), 2 * TWO - 1),
    "no answers": (PCA(), TWO),
}
INSIDE = (
    "CachedClassifier",
    "CachedRegressor",
    "pos_label",
    "AttributeError",
    "ValueError",
    "TypeError",
    "average=",
    "multiclass",
    "bounds=",
)


def context_with(model: Any, y: Any, frame: pd.DataFrame = X) -> EvaluationContext:
    """Return a context_for over one dataset and one model."""
    return context_of(
        lambda ref: EvaluationData(ref, frame.reset_index(drop=True), frame.reset_index(drop=True), y),
        lambda ref: model,
    )


def _case(name: str, context: EvaluationContext) -> MetricCase:
    """Return a metric of the model on the dataset."""
    return metric_case(find_metric(name), context.data.rows(), ("m@1", context.models.cached("m@1")))


def value_of(name: str, model: Any, y: Any) -> float:
    """Return a metric's value as criteria see it, without an interval."""
    case = _case(name, context_with(model, y))
    n = len(case.ours.y)
    return fast_metric(case.metric, case.ours.cached, case.ours.y, np.arange(n), units_of(n)).shown


def _or_error(compute: Callable[[], Any]) -> tuple[float, str]:
    try:
        return float(compute()), ""
    except Exception as error:  # noqa: BLE001 - scikit-learn's are of all kinds
        return np.nan, f"{type(error).__name__}: {error}" if not isinstance(error, InvalidInput) else str(error)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", MODELS)
def test_every_scorer_has_scikit_learns_value_or_a_reason(kind: str) -> None:
    """Where scikit-learn's scorer gives a number, so do criteria, the same; else they say why in their own terms."""
    model, y = MODELS[kind]
    model.fit(X, y)
    for name in sorted(get_scorer_names()):
        expected, _ = _or_error(lambda name=name: get_scorer(name)(model, X, y))  # type: ignore[misc]
        actual, reason = _or_error(lambda name=name: value_of(name, model, y))  # type: ignore[misc]
        assert not [word for word in INSIDE if word in reason], reason
        assert not reason or name in reason or "m@1" in reason
        if np.isfinite(expected):
            assert actual == pytest.approx(expected), (name, reason)


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind not in ("no answers", "clusters without predict")])
def test_advice_can_be_followed(kind: str) -> None:
    """Every metric that is named in place of another has a value on the same model and rows."""
    model, y = MODELS[kind]
    model.fit(X, y)
    reasons = [_or_error(lambda name=name: value_of(name, model, y))[1] for name in get_scorer_names()]  # type: ignore[misc]
    known = {*get_scorer_names(), "rmse", "mean_absolute_error"}
    advised = {name for one in reasons for name in re.findall(r"[a-z0-9_]+", one.partition("; use ")[2])} & known
    assert advised
    assert {name: said for name in advised if (said := _or_error(lambda name=name: value_of(name, model, y))[1])} == {}  # type: ignore[misc]


@pytest.mark.parametrize("name", ["f1", "precision", "recall", "jaccard", "average_precision", "neg_brier_score"])
def test_of_two_texts_the_second_is_positive(name: str) -> None:
    """Labels that are text give the value of the same labels as 0 and 1, and the result says which is positive."""
    numbers, texts = (LogisticRegression().fit(X, y) for y in (TWO, YES))
    [expected] = judge(AtLeast(name, 0.5), "m@1", context_with(numbers, TWO))
    [actual] = judge(AtLeast(name, 0.5), "m@1", context_with(texts, YES))
    assert (actual.value, actual.low, actual.high) == (expected.value, expected.low, expected.high)
    assert ("the positive class is 'yes'" in actual.detail) == (name != "neg_brier_score")
    assert "positive" not in expected.detail


def test_the_fast_form_knows_the_positive_class() -> None:
    """With labels 1 and 2 the positive one is 1, as in scikit-learn, also on resamples."""
    model, y = LogisticRegression().fit(X, TWO + 1), TWO + 1
    context, drawn = context_with(model, y), RNG.integers(0, 150, 150)
    for name in ("f1", "precision", "recall", "jaccard", "average_precision"):
        case = _case(name, context)
        found = fast_metric(case.metric, case.ours.cached, case.ours.y, np.arange(150), units_of(150))
        assert found.measure is None
        assert on(found, 150, drawn) == pytest.approx(get_scorer(name)(model, X.iloc[drawn], y[drawn]))


@pytest.mark.parametrize(
    ("criterion", "lacking", "value"),
    [
        (AtMost("log_loss", 2), "high", True),
        (AtMost("brier_score", 1), "high", True),
        (AtLeast("top_k_accuracy", 0.5), "high", True),
        (AtLeast("f1_macro", 0.5), "high", True),
        (AtLeast("balanced_accuracy", 0.5), "high", True),
        (AtLeast("matthews_corrcoef", 0.5), "high", True),
        (AtLeast("roc_auc_ovo", 0.5), "high", True),
        (AtLeast("d2_log_loss_score", 0.1), "high", True),
        (AtLeast("roc_auc_ovr", 0.5), "high", False),
        (AtLeast("average_precision", 0.5), "high", False),
    ],
    ids=str,
)
def test_rows_that_lack_a_class(criterion: Any, lacking: str, value: bool) -> None:
    """Metrics are computed with all classes of the model; what needs a row of each names the one that lacks."""
    kept = lacking != LEVEL
    [result] = judge(criterion, "m@1", context_with(LogisticRegression().fit(X, LEVEL), LEVEL[kept], X[kept]))
    assert (result.value is not None) == value, result
    if not value:
        assert f"is undefined on these {kept.sum()} rows: none has the label high" in result.detail


def test_log_loss_of_one_class_is_known_in_a_slice_too() -> None:
    """On rows of one class the log loss is that of the model's probabilities for it."""
    model = LogisticRegression().fit(X, YES)
    frame = X.assign(region=YES)
    context = context_with(model, YES, frame)
    context.data.read = lambda ref: EvaluationData(ref, frame, X, YES)
    found = judge(AtMost("log_loss", 2, slices="region"), "m@1", context)
    for result, label in zip(found, ("no", "yes"), strict=True):
        kept = label == YES
        expected = log_loss(YES[kept], model.predict_proba(X[kept]), labels=["no", "yes"])
        assert (result.slice, result.value) == (f"region={label}", pytest.approx(expected))


@pytest.mark.parametrize("fitted", ["int64", "float64", "bool"])
@pytest.mark.parametrize("given", ["int64", "float64", "bool", "Int64", "boolean", "object"])
def test_labels_that_say_the_same_are_the_same(fitted: str, given: str) -> None:
    """1, 1.0 and True are one label in data and model, whichever of them either has."""
    model, y = LogisticRegression().fit(X, TWO.astype(fitted)), pd.Series(TWO).astype(given)
    for name in ("accuracy", "f1", "roc_auc", "neg_log_loss", "average_precision"):
        expected = get_scorer(name)(LogisticRegression().fit(X, TWO), X, TWO)
        assert value_of(name, model, y) == pytest.approx(expected)


@pytest.mark.parametrize("missing", [None, pd.NA, np.nan])
def test_targets_with_missing_truth_values(missing: Any) -> None:
    """A truth value that is missing leaves its row out; the others stay truth values."""
    labels = TWO.astype(bool).astype(object)
    labels[:3] = missing
    y = pd.Series(labels, dtype="boolean" if missing is pd.NA else "object")
    [result] = judge(AtLeast("f1", 0.5), "m@1", context_with(LogisticRegression().fit(X, TWO), y))
    assert (result.n, "3 rows without a label left out" in result.detail) == (147, True)
    assert result.value is not None


def test_labels_the_model_does_not_know() -> None:
    """A new label is a mistake where labels are compared, and named where a score for it is needed."""
    y = YES.astype(object)
    y[:5] = "maybe"
    context = context_with(LogisticRegression().fit(X, YES), y)
    model = LogisticRegression().fit(X, YES)
    assert value_of("accuracy", model, y) == pytest.approx((model.predict(X) == y).mean())
    for metric in ("neg_log_loss", "roc_auc", "average_precision", "neg_brier_score"):
        [result] = judge(AtLeast(metric, -1), "m@1", context)
        assert "maybe" in result.detail or "3 here" in result.detail
        assert result.value is None


def test_models_of_several_outputs_and_broken_answers_are_errors_in_words() -> None:
    """Two answers a row, answers that are not finite, and a predict that fails are each named."""
    model = MultiOutputClassifier(LogisticRegression()).fit(X, np.column_stack([TWO, TWO]))
    [several] = judge(AtLeast("accuracy", 0.5), "m@1", context_with(model, TWO))
    assert (several.verdict, "answers 2 values a row, and d@1 has one target" in several.detail) == ("error", True)

    class Endless:
        """A regressor whose answers are not finite here and there."""

        def predict(self, rows: Any) -> Any:
            return np.where(np.arange(len(rows)) < 2, np.inf, 0.5)

    [endless] = judge(AtMost("rmse", 0.5), "m@1", context_with(Endless(), SCORE))
    assert "m@1 answers values that are not finite on 2 of the 150 rows of d@1" in endless.detail
    [narrow] = judge(AtLeast("accuracy", 0.5), "m@1", context_with(LogisticRegression().fit(X[["a", "b"]], TWO), TWO))
    assert "the model's predict failed on these rows" in narrow.detail


def test_single_rows_and_slices_of_nothing(context_for: Make, scored: Make) -> None:
    """One row, and slices of a column that is empty for most rows, are judged or said to be too few."""
    [single] = judge(AtLeast("accuracy", 0.5), "m@1", context_for({"m@1": scored([0.9])}, np.array([1])))
    assert (single.value, single.verdict) == (1.0, "inconclusive")
    [one] = judge(AtLeast("r2", 0.5), "m@1", context_with(LinearRegression().fit(X, SCORE), SCORE[:1], X[:1]))
    assert "undefined on a single row" in one.detail
    y, region = np.arange(60) % 2, [None] * 58 + ["A", "B"]
    found = judge(AtLeast("f1", 0.5, slices="region"), "m@1", context_for({"m@1": scored(y * 0.9)}, y, region=region))
    assert [(one.slice, one.n) for one in found] == [("region=A", 1), ("region=B", 1), ("region missing", 58)]
    assert {one.verdict for one in found[:2]} == {"inconclusive"}
