"""One open store: look at it, commit to it, put files beside it. Every collection stands on this alone."""

from __future__ import annotations

import contextlib
import getpass
import os
from typing import TYPE_CHECKING, Any, TypeVar

from mlcycle._digest import json_text
from mlcycle.errors import Corrupt, InvalidInput, MlcycleError, ReadOnly, StorageUnavailable, VersionDeleted
from mlcycle.lifecycle._repeats import refuse_another
from mlcycle.lifecycle.blobs import Depot
from mlcycle.state import Change, Place, ProjectFold, View, check_guards
from mlcycle.storage import Draft, Log, Settled, open_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike

    from mlcycle.storage import Commit, Files, Snapshot

    _Plan = Callable[[View], "Sequence[Change] | Settled"]

__all__ = ["Session", "Swept"]

Doc = dict[str, Any]
T = TypeVar("T")
_UPLOAD_TRIES = 5


class Swept(Exception):  # noqa: N818 - a signal between this module and its callers, never seen by a user
    """A file this commit meant to name was swept meanwhile; upload it again under a new name."""


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
        """Return a read-only session of the same store, its history ending at entry `at`; it shares what is known."""
        found = object.__new__(Session)
        found.__dict__.update(self.__dict__, mode="r", at=at)
        return found

    # looking -------------------------------------------------------------------------------------------------------

    def view(self, *, refresh: bool = True) -> View:
        """Return the project as it stands, or, in a session of the past, as it stood; a value that does not move.

        With ``refresh=False`` it is the newest this session has seen, which asks the storage nothing: for the second
        look of an operation whose first one was fresh.
        """
        now = self.log.snapshot(refresh=refresh)
        if now.n < 0:
            raise _no_beginning(self.url)
        return View(now.state, self.log.entry, now.n if self.at is None else self.at)

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
        plan: _Plan,
        *,
        verb: str,
        message: str = "",
        op: str | None = None,
        since: int | None = None,
        meant: Sequence[Change] = (),
    ) -> Commit:
        """Commit the changes that `plan` asks for, given the newest state; it is asked again after every lost race.

        Parameters
        ----------
        plan : callable
            View to changes, or `Settled`; raises to give up.
        verb : str
            What is done: ``"model.promote"``. The history and hooks go by it.
        message, op : str, optional
            Why; and an id of the caller's own.
        since : int, optional
            The entry this session stood at before it uploaded or looked up what the changes name. A sweep since then
            may have taken it. By default nothing was.
        meant : sequence of Change
            What a gate may keep out: an `op` used before is compared with it too.

        Raises
        ------
        Swept
            When a file the changes name was swept since it was uploaded or looked up.
        Corrupt
            When the log is gone, which is no reason to begin another.
        ConflictError
            When `op` was used before, for something else.
        ReadOnly
            When a change is kept for a newer mlcycle.
        """
        self.check_writable()
        _check_words(message, op)
        message = json_text(message)  # half a surrogate pair is no text that can be stored

        def propose(snapshot: Snapshot) -> Draft | Settled:
            if snapshot.n < 0:
                raise _no_beginning(self.url)
            view = View(snapshot.state, self.log.entry, snapshot.n)
            made = plan(view)
            if isinstance(made, Settled):
                return made
            check_guards(view, made, self.log.fold.needs)
            return self._draft(view, made, snapshot.n if since is None else since)

        commit = self.log.commit(propose, verb=verb, author=self.author, message=message, op=op)
        if op is not None and commit.entry is not None and not commit.mine:
            now = View(commit.snapshot.state, self.log.entry, commit.snapshot.n)
            refuse_another(op, commit.entry, verb, plan, (now, now.then(commit.n - 1)), meant)
        return commit

    def _draft(self, view: View, changes: Sequence[Change], since: int) -> Draft:
        """Return what to write, unless a sweep since then named a key of it."""
        places = [change for change in changes if isinstance(change, Place)]
        placed = {place.object for place in places}
        needed = dict.fromkeys(one for change in changes for one in change.objects() if one not in placed)
        if not all(map(view.placed.has, needed)):
            raise Swept
        reused = [file["key"] for one in needed for file in view.placed.get(one, one).named()]
        if places:
            own = [file["key"] for place in places for file in place.named()]
            below = tuple(place.prefix for place in places if place.prefix)
            swept = self.log.swept_since(since)
            if swept is None or not swept.isdisjoint(own) or any(key.startswith(below) for key in swept):
                raise Swept
        return Draft(changes=[change.doc() for change in changes], reuses=list(dict.fromkeys(reused)))

    def publish(
        self,
        upload: Callable[[], T],
        plan: Callable[[View, T], Sequence[Change] | Settled],
        *,
        verb: str,
        message: str = "",
        op: str | None = None,
        meant: Sequence[Change] = (),
    ) -> Commit:
        """Upload files, then commit an entry that names them; again with fresh files if a sweep came between."""
        self.check_writable()
        _check_words(message, op)
        for _ in range(_UPLOAD_TRIES):
            since = self.view(refresh=False).n
            try:
                stored = upload()
            except OSError as error:
                if isinstance(error, MlcycleError):
                    raise
                raise StorageUnavailable(f"a file could not be written: {error}; nothing was committed") from error
            with contextlib.suppress(Swept):
                return self.commit(
                    lambda view, stored=stored: plan(view, stored),  # type: ignore[misc]
                    verb=verb,
                    message=message,
                    op=op,
                    since=since,
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
    if op is not None and json_text(op) != op:
        raise InvalidInput(f"op holds half a character (a lone surrogate), which no file can hold: {op!r:.80}")


def _no_beginning(url: str) -> Corrupt:
    return Corrupt(
        f"log/0000000000.json is missing in {url}, though store.json is there. Put log/ back from a copy of the store; "
        "if nothing was ever kept there, delete store.json and open it again"
    )


def _reopen(
    url: str, mode: str, author: str | None, single_writer: bool, storage_options: Doc, at: int | None
) -> Session:
    return Session(url, mode=mode, author=author, single_writer=single_writer, storage_options=storage_options, at=at)
