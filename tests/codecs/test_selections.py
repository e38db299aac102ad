"""Selections: parts of a table that copy nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle import codecs
from mlcycle.errors import Corrupt, InvalidInput

if TYPE_CHECKING:
    from tests.codecs.conftest import FolderBlocks

PARENT = "sha256:" + "0" * 64


def _stored(blocks: FolderBlocks, mask: Any, how: dict[str, Any] | None = None) -> codecs.Manifest:
    described = codecs.write_selection(codecs.encode_selection(PARENT, mask, how or {}), blocks, {})
    assert described["kind"] == "manifest"
    return codecs.read_manifest(blocks.open(described["key"]))


@given(st.lists(st.booleans(), min_size=1, max_size=50).filter(any))
@settings(max_examples=40, deadline=None)
def test_a_membership_comes_back(blocks: FolderBlocks, mask: list[bool]) -> None:
    """The mask read is the mask written, with counts in the header."""
    manifest = _stored(blocks, np.array(mask))
    assert mask == codecs.read_selection(manifest).tolist()
    assert ["selection", len(mask), sum(mask)] == [
        manifest.layout,
        manifest.header["rows"],
        manifest.header["selected"],
    ]


def test_a_selection_loads_rows_of_its_parent(blocks: FolderBlocks) -> None:
    """With the parent's manifest and the mask, the part is what pandas would select."""
    frame = pd.DataFrame({"a": range(100), "b": [f"t{i}" for i in range(100)]}, index=pd.RangeIndex(100, 200))
    parent = blocks.store(frame)
    mask = np.arange(100) % 3 == 1
    part = codecs.load(parent, blocks, rows=codecs.read_selection(_stored(blocks, mask)))
    pd.testing.assert_frame_equal(frame[mask], part)


def test_content_is_parent_and_membership() -> None:
    """How the rows were chosen is for people; whose rows they are and which is the content."""
    mask = np.array([True, False, True])
    content = codecs.encode_selection(PARENT, mask, {"method": "random", "seed": 1}).content
    assert content == codecs.encode_selection(PARENT, mask.tolist(), {}).content
    assert content != codecs.encode_selection("sha256:" + "1" * 64, mask, {}).content
    assert content != codecs.encode_selection(PARENT, ~mask, {}).content
    assert content != codecs.encode_selection(PARENT, [True, False, True, False], {}).content


def test_how_is_kept_in_the_header(blocks: FolderBlocks) -> None:
    """The manifest is Parquet with one column of truth and the JSON of how it came about."""
    how = {"method": "key", "by": "customer", "share": 0.25}
    described = codecs.write_selection(codecs.encode_selection(PARENT, [True, False], how), blocks, {})
    file = pq.ParquetFile(blocks.open(described["key"]))
    assert file.schema_arrow.names == ["member"]
    assert how == json.loads(file.metadata.metadata[b"mlcycle"])["how"]


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        ([0, 1], "int64"),
        ([[True]], r"shape \(1, 1\)"),
        ([], "truth value"),
        ([False, False], "none of 2 rows"),
        (pd.array([True, None]), "object"),
    ],
)
def test_what_selects_nothing_is_refused(mask: Any, says: str) -> None:
    """A mask is of truth values, and at least one is true."""
    with pytest.raises(InvalidInput, match=says):
        codecs.encode_selection(PARENT, mask, {})


def test_a_table_is_no_selection(blocks: FolderBlocks) -> None:
    """Manifests of one layout are not read as another."""
    with pytest.raises(InvalidInput, match="layout 'blocks'"):
        codecs.read_selection(blocks.store(pd.DataFrame({"a": [1]})))
    with pytest.raises(InvalidInput, match="layout 'selection'"):
        codecs.load(_stored(blocks, [True]), blocks)
    with pytest.raises(InvalidInput, match="layout 'selection'"):
        codecs.verify(_stored(blocks, [True]), blocks)


@pytest.mark.parametrize("members", [[True, True, True], [True, False], [True, None, True], [1, 1, 0]], ids=repr)
def test_another_membership_under_the_header_is_corrupt(members: list[bool | None], blocks: FolderBlocks) -> None:
    """The membership is compared with the digest in the header."""
    path = blocks.open(
        codecs.write_selection(codecs.encode_selection(PARENT, [True, False, True], {}), blocks, {})["key"]
    )
    header = pq.ParquetFile(path).metadata.metadata[b"mlcycle"]
    table = pa.table({"member": members})
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"mlcycle": header})
    with pytest.raises(Corrupt, match="membership"):
        codecs.read_selection(codecs.read_manifest(path))
