"""One open store: look at it, commit to it, put files beside it. Every collection stands on this alone."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import io
import json
import os
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, TypeVar

from mlcycle._digest import canonical_json, sha256_bytes, sha256_file
from mlcycle._ids import new_id, parse_time
from mlcycle.errors import Corrupt, InvalidInput, NotFound, ReadOnly, VersionDeleted
from mlcycle.lifecycle._fold import ProjectFold
from mlcycle.lifecycle._view import View, named_files
from mlcycle.storage import Draft, Log, Settled, open_files, open_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlcycle.storage import Commit, Files, Snapshot

__all__ = ["NewFile", "Session", "Swept", "draft"]

Doc = dict[str, Any]
T = TypeVar("T")
_CACHED_DOCUMENTS = 512
_UPLOAD_TRIES = 5


class Swept(Exception):  # noqa: N818 - a signal between this module and its callers, never seen by a user
    """A file this commit meant to name was swept meanwhile; upload it again under a new name."""


def draft(changes: list[Doc], uses: list[str] | None = None) -> Draft:
    """Return a draft whose `uses` are the files its ``place`` changes name, and those given."""
    placed = [file["key"] for change in changes if change["kind"] == "place" for file in change["files"]]
    return Draft(changes=changes, uses=[*placed, *(uses or ())])


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
        return {"key": self.key, "size": size, "sha256": digest, "enc": None, "kind": self._kind}

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


class Session:
    """A store opened by this process, shared by every handle of a project.

    Lives as long as the project handle. It pickles to its URL, and opens itself anew in a forked child, because
    neither locks nor connections survive a fork.
    """

    def __init__(
        self,
        url: str,
        *,
        mode: str = "rw",
        author: str | None = None,
        single_writer: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        at: int | None = None,
    ) -> None:
        self.mode = mode
        self.at = at
        self._author = author
        self._single_writer = single_writer
        self._storage_options = dict(storage_options or {})
        self._open(url, fresh=False)

    def _open(self, url: str, *, fresh: bool) -> None:
        self._pid = os.getpid()
        self._files = open_files(
            url, single_writer=self._single_writer, storage_options=self._storage_options or None, fresh=fresh
        )
        self.url = self._files.url
        self._log = Log(self._files, ProjectFold(), caches=self.mode == "rw")
        self._past: Snapshot | None = None
        self._documents: _Cache[Any] = _Cache(_CACHED_DOCUMENTS)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.url, self.mode, self._author, self._single_writer, self._storage_options, self.at)

    def _here(self) -> None:
        if self._pid != os.getpid():
            self._open(self.url, fresh=True)

    @property
    def files(self) -> Files:
        """The storage, opened by this process."""
        self._here()
        return self._files

    @property
    def log(self) -> Log:
        """The project log, opened by this process."""
        self._here()
        return self._log

    @property
    def author(self) -> str:
        """Who commits: given to `mlcycle.open`, else ``MLCYCLE_AUTHOR``, else the user of this machine."""
        if self._author is None:
            try:
                self._author = os.environ.get("MLCYCLE_AUTHOR") or getpass.getuser()
            except (OSError, KeyError):
                self._author = "unknown"
        return self._author

    def sibling(self, at: int) -> Session:
        """Return a read-only session of the same store, its history ending at entry `at`."""
        return _reopen(self.url, "r", self._author, self._single_writer, self._storage_options, at)

    # looking -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def view(self) -> Iterator[View]:
        """Hold the newest state still; or, in a session of the past, that past with today's placement."""
        log = self.log
        with log.lock:
            now = log.snapshot()
            if self.at is None:
                yield View(now.state["logical"], now.state["placement"], now.n)
                return
            if self._past is None:
                self._past = log.as_of(self.at)
            yield View(self._past.state["logical"], now.state["placement"], self._past.n)

    @property
    def storage_options(self) -> Doc | None:
        """What fsspec was given, or None."""
        return self._storage_options or None

    def entry_number(self, moment: Any) -> int:
        """Return the entry meant by a number, a tag, a date or a time."""
        with self.view() as view:
            if isinstance(moment, bool):
                raise InvalidInput(f"an entry is a number, a tag or a date, got {moment!r}")
            if isinstance(moment, int):
                if not 0 <= moment <= view.n:
                    raise NotFound(f"the log has entries 0 to {view.n}, not {moment}")
                return moment
            tags = view.logical["tags"]
            if isinstance(moment, str) and moment in tags:
                return int(tags[moment])
        try:
            instant = parse_time(moment)
        except (InvalidInput, AttributeError, TypeError) as error:
            known = f"the tags are {', '.join(sorted(tags))}" if tags else "there are no tags"
            raise NotFound(f"{moment!r} is no entry number, tag or date; {known}") from error
        number = self.log.number_at(instant)
        if number < 0:
            raise NotFound(f"the project had not begun on {moment}; its first entry is of {self.log.entry(0)['at']}")
        return number

    # committing ----------------------------------------------------------------------------------------------------

    def check_writable(self) -> None:
        """Refuse before any work is done where a commit could not follow."""
        if self.at is not None:
            raise ReadOnly(f"this is the project as it stood at entry {self.at}; open {self.url} itself to change it")
        if self.mode != "rw":
            raise ReadOnly(f"{self.url} was opened with mode='r'; open it with mode='rw' to change it")

    def commit(self, plan: Callable[[View], Draft | Settled], *, message: str = "", op: str | None = None) -> Commit:
        """Commit what `plan` drafts against the newest state; it is asked again after every lost race.

        Raises
        ------
        Swept
            When a file the draft names was swept since it was uploaded or looked up.
        """
        self.check_writable()

        def propose(snapshot: Snapshot) -> Draft | Settled:
            view = View(snapshot.state["logical"], snapshot.state["placement"], snapshot.n)
            made = plan(view)
            if isinstance(made, Draft) and any(key in view.placement["doomed"] for key in made.uses):
                raise Swept
            return made

        return self.log.commit(propose, author=self.author, message=message, op=op)

    def publish(
        self,
        upload: Callable[[], T],
        plan: Callable[[View, T], Draft | Settled],
        *,
        message: str = "",
        op: str | None = None,
    ) -> Commit:
        """Upload files, then commit an entry that names them; again with fresh files if a sweep came between."""
        self.check_writable()
        for _ in range(_UPLOAD_TRIES):
            stored = upload()
            with contextlib.suppress(Swept):
                return self.commit(lambda view, stored=stored: plan(view, stored), message=message, op=op)  # type: ignore[misc]
        raise VersionDeleted(
            f"the files of this commit were swept {_UPLOAD_TRIES} times; is another sweep running with min_age=0?"
        )

    # files ---------------------------------------------------------------------------------------------------------

    def new_file(self, folder: str, kind: str, suffix: str) -> NewFile:
        """Return a new file below a folder of the store, under a name nobody has used."""
        return NewFile(self.files, f"{folder}/{new_id()}{suffix}", kind)

    def store_bytes(self, folder: str, kind: str, suffix: str, data: bytes) -> Doc:
        """Store bytes under a fresh key and return their description."""
        key = f"{folder}/{new_id()}{suffix}"
        self.files.put(key, data)
        return {"key": key, "size": len(data), "sha256": sha256_bytes(data), "enc": None, "kind": kind}

    def store_document(self, owner: str, kind: str, document: Doc) -> Doc:
        """Store a JSON document in the folder of its owner and return its description."""
        return self.store_bytes(f"files/{owner}", kind, ".json", canonical_json(document))

    def read_file(self, file: Doc, what: str) -> bytes:
        """Return the bytes of a stored file, checked against size and digest.

        Raises
        ------
        Corrupt
            Naming the file and the version it belongs to.
        FileNotFoundError
            When it is not there (any more); see `resolving`.
        """
        data = self.files.read(file["key"])
        if len(data) != file["size"] or sha256_bytes(data) != file["sha256"]:
            raise Corrupt(
                f"{file['key']} of {what} is damaged: expected {file['size']} bytes of {file['sha256'][:19]}…, found "
                f"{len(data)} of sha256:{hashlib.sha256(data).hexdigest()[:12]}…; put a good copy back under that key"
            )
        return data

    def resolving(self, what: str, read: Callable[[], T]) -> T:
        """Read files found through the placement; where one is missing, look again where it is now, once."""
        with contextlib.suppress(FileNotFoundError):
            return read()
        try:
            return read()
        except FileNotFoundError as error:
            raise VersionDeleted(
                f"a file of {what} is gone ({error}); project.store.verify() lists what is hurt"
            ) from error

    def read_document(self, file: Doc, what: str) -> Any:
        """Return a stored JSON document; kept in memory, so never change what comes back."""
        return self._documents.get(file["key"], lambda: json.loads(self.read_file(file, what)))

    def remember(self, key: str, make: Callable[[], T]) -> T:
        """Return what was made for an immutable file before, or make it now."""
        found: T = self._documents.get(key, make)
        return found

    @contextlib.contextmanager
    def local_copy(self, file: Doc, what: str) -> Iterator[Path]:
        """Give a stored file as a path, checked; the file itself on a local store, else a temporary copy."""
        path = self.files.local_path(file["key"])
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

    def open_file(self, key: str) -> BinaryIO | Path:
        """Open a stored file for reading at random, as pyarrow wants it."""
        path = self.files.local_path(key)
        if path is not None:
            return path
        if self.files.protocol == "memory":
            return io.BytesIO(self.files.read(key))
        return open_range(self.files, key, self._size_of(key))

    def _size_of(self, key: str) -> int:
        with self.view() as view:
            known = named_files({"logical": view.logical, "placement": view.placement}).get(key)
        if known is not None:
            return int(known["size"])
        return len(self.files.read(key))


def _reopen(
    url: str, mode: str, author: str | None, single_writer: bool, storage_options: Doc, at: int | None
) -> Session:
    return Session(url, mode=mode, author=author, single_writer=single_writer, storage_options=storage_options, at=at)
