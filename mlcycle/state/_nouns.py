"""What a project is about: one table. A new noun is one row; who does not know it folds it all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle._ids import bare

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NOUNS", "Noun", "noun"]


def _unsaid(change: Any) -> str:
    return ""


def _added(change: Any) -> str:
    what = getattr(change, "name", None)
    return f"added {change.of} " + (change.id if what is None else f"{what}@{change.number}")


def _marked(change: Any) -> str:
    undone = {"dropped": "restored", "retracted": "reinstated", "rejected": "accepted"}
    verb = change.mark if change.on else undone.get(change.mark, f"no longer {change.mark}")
    spans = ", ".join(f"@{first}" if first == last else f"@{first} to @{last}" for first, last in change.numbers)
    return "" if change.mark == "swept" else f"{verb} {change.of} {change.name}{spans}"


@frozen
class Noun:
    """What this library knows of one noun beyond what holds for all of them.

    Attributes
    ----------
    of : str
        How changes name it, and refs: ``model`` in ``model:churn@7``.
    named : callable
        Words for the history when a name was set; nothing by default.
    added : callable
        Words for the history when a version or a fact was added.
    marked : callable
        Words for the history when it, or versions of it, were dropped or restored; what was swept, the sweep tells.
    versioned : bool
        Its names have versions, so that an address may mean one.
    fixed : bool
        A rollback of the whole project leaves it. Written into ``name.set``, so that older libraries obey.
    pointer : str, optional
        The one pointer its names have; by default any alias.
    chosen : tuple of str
        What its caller chose of what a version, a fact or a name says: an operation id used before is for the same
        thing if it was chosen alike. The rest is found by the library, and may differ the second time.
    kept : bool
        Its versions are never dropped one by one: without the scope no gate would ask for anything.
    aside : bool
        Kept for the sake of others: an entry about nothing else is left out of a history, unless it is asked for.
    by_latest : bool
        People follow its newest version rather than a pointer, so a rollback of the project tells where that goes.
    """

    of: str
    named: Callable[[Any], str] = _unsaid
    added: Callable[[Any], str] = _added
    marked: Callable[[Any], str] = _marked
    versioned: bool = True
    fixed: bool = False
    pointer: str | None = None
    chosen: tuple[str, ...] = ()
    kept: bool = False
    aside: bool = False
    by_latest: bool = False


def _answers(change: Any) -> str:
    weights = change["weights"]
    total = sum(weights.values()) or 1
    shares = [
        bare(ref) if len(weights) == 1 else f"{bare(ref)} ({100 * weight / total:.3g}%)"
        for ref, weight in weights.items()
    ]
    shadow = change.says.get("shadow")
    return f"{change.name} answers with {', '.join(shares)}" + (f", shadow {bare(shadow)}" if shadow else "")


def _decided(change: Any) -> str:
    if not change["allowed"]:
        return f"gate blocked: {change['action']} {bare(change.subject)}"
    verb = "overridden for" if change.says.get("override") else "allowed"
    return f"gate {verb} {bare(change.subject)}"


def _evaluated(change: Any) -> str:
    if change["data"] is not None:
        return f"evaluated {bare(change.subject)} on {bare(change['data'])}: {change['verdict']}"
    count = change["findings"]
    told = f"{count} finding{'' if count == 1 else 's'}"
    return f"checked {bare(change.subject)}: {change['verdict']}, {told}"


def _pinned(change: Any) -> str:
    return f"kept the {change.subject.partition(':')[0]} of runs"


def _asked(change: Any) -> str:
    return "asked whether code and environment of runs are still needed" if change.mark == "retracted" else ""


NOUNS: dict[str, Noun] = {
    row.of: row
    for row in (
        Noun("dataset", chosen=("layout", "roles"), by_latest=True),
        Noun("model", added=lambda c: f"registered model {c.name}@{c.number}"),
        Noun("scope", added=lambda c: f"set the scope, version {c.number}", fixed=True, chosen=("scope",), kept=True),
        Noun(
            "experiment",
            named=lambda c: f"opened experiment {c.name}",
            versioned=False,
            chosen=("hypothesis", "metric"),
        ),
        Noun(
            "deployment",
            named=lambda c: f"opened deployment {c.name}",
            added=_answers,
            pointer="current",
            chosen=("weights", "shadow"),
            kept=True,
        ),
        Noun("run", versioned=False),
        Noun(
            "evaluation",
            versioned=False,
            added=_evaluated,
            chosen=("data",),
        ),
        Noun("decision", added=_decided, versioned=False, chosen=("action",)),
        Noun("pack", added=_unsaid, versioned=False, aside=True),
        Noun("pin", added=_pinned, marked=_asked, versioned=False, aside=True),
        Noun("annotation", added=lambda c: f"noted on {c.subject}", versioned=False),
    )
}


def noun(of: str) -> Noun:
    """Return the row of a noun, or how one behaves that nobody here knows."""
    return NOUNS.get(of) or Noun(of, by_latest=True)
