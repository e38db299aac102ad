"""Files on any other fsspec file system, for one writer at a time: look, then write."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlcycle.errors import AccessDenied, StorageUnavailable, UnsupportedStorage
from mlcycle.storage._cloud_errors import Meaning, meaning_of
from mlcycle.storage._files import (
    TEMPORARY,
    KeyNotFound,
    Listed,
    Outcome,
    check_key,
    check_prefix,
    check_range,
    is_hidden,
    local_source,
)
from mlcycle.storage._object_store import modified_at
from mlcycle.storage._symlinks import link_on_the_way, links_below, refuse_links

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlcycle.storage._files import Appender

__all__ = ["SingleWriterFiles", "open_single_writer"]

_WRAPPED = 8  # file systems around one another; nobody chains more


def open_single_writer(
    text: str, protocol: str, *, single_writer: bool, storage_options: dict[str, Any], fresh: bool
) -> SingleWriterFiles:
    """Return the files of any URL fsspec knows; `open_files` calls this."""
    return SingleWriterFiles(text, protocol, storage_options=storage_options, fresh=fresh)


class SingleWriterFiles:
    """The six calls on any fsspec file system, safe as long as only one process writes.

    Parameters
    ----------
    url : str
        With its scheme.
    protocol : str
        The scheme.
    storage_options : dict, optional
        Passed to the file system.
    fresh : bool, default False
        Use a file system object of its own.

    Raises
    ------
    UnsupportedStorage
        fsspec does not know the scheme, lacks a package for it, or cannot read the URL.
    """

    can_append = False
    shared = False

    def __init__(
        self, url: str, protocol: str, *, storage_options: dict[str, Any] | None = None, fresh: bool = False
    ) -> None:
        from fsspec.core import url_to_fs

        self.url, self.protocol = url.rstrip("/"), protocol
        self.storage_options = dict(storage_options or {})
        extra = {"skip_instance_cache": True} if fresh else {}
        try:
            self._fs, root = url_to_fs(self.url, **{**self.storage_options, "use_listings_cache": False, **extra})
        except ImportError as error:
            raise UnsupportedStorage(f"{self.url!r} needs a package that is not installed: {error}") from error
        except (ValueError, TypeError) as error:
            raise UnsupportedStorage(
                f"{self.url!r} cannot be opened by fsspec ({error}); check the scheme and storage_options"
            ) from error
        except OSError as error:  # some ask a server at once
            raise StorageUnavailable(f"{self.url!r} did not answer: {error}; check the connection") from error
        self._root = str(root).rstrip("/")
        self._folder = _folder_under(self._fs, self._root)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"SingleWriterFiles({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.url, self.protocol, self.storage_options)

    def create(self, key: str, data: bytes) -> Outcome:
        """Write unless the key exists: safe only while no other process writes."""
        path = self._path(key)
        with self._lock:
            try:
                if self._fs.exists(path):
                    return Outcome.LOST
                self._publish(path, bytes(data))
            except Exception as error:  # noqa: BLE001 - raised again unless it is an answer
                if meaning_of(error) is Meaning.UNKNOWN and not isinstance(error, NotImplementedError):
                    return Outcome.UNKNOWN
                self._raise(error, "create", key)
        return Outcome.WON

    def put(self, key: str, data: bytes | Path, *, durable: bool = True, move: bool = False) -> None:
        """Write or overwrite: a temporary file first, then a rename where the file system has one."""
        path, source = self._path(key), local_source(data)
        with self._lock:
            try:
                self._publish(path, data)
            except Exception as error:  # noqa: BLE001 - raised again, as one of ours if it is a storage's
                self._raise(error, "write", key)
        if move and source is not None:
            Path(source).unlink(missing_ok=True)

    def _publish(self, path: str, data: bytes | Path) -> None:
        folder = path.rpartition("/")[0]
        scratch = f"{folder}/{TEMPORARY}{os.urandom(8).hex()}"
        self._fs.makedirs(folder, exist_ok=True)
        try:
            if isinstance(data, os.PathLike):
                self._fs.put_file(os.fspath(data), scratch)
            else:
                self._fs.pipe_file(scratch, bytes(data))
            try:
                self._fs.mv(scratch, path)
            except FileExistsError:
                self._fs.rm_file(path)
                self._fs.mv(scratch, path)
        except BaseException:
            with contextlib.suppress(Exception):
                self._fs.rm_file(scratch)
            raise

    def read(self, key: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Return the bytes from `start` up to `stop`, fewer where the file ends; `KeyNotFound` if absent."""
        first, last = check_range(start, stop)
        path = self._path(key)
        try:
            if last is not None and last <= first:
                self._fs.cat_file(path, start=0, end=1)
                return b""
            whole = first == 0 and last is None
            return bytes(self._fs.cat_file(path) if whole else self._fs.cat_file(path, start=first, end=last))
        except Exception as error:
            meaning = meaning_of(error)
            if meaning is Meaning.BEYOND:
                return b""
            if meaning is Meaning.ABSENT or isinstance(error, IsADirectoryError | NotADirectoryError):
                raise KeyNotFound(f"there is no {key!r} in {self.url}") from error
            self._raise(error, "read", key)

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield every key that begins with `prefix`, in ascending order; nothing where there is none."""
        folder = check_prefix(prefix).rpartition("/")[0]
        if self._folder is not None and link_on_the_way(self._folder, folder) is not None:
            return
        try:
            self._fs.invalidate_cache()
            found = self._fs.find(f"{self._root}/{folder}".rstrip("/"), detail=True)
        except Exception as error:  # noqa: BLE001 - raised again, as one of ours if it is a storage's
            if meaning_of(error) is Meaning.ABSENT:
                return
            self._raise(error, "list", prefix)
        skip = len(self._root) + 1
        for path, info in sorted(found.items()):
            key = path[skip:]
            if key.startswith(prefix) and not is_hidden(key) and not _leads_away(info):
                yield Listed(key, int(info.get("size") or 0), modified_at(info))

    def delete(self, keys: Iterable[str]) -> None:
        """Remove these files; absent ones are no error."""
        for key in keys:
            path = self._path(key)
            try:
                self._fs.rm_file(path)
            except Exception as error:  # noqa: BLE001 - raised again, as one of ours if it is a storage's
                if meaning_of(error) is not Meaning.ABSENT and not isinstance(error, IsADirectoryError):
                    self._raise(error, "delete", key)

    def append(self, key: str) -> Appender:
        """Refuse: not every file system can."""
        check_key(key)
        raise UnsupportedStorage(f"files in {self.url} cannot be appended to; put the whole file again")

    def local_path(self, key: str) -> None:
        """Return None: the path, if any, is the file system's own business."""
        check_key(key)

    def _links(self, prefix: str) -> Iterator[str]:
        return iter(()) if self._folder is None else links_below(self._folder, prefix)

    def _path(self, key: str) -> str:
        check_key(key)
        if self._folder is not None:
            refuse_links(self._folder, key)
        return f"{self._root}/{key}"

    def _raise(self, error: Exception, verb: str, key: str) -> NoReturn:
        what = f"cannot {verb} {key!r} in {self.url}"
        if isinstance(error, NotImplementedError):
            raise UnsupportedStorage(f"{what}: this file system can only be read; open it with mode='r'") from error
        meaning = meaning_of(error)
        if meaning is None:
            raise error
        if meaning is Meaning.DENIED:
            raise AccessDenied(f"{what}: {error}; check the credentials in storage_options") from error
        raise StorageUnavailable(
            f"{what}: {type(error).__name__}: {error}; check the connection and try again"
        ) from error


def _folder_under(filesystem: Any, root: str) -> str | None:
    """Return the folder of this machine that a file system's root is underneath, or None where it is none."""
    from fsspec.implementations.local import LocalFileSystem

    for _ in range(_WRAPPED):
        if isinstance(filesystem, LocalFileSystem):
            return os.path.abspath(root)  # noqa: PTH100 - resolve() would follow links
        inner = getattr(filesystem, "fs", None)
        if inner is None:
            return None
        if filesystem.protocol == "dir":
            root = "/".join(part for part in (str(filesystem.path), root) if part)
        filesystem = inner
    return None


def _leads_away(info: dict[str, Any]) -> bool:
    """Return whether a listed thing is a link, in the words of LocalFileSystem or of SFTP."""
    return bool(info.get("islink")) or info.get("type") == "link"


def _reopen(url: str, protocol: str, options: dict[str, Any]) -> SingleWriterFiles:
    return SingleWriterFiles(url, protocol, storage_options=options)
