"""Deciding: a plan looks at a view and returns changes, or raises; it asks nothing else, so it may run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle.errors import ConflictError, NotFound, ReadOnly
from mlcycle.state._change_kinds import PointerMove, ProjectRollback, VersionMark
from mlcycle.state._resolve_refs import resolve
from mlcycle.state._rollbacks import moves_to, pointer_moves, would_change
from mlcycle.state._version import stamp_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from mlcycle.state._change import Change
    from mlcycle.state._version import Stamp, Version
    from mlcycle.state._view import View

__all__ = [
    "check_guards",
    "check_latest_unmoved",
    "check_stands",
    "check_unmoved",
    "drop",
    "guards_on",
    "needed_by",
    "restore",
    "roll_back",
    "roll_project_back",
]


def drop(view: View, version: Version) -> list[Change]:
    """Mark a version as dropped, unless a pointer stands on it, or on what answers with it.

    Raises
    ------
    ConflictError
        Naming what needs it.
    """
    if view.marks.has(version.of, version.name, "dropped", version.number):
        return []
    if needed := needed_by(view, version):
        raise ConflictError(f"{version.shown} is needed by {', '.join(needed)}; move or drop those first")
    return [VersionMark(of=version.of, name=version.name, mark="dropped", numbers=[[version.number] * 2])]


def needed_by(view: View, version: Version) -> list[str]:
    """Return the pointers that would hang in the air without a version."""
    of, name = version.of, version.name
    found = [
        f"{name}@{one}" for one in view.pointers.names(of, name) if view.pointers.at(of, name, one) == version.number
    ]
    lines = view.state.uses.of(of)
    for user_of, key, number in (lines and lines.get(version.ref)) or ():
        user = view.names.get(user_of, key)
        if user and any(view.pointers.at(user_of, key, one) == number for one in view.pointers.names(user_of, key)):
            found.append(f"{user_of} {user.name}")
    return list(dict.fromkeys(found))


def restore(view: View, version: Version) -> list[Change]:
    """Take the mark away, if everything the version needs is still stored.

    Raises
    ------
    VersionDeleted
        When a sweep was faster.
    """
    if not view.marks.has(version.of, version.name, "dropped", version.number):
        return []
    _check_placed(view, version)
    return [VersionMark(of=version.of, name=version.name, mark="dropped", on=False, numbers=[[version.number] * 2])]


def check_unmoved(view: View, move: PointerMove, what: str, form: str, remedy: str) -> None:
    """Refuse a move of a pointer that somebody else has moved since it was thought of.

    Parameters
    ----------
    view : View
        The project.
    move : PointerMove
        From where it was.
    what, form, remedy : str
        What the pointer is called, what is said of a number it stands at (``"churn@{}"``), and what to do now.

    Raises
    ------
    ConflictError
        Naming who did, when and why.
    """
    found = view.pointers.at(move.of, move.name, move.pointer)
    if found == move.before:
        return
    by = next(pointer_moves(view, move.of, move.name, move.pointer, newest_first=True)).stamp
    raise _moved(what, form, (move.before, found), by, remedy)


def check_latest_unmoved(view: View, looked: View, of: str, name: str, remedy: str) -> None:
    """Refuse a change that goes by what `latest` means, where it means another version than when it was looked up.

    Parameters
    ----------
    view, looked : View
        The project, and as it was when the caller's operation began.
    of, name : str
        Noun and name.
    remedy : str
        What to do now.

    Raises
    ------
    ConflictError
        Naming who moved it, when and why.
    """
    before, after = (one.versions.latest(of, name) for one in (looked, view))
    if before == after:
        return
    since = range(view.n, looked.n, -1)
    n = next(n for n in since if view.then(n - 1).versions.latest(of, name) != after)
    known = view.names.known(of, name).name
    raise _moved(f"the current version of {known}", f"{known}@{{}}", (before, after), stamp_of(view.read(n)), remedy)


def _moved(what: str, form: str, ends: tuple[int | None, int | None], by: Stamp, remedy: str) -> ConflictError:
    before, after = ("nothing" if end is None else form.format(end) for end in ends)
    return ConflictError(
        f"{what} was {before} when this began and is {after} now, set by {by.author} at {by.at} (entry {by.entry}): "
        f"{by.message or 'no reason given'}; {remedy}",
        by.winner(),
    )


def roll_back(view: View, of: str, name: str, pointer: str, nothing: str) -> PointerMove:
    """Move a pointer back to the newest state that was not itself rolled back.

    Raises
    ------
    NotFound
        Saying that there is `nothing` to go back to.
    VersionDeleted
        When what it would stand at was dropped.
    """
    known = view.names.known(of, name).name
    stack = view.pointers.stack(of, known, pointer)
    if len(stack) < 2 or stack[-2] is None:
        raise NotFound(nothing)
    check_stands(view, f"{of}:{name}@{stack[-2]}")
    return PointerMove(of=of, name=known, pointer=pointer, before=stack[-1], after=stack[-2], pops=1, how="rollback")


def roll_project_back(view: View, to: int, keep: Sequence[str] = ()) -> list[Change]:
    """Go back to an entry with everything, if what pointers would stand at still stands, and its files.

    Raises
    ------
    VersionDeleted
        When something was dropped or swept.
    """
    for move in moves_to(view, to, keep):
        if move.after is not None:
            check_stands(view, f"{move.of}:{move.name}@{move.after}", files=True)
    return [ProjectRollback(to=to, keep=list(keep))] if would_change(view, to, keep) else []


def check_stands(view: View, ref: str, *, files: bool = False) -> None:
    """Refuse a version that was dropped, or that answers with one that was; with `files`, one without its files."""
    version = resolve(view, ref)
    if files:
        _check_placed(view, version)
    for used in version.uses:
        check_stands(view, used, files=files)


def _check_placed(view: View, version: Version) -> None:
    for stored_object in version.needs:
        own = stored_object == version.needs[0]
        what = version.shown if own else f"the {stored_object.partition(':')[0]} that {version.shown} lives by"
        view.placed.get(stored_object, what)


def check_guards(view: View, changes: Iterable[Change], knows: Collection[str]) -> None:
    """Refuse to write what a guard keeps for those who know more; every commit passes here.

    Raises
    ------
    ReadOnly
        Naming what is guarded, and the needs not known here. Everything else of the project may still be written.
    """
    for change in changes if view.state.guarded else ():
        if isinstance(change, ProjectRollback):
            moves = [(one.of, one.name, "pointer.move", one.pointer) for one in moves_to(view, change.to, change.keep)]
        else:
            of, name, pointer = (getattr(change, field, "") for field in ("of", "name", "pointer"))
            moves = [(of, name, change.kind, pointer)]
        for of, name, kind, pointer in moves:
            if needs := [need for need in _guarding(view, of, name, kind, pointer) if need not in knows]:
                what = f"{of}:{name}" + (f"@{pointer}" if pointer else "") if name else f"any {of}"
                raise ReadOnly(f"changing {what} takes a newer mlcycle (one that knows {', '.join(needs)}); upgrade it")


def guards_on(view: View, of: str, name: str) -> dict[str, list[str]]:
    """Return the guards that stand on a name: what is guarded, and what a writer must know."""
    index = view.names.get(of, name)
    standing = [guards for n, guards in index.guards if n <= view.n] if index else []
    return dict(standing[-1]) if standing else {}


def _guarding(view: View, of: str, name: str, kind: str, pointer: str) -> list[str]:
    """Return the needs that guard a kind of change, or one pointer of it, on a name and on its noun."""
    found: list[str] = []
    for home, whose, prefix in ((of, name, ""), ("project", "project", f"{of}/")):
        standing = guards_on(view, home, whose) if home and whose else {}
        for what in (kind, f"{kind}:{pointer}"):
            found += standing.get(prefix + what, ())
    return list(dict.fromkeys(found))
