"""A few typed values as JSON and back: the categories of a category dtype, the fill value of a sparse one."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pyarrow as pa

from mlcycle._digest import json_number, json_value
from mlcycle.codecs._canonical import plain
from mlcycle.codecs._logical_types import logical_type

__all__ = ["values_from_json", "values_to_json"]


def values_to_json(values: Any) -> list[Any]:
    """Return the values as plain JSON.

    Whole numbers, truth and text as themselves; other numbers too, but as `json_number` has them where they are not
    finite; moments, dates and durations as the whole number Arrow keeps; decimals as text; bytes in base64; structs as
    a list of their fields' values; lists as lists; nulls as null.

    Examples
    --------
    >>> values_to_json(pa.array([0.5, float("inf")]))
    [0.5, {'$float': 'Infinity'}]
    """
    values = plain(values)
    types, kind = pa.types, values.type
    if types.is_floating(kind):
        floats = values.cast(pa.float64()).to_pylist()
        return [None if value is None else json_number(value) for value in floats]
    if types.is_decimal(kind):
        return [None if value is None else str(value) for value in values.to_pylist()]
    if types.is_temporal(kind):
        return list(values.view(_ticks_type(kind)).to_pylist())
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return [None if value is None else base64.b64encode(value).decode() for value in values.to_pylist()]
    if types.is_struct(kind):
        rows = zip(*(values_to_json(child) for child in values.flatten()), strict=True)
        return [list(row) if valid else None for row, valid in zip(rows, values.is_valid().to_pylist(), strict=True)]
    return list(values.to_pylist())


def _ticks_type(kind: Any) -> Any:
    return pa.int32() if kind.bit_width == 32 else pa.int64()


def values_from_json(values: list[Any], kind: Any) -> Any:
    """Return the values as an Arrow array of a type; the inverse of `values_to_json`.

    Examples
    --------
    >>> values_from_json([0.5, {"$float": "Infinity"}], pa.float64()).to_pylist()
    [0.5, inf]
    """
    wanted, types = logical_type(kind), pa.types
    if types.is_floating(wanted):
        return pa.array(json_value(values), pa.float64()).cast(wanted)
    if types.is_decimal(wanted):
        return pa.array([None if value is None else Decimal(value) for value in values], wanted)
    if types.is_temporal(wanted):
        return pa.array(values, _ticks_type(wanted)).view(wanted)
    if types.is_binary(wanted) or types.is_fixed_size_binary(wanted):
        return pa.array([None if value is None else base64.b64decode(value) for value in values], wanted)
    if types.is_struct(wanted):
        columns = [[None if row is None else row[i] for row in values] for i in range(wanted.num_fields)]
        children = [values_from_json(column, field.type) for column, field in zip(columns, wanted, strict=True)]
        mask = pa.array([row is None for row in values], pa.bool_())
        return pa.StructArray.from_arrays(children, fields=list(wanted), mask=mask)
    return pa.array(values, wanted)
