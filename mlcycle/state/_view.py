"""The project as it stood after one entry: where every question to the index begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mlcycle.state._facts import Facts, Placed
from mlcycle.state._names import Marks, Names
from mlcycle.state._rollback_spans import Spans
from mlcycle.state._versions import Pointers, Versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.state._index import State

__all__ = ["View"]

Doc = dict[str, Any]
T = TypeVar("T")


class _Kept(Generic[T]):
    """A property that is made once; two threads may both make it, and what they make is alike.

    Not `functools.cached_property`: before Python 3.12 that holds one lock for all views, and a child forked while
    another thread held it would wait for ever at its first question.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make, self._name = make, make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, view: Any, owner: type | None = None) -> T:
        if view is None:
            return self  # type: ignore[return-value]
        made = view.__dict__[self._name] = self._make(view)
        return made


class _Reading:
    """Entries by number, the last one kept: what is asked one after the other often stands in one entry."""

    def __init__(self, read: Callable[[int], Doc]) -> None:
        self._read = read
        self._last: tuple[int, Doc] = (-1, {})

    def __call__(self, n: int) -> Doc:
        last = self._last
        if last[0] != n:
            last = self._last = (n, self._read(n))
        return last[1]


class View:
    """The project after one entry: a value. The log may go on; what stands here does not change.

    Parameters
    ----------
    state : State
        The index, of this entry or a later one.
    read : callable
        Entry number to entry: what a version or a fact says stands there.
    at : int, optional
        The entry; by default the newest folded.

    Attributes
    ----------
    n : int
        The entry.
    names, marks, versions, pointers, facts, placed
        The questions, by what they are about.
    """

    def __init__(self, state: State, read: Callable[[int], Doc], at: int | None = None) -> None:
        self.state, self.read = state, read if isinstance(read, _Reading) else _Reading(read)
        self.n = state.n if at is None else at

    def then(self, n: int) -> View:
        """Return the project as it stood after an earlier entry; where files lie is always told as of now."""
        return View(self.state, self.read, n)

    def tags(self) -> dict[str, int]:
        """Return the tags and the entries they name."""
        found = {tag: [to for n, to in moves if n <= self.n] for tag, moves in list(self.state.tags.items())}
        return {tag: named[-1] for tag, named in found.items() if named}

    def tag(self, name: str) -> int | None:
        """Return the entry a tag names, None where there is none of this name."""
        named = [to for n, to in self.state.tags.get(name, ()) if n <= self.n]
        return named[-1] if named else None

    @_Kept
    def _spans(self) -> Spans:
        return Spans(self.state, self.n)

    @_Kept
    def names(self) -> Names:
        """Return the names of every noun."""
        return Names(self.state, self.read, self.n)

    @_Kept
    def marks(self) -> Marks:
        """Return what is dropped, rejected, retracted, swept."""
        return Marks(self.names, self._spans, self.n)

    @_Kept
    def versions(self) -> Versions:
        """Return the versions of every name."""
        return Versions(self.names, self.marks, self.read, self.n)

    @_Kept
    def pointers(self) -> Pointers:
        """Return aliases, routes, and what else points at a version."""
        return Pointers(self.names, self._spans, self.n)

    @_Kept
    def facts(self) -> Facts:
        """Return evaluations, decisions, reports and what else was found."""
        return Facts(self.state, self.marks, self.read, self.n)

    @_Kept
    def placed(self) -> Placed:
        """Return where the files of stored objects are, as of now."""
        return Placed(self.state, self.read)
