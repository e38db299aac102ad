"""Columns of two frames, read once: what kind each is, and its values in the form the tests want."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "CLOCK",
    "KINDS",
    "REMEDY",
    "SAME",
    "Ordered",
    "as_frame",
    "factorised",
    "few",
    "kind_of",
    "ordered_of",
    "raw_values",
    "reading",
    "sort_of",
]

KINDS = ("numeric", "discrete", "boolean", "categorical", "text", "datetime")
_INFERRED = {
    "string": "text",
    "boolean": "boolean",
    "integer": "numeric",
    "floating": "numeric",
    "decimal": "numeric",
    "mixed-integer-float": "numeric",
    "datetime": "datetime",
    "datetime64": "datetime",
    "date": "datetime",
    "timedelta": "numeric",
    "timedelta64": "numeric",
    "categorical": "categorical",
    "period": "categorical",
    "empty": "empty",
}


@frozen(eq=False)
class Ordered:
    """One side of an ordered column.

    Attributes
    ----------
    values : ndarray
        The finite values, sorted.
    rows, nulls, infinite, negative : int
        Rows in all, without a value, with an infinite one, and with one below every number.
    repeated, pairs : int
        Rows that hold the value of the row before, and rows that could.
    times : ndarray or None
        Of moments the second of the day, sorted.
    unit : str
        Of moments, what a step is: ``us`` or ``ns``.
    """

    values: NDArray[Any]
    rows: int
    nulls: int
    infinite: int = 0
    negative: int = 0
    repeated: int = 0
    pairs: int = 0
    times: NDArray[Any] | None = None
    unit: str = ""


def as_frame(data: Any, side: str) -> pd.DataFrame:
    """Return data as a frame with unique column names: pandas, Arrow, numpy, or a mapping of columns.

    Examples
    --------
    >>> as_frame(np.zeros((2, 3)), "reference").shape
    (2, 3)
    """
    import pandas as pd

    if data is None:
        raise InvalidInput(f"{side} is a frame, an array or a mapping of columns, got None")
    if hasattr(data, "to_pandas"):
        data = data.to_pandas()
    if isinstance(data, pd.Series):
        data = data.to_frame(0 if data.name is None else data.name)
    if isinstance(data, np.ndarray) and data.ndim > 2:
        raise InvalidInput(f"{side} has {data.ndim} dimensions; give rows by columns")
    try:
        frame = data if isinstance(data, pd.DataFrame) else pd.DataFrame(data)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{side} is a frame, an array or a mapping of columns, got {type(data).__name__}") from error
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].tolist()
        raise InvalidInput(f"{side} has columns of the same name: {twice!r}; rename or drop them")
    return frame


@contextmanager
def reading(column: pd.Series[Any], kind: str) -> Iterator[None]:
    """Say which column could not be read as what, whatever pandas, Arrow or a value itself raises.

    Examples
    --------
    >>> import pandas as pd
    >>> ordered_of(pd.Series([1, 10**400], name="size", dtype=object), "numeric")
    Traceback (most recent call last):
    mlcycle.errors.InvalidInput: column 'size' cannot be read as numeric: int too large to convert to float; ...
    """
    try:
        yield
    except (TypeError, ValueError, AttributeError, ArithmeticError, NotImplementedError) as error:
        raise InvalidInput(
            f"column {column.name!r} cannot be read as {kind}: {error}; convert the column or leave it out"
        ) from error


def kind_of(column: pd.Series[Any]) -> str:
    """Return the kind of one column, ``"mixed: …"`` when it is of no one kind, ``"empty"`` when its type has no value.

    Examples
    --------
    >>> import pandas as pd
    >>> kind_of(pd.Series([1.5, None])), kind_of(pd.Series(["a", "b"])), kind_of(pd.Series([1, "b"], dtype=object))
    ('numeric', 'text', 'mixed: mixed-integer')
    """
    from pandas.api import types

    dtype = column.dtype
    if found := _arrow_kind(dtype):
        return found
    if types.is_bool_dtype(dtype) and not isinstance(dtype, _categorical()):
        return "boolean"
    if types.is_complex_dtype(dtype):
        return "mixed: complex"
    if types.is_numeric_dtype(dtype) or types.is_timedelta64_dtype(dtype):
        return "numeric"
    if types.is_datetime64_any_dtype(dtype):
        return "datetime"
    if isinstance(dtype, _categorical()):
        return "categorical"
    if not types.is_object_dtype(dtype) and types.is_string_dtype(dtype):
        return "text"
    found = types.infer_dtype(column, skipna=True)
    return _INFERRED.get(found, f"mixed: {found}")


def _arrow_kind(dtype: Any) -> str:
    """Return the kind of an Arrow type that pandas does not know for what it is, or nothing."""
    arrow = getattr(dtype, "pyarrow_dtype", None)
    if arrow is None:
        return ""
    import pyarrow as pa

    return "empty" if pa.types.is_null(arrow) else "categorical" if pa.types.is_dictionary(arrow) else ""


def _categorical() -> type:
    import pandas as pd

    return pd.CategoricalDtype


def sort_of(column: pd.Series[Any], kind: str) -> str:
    """Return of what sort the values of a kind are, where two of one kind can still not be compared; else nothing.

    Durations are not plain numbers, moments that know their time zone not those that do not, and levels that are
    numbers not levels of text.

    Examples
    --------
    >>> import pandas as pd
    >>> sort_of(pd.Series(pd.to_timedelta([1], unit="s")), "numeric"), sort_of(pd.Series([1]), "numeric")
    ('durations', 'numbers')
    """
    from pandas.api import types

    if kind == "numeric":
        return "durations" if _holds_durations(column) else "numbers"
    if kind == "datetime":
        dtype = getattr(column.dtype, "pyarrow_dtype", column.dtype)
        if types.is_object_dtype(column.dtype):
            return ""
        return "moments with a time zone" if getattr(dtype, "tz", None) is not None else "moments without a time zone"
    if kind in ("categorical", "text"):
        found = types.infer_dtype(_level_names(column), skipna=True)
        return "" if found == "empty" else f"levels of type {found}"
    return ""


def _holds_durations(column: pd.Series[Any]) -> bool:
    from pandas.api import types

    if types.is_object_dtype(column.dtype):
        return types.infer_dtype(column, skipna=True) in ("timedelta", "timedelta64")
    return column.dtype.kind == "m"


def _level_names(column: pd.Series[Any]) -> Any:
    if isinstance(column.dtype, _categorical()):
        return column.cat.categories
    return factorised(column)[1] if _arrow_kind(column.dtype) == "categorical" else column


def few(column: pd.Series[Any]) -> bool:
    """Return whether text repeats itself often enough to be compared level by level."""
    head = column.iloc[:: max(len(column) // 2000, 1)].dropna()
    distinct = head.nunique()
    return bool(distinct <= 20 or distinct <= len(head) / 2)


def ordered_of(column: pd.Series[Any], kind: str) -> Ordered:
    """Return a numeric or datetime column, or the lengths of a text column, as sorted finite values.

    Moments become whole microseconds since 1970 in UTC, or nanoseconds where they have such digits, timedeltas seconds.

    Examples
    --------
    >>> import pandas as pd
    >>> found = ordered_of(pd.Series([3.0, None, 1.0, 1.0, float("inf")]), "numeric")
    >>> found.values.tolist(), found.nulls, found.infinite, (found.repeated, found.pairs)
    ([1.0, 1.0, 3.0], 1, 1, (1, 2))
    """
    with reading(column, kind):
        return _moments(column) if kind == "datetime" else _numbers(column, kind)


def raw_values(column: pd.Series[Any], kind: str) -> NDArray[Any]:
    """Return the values of an ordered column row by row, as `ordered_of` has them; those without one are never less."""
    if kind != "datetime":
        return numbers_in(column)
    steps, _ = moments_in(column)
    return np.where(steps == np.iinfo(np.int64).min, np.iinfo(np.int64).max, steps)


def _moments(column: pd.Series[Any]) -> Ordered:
    values, unit = moments_in(column)
    missing = np.iinfo(np.int64).min
    repeated, pairs = _repeated(values, values != missing)
    values = np.sort(values)
    nulls = int(values.searchsorted(missing, "right"))
    known = values[nulls:]
    a_second = 10**9 if unit == "ns" else 10**6
    times = np.sort(known // a_second % 86_400)
    return Ordered(
        known, len(column), nulls, 0, 0, repeated, pairs, times if len(times) and times[0] < times[-1] else None, unit
    )


def _numbers(column: pd.Series[Any], kind: str) -> Ordered:
    rows, nulls = len(column), 0
    if _has_digits_to_lose(column.dtype):
        column = column.dropna()
        nulls = rows - len(column)
    raw = numbers_in(column.str.len() if kind == "text" else column)
    values = np.sort(raw)
    if values.dtype.kind != "f":
        return Ordered(values, rows, nulls, 0, 0, *_repeated(raw, None))
    # Sorting puts nan last and the infinities at the ends, so they are counted without another pass.
    known = int(values.searchsorted(np.nan, "left"))
    low, high = int(values.searchsorted(-np.inf, "right")), int(values[:known].searchsorted(np.inf, "left"))
    repeated, pairs = _repeated(raw, None if known == len(raw) else raw == raw)
    return Ordered(values[low:high], rows, nulls + len(values) - known, low + known - high, low, repeated, pairs)


def _has_digits_to_lose(dtype: Any) -> bool:
    """Return whether a column holds whole numbers that a null would turn into floats."""
    from pandas.api import types

    return not isinstance(dtype, np.dtype) and types.is_integer_dtype(dtype)


def _repeated(values: NDArray[Any], known: NDArray[np.bool_] | None) -> tuple[int, int]:
    """Return how many rows hold the value of the row before, and of how many; rows without a value are neither."""
    same = values[1:] == values[:-1]
    if known is None:
        return int(np.count_nonzero(same)), len(same)
    both = known[1:] & known[:-1]
    return int(np.count_nonzero(same & both)), int(np.count_nonzero(both))


def numbers_in(column: pd.Series[Any]) -> NDArray[Any]:
    """Return a numeric column as numpy has it, nulls as nan; timedeltas in seconds."""
    from pandas.api import types

    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iuf":
        return column.to_numpy()
    if isinstance(dtype, np.dtype) and dtype.kind == "b":
        return column.to_numpy().view(np.uint8)
    if types.is_timedelta64_dtype(dtype):
        seconds: NDArray[Any] = column.dt.total_seconds().to_numpy()
        return seconds
    if types.is_integer_dtype(dtype) and not column.isna().any():
        return column.to_numpy(dtype=np.uint64 if types.is_unsigned_integer_dtype(dtype) else np.int64)
    if types.is_object_dtype(dtype):
        import pandas as pd

        column = pd.to_numeric(column.astype(object).where(column.notna(), None).map(_plain), errors="coerce")
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _plain(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, np.timedelta64):
        return value / np.timedelta64(1, "s")
    return value.total_seconds() if hasattr(value, "total_seconds") else float(value)


def moments_in(column: pd.Series[Any]) -> tuple[NDArray[np.int64], str]:
    """Return moments as whole steps since 1970 in UTC, nulls as the smallest int64, and what a step is.

    Microseconds, or nanoseconds where a moment has such digits.

    Examples
    --------
    >>> import pandas as pd
    >>> found = pd.Series(pd.to_datetime(["1970-01-01 00:00:01", "1970-01-01 00:00:00.000000001"], format="mixed"))
    >>> [part if isinstance(part, str) else part.tolist() for part in moments_in(found)]
    [[1000000000, 1], 'ns']
    """
    import pandas as pd

    moments = pd.to_datetime(column, utc=True) if column.dtype == object else column
    if _is_arrow_date(moments.dtype):  # which come out as Python dates, and as None where there is none
        moments = moments.astype("timestamp[us][pyarrow]")
    if getattr(moments.dtype, "tz", None) is not None:
        moments = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    exact = moments.to_numpy()
    if exact.dtype == np.dtype("datetime64[ns]"):
        steps = exact.astype(np.int64)
        if np.any(steps % 1000 != 0, where=steps != np.iinfo(np.int64).min):
            return steps, "ns"
    return moments.to_numpy(dtype="datetime64[us]").astype(np.int64, copy=True), "us"


def _is_arrow_date(dtype: Any) -> bool:
    arrow = getattr(dtype, "pyarrow_dtype", None)
    if arrow is None:
        return False
    import pyarrow as pa

    return bool(pa.types.is_date(arrow))


def factorised(column: pd.Series[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the code of every row, -1 for nulls, and the levels that the codes stand for."""
    if isinstance(column.dtype, _categorical()):
        return column.cat.codes.to_numpy().astype(np.intp), np.asarray(column.cat.categories, dtype=object)
    codes, names = column.factorize()
    return codes, np.asarray(names, dtype=object)


REMEDY = "leave it out, or name its kind to compare it"
SAME = "make both the same, or leave the column out"
CLOCK = "a running id or a clock always moves on"
