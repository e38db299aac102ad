"""Columns of two frames, read once: what kind each is, and its values in the form the tests want."""

from __future__ import annotations

import re
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
    "UNSPACED",
    "Ordered",
    "as_frame",
    "coarsest",
    "counts_of",
    "factorised",
    "few",
    "is_spaced",
    "kind_of",
    "ordered_moments",
    "ordered_numbers",
    "ordered_of",
    "raw_values",
    "reading",
    "repeated",
    "sort",
    "sort_of",
    "sort_of_levels",
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
        The finite values, sorted; where they were counted, each different one once.
    counts : ndarray of int or None
        The rows of each value, where they were counted.
    rows, nulls, infinite, negative : int
        Rows in all, without a value, with an infinite one, and with one below every number.
    repeated, pairs : int
        Rows that hold the value of the row before, and rows that could.
    times : ndarray of int or None
        Of moments the rows of each second of the day, unless all have the same.
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
    counts: NDArray[np.intp] | None = None


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

    Durations are not plain numbers, and moments that know their time zone not those that do not.

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
    return ""


def sort_of_levels(names: NDArray[Any]) -> str:
    """Return of what sort levels are: numbers are others than text.

    Examples
    --------
    >>> sort_of_levels(np.array(["a", "b"], dtype=object)), sort_of_levels(np.array([1, 2]))
    ('levels of type string', 'levels of type integer')
    """
    from pandas.api import types

    found = types.infer_dtype(names, skipna=True)
    return "" if found == "empty" else f"levels of type {found}"


def _holds_durations(column: pd.Series[Any]) -> bool:
    from pandas.api import types

    if types.is_object_dtype(column.dtype):
        return types.infer_dtype(column, skipna=True) in ("timedelta", "timedelta64")
    return column.dtype.kind == "m"


# Scripts that put no space between words: Thai and its neighbours, Burmese, Khmer, Japanese and Chinese.
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]+")


def is_spaced(text: str) -> bool:
    """Return whether a text may be of several words: an id has no space, and is not of a script that has none."""
    return " " in text or (not text.isascii() and UNSPACED.search(text) is not None)


def few(codes: NDArray[Any]) -> bool:
    """Return whether text, as codes of its levels with -1 for nulls, repeats itself often enough to go by levels."""
    head = codes[:: max(len(codes) // 2000, 1)]
    head = head[head >= 0]
    distinct = len(np.unique(head))
    return distinct <= 20 or distinct <= len(head) / 2


def ordered_of(column: pd.Series[Any], kind: str, *, counted: bool = False) -> Ordered:
    """Return a numeric or datetime column as sorted finite values.

    Moments become whole microseconds since 1970 in UTC, or nanoseconds where they have such digits, timedeltas seconds.

    Examples
    --------
    >>> import pandas as pd
    >>> found = ordered_of(pd.Series([3.0, None, 1.0, 1.0, float("inf")]), "numeric")
    >>> found.values.tolist(), found.nulls, found.infinite, (found.repeated, found.pairs)
    ([1.0, 1.0, 3.0], 1, 1, (1, 2))
    """
    with reading(column, kind):
        return ordered_moments(*moments_in(column)) if kind == "datetime" else _numbers(column, counted)


def raw_values(column: pd.Series[Any], kind: str) -> NDArray[Any]:
    """Return the values of an ordered column row by row, as `ordered_of` has them; those without one are never less."""
    if kind != "datetime":
        return numbers_in(column)
    steps, _ = moments_in(column)
    return np.where(steps == np.iinfo(np.int64).min, np.iinfo(np.int64).max, steps)


def _numbers(column: pd.Series[Any], counted: bool) -> Ordered:
    if _has_digits_to_lose(column.dtype) and column.isna().any():
        kind = np.uint64 if column.dtype.kind == "u" else np.int64
        raw = column.to_numpy(dtype=kind, na_value=0)
        return ordered_numbers(raw, column.notna().to_numpy(), counted=counted)
    return ordered_numbers(numbers_in(column), counted=counted)


def _has_digits_to_lose(dtype: Any) -> bool:
    """Return whether a column holds whole numbers that a null would turn into floats."""
    from pandas.api import types

    return not isinstance(dtype, np.dtype) and types.is_integer_dtype(dtype)


def ordered_numbers(raw: NDArray[Any], known: NDArray[np.bool_] | None = None, *, counted: bool = False) -> Ordered:
    """Return numbers row by row, as sorted finite values.

    Parameters
    ----------
    raw : ndarray
        The numbers; a nan is none.
    known : ndarray of bool, optional
        Which rows have one, where not all do.
    counted : bool, default False
        Count whole numbers of a narrow range instead of sorting them, which is faster.
    """
    rows, kept = len(raw), raw if known is None else raw[known]
    if counted and (found := _counted(kept)):
        return Ordered(found[0], rows, rows - len(kept), 0, 0, *repeated(raw, known), counts=found[1])
    values = sort(kept)
    if values.dtype.kind != "f":
        return Ordered(values, rows, rows - len(kept), 0, 0, *repeated(raw, known))
    # Sorting puts nan last and the infinities at the ends, so they are counted without another pass.
    last = int(values.searchsorted(np.nan, "left"))
    low, high = int(values.searchsorted(-np.inf, "right")), int(values[:last].searchsorted(np.inf, "left"))
    if last < len(values):
        known = raw == raw if known is None else known & (raw == raw)
    return Ordered(values[low:high], rows, rows - last, low + last - high, low, *repeated(raw, known))


def ordered_moments(steps: NDArray[np.int64], unit: str) -> Ordered:
    """Return moments row by row as sorted ones; the smallest int64 is none.

    Parameters
    ----------
    steps : ndarray of int64
        Since 1970 in UTC.
    unit : str
        What a step is: ``us`` or ``ns``.
    """
    values = sort(steps)
    nulls = int(values.searchsorted(np.iinfo(np.int64).min, "right"))
    known, counts = values[nulls:], np.zeros(_DAY, np.intp)
    for block in _blocks(known):
        seconds = block // (10**9 if unit == "ns" else 10**6)
        # numpy divides by a constant much faster than it finds a remainder.
        counts += np.bincount(seconds - seconds // _DAY * _DAY, minlength=_DAY)
    times = counts if np.count_nonzero(counts) > 1 else None
    there = steps != np.iinfo(np.int64).min if nulls else None
    return Ordered(known, len(steps), nulls, 0, 0, *repeated(steps, there), times, unit)


def sort(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in ascending order, themselves where they are: ids and times mostly come that way.

    Examples
    --------
    >>> sort(np.array([3, 1])).tolist(), sort(values := np.array([1, 3])) is values
    ([1, 3], True)
    """
    head = values[:_BLOCK]
    ascending = bool(np.all(head[:-1] <= head[1:])) and bool(np.all(values[:-1] <= values[1:]))
    return values if ascending else np.sort(values)


def counts_of(codes: NDArray[Any], n: int, least: Any = 0) -> NDArray[np.intp]:
    """Return how often each of `n` whole numbers from `least` on occurs.

    Examples
    --------
    >>> counts_of(np.array([7, 9, 7]), 3, 7).tolist()
    [2, 0, 1]
    """
    if n > _BLOCK:
        return np.bincount((codes - least).astype(np.intp, copy=False), minlength=n)
    wide = np.uint64 if codes.dtype.kind == "u" else np.int64  # wide enough for any difference of two values
    counts = np.zeros(n, np.intp)
    for block in _blocks(codes):
        counts += np.bincount((block.astype(wide, copy=False) - wide(least)).astype(np.intp, copy=False), minlength=n)
    return counts


# So many values stay in the cache of a processor while they are looked at, and so do the counts of as many different
# ones, where counting beats any sort.
_BLOCK = 1 << 16


def _blocks(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK))


_DAY = 86_400


def _counted(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]] | None:
    """Return the different values and their rows, for whole numbers of a narrow range."""
    if values.dtype.kind not in "iu" or not len(values):
        return None
    least, most = int(values.min()), int(values.max())
    if most - least >= min(_BLOCK, len(values)):
        return None
    counts = counts_of(values, most - least + 1, least)
    used = np.flatnonzero(counts)
    wide = np.uint64 if values.dtype.kind == "u" else np.int64
    return used.astype(wide) + wide(least), counts[used]


def repeated(values: NDArray[Any], known: NDArray[np.bool_] | None) -> tuple[int, int]:
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
        return coarsest(exact.astype(np.int64))
    steps = moments.to_numpy(dtype="datetime64[us]")
    if exact.dtype in ("datetime64[s]", "datetime64[ms]") and not np.array_equal(
        steps.astype(exact.dtype), exact, equal_nan=True
    ):
        raise OverflowError("a moment is further from 1970 than 292 000 years")
    return steps.astype(np.int64, copy=True), "us"


def coarsest(steps: NDArray[np.int64]) -> tuple[NDArray[np.int64], str]:
    """Return nanoseconds since 1970 as microseconds, unless one has such digits, and what a step is.

    Examples
    --------
    >>> coarsest(np.array([2000, np.iinfo(np.int64).min]))
    (array([                   2, -9223372036854775808]), 'us')
    """
    missing = np.iinfo(np.int64).min
    known, short = steps != missing, steps // 1000
    if np.any(short * 1000 != steps, where=known):
        return steps, "ns"
    return np.where(known, short, missing), "us"


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
