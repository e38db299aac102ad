"""What every verb asks of the storage, pinned; and when it asks nothing: in a plan, and under the lock that folds."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors, provenance
from mlcycle.lifecycle._connection import Connection
from mlcycle.lifecycle._home import Home
from mlcycle.lifecycle._session import Session
from mlcycle.state import TagSet
from mlcycle.storage import _prefetch, open_files
from mlcycle.storage import _put_if_absent as promise_module
from mlcycle.testing import FaultyFiles
from tests.lifecycle.requests import PAGE, PINS, counted, page

FRAME = pd.DataFrame({"x": np.arange(12.0), "left": [0, 1] * 6})
TREE = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["left"])
FIRST = {"override_until": "2100-01-01", "message": "first"}
CRITERIA = [mc.AtLeast("accuracy", 0.01)]


def blocked(do: Callable[[], Any]) -> None:
    """Do what a gate blocks."""
    with pytest.raises(errors.GateBlocked):
        do()


def a_run(experiment: Any, **given: Any) -> mc.ActiveRun:
    """Make a short run with a model."""
    with experiment.start(params={"depth": 1}, **given) as run:
        run.log(loss=0.5)
        run.save_model(TREE, example=FRAME[["x"]])
    return run


@pytest.fixture(autouse=True)
def changed_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be changes that were not committed, in whatever state the repository of these tests is."""
    code = provenance.CapturedCode(commit="0" * 40, dirty=True, diff="--- a/train.py\n+++ b/train.py\n")
    monkeypatch.setattr(provenance, "capture_code", lambda: code)


class Asked:
    """Notes what is asked of a bucket while something is done."""

    def __init__(self, server: Any) -> None:
        self._server, self.bucket = server, server.bucket()
        self.found: dict[str, dict[str, int]] = {}

    def __call__(self, what: str, do: Callable[[], Any]) -> Any:
        """Note what something asks."""
        answer, self.found[what] = self._asked(do)
        return answer

    def each(self, what: str, one: Callable[[], Any], two: Callable[[], Any]) -> None:
        """Note what the second of something costs."""
        few, more = (Counter(self._asked(do)[1]) for do in (one, two))
        assert few <= more
        self.found[f"each further {what}"] = dict(more - few)

    def _asked(self, do: Callable[[], Any]) -> tuple[Any, dict[str, int]]:
        self._server.requests(self.bucket)
        return do(), counted(self._server.requests(self.bucket))


def story(project: mc.Project, asked: Asked) -> None:
    """Go through every verb of a project in a process that has committed before."""
    data, models = project.datasets, project.models
    asked("add", lambda: data.add("d", FRAME, target="left"))
    asked("add what is there", lambda: data.add("d", FRAME))
    table = data["d"]
    asked("split", lambda: table.split(test=0.5))
    asked("split as before", lambda: table.split(test=0.5))
    asked.each(
        "part of a split",
        lambda: table.split(test=0.25, seed=3),
        lambda: table.split({"train": 0.5, "validation": 0.25, "test": 0.25}, seed=4),
    )
    asked("load", lambda: project.load("dataset:d"))
    asked("load a part", lambda: project.load("dataset:d.test@1"))
    asked("set a scope", lambda: project.scope.set(objective="o", criteria=CRITERIA, test="d.test@1"))
    first = asked("register", lambda: models.register("m", TREE, example=FRAME[["x"]], uses=["d.train@1"]))
    asked("promote, blocked", lambda: blocked(first.promote))
    asked("evaluate", first.evaluate)
    asked("promote, its model never loaded before", first.promote)
    asked("promote", lambda: first.promote("staging"))
    asked("open a deployment", lambda: project.deployments.open("eu"))
    eu = project.deployments["eu"]
    asked("route", lambda: eu.route("m@1"))
    second = models.register("m", TREE, uses=["d.train@1"])
    second.evaluate()
    asked("route to what nothing allowed before", lambda: eu.route("m@2"))
    asked.each("version routed to", lambda: eu.route("m@1"), lambda: eu.route({"m@1": 9, "m@2": 1}))
    asked("roll back a route", lambda: eu.rollback())
    second.promote(**FIRST)
    asked("roll back an alias", lambda: models.rollback("m"))
    asked("open an experiment", lambda: project.experiments.open("e"))
    asked("drop", lambda: project.store.drop("model:m@2"))
    asked("restore", lambda: project.store.restore("model:m@2"))
    asked("tag", lambda: project.store.tag("here"))
    data.add("d", FRAME.assign(y=1.0))
    asked("roll back the project", lambda: project.rollback("here"))


def runs(project: mc.Project, asked: Asked) -> None:
    """Make runs, and tables of them."""
    experiment = project.experiments.open("e")
    first = asked("start a run, its code and environment new to the store", lambda: experiment.start(uses=["d.train"]))
    first.finish()
    run = asked("start a run", lambda: experiment.start(uses=["d.train"]))
    run.log(loss=0.5)
    with run:
        asked("load a part inside a run", lambda: project.load("dataset:d.train@1"))
        asked("finish a run", run.finish)
    made = a_run(experiment)
    asked("register a run", lambda: made.register("m"))
    asked("table of 3 runs", experiment.frame)
    asked("table of 3 runs, again", experiment.frame)


def readers(url: str, options: dict[str, Any], asked: Asked) -> None:
    """Read as another process would, and commit as one; the log has five entries."""
    project = mc.open(url, create=True, storage_options=options)
    project.scope.set(criteria=CRITERIA, test="d.test")
    project.datasets.add("d", FRAME, target="left")
    project.datasets["d"].split(test=0.5)
    project.models.register("m", TREE, example=FRAME[["x"]], uses=["d.train"]).evaluate()
    project.store.compact()
    again = asked("open", lambda: mc.open(url, storage_options=options))
    asked("load, first time", lambda: again.load("dataset:d"))
    asked("get, first time", lambda: again.datasets["d"])
    asked("get", lambda: again.datasets["d"])
    asked("load a model", lambda: again.load("model:m"))
    asked("promote, its evidence new to the process", again.models["m@1"].promote)
    promise_module._proved.clear()
    asked("first commit of a process", lambda: again.store.tag("first"))
    asked("another commit", lambda: again.store.tag("second"))


def items(url: str, options: dict[str, Any], asked: Asked) -> None:
    """Ask two processes for one and for two of a kind."""
    project = mc.open(url, create=True, storage_options=options)
    for name, count in (("one", 1), ("two", 2)):
        for i in range(count):
            project.datasets.add(name, FRAME.assign(i=i, name=name), target="left")
            project.models.register(name, TREE, example=FRAME[["x"]])
            project.models[f"{name}@1"].evaluate(f"{name}@1")

    def fresh() -> mc.Project:
        return mc.open(url, storage_options=options)

    def each(what: str, do: Callable[[mc.Project, str], Any]) -> None:
        few, more = fresh(), fresh()
        asked.each(what, lambda: do(few, "one"), lambda: do(more, "two"))

    each("version of a dataset listed", lambda project, name: project.datasets.versions(name))
    each("version of a model listed", lambda project, name: project.models.versions(name))
    each("evaluation read", lambda project, name: project.models[f"{name}@1"].evaluations())
    a_run(project.experiments.open("e"))
    knows, new = fresh().runs, fresh().runs
    knows.frame()
    asked.each("run in a table, first time", knows.frame, new.frame)


def test_requests(s3_server: Any) -> None:
    """Every verb asks for what it needs; more is somebody's money."""
    asked, options = Asked(s3_server), s3_server.options()
    project = mc.open(f"s3://{asked.bucket}/store", create=True, storage_options=options)
    project.store.tag("made")
    story(project, asked)
    runs(project, asked)
    readers(f"s3://{asked.bucket}/five", options, asked)
    items(f"s3://{asked.bucket}/items", options, asked)
    assert asked.found == PINS


def test_pages_of_a_listing_are_requests(s3_server: Any) -> None:
    """A table of runs lists three keys a run; where a page holds twenty, nine runs make two."""
    bucket, options = s3_server.bucket("pages"), s3_server.options()
    project = mc.open(f"s3://{bucket}/store", create=True, storage_options=options)
    experiment = project.experiments.open("e")
    for _ in range(9):
        with experiment.start() as run:
            run.log(loss=0.5)
    experiment.frame()
    s3_server.requests(bucket)
    assert len(experiment.frame()) == 9
    assert counted(s3_server.requests(bucket)) == {"LIST": 2, "GET log": 1}


def test_a_gate_reads_no_evidence_on_other_data() -> None:
    """However often a version was judged on other data: what cannot answer costs a promotion nothing.

    The model and its example are read to be tried, once.
    """
    url = f"memory://evidence-{uuid.uuid4().hex}"
    project = mc.open(url, create=True)
    project.scope.set(criteria=CRITERIA, test="d")
    for name in ("d", "other"):
        project.datasets.add(name, FRAME, target="left")
    past = project.datasets.add("past", FRAME.assign(x=FRAME["x"] + 100), target="left")
    project.models.register("m", TREE, example=FRAME[["x"]], uses=[past])
    for name in ("d", "other", "other", "other"):
        project.models["m"].evaluate(name)
    late, files = watched(url)
    model = late.models["m"]
    files.calls.clear()
    assert model.promote().allowed
    read = [Path(key).suffix for op, key in files.calls if (op, key[:6]) == ("read", "files/")]
    assert sorted(read) == [".json", ".parquet", ".skops"]
    files.calls.clear()
    model.promote("staging")
    assert [key for op, key in files.calls if (op, key[:6]) == ("read", "files/")] == []


def test_the_page_is_made_of_the_pins() -> None:
    """``python -m tests.lifecycle.requests`` writes it."""
    assert page(PAGE.read_text()) == PAGE.read_text()


def test_the_six_keep_their_numbers() -> None:
    """What was promised of a warm process."""
    most = {"add": 5, "add what is there": 1, "split": 8, "register": 5, "promote": 4, "route": 3, "start a run": 2}
    most |= {"start a run, its code and environment new to the store": 5, "table of 3 runs, again": 2}
    assert {what: sum(PINS[what].values()) for what in most if sum(PINS[what].values()) > most[what]} == {}


# when nothing is asked


class Watched(FaultyFiles):
    """A storage that tells who asks it in a plan, or under the lock that folds."""

    def __init__(self, url: str) -> None:
        self.wrong: list[tuple[str, str]] = []
        self.connection: Connection | None = None
        super().__init__(open_files(url), self._seen, local_paths=True)

    def _seen(self, number: int, op: str, key: str) -> None:
        replay = self.connection.log._replay if self.connection else None
        if _prefetch._now.held is not None or (replay is not None and replay._folding.locked()):
            self.wrong.append((op, key))


def watched(url: str) -> tuple[mc.Project, Watched]:
    """Return a project on such a storage."""
    connection, files = Connection(url), Watched(url)
    connection.use_files(files)
    files.connection = connection
    return mc.Project(Session(connection, author="ada", make_home=Home)), files


def unheard(what: str, do: Callable[[], Any]) -> Any:
    """Do something, and note nothing of it."""
    return do()


unheard.each = lambda what, one, two: (one(), two())  # type: ignore[attr-defined]


@pytest.mark.parametrize("place", ["memory", "local"])
def test_nothing_is_asked_in_a_plan_nor_while_an_entry_is_folded(place: str, tmp_path: Path) -> None:
    """Through every verb, in a process that saw it all, and in one that opens from a checkpoint and holds nothing."""
    url = str(tmp_path / "store") if place == "local" else f"memory://watched-{uuid.uuid4().hex}"
    mc.open(url, create=True)
    project, files = watched(url)
    story(project, unheard)
    runs(project, unheard)
    for i in range(70):
        project.store.tag(f"t{i}")
    project._session.log.flush()
    again, late = watched(url)
    assert again._session.log.snapshot().base > 0
    others = mc.open(url, author="bob")
    others.datasets.add("d", FRAME.assign(z=2.0))  # it folds upon a state that is not read yet
    for change in (
        lambda: again.store.drop("dataset:d@2"),
        lambda: again.deployments["eu"].route({"m@1": 1, "m@2": 1}),
        lambda: again.deployments["eu"].rollback(),
        lambda: again.models["m@2"].promote(**FIRST),
        lambda: again.models.rollback("m"),
        lambda: again.rollback("here", **FIRST),
        lambda: again.scope.set(objective="another"),
        lambda: again.store.sweep(min_age=0),
    ):
        change()
    assert len(files.calls) > 100
    assert len(late.calls) > 20
    assert (files.wrong, late.wrong) == ([], [])


@pytest.mark.parametrize("place", ["memory", "local"])
def test_a_run_starts_with_two_calls_on_every_storage(place: str, tmp_path: Path) -> None:
    """A look and a head; points are opened with the first line, and a table of known runs is a listing and a look."""
    url = str(tmp_path / "store") if place == "local" else f"memory://starts-{uuid.uuid4().hex}"
    mc.open(url, create=True)
    project, files = watched(url)
    experiment = project.experiments.open("e")
    experiment.start().finish()
    files.calls.clear()
    run = experiment.start()
    assert [op for op, key in files.calls if key != "hint.json"] == ["read", "put"]
    run.log(loss=0.5)
    assert [op for op, _ in files.calls[-2:]] == ["append", "write"]
    experiment.frame()
    files.calls.clear()
    assert experiment.frame()["status"].tolist() == ["finished", "running"]
    assert [op for op, _ in files.calls] == ["list", "read"]
    run.finish()


def test_the_watch_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that asks is seen."""
    url = f"memory://watched-{uuid.uuid4().hex}"
    mc.open(url, create=True)
    project, files = watched(url)

    def plan(view: Any) -> Any:
        files.read("store.json")
        return [TagSet(name="seen", to=0)]

    project._session.operate("store.tag", lambda do: do.commit(plan))
    assert files.wrong == [("read", "store.json")]
