"""Files in the memory of the process: one store for all who name the same place, seen by fsspec too."""

from __future__ import annotations

import pickle
import threading
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from mlcycle.storage import KeyNotFound, Outcome
from mlcycle.storage._memory import MemoryFiles

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def memory(memory_url: tuple[str, dict[str, Any]]) -> MemoryFiles:
    """Return files in a place of their own."""
    return MemoryFiles(memory_url[0].removeprefix("memory://"))


def test_a_place_is_the_same_for_all_who_name_it(memory: MemoryFiles) -> None:
    """Also after a journey through pickle, and for fsspec; its neighbour of a longer name is another."""
    assert memory.create("a/b", b"1") is Outcome.WON
    alone = MemoryFiles(memory.url.removeprefix("memory://"), single_writer=True)
    assert (memory.shared, alone.shared) == (True, False)
    for other in (alone, pickle.loads(pickle.dumps(memory)), pickle.loads(pickle.dumps(alone))):
        assert other.create("a/b", b"2") is Outcome.LOST
        assert other.read("a/b") == b"1"
    assert pickle.loads(pickle.dumps(alone)).shared is False
    neighbour = MemoryFiles(f"{memory.url.removeprefix('memory://')}-2")
    neighbour.put("c", b"")
    assert [one.key for one in memory.list("")] == ["a/b"]
    neighbour.delete(["c"])
    with fsspec.open(f"{memory.url}/a/b") as file:
        assert file.read() == b"1"


def test_what_was_written_is_not_what_the_writer_goes_on_changing(memory: MemoryFiles) -> None:
    """Bytes are copied in and out."""
    for key, write in (("created", memory.create), ("put", memory.put)):
        data = bytearray(b"one")
        write(key, data)  # type: ignore[operator]
        data[:] = b"two"
        assert memory.read(key) == b"one"


@pytest.mark.parametrize(
    ("start", "stop", "data"), [(None, None, b"hello"), (1, 3, b"el"), (3, 99, b"lo"), (9, 12, b""), (2, 2, b"")]
)
def test_a_range_ends_where_the_file_does(memory: MemoryFiles, start: int, stop: int, data: bytes) -> None:
    """Fewer bytes, never other ones."""
    memory.put("a", b"hello")
    assert data == memory.read("a", start, stop)


def test_a_file_of_the_disk_is_taken_or_copied(memory: MemoryFiles, tmp_path: Path) -> None:
    """Moved, it is gone from there; else it stays."""
    source = tmp_path / "source"
    source.write_bytes(b"body")
    memory.put("copied", source)
    assert source.exists()
    memory.put("moved", source, move=True)
    assert (memory.read("copied"), memory.read("moved"), source.exists()) == (b"body", b"body", False)


def test_listings_are_in_order_and_without_what_is_hidden(memory: MemoryFiles) -> None:
    """A prefix is the beginning of a key, wherever it ends; what was listed before a change is as it was."""
    for key in ("b", "a/2", "a/10", "ab"):
        memory.put(key, key.encode())
    memory._fs.store[f"{memory._root}a/.tmp-1"] = memory._fs.store[f"{memory._root}b"]
    assert [one.key for one in memory.list("")] == ["a/10", "a/2", "ab", "b"]
    assert [(one.key, one.size) for one in memory.list("a/")] == [("a/10", 4), ("a/2", 3)]
    listing = memory.list("a")
    assert next(listing).key == "a/10"
    memory.delete(["ab", "a/2", "never there"])
    assert [one.key for one in listing] == ["a/2", "ab"]
    assert [*memory.list("c")] == []
    with pytest.raises(KeyNotFound, match=f"there is no 'ab' in {memory.url}"):
        memory.read("ab")


def test_appenders_of_one_file_take_turns(memory: MemoryFiles) -> None:
    """Each knows where it began and how much it took; readers go on reading while the file grows."""
    memory.put("a", b"0")
    ends = [memory.append("a") for _ in range(4)]
    assert {one.offset for one in ends} == {1}
    modified = next(memory.list("a")).mtime

    def write(number: int) -> None:
        for _ in range(50):
            assert ends[number].write(b"%d" % number * 3) == 3

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = memory.read("a")
    pieces = [whole[at : at + 3] for at in range(1, len(whole), 3)]
    assert sorted(pieces) == sorted(b"%d" % number * 3 for number in range(4) for _ in range(50))
    assert {one.offset for one in ends} == {151}
    assert next(memory.list("a")).mtime >= modified
    assert memory.append("new").offset == 0
    assert memory.read("new") == b""
