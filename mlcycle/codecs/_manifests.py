"""Manifests: the small Parquet files that say what a version is made of and where its column blocks lie.

The header is JSON under the key ``mlcycle`` of the file's metadata; the rows are pieces of column blocks (kind
``blocks``) or one truth value for each row of the parent (kind ``selection``). ``docs/format.md`` defines both. A
manifest may be rewritten when blocks move; its content digest, not the digest of its bytes, names the data.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from attrs import field, frozen

from mlcycle._digest import canonical_json
from mlcycle.codecs._blocks import Piece
from mlcycle.codecs._canonical import FORM
from mlcycle.codecs._parquet import reading
from mlcycle.errors import Corrupt, SchemaError, StorageUnavailable, UnsafePath

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import BinaryIO

    from mlcycle.codecs._blocks import Blocks, Place

__all__ = ["Manifest", "pieces_table", "read_manifest", "write_leaf"]

_KEY = b"mlcycle"
_KINDS = ("blocks", "selection")
_LEAF = pa.schema(
    [
        ("block", pa.int32()),
        ("column", pa.string()),
        ("digest", pa.binary(32)),
        ("start", pa.int64()),
        ("rows", pa.int64()),
        ("key", pa.string()),
        ("row_group", pa.int32()),
        ("skip", pa.int64()),
        ("field", pa.string()),
    ]
)


@frozen(eq=False)
class Manifest:
    """What a manifest says.

    Attributes
    ----------
    kind : str
        ``"blocks"`` or ``"selection"``.
    header : dict
        Plain JSON: form, content, rows, and for blocks ``schema cut blocks nulls presentation``, for a selection
        ``parent selected how``.
    table : pyarrow.Table
        The rows of the file.
    """

    kind: str
    header: dict[str, Any]
    table: Any = field(repr=False)

    def places(self, columns: Iterable[str]) -> dict[str, list[tuple[str, Place]]]:
        """Return, for each column, the digest and the place of each of its row blocks, in order."""
        columns = list(columns)
        chosen = self.table.filter(pa.compute.is_in(self.table["column"], value_set=pa.array(columns, pa.string())))
        found: dict[str, dict[int, tuple[str, list[Piece]]]] = defaultdict(dict)
        for row in chosen.to_pylist():
            piece = Piece(*(row[name] for name in Piece._fields))
            digest = "sha256:" + row["digest"].hex()
            found[row["column"]].setdefault(row["block"], (digest, []))[1].append(piece)
        sizes = self.header["blocks"]
        return {
            column: [_tiled(column, found[column].get(i), rows) for i, rows in enumerate(sizes)] for column in columns
        }

    def files(self) -> list[str]:
        """Return the keys of the files that hold its blocks, sorted."""
        return sorted(set(self.table["key"].to_pylist())) if self.kind == "blocks" else []


def _tiled(column: str, found: tuple[str, list[Piece]] | None, rows: int) -> tuple[str, Place]:
    """Check that the pieces of a block cover it exactly, without gap or overlap."""
    at = 0
    digest, pieces = found or ("", [])
    pieces = sorted(pieces)
    for piece in pieces:
        at = at + piece.rows if piece.start == at and piece.rows >= 0 else -1
    if at != rows or not pieces:
        raise Corrupt(f"the manifest does not say where all {rows} rows of column {column!r} are")
    return digest, tuple(pieces)


def pieces_table(blocks: Iterable[tuple[int, str, str, Place]]) -> Any:
    """Return the rows of a manifest of kind blocks, from (block, column, digest, place)."""
    rows = [
        {"block": block, "column": column, "digest": bytes.fromhex(digest.removeprefix("sha256:")), **piece._asdict()}
        for block, column, digest, place in blocks
        for piece in place
    ]
    return pa.Table.from_pylist(rows, schema=_LEAF)


def write_leaf(blocks: Blocks, header: dict[str, Any], table: Any) -> dict[str, Any]:
    """Write a manifest file; return its description.

    Raises
    ------
    StorageUnavailable
        The disk is full or fails.
    """
    file = blocks.new("manifest")
    try:
        with pq.ParquetWriter(
            file.path, table.schema, compression="zstd", store_schema=False, write_page_checksum=True
        ) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({_KEY: canonical_json(header)})
    except OSError as error:
        raise StorageUnavailable(
            f"the manifest could not be written to {file.path}: {error}; nothing was committed"
        ) from error
    return file.done()


def read_manifest(source: BinaryIO | Path | str, name: str = "") -> Manifest:
    """Read a manifest file.

    Parameters
    ----------
    source : path or binary file
    name : str, optional
        How messages name it; its key.

    Raises
    ------
    Corrupt
        No manifest, or a damaged one.
    SchemaError
        Written by a newer mlcycle.
    UnsafePath
        A key in it leaves the store.
    """
    name = name or f"the manifest {getattr(source, 'name', source)}"
    with reading(name):
        file = pq.ParquetFile(source, page_checksum_verification=True)
        with file:
            header = json.loads((file.metadata.metadata or {})[_KEY])
            _check_header(header, name)
            table = file.read()
        kind = header["kind"]
        table = table.select(_LEAF.names).cast(_LEAF) if kind == "blocks" else table.select(["member"])
    if kind == "blocks":
        for key in set(table["key"].to_pylist()):
            _check_key(key, name)
    return Manifest(kind, header, table)


def _check_header(header: Any, name: str) -> None:
    if not isinstance(header, dict):
        raise Corrupt(f"{name} has no header; project.store.verify() lists the versions that are hurt")
    form, kind, needs = header.get("form"), header.get("kind"), header.get("needs", [])
    if form != FORM or kind not in _KINDS or needs:
        raise SchemaError(
            f"{name} has form {form!r}, kind {kind!r} and needs {needs!r}; this mlcycle reads form {FORM}, kinds "
            f"{' and '.join(_KINDS)} and no needs: upgrade to read it"
        )
    missing = {
        "content",
        "rows",
        *(("schema", "cut", "blocks", "presentation") if kind == "blocks" else ("parent",)),
    } - header.keys()
    if missing:
        raise Corrupt(f"{name} is damaged: its header lacks {', '.join(sorted(missing))}")


def _check_key(key: Any, name: str) -> None:
    parts = key.split("/") if isinstance(key, str) else [""]
    if any(part in ("", ".", "..") for part in parts) or "\\" in key or "\0" in key or ":" in parts[0]:
        raise UnsafePath(f"{name} names the file {key!r}, which is not a key inside a store; do not use this manifest")
