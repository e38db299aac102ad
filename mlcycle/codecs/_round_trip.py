"""Before a table is stored, a row or two of each column go the way they will come back.

What describes a column and what restores it are two pieces of code, and pandas and Arrow have many types: here each
table shows that the two agree about it, at a price that does not grow with its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlcycle.codecs._canonical import plain, valid
from mlcycle.codecs._column_errors import naming_column
from mlcycle.codecs._dtypes import restore_dtype
from mlcycle.codecs._logical_types import logical_type
from mlcycle.codecs._object_columns import same_value
from mlcycle.codecs._parquet import as_logical, through_parquet
from mlcycle.codecs._presentation import index_levels, labels_by_field, restore_index, restore_labels
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_round_trip"]

Doc = dict[str, Any]


def check_round_trip(data: Any, columns: dict[str, Any], doc: Doc, what: str) -> None:
    """Read one row with a value, and one without, of each column as `load` would; refuse what comes back changed.

    Of columns with one type and one dtype the first speaks for all: a wide table costs little more than a narrow one.

    Parameters
    ----------
    data : pandas.DataFrame or pyarrow.Table
        As it came.
    columns : dict of str to Arrow array
        By field, as they will be stored.
    doc : dict
        The presentation.
    what : str
        How messages name the table.

    Raises
    ------
    InvalidInput
        Names the column, the index or the column names.
    """
    named = labels_by_field(doc, what)
    levels = [level["field"] for level in doc["index"].get("levels", ())]
    proven = _of_each_sort(columns, doc)
    rows = {field: _telling_rows(columns[field]) for field in [*proven, *levels]}
    together = sorted({row for field in levels for row in rows[field]})
    rows |= dict.fromkeys(levels, together)
    back = _read_back(columns, rows, named)
    frame = data if isinstance(data, pd.DataFrame) else None
    for field, (position, spec) in proven.items():
        with naming_column(named[field], "read back"):
            after = restore_dtype(back[field], spec)
            if frame is not None:
                _compare(frame.iloc[:, position].array, rows[field], after, named[field])
    if frame is not None:
        _compare_index(frame.index, doc["index"], lambda field, spec: restore_dtype(back[field], spec), together, what)
        _compare_labels(frame.columns, doc, f"the column names of {what}")


_FEW = 1000  # categories that are quicker compared than read back


def _of_each_sort(columns: dict[str, Any], doc: Doc) -> dict[str, tuple[int, Doc]]:
    """Return position and spec of the first column of each type, dtype, and of each with nulls, by field."""
    found: dict[Any, tuple[str, int, Doc]] = {}
    for position, column in enumerate(doc["columns"]):
        field, spec = column["field"], column["dtype"]
        many = len(spec.get("values", ())) > _FEW
        sort = field if many else (repr(spec), bool(columns[field].null_count))
        found.setdefault((str(columns[field].type), sort), (field, position, spec))
    return {field: (position, spec) for field, position, spec in found.values()}


def _telling_rows(column: Any) -> list[int]:
    """Return the first row that has a value and the first that has none, as far as there are."""
    found: dict[bool, int] = {}
    start = 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        # by hand: Arrow crashes when asked this of a dictionary of nulls (seen in version 26)
        there = valid(chunk) if chunk.null_count else np.ones(min(1, len(chunk)), dtype=np.bool_)
        for kind in (True, False):
            if kind not in found and (there == kind).any():
                found[kind] = start + int((there == kind).argmax())
        start += len(chunk)
        if len(found) == (2 if column.null_count else 1):
            break
    return sorted(found.values())


def _read_back(columns: dict[str, Any], rows: dict[str, list[int]], named: dict[str, str]) -> dict[str, Any]:
    few, count = {}, max(map(len, rows.values()))
    for field, some in rows.items():
        with naming_column(named[field]):
            few[field] = _few(columns[field], (some + some[-1:] * count)[:count])
    made = through_parquet(pa.table(few), named)
    back = {}
    for field, some in rows.items():
        with naming_column(named[field], "read back"):
            back[field] = as_logical(made[field], logical_type(columns[field].type)).slice(0, len(some))
    return back


def _few(column: Any, rows: list[int]) -> Any:
    chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    parts = []
    for row in rows:  # slices: not every type can be taken by position
        [part] = [chunk for chunk in chunked.slice(row, 1).chunks if len(chunk)]
        parts.append(_without_dictionary(part))
    return pa.chunked_array(parts, None if parts else chunked.type)


def _without_dictionary(part: Any) -> Any:
    # a slice keeps the whole dictionary, which may be large
    if not pa.types.is_dictionary(part.type):
        return part
    kept = plain(part.dictionary).take(part.indices).drop_null()
    indices = pa.array([0 if len(kept) else None], part.type.index_type)
    return pa.DictionaryArray.from_arrays(indices, kept, ordered=part.type.ordered)


# comparing -----------------------------------------------------------------------------------------------------------


def _compare(array: Any, rows: list[int], after: Any, label: str) -> None:
    """Compare rows of an array as it was with what came back of them."""
    if _sort(array.dtype) != _sort(after.dtype) and not isinstance(array, pd.arrays.NumpyExtensionArray):
        raise _changed(label, array.dtype, after.dtype)
    before, after = _unwrapped(array[rows]), _unwrapped(after)
    numbers = isinstance(before, np.ndarray) and before.dtype == after.dtype and before.dtype != object
    if numbers and before.tobytes() == after.tobytes():  # quick, and true of most columns
        return
    if _sort(before.dtype) != _sort(after.dtype):
        raise _changed(label, before.dtype, after.dtype)
    missing, gone = pd.isna(before), pd.isna(after)
    if not np.array_equal(missing, gone):
        raise _changed(label, before, after)
    for old, new, empty in zip(before, after, missing, strict=True):
        if not empty and not same_value(_python(old), _python(new)):
            raise _changed(label, old, new)


def _compare_index(index: pd.Index, doc: Doc, arrays: Callable[[str, Doc], Any], rows: list[int], what: str) -> None:
    label = f"the index of {what}"
    with naming_column(label, "read back"):
        after = restore_index(doc, arrays, len(index), np.asarray(rows, dtype=np.int64))
        before = index[rows]
        if type(before) is not type(after) or list(before.names) != list(after.names):
            raise _changed(label, before, after)
        # of the whole index: a level of whole numbers is one of floats where a row lacks it
        for old, new in zip(index_levels(index), index_levels(after), strict=True):
            _compare(old.array, rows, new.array, label)


def _compare_labels(labels: pd.Index, doc: Doc, label: str) -> None:
    with naming_column(label, "read back"):
        after = restore_labels(doc["labels"], [column["name"] for column in doc["columns"]], True)
        if type(labels) is not type(after) or not labels.equals(after):
            raise _changed(label, labels, after)
        _compare(labels.array, [0], after.array[:1], label)


def _unwrapped(array: Any) -> Any:
    if isinstance(array.dtype, pd.SparseDtype):
        return np.asarray(array, dtype=array.dtype.subtype)
    numpy = isinstance(array.dtype, np.dtype) or isinstance(array, pd.arrays.NumpyExtensionArray)
    return np.asarray(array) if numpy else array


def _sort(dtype: Any) -> Any:
    """Return what must not change of a dtype: not the byte order, nor who made the zone of a name."""
    if isinstance(dtype, np.dtype):
        return dtype.newbyteorder("=")
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "zone", dtype.unit
    if isinstance(dtype, pd.IntervalDtype):
        return "interval", dtype.closed, _sort(dtype.subtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return "category", bool(dtype.ordered), _sort(dtype.categories.dtype)
    return dtype


def _python(value: Any) -> Any:
    moment = isinstance(value, np.datetime64 | np.timedelta64)
    return value.item() if isinstance(value, np.generic) and not moment else value


def _changed(label: str, before: Any, after: Any) -> InvalidInput:
    return InvalidInput(
        f"{label} cannot be stored: {before!r:.80} would come back as {after!r:.80}; convert it first, "
        "for example with .astype(str)"
    )
