"""What is stored of a version, as a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records
from mlcycle._ids import bare
from mlcycle.lifecycle.datasets import tables

if TYPE_CHECKING:
    from mlcycle.lifecycle._operation import Done
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Version, View

__all__ = ["dataset_record", "made_records"]


def made_records(blobs: Blobs, done: Done) -> list[records.DatasetVersion]:
    """Return what was added, or what was there already."""
    versions = done.value if done.entry is None else done.versions("dataset")
    return [dataset_record(blobs, done.view, version) for version in versions]


def dataset_record(blobs: Blobs, view: View, version: Version) -> records.DatasetVersion:
    """Return the record of a stored version."""
    layout = tables.layout_of(version)
    profile = tables.profile_of(blobs, version)
    return records.DatasetVersion(
        name=version.name,
        number=version.number,
        id=version.id or "",
        kind=layout,
        content=version["content"],
        presentation=version["presentation"],
        rows=version["rows"],
        columns=tables.columns_of(blobs, view, version, profile),
        roles=records.from_json(version["roles"], "Roles"),
        parents=tuple(map(bare, version.made_from)),
        profile=profile,
        **version.stamp.facts(),
    )
