"""Opening a log: from the newest checkpoint that can be believed, or else from entry 0 without any cache."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from mlcycle.errors import Corrupt
from mlcycle.storage._checkpoints import Hint, Mark, later_than, list_marks, read_checkpoint, read_hint
from mlcycle.storage._entry_reader import missing
from mlcycle.storage._replay import Replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.storage._entry_reader import EntryReader, Stored
    from mlcycle.storage._files import Files
    from mlcycle.storage._log_caches import LogCaches
    from mlcycle.storage._replay import Base, Fold

__all__ = ["Opening"]

# Numbers behind the end that an opening looks at, near and far: a gap there is damage, and would be written into.
_AHEAD, _AHEAD_FAR = 8, 2


class Opening:
    """One opening of a log; what it hands out lives on, and asks it for parts of checkpoints that are gone.

    Parameters
    ----------
    files : Files
        The storage.
    reader : EntryReader
        Reads entries.
    fold : Fold
        What entries mean.
    caches : LogCaches
        Told what the log is opened from.
    note : callable
        Told of every entry that is folded.
    """

    def __init__(
        self, files: Files, reader: EntryReader, fold: Fold, caches: LogCaches, note: Callable[[Stored], None]
    ) -> None:
        self._files, self._reader, self._fold = files, reader, fold
        self._caches, self._note = caches, note
        self._ahead = _AHEAD if files.can_append else _AHEAD_FAR

    def replay(self) -> Replay:
        """Return the log folded to its newest entry.

        Raises
        ------
        Corrupt
            Naming the entry that is damaged or missing, and the remedy.
        SchemaError
            When an entry needs a newer mlcycle to be read.
        """
        hint = read_hint(self._files) or Hint()
        base, marks, known = self._newest(hint)
        self._caches.opened(Hint(-1, marks, hint.rolled))
        try:
            replay = self._fold_from(base, expect=hint.n)
        except Corrupt:
            self._caches.opened(Hint())
            replay = self._fold_from(None, rollups=False)
        proof = later_than(self._files, replay.now.n, Hint(hint.n, known, hint.rolled))
        if proof is not None and self._reader.single(replay.now.n + 1) is None:
            raise missing(replay.now.n + 1, proof)
        return replay

    def _newest(self, hint: Hint) -> tuple[Base | None, tuple[Mark, ...], tuple[Mark, ...]]:
        """Return the newest state that can be taken from a checkpoint, the checkpoints up to it, and all known."""
        if hint.fold == self._fold.version:
            if not hint.marks:
                return None, (), ()  # a young log has none, and listing is not for every opening
            base, marks = self._usable(hint.marks)
            if base is not None:
                return base, marks, hint.marks
        listed = tuple(list_marks(self._files))
        return *self._usable(listed), listed

    def _usable(self, marks: tuple[Mark, ...]) -> tuple[Base | None, tuple[Mark, ...]]:
        for i, mark in enumerate(marks):
            base = read_checkpoint(self._files, self._fold, mark, functools.partial(self._again, mark))
            if base is not None:
                return base, marks[i:]
        return None, ()

    def _fold_from(self, base: Base | None, *, expect: int = -1, rollups: bool = True) -> Replay:
        replay = Replay(self._fold, self._reader, base)
        start = replay.now.n + 1
        for stored in self._reader.run(start, expect=expect, rollups=rollups, ahead=self._ahead):
            self._note(replay.apply(stored) or stored)
        return replay

    def _again(self, lost: Mark, n: int) -> dict[str, bytes]:
        """Fold the log up to entry `n` once more, for what a checkpoint held that is gone; no lock is needed."""
        self._caches.lost(lost)
        try:
            return self._folded_to(n).parts()[1]
        except Corrupt:
            return self._folded_to(n, rollups=False).parts()[1]

    def _folded_to(self, n: int, *, rollups: bool = True) -> Replay:
        replay = Replay(self._fold, self._reader)
        for stored in self._reader.run(0, n + 1, expect=n, rollups=rollups):
            replay.apply(stored)
        return replay
