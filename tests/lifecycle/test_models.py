"""Models: versions, aliases, the gate, trust, and two people at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors
from mlcycle.lifecycle._operation import Operation
from tests.lifecycle.conftest import begin, fitted


class Custom(ClassifierMixin, BaseEstimator):
    """An estimator nobody vouches for."""

    def fit(self, X: Any, y: Any) -> Custom:
        """Learn the labels."""
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        """Say the first label."""
        return np.full(len(X), self.classes_[0])


def _weak(project: mc.Project, train: Any) -> mc.ModelVersion:
    X, y = train.xy()
    model = DecisionTreeClassifier(max_depth=1, random_state=0).fit(X, y)
    return project.models.register("tumour", model, uses=[train], example=X[:5])


def test_the_gate_blocks_with_reasons(project: mc.Project, cells: pd.DataFrame) -> None:
    """A weak model is blocked, the decision is kept, and an override passes."""
    _, train = begin(project, cells)
    weak = _weak(project, train)
    weak.evaluate()
    with pytest.raises(errors.GateBlocked, match='message="…", override_until="') as caught:
        weak.promote(message="smaller")
    assert not caught.value.decision.allowed
    assert project.models.aliases("tumour") == {"production": "tumour@1"}
    assert [decision.allowed for decision in weak.decisions()] == [False]
    decision = weak.promote(message="pilot in one ward", override_until="2099-01-01")
    assert decision.override is not None
    assert decision.override.author == "ada"
    assert project.models.aliases("tumour") == {"production": "tumour@2"}


def test_an_expired_override_does_not_count(project: mc.Project, cells: pd.DataFrame) -> None:
    """An override ends."""
    _, train = begin(project, cells)
    weak = _weak(project, train)
    weak.evaluate()
    with pytest.raises(errors.GateBlocked, match="ended 2020-01-01"):
        weak.promote(message="pilot", override_until="2020-01-01")


def test_no_evidence_is_no_pass(project: mc.Project, cells: pd.DataFrame) -> None:
    """Without an evaluation, or with one of an older scope or production, the gate says what to do."""
    _, train = begin(project, cells)
    X, y = train.xy()
    version = project.models.register("tumour", fitted(X, y, 0.5), uses=[train], example=X[:5])
    with pytest.raises(errors.GateBlocked, match=r"project\.models\['tumour@2'\]\.evaluate\("):
        version.promote()
    version.evaluate()
    third = project.models.register("tumour", fitted(X, y, 0.3), uses=[train], example=X[:5])
    third.evaluate()
    third.promote()
    with pytest.raises(errors.GateBlocked, match="production is tumour@3 now"):
        version.promote()


def test_evidence_seen_in_training_is_refused(project: mc.Project, cells: pd.DataFrame) -> None:
    """Rows the model was trained on prove nothing."""
    begin(project, cells)
    X, y = project.datasets["cells"].xy()
    leaky = project.models.register("tumour", fitted(X, y), uses=["cells@1"], example=X[:5])
    evaluation = leaky.evaluate()
    assert evaluation.overlap == {"cells@1": evaluation.results[0].n}
    with pytest.raises(errors.GateBlocked, match="was trained on"):
        leaky.promote()


def test_the_test_set_is_counted(project: mc.Project, cells: pd.DataFrame) -> None:
    """An evaluation says how many models have been judged on its rows; the same look again is no new one."""
    first, train = begin(project, cells)
    assert first.evaluate().uses_of_test == 1
    second = project.models.register("tumour", fitted(*train.xy()), uses=[train])
    assert second.evaluate().uses_of_test == 2
    assert first.evaluate().uses_of_test == 2
    assert [one.uses_of_test for one in project.models.evaluations()] == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([mc.AtMost("brier_score", 5)], "can never fail"),
        ([mc.AtLeast("accuracy", 95)], "did you mean 0.95"),
        ([mc.NotWorseThan("production", "accuracy", margin=5)], "can never fail"),
        ([mc.AtLeast("acuracy", 0.9)], "did you mean 'accuracy'"),
        ([None], "or a callable"),
        (["acuracy"], "did you mean 'accuracy'"),
        ("accuracy", "checks is a list"),
        (mc.AtLeast("accuracy", 0.9), "checks is a list"),
    ],
    ids=str,
)
def test_checks_that_ask_nothing_are_refused(project: mc.Project, cells: pd.DataFrame, given: Any, said: str) -> None:
    """What a scope would refuse is refused by hand, too, before any work; a stored scope stays readable."""
    project.datasets.add("cells", cells, target="target")
    project.models.register("tumour", fitted(cells.drop(columns="target"), cells["target"]), uses=["cells@1"])
    with pytest.raises(errors.InvalidInput, match=said):
        project.models["tumour@1"].evaluate("cells", checks=given)
    assert project.models["tumour@1"].evaluations() == []


def test_checks_of_ones_own(project: mc.Project, cells: pd.DataFrame) -> None:
    """Any callable is a check."""
    first, _ = begin(project, cells)

    def small(subject: str, context: Any) -> bool:
        return len(context.data.load()) < 10

    evaluation = first.evaluate(checks=[small])
    assert evaluation.results[-1].verdict == "fail"


def test_rollback_goes_to_what_was_not_rolled_back(project: mc.Project, cells: pd.DataFrame) -> None:
    """Rolling back twice goes back twice."""
    _, train = begin(project, cells)
    X, y = train.xy()
    for C in (0.5, 0.3):
        version = project.models.register("tumour", fitted(X, y, C), uses=[train], example=X[:5])
        version.evaluate()
        version.promote()
    assert project.models.rollback("tumour", message="worse").ref == "tumour@2"
    assert project.models.rollback("tumour").ref == "tumour@1"
    with pytest.raises(errors.NotFound, match="no earlier version"):
        project.models.rollback("tumour")
    history = project.history(of="model:tumour", kind=["promote", "rollback"])
    assert [what.partition("; ")[2] or what for what in history["what"]] == [
        "tumour@production → tumour@1",
        "tumour@production → tumour@2 (was tumour@1)",
        "tumour@production → tumour@3 (was tumour@2)",
        "tumour@production → tumour@2 (was tumour@3)",
        "tumour@production → tumour@1 (was tumour@2)",
    ]
    assert history["kind"].tolist() == ["model.promote"] * 3 + ["model.rollback"] * 2


def test_a_lost_race_for_an_alias_names_the_winner(
    project: mc.Project, cells: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who promotes against a production that moved meanwhile is told who moved it."""
    _, train = begin(project, cells)
    X, y = train.xy()
    mine = project.models.register("tumour", fitted(X, y, 0.5), uses=[train], example=X[:5])
    theirs = project.models.register("tumour", fitted(X, y, 0.3), uses=[train], example=X[:5])
    mine.evaluate()
    theirs.evaluate()
    other = mc.open(Path(project.store.url.removeprefix("file://")), author="bob")
    commit = Operation.commit

    def late(do: Operation, *arguments: Any, **keywords: Any) -> Any:
        monkeypatch.setattr(Operation, "commit", commit)
        other.models[theirs].promote(message="mine first")
        return commit(do, *arguments, **keywords)

    monkeypatch.setattr(Operation, "commit", late)
    with pytest.raises(errors.ConflictError, match=r"set by bob .* mine first") as caught:
        mine.promote()
    assert caught.value.winner["author"] == "bob"
    assert project.models.aliases("tumour") == {"production": theirs.ref}


def small(project: mc.Project, count: int = 1) -> None:
    """Register a model a few times."""
    model = DecisionTreeClassifier().fit([[0], [1]], [0, 1])
    for _ in range(count):
        project.models.register("m", model, example=[[0], [1]])


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Have something done between the look of the next operation and its commit."""
    commit = Operation.commit

    def late(do: Operation, *given: Any, **named: Any) -> Any:
        monkeypatch.setattr(Operation, "commit", commit)
        act()
        return commit(do, *given, **named)

    monkeypatch.setattr(Operation, "commit", late)


def test_an_alias_is_taken_back_from_where_it_was_seen(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two who roll back at once one does; the other is told, and his op is free to try again."""
    small(project, 3)
    for number in (1, 2, 3):
        project.models[f"m@{number}"].promote()
    bob = mc.open(project.store.url, author="bob")
    meanwhile(monkeypatch, lambda: bob.models.rollback("m", message="m@3 is bad"))
    words = r"m@production was m@3 when this began and is m@2 now, set by bob at .*: m@3 is bad; look at that one, then"
    with pytest.raises(errors.ConflictError, match=words) as lost:
        project.models.rollback("m", op="back")
    assert lost.value.winner["author"] == "bob"
    assert project.models.aliases("m") == {"production": "m@2"}
    for _ in range(2):
        assert project.models.rollback("m", op="back").ref == "m@1"
    project.models["m@3"].promote()
    assert project.models.rollback("m", op="back").ref == "m@1"
    assert project.models.aliases("m") == {"production": "m@3"}


@pytest.mark.parametrize("alias", ["latest", "Latest", "LATEST", "7"])
def test_what_means_a_version_is_no_alias(project: mc.Project, alias: str) -> None:
    """In any case of its letters."""
    small(project)
    for verb in (project.models["m"].promote, lambda one: project.models.rollback("m", one)):
        with pytest.raises(errors.InvalidInput, match=f"'{alias}' cannot be an alias"):
            verb(alias)


def test_aliases_differing_in_case_are_one(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """As names are; also where the other was set meanwhile. Who reads it so is told the right one."""
    small(project, 2)
    project.models["m@1"].promote("production")
    words = "'Production' differs only in case from the alias 'production' of m; use that name"
    with pytest.raises(errors.InvalidName, match=words):
        project.models["m@2"].promote("Production")
    bob = mc.open(project.store.url, author="bob")
    meanwhile(monkeypatch, lambda: bob.models["m@1"].promote("Staging"))
    with pytest.raises(errors.InvalidName, match="'staging' differs only in case from the alias 'Staging'"):
        project.models["m@2"].promote("staging")
    assert project.models.aliases("m") == {"Staging": "m@1", "production": "m@1"}
    with pytest.raises(errors.NotFound, match="Did you mean 'production'"):
        project.models["m@PRODUCTION"]


def test_a_rollback_takes_an_alias_there_is(project: mc.Project) -> None:
    """What cannot be one is refused, and for one that never was it says which there are."""
    small(project)
    project.models["m"].promote()
    for wrong in (None, b"x", 3):
        with pytest.raises(errors.InvalidName, match="the alias is text, got"):
            project.models.rollback("m", wrong)  # type: ignore[arg-type]
    with pytest.raises(errors.NotFound, match="m has no alias 'nope'; its aliases are production"):
        project.models.rollback("m", "nope")
    with pytest.raises(errors.NotFound, match=r"m has no alias 'Production'; .*Did you mean 'production'"):
        project.models.rollback("m", "Production")
    with pytest.raises(errors.NotFound, match="m@production has no earlier version to go back to"):
        project.models.rollback("m", "production")


def test_unknown_types_need_trust(project: mc.Project, cells: pd.DataFrame) -> None:
    """Loading code is a decision."""
    X, y = cells.drop(columns="target"), cells["target"]
    with pytest.warns(errors.MlcycleWarning, match="trust="):
        version = project.models.register("custom", Custom().fit(X, y))
    for load in (version.load, lambda **given: project.load(version, **given)):
        with pytest.raises(errors.UntrustedModel, match="trust=True"):
            load()
        assert load(trust=True).predict(X[:2]).tolist() == [0, 0]


def test_a_damaged_model_is_named(project: mc.Project, cells: pd.DataFrame) -> None:
    """A flipped byte in a model file is an error that names the version."""
    first, _ = begin(project, cells)
    [file] = Path(project.store.url.removeprefix("file://")).glob("files/*/*.skops")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(errors.Corrupt, match="tumour@1"):
        project.load(first)


def test_bad_input_to_register_and_promote(project: mc.Project, cells: pd.DataFrame) -> None:
    """Things that are no model, a run, aliases that are numbers, versions that are not there."""
    with pytest.raises(errors.InvalidInput, match="fitted estimator"):
        project.models.register("m", object())
    with project.experiments.open("e").start() as run:
        pass
    for one in (run, project.runs[run.id]):
        with pytest.raises(errors.InvalidInput, match=r"the model that was saved with it: run\.register\('m'\)"):
            project.models.register("m", one)
    first, _ = begin(project, cells)
    model = DecisionTreeClassifier().fit([[0], [1]], [0, 1])
    for wrong in (3, b"x", object()):
        with pytest.raises(errors.InvalidInput, match=r"uses is a list of addresses .* got (int|bytes|object)"):
            project.models.register("m", model, uses=wrong)  # type: ignore[arg-type]
        with pytest.raises(errors.InvalidInput, match=r"parents is a list of addresses .* got (int|bytes|object)"):
            project.datasets.add("d", cells, parents=wrong)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidInput, match="cannot be an alias"):
        first.promote("7")
    with pytest.raises(errors.NotFound, match="no alias 'staging'"):
        project.models["tumour@staging"]


def test_one_version_is_lineage_without_a_list(project: mc.Project, cells: pd.DataFrame) -> None:
    """Wherever several addresses are taken, one alone, one record and nothing stand for a list of them."""
    _, train = begin(project, cells)
    for given, kept in ((train, (train.ref,)), (train.ref, (train.ref,)), (None, ())):
        model = project.models.register("m", DecisionTreeClassifier().fit([[0], [1]], [0, 1]), uses=given)
        assert model.data == kept
        made = project.datasets.add("made", cells[: 10 + model.number], parents=given)
        assert made.parents == kept


def test_a_model_takes_what_its_signature_names(project: mc.Project, cells: pd.DataFrame) -> None:
    """A model of some columns is judged on a table with more, as it would serve it."""
    begin(project, cells)
    X, y = project.datasets["cells.train"].xy()
    few = X[["worst radius", "mean texture"]]
    version = project.models.register("tumour", fitted(few, y), uses=["cells.train"], example=few[:5])
    evaluation = version.evaluate()
    assert {result.verdict for result in evaluation.results} <= {"pass", "fail", "inconclusive"}
    assert evaluation.results[0].value > 0.9  # type: ignore[operator]


def test_a_name_is_text(project: mc.Project) -> None:
    """A version where a name is asked for is refused in words."""
    version = project.models.register("m", DecisionTreeClassifier().fit([[0], [1]], [0, 1]))
    for ask in (project.models.aliases, project.models.history, project.models.versions):
        with pytest.raises(errors.InvalidInput, match=r"'m@1' is one version, and a name is asked for"):
            ask(version)  # type: ignore[arg-type, operator]
