"""What was found or decided by an entry, and where stored objects lie."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from mlcycle.errors import VersionDeleted
from mlcycle.state._change import read_changes
from mlcycle.state._change_kinds import FactAdd
from mlcycle.state._committed import Fact, stamp_of
from mlcycle.state._file_changes import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlcycle.state._index import State
    from mlcycle.state._names import Marks

__all__ = ["Facts", "Placed"]

Doc = dict[str, Any]


class Facts:
    """Evaluations, decisions, reports and what else was found; ``view.facts``.

    Parameters
    ----------
    state : State
        The index.
    marks : Marks
        What is dropped or swept.
    read : callable
        Entry number to entry.
    n : int
        The entry looked at.
    """

    def __init__(self, state: State, marks: Marks, read: Callable[[int], Doc], n: int) -> None:
        self._state, self._marks, self._read, self._n = state, marks, read, n

    def entries(self, of: str, key: str) -> Sequence[int]:
        """Return the entry of each fact found by a key, oldest first; an entry stands once for each of its facts."""
        lines = self._state.facts.of(of)
        found = None if lines is None else lines.get(key)
        return [] if found is None else found[: bisect_right(found, self._n)]

    def of(self, of: str, *keys: str | None, newest_first: bool = False) -> Iterator[Fact]:
        """Yield facts that stand, in order: all, or those found by every key; None stands for no key."""
        wanted = {key for key in keys if key is not None}
        if wanted:
            numbers = set[int].intersection(*({*self.entries(of, key)} for key in wanted))
        else:
            lines = self._state.facts.of(of)
            numbers = set() if lines is None else {n for entries in lines.values() for n in entries if n <= self._n}
        for n in sorted(numbers, reverse=newest_first):
            entry = self._read(n)
            facts = read_changes(entry, FactAdd, of=of)
            here = [one for one in facts if wanted <= {one.subject, *one.about}]
            for fact in reversed(here) if newest_first else here:
                if self._marks.stands(of, fact.id):
                    yield Fact.from_change(fact, stamp_of(entry))


class Placed:
    """Where the files of stored objects are, always as of now; ``view.placed``.

    Parameters
    ----------
    state : State
        The index.
    read : callable
        Entry number to entry.
    """

    def __init__(self, state: State, read: Callable[[int], Doc]) -> None:
        self._state, self._read = state, read

    def has(self, stored_object: str) -> bool:
        """Say whether a stored object's files are there."""
        return self._state.placed.get(stored_object) is not None

    def get(self, stored_object: str, what: str) -> Place:
        """Return where a stored object lies; `what` names it if it is gone."""
        n = self._state.placed.get(stored_object)
        found = [] if n is None else read_changes(self._read(n), Place, object=stored_object)
        if not found:
            raise VersionDeleted(f"the files of {what} have been removed by a sweep")
        return found[-1]
