"""Files beside the log: made under names nobody has used, read back only if they are what the log says."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, TypeVar

from mlcycle import records
from mlcycle._digest import sha256_bytes, sha256_file
from mlcycle._documents import (
    check_file,
    described_file,
    list_bytes,
    read_document,
    read_list,
    written_document,
)
from mlcycle._ids import new_id
from mlcycle.errors import Corrupt, VersionDeleted
from mlcycle.storage import open_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlcycle.storage import Files

__all__ = ["Depot", "NewFile", "file_record"]

Doc = dict[str, Any]
T = TypeVar("T")
_CACHED_DOCUMENTS = 4096
_LOOKS = 4


class NewFile:
    """A file being made: written to `path`, then stored under `key` by `done`.

    Parameters
    ----------
    files : Files
        Where it will be stored.
    key : str
        Its final, unique key.
    kind : str
        What it is, for whoever reads the log: ``"table"``, ``"manifest"``, ``"model"``.
    """

    def __init__(self, files: Files, key: str, kind: str) -> None:
        self._files = files
        self.key = key
        self._kind = kind
        handle, name = tempfile.mkstemp(prefix="mlcycle-", suffix="-" + key.rsplit("/", 1)[-1])
        os.close(handle)
        self.path = Path(name)

    def done(self) -> Doc:
        """Store the file and return its description ``{key, size, sha256, enc, kind}``."""
        try:
            size, digest = self.path.stat().st_size, sha256_file(self.path)
            self._files.put(self.key, self.path)
        finally:
            self.discard()
        return described_file(self.key, size, digest, self._kind)

    def discard(self) -> None:
        """Remove the local copy; harmless when it is gone already."""
        self.path.unlink(missing_ok=True)


class _Cache(Generic[T]):
    """The last few values by key; what is cached never changes, so nothing is ever invalidated."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str, make: Callable[[], T]) -> T:
        with contextlib.suppress(KeyError):
            self._values.move_to_end(key)
            return self._values[key]
        value = self._values[key] = make()
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value


class Depot:
    """The files of one store, for one process; lives as long as its session.

    Parameters
    ----------
    files : Files
        The storage.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self._documents: _Cache[Any] = _Cache(_CACHED_DOCUMENTS)

    def new_file(self, folder: str, kind: str, suffix: str) -> NewFile:
        """Return a new file below a folder of the store, under a name nobody has used."""
        return NewFile(self.files, f"{folder}/{new_id()}{suffix}", kind)

    def store_bytes(self, folder: str, kind: str, suffix: str, data: bytes) -> Doc:
        """Store bytes under a fresh key and return their description."""
        key = f"{folder}/{new_id()}{suffix}"
        self.files.put(key, data)
        return described_file(key, len(data), sha256_bytes(data), kind)

    def store_document(self, owner: str, kind: str, document: Doc) -> Doc:
        """Store a JSON document in the folder of its owner and return its description."""
        return self.store_bytes(f"files/{owner}", kind, ".json", written_document(document))

    def store_list(self, owner: str, files: Iterable[Doc]) -> Doc:
        """Store the descriptions of files that are too many for an entry, and return that of the list."""
        return self.store_bytes(f"files/{owner}", "list", ".jsonl", list_bytes(files))

    def read_file(self, file: Doc, what: str) -> bytes:
        """Return the bytes of a stored file, checked against size and digest.

        Raises
        ------
        Corrupt
            Naming the file and the version it belongs to.
        SchemaError
            When it is encrypted, or lies in a place of its owner's own.
        FileNotFoundError
            When it is not there (any more); see `resolving`.
        """
        data = self.files.read(check_file(file, what)["key"])
        if len(data) != file["size"] or sha256_bytes(data) != file["sha256"]:
            raise Corrupt(
                f"{file['key']} of {what} is damaged: expected {file['size']} bytes of {file['sha256'][:19]}…, found "
                f"{len(data)} of sha256:{hashlib.sha256(data).hexdigest()[:12]}…; put a good copy back under that key"
            )
        return data

    def resolving(self, what: str, read: Callable[[], T], refresh: Callable[[], object]) -> T:
        """Read files found through the placement; where one is missing, look again where it is now.

        `read` must look up the placement itself, and `refresh` make what it sees the newest. Once would do, but for
        two compactions overtaking one reader.
        """
        for _ in range(_LOOKS - 1):
            with contextlib.suppress(FileNotFoundError):
                return read()
            refresh()
        try:
            return read()
        except FileNotFoundError as error:
            raise VersionDeleted(
                f"a file of {what} is gone ({error}); project.store.verify() lists what is hurt"
            ) from error

    def read_document(self, file: Doc, what: str) -> Any:
        """Return a stored JSON document; kept in memory, so never change what comes back."""

        def read() -> Doc:
            return read_document(self.read_file(file, what), f"{file['key']} of {what}")

        return self._documents.get(file["key"], read)

    def listed(self, file: Doc, what: str) -> list[Doc]:
        """Return the files a stored list describes; kept in memory, so never change what comes back."""

        def read() -> list[Doc]:
            return read_list(self.read_file(file, what), f"{file['key']} of {what}")

        found: list[Doc] = self._documents.get(file["key"], read)
        return found

    def remember(self, key: str, make: Callable[[], T]) -> T:
        """Return what was made for an immutable file before, or make it now."""
        found: T = self._documents.get(key, make)
        return found

    @contextlib.contextmanager
    def local_copy(self, file: Doc, what: str) -> Iterator[Path]:
        """Give a stored file as a path, checked; the file itself on a local store, else a temporary copy."""
        path = self.files.local_path(check_file(file, what)["key"])
        if path is not None and path.exists():
            if path.stat().st_size != file["size"] or sha256_file(path) != file["sha256"]:
                self.read_file(file, what)
            yield path
            return
        data = self.read_file(file, what)
        handle, name = tempfile.mkstemp(prefix="mlcycle-", suffix="-" + file["key"].rsplit("/", 1)[-1])
        try:
            with os.fdopen(handle, "wb") as target:
                target.write(data)
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def open_file(self, file: Doc, what: str) -> BinaryIO | Path:
        """Open a stored file for reading at random; only what is asked for is fetched."""
        key: str = check_file(file, what)["key"]
        path = self.files.local_path(key)
        if path is not None:
            return path
        if self.files.protocol == "memory":
            return io.BytesIO(self.files.read(key))
        return open_range(self.files, key, file["size"])


def file_record(file: Doc) -> records.FileRef:
    """Return the record of a stored file; fields of a newer library are passed over."""
    found: records.FileRef = records.from_json({**file, "type": "FileRef"})
    return found
