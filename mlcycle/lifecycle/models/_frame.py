"""Versions of models as one table: what they are, where they stand, how they were judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.lifecycle._evaluations import evaluation_facts, evaluation_record
from mlcycle.lifecycle.blobs import readable
from mlcycle.lifecycle.models._record import model_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from mlcycle import records
    from mlcycle.lifecycle._session import Session
    from mlcycle.state import View

__all__ = ["models_frame"]

Doc = dict[str, Any]
_FIRST = ("version", "aliases", "class_name", "run", "data", "verdict", "judged_on")
_LAST = ("author", "at", "message")


def models_frame(session: Session, names: Sequence[str]) -> pd.DataFrame:
    """Return a table as `Models.frame` documents."""
    import pandas as pd

    view = session.view()
    versions = [one for name in names for one in view.versions.standing("model", name)]
    rows = readable(lambda one: _row(session, view, model_record(session, one)), versions)
    measured = dict.fromkeys(column for row in rows for column in row if column not in (*_FIRST, *_LAST))
    frame = pd.DataFrame(rows, columns=[*_FIRST, *measured, *_LAST])
    frame["at"] = pd.to_datetime(frame["at"])
    return frame


def _row(session: Session, view: View, version: records.ModelVersion) -> Doc:
    pointers = view.pointers
    standing = [
        one
        for one in pointers.names("model", version.name)
        if pointers.at("model", version.name, one) == version.number
    ]
    fact = next(evaluation_facts(view, f"model:{version.ref}"), None)
    judged = None if fact is None else evaluation_record(session.blobs, fact)
    measured = {} if judged is None else {one.check: one.value for one in judged.results if not one.slice}
    return {
        "version": version.ref,
        "aliases": ", ".join(standing),
        "class_name": version.class_name,
        "run": version.run,
        "data": ", ".join(version.data),
        "verdict": judged and judged.verdict,
        "judged_on": judged and judged.data,
        **{name: value for name, value in measured.items() if value is not None},
        **{field: getattr(version, field) for field in _LAST},
    }
