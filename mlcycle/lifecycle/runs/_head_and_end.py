"""The two documents of a run: ``head.json``, written at its start, and ``end.json``, written once when it is over.

Fields that are not known are passed over. What they hold stands in ``docs/format.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._documents import read_document
from mlcycle.errors import Corrupt
from mlcycle.lifecycle.runs._files import run_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlcycle.lifecycle.blobs import CheckedFiles
    from mlcycle.storage import Readable

__all__ = ["known_end", "known_head", "read_end", "read_head"]

Doc = dict[str, Any]
Kinds = tuple[type, ...]

_TEXT: Kinds = (str,)
_HEAD: dict[str, Kinds] = {
    "id": _TEXT,
    "experiment": _TEXT,
    "experiment_name": _TEXT,
    "name": _TEXT,
    "params": (dict,),
    "uses": (list,),
    "code": (dict,),
    "environment": (str, type(None)),
    "author": _TEXT,
    "started_at": _TEXT,
    "entry": (int,),
}
_END: dict[str, Kinds] = {
    "status": _TEXT,
    "ended_at": _TEXT,
    "entry": (int,),
    "metrics": (dict,),
    "points": (int,),
    "reads": (list,),
    "artifacts": (dict,),
    "model": (dict, type(None)),
    "failures": (int,),
    "error": (str, type(None)),
    "files": (list,),
}
_SAID = {str: "text", dict: "an object", list: "a list", int: "an integer", float: "a number", bool: "true or false"}


def read_head(files: Readable, run: str) -> Doc:
    """Return the head of a run.

    Raises
    ------
    KeyNotFound
        If there is none.
    Corrupt, SchemaError
        If it is damaged, or was written by a newer mlcycle; the message says which file, and what to do.
    """
    return _head(run, files.read(_key(run, "head.json")))


def read_end(files: Readable, run: str) -> Doc:
    """Return the end of a run; raises as `read_head`."""
    return _end(run, files.read(_key(run, "end.json")))


def known_head(checked_files: CheckedFiles, files: Readable, run: str, *, keep: bool = True) -> Doc:
    """As `read_head`, from memory where its bytes were kept; kept are those that can be read."""
    return _known(checked_files, files, _key(run, "head.json"), lambda data: _head(run, data), keep)


def known_end(checked_files: CheckedFiles, files: Readable, run: str, *, keep: bool = True) -> Doc:
    """As `read_end`, and `known_head`."""
    return _known(checked_files, files, _key(run, "end.json"), lambda data: _end(run, data), keep)


def _known(checked_files: CheckedFiles, files: Readable, key: str, parse: Callable[[bytes], Doc], keep: bool) -> Doc:
    known = checked_files.runs.known(key)
    data: bytes = files.read(key) if known is None else known
    document = parse(data)
    if keep and known is None:
        checked_files.runs.put(key, data, len(data))
    return document


def _head(run: str, data: bytes) -> Doc:
    head = _checked(run, "head.json", data, _HEAD)
    if head["id"] != run:
        raise _damaged(run, "head.json", f"it is that of run {head['id']!r:.60}")
    return head


def _end(run: str, data: bytes) -> Doc:
    return _checked(run, "end.json", data, _END)


def _checked(run: str, name: str, data: bytes, fields: Mapping[str, Kinds]) -> Doc:
    try:
        document = read_document(data, _key(run, name))
    except Corrupt as error:
        raise Corrupt(f"{error}{_remedy(run)}") from error
    for field, kinds in fields.items():
        if type(value := document.get(field)) not in kinds:
            expected = " or ".join(_SAID.get(kind, "null") for kind in kinds)
            got = _SAID.get(type(value), "null") if field in document else "nothing"
            raise _damaged(run, name, f"its field {field!r} is {expected}, got {got}")
    return document


def _key(run: str, name: str) -> str:
    return f"{run_folder(run)}/{name}"


def _damaged(run: str, name: str, why: str) -> Corrupt:
    return Corrupt(f"{run_folder(run)}/{name} is damaged: {why}{_remedy(run)}")


def _remedy(run: str) -> str:
    return f"; put a good copy back, or drop the run: project.store.drop('run:{run}')"
