"""Objects to bytes and back: tables, models, folders; has never heard of storage.

Names load on first use, so importing this room costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlcycle.codecs._blocks import Blocks, NewFile, Piece, Place
    from mlcycle.codecs._canonical import block_digest, canonical_bytes
    from mlcycle.codecs._folders import pack_folder, unpack_folder
    from mlcycle.codecs._manifests import Manifest, read_manifest
    from mlcycle.codecs._models import Packed, dump_model, load_model
    from mlcycle.codecs._profile import profile
    from mlcycle.codecs._selections import (
        EncodedSelection,
        encode_selection,
        read_selection,
        write_selection,
    )
    from mlcycle.codecs._signatures import check_inputs, infer_signature
    from mlcycle.codecs._tables import Encoded, Written, encode, load, verify, write

_HOMES = {
    "_blocks": ("Blocks", "NewFile", "Piece", "Place"),
    "_canonical": ("block_digest", "canonical_bytes"),
    "_folders": ("pack_folder", "unpack_folder"),
    "_manifests": ("Manifest", "read_manifest"),
    "_models": ("Packed", "dump_model", "load_model"),
    "_profile": ("profile",),
    "_selections": ("EncodedSelection", "encode_selection", "read_selection", "write_selection"),
    "_signatures": ("check_inputs", "infer_signature"),
    "_tables": ("Encoded", "Written", "encode", "load", "verify", "write"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Blocks",
    "Encoded",
    "EncodedSelection",
    "Manifest",
    "NewFile",
    "Packed",
    "Piece",
    "Place",
    "Written",
    "block_digest",
    "canonical_bytes",
    "check_inputs",
    "dump_model",
    "encode",
    "encode_selection",
    "infer_signature",
    "load",
    "load_model",
    "pack_folder",
    "profile",
    "read_manifest",
    "read_selection",
    "unpack_folder",
    "verify",
    "write",
    "write_selection",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
