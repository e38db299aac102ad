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
    "Levels",
    "Ordered",
    "as_frame",
    "factorised",
    "joint_kind",
    "kind_of",
    "levels_of",
    "microseconds_in",
    "numbers_in",
    "ordered_of",
    "reading",
    "running",
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
    """One side of an ordered column: its finite values, sorted, and how many rows had none."""

    values: NDArray[Any]
    rows: int
    nulls: int
    infinite: int


@frozen(eq=False)
class Levels:
    """Both sides of a column of levels: counts per level, over the levels of both."""

    reference: NDArray[np.intp]
    current: NDArray[np.intp]
    nulls: tuple[int, int]


def as_frame(data: Any, side: str) -> pd.DataFrame:
    """Return data as a frame with unique column names: pandas, Arrow, numpy, or a mapping of columns.

    Examples
    --------
    >>> as_frame(np.zeros((2, 3)), "reference").shape
    (2, 3)
    """
    import pandas as pd

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


def joint_kind(reference: pd.Series[Any], current: pd.Series[Any]) -> tuple[str, str]:
    """Return the kind both sides are compared as, and why they cannot be when that is ``"mixed"``.

    Text with few distinct values for its rows is categorical; a boolean beside numbers is a number.

    Examples
    --------
    >>> import pandas as pd
    >>> joint_kind(pd.Series(["a", "b"] * 9), pd.Series(["a", None]))
    ('categorical', '')
    >>> joint_kind(pd.Series([1, 2]), pd.Series(["a"]))
    ('mixed', 'the reference is numeric and the current data text; convert one, or leave the column out')
    """
    a, b = kind_of(reference), kind_of(current)
    for side, kind in (("reference", a), ("current data", b)):
        if kind.startswith("mixed"):
            holds = kind.removeprefix("mixed: ")
            return "mixed", f"the {side} holds values of no one kind ({holds}); convert the column or leave it out"
    kinds = {a, b} - {"empty"}
    if not kinds:
        return "empty", ""
    if "empty" not in (a, b) and (why := _of_two_sorts(reference, current, kinds)):
        return "mixed", why
    if kinds == {"text"}:
        return ("categorical" if _few(reference if a == "text" else current) else "text"), ""
    if kinds == {"categorical", "text"}:
        return "categorical", ""
    if kinds == {"boolean", "numeric"}:
        return "numeric", ""
    if len(kinds) == 1:
        return kinds.pop(), ""
    return "mixed", f"the reference is {a} and the current data {b}; convert one, or leave the column out"


def _of_two_sorts(reference: pd.Series[Any], current: pd.Series[Any], kinds: set[str]) -> str:
    """Return why two columns of one kind can still not be compared: durations and numbers, or levels of two types."""
    from pandas.api import types

    if kinds == {"numeric"}:
        durations = [_holds_durations(side) for side in (reference, current)]
        if durations[0] != durations[1]:
            return f"one side holds durations and the other numbers; {_SAME}"
    if kinds == {"datetime"}:
        dtypes = [getattr(side.dtype, "pyarrow_dtype", side.dtype) for side in (reference, current)]
        zones = [getattr(dtype, "tz", None) is not None for dtype in dtypes]
        if zones[0] != zones[1] and not any(types.is_object_dtype(side.dtype) for side in (reference, current)):
            return f"one side knows its time zone and the other does not; {_SAME}"
    if kinds <= {"categorical", "text"} and "categorical" in kinds:
        sorts = [types.infer_dtype(_level_names(side), skipna=True) for side in (reference, current)]
        if sorts[0] != sorts[1] and "empty" not in sorts:
            return (
                f"the levels of the reference are of type {sorts[0]} and those of the current data {sorts[1]}; {_SAME}"
            )
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


def _few(column: pd.Series[Any]) -> bool:
    """Return whether text repeats itself often enough to be compared level by level."""
    head = column.iloc[:: max(len(column) // 2000, 1)].dropna()
    distinct = head.nunique()
    return bool(distinct <= 20 or distinct <= len(head) / 2)


def ordered_of(column: pd.Series[Any], kind: str) -> Ordered:
    """Return a numeric or datetime column, or the lengths of a text column, as sorted finite values.

    Datetimes become microseconds since 1970 in UTC, timedeltas seconds.

    Examples
    --------
    >>> import pandas as pd
    >>> found = ordered_of(pd.Series([3.0, None, 1.0, float("inf")]), "numeric")
    >>> found.values.tolist(), found.nulls, found.infinite
    ([1.0, 3.0], 1, 1)
    """
    with reading(column, kind):
        return _sorted(column, kind)


def _sorted(column: pd.Series[Any], kind: str) -> Ordered:
    if kind == "datetime":
        values = microseconds_in(column)
        values.sort()
        nulls = int(values.searchsorted(np.iinfo(np.int64).min, "right"))
        return Ordered(values[nulls:], len(column), nulls, 0)
    values = np.sort(numbers_in(column.str.len() if kind == "text" else column))
    if values.dtype.kind != "f":
        return Ordered(values, len(values), 0, 0)
    # Sorting puts nan last and the infinities at the ends, so they are counted without another pass.
    known = int(values.searchsorted(np.nan, "left"))
    low, high = int(values.searchsorted(-np.inf, "right")), int(values[:known].searchsorted(np.inf, "left"))
    return Ordered(values[low:high], len(values), len(values) - known, low + known - high)


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


def microseconds_in(column: pd.Series[Any]) -> NDArray[np.int64]:
    """Return moments as microseconds since 1970 in UTC, nulls as the smallest int64."""
    import pandas as pd

    moments = pd.to_datetime(column, utc=True) if column.dtype == object else column
    if _is_arrow_date(moments.dtype):  # which come out as Python dates, and as None where there is none
        moments = moments.astype("timestamp[us][pyarrow]")
    if getattr(moments.dtype, "tz", None) is not None:
        moments = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    return moments.to_numpy(dtype="datetime64[us]").astype(np.int64, copy=True)


def _is_arrow_date(dtype: Any) -> bool:
    arrow = getattr(dtype, "pyarrow_dtype", None)
    if arrow is None:
        return False
    import pyarrow as pa

    return bool(pa.types.is_date(arrow))


def levels_of(reference: pd.Series[Any], current: pd.Series[Any]) -> Levels:
    """Return how often each level occurs on either side; nulls are counted apart.

    Examples
    --------
    >>> import pandas as pd
    >>> found = levels_of(pd.Series(["a", "b", None]), pd.Series(["c", "b"]))
    >>> found.reference.tolist(), found.current.tolist(), found.nulls
    ([1, 1, 0], [0, 1, 1], (1, 0))
    """
    import pandas as pd

    sides = []
    for column in (reference, current):
        with reading(column, "categorical"):
            codes, names = factorised(column)
        known = codes[codes >= 0]
        sides.append((names, np.bincount(known, minlength=len(names)), len(codes) - len(known)))
    (names_a, a, nulls_a), (names_b, b, nulls_b) = sides
    joined, every = pd.factorize(np.concatenate([names_a, names_b]))
    counts = [np.zeros(len(every), np.intp), np.zeros(len(every), np.intp)]
    np.add.at(counts[0], joined[: len(names_a)], a)
    np.add.at(counts[1], joined[len(names_a) :], b)
    used = counts[0] + counts[1] > 0  # categories that no row has are no levels
    return Levels(counts[0][used], counts[1][used], (nulls_a, nulls_b))


def factorised(column: pd.Series[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the code of every row, -1 for nulls, and the levels that the codes stand for."""
    if isinstance(column.dtype, _categorical()):
        return column.cat.codes.to_numpy().astype(np.intp), np.asarray(column.cat.categories, dtype=object)
    codes, names = column.factorize()
    return codes, np.asarray(names, dtype=object)


def running(reference: pd.Series[Any], current: pd.Series[Any], kind: str) -> str:
    """Return why a column that only runs on, an id or a clock, says nothing about drift; empty when it is neither.

    Examples
    --------
    >>> import pandas as pd
    >>> running(pd.Series(range(100)), pd.Series(range(100, 150)), "numeric")[:40]
    'every value is new and later than before'
    """
    if len(reference) < 20 or len(current) < 20:
        return ""
    if kind == "text" and _names(reference) and _names(current):
        return f"every value is different and none has a space: an id says nothing about drift; {REMEDY}"
    if kind == "datetime" or (kind == "numeric" and _whole(reference) and _whole(current)):
        first, last = _ends(current, kind)[0], _ends(reference, kind)[1]
        runs_on = first > last and reference.dropna().is_unique and current.dropna().is_unique
        if runs_on or (kind == "datetime" and first >= last):
            return f"every value is new and later than before: {CLOCK}; {REMEDY}"
    return ""


def _whole(column: pd.Series[Any]) -> bool:
    """Return whether a column holds whole numbers, be it that nulls made them floats."""
    from pandas.api import types

    if types.is_integer_dtype(column.dtype):
        return True
    if not types.is_float_dtype(column.dtype):
        return False
    head = column.iloc[:20].to_numpy(dtype=np.float64, na_value=np.nan)
    if np.any(head != np.floor(head), where=np.isfinite(head)):  # most columns of floats are told by their head
        return False
    known = column.dropna().to_numpy(dtype=np.float64)
    return bool(len(known) and np.isfinite(known).all() and (known == np.floor(known)).all())


def _ends(column: pd.Series[Any], kind: str) -> tuple[Any, Any]:
    values = microseconds_in(column) if kind == "datetime" else numbers_in(column)
    known = values[values != np.iinfo(np.int64).min] if kind == "datetime" else values[values == values]
    return (known.min(), known.max()) if len(known) else (np.nan, np.nan)


def _names(column: pd.Series[Any]) -> bool:
    head = column.iloc[:2000].dropna()
    return bool(column.is_unique and not head.str.contains(" ", regex=False).any())


REMEDY = "leave it out, or name its kind to compare it"
_SAME = "make both the same, or leave the column out"
CLOCK = "a running id or a clock always moves on"
