"""Numbers of any kind brought to the type of a column, where they keep their meaning."""

from __future__ import annotations

import math
import numbers
from decimal import Decimal
from typing import Any

__all__ = ["EXACT", "to_number"]

_NO_NUMBER = "it is not a number; convert it first, text with pd.to_numeric"
_TOO_MANY_DIGITS = "a float cannot hold all its digits; if it is an id, give it to the model as text"
EXACT = 2**53  # beyond it a float64 no longer holds every whole number


def to_number(column: Any, wanted: str) -> Any:
    """Return a column of numbers in a type of numpy; missing values stay missing.

    A fraction never becomes a whole number, a finite number never an infinite one, a whole number never another one,
    and text, moments, periods and complex numbers are not numbers of a real column. Fractions are rounded to the
    precision of the type, as they were when the model was fitted.

    Raises
    ------
    ValueError, OverflowError
        Saying why a value does not fit.
    """
    import numpy as np
    import pandas as pd

    missing = column.isna().to_numpy()
    goal = np.dtype(wanted)
    known = _brought(_known(column, missing), goal)
    if not missing.any():
        return pd.Series(known, index=column.index, name=column.name)
    return pd.Series(_with_holes(known, missing, goal), index=column.index, name=column.name)


def _known(column: Any, missing: Any) -> Any:
    """Return the numbers that are there, as an array; of Python objects where no type of numpy holds them all."""
    import numpy as np

    if missing.all():
        return np.empty(0)
    dtype = column.dtype
    if dtype.kind in "biufc":
        plain = getattr(dtype, "numpy_dtype", dtype)
        return column[~missing].to_numpy(dtype=plain) if missing.any() else column.to_numpy(dtype=plain)
    if dtype.kind != "O" or getattr(dtype, "name", "") != "object":
        raise ValueError(_NO_NUMBER)
    return _array_of(column[~missing].tolist() if missing.any() else column.tolist())


def _array_of(values: list[Any]) -> Any:
    import numpy as np

    kinds = set(map(type, values))
    if kinds == {float}:
        return np.array(values, dtype=np.float64)
    if kinds == {bool}:
        return np.array(values, dtype=bool)
    if np.timedelta64 in kinds:  # which numpy counts among the integers
        raise ValueError(_NO_NUMBER)
    if not kinds <= {int}:
        values = [_number(value) for value in values]
    result = np.empty(len(values), dtype=object)
    result[:] = values
    if any(abs(value) > EXACT for value in values if isinstance(value, int)):
        return result
    return result.astype(np.int64 if all(isinstance(value, int) for value in values) else np.float64)


def _number(value: Any) -> Any:
    """Return a number as a Python int where it is whole by its type, else as a float."""
    import numpy as np

    if isinstance(value, np.bool_ | numbers.Integral):
        return int(value)
    if isinstance(value, float | np.floating) or (isinstance(value, Decimal) and not value.is_finite()):
        found = float(value)
        if isinstance(value, np.floating) and math.isinf(found) and not np.isinf(value):  # a longdouble
            raise OverflowError("it does not fit into float64")
        return found
    if isinstance(value, Decimal | numbers.Rational):
        if value == math.floor(value):
            return math.floor(value)
        found = float(value)
        if found.is_integer() and abs(found) > 1:  # beyond 2**52 a float has no fractions
            raise OverflowError(_TOO_MANY_DIGITS)
        return found
    raise ValueError(_NO_NUMBER)


def _brought(known: Any, goal: Any) -> Any:
    import numpy as np

    if known.dtype == goal:
        return known
    if goal.kind == "b":
        if not np.isin(known, (0, 1)).all():
            raise ValueError("only 0, 1, true and false are booleans; pass one of them")
        return known.astype(bool)
    return _whole(known, goal) if goal.kind in "iu" else _fractional(known, goal)


def _whole(known: Any, goal: Any) -> Any:
    import numpy as np

    floats = known if known.dtype.kind == "f" else known.astype(np.float64) if known.dtype.kind == "O" else known[:0]
    if (floats != np.trunc(floats)).any():
        raise ValueError("a fraction cannot become a whole number; round it first")
    info = np.iinfo(goal)
    # as Python integers: compared as floats, 2**63 would pass for the largest int64
    if known.size and not (info.min <= int(known.min()) and int(known.max()) <= info.max):
        raise OverflowError(f"it does not fit into {goal}; check its unit, or fit the model with a wider type")
    return np.array([int(value) for value in known], dtype=goal) if known.dtype.kind == "O" else known.astype(goal)


def _fractional(known: Any, goal: Any) -> Any:
    import numpy as np

    if known.dtype.kind in "iuO":
        for value in known[_beyond(known)].tolist():
            if isinstance(value, int) and int(float(value)) != value:
                raise ValueError(_TOO_MANY_DIGITS)
    with np.errstate(over="ignore"):
        result = known.astype(goal)
    given = known.astype(np.float64) if known.dtype.kind == "O" else known
    if (np.isinf(result) & np.isfinite(given)).any():
        raise OverflowError(f"it does not fit into {goal}; check its unit, or fit the model with a wider type")
    return result


def _beyond(known: Any) -> Any:
    return (known > EXACT) | (known < -EXACT)


def _with_holes(known: Any, missing: Any, goal: Any) -> Any:
    """Return numbers with missing ones between them, in the plainest type that has both."""
    import numpy as np
    import pandas as pd

    if goal.kind in "fc":
        result = np.full(len(missing), np.nan, dtype=goal)
        result[~missing] = known
        return result
    if goal.kind == "b" or _beyond(known).any():  # as floats they would lose truth, or digits
        values = np.zeros(len(missing), dtype=goal)
        values[~missing] = known
        made = pd.arrays.BooleanArray if goal.kind == "b" else pd.arrays.IntegerArray
        return made(values, missing.copy())
    result = np.full(len(missing), np.nan)  # NaN has no integer; the model decides what it makes of it
    result[~missing] = known
    return result
