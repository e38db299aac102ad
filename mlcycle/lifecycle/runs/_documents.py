"""The two documents of a run: ``head.json``, written at its start, and ``end.json``, written once when it is over.

Fields that are not known are passed over. What they hold stands in ``docs/format.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._documents import read_document
from mlcycle.errors import Corrupt
from mlcycle.lifecycle.runs._files import run_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlcycle.storage import Readable

__all__ = ["read_end", "read_head"]

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
    head = _read(files, run, "head.json", _HEAD)
    if head["id"] != run:
        raise _damaged(run, "head.json", f"it is that of run {head['id']!r:.60}")
    return head


def read_end(files: Readable, run: str) -> Doc:
    """Return the end of a run; raises as `read_head`."""
    return _read(files, run, "end.json", _END)


def _read(files: Readable, run: str, name: str, fields: Mapping[str, Kinds]) -> Doc:
    key = f"{run_folder(run)}/{name}"
    try:
        document = read_document(files.read(key), key)
    except Corrupt as error:
        raise Corrupt(f"{error}{_remedy(run)}") from error
    for field, kinds in fields.items():
        value = document.get(field)
        if not isinstance(value, kinds) or isinstance(value, bool):
            expected = " or ".join(_SAID.get(kind, "null") for kind in kinds)
            got = _SAID.get(type(value), "null") if field in document else "nothing"
            raise _damaged(run, name, f"its field {field!r} is {expected}, got {got}")
    return document


def _damaged(run: str, name: str, why: str) -> Corrupt:
    return Corrupt(f"{run_folder(run)}/{name} is damaged: {why}{_remedy(run)}")


def _remedy(run: str) -> str:
    return f"; put a good copy back, or drop the run: project.store.drop('run:{run}')"
