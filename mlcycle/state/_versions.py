"""The versions of names at an entry, and where pointers stand."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from mlcycle.state._change import read_changes
from mlcycle.state._change_kinds import MARKS, VersionAdd
from mlcycle.state._committed import Version, stamp_of
from mlcycle.state._rollback_spans import entry_of, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.state._index import Name
    from mlcycle.state._names import Marks, Names
    from mlcycle.state._rollback_spans import Spans

__all__ = ["Pointers", "Versions"]

Doc = dict[str, Any]


class Versions:
    """The versions of every name; ``view.versions``.

    Parameters
    ----------
    names : Names
        The names there are.
    marks : Marks
        What is dropped, rejected, retracted.
    read : callable
        Entry number to entry.
    n : int
        The entry looked at.
    """

    def __init__(self, names: Names, marks: Marks, read: Callable[[int], Doc], n: int) -> None:
        self._names, self._marks, self._read, self._n = names, marks, read, n

    def count(self, name: Name) -> int:
        """Return how many versions a name had, which is the last number given."""
        return bisect_right(name.made, self._n)

    def next_number(self, of: str, name: str) -> int:
        """Return the number the next version takes; numbers are never used twice."""
        found = self._names.get(of, name)
        return 1 if found is None else self.count(found) + 1

    def hidden_for_good(self, of: str, name: Name) -> set[int]:
        """Return the numbers that `latest` passes over and no rollback brings back; unknown marks may mean that too."""
        if not name.marks:
            return set()
        strange = {mark for _, mark, *_ in name.marks} - {*MARKS}
        return set().union(*(self._marks.numbers(of, name, mark) for mark in ("dropped", "rejected", *strange)))

    def latest(self, of: str, name: str) -> int | None:
        """Return the newest version neither dropped, retracted nor rejected: one rule for every noun, no pointer."""
        found = self._names.get(of, name)
        if found is None:
            return None
        hidden = self._marks.numbers(of, found, "retracted") | self.hidden_for_good(of, found)
        return next((number for number in range(self.count(found), 0, -1) if number not in hidden), None)

    def get(self, of: str, name: str, number: int) -> Version:
        """Return what a version says; the caller has seen that there is one."""
        found = self._names.known(of, name)
        entry = self._read(found.made[number - 1])
        for change in read_changes(entry, VersionAdd, of=of, name=name, number=number):
            return Version.from_change(change, found.id, stamp_of(entry))
        raise AssertionError(f"entry {entry['n']} does not add {of}:{name}@{number}")

    def standing(self, of: str, name: str) -> list[Version]:
        """Return the versions of a name that were not dropped, oldest first."""
        found = self._names.known(of, name)
        dropped = self._marks.numbers(of, found, "dropped")
        return [self.get(of, name, i) for i in range(1, self.count(found) + 1) if i not in dropped]

    def newest(self, of: str, name: str) -> Version | None:
        """Return the version `latest` means, None where there is none."""
        number = self.latest(of, name)
        return None if number is None else self.get(of, name, number)


class Pointers:
    """Aliases of models, routes of deployments, and what else points at a version; ``view.pointers``.

    Parameters
    ----------
    names : Names
        The names there are.
    spans : Spans
        Which moves count.
    n : int
        The entry looked at.
    """

    def __init__(self, names: Names, spans: Spans, n: int) -> None:
        self._names, self._spans, self._n = names, spans, n

    def names(self, of: str, name: str) -> list[str]:
        """Return the pointers a name ever had by this entry, in alphabetical order."""
        found = self._names.get(of, name)
        return (
            [] if found is None else sorted(one for one, moves in list(found.moves.items()) if moves[0][0] <= self._n)
        )

    def at(self, of: str, name: str, pointer: str) -> int | None:
        """Return the number a pointer stands at, or None."""
        found = self._names.get(of, name)
        return None if found is None else self.target(of, found, pointer)

    def target(self, of: str, name: Name, pointer: str) -> int | None:
        """Return the number a pointer of a name stands at, or None."""
        moves = name.moves.get(pointer, [])
        for low, high in reversed(self._spans.of(of, name)):
            i = bisect_right(moves, high, key=entry_of) - 1
            if i >= 0 and moves[i][0] > low:
                return moves[i][1]
        return None

    def stack(self, of: str, name: str, pointer: str) -> list[int | None]:
        """Return the states a pointer had that were not rolled back, the present one last."""
        found = self._names.get(of, name)
        stack: list[int | None] = []
        for low, high in self._spans.of(of, found) if found else ():
            for _, to, pops in within(found.moves.get(pointer, []) if found else [], low, high):
                del stack[max(0, len(stack) - pops) :]
                if (stack[-1] if stack else None) != to:
                    stack.append(to)
        return stack
