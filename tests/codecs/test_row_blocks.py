"""The cut into row blocks: as the page says, bounded for every key, and moved by an edit only beside it."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle import codecs
from mlcycle.codecs._row_blocks import LONGEST, REACH, cut_document
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

_PAGE = Path(__file__).parent.parent.parent / "docs" / "format.md"
_TYPES: dict[str, Any] = {"text": pa.string(), "half": pa.float64()}
_RECIPES: dict[str, Callable[[int], Any]] = {
    "i": lambda i: i,
    "square": lambda i: i * i % 1_000_003,
    "three": lambda i: i * i % 1_000_003 % 3,
    "day": lambda i: i // 1000,
    "text": lambda i: f"customer-{i}",
    "half": lambda i: i / 2,
    "gap": lambda i: i if i % 5 else None,
    "seven": lambda i: 7,
}


def _vectors() -> list[dict[str, Any]]:
    found = re.search(r"<!-- vectors: cut -->\n```json\n(.*?)```", _PAGE.read_text("utf-8"), re.DOTALL)
    assert found, "the page has no vectors of the cut"
    vectors: list[dict[str, Any]] = json.loads(found[1])
    return vectors


def _column(name: str, rows: int) -> Any:
    return pa.array(map(_RECIPES[name], range(rows)), _TYPES.get(name, pa.int64()))


# the cut, written again from the page: Python values in, rows of blocks out ------------------------------------------


def _mix(x: int) -> int:
    x = (x + 0x9E3779B97F4A7C15) % 2**64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
    return x ^ (x >> 31)


def _hash(value: Any, k0: int, k1: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    tag, payload = (
        (0, b"")
        if value is None
        else (1, struct.pack("<q", value))
        if isinstance(value, int)
        else (3, struct.pack("<d", value))
        if isinstance(value, float)
        else (4, value.encode())
    )
    h = k0
    for at in range(0, len(payload), 8):
        h = _mix(h ^ int.from_bytes(payload[at : at + 8].ljust(8, b"\0"), "little"))
    return _mix(h ^ k1 ^ len(payload) ^ (tag << 56))


def _by_the_page(key: list[list[Any]], rows: int) -> list[int]:
    salts = [hashlib.sha256(f'["cut","","{place}"]'.encode()).digest() for place in range(len(key))]
    keys = [struct.unpack("<QQ", salt[:16]) for salt in salts]
    scores, w = [], 0
    for row in range(rows):
        h = 0
        for values, (k0, k1) in zip(key, keys, strict=True):
            h ^= _hash(values[row], k0, k1)
        w = (2 * w + h) % 2**64
        scores.append(h >> 32 << 32 | w >> 32)
    # how far one may go back before a score as high, and on before a higher one
    back, on, stack = [0] * rows, [0] * rows, list[int]()
    for row in range(rows):
        while stack and scores[stack[-1]] < scores[row]:
            lower = stack.pop()
            on[lower] = row - lower - 1
        back[row] = row - stack[-1] - 1 if stack else row
        stack.append(row)
    for row in stack:
        on[row] = rows - row - 1
    begins = [0, *(row for row in range(rows) if key and back[row] >= 16384 and on[row] >= 16384), rows]
    sizes = []
    for first, last in pairwise(begins):
        size = last - first
        while size > 65536:
            sizes.append(32768)
            size -= 32768
        sizes.append(size)
    return sizes


@pytest.mark.parametrize("vector", _vectors(), ids=lambda vector: "+".join(vector["key"]) or "nothing")
def test_cut_vectors_of_the_docs(vector: dict[str, Any]) -> None:
    """The vectors of the format page hold, for the library and for the cut written from the page."""
    columns = {name: _column(name, vector["rows"]) for name in vector["key"]}
    assert vector["blocks"] == codecs.cut(columns, vector["rows"])
    assert vector["blocks"] == _by_the_page([column.to_pylist() for column in columns.values()], vector["rows"])
    if "content" in vector:
        encoded = codecs.encode(pa.table(columns), key=vector["key"])
        assert [vector["blocks"], vector["content"]] == [encoded.header["blocks"], encoded.content]


# what a key may be ---------------------------------------------------------------------------------------------------

_RANDOM = np.random.default_rng(0)
_ROWS = 400_000
_KEYS: dict[str, Any] = {
    "random": _RANDOM.integers(0, 2**62, _ROWS),
    "counted": np.arange(_ROWS),
    "constant": np.zeros(_ROWS, dtype=np.int8),
    "nearly constant": np.arange(_ROWS) % 50_021 == 0,
    "two values": _RANDOM.random(_ROWS) < 0.5,
    "sorted, few": np.sort(_RANDOM.integers(0, 5, _ROWS)),
    "sorted days": np.arange(_ROWS) // 700,
    "hours": np.arange(_ROWS) % 24,
    "missing": np.full(_ROWS, np.nan),
}


@pytest.mark.parametrize("name", _KEYS)
def test_blocks_are_bounded_whatever_the_key(name: str) -> None:
    """No block is longer than the longest, none shorter than the reach, and together they are all rows."""
    sizes = codecs.cut({"key": pa.array(_KEYS[name])}, _ROWS)
    assert sum(sizes) == _ROWS
    assert REACH <= min(sizes) <= max(sizes) <= LONGEST


@pytest.mark.parametrize("name", ["random", "counted", "two values", "sorted days"])
def test_a_key_that_tells_rows_apart_makes_blocks_of_the_size_wanted(name: str) -> None:
    """Blocks have about 32 768 rows, not by counting, also where few values repeat in no order."""
    sizes = codecs.cut({"key": pa.array(_KEYS[name])}, _ROWS)
    assert 9 <= len(sizes) <= 16
    assert len(set(sizes)) > 0.8 * len(sizes)


@pytest.mark.parametrize("rows", [0, 1, REACH, 2 * REACH])
def test_a_small_table_is_one_block(rows: int) -> None:
    """Up to 32 768 rows there is nothing to cut, and the cut says so whatever the key."""
    assert [rows] == codecs.cut({"key": pa.array(np.arange(rows))}, rows)
    assert {"kind": "whole"} == cut_document(["key"], rows) == cut_document(None, 10**6)


def test_small_equal_tables_are_equal_content() -> None:
    """Below the minimum the key is no part of the content."""
    frame = pd.DataFrame({"a": [1, 2]})
    assert codecs.encode(frame).content == codecs.encode(frame, key=["a"]).content


def test_how_a_key_is_held_does_not_matter() -> None:
    """Types of equal numbers, chunks, slices and dictionaries cut alike."""
    values = _KEYS["counted"][: 3 * 10**5]
    plain = pa.array(values)
    others = [
        pa.array(values.astype(np.float64)),
        pa.chunked_array([plain[:7], plain[7:200_001], plain[200_001:]]),
        pa.chunked_array([pa.concat_arrays([plain[:9], plain])])[9:],
        plain.dictionary_encode(),
        pa.array(values, mask=np.zeros(len(values), dtype=bool)),
    ]
    expected = codecs.cut({"key": plain}, len(values))
    assert [expected] * len(others) == [codecs.cut({"key": other}, len(values)) for other in others]


def test_only_the_key_cuts() -> None:
    """A new column, and new values beside the key, move no block."""
    frame = pd.DataFrame({"id": _KEYS["counted"], "x": 1.5})
    one = codecs.encode(frame, key=["id"])
    two = codecs.encode(frame.assign(x=2.5, y=_KEYS["random"]), key=["id"])
    assert one.header["blocks"] == two.header["blocks"]
    assert [block[0] for block in one.blocks] == [block[0] for block in two.blocks]
    assert one.header["cut"] == {"kind": "tops", "key": ["id"], "reach": 16384, "longest": 65536}


def test_two_columns_of_equal_values_are_a_key() -> None:
    """Columns of a key never cancel one another out."""
    column = pa.array(_KEYS["counted"])
    sizes = codecs.cut({"a": column, "b": column}, _ROWS)
    assert len(set(sizes)) > 8
    assert sizes != codecs.cut({"a": column}, _ROWS)


@pytest.mark.parametrize(
    "column", [pa.array([[1]] * 3), pa.array([{"a": 1}] * 3), pa.array([1.5] * 3).cast(pa.decimal128(5, 2))], ids=str
)
def test_a_key_that_cannot_be_hashed_is_refused(column: Any) -> None:
    """The message names the column of the key."""
    with pytest.raises(InvalidInput, match="the key column 'k' cannot be cut by"):
        codecs.cut({"k": column}, 3)


def test_a_key_that_is_not_there_is_refused() -> None:
    """A table is cut by its own columns, each with a value for each row."""
    with pytest.raises(InvalidInput, match="the table has no column 'b' to be cut by; it has a"):
        codecs.encode(pa.table({"a": np.arange(40_000)}), key=["b"])
    with pytest.raises(InvalidInput, match="'k' has 2 rows and the table 3"):
        codecs.cut({"k": pa.array([1, 2])}, 3)


# what an edit moves --------------------------------------------------------------------------------------------------


def _blocks_of(values: Any) -> set[bytes]:
    """Return what each block holds."""
    edges = accumulate(codecs.cut({"key": pa.array(values)}, len(values)), initial=0)
    return {values[start:stop].tobytes() for start, stop in pairwise(edges)}


@given(at=st.integers(0, _ROWS), out=st.sampled_from([0, 1, 50, 5000, 100_000]), new=st.sampled_from([0, 1, 50, 5000]))
@settings(max_examples=40, deadline=None)
def test_an_edit_moves_only_what_lies_beside_it(at: int, out: int, new: int) -> None:
    """Rows taken out and put in, anywhere and any number: cuts further away than the reach stay at their rows."""
    before = _KEYS["random"]
    after = np.concatenate([before[:at], np.arange(2**62, 2**62 + new), before[at + out :]])
    old = set(accumulate(codecs.cut({"key": pa.array(before)}, len(before))))
    now = set(accumulate(codecs.cut({"key": pa.array(after)}, len(after))))
    shift = len(after) - len(before)
    # a cut by counting goes by the top before it, which lies at most one longest block further back
    left, right = at - REACH, at + out + REACH + LONGEST + REACH
    assert {cut for cut in old if cut < left} == {cut for cut in now if cut < left}
    assert {cut + shift for cut in old if cut > right} == {cut for cut in now if cut > right + shift}


@pytest.mark.parametrize("name", ["random", "two values", "sorted days"])
def test_tables_that_share_rows_share_blocks(name: str) -> None:
    """A window that moves on, and a month put before another, have the blocks of the rows they share."""
    values = _KEYS[name]
    whole = _blocks_of(values)
    assert len(whole - _blocks_of(values[20_000:])) <= 3
    assert len(whole - _blocks_of(np.concatenate([values[:70_000][::-1], values]))) <= 2
    assert len(whole - _blocks_of(np.concatenate([values, values[:70_000]]))) <= 2


@pytest.mark.parametrize("name", _KEYS)
def test_an_append_changes_only_the_end(name: str) -> None:
    """Whatever the key, rows that come after move no cut but in the last two blocks."""
    values = _KEYS[name]
    before = codecs.cut({"key": pa.array(values[:-9000])}, len(values) - 9000)
    after = codecs.cut({"key": pa.array(values)}, len(values))
    assert before[:-2] == after[: len(before) - 2]
