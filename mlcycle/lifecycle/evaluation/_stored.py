"""Evaluations and decisions as they are stored: a fact of the log, and a document that says it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from mlcycle import records
from mlcycle.state import Change, FactAdd, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Fact, View

__all__ = [
    "decision_changes",
    "decision_record",
    "evaluation_document",
    "evaluation_record",
    "evaluations_of",
    "store_evaluation",
    "window_changes",
]

Doc = dict[str, Any]


def evaluations_of(view: View, subject: str, data: str | None = None) -> Iterator[Fact]:
    """Yield the evaluations of a version, or only those on some data (full refs), newest first."""
    found = view.facts.of("evaluation", subject, data, newest_first=True)
    return (fact for fact in found if fact.subject == subject)


def evaluation_document(blobs: Blobs, fact: Fact) -> Doc:
    """Return the stored document of an evaluation."""
    found: Doc = blobs.document(fact.needs[0], "evaluation", f"evaluation {fact.id}")
    return found


def evaluation_record(blobs: Blobs, fact: Fact) -> records.Evaluation:
    """Return the record of a stored evaluation."""
    record: records.Evaluation = records.from_json(evaluation_document(blobs, fact)["evaluation"])
    return attrs.evolve(record, **fact.stamp.facts())


def store_evaluation(blobs: Blobs, evaluation: records.Evaluation, answers: Sequence[Doc] = ()) -> Doc:
    """Store the document of an evaluation, with what answered which criterion; return its file."""
    document = {"evaluation": records.to_json(evaluation), "answers": list(answers)}
    file: Doc = blobs.depot.store_document(f"files/{evaluation.id}", "evaluation", document)
    return file


def window_changes(evaluation: records.Evaluation, file: Doc) -> list[Change]:
    """Return the changes that keep the evaluation of a window of traffic."""
    stored_object = f"evaluation:{evaluation.id}"
    said = {
        "data": None,
        "scope": evaluation.scope,
        "verdict": evaluation.verdict,
        "since": evaluation.since,
        "until": evaluation.until,
        "revision": evaluation.revision,
        "findings": len(evaluation.findings),
    }
    fact = FactAdd(of="evaluation", id=evaluation.id, subject=evaluation.subject, needs=[stored_object], says=said)
    return [Place(object=stored_object, files=[file]), fact]


def decision_changes(decision: records.Decision, file: Doc) -> list[Change]:
    """Return the changes that keep a decision."""
    stored_object = f"decision:{decision.id}"
    override = decision.override
    said = {
        "action": decision.action,
        "allowed": decision.allowed,
        "now": decision.now,
        "evaluations": [f"evaluation:{one}" for one in decision.evaluations],
        "override": None if override is None else {"author": override.author, "until": override.until},
    }
    fact = FactAdd(of="decision", id=decision.id, subject=decision.subject, needs=[stored_object], says=said)
    return [Place(object=stored_object, files=[file]), fact]


def decision_record(blobs: Blobs, fact: Fact) -> records.Decision:
    """Return the record of a stored decision."""
    document = blobs.document(fact.needs[0], "decision", f"decision {fact.id}")
    record: records.Decision = records.from_json(document)
    return attrs.evolve(record, **fact.stamp.facts())
