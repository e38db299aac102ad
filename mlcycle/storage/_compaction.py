"""Rollups written, and singles emptied behind them: 50 000 entries are 20 MB of bytes, and 200 MB as files.

Emptied, never removed: see `mlcycle.storage._reader`. A rollup has a fixed name, is made by put-if-absent and survives
a loss of power before the first single is emptied; nobody writes it a second time. Whoever collects entries for one and
meets an empty single stops, because then the rollup is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from mlcycle._digest import sha256_bytes
from mlcycle._text import printable
from mlcycle.errors import Corrupt
from mlcycle.storage._entries import decode, entry_key
from mlcycle.storage._files import KeyNotFound, Outcome
from mlcycle.storage._rollups import ROLLUP, pack, rollup_key, unpack

if TYPE_CHECKING:
    from mlcycle.storage._files import Files
    from mlcycle.storage._reader import Reader

__all__ = ["Compaction", "empty_singles", "roll"]


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


def roll(files: Files, reader: Reader, first: int) -> bool:
    """Write the rollup that begins with entry `first` from singles that are whole; return whether this call did.

    Raises
    ------
    Corrupt, SchemaError
        When an entry is damaged, or a newer mlcycle wrote it; a rollup would keep the damage.
    """
    lines: list[bytes] = []
    prev: str | None = "" if first == 0 else None
    for stored in reader.run(first, first + ROLLUP, expect=first + ROLLUP - 1, rollups=False):
        if not stored.data:
            return False
        decode(stored.data, stored.n, prev)
        lines.append(stored.data)
        prev = sha256_bytes(stored.data)
    return len(lines) == ROLLUP and files.create(rollup_key(first), pack(lines)) is Outcome.WON


def empty_singles(files: Files, reader: Reader, first: int) -> tuple[int, int]:
    """Empty the singles that a rollup holds; return how many were emptied now, and their size.

    Entry 0 stays: every process proves with it what the storage promises (`mlcycle.storage._promise`).
    """
    if not files.overwrites_atomically:
        return 0, 0
    try:
        packed = files.read(rollup_key(first))
    except KeyNotFound:
        return 0, 0
    lines = unpack(packed)
    singles = dict(enumerate(reader.many(range(first, first + ROLLUP)), first))
    full = {n: data for n, data in singles.items() if data and n}
    differs = next((n for n, data in full.items() if lines is None or data != lines[n - first]), None)
    if differs is not None:
        raise Corrupt(
            f"{rollup_key(first)} does not hold the bytes of {entry_key(differs)}; nothing more is compacted, "
            "project.store.verify() says which of the two is damaged"
        )
    if full:
        # Whoever made it may have died before it was sure to survive a loss of power; the same bytes once more are.
        files.put(rollup_key(first), packed)
        _empty(files, [entry_key(n) for n in full])
    return len(full), sum(map(len, full.values()))


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
