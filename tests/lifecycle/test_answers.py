"""Quality of captured answers: nothing that was labelled goes unsaid, whatever the model, the scope or its data."""

from __future__ import annotations

import uuid
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle.records import UnknownCriterion

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(300, 2)), columns=["a", "b"]).assign(group=RNG.integers(0, 2, 300))
CLASSES = (X["a"] > 0).to_numpy().astype(int)
NUMBERS = X["a"].to_numpy() * 2.0
WRONG = X.assign(a=-X["a"])
PILOT: dict[str, Any] = {"override_until": "2100-01-01", "message": "pilot"}
ALARMS = ("warn", "fail", "error")


class Threshold:
    """A model that is kept as a pickle: loading it needs trust."""

    def predict(self, frame: Any) -> Any:
        """Say whether the first column is positive."""
        return (np.asarray(frame)[:, 0] > 0).astype(int)


class Scoring(Threshold):
    """A pickle that can give scores, too, which the service does not ask unless told to."""

    classes_ = np.array([0, 1])

    def predict_proba(self, frame: Any) -> Any:
        """Score by the first column."""
        score = 1 / (1 + np.exp(-np.asarray(frame, dtype=float)[:, 0]))
        return np.column_stack([1 - score, score])


def linear(y: Any = CLASSES) -> Any:
    """Return a classifier that needs no trust."""
    return LogisticRegression().fit(X, y)


def checked(
    model: Any, y: Any, labels: Any = None, *, criteria: Any = None, rows: Any = WRONG, ids: Any = None,
    method: str = "predict", evaluate: bool = False, test: Any = None, drop: str | None = None,
) -> mc.Evaluation:  # fmt: skip
    """Serve rows, label them, and return what a check finds."""
    project = mc.open(f"memory://{uuid.uuid4().hex}", create=True)
    data = project.datasets.add("train", X.assign(y=list(y)), target="y")
    if test is not None:
        project.datasets.add("test", test.assign(y=list(y)), target="y")
    if criteria is not None:
        project.scope.set(objective="o", criteria=criteria, test="train" if test is None else "test")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mc.errors.MlcycleWarning)
        project.models.register("m", model, uses=[data], example=X[:5])
    if evaluate:
        project.models["m@1"].evaluate("train", trust=True)
    shop = project.deployments.open("shop")
    shop.route("m@1", **PILOT)
    with shop.serve(follow=0, trust=True) as service:
        getattr(service, method)(rows, ids=range(len(rows)))
    shop.label(range(len(rows)) if ids is None else ids, list(y if labels is None else labels)[: len(rows)])
    if drop is not None:
        project.store.drop(drop)
    report = shop.check()
    assert (str(report), report._repr_html_()) != ("", "")
    assert shop.evaluations() == [report]
    noted = any(one.check == "monitoring" for one in project.status().phases["deployment"])
    assert noted == any(one.verdict in ALARMS for one in report.findings)
    return report


def quality(report: mc.Evaluation) -> list[mc.Result]:
    """Return the findings about quality."""
    return [one for one in report.findings if one.look == "quality"]


ACCURATE = mc.AtLeast("accuracy", 0.9)


@pytest.mark.parametrize("model", [Threshold(), linear()], ids=["pickle", "data"])
@pytest.mark.parametrize(
    "criteria", [[ACCURATE], [mc.AtLeast("accuracy", 0.9, slices=["group"])]], ids=["all", "slices"]
)
def test_captured_answers_are_judged_by_criteria(model: Any, criteria: Any) -> None:
    """Nothing is loaded for it: a model that needs trust is judged as any other, over all rows or slice by slice."""
    found = quality(checked(model, CLASSES, criteria=criteria))
    assert [(one.verdict, "no longer meets" in one.detail) for one in found] == [("fail", True)] * len(found)
    assert len(found) == (2 if criteria[0].slices else 1)
    assert quality(checked(model, CLASSES, criteria=criteria, rows=X)) == []


@pytest.mark.parametrize("model", [Threshold(), linear()], ids=["pickle", "data"])
@pytest.mark.parametrize(
    "criteria",
    [
        None,
        [],
        [mc.NotWorseThan("production", "accuracy", margin=0.05)],
        [UnknownCriterion({"type": "Calibrated"})],
    ],
)
def test_what_nothing_is_held_against_is_said(model: Any, criteria: Any) -> None:
    """Without a criterion or an evaluation the value stands in the report, as a warning."""
    report = checked(model, CLASSES, 1 - model.predict(X), criteria=criteria, rows=X)
    [finding] = quality(report)
    assert (finding.verdict, finding.phase) == ("warn", "scope")
    assert finding.detail.startswith("quality: accuracy 0.00 [0, 0.013], not judged: no criterion")
    assert finding.n == 300


@pytest.mark.parametrize(
    ("model", "y", "labels"),
    [
        (linear(), CLASSES, CLASSES),
        (Threshold(), CLASSES, CLASSES),
        (LinearRegression().fit(X, NUMBERS), NUMBERS, NUMBERS),
    ],
    ids=["data", "pickle", "regressor"],
)
def test_an_evaluation_is_what_quality_is_held_against(model: Any, y: Any, labels: Any) -> None:
    """The difference has an interval and a margin: a fall is a warning, no fall is none."""
    [finding] = quality(checked(model, y, labels, evaluate=True))
    assert (finding.verdict, "comes short of" in finding.detail) == ("warn", True)
    assert finding.high < finding.threshold
    assert [
        one.verdict for one in quality(checked(model, y, labels, evaluate=True, rows=X)) if one.verdict in ALARMS
    ] == []


def test_a_comparison_that_was_evaluated_is_held_against(project: mc.Project) -> None:
    """Of an evaluation by a relative criterion the value of the version itself counts."""
    project.datasets.add("d", X.assign(y=CLASSES), target="y")
    project.scope.set(objective="o", criteria=[mc.NotWorseThan("production", "roc_auc", margin=0.1)], test="d")
    for C in (0.01, 1.0):
        project.models.register("m", LogisticRegression(C=C).fit(X, CLASSES), uses=["d"], example=X[:5])
    project.models["m@1"].promote("production", message="the first", override_until="7d")
    project.models["m@2"].evaluate()
    shop = project.deployments.open("shop")
    shop.route("m@2", **PILOT)
    with shop.serve() as service:
        service.predict_proba(WRONG, ids=range(300))
        service.label(range(300), CLASSES)
    [finding] = quality(shop.check())
    assert finding.detail.startswith("m@2 comes short of roc_auc not worse than")


@pytest.mark.parametrize(
    ("model", "y", "labels"),
    [
        (linear(), CLASSES, CLASSES.astype(bool)),
        (linear(), CLASSES, CLASSES.astype(float)),
        (linear(CLASSES > 0), CLASSES > 0, CLASSES),
        (linear(np.where(CLASSES, "yes", "no")), np.where(CLASSES, "yes", "no"), np.where(CLASSES, "yes", "no")),
    ],
    ids=["flags", "floats", "model of flags", "text"],
)
@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_labels_equal_answers_of_the_same_meaning(model: Any, y: Any, labels: Any, metric: str) -> None:
    """1, 1.0 and True are one answer."""
    criteria = [mc.AtLeast(metric, 0.9)]
    assert [one.verdict for one in quality(checked(model, y, labels, criteria=criteria))] == ["fail"]
    assert quality(checked(model, y, labels, criteria=criteria, rows=X)) == []


@pytest.mark.parametrize("criteria", [None, [ACCURATE]])
def test_labels_of_another_type_are_said_not_counted_as_wrong(criteria: Any) -> None:
    """Text "1" never equals 1: that is a fault of the labels."""
    [finding] = quality(checked(linear(), CLASSES, np.where(CLASSES, "1", "0"), criteria=criteria, rows=X))
    assert finding.verdict == "error"
    assert "the labels are text such as '1' and the answers numbers such as" in finding.detail


def test_scores_are_judged_where_they_were_captured() -> None:
    """A criterion on scores that were not captured is said, and the answers are given without it."""
    tree = DecisionTreeClassifier(max_depth=2).fit(X, CLASSES)
    for model in (linear(), tree):
        [finding] = quality(checked(model, CLASSES, criteria=[mc.AtMost("log_loss", 0.5)], method="predict_proba"))
        assert finding.verdict == "fail"


SCORES = [
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier_score",
    "roc_auc_ovr",
    "top_k_accuracy",
    "d2_log_loss_score",
]


@pytest.mark.parametrize("metric", SCORES)
def test_scores_that_were_not_captured_are_told_from_scores_there_are_none_of(metric: str) -> None:
    """Advice can be followed: a model that has scores can be asked for them, another is judged by its labels."""
    kind = mc.AtMost if metric in ("log_loss", "brier_score") else mc.AtLeast
    for model, said in (
        (Scoring(), "no scores were captured"),
        (Threshold(), "which m@1 does not offer; use a metric"),
    ):
        found = quality(checked(model, CLASSES, criteria=[kind(metric, 0.5)]))
        assert [said in found[0].detail, "accuracy 0.00" in found[1].detail] == [True, True]
        assert "Error" not in found[0].detail
    [finding] = quality(checked(Scoring(), CLASSES, criteria=[mc.AtMost("log_loss", 0.5)], method="predict_proba"))
    assert (finding.verdict, "no longer meets" in finding.detail) == ("fail", True)


def test_a_criterion_of_another_kind_is_a_finding() -> None:
    """Accuracy of numbers: named, and the usual metrics stand beside it; slices by what was not captured go."""
    found = quality(checked(LinearRegression().fit(X, NUMBERS), NUMBERS, criteria=[mc.AtLeast("accuracy", 0.5)]))
    assert [one.detail.split(" ")[0] for one in found] == ["accuracy", "quality:", "quality:"]
    found = quality(checked(linear(), CLASSES, criteria=[mc.AtLeast("accuracy", 0.5, slices=["y"])]))
    assert found[0].detail.startswith("m@1 no longer meets accuracy ≥ 0.5: ")


@pytest.mark.parametrize("count", [1, 7])
def test_few_labels_are_no_alarm(count: int) -> None:
    """Their value is given, and that it is too little."""
    report = checked(linear(), CLASSES, 1 - linear().predict(X), rows=X[:count])
    assert {one.verdict for one in report.findings} <= {"inconclusive", "not_applicable"}
    assert [one.n for one in quality(report)] == [count]


def test_labels_of_unknown_ids_are_counted() -> None:
    """Nothing can be judged by them, and that is said."""
    report = checked(linear(), CLASSES, ids=[f"other {i}" for i in range(300)])
    assert "300 labels have ids that no prediction of this window has" in str(report)


def test_several_targets_are_right_where_each_is() -> None:
    """Accuracy over rows for classes, the usual metrics for numbers."""
    for y, model, name in (
        (np.column_stack([CLASSES, 1 - CLASSES]), DecisionTreeClassifier(max_depth=2), "accuracy 0.0"),
        (np.column_stack([NUMBERS, -NUMBERS]), LinearRegression(), "r2 -3"),
    ):
        assert name in quality(checked(model.fit(X, y), CLASSES, y.tolist()))[0].detail


class Endless:
    """A regressor that lost its bounds."""

    def predict(self, frame: Any) -> Any:
        """Say half, or without end."""
        return np.where(np.asarray(frame)[:, 0] > 2, np.inf, 0.5)


def test_a_metric_that_has_no_value_is_said() -> None:
    """Answers no metric can be computed of are a finding, not silence."""
    [finding] = quality(checked(Endless(), CLASSES, NUMBERS, rows=X))
    assert (finding.verdict, "values that are not finite" in finding.detail) == ("error", True)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"test": X[["a"]]}, "prediction drift"),
        ({"test": X.assign(group=pd.array([None] + [True] * 299, dtype="boolean"))}, "prediction drift"),
        ({"test": X, "drop": "dataset:test@1"}, "prediction drift"),
    ],
    ids=["a missing column", "a null boolean", "a dropped test"],
)
def test_a_part_that_does_not_fit_is_a_finding_of_the_report(changes: Any, part: str) -> None:
    """The other parts are looked at all the same."""
    report = checked(linear(), CLASSES, criteria=[ACCURATE], **changes)
    [finding] = [one for one in report.findings if one.look == part]
    assert (finding.verdict, finding.detail.startswith(f"{part} could not be looked at: ")) == ("error", True)
    assert [one.verdict for one in quality(report)] == ["fail"]
    table = report.frame().set_index("look")
    assert table.loc[part, "verdict"] == "error"


def test_damaged_data_is_a_finding(project: mc.Project) -> None:
    """Inputs are then not compared, and the rest of the report stands."""
    project.datasets.add("d", X.assign(y=CLASSES), target="y")
    project.models.register("m", linear(), uses=["d"], example=X[:5])
    shop = project.deployments.open("shop")
    shop.route("m@1", **PILOT)
    with shop.serve() as service:
        service.predict(X)
    for path in (Path(project.store.url.removeprefix("file://")) / "tables").rglob("*.parquet"):
        path.chmod(0o644)
        path.write_bytes(b"damaged")
    kinds = {one.look: one.detail for one in shop.check().findings}
    assert kinds["data drift"].startswith("data drift could not be looked at: tables/")
