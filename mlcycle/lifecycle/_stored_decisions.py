"""Decisions as they are stored: a fact of the log and a document that says it all; what a blocked version leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from mlcycle import records
from mlcycle.lifecycle.blobs import readable
from mlcycle.state import Change, FactAdd, PointerMove, Version, VersionAdd, VersionMark, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Fact

__all__ = ["decision_fact", "decision_record", "decision_records", "kept_out", "made_refs"]


def made_refs(changes: Iterable[Change]) -> list[str]:
    """Return the full refs of the versions that changes add."""
    return [f"{one.of}:{one.name}@{one.number}" for one in changes if isinstance(one, VersionAdd)]


def decision_fact(decision: records.Decision, subjects: Sequence[str]) -> FactAdd:
    """Return the fact that keeps a decision, found by all it is about."""
    override, (subject, *about) = decision.override, dict.fromkeys(subjects)
    return FactAdd(
        of="decision",
        id=decision.id,
        subject=subject,
        about=about,
        needs=[f"decision:{decision.id}"],
        says={
            "action": decision.action,
            "allowed": decision.allowed,
            "now": decision.now,
            "scope": decision.scope,
            "alias": decision.alias,
            "trial": decision.trial,
            "evaluations": [f"evaluation:{one}" for one in decision.evaluations],
            "override": None if override is None else {"author": override.author, "until": override.until},
        },
    )


def decision_record(blobs: Blobs, fact: Fact) -> records.Decision:
    """Return the record of a stored decision."""
    document = blobs.document(fact.needs[0], "decision", f"decision {fact.id}")
    record: records.Decision = records.from_json(document)
    return evolve(record, subject=fact.subject, **fact.stamp.facts())


def decision_records(blobs: Blobs, view: View, of: str, ref: str | None = None) -> records.Listing[records.Decision]:
    """Return the decisions about a version or a name (a full ref), or about all of a noun, oldest first."""
    whole = ref is None or "@" not in ref
    names = f"{of}:" if ref is None else f"{ref}@"

    def concerns(fact: Fact) -> bool:
        return any(key == ref or key.startswith(names) for key in (fact.subject, *fact.about))

    found = view.facts.of("decision", None if whole else ref)
    mine = (one for one in found if not whole or concerns(one))
    return records.Listing(readable(lambda fact: decision_record(blobs, fact), mine), of="decisions")


def kept_out(
    view: View, changes: Sequence[Change], same: Callable[[Version, VersionAdd], bool]
) -> tuple[list[Change], list[str]]:
    """Return the changes that keep versions as rejected, where the same are not kept so already, and their refs."""
    made = [one for one in changes if isinstance(one, VersionAdd)]
    there = [_rejected_before(view, one, same) for one in made]
    if all(there):
        return [], [one.ref for one in there if one]
    marks = [VersionMark(of=one.of, name=one.name, mark="rejected", numbers=[[one.number] * 2]) for one in made]
    return [*(one for one in changes if not isinstance(one, PointerMove)), *marks], made_refs(changes)


def _rejected_before(view: View, made: VersionAdd, same: Callable[[Version, VersionAdd], bool]) -> Version | None:
    """Return the version that was rejected before for what is to be added, if it is still there to be looked at."""
    known = view.names.get(made.of, made.name)
    if known is None:
        return None
    marks = view.marks.numbers
    rejected = marks(made.of, known, "rejected") - marks(made.of, known, "dropped")
    versions = (view.versions.get(made.of, made.name, number) for number in sorted(rejected, reverse=True))
    return next((one for one in versions if view.placed.has(one.needs[0]) and same(one, made)), None)
