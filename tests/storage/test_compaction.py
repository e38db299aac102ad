"""Old entries move into rollups and their own files are emptied: nobody loses one, and nobody commits into the past."""

from __future__ import annotations

import contextlib
import gzip
from typing import TYPE_CHECKING, Any

import pytest

from mlcycle._cache import Cache
from mlcycle._digest import sha256_bytes
from mlcycle.errors import AccessDenied, Corrupt, ReadOnly, StorageUnavailable
from mlcycle.storage import Compaction, Files, Outcome, open_files, verify
from mlcycle.storage import _compaction as compaction_module
from mlcycle.storage._entries import encode_entry, entry_key
from mlcycle.storage._entry_reader import EntryReader
from mlcycle.storage._rollups import rollup_key
from mlcycle.testing import Crash, Fault, FaultyFiles, fail_at, fail_on
from tests.storage.shelf import FarAway, ShelfLog, named, small_rollups, tick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AT = "2099-11-23T12:00:00.000000Z"  # after whatever a commit beside it says


@pytest.fixture
def memory(memory_url: tuple[str, dict[str, Any]]) -> Files:
    """Empty files in memory."""
    return open_files(memory_url[0])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a rollup have eight entries in members of four, so that every case is quick."""
    return small_rollups(monkeypatch)


def fill(files: Files, count: int, start: int = 0, prev: str = "") -> dict[int, bytes]:
    """Put a chain of entries there by hand, and return them."""
    stored = {}
    for n in range(start, count):
        facts = {"op": f"user:{n}", "verb": "tick", "author": "ann", "at": AT}
        stored[n] = encode_entry(n, prev, **facts, changes=[{"kind": "tick", "by": str(n)}])
        files.put(entry_key(n), stored[n], durable=False)
        prev = sha256_bytes(stored[n])
    return stored


def a_log(files: Files) -> ShelfLog:
    """Return a log as another process would open it, which writes no caches by itself."""
    return ShelfLog(files, author="ann", caches=False)


def ticks(files: Files) -> list[str]:
    """Return what a newcomer reads."""
    found: list[str] = a_log(files).snapshot().state["ticks"]
    return found


def numbers(count: int) -> list[str]:
    """Return the ticks of `fill`."""
    return [str(n) for n in range(count)]


def test_singles_are_emptied_behind_a_rollup(files: Files, small: int) -> None:
    """On every storage: the rollup has the bytes, the singles are there and empty but for entry 0, and all is read."""
    stored = fill(files, 19)
    done = a_log(files).compact()
    assert Compaction(2, 15, sum(len(stored[n]) for n in range(1, 16))) == done
    assert str(done).startswith("2 rollups written, 15 entries emptied behind them, ")
    lines = gzip.decompress(files.read(rollup_key(8))).splitlines()
    assert [stored[n] for n in range(8, 16)] == lines
    sizes = {item.key: item.size for item in files.list("log/0")}
    assert {n for n in stored if sizes[entry_key(n)]} == {0, *range(16, 19)}
    assert numbers(19) == ticks(files)
    assert verify(a_log(files), files, named, level="bytes").ok
    assert Compaction(0, 0, 0) == a_log(files).compact()


@pytest.mark.parametrize("far", [False, True], ids=["near", "far"])
@pytest.mark.parametrize("start", [0, 1, 5, 7, 8, 15, 16])
@pytest.mark.parametrize("expect", [-1, 12, 18])
def test_reading_from_anywhere(memory: Files, small: int, far: bool, start: int, expect: int) -> None:
    """Whoever reads meets empty singles and goes on in the rollup, from wherever, to wherever."""
    stored = fill(memory, 19)
    assert a_log(memory).compact().emptied == 15
    files = FarAway(memory) if far else memory
    for stop in (None, start, start + 1, start + 6, 19, 25):
        wanted = [n for n in range(19) if n >= start and (stop is None or n < stop)]
        found = list(EntryReader(files).run(start, stop, expect=expect))
        assert [(n, stored[n]) for n in wanted] == [*map(tuple, found)]
        assert found == list(EntryReader(files).run(start, stop, expect=expect, rollups=False))
    reader = EntryReader(files)
    assert [stored.get(n) for n in range(20)] == [reader.one(n) for n in range(20)]


def test_one_old_entry_reads_its_rollup_once(memory: Files, small: int) -> None:
    """Bodies of old entries are read one at a time, and neighbours lie in the same file."""
    stored = fill(memory, 17)
    a_log(memory).compact()
    files = FaultyFiles(memory)
    reader = EntryReader(files)
    assert [reader.one(n) for n in (5, 6, 3, 1)] == [stored[n] for n in (5, 6, 3, 1)]
    assert files.calls.count(("read", rollup_key(0))) == 1


def test_who_slept_does_not_commit_into_the_past(memory: Files, small: int) -> None:
    """A writer that last looked long ago loses its create against an empty single, and goes on at the end."""
    fill(memory, 3)
    sleeper = a_log(memory)

    class Late(FarAway):
        def create(self, key: str, data: bytes) -> Outcome:
            if key == entry_key(3):
                fill(memory, 20, 3, sleeper.snapshot(refresh=False).digest)
                a_log(memory).compact()
            outcome: Outcome = self._files.create(key, data)
            return outcome

    sleeper.snapshot()
    sleeper.files = Late(memory)
    made = sleeper.commit(tick("late"))
    assert (made.n, made.mine) == (20, True)
    assert [*numbers(20), "late"] == ticks(memory)


@pytest.mark.parametrize("answer", [Outcome.UNKNOWN, Outcome.LOST])
def test_a_lost_answer_is_read_back_from_the_rollup(memory: Files, small: int, answer: Outcome) -> None:
    """A commit whose entry was rolled up and emptied before its writer looked is still known as its own."""
    fill(memory, 3)

    class Slow(FarAway):
        def create(self, key: str, data: bytes) -> Outcome:
            outcome: Outcome = self._files.create(key, data)
            if key == entry_key(3) and outcome is Outcome.WON:
                fill(memory, 20, 4, sha256_bytes(data))
                a_log(memory).compact()
                return answer
            return outcome

    log = a_log(Slow(memory))
    made = log.commit(tick("slow"), op="once")
    assert (made.n, made.mine) == (3, True)
    assert memory.read(entry_key(3)) == b""
    assert a_log(memory).commit(tick("again"), op="once").n == 3
    assert ticks(memory).count("slow") == 1


def test_an_open_log_goes_on_through_emptied_entries(memory: Files, small: int) -> None:
    """A reader that fell behind folds them from the rollups."""
    fill(memory, 2)
    log = a_log(memory)
    assert log.snapshot().n == 1
    fill(memory, 30, 2, log.snapshot().digest)
    a_log(memory).compact()
    assert log.snapshot().state["ticks"] == numbers(30)
    assert [entry["n"] for entry in log.entries(3, 20)] == list(range(3, 20))
    assert log.entry(5)["changes"] == [{"kind": "tick", "by": "5"}]


def test_a_checkpoint_may_stand_on_an_emptied_entry(memory: Files, small: int) -> None:
    """Its digest is compared with the bytes in the rollup."""
    fill(memory, 72)
    log = ShelfLog(memory)
    log.snapshot()
    log.flush()
    fill(memory, 90, 72, log.snapshot().digest)
    a_log(memory).compact()
    assert memory.read(entry_key(71)) == b""
    log = a_log(memory)
    assert (log.snapshot().base, log.snapshot().state["ticks"]) == (71, numbers(90))


@pytest.mark.parametrize(
    "harm",
    [lambda data: b"", lambda data: data[:-9], lambda data: data.replace(b'"n"', b'"n" ')],
    ids=["empty", "torn", "spaces"],
)
def test_a_damaged_single_is_taken_from_its_rollup(memory: Files, small: int, harm: Callable[[bytes], bytes]) -> None:
    """Torn by whatever tool copied the store, it is read all the same; `verify` names it unless it is empty."""
    fill(memory, 20)
    for first in (0, 8):
        assert compaction_module.roll(memory, EntryReader(memory), first)
    for n in (0, 6, 7, 8, 11):
        memory.put(entry_key(n), harm(memory.read(entry_key(n))))
    assert numbers(20) == ticks(memory)
    assert numbers(20) == ticks(FarAway(memory))
    log = a_log(memory)
    assert [log.entry(n)["n"] for n in range(20)] == [entry["n"] for entry in log.entries()]
    assert log.commit(tick("more")).n == 20
    found = verify(log, memory, named, level="bytes").problems
    damaged = [n for n in (0, 6, 7, 8, 11) if memory.read(entry_key(n))]
    assert [("damaged", entry_key(n)) for n in damaged] == [(one.kind, one.key) for one in found]
    assert all("holds other bytes" in one.what for one in found)


def test_empty_and_no_rollup_is_damage(memory: Files, small: int) -> None:
    """Readers and writers stop there, and go on when the rollup is put back."""
    fill(memory, 20)
    a_log(memory).compact()
    rollup = memory.read(rollup_key(8))
    memory.delete([rollup_key(8)])
    log = a_log(memory)
    for act in (log.snapshot, lambda: log.commit(tick()), lambda: log.entry(9), lambda: list(log.entries())):
        with pytest.raises(Corrupt, match=r"log/00000000\d\d\.json is damaged: it is empty.*log/rollup-"):
            act()
    found = verify(log, memory, named, level="bytes").problems
    assert {("damaged", entry_key(n)) for n in range(8, 16)} == {(p.kind, p.key) for p in found if p.kind != "chain"}
    memory.put(rollup_key(8), rollup[:-1])
    found = verify(log, memory, named, level="bytes").problems
    assert ("rollup", rollup_key(8)) in [(one.kind, one.key) for one in found]
    memory.put(rollup_key(8), rollup)
    assert log.snapshot().state["ticks"] == numbers(20)
    assert log.entry(9)["n"] == 9


def test_no_answer_is_no_damage(memory: Files, small: int) -> None:
    """Who cannot read the rollup just now is told so, and the next look is right."""
    fill(memory, 20)
    a_log(memory).compact()
    files = FaultyFiles(memory, fail_on("read", Fault.BEFORE, "log/rollup", times=6))
    log = a_log(files)
    for act in (log.snapshot, lambda: log.commit(tick()), lambda: log.entry(9)):
        with pytest.raises(StorageUnavailable, match="planned"):
            act()
    files.plan = None
    assert log.snapshot().state["ticks"] == numbers(20)


def test_neighbours_are_in_memory(memory: Files, small: int) -> None:
    """What was unpacked beside an old entry is not looked for again, unless it is damaged and the single is not."""
    stored = fill(memory, 9)
    assert compaction_module.roll(memory, EntryReader(memory), 0)
    memory.put(entry_key(1), b"")
    memory.put(rollup_key(0), gzip.compress(gzip.decompress(memory.read(rollup_key(0))).replace(b'"n":3', b'"n":4')))
    files = FaultyFiles(memory)
    reader = EntryReader(files)
    assert [reader.one(n) for n in (1, 2, 3, 4)] == [stored[n] for n in (1, 2, 3, 4)]
    assert ("read", entry_key(2)) not in files.calls
    assert ("read", entry_key(3)) in files.calls


def test_a_missing_entry_is_said_to_be_missing(memory: Files) -> None:
    """Below the newest entry an absent one is damage, not an unknown number."""
    fill(memory, 5)
    log = a_log(memory)
    log.snapshot()
    log._recent = Cache(0)  # it is read anew
    memory.delete([entry_key(2)])
    with pytest.raises(Corrupt, match=rf"{entry_key(2)} is missing, though {entry_key(4)} is there"):
        log.entry(2)


def test_a_rollup_of_other_bytes_empties_nothing(memory: Files, small: int) -> None:
    """Before an entry is emptied its bytes are compared with those in the rollup."""
    fill(memory, 9)
    assert compaction_module.roll(memory, EntryReader(memory), 0)
    lines = gzip.decompress(memory.read(rollup_key(0)))
    memory.put(rollup_key(0), gzip.compress(lines.replace(b'"by":"5"', b'"by":"x"')))
    with pytest.raises(Corrupt, match=rf"{rollup_key(0)} does not hold the bytes of {entry_key(5)}; nothing more"):
        a_log(memory).compact()
    memory.put(rollup_key(0), b"torn")
    with pytest.raises(Corrupt, match=rf"{rollup_key(0)} does not hold the bytes of {entry_key(1)}"):
        a_log(memory).compact()
    assert all(memory.read(entry_key(n)) for n in range(9))


def test_a_damaged_entry_comes_into_no_rollup(memory: Files, small: int) -> None:
    """Who makes one checks what goes into it, and stops at an empty single."""
    fill(memory, 9)
    good = memory.read(entry_key(5))
    memory.put(entry_key(5), good[:-1])
    with pytest.raises(Corrupt, match=entry_key(5)):
        compaction_module.roll(memory, EntryReader(memory), 0)
    memory.put(entry_key(5), b"")
    assert compaction_module.roll(memory, EntryReader(memory), 0) is False
    assert list(memory.list("log/rollup")) == []


def test_nothing_is_emptied_where_overwriting_removes_first(tmp_path: Any, small: int) -> None:
    """Between the two a sleeper could create the name; a rollup is written all the same."""
    files = open_files(f"dir::file://{tmp_path}", single_writer=True)
    assert not files.shared
    fill(files, 9)
    assert Compaction(1, 0, 0) == a_log(files).compact()
    assert all(files.read(entry_key(n)) for n in range(9))


def test_what_a_newer_library_wrote_is_not_compacted(memory: Files, small: int) -> None:
    """Who may not write to a project leaves its log alone, too."""
    fill(memory, 9)
    facts = {"op": "auto:9", "verb": "x", "author": "bob", "at": AT}
    last = sha256_bytes(memory.read(entry_key(8)))
    memory.put(entry_key(9), encode_entry(9, last, **facts, changes=[{"kind": "teleport"}]))
    with pytest.raises(ReadOnly, match="teleport"):
        a_log(memory).compact()


def test_without_permission_to_list(memory: Files, small: int) -> None:
    """It costs a read of every single instead."""

    class NoList(FaultyFiles):
        def list(self, prefix: str) -> Iterator[Any]:
            raise AccessDenied(f"listing {prefix} is not allowed")

    fill(memory, 17)
    assert a_log(NoList(memory)).compact().emptied == 15
    assert a_log(NoList(memory)).compact().emptied == 0
    assert verify(a_log(NoList(memory)), NoList(memory), named, level="bytes").ok


def test_far_away_many_are_emptied_at_once(memory: Files, small: int) -> None:
    """The result is the same."""
    fill(memory, 17)
    assert a_log(FarAway(memory)).compact().emptied == 15
    assert numbers(17) == ticks(memory)


def test_no_answer_to_the_rollup_empties_nothing(memory: Files, small: int) -> None:
    """Whether it is there for good must be known before a single goes."""
    fill(memory, 9)
    with pytest.raises(StorageUnavailable, match=r"did not say whether log/rollup-0-7\.jsonl\.gz was written"):
        a_log(FaultyFiles(memory, fail_on("create", Fault.UNDONE, "log/rollup"))).compact()
    assert all(memory.read(entry_key(n)) for n in range(9))


def test_the_rollup_is_durable_before_the_first_is_emptied(memory: Files, small: int) -> None:
    """Whoever found a rollup of somebody else writes its bytes once more, durably, before it empties anything."""
    fill(memory, 9)
    assert compaction_module.roll(memory, EntryReader(memory), 0)
    puts: list[tuple[str, bool]] = []

    class Noted(FarAway):
        can_append = True

        def put(self, key: str, data: bytes, *, durable: bool = True, move: bool = False) -> None:
            puts.append((key, durable))
            self._files.put(key, data, durable=durable)

    before = memory.read(rollup_key(0))
    a_log(Noted(memory)).compact()
    assert [(rollup_key(0), True), *((entry_key(n), False) for n in range(1, 8))] == puts
    assert before == memory.read(rollup_key(0))


@pytest.mark.parametrize(
    "fault", [Fault.BEFORE, Fault.AFTER, Fault.UNKNOWN, Fault.UNDONE, Fault.CRASH, Fault.CRASH_AFTER, Fault.STALE]
)
def test_a_fault_at_every_call_of_a_compaction(
    fault: Fault, small: int, memory_url: tuple[str, dict[str, Any]]
) -> None:
    """Wherever it strikes: every entry can be read by everybody, a commit goes to the end, the next one finishes."""
    index = 0
    while True:
        plain = open_files(f"{memory_url[0]}/{index}")
        stored = fill(plain, 18)
        files = FaultyFiles(plain, fail_at(index, fault))
        with contextlib.suppress(StorageUnavailable, Crash):
            a_log(files).compact()
        reader = EntryReader(plain)
        assert [stored[n] for n in range(18)] == [reader.one(n) for n in range(18)]
        assert numbers(18) == ticks(plain)
        assert a_log(plain).commit(tick("after")).n == 18
        assert verify(a_log(plain), plain, named, level="bytes").ok
        a_log(plain).compact()
        assert [n for n in range(19) if plain.read(entry_key(n))] == [0, 16, 17, 18]
        index += 1
        if index > len(files.calls):
            break
    assert index >= 40
