"""The one JSON form of records: plain dicts with a ``type``, readable by older and newer releases.

Fields this release does not know are ignored when reading, a ``type`` it does not know is refused. JSON has no NaN
and no infinities: a number field holds them as ``"NaN"``, ``"Infinity"``, ``"-Infinity"``, free data (params,
evidence) as ``{"$float": "NaN"}``; a key of free data that begins with ``$`` is written with one more.
"""

from __future__ import annotations

import functools
import importlib
import math
from typing import Any, TypeVar

from mlcycle._digest import json_number, json_value
from mlcycle.errors import Corrupt, InvalidInput, SchemaError
from mlcycle.records._record import Record

__all__ = ["TYPES", "from_json", "to_json"]

R = TypeVar("R", bound=Record)

TYPES = {
    "AtLeast": "_criteria",
    "AtMost": "_criteria",
    "Code": "_runs",
    "DatasetVersion": "_data",
    "Decision": "_results",
    "Environment": "_runs",
    "Evaluation": "_results",
    "FileRef": "_data",
    "Finding": "_deployments",
    "Loosening": "_scope",
    "ModelVersion": "_models",
    "Move": "_deployments",
    "NotWorseThan": "_criteria",
    "Override": "_results",
    "Report": "_deployments",
    "Result": "_results",
    "Revision": "_deployments",
    "Roles": "_data",
    "Run": "_runs",
    "Scope": "_scope",
    "Signature": "_models",
    "Status": "_deployments",
}
"""Every ``type`` a document may have, and the module of its class. A name written once is kept for ever."""


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as a dict of plain JSON values, with its ``type``.

    Parameters
    ----------
    record : Record
        Any record in `TYPES`.

    Raises
    ------
    InvalidInput
        If it is no record, or free data in it (params, evidence) holds something JSON cannot.

    Examples
    --------
    >>> from mlcycle.records import AtLeast
    >>> to_json(AtLeast("accuracy", 0.9))["threshold"]
    0.9
    """
    name = type(record).__name__
    if name not in TYPES or type(record) is not _class(name):
        raise InvalidInput(f"{name} has no JSON form of its own; what has one: {', '.join(TYPES)}")
    return {"type": name, **_converter().unstructure(record, unstructure_as=type(record))}


def from_json(document: dict[str, Any]) -> Any:
    """Return the record a document of `to_json` describes.

    Parameters
    ----------
    document : dict
        With the key ``type``. Unknown fields are ignored.

    Raises
    ------
    SchemaError
        If the type, or a word in it, is one this release does not know: it was written by a newer mlcycle.
    Corrupt
        If a field is missing or cannot be what it should.

    Examples
    --------
    >>> from_json({"type": "AtMost", "metric": "log_loss", "threshold": 0.4, "added": "later"})
    AtMost('log_loss', 0.4)
    >>> from_json({"type": "Perfect"})
    Traceback (most recent call last):
    ...
    mlcycle.errors.SchemaError: a record of type 'Perfect' was written by a newer mlcycle; upgrade to read it
    """
    name = document.get("type") if isinstance(document, dict) else None
    if not isinstance(name, str):
        raise Corrupt(f"a record's JSON form is a dict with a 'type', got {document!r:.120}")
    return _structure(document, name)


def _structure(document: dict[str, Any], name: str) -> Any:
    if name not in TYPES:
        raise SchemaError(f"a record of type {name!r} was written by a newer mlcycle; upgrade to read it")
    try:
        return _converter().structure(document, _class(name))
    except InvalidInput as error:
        raise SchemaError(
            f"a {name} holds what this mlcycle does not know, it was written by a newer one: {error}"
        ) from error
    except (SchemaError, Corrupt):
        raise
    except KeyError as error:
        raise Corrupt(f"a {name} lacks its field {error}: {document!r:.200}") from error
    except Exception as error:
        raise Corrupt(f"a {name} cannot be read ({type(error).__name__}: {error}): {document!r:.200}") from error


@functools.cache
def _class(name: str) -> Any:
    return getattr(importlib.import_module(f"mlcycle.records.{TYPES[name]}"), name)


@functools.cache
def _converter() -> Any:
    """Build the cattrs converter; imported here because reading a record is the first need of cattrs."""
    import cattrs

    converter = cattrs.Converter(detailed_validation=False)
    criterion = _class("AtLeast").__mro__[1]
    criteria = (criterion, criterion | None)
    converter.register_unstructure_hook_func(lambda kind: kind in criteria, lambda value: value and to_json(value))
    converter.register_structure_hook_func(lambda kind: kind in criteria, lambda value, _: value and from_json(value))
    converter.register_unstructure_hook_func(lambda kind: kind is Any, _plain)
    converter.register_structure_hook_func(lambda kind: kind is Any, lambda value, _: json_value(value))
    # cattrs hands a tuple of anything through as it is, without asking the hook for Any.
    converter.register_structure_hook_func(
        lambda kind: kind == tuple[Any, ...], lambda value, _: tuple(json_value(item) for item in value)
    )
    # the label of a column is text or a number, and stays what it is
    converter.register_structure_hook_func(
        lambda kind: kind == (str | int | None), lambda value, _: value if isinstance(value, int | None) else str(value)
    )
    converter.register_unstructure_hook(float, _number)
    converter.register_structure_hook(float, lambda value, _: float(value))
    return converter


def _number(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return _spelled(value)
    return value


def _spelled(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _plain(value: Any) -> Any:
    """Turn free data into JSON values, or say what cannot be."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return json_number(value)
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Record):
        return to_json(value)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return _plain(value.item())
    raise InvalidInput(
        f"{value!r:.80} ({type(value).__name__}) is not a JSON value; turn it into numbers, text or lists"
    )


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise InvalidInput(f"keys of free data are text, got {type(key).__name__}: {key!r:.80}")
    return f"${key}" if key.startswith("$") else key
