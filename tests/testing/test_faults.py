"""Storage that fails on purpose fails as it was told to."""

from __future__ import annotations

import pickle
import uuid

import pytest

from mlcycle.errors import StorageUnavailable
from mlcycle.storage import Files, KeyNotFound, Outcome, open_files
from mlcycle.testing import Crash, Fault, FaultyFiles, FilesContract, fail_at, fail_on, fail_randomly


@pytest.fixture
def real() -> Files:
    """Return files in memory."""
    return open_files(f"memory://{uuid.uuid4().hex}")


class TestWithoutPlan(FilesContract):
    """Without a plan nothing fails: the contract holds."""

    @pytest.fixture
    def files(self, real: Files) -> Files:
        """Return wrapped files."""
        return FaultyFiles(real)


def test_before(real: Files) -> None:
    """A call that fails before does nothing."""
    files = FaultyFiles(real, fail_at(0, Fault.BEFORE))
    with pytest.raises(StorageUnavailable, match="planned"):
        files.create("a", b"1")
    assert files.create("a", b"2") is Outcome.WON


@pytest.mark.parametrize("fault", [Fault.AFTER, Fault.UNKNOWN])
def test_after(real: Files, fault: Fault) -> None:
    """A call that fails after has done its work."""
    files = FaultyFiles(real, fail_on("put", fault, times=1))
    with pytest.raises(StorageUnavailable):
        files.put("a", b"1")
    assert files.read("a") == b"1"


def test_lost_answers(real: Files) -> None:
    """A put-if-absent whose answer is lost may have been done, or not."""
    files = FaultyFiles(real, fail_on("create", Fault.UNKNOWN, "done", times=1))
    assert (files.create("done", b"1"), files.create("done", b"2")) == (Outcome.UNKNOWN, Outcome.LOST)
    files.plan = fail_on("create", Fault.UNDONE, "not", times=1)
    assert (files.create("not", b"1"), files.create("not", b"2")) == (Outcome.UNKNOWN, Outcome.WON)


def test_short_write(real: Files) -> None:
    """A short write takes half and says so."""
    files = FaultyFiles(real, fail_on("write", Fault.SHORT, times=1))
    appender = files.append("a")
    assert (appender.write(b"12345678"), appender.offset, appender.write(b"x"), appender.offset) == (4, 4, 1, 5)
    appender.sync()
    appender.close()
    assert files.read("a") == b"1234x"
    assert files.calls == [("append", "a"), ("write", "a"), ("write", "a"), ("sync", "a"), ("read", "a")]


def test_stale_listing(real: Files) -> None:
    """A stale listing is the one of the call before, and empty if there was none."""
    files = FaultyFiles(real, fail_on("list", Fault.STALE, times=1))
    files.put("a", b"")
    assert list(files.list("")) == []
    files.delete(["a"])
    files.put("b", b"")
    files.plan = fail_on("list", Fault.STALE, times=1)
    assert [[one.key for one in files.list("")] for _ in range(2)] == [["a"], ["b"]]


@pytest.mark.parametrize(("fault", "done"), [(Fault.CRASH, False), (Fault.CRASH_AFTER, True)])
def test_crash(real: Files, fault: Fault, done: bool) -> None:
    """A dead process does nothing any more, whatever its clean-up tries; the next one sees what it did."""
    files = FaultyFiles(real, fail_at(0, fault))
    with pytest.raises(Crash):
        files.put("a", b"1")
    for call in (lambda: files.delete(["a"]), lambda: files.read("a")):
        with pytest.raises(Crash, match="gone"):
            call()
    files.revive()
    assert [one.key for one in files.list("")] == (["a"] if done else [])


def test_faults_that_do_not_fit(real: Files) -> None:
    """A fault walked over every call does the nearest thing where it does not fit."""
    files = FaultyFiles(real, lambda number, op, key: Fault.SHORT)
    with pytest.raises(StorageUnavailable):
        files.put("a", b"1")
    files.plan = lambda number, op, key: Fault.STALE
    files.put("a", b"1")
    assert files.read("a") == b"1"
    files.plan = lambda number, op, key: Fault.UNDONE
    with pytest.raises(StorageUnavailable):
        files.delete(["a"])
    assert real.read("a") == b"1"


def test_random_faults_repeat() -> None:
    """The same seed fails the same calls, about as many as it was told."""
    plan, again = fail_randomly(7, 0.25), fail_randomly(7, 0.25)
    faults = [plan(number, "read", "a") for number in range(400)]
    assert faults == [again(number, "read", "a") for number in range(400)]
    assert 60 <= sum(fault is not None for fault in faults) <= 140


def test_errors_pass_through(real: Files) -> None:
    """What the storage itself says stays as it is, and counts as a call."""
    files = FaultyFiles(real)
    with pytest.raises(KeyNotFound):
        files.read("none")
    assert files.calls == [("read", "none")]


def test_pickles_without_its_plan(real: Files) -> None:
    """In another process nothing is planned."""
    files = pickle.loads(pickle.dumps(FaultyFiles(real, lambda number, op, key: Fault.BEFORE)))
    assert files.create("a", b"") is Outcome.WON


def test_local_paths_can_be_hidden(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every read can be forced through the calls that are counted."""
    real = open_files(tmp_path_factory.mktemp("store"))
    assert FaultyFiles(real).local_path("a") == real.local_path("a")
    assert FaultyFiles(real, local_paths=False).local_path("a") is None
