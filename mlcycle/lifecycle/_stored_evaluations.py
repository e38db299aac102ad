"""Evaluations as they are stored: a fact of the log, and a document that says it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from mlcycle import records
from mlcycle.lifecycle.blobs import readable
from mlcycle.state import FactAdd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Fact, Place, View

__all__ = [
    "evaluation_document",
    "evaluation_facts",
    "evaluation_record",
    "evaluation_records",
    "keep_evaluation",
    "stored_document",
]

Doc = dict[str, Any]


def evaluation_facts(view: View, subject: str, data: str | None = None) -> Iterator[Fact]:
    """Yield the evaluations of a version, or only those on some data (full refs), newest first."""
    found = view.facts.of("evaluation", subject, data, newest_first=True)
    return (fact for fact in found if fact.subject == subject)


def evaluation_document(blobs: Blobs, fact: Fact) -> Doc:
    """Return the stored document of an evaluation."""
    return stored_document(blobs, fact.id)


def stored_document(blobs: Blobs, identity: str) -> Doc:
    """Return the stored document of an evaluation by its id."""
    found: Doc = blobs.document(f"evaluation:{identity}", "evaluation", f"evaluation {identity}")
    return found


def evaluation_record(session: Session, fact: Fact) -> records.Evaluation:
    """Return the record of a stored evaluation, at home in the session that looks at it."""
    record: records.Evaluation = records.from_json(evaluation_document(session.blobs, fact)["evaluation"])
    # only the log knows how many looks came before this one
    made = attrs.evolve(record, uses_of_test=fact.says.get("looks", 0), **fact.stamp.facts())
    return records.at_home(made, session.home)


def evaluation_records(
    session: Session, view: View, of: str, ref: str | None = None
) -> records.Listing[records.Evaluation]:
    """Return the evaluations of a version or a name (a full ref), or of all of a noun, oldest first."""
    exact = ref is not None and (of == "run" or "@" in ref)
    names = f"{of}:" if ref is None else f"{ref}@"
    found = (
        fact
        for fact in view.facts.of("evaluation", ref if exact else None)
        if fact.subject == ref or (not exact and fact.subject.startswith(names))
    )
    return records.Listing(readable(lambda fact: evaluation_record(session, fact), found), of="evaluations")


def keep_evaluation(
    do: Operation,
    evaluation: records.Evaluation,
    answers: Sequence[Doc] = (),
    keys: Sequence[str] = (),
    beside: Sequence[Doc] = (),
    level: float | None = None,
) -> tuple[Place, FactAdd]:
    """Store an evaluation, with what answered which criterion, and return the changes that keep it.

    Parameters
    ----------
    do : Operation
    evaluation : Evaluation
    answers : sequence of dict
        For each criterion, or none, its results as stored.
    keys : sequence of str, optional
        What else it is found by: the root of the data a model was judged on, by name and by content.
    beside : sequence of dict, optional
        Files that are kept with it.
    level : float, optional
        Of a window of traffic, what it could alarm at: what the next look goes by.
    """
    place = do.keep("evaluation", evaluation.id, {"evaluation": records.to_json(evaluation), "answers": list(answers)})
    place = attrs.evolve(place, files=[*place.files, *beside])
    data = None if evaluation.data is None else f"dataset:{evaluation.data}"
    said: Doc = {"data": data, "scope": evaluation.scope, "verdict": evaluation.verdict}
    asked = [records.from_json(found) for one in answers if one["criterion"] for found in one["results"]]
    said["criteria"] = records.worst(asked) if asked else None  # what was asked by hand is in the verdict too
    said["overlap"] = bool(evaluation.overlap)
    if data is None:
        said["findings"] = len(evaluation.findings)
    if evaluation.since is not None:
        said |= {field: getattr(evaluation, field) for field in ("since", "until", "revision")}
    if level is not None:
        said["level"] = level
    found_by = [one for one in (data, *keys) if one not in (None, evaluation.subject)]
    fact = FactAdd(
        of="evaluation", id=evaluation.id, subject=evaluation.subject, about=found_by, needs=[place.object], says=said
    )
    return place, fact
