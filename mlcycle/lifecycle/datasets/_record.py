"""What is stored of a version, as a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records
from mlcycle._ids import bare
from mlcycle.lifecycle.datasets import tables

if TYPE_CHECKING:
    from mlcycle.lifecycle._operation import OperationResult
    from mlcycle.lifecycle._session import Session
    from mlcycle.state import Version, View

__all__ = ["dataset_record", "made_records"]


def made_records(session: Session, done: OperationResult) -> list[records.DatasetVersion]:
    """Return what was added, or what was there already."""
    versions = done.value if done.entry is None else done.versions("dataset")
    return [dataset_record(session, done.view, version) for version in versions]


def dataset_record(session: Session, view: View, version: Version) -> records.DatasetVersion:
    """Return the record of a stored version, at home in the session that looks at it."""
    blobs = session.blobs
    layout = tables.layout_of(version)
    made = records.DatasetVersion(
        name=version.name,
        number=version.number,
        id=version.id or "",
        kind=layout,
        content=version["content"],
        presentation=version["presentation"],
        rows=version["rows"],
        columns=tables.read_columns(blobs, view, version),
        roles=records.from_json(version["roles"], "Roles"),
        part=None if (part := version.says.get("part")) is None else records.from_json(part, "Part"),
        parents=tuple(map(bare, version.made_from)),
        notes=version.says.get("notes", ()),
        **version.stamp.facts(),
    )
    return records.at_home(made, session.home)
