"""The values of an Arrow column as NumPy arrays of a few kinds, for whoever counts, orders or compares them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from attrs import field, frozen

from mlcycle.codecs._canonical import lengths_of, plain, valid
from mlcycle.codecs._logical_types import logical_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["ColumnValues", "column_values"]

# Text that hardly repeats itself is taken in batches: one dictionary of all of it would be as large as the column.
_BATCH = 1 << 17
_STEPS = {"s": 10**6, "ms": 10**3, "us": 1}
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_MISSING = np.iinfo(np.int64).min
_DAY = 86_400 * 10**6
_LISTS = ("list", "large_list", "fixed_size_list", "list_view", "large_list_view", "map")


@frozen(eq=False)
class ColumnValues:
    """Rows of a column, one after the other.

    Attributes
    ----------
    kind : str
        ``numeric``, ``boolean``, ``datetime``, ``text``, ``categorical``, or of what there are only lengths or nothing
        to count: ``list``, ``bytes``, ``struct``, ``time``, ``null``, and ``datetime`` beyond what int64 holds.
    values : ndarray of shape (n,) or None
        Numbers, durations in seconds among them; truth values; whole steps since 1970 in UTC, of which the smallest
        int64 is none; of text and categories the place of each among `levels`, -1 for none; the lengths of lists and
        bytes. None where the rows have no such value.
    known : ndarray of bool of shape (n,) or None
        Which rows are not null; None for all, and where the values say it.
    levels : ndarray of object or None
        The different texts, or the categories.
    unit : str
        Of moments, what a step is: ``us`` or ``ns``. Of durations ``s``.
    zoned : bool or None
        Whether moments have a time zone; None for dates.
    """

    kind: str
    values: NDArray[Any] | None = field(repr=False)
    known: NDArray[np.bool_] | None = field(default=None, repr=False)
    levels: NDArray[Any] | None = field(default=None, repr=False)
    unit: str = ""
    zoned: bool | None = None


def column_values(column: Any, *, categories: bool = True) -> Iterator[ColumnValues]:
    """Give the values of a column of any type that can be stored, in one piece, or in several where it is text.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray
    categories : bool, default True
        Whether a dictionary stands for categories; else it is but a way to keep its values.

    Examples
    --------
    >>> [found] = column_values(pa.array(["b", None, "a", "b"]))
    >>> found.kind, found.values.tolist(), found.levels.tolist()
    ('text', [0, -1, 1, 0], ['b', 'a'])
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    chunks = [_stored(chunk) for chunk in chunks if len(chunk)]
    if not chunks:
        chunks = [_stored(pa.array([], column.type))]
    if categories and pa.types.is_dictionary(chunks[0].type) and not pa.types.is_nested(chunks[0].type.value_type):
        if any(chunk.dictionary.null_count for chunk in chunks):  # a null may also be one of the levels
            yield _coded("categorical", pa.chunked_array([plain(chunk) for chunk in chunks]).dictionary_encode())
        else:
            yield _coded("categorical", pa.chunked_array(chunks))
        return
    chunks = [plain(chunk) for chunk in chunks]
    if pa.types.is_string(chunks[0].type) or pa.types.is_large_string(chunks[0].type):
        yield from _texts(pa.chunked_array(chunks))
        return
    yield _values(chunks)


def _stored(chunk: Any) -> Any:
    return _stored(chunk.storage) if isinstance(chunk.type, pa.BaseExtensionType) else chunk


def _texts(column: Any) -> Iterator[ColumnValues]:
    first = column.slice(0, _BATCH).dictionary_encode()
    if len(first) == len(column):
        yield _coded("text", first)
    elif 2 * len(first.unify_dictionaries().chunk(0).dictionary) <= len(first):
        yield _coded("text", column.dictionary_encode())
    else:
        for start in range(0, len(column), _BATCH):
            yield _coded("text", column.slice(start, _BATCH).dictionary_encode())


def _coded(kind: str, column: Any) -> ColumnValues:
    chunks = column.unify_dictionaries().chunks
    if not chunks:  # Arrow encodes no text as no chunk
        return ColumnValues(kind, np.empty(0, np.intp), levels=np.empty(0, dtype=object))
    codes = [chunk.indices.cast(pa.int64()).fill_null(-1).to_numpy() for chunk in chunks]
    return ColumnValues(kind, np.concatenate(codes), levels=_objects(chunks[0].dictionary))


def _objects(levels: Any) -> NDArray[Any]:
    """Return levels as pandas has them, or as text where it has no such moments."""
    levels = plain(levels)
    if pa.types.is_temporal(levels.type):
        try:
            return np.asarray(levels.to_pandas(), dtype=object)
        except (pa.ArrowInvalid, ValueError, OverflowError):
            levels = levels.cast(pa.string())
    return np.fromiter(levels.to_pylist(), dtype=object, count=len(levels))


def _values(chunks: list[Any]) -> ColumnValues:
    types, kind = pa.types, chunks[0].type
    known = None if not any(chunk.null_count for chunk in chunks) else np.concatenate([valid(one) for one in chunks])
    if types.is_boolean(kind):
        truths = [chunk.fill_null(False).to_numpy(zero_copy_only=False) for chunk in chunks]
        return ColumnValues("boolean", np.concatenate(truths), known)
    if types.is_integer(kind) or types.is_floating(kind):
        return ColumnValues("numeric", _raw(chunks, kind.to_pandas_dtype()), known)
    if types.is_decimal(kind):
        floats = [chunk.cast(pa.float64()) for chunk in chunks]
        return ColumnValues("numeric", _raw(floats, np.float64), known)
    if types.is_duration(kind):
        return ColumnValues("numeric", _raw(chunks, np.int64) / _PER_SECOND[kind.unit], known, unit="s")
    if types.is_timestamp(kind) or types.is_date32(kind):
        return _moments(chunks, kind, known)
    if any(getattr(types, f"is_{name}")(kind) for name in _LISTS):
        return ColumnValues("list", np.concatenate([lengths_of(chunk) for chunk in chunks]), known)
    if types.is_binary(kind) or types.is_large_binary(kind):
        return ColumnValues("bytes", np.concatenate([lengths_of(chunk) for chunk in chunks]), known)
    if types.is_fixed_size_binary(kind):
        return ColumnValues("bytes", np.full(sum(map(len, chunks)), kind.byte_width), known)
    said = "struct" if types.is_struct(kind) else "time" if types.is_time(kind) else str(logical_type(kind))
    return ColumnValues(said, None, np.concatenate([valid(chunk) for chunk in chunks]))


def _raw(chunks: list[Any], dtype: Any) -> NDArray[Any]:
    """Return what a column of a fixed width holds, without a copy where it is one piece; anything where it is null."""
    parts = []
    for chunk in chunks:
        data = chunk.buffers()[1]
        whole = np.zeros(len(chunk) + chunk.offset, dtype) if data is None else np.frombuffer(data, dtype)
        parts.append(whole[chunk.offset : chunk.offset + len(chunk)])
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _moments(chunks: list[Any], kind: Any, known: NDArray[np.bool_] | None) -> ColumnValues:
    date = pa.types.is_date32(kind)
    unit = "ns" if not date and kind.unit == "ns" else "us"
    step = 1 if unit == "ns" else _DAY if date else _STEPS[kind.unit]
    steps = _raw(chunks, np.int32 if date else np.int64).astype(np.int64, copy=False)
    if known is not None:
        steps = np.where(known, steps, 0)
    if step > 1 and len(steps) and max(int(steps.max()), -int(steps.min())) >= -(_MISSING // step):
        return ColumnValues("datetime", None, np.ones(len(steps), np.bool_) if known is None else known)
    steps = steps * step if step > 1 else steps
    if known is not None:
        steps = np.where(known, steps, _MISSING)
    zoned = None if date else kind.tz is not None
    return ColumnValues("datetime", steps, unit=unit, zoned=zoned)
