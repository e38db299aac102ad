"""Files in a bucket, by the conditional put of the storage itself.

Google Cloud Storage (``gs``) and Azure Blob Storage (``az``) are **experimental**: written against the published
interfaces of gcsfs (``ifGenerationMatch=0``) and adlfs (``If-None-Match: *``), not yet run against the real services
(``az`` against Azurite).
S3 has a class of its own in `_s3`, over this one.
"""

from __future__ import annotations

import os
import random
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlcycle.errors import AccessDenied, MissingExtra, StorageUnavailable, UnsupportedStorage
from mlcycle.storage._cloud_errors import Meaning, meaning_of
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

    from mlcycle.storage._files import Appender

__all__ = ["ObjectFiles", "modified_at", "open_objects"]

_EXTRAS = {"s3": ("s3fs", "s3"), "gs": ("gcsfs", "gcs"), "az": ("adlfs", "azure")}
_TRIES = 5  # for a conditional put that met another one at work on the same key
_TRUST = 60.0  # seconds for which a proof that we may read at all is believed
_WITNESS = "store.json"


def open_objects(
    text: str, protocol: str, *, single_writer: bool, storage_options: dict[str, Any], fresh: bool
) -> ObjectFiles:
    """Return the files of a ``gs://`` or ``az://`` URL; `open_files` calls this."""
    return ObjectFiles(text, protocol, single_writer=single_writer, storage_options=storage_options, fresh=fresh)


class ObjectFiles:
    """The six calls on a bucket; lives as long as the store handle, and follows it into forked children.

    Parameters
    ----------
    url : str
        With its scheme.
    protocol : {"s3", "gs", "az"}
        Whose errors and extras to expect.
    single_writer : bool, default False
        Look, then write, for storage that ignores the condition of a conditional put.
    storage_options : dict, optional
        Passed to the fsspec file system.
    fresh : bool, default False
        Use a file system object of its own.

    Raises
    ------
    MissingExtra
        s3fs, gcsfs or adlfs is not installed.
    """

    can_append = False

    def __init__(
        self,
        url: str,
        protocol: str,
        *,
        single_writer: bool = False,
        storage_options: dict[str, Any] | None = None,
        fresh: bool = False,
    ) -> None:
        self.url, self.protocol, self.shared = url.rstrip("/"), protocol, not single_writer
        self.storage_options, self._fresh = dict(storage_options or {}), fresh
        self._filesystem: Any = None
        self._pid = -1
        self._witness, self._proved = _WITNESS, float("-inf")
        _ = self._fs

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (type(self), self.url, self.protocol, not self.shared, self.storage_options)

    @property
    def _fs(self) -> Any:
        """The fsspec file system; another one in a child after fork, because its sockets are the parent's."""
        if self._pid != os.getpid():
            fresh = self._fresh or self._pid != -1
            self._filesystem, self._root = self._connect({"skip_instance_cache": True} if fresh else {})
            self._pid = os.getpid()
        return self._filesystem

    def _connect(self, extra: dict[str, Any]) -> tuple[Any, str]:
        package, pip_extra = _EXTRAS[self.protocol]
        try:
            from fsspec.core import url_to_fs

            filesystem, root = url_to_fs(self.url, **{**self.storage_options, "use_listings_cache": False, **extra})
        except ImportError as error:
            raise MissingExtra(f"{self.protocol}:// stores", package, pip_extra) from error
        except ValueError as error:
            raise UnsupportedStorage(f"{self.url!r} is not a URL {package} can read: {error}") from error
        return filesystem, str(root).rstrip("/")

    def create(self, key: str, data: bytes) -> Outcome:
        """Put if absent: all or nothing, and durable when it says `Outcome.WON`."""
        path = self._path(key)
        if not self.shared and self._exists(key):
            return Outcome.LOST
        for attempt in range(_TRIES):
            try:
                self._create(path, bytes(data))
            except Exception as error:  # noqa: BLE001 - raised again unless it is an answer
                meaning = meaning_of(error)
                if meaning is Meaning.EXISTS:
                    return Outcome.LOST
                if meaning is Meaning.UNKNOWN:
                    return Outcome.UNKNOWN
                if meaning is not Meaning.BUSY:
                    self._raise(error, "create", key)
                time.sleep(random.uniform(0, 0.02 * 2**attempt))
            else:
                return Outcome.WON
        return Outcome.UNKNOWN

    def _create(self, path: str, data: bytes) -> None:
        # Never an open file: `xb` of no bytes at all overwrites, and an exception inside `with` publishes a torn one.
        self._fs.pipe_file(path, data, mode="create" if self.shared else "overwrite")

    def _exists(self, key: str) -> bool:
        try:
            self.read(key, 0, 1)
        except KeyNotFound:
            return False
        return True

    def put(self, key: str, data: bytes | Path, *, durable: bool = True, move: bool = False) -> None:
        """Write or overwrite, all at once for every reader; a large one goes up in parts that show only together."""
        path, source = self._path(key), local_source(data)
        try:
            if source is not None:
                self._fs.put_file(source, path)
            else:
                self._fs.pipe_file(path, bytes(data))
        except Exception as error:  # noqa: BLE001 - raised again, as one of ours if it is a storage's
            self._raise(error, "write", key)
        if move and source is not None:
            Path(source).unlink(missing_ok=True)

    def read(self, key: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Return the bytes from `start` up to `stop`, fewer where the file ends; `KeyNotFound` if absent.

        Where the storage hides absence behind *forbidden* (S3 and GCS do, from those who may not list), a key is
        taken for absent only if another one, such as ``store.json``, can be read by the same credentials.
        """
        first, last = check_range(start, stop)
        path = self._path(key)
        try:
            data = self._fetch(path, first, last)
        except Exception as error:
            meaning = meaning_of(error)
            if meaning is Meaning.BEYOND:
                return b""
            if meaning in (Meaning.ABSENT, Meaning.NO_BUCKET) or (meaning is Meaning.DENIED and self._may_read(key)):
                why = "; its bucket does not exist" if meaning is Meaning.NO_BUCKET else ""
                raise KeyNotFound(f"there is no {key!r} in {self.url}{why}") from error
            self._raise(error, "read", key)
        self._witness, self._proved = key, time.monotonic()
        return data

    def _fetch(self, path: str, start: int, stop: int | None) -> bytes:
        if start == 0 and stop is None:
            return bytes(self._fs.cat_file(path))
        if stop is not None and stop <= start:  # HTTP knows no empty range, and would send the whole file
            self._fs.cat_file(path, start=0, end=1)
            return b""
        return bytes(self._fs.cat_file(path, start=start, end=stop))

    def _may_read(self, key: str) -> bool:
        if time.monotonic() - self._proved < _TRUST:
            return True
        if key == self._witness:
            return False
        try:
            self._fetch(self._path(self._witness), 0, 1)
        except Exception as error:
            if meaning_of(error) is None:
                raise
            return False
        self._proved = time.monotonic()
        return True

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield every key that begins with `prefix`, in ascending order; nothing where there is none."""
        check_prefix(prefix)
        folder = prefix.rpartition("/")[0]
        try:
            self._fs.invalidate_cache()
            found = self._fs.find(f"{self._root}/{folder}".rstrip("/"), detail=True)
        except Exception as error:  # noqa: BLE001 - raised again, as one of ours if it is a storage's
            if meaning_of(error) is Meaning.ABSENT:
                return
            self._raise(error, "list", prefix)
        if not isinstance(found, dict):  # adlfs says so of a path that is a file: nothing lies below it
            return
        skip = len(self._root) + 1
        for path, info in sorted(found.items()):
            key = path[skip:]
            if key.startswith(prefix) and not is_hidden(key) and info.get("type") != "directory":
                yield Listed(key, int(info["size"]), modified_at(info))

    def delete(self, keys: Iterable[str]) -> None:
        """Remove these files; absent ones are no error."""
        for key in keys:
            path = self._path(key)
            try:
                self._fs.rm_file(path)
            except Exception as error:  # noqa: BLE001 - raised again, as one of ours if it is a storage's
                if meaning_of(error) is not Meaning.ABSENT:
                    self._raise(error, "delete", key)

    def append(self, key: str) -> Appender:
        """Refuse: objects in a bucket do not grow."""
        check_key(key)
        raise UnsupportedStorage(f"files in {self.url} cannot be appended to; put the whole file again")

    def local_path(self, key: str) -> None:
        """Return None: these files have no path."""
        check_key(key)

    def _path(self, key: str) -> str:
        _ = self._fs  # a forked child learns its root here
        return f"{self._root}/{check_key(key)}"

    def _raise(self, error: Exception, verb: str, key: str) -> NoReturn:
        meaning = meaning_of(error)
        if meaning is None:
            raise error
        what = f"cannot {verb} {key!r} in {self.url}"
        if meaning is Meaning.DENIED:
            raise AccessDenied(f"{what}: {_words(error)}; {_PERMISSIONS[verb]}") from error
        if meaning is Meaning.NO_BUCKET:
            raise StorageUnavailable(f"{what}: the bucket does not exist; create it, or check its name") from error
        if meaning is Meaning.UNSUPPORTED:
            raise UnsupportedStorage(
                f"{what}: this storage knows no conditional put, which shared writing needs; "
                f"use another, or, where only one process ever writes, single_writer=True ({_words(error)})"
            ) from error
        raise StorageUnavailable(f"{what}: {_words(error)}; check the connection and try again") from error


_PERMISSIONS = {
    "create": "the credentials need permission to write objects (s3:PutObject)",
    "write": "the credentials need permission to write objects (s3:PutObject)",
    "read": "the credentials need permission to read objects (s3:GetObject), and, where the key may be absent, "
    "to list the bucket (s3:ListBucket): without it absent looks like forbidden",
    "list": "the credentials need permission to list the bucket (s3:ListBucket)",
    "delete": "the credentials need permission to delete objects (s3:DeleteObject)",
}


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def modified_at(info: dict[str, Any]) -> float:
    """Return when a file was last written, in seconds since 1970 (0 where the file system does not say).

    Parameters
    ----------
    info : dict
        What fsspec's ``info`` gives; every file system calls this time something else.

    Examples
    --------
    >>> modified_at({"LastModified": "1970-01-01T00:01:00+00:00"})
    60.0
    """
    for name in ("LastModified", "last_modified", "mtime", "updated", "modified", "created"):
        value = info.get(name)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, str):
            return datetime.fromisoformat(value).timestamp()
    return 0.0


def _reopen(
    kind: type[ObjectFiles], url: str, protocol: str, single_writer: bool, options: dict[str, Any]
) -> ObjectFiles:
    return kind(url, protocol, single_writer=single_writer, storage_options=options)
