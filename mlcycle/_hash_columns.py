"""The published 64-bit hash, vectorised over numpy, pandas and Arrow columns; loaded when first used."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlcycle._hash64 import (
    BYTES,
    DURATION,
    FIRST,
    FLOAT,
    GOLDEN,
    INSTANT,
    INT,
    LONG,
    PER_SECOND,
    SECOND,
    TEXT,
    TIME,
    UINT,
    hash64_one,
    mix,
    salt_keys,
)
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["hash_column"]

U64: TypeAlias = NDArray[np.uint64]


def hash_column(values: Any, salt: str) -> U64:
    """Hash every value of a column; `mlcycle._digest.hash64` says how."""
    keys = salt_keys(salt)
    if type(values).__module__.partition(".")[0] == "pandas":
        values = _from_pandas(values)
    if type(values).__module__.partition(".")[0] == "pyarrow":
        return _hash_arrow(values, keys, salt)
    array = values if isinstance(values, np.ndarray) else _object_array(values)
    if array.ndim != 1:
        raise InvalidInput(f"hash64 takes one column of values, got an array of shape {array.shape}")
    if array.dtype.kind in "biuf" and array.dtype.itemsize <= 8:
        return _hash_numbers(array, keys)
    if array.dtype.kind in "mM":
        return _hash_moments(array, keys)
    return _hash_objects(array, keys, salt)


def _object_array(values: Iterable[Any]) -> NDArray[Any]:
    values = list(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _from_pandas(values: Any) -> Any:
    """Return numpy values where pandas has them, Arrow ones for its extension types."""
    several = getattr(values, "ndim", 1) != 1 or getattr(values, "nlevels", 1) != 1
    if several or not hasattr(values, "dtype"):
        raise InvalidInput("hash64 takes one column: a Series or an Index of one level, not a frame")
    array = getattr(values, "array", values)
    if hasattr(array, "categories"):
        codes = pa.array(array.codes, mask=array.codes < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array(_object_array(array.categories), from_pandas=True))
    if hasattr(array, "tz"):
        return array.asi8.view(f"M8[{array.unit}]")
    if hasattr(array, "__arrow_array__") and not hasattr(array, "to_timestamp"):
        return pa.array(array)
    return np.asarray(array)


def _mix_all(x: U64) -> U64:
    x += np.uint64(GOLDEN)
    x ^= x >> np.uint64(30)
    x *= np.uint64(FIRST)
    x ^= x >> np.uint64(27)
    x *= np.uint64(SECOND)
    x ^= x >> np.uint64(31)
    return x


def _finish(state: U64, keys: tuple[int, int], closing: Any) -> U64:
    return _mix_all(state ^ (closing ^ np.uint64(keys[1])))


def _hash_lanes(lanes: list[U64], tags: Any, keys: tuple[int, int]) -> U64:
    """Hash payloads of one or two whole lanes; `tags` is a number or one for each value."""
    state = _mix_all(lanes[0] ^ np.uint64(keys[0]))
    for lane in lanes[1:]:
        state = _mix_all(state ^ lane)
    closing = np.asarray(tags, dtype=np.uint64) << np.uint64(56) ^ np.uint64(8 * len(lanes))
    return _finish(state, keys, closing)


def _null(keys: tuple[int, int]) -> np.uint64:
    return np.uint64(mix(keys[0] ^ keys[1]))


def _hash_numbers(array: NDArray[Any], keys: tuple[int, int]) -> U64:
    if array.dtype.kind in "bi":
        return _hash_lanes([array.astype(np.int64).view(np.uint64)], INT, keys)
    if array.dtype.kind == "u":
        lane = array.astype(np.uint64)
        large = lane >= np.uint64(2**63)
        return _hash_lanes([lane], np.where(large, UINT, INT) if large.any() else INT, keys)
    array = array.astype(np.float64)
    inside = (array >= -(2.0**63)) & (array < 2.0**64)
    large = inside & (array >= 2.0**63)
    whole = inside & (array == np.floor(array))
    signed = np.where(whole & ~large, array, 0.0).astype(np.int64).view(np.uint64)
    unsigned = np.where(whole & large, array, 0.0).astype(np.uint64)
    lane = np.where(whole, np.where(large, unsigned, signed), array.view(np.uint64))
    hashes = _hash_lanes([lane], np.where(whole, np.where(large, UINT, INT), FLOAT), keys)
    hashes[np.isnan(array)] = _null(keys)
    return hashes


def _hash_moments(array: NDArray[Any], keys: tuple[int, int]) -> U64:
    unit = np.datetime_data(array.dtype)[0]
    if unit not in PER_SECOND:
        array, unit = array.astype(f"{array.dtype.kind}8[s]"), "s"
    tag = INSTANT if array.dtype.kind == "M" else DURATION
    hashes = _hash_ticks(array.view(np.int64), unit, tag, keys)
    hashes[np.isnat(array)] = _null(keys)
    return hashes


def _hash_ticks(ticks: NDArray[np.int64], unit: str, tag: int, keys: tuple[int, int]) -> U64:
    per = PER_SECOND[unit]
    seconds, rest = (ticks, np.zeros_like(ticks)) if per == 1 else np.divmod(ticks, per)
    return _hash_lanes([seconds.view(np.uint64), (rest * (10**9 // per)).view(np.uint64)], tag, keys)


def _hash_objects(array: NDArray[Any], keys: tuple[int, int], salt: str) -> U64:
    if str in set(map(type, array)) or array.dtype.kind == "U":
        try:
            return _hash_arrow(pa.array(array, pa.large_string(), from_pandas=True), keys, salt)
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
            pass  # text among other things: one at a time
    return np.fromiter((hash64_one(value, salt) for value in array), dtype=np.uint64, count=len(array))


def _hash_arrow(values: Any, keys: tuple[int, int], salt: str) -> U64:
    if isinstance(values, pa.ChunkedArray):
        parts = [_hash_arrow(chunk, keys, salt) for chunk in values.chunks]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)
    hashes = _hash_arrow_values(values, keys, salt)
    if values.null_count:
        missing = values.is_null().to_numpy(zero_copy_only=False)
        hashes = np.where(missing, _null(keys), hashes)
    return hashes


def _hash_arrow_values(values: Any, keys: tuple[int, int], salt: str) -> U64:
    """Hash an array, with anything where it has nulls."""
    kind = values.type
    if isinstance(kind, pa.ExtensionType | pa.BaseExtensionType):
        return _hash_arrow(values.storage, keys, salt)
    if pa.types.is_dictionary(kind):
        known = np.append(_hash_arrow(values.dictionary, keys, salt), _null(keys))
        codes = values.indices.cast(pa.int64()).fill_null(len(values.dictionary)).to_numpy()
        found: U64 = known[codes]
        return found
    if pa.types.is_null(kind):
        return np.full(len(values), _null(keys))
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _hash_numbers(_without_nulls(values).to_numpy(zero_copy_only=False), keys)
    if kind in _TEXT_TYPES:
        return _hash_bytes(values.cast(pa.large_string()), TEXT, keys)
    if kind in _BYTES_TYPES or pa.types.is_fixed_size_binary(kind):
        return _hash_bytes(values.cast(pa.large_binary()), BYTES, keys)
    if pa.types.is_temporal(kind) and (ticks := _ticks(values)) is not None:
        return _hash_ticks(*ticks, keys)
    if pa.types.is_decimal(kind):
        return np.fromiter((hash64_one(v, salt) for v in values.to_pylist()), dtype=np.uint64, count=len(values))
    raise InvalidInput(f"a column of {kind} cannot be hashed; turn it into text or numbers first")


def _without_nulls(values: Any) -> Any:
    if not values.null_count:
        return values
    return values.fill_null(False if pa.types.is_boolean(values.type) else 0)


_TEXT_TYPES = (pa.string(), pa.large_string(), pa.string_view())
_BYTES_TYPES = (pa.binary(), pa.large_binary(), pa.binary_view())


def _ticks(values: Any) -> tuple[NDArray[np.int64], str, int] | None:
    kind = values.type
    if pa.types.is_date32(kind):
        days = _without_nulls(values.cast(pa.int32())).to_numpy().astype(np.int64)
        return days * 86_400, "s", INSTANT
    tag = DURATION if pa.types.is_duration(kind) else TIME if pa.types.is_time(kind) else INSTANT
    unit = "ms" if pa.types.is_date64(kind) else getattr(kind, "unit", None)
    if unit is None:
        return None
    width = pa.int32() if pa.types.is_time32(kind) else pa.int64()
    ticks = _without_nulls(values.cast(width)).to_numpy().astype(np.int64)
    return ticks, unit, tag


def _hash_bytes(values: Any, tag: int, keys: tuple[int, int]) -> U64:
    """Hash text or bytes, one lane of all values after the other; long values by their SHA-256."""
    count = len(values)
    _, offset_buffer, data_buffer = values.buffers()
    if not count or offset_buffer is None:
        return np.full(count, _null(keys))
    offsets = np.frombuffer(offset_buffer, dtype=np.int64, count=count + 1, offset=8 * values.offset)
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer is not None else np.empty(0, dtype=np.uint8)
    starts, lengths = offsets[:-1], np.diff(offsets)
    closing = lengths.astype(np.uint64) ^ np.uint64(tag << 56)
    state = np.full(count, keys[0], dtype=np.uint64)
    long = np.flatnonzero(lengths > LONG)
    if len(long):
        digests = b"".join(hashlib.sha256(data[starts[i] : starts[i] + lengths[i]].data).digest() for i in long)
        lanes = np.frombuffer(digests, dtype="<u8").reshape(-1, 4)
        for lane in range(4):
            state[long] = _mix_all(state[long] ^ lanes[:, lane])
    short = np.flatnonzero(lengths <= LONG) if len(long) else np.arange(count)
    base = int(offsets[0])
    padded = np.concatenate([data[base : int(offsets[-1])], np.zeros(8, dtype=np.uint8)])
    state[short] = _hash_short(padded, starts[short] - base, lengths[short], state[short])
    return _finish(state, keys, closing)


def _hash_short(data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64], state: U64) -> U64:
    lanes = np.ndarray(len(data) - 7, dtype="<u8", buffer=data, strides=(1,))  # the 8 bytes from every position
    active = np.flatnonzero(lengths > 0)
    at = 0
    while len(active):
        left = lengths[active] - at
        lane = lanes[starts[active] + at]
        partial = left < 8
        if partial.any():
            keep = (np.uint64(1) << (8 * np.where(partial, left, 0)).astype(np.uint64)) - np.uint64(1)
            lane = np.where(partial, lane & keep, lane)
        state[active] = _mix_all(state[active] ^ lane)
        at += 8
        active = active[left > 8]
    return state
