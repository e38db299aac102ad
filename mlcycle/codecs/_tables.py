"""Frames to column blocks in Parquet, and back.

`encode` names the data (digests, nothing written), `write` stores it, `read_manifest` and `load` bring it back. What
they need of a store is the small Protocol `BlockStore`. ``docs/format.md`` defines the manifest; any tool reads the
files.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from attrs import field, frozen

from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle.codecs._block_store import part_of
from mlcycle.codecs._canonical import FORM, block_digest, plain
from mlcycle.codecs._column_errors import naming_column
from mlcycle.codecs._logical_types import arrow_type, logical_name
from mlcycle.codecs._manifests import VERSION, pieces_table, write_leaf
from mlcycle.codecs._pandas_presentation import (
    describe_frame,
    describe_table,
    fields_of,
    labels_by_field,
    restore_frame,
)
from mlcycle.codecs._parquet import as_logical, read_pieces, reading, write_columns
from mlcycle.codecs._round_trip import check_round_trip
from mlcycle.codecs._row_blocks import cut, cut_document
from mlcycle.errors import Corrupt, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlcycle.codecs._block_store import BlockStore
    from mlcycle.codecs._manifests import Manifest

__all__ = ["Encoded", "Written", "columns_of", "content_digest", "encode", "load", "verify", "write"]

Doc = dict[str, Any]


@frozen(eq=False)
class Encoded:
    """A table with its names, before anything is written.

    Attributes
    ----------
    table : pyarrow.Table
        Every column, index levels included, under its field name.
    content : str
        Digest of the values: schema, cut and block digests.
    presentation : str
        Digest of the presentation: dtypes, index, column labels, attrs.
    header : dict
        The manifest's header: plain JSON with ``schema cut rows nulls presentation`` and the digests.
    blocks : tuple of tuple of str
        The digest of every column block, by row block, then by column.
    """

    table: Any = field(repr=False)
    content: str
    presentation: str
    header: Doc = field(repr=False)
    blocks: tuple[tuple[str, ...], ...] = field(repr=False)

    def missing_content(self) -> str:
        """Return the content that this table would have if every NaN in a column of floats were null.

        That pandas has NaN where Arrow, polars and its own nullable columns have null makes no other data.

        Examples
        --------
        >>> nulls = encode(pa.table({"a": [1.0, None]}))
        >>> encode(pd.DataFrame({"a": [1.0, float("nan")]})).missing_content() == nulls.content
        True
        """
        nulled = {}
        for name, column in zip(self.table.column_names, self.table.columns, strict=True):
            if pa.types.is_floating(column.type) and (found := _nulled(column)) is not None:
                nulled[name] = found
        if not nulled:
            return self.content
        header = self.header
        columns = dict(zip(self.table.column_names, zip(*self.blocks, strict=True), strict=True))
        again = _digests(nulled, header["blocks"], {name: name for name in nulled})
        columns |= dict(zip(nulled, zip(*again, strict=True), strict=True))
        return content_digest(header["schema"], header["cut"], header["blocks"], zip(*columns.values(), strict=True))

    def frame(self) -> pd.DataFrame:
        """Return the table as it will be read back."""
        arrays = dict(zip(self.table.column_names, self.table.columns, strict=True))
        return restore_frame(arrays, self.header["presentation"], self.header["rows"])


def encode(data: Any, *, key: Sequence[str] | None = None, allow_empty: bool = False, what: str = "") -> Encoded:
    """Name a table by its content; nothing is written.

    Parameters
    ----------
    data : pandas.DataFrame, pyarrow.Table, or any frame with the Arrow PyCapsule interface (polars, DuckDB)
        A frame of pandas comes back as it was. A table comes back as such a frame too: numpy dtypes, nullable ones
        where integers or booleans have nulls, categories for dictionaries.
    key : sequence of str, optional
        The columns, by field name, whose values say where rows are cut into blocks; without it, all rows are one block.
    allow_empty : bool, default False
        Accept a table without rows.
    what : str, optional
        How messages name the table.

    Returns
    -------
    Encoded

    Raises
    ------
    InvalidInput
        What cannot be stored faithfully: doubled column names, columns of mixed types, complex numbers, nested values
        that would change, attrs that are no JSON, no columns, no rows; and whatever does not come back as it was when
        a row of each column is read back. Each with the remedy.

    Examples
    --------
    >>> encode(pd.DataFrame({"a": [1, 2]})).header["schema"]
    [{'name': 'a', 'type': 'int64'}]
    """
    data, what = _as_table(data, what)
    columns, doc = _described(data, what)
    rows = len(data)
    if not rows and not allow_empty:
        raise InvalidInput(f"{what} has no rows ({len(columns)} columns); add it when it has some")
    check_round_trip(data, columns, doc, what)
    schema = [{"name": name, "type": logical_name(column.type)} for name, column in columns.items()]
    cut_by = cut_document(key, rows)
    sizes = _sizes(columns, rows, cut_by, what)
    digests = _digests(columns, sizes, labels_by_field(doc, what))
    content = content_digest(schema, cut_by, sizes, digests)
    presentation = sha256_bytes(canonical_json(doc))
    header = {
        "v": VERSION,
        "needs_read": [],
        "layout": "blocks",
        "content": content,
        "schema": schema,
        "cut": cut_by,
        "rows": rows,
        "blocks": sizes,
        "nulls": {name: _missing(column) for name, column in columns.items()},
        "presentation_digest": presentation,
        "presentation": doc,
    }
    table = pa.table(columns)
    return Encoded(table, content, presentation, header, tuple(digests))


def _missing(column: Any) -> int:
    """Return how many rows of a column are null, or NaN where it is of floats."""
    if pa.types.is_dictionary(column.type):  # where a null may also be one of the levels
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        return sum(_missing(plain(chunk)) for chunk in chunks)
    if pa.types.is_floating(column.type):
        return pc.sum(_none(column)).as_py() or 0
    found: int = column.null_count
    return found


def _none(column: Any) -> Any:
    wide = column.cast(pa.float32()) if pa.types.is_float16(column.type) else column  # Arrow asks half floats little
    return pc.is_null(wide, nan_is_null=True)


def _nulled(column: Any) -> Any:
    """Return a column of floats with its NaN as null; None where it has none."""
    missing = _none(column)
    if (pc.sum(missing).as_py() or 0) == column.null_count:
        return None
    return pc.if_else(missing, pa.scalar(None, column.type), column)


def columns_of(data: Any) -> tuple[dict[str, Any], int]:
    """Return the columns of a frame or a table as Arrow arrays by field name, and the number of rows."""
    data, what = _as_table(data, "")
    return _described(data, what)[0], len(data)


def _as_table(data: Any, what: str) -> tuple[Any, str]:
    """Return a pandas frame as it is and all else that Arrow can read as an Arrow table, and how messages name it."""
    if isinstance(data, pd.DataFrame):
        return data, what or "the frame"
    if isinstance(data, pa.Table):
        return data, what or "the table"
    streams = hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")
    if isinstance(data, pd.Series | pd.Index | type) or not streams:
        raise _no_table(data, what)
    if type(data).__module__.partition(".")[0] == "polars":
        objects = [name for name, kind in data.schema.items() if str(kind) == "Object"]
        if objects:  # polars hands out their addresses in memory
            raise InvalidInput(
                f"column {objects[0]!r} of {what or 'the table'} holds Python objects of polars; drop it"
            )
    try:
        return pa.table(data), what or "the table"
    except (pa.ArrowException, ValueError, TypeError, NotImplementedError) as error:
        raise _no_table(data, what, f" ({str(error).splitlines()[0]:.100})") from error


def _no_table(data: Any, what: str, why: str = "") -> InvalidInput:
    home = type(data).__module__.partition(".")[0]
    kind = type(data).__name__ if home == "builtins" else f"{home} {type(data).__name__}"
    step = next((f"data.{name}()" for name in _TO_FRAMES if hasattr(data, name)), "pd.DataFrame(data)")
    if isinstance(data, str | os.PathLike):
        step = "pd.read_csv(data)"
    return InvalidInput(
        f"{what or 'the data'} is a {kind}{why}; give a pandas DataFrame, a pyarrow Table or another frame that Arrow "
        f"can read (polars, DuckDB), for example {step}"
    )


_TO_FRAMES = ("collect", "to_frame", "to_table", "to_pandas", "to_arrow", "toPandas", "to_df")


def _described(data: Any, what: str) -> tuple[dict[str, Any], Doc]:
    frame = isinstance(data, pd.DataFrame)
    if not (len(data.columns) if frame else data.num_columns):
        raise InvalidInput(f"{what} has no columns ({len(data)} rows); a dataset needs at least one")
    return describe_frame(data, what) if frame else describe_table(data, what)


def _sizes(columns: dict[str, Any], rows: int, cut_by: Doc, what: str) -> list[int]:
    """Return the rows of each block of a table."""
    if cut_by["kind"] == "whole":
        return [rows]
    if missing := [name for name in cut_by["key"] if name not in columns]:
        raise InvalidInput(f"{what} has no column {missing[0]!r} to be cut by; it has {', '.join(columns)}")
    return cut({name: columns[name] for name in cut_by["key"]}, rows)


def _digests(columns: dict[str, Any], sizes: list[int], named: dict[str, str]) -> list[tuple[str, ...]]:
    """Return the digest of every column block, by row block, then by column."""
    starts = list(accumulate(sizes, initial=0))

    def of_column(field: str) -> list[str]:
        with naming_column(named[field]):
            return [block_digest(columns[field].slice(start, size)) for start, size in zip(starts, sizes, strict=False)]

    threads = min(8, os.cpu_count() or 1)
    if threads == 1 or starts[-1] * len(columns) < _WORTH_THREADS:
        found = list(map(of_column, columns))
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(of_column, columns))
    return list(zip(*found, strict=True))


_WORTH_THREADS = 1 << 18


def content_digest(schema: list[Doc], cut: Mapping[str, Any], rows: list[int], blocks: Iterable[Iterable[str]]) -> str:
    """Return the digest of a table's values.

    The SHA-256 of the canonical JSON of ``{"kind": "blocks", "form": 1, "schema": [[name, type], …], "cut": …, "rows":
    [rows of each row block], "blocks": digest}``, where the last is the SHA-256 of the raw digests (32 bytes each) of
    all column blocks, row block by row block, each in the order of the schema.

    Examples
    --------
    >>> content_digest([], {"kind": "whole"}, [0], [])[:13]
    'sha256:...'
    """
    joined = hashlib.sha256()
    for block in blocks:
        for digest in block:
            joined.update(bytes.fromhex(digest.removeprefix("sha256:")))
    named = [[column["name"], column["type"]] for column in schema]
    doc = {"kind": "blocks", "form": FORM, "schema": named, "cut": dict(cut), "rows": rows}
    return sha256_bytes(canonical_json({**doc, "blocks": "sha256:" + joined.hexdigest()}))


# writing -------------------------------------------------------------------------------------------------------------


@frozen(eq=False)
class Written:
    """What `write` stored.

    Attributes
    ----------
    manifest : dict
        The description of the manifest file.
    files : list of dict
        The descriptions of the new data files.
    reused : list of str
        The keys of older files that hold blocks of this table.
    """

    manifest: Doc
    files: list[Doc]
    reused: list[str]


def write(encoded: Encoded, blocks: BlockStore) -> Written:
    """Store an encoded table: new column blocks to data files, then the manifest.

    A column of which `blocks` finds every block is not written again.

    Raises
    ------
    StorageUnavailable
        The disk is full or fails; nothing names what was written until then.
    InvalidInput
        A column that Parquet cannot keep, by name.
    """
    names = encoded.table.column_names
    digests = [digest for block in encoded.blocks for digest in block]
    known = {digest: place for digest in dict.fromkeys(digests) if (place := blocks.find(digest)) is not None}
    fresh = [name for name, *own in zip(names, *encoded.blocks, strict=True) if not known.keys() >= set(own)]
    named = labels_by_field(encoded.header["presentation"], "the table")
    files, written = write_columns(encoded.table.select(fresh), blocks, named) if fresh else ([], {})
    sizes = encoded.header["blocks"]
    starts = accumulate(sizes, initial=0)
    entries = [
        (number, name, digest, known[digest] if name not in written else part_of(written[name], start, sizes[number]))
        for number, (start, block) in enumerate(zip(starts, encoded.blocks, strict=False))
        for name, digest in zip(names, block, strict=True)
    ]
    manifest = write_leaf(blocks, encoded.header, pieces_table(entries))
    old = {piece.key for _, name, _, place in entries if name not in written for piece in place}
    return Written(manifest, files, sorted(old))


# reading -------------------------------------------------------------------------------------------------------------


def load(
    manifest: Manifest,
    blocks: BlockStore,
    *,
    columns: Sequence[str | int] | None = None,
    rows: Any = None,
    verify: bool = False,
) -> pd.DataFrame:
    """Read a table as it was added, or what pandas would give for some rows and columns of it.

    Parameters
    ----------
    manifest : Manifest
        Of layout blocks.
    blocks : BlockStore
        The store.
    columns : sequence of str or int, optional
        Only these, in this order; the index comes along. Nothing else is read.
    rows : array of bool or int, optional
        A truth value for each row, or positions from 0 in any order. Row groups without one are not read.
    verify : bool, default False
        Compare every column block read with its digest first.

    Raises
    ------
    InvalidInput
        A column that is not there, rows out of range.
    Corrupt
        A damaged file, by name.
    """
    _check_layout(manifest)
    doc = manifest.header["presentation"]
    fields = fields_of(doc, columns)
    total = manifest.header["rows"]
    chosen, order = _positions(rows, total)
    if verify:
        _compare(manifest, blocks, fields)
    arrays = _read(manifest, blocks, fields, chosen)
    if order is not None:
        arrays = {name: column.take(order) for name, column in arrays.items()}
    return restore_frame(arrays, doc, total, columns=columns, rows=None if rows is None else np.asarray(rows))


def _check_layout(manifest: Manifest) -> None:
    if manifest.layout != "blocks":
        raise InvalidInput(
            f"this manifest has the layout {manifest.layout!r}, which holds no values; load its parent's"
        )


def _positions(rows: Any, total: int) -> tuple[Any, Any]:
    """Return sorted positions without doubles (None for all), and how to order them if not as they stand."""
    if rows is None:
        return None, None
    rows = np.asarray(rows)
    if rows.ndim != 1 or (rows.dtype.kind not in "biu" and len(rows)):
        raise InvalidInput(
            f"rows= takes one truth value for each row, or positions; got {rows.dtype} of shape {rows.shape}"
        )
    if rows.dtype.kind == "b":
        if len(rows) != total:
            raise InvalidInput(f"rows= has {len(rows)} truth values for {total} rows; give one for each row")
        return np.flatnonzero(rows), None
    rows = rows.astype(np.int64)
    if len(rows) and (rows.min() < 0 or rows.max() >= total):
        raise InvalidInput(f"rows= goes from {rows.min()} to {rows.max()}; positions go from 0 to {total - 1}")
    if (np.diff(rows) > 0).all():
        return rows, None
    chosen, order = np.unique(rows, return_inverse=True)
    return chosen, pa.array(order.reshape(-1))


def _read(manifest: Manifest, blocks: BlockStore, fields: list[str], chosen: Any) -> dict[str, Any]:
    """Read columns as chunked arrays of their logical type; all rows, or those at sorted positions."""
    places = manifest.places(fields)
    starts = np.concatenate([[0], np.cumsum(manifest.header["blocks"])]).tolist()
    wanted = {
        name: [
            (piece, local)
            for start, (_, place) in zip(starts, blocks_of, strict=False)
            for piece in place
            if (local := _local(chosen, start + piece.start, piece.rows)) is not None
        ]
        for name, blocks_of in places.items()
    }
    found = read_pieces(blocks, [piece for pieces in wanted.values() for piece, _ in pieces])
    kinds = {column["name"]: arrow_type(column["type"]) for column in manifest.header["schema"]}
    made = {}
    for name, pieces in wanted.items():
        with reading(", ".join(sorted({piece.key for piece, _ in pieces}))):
            parts = [
                as_logical(found[piece] if local is _ALL else found[piece].take(local), kinds[name])
                for piece, local in pieces
            ]
            made[name] = _joined(parts, kinds[name])
    return made


_ALL = object()


def _local(chosen: Any, start: int, rows: int) -> Any:
    """Return which rows of a piece are chosen: None for none, `_ALL`, or positions within it."""
    if chosen is None:
        return _ALL if rows else None
    first, last = np.searchsorted(chosen, [start, start + rows])
    if first == last:
        return None
    return _ALL if last - first == rows else pa.array(chosen[first:last] - start)


def _joined(parts: list[Any], kind: Any) -> Any:
    chunks = [chunk for part in parts for chunk in part.chunks if len(chunk)]
    if not chunks:
        return pa.chunked_array([pa.array([], kind)])
    if len({chunk.type for chunk in chunks}) > 1:  # files of different makers keep one logical type differently
        chunks = [
            as_logical(chunk.dictionary_decode() if hasattr(chunk, "indices") else chunk, kind).cast(kind)
            for chunk in chunks
        ]
    return pa.chunked_array(chunks)


def verify(manifest: Manifest, blocks: BlockStore, columns: Iterable[str] | None = None) -> None:
    """Compare the column blocks of some or all columns with their digests, and all digests with the content.

    Raises
    ------
    Corrupt
        The first block that differs, by file, column and row block; or digests of another table.
    """
    _check_layout(manifest)
    header = manifest.header
    every = [column["name"] for column in header["schema"]]
    digests = ([digest for digest, _ in blocks_of] for blocks_of in manifest.places(every).values())
    content = content_digest(header["schema"], header["cut"], header["blocks"], zip(*digests, strict=True))
    if content != header["content"]:
        raise Corrupt(f"the manifest of content {header['content']} names column blocks of the content {content}")
    _compare(manifest, blocks, every if columns is None else columns)


def _compare(manifest: Manifest, blocks: BlockStore, columns: Iterable[str]) -> None:
    kinds = {column["name"]: arrow_type(column["type"]) for column in manifest.header["schema"]}
    for name, blocks_of in manifest.places(columns).items():
        found = read_pieces(blocks, [piece for _, place in blocks_of for piece in place])
        for number, (digest, place) in enumerate(blocks_of):
            keys = ", ".join(sorted({piece.key for piece in place}))
            with reading(keys):
                column = _joined([as_logical(found[piece], kinds[name]) for piece in place if piece.rows], kinds[name])
                actual = block_digest(column)
            if actual != digest:
                raise Corrupt(
                    f"{keys} is damaged: column {name!r}, row block {number} has the digest {actual}, not {digest}"
                )
