"""Rollups written, and singles emptied behind them: 50 000 entries are 20 MB of bytes, and 200 MB as files.

Emptied, never removed: see `mlcycle.storage._entry_reader`. A rollup has a fixed name, is made by put-if-absent and
survives a loss of power before the first single is emptied; nobody writes it a second time. Whoever collects entries
for one and meets an empty single stops, because then the rollup is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from mlcycle._digest import sha256_bytes
from mlcycle._text import printable
from mlcycle.errors import AccessDenied, Corrupt, StorageUnavailable
from mlcycle.storage._entries import decode_entry, entry_key
from mlcycle.storage._files import Outcome, is_there
from mlcycle.storage._rollups import ROLLUP, pack, rollup_key, unpack

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlcycle.storage._entry_reader import EntryReader
    from mlcycle.storage._files import Files

__all__ = ["Compaction", "compact", "roll"]


@printable
@frozen
class Compaction:
    """What a compaction of the log did.

    Attributes
    ----------
    rollups : int
        How many rollups were written.
    emptied : int
        How many entries now stand in a rollup alone.
    bytes : int
        Their size together.
    """

    rollups: int
    emptied: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.rollups} rollups written, {self.emptied} entries emptied behind them, {self.bytes:,} bytes"


def compact(files: Files, reader: EntryReader, length: int) -> Compaction:
    """Write every rollup that is missing of a log of `length` entries, and empty the singles they hold.

    Raises
    ------
    Corrupt
        When an entry or a rollup is damaged; what came before it is done.
    """
    full = _full(files, length)
    done = Compaction(0, 0, 0)
    for first in range(0, length + 1 - ROLLUP, ROLLUP):
        made = not is_there(files, rollup_key(first)) and roll(files, reader, first)
        numbers = [n for n in range(first, first + ROLLUP) if n in full]
        # Where a single writer was asked for, overwriting may be delete, then write: a moment without the name.
        emptied, size = _empty_behind(files, reader, first, numbers) if files.shared else (0, 0)
        done = Compaction(done.rollups + made, done.emptied + emptied, done.bytes + size)
    return done


def _full(files: Files, length: int) -> Collection[int]:
    """Return the entries whose files may hold something, so that what was emptied long ago is not read again."""
    try:
        empty = {item.key for item in files.list("log/") if not item.size}
    except AccessDenied:
        return range(1, length)
    # Entry 0 stays: every process proves with it what the storage promises (`mlcycle.storage._put_if_absent`).
    return {n for n in range(1, length) if entry_key(n) not in empty}


def roll(files: Files, reader: EntryReader, first: int) -> bool:
    """Write the rollup that begins with entry `first` from singles that are whole; return whether this call did.

    Raises
    ------
    Corrupt, SchemaError
        When an entry is damaged, or a newer mlcycle wrote it; a rollup would keep the damage.
    StorageUnavailable
        When the storage does not say whether it was written.
    """
    lines: list[bytes] = []
    prev: str | None = "" if first == 0 else None
    for stored in reader.run(first, first + ROLLUP, expect=first + ROLLUP - 1, rollups=False):
        if not stored.data:
            return False
        decode_entry(stored.data, stored.n, prev)
        lines.append(stored.data)
        prev = sha256_bytes(stored.data)
    outcome = files.create(rollup_key(first), pack(lines)) if len(lines) == ROLLUP else Outcome.LOST
    if outcome is Outcome.UNKNOWN:
        raise StorageUnavailable(f"the storage did not say whether {rollup_key(first)} was written; try again")
    return outcome is Outcome.WON


def _empty_behind(files: Files, reader: EntryReader, first: int, numbers: list[int]) -> tuple[int, int]:
    """Empty singles that the rollup holds; return how many were emptied now, and their size."""
    singles = {n: data for n, data in zip(numbers, reader.many(numbers), strict=True) if data}
    if not singles:
        return 0, 0
    packed = files.read(rollup_key(first)) if is_there(files, rollup_key(first)) else b""
    lines = unpack(packed)
    differs = next((n for n, data in singles.items() if lines is None or data != lines[n - first]), None)
    if differs is not None:
        raise Corrupt(
            f"{rollup_key(first)} does not hold the bytes of {entry_key(differs)}; nothing more is compacted, "
            "project.store.verify() says which of the two is damaged"
        )
    # Whoever made it may have died before it was sure to survive a loss of power; the same bytes once more are.
    files.put(rollup_key(first), packed)
    _empty(files, [entry_key(n) for n in singles])
    return len(singles), sum(map(len, singles.values()))


def _empty(files: Files, keys: list[str]) -> None:
    def empty(key: str) -> None:
        # Need not survive a loss of power: afterwards it is either whole or empty, and both are right.
        files.put(key, b"", durable=False)

    if files.can_append:
        for key in keys:
            empty(key)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(16, thread_name_prefix="mlcycle-log") as pool:
        list(pool.map(empty, keys))
