"""The project as it stood after one entry: where every question to the index begins."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlcycle.state._facts import Facts, Placed
from mlcycle.state._names import Marks, Names
from mlcycle.state._spans import Spans
from mlcycle.state._versions import Pointers, Versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.state._index import State

__all__ = ["View"]

Doc = dict[str, Any]


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
        self.state, self.read = state, read
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

    @cached_property
    def _spans(self) -> Spans:
        return Spans(self.state, self.n)

    @cached_property
    def names(self) -> Names:
        """The names of every noun."""
        return Names(self.state, self.read, self.n)

    @cached_property
    def marks(self) -> Marks:
        """What is dropped, rejected, retracted, swept."""
        return Marks(self.names, self._spans, self.n)

    @cached_property
    def versions(self) -> Versions:
        """The versions of every name."""
        return Versions(self.names, self.marks, self.read, self.n)

    @cached_property
    def pointers(self) -> Pointers:
        """Aliases, routes, and what else points at a version."""
        return Pointers(self.names, self._spans, self.n)

    @cached_property
    def facts(self) -> Facts:
        """Evaluations, decisions, reports and what else was found."""
        return Facts(self.state, self.marks, self.read, self.n)

    @cached_property
    def placed(self) -> Placed:
        """Where the files of stored objects are, as of now."""
        return Placed(self.state, self.read)
