"""One open store: look at it, commit to it, put files beside it. Every collection stands on this alone."""

from __future__ import annotations

import contextlib
import getpass
import os
from typing import TYPE_CHECKING, Any, TypeVar

from mlcycle._digest import json_text
from mlcycle.errors import Corrupt, InvalidInput, MlcycleError, ReadOnly, StorageUnavailable, VersionDeleted
from mlcycle.lifecycle._depot import Depot
from mlcycle.lifecycle._fold import ProjectFold
from mlcycle.lifecycle._repeats import refuse_another
from mlcycle.lifecycle._view import View
from mlcycle.storage import Draft, Log, Settled, open_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from os import PathLike

    from mlcycle.storage import Commit, Files, Snapshot

__all__ = ["Session", "Swept", "draft"]

Doc = dict[str, Any]
T = TypeVar("T")
_UPLOAD_TRIES = 5


class Swept(Exception):  # noqa: N818 - a signal between this module and its callers, never seen by a user
    """A file this commit meant to name was swept meanwhile; upload it again under a new name."""


def draft(changes: list[Doc], uses: list[str] | None = None) -> Draft:
    """Return a draft whose `uses` are the files its ``place`` changes name, and those given."""
    placed = [file["key"] for change in changes if change["kind"] == "place" for file in change["files"]]
    return Draft(changes=changes, uses=[*placed, *(uses or ())])


class Session:
    """A store opened by this process, shared by every handle of a project.

    Lives as long as the project handle. It pickles to its URL, and opens itself anew in a forked child, because
    neither locks nor connections survive a fork.
    """

    def __init__(
        self,
        url: str | PathLike[str],
        *,
        mode: str = "rw",
        author: str | None = None,
        single_writer: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        at: int | None = None,
    ) -> None:
        self.mode = mode
        self.at = at
        if author is not None and not (isinstance(author, str) and author.strip()):
            raise InvalidInput(f"author= is a name such as 'ada', got {type(author).__name__}: {author!r:.80}")
        self._author = author
        self._refusal: str | None = None
        self._single_writer = single_writer
        self._storage_options = dict(storage_options or {})
        self._open(url, fresh=False)

    def _open(self, url: str | PathLike[str], *, fresh: bool) -> None:
        options = self._storage_options or None
        self._stand_on(open_files(url, single_writer=self._single_writer, storage_options=options, fresh=fresh))

    def _stand_on(self, files: Files) -> None:
        """Take these files as the store, whatever stood here before; the seam at which tests break things."""
        self._pid = os.getpid()
        self._files = files
        self.url = files.url
        self._log = Log(files, ProjectFold(), caches=self.mode == "rw")
        self._depot = Depot(files)
        self._past: Snapshot | None = None

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
    def depot(self) -> Depot:
        """The files beside the log, opened by this process."""
        self._here()
        return self._depot

    @property
    def author(self) -> str:
        """Who commits: given to `mlcycle.open`, else ``MLCYCLE_AUTHOR``, else the user of this machine."""
        if self._author is None:
            try:
                self._author = json_text(os.environ.get("MLCYCLE_AUTHOR") or getpass.getuser())
            except (OSError, KeyError):
                self._author = "unknown"
        return self._author

    def sibling(self, at: int) -> Session:
        """Return a read-only session of the same store, its history ending at entry `at`."""
        return _reopen(self.url, "r", self._author, self._single_writer, self._storage_options, at)

    # looking -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def view(self, *, refresh: bool = True) -> Iterator[View]:
        """Hold the newest state still; or, in a session of the past, that past with today's placement.

        With ``refresh=False`` the state is the newest this session has seen, which asks the storage nothing: for the
        second look of an operation whose first one was fresh.
        """
        log = self.log
        with log.lock:
            now = log.snapshot(refresh=refresh)
            if now.n < 0:
                raise _no_beginning(self.url)
            if self.at is None:
                yield View(now.state["logical"], now.state["placement"], now.n)
                return
            if self._past is None:
                self._past = log.as_of(self.at)
            yield View(self._past.state["logical"], now.state["placement"], self._past.n)

    def refuse_writing(self, why: str) -> None:
        """Read only from now on, saying why; a pickled copy is read-only too."""
        self.mode, self._refusal = "r", why

    # committing ----------------------------------------------------------------------------------------------------

    def check_writable(self) -> None:
        """Refuse before any work is done where a commit could not follow."""
        if self.at is not None:
            raise ReadOnly(f"this is the project as it stood at entry {self.at}; open {self.url} itself to change it")
        if self._refusal is not None:
            raise ReadOnly(self._refusal)
        if self.mode != "rw":
            raise ReadOnly(f"{self.url} was opened with mode='r'; open it with mode='rw' to change it")
        newer = self.log.snapshot(refresh=False).read_only
        if newer is not None:
            raise ReadOnly(newer)

    def commit(
        self,
        plan: Callable[[View], Draft | Settled],
        *,
        message: str = "",
        op: str | None = None,
        meant: tuple[Doc, ...] = (),
    ) -> Commit:
        """Commit what `plan` drafts against the newest state; it is asked again after every lost race.

        What is `meant` is the change a gate may keep out of the draft: an `op` used before is compared with it too.

        Raises
        ------
        Swept
            When a file the draft names was swept since it was uploaded or looked up.
        Corrupt
            When the log is gone, which is no reason to begin another.
        ConflictError
            When `op` was used before, for something else.
        """
        self.check_writable()
        _check_words(message, op)
        message = json_text(message)  # half a surrogate pair is no text that can be stored

        def propose(snapshot: Snapshot) -> Draft | Settled:
            if snapshot.n < 0:
                raise _no_beginning(self.url)
            view = View(snapshot.state["logical"], snapshot.state["placement"], snapshot.n)
            made = plan(view)
            if isinstance(made, Draft) and any(key in view.placement["doomed"] for key in made.uses):
                raise Swept
            return made

        commit = self.log.commit(propose, author=self.author, message=message, op=op)
        if op is not None and commit.entry is not None and not commit.mine:
            with self.log.lock:  # while what is looked at stands still
                refuse_another(op, commit.entry, plan, self._around(commit), meant)
        return commit

    def _around(self, commit: Commit) -> Iterator[View]:
        """Yield the project as it stands, and as it stood before an entry, which is folded only when asked for."""
        now = commit.snapshot.state
        yield View(now["logical"], now["placement"], commit.snapshot.n)
        past = self.log.as_of(commit.n - 1)
        yield View(past.state["logical"], now["placement"], past.n)

    def publish(
        self,
        upload: Callable[[], T],
        plan: Callable[[View, T], Draft | Settled],
        *,
        message: str = "",
        op: str | None = None,
        meant: tuple[Doc, ...] = (),
    ) -> Commit:
        """Upload files, then commit an entry that names them; again with fresh files if a sweep came between."""
        self.check_writable()
        _check_words(message, op)
        for _ in range(_UPLOAD_TRIES):
            try:
                stored = upload()
            except OSError as error:
                if isinstance(error, MlcycleError):
                    raise
                raise StorageUnavailable(f"a file could not be written: {error}; nothing was committed") from error
            with contextlib.suppress(Swept):
                return self.commit(
                    lambda view, stored=stored: plan(view, stored),  # type: ignore[misc]
                    message=message,
                    op=op,
                    meant=meant,
                )
        raise VersionDeleted(
            f"the files of this commit were swept {_UPLOAD_TRIES} times; is another sweep running with min_age=0?"
        )


def _check_words(message: Any, op: Any) -> None:
    if not isinstance(message, str):
        raise InvalidInput(f"a message or a reason is text, got {type(message).__name__}: {message!r:.80}")
    if op is not None and not (isinstance(op, str) and op.strip()):
        raise InvalidInput(f"op is text of your own that names this operation, got {type(op).__name__}: {op!r:.80}")


def _no_beginning(url: str) -> Corrupt:
    return Corrupt(
        f"log/0000000000.json is missing in {url}, though store.json is there. Put log/ back from a copy of the store; "
        "if nothing was ever kept there, delete store.json and open it again"
    )


def _reopen(
    url: str, mode: str, author: str | None, single_writer: bool, storage_options: Doc, at: int | None
) -> Session:
    return Session(url, mode=mode, author=author, single_writer=single_writer, storage_options=storage_options, at=at)
