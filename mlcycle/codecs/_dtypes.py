"""One pandas column to an Arrow column and a JSON description of its dtype, and back without loss.

The description (a *spec*) is ``{"kind": …}``: ``numpy masked text string arrow datetimetz period interval sparse
category object``. It is part of a presentation: stored beside the data, never hashed into its content.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.tseries.frequencies import to_offset

from mlcycle.codecs._arrow_datetimes import check_moments
from mlcycle.codecs._logical_types import arrow_type, logical_type, storage_name
from mlcycle.codecs._object_columns import describe_objects, restore_objects
from mlcycle.codecs._rows import text_type
from mlcycle.codecs._values import values_from_json, values_to_json
from mlcycle.errors import Corrupt, InvalidInput, SchemaError

__all__ = ["as_index", "category_spec", "describe_dtype", "freq_name", "restore_dtype", "with_freq"]

Spec = dict[str, Any]
_NAT = np.iinfo(np.int64).min
_WIDEST = 8  # bytes of a number; Arrow has no wider floats


def describe_dtype(values: Any, label: str) -> tuple[Any, Spec]:
    """Return a column as an Arrow array, and the spec that restores it.

    Parameters
    ----------
    values : Series, Index or array of pandas or numpy
    label : str
        How messages name it: ``"column 'age' of the frame"``.

    Raises
    ------
    InvalidInput
        For values no spec can restore, with the remedy.
    """
    array: Any = values.array if isinstance(values, pd.Series | pd.Index) else values
    dtype = array.dtype
    if isinstance(dtype, np.dtype) or type(dtype).__name__ in ("NumpyEADtype", "PandasDtype"):
        return _describe_numpy(np.asarray(array), label)
    if isinstance(dtype, pd.CategoricalDtype):
        return _describe_category(array, label)
    if isinstance(dtype, pd.StringDtype):
        return _describe_string(array, dtype, label)
    if isinstance(dtype, pd.ArrowDtype):
        return _describe_own_arrow(array, dtype.pyarrow_dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        zone = _zone_name(dtype.tz, label)
        arrow = _ticks(array.asi8, pa.timestamp(dtype.unit, zone))
        return arrow, {"kind": "datetimetz", "unit": dtype.unit, "tz": zone}
    if isinstance(dtype, pd.PeriodDtype):
        return _ticks(array.asi8, pa.int64()), {
            "kind": "period",
            "freq": dtype.name.removeprefix("period[").removesuffix("]"),
        }
    if isinstance(dtype, pd.IntervalDtype):
        return _describe_interval(array, label)
    if isinstance(dtype, pd.SparseDtype):
        return _describe_sparse(array, dtype, label)
    if hasattr(array, "_mask") and hasattr(array, "__arrow_array__"):
        return pa.array(array), {"kind": "masked", "dtype": dtype.name}
    raise InvalidInput(
        f"{label} has the dtype {dtype}, which cannot be stored; convert it first: .astype(str) or .to_numpy()"
    )


def _describe_own_arrow(array: Any, kind: Any) -> tuple[Any, Spec]:
    made = pa.chunked_array(array.__arrow_array__())
    if pa.types.is_dictionary(kind) and pa.types.is_null(kind.value_type):  # pandas 3 and Arrow 26 crash on reading it
        raise InvalidInput(f"a column of {kind} has no values; convert it with .astype('null[pyarrow]')")
    if logical_type(kind) != kind:  # Arrow has no cast back for some of these, and Python objects stand in
        for chunk in made.chunks:
            check_moments(chunk)
    return made, {"kind": "arrow", "type": storage_name(kind)}


def _describe_numpy(array: Any, label: str) -> tuple[Any, Spec]:
    kind = array.dtype.kind
    if kind == "O":
        return describe_objects(array, label)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if kind in "biu" or (kind == "f" and array.dtype.itemsize <= _WIDEST):
        return pa.array(array, from_pandas=False), {"kind": "numpy", "dtype": array.dtype.name}
    if kind in "mM":
        unit = np.datetime_data(array.dtype)[0]
        wanted = pa.timestamp(unit) if kind == "M" else pa.duration(unit)
        return _ticks(array.view(np.int64), wanted), {"kind": "numpy", "dtype": array.dtype.name}
    remedy = (
        "store its real and imaginary parts as two columns" if kind == "c" else "convert it with .astype('float64')"
    )
    raise InvalidInput(f"{label} holds {array.dtype} numbers, which cannot be stored; {remedy}")


def _ticks(ticks: Any, wanted: Any) -> Any:
    missing = ticks == _NAT
    made = pa.array(ticks, mask=missing) if missing.any() else pa.array(ticks)
    return made if wanted == made.type else made.view(wanted)


def _zone_name(zone: Any, label: str) -> str:
    remedy = "use .dt.tz_convert('UTC') first"
    try:
        name = str(pa.lib.tzinfo_to_string(zone))
        known = [_clocks(zone), _clocks(pd.DatetimeTZDtype("s", name).tz)]
    except (ValueError, TypeError, AttributeError, KeyError, pa.ArrowException) as error:
        raise InvalidInput(f"{label} has the time zone {zone!r}, which has no name; {remedy}") from error
    if known[0] != known[1]:  # such as "EST" for a zone that has summers
        raise InvalidInput(f"{label} has the time zone {zone!r}, and {name!r} names another one; {remedy}")
    return name


_MONTHS = [dt.datetime(year, month, 15, tzinfo=dt.UTC) for year in (1990, 2000, 2020) for month in (1, 4, 7, 10)]


def _clocks(zone: Any) -> list[Any]:
    return [moment.astimezone(zone).utcoffset() for moment in _MONTHS]


def _describe_string(array: Any, dtype: pd.StringDtype, label: str) -> tuple[Any, Spec]:
    try:
        made = pa.array(array, pa.large_string())
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{label} holds text that is not valid Unicode: {error.object!r:.60}") from error
    storage = dtype.storage.removesuffix("_numpy")
    na = "NA" if dtype.na_value is pd.NA else "nan"
    if na == "nan" and storage == "pyarrow" and isinstance(text_type(), pd.StringDtype):
        return made, {"kind": "text", "missing": "nan"}
    return made, {"kind": "string", "storage": storage, "na": na}


def _describe_category(array: Any, label: str) -> tuple[Any, Spec]:
    known, spec = describe_dtype(array.categories, f"{label}, in its categories,")
    if freq := freq_name(array.categories):
        spec = {**spec, "freq": freq}
    known = _one_chunk(known)
    missing = array.codes < 0
    codes = pa.array(array.codes, mask=missing) if missing.any() else pa.array(array.codes)
    return pa.DictionaryArray.from_arrays(codes, known), category_spec(known, spec, bool(array.ordered))


def category_spec(known: Any, spec: Spec, ordered: bool) -> Spec:
    """Return the spec of a column of categories, from the categories and their own spec."""
    kind = {"kind": "category", "ordered": ordered, "of": spec, "type": storage_name(known.type)}
    return {**kind, "values": values_to_json(known)}


def _one_chunk(values: Any) -> Any:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _describe_interval(array: Any, label: str) -> tuple[Any, Spec]:
    left, spec = describe_dtype(array.left, label)
    right, _ = describe_dtype(array.right, label)
    missing = pa.array(np.asarray(array.isna()))
    made = pa.StructArray.from_arrays([_one_chunk(left), _one_chunk(right)], ["left", "right"], mask=missing)
    return made, {"kind": "interval", "closed": array.closed, "of": spec}


def _describe_sparse(array: Any, dtype: Any, label: str) -> tuple[Any, Spec]:
    remedy = "convert it with .sparse.to_dense()"
    if dtype.subtype.kind not in "biuf" or dtype.subtype.itemsize > _WIDEST:
        raise InvalidInput(f"{label} is a sparse column of {dtype.subtype}; {remedy}")
    if dtype.subtype.kind != "f" and pd.isna(dtype.fill_value):
        raise InvalidInput(f"{label} is a sparse column of {dtype.subtype} that is filled with NaN; {remedy}")
    dense, spec = _describe_numpy(np.asarray(array, dtype=dtype.subtype), label)
    fill = values_to_json(pa.array(np.asarray([dtype.fill_value], dtype=dtype.subtype.newbyteorder("="))))[0]
    return dense, {"kind": "sparse", "dtype": spec["dtype"], "fill": fill}


# back to pandas ------------------------------------------------------------------------------------------------------


def restore_dtype(column: Any, spec: Spec) -> Any:
    """Return a column as the pandas or numpy array its spec describes.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Of the logical type it was stored with; a dictionary of it for categories.
    spec : dict
        From `describe_dtype`, or of a column of an Arrow table.

    Raises
    ------
    SchemaError
        A spec this version does not know.
    """
    maker = _RESTORERS.get(spec["kind"])
    if maker is None:
        raise SchemaError(f"a column dtype of kind {spec['kind']!r} was written by a newer mlcycle: upgrade to read it")
    return maker(column, spec)


def _restore_numpy(column: Any, spec: Spec) -> Any:
    dtype = np.dtype(spec["dtype"])
    if dtype.kind in "mM":
        ticks = column.cast(pa.int64())
        return _writable((ticks.fill_null(_NAT) if ticks.null_count else ticks).to_numpy()).view(dtype)
    if column.null_count and dtype.kind != "f":
        raise Corrupt(f"a column of dtype {dtype} has nulls; its presentation belongs to other data")
    return _writable(column.to_numpy()).astype(dtype, copy=False)


def _writable(array: Any) -> Any:
    return array if array.flags.writeable else array.copy()


def _restore_extension(column: Any, spec: Spec) -> Any:
    if spec["kind"] == "arrow":
        kind = arrow_type(spec["type"])
        dtype: Any = pd.ArrowDtype(kind)
        return dtype.__from_arrow__(_cast_storage(column, kind))
    if spec["kind"] == "string":
        return _string_dtype(spec["storage"], spec["na"]).__from_arrow__(column)
    return pd.api.types.pandas_dtype(spec["dtype"]).__from_arrow__(column)  # type: ignore[union-attr]


def _cast_storage(column: Any, kind: Any) -> Any:
    if column.type == kind:
        return column
    try:
        return column.cast(kind)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.chunked_array([pa.array(column.to_pylist(), kind)])


def _string_dtype(storage: str, na: str) -> Any:
    if na == "NA":
        return pd.StringDtype(storage)
    try:
        return pd.StringDtype(storage, na_value=np.nan)
    except TypeError:
        return pd.StringDtype("pyarrow_numpy")


def _restore_text(column: Any, spec: Spec) -> Any:
    dtype = text_type()
    if isinstance(dtype, pd.StringDtype):
        return dtype.__from_arrow__(column)  # type: ignore[attr-defined]
    return restore_objects(column, {**spec, "cell": "str"})


def _restore_datetimetz(column: Any, spec: Spec) -> Any:
    ticks = _restore_numpy(column, {"dtype": f"datetime64[{spec['unit']}]"})
    return pd.array(ticks, copy=False).tz_localize("UTC").tz_convert(spec["tz"])


def _restore_period(column: Any, spec: Spec) -> Any:
    ticks = _restore_numpy(column, {"dtype": "datetime64[ns]"}).view(np.int64)
    return pd.arrays.PeriodArray(ticks, dtype=pd.PeriodDtype(spec["freq"]))


def _restore_interval(column: Any, spec: Spec) -> Any:
    left, right = column.flatten()
    return pd.arrays.IntervalArray.from_arrays(
        restore_dtype(left, spec["of"]), restore_dtype(right, spec["of"]), spec["closed"]
    )


def _restore_sparse(column: Any, spec: Spec) -> Any:
    dense = _restore_numpy(column, spec)
    fill = values_from_json([spec["fill"]], column.type)[0].as_py()
    fill = float(fill) if dense.dtype.kind == "f" else fill  # some versions of Arrow have scalars of their own
    return pd.arrays.SparseArray(dense, fill_value=fill, dtype=pd.SparseDtype(dense.dtype, fill))


def _restore_category(column: Any, spec: Spec) -> Any:
    known = values_from_json(spec["values"], arrow_type(spec["type"]))
    categories = as_index(restore_dtype(pa.chunked_array([known]), spec["of"]))
    if "freq" in spec["of"]:
        categories = with_freq(categories, spec["of"]["freq"])
    codes = [_codes(chunk, categories, spec["of"]) for chunk in column.chunks]
    joined = np.concatenate(codes) if codes else np.empty(0, dtype=np.int64)
    return pd.Categorical.from_codes(joined, categories=categories, ordered=spec["ordered"])


def as_index(array: Any) -> Any:
    """Return restored values as an index of their own dtype; pandas would look into objects and choose another."""
    objects = isinstance(array, np.ndarray) and array.dtype.kind == "O"
    return pd.Index(array, dtype=object) if objects else pd.Index(array)


def freq_name(index: Any) -> str | None:
    """Return the frequency of a moment or duration index, if it has one and its name says it all."""
    if not isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) or index.freq is None:
        return None
    try:
        return str(index.freqstr) if to_offset(index.freqstr) == index.freq else None
    except ValueError:  # pd.DateOffset(…) has no name
        return None


def with_freq(index: Any, freq: str) -> Any:
    """Return a moment or duration index with its frequency again."""
    try:
        return type(index)(index, freq=freq)
    except ValueError:  # the other pandas spells this frequency otherwise; the values are the same
        return index


def _codes(chunk: Any, categories: Any, spec: Spec) -> Any:
    if pa.types.is_dictionary(chunk.type):
        found = np.append(_codes(chunk.dictionary, categories, spec), -1)
        return found[chunk.indices.cast(pa.int64()).fill_null(-1).to_numpy()]
    codes = np.full(len(chunk), -1, dtype=np.int64)
    present = ~chunk.is_null().to_numpy(zero_copy_only=False)
    if present.any():
        found = as_index(restore_dtype(pa.chunked_array([chunk.drop_null()]), spec))
        codes[present] = _ends(categories).get_indexer(_ends(found))
    return codes


def _ends(index: Any) -> Any:
    # pandas looks up intervals by the points they hold, and refuses where they touch or overlap
    return pd.MultiIndex.from_arrays([index.left, index.right]) if isinstance(index, pd.IntervalIndex) else index


_RESTORERS = {
    "numpy": _restore_numpy,
    "masked": _restore_extension,
    "string": _restore_extension,
    "arrow": _restore_extension,
    "text": _restore_text,
    "datetimetz": _restore_datetimetz,
    "period": _restore_period,
    "interval": _restore_interval,
    "sparse": _restore_sparse,
    "category": _restore_category,
    "object": restore_objects,
}
