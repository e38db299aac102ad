"""When hint, checkpoints and rollups are written: behind commits, at their leisure, and never in anybody's way."""

from __future__ import annotations

import contextlib
import time
from threading import Lock
from typing import TYPE_CHECKING

from mlcycle.storage._checkpoints import (
    KEPT,
    UNUSABLE,
    Hint,
    Mark,
    list_marks,
    read_hint,
    write_checkpoint,
    write_hint,
)
from mlcycle.storage._compaction import roll
from mlcycle.storage._files import is_there
from mlcycle.storage._rollups import ROLLUP, rollup_key

if TYPE_CHECKING:
    from mlcycle.storage._entry_reader import EntryReader
    from mlcycle.storage._files import Files
    from mlcycle.storage._replay import Fold, Replay

__all__ = ["LogCaches"]

# A checkpoint is due when its tail has this many entries, and a quarter of the bytes of the state: opening costs at
# most a quarter more than it must, and a large state is not written again for a few entries.
_TAIL = 64
_SHARE = 4
# Opening and checking one more small file takes as long as parsing this many bytes of a checkpoint.
_ENTRY_COST = 2048
_HINT_SECONDS = 1.0
# Older checkpoints stay as long as a process that opened from one is likely to read parts of it. As each is at most
# four times as large as its tail, they take at most 8 KB for each commit of that day.
_DAY = 86_400.0
_AFTER_FAILURE = 30.0


class LogCaches:
    """Keeps hint, checkpoints and rollups fresh behind the commits of one log; nothing here is ever needed.

    Parameters
    ----------
    files : Files
        The storage.
    reader : EntryReader
        Reads entries.
    fold : Fold
        What entries mean.
    """

    def __init__(self, files: Files, reader: EntryReader, fold: Fold) -> None:
        self._files, self._reader, self._fold = files, reader, fold
        self._marks: tuple[Mark, ...] = ()
        self._entries = self._bytes = self._rolled = 0
        self._lost: set[str] = set()
        self._due = 0.0
        self._failed = False
        self._busy = Lock()

    def opened(self, hint: Hint) -> None:
        """Take note of what the log was opened from."""
        self._marks, self._rolled = hint.marks, hint.rolled
        self._entries = self._bytes = 0

    def folded(self, size: int) -> None:
        """Take note of one entry of `size` bytes after the newest checkpoint known."""
        self._entries += 1
        self._bytes += max(size, _ENTRY_COST)

    def lost(self, mark: Mark) -> None:
        """Take note of a checkpoint that is gone or damaged, so that the next one comes early."""
        self._lost.add(mark.key)
        self._marks = tuple(one for one in self._marks if one != mark)
        self._entries, self._bytes = self._entries + _TAIL, self._bytes + mark.size

    def committed(self, replay: Replay) -> None:
        """Do what is due after a commit; a failure is forgotten and tried again after a while."""
        if (time.monotonic() >= self._due or (self._outgrown() and not self._failed)) and self._busy.acquire(False):
            try:
                self._flush(replay)
            finally:
                self._busy.release()

    def flush(self, replay: Replay) -> None:
        """Write the hint, and a checkpoint and a rollup where they are due."""
        with self._busy:
            self._flush(replay)

    def _flush(self, replay: Replay) -> None:
        now = replay.now
        self._failed, self._due = True, time.monotonic() + _AFTER_FAILURE
        with contextlib.suppress(*UNUSABLE):
            self._learn(read_hint(self._files), now.n)
            if self._outgrown() and now.read_only is None:
                self._checkpoint(replay)
            if now.n + 1 - self._rolled >= ROLLUP:
                self._roll()
            write_hint(self._files, Hint(now.n, self._marks, self._rolled, self._fold.version))
            self._failed, self._due = False, time.monotonic() + _HINT_SECONDS

    def _outgrown(self) -> bool:
        size = self._marks[0].size if self._marks else 0
        return self._entries >= _TAIL and self._bytes * _SHARE >= size

    def _learn(self, hint: Hint | None, n: int) -> None:
        """Take over what others have done, so that eight writers make one checkpoint and not eight."""
        if hint is None:
            return
        self._rolled = max(self._rolled, min(hint.rolled, (n + 1) // ROLLUP * ROLLUP))
        marks = tuple(mark for mark in hint.marks if mark.key not in self._lost)
        newest = self._marks[0].n if self._marks else -1
        if hint.fold == self._fold.version and marks and newest < marks[0].n <= n:
            self._marks = marks
            left = n - marks[0].n
            self._bytes = self._bytes * left // max(1, self._entries)
            self._entries = left

    def _checkpoint(self, replay: Replay) -> None:
        mark = write_checkpoint(self._files, self._fold, replay)
        self._marks, self._entries, self._bytes = (mark, *self._marks)[:KEPT], 0, 0
        oldest = time.time() - _DAY
        known = list_marks(self._files)
        self._files.delete(old.key for old in known[KEPT:] if old not in self._marks and old.written < oldest)

    def _roll(self) -> None:
        """Write one rollup, the first that is missing."""
        while is_there(self._files, rollup_key(self._rolled)):
            self._rolled += ROLLUP
        if roll(self._files, self._reader, self._rolled):
            self._rolled += ROLLUP
