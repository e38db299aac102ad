"""Which run goes on here: the innermost block of this context, and what was loaded in it."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors
from mlcycle.lifecycle.runs import run_folder
from mlcycle.storage import open_files
from mlcycle.testing import Fault, FaultyFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FRAME = pd.DataFrame({"x": range(40), "left": [0, 1] * 20})
TREE = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["left"])


@pytest.fixture
def begun(project: mc.Project) -> mc.Project:
    """Return a project with data in two parts, and an experiment."""
    project.datasets.add("d", FRAME, target="left")
    project.datasets["d"].split(test=0.25)
    project.experiments.open("e")
    return project


def start(project: mc.Project, **given: Any) -> mc.ActiveRun:
    """Start a run."""
    return project.experiments["e"].start(**given)


def reads(project: mc.Project, run: mc.ActiveRun) -> tuple[str, ...]:
    """Return what a run is said to have read, by whoever looks at it."""
    return mc.open(project.store.url).runs[run.id].reads


# which one ------------------------------------------------------------------------------------------------------------


def test_the_innermost_block_wins(begun: mc.Project) -> None:
    """Inside of two blocks it is the inner one, and outside of all there is none."""
    assert mc.current_run() is None
    with start(begun) as outer:
        assert mc.current_run() is outer
        with start(begun) as inner:
            assert mc.current_run() is inner
        assert mc.current_run() is outer
    assert mc.current_run() is None


def test_a_run_without_a_block_is_nowhere_current(begun: mc.Project) -> None:
    """Nobody knows where it ends."""
    run = start(begun)
    assert mc.current_run() is None
    run.finish()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_a_block_that_fails_is_left(begun: mc.Project, error: type[BaseException]) -> None:
    """Whatever comes out of it, the run around it is current again."""
    with start(begun) as outer:
        with pytest.raises(error), start(begun):
            raise error
        assert mc.current_run() is outer


def test_a_finished_run_is_not_current(begun: mc.Project) -> None:
    """Once it has ended, what its block still does belongs to the run around it."""
    with start(begun) as outer, start(begun) as inner:
        inner.finish()
        assert mc.current_run() is outer
        begun.load("dataset:d@1")
    assert (reads(begun, outer), reads(begun, inner)) == (("d@1",), ())


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(4)))
def test_blocks_may_end_in_any_order(order: list[int]) -> None:
    """The current run is always the one entered last among those that go on."""
    experiment = mc.open("memory://blocks-in-any-order").experiments.open("e")
    runs = [experiment.start() for _ in range(4)]
    for run in runs:
        run.__enter__()
    open_runs = list(range(4))
    for number in order:
        runs[number].__exit__(None, None, None)
        open_runs.remove(number)
        assert mc.current_run() is (runs[open_runs[-1]] if open_runs else None)


def test_a_thread_begins_without_a_run(begun: mc.Project) -> None:
    """As without any context; a copy of the context takes the run there."""
    found: list[mc.ActiveRun | None] = []

    def look() -> None:
        found.append(mc.current_run())

    with start(begun) as run:
        context = contextvars.copy_context()
        for target in (look, lambda: context.run(look)):
            thread = threading.Thread(target=target, context=contextvars.Context()) if _INHERITS else None
            thread = thread or threading.Thread(target=target)
            thread.start()
            thread.join()
    assert found == [None, run]


_INHERITS = getattr(sys.flags, "thread_inherit_context", 0)  # free-threaded builds of Python hand the context on


def test_tasks_have_the_run_they_were_made_in(begun: mc.Project) -> None:
    """Two tasks with blocks of their own do not see each other's."""

    async def train(name: str) -> bool:
        with start(begun, name=name) as run:
            await asyncio.sleep(0)
            here = mc.current_run() is run
            return here and await asyncio.to_thread(lambda: mc.current_run() is run)

    async def both() -> list[bool]:
        return await asyncio.gather(train("a"), train("b"))

    assert asyncio.run(both()) == [True, True]


def test_a_generator_may_be_closed_in_another_context(begun: mc.Project) -> None:
    """Its run is cancelled, and nothing is raised."""

    def training() -> Iterator[mc.ActiveRun]:
        with start(begun) as run:
            yield run

    going = training()
    run = contextvars.copy_context().run(next, going)
    assert mc.current_run() is None
    going.close()
    assert begun.runs[run.id].status == "cancelled"


# what it read ---------------------------------------------------------------------------------------------------------


def test_what_is_loaded_is_kept_once(begun: mc.Project) -> None:
    """Exact versions, however they were asked for, in the order in which they came."""
    train = begun.datasets["d.train"]
    with start(begun, uses=["d@1"]) as run:
        train.xy()
        begun.load("dataset:d@latest", columns=["x"])
        train.load()
        begun.datasets["d.train"].xy(columns=["x"])
        begun.at(begun.store.info()["entries"] - 1).load("d.test@1")
    assert reads(begun, run) == ("d.train@1", "d@1", "d.test@1")
    assert begun.runs[run.id].uses == ("d@1",)
    assert "uses=[d@1], reads=[d.train@1, d.test@1]" in repr(begun.runs[run.id])


def test_what_is_no_load_of_the_user_is_no_read(begun: mc.Project) -> None:
    """Models, looks, splits, evaluations of any subject, and what could not be loaded."""
    begun.scope.set(criteria=[mc.AtLeast("accuracy", 0.0)], test="d.test")
    model = begun.models.register("m", TREE, uses=["d.train"])
    with start(begun) as run:
        model.load()
        begun.load("model:m")
        model.evaluate()
        begun.datasets["d"].evaluate(checks=[lambda subject, context: len(context.data.load()) == 40])
        begun.datasets["d"].split(test=0.5, seed=3)
        _ = (begun.datasets["d"].columns, begun.datasets.versions("d"))
        with pytest.raises(errors.InvalidInput):
            begun.datasets["d"].load(columns=["nothing of this name"])
    assert reads(begun, run) == ()


def test_data_of_another_project_is_no_read(begun: mc.Project, tmp_path: Path) -> None:
    """Its address would mean something else here; the same project in another handle is the same project."""
    other = mc.open(tmp_path / "other", create=True)
    other.datasets.add("d", FRAME.assign(x=0), target="left")
    with start(begun) as run:
        other.datasets["d"].xy()
        other.load("dataset:d@1")
        mc.open(begun.store.url).load("d.test@1")
    assert reads(begun, run) == ("d.test@1",)


def test_reads_of_a_run_that_goes_on_are_known(anywhere: mc.Project) -> None:
    """A model may be registered before the end of its run, on any storage."""
    anywhere.datasets.add("d", FRAME, target="left")
    with anywhere.experiments.open("e").start() as run:
        anywhere.datasets["d"].xy()
        run.save_model(TREE)
        assert run.register("m").reads == ("d@1",)
        assert (anywhere.runs[run.id].status, anywhere.runs[run.id].reads) == ("running", ("d@1",))


def test_a_child_reads_for_the_same_run(begun: mc.Project) -> None:
    """By a writer of its own; the end tells of both."""
    with start(begun) as run:
        begun.load("d.train@1")
        child = os.fork()
        if child == 0:
            begun.load("d.train@1")
            begun.load("d.test@1")
            os._exit(0)
        os.waitpid(child, 0)
    assert reads(begun, run) == ("d.train@1", "d.test@1")


def _reading(run: mc.ActiveRun, url: str) -> bool:
    outside = mc.current_run() is None
    with run:
        mc.open(url).load("d.test@1")
    return outside


def test_a_copy_in_another_process_has_a_block_of_its_own(begun: mc.Project) -> None:
    """What is read there is kept, and its end does not end the run."""
    with start(begun) as run:
        copy = pickle.loads(pickle.dumps(run))
        done = joblib.Parallel(n_jobs=2)(joblib.delayed(_reading)(copy, begun.store.url) for _ in range(1))
        run.log(loss=0.5)
    found = begun.runs[run.id]
    assert (done, found.status, found.metrics, found.reads) == ([True], "finished", {"loss": 0.5}, ("d.test@1",))


def test_reads_survive_a_kill(begun: mc.Project) -> None:
    """What was loaded when SIGKILL came is known of the lost run."""
    code = f"""
        import mlcycle, os, signal
        project = mlcycle.open({begun.store.url!r})
        with project.experiments["e"].start():
            project.datasets["d.train"].xy()
            project.load("dataset:d@1")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    [run] = begun.experiments["e"].runs()
    assert (run.status, run.reads) == ("lost", ("d.train@1", "d@1"))


def test_reads_of_a_run_are_damage_where_they_are_not_text(begun: mc.Project) -> None:
    """A run whose end holds nonsense says so, as for any other field."""
    with start(begun) as run:
        begun.load("d.train@1")
    end = Path(begun.store.url) / run_folder(run.id) / "end.json"
    end.write_text(end.read_text().replace('["dataset:d.train@1"]', "[5]"))
    assert begun.runs[run.id].status == "damaged"
    assert begun.experiments["e"].frame()["status"].tolist() == ["damaged"]


# trouble --------------------------------------------------------------------------------------------------------------

_ASKED = ("put", "create", "list", "read", "append", "write", "sync")
_FAULTS = [one for one in Fault if one not in (Fault.CRASH, Fault.CRASH_AFTER)]


def faulty(project: mc.Project, fails: Callable[[str], Fault | None]) -> None:
    """Let what is asked about runs fail, by what it is."""
    files = FaultyFiles(open_files(project.store.url), lambda _, op, key: fails(op) if "runs/" in key else None)
    project._session._connection.use_files(files)


@settings(max_examples=25, deadline=None)
@given(away=st.dictionaries(st.sampled_from(_ASKED), st.sampled_from(_FAULTS), max_size=3), data=st.data())
@pytest.mark.filterwarnings("ignore::mlcycle.errors.MlcycleWarning")
def test_a_note_never_stops_a_training(
    tmp_path_factory: pytest.TempPathFactory, away: dict[str, Fault], data: st.DataObject
) -> None:
    """Whatever fails, and whenever, the rows come; an end that could be written says what was read."""
    project = mc.open(tmp_path_factory.mktemp("store"), create=True)
    project.datasets.add("d", FRAME, target="left")
    experiment = project.experiments.open("e")
    faulty(project, lambda op: away.get(op) if data.draw(st.booleans()) else None)
    with experiment.start() as run:
        X, _ = project.datasets["d"].xy()
    assert (len(X), mc.current_run()) == (40, None)
    end = Path(project.store.url) / run_folder(run.id) / "end.json"
    if end.exists():
        assert json.loads(end.read_text())["reads"] == ["dataset:d@1"]


@pytest.mark.parametrize("strict", [False, True])
def test_a_note_that_is_lost_is_told(begun: mc.Project, strict: bool) -> None:
    """By a warning and a count; a run that was started so raises."""
    away: set[str] = set()
    faulty(begun, lambda op: Fault.BEFORE if op in away else None)
    expected = pytest.raises(errors.StorageUnavailable) if strict else pytest.warns(errors.MlcycleWarning)
    with start(begun, strict=strict) as run:
        away |= {"append", "write"}
        with expected:
            begun.load("d.train@1")
        assert run.failures == 1
        away.clear()
    assert reads(begun, run) == ("d.train@1",)
