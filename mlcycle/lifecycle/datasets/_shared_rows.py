"""How many rows of some data are among others: as parts of one table, by their key, or by content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlcycle import provenance
from mlcycle.lifecycle.datasets import tables

if TYPE_CHECKING:
    import pandas as pd

    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Version, View

__all__ = ["leaks", "shared_rows"]


def leaks(shared: provenance.Overlap) -> bool:
    """Return whether more rows are shared than chance would have it."""
    return shared.rows > shared.chance


def shared_rows(blobs: Blobs, view: View, one: Version, other: Version) -> provenance.Overlap:
    """Return how many rows of the other version are in the first: as parts of one table, by their key, or by content.

    It is asked at every evaluation and by every gate, and versions never change: each pair is compared once a process.

    The key is the one of the other version, if the first has a column of that name, whatever its role there. Tables
    without a column in common share no row by content, which proves little: see `provenance.overlap_by_content`.

    Raises
    ------
    VersionDeleted, Corrupt, SchemaError
        Where the rows of one of them cannot be read.
    """
    key = (one["content"], other["content"], other["roles"].get("key"))
    found: provenance.Overlap = blobs.checked_files.overlaps.get(key, lambda: _compared(blobs, view, one, other))
    return found


def _compared(blobs: Blobs, view: View, one: Version, other: Version) -> provenance.Overlap:
    (root, mask), (other_root, other_mask) = (_membership(blobs, view, each) for each in (one, other))
    if root["content"] == other_root["content"]:
        every = np.ones(other_root["rows"], dtype=bool)
        masks = (every if each is None else each for each in (mask, other_mask))
        return provenance.overlap_by_membership(*masks)

    def read(columns: list[str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        return tables.read_frame(blobs, view, one, columns), tables.read_frame(blobs, view, other, columns)

    key = other["roles"].get("key")
    if key is not None and key in tables.column_names(tables.header_of(blobs, view, one)):
        keys, other_keys = (frame[key] for frame in read([key]))
        if keys.notna().any():  # without any they are compared by their values
            return provenance.overlap_by_key(keys, other_keys)
    frame, other_frame = read()
    if not {*frame.columns} & {*other_frame.columns}:
        return provenance.Overlap(rows=0, of=len(other_frame), how="content")
    return provenance.overlap_by_content(frame, other_frame)


def _membership(blobs: Blobs, view: View, version: Version) -> tuple[Version, np.ndarray | None]:
    found: tuple[Version, np.ndarray | None]
    found = blobs.reading(version.shown, lambda: tables.membership(blobs, view, version))
    return found
