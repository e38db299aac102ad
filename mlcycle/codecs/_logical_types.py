"""The names of logical types in canonical form 1, and of the Arrow types that hold them.

A logical type says what the values are, not how they lie in memory: ``string`` is one type, whether Arrow keeps it as
string, large string, view or dictionary. The names are a *format*: they are hashed into every column block.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa

from mlcycle.errors import InvalidInput, SchemaError

__all__ = ["arrow_type", "logical_name", "logical_type", "storage_name"]

_SIMPLE = {
    "null": pa.null(),
    "bool": pa.bool_(),
    **{f"{sign}int{bits}": getattr(pa, f"{sign}int{bits}")() for bits in (8, 16, 32, 64) for sign in ("", "u")},
    "float16": pa.float16(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
}
_NAMES = {kind: name for name, kind in _SIMPLE.items()}
_STORAGE = {
    "large_string": pa.large_string(),
    "string_view": pa.string_view(),
    "large_binary": pa.large_binary(),
    "binary_view": pa.binary_view(),
    "date64": pa.date64(),
}
_STORAGE_NAMES = {kind: name for name, kind in _STORAGE.items()}
_AS_LOGICAL = {
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
    pa.date64(): pa.date32(),
}
_MAX_128 = 38
_LISTS = ("is_list", "is_large_list", "is_fixed_size_list", "is_list_view", "is_large_list_view")


def _is_listing(kind: Any) -> bool:
    return any(getattr(pa.types, test)(kind) for test in _LISTS)


def logical_type(kind: Any) -> Any:
    """Return the one Arrow type that stands for the logical type of `kind`.

    Raises
    ------
    InvalidInput
        A type without a logical form: months and days together, unions, structs without fields or with doubled ones,
        decimals of negative scale or with more places than digits.

    Examples
    --------
    >>> logical_type(pa.dictionary(pa.int8(), pa.large_string()))
    DataType(string)
    """
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):  # first: one of the user's own may not even be hashable
        return logical_type(kind.storage_type)
    if kind in _NAMES or types.is_timestamp(kind) or types.is_duration(kind) or types.is_time(kind):
        return kind
    if kind in _AS_LOGICAL or (types.is_fixed_size_binary(kind) and kind.byte_width):
        return _AS_LOGICAL.get(kind, kind)
    if types.is_decimal(kind) and 0 <= kind.scale <= kind.precision:  # Parquet keeps no others
        return (pa.decimal128 if kind.precision <= _MAX_128 else pa.decimal256)(kind.precision, kind.scale)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return logical_type(kind.value_type)
    if types.is_map(kind):
        return pa.map_(logical_type(kind.key_type), logical_type(kind.item_type))
    if _is_listing(kind):
        return pa.list_(logical_type(kind.value_type))
    if types.is_struct(kind) and kind.num_fields and len({field.name for field in kind}) == kind.num_fields:
        return pa.struct([(field.name, logical_type(field.type)) for field in kind])
    raise InvalidInput(f"the Arrow type {kind} cannot be stored; cast it to text, numbers, lists or named fields first")


def logical_name(kind: Any) -> str:
    """Return the name of the logical type of an Arrow type, as it is hashed and written into manifests.

    Examples
    --------
    >>> logical_name(pa.timestamp("us", "Europe/Berlin"))
    'timestamp[us,"Europe/Berlin"]'
    >>> logical_name(pa.large_list(pa.struct([("a", pa.int8()), ("b", pa.large_string())])))
    'list<struct<"a":int8,"b":string>>'
    """
    return _name(logical_type(kind))


def _name(kind: Any) -> str:
    types = pa.types
    if kind in _NAMES:
        return _NAMES[kind]
    if types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if types.is_fixed_size_binary(kind):
        return f"binary({kind.byte_width})"
    if types.is_timestamp(kind):
        return f"timestamp[{kind.unit}]" if kind.tz is None else f"timestamp[{kind.unit},{_quote(kind.tz)}]"
    if types.is_time(kind) or types.is_duration(kind):
        return f"{'time' if types.is_time(kind) else 'duration'}[{kind.unit}]"
    if types.is_map(kind):
        return f"map<{_any_name(kind.key_type)},{_any_name(kind.item_type)}>"
    if types.is_struct(kind):
        return f"struct<{','.join(f'{_quote(field.name)}:{_any_name(field.type)}' for field in kind)}>"
    return f"list<{_any_name(kind.value_type)}>"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def storage_name(kind: Any) -> str:
    """Return the name of an Arrow type with how it is kept: what a presentation needs to restore it.

    Examples
    --------
    >>> storage_name(pa.dictionary(pa.int8(), pa.large_string()))
    'dictionary<int8,large_string>'
    """
    return _any_name(kind)


def _any_name(kind: Any) -> str:
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return _any_name(kind.storage_type)
    if kind in _STORAGE_NAMES:
        return _STORAGE_NAMES[kind]
    if types.is_decimal(kind) and kind != logical_type(kind):
        return f"decimal{kind.bit_width}({kind.precision},{kind.scale})"
    if types.is_dictionary(kind):
        ordered = ",ordered" if kind.ordered else ""
        return f"dictionary<{_any_name(kind.index_type)},{_any_name(kind.value_type)}{ordered}>"
    if types.is_run_end_encoded(kind):
        return f"run_end<{_any_name(kind.run_end_type)},{_any_name(kind.value_type)}>"
    if types.is_fixed_size_list(kind):
        return f"fixed_list[{kind.list_size}]<{_any_name(kind.value_type)}>"
    if _is_listing(kind) and not types.is_list(kind):
        view = "_view" if "view" in str(kind).partition("<")[0] else ""
        return f"{'large_' if 'large' in str(kind).partition('<')[0] else ''}list{view}<{_any_name(kind.value_type)}>"
    logical_type(kind)
    return _name(kind)


_WORD = re.compile(r"[a-z_0-9]+")
_NUMBERS = re.compile(r"\((\d+)(?:,(\d+))?\)")
_UNIT = re.compile(r"\[(s|ms|us|ns)")
_SIZE = re.compile(r"\[(\d+)\]")


def arrow_type(name: str) -> Any:
    """Return the Arrow type a name of either kind stands for.

    Raises
    ------
    SchemaError
        A name this version does not know.

    Examples
    --------
    >>> arrow_type('list<struct<"a":int8,"b":string>>')
    ListType(list<item: struct<a: int8, b: string>>)
    """
    try:
        kind, rest = _parse(name)
    except (ValueError, AttributeError, IndexError, TypeError, pa.ArrowException) as error:
        raise SchemaError(
            f"the type {name!r} is unknown; it was written by a newer mlcycle: upgrade to read it"
        ) from error
    if rest:
        raise SchemaError(f"the type {name!r} is unknown; it was written by a newer mlcycle: upgrade to read it")
    return kind


def _parse(text: str) -> tuple[Any, str]:
    word = _match(_WORD, text)[0]
    rest = text[len(word) :]
    if rest.startswith("("):
        found = _match(_NUMBERS, rest)
        return _sized(word, [int(n) for n in found.groups() if n is not None]), rest[found.end() :]
    if word in ("time", "timestamp", "duration"):
        return _temporal(word, rest)
    if word == "struct":
        return _fields(rest)
    if word in _SIMPLE or word in _STORAGE:
        return _SIMPLE[word] if word in _SIMPLE else _STORAGE[word], rest
    size = -1
    if word == "fixed_list":
        found = _match(_SIZE, rest)
        size, rest = int(found[1]), rest[found.end() :]
    return _container(word, size, rest)


def _match(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    found = pattern.match(text)
    if found is None:
        raise ValueError(text)
    return found


def _sized(word: str, numbers: list[int]) -> Any:
    if word == "binary":
        return pa.binary(*numbers)
    if word == "decimal":
        word = "decimal128" if numbers[0] <= _MAX_128 else "decimal256"
    if word not in ("decimal32", "decimal64", "decimal128", "decimal256"):
        raise ValueError(word)
    return getattr(pa, word)(*numbers)


def _temporal(word: str, rest: str) -> tuple[Any, str]:
    found = _match(_UNIT, rest)
    unit, rest = found[1], rest[found.end() :]
    zone = None
    if rest.startswith(","):
        zone, end = json.JSONDecoder().raw_decode(rest, 1)
        rest = rest[end:]
    if rest[0] != "]":
        raise ValueError(rest)
    if word == "time":
        return (pa.time32 if unit in ("s", "ms") else pa.time64)(unit), rest[1:]
    return (pa.duration(unit) if word == "duration" else pa.timestamp(unit, zone)), rest[1:]


def _fields(rest: str) -> tuple[Any, str]:
    fields = []
    while rest[0] in "<,":
        name, end = json.JSONDecoder().raw_decode(rest, 1)
        kind, rest = _parse(rest[end:].removeprefix(":"))
        fields.append((name, kind))
    if rest[0] != ">":
        raise ValueError(rest)
    return pa.struct(fields), rest[1:]


def _container(word: str, size: int, rest: str) -> tuple[Any, str]:
    inner = []
    ordered = False
    while rest[0] in "<,":
        if rest.startswith(",ordered>"):
            ordered, rest = True, rest[len(",ordered") :]
            continue
        kind, rest = _parse(rest[1:])
        inner.append(kind)
    if rest[0] != ">":
        raise ValueError(rest)
    if word == "dictionary":
        return pa.dictionary(*inner, ordered=ordered), rest[1:]
    if word == "fixed_list":
        return pa.list_(inner[0], size), rest[1:]
    makers = {"list": "list_", "map": "map_", "run_end": "run_end_encoded"}
    if word not in ("list", "large_list", "list_view", "large_list_view", "map", "run_end"):
        raise ValueError(word)
    return getattr(pa, makers.get(word, word))(*inner), rest[1:]
