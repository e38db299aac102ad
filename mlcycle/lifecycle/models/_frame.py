"""Versions of models as one table: what they are, where they stand, how they were judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.lifecycle._stored_evaluations import evaluation_facts, evaluation_record
from mlcycle.lifecycle.blobs import readable
from mlcycle.lifecycle.models._record import model_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from mlcycle.lifecycle._session import Session
    from mlcycle.state import Version, View

__all__ = ["models_frame"]

Doc = dict[str, Any]
_STAMP = ("author", "at", "message")  # last in a row, behind what was measured


def models_frame(session: Session, view: View, names: Iterable[str]) -> pd.DataFrame:
    """Return a table as `Models.frame` documents."""
    import pandas as pd

    standing = [one for name in names for one in view.versions.standing("model", name)]
    rows = readable(lambda version: _row(session, view, version), standing)
    found = dict.fromkeys(column for row in rows for column in row)
    frame = pd.DataFrame(rows, columns=[*(one for one in found if one not in _STAMP), *_STAMP])
    frame["at"] = pd.to_datetime(frame["at"])
    return frame


def _row(session: Session, view: View, version: Version) -> Doc:
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
        **{field: getattr(made, field) for field in _STAMP},
    }
