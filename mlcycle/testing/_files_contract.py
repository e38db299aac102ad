"""What every storage must keep, as a suite to subclass."""

from __future__ import annotations

import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from mlcycle.errors import InvalidInput, UnsafePath, UnsupportedStorage
from mlcycle.storage import KeyNotFound, Outcome, open_range, probe

if TYPE_CHECKING:
    from pathlib import Path

    from mlcycle.storage import Files

__all__ = ["FilesContract"]

BAD_KEYS = [
    "",
    "/a",
    "a/",
    "a//b",
    "..",
    "../a",
    "a/../../b",
    "a/.",
    "a\\b",
    "a\0b",
    "a\nb",
    "c:a",
    ".tmp-a",
    "x" * 300,
]
STRANGE_KEYS = ["Kunden/Größe-日本.json", "a b/c+d&e=f#g?h%20i.txt", "@place/x", "émoji-🎉/~'(!)*.bin", ".hidden/_a"]


class FilesContract:
    """The tests of the six calls; subclass it in a test module, and give it a fixture named ``files``.

    The fixture returns an empty `Files`, another place for every test. Methods a storage cannot meet may be overridden;
    a storage that says ``shared = False`` skips the races.

    Examples
    --------
    >>> import uuid
    >>> import pytest
    >>> from mlcycle.storage import open_files
    >>> from mlcycle.testing import FilesContract
    >>> class TestMine(FilesContract):
    ...     @pytest.fixture
    ...     def files(self):
    ...         return open_files(f"memory://{uuid.uuid4().hex}")
    """

    racers = 8
    rounds = 10

    def test_create_wins_once(self, files: Files) -> None:
        """The first put-if-absent wins, the second loses, and the bytes are the first one's."""
        assert [files.create("log/0.json", b"first"), files.create("log/0.json", b"second")] == _ONCE
        assert files.read("log/0.json") == b"first"

    def test_empty_create_wins_once(self, files: Files) -> None:
        """No bytes at all are content like any other."""
        assert [files.create("empty", b""), files.create("empty", b""), files.create("empty", b"x")] == [
            *_ONCE,
            Outcome.LOST,
        ]
        assert files.read("empty") == b""

    def test_create_after_put_and_delete(self, files: Files) -> None:
        """A key that was put is taken, one that was deleted is free."""
        files.put("a", b"put")
        assert files.create("a", b"x") == Outcome.LOST
        files.delete(["a"])
        assert files.create("a", b"y") == Outcome.WON
        assert files.read("a") == b"y"

    def test_race_has_one_winner(self, files: Files) -> None:
        """Of many threads creating one key exactly one is told it won, and its bytes are there, whole."""
        if not files.shared:
            pytest.skip("this storage is for one writer at a time")
        for turn in range(self.rounds):
            bodies = [bytes([65 + i]) * (1000 + i) for i in range(self.racers)]
            barrier = threading.Barrier(self.racers)

            def run(body: bytes, turn: int = turn, barrier: threading.Barrier = barrier, own: Files = files) -> Outcome:
                barrier.wait()
                return own.create(f"race/{turn}", body)

            with ThreadPoolExecutor(self.racers) as pool:
                outcomes = list(pool.map(run, bodies))
            assert sorted(one.value for one in outcomes) == ["lost"] * (self.racers - 1) + ["won"]
            assert files.read(f"race/{turn}") == bodies[outcomes.index(Outcome.WON)]

    def test_two_handles_race(self, files: Files) -> None:
        """Two handles of one place hand out every number once."""
        if not files.shared:
            pytest.skip("this storage is for one writer at a time")
        handles = [files, self.again(files)]

        def run(which: int) -> list[int]:
            return [n for n in range(20) if handles[which].create(f"n/{n}", b"%d" % which) is Outcome.WON]

        with ThreadPoolExecutor(2) as pool:
            won = list(pool.map(run, range(2)))
        assert sorted(won[0] + won[1]) == list(range(20))
        assert [int(files.read(f"n/{n}")) for n in range(20)] == [int(n in won[1]) for n in range(20)]

    def test_reader_never_sees_half(self, files: Files) -> None:
        """Whoever reads while a file is overwritten gets the one or the other, whole."""
        bodies = [b"a" * 300_000, b"b" * 200_000]
        files.put("hint.json", bodies[0])
        seen: set[tuple[int, bytes]] = set()
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                data = files.read("hint.json")
                seen.update((len(data), bytes([letter])) for letter in set(data))

        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            for i in range(10):
                files.put("hint.json", bodies[i % 2], durable=False)
            done.set()
            watching.result()
        assert seen <= {(300_000, b"a"), (200_000, b"b")}

    def test_put_bytes_like(self, files: Files) -> None:
        """Bytes, bytearrays and memoryviews are all bytes."""
        for data in (b"abc", bytearray(b"abc"), memoryview(b"abc")):
            files.put("x", data)  # type: ignore[arg-type]
            assert files.read("x") == b"abc"

    def test_put_path(self, files: Files, tmp_path: Path) -> None:
        """A large local file arrives whole, and stays where it was."""
        source = tmp_path / "source.bin"
        body = os.urandom(1 << 20) * 3 + b"end"
        source.write_bytes(body)
        files.put("files/big.bin", source)
        assert files.read("files/big.bin") == body
        assert source.read_bytes() == body

    def test_put_path_moves(self, files: Files, tmp_path: Path) -> None:
        """With ``move`` the local file is consumed."""
        source = tmp_path / "source.bin"
        source.write_bytes(b"moved")
        files.put("files/moved.bin", source, move=True)
        assert (files.read("files/moved.bin"), source.exists()) == (b"moved", False)

    def test_put_missing_path(self, files: Files, tmp_path: Path) -> None:
        """A local file that is not there is an error that publishes nothing."""
        with pytest.raises(InvalidInput, match="no local file"):
            files.put("files/none.bin", tmp_path / "none")
        assert list(files.list("")) == []

    def test_ranges(self, files: Files) -> None:
        """A range holds what the file has of it; one that counts from the end is refused."""
        files.put("r", b"0123456789")
        asked = [(None, None), (0, 4), (4, None), (None, 3), (8, 20), (10, 12), (30, 40), (5, 5), (6, 2)]
        expected = [b"0123456789", b"0123", b"456789", b"012", b"89", b"", b"", b"", b""]
        assert [files.read("r", start, stop) for start, stop in asked] == expected
        for start, stop in ((-1, None), (0, -1)):
            with pytest.raises(InvalidInput):
                files.read("r", start, stop)

    def test_read_absent(self, files: Files) -> None:
        """What is not there is `KeyNotFound`, which is a `FileNotFoundError` that names the key."""
        files.put("a/b", b"x")
        for key in ("none", "a", "a/none", "none/b"):
            for bounds in ((None, None), (0, 1), (3, 3)):
                with pytest.raises(KeyNotFound, match=key) as caught:
                    files.read(key, *bounds)
                assert isinstance(caught.value, FileNotFoundError)

    def test_list(self, files: Files) -> None:
        """A listing goes all the way down, ascends, gives sizes and times, and takes any beginning of a key."""
        for size, key in enumerate(["log/2", "log/10", "log-1", "log/sub/deep/x", "log.d", "other/y"]):
            files.put(key, b"x" * size, durable=False)
        below = [(one.key, one.size) for one in files.list("log/")]
        assert below == [("log/10", 1), ("log/2", 0), ("log/sub/deep/x", 3)]
        assert [one.key for one in files.list("")] == sorted(
            ["log/2", "log/10", "log-1", "log/sub/deep/x", "log.d", "other/y"]
        )
        assert [one.key for one in files.list("log/s")] == ["log/sub/deep/x"]
        assert [one.key for one in files.list("lo")] == ["log-1", "log.d", "log/10", "log/2", "log/sub/deep/x"]
        assert list(files.list("absent/")) == list(files.list("log/2/")) == []
        assert all(one.mtime > 1_700_000_000 for one in files.list(""))

    def test_list_sees_at_once(self, files: Files) -> None:
        """No listing is remembered: what another handle wrote or deleted shows at once."""
        other = self.again(files)
        assert list(files.list("a/")) == []
        other.create("a/1", b"")
        assert [one.key for one in files.list("a/")] == ["a/1"]
        other.delete(["a/1"])
        assert list(files.list("a/")) == []

    def test_delete(self, files: Files) -> None:
        """Deleting is by key, of many at once, and twice is no error."""
        for i in range(5):
            files.put(f"d/{i}", b"x", durable=False)
        files.delete(f"d/{i}" for i in range(4))
        files.delete(["d/0", "never/was", "d"])
        files.delete([])
        assert [one.key for one in files.list("")] == ["d/4"]

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_keys_that_leave_are_refused(self, files: Files, key: str) -> None:
        """A key that could leave the root, or hide, is refused by every call, and nothing is written."""
        calls: list[Any] = [
            lambda: files.create(key, b"x"),
            lambda: files.put(key, b"x"),
            lambda: files.read(key),
            lambda: files.delete([key]),
            lambda: files.append(key),
            lambda: files.local_path(key),
        ]
        for call in calls:
            with pytest.raises(UnsafePath):
                call()
        assert list(files.list("")) == []

    def test_strange_keys(self, files: Files) -> None:
        """Keys with other alphabets and characters that mean something in URLs come back as they went."""
        for key in STRANGE_KEYS:
            assert files.create(key, key.encode()) == Outcome.WON
            files.put(key, key.encode() + b"!")
        assert [one.key for one in files.list("")] == sorted(STRANGE_KEYS)
        assert [files.read(key) for key in STRANGE_KEYS] == [key.encode() + b"!" for key in STRANGE_KEYS]
        files.delete(STRANGE_KEYS)
        assert list(files.list("")) == []

    def test_append(self, files: Files) -> None:
        """An appender grows the file, knows where it stands, and goes on where another one ended."""
        if not files.can_append:
            with pytest.raises(UnsupportedStorage, match="put the whole file"):
                files.append("a.jsonl")
            return
        first = files.append("runs/a.jsonl")
        assert (first.offset, first.write(b"one\n"), first.write(b"two\n"), first.offset) == (0, 4, 4, 8)
        first.sync()
        assert files.read("runs/a.jsonl") == b"one\ntwo\n"
        first.close()
        first.close()
        second = files.append("runs/a.jsonl")
        assert (second.offset, second.write(b"three\n"), second.offset) == (8, 6, 14)
        second.close()
        assert files.read("runs/a.jsonl", 8) == b"three\n"

    def test_local_path(self, files: Files) -> None:
        """A local path, where there is one, is the file."""
        files.put("a/b.txt", b"text")
        path = files.local_path("a/b.txt")
        assert path is None or path.read_bytes() == b"text"

    def test_open_range(self, files: Files) -> None:
        """A stored file reads like a Python file of the same bytes."""
        body = bytes(range(256)) * 1024
        files.put("t.parquet", body)
        with open_range(files, "t.parquet", len(body)) as file:
            assert (file.seek(-8, os.SEEK_END), file.read()) == (len(body) - 8, body[-8:])
            assert (file.seek(1000), file.read(5), file.tell()) == (1000, body[1000:1005], 1005)
            assert (file.seek(10, os.SEEK_CUR), file.read(100_000)) == (1015, body[1015:101_015])
            assert (file.seek(0), file.read()) == (0, body)
            assert file.read(1) == b""

    def test_handle_pickles(self, files: Files) -> None:
        """A handle travels to another process as its URL, and means the same place there."""
        files.put("a", b"x")
        other = self.again(files)
        assert (other.url, other.protocol, other.shared, other.read("a")) == (
            files.url,
            files.protocol,
            files.shared,
            b"x",
        )

    def test_probe(self, files: Files) -> None:
        """The probe finds the promises kept, and leaves nothing behind."""
        seen = probe(files)
        if files.shared:
            assert seen["create"] == {"first": "won", "second": "lost", "empty": "lost"}
            assert seen["race"] == {"racers": 4, "winners": 1}
        assert {name: seen[name] for name in ("overwrite", "range", "list", "delete")} == dict.fromkeys(
            ("overwrite", "range", "list", "delete"), True
        )
        assert list(files.list("")) == []

    def again(self, files: Files) -> Files:
        """Return another handle of the same place."""
        other: Files = pickle.loads(pickle.dumps(files))
        return other


_ONCE = [Outcome.WON, Outcome.LOST]
