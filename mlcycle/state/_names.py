"""The names there are at an entry, and what bears which mark."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from mlcycle._ids import name_key, near
from mlcycle.errors import InvalidName, NotFound
from mlcycle.state._change import read_changes
from mlcycle.state._change_kinds import NameSet
from mlcycle.state._nouns import NOUNS
from mlcycle.state._rollback_spans import within

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.state._index import Name, State
    from mlcycle.state._rollback_spans import Spans

__all__ = ["Marks", "Names"]

Doc = dict[str, Any]


class Names:
    """The names of every noun; ``view.names``.

    Parameters
    ----------
    state : State
        The index.
    read : callable
        Entry number to entry.
    n : int
        The entry looked at.
    """

    def __init__(self, state: State, read: Callable[[int], Doc], n: int) -> None:
        self._state, self._read, self._n = state, read, n

    def nouns(self) -> list[str]:
        """Return the nouns that have names: those known here in the order of their table, then the others."""
        there = self._state.names.nouns()
        return [of for of in NOUNS if of in there] + [of for of in there if of not in NOUNS]

    def get(self, of: str, name: str) -> Name | None:
        """Return what is indexed of a name, None where there was none at this entry."""
        lines = self._state.names.of(of)
        found = None if lines is None else lines.get(name_key(name))
        return found if found is not None and 0 <= found.since <= self._n else None

    def every(self, of: str) -> list[Name]:
        """Return every name of a noun, in alphabetical order."""
        lines = self._state.names.of(of)
        found = [] if lines is None else [one for one in lines.values() if 0 <= one.since <= self._n]
        return sorted(found, key=lambda one: one.name)

    def of(self, of: str) -> list[str]:
        """Return the names of a noun as text, in alphabetical order."""
        return [one.name for one in self.every(of)]

    def known(self, of: str, name: str) -> Name:
        """Return a name, or say which names look like it."""
        if not isinstance(name, str):
            raise InvalidName(f"the {of} name is text, got {type(name).__name__}: {name!r:.80}")
        found = self.get(of, name)
        if found is None:
            raise self.unknown(of, name, self.of(of))
        return found

    def unknown(self, of: str, name: str, known: list[str]) -> NotFound:
        """Return the error that says which names there are instead, of those that would do."""
        more = f" and {len(known) - 8} more" if len(known) > 8 else ""
        listing = f" There are: {', '.join(known[:8])}{more}." if known else f" There are no {of}s yet."
        others = [one for one in self.nouns() if one != of and self.get(one, name) is not None]
        called = f" There is a {others[0]} of that name." if others else ""
        return NotFound(f"no {of} is called {name!r}.{called}{listing}", near(name, known))

    def check_free(self, of: str, name: str) -> None:
        """Refuse a name that differs from an existing one only in case."""
        found = self.get(of, name)
        if found is not None and found.name != name:
            raise InvalidName(f"{name!r} differs only in case from the {of} {found.name!r}; use that name")

    def said(self, of: str, name: str) -> Doc:
        """Return what is said of a name itself, all that was ever set put together."""
        said: Doc = {}
        found = self.known(of, name)
        for n in found.said[: bisect_right(found.said, self._n)]:
            for change in read_changes(self._read(n), NameSet, of=of, name=name):
                said |= change.says
        return {field: value for field, value in said.items() if value is not None}


class Marks:
    """What is dropped, rejected, retracted, swept; ``view.marks``.

    Parameters
    ----------
    names : Names
        The names there are.
    spans : Spans
        What counts; only retractions can be rolled back.
    n : int
        The entry looked at.
    """

    def __init__(self, names: Names, spans: Spans, n: int) -> None:
        self._names, self._spans, self._n = names, spans, n

    def numbers(self, of: str, name: Name, mark: str) -> set[int]:
        """Return the numbers that bear a mark; 0 is the thing itself."""
        found: set[int] = set()
        if mark != "retracted" and not name.marks:
            return found
        last, count = -1, bisect_right(name.made, self._n)  # a range may name more, up to any number
        for low, high in self._spans.of(of, name) if mark == "retracted" else [(-1, self._n)]:
            # made in entries that were rolled back
            found |= {*range(bisect_right(name.made, last) + 1, bisect_right(name.made, low) + 1)}
            for _, known, on, first, final in within(name.marks, low, high):
                if known == mark:
                    (found.update if on else found.difference_update)(range(first, min(final, count) + 1))
            last = high
        return found - {0} | self._itself(name, mark)

    def _itself(self, name: Name, mark: str) -> set[int]:
        """Return 0 where the thing itself bears a mark: of a run or a pin no rollback takes it away."""
        said = [on for _, known, on, first, _ in within(name.marks, -1, self._n) if known == mark and first == 0]
        return {0} if said[-1:] == [True] else set()

    def has(self, of: str, name: str, mark: str, number: int = 0) -> bool:
        """Say whether a version bears a mark, or, without a number, the thing itself: a run, a fact."""
        found = self._names.get(of, name)
        return found is not None and number in self.numbers(of, found, mark)

    def stands(self, of: str, name: str) -> bool:
        """Say whether a thing without versions, such as a run or a fact, was neither dropped nor swept."""
        return not (self.has(of, name, "dropped") or self.has(of, name, "swept"))
