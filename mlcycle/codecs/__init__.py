"""Objects to bytes and back: tables, models, folders; has never heard of storage.

Names load on first use, so importing this room costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.codecs._block_store import BlockStore, NewFile, Piece, Place
    from mlcycle.codecs._canonical import block_digest, canonical_bytes
    from mlcycle.codecs._column_values import ColumnValues, column_values
    from mlcycle.codecs._folders import pack_folder, unpack_folder
    from mlcycle.codecs._fresh_interpreter import FreshLoad, load_afresh
    from mlcycle.codecs._importable import missing_modules, module_folders, relative_folders
    from mlcycle.codecs._inputs import check_inputs
    from mlcycle.codecs._manifests import Manifest, read_manifest
    from mlcycle.codecs._models import (
        DumpedModel,
        dump_model,
        has_method,
        load_model,
        rescue_model,
        trusted_names,
    )
    from mlcycle.codecs._object_columns import check_nesting
    from mlcycle.codecs._row_blocks import cut
    from mlcycle.codecs._rows import are_records, frame_of, length_of, own_rows, rows_of, taken
    from mlcycle.codecs._selections import (
        EncodedSelection,
        encode_selection,
        read_selection,
        write_selection,
    )
    from mlcycle.codecs._signatures import complete_signature, example_rows, infer_signature
    from mlcycle.codecs._tables import Encoded, Written, columns_of, encode, load, verify, write

_HOMES = {
    "_block_store": ("BlockStore", "NewFile", "Piece", "Place"),
    "_canonical": ("block_digest", "canonical_bytes"),
    "_column_values": ("ColumnValues", "column_values"),
    "_row_blocks": ("cut",),
    "_folders": ("pack_folder", "unpack_folder"),
    "_fresh_interpreter": ("FreshLoad", "load_afresh"),
    "_importable": ("missing_modules", "module_folders", "relative_folders"),
    "_inputs": ("check_inputs",),
    "_manifests": ("Manifest", "read_manifest"),
    "_models": ("DumpedModel", "dump_model", "has_method", "load_model", "rescue_model", "trusted_names"),
    "_object_columns": ("check_nesting",),
    "_rows": ("are_records", "frame_of", "length_of", "own_rows", "rows_of", "taken"),
    "_selections": ("EncodedSelection", "encode_selection", "read_selection", "write_selection"),
    "_signatures": ("complete_signature", "example_rows", "infer_signature"),
    "_tables": ("Encoded", "Written", "columns_of", "encode", "load", "verify", "write"),
}

__all__ = [
    "BlockStore",
    "ColumnValues",
    "DumpedModel",
    "Encoded",
    "EncodedSelection",
    "FreshLoad",
    "Manifest",
    "NewFile",
    "Piece",
    "Place",
    "Written",
    "are_records",
    "block_digest",
    "canonical_bytes",
    "check_inputs",
    "check_nesting",
    "column_values",
    "columns_of",
    "complete_signature",
    "cut",
    "dump_model",
    "encode",
    "encode_selection",
    "example_rows",
    "frame_of",
    "has_method",
    "infer_signature",
    "length_of",
    "load",
    "load_afresh",
    "load_model",
    "missing_modules",
    "module_folders",
    "own_rows",
    "pack_folder",
    "read_manifest",
    "read_selection",
    "relative_folders",
    "rescue_model",
    "rows_of",
    "taken",
    "trusted_names",
    "unpack_folder",
    "verify",
    "write",
    "write_selection",
]

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
