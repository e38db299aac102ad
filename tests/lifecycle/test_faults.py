"""A fault at every storage call of everything a project does: nothing acknowledged is lost, nothing is half there."""

from __future__ import annotations

import itertools
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from attrs import frozen
from fsspec.implementations.memory import MemoryFileSystem
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors
from mlcycle.lifecycle import _opening
from mlcycle.lifecycle._connection import Connection
from mlcycle.lifecycle._session import Session
from mlcycle.storage import open_files
from mlcycle.testing import Crash, Fault, FaultyFiles, fail_at

NOW = timedelta(0)
KINDS = [Fault.BEFORE, Fault.AFTER, Fault.UNKNOWN, Fault.UNDONE, Fault.CRASH, Fault.CRASH_AFTER, Fault.SHORT]
DEATHS = (Fault.CRASH, Fault.CRASH_AFTER)

FRAME = pd.DataFrame({"x": np.arange(12.0), "left": [0, 1] * 6})
OTHER = FRAME.assign(x=FRAME["x"] * 2)
TREE = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["left"])


@frozen
class Case:
    """One operation: how to do it, and how often it is seen to be done."""

    act: Callable[[mc.Project], Any]
    seen: Callable[[mc.Project], int]


def add(project: mc.Project) -> None:
    """Add a version."""
    project.datasets.add("d", OTHER, op="try")


def added(project: mc.Project) -> int:
    """Count the versions with its rows."""
    versions = project.datasets.versions("d")
    return sum(project.load(version).equals(OTHER) for version in versions)


def split(project: mc.Project) -> None:
    """Split anew, by another seed."""
    project.datasets.split("d@1", test=0.5, seed=7, op="try")


def parts(project: mc.Project) -> int:
    """Count the splits made; both parts are there or neither."""
    made = [len(project.datasets.versions(name)) - 1 for name in ("d.train", "d.test")]
    assert made[0] == made[1]
    return made[0]


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
    finished = [run for run in project.experiments.get("e").runs() if run.name == "tried" and run.status == "finished"]
    complete = [run for run in finished if run.failures == 0]
    assert all(run.metrics == {"loss": 0.25} for run in complete)
    assert all(run.model is not None and [*run.artifacts] == ["notes"] for run in complete)
    return len(finished)


def register_run(project: mc.Project) -> None:
    """Register the model of a run."""
    run = next(run for run in project.experiments.get("e").runs() if run.name == "base")
    project.models.register("m", run.id, op="try")


def register(project: mc.Project) -> None:
    """Register an estimator."""
    project.models.register("m", TREE, example=FRAME[["x"]], op="try")


def registered(project: mc.Project) -> int:
    """Count the versions it made."""
    return len(project.models.versions("m")) - 2


def promote(project: mc.Project) -> None:
    """Move an alias through the gate."""
    project.models.promote("m@2", "production", reason="better", op="try")


def promoted(project: mc.Project) -> int:
    """Count the moves; the decision, the move and the alias come together."""
    moves = int((project.models.history("m", "production")["after"] == "m@2").sum())
    assert moves == sum(decision.subject == "m@2" for decision in project.models.decisions())
    assert moves == (project.models.aliases("m")["production"] == "m@2")
    return moves


def evaluate(project: mc.Project) -> None:
    """Judge a model."""
    project.evaluate("m@1", "d.test", op="try")


def evaluated(project: mc.Project) -> int:
    """Count the evaluations."""
    return len(project._session.view().facts.entries("evaluation", "model:m@1"))


def route(project: mc.Project) -> None:
    """Say who answers."""
    project.deployments.open("eu").route({"m@1": 1, "m@2": 1}, reason="canary", op="try")


def routed(project: mc.Project) -> int:
    """Count the revisions made."""
    return len(project.deployments.get("eu").revisions()) - 1


def sweep(project: mc.Project) -> None:
    """Sweep everything that can go."""
    project.store.sweep(min_age=NOW)


def swept(project: mc.Project) -> int:
    """Say whether nothing is left to sweep."""
    return int(not unnamed(project))


def roll_back(project: mc.Project) -> None:
    """Set the whole project back."""
    project.rollback("before", reason="upstream bug", op="try")


def rolled_back(project: mc.Project) -> int:
    """Say whether it is set back: all of it, or nothing."""
    states = [
        project.datasets.latest("e").ref == "e@1",
        project.models.aliases("m") == {},
        project.deployments.get("eu").revision is None,
    ]
    assert len(set(states)) == 1
    return int(states[0])


CASES = {
    "add": Case(add, added),
    "split": Case(split, parts),
    "run": Case(live, lived),
    "register a run": Case(register_run, registered),
    "register": Case(register, registered),
    "evaluate": Case(evaluate, evaluated),
    "promote": Case(promote, promoted),
    "route": Case(route, routed),
    "sweep": Case(sweep, swept),
    "roll back": Case(roll_back, rolled_back),
}


@pytest.fixture(autouse=True)
def kept_models_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give temporary files a place of their own: a model that cannot be stored is kept there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """Return a small project that has been around once, as a place to copy."""
    url = place()
    project = mc.open(url, create=True, author="ada")
    project.datasets.add("d", FRAME, target="left")
    project.datasets.add("e", FRAME)
    train, _ = project.datasets.split("d", test=0.5)
    project.deployments.open("eu")
    with project.experiments.open("e").start(uses=[train], name="base") as run:
        run.save_model(TREE, example=FRAME[["x"]][:3])
    project.models.register("m", run)
    project.store.tag("before")
    project.models.register("m", TREE, example=FRAME[["x"]])
    project.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.01)], test="d.test")
    project.evaluate("m@2")
    project.models.promote("m@1", override=mc.Override(reason="first", until="2100-01-01"))
    project.deployments.get("eu").route("m@1")
    project.datasets.add("e", OTHER.assign(y=1))
    project.datasets.add("gone", FRAME.assign(gone=1))
    project.store.drop("dataset:gone@1")
    project.store.tag("after")
    yield url
    forget(url)


def place() -> str:
    """Return a place of its own in memory."""
    return f"memory://faults-{uuid.uuid4().hex}"


def paths(url: str) -> dict[str, Any]:
    """Return the files of a place, by key."""
    root = url.removeprefix("memory:/") + "/"
    return {path.removeprefix(root): file for path, file in MemoryFileSystem.store.items() if path.startswith(root)}


def forget(url: str) -> None:
    """Give the memory back."""
    for key in paths(url):
        del MemoryFileSystem.store[f"{url.removeprefix('memory:/')}/{key}"]


def copied(base: str) -> str:
    """Return a copy of a store."""
    url = place()
    files = open_files(url)
    for key, file in paths(base).items():
        files.put(key, file.getvalue())
    return url


def on(files: FaultyFiles) -> mc.Project:
    """Return a project whose storage calls can fail."""
    return mc.Project(Session(connected(files), author="ada"))


def connected(files: FaultyFiles) -> Connection:
    """Return a connection whose storage calls can fail."""
    connection = Connection(files.url)
    connection.stand_on(files)
    return connection


def unnamed(project: mc.Project) -> list[str]:
    """Return the files a sweep would take."""
    return [*project.store.sweep(dry_run=True, min_age=NOW).keys]


def check_whole(project: mc.Project) -> None:
    """Read everything that is listed, and every byte."""
    for name in project.datasets.names():
        for version in project.datasets.versions(name):
            assert version.rows == len(project.load(version))
    for name in project.models.names():
        for version in project.models.versions(name):
            assert len(project.load(version).predict(FRAME[["x"]])) == len(FRAME)
    for run in project.experiments.get("e").runs():
        files = [*run.artifacts.values(), *(run.model["files"] if run.model else ())]
        for file in files:
            key = file["key"] if isinstance(file, dict) else file.key
            assert len(project._session.files.read(key)) == (file["size"] if isinstance(file, dict) else file.size)
    project.models.decisions()
    assert project.store.verify("bytes").problems == ()


def walk(base: str, case: Case, fault_of: Callable[[int], Fault]) -> int:
    """Let every storage call of an operation fail once; return how many calls it makes."""
    begun = case.seen(mc.open(base, mode="r"))
    for call in itertools.count():
        url, fault = copied(base), fault_of(call)
        files = FaultyFiles(open_files(url))
        project = on(files)
        project._session.view()
        files.calls.clear()
        files.plan = fail_at(call, fault)
        done = attempt(lambda: case.act(project))  # noqa: B023 - called at once
        calls, files.plan = len(files.calls), None
        fresh = mc.open(url, author="bob")
        check_whole(fresh)
        seen = case.seen(fresh) - begun
        assert seen == 1 if done else seen in (0, 1), (call, fault, seen, files.calls[call])
        if call >= calls:
            forget(url)
            assert done
            return call
        repeat(fresh if fault in DEATHS else project, fresh, case, begun, seen)
        forget(url)
    raise AssertionError


def repeat(project: mc.Project, fresh: mc.Project, case: Case, begun: int, seen: int) -> None:
    """Do it again, by the same handle where its process lives: then it is done once, and what is left over can go."""
    if case.act is not live:
        case.act(project)
        seen = 1
    assert seen == case.seen(fresh) - begun
    fresh.store.sweep(min_age=NOW)
    assert unnamed(fresh) == []
    check_whole(fresh)


def attempt(act: Callable[[], Any]) -> bool:
    """Say whether an operation was acknowledged; only errors of the library's own tree may come out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", errors.MlcycleWarning)
            act()
    except (errors.MlcycleError, Crash):
        return False
    return True


def walk_opening(base: str | None, create: bool | None, fault_of: Callable[[int], Fault]) -> int:
    """Let every storage call of opening or making a store fail once; return how many there are."""
    for call in itertools.count():
        url, fault = copied(base) if base else place(), fault_of(call)
        files = FaultyFiles(open_files(url), fail_at(call, fault))
        done = attempt(lambda: _opening._begin(connected(files), create, author="ada"))  # noqa: B023 - called at once
        calls = len(files.calls)
        again = mc.open(url, author="bob")
        assert bool(base) == ("d" in again.datasets.names())
        assert [entry["n"] for entry in created(again)] == [0]
        assert again.store.verify("bytes").problems == ()
        again.store.tag("works")
        forget(url)
        if call >= calls:
            assert done
            return call
    raise AssertionError


def created(project: mc.Project) -> list[dict[str, Any]]:
    """Return the entries that say the project was created."""
    return [
        entry
        for entry in project._session.log.entries()
        if any(change["kind"] == "project.create" for change in entry["changes"])
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_fault_at_every_call(name: str, base: str) -> None:
    """One kind of fault at each call, the kinds in turn."""
    offset = [*CASES].index(name)
    assert walk(base, CASES[name], lambda call: KINDS[(call + offset) % len(KINDS)]) > 2


@pytest.mark.deep
@pytest.mark.parametrize("fault", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_every_fault_at_every_call(name: str, fault: Fault, base: str) -> None:
    """Every kind of fault at each call."""
    walk(base, CASES[name], lambda call: fault)


@pytest.mark.parametrize("fault", KINDS)
@pytest.mark.parametrize("create", [None, True])
def test_a_fault_at_every_call_of_making_a_store(create: bool | None, fault: Fault, capfd: Any) -> None:
    """Whoever comes next finds a store, or an empty place to make one in."""
    assert walk_opening(None, create, lambda call: fault) > 10


@pytest.mark.parametrize("fault", KINDS)
def test_a_fault_at_every_call_of_opening_a_store(fault: Fault, base: str) -> None:
    """Opening changes nothing, however it fails."""
    assert walk_opening(base, None, lambda call: fault) >= 3


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.UNKNOWN, Fault.UNDONE, Fault.SHORT])
def test_training_goes_on_without_a_storage(fault: Fault, base: str) -> None:
    """Once a run has started nothing is raised, whatever fails; it is counted, and the model is kept here."""
    url = copied(base)
    files = FaultyFiles(open_files(url))
    run = on(files).experiments.get("e").start(name="tried")
    files.plan = lambda number, op, key: fault
    with pytest.warns(errors.MlcycleWarning) as said:
        train(run)
    assert run.failures >= 3
    kept = [
        Path(str(one.message).partition("kept at ")[2].partition(";")[0])
        for one in said
        if "kept at" in str(one.message)
    ]
    assert [path.is_file() for path in kept] == [True]
    files.plan = None
    check_whole(mc.open(url))
    forget(url)
