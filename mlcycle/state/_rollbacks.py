"""What a rollback of the whole project moves, and the moves of a pointer with those among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._ids import name_key
from mlcycle.state._change import Moved, read_changes
from mlcycle.state._change_kinds import PointerMove
from mlcycle.state._committed import PointerChange, stamp_of
from mlcycle.state._nouns import noun
from mlcycle.state._rollback_spans import keyed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlcycle.state._index import Name
    from mlcycle.state._view import View

__all__ = ["moves_to", "pointer_moves", "would_change"]


def pointer_moves(
    view: View, of: str, name: str, pointer: str, *, newest_first: bool = False
) -> Iterator[PointerChange]:
    """Yield the moves of a pointer in order, those among them that rollbacks of the project made."""
    found = view.names.known(of, name)
    moved = {n for n, *_ in found.moves.get(pointer, []) if n <= view.n}
    backs = {n for n, *_ in view.state.backs if n <= view.n}
    for n in sorted(moved | backs, reverse=newest_first):
        if n not in moved:
            before, after = (view.then(at).pointers.at(of, name, pointer) for at in (n - 1, n))
            if before != after:
                yield PointerChange(before, after, "project", stamp_of(view.read(n)))
            continue
        entry = view.read(n)
        here = [
            PointerChange(move.before, move.after, move.how, stamp_of(entry))
            for move in read_changes(entry, PointerMove, of=of, name=name, pointer=pointer)
        ]
        yield from reversed(here) if newest_first else here


def moves_to(view: View, to: int, keep: Iterable[str] = (), *, only: tuple[str, str] | None = None) -> Iterator[Moved]:
    """Yield what a rollback of the project to an entry would move: pointers, and what `latest` means.

    Parameters
    ----------
    view : View
        The project.
    to : int
        The entry.
    keep : iterable of str
        Names (``of:name``) that would stay as they are.
    only : tuple of str, optional
        The one noun and name that is asked about.
    """
    then = view.then(to)
    for of, name in _going_back(view, keep, only):
        ends = {
            one: (view.pointers.target(of, name, one), then.pointers.target(of, name, one)) for one in [*name.moves]
        }
        if noun(of).by_latest and name.made:
            ends["latest"] = (view.versions.latest(of, name.name), _latest_then(view, then, of, name))
        for pointer, (before, after) in ends.items():
            if before != after:
                yield Moved(of, name.name, pointer, before, after)


def would_change(view: View, to: int, keep: Iterable[str] = ()) -> bool:
    """Say whether a rollback of the project to an entry would change anything.

    Where nothing moves, it may still be what is retracted, or what lies beneath a pointer.
    """
    then = view.then(to)
    for of, name in _going_back(view, keep):
        stacks = ((one.pointers.stack(of, name.name, pointer) for one in (view, then)) for pointer in [*name.moves])
        if any(now != before for now, before in stacks):
            return True
        later = {*range(then.versions.count(name) + 1, view.versions.count(name) + 1)}
        kept = then.marks.numbers(of, name, "retracted") | later
        if view.marks.numbers(of, name, "retracted") - {0} != kept - {0}:
            return True
    return False


def _going_back(view: View, keep: Iterable[str], only: tuple[str, str] | None = None) -> Iterator[tuple[str, Name]]:
    """Yield the names, each with its noun, that a rollback of the project would not leave alone."""
    kept = {*map(keyed, keep)}
    for of, name in _names(view, only):
        fixed = name.fixed is not None and name.fixed <= view.n
        if not fixed and f"{of}:{name_key(name.name)}" not in kept:
            yield of, name


def _names(view: View, only: tuple[str, str] | None) -> Iterator[tuple[str, Name]]:
    if only is None:
        yield from ((of, name) for of in view.names.nouns() for name in view.names.every(of))
    elif (found := view.names.get(*only)) is not None:
        yield only[0], found


def _latest_then(view: View, then: View, of: str, name: Name) -> int | None:
    """Return what `latest` would mean after a rollback: of what was there, what still stands today."""
    gone = then.marks.numbers(of, name, "retracted") | view.versions.hidden_for_good(of, name)
    return next((number for number in range(then.versions.count(name), 0, -1) if number not in gone), None)
