"""How long a commit waits for others, and for an answer."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from mlcycle.errors import ConflictError, StorageUnavailable
from mlcycle.storage._entries import entry_key

if TYPE_CHECKING:
    from mlcycle.storage._entries import Entry

__all__ = ["Backoff"]

# Seconds, first and longest pause: where an entry is created in a millisecond (True), and over a network.
_WAITS = {True: (0.001, 0.05), False: (0.05, 2.0)}


class Backoff:
    """The pauses of one commit: ever longer, never as long as another's, and not for ever.

    Parameters
    ----------
    quick : bool
        Whether the storage answers within a millisecond or so.
    patience : float
        Seconds after which the commit gives up.
    """

    def __init__(self, quick: bool, patience: float) -> None:
        self._wait, self._longest = _WAITS[quick]
        self._patience = patience
        self._began = time.monotonic()

    def lost(self, winner: Entry) -> None:
        """Pause after a lost race."""
        if self._spent():
            facts = {key: winner[key] for key in ("n", "author", "at", "message")}
            raise ConflictError(
                f"others committed first for {self._patience:g} s, the last of them {winner['author']} with entry "
                f"{winner['n']}; try again when fewer processes commit at once",
                facts,
            )
        self._pause()

    def unanswered(self, n: int) -> None:
        """Pause while the storage does not say what became of an entry."""
        if self._spent():
            raise StorageUnavailable(
                f"the storage has not answered for {self._patience:g} s: whether {entry_key(n)} was written is "
                "unknown. Repeat the commit with an operation id (op=...) to do it at most once"
            )
        self._pause()

    def silent(self) -> None:
        """Pause while the storage does not answer a question that changes nothing."""
        if self._spent():
            raise StorageUnavailable(
                f"the storage has not answered for {self._patience:g} s; nothing was committed, try again"
            )
        self._pause()

    def _spent(self) -> bool:
        return time.monotonic() - self._began > self._patience

    def _pause(self) -> None:
        time.sleep(random.uniform(0, self._wait))
        self._wait = min(2 * self._wait, self._longest)
