"""Verifying a store: every problem is named, with the key and the versions it hurts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from mlcycle._digest import sha256_bytes
from mlcycle.errors import AccessDenied, InvalidInput
from mlcycle.storage import Draft, Files, Problem, Verification, open_files, verify
from mlcycle.storage._entries import entry_key
from mlcycle.testing import FaultyFiles
from tests.storage.shelf import FarAway, ShelfLog, drop, named, owners, put, tick, upload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def memory(memory_url: tuple[str, dict[str, Any]]) -> Files:
    """Empty files in memory."""
    return open_files(memory_url[0])


class NoList(FaultyFiles):
    """Files that may not be listed."""

    def list(self, prefix: str) -> Iterator[Any]:
        """Refuse."""
        raise AccessDenied(f"listing {prefix} is not allowed")


def stock(files: Files) -> dict[str, str]:
    """Commit three things and two ticks; return the keys of their files."""
    log = ShelfLog(files, author="ann")
    key = {}
    for name in ("a", "b", "c"):
        file = upload(files, name.encode() * 100)
        log.commit(put(name, file))
        key[name] = file["key"]
    log.commit(tick())
    log.commit(tick())
    return key


def check(files: Files, level: str = "bytes") -> Verification:
    """Verify as a newcomer."""
    return verify(ShelfLog(files), files, named, level=level, owners=owners)


def kinds(found: Verification) -> list[tuple[str, str]]:
    """Return kind and key of every problem."""
    return [(problem.kind, problem.key) for problem in found.problems]


def test_a_whole_store(files: Files) -> None:
    """On every storage each level looks at what it should, and finds nothing."""
    stock(files)
    assert Verification("chain", 5, 0, 0, ()) == check(files, "chain")
    assert Verification("files", 5, 3, 0, ()) == check(files, "files")
    found = check(files, "bytes")
    assert Verification("bytes", 5, 3, 300, ()) == found
    assert str(found) == "ok: 5 entries, 3 files, 300 bytes read"


def test_an_empty_store(memory: Files) -> None:
    """Nothing is whole, too."""
    assert check(memory).ok


def test_unknown_level(memory: Files) -> None:
    """The levels are named."""
    with pytest.raises(InvalidInput, match="'chain' or 'files' or 'bytes', not 'all'"):
        check(memory, "all")


def test_missing_short_and_changed_files(memory: Files) -> None:
    """Each is named with the thing that stands on it; changed bytes are seen only when bytes are read."""
    key = stock(memory)
    memory.delete([key["a"]])
    memory.put(key["b"], b"short")
    memory.put(key["c"], b"d" * 100)
    files = {("missing", key["a"]), ("size", key["b"])}
    assert files == set(kinds(check(memory, "files")))
    found = check(memory, "bytes")
    assert files | {("digest", key["c"])} == set(kinds(found))
    assert sorted(problem.hurts for problem in found.problems) == [("a",), ("b",), ("c",)]
    assert f"{key['b']}: it has 5 bytes, 100 were stored; put a good copy back (hurts b)" in str(found)
    assert str(found).startswith("3 problems: ")


@pytest.mark.parametrize("wrap", [NoList, FarAway])
def test_other_permissions_same_findings(memory: Files, wrap: type[FaultyFiles]) -> None:
    """Without permission to list files are read instead; far away many are read at once."""
    key = stock(memory)
    assert check(wrap(memory)).ok
    assert check(wrap(memory), "files").ok
    memory.delete([key["a"], entry_key(2)])
    memory.put(key["b"], b"short")
    found = check(wrap(memory), "chain")
    assert [("missing", entry_key(2))] == kinds(found) or wrap is NoList
    memory.delete([entry_key(n) for n in range(2, 5)])
    assert {("missing", key["a"]), ("size", key["b"])} == set(kinds(check(wrap(memory))))


def test_dropped_things_are_not_missed(memory: Files) -> None:
    """What is not named any more may be gone."""
    key = stock(memory)
    ShelfLog(memory).commit(drop("a"))
    memory.delete([key["a"]])
    assert check(memory).ok


def test_a_sweep_that_passes_meanwhile_is_no_problem(memory: Files) -> None:
    """A file that goes missing because its thing was dropped during the verification is not reported."""
    key = stock(memory)

    class Late(FaultyFiles):
        def list(self, prefix: str) -> Iterator[Any]:
            if prefix == "files/":
                ShelfLog(memory).commit(drop("a"))
                memory.delete([key["a"]])
            return super().list(prefix)

    assert verify(ShelfLog(late := Late(memory)), late, named, level="files").ok


def test_places_elsewhere_are_passed_over(memory: Files) -> None:
    """A key that begins with @ lies outside the store."""
    ShelfLog(memory).commit(put("private", {"key": "@home/x", "size": 1, "sha256": "sha256:0"}))
    assert Verification("bytes", 1, 0, 0, ()) == check(memory)


def test_progress(memory: Files) -> None:
    """How far it is, is told entry by entry and file by file."""
    stock(memory)
    told: list[tuple[int, int]] = []
    verify(ShelfLog(memory), memory, named, level="files", progress=lambda done, total: told.append((done, total)))
    assert [*((n, 5) for n in range(1, 6)), *((n, 3) for n in range(1, 4))] == told


def test_four_thousand_missing_files_take_no_time(memory: Files) -> None:
    """Whose they are is asked once, not once a file."""
    log = ShelfLog(memory, author="ann", caches=False)
    lost = {"size": 1, "sha256": sha256_bytes(b"")}
    for first in range(0, 4000, 200):
        changes = [
            {"kind": "put", "name": str(i), "file": {**lost, "key": f"files/{i}"}} for i in range(first, first + 200)
        ]
        log.commit(lambda now, changes=changes: Draft(changes))  # type: ignore[misc]
    asked = []

    def owners_once(now: Any) -> dict[str, list[str]]:
        asked.append(now)
        return owners(now)

    began = time.process_time()
    found = verify(log, memory, named, level="files", owners=owners_once)
    assert time.process_time() - began < 2  # it takes a tenth of that
    assert (len(asked), len(found.problems)) == (1, 4000)
    assert {("files/7", ("7",)), ("files/3999", ("3999",))} <= {(one.key, one.hurts) for one in found.problems}


def test_problems_the_caller_looked_for(memory: Files) -> None:
    """They stand behind those of the log and its files, and are not asked for where only the chain is."""
    key = stock(memory)
    memory.delete([key["a"]])
    mine = Problem("digest", "runs/7/head.json", "it is torn", ("run:7",))
    log = ShelfLog(memory)
    found = verify(log, memory, named, level="files", extra=lambda: iter([mine]))
    assert [key["a"], mine.key] == [one.key for one in found.problems]
    assert verify(log, memory, named, level="chain", extra=lambda: iter([mine])).ok


def test_a_link_above_many_files(tmp_path: Path) -> None:
    """A file behind a link is said to be behind it, however deep."""
    files = open_files(tmp_path / "store")
    file = {"key": "files/deep/er/a.bin", "size": 1, "sha256": sha256_bytes(b"a")}
    files.put(file["key"], b"a")
    ShelfLog(files).commit(put("a", file))
    (tmp_path / "store/files/deep").rename(tmp_path / "elsewhere")
    (tmp_path / "store/files/deep").symlink_to(tmp_path / "elsewhere")
    found = check(files, "files").problems
    assert [("link", "files/deep", ()), ("link", file["key"], ("a",))] == [(p.kind, p.key, p.hurts) for p in found]
    assert "it lies behind the link 'files/deep'" in found[1].what


def test_a_file_described_as_none_can_be_does_not_hide_the_others(memory: Files) -> None:
    """A key that leaves the store, or a size that is no number, is one problem; what else is hurt is named too."""
    log = ShelfLog(memory)
    log.commit(put("out", {"key": "../passwd", "size": 1, "sha256": "sha256:0"}))
    log.commit(put("odd", {"key": "files/odd.bin", "size": "1", "sha256": "sha256:0"}))
    log.commit(put("lost", {"key": "files/lost.bin", "size": 1, "sha256": "sha256:0"}))
    found = kinds(check(memory))
    assert found == [("damaged", "../passwd"), ("damaged", "files/odd.bin"), ("missing", "files/lost.bin")]
