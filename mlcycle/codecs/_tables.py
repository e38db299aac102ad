"""Frames to column blocks in Parquet, and back.

`encode` names the data (digests, nothing written), `write` stores it, `read_manifest` and `load` bring it back. What
they need of a store is the small Protocol `Blocks`. ``docs/format.md`` defines the manifest; any tool reads the files.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol

import pandas as pd
import pyarrow as pa
from attrs import field, frozen

from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle.codecs._canonical import FORM, block_digest
from mlcycle.codecs._presentation import describe_frame, describe_table
from mlcycle.codecs._types import logical_name
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Blocks", "Encoded", "NewFile", "Piece", "Place", "content_digest", "encode"]

Doc = dict[str, Any]


class Piece(NamedTuple):
    """Where consecutive rows of a column block are.

    Attributes
    ----------
    start : int
        The first of these rows, counted within the block.
    rows : int
        How many.
    key : str
        The Parquet file.
    row_group : int
        The row group in it.
    skip : int
        How many rows of the row group come before.
    field : str
        The column in it.
    """

    start: int
    rows: int
    key: str
    row_group: int
    skip: int
    field: str


Place = tuple[Piece, ...]


class NewFile(Protocol):
    """A file being written: fill `path`, then call `done`."""

    @property
    def path(self) -> Path: ...
    @property
    def key(self) -> str: ...
    def done(self) -> Doc: ...


class Blocks(Protocol):
    """What tables need of a store."""

    def open(self, key: str) -> BinaryIO | Path: ...
    def find(self, digest: str) -> Place | None: ...
    def new(self, kind: str) -> NewFile: ...


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


def encode(data: Any, *, cut: Mapping[str, Any] | None = None, allow_empty: bool = False, what: str = "") -> Encoded:
    """Name a table by its content; nothing is written.

    Parameters
    ----------
    data : pandas.DataFrame or pyarrow.Table
        A frame comes back as it was. A table comes back as a frame too: numpy dtypes, nullable ones where integers
        or booleans have nulls, categories for dictionaries.
    cut : mapping, optional
        How rows are cut into blocks; ``{"kind": "whole"}``, the only cut so far, is one block of all rows.
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
        that would change, attrs that are no JSON, no columns, no rows. Each with the remedy.

    Examples
    --------
    >>> encode(pd.DataFrame({"a": [1, 2]})).header["schema"]
    [{'name': 'a', 'type': 'int64'}]
    """
    cut = {"kind": "whole"} if cut is None else dict(cut)
    if cut != {"kind": "whole"}:
        raise InvalidInput(f"cut={cut!r} is unknown; the only cut so far is {{'kind': 'whole'}}")
    columns, doc = _columns(data, what)
    rows = len(data)
    if not rows and not allow_empty:
        raise InvalidInput(f"{what or 'the table'} has no rows ({len(columns)} columns); add it when it has some")
    schema = [{"name": name, "type": logical_name(column.type)} for name, column in columns.items()]
    with ThreadPoolExecutor(workers()) as pool:
        digests = list(pool.map(block_digest, columns.values()))
    content = content_digest(schema, cut, [rows], [digests])
    presentation = sha256_bytes(canonical_json(doc))
    header = {
        "form": FORM,
        "kind": "blocks",
        "content": content,
        "schema": schema,
        "cut": cut,
        "rows": rows,
        "blocks": [rows],
        "nulls": {name: column.null_count for name, column in columns.items()},
        "presentation_digest": presentation,
        "presentation": doc,
        "needs": [],
    }
    table = pa.table({name: column for name, column in columns.items()})
    return Encoded(table, content, presentation, header, (tuple(digests),))


def _columns(data: Any, what: str) -> tuple[dict[str, Any], Doc]:
    if isinstance(data, pd.DataFrame):
        if not len(data.columns):
            raise InvalidInput(f"{what or 'the frame'} has no columns ({len(data)} rows); a dataset needs at least one")
        return describe_frame(data, what or "the frame")
    if isinstance(data, pa.Table | pa.RecordBatch):
        table = pa.Table.from_batches([data]) if isinstance(data, pa.RecordBatch) else data
        if not table.num_columns:
            raise InvalidInput(f"{what or 'the table'} has no columns; a dataset needs at least one")
        return describe_table(table, what or "the table")
    raise InvalidInput(
        f"{what or 'the data'} is a {type(data).__module__.partition('.')[0]} {type(data).__name__}; "
        "give a pandas DataFrame or a pyarrow Table, for example pd.DataFrame(data)"
    )


def workers() -> int:
    """Return how many threads are worth it here: one a core, at most eight."""
    return max(1, min(8, os.cpu_count() or 1))


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
