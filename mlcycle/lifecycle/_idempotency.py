"""An operation id used before: for the same thing, whose result is given again, or for something else.

The entry says its verb. What the caller chose beside it is compared by asking the plan of the new call what it would
write, now and as the project stood before that entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.errors import AccessDenied, ConflictError, StorageUnavailable
from mlcycle.state import KINDS, Change, FactAdd, NameSet, PointerMove, VersionAdd, entry_text, noun
from mlcycle.storage import UpToDate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mlcycle.state import View

__all__ = ["refuse_another"]

Doc = dict[str, Any]

# What its caller chose in a change: subject, target, arguments. The rest is found by the library and may differ the
# second time (numbers, ids, what stood before), or is made anew by a script that runs again (rows that grew since, a
# refitted model, a verdict). What a noun says of itself is chosen as its row says. A kind that is not here is never
# what an operation is about: it stands beside what is.
_CHOSEN: dict[str, tuple[str, ...]] = {
    "project.rollback": ("to",),
    "name.set": ("of", "name"),
    "version.add": ("of", "name"),
    "pointer.move": ("of", "name", "pointer", "after", "how"),
    "version.mark": ("of", "name", "mark", "on", "numbers"),
    "fact.add": ("of", "subject"),
    "tag.set": ("name", "to"),
}


def refuse_another(
    op: str,
    entry: Doc,
    verb: str,
    plan: Callable[[View], Sequence[Change] | UpToDate],
    views: tuple[View, View],
) -> None:
    """Return if `verb` and `plan` are what an entry was written for; judged now, and just before that entry.

    Raises
    ------
    ConflictError
        Saying what the operation id was used for.
    StorageUnavailable, AccessDenied
        When what the plan goes by cannot be read just now.
    """
    for view in views if entry["verb"] == verb else ():
        try:
            wanted = plan(view)
        except (AccessDenied, StorageUnavailable):  # an entry it goes by could not be read: nothing is known yet
            raise
        except Exception:  # noqa: BLE001 - it does not fit that state, which says nothing of the entry
            continue
        if isinstance(wanted, UpToDate):
            continue
        if _alike(wanted, written := _read(entry["changes"])) or _blocked(wanted, written):
            return
    facts = {key: entry[key] for key in ("n", "author", "at", "message")}
    raise ConflictError(
        f"op={op!r} was used already, by {entry['author']} in entry {entry['n']}, for something else: "
        f"{entry_text(entry['changes'], views[1])}; nothing was done. Give every operation an op of its own",
        facts,
    )


def _read(changes: list[Doc]) -> list[Change]:
    return [KINDS[one["kind"]].read(one) for one in changes if one["kind"] in KINDS]


def _alike(wanted: Iterable[Change], written: Iterable[Change]) -> bool:
    """Return whether two lists of changes are about one thing."""
    ours, theirs = _chosen(wanted), _chosen(written)
    both = ours.keys() & theirs.keys()
    return bool(both) and all(ours[kind] == theirs[kind] for kind in both)


def _blocked(wanted: Iterable[Change], written: Iterable[Change]) -> bool:
    """Return whether what was written is the decision that blocked a move: an older mlcycle used up the op for it."""
    moves = [(f"{one.of}:{one.name}@{one.after}", one.how) for one in wanted if isinstance(one, PointerMove)]
    decisions = [one for one in written if isinstance(one, FactAdd) and one.of == "decision"]
    return any((one.subject, one.says.get("action")) in moves and not one.says.get("allowed") for one in decisions)


def _chosen(changes: Iterable[Change]) -> dict[str, list[Doc]]:
    changes = list(changes)
    begun = {(one.of, one.name) for one in changes if isinstance(one, VersionAdd)}
    found: dict[str, list[Doc]] = {}
    for change in changes:
        # what goes with a new version, a name begun or a route set to it, is told by the version
        beside = isinstance(change, NameSet | PointerMove) and (change.of, change.name) in begun
        if change.kind not in _CHOSEN or beside:
            continue
        facts = {field: getattr(change, field) for field in _CHOSEN[change.kind]}
        if isinstance(change, NameSet | VersionAdd | FactAdd):
            facts |= {field: change.says.get(field) for field in noun(change.of).chosen}
        if change.says.get("layout") == "selection":  # which rows follows from what was split, and how
            facts["content"] = change["content"]
        if "scope" in facts:  # who amended what until when is the scope's own bookkeeping
            own = ("loosened", "moved")
            facts["scope"] = {key: value for key, value in change["scope"].items() if key not in own}
        found.setdefault(change.kind, []).append(facts)
    return found
