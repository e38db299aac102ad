"""A stored file as a seekable Python file, so that a reader of Parquet fetches only what it needs."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from mlcycle.errors import Corrupt
from mlcycle.storage._files import KeyNotFound, check_range

if TYPE_CHECKING:
    from mlcycle.storage._files import Files

__all__ = ["RangeFile", "open_range"]

_BLOCK = 64 * 1024  # bytes fetched at least: a Parquet footer and its length come with one request


def open_range(files: Files, key: str, size: int) -> BinaryIO:
    """Return a seekable file for reading `key`, which must have `size` bytes.

    Parameters
    ----------
    files : Files
        Where it is.
    key : str
        What it is called.
    size : int
        Its length in bytes, as the log has it; checked where that costs nothing.

    Raises
    ------
    KeyNotFound
        There is no such file.
    Corrupt
        It has another length.

    Examples
    --------
    >>> from mlcycle.storage import open_files
    >>> files = open_files("memory://example-ranges")
    >>> files.put("a.txt", b"hello world")
    >>> with open_range(files, "a.txt", 11) as file:
    ...     file.seek(-5, 2), file.read()
    (6, b'world')
    """
    check_range(0, size)
    path = files.local_path(key)
    if path is None:
        return cast("BinaryIO", RangeFile(files, key, size))
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise KeyNotFound(f"there is no {key!r} in {files.url}") from error
    except OSError:
        files.read(key, 0, 1)  # says the same in our own words
        raise
    if (found := os.fstat(file.fileno()).st_size) != size:
        file.close()
        raise Corrupt(f"{key!r} in {files.url} should have {size} bytes, and has {found}")
    return file


class RangeFile(io.RawIOBase):
    """A file read by ranges, with one block of 64 KB remembered; lives as long as one reader, in one thread."""

    def __init__(self, files: Files, key: str, size: int) -> None:
        super().__init__()
        self._files, self._key, self._size = files, key, size
        self._position = 0
        self._start, self._block = 0, b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes from the start."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position, and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(f"cannot seek to {base + offset}, before the start of {self._key!r}")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Return the next `size` bytes, or all that are left."""
        left = max(self._size - self._position, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        data = self._get(self._position, self._position + wanted) if wanted else b""
        self._position += len(data)
        return data

    def readall(self) -> bytes:
        """Return all that is left."""
        return self.read()

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the file goes."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _get(self, start: int, stop: int) -> bytes:
        if not (self._start <= start and stop <= self._start + len(self._block)):
            if stop - start >= _BLOCK:
                return self._fetch(start, stop)
            # Near the end a reader works backwards (footer, then what it points to): let the block end with the file.
            first = max(0, self._size - _BLOCK) if self._size - start <= _BLOCK else start
            self._start, self._block = first, self._fetch(first, min(first + _BLOCK, self._size))
        return self._block[start - self._start : stop - self._start]

    def _fetch(self, start: int, stop: int) -> bytes:
        data = self._files.read(self._key, start, stop)
        if len(data) != stop - start:
            raise Corrupt(
                f"{self._key!r} in {self._files.url} should have {self._size} bytes, and ends after {start + len(data)}"
            )
        return data
