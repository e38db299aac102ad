"""Selections: a part of a table as one truth value for each row of its parent; no data is copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from attrs import field, frozen
from numpy.typing import NDArray

from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle.codecs._canonical import FORM, block_digest
from mlcycle.codecs._manifests import VERSION, write_leaf
from mlcycle.errors import Corrupt, InvalidInput

if TYPE_CHECKING:
    from mlcycle.codecs._block_store import BlockStore
    from mlcycle.codecs._manifests import Manifest

__all__ = ["EncodedSelection", "encode_selection", "read_selection", "write_selection"]


@frozen(eq=False)
class EncodedSelection:
    """A selection with its name, before anything is written.

    Attributes
    ----------
    mask : numpy.ndarray of bool
        Membership, one value for each row of the parent.
    content : str
        Digest of the parent's content and the membership.
    header : dict
        The manifest's header.
    """

    mask: NDArray[np.bool_] = field(repr=False)
    content: str
    header: dict[str, Any] = field(repr=False)


def encode_selection(parent: str, mask: Any, how: dict[str, Any]) -> EncodedSelection:
    """Name a selection by its content; nothing is written.

    Parameters
    ----------
    parent : str
        The content digest of what is selected from, a table or a selection.
    mask : array of bool
        One value for each row of the parent.
    how : dict
        Plain JSON: how the rows were chosen, for people; not part of the content.

    Raises
    ------
    InvalidInput
        A mask that is not of truth values, or selects nothing.

    Examples
    --------
    >>> encode_selection("sha256:00", [True, False, True], {}).header["selected"]
    2
    """
    array = np.asarray(mask)
    if array.ndim != 1 or array.dtype != np.bool_:
        raise InvalidInput(f"a selection needs one truth value for each row, got {array.dtype} of shape {array.shape}")
    if not array.any():
        raise InvalidInput(f"a selection of none of {len(array)} rows is not a dataset; choose at least one")
    named = {"parent": parent, "members": block_digest(pa.array(array))}
    content = sha256_bytes(canonical_json({"kind": "selection", "form": FORM, **named}))
    header = {
        "v": VERSION,
        "needs_read": [],
        "layout": "selection",
        "content": content,
        "rows": len(array),
        **named,
        "selected": int(array.sum()),
        "how": how,
    }
    return EncodedSelection(array, content, header)


def write_selection(encoded: EncodedSelection, blocks: BlockStore, nulls: dict[str, int]) -> dict[str, Any]:
    """Store a selection; return the description of its manifest.

    Parameters
    ----------
    encoded : EncodedSelection
    blocks : BlockStore
    nulls : dict
        How many of its rows have no value, by the field of a column.

    Raises
    ------
    StorageUnavailable
        The disk is full or fails.
    """
    return write_leaf(blocks, {**encoded.header, "nulls": nulls}, pa.table({"member": encoded.mask}))


def read_selection(manifest: Manifest) -> NDArray[np.bool_]:
    """Return the membership a manifest of layout selection holds.

    Raises
    ------
    InvalidInput
        A manifest of another layout.
    Corrupt
        Not one value for each row of the parent, or not the values its header names.
    """
    if manifest.layout != "selection":
        raise InvalidInput(f"this manifest has layout {manifest.layout!r}, not 'selection'; load it as a table")
    members = manifest.table["member"]
    if (
        members.null_count
        or [len(members), pa.compute.sum(members, min_count=0).as_py()]
        != [manifest.header["rows"], manifest.header["selected"]]
        or block_digest(members) != manifest.header["members"]
    ):
        raise Corrupt("the membership of a selection is not what its header says; project.store.verify() tells more")
    mask: NDArray[np.bool_] = members.to_numpy()
    return mask
