"""Everything that commits, each as a case to break: how to do it, and how often it is seen to be done."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from attrs import frozen
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors, provenance
from mlcycle._digest import sha256_bytes

__all__ = ["CASES", "FRAME", "NOW", "Case", "begin", "train", "unnamed"]

NOW = timedelta(0)
FRAME = pd.DataFrame({"x": np.arange(12.0), "left": [0, 1] * 6})
OTHER = FRAME.assign(x=FRAME["x"] * 2)
TREE = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["left"])
DIFF = "+depth = 2\n"
CODE = f"code:{sha256_bytes(DIFF.encode())}"


@frozen
class Case:
    """One operation.

    Attributes
    ----------
    verbs : tuple of str
        What it commits, in order.
    act : callable
        Does it, with ``op="try"`` where it takes one.
    seen : callable
        How often it is seen to be done; asserts that nothing is half there.
    given : callable
        What has to be done in the small project first.
    again : callable or None
        Done afterwards where doing it again would be another operation: that it can be done is all that is asked.
    swept : type or None
        What is raised when a sweep comes first, for what rests on nothing having been swept.
    """

    verbs: tuple[str, ...]
    act: Callable[[mc.Project], Any]
    seen: Callable[[mc.Project], int]
    given: Callable[[mc.Project], Any] = lambda project: None
    again: Callable[[mc.Project], Any] | None = None
    swept: type[Exception] | None = None


def begin(url: str) -> None:
    """Make a small project that has been around once."""
    project = mc.open(url, create=True, author="ada")
    project.datasets.add("d", FRAME, target="left")
    project.datasets.add("e", FRAME)
    part, _ = project.datasets["d"].split(test=0.5)
    project.deployments.open("eu")
    with project.experiments.open("e").start(uses=[part], name="base") as run:
        run.save_model(TREE, example=FRAME[["x"]][:3])
    run.register("m")
    project.store.tag("before")
    project.models.register("m", TREE, example=FRAME[["x"]], uses=[part])
    project.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.01)], test="d.test")
    project.models["m@2"].evaluate()
    project.models["m@1"].promote(message="first", override_until="2100-01-01")
    project.deployments["eu"].route("m@1")
    project.datasets.add("e", OTHER.assign(y=1))
    project.datasets.add("gone", FRAME.assign(gone=1))
    project.store.drop("dataset:gone@1")
    project.store.tag("after")


def committed(project: mc.Project, verb: str) -> int:
    """Count the entries of a verb."""
    return sum(entry["verb"] == verb for entry in entries(project))


def entries(project: mc.Project) -> Iterator[dict[str, Any]]:
    """Yield every entry there is now."""
    project._session.view()
    return project._session.log.entries()


# data ----------------------------------------------------------------------------------------------------------------


def add(project: mc.Project) -> None:
    """Add a version."""
    project.datasets.add("d", OTHER, op="try")


def added(project: mc.Project) -> int:
    """Count the versions with its rows."""
    versions = project.datasets.versions("d")
    return sum(project.load(version).equals(OTHER) for version in versions)


def split(project: mc.Project) -> None:
    """Split anew, by another seed."""
    project.datasets["d@1"].split(test=0.5, seed=7, op="try")


def parts(project: mc.Project) -> int:
    """Count the splits made; both parts are there or neither."""
    made = [len(project.datasets.versions(name)) for name in ("d.train", "d.test")]
    assert made[0] == made[1]
    return made[0]


def go_back(project: mc.Project) -> None:
    """Set data back to the version before."""
    project.datasets.rollback("e", message="worse", op="try")


def gone_back(project: mc.Project) -> int:
    """Count the ways back, and compare with what is the latest."""
    back = len(project.history(of="dataset:e", kind="dataset.rollback"))
    assert back == (project.datasets["e"].ref == "e@1")
    return back


# runs ----------------------------------------------------------------------------------------------------------------


def ask(project: mc.Project) -> None:
    """Open an experiment that is new."""
    project.experiments.open("f", hypothesis="h", op="try")


def asked(project: mc.Project) -> int:
    """Count the openings; name and question come together."""
    opened = committed(project, "experiment.open") - 1
    assert opened == ("f" in project.experiments)
    assert not opened or project.experiments["f"].hypothesis == "h"
    return opened


def live(project: mc.Project) -> None:
    """Go through the whole life of a run."""
    run = project.experiments.open("e").start(params={"depth": 1}, uses=["d.train"], name="tried")
    train(run)
    if run.failures:  # said in warnings and in this number, which is the opposite of an acknowledgement
        raise errors.StorageUnavailable(f"{run.failures} failures")


def train(run: mc.ActiveRun) -> None:
    """Do what a training script does."""
    with run:
        run.log(loss=0.5, step=1)
        run.log_artifact("notes", "hello")
        run.save_model(TREE, example=FRAME[["x"]][:3])
        run.log(loss=0.25, step=2)


def lived(project: mc.Project) -> int:
    """Count the finished runs; those that say nothing failed are complete."""
    finished = [run for run in project.experiments["e"].runs() if run.name == "tried" and run.status == "finished"]
    complete = [run for run in finished if run.failures == 0]
    assert all(run.metrics == {"loss": 0.25} for run in complete)
    assert all(run.model is not None and [*run.artifacts] == ["notes"] for run in complete)
    return len(finished)


@functools.cache
def _code() -> Any:
    return attrs.evolve(provenance.capture_code(), diff=DIFF)


@contextlib.contextmanager
def edited() -> Iterator[None]:
    """Work on code that the store has not seen."""
    code = _code()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "capture_code", lambda: code)
        yield


def start_edited(project: mc.Project) -> mc.ActiveRun:
    """Start and finish a run of new code; a warning is no acknowledgement."""
    with edited(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        run = project.experiments["e"].start(name="edited")
        run.finish()
    if said or run.failures:
        raise errors.StorageUnavailable(f"{run.failures} failures, {[str(one.message) for one in said]}")
    return run


def pinned(project: mc.Project) -> int:
    """Count the pins of the new code; none is there without its file."""
    view = project._session.view()
    pins = [*view.facts.of("pin", CODE)]
    assert view.placed.has(CODE) == bool(pins)
    return len(pins)


def base_run(project: mc.Project) -> str:
    """Return the ref of the run of the small project."""
    return next(f"run:{run.id}" for run in project.experiments["e"].runs() if run.name == "base")


# models --------------------------------------------------------------------------------------------------------------


def register_run(project: mc.Project) -> None:
    """Register the model of a run."""
    project.runs[base_run(project)].register("m", op="try")


def register(project: mc.Project) -> None:
    """Register an estimator."""
    project.models.register("m", TREE, example=FRAME[["x"]], op="try")


def registered(project: mc.Project) -> int:
    """Count the versions."""
    return len(project.models.versions("m"))


def evaluate(project: mc.Project) -> None:
    """Judge a model."""
    project.models["m@1"].evaluate("d.test", op="try")


def evaluated(project: mc.Project) -> int:
    """Count the evaluations."""
    return len(project._session.view().facts.entries("evaluation", "model:m@1"))


def promote(project: mc.Project) -> None:
    """Move an alias through the gate."""
    project.models["m@2"].promote("production", message="better", op="try")


def promoted(project: mc.Project) -> int:
    """Count the moves; the decision, the move and the alias come together."""
    moves = int(
        project.history(of="model:m", kind="promote")["what"].str.contains("m@production → m@2", regex=False).sum()
    )
    assert moves == sum(decision.subject == "model:m@2" for decision in project.models.decisions())
    assert moves == (project.models.aliases("m")["production"] == "m@2")
    return moves


def demote(project: mc.Project) -> None:
    """Take an alias away."""
    project.models["m@1"].demote("production", message="over", op="try")


def demoted(project: mc.Project) -> int:
    """Count the moves to nothing."""
    moves = int(project.history(of="model:m", kind="demote")["what"].str.contains("m@production → nothing").sum())
    assert moves == ("production" not in project.models.aliases("m"))
    return moves


def fail_the_gate(project: mc.Project) -> None:
    """Have a promotion blocked, for want of an evaluation."""
    with pytest.raises(errors.GateBlocked):
        project.models["m@1"].promote("staging", message="untested", op="try")


def insist(project: mc.Project) -> None:
    """Promote what was blocked, under the same op, which is still to be had."""
    late = "2100-01-01"
    assert project.models["m@1"].promote("staging", override_until=late, message="urgent", op="try").allowed


def blocked(project: mc.Project) -> int:
    """Count the decisions that block; nothing moved, unless somebody insisted."""
    decisions = project.models.decisions()
    insisted = sum(one.override is not None and one.override.message == "urgent" for one in decisions)
    assert insisted == ("staging" in project.models.aliases("m"))
    assert insisted == sum(entry["op"] == "user:try" for entry in entries(project))
    return sum(not one.allowed for one in decisions)


def take_back(project: mc.Project) -> None:
    """Set an alias back."""
    project.models.rollback("m", message="worse", op="try")


def taken_back(project: mc.Project) -> int:
    """Count the ways back, and compare with the alias."""
    back = len(project.history(of="model:m", kind="model.rollback"))
    assert back == (project.models.aliases("m")["production"] == "m@1")
    return back


# deployments ---------------------------------------------------------------------------------------------------------


def deploy(project: mc.Project) -> None:
    """Open a deployment that is new."""
    project.deployments.open("us", op="try")


def deployed(project: mc.Project) -> int:
    """Count the openings, and look for the name."""
    opened = committed(project, "deployment.open") - 1
    assert opened == ("us" in project.deployments)
    return opened


def route(project: mc.Project) -> None:
    """Say who answers."""
    project.deployments.open("eu").route({"m@1": 1, "m@2": 1}, message="canary", op="try")


def routed(project: mc.Project) -> int:
    """Count the revisions made; the newest answers, and the decision on it came with it."""
    eu = project.deployments["eu"]
    assert eu.revision == eu.revisions()[-1]
    [*decisions] = project._session.view().facts.of("decision", "deployment:eu")
    assert [one.stamp.entry for one in decisions] == [one.entry for one in eu.revisions()[1:]]
    return len(eu.revisions())


def fail_the_gate_of_a_route(project: mc.Project) -> None:
    """Have a route blocked, for want of an evaluation."""
    with pytest.raises(errors.GateBlocked):
        project.deployments["eu"].route("m@3", message="untested", op="try")


def insist_on_a_route(project: mc.Project) -> None:
    """Route what was blocked, under the same op, which is still to be had."""
    project.deployments["eu"].route("m@3", override_until="2100-01-01", message="urgent", op="try")


def route_blocked(project: mc.Project) -> int:
    """Count the decisions that block; nothing was routed, unless somebody insisted."""
    [*facts] = project._session.view().facts.of("decision", "deployment:eu")
    insisted = sum(one["allowed"] for one in facts)
    assert len(project.deployments["eu"].revisions()) == 1 + insisted
    assert insisted == sum(entry["op"] == "user:try" for entry in entries(project))
    return len(facts) - insisted


def reroute(project: mc.Project) -> None:
    """Set a route back."""
    project.deployments["eu"].rollback(message="slow", op="try")


def rerouted(project: mc.Project) -> int:
    """Count the ways back, and compare with who answers."""
    eu = project.deployments["eu"]
    back = int((eu.history()["kind"] == "deployment.rollback").sum())
    assert eu.revision is not None
    assert back == (eu.revision.number == 1)
    return back


def check(project: mc.Project) -> None:
    """Look at the traffic, and keep what was found."""
    project.deployments["eu"].check(message="weekly")


def checked(project: mc.Project) -> int:
    """Count what was found."""
    return len(project.deployments["eu"].evaluations())


# the project and its store -------------------------------------------------------------------------------------------


def set_scope(project: mc.Project) -> None:
    """Say who answers for the project."""
    project.scope.set(owner="eve", op="try")


def scoped(project: mc.Project) -> int:
    """Count the versions that say so."""
    return sum(scope.owner == "eve" for scope in project.scope.versions())


def drop(project: mc.Project) -> None:
    """Drop a version."""
    project.store.drop("dataset:e@2", op="try")


def dropped(project: mc.Project) -> int:
    """Count the drops, and compare with what is listed."""
    drops = committed(project, "store.drop")
    assert [one.ref for one in project.datasets.versions("e")] == ["e@1", "e@2"][: 3 - drops]
    return drops


def drop_run(project: mc.Project) -> None:
    """Drop a run."""
    gone = project._session.view().names.every("run")  # done already, when this is done again
    project.store.drop(f"run:{gone[0].name}" if gone else base_run(project), op="try")


def dropped_run(project: mc.Project) -> int:
    """Count the drops, and compare with what is listed; what came of the run stands."""
    drops = committed(project, "store.drop")
    assert ("base" in [run.name for run in project.experiments["e"].runs()]) == (drops == 1)
    assert project.models["m@1"].run is not None
    return drops


def restore(project: mc.Project) -> None:
    """Bring a version back."""
    project.store.restore("dataset:gone@1", op="try")


def restored(project: mc.Project) -> int:
    """Count the restorations, and compare with what is listed."""
    back = committed(project, "store.restore")
    assert len(project.datasets.versions("gone")) == back
    return back


def restore_run(project: mc.Project) -> None:
    """Bring a run back."""
    (run,) = project._session.view().names.every("run")
    project.store.restore(f"run:{run.name}", op="try")


def restored_run(project: mc.Project) -> int:
    """Count the restorations, and compare with what is listed."""
    back = committed(project, "store.restore")
    assert [run.name for run in project.experiments["e"].runs()] == ["base"] * back
    return back


def tag(project: mc.Project) -> None:
    """Give an entry a name."""
    project.store.tag("here", to="before")


def tagged(project: mc.Project) -> int:
    """Count the entries that say so, and look where the tag stands."""
    found = sum(change.get("name") == "here" for entry in entries(project) for change in entry["changes"])
    view = project._session.view()
    assert view.tag("here") == (view.tag("before") if found else None)
    return found


def lose_run(project: mc.Project) -> None:
    """Make a run of code that no other names, and drop it."""
    project.store.drop(start_edited(project))


def sweep(project: mc.Project) -> None:
    """Sweep everything that can go."""
    project.store.sweep(min_age=NOW)


def swept(project: mc.Project) -> int:
    """Say whether nothing is left to sweep, nor the code that only the lost run named."""
    return int(not unnamed(project) and not project._session.view().placed.has(CODE))


def unnamed(project: mc.Project) -> list[str]:
    """Return the files a sweep would take."""
    return [*project.store.sweep(dry_run=True, min_age=NOW).keys]


def roll_back(project: mc.Project) -> None:
    """Set the whole project back."""
    project.rollback("before", message="upstream bug", op="try")


def rolled_back(project: mc.Project) -> int:
    """Count the ways back, and compare with what stands: all of it is set back, or nothing."""
    back = committed(project, "project.rollback")
    states = [
        project.datasets["e"].ref == "e@1",
        project.models.aliases("m") == {},
        project.deployments["eu"].revision is None,
    ]
    assert states == [back == 1] * 3
    return back


def works(project: mc.Project) -> None:
    """Do something else."""
    project.store.tag("works")


CASES = {
    "add": Case(("dataset.add",), add, added),
    "split": Case(("dataset.split",), split, parts),
    "roll back data": Case(("dataset.rollback",), go_back, gone_back),
    "open an experiment": Case(("experiment.open",), ask, asked),
    "run": Case((), live, lived, again=works),
    "run new code": Case(("run.pin",), start_edited, pinned),
    "register a run": Case(("model.register",), register_run, registered),
    "register": Case(("model.register",), register, registered),
    "evaluate": Case(("evaluation.add",), evaluate, evaluated),
    "promote": Case(("model.promote",), promote, promoted),
    "take an alias away": Case(("model.demote",), demote, demoted),
    "fail a gate": Case(("model.promote",), fail_the_gate, blocked, again=insist),
    "roll back an alias": Case(
        ("model.rollback",), take_back, taken_back, given=lambda project: project.models["m@2"].promote()
    ),
    "open a deployment": Case(("deployment.open",), deploy, deployed),
    "route": Case(("deployment.route",), route, routed),
    "fail the gate of a route": Case(
        ("deployment.route",),
        fail_the_gate_of_a_route,
        route_blocked,
        given=lambda project: project.models.register("m", TREE),
        again=insist_on_a_route,
    ),
    "roll back a route": Case(
        ("deployment.rollback",), reroute, rerouted, given=lambda project: project.deployments["eu"].route("m@2")
    ),
    "check": Case(("deployment.check",), check, checked, again=works),
    "set a scope": Case(("scope.set",), set_scope, scoped),
    "drop": Case(("store.drop",), drop, dropped),
    "drop a run": Case(("store.drop",), drop_run, dropped_run),
    "restore": Case(("store.restore",), restore, restored, swept=errors.VersionDeleted),
    "restore a run": Case(
        ("store.restore",),
        restore_run,
        restored_run,
        given=lambda project: project.store.drop(base_run(project)),
        swept=errors.VersionDeleted,
    ),
    "tag": Case(("store.tag",), tag, tagged),
    "sweep": Case(("store.ask", "store.sweep"), sweep, swept, given=lose_run),
    "roll back": Case(("project.rollback",), roll_back, rolled_back),
}
