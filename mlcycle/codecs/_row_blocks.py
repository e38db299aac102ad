"""Where a table is cut into row blocks: beside rows that their key makes stand out, wherever else rows come and go.

A *format*: the content of every large table is named by its blocks, so what is here never changes. ``docs/format.md``
says the same, and a test compares this module with an implementation written from that text alone.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlcycle._digest import hash64, salt_of
from mlcycle.codecs._canonical import plain
from mlcycle.codecs._column_errors import naming_column
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["cut", "cut_document"]

# Tops of 2 * 16 384 + 1 rows lie 32 769 rows apart on average: a block of a float column is then 256 KiB, small enough
# that a deleted row costs little, large enough that encoding, a digest and a line of the manifest cost little each.
REACH = 1 << 14
# The longest block bounds what a reader holds. Of random keys one gap in fifty is longer; a smaller bound would cut
# many more gaps by counting, where a row that comes or goes moves the cut.
LONGEST = 1 << 16
# Rows hashed at a time: what numpy makes on the way stays in the cache of a core, which halves the time.
_STEP = 1 << 15
_UPPER = np.uint64(0xFFFFFFFF00000000)

U64 = NDArray[np.uint64]


def cut_document(key: Sequence[str] | None, rows: int) -> dict[str, Any]:
    """Return how a table is cut, as it stands in the manifest and is hashed into the content.

    Parameters
    ----------
    key : sequence of str or None
        The names of the columns whose values place the cuts; none of them counts rows alone. None is one block.
    rows : int
        How many the table has. Up to 32 768 it is one block, whatever the key: equal small tables are equal content.

    Examples
    --------
    >>> cut_document(["customer_id"], 100_000)
    {'kind': 'tops', 'key': ['customer_id'], 'reach': 16384, 'longest': 65536}
    >>> cut_document(["customer_id"], 32_768)
    {'kind': 'whole'}
    """
    if key is None or rows <= 2 * REACH:
        return {"kind": "whole"}
    return {"kind": "tops", "key": list(key), "reach": REACH, "longest": LONGEST}


def cut(columns: Mapping[str, Any], rows: int) -> list[int]:
    """Return the rows of each block of a table that is cut by a key.

    A block begins at each *top*: a row whose score is above those of 16 384 rows before and not below those of 16 384
    rows after. So a row that comes, goes or changes moves cuts at most 16 384 rows away, and two tables that share a
    stretch of rows share the blocks within. What is longer than 65 536 rows without a top is cut every 32 768.

    Parameters
    ----------
    columns : mapping of str to pyarrow.Array or pyarrow.ChunkedArray
        The columns of the key, in the order of the key. Without any, rows are counted.
    rows : int
        How many rows there are.

    Returns
    -------
    list of int
        Each at least 16 384, unless there is only one, and at most 65 536.

    Raises
    ------
    InvalidInput
        A key column that the published hash does not take: fractions as decimals, lists, structs, maps.

    Examples
    --------
    >>> cut({"id": pa.array(range(100_000))}, 100_000)
    [30887, 29035, 40078]
    """
    edges = [0, *(_tops(_scores(_hashes(columns, rows))) if columns else []), rows]
    starts = [begin for start, stop in pairwise(edges) for begin in _counted(start, stop)]
    return [stop - start for start, stop in pairwise([*starts, rows])]


def _counted(start: int, stop: int) -> list[int]:
    """Return where blocks begin in a stretch without a top: at its first row, and by counting if it is too long."""
    begins = [start]
    while stop - begins[-1] > LONGEST:
        begins.append(begins[-1] + 2 * REACH)
    return begins


def _hashes(columns: Mapping[str, Any], rows: int) -> U64:
    """Return one hash a row: those of its key values, each with the salt of its place, joined by exclusive or."""
    for name, column in columns.items():
        if len(column) != rows:
            raise InvalidInput(f"the key column {name!r} has {len(column)} rows and the table {rows}")
    made = np.zeros(rows, dtype=np.uint64)
    salts = [salt_of("cut", "", str(place)) for place in range(len(columns))]

    def hash_step(start: int) -> None:
        part = made[start : start + _STEP]
        for (name, column), salt in zip(columns.items(), salts, strict=True):
            with naming_column(f"the key column {name!r}", "cut by"):
                part ^= hash64(_decoded(column.slice(start, _STEP)), salt)

    threads = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(hash_step, range(0, rows, _STEP)))
    return made


def _decoded(column: Any) -> Any:
    """Return a slice without a large dictionary, all values of which would be hashed again for every slice."""
    kind = column.type
    if not (pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind)):
        return column
    chunks = getattr(column, "chunks", [column])
    if pa.types.is_dictionary(kind) and all(len(chunk.dictionary) <= len(chunk) for chunk in chunks):
        return column
    return pa.chunked_array([plain(chunk) for chunk in chunks])


def _scores(hashes: U64) -> U64:
    """Return what rows are compared by: their hash, and where hashes are equal, the rows before.

    The lower half is taken from ``w = 2 * w + hash`` over the rows so far, which forgets a row after 64 others. So a
    key of few values has tops too, and one of many values depends on no row but its own.
    """
    scores = np.empty_like(hashes)
    for start in range(0, len(hashes), _STEP):
        before = min(start, 63)
        window = hashes[start - before : start + _STEP].copy()
        for back in (1, 2, 4, 8, 16, 32):  # w over twice as many rows each time
            window[back:] += window[:-back] << np.uint64(back)
        window >>= np.uint64(32)
        np.bitwise_and(hashes[start : start + _STEP], _UPPER, out=scores[start : start + _STEP])
        scores[start : start + _STEP] |= window[before:]
    return scores


def _tops(scores: U64) -> list[int]:
    """Return the rows above all within reach before them, and not below any within reach after; both sides whole."""
    found = []
    for start in range(0, len(scores), REACH):  # of rows all within reach of one another, only the first highest can be
        row = start + int(scores[start : start + REACH].argmax())
        if not REACH <= row < len(scores) - REACH:
            continue
        before, after = scores[row - REACH : row], scores[row + 1 : row + REACH + 1]
        if before.max() < scores[row] and after.max() <= scores[row]:
            found.append(row)
    return found
