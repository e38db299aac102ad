"""What a table looks like, column by column, as plain JSON: missing values, range, shape, frequent values.

A profile repeats values of rows, so it is stored as a file that can be erased, never in a log entry.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlcycle.codecs._canonical import lengths_of, plain, valid
from mlcycle.codecs._column_errors import naming_column
from mlcycle.codecs._logical_types import logical_name, logical_type
from mlcycle.codecs._tables import Encoded, columns_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["profile"]


_SAMPLE = 1 << 16
_TOP = 10
_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_LONGEST = 200


def profile(data: pd.DataFrame | Any) -> dict[str, Any]:
    """Describe every column of a table.

    Parameters
    ----------
    data : pandas.DataFrame, pyarrow.Table or Encoded

    Returns
    -------
    dict
        ``{"v": 1, "needs_read": [], "summary": None, "rows": …, "columns": {field: {…}}}``; ``summary`` is the room for
        the one that can be merged. Every column has ``type`` and ``nulls`` (null or NaN). Numbers have
        ``min max mean std`` (of a sample, n - 1), ``quantiles`` as pairs ``[q, value]``, ``zeros`` and, where there are
        any, ``infinite``; durations are in seconds. Moments and dates have ``min`` and ``max`` as ISO 8601. Text,
        truth values, whole numbers and dates have ``top``, pairs ``[value, share]`` of the ten most frequent. Text,
        bytes and lists have ``length`` with ``min mean max``. ``distinct`` counts values that are there. Above
        65 536 rows, ``quantiles``, ``top``, ``distinct`` and ``length`` come from a sample of that many rows and
        ``sampled`` is true; ``distinct`` is then the estimate GEE [1]_. ``mean``, ``std`` and ``quantiles`` leave out
        infinities.

    References
    ----------
    .. [1] Charikar, Chaudhuri, Motwani, Narasayya: Towards Estimation Error Guarantees for Distinct Values, PODS 2000.

    Examples
    --------
    >>> profile(pa.table({"age": [30, 40, None]}))["columns"]["age"]["mean"]
    35.0
    """
    if isinstance(data, Encoded):
        columns = dict(zip(data.table.column_names, data.table.columns, strict=True))
        rows = data.table.num_rows
    else:
        columns, rows = columns_of(data)
    picked = _picked(rows)

    def one(field: str) -> dict[str, Any]:
        with naming_column(f"column {field!r}", "described"):
            return _describe(columns[field], picked)

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        described = list(pool.map(one, columns))
    return {"summary": None, "rows": rows, "columns": dict(zip(columns, described, strict=True))}


def _picked(rows: int) -> Any:
    """Return sorted positions of the sample, one from each of equal stretches; None for all rows."""
    if rows <= _SAMPLE:
        return None
    edges = np.linspace(0, rows, _SAMPLE + 1).astype(np.int64)
    jitter = np.random.default_rng(0).random(_SAMPLE)
    return pa.array(edges[:-1] + (jitter * np.diff(edges)).astype(np.int64))


def _describe(column: Any, picked: Any) -> dict[str, Any]:
    column = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    kind, types = logical_type(column.type), pa.types
    if types.is_float16(kind):  # Arrow computes little with half floats
        chunks = [
            pa.array(c.to_numpy(zero_copy_only=False), pa.float32(), mask=np.asarray(c.is_null()))
            for c in column.chunks
        ]
        column = pa.chunked_array(chunks, pa.float32())
    made: dict[str, Any] = {"type": logical_name(kind), "nulls": _nulls(column, kind)}
    if types.is_nested(kind):
        return made if types.is_struct(kind) else {**made, **_members(column, picked)}
    sample = _plain(column if picked is None else column.take(picked)).drop_null()
    if types.is_boolean(kind):
        return {**made, **_levels(sample, column, picked)}
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_duration(kind):
        levels = _levels(sample, column, picked)
        if not types.is_integer(kind):
            levels.pop("top", None)
        return {**made, **levels, **_numbers(_plain(column), sample, kind)}
    if types.is_temporal(kind):
        return {**made, **_levels(sample, column, picked), **_range(_plain(column))}
    if types.is_string(kind) or types.is_binary(kind) or types.is_fixed_size_binary(kind):
        levels = _levels(sample, column, picked)
        if not types.is_string(kind):
            levels.pop("top", None)
        return {**made, **levels, **_lengths(sample)}
    return made


def _plain(column: Any) -> Any:
    chunks = [plain(chunk) for chunk in column.chunks]
    return pa.chunked_array(chunks) if chunks else pa.chunked_array([], plain(pa.nulls(0, column.type)).type)


def _nulls(column: Any, kind: Any) -> int:
    if pa.types.is_floating(kind):
        return int(pc.sum(pc.is_null(_plain(column), nan_is_null=True)).as_py() or 0)
    if pa.types.is_dictionary(column.type):
        return sum(chunk.null_count for chunk in _plain(column).chunks)
    return int(column.null_count)


def _levels(sample: Any, column: Any, picked: Any) -> dict[str, Any]:
    """Count distinct values and the most frequent of them."""
    if pa.types.is_floating(sample.type):
        sample = sample.filter(pc.invert(pc.is_nan(sample)))
    if not len(sample):
        return {"distinct": 0}
    counted = sample.value_counts()
    counts = counted.field("counts").to_numpy()
    sampled = picked is not None
    distinct = len(counts)
    if sampled and distinct > 1:
        rows = len(column) * len(sample) / len(picked)
        once = int((counts == 1).sum())
        distinct = min(round(rows), round(math.sqrt(rows / len(sample)) * once + distinct - once))
        distinct = round(rows) if once == len(counts) else distinct
    made: dict[str, Any] = {"distinct": distinct, **({"sampled": True} if sampled else {})}
    if len(counts) < len(sample):
        first = np.argsort(-counts, kind="stable")[:_TOP]
        values = _listed(counted.field("values").take(pa.array(first)))
        shares = (counts[first] / len(sample)).tolist()
        made["top"] = [[_json(value), round(share, 6)] for value, share in zip(values, shares, strict=True)]
    return made


def _listed(values: Any) -> list[Any]:
    """Return a few values for people; moments as ISO 8601 text in UTC, whatever Python can hold."""
    if not pa.types.is_temporal(values.type):
        return list(values.to_pylist())
    zone = getattr(values.type, "tz", None)
    if zone is not None:
        values = values.cast(pa.int64()).cast(pa.timestamp(values.type.unit))
    texts = (text.replace(" ", "T") if text else None for text in values.cast(pa.string()).to_pylist())
    return [text and text + ("Z" if zone is not None else "") for text in texts]


def _json(value: Any) -> Any:
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _numbers(column: Any, sample: Any, kind: Any) -> dict[str, Any]:
    values, some = _floats(column, kind), _floats(sample, kind)
    finite = np.isfinite(values)
    whole = bool(finite.all())
    kept = values if whole else values[finite]
    infinite = 0 if whole else int(np.isinf(values).sum())
    made: dict[str, Any] = {"infinite": infinite} if infinite else {}
    if not len(kept):
        return made
    ends = pc.min_max(column) if pa.types.is_integer(kind) else {"min": kept.min(), "max": kept.max()}
    for end in ("min", "max"):
        made[end] = ends[end].as_py() if pa.types.is_integer(kind) else float(ends[end])
    with np.errstate(all="ignore"):
        mean, spread = kept.mean(), kept.std(ddof=1) if len(kept) > 1 else math.nan
    made |= {"mean": _json(float(mean)), "std": _json(float(spread)), "zeros": int((kept == 0).sum())}
    some = some[np.isfinite(some)]
    if len(some):
        with np.errstate(all="ignore"):
            made["quantiles"] = [
                [q, _json(float(v))] for q, v in zip(_QUANTILES, np.quantile(some, _QUANTILES), strict=True)
            ]
    return made


def _floats(column: Any, kind: Any) -> NDArray[np.float64]:
    if pa.types.is_duration(kind):
        column, scale = column.cast(pa.int64()), {"s": 1e0, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit]
        return _floats(column, pa.int64()) / scale
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    column = column.drop_null() if column.null_count else column
    made: NDArray[np.float64] = column.to_numpy().astype(np.float64, copy=False)
    return made


def _range(column: Any) -> dict[str, Any]:
    ends = pc.min_max(column)
    lowest, highest = _listed(pa.array([ends["min"], ends["max"]], column.type))
    return {"min": lowest, "max": highest} if lowest is not None else {}


def _members(column: Any, picked: Any) -> dict[str, Any]:
    # by hand: Arrow takes no rows of lists of some types, such as text views
    chunks = [plain(chunk) for chunk in column.chunks]
    if not chunks:
        return {}
    lengths = np.concatenate([lengths_of(chunk) for chunk in chunks])
    there = np.concatenate([valid(chunk) for chunk in chunks])
    if picked is not None:
        lengths, there = lengths[picked.to_numpy()], there[picked.to_numpy()]
    return _length(lengths[there])


def _length(values: NDArray[Any]) -> dict[str, Any]:
    if not len(values):
        return {}
    return {"length": {"min": int(values.min()), "mean": float(values.mean()), "max": int(values.max())}}


def _lengths(sample: Any) -> dict[str, Any]:
    if pa.types.is_fixed_size_binary(sample.type):
        return _length(np.full(len(sample), sample.type.byte_width))
    text = pa.types.is_string(sample.type) or pa.types.is_large_string(sample.type)
    return _length((pc.utf8_length(sample) if text else pc.binary_length(sample)).to_numpy())
