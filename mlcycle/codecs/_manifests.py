"""Manifests: the small Parquet files that say what a version is made of and where its column blocks lie.

The header is JSON under the key ``mlcycle`` of the file's metadata; the rows are pieces of column blocks (layout
``blocks``) or one truth value for each row of the parent (layout ``selection``). ``docs/format.md`` defines both. A
manifest may be rewritten when blocks move; its content digest, not the digest of its bytes, names the data.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from attrs import field, frozen

from mlcycle._digest import canonical_json
from mlcycle.codecs._block_store import Piece
from mlcycle.codecs._parquet import reading
from mlcycle.errors import Corrupt, InvalidInput, SchemaError, StorageUnavailable, UnsafePath

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import BinaryIO

    from mlcycle.codecs._block_store import BlockStore, Place

__all__ = ["VERSION", "Manifest", "pieces_table", "read_manifest", "write_leaf"]

# Of the header. It grows when an older reader would misread what a newer one writes; a layout, or a need that only some
# manifests have, is named instead, so that all others stay readable.
VERSION = 1
_KEY = b"mlcycle"
_ALL = ("content", "rows")
_LAYOUTS = {
    "blocks": (*_ALL, "schema", "cut", "blocks", "presentation"),
    "selection": (*_ALL, "parent", "members", "selected"),
}
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
_MEMBERS = pa.schema([("member", pa.bool_())])


@frozen(eq=False)
class Manifest:
    """What a manifest says.

    Attributes
    ----------
    layout : str
        ``"blocks"`` or ``"selection"``.
    header : dict
        Plain JSON: ``v needs_read layout content rows``, and for blocks ``schema cut blocks nulls presentation``, for a
        selection ``parent members selected how``.
    table : pyarrow.Table
        The rows of the file.
    """

    layout: str
    header: dict[str, Any]
    table: Any = field(repr=False)

    def places(self, columns: Iterable[str]) -> dict[str, list[tuple[str, Place]]]:
        """Return, for each column, the digest and the place of each of its row blocks, in order.

        Raises
        ------
        Corrupt
            The pieces of a block do not cover it, or give it two digests.
        """
        columns = list(columns)
        chosen = self.table.filter(pa.compute.is_in(self.table["column"], value_set=pa.array(columns, pa.string())))
        found: dict[tuple[str, int], tuple[bytes, list[Piece]]] = {}
        fields = (chosen[name].to_pylist() for name in ("column", "block", "digest", *Piece._fields))
        for column, block, digest, *place in zip(*fields, strict=True):
            known, pieces = found.setdefault((column, block), (digest, []))
            if known != digest:
                raise Corrupt(f"the manifest gives row block {block} of column {column!r} two digests")
            pieces.append(Piece(*place))
        sizes = self.header["blocks"]
        return {
            column: [_tiled(column, found.get((column, block)), rows) for block, rows in enumerate(sizes)]
            for column in columns
        }

    def files(self) -> list[str]:
        """Return the keys of the files that hold its blocks, sorted."""
        return sorted(self.table["key"].unique().to_pylist()) if self.layout == "blocks" else []


def _tiled(column: str, found: tuple[bytes, list[Piece]] | None, rows: int) -> tuple[str, Place]:
    """Check that the pieces of a block cover it exactly, without gap or overlap."""
    at = 0
    digest, pieces = found or (b"", [])
    pieces = sorted(pieces)
    for piece in pieces:
        at = at + piece.rows if piece.start == at else -1
    if at != rows or not pieces:
        raise Corrupt(f"the manifest does not say where all {rows} rows of column {column!r} are")
    return "sha256:" + digest.hex(), tuple(pieces)


def pieces_table(blocks: Iterable[tuple[int, str, str, Place]]) -> Any:
    """Return the rows of a manifest of layout blocks, from (block, column, digest, place)."""
    rows = [
        {"block": block, "column": column, "digest": bytes.fromhex(digest.removeprefix("sha256:")), **piece._asdict()}
        for block, column, digest, place in blocks
        for piece in place
    ]
    return pa.Table.from_pylist(rows, schema=_LEAF)


def write_leaf(blocks: BlockStore, header: dict[str, Any], table: Any) -> dict[str, Any]:
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
        layout = header["layout"]
        wanted = _LEAF if layout == "blocks" else _MEMBERS
        table = table.select(wanted.names).cast(wanted)
    if layout == "blocks":
        _check_pieces(table, header, name)
    return Manifest(layout, header, table)


def _check_header(header: Any, name: str) -> None:
    if not isinstance(header, dict) or "v" not in header:
        raise Corrupt(f"{name} has no header with a version; project.store.verify() lists the versions that are hurt")
    version, layout, needs = header.get("v"), header.get("layout"), header.get("needs_read")
    if version != VERSION or needs:
        raise SchemaError(
            f"{name} has version {version!r} and needs {needs!r} of a reader; this mlcycle reads version {VERSION} "
            "without needs: upgrade to read it"
        )
    if not isinstance(layout, str) or layout not in _LAYOUTS:
        raise SchemaError(
            f"{name} has the layout {layout!r}, which this mlcycle does not know (it knows {' and '.join(_LAYOUTS)}): "
            "that version cannot be read; upgrade to read it"
        )
    if missing := {"needs_read", *_LAYOUTS[layout]} - header.keys():
        raise Corrupt(f"{name} is damaged: its header lacks {', '.join(sorted(missing))}")
    try:
        canonical_json(header)  # Python reads NaN and halves of surrogate pairs, which no JSON of a store holds
    except InvalidInput as error:
        raise Corrupt(f"{name} is damaged: {error}") from error
    if layout == "blocks" and (wrong := _wrong_in(header)):
        raise Corrupt(f"{name} is damaged: its header has {wrong}")


def _wrong_in(header: dict[str, Any]) -> str | None:
    """Say what in a header of layout blocks contradicts itself."""
    sizes, schema = header["blocks"], header["schema"]
    if not isinstance(sizes, list) or not sizes or not all(type(rows) is int and rows >= 0 for rows in sizes):
        return f"blocks {sizes!r:.80}, which are not the rows of each row block"
    if sum(sizes) != header["rows"] or sum(sizes) >> 62:  # more would overflow where rows are counted
        return f"blocks of {sum(sizes)} rows in all, and rows {header['rows']!r:.80}"
    if not isinstance(schema, list) or not all(
        isinstance(column, dict) and isinstance(column.get("name"), str) and isinstance(column.get("type"), str)
        for column in schema
    ):
        return f"a schema that does not give each column a name and a type: {schema!r:.80}"
    if len({column["name"] for column in schema}) < len(schema):
        return "a schema with one name twice"
    objects = [name for name in ("cut", "presentation") if not isinstance(header[name], dict)]
    return f"a {objects[0]} that is not an object" if objects else None


def _check_pieces(table: Any, header: dict[str, Any], name: str) -> None:
    """Refuse pieces that cannot be: nothing where something must stand, counts below 0, blocks the header lacks."""
    columns = set(table["column"].unique().to_pylist())
    if any(column.null_count for column in table.columns):
        raise Corrupt(f"{name} is damaged: a piece lacks {', '.join(c for c in _LEAF.names if table[c].null_count)}")
    for key in table["key"].unique().to_pylist():
        _check_key(key, name)
    if len(table) and any(pa.compute.min(table[count]).as_py() < 0 for count in _COUNTS):
        raise Corrupt(f"{name} is damaged: a piece has a negative {' or '.join(_COUNTS)}")
    if unknown := columns - {column["name"] for column in header["schema"]}:
        raise Corrupt(f"{name} is damaged: it places column {min(unknown)!r}, which its schema lacks")
    blocks = len(header["blocks"])
    if len(table) and (last := pa.compute.max(table["block"]).as_py()) >= blocks:
        raise Corrupt(f"{name} is damaged: it places row block {last} and has {blocks} of them, counted from 0")


_COUNTS = ("block", "start", "rows", "row_group", "skip")


def _check_key(key: Any, name: str) -> None:
    parts = key.split("/") if isinstance(key, str) else [""]
    if any(part in ("", ".", "..") for part in parts) or "\\" in key or "\0" in key or ":" in parts[0]:
        raise UnsafePath(f"{name} names the file {key!r}, which is not a key inside a store; do not use this manifest")
    if parts[0].startswith("@"):
        raise SchemaError(
            f"{name} names the file {key!r}, which lies in a place beside the store; this mlcycle knows no places: "
            "upgrade to read it"
        )
