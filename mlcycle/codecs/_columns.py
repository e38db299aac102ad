"""Types of columns by the names a signature uses, and values brought to them where that is safe."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["coerce", "type_of"]

_MOMENTS = (str, date)  # a datetime and a Timestamp are dates


def type_of(column: pd.Series[Any]) -> dict[str, Any]:
    """Return the type of a column as a signature says it, such as ``{"type": "float64"}``."""
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return {"type": "category", "of": type_of(pd.Series(dtype.categories))["type"]}
    if isinstance(dtype, pd.StringDtype) or dtype.kind in "US":
        return {"type": "string"}
    if dtype.kind == "M":
        zone = getattr(dtype, "tz", None)
        return {"type": "timestamp", "tz": str(zone)} if zone is not None else {"type": "timestamp"}
    if dtype.kind == "m":
        return {"type": "duration"}
    if dtype.kind in "biufc":
        # Int64, Float32 and boolean differ from their lower-case namesakes only in how they write a missing value.
        name = str(getattr(dtype, "numpy_dtype", dtype)).lower().removesuffix("[pyarrow]")
        return {"type": {"boolean": "bool"}.get(name, name)}
    kind = pd.api.types.infer_dtype(column, skipna=True)
    found = {"string": "string", "boolean": "bool", "integer": "int64", "floating": "float64"}
    return {"type": found.get(kind, "float64" if kind == "mixed-integer-float" else "object")}


def coerce(column: Any, item: dict[str, Any]) -> Any:
    """Return the column itself if it fits, a converted one if that is safe, or say which value does not fit."""
    if item["type"] == "object" or _fits(column, item):
        return column
    try:
        return _convert(column, item)
    except (ValueError, TypeError, OverflowError) as error:
        odd = _first_odd(column, item)
        raise InvalidInput(
            f"column {item['name']!r} is {item['type']} for the model, and got {odd!r:.80} ({type(odd).__name__}) "
            f"in a column of {column.dtype}: {error!s:.120}"
        ) from error


def _convert(column: Any, item: dict[str, Any]) -> Any:
    import pandas as pd

    wanted = item["type"]
    if wanted == "category":
        return coerce(column, {"name": item["name"], "type": item.get("of", "object")}).astype("category")
    if wanted == "timestamp":
        return _to_timestamp(column, item)
    if wanted == "duration":
        return pd.to_timedelta(column)
    if wanted == "string":
        return _to_string(column)
    return _to_number(column, wanted)


def _fits(column: Any, item: dict[str, Any]) -> bool:
    wanted, dtype = item["type"], column.dtype
    if wanted == dtype.name:  # the numpy types, and an ordinary category
        return True
    found = type_of(column)
    if found["type"] != wanted:
        return False
    if wanted == "category":
        return bool(found["of"] == item.get("of", found["of"]))
    if wanted == "timestamp":
        return bool(found.get("tz") == item.get("tz"))
    return bool(wanted == "string" or dtype.kind != "O")


def _to_number(column: Any, wanted: str) -> Any:
    import numpy as np
    import pandas as pd

    kind = column.dtype.kind
    if isinstance(column.dtype, pd.CategoricalDtype) or type_of(column)["type"] in ("string", "timestamp", "duration"):
        raise ValueError("this is no number")
    values = pd.to_numeric(column) if kind == "O" else column
    missing = bool(values.isna().any())
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan) if missing else values.to_numpy()
    goal = np.dtype(wanted)
    if goal.kind == "b":
        if missing or not np.isin(numbers, (0, 1)).all():
            raise ValueError("only 0, 1, true and false are booleans")
    elif goal.kind in "iu":
        known = numbers[~np.isnan(numbers)] if missing else numbers
        _check_whole(known, goal)
        if missing:
            return pd.Series(numbers, index=column.index, name=column.name)  # NaN has no integer; the model decides
    return pd.Series(numbers.astype(goal), index=column.index, name=column.name)


def _check_whole(numbers: Any, goal: Any) -> None:
    import numpy as np

    if numbers.dtype.kind == "f" and not (numbers == np.trunc(numbers)).all():
        raise ValueError("a fraction cannot become a whole number")
    info = np.iinfo(goal)
    if numbers.size and not (info.min <= numbers.min() and numbers.max() <= info.max):
        raise ValueError(f"it does not fit into {goal}")


def _to_string(column: Any) -> Any:
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if column.isna().all():
        return column.astype(object)
    if type_of(column)["type"] != "string":
        raise ValueError("this is no text")
    return column


def _to_timestamp(column: Any, item: dict[str, Any]) -> Any:
    import pandas as pd

    if column.dtype.kind != "M" and not all(isinstance(value, _MOMENTS) for value in column.dropna()):
        raise ValueError("this is no moment; write it as 2026-11-23T12:00")
    zone = item.get("tz")
    moments = pd.to_datetime(column, format="ISO8601", utc=True) if column.dtype.kind != "M" else column
    if moments.dt.tz is None:
        moments = moments.dt.tz_localize("UTC")
    return moments.dt.tz_convert(zone) if zone else moments.dt.tz_convert(None)


def _first_odd(column: Any, item: dict[str, Any]) -> Any:
    """Find one value that shows the trouble, by trying them one at a time."""
    import pandas as pd

    known = column.dropna().tolist()
    for value in known[:1000]:
        try:
            _convert(pd.Series([value], dtype=object), item)
        except (ValueError, TypeError, OverflowError):
            return value
    return known[0] if known else None
