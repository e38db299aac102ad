"""A fault at every storage call of everything a project does: nothing acknowledged is lost, nothing is half there."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

import mlcycle as mc
from mlcycle import errors
from mlcycle.lifecycle import _opening
from mlcycle.lifecycle._connection import Connection
from mlcycle.lifecycle._home import Home
from mlcycle.lifecycle._session import Session
from mlcycle.storage import open_files
from mlcycle.storage._entries import entry_key
from mlcycle.testing import Crash, Fault, FaultyFiles, fail_at
from tests.lifecycle.fault_cases import CASES, FRAME, NOW, Case, begin, train, unnamed
from tests.verbs import verbs

KINDS = [Fault.BEFORE, Fault.AFTER, Fault.UNKNOWN, Fault.UNDONE, Fault.CRASH, Fault.CRASH_AFTER, Fault.SHORT]
Rival = Callable[[mc.Project, list[tuple[str, str]]], Any]
DEATHS = (Fault.CRASH, Fault.CRASH_AFTER)


@pytest.fixture(autouse=True)
def kept_models_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give temporary files a place of their own: a model that cannot be stored is kept there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """Return a small project that has been around once, as a place to copy."""
    url = place()
    begin(url)
    yield url
    forget(url)


@pytest.fixture
def start(name: str, base: str) -> Iterator[str]:
    """Return the place a case starts from, to copy."""
    url = copied(base)
    CASES[name].given(mc.open(url, author="ada"))
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
    return mc.Project(Session(connected(files), author="ada", make_home=Home))


def connected(files: FaultyFiles) -> Connection:
    """Return a connection whose storage calls can fail."""
    connection = Connection(files.url)
    connection.use_files(files)
    return connection


def check_whole(project: mc.Project) -> None:
    """Read everything that is listed, and every byte."""
    for name in project.datasets:
        for version in project.datasets.versions(name):
            assert version.rows == len(project.load(version))
    for name in project.models:
        for version in project.models.versions(name):
            assert len(project.load(version).predict(FRAME[["x"]])) == len(FRAME)
    for run in project.experiments["e"].runs():
        files = [*run.artifacts.values(), *(run.model["files"] if run.model else ())]
        for file in files:
            key = file["key"] if isinstance(file, dict) else file.key
            assert len(project._session.log.files.read(key)) == (file["size"] if isinstance(file, dict) else file.size)
    project.models.decisions()
    assert project.store.verify("bytes").problems == ()


def walk(start: str, case: Case, fault_of: Callable[[int], Fault]) -> int:
    """Let every storage call of an operation fail once; return how many calls it makes."""
    begun = case.seen(mc.open(start, mode="r"))
    for call in itertools.count():
        url, fault = copied(start), fault_of(call)
        files, reader = FaultyFiles(open_files(url)), mc.open(url, mode="r")
        project = on(files)
        project._session.view()
        files.calls.clear()
        files.plan = fail_at(call, fault)
        done = attempt(lambda: case.act(project))  # noqa: B023 - called at once
        calls, files.plan = len(files.calls), None
        check_tidy(done, dead=fault in DEATHS)
        fresh = mc.open(url, author="bob")
        check_whole(fresh)
        seen = case.seen(fresh) - begun
        assert seen == 1 if done else seen in (0, 1), (call, fault, seen, files.calls[call])
        assert case.seen(reader) - begun == seen
        if call >= calls:
            forget(url)
            assert done
            return call
        repeat(fresh if fault in DEATHS else project, fresh, case, begun, seen)
        forget(url)
    raise AssertionError


def repeat(project: mc.Project, fresh: mc.Project, case: Case, begun: int, seen: int) -> None:
    """Do it again, by the same handle where its process lives: then it is done once, and what is left over can go."""
    (case.again or case.act)(project)
    assert case.seen(fresh) - begun == (seen if case.again else 1)
    fresh.store.sweep(min_age=NOW)
    assert unnamed(fresh) == []
    check_whole(fresh)


def check_tidy(done: bool, *, dead: bool = False) -> None:
    """Look for temporary files and remove them: a process that lives leaves none but the model it could not store."""
    for path in Path(tempfile.gettempdir()).iterdir():
        assert dead or (not done and path.name.startswith("mlcycle-model-")), path
        path.unlink()


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
        assert bool(base) == ("d" in again.datasets)
        assert [entry["n"] for entry in created(again)] == [0]
        assert again.store.verify("bytes").problems == ()
        again.store.tag("works")
        forget(url)
        if call >= calls:
            assert done
            return call
    raise AssertionError


class Meddler:
    """A plan in which nothing fails, but somebody else is faster than one call.

    Parameters
    ----------
    turn : int
        Which call, from 0.
    act : callable
        What he does just before it.
    counts : callable
        Operation and key of a call to whether it counts.
    """

    def __init__(self, turn: int, act: Callable[[], Any], counts: Callable[[str, str], bool]) -> None:
        self._left, self._act, self._counts = turn, act, counts
        self.met = False

    def __call__(self, number: int, op: str, key: str) -> None:
        """Let every call succeed."""
        if self._counts(op, key):
            self._left -= 1
            if self._left == -1:
                self.met = True
                self._act()


def creates_entry(op: str, key: str) -> bool:
    """Say whether a call commits; every process also creates the first entry, to prove that it cannot."""
    return op == "create" and key.startswith("log/") and key != entry_key(0)


def race(
    start: str,
    case: Case,
    turn: int,
    rival: Rival,
    *,
    refused: type[Exception] | None = None,
    counts: Callable[[str, str], bool] = creates_entry,
) -> list[str] | None:
    """Do an operation against a rival; return the verbs it committed, or None where there was nothing to be faster at.

    Parameters
    ----------
    start : str
        The place to copy.
    case : Case
        The operation.
    turn : int
        Before which of its calls the rival acts.
    rival : callable
        Given another project, and the storage calls of the operation so far.
    refused : type, optional
        What is raised, and nothing done.
    counts : callable
        Which calls count: those that commit.
    """
    url = copied(start)
    files, other, reader = FaultyFiles(open_files(url)), mc.open(url, author="eve"), mc.open(url, mode="r")
    project, begun = on(files), case.seen(reader)
    before = project._session.view().n
    meddler = files.plan = Meddler(turn, lambda: rival(other, [*files.calls]), counts)
    with pytest.raises(refused) if refused else contextlib.nullcontext():
        case.act(project)
    files.plan = None
    check_tidy(done=True)
    fresh = mc.open(url, author="bob")
    check_whole(fresh)
    assert case.seen(fresh) - begun == case.seen(reader) - begun == (0 if refused else 1)
    made = [entry["verb"] for entry in fresh._session.log.entries(before + 1) if entry["author"] == "ada"]
    fresh.store.sweep(min_age=NOW)
    assert unnamed(fresh) == []
    check_whole(fresh)
    forget(url)
    return made if meddler.met else None


def created(project: mc.Project) -> list[dict[str, Any]]:
    """Return the entries that say the project was created."""
    return [
        entry
        for entry in project._session.log.entries()
        if any(change["kind"] == "project.create" for change in entry["changes"])
    ]


def test_every_verb_is_walked() -> None:
    """Whatever commits has a case; that a case commits what it says is seen where it is raced."""
    assert {verb for case in CASES.values() for verb in case.verbs} == verbs() - {"project.create"}  # walked below


@pytest.mark.parametrize("name", CASES)
def test_a_fault_at_every_call(name: str, start: str) -> None:
    """One kind of fault at each call, the kinds in turn."""
    offset = [*CASES].index(name)
    assert walk(start, CASES[name], lambda call: KINDS[(call + offset) % len(KINDS)]) > 2


@pytest.mark.deep
@pytest.mark.parametrize("fault", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_every_fault_at_every_call(name: str, fault: Fault, start: str) -> None:
    """Every kind of fault at each call."""
    walk(start, CASES[name], lambda call: fault)


@pytest.mark.parametrize("name", CASES)
def test_another_writer_commits_first(name: str, start: str) -> None:
    """Whichever entry of an operation comes second to one that has nothing to do with it, it is committed once."""
    case = CASES[name]
    for turn in range(len(case.verbs)):
        assert race(start, case, turn, lambda other, calls: other.store.tag("elsewhere")) == [*case.verbs]
    assert race(start, case, len(case.verbs), lambda other, calls: other.store.tag("elsewhere")) is None


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.verbs])
def test_a_sweep_takes_what_was_uploaded(name: str, start: str) -> None:
    """The work is done again, and what it commits is there; what rests on nothing having been swept is refused."""
    uploaded: list[str] = []
    taken: list[str] = []

    def rival(other: mc.Project, calls: list[tuple[str, str]]) -> None:
        uploaded.extend(key for op, key in calls if op == "put" and key.startswith(("tables/", "files/", "leaves/")))
        taken.extend(other.store.sweep(min_age=NOW).keys)

    assert race(start, CASES[name], 0, rival, refused=CASES[name].swept) is not None
    assert {*uploaded} <= {*taken}


@pytest.mark.deep
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.swept is None])
def test_a_sweep_before_every_call(name: str, start: str) -> None:
    """Whenever it comes, the operation is done once and nothing of it is missing."""

    def rival(other: mc.Project, calls: list[tuple[str, str]]) -> None:
        other.store.sweep(min_age=NOW)

    for turn in itertools.count():
        if race(start, CASES[name], turn, rival, counts=lambda op, key: True) is None:
            break
    assert turn > 2


@pytest.mark.parametrize("fault", KINDS)
@pytest.mark.parametrize("create", [None, True])
def test_a_fault_at_every_call_of_making_a_store(create: bool | None, fault: Fault, capfd: Any) -> None:
    """Whoever comes next finds a store, or an empty place to make one in."""
    assert walk_opening(None, create, lambda call: fault) > 10


@pytest.mark.parametrize("create", [None, True])
def test_another_makes_the_store_first(create: bool | None, capfd: Any) -> None:
    """Whichever call he comes before, there is one beginning; who insists on making it is told that it is another's."""
    won = 0
    for call in itertools.count():
        url = place()
        files = FaultyFiles(open_files(url))
        files.plan = lambda number, op, key: meet(url) if number == call else None  # noqa: B023 - called at once
        made = attempt(lambda: _opening._begin(connected(files), create, author="ada"))  # noqa: B023 - called at once
        again = mc.open(url, author="bob")
        (first,) = created(again)
        assert made == (create is None or first["author"] == "ada")
        assert again.store.verify("bytes").problems == ()
        won += first["author"] == "ada"
        forget(url)
        if call >= len(files.calls):
            break
    assert 1 < won < call


def meet(url: str) -> None:
    """Open a place, or make a store there, as somebody else."""
    mc.open(url, author="eve").store.tag("works")


@pytest.mark.parametrize("fault", KINDS)
def test_a_fault_at_every_call_of_opening_a_store(fault: Fault, base: str) -> None:
    """Opening changes nothing, however it fails."""
    assert walk_opening(base, None, lambda call: fault) >= 3


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.UNKNOWN, Fault.UNDONE, Fault.SHORT])
def test_training_goes_on_without_a_storage(fault: Fault, base: str) -> None:
    """Once a run has started nothing is raised, whatever fails; it is counted, and the model is kept here."""
    url = copied(base)
    files = FaultyFiles(open_files(url))
    run = on(files).experiments["e"].start(name="tried")
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
