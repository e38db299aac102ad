"""Files as they are described: made under names nobody has used, read back only if they are what was said of them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mlcycle import records
from mlcycle._cache import Cache
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
from mlcycle.errors import Corrupt
from mlcycle.storage import open_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlcycle.storage import Files

__all__ = ["CheckedFiles", "NewFile", "file_record"]

Doc = dict[str, Any]
# Bytes of JSON as stored, which take some five times as much in memory: the evidence of a few hundred versions, small
# beside the libraries that train them.
_DOCUMENTS = 8 * 2**20
_MANIFESTS = 64 * 2**20  # bytes: the places of some two million column blocks
_RUNS = 64 * 2**20  # bytes: the heads and ends of 30 000 runs as they are stored
_ROWS = 96 * 2**20  # bytes: the rows of 120 000 runs with fifteen columns of their own
_OVERLAPS = 2**14  # answers of some hundred bytes: of 128 parts each with each


class NewFile:
    """A file being made: written to `path`, then stored under `key` by `done`.

    Parameters
    ----------
    checked_files : CheckedFiles
        Where it will be stored.
    folder : str
        Of the store; its name there is one that nobody has used.
    kind : str
        What it is, for whoever reads the log: ``"table"``, ``"manifest"``, ``"model"``.
    suffix : str
        What its name ends with.
    """

    def __init__(self, checked_files: CheckedFiles, folder: str, kind: str, suffix: str) -> None:
        self.checked_files = checked_files
        self.key = f"{folder}/{new_id()}{suffix}"
        self._kind = kind
        handle, name = tempfile.mkstemp(prefix="mlcycle-", suffix="-" + self.key.rsplit("/", 1)[-1])
        os.close(handle)
        self.path = Path(name)

    def done(self) -> Doc:
        """Store the file and return its description ``{key, size, sha256, enc, kind}``."""
        try:
            size, digest = self.path.stat().st_size, sha256_file(self.path)
            self.checked_files.files.put(self.key, self.path)
        finally:
            self.discard()
        return described_file(self.key, size, digest, self._kind)

    def discard(self) -> None:
        """Remove the local copy; harmless when it is gone already."""
        self.path.unlink(missing_ok=True)


class CheckedFiles:
    """The files of one store by their descriptions, for one process; lives as long as its connection.

    Parameters
    ----------
    files : Files
        The storage.

    Attributes
    ----------
    files : Files
        The storage.
    manifests, runs, rows : Cache
        What was read of manifests, by key, what was read of runs, and what a table says of each; apart, so that a table
        of all runs forgets no document.
    overlaps : Cache
        How many rows one dataset has of another, by the contents of both.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self.manifests: Cache[Any] = Cache(_MANIFESTS)
        self.runs: Cache[Any] = Cache(_RUNS)
        self.rows: Cache[Any] = Cache(_ROWS)
        self.overlaps: Cache[Any] = Cache(_OVERLAPS)
        self._documents: Cache[Any] = Cache(_DOCUMENTS)

    def store_bytes(self, folder: str, kind: str, suffix: str, data: bytes) -> Doc:
        """Store bytes under a fresh key and return their description."""
        key = f"{folder}/{new_id()}{suffix}"
        self.files.put(key, data)
        return described_file(key, len(data), sha256_bytes(data), kind)

    def store_document(self, folder: str, kind: str, document: Doc) -> Doc:
        """Store a JSON document below a folder and return its description; whoever reads it here need not ask again."""
        data = written_document(document)
        file = self.store_bytes(folder, kind, ".json", data)
        self._documents.put(file["key"], read_document(data, file["key"]), len(data))
        return file

    def store_list(self, folder: str, files: Iterable[Doc]) -> Doc:
        """Store the descriptions of files that are too many for an entry, and return that of the list."""
        return self.store_bytes(folder, "list", ".jsonl", list_bytes(files))

    def read_file(self, file: Doc, what: str) -> bytes:
        """Return the bytes of a stored file, checked against size and digest.

        Raises
        ------
        Corrupt
            Naming the file and the version it belongs to.
        SchemaError
            When it is encrypted, or lies in a place of its owner's own.
        FileNotFoundError
            When it is not there (any more); see `Blobs.reading`.
        """
        data = self.files.read(check_file(file, what)["key"])
        if len(data) != file["size"] or sha256_bytes(data) != file["sha256"]:
            raise Corrupt(
                f"{file['key']} of {what} is damaged: expected {file['size']} bytes of {file['sha256'][:19]}…, found "
                f"{len(data)} of sha256:{hashlib.sha256(data).hexdigest()[:12]}…; put a good copy back under that key"
            )
        return data

    def read_document(self, file: Doc, what: str) -> Any:
        """Return a stored JSON document; kept in memory, so never change what comes back."""
        return self._read(file, what, read_document)

    def listed(self, file: Doc, what: str) -> list[Doc]:
        """Return the files a stored list describes; kept in memory, so never change what comes back."""
        found: list[Doc] = self._read(file, what, read_list)
        return found

    def _read(self, file: Doc, what: str, parse: Callable[[bytes, str], Any]) -> Any:
        file = check_file(file, what)
        key, size = file["key"], file["size"]
        return self._documents.get(key, lambda: parse(self.read_file(file, what), f"{key} of {what}"), size)

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
    found: records.FileRef = records.from_json(file, "FileRef")
    return found
