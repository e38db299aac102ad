"""Checkpoints are read in parts, when somebody asks: whatever becomes of the file, the answer is right."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from mlcycle._compact_index import CompactIndex
from mlcycle._digest import sha256_bytes
from mlcycle.errors import Corrupt, StorageUnavailable
from mlcycle.storage import Draft, Files, Log, Snapshot, open_files, verify
from mlcycle.storage import _checkpoints as checkpoints_module
from mlcycle.storage._checkpoints import list_marks
from mlcycle.storage._entries import encode_entry, entry_key
from mlcycle.testing import Crash, Fault, FaultyFiles, fail_at, fail_on

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mlcycle.storage import Entry, State

AT = "2026-11-23T12:00:00.000000Z"
EACH = 100  # objects an entry places


@pytest.fixture
def memory(memory_url: tuple[str, dict[str, Any]]) -> Files:
    """Empty files in memory."""
    return open_files(memory_url[0])


class Depot:
    """A fold of two parts: how many objects there are, and by which entry each was placed."""

    version, kinds, needs = "depot/1", frozenset({"place", "move"}), frozenset[str]()

    def empty(self) -> State:
        """Return an empty depot."""
        return {"count": 0, "placed": CompactIndex()}

    def hold(self, state: State, entry: Entry | None = None) -> None:
        """Read where objects lie, if one is moved."""
        if entry is not None and any(change["kind"] == "move" for change in entry["changes"]):
            state["placed"].hold()

    def apply(self, state: State, entry: Entry) -> None:
        """Place objects; to move one, it must be there."""
        for change in entry["changes"]:
            if change["kind"] == "move" and state["placed"].get(change["object"]) is None:
                raise LookupError(change["object"])
            state["count"] += change["kind"] == "place"
            state["placed"].set(change["object"], entry["n"])

    def obstacles(self, entry: Entry) -> list[str]:
        """Know everything."""
        return []

    def skipped(self, state: State) -> Collection[str]:
        """Pass over nothing."""
        return []

    def dump(self, state: State) -> dict[str, bytes]:
        """Return both parts."""
        return {"count": json.dumps(state["count"]).encode(), "placed": state["placed"].dump()}

    def load(self, parts: Collection[str], read: Callable[[str], bytes]) -> State:
        """Read the one, and the other when it is needed."""
        return {"count": json.loads(read("count")), "placed": CompactIndex(lambda: read("placed"))}


def stock(files: Files, count: int = 70, tail: int = 2, each: int = EACH) -> str:
    """Write a log of `count` entries, a checkpoint behind them, and a tail; return the key of the checkpoint."""
    prev = ""
    for n in range(count + tail):
        facts = {"op": f"user:{n}", "verb": "place", "author": "ann", "at": AT}
        data = encode_entry(n, prev, **facts, changes=[{"kind": "place", "object": f"{n}.{i}"} for i in range(each)])
        files.put(entry_key(n), data)
        prev = sha256_bytes(data)
        if n == count - 1:
            log = a_log(files)
            log.snapshot()
            log._caches._entries = max(64, count)
            log.flush()
    return list_marks(files)[0].key


def a_log(files: Files, **options: Any) -> Log:
    """Return a log as another process would open it."""
    return Log(files, Depot(), author="ann", **options)


def where(log: Log, name: str) -> int | None:
    """Return the entry that placed an object."""
    found: int | None = log.snapshot(refresh=False).state["placed"].get(name)
    return found


def move(name: str) -> Callable[[Snapshot], Draft]:
    """Propose to move an object."""
    return lambda now: Draft([{"kind": "move", "object": name}])


def harmed(files: Files, key: str) -> None:
    """Change one byte behind the first 64 KB of a file."""
    data = bytearray(files.read(key))
    assert len(data) > 70_000
    data[69_000] ^= 1
    files.put(key, bytes(data))


def test_an_opening_reads_the_beginning(files: Files) -> None:
    """On every storage: a part is read by its range when asked for, once; the operations only for an operation."""
    key = stock(files)
    counted = FaultyFiles(files)
    log = a_log(counted, caches=False)
    assert (log.snapshot().state["count"], log.snapshot().base) == (72 * EACH, 69)
    assert [called for called in counted.calls if "checkpoints" in called[1]] == [("read", key)]
    assert [where(log, name) for name in ("3.7", "69.0", "71.5", "x")] == [3, 69, 71, None]
    log.commit(move("3.7"), verb="move")
    assert [called for called in counted.calls if "checkpoints" in called[1]] == [("read", key)] * 2
    assert log.commit(move("3.8"), verb="move", op="5").n == 5
    assert [called for called in counted.calls if "checkpoints" in called[1]] == [("read", key)] * 3


def test_a_tail_of_callers_operations_reads_no_part(memory: Files) -> None:
    """They are noted without looking what was there."""
    key = stock(memory, tail=5)
    counted = FaultyFiles(memory)
    a_log(counted).snapshot()
    assert counted.calls.count(("read", key)) == 1


@pytest.mark.parametrize("how", ["deleted", "harmed", "torn", "another"])
def test_a_part_that_is_gone_is_made_again(memory: Files, how: str) -> None:
    """Somebody removed the file, or it proves damaged: the log says what it held, and everything is right."""
    key = stock(memory)
    log = a_log(memory)
    log.snapshot()
    if how == "deleted":
        memory.delete([key])
    elif how == "harmed":
        harmed(memory, key)
    else:
        memory.put(key, memory.read(key)[:66_000] if how == "torn" else b"x" * 100_000)
    assert [where(log, name) for name in ("3.7", "69.0", "71.5", "x")] == [3, 69, 71, None]
    assert log.commit(move("3.7"), verb="move", op="8").n == 8
    assert log.commit(move("3.7"), verb="move").n == 72
    assert where(log, "3.7") == 72


def test_the_next_checkpoint_comes_early(memory: Files) -> None:
    """Who noticed writes a good one with the next commit, and others open from that."""
    key = stock(memory)
    log = a_log(memory)
    log.snapshot()
    harmed(memory, key)
    assert where(log, "3.7") == 3
    log.commit(move("3.7"), verb="move")
    assert [mark.n for mark in list_marks(memory)] == [72, 69]
    log = a_log(memory)
    assert (log.snapshot().base, where(log, "3.7"), where(log, "3.8")) == (72, 72, 3)
    assert [("checkpoint", key)] == [
        (one.kind, one.key) for one in verify(log, memory, lambda now: {}, level="files").problems
    ]


def test_a_part_that_is_gone_while_an_entry_is_folded(memory: Files) -> None:
    """The tail of an opening, and what others commit, ask for parts as well."""
    key = stock(memory)
    log, other = a_log(memory), a_log(memory, caches=False)
    log.snapshot()
    other.commit(move("3.7"), verb="move")
    harmed(memory, key)
    assert log.snapshot().n == 72
    assert where(a_log(memory), "3.7") == 72


def test_what_folding_will_need_is_read_before_the_commit(memory: Files) -> None:
    """A part that cannot be read fails a commit that was not made, not one that was."""
    stock(memory)
    faulty = FaultyFiles(memory)
    log = a_log(faulty)
    n = log.snapshot().n
    faulty.plan = fail_on("read", Fault.BEFORE, "checkpoints/")
    with pytest.raises(StorageUnavailable):
        log.commit(move("3.3"), verb="move")
    assert a_log(memory).snapshot().n == n
    faulty.plan = None
    assert log.commit(move("3.3"), verb="move").n == n + 1
    assert where(log, "3.3") == n + 1


def test_a_part_that_is_gone_within_a_proposal(memory: Files) -> None:
    """The proposal gets its answer, and the commit goes on."""
    key = stock(memory)
    log = a_log(memory)

    def propose(now: Snapshot) -> Draft:
        memory.delete([key])
        return Draft([{"kind": "move", "object": f"{now.state['placed'].get('3.7')}.9"}])

    assert log.commit(propose, verb="move").n == 72
    assert where(log, "3.9") == 72


def test_a_storage_that_fails_is_asked_again(memory: Files) -> None:
    """No answer is no damage: nothing is folded again, and the next question is right."""
    key = stock(memory)
    files = FaultyFiles(memory)
    log = a_log(files, caches=False)
    log.snapshot()
    files.plan = fail_on("read", Fault.BEFORE, "checkpoints/", times=2)
    files.calls.clear()
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="planned"):
            where(log, "3.7")
    assert where(log, "3.7") == 3
    assert files.calls == [("read", key)] * 3


def test_checkpoint_and_log_damaged(memory: Files) -> None:
    """Then nobody knows, and the entry is named; when it is put back the answer is right."""
    key = stock(memory)
    log = a_log(memory)
    log.snapshot()
    harmed(memory, key)
    good = memory.read(entry_key(7))
    memory.put(entry_key(7), good[:-1])
    for _ in range(2):
        with pytest.raises(Corrupt, match=rf"{entry_key(7)} is damaged"):
            where(log, "3.7")
    memory.put(entry_key(7), good)
    assert where(log, "3.7") == 3


def test_parts_are_copied_as_they_are(memory: Files) -> None:
    """The same entries give the same bytes, from entry 0 or from a checkpoint; untouched parts are not parsed."""
    key = stock(memory, tail=0)
    first = memory.read(key)
    log = a_log(memory)
    log.snapshot()
    log._caches._entries, log._caches._bytes = 64, 10**9
    log.flush()
    (again,) = (mark.key for mark in list_marks(memory) if mark.key != key)
    assert first == memory.read(again)


def test_a_head_of_many_parts(memory: Files) -> None:
    """A head longer than the first read is read whole."""

    class Many(Depot):
        def dump(self, state: State) -> dict[str, bytes]:
            return super().dump(state) | {f"part-{i:04d}": b"x" * i for i in range(1000)}

    stock(memory)
    log = Log(memory, Many())
    log.snapshot()
    memory.delete(mark.key for mark in list_marks(memory))
    log._caches._entries, log._caches._bytes = 64, 10**9
    log.flush()
    counted = FaultyFiles(memory)
    log = Log(counted, Many())
    assert (log.snapshot().base, where(log, "3.7")) == (71, 3)
    assert ("read", entry_key(0)) not in counted.calls


def test_verify_compares_checkpoints_with_the_log(memory: Files) -> None:
    """One that is whole and says something else than the entries is named, and what its parts are called."""

    class Wrong(Depot):
        def dump(self, state: State) -> dict[str, bytes]:
            return super().dump(state) | {"count": b"1", "more": b""}

    key = stock(memory)
    log = a_log(memory)
    assert verify(log, memory, lambda now: {}, level="files").ok
    memory.delete([key, "hint.json"])
    other = Log(memory, Wrong())
    other.snapshot()
    other._caches._entries, other._caches._bytes = 64, 10**9
    other.flush()
    (problem,) = verify(log, memory, lambda now: {}, level="files").problems
    key = list_marks(memory)[0].key
    assert str(problem) == f"{key}: it does not hold what the entries up to 71 say (count, more); delete it"
    assert verify(log, memory, lambda now: {}, level="chain").ok


def test_verify_names_checkpoints_that_are_damaged(memory: Files) -> None:
    """Torn, or standing on other bytes of its entry; one of another fold is not this library's to judge."""
    key = stock(memory)
    good = memory.read(key)
    log = a_log(memory)
    cases: list[tuple[bytes, list[str]]] = [
        (good[:-5], ["it is damaged ("]),
        (good[:100], ["it is damaged ("]),
        (b"", ["it is damaged ("]),
        (good.replace(b'"digest":"sha256:', b'"digest":"sha256:0', 1), ["(the digest of that entry); delete it"]),
        (good.replace(b'"depot/1"', b'"depot/2"'), []),
        (good.replace(b'"needs_read":[]', b'"needs_read":["x"]'), []),
    ]
    for data, expected in cases:
        memory.put(key, data)
        found = verify(log, memory, lambda now: {}, level="files").problems
        assert [True] * len(expected) == [text in one.what for text, one in zip(expected, found, strict=True)]
        assert all((one.kind, one.key) == ("checkpoint", key) for one in found)


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.CRASH, Fault.STALE])
def test_a_fault_at_every_call(
    fault: Fault, memory_url: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open, ask, commit, with the file gone meanwhile: every answer is right or an error, the next look is right."""
    monkeypatch.setattr(checkpoints_module, "_FIRST", 600)  # the head and the first part
    seen: set[tuple[str, str]] = set()
    index = 0
    while True:
        plain = open_files(f"{memory_url[0]}/{index}")
        key = stock(plain, count=6, each=10)
        files = FaultyFiles(plain, fail_at(index, fault))
        log = a_log(files, patience=5)
        with contextlib.suppress(StorageUnavailable, Crash):
            log.snapshot()
            plain.delete([key])
            assert where(log, "3.7") == 3
            log.commit(move("3.7"), verb="move", op="new")
        seen.update(files.calls)
        if fault is not Fault.CRASH:
            files.plan = None
            now = log.commit(move("3.7"), verb="move", op="new").n
            assert [where(log, name) for name in ("3.7", "3.8", "6.0")] == [now, 3, 6]
        fresh = a_log(plain, caches=False)
        now = fresh.snapshot().n
        assert (now, where(fresh, "3.7"), where(fresh, "3.8")) in ((7, 3, 3), (8, 8, 3))
        index += 1
        if index > len(files.calls):
            break
    assert index >= 15
    assert ("read", entry_key(0)) in seen
