"""Who works on a store, as of which moment, and whether he may write. Every collection stands on this alone."""

from __future__ import annotations

import functools
import getpass
import os
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from mlcycle._digest import json_text
from mlcycle.errors import InvalidInput, ReadOnly
from mlcycle.lifecycle._gate_request import GateRequest
from mlcycle.lifecycle._operation import operate
from mlcycle.lifecycle._overriding import override_of
from mlcycle.lifecycle._session_hooks import Hooks, refuse_commits

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle._typing import Moment
    from mlcycle.lifecycle._connection import Connection
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.records import Home
    from mlcycle.state import View
    from mlcycle.storage import Log

__all__ = ["Session"]

R = TypeVar("R")


class Session:
    """One author's view of a store, shared by every handle of a project; lives as long as the project handle.

    Parameters
    ----------
    connection : Connection
        The store as this process reaches it.
    mode : {"rw", "r"}
        ``"r"`` writes nothing.
    author : str, optional
        Who commits.
    at : int, optional
        The entry at which the history ends for him, who then only reads.
    hooks : Hooks, optional
        Who judges what he commits, and is told of it.
    refusal : str, optional
        Why he only reads; a pickled copy does, too.
    make_home : callable, optional
        Makes what the records got through this session belong to.

    Attributes
    ----------
    at : int or None
        As given.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        mode: str = "rw",
        author: str | None = None,
        at: int | None = None,
        hooks: Hooks | None = None,
        refusal: str | None = None,
        make_home: Callable[[Session], Home] | None = None,
    ) -> None:
        if author is not None and not (isinstance(author, str) and author.strip()):
            raise InvalidInput(f"author= is a name such as 'ada', got {type(author).__name__}: {author!r:.80}")
        self._connection = connection
        self._given_author = author
        self._author = author  # or, once it is asked for, who this machine says it is
        self._hooks = hooks or Hooks()
        self.at = at
        self._make_home = make_home
        self._home: weakref.ref[Home] | None = None
        self._refusal = refusal
        if mode != "rw":
            self._refusal = f"{connection.url} was opened with mode='r'; open it with mode='rw' to change it"

    @property
    def url(self) -> str:
        """Where the store is."""
        return self._connection.url

    @property
    def log(self) -> Log:
        """The project log."""
        return self._connection.log

    @property
    def blobs(self) -> Blobs:
        """The stored objects beside the log."""
        return self._connection.blobs

    @property
    def author(self) -> str:
        """Who commits: given to `mlcycle.open`, else ``MLCYCLE_AUTHOR``, else the user of this machine."""
        if self._author is None:
            try:
                self._author = json_text(os.environ.get("MLCYCLE_AUTHOR") or getpass.getuser())
            except (OSError, KeyError):
                self._author = "unknown"
        return self._author

    @property
    def home(self) -> Home | None:
        """What records got through this session belong to: one for all of them, as long as there is any."""
        found = None if self._home is None else self._home()
        if found is None and self._make_home is not None:
            found = self._make_home(self)
            self._home = weakref.ref(found)  # it holds the session, and a cycle would keep both until a collection
        return found

    def sibling(self, at: int) -> Session:
        """Return a read-only session of the same store, its history ending at entry `at`; it shares what is known."""
        return Session(self._connection, author=self._given_author, at=at, make_home=self._make_home)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, self._facts(self._connection, self._hooks)

    def without_secrets(self) -> Session:
        """Return this session as it may be written to disk or mailed: what it opens with holds no secret."""
        return _reopened(*self._facts(self._connection.without_secrets(), self._hooks.by_name()))

    def _facts(self, connection: Connection, hooks: Hooks) -> tuple[Any, ...]:
        return connection, self._given_author, self.at, hooks, self._refusal, self._make_home

    # looking -------------------------------------------------------------------------------------------------------

    def view(self, *, refresh: bool = True) -> View:
        """Return the project as it stands, or, in a session of the past, as it stood; a value that does not move.

        Parameters
        ----------
        refresh : bool, default True
            False takes the newest entry this process has seen, which asks the storage nothing.
        """
        now = self._connection.look() if refresh else self._connection.seen()
        return now if self.at is None else now.then(self.at)

    # changing ------------------------------------------------------------------------------------------------------

    def check_writable(self) -> None:
        """Refuse before any work is done where a commit could not follow."""
        refuse_commits(self.log.snapshot(refresh=False).state.id or "")
        if self.at is not None:
            raise ReadOnly(f"this is the project as it stood at entry {self.at}; open {self.url} itself to change it")
        reason = self._refusal or self.log.snapshot(refresh=False).read_only
        if reason is not None:
            raise ReadOnly(reason)

    def operate(
        self,
        verb: str,
        work: Callable[[Operation], R],
        *,
        message: str = "",
        op: str | None = None,
        override_until: Moment | None = None,
    ) -> R:
        """Change the project: return what `work` makes of one operation (see `mlcycle.lifecycle._operation`).

        Parameters
        ----------
        verb : str
            What is done: ``"model.promote"``.
        work : callable
            Given the operation; may be asked again from a new look.
        message, op : str, optional
            Why, for the history; and an id of the caller's own.
        override_until : moment, optional
            Lets it pass until then where it is blocked.
        """
        self.check_writable()
        return operate(
            self._connection,
            verb,
            work,
            author=self.author,
            message=message,
            op=op,
            override=override_of(override_until, message, self.author),
            judge=functools.partial(self._hooks.before, self),
            tell=functools.partial(self._hooks.after, self),
        )

    def tell(self, request: GateRequest) -> None:
        """Tell hooks of something that no entry of the log says: a run ended."""
        if self._hooks.of("after", request.verb):
            self._hooks.after(self, self.view(refresh=False), request)


def _reopened(
    connection: Connection, author: str | None, at: int | None, hooks: Hooks, refusal: str | None, make_home: Any
) -> Session:
    return Session(connection, author=author, at=at, hooks=hooks, refusal=refusal, make_home=make_home)
