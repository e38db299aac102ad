"""Columns to Parquet files and back: encodings where a sample says they pay, two threads, row groups.

How a file is encoded is no part of any identity; only field, row group and values are looked at again.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlcycle.codecs._blocks import Piece
from mlcycle.codecs._canonical import plain
from mlcycle.codecs._types import arrow_type
from mlcycle.errors import Corrupt, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlcycle.codecs._blocks import Blocks, Place

__all__ = ["ROW_GROUP", "opened", "read_columns", "write_columns"]

ROW_GROUP = 1 << 18
_TWO_FILES = 1 << 25
_SAMPLE = 1 << 13


# writing -------------------------------------------------------------------------------------------------------------


def write_columns(table: Any, blocks: Blocks) -> tuple[list[dict[str, Any]], dict[str, Place]]:
    """Write a table to one or two new files; return their descriptions, and where each column lies.

    Two files, by row ranges and in two threads, from 32 MiB on.
    """
    table = pa.table({name: _storable(column) for name, column in zip(table.column_names, table.columns, strict=True)})
    groups = max(1, -(-table.num_rows // ROW_GROUP))
    count = 2 if table.nbytes >= _TWO_FILES and groups > 1 else 1
    edges = [min(table.num_rows, ROW_GROUP * (groups * i // count)) for i in range(count)] + [table.num_rows]
    files = [blocks.new("table") for _ in range(count)]
    options = _options(table)
    parts = [table.slice(start, stop - start) for start, stop in zip(edges, edges[1:], strict=False)]
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda part, file: _write(part, file.path, options), parts, files))
    pieces = [
        (edges[i] + start, min(ROW_GROUP, len(part) - start), file.key, start // ROW_GROUP)
        for i, (part, file) in enumerate(zip(parts, files, strict=True))
        for start in range(0, max(1, len(part)), ROW_GROUP)
    ]
    places = {name: tuple(Piece(*p[:4], 0, name) for p in pieces) for name in table.column_names}
    return [file.done() for file in files], places


def _write(table: Any, path: Path, options: dict[str, Any]) -> None:
    try:
        with pq.ParquetWriter(path, table.schema, **options) as writer:
            if not table.num_rows:
                writer.write_batch(pa.RecordBatch.from_pylist([], schema=table.schema))
            writer.write_table(table, row_group_size=ROW_GROUP)
    except OSError as error:
        raise StorageUnavailable(f"the table could not be written to {path}: {error}; nothing was committed") from error


def _storable(column: Any) -> Any:
    """Bring a column to a type Parquet keeps; `read_columns` casts it back to its logical type."""
    kind = column.type
    if pa.types.is_dictionary(kind) and pa.types.is_struct(kind.value_type):
        return pa.chunked_array([plain(chunk) for chunk in column.chunks], kind.value_type)
    if isinstance(kind, pa.BaseExtensionType) or str(kind).startswith(("run_end", "list_view", "large_list_view")):
        return _chunked([plain(chunk) for chunk in column.chunks], kind)
    if str(kind) in ("string_view", "binary_view"):
        return _chunked([plain(chunk) for chunk in column.chunks], kind)
    if pa.types.is_timestamp(kind) and kind.unit == "s":
        try:
            return column.cast(pa.timestamp("ms", kind.tz))
        except pa.ArrowInvalid:  # beyond the reach of milliseconds
            return column.cast(pa.int64())
    return column


def _chunked(chunks: list[Any], kind: Any) -> Any:
    return pa.chunked_array(chunks) if chunks else pa.chunked_array([], plain(pa.nulls(0, kind)).type)


def _options(table: Any) -> dict[str, Any]:
    """Choose per column by a sample: a dictionary for few values, compression where it shrinks them."""
    dictionaries, codecs = [], {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        sample = _sample(column)
        if _repeats(sample):
            dictionaries.append(name)
        codecs[name] = "zstd" if name in dictionaries or _shrinks(sample) else "none"
    simple = len(set(codecs.values())) == 1 or any("." in name or pa.types.is_nested(f.type) for name, f in zip(table.column_names, table.schema, strict=True))
    return {
        "compression": "zstd" if simple else codecs,
        "use_dictionary": dictionaries or False,
        "version": "2.6",
        "write_statistics": True,
    }


def _sample(column: Any) -> Any:
    step = max(1, len(column) // 4)
    parts = [column.slice(start, _SAMPLE // 4) for start in range(0, len(column), step)][:4]
    joined = pa.chunked_array([chunk for part in parts for chunk in part.chunks], column.type)
    return pa.chunked_array([plain(chunk) for chunk in joined.chunks]) if joined.num_chunks else joined


def _repeats(sample: Any) -> bool:
    kind = sample.type
    if pa.types.is_nested(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind) or len(sample) < 2:
        return False
    return bool(pc.count_distinct(sample, mode="all").as_py() * 4 <= len(sample))


def _shrinks(sample: Any) -> bool:
    raw = b"".join(bytes(buffer) for chunk in sample.chunks for buffer in _own_buffers(chunk))
    return not raw or len(pa.compress(raw, codec="zstd", asbytes=True)) < 0.85 * len(raw)


def _own_buffers(chunk: Any) -> Iterator[Any]:
    # a slice shares its parent's buffers: only what it covers is looked at
    return (buffer for buffer in pa.concat_arrays([chunk, chunk.slice(0, 0)]).buffers()[1:] if buffer is not None)
