"""Under which dtypes the columns of an Arrow table load as a frame, and what of them Python cannot hold."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from mlcycle.codecs._arrow_datetimes import check_moments
from mlcycle.codecs._canonical import plain
from mlcycle.codecs._dtypes import as_index, category_spec, restore_dtype
from mlcycle.codecs._logical_types import logical_type, storage_name

__all__ = ["describe_arrow"]

Spec = dict[str, Any]
_CELLS = {"date": "date", "binary": "bytes", "decimal": "decimal", "list": "list", "map": "list", "struct": "dict"}


def describe_arrow(column: Any) -> tuple[Any, Spec]:
    """Return a column as it is stored, and the spec it loads under: numpy where it can, nullable where it has nulls.

    Raises
    ------
    InvalidInput
        A type without a logical form, or moments in cells of Python objects that Python has no value for.
    """
    kind = logical_type(column.type)
    column = _open(column, kind)
    if pa.types.is_dictionary(column.type) and (spec := _dictionary_spec(column, kind)) is not None:
        return column, spec
    spec = _spec(column, kind)
    if spec["kind"] == "object":
        for chunk in column.chunks:
            check_moments(chunk)
    return column, spec


def _open(column: Any, kind: Any) -> Any:
    """Bring nulls that hide in runs, or among the values of a dictionary, to where all look for them."""
    types = pa.types
    if types.is_nested(kind):
        return column
    if types.is_run_end_encoded(column.type):
        return pa.chunked_array([plain(chunk) for chunk in column.chunks], None if column.num_chunks else kind)
    if not types.is_dictionary(column.type) or not any(chunk.dictionary.null_count for chunk in column.chunks):
        return column
    decoded = pa.chunked_array([plain(chunk) for chunk in column.chunks])
    if types.is_null(kind):
        return decoded
    ordered = column.type.ordered
    encoded = decoded.dictionary_encode().chunks
    return pa.chunked_array([pa.DictionaryArray.from_arrays(c.indices, c.dictionary, ordered=ordered) for c in encoded])


def _dictionary_spec(column: Any, kind: Any) -> Spec | None:
    """Return the spec of categories, or None for a dictionary whose values pandas would not take for categories."""
    if pa.types.is_nested(kind) or pa.types.is_null(kind) or pa.types.is_float16(kind):
        return None
    known = column.unify_dictionaries().chunk(0).dictionary if column.num_chunks else pa.array([], kind)
    known = plain(known)
    spec = _spec(known, kind)
    if spec["kind"] == "object":
        check_moments(known)
    found = as_index(restore_dtype(pa.chunked_array([known.cast(kind)]), spec))
    if not found.is_unique or found.hasnans:  # 0.0 and -0.0 are two values for Arrow, and one for pandas
        return None
    return category_spec(known, spec, column.type.ordered)


def _spec(column: Any, kind: Any) -> Spec:
    types = pa.types
    if types.is_integer(kind) or types.is_boolean(kind):
        name = "bool" if types.is_boolean(kind) else str(kind)
        if not column.null_count:
            return {"kind": "numpy", "dtype": name}
        return {"kind": "masked", "dtype": "boolean" if name == "bool" else name.replace("i", "I").replace("uI", "UI")}
    if types.is_floating(kind):
        return {"kind": "numpy", "dtype": f"float{kind.bit_width}"}
    if types.is_string(kind):
        return {"kind": "text", "missing": "nan"}
    if types.is_timestamp(kind) and kind.tz is not None:
        return {"kind": "datetimetz", "unit": kind.unit, "tz": kind.tz}
    if types.is_timestamp(kind) or types.is_duration(kind):
        return {"kind": "numpy", "dtype": f"{'datetime' if types.is_timestamp(kind) else 'timedelta'}64[{kind.unit}]"}
    if types.is_time(kind):
        return {"kind": "arrow", "type": storage_name(kind)}
    name = storage_name(kind).partition("<")[0].partition("(")[0]
    return {"kind": "object", "cell": _CELLS.get(name, "null"), "missing": "none"}
