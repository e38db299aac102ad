"""Questions asked of the index as it stood after one entry: what there is, what is current, what is meant."""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from mlcycle._ids import name_key, near
from mlcycle.errors import InvalidName, NotFound, VersionDeleted
from mlcycle.state._change import Moved, read_changes
from mlcycle.state._changes import MARKS, FactAdd, NameSet, Place, PointerMove, VersionAdd
from mlcycle.state._nouns import NOUNS, noun
from mlcycle.state._said import Fact, Move, Version, stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mlcycle.state._index import Name, State

__all__ = ["View"]

Doc = dict[str, Any]
_entry_of = itemgetter(0)


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
    """

    def __init__(self, state: State, read: Callable[[int], Doc], at: int | None = None) -> None:
        self.state, self.read = state, read
        self.n = state.n if at is None else at
        self._spans_of_all = self._spans_but_for("")

    def then(self, n: int) -> View:
        """Return the project as it stood after an earlier entry; where files lie is always told as of now."""
        return View(self.state, self.read, n)

    # what counts ---------------------------------------------------------------------------------------------------

    def _spans(self, of: str, name: Name) -> list[tuple[int, int]]:
        """Return the spans of entries, after the first and up to the last, whose moves count for a name.

        A rollback at m to t ends the span before it at t, and begins one at m.
        """
        if name.fixed is not None or any(keep for _, _, keep in self.state.backs):
            return self._spans_but_for(f"{of}:{name_key(name.name)}", name.fixed)
        return self._spans_of_all

    def _spans_but_for(self, name: str, fixed: int | None = None) -> list[tuple[int, int]]:
        end, spans = self.n, []
        backs = self.state.backs
        for m, to, keep in reversed(backs[: bisect_right(backs, self.n, key=_entry_of)]):
            if m <= end and (fixed is None or m < fixed) and name not in map(_keyed, keep):
                spans.append((m, end))
                end = to
        return [(-1, end), *reversed(spans)]

    # names ---------------------------------------------------------------------------------------------------------

    def nouns(self) -> list[str]:
        """Return the nouns that have names: those known here in the order of their table, then the others."""
        there = self.state.names.nouns()
        return [of for of in NOUNS if of in there] + [of for of in there if of not in NOUNS]

    def name(self, of: str, name: str) -> Name | None:
        """Return what is indexed of a name, None where there was none at this entry."""
        lines = self.state.names.of(of)
        found = None if lines is None else lines.get(name_key(name))
        return found if found is not None and 0 <= found.since <= self.n else None

    def every(self, of: str) -> list[Name]:
        """Return every name of a noun, in alphabetical order."""
        lines = self.state.names.of(of)
        found = [] if lines is None else [one for one in lines.values() if 0 <= one.since <= self.n]
        return sorted(found, key=lambda one: one.name)

    def names(self, of: str) -> list[str]:
        """Return the names of a noun, in alphabetical order."""
        return [one.name for one in self.every(of)]

    def known(self, of: str, name: str) -> Name:
        """Return a name, or say which names look like it."""
        found = self.name(of, name)
        if found is None:
            known = self.names(of)
            more = f" and {len(known) - 8} more" if len(known) > 8 else ""
            listing = f" There are: {', '.join(known[:8])}{more}." if known else f" There are no {of}s yet."
            raise NotFound(f"no {of} is called {name!r}.{listing}", near(name, known))
        return found

    def check_free(self, of: str, name: str) -> None:
        """Refuse a name that differs from an existing one only in case."""
        found = self.name(of, name)
        if found is not None and found.name != name:
            raise InvalidName(f"{name!r} differs only in case from the {of} {found.name!r}; use that name")

    def about(self, of: str, name: str) -> Doc:
        """Return what is said of a name itself, all that was ever set put together."""
        said: Doc = {}
        found = self.known(of, name)
        for n in found.said[: bisect_right(found.said, self.n)]:
            for change in read_changes(self.read(n), NameSet):
                if (change.of, name_key(change.name)) == (of, name_key(name)):
                    said |= change.says
        return {field: value for field, value in said.items() if value is not None}

    # versions ------------------------------------------------------------------------------------------------------

    def count(self, name: Name) -> int:
        """Return how many versions a name had, which is the last number given."""
        return bisect_right(name.made, self.n)

    def next_number(self, of: str, name: str) -> int:
        """Return the number the next version takes; numbers are never used twice."""
        found = self.name(of, name)
        return 1 if found is None else self.count(found) + 1

    def marked(self, of: str, name: Name, mark: str) -> set[int]:
        """Return the numbers that bear a mark; 0 is the thing itself. Only retractions can be rolled back."""
        found: set[int] = set()
        last = -1
        for low, high in self._spans(of, name) if mark == "retracted" else [(-1, self.n)]:
            # made in entries that were rolled back
            found |= {*range(bisect_right(name.made, last) + 1, bisect_right(name.made, low) + 1)}
            for _, known, on, first, final in _within(name.marks, low, high):
                if known == mark:
                    (found.update if on else found.difference_update)(range(first, final + 1))
            last = high
        return found

    def hidden(self, of: str, name: Name) -> set[int]:
        """Return the numbers that `latest` passes over; what a mark nobody here knows hides is not known either."""
        return self.marked(of, name, "retracted") | self._hidden_for_good(of, name)

    def _hidden_for_good(self, of: str, name: Name) -> set[int]:
        """Return the numbers that no rollback brings back."""
        strange = {mark for _, mark, *_ in name.marks} - {*MARKS}
        return set().union(*(self.marked(of, name, mark) for mark in ("dropped", "rejected", *strange)))

    def latest(self, of: str, name: str) -> int | None:
        """Return the newest version neither dropped, retracted nor rejected: one rule for every noun, no pointer."""
        found = self.name(of, name)
        if found is None:
            return None
        hidden = self.hidden(of, found)
        return next((number for number in range(self.count(found), 0, -1) if number not in hidden), None)

    def is_marked(self, of: str, name: str, mark: str, number: int = 0) -> bool:
        """Say whether a version bears a mark, or, without a number, the thing itself: a run, a fact."""
        found = self.name(of, name)
        return found is not None and number in self.marked(of, found, mark)

    def stands(self, of: str, name: str) -> bool:
        """Say whether a thing without versions, such as a run or a fact, was neither dropped nor swept."""
        return not (self.is_marked(of, name, "dropped") or self.is_marked(of, name, "swept"))

    def version(self, of: str, name: str, number: int) -> Version:
        """Return what a version says; the caller has seen that there is one."""
        found = self.known(of, name)
        entry = self.read(found.made[number - 1])
        for change in read_changes(entry, VersionAdd):
            if (change.of, name_key(change.name), change.number) == (of, name_key(name), number):
                return Version.told(change, found.id, stamp_of(entry))
        raise AssertionError(f"entry {entry['n']} does not add {of}:{name}@{number}")

    def standing(self, of: str, name: str) -> list[Version]:
        """Return the versions of a name that were not dropped, oldest first."""
        found = self.known(of, name)
        dropped = self.marked(of, found, "dropped")
        return [self.version(of, name, i) for i in range(1, self.count(found) + 1) if i not in dropped]

    def newest(self, of: str, name: str) -> Version | None:
        """Return the version `latest` means, None where there is none."""
        number = self.latest(of, name)
        return None if number is None else self.version(of, name, number)

    # facts ---------------------------------------------------------------------------------------------------------

    def fact_entries(self, of: str, key: str) -> Sequence[int]:
        """Return the entry of each fact found by a key, oldest first; an entry stands once for each of its facts."""
        lines = self.state.facts.of(of)
        found = None if lines is None else lines.get(key)
        return [] if found is None else found[: bisect_right(found, self.n)]

    def facts(self, of: str, key: str | None = None, *, newest_first: bool = False) -> Iterator[Fact]:
        """Yield facts that stand, in order: those found by a key, a subject for one, or all."""
        lines = self.state.facts.of(of)
        if key is None:
            numbers = set() if lines is None else {n for entries in lines.values() for n in entries if n <= self.n}
        else:
            numbers = {*self.fact_entries(of, key)}
        for n in sorted(numbers, reverse=newest_first):
            entry = self.read(n)
            here = [
                fact
                for fact in read_changes(entry, FactAdd)
                if fact.of == of and key in (None, fact.subject, *fact.about)
            ]
            for fact in reversed(here) if newest_first else here:
                if self.stands(of, fact.id):
                    yield Fact.told(fact, stamp_of(entry))

    # pointers ------------------------------------------------------------------------------------------------------

    def pointers(self, of: str, name: str) -> list[str]:
        """Return the pointers a name ever had by this entry, in alphabetical order."""
        found = self.name(of, name)
        return [] if found is None else sorted(one for one, moves in list(found.moves.items()) if moves[0][0] <= self.n)

    def pointer(self, of: str, name: str, pointer: str) -> int | None:
        """Return the number a pointer stands at, or None."""
        found = self.name(of, name)
        return None if found is None else self._target(of, found, pointer)

    def _target(self, of: str, name: Name, pointer: str) -> int | None:
        moves = name.moves.get(pointer, [])
        for low, high in reversed(self._spans(of, name)):
            i = bisect_right(moves, high, key=_entry_of) - 1
            if i >= 0 and moves[i][0] > low:
                return moves[i][1]
        return None

    def stack(self, of: str, name: str, pointer: str) -> list[int | None]:
        """Return the states a pointer had that were not rolled back, the present one last."""
        return self._stack(of, self.known(of, name), pointer)

    def _stack(self, of: str, name: Name, pointer: str) -> list[int | None]:
        stack: list[int | None] = []
        for low, high in self._spans(of, name):
            for _, to, pops in _within(name.moves.get(pointer, []), low, high):
                del stack[max(0, len(stack) - pops) :]
                if (stack[-1] if stack else None) != to:
                    stack.append(to)
        return stack

    def history(self, of: str, name: str, pointer: str) -> list[Move]:
        """Return the moves of a pointer, oldest first, those among them that rollbacks of the project made."""
        found = self.known(of, name)
        moved = {n: None for n, *_ in found.moves.get(pointer, []) if n <= self.n}
        backs = [n for n, *_ in self.state.backs if n <= self.n and n not in moved]
        told: list[Move] = []
        for n in sorted({*moved, *backs}):
            if n in moved:
                entry = self.read(n)
                told += [
                    Move(move.before, move.after, move.how, stamp_of(entry))
                    for move in read_changes(entry, PointerMove)
                    if (move.of, name_key(move.name), move.pointer) == (of, name_key(name), pointer)
                ]
                continue
            before, after = (self.then(at).pointer(of, name, pointer) for at in (n - 1, n))
            if before != after:
                told.append(Move(before, after, "project", stamp_of(self.read(n))))
        return told

    def moves_to(self, to: int, keep: Iterable[str] = ()) -> Iterator[Moved]:
        """Yield what a rollback of the project to an entry would move: pointers, and what `latest` means."""
        then = self.then(to)
        for of, name in self._going_back(keep):
            ends = {one: (self._target(of, name, one), then._target(of, name, one)) for one in list(name.moves)}
            if noun(of).by_latest and name.made:
                ends["latest"] = (self.latest(of, name.name), self._latest_then(of, name, then))
            for pointer, (before, after) in ends.items():
                if before != after:
                    yield Moved(of, name.name, pointer, before, after)

    def _going_back(self, keep: Iterable[str]) -> Iterator[tuple[str, Name]]:
        """Yield the names, each with its noun, that a rollback of the project would not leave alone."""
        kept = {*map(_keyed, keep)}
        for of in self.nouns():
            for name in self.every(of):
                fixed = name.fixed is not None and name.fixed <= self.n
                if not fixed and f"{of}:{name_key(name.name)}" not in kept:
                    yield of, name

    def _latest_then(self, of: str, name: Name, then: View) -> int | None:
        """Return what `latest` would mean after a rollback: of what was there, what still stands today."""
        gone = then.marked(of, name, "retracted") | self._hidden_for_good(of, name)
        return next((number for number in range(then.count(name), 0, -1) if number not in gone), None)

    def would_change(self, to: int, keep: Iterable[str] = ()) -> bool:
        """Say whether a rollback of the project to an entry would change anything.

        Where nothing moves, it may still be what is retracted, or what lies beneath a pointer.
        """
        then = self.then(to)
        for of, name in self._going_back(keep):
            if any(self._stack(of, name, one) != then._stack(of, name, one) for one in list(name.moves)):
                return True
            later = {*range(then.count(name) + 1, self.count(name) + 1)}
            if self.marked(of, name, "retracted") != then.marked(of, name, "retracted") | later:
                return True
        return False

    # tags ----------------------------------------------------------------------------------------------------------

    def tags(self) -> dict[str, int]:
        """Return the tags and the entries they name."""
        found = {tag: [to for n, to in moves if n <= self.n] for tag, moves in list(self.state.tags.items())}
        return {tag: named[-1] for tag, named in found.items() if named}

    # files ---------------------------------------------------------------------------------------------------------

    def is_placed(self, stored_object: str) -> bool:
        """Say whether a stored object's files are there, as of now."""
        return self.state.placed.get(stored_object) is not None

    def place(self, stored_object: str, what: str) -> Place:
        """Return where a stored object lies now; `what` names it if it is gone."""
        n = self.state.placed.get(stored_object)
        for change in reversed([] if n is None else read_changes(self.read(n), Place)):
            if change.object == stored_object:
                return change
        raise VersionDeleted(f"the files of {what} have been removed by a sweep")


def _within(items: list[Any], low: int, high: int) -> list[Any]:
    return items[bisect_right(items, low, key=_entry_of) : bisect_right(items, high, key=_entry_of)]


def _keyed(full: str) -> str:
    of, _, name = full.partition(":")
    return f"{of}:{name_key(name)}"
