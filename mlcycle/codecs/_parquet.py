"""Columns to Parquet files and back: encodings where a sample says they pay, two threads, row groups.

How a file is encoded is no part of any identity; only field, row group and values are looked at again.
"""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlcycle.codecs._block_store import Piece
from mlcycle.codecs._canonical import deeply_plain, plain
from mlcycle.codecs._column_errors import naming_column
from mlcycle.codecs._logical_types import logical_type, storage_name
from mlcycle.errors import Corrupt, MlcycleError, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mlcycle.codecs._block_store import BlockStore, Place

__all__ = ["ROW_GROUP", "as_logical", "opened", "read_pieces", "reading", "through_parquet", "write_columns"]

ROW_GROUP = 1 << 18
_TWO_FILES = 1 << 24
_SAMPLE = 1 << 13
_VERSION = "2.6"  # the first that keeps nanoseconds


# writing -------------------------------------------------------------------------------------------------------------


def write_columns(
    table: Any, blocks: BlockStore, named: dict[str, str]
) -> tuple[list[dict[str, Any]], dict[str, Place]]:
    """Write a table to one new file, or to two; return their descriptions, and where each column lies.

    From 16 MiB on there are two files, each with half of the rows, written by two threads. `named` is how messages
    name each column.

    Raises
    ------
    StorageUnavailable
        The disk is full or fails.
    InvalidInput
        Names the column that Parquet cannot keep.
    """
    table = _storables(table, named)
    groups = max(1, -(-table.num_rows // ROW_GROUP))
    count = 2 if table.nbytes >= _TWO_FILES and groups > 1 else 1
    edges = [min(table.num_rows, ROW_GROUP * (groups * i // count)) for i in range(count)] + [table.num_rows]
    files = [blocks.new("table") for _ in range(count)]
    options = _options(table)
    parts = [table.slice(start, stop - start) for start, stop in pairwise(edges)]
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda part, file: _write(part, file.path, options, named), parts, files))
    pieces = [
        (edges[i] + start, min(ROW_GROUP, len(part) - start), file.key, start // ROW_GROUP)
        for i, (part, file) in enumerate(zip(parts, files, strict=True))
        for start in range(0, max(1, len(part)), ROW_GROUP)
    ]
    places = {name: tuple(Piece(*p[:4], 0, name) for p in pieces) for name in table.column_names}
    return [file.done() for file in files], places


def _write(table: Any, path: Path, options: dict[str, Any], named: dict[str, str]) -> None:
    try:
        pq.write_table(table, path, row_group_size=ROW_GROUP, **options)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        if not isinstance(error, OSError) or error.errno is None:  # Arrow's own complaints have no number
            _find_culprit(table, named)
        raise StorageUnavailable(f"the table could not be written to {path}: {error}; nothing was committed") from error


def _find_culprit(table: Any, named: dict[str, str]) -> None:
    for name in table.column_names:
        with naming_column(named[name]):
            pq.write_table(table.select([name]), pa.MockOutputStream(), version=_VERSION)


def through_parquet(table: Any, named: dict[str, str]) -> Any:
    """Return a small table as its file would give it back.

    Parameters
    ----------
    table : pyarrow.Table
    named : dict of str to str
        How messages name each column.

    Raises
    ------
    InvalidInput
        Names the column that Parquet cannot keep.
    """
    table, sink = _storables(table, named), pa.BufferOutputStream()
    try:
        pq.write_table(table, sink, version=_VERSION, compression="none", use_dictionary=False)
        return pq.ParquetFile(pa.BufferReader(sink.getvalue())).read(use_threads=False)
    except (pa.ArrowException, OSError):
        _find_culprit(table, named)
        raise


def _storables(table: Any, named: dict[str, str]) -> Any:
    made = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        with naming_column(named[name]):
            made[name] = _storable(column)
    return pa.table(made)


def _storable(column: Any) -> Any:
    """Bring a column to a type Parquet keeps; `read_columns` casts it back to its logical type."""
    kind = column.type
    keeps = not _UNWRITABLE.search(f"{kind} {storage_name(kind)}")
    if pa.types.is_dictionary(kind) and not pa.types.is_nested(kind.value_type):
        plain_values = not _UNWRITABLE.search(str(kind.value_type))
        keeps = plain_values and not any(chunk.dictionary.null_count for chunk in column.chunks)
    if not keeps:
        chunks = [deeply_plain(chunk) for chunk in column.chunks]
        return pa.chunked_array(chunks) if chunks else pa.chunked_array([], deeply_plain(pa.nulls(0, kind)).type)
    if pa.types.is_timestamp(kind) and kind.unit == "s":
        try:
            return column.cast(pa.timestamp("ms", kind.tz))
        except pa.ArrowInvalid:  # beyond the reach of milliseconds
            return column.cast(pa.int64())
    return column


_UNWRITABLE = re.compile("dictionary|view|run_end|fixed_list|extension")


def _options(table: Any) -> dict[str, Any]:
    """Choose per column by a sample: a dictionary for few values, compression where it shrinks them."""
    dictionaries, codecs = [], {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        sample = _sample(column)
        if _repeats(sample):
            dictionaries.append(name)
        codecs[name] = "zstd" if name in dictionaries or _shrinks(sample) else "none"
    nested = any(pa.types.is_nested(field.type) for field in table.schema)
    return {
        "compression": "zstd" if nested else codecs,
        "use_dictionary": dictionaries or False,
        "version": _VERSION,
        "write_page_checksum": True,
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


# reading -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(blocks: BlockStore, key: str) -> Iterator[Any]:
    """Open a Parquet file of a store; whatever is wrong with its bytes is `Corrupt`, naming the key."""
    with contextlib.ExitStack() as stack:
        source = blocks.open(key)
        if hasattr(source, "close"):
            stack.callback(source.close)
        with reading(key):
            yield stack.enter_context(pq.ParquetFile(source, pre_buffer=True, page_checksum_verification=True))


@contextlib.contextmanager
def reading(key: str) -> Iterator[None]:
    """Turn what Arrow says about bad bytes into `Corrupt`; errors of the storage itself pass."""
    try:
        yield
    except MlcycleError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, IndexError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise Corrupt(f"{key} is damaged: {reason}; project.store.verify() lists the versions that are hurt") from error


def read_pieces(blocks: BlockStore, wanted: Iterable[Piece]) -> dict[Piece, Any]:
    """Read pieces, each file and row group once; return each as a chunked array of whatever type the file has."""
    by_file: dict[str, dict[int, list[Piece]]] = defaultdict(lambda: defaultdict(list))
    for piece in wanted:
        if piece.rows:
            by_file[piece.key][piece.row_group].append(piece)
    found: dict[Piece, Any] = {}
    for key, groups in by_file.items():
        by_fields: dict[frozenset[str], list[int]] = defaultdict(list)
        for group, pieces in sorted(groups.items()):
            by_fields[frozenset(piece.field for piece in pieces)].append(group)
        with opened(blocks, key) as file:
            for names, numbers in by_fields.items():
                table, first = _read_groups(file, numbers, names, key)
                found |= {piece: _slice(table, first, piece) for group in numbers for piece in groups[group]}
    return found


def _read_groups(
    file: Any, numbers: list[int], fields: frozenset[str], key: str
) -> tuple[Any, dict[int, tuple[int, int]]]:
    known = set(file.schema_arrow.names)
    if not fields <= known or numbers[-1] >= file.num_row_groups:
        raise Corrupt(f"{key} lacks what its manifest names: {sorted(fields - known) or 'row groups'}")
    first, start = {}, 0
    for number in numbers:
        rows = file.metadata.row_group(number).num_rows
        first[number] = (start, rows)
        start += rows
    return file.read_row_groups(numbers, columns=sorted(fields)), first


def _slice(table: Any, first: dict[int, tuple[int, int]], piece: Piece) -> Any:
    start, rows = first[piece.row_group]
    if piece.skip + piece.rows > rows:
        raise Corrupt(f"{piece.key} has {rows} rows in row group {piece.row_group}, fewer than its manifest names")
    return table[piece.field].slice(start + piece.skip, piece.rows)


def as_logical(column: Any, kind: Any) -> Any:
    """Bring a column as a file keeps it to its logical type; dictionaries of it stay."""
    return column if logical_type(column.type) == kind else column.cast(kind)
