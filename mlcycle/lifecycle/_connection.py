"""One store as this process reaches it: its files, its log, what lies beside the log."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mlcycle.errors import Corrupt
from mlcycle.lifecycle.blobs import Blobs, Depot
from mlcycle.state import ProjectFold, View
from mlcycle.storage import Log, open_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from mlcycle.storage import Files, Snapshot

__all__ = ["Connection"]


class Connection:
    """A store opened by this process, shared by every session on it.

    Lives as long as the sessions that stand on it. It pickles to its URL, and opens itself anew in a forked child,
    because neither locks nor connections survive a fork.

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
        self._open(url, fresh=False)

    def _open(self, url: str | PathLike[str], *, fresh: bool) -> None:
        options = self._storage_options or None
        self.stand_on(open_files(url, single_writer=self._single_writer, storage_options=options, fresh=fresh))

    def stand_on(self, files: Files) -> None:
        """Take these files as the store, whatever stood here before; the seam at which tests break things."""
        self._pid = os.getpid()
        self._files = files
        self.url = files.url
        self._log = Log(files, ProjectFold(), caches=self._caches)
        self._blobs = Blobs(Depot(files), self.seen, self.look)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.url, self._caches, self._single_writer, self._storage_options)

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
    def blobs(self) -> Blobs:
        """The stored objects beside the log, opened by this process."""
        self._here()
        return self._blobs

    def look(self) -> View:
        """Return the project as it stands by its newest entry; one request where nothing is new."""
        return self.view_of(self.log.snapshot())

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
            raise Corrupt(
                f"log/0000000000.json is missing in {self.url}, though store.json is there. Put log/ back from a copy "
                "of the store; if nothing was ever kept there, delete store.json and open it again"
            )
        return View(now.state, self.log.entry, now.n)


def _reopen(url: str, caches: bool, single_writer: bool, storage_options: dict[str, Any]) -> Connection:
    return Connection(url, caches=caches, single_writer=single_writer, storage_options=storage_options)
