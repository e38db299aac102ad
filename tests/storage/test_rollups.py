"""Rollups: gzip any tool reads, of which one entry can be had alone."""

from __future__ import annotations

import gzip
import struct
import zlib

import pytest

from mlcycle.storage import _rollups as module
from mlcycle.storage._rollups import MEMBER, ROLLUP, lines_at, pack, unpack

LINES = [b'{"n":%d}' % n for n in range(ROLLUP)]


def test_any_gzip_reader_reads_it() -> None:
    """One line an entry, byte for byte."""
    assert b"".join(line + b"\n" for line in LINES) == gzip.decompress(pack(LINES))
    assert unpack(pack(LINES)) == LINES


def test_members_say_how_long_they_are() -> None:
    """The bytes are the format: members of 64 lines, each with its length in the subfield ML of its header."""
    data = pack(LINES)
    at = count = 0
    while at < len(data):
        assert data[at : at + 16] == b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x08\0ML\x04\0"
        (length,) = struct.unpack_from("<I", data, at + 16)
        lines = LINES[count * MEMBER : (count + 1) * MEMBER]
        assert b"".join(line + b"\n" for line in lines) == zlib.decompress(data[at : at + length], wbits=31)
        at, count = at + length, count + 1
    assert (at, count) == (len(data), ROLLUP // MEMBER)


def test_the_same_entries_give_the_same_bytes() -> None:
    """Nothing of the moment or the machine is in it."""
    assert pack(LINES) == pack(list(LINES))


@pytest.mark.parametrize("i", [0, 63, 64, 700, 1023])
def test_one_entry_without_the_rest(i: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One member is unpacked; where somebody packed it again without lengths, all of it."""
    again = gzip.compress(gzip.decompress(pack(LINES)))
    assert lines_at(again, i) == (0, LINES)
    monkeypatch.setattr(module, "unpack", lambda data: pytest.fail("unpacked everything"))
    first = i - i % MEMBER
    assert lines_at(pack(LINES), i) == (first, LINES[first : first + MEMBER])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no gzip",
        pack(LINES)[:-1],
        pack(LINES)[:-20],
        pack(LINES[:-1]),
        pack([*LINES, b"{}"]),
        pack(LINES) + b"\0",
        gzip.compress(b"\n".join(LINES)),
        gzip.compress(b"x" * 2 * ROLLUP * 65_537),
    ],
    ids=["empty", "text", "a byte short", "torn", "a line short", "a line more", "more", "no end", "bomb"],
)
def test_what_is_not_a_rollup(data: bytes) -> None:
    """It is none unless it holds 1024 lines and nothing else."""
    assert unpack(data) is None


def test_one_member_is_damaged() -> None:
    """The others can be had all the same."""
    data = bytearray(pack(LINES))
    data[60] ^= 0xFF
    assert lines_at(bytes(data), 5) is None
    assert lines_at(bytes(data), 500) == (448, LINES[448:512])
