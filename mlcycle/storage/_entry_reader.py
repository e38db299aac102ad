"""The stored entries, by name: one at a time where that is quick, many at once where each takes a while.

The rule for whoever reads an entry: absent is the end of the log; a single that is empty or damaged is taken from the
rollup of its number; damaged and no rollup is damage. Maintenance empties singles that a rollup holds, and never
removes one: under a name that is absent a writer that slept could commit into the past.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from mlcycle.errors import Corrupt, SchemaError
from mlcycle.storage._entries import Entry, decode_entry, entry_key
from mlcycle.storage._files import KeyNotFound
from mlcycle.storage._rollups import ROLLUP, lines_at, rollup_key, unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlcycle.storage._files import Files

__all__ = ["EntryReader", "Stored", "missing"]

_FAR = 256
_WIDEST = 32


class Stored(NamedTuple):
    """The bytes of one entry as they are stored."""

    n: int
    data: bytes


def missing(n: int, later: str) -> Corrupt:
    """Return the error that says that an entry is missing, and which file proves that there were more."""
    cache = later.startswith(("checkpoints/", "log/rollup-"))
    older = f". If an older log was put back on purpose, delete {later} and hint.json" if cache else ""
    return Corrupt(
        f"{entry_key(n)} is missing, though {later} is there. Put the file back from a copy of the store "
        f"(log/rollup-*.jsonl.gz may hold it); project.store.verify() lists all damage{older}"
    )


class EntryReader:
    """Reads entries from their own files and from rollups; threads may share it.

    Parameters
    ----------
    files : Files
        The storage.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        # Local reads take microseconds, less than handing them to a thread; elsewhere it is the waiting that counts.
        self._widest = 1 if files.can_append else _WIDEST
        self._packed: tuple[int, bytes] | None = None  # the rollup read last: who wants one old entry wants another
        self._lines: tuple[int, list[bytes]] | None = None

    def single(self, n: int) -> bytes | None:
        """Return what lies under the name of entry `n`, emptied or damaged as it may be; None where nothing does."""
        try:
            return self._files.read(entry_key(n))
        except KeyNotFound:
            return None

    def one(self, n: int) -> bytes | None:
        """Return the stored bytes of entry `n`, from its rollup where they are damaged; None where there is none."""
        lines = self._lines
        if lines is not None and lines[0] <= n < lines[0] + len(lines[1]):
            line = lines[1][n - lines[0]]
            with contextlib.suppress(Corrupt, SchemaError):  # then perhaps the single is whole
                decode_entry(line, n, canonical=False)
                return line
        data = self.single(n)
        if data is None:
            return None
        try:
            return self.believed(Stored(n, data), canonical=False)[1].data
        except (Corrupt, SchemaError):  # whoever asked says what is wrong with them
            return data

    def believed(self, stored: Stored, prev: str | None = None, *, canonical: bool = True) -> tuple[Entry, Stored]:
        """Return an entry and its bytes: those given, or where they are damaged those in the rollup of its number.

        Raises
        ------
        Corrupt
            When neither are good.
        SchemaError
            When a newer mlcycle wrote it.
        """
        n = stored.n
        try:
            return decode_entry(stored.data, n, prev, canonical=canonical), stored
        except Corrupt as error:
            packed = self.rolled(n)
            try:
                if packed is not None and packed != stored.data:
                    return decode_entry(packed, n, prev, canonical=canonical), Stored(n, packed)
            except Corrupt:
                pass
            self._packed = self._lines = None  # whoever mends the rollup need not open the project anew
            raise error from None

    def rolled(self, n: int) -> bytes | None:
        """Return the bytes a rollup has of entry `n`, or None where no good rollup has them."""
        lines = self._lines
        if lines is None or not lines[0] <= n < lines[0] + len(lines[1]):
            lines = self._lines_of(n)
        return None if lines is None else lines[1][n - lines[0]]

    def _lines_of(self, n: int) -> tuple[int, list[bytes]] | None:
        first = n - n % ROLLUP
        packed = self._packed
        if packed is None or packed[0] != first:
            try:
                packed = first, self._files.read(rollup_key(first))
            except (KeyNotFound, Corrupt):  # Corrupt: it is a link. No answer is no damage, and is told
                return None
        found = lines_at(packed[1], n - first)
        if found is None:
            return None
        lines = first + found[0], found[1]
        self._packed, self._lines = packed, lines
        return lines  # not what stands there by now: another thread may look at another rollup

    def rollup(self, first: int) -> list[bytes] | None:
        """Return the stored bytes of the `ROLLUP` entries from `first`, or None where no good rollup has them."""
        try:
            return unpack(self._files.read(rollup_key(first)))
        except (OSError, Corrupt):
            return None

    def run(
        self, start: int, stop: int | None = None, *, expect: int = -1, rollups: bool = True, ahead: int = 0
    ) -> Iterator[Stored]:
        """Yield entries in order from `start` until one is absent; the storage is never listed.

        What is yielded may be damaged (see `believed`), but not empty where a rollup has it.

        Parameters
        ----------
        start : int
            The first entry wanted.
        stop : int, optional
            The first entry no longer wanted.
        expect : int, default -1
            An entry believed to exist; how far to reach for many at once. Being wrong costs time only.
        rollups : bool, default True
            Take old entries from rollups where there are any; without, only those whose own files are empty.
        ahead : int, default 0
            How many numbers behind the absent one to look at.

        Raises
        ------
        Corrupt
            When there is an entry behind the absent one.
        """
        n = start
        emptied = False
        while stop is None or n < stop:
            far = expect - n >= _FAR if expect >= n else n % ROLLUP == 0 and n - start >= _FAR
            end = n - n % ROLLUP + ROLLUP
            end = end if stop is None else min(stop, end)
            if emptied or (rollups and far):
                first = n - n % ROLLUP
                lines = self.rollup(first)
                if lines is not None:
                    yield from (Stored(i, lines[i - first]) for i in range(n, end))
                    n, emptied = end, False
                    continue
            singles = self._singles(n, end, expect=expect, width=max(1, n - start), ahead=ahead)
            for stored in singles:
                if not stored.data and not emptied:
                    emptied = True  # the rest of its rollup is empty, too
                    break
                yield stored
                n = stored.n + 1
            else:
                emptied = False
                if n < end:
                    return

    def _singles(self, start: int, end: int, *, expect: int, width: int, ahead: int) -> Iterator[Stored]:
        """Yield entries from `start` up to before `end` or an absent one, reading ever more of them at once."""
        n = start
        while n < end and self._widest > 1:
            width = min(self._widest, max(width, expect - n + 2) + ahead, end - n)
            found = self.many(range(n, n + width))
            for i, data in enumerate(found):
                if data is None:
                    rest = found[i + 1 :]
                    self._check_end(n, [*rest, *self.many(range(n + 1 + len(rest), n + 1 + ahead))])
                    return
                yield Stored(n, data)
                n += 1
            width *= 2
        while n < end:
            data = self.single(n)
            if data is None:
                self._check_end(n, self.many(range(n + 1, n + 1 + ahead)))
                return
            yield Stored(n, data)
            n += 1

    def _check_end(self, n: int, behind: Iterable[bytes | None]) -> None:
        """Refuse an end of the log that is a gap; who was writing just now has filled it when it is looked at again."""
        later = next((i for i, data in enumerate(behind, n + 1) if data is not None), None)
        if later is not None and self.single(n) is None:
            raise missing(n, entry_key(later))

    def many(self, numbers: Sequence[int]) -> list[bytes | None]:
        """Return what lies under the names of several entries, None for each that is absent."""
        if self._widest == 1 or len(numbers) <= 1:
            return [self.single(n) for n in numbers]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(16, len(numbers)), thread_name_prefix="mlcycle-log") as pool:
            return list(pool.map(self.single, numbers))
