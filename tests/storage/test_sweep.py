"""Removing what nothing names: logged first, deleted second, and no writer is ever left with a file that is gone."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from mlcycle.errors import AccessDenied, StorageUnavailable
from mlcycle.storage import Draft, Files, Snapshot, SweepResult, open_files, sweep, verify
from mlcycle.testing import Crash, Fault, FaultyFiles, fail_at
from tests.storage import shelf
from tests.storage.shelf import ShelfLog, Swept, drop, named, prefixes, put, tick, upload

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def memory(memory_url: tuple[str, dict[str, Any]]) -> Files:
    """Empty files in memory."""
    return open_files(memory_url[0])


def a_log(files: Files) -> ShelfLog:
    """Return a log as another process would open it."""
    return ShelfLog(files, author="ann")


def do_sweep(files: Files, log: ShelfLog | None = None, **options: Any) -> SweepResult:
    """Sweep files of any age."""
    return shelf.do_sweep(log or a_log(files), files, **options)


def keys(files: Files) -> set[str]:
    """Return the files there are."""
    return {item.key for item in files.list("files/")}


def stock(files: Files) -> dict[str, str]:
    """Put a thing there that is named, one that was dropped, and a file that nobody names; return their keys."""
    kept, dropped, loose = upload(files, b"kept"), upload(files, b"dropped"), upload(files, b"loose")
    log = a_log(files)
    log.commit(put("kept", kept))
    log.commit(put("dropped", dropped))
    log.commit(drop("dropped"))
    return {"kept": kept["key"], "dropped": dropped["key"], "loose": loose["key"]}


def test_sweep_removes_what_nothing_names(files: Files) -> None:
    """On every storage: the entry names the files, they are gone, and what is named is whole."""
    key = stock(files)
    log = a_log(files)
    result = do_sweep(files, log, message="tidy")
    going = tuple(sorted([key["dropped"], key["loose"]]))
    assert SweepResult(going, 12, dry_run=False) == result
    assert str(result) == "removed 2 files, 12 bytes"
    assert {key["kept"]} == keys(files)
    entry = log.entry(3)
    assert ([{"kind": "sweep", "keys": list(going), "swept": ["dropped"]}], "store.sweep", "tidy", "ann") == (
        entry["changes"],
        entry["verb"],
        entry["message"],
        entry["author"],
    )
    assert verify(log, files, named, level="bytes").ok


def test_dry_run_changes_nothing(memory: Files) -> None:
    """It names the same files and bytes as the sweep would."""
    stock(memory)
    before = list(memory.list(""))
    result = do_sweep(memory, dry_run=True)
    assert before == list(memory.list(""))
    assert (
        len(result.keys),
        result.bytes,
        result.dry_run,
        str(result),
    ) == (2, 12, True, "would remove 2 files, 12 bytes")
    assert result.keys == do_sweep(memory).keys


def test_nothing_to_sweep_writes_nothing(memory: Files) -> None:
    """No entry is written for nothing."""
    stock(memory)
    do_sweep(memory)
    log = a_log(memory)
    assert SweepResult((), 0, dry_run=False) == do_sweep(memory, log)
    assert log.snapshot().n == 3


def test_young_files_are_left(memory: Files) -> None:
    """For thrift, files younger than a week stay, as a writer may be about to name them."""
    stock(memory)
    assert sweep(a_log(memory), memory, named, prefixes=prefixes).keys == ()
    assert len(do_sweep(memory, dry_run=True, min_age=-60).keys) == 2


def test_only_below_the_prefixes(memory: Files) -> None:
    """What lies elsewhere is not touched, even when the prefixes change between looking and committing."""
    loose = upload(memory, b"loose")
    memory.put("runs/7/head.json", b"{}")
    memory.put("runs/8/head.json", b"{}")
    asked = []

    def fewer(now: Snapshot) -> list[str]:
        asked.append(now.n)
        return ["runs/7/", "runs/8/"] if len(asked) == 1 else ["runs/7/"]

    assert do_sweep(memory, prefixes=fewer).keys == ("runs/7/head.json",)
    assert [loose["key"], "runs/8/head.json"] == [item.key for item in memory.list("") if item.key[0] in "fr"]


def test_many_keys_make_several_entries(memory: Files) -> None:
    """An entry has 64 KB; more keys than that are swept in several commits."""
    for i in range(1500):
        memory.put(f"files/{i:060d}.bin", b"x")
    log = a_log(memory)
    result = do_sweep(memory, log)
    assert (len(result.keys), result.bytes) == (1500, 1500)
    assert log.snapshot().n == 2
    assert set() == keys(memory)


def test_a_file_named_meanwhile_is_kept(memory: Files) -> None:
    """The sweep looks again at the entry it follows: what was committed since it listed is not swept."""
    loose = upload(memory, b"loose")

    class Late(FaultyFiles):
        def list(self, prefix: str) -> Iterator[Any]:
            found = super().list(prefix)
            if prefix == "files/":
                a_log(memory).commit(put("late", loose))
            return found

    assert do_sweep(Late(memory)).keys == ()
    assert {loose["key"]} == keys(memory)


def test_a_file_named_in_a_lost_race_is_kept(memory: Files) -> None:
    """The sweep loses the race for an entry to a writer that names the file, and lets it be."""
    file, other = upload(memory, b"wanted"), upload(memory, b"unwanted")
    writer = a_log(memory)

    class Beaten(FaultyFiles):
        def create(self, key: str, data: bytes) -> Any:
            if key == "log/0000000000.json":
                writer.commit(put("mine", file))
            return super().create(key, data)

    assert (other["key"],) == do_sweep(Beaten(memory)).keys
    assert {file["key"]} == keys(memory)


def test_a_writer_sees_the_sweep_before_it_can_commit(memory: Files) -> None:
    """A writer that lost the race to a sweep of its file uploads again under another name."""
    file = upload(memory, b"mine")
    log = a_log(memory)
    proposals = []

    def propose(now: Snapshot) -> Draft:
        draft = put("mine", file, log, -1)(now)
        if not proposals:
            do_sweep(memory)
        proposals.append(now.n)
        return draft

    with pytest.raises(Swept):
        log.commit(propose)
    again = upload(memory, b"mine")
    log.commit(put("mine", again, log, log.snapshot().n))
    assert {again["key"]} == keys(memory)
    assert verify(a_log(memory), memory, named, level="bytes").ok


def test_an_interrupted_sweep_is_finished_by_the_next(memory: Files) -> None:
    """What an entry names and nobody deleted is found again by listing, and named again."""
    stock(memory)
    files = FaultyFiles(memory, lambda number, op, key: Fault.BEFORE if op == "delete" and key else None)
    with pytest.raises(StorageUnavailable):
        do_sweep(files)
    log = a_log(memory)
    assert len(do_sweep(memory, log, dry_run=True).keys) == 2
    assert len(do_sweep(memory, log).keys) == 2
    assert (log.snapshot().n, len(keys(memory))) == (4, 1)
    assert log.entry(3)["changes"][0]["keys"] == log.entry(4)["changes"][0]["keys"]


@pytest.mark.parametrize(
    "fault",
    [Fault.BEFORE, Fault.AFTER, Fault.UNKNOWN, Fault.UNDONE, Fault.CRASH, Fault.CRASH_AFTER, Fault.STALE],
)
def test_a_fault_at_every_call_of_a_sweep(fault: Fault, memory_url: tuple[str, dict[str, Any]]) -> None:
    """Wherever a fault strikes: what is named is whole, nothing unlogged is gone, and the next sweep finishes."""
    index = 0
    while True:
        plain = open_files(f"{memory_url[0]}/{index}")
        key = stock(plain)
        files = FaultyFiles(plain, fail_at(index, fault))
        with contextlib.suppress(StorageUnavailable, Crash):
            do_sweep(files)
        log = a_log(plain)
        now = log.snapshot()
        gone = set(key.values()) - keys(plain)
        swept = log.swept_since(-1)
        assert swept is not None
        assert gone <= swept
        assert set() == swept & {*named(now)}
        do_sweep(plain, log)
        assert {key["kept"]} == keys(plain)
        assert verify(log, plain, named, level="bytes").ok
        index += 1
        if index > len(files.calls):
            break
    assert index >= 7


def test_sweep_needs_permission_to_list(memory: Files) -> None:
    """Without it the refusal is said, and nothing is removed."""

    class NoList(FaultyFiles):
        def list(self, prefix: str) -> Iterator[Any]:
            raise AccessDenied(f"listing {prefix} is not allowed")

    stock(memory)
    with pytest.raises(AccessDenied, match="listing files/"):
        do_sweep(NoList(memory))
    assert len(keys(memory)) == 3


def test_objects_that_are_hurt_and_further_changes_stand_in_the_entry(memory: Files) -> None:
    """They are asked of the newest state, for just the keys the entry names, after a lost race again."""
    key = stock(memory)
    asked: list[tuple[int, list[str]]] = []

    def swept(now: Snapshot, going: list[str]) -> tuple[list[str], list[dict[str, Any]]]:
        asked.append((now.n, [*going]))
        if len(asked) == 1:
            a_log(memory).commit(put("late", {"key": key["loose"], "size": 5, "sha256": ""}))
        objects, _ = shelf.hurt(now, going)
        return objects, [{"kind": "tick", "by": "a run that is swept"}]

    log = a_log(memory)
    assert do_sweep(memory, log, swept=swept).keys == (key["dropped"],)
    assert asked == [(2, sorted([key["dropped"], key["loose"]])), (3, [key["dropped"]])]
    assert log.entry(4)["changes"] == [
        {"kind": "sweep", "keys": [key["dropped"]], "swept": ["dropped"]},
        {"kind": "tick", "by": "a run that is swept"},
    ]
    assert log.snapshot().state["gone"] == ["dropped"]


def test_an_entry_too_large_for_its_objects_is_divided(memory: Files) -> None:
    """Names of objects and marks count as well: what does not fit comes into the next entry."""
    for i in range(900):
        memory.put(f"files/{i:04d}.bin", b"x")

    def swept(now: Snapshot, going: list[str]) -> tuple[list[str], list[dict[str, Any]]]:
        return [f"table:{key}:{'0' * 140}" for key in going], []

    log = a_log(memory)
    result = do_sweep(memory, log, swept=swept)
    assert len(result.keys) == 900
    changes = [entry["changes"][0] for entry in log.entries()]
    assert all(len(one["keys"]) > 150 for one in changes)
    assert result.keys == tuple(key for one in changes for key in one["keys"])
    assert all([f"table:{key}:{'0' * 140}" for key in one["keys"]] == one["swept"] for one in changes)


def test_what_was_swept_since(memory: Files) -> None:
    """An open log knows the keys that sweeps after an entry name, if it folded all of them itself."""
    names = {}
    log = a_log(memory)
    assert log.swept_since(-1) is None  # it has not looked yet
    for i in range(3):
        names[i] = upload(memory, b"x")["key"]
        do_sweep(memory, log)
    assert [log.swept_since(n) for n in (-1, 0, 1, 2, 7)] == [
        {*names.values()},
        {names[1], names[2]},
        {names[2]},
        set(),
        set(),
    ]
    log.commit(lambda now: Draft([{"kind": "sweep", "listed": {"file": {"key": "leaves/x"}}, "swept": []}]))
    assert [log.swept_since(n) for n in (2, 3)] == [None, set()]


def test_nothing_is_known_of_sweeps_under_a_checkpoint(memory: Files) -> None:
    """Whoever opened from a checkpoint uploads again what was uploaded before it."""
    file = upload(memory, b"mine")
    log = a_log(memory)
    for _ in range(70):
        log.commit(tick())
    log.flush()
    log = a_log(memory)
    assert (log.snapshot().n, log.snapshot().base) == (69, 63)
    assert [log.swept_since(n) for n in (-1, 62, 63, 69)] == [None, None, set(), set()]
    with pytest.raises(Swept):
        log.commit(put("mine", file, log, 62))
    assert log.commit(put("mine", file, log, 63)).n == 70


def test_a_sweep_with_a_list_may_have_named_anything(memory: Files) -> None:
    """The keys in the list file come on top of those in the entry: who uploaded before begins again."""
    log = ShelfLog(memory, author="ann")
    log.commit(tick())
    log.commit(
        lambda now: Draft([{"kind": "sweep", "keys": ["files/a"], "listed": {"key": "files/list"}, "swept": []}]),
        verb="store.sweep",
    )
    assert (log.swept_since(0), log.swept_since(1)) == (None, set())
