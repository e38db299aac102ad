"""The chain of entries looked at link by link, with the rollups of some of them: all damage, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlcycle._digest import sha256_bytes
from mlcycle.errors import AccessDenied
from mlcycle.storage import Listed, open_files
from mlcycle.storage._entries import encode_entry, entry_key
from mlcycle.storage._rollups import pack, rollup_key
from mlcycle.storage._verify_log import Chain, Problem
from mlcycle.testing import FaultyFiles
from tests.storage.shelf import small_rollups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.storage import Files


def _chained(count: int, ops: dict[int, str] | None = None) -> list[bytes]:
    """Return so many entries, each the link after the one before."""
    entries: list[bytes] = []
    for n in range(count):
        facts = {"verb": "x", "author": "ann", "at": "2026-11-23T00:00:00.000000Z", "changes": []}
        prev = sha256_bytes(entries[-1]) if entries else ""
        entries.append(encode_entry(n, prev, op=(ops or {}).get(n, f"auto:{n}"), **facts))  # type: ignore[arg-type]
    return entries


ENTRIES = _chained(20)


@pytest.fixture
def files(memory_url: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Files:
    """Return twenty entries in memory, sixteen of them in rollups of eight too, four of those in a rollup alone."""
    small_rollups(monkeypatch)
    files = open_files(memory_url[0])
    for n, data in enumerate(ENTRIES):
        files.put(entry_key(n), b"" if n < 4 else data)
    for first in (0, 8):
        files.put(rollup_key(first), pack(ENTRIES[first : first + 8]))
    return files


def _found(files: Files, links: set[str] | None = None, *, begun: bool = True) -> list[Problem]:
    return Chain(files, links or set()).check(lambda done, of: None, begun=begun)


def _told(files: Files, links: set[str] | None = None) -> dict[str, str]:
    """Return the kind of each problem by its key."""
    found = {problem.key: problem.kind for problem in _found(files, links)}
    assert len(found) == len(_found(files, links))
    return found


def test_a_whole_chain_has_no_problems(files: Files) -> None:
    """It is told entry by entry how far it is."""
    told: list[tuple[int, int]] = []
    chain = Chain(files, set())
    assert chain.check(lambda done, of: told.append((done, of)), begun=True) == []
    assert (chain.length, told) == (20, [(n, 20) for n in range(1, 21)])


def test_a_log_that_has_begun_has_an_entry(memory_url: tuple[str, dict[str, Any]]) -> None:
    """One that has not is empty, and that is all."""
    empty = open_files(memory_url[0])
    assert _found(empty, begun=False) == []
    [problem] = _found(empty)
    assert str(problem) == (
        "log/0000000000.json: entry 0 is missing, and all that came after it; put log/ back from a copy of the store"
    )


def test_all_damage_is_named_not_only_the_first(files: Files) -> None:
    """What follows damage cannot follow its bytes; what follows a gap follows nothing that is known."""
    files.put(entry_key(16), b"{")
    files.delete([entry_key(18)])
    assert _told(files) == {entry_key(16): "damaged", entry_key(17): "chain", entry_key(18): "missing"}


def test_an_entry_that_was_changed_is_seen_by_the_next(files: Files) -> None:
    """Its bytes are an entry, and not the ones that were committed."""
    files.put(entry_key(17), ENTRIES[17].replace(b'"ann"', b'"eve"'))
    [problem] = _found(files)
    assert (problem.kind, problem.key) == ("chain", entry_key(18))
    assert sha256_bytes(ENTRIES[17]) in problem.what
    files.put(entry_key(0), ENTRIES[1])
    assert _told(files)[entry_key(0)] == "damaged"


def test_the_first_entry_follows_nothing(files: Files) -> None:
    """And says so; one that names a link before it is of another log."""
    files.delete([rollup_key(0)])
    for n in range(4):
        files.put(entry_key(n), ENTRIES[n])
    assert _found(files) == []
    facts = {"op": "auto:0", "verb": "x", "author": "ann", "at": "2026-11-23T00:00:00.000000Z", "changes": []}
    files.put(entry_key(0), encode_entry(0, sha256_bytes(b"x"), **facts))  # type: ignore[arg-type]
    first, second = _found(files)
    assert (first.key, second.key) == (entry_key(0), entry_key(1))
    assert first.what == f"it follows {sha256_bytes(b'x')}, but the bytes before it are absent"


def test_an_entry_of_a_newer_library_is_not_called_damaged(files: Files) -> None:
    """Its bytes are a link all the same."""
    newer = ENTRIES[18].replace(b'"v":1', b'"v":2')
    files.put(entry_key(18), newer)
    files.put(entry_key(19), ENTRIES[19].replace(sha256_bytes(ENTRIES[18]).encode(), sha256_bytes(newer).encode()))
    assert _told(files) == {entry_key(18): "unreadable"}


@pytest.mark.parametrize(("one", "other", "emptied"), [(17, 19, False), (1, 19, True), (1, 3, True)])
def test_an_operation_committed_twice_is_named(files: Files, one: int, other: int, emptied: bool) -> None:
    """Wherever the two lie, in rollups alone too; the first is the one that counts."""
    entries = _chained(20, {one: "user:7", other: "user:7"})
    for n, data in enumerate(entries):
        files.put(entry_key(n), b"" if emptied and n < 8 else data)
    for first in (0, 8):
        files.put(rollup_key(first), pack(entries[first : first + 8]))
    expected = f"its operation user:7 was committed as {entry_key(one)} already"
    assert _found(files) == [Problem("doubled", entry_key(other), expected)]


def test_damage_with_good_bytes_in_a_rollup_says_where(files: Files) -> None:
    """The chain goes on from those, and the rollup is not called wrong."""
    files.put(entry_key(12), ENTRIES[12][:-1])
    [problem] = _found(files)
    assert (problem.kind, problem.key) == ("damaged", entry_key(12))
    assert problem.what.endswith("; line 5 of log/rollup-8-15.jsonl.gz holds other bytes of entry 12, maybe good ones")
    files.delete([entry_key(12)])
    [problem] = _found(files)
    assert (problem.kind, problem.what) == (
        "missing",
        "entry 12 is missing; line 5 of log/rollup-8-15.jsonl.gz holds other bytes of entry 12, maybe good ones",
    )


def test_a_rollup_with_other_bytes_than_a_good_entry_is_wrong(files: Files) -> None:
    """It is named once, by the first of them, with what to do."""
    changed = [data.replace(b'"ann"', b'"eve"') if n in (10, 13) else data for n, data in enumerate(ENTRIES)]
    files.put(rollup_key(8), pack(changed[8:16]))
    what = "it holds other bytes of entry 10 than log/0000000010.json; delete the rollup, if that entry is good"
    assert _found(files) == [Problem("rollup", rollup_key(8), what)]


@pytest.mark.parametrize("first", [0, 8])
def test_a_rollup_that_cannot_be_read_is_damaged(files: Files, first: int) -> None:
    """Emptied entries are damaged with it; whole ones are not."""
    files.put(rollup_key(first), files.read(rollup_key(first))[:-3])
    told = _told(files)
    assert told.pop(rollup_key(first)) == "rollup"
    assert {key: kind for key, kind in told.items() if kind == "damaged"} == (
        {} if first else {entry_key(n): "damaged" for n in range(4)}
    )
    files.delete([rollup_key(first)])
    assert rollup_key(first) not in _told(files)


def test_an_entry_that_is_a_link_is_not_followed(files: Files) -> None:
    """Whoever looked for links has named it; what comes after it is not held against it."""
    files.put(entry_key(17), b"whatever it leads to")
    assert _told(files, {entry_key(17)}) == {}


def test_entries_are_counted_where_they_may_not_be_listed(files: Files) -> None:
    """By name, from the first on: a gap is the end then, as far as anybody can see."""

    class NoList(FaultyFiles):
        """Files that may not be listed."""

        def list(self, prefix: str) -> Iterator[Listed]:
            """Refuse."""
            raise AccessDenied(f"listing {prefix} is not allowed")

    chain = Chain(NoList(files), set())
    assert (chain.check(lambda done, of: None, begun=True), chain.length) == ([], 20)
    files.put(entry_key(19), b"{")
    assert _told(NoList(files)) == {entry_key(19): "damaged"}


def test_a_problem_says_whom_it_hurts() -> None:
    """Where it is known."""
    assert str(Problem("size", "files/1", "it has 3 bytes")) == "files/1: it has 3 bytes"
    assert str(Problem("size", "files/1", "odd", ("m@1", "d@2"))) == "files/1: odd (hurts m@1, d@2)"
