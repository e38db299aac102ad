"""Reading a version as features and target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.errors import InvalidInput
from mlcycle.lifecycle.datasets import tables
from mlcycle.state import resolve

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    import pandas as pd

    from mlcycle import records
    from mlcycle.lifecycle._session import Session

__all__ = ["xy"]


def xy(
    session: Session, version: records.DatasetVersion, *, columns: Iterable[Hashable] | None = None
) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Read as `DatasetVersion.xy` documents."""
    view = session.view()
    found = resolve(view, version, "dataset")
    roles = found["roles"]
    asked = None
    if columns is not None:
        asked = tables.column_list(columns)
        if with_role := [one for one in asked if one in roles.values()]:
            raise InvalidInput(
                f"{with_role[0]!r} is not a feature of {found.shown}: it has a role; columns= names features, and the "
                "target comes beside them"
            )
        asked += [one for one in (roles.get("target"),) if one is not None]
    return tables.features_and_target(tables.read_frame(session.blobs, view, found, asked), roles, found.shown)
