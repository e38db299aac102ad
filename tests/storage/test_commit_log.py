"""The project log: numbered entries, whoever creates the next number first wins."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest

from mlcycle._digest import sha256_bytes
from mlcycle.errors import (
    AccessDenied,
    ConflictError,
    Corrupt,
    InvalidInput,
    NotFound,
    ReadOnly,
    SchemaError,
    StorageUnavailable,
)
from mlcycle.storage import Commit, Draft, Files, Outcome, Snapshot, UpToDate, open_files
from mlcycle.storage._entries import encode_entry, entry_key
from mlcycle.storage._verify import verify
from mlcycle.testing import Crash, Fault, FaultyFiles, fail_at, fail_on
from tests.storage import shelf
from tests.storage.shelf import FarAway, Shelf, ShelfLog, put, tick, upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AT = "2026-11-23T12:00:00.000000Z"


@pytest.fixture
def memory(memory_url: tuple[str, dict[str, Any]]) -> Files:
    """Empty files in memory."""
    return open_files(memory_url[0])


def a_log(files: Files, **options: Any) -> ShelfLog:
    """Return a log as another process would open it."""
    return ShelfLog(files, author="ann", **options)


def ticks(files: Files) -> list[str]:
    """Return what a newcomer reads."""
    found: list[str] = a_log(files).snapshot().state["ticks"]
    return found


def write_entry(files: Files, n: int, prev: str, changes: list[dict[str, Any]], **fields: Any) -> str:
    """Put an entry there by hand, and return its digest."""
    data = encode_entry(n, prev, op=f"auto:{n}", verb="tick", author="bob", at=AT, changes=changes, **fields)
    files.put(entry_key(n), data)
    return sha256_bytes(data)


class NoList:
    """Files of somebody who may read and write, but not list."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def list(self, prefix: str) -> Iterator[Any]:
        """Refuse."""
        raise AccessDenied(f"listing {prefix} is not allowed")


# one writer


def test_empty_log(memory: Files) -> None:
    """A log without entries stands at -1 with the fold's empty state."""
    now = a_log(memory).snapshot()
    expected = Snapshot(-1, Shelf().empty(), "", "")
    assert expected == now


def test_commit_and_read_back(files: Files) -> None:
    """On every storage: what was committed is seen by whoever opens the store, in order, with who and why."""
    log = a_log(files)
    made = log.commit(tick("one"), message="first")
    log.commit(tick("two"), author="bob")
    assert (made.n, made.mine) == (0, True)
    assert [(e["author"], e["message"]) for e in a_log(files).entries()] == [("ann", "first"), ("bob", "")]
    assert ticks(files) == ["one", "two"]


def test_chain(memory: Files) -> None:
    """Each entry names the digest of the stored bytes before it."""
    log = a_log(memory)
    for _ in range(3):
        log.commit(tick())
    stored = [memory.read(entry_key(n)) for n in range(3)]
    assert ["", *map(sha256_bytes, stored[:-1])] == [entry["prev"] for entry in log.entries()]
    assert sha256_bytes(stored[-1]) == log.snapshot().digest


def test_several_changes_take_effect_together(memory: Files) -> None:
    """One entry may hold several changes."""
    a_log(memory).commit(lambda now: Draft([{"kind": "tick", "by": "a"}, {"kind": "tick", "by": "b"}]))
    assert ticks(memory) == ["a", "b"]


def test_settled_writes_nothing(memory: Files) -> None:
    """A proposal may find that what is wanted is there already."""
    log = a_log(memory)
    log.commit(tick())
    made = log.commit(lambda now: UpToDate("old"))
    assert Commit(0, None, "old", log.snapshot(), mine=False) == made


def test_proposal_that_raises_writes_nothing(memory: Files) -> None:
    """Whatever a proposal raises goes to the caller, and the log is as before."""

    def no(now: Snapshot) -> Draft:
        raise ConflictError("the alias moved")

    log = a_log(memory)
    with pytest.raises(ConflictError, match="the alias moved"):
        log.commit(no)
    assert log.snapshot().n == -1


def test_only_what_can_be_read_back_is_written(memory: Files) -> None:
    """A kind or a need the fold does not know is refused before it is written for ever."""
    log = a_log(memory)
    with pytest.raises(InvalidInput, match="teleport"):
        log.commit(lambda now: Draft([{"kind": "teleport"}]))
    with pytest.raises(InvalidInput, match="zstd"):
        log.commit(lambda now: Draft([{"kind": "tick", "by": "x"}], needs_read=["zstd"]))
    assert log.snapshot().n == -1


def test_time_never_goes_back(memory: Files) -> None:
    """An entry is not earlier than the one before, whatever the clocks say."""
    write_entry(memory, 0, "", [{"kind": "tick", "by": "future"}])
    memory.put(entry_key(0), memory.read(entry_key(0)).replace(b"2026-11-23", b"2999-01-01"))
    log = a_log(memory)
    log.commit(tick())
    assert log.entry(1)["at"] == "2999-01-01T12:00:00.000000Z"


def test_returned_entries_are_ones_own(memory: Files) -> None:
    """Changing what came back changes neither the state nor the next answer."""
    log = a_log(memory)
    made = log.commit(put("a", {"key": "files/a", "size": 1}))
    assert made.entry is not None
    made.entry["changes"][0]["file"]["size"] = 99
    log.entry(0)["changes"][0]["file"]["size"] = 99
    assert log.snapshot().state["things"]["a"]["size"] == 1
    assert log.entry(0)["changes"][0]["file"]["size"] == 1


# an operation of the caller's


def test_same_operation_is_done_once(memory: Files) -> None:
    """A script that is run again gets its first commit back and writes nothing, whatever it proposes now."""
    first = a_log(memory).commit(tick("a"), op="import-november")
    again = a_log(memory).commit(tick("b"), op="import-november")
    assert (first.n, first.entry, False) == (again.n, again.entry, again.mine)
    assert ticks(memory) == ["a"]


def test_same_operation_from_two_processes(memory: Files) -> None:
    """Two processes with one operation id: one wins, the other is told so."""
    one, two = a_log(memory), a_log(memory)
    two.snapshot()

    def late(now: Snapshot) -> Draft:
        if now.n < 0:
            one.commit(tick("one"), op="job")
        return Draft([{"kind": "tick", "by": "two"}])

    made = two.commit(late, op="job")
    assert (made.n, made.mine, ticks(memory)) == (0, False, ["one"])


# two writers


def test_loser_proposes_again(memory: Files) -> None:
    """After a lost race the proposal sees the winner and takes the next number."""
    one, two = a_log(memory), a_log(memory)
    seen = []

    def propose(now: Snapshot) -> Draft:
        seen.append(list(now.state["ticks"]))
        if len(seen) == 1:
            one.commit(tick("winner"))
        return Draft([{"kind": "tick", "by": "loser"}])

    assert two.commit(propose).n == 1
    assert seen == [[], ["winner"]]
    assert ticks(memory) == ["winner", "loser"]


def test_conflict_ends_the_commit(memory: Files) -> None:
    """A change that no longer fits what the winner did is given up, not written."""
    one, two = a_log(memory), a_log(memory)

    def propose(now: Snapshot) -> Draft:
        draft = put("churn", {"key": "files/two"})(now)
        if now.n < 0:
            one.commit(put("churn", {"key": "files/one"}))
        return draft

    with pytest.raises(ConflictError, match="churn is there already"):
        two.commit(propose)
    assert a_log(memory).snapshot().state["things"] == {"churn": {"key": "files/one"}}


@pytest.mark.parametrize("share", [True, False], ids=["one log", "a log each"])
def test_threads_race(files: Files, share: bool) -> None:
    """Threads that commit at once lose nothing, whether they share a log or have one each."""
    shared = a_log(files)

    def work(who: int) -> None:
        log = shared if share else a_log(files)
        for i in range(5):
            log.commit(tick(f"{who}.{i}"))

    threads = [threading.Thread(target=work, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = ticks(files)
    assert sorted(f"{who}.{i}" for who in range(3) for i in range(5)) == sorted(found)
    assert all([f"{who}.{i}" for i in range(5)] == [t for t in found if t[0] == str(who)] for who in range(3))


def test_losing_for_ever_is_said(memory: Files) -> None:
    """Who loses every race is told so in the end, with the last winner."""
    other = a_log(memory)

    def propose(now: Snapshot) -> Draft:
        other.commit(tick())
        return Draft([{"kind": "tick", "by": "never"}])

    with pytest.raises(ConflictError, match=r"others committed first for 0.05 s, the last of them ann") as caught:
        a_log(memory, patience=0.05).commit(propose)
    assert {"n", "author", "at", "message"} == caught.value.winner.keys()
    assert "never" not in ticks(memory)


# answers that are lost


@pytest.mark.parametrize("fault", [Fault.UNKNOWN, Fault.AFTER])
def test_lost_answer_of_a_create_that_was_done(memory: Files, fault: Fault) -> None:
    """The entry is read back and recognised: committed once, and said to be one's own."""
    made = a_log(FaultyFiles(memory, fail_on("create", fault, times=1))).commit(tick("a"))
    assert (made.n, made.mine, ticks(memory)) == (0, True, ["a"])


def test_lost_answer_of_a_create_that_was_not_done(memory: Files) -> None:
    """The same bytes are created again."""
    made = a_log(FaultyFiles(memory, fail_on("create", Fault.UNDONE, times=3))).commit(tick("a"))
    assert (made.n, made.mine, ticks(memory)) == (0, True, ["a"])


def test_conflict_that_is_ones_own_write(memory: Files) -> None:
    """A library that sends a create twice hears "exists" the second time; the entry is still one's own."""

    class Twice(FarAway):
        def create(self, key: str, data: bytes) -> Outcome:
            self._files.create(key, data)
            return self._files.create(key, data)

    made = a_log(Twice(memory)).commit(tick("a"))
    assert (made.n, made.mine, ticks(memory)) == (0, True, ["a"])


def test_lost_answer_and_another_winner(memory: Files) -> None:
    """When somebody else's entry is found there, the proposal is made again for the next number."""

    class Beaten(FarAway):
        def create(self, key: str, data: bytes) -> Outcome:
            if key == entry_key(0):
                a_log(self._files).commit(tick("winner"))
                return Outcome.UNKNOWN
            return self._files.create(key, data)

    made = a_log(Beaten(memory)).commit(tick("loser"))
    assert (made.n, made.mine, ticks(memory)) == (1, True, ["winner", "loser"])


def test_no_answer_for_ever(memory: Files) -> None:
    """Without an answer a commit gives up after a while, and says that the outcome is unknown."""
    files = FaultyFiles(memory, fail_on("create", Fault.UNDONE))
    with pytest.raises(StorageUnavailable, match=r"whether log/0000000000\.json was written is unknown.*op="):
        a_log(files, patience=0.05).commit(tick())
    assert ticks(memory) == []


def test_definite_failure_is_immediate(memory: Files) -> None:
    """A full disk is not waited for, and the log goes on afterwards."""
    files = FaultyFiles(memory, fail_on("create", Fault.BEFORE, times=1))
    log = a_log(files)
    with pytest.raises(StorageUnavailable, match="a fault was planned here"):
        log.commit(tick("a"))
    assert log.commit(tick("b")).n == 0
    assert ticks(memory) == ["b"]


FAULTS = [Fault.BEFORE, Fault.AFTER, Fault.UNKNOWN, Fault.UNDONE, Fault.CRASH, Fault.CRASH_AFTER, Fault.STALE]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_every_call_of_commits(fault: Fault, memory_url: tuple[str, dict[str, Any]]) -> None:
    """Wherever a fault strikes two writers: what was acknowledged is there once, the rest at most once."""

    def scenario(files: FaultyFiles, said: list[str]) -> None:
        log = a_log(files, patience=5)
        for name in ("a", "b"):
            log.commit(tick(name))
            said.append(name)
        log._caches._entries = 64  # a checkpoint is due
        log.commit(tick("c"))
        said.append("c")

    total = 0
    while True:
        files = FaultyFiles(open_files(f"{memory_url[0]}/{total}"), fail_at(total, fault))
        said: list[str] = []
        with contextlib.suppress(StorageUnavailable, Crash):
            scenario(files, said)
        found = ticks(files.files)
        assert len(found) == len(set(found))
        assert found[: len(said)] == said
        assert len(found) <= len(said) + 1
        assert len(said) < 3 or len(files.calls) >= 10
        if total >= len(files.calls):
            break
        a_log(files.files).commit(tick("after"))
        assert ticks(files.files)[-1] == "after"
        total += 1
    assert total >= 10


# what a newer library wrote


def test_unknown_kind_makes_the_project_read_only(memory: Files) -> None:
    """What is understood is folded, the reason is given, nothing more is written, no checkpoint either."""
    digest = write_entry(memory, 0, "", [{"kind": "tick", "by": "a"}, {"kind": "teleport"}])
    write_entry(memory, 1, digest, [{"kind": "tick", "by": "b"}])
    log = a_log(memory)
    now = log.snapshot()
    assert now.state["ticks"] == ["a", "b"]
    assert now.read_only is not None
    assert now.read_only.startswith("log/0000000000.json holds change 'teleport', written by a newer mlcycle")
    with pytest.raises(ReadOnly, match="upgrade mlcycle"):
        log.commit(tick())
    log._caches._entries = 64
    log.flush()
    assert list(memory.list("checkpoints/")) == []


def test_unknown_need_to_write(memory: Files) -> None:
    """It makes the project read-only, unless the fold knows it."""
    write_entry(memory, 0, "", [{"kind": "tick", "by": "a"}], needs_write=["quorum"])
    assert "need 'quorum'" in (a_log(memory).snapshot().read_only or "")
    assert None is ShelfLog(memory, Shelf(needs=("quorum",))).snapshot().read_only


def test_unknown_need_to_read(memory: Files) -> None:
    """It stops the reader, and the entry before it can still be looked at."""
    digest = write_entry(memory, 0, "", [{"kind": "tick", "by": "a"}])
    write_entry(memory, 1, digest, [{"kind": "tick", "by": "b"}], needs_read=["zstd"])
    log = a_log(memory)
    with pytest.raises(SchemaError, match=r"log/0000000001\.json needs zstd.*upgrade"):
        log.snapshot()
    assert log.entry(0)["changes"] == [{"kind": "tick", "by": "a"}]


# damage


def damaged(files: Files, harm: Callable[[bytes], bytes | None], n: int = 2) -> ShelfLog:
    """Return a fresh log of five entries, one of them harmed."""
    log = a_log(files, caches=False)
    for i in range(5):
        log.commit(tick(str(i)))
    worse = harm(files.read(entry_key(n)))
    if worse is None:
        files.delete([entry_key(n)])
    else:
        files.put(entry_key(n), worse)
    return a_log(files)


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (lambda data: data[: len(data) // 2], "log/0000000002.json"),
        (lambda data: b"", "log/0000000002.json"),
        (lambda data: data.replace(b'"n":2', b'"n":3'), "log/0000000002.json"),
        (lambda data: data.replace(b'"by":"2"', b'"by":"9"'), "log/0000000003.json"),
    ],
    ids=["torn", "empty", "another number", "other content"],
)
def test_damaged_entry_in_the_middle(memory: Files, harm: Callable[[bytes], bytes], named: str) -> None:
    """Reading and committing stop at the damage, which is named with the remedy; what lies before can be seen."""
    log = damaged(memory, harm)
    for _ in range(2):
        with pytest.raises(Corrupt, match=named) as caught:
            log.snapshot()
    assert "from a copy" in str(caught.value)
    with pytest.raises(Corrupt):
        log.commit(tick())
    assert log.entry(1)["changes"] == [{"kind": "tick", "by": "1"}]


@pytest.mark.parametrize("far", [False, True], ids=["near", "far"])
@pytest.mark.parametrize("known", [0, 1, 3, 11, None])
@pytest.mark.parametrize("gone", [{0}, {1}, {2, 3}, {10}, {3, 4, 5, 6, 7, 8, 9, 10}, {1, 9}])
def test_missing_entry_in_the_middle(memory: Files, gone: set[int], known: int | None, far: bool) -> None:
    """A gap is no end, whatever the hint knows: a new entry could never be joined to what lies behind."""
    log = a_log(memory)
    for i in range(12):
        log.commit(tick(str(i)))
    if far:
        gone = set(sorted(gone)[:2])
    memory.delete([*map(entry_key, gone), "hint.json"])
    if known is not None:
        memory.put("hint.json", b'{"v":1,"needs_read":[],"n":%d,"fold":"shelf/1","marks":[],"rolled":0}' % known)
    before = [item.key for item in memory.list("log/")]
    files = FarAway(memory) if far else memory
    for act in (lambda log: log.snapshot(), lambda log: log.commit(tick())):
        with pytest.raises(
            Corrupt, match=rf"{entry_key(min(gone))} is missing, though log/00000000\d\d\.json is there"
        ):
            act(a_log(files))
    assert [item.key for item in memory.list("log/")] == before
    problems = verify(a_log(files), files, lambda now: {}, level="files").problems
    assert {entry_key(n) for n in gone} == {one.key for one in problems if one.kind == "missing"}


def test_entry_that_contradicts_the_state(memory: Files) -> None:
    """An entry that the fold cannot apply is named, and the next look does not build on half of it."""
    digest = write_entry(memory, 0, "", [{"kind": "tick", "by": "a"}])
    write_entry(memory, 1, digest, [{"kind": "tick", "by": "b"}, {"kind": "restore", "name": "nothing"}])
    log = a_log(memory)
    for _ in range(2):
        with pytest.raises(Corrupt, match=r"log/0000000001\.json does not fit what was committed before it"):
            log.snapshot()
    assert log.entry(0)["n"] == 0


def test_interrupted_fold_is_not_built_upon(memory: Files) -> None:
    """Ctrl-C half-way through an entry leaves no half of it behind."""

    class Slow(Shelf):
        interrupt = True

        def apply(self, state: dict[str, Any], entry: dict[str, Any]) -> None:
            super().apply(state, entry)
            if entry["n"] == 1 and self.interrupt:
                raise KeyboardInterrupt

    fold = Slow()
    log = ShelfLog(memory, fold, author="ann")
    log.commit(tick("a"))
    a_log(memory).commit(tick("b"))
    with pytest.raises(KeyboardInterrupt):
        log.snapshot()
    fold.interrupt = False
    assert log.snapshot().state["ticks"] == ["a", "b"]


# the past


def test_number_at(memory: Files) -> None:
    """A moment means the last entry committed by then."""
    prev = ""
    for n, minute in enumerate((10, 20, 20, 30)):
        data = encode_entry(
            n, prev, op=f"auto:{n}", verb="x", author="x", at=AT.replace(":00:", f":{minute}:"), changes=[]
        )
        memory.put(entry_key(n), data)
        prev = sha256_bytes(data)
    log = a_log(memory)
    moments = [AT.replace(":00:", f":{minute}:") for minute in ("09", 10, 19, 20, 30, 59)]
    assert [log.number_at(moment) for moment in moments] == [-1, 0, 0, 2, 3, 3]


def test_entry_and_entries(memory: Files) -> None:
    """Entries are read by number or as a range; an unknown number says what there is."""
    log = a_log(memory)
    for i in range(5):
        log.commit(tick(str(i)))
    assert [entry["n"] for entry in log.entries(1, 3)] == [1, 2]
    assert [entry["n"] for entry in log.entries(3)] == [3, 4]
    assert list(log.entries(7)) == []
    assert log.entry(4)["n"] == 4
    for n in (5, -1):
        with pytest.raises(NotFound, match=f"has no entry {n}; its newest is 4"):
            log.entry(n)


# what it costs


def test_calls_per_operation(memory: Files) -> None:
    """The number of storage calls is part of the design: S3 bills and waits for each of them."""
    files = FaultyFiles(memory)
    log = a_log(files)

    def calls(do: Callable[[], object]) -> list[tuple[str, str]]:
        files.calls.clear()
        do()
        return list(files.calls)

    hint = "hint.json"
    open_empty = [("read", hint), ("list", "checkpoints/"), *(("read", entry_key(n)) for n in range(1 + 8))]
    assert open_empty == calls(log.snapshot)
    first = [("create", entry_key(0)), ("read", hint), ("put", hint)]
    assert first == calls(lambda: log.commit(tick()))
    assert [("read", entry_key(1))] == calls(log.snapshot)
    assert calls(lambda: log.snapshot(refresh=False)) == []
    assert [("create", entry_key(1))] == calls(lambda: log.commit(tick()))
    a_log(memory, caches=False).commit(tick())
    found = calls(log.snapshot)
    assert [("read", entry_key(2)), ("read", entry_key(3))] == found

    other = a_log(memory, caches=False)

    def lose_once(now: Snapshot) -> Draft:
        if now.n == 2:
            other.commit(tick("winner"))
        return Draft([{"kind": "tick", "by": "loser"}])

    lost = [("create", entry_key(3)), ("read", entry_key(3))]
    assert [*lost, ("create", entry_key(4))] == calls(lambda: log.commit(lose_once))


def test_who_is_far_behind_catches_up_at_once(memory: Files) -> None:
    """Others who commit all the time are followed by reading, not by losing a race for each of their entries."""
    files = FaultyFiles(memory)
    log, other = a_log(files, caches=False), a_log(memory, caches=False)
    log.commit(tick())
    for _ in range(50):
        other.commit(tick("winner"))
    files.calls.clear()
    assert log.commit(tick()).n == 51
    assert [key for op, key in files.calls if op == "create"] == [entry_key(n) for n in (1, 2, 51)]


def test_opening_from_a_checkpoint_costs_the_hint_the_checkpoint_and_the_tail(memory: Files) -> None:
    """A cold open never lists: hint, checkpoint, the entry it stands on, the tail, and what may lie behind a gap."""
    log = a_log(memory)
    for _ in range(66):
        log.commit(tick())
    log.flush()
    files = FaultyFiles(memory)
    assert a_log(files).snapshot().n == 65
    ops = [op for op, _ in files.calls]
    assert ["read"] * len(ops) == ops
    assert ["hint.json", *(entry_key(n) for n in range(63, 67 + 8))] == [
        key for _, key in files.calls if not key.startswith("checkpoints/")
    ]


def test_s3_requests(s3_url: tuple[str, dict[str, Any]], s3_server: Any) -> None:
    """On S3 a refresh is one GET, a commit one PUT: no HEAD, no listing."""
    url, options = s3_url
    log = a_log(open_files(url, storage_options=options))
    log.commit(tick())
    bucket = url.split("/")[2]
    s3_server.requests(bucket)
    log.snapshot()
    refresh = s3_server.requests(bucket)
    log._caches._due = float("inf")
    log.commit(tick())
    commit = s3_server.requests(bucket)
    assert [line.split()[0] for line in refresh] == ["GET"]
    assert [line.split()[0] for line in commit] == ["PUT"]


def test_many_at_once_where_each_takes_a_while(memory: Files) -> None:
    """Far away entries are fetched ever more at once; the answer is the same."""
    log = a_log(memory, caches=False)
    for i in range(70):
        log.commit(tick(str(i)))
    for expect in (-1, 10, 69, 500):
        from mlcycle.storage._entry_reader import EntryReader

        found = [stored.n for stored in EntryReader(FarAway(memory)).run(3, expect=expect)]
        assert list(range(3, 70)) == found
    assert list(map(str, range(70))) == ticks(FarAway(memory))


# permissions


def test_no_permission_to_list(memory: Files) -> None:
    """Without it a project opens, commits and opens again."""
    files = NoList(memory)
    log = a_log(files)
    for i in range(66):
        log.commit(tick(str(i)))
    memory.delete(["hint.json"])
    assert a_log(files).commit(tick("last")).n == 66
    assert len(ticks(files)) == 67


def test_no_permission_to_write(memory: Files) -> None:
    """A refused create is said at once, and leaves the log as it was."""

    class Refused(FarAway):
        def create(self, key: str, data: bytes) -> Outcome:
            raise AccessDenied("no")

    log = a_log(Refused(memory))
    with pytest.raises(AccessDenied):
        log.commit(tick())
    assert log.snapshot().n == -1


def test_caches_may_be_refused(memory: Files) -> None:
    """Who may write entries only commits all the same."""

    class OnlyEntries(FarAway):
        def put(self, key: str, data: bytes, **options: Any) -> None:
            raise AccessDenied("no")

    log = a_log(OnlyEntries(memory))
    for i in range(70):
        log.commit(tick(str(i)))
    assert len(ticks(memory)) == 70


def test_reading_writes_nothing(memory: Files) -> None:
    """A log without caches writes entries only; one that is only read writes nothing."""
    a_log(memory, caches=False).commit(tick())
    before = list(memory.list(""))
    log = a_log(memory)
    log.snapshot()
    list(log.entries())
    log.entry(0)
    assert before == list(memory.list(""))
    log = a_log(memory, caches=False)
    log.flush()
    assert before == list(memory.list(""))


def test_a_store_that_was_copied_goes_on(memory: Files, tmp_path: Path) -> None:
    """A store copied key by key to another storage opens there with the same state and digest."""
    log = a_log(memory)
    log.commit(put("a", upload(memory, b"abc")))
    copy = open_files(tmp_path / "copy")
    for item in memory.list(""):
        copy.put(item.key, memory.read(item.key))
    assert log.snapshot() == a_log(copy).snapshot()
    a_log(copy).commit(shelf.drop("a"))
    assert a_log(copy).snapshot().n == 1


@pytest.mark.parametrize("at", ["yesterday", "2026-11-23", "2026-11-23T12:00:00.000000", "1999-11-23T12:00:00.000000Z"])
def test_a_time_that_cannot_be_is_damage(memory: Files, at: str) -> None:
    """Moments are looked up by halving: a time that goes back would answer with the wrong entry."""
    prev = write_entry(memory, 0, "", [])
    data = encode_entry(1, prev, op="auto:1", verb="tick", author="bob", at=at, changes=[])
    memory.put(entry_key(1), data)
    with pytest.raises(Corrupt, match=r"log/0000000001\.json does not fit"):
        a_log(memory).snapshot()
