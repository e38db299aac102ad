"""Canonical form 1: the bytes under whose SHA-256 a column block is known, whatever holds its values.

A *format*, the dearest one to change: every dataset version is named by it. ``docs/format.md`` defines it byte by
byte with golden vectors, and a test compares this module with an implementation written from that text alone.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlcycle.codecs._logical_types import logical_name, logical_type
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Sink = Callable[[Any], object]

__all__ = ["FORM", "block_digest", "canonical_bytes", "deeply_plain", "lengths_of", "plain", "valid"]

FORM = 1
_MAGIC = b"mlcycle" + bytes([FORM])
_STEP = 1 << 17
_QUIET_NAN = {2: 0x7E00, 4: 0x7FC00000, 8: 0x7FF8000000000000}


def block_digest(values: Any) -> str:
    """Return the identity of a column block: the SHA-256 of its canonical form 1.

    Equal values of one logical type give one digest, however they are sliced, chunked, encoded as dictionaries, or
    what garbage lies under their nulls. NaN is not null, and -0.0 is not 0.0.

    Parameters
    ----------
    values : pyarrow.Array or pyarrow.ChunkedArray

    Returns
    -------
    str
        ``sha256:`` and 64 hex digits.

    Raises
    ------
    InvalidInput
        A type without canonical form, or a single text or list of 2**32 bytes or members and more.

    Examples
    --------
    >>> block_digest(pa.array([1, None, 3], pa.int64()))
    'sha256:2044234c120064ee587999c26d7e699e28439f594572a02c42631ca87610c43c'
    """
    digest = hashlib.sha256()
    _feed(values, digest.update)
    return "sha256:" + digest.hexdigest()


def canonical_bytes(values: Any) -> bytes:
    """Return canonical form 1 itself, for small examples and for other implementations to compare with.

    Examples
    --------
    >>> canonical_bytes(pa.array([True, None])).hex()
    '6d6c6379636c650104000000626f6f6c020000000000000001000000000000000101'
    """
    made = bytearray()
    _feed(values, made.extend)
    return bytes(made)


def _feed(values: Any, sink: Sink) -> None:
    chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    name = logical_name(values.type).encode()
    sink(_MAGIC + struct.pack("<I", len(name)) + name)
    _feed_array(chunks, logical_type(values.type), sink)


def _feed_array(chunks: list[Any], kind: Any, sink: Sink) -> None:
    chunks = [plain(chunk) for chunk in chunks if len(chunk)]
    nulls = sum(chunk.null_count for chunk in chunks)
    sink(struct.pack("<QQ", sum(map(len, chunks)), nulls))
    if nulls:
        _feed_bits((valid(chunk) for chunk in chunks), sink)
    types = pa.types
    if types.is_boolean(kind):
        _feed_bits(map(_booleans, chunks), sink)
    elif types.is_struct(kind):
        children = [chunk.flatten() for chunk in chunks]
        for position, field in enumerate(kind):
            _feed_array([child[position] for child in children], field.type, sink)
    elif types.is_map(kind) or types.is_list(kind):
        _feed_lengths(chunks, sink)
        child = (
            pa.struct([("key", kind.key_type), ("value", kind.item_type)]) if types.is_map(kind) else kind.value_type
        )
        _feed_array([chunk.flatten() for chunk in chunks], child, sink)
    elif types.is_string(kind) or types.is_binary(kind):
        _feed_lengths(chunks, sink)
        for chunk in chunks:
            sink(_content(chunk))
    elif not types.is_null(kind):
        for chunk in chunks:
            _feed_fixed(chunk, sink)


# one layout for each logical type ----------------------------------------------------------------------------------


def plain(chunk: Any) -> Any:
    """Return an array whose outermost type is decoded: no dictionary, run, view, map, extension or spare width."""
    types, kind = pa.types, chunk.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(chunk.storage)
    if types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(chunk))
    if types.is_dictionary(kind):
        return plain(_decode(chunk))
    name = str(kind)
    if name in ("string_view", "binary_view"):
        return pa.array(chunk.to_pylist(), pa.large_string() if name == "string_view" else pa.large_binary())
    if name.startswith(("list_view<", "large_list_view<")):
        return _as_list(chunk, chunk.flatten())
    if types.is_date64(kind) or (types.is_decimal(kind) and logical_type(kind) != kind):
        return _narrowed(chunk)
    if types.is_map(kind):
        return _unmap(chunk)
    return chunk


def _narrowed(chunk: Any) -> Any:
    wanted = logical_type(chunk.type)
    try:
        return chunk.cast(wanted)
    except pa.ArrowInvalid as error:
        raise InvalidInput(
            f"an Arrow array of {chunk.type} breaks the rules of its type: {error}; cast it first"
        ) from error


def _decode(chunk: Any) -> Any:
    # 64-bit offsets: the decoded text may be far larger than the dictionary
    dictionary = plain(chunk.dictionary)
    if pa.types.is_string(dictionary.type) or pa.types.is_binary(dictionary.type):
        dictionary = dictionary.cast(pa.large_string() if pa.types.is_string(dictionary.type) else pa.large_binary())
    return dictionary.take(chunk.indices)


def _as_list(chunk: Any, members: Any) -> Any:
    # Arrow's own casts of list views and of fixed-size lists with nulls make invalid arrays (seen in versions 17 to 26)
    offsets = np.concatenate([[0], np.cumsum(lengths_of(chunk), dtype=np.int64)])
    mask = pa.array(~valid(chunk)) if chunk.null_count else None
    return pa.LargeListArray.from_arrays(pa.array(offsets), members, mask=mask)


def deeply_plain(chunk: Any) -> Any:
    """Return an array that is `plain` at every depth, for writers that know only plain nested types."""
    if pa.types.is_map(chunk.type):
        listed = plain(chunk)
        starts = np.concatenate([[0], np.cumsum(lengths_of(listed))])
        offsets = pa.array(starts, pa.int32(), mask=np.append(~valid(listed), False))
        return pa.MapArray.from_arrays(offsets, *map(deeply_plain, listed.flatten().flatten()))
    chunk = plain(chunk)
    if pa.types.is_struct(chunk.type):
        mask = pa.array(~valid(chunk)) if chunk.null_count else None
        children = [deeply_plain(child) for child in chunk.flatten()]
        return pa.StructArray.from_arrays(children, [field.name for field in chunk.type], mask=mask)
    if pa.types.is_nested(chunk.type):
        return _as_list(chunk, deeply_plain(chunk.flatten()))
    return chunk


def _unmap(chunk: Any) -> Any:
    # by hand: Arrow casts slices of maps of maps to the wrong members (seen in versions 17 to 26)
    mask = pa.array(~valid(chunk)) if chunk.null_count else None
    return pa.ListArray.from_arrays(pa.array(_offsets(chunk).copy()), chunk.values, mask=mask)


def _bits(buffer: Any, offset: int, count: int) -> NDArray[np.bool_]:
    start = offset // 8
    packed = np.frombuffer(buffer, dtype=np.uint8, count=(offset + count + 7) // 8 - start, offset=start)
    skip = offset - 8 * start
    return np.unpackbits(packed, count=skip + count, bitorder="little")[skip:].view(np.bool_)


def valid(chunk: Any) -> NDArray[np.bool_]:
    """Return one truth value for each value of an array: false where it is null."""
    if pa.types.is_null(chunk.type):
        return np.zeros(len(chunk), dtype=np.bool_)
    buffer = chunk.buffers()[0]
    if buffer is None or not chunk.null_count:
        return np.ones(len(chunk), dtype=np.bool_)
    return _bits(buffer, chunk.offset, len(chunk))


def _booleans(chunk: Any) -> NDArray[np.bool_]:
    values = _bits(chunk.buffers()[1], chunk.offset, len(chunk))
    return values & valid(chunk) if chunk.null_count else values


def _feed_bits(masks: Iterable[NDArray[np.bool_]], sink: Sink) -> None:
    carried = np.empty(0, dtype=np.bool_)
    for mask in masks:
        joined = np.concatenate([carried, mask]) if len(carried) else mask
        whole = len(joined) // 8 * 8
        sink(np.packbits(joined[:whole], bitorder="little").data)
        carried = joined[whole:]
    if len(carried):
        sink(np.packbits(carried, bitorder="little").data)


def _feed_fixed(chunk: Any, sink: Sink) -> None:
    width = chunk.type.bit_width // 8
    if not width:
        return
    kind = f"<u{width}" if width in (1, 2, 4, 8) else f"V{width}"
    buffer = chunk.buffers()[1]
    if buffer is None:
        sink(bytes(width * len(chunk)))
        return
    values = np.frombuffer(buffer, dtype=kind, count=len(chunk), offset=chunk.offset * width)
    floating = pa.types.is_floating(chunk.type)
    empty = ~valid(chunk) if chunk.null_count else None
    for start in range(0, len(values), _STEP):
        part = values[start : start + _STEP]
        bad = np.isnan(part.view(f"<f{width}")) if floating else None
        if bad is not None and bad.any():
            part = np.where(bad, part.dtype.type(_QUIET_NAN[width]), part)
        if empty is not None and empty[start : start + _STEP].any():
            part = part.copy()
            part[empty[start : start + _STEP]] = np.zeros(1, dtype=kind)[0]
        sink(part.view(np.uint8).data)


def _offsets(chunk: Any) -> NDArray[Any]:
    large = chunk.type.id in (pa.large_string().id, pa.large_binary().id, pa.large_list(pa.null()).id)
    if not len(chunk):  # may have no buffer at all
        return np.zeros(1, dtype=np.int64)
    width = 8 if large else 4
    return np.frombuffer(chunk.buffers()[1], dtype=f"<i{width}", count=len(chunk) + 1, offset=chunk.offset * width)


def _feed_lengths(chunks: list[Any], sink: Sink) -> None:
    for lengths in map(lengths_of, chunks):
        if len(lengths) and int(lengths.max()) >= 2**32:
            raise InvalidInput(f"one value is {int(lengths.max()):,} long, and 2**32 - 1 is the most a table can hold")
        sink(lengths.astype("<u4").data)


def lengths_of(chunk: Any) -> NDArray[Any]:
    """Return how many bytes, or members, each value of text, bytes or lists has; 0 where it is null."""
    if pa.types.is_fixed_size_list(chunk.type):
        lengths = np.full(len(chunk), chunk.type.list_size, dtype=np.int64)
    elif "list_view" in str(chunk.type).partition("<")[0]:
        lengths = chunk.sizes.to_numpy().astype(np.int64)
    else:
        lengths = np.diff(_offsets(chunk))
    if chunk.null_count:
        lengths[~valid(chunk)] = 0
    return lengths


def _content(chunk: Any) -> Any:
    """Return the bytes of the values that are not null, one after the other."""
    if chunk.null_count and np.diff(_offsets(chunk))[~valid(chunk)].any():
        chunk = chunk.drop_null()  # bytes hidden under nulls
    data = chunk.buffers()[2]
    if data is None or not len(chunk):
        return b""
    offsets = _offsets(chunk)
    return memoryview(data)[int(offsets[0]) : int(offsets[-1])]
