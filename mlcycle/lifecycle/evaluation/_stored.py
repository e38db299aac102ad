"""Evaluations and decisions as they are stored: a fact of the log, and a document that says it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from mlcycle import records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Fact, View

__all__ = ["decision_record", "evaluation_document", "evaluation_record", "evaluations_of"]

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


def decision_record(blobs: Blobs, fact: Fact) -> records.Decision:
    """Return the record of a stored decision."""
    document = blobs.document(fact.needs[0], "decision", f"decision {fact.id}")
    record: records.Decision = records.from_json(document)
    return attrs.evolve(record, subject=fact.subject, **fact.stamp.facts())
