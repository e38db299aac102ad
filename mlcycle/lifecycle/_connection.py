"""One store as this process reaches it: its files, its log, what lies beside the log."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from mlcycle._ids import new_id
from mlcycle._locks import renew_in_child
from mlcycle.errors import AccessDenied, Corrupt, NotAStore
from mlcycle.lifecycle._without_secrets import plain_options, without_secrets
from mlcycle.lifecycle.blobs import Blobs, CheckedFiles
from mlcycle.state import ProjectFold, View
from mlcycle.storage import Log, open_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from mlcycle.storage import Files, Snapshot

__all__ = ["Connection", "absent"]

# What this process has open: by a token for what pickles made of it came from, and by how it was opened for those from
# elsewhere, so that a thousand records share one connection and one fold. It holds nothing that nobody uses.
_open: WeakValueDictionary[Any, Connection] = WeakValueDictionary()
_opening = threading.Lock()
renew_in_child(globals(), "_opening", threading.Lock)


class Connection:
    """A store opened by this process, shared by every session on it.

    Lives as long as the sessions that stand on it. It pickles to its URL and is opened on first use, one in a process
    however often it is unpickled there; and it opens itself anew in a forked child, because neither locks nor
    connections survive a fork.

    Parameters
    ----------
    url : str or path
        Where the store is.
    caches : bool, default True
        Keep hint, checkpoints and rollups fresh behind commits; False where nothing may be written.
    single_writer : bool, default False
        Allow storage without a safe way to commit.
    storage_options : mapping, optional
        Passed to fsspec.

    Attributes
    ----------
    url : str
        As the storage spells it.
    """

    def __init__(
        self,
        url: str | PathLike[str],
        *,
        caches: bool = True,
        single_writer: bool = False,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        self._caches = caches
        self._single_writer = single_writer
        self._storage_options = dict(storage_options or {})
        self._token: str | None = new_id()
        self._lost: tuple[str, ...] = ()
        self._open(url, fresh=False)
        with _opening:
            _open[self._token] = self
            _open.setdefault(self._key(), self)

    def _open(self, url: str | PathLike[str], *, fresh: bool) -> None:
        options = self._storage_options or None
        self.use_files(open_files(url, single_writer=self._single_writer, storage_options=options, fresh=fresh))

    def use_files(self, files: Files) -> None:
        """Take these files as the store, whatever stood here before; the seam at which tests break things."""
        self._files = files
        self.url = files.url
        self._log = Log(files, ProjectFold(), caches=self._caches)
        self._blobs = Blobs(CheckedFiles(files), self.seen, self.look)
        self._pid: int | None = os.getpid()  # last: a thread that sees it finds everything else there

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._how(self.url, self._storage_options, self._lost),)

    def without_secrets(self) -> Connection:
        """Return this connection as it may be written to disk or mailed; it is opened where it is used."""
        return _unopened(self._how(*without_secrets(self.url, self._storage_options, self._lost)))

    def _how(self, url: str, options: dict[str, Any], lost: tuple[str, ...]) -> dict[str, Any]:
        """Return what opens it again; a token only where what may be written down would not find what is open here."""
        kept = {"url": url, "caches": self._caches, "single_writer": self._single_writer, "options": options}
        secret = lost or without_secrets(url, options)[2]
        return {**kept, "lost": lost, "token": self._token if secret else None}

    def _key(self) -> tuple[Any, ...]:
        return self.url, self._caches, self._single_writer, plain_options(self._storage_options)

    def _here(self) -> None:
        if self._pid == os.getpid():
            return
        with _opening:
            if self._pid != os.getpid():
                self._open(self.url, fresh=self._pid is not None)

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
    def blobs(self) -> Blobs:
        """The stored objects beside the log, opened by this process."""
        self._here()
        return self._blobs

    def look(self) -> View:
        """Return the project as it stands by its newest entry; one request where nothing is new."""
        try:
            return self.view_of(self.log.snapshot())
        except AccessDenied as error:
            if not self._lost:
                raise
            raise AccessDenied(
                f"{error}. What was unpickled here came without {', '.join(self._lost)}: they may be secret. "
                f"Open the project with them, project = mlcycle.open({self.url!r}, storage_options=…), and take from "
                "it what you need"
            ) from error

    def seen(self) -> View:
        """Return the project by the newest entry this process has seen, which asks the storage nothing."""
        return self.view_of(self.log.snapshot(refresh=False))

    def view_of(self, now: Snapshot) -> View:
        """Return the project as a snapshot of the log has it.

        Raises
        ------
        Corrupt
            For a log without entry 0.
        """
        if now.n < 0:
            if self._nothing_is_here():
                raise NotAStore(absent(self.url))
            raise Corrupt(
                f"log/0000000000.json is missing in {self.url}, though store.json is there. Put log/ back from a copy "
                "of the store; if nothing was ever kept there, delete store.json and open it again"
            )
        return View(now.state, self.log.entry, now.n)

    def _nothing_is_here(self) -> bool:
        try:
            self.files.read("store.json", 0, 1)
        except FileNotFoundError:
            return True
        return False


def absent(url: str) -> str:
    """Say that there is no project at a URL."""
    found = f"there is no mlcycle project at {url}"
    if url.startswith("memory:"):
        return f"{found}: memory:// lives in one process, and what another made there is not here; share a folder"
    return found


def _unopened(how: dict[str, Any]) -> Connection:
    made = Connection.__new__(Connection)
    made.url, made._caches, made._single_writer = how["url"], how["caches"], how["single_writer"]
    made._storage_options, made._lost, made._token = how["options"], how["lost"], how["token"]
    made._pid = None
    return made


def _reopen(how: dict[str, Any]) -> Connection:
    """Return what a pickle stands for: what it came from, if that is here, or one for all that open it so."""
    made = _unopened(how)
    with _opening:
        found = _open.get(made._token) or _open.get(made._key())
        if found is None:
            found = _open[made._key()] = made
        if made._token is not None and not made._lost:
            _open[made._token] = found  # with all it takes: records that came without find it, too
        return found
