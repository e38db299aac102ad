"""Types of columns by the names a signature uses, and values brought to them where they keep their meaning."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from mlcycle.codecs._coerce_datetimes import to_duration, to_moment
from mlcycle.codecs._coerce_numbers import to_number
from mlcycle.codecs._rows import text_type
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["coerce", "describe_type", "type_of"]

# A moment too far off is a ValueError of pandas, a zone that is unknown here a LookupError, a signalling NaN the third.
_DOES_NOT_FIT = (ValueError, TypeError, ArithmeticError, LookupError, NotImplementedError)
_LEVELS = 1000  # a signature is read at every load; a column of more categories is text in disguise
_NUMBERS = "biufc"
_INFERRED = {
    "string": "string",
    "boolean": "bool",
    "integer": "int64",
    "floating": "float64",
    "mixed-integer-float": "float64",
}
# Kinds of values that no other kind may stand in for; only categories are told apart by them.
_KINDS = frozenset({"bytes", "date", "decimal", "interval", "period", "time"})


def describe_type(column: pd.Series[Any]) -> dict[str, Any]:
    """Return the type of a column and, where it is a category, its levels in their order."""
    found = type_of(column)
    if found["type"] == "category":
        levels = _plain_levels(column.dtype, found["of"])
        found |= {} if levels is None else {"levels": levels}
        found |= {"ordered": True} if column.dtype.ordered else {}  # type: ignore[union-attr]
    return found


def type_of(column: pd.Series[Any]) -> dict[str, Any]:
    """Return the type of a column as a signature says it, such as ``{"type": "float64"}``."""
    import pandas as pd

    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        inner = type_of(pd.Series(dtype.categories))
        kind = pd.api.types.infer_dtype(dtype.categories, skipna=True) if inner["type"] == "object" else ""
        return {**inner, "type": "category", "of": kind if kind in _KINDS else inner["type"]}
    if isinstance(dtype, pd.StringDtype) or dtype.kind == "U":
        return {"type": "string"}
    if dtype.kind in "mM":
        return _time_type(dtype)
    if dtype.kind in _NUMBERS:
        # Int64, Float32 and boolean differ from their lower-case namesakes only in how they write a missing value.
        plain = getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", dtype))
        return {"type": str(plain)}
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "integer" and not _are_int64(column):
        return {"type": "object"}
    return {"type": _INFERRED.get(kind, "object")}


def _are_int64(column: Any) -> bool:
    present = column[column.notna()]
    return len(present) == 0 or (min(present) >= -(2**63) and max(present) < 2**63)


def _time_type(dtype: Any) -> dict[str, Any]:
    import numpy as np

    arrow = getattr(dtype, "pyarrow_dtype", None)  # its dates have no unit
    zone = getattr(arrow if arrow is not None else dtype, "tz", None)
    unit = getattr(arrow if arrow is not None else dtype, "unit", None)
    if unit is None:
        unit = np.datetime_data(getattr(dtype, "numpy_dtype", dtype))[0]
    found = {"type": "timestamp" if dtype.kind == "M" else "duration", "unit": unit}
    return found if zone is None else {**found, "tz": str(zone)}


def coerce(column: Any, item: dict[str, Any]) -> Any:
    """Return the column itself if it fits, a converted one if that is safe, or say which value does not fit."""
    if item["type"] == "object":
        return column
    try:
        return column if _fits(column, item) else _convert(_plain(column), item)
    except _DOES_NOT_FIT as error:
        odd = _first_odd(column, item, str(error))
        wanted = f"category of {item['of']}" if item["type"] == "category" and "of" in item else item["type"]
        raise InvalidInput(
            f"column {item['name']!r} is {wanted} for the model, and got {_shown(odd)} ({type(odd).__name__}) "
            f"in a column of {column.dtype}: {error!s:.160}"
        ) from error


def _plain(column: Any) -> Any:
    """Return the values of a column that holds them in a form of its own: categories, sparse, Arrow."""
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        numbers = dtype.categories.dtype.kind in _NUMBERS and not column.hasnans
        return column.astype(dtype.categories.dtype if numbers else object)
    if isinstance(dtype, pd.SparseDtype):
        return column.sparse.to_dense()
    return column.astype(object) if isinstance(dtype, pd.ArrowDtype) else column


def _convert(column: Any, item: dict[str, Any]) -> Any:
    import pandas as pd

    wanted = item["type"]
    # before anything that looks for missing values: pandas makes one of an infinite part
    if column.dtype.kind == "c" and not wanted.startswith(("complex", "category")):
        raise ValueError("a complex number has a part that others have not; pass the part that is meant")
    if wanted == "category":
        return _to_category(column, item)
    if wanted == "timestamp":
        return to_moment(column, item)
    if wanted == "duration":
        return to_duration(column, item)
    if wanted == "string":
        return _to_string(column)
    if wanted in _KINDS:
        if not column.isna().all() and pd.api.types.infer_dtype(column, skipna=True) != wanted:
            raise ValueError(f"the model knows values of the kind {wanted} here, and no other kind stands in for them")
        return column
    return to_number(column, wanted)


def _fits(column: Any, item: dict[str, Any]) -> bool:
    wanted, dtype = item["type"], column.dtype
    if wanted == dtype.name and wanted != "category" and getattr(dtype, "isnative", True):  # the numpy types
        return True
    import pandas as pd

    found = type_of(column)
    if found["type"] != wanted:
        return False
    if wanted == "category":
        return bool(
            found["of"] == item.get("of", found["of"]) and _same_time(found, item) and _same_levels(dtype, item)
        )
    if wanted in ("timestamp", "duration"):
        return _same_time(found, item) and not isinstance(dtype, pd.ArrowDtype)
    return bool(wanted == "string" or not (dtype.kind == "O" or isinstance(dtype, pd.ArrowDtype)))


def _same_time(found: dict[str, Any], item: dict[str, Any]) -> bool:
    # signatures of before units were written take any
    return found.get("tz") == item.get("tz") and item.get("unit") in (None, found.get("unit"))


def _to_string(column: Any) -> Any:
    if column.isna().all():
        return column.astype(object).astype(text_type())
    if type_of(column)["type"] != "string":
        raise ValueError("it is not text; write it as text if that is what it means")
    return column


# categories ---------------------------------------------------------------------------------------------------------


def _plain_levels(dtype: Any, of: str) -> list[Any] | None:
    """Return categories as JSON has them; None where it has not, or there are too many."""
    import math

    if len(dtype.categories) > _LEVELS:
        return None
    levels = dtype.categories.tolist()
    if of in _KINDS:
        return list(map(str, levels))  # JSON has no intervals: enough to see whether two columns were cut alike
    if of in ("timestamp", "duration"):
        return [level.isoformat() for level in levels]
    for level in levels:
        if isinstance(level, str):
            if not _is_unicode(level):
                return None
        elif not isinstance(level, bool | int | float) or not math.isfinite(level):
            return None
    return list(levels)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _levels(item: dict[str, Any]) -> Any:
    """Return the categories a model was fitted with, as an index; None where they are not known."""
    if "levels" not in item:
        return None
    details = (item.get("of", "object"), item.get("unit"), item.get("tz"), bool(item.get("ordered")))
    return _index_of(tuple(item["levels"]), tuple(map(type, item["levels"])), *details)


@functools.lru_cache(maxsize=256)  # types are part of the key because 1 and True are one key otherwise
def _index_of(levels: tuple[Any, ...], _types: tuple[type, ...], of: str, unit: Any, tz: Any, ordered: bool) -> Any:
    import pandas as pd

    if of in ("object", "string"):
        return pd.CategoricalDtype(pd.Index(list(levels)), ordered)
    values = _convert(pd.Series(list(levels), dtype=object), {"type": of, "unit": unit, "tz": tz})
    return pd.CategoricalDtype(pd.Index(values), ordered)


def _same_levels(dtype: Any, item: dict[str, Any]) -> bool:
    if item.get("of") in _KINDS:
        same_order = bool(dtype.ordered) == bool(item.get("ordered"))
        return "levels" not in item or (list(map(str, dtype.categories)) == item["levels"] and same_order)
    known = _levels(item)
    if known is None:
        return True
    count = len(known.categories)
    same = dtype.categories is known.categories or dtype.categories[:count].equals(known.categories)
    return bool(same and bool(dtype.ordered) == known.ordered and (not known.ordered or len(dtype.categories) == count))


def _to_category(column: Any, item: dict[str, Any]) -> Any:
    """Return categories in the order the model knows, so that their codes mean what they did when it was fitted."""
    import pandas as pd

    inner = {**item, "type": item.get("of", "object")}
    values = column if inner["type"] == "object" or _fits(column, inner) else _convert(column, inner)
    if inner["type"] in _KINDS and "levels" in item and not values.isna().all():
        raise ValueError(f"pass a category column with the model's categories, {', '.join(item['levels'][:5])}")
    known = None if inner["type"] in _KINDS else _levels(item)
    if known is None:
        return values.astype("category")
    unknown = ~values.isin(known.categories)
    if not (unknown.any() and (unknown := unknown & values.notna()).any()):
        return values.astype(known)
    strange = values[unknown]
    if known.ordered:
        order = " < ".join(map(str, known.categories[:10]))
        raise ValueError(f"the model knows the order {order}, and not where {strange.iloc[0]!r} stands in it")
    # what the model makes of a category it never saw is its own business; those it knows keep their codes
    return values.astype(pd.CategoricalDtype(known.categories.append(pd.Index(strange.unique()))))


def _shown(value: Any) -> str:
    try:
        return f"{' '.join(repr(value).split()):.80}"
    except Exception:  # noqa: BLE001 - a value of foreign code, or a moment of pandas that Python has none for
        return "a value that cannot be printed"


def _first_odd(column: Any, item: dict[str, Any], trouble: str) -> Any:
    """Find one value that shows the trouble, by trying them one at a time; else one that has another trouble."""
    import pandas as pd

    values = column.tolist()
    odd = []
    for value in values[:1000]:
        try:
            _convert(pd.Series([value], dtype=object), item)
        except _DOES_NOT_FIT as error:
            if str(error) == trouble:
                return value
            odd.append(value)
    return (odd or values)[0]
