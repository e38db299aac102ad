"""Refs in JSON are full, ``model:churn@7``; a record says ``churn@7``, because its field tells the kind.

A field says so in its metadata: ``ref`` is the kind its texts are of (or a function of the document and the text that
tells it, None for a text that is no ref), ``refs`` the kinds by key of a dict of free data. A ref of another kind than
the field's own keeps its kind in both forms. A subject may be of any kind, so a record says it in full too: ``full``.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import attrs

from mlcycle.errors import Corrupt

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["bare_refs", "full_ref", "full_refs"]

Doc = dict[str, Any]
_KIND = re.compile(r"[a-z][a-z-]*:")


def full_refs(kind: Any, document: Doc) -> Doc:
    """Return the JSON form of a record of a class with its refs in full.

    Examples
    --------
    >>> from mlcycle.records import ModelVersion
    >>> full_refs(ModelVersion, {"name": "churn", "run": "0a", "data": ["customers@1", "model:base@2"]})
    {'name': 'churn', 'run': 'run:0a', 'data': ['dataset:customers@1', 'model:base@2']}
    """
    return _converted(kind, document, full_ref)


def bare_refs(kind: Any, document: Doc) -> Doc:
    """Return a JSON form with its refs as a record of a class has them; the inverse of `full_refs`.

    Raises
    ------
    Corrupt
        For a ref without its kind.

    Examples
    --------
    >>> from mlcycle.records import ModelVersion
    >>> bare_refs(ModelVersion, {"name": "churn", "run": "run:0a", "data": ["dataset:customers@1", "model:base@2"]})
    {'name': 'churn', 'run': '0a', 'data': ['customers@1', 'model:base@2']}
    """
    return _converted(kind, document, _bare)


def _converted(kind: Any, document: Doc, convert: Callable[[str, str], str]) -> Doc:
    changed = dict(document)
    for name, of, full in _fields(kind):
        value = document.get(name)
        if not value or (full and convert is full_ref):  # the record says it in full already
            continue
        if full:
            _bare(of, value)  # refuses a ref without its kind
            continue
        if isinstance(of, str) and isinstance(value, str):  # the common case by itself
            changed[name] = convert(of, value)
        elif isinstance(of, dict):
            texts = {key: of[key] for key in of if isinstance(value.get(key), str) and value[key]}
            changed[name] = {**value, **{key: convert(texts[key], value[key]) for key in texts}}
        else:
            changed[name] = _each(value, functools.partial(_of, of, document, convert))
    return changed


@functools.cache
def _fields(kind: Any) -> list[tuple[str, Any, bool]]:
    """Return the fields of a class that hold refs, each with its kind or the kinds by key, and if a record is full."""
    told = (
        (one.name, one.metadata.get("ref", one.metadata.get("refs")), bool(one.metadata.get("full")))
        for one in attrs.fields(kind)
    )
    return [one for one in told if one[1] is not None]


def _each(value: Any, convert: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return convert(value) if value else value
    if isinstance(value, dict):
        return {_each(key, convert): item for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_each(item, convert) for item in value]
    return value


def _of(of: Any, document: Doc, convert: Callable[[str, str], str], text: str) -> str:
    kind = of if isinstance(of, str) else of(document, text)
    return text if kind is None else convert(kind, text)


def full_ref(kind: str, text: str) -> str:
    """Return a ref with its kind.

    Examples
    --------
    >>> full_ref("model", "churn@7"), full_ref("model", "run:0a")
    ('model:churn@7', 'run:0a')
    """
    return text if _KIND.match(text) else f"{kind}:{text}"


def _bare(kind: str, text: str) -> str:
    if not _KIND.match(text):
        raise Corrupt(f"a stored ref says its kind, such as '{kind}:{text:.60}', found {text!r:.80}")
    return text.removeprefix(f"{kind}:")
