"""The one JSON form of records: plain dicts with a ``type``, readable by older and newer releases.

Fields this release does not know are ignored when reading, a ``type`` it does not know is refused; but a criterion of
such a type is read as one that nothing meets, so that it shuts its own gate and nothing else. The ``type`` of a user's
own criterion is ``module:Class``, and is known once that module has been imported: reading imports nothing. A verdict
it does not know stays the word it is. JSON has no NaN and no infinities, they are ``{"$float": "NaN"}`` and so on; a
key of free data (params, comparison) that begins with ``$`` is written with one more. Refs are full, see `_json_refs`.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

import attrs

from mlcycle._digest import json_number, json_value
from mlcycle.errors import Corrupt, InvalidInput, SchemaError
from mlcycle.records._criteria import Criterion, UnknownCriterion, class_of, own_name
from mlcycle.records._json_refs import bare_refs, full_refs
from mlcycle.records._metric_asked import AnyMetric
from mlcycle.records._record import Record, copied
from mlcycle.records._vocabulary import UnknownWord

__all__ = ["TYPES", "from_json", "to_json"]

TYPES = {
    "AtLeast": "_metric_criteria",
    "AtMost": "_metric_criteria",
    "Code": "_runs",
    "Cost": "_costs",
    "DatasetVersion": "_datasets",
    "Decision": "_decisions",
    "Environment": "_runs",
    "Evaluation": "_evaluations",
    "FileRef": "_data",
    "InRange": "_data_criteria",
    "Loosening": "_scope",
    "MetricSource": "_metric_source",
    "ModelVersion": "_models",
    "Move": "_deployments",
    "MovedTest": "_scope",
    "NotWorseThan": "_metric_criteria",
    "Override": "_decisions",
    "Part": "_part",
    "Result": "_results",
    "Revision": "_deployments",
    "Roles": "_data",
    "RowCount": "_data_criteria",
    "Run": "_runs",
    "Scope": "_scope",
    "Signature": "_models",
    "Status": "_status",
    "Unique": "_data_criteria",
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
        If it is no record, or free data in it (params, comparison) holds something JSON cannot.

    Examples
    --------
    >>> from mlcycle.records import AtLeast
    >>> to_json(AtLeast("accuracy", 0.9))["threshold"]
    0.9
    """
    if isinstance(record, UnknownCriterion):
        return dict(copied(record.document))
    return {"type": _name_of(record), **_converter().unstructure(record, unstructure_as=type(record))}


def _name_of(record: Record) -> str:
    name = type(record).__name__
    if name in TYPES and type(record) is _class(name):
        return name
    if isinstance(record, Criterion):
        return own_name(type(record))
    raise InvalidInput(f"{name} has no JSON form of its own; what has one: {', '.join(TYPES)}")


def from_json(document: dict[str, Any], type: str | None = None) -> Any:
    """Return the record a document of `to_json` describes.

    Parameters
    ----------
    document : dict
        With the key ``type``. Unknown fields are ignored.
    type : str, optional
        What it is, where the place it stands in says so and it does not: a part of something, a described file.

    Raises
    ------
    SchemaError
        If the type is one this release does not know, or a value one it would refuse: a newer mlcycle wrote it.
    Corrupt
        If a field is missing or cannot be what it should.

    Examples
    --------
    >>> from_json({"type": "AtMost", "metric": "log_loss", "threshold": 0.4, "added": "later"})
    AtMost('log_loss', 0.4)
    >>> from_json({"target": "churned"}, "Roles")
    Roles(target='churned')
    >>> from_json({"type": "Perfect"})
    Traceback (most recent call last):
    ...
    mlcycle.errors.SchemaError: a record of type 'Perfect' was written by a newer mlcycle; upgrade to read it
    """
    name = (type or document.get("type")) if isinstance(document, dict) else None
    if not isinstance(name, str):
        raise Corrupt(f"a record's JSON form is a dict with a 'type', got {document!r:.120}")
    return _structure(document, name)


def _structure(document: dict[str, Any], name: str) -> Any:
    if name not in TYPES:
        return _own(document, name)
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


def _own(document: dict[str, Any], name: str) -> Any:
    """Read a criterion of a user's own class, if that has been imported; a name in a store imports nothing."""
    kind = class_of(name)
    if kind is None and ":" not in name:
        raise SchemaError(f"a record of type {name!r} was written by a newer mlcycle; upgrade to read it")
    if kind is None:
        raise SchemaError(f"a criterion of the class {name!r} is kept here; import {name.partition(':')[0]} to read it")
    try:
        return _converter().structure(document, kind)
    except Exception as error:  # the class is the user's, and may have changed since
        raise SchemaError(f"the class {name!r} does not read what is kept of it: {error}") from error


@functools.cache
def _class(name: str) -> Any:
    return getattr(importlib.import_module(f"mlcycle.records.{TYPES[name]}"), name)


@functools.cache
def _converter() -> Any:
    """Build the cattrs converter; imported here because reading a record is the first need of cattrs."""
    import cattrs

    converter = cattrs.Converter(detailed_validation=False)
    # the first of the hooks that fits is the one registered last
    converter.register_unstructure_hook_factory(_says_more, functools.partial(_writer, converter))
    converter.register_structure_hook_factory(_says_more, functools.partial(_reader, converter))
    criteria = (Criterion, Criterion | None)
    converter.register_unstructure_hook_func(lambda kind: kind in criteria, lambda value: value and to_json(value))
    converter.register_structure_hook_func(lambda kind: kind in criteria, _criterion)
    converter.register_unstructure_hook_func(lambda kind: kind == AnyMetric, _plain)
    converter.register_structure_hook_func(lambda kind: kind == AnyMetric, _metric)
    converter.register_unstructure_hook_func(lambda kind: kind is Any, _plain)
    converter.register_structure_hook_func(lambda kind: kind is Any, lambda value, _: json_value(value))
    # cattrs hands a tuple of anything through as it is, without asking the hook for Any.
    converter.register_structure_hook_func(
        lambda kind: kind == tuple[Any, ...], lambda value, _: tuple(json_value(item) for item in value)
    )
    # the label of a column is text or a number, and stays what it is
    converter.register_structure_hook_func(lambda kind: kind == (str | int | None), _label)
    converter.register_unstructure_hook(float, _number)
    converter.register_structure_hook(float, lambda value, _: _float(value))
    # cattrs would take "false" for True, and 7 for "7"
    for simple in (str, int, bool):
        converter.register_structure_hook(simple, _exactly)
    return converter


def _says_more(kind: Any) -> bool:
    """Say whether fields of a class tell more of their texts than that they are texts."""
    return attrs.has(kind) and any(field.metadata for field in attrs.fields(kind))


def _writer(converter: Any, kind: Any) -> Any:
    plain = converter.gen_unstructure_attrs_fromdict(kind)
    return lambda record: full_refs(kind, plain(record))


def _reader(converter: Any, kind: Any) -> Any:
    build = converter.gen_structure_attrs_fromdict(kind)
    words = {field.name: field.metadata["words"] for field in attrs.fields(kind) if "words" in field.metadata}

    def read(document: Any, _: Any) -> Any:
        bare = bare_refs(kind, document)
        for name, known in words.items():
            if isinstance(bare.get(name), str) and bare[name] not in known:
                bare[name] = UnknownWord(bare[name])
        return build(bare, kind)

    return read


def _criterion(document: Any, kind: Any) -> Criterion | None:
    """Read a criterion; one whose class is not here blocks its gate, and the project stays readable."""
    if document is None and kind != Criterion:
        return None
    try:
        found = from_json(document)
    except SchemaError:
        return UnknownCriterion(document)
    if not isinstance(found, Criterion):
        raise Corrupt(f"a criterion is expected, found a {type(found).__name__}: {document!r:.120}")
    return found


def _metric(document: Any, _: Any) -> Any:
    """Read the metric of a criterion: a name as it is, what is more than a name by its type."""
    return document if isinstance(document, str) else from_json(document)


def _exactly(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{kind.__name__} is expected, found {type(value).__name__}: {value!r:.80}")
    return value


def _label(value: Any, _: Any) -> str | int | None:
    return value if value is None or isinstance(value, str) else _exactly(value, int)


def _float(value: Any) -> float:
    found = json_value(value) if isinstance(value, dict) else value
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise TypeError(f"a number is expected, found {type(value).__name__}: {value!r:.80}")
    return float(found)


def _number(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return json_number(value) if isinstance(value, float) else value


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
