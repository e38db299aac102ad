"""Files in the memory of this process: fsspec's one global ``memory://`` store, behind one lock."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlcycle._locks import renew_in_child
from mlcycle.storage._files import (
    KeyNotFound,
    Listed,
    Outcome,
    check_key,
    check_prefix,
    check_range,
    is_hidden,
    local_source,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MemoryAppender", "MemoryFiles", "open_memory"]

_lock = threading.RLock()
renew_in_child(globals(), "_lock", threading.RLock)


def open_memory(
    text: str, protocol: str, *, single_writer: bool, storage_options: dict[str, Any], fresh: bool
) -> MemoryFiles:
    """Return the files of a ``memory://`` URL; `open_files` calls this."""
    return MemoryFiles(re.sub(r"^\w+://", "", text).strip("/"), single_writer=single_writer)


class MemoryFiles:
    """The six calls on fsspec's global memory store: gone with the process, invisible to others.

    Parameters
    ----------
    root : str
        What stands after ``memory://``.
    single_writer : bool, default False
        Only reported back by `shared`.

    Examples
    --------
    >>> files = MemoryFiles("example-memory")
    >>> files.put("a.txt", b"hello")
    >>> import fsspec
    >>> fsspec.open("memory://example-memory/a.txt").open().read()
    b'hello'
    """

    protocol = "memory"
    can_append = True

    def __init__(self, root: str, *, single_writer: bool = False) -> None:
        from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

        self.url = f"memory://{root}"
        self.shared = not single_writer
        self.storage_options: dict[str, Any] = {}
        self._root = f"/{root}/"
        self._fs = MemoryFileSystem()
        self._file = MemoryFile

    def __repr__(self) -> str:
        return f"MemoryFiles({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._root.strip("/"), not self.shared)

    def create(self, key: str, data: bytes) -> Outcome:
        """Put if absent: all or nothing."""
        path = self._path(key)
        with _lock:
            if path in self._fs.store:
                return Outcome.LOST
            self._fs.store[path] = self._file(self._fs, path, bytes(data))
        return Outcome.WON

    def put(self, key: str, data: bytes | Path, *, durable: bool = True, move: bool = False) -> None:
        """Write or overwrite, all at once for every reader."""
        path, source = self._path(key), local_source(data)
        content = Path(source).read_bytes() if source is not None else bytes(data)
        with _lock:
            self._fs.store[path] = self._file(self._fs, path, content)
        if move and source is not None:
            Path(source).unlink(missing_ok=True)

    def read(self, key: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Return the bytes from `start` up to `stop`, fewer where the file ends; `KeyNotFound` if absent."""
        first, last = check_range(start, stop)
        path = self._path(key)
        with _lock:
            if path not in self._fs.store:
                raise KeyNotFound(f"there is no {key!r} in {self.url}")
            with self._fs.store[path].getbuffer() as view:
                return bytes(view[first:last])

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield every key that begins with `prefix`, in ascending order; nothing where there is none."""
        start = self._root + check_prefix(prefix)
        skip = len(self._root)
        with _lock:
            found = [
                Listed(path[skip:], file.size, file.modified.timestamp())
                for path, file in self._fs.store.items()
                if path.startswith(start)
            ]
        yield from sorted(one for one in found if not is_hidden(one.key))

    def delete(self, keys: Iterable[str]) -> None:
        """Remove these files; absent ones are no error."""
        for key in keys:
            path = self._path(key)
            with _lock:
                self._fs.store.pop(path, None)

    def append(self, key: str) -> MemoryAppender:
        """Open a file at its end, making it where absent."""
        path = self._path(key)
        with _lock:
            if path not in self._fs.store:
                self._fs.store[path] = self._file(self._fs, path, b"")
            return MemoryAppender(self._fs.store[path])

    def local_path(self, key: str) -> None:
        """Return None: these files have no path."""
        check_key(key)

    def _path(self, key: str) -> str:
        return self._root + check_key(key)


class MemoryAppender:
    """A file in memory open for appending; lives as long as its writer."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.offset: int = file.size

    def write(self, data: bytes) -> int:
        """Append, and return how many bytes were taken: all of them."""
        from datetime import UTC, datetime

        with _lock:
            self._file.seek(0, os.SEEK_END)
            taken: int = self._file.write(data)
            self._file.modified = datetime.now(UTC)
        self.offset += taken
        return taken

    def sync(self) -> None:
        """Do nothing: memory survives no loss of power."""

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


def _reopen(root: str, single_writer: bool) -> MemoryFiles:
    return MemoryFiles(root, single_writer=single_writer)
