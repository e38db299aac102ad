"""An operation id used before: for the same thing, whose result is given again, or for something else.

An entry does not say which verb wrote it. So the plan of the new call is asked what it would write, now and as the
project stood before that entry, and what the caller chose in both is compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.errors import ConflictError
from mlcycle.lifecycle._words import in_words
from mlcycle.storage import Draft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlcycle.lifecycle._view import View
    from mlcycle.storage import Settled

__all__ = ["refuse_another"]

Doc = dict[str, Any]

# What its caller chose in a change: subject, target, arguments. The rest is found by the library and may differ the
# second time (numbers, ids, what stood before), or is made anew by a script that runs again (rows that grew since, a
# refitted model, a verdict). A kind that is not here is never what an operation is about: it stands beside what is.
_CHOSEN: dict[str, tuple[str, ...]] = {
    "project.rollback": ("to",),
    "scope.set": ("scope",),
    "dataset.add": ("name", "type", "roles"),
    "dataset.head": ("name", "after"),
    "model.add": ("name",),
    "decision.add": ("action", "subject"),
    "alias.move": ("name", "alias", "after", "how"),
    "version.drop": ("of", "name", "number", "id"),
    "version.restore": ("of", "name", "number", "id"),
    "experiment.open": ("name", "hypothesis", "metric"),
    "deployment.open": ("name",),
    "route.add": ("deployment", "weights", "shadow"),
    "route.move": ("deployment", "after", "how"),
    "evaluation.add": ("subject", "data"),
    "report.add": ("deployment",),
    "tag.set": ("name", "to"),
}


def refuse_another(
    op: str, entry: Doc, plan: Callable[[View], Draft | Settled], views: Iterable[View], meant: tuple[Doc, ...] = ()
) -> None:
    """Return if `plan` is what an entry was written for; the views are those it may be judged by, lazily.

    A gate that blocks today drafts no move: what would be moved is `meant`.

    Raises
    ------
    ConflictError
        Saying what the operation id was used for.
    """
    for view in views:
        try:
            wanted = plan(view)
        except Exception:  # noqa: BLE001 - it does not fit that state, which says nothing of the entry
            continue
        if isinstance(wanted, Draft):
            kept = [change for change in wanted.changes if change["kind"] not in {one["kind"] for one in meant}]
            if _alike([*kept, *meant], entry["changes"]):
                return
    facts = {key: entry[key] for key in ("n", "author", "at", "message")}
    raise ConflictError(
        f"op={op!r} was used already, by {entry['author']} in entry {entry['n']}, for something else: "
        f"{in_words(entry['changes'])}; nothing was done. Give every operation an op of its own",
        facts,
    )


def _alike(wanted: list[Doc], written: list[Doc]) -> bool:
    """Return whether two lists of changes are about one thing; a gate may have blocked the move that was written."""
    ours, theirs = _chosen(wanted), _chosen(written)
    if not ours or not theirs or next(iter(ours)) != next(iter(theirs)):
        return False
    return all(ours[kind] == theirs[kind] for kind in ours.keys() & theirs.keys())


def _chosen(changes: list[Doc]) -> dict[str, list[Doc]]:
    found: dict[str, list[Doc]] = {}
    for change in changes:
        if change["kind"] in _CHOSEN:
            facts = {field: change.get(field) for field in _CHOSEN[change["kind"]]}
            if change.get("type") == "selection":  # which rows follows from what was split, and how
                facts["content"] = change["content"]
            if change["kind"] == "scope.set":  # who eased what until when is the scope's own bookkeeping
                facts["scope"] = {key: value for key, value in change["scope"].items() if key != "loosened"}
            found.setdefault(change["kind"], []).append(facts)
    return found
