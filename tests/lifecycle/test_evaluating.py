"""Evaluation end to end: a criterion and a check of a user's own, datasets and runs, and what a check may ask for."""

from __future__ import annotations

import pickle
import uuid
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors, records
from mlcycle.lifecycle.evaluation import context_of
from tests.checks.toys import Below, Between, Imbalance
from tests.lifecycle.conftest import begin, fitted


def test_a_users_own_criterion_guards_the_gate(project: mc.Project, cells: pd.DataFrame) -> None:
    """One class: set in the scope, judged, loosened only with a word, and in the way of a promotion."""
    first, train = begin(project, cells)
    near, far = Between("recall", 0.9, 1.0), Between("recall", 0.1, 0.4)
    scope = project.scope.set(criteria=[*project.scope.get().criteria, near])
    assert scope.criteria[-1] == mc.open(project.store.url).scope.get().criteria[-1] == near
    first.evaluate("cells.test")
    assert first.promote().allowed
    with pytest.raises(
        errors.GateBlocked, match=r"recall from 0\.9 to 1 would become recall from 0\.8 to 1, which is looser"
    ):
        project.scope.set(criteria=[Between("recall", 0.8, 1.0)])
    project.scope.set(criteria=[*project.scope.get().criteria, far])
    X, y = train.xy()
    second = project.models.register("tumour", fitted(X, y, C=0.5), uses=[train])
    found = second.evaluate("cells.test")
    assert [one.verdict for one in found.results][-2:] == ["pass", "fail"]
    with pytest.raises(errors.GateBlocked, match=r"recall from 0\.1 to 0\.4 failed"):
        second.promote()


def test_a_users_own_check_is_asked_of_a_dataset(project: mc.Project) -> None:
    """One class: by ref or record; what was found is kept, and is no use of a test set."""
    frame = pd.DataFrame({"x": range(6), "y": [0, 1, 1] * 2})
    version = project.datasets.add("d", frame, target="y")
    for asked in (project.datasets["dataset:d@1"], project.datasets["d"], version):
        found = asked.evaluate(checks=[Imbalance(most=1.5)])
        assert (found.subject, found.data, found.verdict) == ("dataset:d@1", "d@1", "fail")
        assert [one.value for one in found.results] == [2.0, None]
        assert {one.subject for one in found.results} == {"dataset:d@1"}
        assert (found.uses_of_test, found.scope, found.overlap) == (0, None, {})
    assert project.history()["what"].iloc[-1] == "evaluated d@1 on d@1: fail"
    assert project.models.evaluations() == []
    with pytest.raises(
        errors.InvalidInput, match=r"say what to ask of it: project.datasets\['d@1'\].evaluate\(checks=\[…\]\)"
    ):
        version.evaluate()


def test_a_metric_of_a_dataset_is_an_error_in_words(project: mc.Project) -> None:
    """A criterion given by hand is judged like any, and says what it is measured of."""
    project.datasets.add("d", pd.DataFrame({"y": [0, 1]}), target="y")
    [found] = project.datasets["d"].evaluate(checks=[mc.AtLeast("accuracy", 0.5)]).results
    assert (found.verdict, found.detail) == ("error", "accuracy ≥ 0.5 is asked of a model, and d@1 is a dataset")


def test_a_check_is_asked_of_a_run(project: mc.Project) -> None:
    """Its code and environment can be asked for; data only where some was named."""

    def is_known(subject: str, context: Any) -> Any:
        yield context.code.of(subject) is not None
        yield context.code.environment(subject).python.startswith("3.")

    with project.experiments.open("trees").start() as run:
        run.log({"f1": 0.5})
    found = project.runs[run.id[:20]].evaluate(checks=[is_known])
    assert (found.subject, found.data, found.verdict) == (f"run:{run.id}", None, "pass")
    [run_record] = project.experiments["trees"].runs()
    assert run_record.evaluate(checks=[is_known]).subject == f"run:{run.id}"
    [asked] = project.runs[run.id].evaluate(checks=[lambda subject, context: context.data.load()]).results
    assert "there is no data to judge on" in asked.detail
    with pytest.raises(errors.NotFound, match="no run begins with 'ffff'"):
        project.runs["ffff"].evaluate(checks=[is_known])


def test_a_run_may_be_given_as_it_stands_open(project: mc.Project) -> None:
    """As to `models.register`, while it goes on and afterwards."""
    with project.experiments.open("trees").start() as run:
        going = project.runs[run].evaluate(checks=[lambda subject, context: True])
    after = project.runs[run].evaluate(checks=[lambda subject, context: True])
    assert going.subject == after.subject == f"run:{run.id}"


def test_what_is_not_a_model_is_not_found_among_models(project: mc.Project) -> None:
    """Whatever else is called so: it is judged where it stands, data by itself and traffic by a check."""
    data = project.datasets.add("fair", pd.DataFrame({"y": [0, 1]}), target="y")
    project.deployments.open("shop")
    for ref, kind in (("deployment:shop", "deployment"), ("dataset:fair@1", "dataset"), (data, "dataset")):
        with pytest.raises(errors.InvalidInput, match=f"names a {kind}; a model is expected here"):
            project.models[ref]
    for ref in ("fair", "fair@1", "fare"):
        with pytest.raises(errors.NotFound, match=f"^no model is called '{ref[:4]}'"):
            project.models[ref]
    assert project.datasets["fair"].evaluate(checks=[mc.RowCount(at_least=2)]).verdict == "pass"


def test_nothing_to_ask_is_refused_before_any_hook(project: mc.Project) -> None:
    """Nobody is asked to pass what says nothing."""
    project.datasets.add("d", pd.DataFrame({"y": [0, 1]}))
    asked: list[mc.Event] = []
    watched = mc.open(project.store.url, hooks=[mc.before("evaluation", lambda event, context: asked.append(event))])
    for ref in ("d", "d@1"):
        with pytest.raises(errors.InvalidInput, match="say what to ask of it"):
            watched.datasets[ref].evaluate()
    assert asked == []
    watched.datasets["d"].evaluate(checks=[mc.RowCount(at_least=1)])
    assert len(asked) == 1


def test_a_users_own_criterion_about_rows_guards_its_data(project: mc.Project) -> None:
    """One class: judged by hand, set in the scope, and in the way of rows that break it; made stricter freely."""
    project.datasets.add("d", pd.DataFrame({"age": [3.0, 99.0]}))
    [found] = project.datasets["d"].evaluate(checks=[Below("age", 50)]).results
    assert (found.verdict, found.value, found.check, found.detail) == (
        "fail",
        0.5,
        "age below 50",
        "1 of 2 rows break it",
    )
    project.scope.set(criteria=[Below("age", 100, on="d")])
    project.scope.set(criteria=[Below("age", 99.5, on="d")])
    with pytest.raises(errors.GateBlocked, match=r"age below 99\.5 on d failed"):
        project.datasets.add("d", pd.DataFrame({"age": [3.0, 99.7]}))
    assert project.datasets.add("d", pd.DataFrame({"age": [4.0]})).number == 3


def test_a_criterion_nobody_measures_is_refused(project: mc.Project) -> None:
    """When the scope is set and when it is asked, with what to derive it from."""
    project.datasets.add("d", pd.DataFrame({"y": [0, 1]}))
    for act in (
        lambda one: project.scope.set(criteria=[one]),
        lambda one: project.datasets["d"].evaluate(checks=[one]),
    ):
        with pytest.raises(errors.InvalidInput, match=r"RowCriterion .*MetricCriterion"):
            act(records.DataCriterion(on="d"))


def test_a_model_knows_the_code_of_its_run(project: mc.Project, cells: pd.DataFrame) -> None:
    """That of the run it came from; none where it came from none."""
    session = project._session
    X, y = cells.drop(columns="target"), cells["target"]
    with project.experiments.open("trees").start() as run:
        run.save_model(fitted(X, y))
    run.register("tumour")
    project.models.register("tumour", fitted(X, y))
    code = context_of(session, session.view(), data=None).code
    assert code.of("model:tumour@1") == code.of("tumour@1") == code.of(f"run:{run.id}") is not None
    assert code.environment("model:tumour@1").digest
    assert (code.of("model:tumour@2"), code.environment("model:tumour@2")) == (None, None)
    with pytest.raises(
        errors.InvalidInput, match=r"code is kept of runs and of models, and 'dataset:d@1' is a dataset"
    ):
        code.of("dataset:d@1")


def test_a_candidate_stands_for_a_dataset_that_is_not_stored_yet(project: mc.Project) -> None:
    """It is the default and what its name means; versions that are there are read from the store."""
    project.datasets.add("d", pd.DataFrame({"x": [1], "y": [0]}), target="y")
    table = pa.table({"x": [1, 2, 3], "y": [0, None, 1]})
    candidate: Any = SimpleNamespace(table=table, roles={"target": "y"}, frame=table.to_pandas)
    session = project._session
    context = context_of(session, session.view(), data="dataset:d", candidates={"d": candidate})
    data = context.data
    assert data.default == "d"
    assert data.table() is data.table("dataset:d") is table
    assert [len(data.load()), len(data.load("d")), len(data.load("d@1")), len(data.target())] == [3, 3, 1, 2]
    frame = data.load()
    frame["x"] = 7
    frame.iloc[0, 0] = 8
    assert data.load()["x"].tolist() == [1, 2, 3]
    assert data.rows().X.columns.tolist() == ["x"]


def test_evaluations_of_other_things_travel(project: mc.Project) -> None:
    """They pickle, and print bare."""
    project.datasets.add("d", pd.DataFrame({"y": [0, 1]}), target="y")
    found = project.datasets["d"].evaluate(checks=[Imbalance(most=2)])
    assert pickle.loads(pickle.dumps(found)) == found
    assert str(found).splitlines()[0] == "d@1 on d@1: pass"
    assert isinstance(found, records.Evaluation)


def test_criteria_on_data_are_asked_of_the_dataset_they_name(project: mc.Project, cells: pd.DataFrame) -> None:
    """Of every version of it, and of no model: they stand in the way of no promotion."""
    first, _ = begin(project, cells)
    project.datasets.add("visits", pd.DataFrame({"id": [1, 2], "age": [7, 130]}))
    project.datasets.add("visits", pd.DataFrame({"id": [1, 2, 3], "age": [7, 13, None]}))
    asked = [mc.Unique("id", on="visits"), mc.InRange("age", 0, 120, on="visits"), mc.RowCount(at_least=3, on="visits")]
    scope = project.scope.set(criteria=[*project.scope.get().criteria, *asked])
    assert list(scope.criteria[-3:]) == asked
    found = {n: project.datasets[f"visits@{n}"].evaluate() for n in (1, 2)}
    assert [one.verdict for one in found[1].results] == ["pass", "fail", "fail"]
    assert [one.data for one in found[1].results] == ["visits@1"] * 3
    assert (found[2].verdict, found[2].scope, found[2].uses_of_test) == ("pass", scope.number, 0)
    first.evaluate("cells.test")
    assert first.promote().allowed
    with pytest.raises(errors.GateBlocked, match=r"id is unique on visits would be removed; project\.scope\.add"):
        project.scope.set(criteria=list(scope.criteria[:-3]))


@pytest.fixture
def sided() -> mc.Project:
    """Return a project with two versions of data that say opposite things, and a model of the first."""
    project = mc.open(f"memory://sided-{uuid.uuid4().hex}", create=True, author="ada")
    frame = pd.DataFrame({"x": [*range(60)], "late": [0] * 30 + [1] * 30})
    project.datasets.add("d", frame, target="late")
    project.datasets.add("d", frame.assign(late=1 - frame["late"]).head(50), target="late")
    model = DecisionTreeClassifier(max_depth=1).fit(frame[["x"]], frame["late"])
    project.models.register("m", model, example=frame[["x"]], uses=["d@2"])
    return project


def test_a_name_in_a_criterion_is_the_version_judged(sided: mc.Project) -> None:
    """The one it was first judged on: of another one nothing is asked, and results, data and overlap are its own."""
    sided.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.8, on="d")], test="d")
    first, second = (sided.models["m@1"].evaluate(f"d@{n}") for n in (1, 2))
    assert [(one.data, one.results[0].data, one.verdict, [*one.overlap]) for one in (first, second)] == [
        ("d@1", "d@1", "pass", []), ("d@2", "d@2", "not_applicable", ["d@2"]),
    ]  # fmt: skip
    assert second.detail == "no criterion is judged on d@2 (the scope judges on d@1)"


def test_a_version_in_a_criterion_is_no_other(sided: mc.Project) -> None:
    """What is asked on one version is not asked of another, of models and of rows."""
    asked = [mc.AtLeast("accuracy", 0.8, on="d@1"), mc.RowCount(at_least=60, on="d@1"), mc.Unique("x", on="d")]
    sided.scope.set(objective="o", criteria=asked)
    assert {one.verdict for one in sided.models["m@1"].evaluate("d@2").results} == {"not_applicable"}
    assert [one.check for one in sided.models["m@1"].evaluate("d@1").results] == ["accuracy ≥ 0.8 on d@1"]
    assert [one.check for one in sided.datasets["d@2"].evaluate().results] == ["x is unique on d"]
    assert len(sided.datasets["d@1"].evaluate().results) == 2


def test_criteria_on_rows_are_asked_of_the_subject(sided: mc.Project) -> None:
    """And of no other data that the scope speaks of."""
    sided.datasets.add("other", pd.DataFrame({"x": [1, 2, 3]}))
    sided.scope.set(objective="o", criteria=[mc.RowCount(at_least=20, on="d"), mc.RowCount(at_least=2, on="other")])
    [found] = sided.datasets["other"].evaluate().results
    assert (found.check, found.data, found.value, found.verdict) == ("at least 2 rows on other", "other@1", 3, "pass")


def test_a_criterion_that_cannot_be_read_guards_the_data_it_names(sided: mc.Project) -> None:
    """And no other: nobody is kept from adding what it does not name."""
    newer = [records.UnknownCriterion({"type": "Fresh", "on": "d"}), records.UnknownCriterion({"type": "Calibrated"})]
    sided.scope.set(objective="o", criteria=newer, test="d")
    rows = pd.DataFrame({"x": [1, 2, 3], "late": [0, 1, 1]})
    with pytest.raises(errors.GateBlocked, match=r"Fresh .*needs a newer mlcycle"):
        sided.datasets.add("d", rows, target="late")
    assert sided.datasets.add("other", rows).ref == "other@1"


def test_a_version_that_is_there_is_asked_of_no_candidate(sided: mc.Project) -> None:
    """What is asked on one version was answered by it."""
    sided.scope.set(objective="o", criteria=[mc.RowCount(at_least=60, on="d@1")])
    assert sided.datasets.add("d", pd.DataFrame({"x": [1], "late": [1]}), target="late").ref == "d@3"


def test_a_criterion_without_the_reference_it_needs_says_so(sided: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words, and not as an attribute that is not there."""
    needs = property(lambda self: frozenset(["data", "labels", "model", "reference"]))
    monkeypatch.setattr(mc.AtLeast, "needs", needs)
    sided.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.8)], test="d@1")
    [found] = sided.models["m@1"].evaluate().results
    assert found.verdict == "error"
    assert found.detail == "AtLeast needs a reference, and says none: reference='production'"
    with pytest.raises(errors.GateBlocked, match="AtLeast needs a reference"):
        sided.models["m@1"].promote()


def test_an_evaluation_says_why_no_criterion_was_asked(project: mc.Project, cells: pd.DataFrame) -> None:
    """There are criteria, and they are judged on other data: print, repr, table and frame say so."""
    version, train = begin(project, cells)
    said = "no criterion is judged on cells.train (the scope judges on cells.test@1)"
    found = version.evaluate(train)
    assert (str(found).partition(": ")[2].splitlines()[0], found.verdict) == (said, "not_applicable")
    assert f"verdict='{said[:57]}" in repr(found)
    assert said[:39] in repr(project.models.evaluations())
    assert mc.open(project.store.url).models.evaluations()[-1] == found
    project.datasets["cells"].split(test=0.3, seed=1)
    project.scope.set(test="cells.test@2", permanent=True, message="a new hospital")
    assert version.evaluate("cells.test@1").detail == (
        "no criterion is judged on cells.test@1 (the scope judges on cells.test@2)"
    )


def test_without_criteria_about_models_there_is_no_criterion_yet(project: mc.Project, cells: pd.DataFrame) -> None:
    """Criteria about data say nothing of a model."""
    train = project.datasets.add("cells", cells, target="target")
    version = project.models.register("tumour", fitted(*train.xy()))
    project.scope.set(criteria=[mc.RowCount(at_least=10)], test="cells.test")
    found = version.evaluate(train)
    assert str(found).startswith("tumour@1 on cells@1: no criterion yet\n")
    assert (found.detail, "verdict='no criterion yet'" in repr(found)) == ("", True)
