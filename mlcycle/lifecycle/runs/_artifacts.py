"""Artifacts of a run: how a file, a folder, a table, a figure, text, bytes and JSON data become one file."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle import codecs
from mlcycle._digest import json_text
from mlcycle._error_text import error_text
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle._params import ParamsEncoder

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PackedArtifact", "pack_artifact"]

_LONGEST_PATH = 4_096  # characters; no system opens a longer one
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,9}")
_PATH_START = re.compile(r"[~.]{0,2}[/\\]|[A-Za-z]:[/\\]")
_FEW_WORDS = 4  # a longer line with a slash or a dot in it is a sentence
_NO_PATH = frozenset('\n\0<>{}"|')  # markup and JSON have slashes, too


@frozen
class PackedArtifact:
    """What an artifact became.

    Attributes
    ----------
    suffix : str
        Of the file, ``".parquet"``.
    lost : tuple of str
        What of it could not be kept, or not as it was; empty if all is well.
    remark : str
        What a reader of the file should know.
    """

    suffix: str
    lost: tuple[str, ...] = ()
    remark: str = ""


def pack_artifact(thing: Any, target: Path) -> PackedArtifact:
    """Write an artifact to a file.

    Parameters
    ----------
    thing : object
        See `ActiveRun.log_artifact`.
    target : Path
        The file to make.

    Raises
    ------
    InvalidInput
        For what is none of these, with what would do. Trouble of a disk, or of code that is not ours, comes out as it
        is.
    """
    if isinstance(thing, str):
        named = _file_named(thing)
        return _pack_text(thing, target) if named is None else _pack_path(named, target)
    if hasattr(thing, "__fspath__"):
        return _pack_path(_expanded(os.fsdecode(os.fspath(thing))), target)
    if isinstance(thing, (bytes, bytearray, memoryview)):
        target.write_bytes(thing)
        return PackedArtifact(".bin")
    if not hasattr(thing, "to_parquet") and hasattr(thing, "to_frame"):
        thing = thing.to_frame()  # one column of pandas or polars
    if hasattr(thing, "to_parquet") or hasattr(thing, "__arrow_c_stream__"):
        return _pack_table(thing, target)
    if hasattr(thing, "savefig"):
        thing.savefig(target, format="png")
        return PackedArtifact(".png")
    if isinstance(thing, (dict, list)):
        return _pack_json(thing, target)
    raise InvalidInput(
        f"an artifact is a path, a DataFrame, a figure, text, bytes, a dict or a list, got {type(thing).__name__}; "
        "write it to a file and pass pathlib.Path(file)"
    )


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody knows where home is
        return Path(text)


def _file_named(text: str) -> Path | None:
    """Return the file or folder of this machine that a text names, or None."""
    if not any(map(str.isalnum, text[:_LONGEST_PATH])) or len(text) > _LONGEST_PATH or "\n" in text or "\0" in text:
        return None
    path = _expanded(text)
    try:
        return path if path.exists() else None
    except (OSError, ValueError):  # a part of it is too long for a name, or no text of this system
        return None


def _looks_like_path(text: str) -> bool:
    """Say whether somebody who wrote this meant a file, which is not there."""
    line = text.strip()
    if not _NO_PATH.isdisjoint(line) or len(line) > _LONGEST_PATH or line.startswith(("http://", "https://")):
        return False
    suffix = _SUFFIX.fullmatch(Path(line).suffix) is not None
    separator = ("/" in line or "\\" in line) and any(map(str.isalpha, line))
    short = len(line.split()) <= _FEW_WORDS or _PATH_START.match(line) is not None
    return short and (suffix or separator)


def _pack_path(path: Path, target: Path) -> PackedArtifact:
    if path.is_dir():
        packed = codecs.pack_folder(path, target, whole=False)
        return PackedArtifact(".zip", packed.left_out)
    if path.is_file():
        shutil.copyfile(path, target)
        return PackedArtifact(path.suffix if _SUFFIX.fullmatch(path.suffix) else ".bin")
    if path.exists():
        raise InvalidInput(f"{path} is neither a file nor a folder: pipes, sockets and devices cannot be kept")
    raise InvalidInput(f"there is no file and no folder {path}; write it first, or correct the path")


def _pack_text(text: str, target: Path) -> PackedArtifact:
    plain = json_text(text)
    target.write_bytes(plain.encode())
    lost: tuple[str, ...] = ()
    if _looks_like_path(text):
        lost = (f"{text!r} looks like a path, and there is no such file: its {len(text)} characters are kept as text",)
    return PackedArtifact(".txt", lost, "" if plain == text else "what is not Unicode in it is kept as \\udcxx escapes")


def _pack_json(thing: Any, target: Path) -> PackedArtifact:
    spelling = ParamsEncoder(limited=False)
    text = json.dumps(spelling.value(thing, ""), ensure_ascii=False, allow_nan=False)
    target.write_bytes(text.encode())
    odd = [f"what is at {where or 'the top'} has no JSON form and is kept as text" for where in _first(spelling)]
    remark = 'JSON has no NaN and no infinity: they are kept as {"$float": "NaN"}' if spelling.not_finite else ""
    return PackedArtifact(".json", tuple(odd), remark)


def _first(spelling: ParamsEncoder) -> list[str]:
    return list(dict.fromkeys(where.removeprefix(".") for where in (*spelling.as_text, *spelling.shortened)))


def _pack_table(table: Any, target: Path) -> PackedArtifact:
    """Write a table as Parquet; one that Parquet cannot hold as CSV, which any table can be."""
    forms: list[tuple[str, str, Callable[[], Any]]] = [(".parquet", "", lambda: _to_parquet(table, target))]
    if getattr(table, "attrs", None):
        forms.append((".parquet", "its attrs are left out", lambda: _written(_bare(table), target)))
    if hasattr(table, "to_csv"):
        forms.append((".csv", "it is kept as CSV", lambda: table.to_csv(target, errors="backslashreplace")))
    trouble: Exception | None = None
    for suffix, instead, write in forms:
        try:
            write()
        except Exception as error:  # noqa: BLE001 - pandas and pyarrow raise whatever they like
            trouble = trouble or error
        else:
            lost = (f"{instead}, because Parquet cannot hold it whole ({error_text(trouble)})",) if trouble else ()
            return PackedArtifact(suffix, lost)
    assert trouble is not None
    raise InvalidInput(
        f"this table cannot be written ({error_text(trouble)}); make its columns of one kind each, or write it to a "
        "file and pass pathlib.Path(file)"
    ) from trouble


def _to_parquet(table: Any, target: Path) -> None:
    if hasattr(table, "to_parquet"):
        _written(table, target)
        return
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(table), target)  # of polars, DuckDB, Arrow itself


def _written(table: Any, target: Path) -> None:
    if hasattr(table, "iloc"):
        codecs.check_nesting(table)
    table.to_parquet(target)


def _bare(table: Any) -> Any:
    bare = table.copy(deep=False)
    bare.attrs = {}
    return bare
