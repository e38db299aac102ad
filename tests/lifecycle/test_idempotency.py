"""An operation id of the caller's: the same thing again gives the earlier result, another thing is refused."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors
from mlcycle.lifecycle import _opening
from mlcycle.lifecycle._connection import Connection
from mlcycle.lifecycle._operation import Operation
from mlcycle.storage import _commit_log, open_files
from mlcycle.testing import Fault, FaultyFiles, fail_at

FRAME = pd.DataFrame({"x": np.arange(40.0), "left": [0, 1] * 20})
OTHER = FRAME.assign(x=FRAME["x"] + 1)
PAST = FRAME.assign(x=FRAME["x"] + 1000)  # what the models were trained on: no row of the test is among them


def tree(depth: int = 1) -> DecisionTreeClassifier:
    """Return a fitted model."""
    return DecisionTreeClassifier(max_depth=depth, random_state=0).fit(FRAME[["x"]], FRAME["left"])


@functools.cache
def base() -> str:
    """Make a project in which every verb has something to do, and return its URL."""
    url = f"memory://repeats-{uuid.uuid4().hex}"
    project = mc.open(url, create=True, author="ada")
    project.datasets.add("past", PAST, target="left")
    for frame in (FRAME, OTHER):
        project.datasets.add("d", frame, target="left")
    for name in ("old", "spare"):
        project.datasets.add(name, FRAME, target="left")
    project.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.01)], test="d")
    for name in ("m", "m", "n"):
        version = project.models.register(name, tree(), example=FRAME[["x"]][:3], uses=["past"])
        version.evaluate()
    project.models["m@1"].promote()
    project.models["m@2"].promote()
    project.models["m@1"].promote("staging")
    project.models["m@2"].promote("staging")
    for place in ("eu", "us"):
        deployment = project.deployments.open(place)
        deployment.route("m@1")
        deployment.route("m@2")
    project.store.drop("model:n@1")
    for frame in (FRAME, OTHER):
        project.datasets.add("twice", frame)
    project.store.tag("then")
    project.models["m@1"].promote()
    return url


def prepared() -> mc.Project:
    """Return a copy of it."""
    url = f"memory://repeats-{uuid.uuid4().hex}"
    source, target = open_files(base()), open_files(url)
    for item in source.list(""):
        target.put(item.key, source.read(item.key))
    return mc.open(url, author="ada")


Verb = Callable[[mc.Project, str], Any]

# Of every verb that takes an op: a call, and calls like it about something else.
CALLS: dict[str, tuple[Verb, ...]] = {
    "datasets.add": (
        lambda p, op: p.datasets.add("new", FRAME, op=op),
        lambda p, op: p.datasets.add("newer", FRAME, op=op),
        lambda p, op: p.datasets.add("new", FRAME, key="x", op=op),
    ),
    "split": (
        lambda p, op: p.datasets["d@1"].split(op=op),
        lambda p, op: p.datasets["d@2"].split(op=op),
        lambda p, op: p.datasets["old"].split(op=op),
        lambda p, op: p.datasets["d@1"].split(test=0.5, op=op),
    ),
    "models.register": (
        lambda p, op: p.models.register("m", tree(), op=op),
        lambda p, op: p.models.register("other", tree(), op=op),
    ),
    "promote": (
        lambda p, op: p.models["m@2"].promote(op=op),
        lambda p, op: p.models["m@1"].promote(op=op),
        lambda p, op: p.models["m@2"].promote("canary", op=op),
    ),
    "models.rollback": (
        lambda p, op: p.models.rollback("m", op=op),
        lambda p, op: p.models.rollback("m", "staging", op=op),
    ),
    "evaluate": (
        lambda p, op: p.models["m@1"].evaluate(op=op),
        lambda p, op: p.models["m@2"].evaluate(op=op),
        lambda p, op: p.models["m@1"].evaluate("old", op=op),
    ),
    "scope.set": (
        lambda p, op: p.scope.set(objective="another", op=op),
        lambda p, op: p.scope.set(objective="a third", op=op),
        lambda p, op: p.scope.set(owner="bob", op=op),
    ),
    "experiments.open": (
        lambda p, op: p.experiments.open("e", hypothesis="h", op=op).name,
        lambda p, op: p.experiments.open("f", hypothesis="h", op=op).name,
        lambda p, op: p.experiments.open("e", hypothesis="g", op=op).name,
    ),
    "deployments.open": (
        lambda p, op: p.deployments.open("asia", op=op).name,
        lambda p, op: p.deployments.open("africa", op=op).name,
    ),
    "route": (
        lambda p, op: p.deployments["eu"].route("m@1", op=op),
        lambda p, op: p.deployments["us"].route("m@1", op=op),
        lambda p, op: p.deployments["eu"].route({"m@1": 1, "m@2": 1}, op=op),
        lambda p, op: p.deployments["eu"].route("m@1", shadow="m@2", op=op),
    ),
    "deployment.rollback": (
        lambda p, op: p.deployments["eu"].rollback(op=op),
        lambda p, op: p.deployments["us"].rollback(op=op),
    ),
    "store.drop": (
        lambda p, op: p.store.drop("dataset:spare@1", op=op),
        lambda p, op: p.store.drop("dataset:old@1", op=op),
    ),
    "datasets.rollback": (
        lambda p, op: p.datasets.rollback("d", op=op),
        lambda p, op: p.datasets.rollback("twice", op=op),
    ),
    "store.tag": (
        lambda p, op: p.store.tag("now", 3, op=op),
        lambda p, op: p.store.tag("today", 3, op=op),
        lambda p, op: p.store.tag("now", 4, op=op),
    ),
    "deployment.check": (
        lambda p, op: p.deployments["eu"].check(op=op),
        lambda p, op: p.deployments["us"].check(op=op),
    ),
    "store.restore": (lambda p, op: p.store.restore("model:n@1", op=op),),
    "rollback": (
        lambda p, op: [move.after for move in p.rollback("then", op=op)],
        lambda p, op: p.rollback(6, op=op),
    ),
}


def entries(project: mc.Project) -> int:
    """Return how many entries the log has."""
    return int(project.store.info()["entries"])


@pytest.mark.parametrize("verb", CALLS)
def test_the_same_again(verb: str) -> None:
    """Repeated, also after others went on, a call gives its first result and writes nothing."""
    project, call = prepared(), CALLS[verb][0]
    first = call(project, "job")
    assert first == call(project, "job")
    project.datasets.add("meanwhile", FRAME)
    before = entries(project)
    assert first == call(project, "job")
    assert entries(project) == before


@pytest.mark.parametrize("verb", [verb for verb, calls in CALLS.items() if len(calls) > 1])
def test_the_same_verb_for_something_else(verb: str) -> None:
    """Another subject, target or content is refused, says what the op was used for, and does nothing."""
    first, *others = CALLS[verb]
    for call in others:
        project = prepared()
        first(project, "job")
        before = entries(project)
        with pytest.raises(errors.ConflictError, match=f"op='job' was used already, by ada in entry {before - 1}"):
            call(project, "job")
        assert entries(project) == before
        call(project, "another job")
        assert entries(project) == before + 1


@pytest.mark.parametrize("verb", CALLS)
def test_another_verb(verb: str) -> None:
    """What one verb was told the name of, no other takes for its own."""
    project = prepared()
    CALLS[verb][0](project, "job")
    before = entries(project)
    for other in CALLS.keys() - {verb}:
        with pytest.raises(errors.ConflictError) as refused:
            CALLS[other][0](project, "job")
        assert refused.value.winner["n"] == before - 1
    assert entries(project) == before


def test_rows_that_grew_since() -> None:
    """A script that runs again over a source that went on gets what it committed first, as with a refitted model."""
    project = prepared()
    first = project.datasets.add("new", FRAME, op="job")
    assert project.datasets.add("new", OTHER, op="job") == first
    assert project.datasets.add("new", OTHER, op="another job").number == 2
    assert project.models.register("m", tree(1), op="fit") == project.models.register("m", tree(2), op="fit")


def test_a_refused_call_uses_up_no_op() -> None:
    """What a gate blocks before anything is written, or bad input, leaves the op free."""
    project = prepared()
    with pytest.raises(errors.NotFound):
        project.store.drop("dataset:nothing@1", op="job")
    with pytest.raises(errors.ConflictError):
        project.store.drop("model:m@2", op="job")  # it answers in both places
    assert project.models.register("m", tree(), op="job").number == 3


def blocked() -> mc.Project:
    """Return a project with a version that the gate blocks, because nobody evaluated it."""
    project = prepared()
    project.models.register("m", tree(), example=FRAME[["x"]][:3], uses=["past"])
    return project


def test_a_blocked_promotion_is_judged_again() -> None:
    """Each refusal is kept, none uses up its op, and once there is evidence the same op promotes, once."""
    project = blocked()
    before = entries(project)
    for _ in range(2):
        with pytest.raises(errors.GateBlocked) as refused:
            project.models["m@3"].promote(op="job")
        assert project.models["m@3"].decisions()[-1] == refused.value.decision
    assert entries(project) == before + 2
    written = [project._session.log.entry(n)["op"] for n in (before, before + 1)]
    assert len(set(written)) == 2
    assert all(op.startswith("auto:") for op in written)
    assert project.models.aliases("m")["production"] == "m@1"
    project.models["m@3"].evaluate()
    decided = project.models["m@3"].promote(op="job")
    assert (decided.allowed, project.models.aliases("m")["production"]) == (True, "m@3")
    before = entries(project)
    assert project._session.log.entry(before - 1)["op"] == "user:job"
    assert project.models["m@3"].promote(op="job") == decided
    assert entries(project) == before


def test_a_refusal_that_an_older_library_kept_under_its_op(monkeypatch: pytest.MonkeyPatch) -> None:
    """It used the op up: it is given again, whatever the gate would say today, and refused to anything else."""
    project, commit = blocked(), Operation._commit

    def older(do: Operation, *plans: Any, refusal: bool = False, **named: Any) -> Any:
        return commit(do, *plans, **named)

    monkeypatch.setattr(Operation, "_commit", older)
    with pytest.raises(errors.GateBlocked) as refused:
        project.models["m@3"].promote(op="job")
    monkeypatch.undo()
    project.models["m@3"].evaluate()
    before = entries(project)
    with pytest.raises(errors.GateBlocked) as again:
        project.models["m@3"].promote(op="job")
    assert again.value.decision == refused.value.decision
    with pytest.raises(errors.ConflictError, match=r"gate blocked: promote m@3"):
        project.models["m@2"].promote(op="job")
    assert entries(project) == before


@pytest.mark.parametrize("other", ["another version", "another verb", "an override"])
def test_the_op_of_a_refusal_is_free_for_anything(other: str) -> None:
    """What was blocked was not done, so there is nothing the op could be compared with."""
    project = blocked()
    with pytest.raises(errors.GateBlocked):
        project.models["m@3"].promote(op="job")
    if other == "another version":
        assert project.models["m@2"].promote(op="job").subject == "model:m@2"
    elif other == "another verb":
        assert project.datasets.add("new", FRAME, op="job").ref == "new@1"
    else:
        assert project.models["m@3"].promote(override_until="2100-01-01", message="pilot", op="job").allowed
    assert project._session.log.entry(entries(project) - 1)["op"] == "user:job"
    with pytest.raises(errors.ConflictError, match="op='job' was used already"):
        project.deployments["eu"].route("m@1", op="job")


def test_a_blocked_promotion_under_an_op_of_another() -> None:
    """A gate that would block hides nothing: the op was used for something else, and nothing is kept."""
    project = blocked()
    project.datasets.add("new", FRAME, op="job")
    before = entries(project)
    with pytest.raises(errors.ConflictError, match="for something else: added dataset new@1"):
        project.models["m@3"].promote(op="job")
    assert entries(project) == before


def test_a_blocked_rollback_is_judged_again() -> None:
    """Going back with the whole project to a model that fails is refused, which alone is kept; its op is free."""
    project = prepared()
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.999)])
    project.models["m@1"].promote(message="pilot", override_until="2100-01-01")
    with pytest.warns(errors.MlcycleWarning, match="m@2 fails today"):
        project.models.rollback("m")
    to = int(project.store.info()["entries"]) - 2
    before, first = entries(project), project.models.aliases("m")
    with pytest.raises(errors.GateBlocked):
        project.rollback(to, op="job")
    assert (entries(project), project.models.aliases("m")) == (before + 1, first)
    assert project._session.log.entry(before)["op"].startswith("auto:")
    moves = project.rollback(to, override_until="30d", message="as it was", op="job")
    assert moves
    assert project.rollback(to, override_until="30d", message="as it was", op="job") == moves
    assert entries(project) == before + 2


def test_a_rollback_that_would_be_blocked_today() -> None:
    """It was done, and stays the answer, though the scope has become stricter and what it moved has moved on."""
    project = prepared()
    moves = project.rollback("then", op="job")
    assert [move.after for move in moves] == ["m@2"]
    project.models["m@1"].promote()
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.999)])
    before = entries(project)
    with pytest.raises(errors.GateBlocked):
        project.rollback("then", op="another job")
    assert project.rollback("then", op="job") == moves
    assert entries(project) == before + 1  # that it was blocked


def test_a_promotion_that_the_gate_would_block_today() -> None:
    """It was done, and stays the answer; the alias is compared also where the call drafts no move."""
    project = prepared()
    first = project.models["m@1"].promote(op="job")
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.999)])
    project.models["m@1"].evaluate()
    before = entries(project)
    assert first == project.models["m@1"].promote(op="job")
    assert first.allowed
    assert before == entries(project)
    for alias in ("staging", "canary"):
        with pytest.raises(errors.ConflictError, match="m@production → m@1"):
            project.models["m@1"].promote(alias, op="job")
    assert before == entries(project)


@pytest.mark.parametrize(
    "nothing",
    [
        lambda p, op: p.datasets.add("d", OTHER, target="left", op=op),
        lambda p, op: p.experiments.open("e", op=op),
        lambda p, op: p.experiments.open("e", hypothesis="h", op=op),
        lambda p, op: p.deployments.open("eu", op=op),
        lambda p, op: p.scope.set(objective="o", op=op),
        lambda p, op: p.store.drop("model:n@1", op=op),
        lambda p, op: p.store.restore("model:m@1", op=op),
        lambda p, op: p.rollback(entries(p) - 1, op=op),
    ],
    ids=["add", "experiment", "hypothesis", "deployment", "scope", "drop", "restore", "rollback"],
)
def test_what_would_write_nothing(nothing: Verb) -> None:
    """An op used for something else is refused too where the call has nothing to do, which alone uses up no op."""
    project = prepared()
    project.experiments.open("e", hypothesis="h")
    before = entries(project)
    nothing(project, "job")
    assert before == entries(project)
    project.datasets.add("new", FRAME, op="job")
    with pytest.raises(errors.ConflictError, match="for something else: added dataset new@1"):
        nothing(project, "job")


def test_an_opening_that_is_repeated() -> None:
    """A script that opens what it made once goes on with it, also after the words were changed."""
    project = prepared()
    for _ in range(2):
        assert project.experiments.open("e", hypothesis="h", op="e").hypothesis == "h"
        assert project.deployments.open("asia", op="d").name == "asia"
    project.experiments.open("e", hypothesis="g")
    before = entries(project)
    assert project.experiments.open("e", hypothesis="h", op="e").hypothesis == "g"
    assert before == entries(project)


def test_a_storage_that_fails_while_an_op_is_compared_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be read says nothing of what the op was used for."""
    first = prepared()
    first.deployments["eu"].route("m@1", message="back", op="try")
    monkeypatch.setattr(_commit_log, "_RECENT", 1500)  # as in a log of more entries than are kept

    def routed(fault: int | None) -> int:
        files = FaultyFiles(open_files(first.store.url))
        connection = Connection(first.store.url, caches=False)
        connection.use_files(files)
        handle = _opening._begin(connection, False).deployments["eu"]
        begun = len(files.calls)
        files.plan = None if fault is None else fail_at(begun + fault, Fault.BEFORE)
        handle.route("m@1", message="back", op="try")
        return len(files.calls) - begun

    calls = routed(None)
    assert calls >= 3, calls
    for fault in range(calls):
        with pytest.raises(errors.StorageUnavailable):
            routed(fault)
