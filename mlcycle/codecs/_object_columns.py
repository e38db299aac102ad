"""Object columns: one kind of Python value a column, converted to Arrow and back without loss, or refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlcycle.errors import InvalidInput

__all__ = ["MISSING", "check_nesting", "describe_objects", "restore_objects", "same_value"]

Spec = dict[str, Any]

MISSING: dict[str, Any] = {"none": None, "nan": np.nan, "NA": pd.NA, "NaT": pd.NaT}
_CELLS: dict[type, tuple[str, Any]] = {
    str: ("str", pa.large_string()),
    bytes: ("bytes", pa.large_binary()),
    bool: ("bool", pa.bool_()),
    int: ("int", None),
    float: ("float", pa.float64()),
    Decimal: ("decimal", None),
    dt.date: ("date", pa.date32()),
    dt.datetime: ("datetime", None),
    dt.time: ("time", pa.time64("us")),
    dt.timedelta: ("timedelta", pa.duration("us")),
    list: ("list", None),
    tuple: ("tuple", None),
    dict: ("dict", None),
    np.ndarray: ("ndarray", None),
}
_PROVEN = ("datetime", "time", "list", "tuple", "dict", "ndarray")
# in this order: numpy counts its durations among the integers, and its widest floats hold more than Python's
_SCALARS = (
    (np.timedelta64, np.timedelta64), (np.longdouble, np.longdouble),
    (np.str_, str), (np.bytes_, bytes), (np.bool_, bool), (np.integer, int), (np.floating, float),
)  # fmt: skip
_REMEDIES = {
    "Timestamp": "make it a datetime column with pd.to_datetime",
    "Timedelta": "make it a timedelta column with pd.to_timedelta",
    "datetime64": "make it a datetime column with pd.to_datetime",
    "timedelta64": "make it a timedelta column with pd.to_timedelta",
    "longdouble": "make it a column of ordinary floats with .astype('float64')",
    "Period": "make it a period column with .astype('period[…]')",
    "complex": "store its real and imaginary parts as two columns",
    "DataFrame": "store it as a dataset of its own",
    "Series": "store each as a list with .to_list()",
}


def describe_objects(values: Any, label: str) -> tuple[Any, Spec]:
    """Return an object column as an Arrow array, and the spec that restores it.

    Raises
    ------
    InvalidInput
        Several kinds of value, a kind without a form, or nested values that do not come back equal.
    """
    missing = pd.isna(values)
    some_missing = bool(missing.any())
    spec = {"kind": "object", "missing": _sentinel(values[missing.argmax()]) if some_missing else "none"}
    present = values[~missing] if some_missing else values
    if not len(present):
        return pa.nulls(len(values)), {**spec, "cell": "null"}
    cell, kind = _cell(values, missing, present, label)
    if cell == "str" and not isinstance(pd.Series(["a"]).dtype, pd.StringDtype):
        # without missing text, the same presentation as from a pandas that gives text its own dtype
        spec = {"kind": "text", "missing": spec["missing"] if some_missing else "nan"}
        return _convert(values, missing, kind, label), spec
    spec["cell"] = cell
    if cell == "int":
        kind = pa.uint64() if max(present) >= 2**63 else pa.int64()
    if cell in ("list", "tuple", "dict", "ndarray"):
        _check_depth(present, label)
    if cell == "ndarray":
        spec["dtype"] = _one_dtype(present, label)
    made = _convert(values, missing, kind, label)
    if cell in _PROVEN:
        _prove(values, missing, made, spec, label)
    return made, spec


def _sentinel(value: Any) -> str:
    if value is None:
        return "none"
    if value is pd.NA:
        return "NA"
    return "NaT" if value is pd.NaT or isinstance(value, np.datetime64 | np.timedelta64) else "nan"


def _cell(values: Any, missing: Any, present: Any, label: str) -> tuple[str, Any]:
    kinds: dict[type, type] = {}
    for kind in set(map(type, present)):
        kinds[kind] = next((plain for numpy_kind, plain in _SCALARS if issubclass(kind, numpy_kind)), kind)
    if len(set(kinds.values())) > 1:
        _refuse_mixed(values, missing, kinds, label)
    kind = next(iter(kinds.values()))
    if kind in _CELLS:
        return _CELLS[kind]
    remedy = _REMEDIES.get(kind.__name__, "turn it into text with .astype(str), or into numbers")
    row = int((~missing).argmax())
    raise InvalidInput(f"{label} holds {kind.__name__} objects (first at row {row}), which cannot be stored; {remedy}")


def _refuse_mixed(values: Any, missing: Any, kinds: dict[type, type], label: str) -> None:
    first: dict[str, int] = {}
    for row, value in enumerate(values):
        if not missing[row]:
            first.setdefault(kinds[type(value)].__name__, row)
        if len(first) == len(set(kinds.values())):
            break
    found = " and ".join(f"{name} (first at row {row})" for name, row in first.items())
    raise InvalidInput(
        f"{label} mixes {found}; a stored column has one type: "
        "convert it, for example with .astype(str) or pd.to_numeric(…, errors='coerce')"
    )


_NESTS = (list, tuple, dict, np.ndarray)
_DEEPEST = 50


def check_nesting(frame: pd.DataFrame) -> None:
    """Refuse a frame with cells that are nested without end, before Arrow is given it.

    Raises
    ------
    InvalidInput
        Naming the column.

    Examples
    --------
    >>> endless = []
    >>> endless.append(endless)
    >>> check_nesting(pd.DataFrame({"a": [endless]}))
    Traceback (most recent call last):
    mlcycle.errors.InvalidInput: column 'a' holds values nested more than 50 deep; store them as JSON text
    """
    for position, dtype in enumerate(frame.dtypes):
        if getattr(dtype, "hasobject", False):
            _check_depth(frame.iloc[:, position], f"column {frame.columns[position]!r}")


def _check_depth(present: Any, label: str) -> None:
    """Refuse values that are nested without end, which crash Arrow."""
    deep = next((value for value in present if _is_deeper(value, _DEEPEST)), None)
    if deep is not None:
        raise InvalidInput(f"{label} holds values nested more than {_DEEPEST} deep; store them as JSON text")


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, _NESTS):
        return False
    if not levels:
        return True
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.dtype == object and value.ndim else ()
    members = value.values() if isinstance(value, dict) else value
    return any(_is_deeper(member, levels - 1) for member in members)


def _one_dtype(present: Any, label: str) -> str:
    found = {(array.dtype.name, array.ndim) for array in present}
    if len(found) > 1 or next(iter(found))[1] != 1:
        shown = ", ".join(f"{ndim}-dimensional {dtype}" for dtype, ndim in sorted(found))
        raise InvalidInput(
            f"{label} holds arrays that are not all 1-dimensional and of one dtype: {shown}; make them so"
        )
    if present[0].dtype.kind not in "biufmM":
        raise InvalidInput(f"{label} holds arrays of {present[0].dtype}, which cannot be stored; make them numbers")
    return str(next(iter(found))[0])


def _convert(values: Any, missing: Any, kind: Any, label: str) -> Any:
    mask = missing if missing.any() else None
    try:
        return pa.array(values, type=kind, mask=mask, from_pandas=False)
    except UnicodeEncodeError as error:
        row = next(
            (f", first at row {i}" for i, v in enumerate(values) if isinstance(v, str) and error.object in v), ""
        )
        raise InvalidInput(f"{label} holds text that is not valid Unicode (a lone surrogate){row}") from error
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0][:200]
        raise InvalidInput(
            f"{label} cannot be stored: {reason}; give its values one simple type, or store them as text"
        ) from error


def _prove(values: Any, missing: Any, made: Any, spec: Spec, label: str) -> None:
    """Refuse what would come back changed: 1 as 1.0, a missing key as None, a tuple in a list as a list."""
    restored = restore_objects(pa.chunked_array([made]), spec)
    for row, (before, after) in enumerate(zip(values, restored, strict=True)):
        if not missing[row] and not same_value(before, after):
            raise InvalidInput(
                f"{label} holds nested values that would not come back as they are, first at row {row}: {before!r:.60} "
                f"would be {after!r:.60}; give them all one shape and type, or store them as JSON text"
            )


def same_value(before: Any, after: Any) -> bool:
    """Say whether two values are equal and of one type, and so is all that is in them; NaN is equal to NaN."""
    if type(before) is not type(after):
        return False
    if isinstance(before, np.ndarray):
        return before.dtype == after.dtype and np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(same_value(before[key], after[key]) for key in before)
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(same_value, before, after))
    if isinstance(before, dt.datetime | dt.time) and before.utcoffset() != after.utcoffset():
        return False
    return bool(before == after or (before != before and after != after))


def restore_objects(column: Any, spec: Spec) -> Any:
    """Return an object array of Python values, with the missing value the column had."""
    cell, count = spec["cell"], len(column)
    if cell in ("str", "ndarray"):
        made = column.to_numpy()
        if cell == "ndarray":
            made = _filled([None if v is None else v.astype(spec["dtype"]) for v in made], count)
        made = made if made.flags.writeable and made.dtype == object else made.astype(object)
    elif cell == "null":
        made = np.full(count, None, dtype=object)
    else:
        values = column.to_pylist()
        made = _filled([v if v is None else tuple(v) for v in values] if cell == "tuple" else values, count)
    if column.null_count and spec["missing"] != "none":
        made[column.is_null().to_numpy()] = MISSING[spec["missing"]]
    return made


def _filled(values: list[Any], count: int) -> Any:
    made = np.empty(count, dtype=object)
    for row, value in enumerate(values):  # a slice assignment would unpack lists of one length
        made[row] = value
    return made
