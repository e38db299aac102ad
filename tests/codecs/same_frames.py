"""What it means that a frame came back: values to the bit, dtypes, index, column labels, names, attrs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def difference(before: pd.DataFrame, after: pd.DataFrame) -> str | None:
    """Return where two frames differ, or None; what stands for a missing object is not compared."""
    if before.shape != after.shape or before.attrs != after.attrs:
        return f"shape {before.shape} or attrs, now {after.shape}"
    found = _axis(before.index, after.index) or _axis(before.columns, after.columns)
    for position in range(before.shape[1]):
        found = found or _values(before.iloc[:, position].array, after.iloc[:, position].array)
    return found


def _axis(before: pd.Index, after: pd.Index) -> str | None:
    if type(before) is not type(after) or list(before.names) != list(after.names):
        return f"{type(before).__name__} {before.names} became {type(after).__name__} {after.names}"
    if isinstance(before, pd.MultiIndex) and isinstance(after, pd.MultiIndex):
        plain = [index.set_names([None] * index.nlevels) for index in (before, after)]
        levels = [[index.get_level_values(i).array for i in range(before.nlevels)] for index in plain]
        return next(filter(None, map(_values, *levels)), None)
    frequencies = [str(getattr(index, "freqstr", None)) for index in (before, after)]
    if frequencies[0] != frequencies[1] and "<" not in frequencies[0]:  # "<DateOffset: days=1>" is not a name
        return f"frequency {frequencies}"
    return _values(before.array, after.array)


def _values(before: Any, after: Any) -> str | None:
    before, after = _numpy(before), _numpy(after)
    if _sort(before.dtype) != _sort(after.dtype):
        return f"dtype {before.dtype} became {after.dtype}"
    if isinstance(before.dtype, pd.CategoricalDtype):
        same = np.array_equal(before.codes, after.codes)
        return _values(before.categories.array, after.categories.array) or (None if same else "codes")
    missing = np.asarray(pd.isna(before))
    if not np.array_equal(missing, np.asarray(pd.isna(after))):
        return f"missing values of {before.dtype}"
    if isinstance(before.dtype, pd.SparseDtype):  # filled with 0 or 0.0, the dtypes are equal
        before, after = np.asarray(before), np.asarray(after)
    if isinstance(before.dtype, np.dtype) and before.dtype != object:
        bits = [np.asarray(array)[~missing].astype(_sort(before.dtype)).tobytes() for array in (before, after)]
        return None if bits[0] == bits[1] else f"values of {before.dtype}"
    for old, new in zip(before[~missing], after[~missing], strict=True):
        if not _same(old, new):
            return f"{before.dtype}: {old!r} ({type(old).__name__}) became {new!r} ({type(new).__name__})"
    return None


def _numpy(array: Any) -> Any:
    return array.to_numpy() if isinstance(array, pd.arrays.NumpyExtensionArray) else array


def _sort(dtype: Any) -> Any:
    # a zone of dateutil or pytz comes back as the zone of its name, and numbers in this machine's byte order
    if isinstance(dtype, np.dtype):
        return dtype.newbyteorder("=")
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "zone", dtype.unit, pd.Timestamp("2020-07-01", tz="UTC").tz_convert(dtype.tz).utcoffset()
    if isinstance(dtype, pd.IntervalDtype):
        return "interval", dtype.closed, _sort(dtype.subtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return "category", bool(dtype.ordered)
    return dtype


def _same(old: Any, new: Any) -> bool:
    old, new = _python(old), _python(new)
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        return old.dtype == new.dtype and np.array_equal(old, new, equal_nan=old.dtype.kind == "f")
    if isinstance(old, float) and isinstance(new, float):
        return (old == new and str(old) == str(new)) or (old != old and new != new)
    if isinstance(old, list | tuple):
        return type(old) is type(new) and len(old) == len(new) and all(map(_same, old, new))
    if isinstance(old, dict):
        return isinstance(new, dict) and old.keys() == new.keys() and all(_same(old[key], new[key]) for key in old)
    return type(old) is type(new) and bool(old == new)


def _python(value: Any) -> Any:
    moment = isinstance(value, np.datetime64 | np.timedelta64)
    return value.item() if isinstance(value, np.generic) and not moment else value
