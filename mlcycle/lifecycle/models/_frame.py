"""A version of a model as a row of a table: what it is, where it stands, how it was judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.lifecycle._evaluations import evaluation_facts, evaluation_record
from mlcycle.lifecycle.models._record import model_record

if TYPE_CHECKING:
    from mlcycle.lifecycle._session import Session
    from mlcycle.state import Version, View

__all__ = ["row_of"]

Doc = dict[str, Any]


def row_of(session: Session, view: View, version: Version) -> Doc:
    """Return what is worth reading of a version beside others: its aliases, and what was found of it last."""
    made = model_record(session, version)
    pointers = view.pointers
    standing = [
        one
        for one in pointers.names("model", version.name)
        if pointers.at("model", version.name, one) == version.number
    ]
    fact = next(evaluation_facts(view, f"model:{made.ref}"), None)
    judged = None if fact is None else evaluation_record(session.blobs, fact)
    measured = {} if judged is None else {one.check: one.value for one in judged.results if not one.slice}
    return {
        "version": made.ref,
        "aliases": ", ".join(standing),
        "class_name": made.class_name,
        "run": made.run,
        "data": ", ".join(made.data),
        "verdict": judged and judged.verdict,
        "judged_on": judged and judged.data,
        **{name: value for name, value in measured.items() if value is not None},
        **{field: getattr(made, field) for field in ("author", "at", "message")},
    }
