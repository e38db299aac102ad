"""What a model was trained on, and how much of the data it is judged on it has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlcycle import provenance
from mlcycle.lifecycle.datasets import tables
from mlcycle.state import Version, resolve

if TYPE_CHECKING:
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import View

__all__ = ["leaks", "overlaps", "shared_rows"]


def overlaps(blobs: Blobs, view: View, model: Version, judged_on: Version) -> dict[str, int]:
    """Return the training data that shares rows with the data judged on, and how many rows."""
    found: dict[str, int] = {}
    for ref in model.made_from:
        trained_on = resolve(view, ref, "dataset", dropped=True)
        shared = shared_rows(blobs, view, trained_on, judged_on)
        if leaks(shared):
            found[trained_on.shown] = shared.rows
    return found


def leaks(shared: provenance.Overlap) -> bool:
    """Return whether more rows are shared than chance would have it."""
    # rows of few distinct values repeat by chance; four standard deviations above chance is a leak
    return bool(shared.rows > shared.expected + 4 * shared.expected**0.5)


def shared_rows(blobs: Blobs, view: View, train: Version, test: Version) -> provenance.Overlap:
    """Return how many rows of one version are in another, by the surest way there is."""
    train_root, train_mask = tables.membership(blobs, view, train)
    test_root, test_mask = tables.membership(blobs, view, test)
    if train_root["content"] == test_root["content"]:
        every = np.ones(test_root["rows"], dtype=bool)
        masks = (every if mask is None else mask for mask in (train_mask, test_mask))
        return provenance.overlap_by_membership(*masks)
    key = test["roles"].get("key")
    if key is not None and key == train["roles"].get("key"):
        return provenance.overlap_by_key(*(tables.read_frame(blobs, view, one, [key])[key] for one in (train, test)))
    return provenance.overlap_by_content(*(tables.read_frame(blobs, view, one) for one in (train, test)))
