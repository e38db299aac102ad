"""An index from text to an entry of the log, in 12 bytes an item: what a dict of 100 000 texts needs 20 MB for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mlcycle.errors import Corrupt

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CompactIndex"]

# Eight bytes of a digest: of a million texts, two share them with a chance of 3 in 100 million. So whoever acts on an
# answer compares the text with what the entry says.
_KEY, _RECORD = 8, 12
_MOST = 4096  # items in the dict before they are merged: a merge copies the whole block


class CompactIndex:
    """Text to entry number: sorted records of 12 bytes, and a dict over them for what came since.

    A record is the first 8 bytes of the SHA-256 of the text (UTF-8), and the number in 4 bytes, both big-endian; the
    records stand in ascending order. The same items give the same bytes, whatever happened on the way to them.

    Parameters
    ----------
    load : callable, optional
        Gives the records to begin with, when somebody asks for one; without it there are none.

    Examples
    --------
    >>> operations = CompactIndex()
    >>> operations.set("user:import-november", 7)
    >>> operations.get("user:import-november"), operations.get("user:other")
    (7, None)
    >>> len(operations.dump()), CompactIndex(operations.dump).get("user:import-november")
    (12, 7)
    """

    def __init__(self, load: Callable[[], bytes] | None = None) -> None:
        self._load = load
        self._block: bytes | None = None if load else b""
        self._new: dict[bytes, int | None] = {}

    def get(self, text: str) -> int | None:
        """Return the entry of a text, or None."""
        key = _key(text)
        new = self._new  # looked at once: a merge in another thread puts an empty one in its place
        if key in new:
            return new[key]
        block = self._records()
        at = _position(block, key)
        if block[at : at + _KEY] != key:
            return None
        return int.from_bytes(block[at + _KEY : at + _RECORD], "big")

    def set(self, text: str, n: int) -> None:
        """Let a text stand for entry `n` from now on; nothing is read for it."""
        self._put(_key(text), n)

    def pop(self, text: str) -> None:
        """Forget a text; one that is not there is no error, and nothing is read for it."""
        self._put(_key(text), None)

    def hold(self) -> None:
        """Load the records, so that nothing is read for whatever is asked from now on."""
        self._records()

    def dump(self) -> bytes:
        """Return the records of everything; what was loaded and not touched is given back as it came."""
        block = self._records()
        if not self._new:
            return block
        pieces, begin = [], 0
        for key, n in sorted(self._new.items(), key=lambda item: item[0]):
            at = _position(block, key)
            pieces.append(block[begin:at])
            if n is not None:
                pieces.append(key + n.to_bytes(_RECORD - _KEY, "big"))
            begin = at + _RECORD if block[at : at + _KEY] == key else at
        return b"".join([*pieces, block[begin:]])

    def _put(self, key: bytes, n: int | None) -> None:
        self._new[key] = n
        if len(self._new) >= _MOST and self._block is not None:  # nothing is read for what is put
            # The block first: a thread that looks in between finds the same in either.
            self._block = self.dump()
            self._new = {}

    def _records(self) -> bytes:
        if self._block is None:
            assert self._load is not None
            block = self._load()
            if len(block) % _RECORD:
                raise Corrupt(f"an index has records of {_RECORD} bytes, this one has {len(block)} bytes")
            self._block = block
        return self._block


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:_KEY]


def _position(block: bytes, key: bytes) -> int:
    """Return where the record of a key is, or would stand."""
    low, high = 0, len(block) // _RECORD
    while low < high:
        middle = (low + high) // 2
        if block[middle * _RECORD : middle * _RECORD + _KEY] < key:
            low = middle + 1
        else:
            high = middle
    return low * _RECORD
