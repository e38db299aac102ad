"""Old entries, many to a file: gzip that any tool reads, of which one entry can be had without unpacking the rest.

A rollup has a fixed name and holds the stored bytes of 1024 entries, one a line. It is written as gzip members of 64
lines; each says in an extra field of its header how long it is, so that a reader can step from member to member.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from mlcycle.storage._entries import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["MEMBER", "ROLLUP", "lines_at", "pack", "rollup_key", "unpack"]

# Both stand in the format for ever: names of rollups follow from the one, how far to step from the other.
ROLLUP, MEMBER = 1024, 64

# RFC 1952: magic, deflate, flag FEXTRA, no time, no system; 8 bytes of extra field: one subfield "ML" of 4 bytes, the
# length of the whole member. No time and no system, so that the same entries give the same bytes.
_HEAD = struct.Struct("<4sIBBH2sHI")
_MAGIC, _EXTRA, _SUBFIELD = b"\x1f\x8b\x08\x04", 8, b"ML"
_LEVEL = 6


def rollup_key(first: int) -> str:
    """Return the key of the rollup that begins with entry `first`.

    Examples
    --------
    >>> rollup_key(1024)
    'log/rollup-1024-2047.jsonl.gz'
    """
    return f"log/rollup-{first}-{first + ROLLUP - 1}.jsonl.gz"


def pack(lines: Sequence[bytes]) -> bytes:
    r"""Return the bytes of the rollup of some entries.

    Examples
    --------
    >>> import gzip
    >>> gzip.decompress(pack([b"{}", b"[]"]))
    b'{}\n[]\n'
    """
    return b"".join(_member(lines[first : first + MEMBER]) for first in range(0, len(lines), MEMBER))


def _member(lines: Sequence[bytes]) -> bytes:
    text = b"".join(line + b"\n" for line in lines)
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(text) + deflate.flush()
    length = _HEAD.size + len(body) + 8
    head = _HEAD.pack(_MAGIC, 0, 0, 255, _EXTRA, _SUBFIELD, 4, length)
    return head + body + struct.pack("<II", zlib.crc32(text), len(text))


def unpack(data: bytes) -> list[bytes] | None:
    """Return the lines of a rollup, whatever tool wrote the gzip, or None where it does not hold `ROLLUP` of them."""
    lines: list[bytes] = []
    rest: bytes = data
    while rest:
        found = _lines(rest)
        if found is None or len(lines) + len(found[0]) > ROLLUP:
            return None
        lines += found[0]
        rest = found[1]
    return lines if len(lines) == ROLLUP else None


def lines_at(data: bytes, i: int) -> tuple[int, list[bytes]] | None:
    """Return the lines around line `i` and the number of the first of them, unpacking as little as can be."""
    for first, begin, end in _steps(data):
        if first <= i < first + MEMBER:
            found = _lines(data[begin:end])
            if found is not None and len(found[0]) == MEMBER and not found[1]:
                return first, found[0]
    every = unpack(data)  # members without a length: somebody packed it again
    return None if every is None else (0, every)


def _steps(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield first line, begin and end of every member, as long as they say how long they are."""
    first = begin = 0
    while begin + _HEAD.size <= len(data):
        magic, _, _, _, extra, subfield, size, length = _HEAD.unpack_from(data, begin)
        if (magic, extra, subfield, size) != (_MAGIC, _EXTRA, _SUBFIELD, 4) or length <= _HEAD.size:
            return
        yield first, begin, begin + length
        first, begin = first + MEMBER, begin + length


def _lines(data: bytes) -> tuple[list[bytes], bytes] | None:
    """Return the lines of the first member and what comes after it, or None where it is torn or too large."""
    inflate = zlib.decompressobj(wbits=31)
    try:
        text = inflate.decompress(data, ROLLUP * (MAX_BYTES + 1))
    except zlib.error:
        return None
    if not inflate.eof or not text.endswith(b"\n"):
        return None
    return text.split(b"\n")[:-1], inflate.unused_data
