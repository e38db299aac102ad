"""What the collections of a project share: each is a read-only mapping of what it holds, by name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from mlcycle._text import printable
from mlcycle.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from mlcycle import records
    from mlcycle.lifecycle._session import Session
    from mlcycle.state import View

__all__ = ["ByName"]

V = TypeVar("V")
D = TypeVar("D")


@printable
class ByName(Mapping[str, V]):
    """A read-only mapping of what a project holds, by one look each time something is asked.

    A name stands for what it means now, and an address or a record may stand wherever a name does. Iteration is over
    the names that mean something now.
    """

    _called: str
    """What it holds, for people: ``"datasets"``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @abstractmethod
    def _find(self, view: View, ref: Any) -> Any:
        """Return what an address means, reading nothing but the log; refuse what means nothing."""

    @abstractmethod
    def _made_of(self, view: View, found: Any) -> V:
        """Return what is handed out for what was found."""

    @abstractmethod
    def _names(self, view: View) -> list[str]:
        """Return the names that mean something, in the order of iteration."""

    def __getitem__(self, ref: str | records.Record) -> V:
        view = self._session.view()
        return self._made_of(view, self._find(view, ref))

    @overload
    def get(self, ref: str | records.Record, /) -> V | None: ...
    @overload
    def get(self, ref: str | records.Record, /, default: V | D) -> V | D: ...
    def get(self, ref: str | records.Record, /, default: Any = None) -> Any:
        """Return what an address or a record means, or a default where it means nothing, or nothing any more."""
        try:
            return self[ref]
        except (NotFound, InvalidInput):  # as `in` says of what cannot be an address
            return default

    def __contains__(self, ref: object) -> bool:
        try:
            self._find(self._session.view(), ref)
        except (NotFound, InvalidInput):
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._names(self._session.view()))

    def __len__(self) -> int:
        return len(self._names(self._session.view()))

    # a mapping compares by what it holds, and would read all of a project for it
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<{self._called} of {self._session.url}: {', '.join(self) or 'none yet'}>"
