"""Whether put-if-absent is what it says: here, for this process, before it commits for the first time.

What a probe saw when a store was made says nothing of the storage the store was copied to since. So each process lets
the call that decides every commit lose once, where losing does no harm: on entry 0, with the bytes that are there. The
newest entry would not do: had the storage ignored the condition, writing back what was read may undo a commit.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from mlcycle._ids import new_id
from mlcycle.errors import StoreError, UnsupportedStorage
from mlcycle.storage._backoff import Backoff
from mlcycle.storage._entries import entry_key
from mlcycle.storage._files import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.storage._files import Files

__all__ = ["broken_promise", "prove_new", "prove_put_if_absent"]

_PATIENCE = 60.0  # seconds for a new place to answer; nothing is lost by beginning again
_proved: set[tuple[Any, ...]] = set()


def prove_put_if_absent(files: Files, first: Callable[[], bytes] | None, waits: Backoff) -> None:
    """Return if put-if-absent loses on a key that exists; asked once a process and place.

    Parameters
    ----------
    files : Files
        The storage; one for a single writer promises nothing, and is not asked.
    first : callable or None
        Gives the stored bytes of entry 0. None where the log has yet to begin: whoever makes a place has called
        `prove_new`.
    waits : Backoff
        How long to go on where no answer comes.

    Raises
    ------
    UnsupportedStorage
        The call was told it won.
    StorageUnavailable, AccessDenied
        The storage failed or refused; nothing was changed.
    """
    place = _place(files)
    if not files.shared or place in _proved:
        return
    if first is not None:
        _lose(files, entry_key(0), first(), waits)
    _proved.add(place)


def prove_new(files: Files) -> None:
    """As `prove_put_if_absent`, where there is no entry yet: with a key of this process's own, put twice."""
    if not files.shared:
        return
    key, waits = f"probe/{new_id()}/promise", Backoff(files.can_append, _PATIENCE)
    try:
        _answer(files, key, b"promise", waits)
        _lose(files, key, b"promise", waits)
    finally:
        with contextlib.suppress(StoreError):
            files.delete([key])
    _proved.add(_place(files))


def _place(files: Files) -> tuple[Any, ...]:
    # A child after fork is another process: its connections are its own. Options tell one endpoint from another.
    return os.getpid(), type(files), files.url, repr(files.storage_options)


def _lose(files: Files, key: str, data: bytes, waits: Backoff) -> None:
    if _answer(files, key, data, waits) is Outcome.WON:
        raise broken_promise(files.url, f"a put-if-absent of {key}, which was there, was told it won")


def _answer(files: Files, key: str, data: bytes, waits: Backoff) -> Outcome:
    while (outcome := files.create(key, data)) is Outcome.UNKNOWN:
        waits.silent()
    return outcome


def broken_promise(url: str, trouble: str) -> UnsupportedStorage:
    """Return the refusal of a storage that lets two writers overwrite each other."""
    return UnsupportedStorage(
        f"{url} cannot be shared by several writers: {trouble}; use storage with conditional put, "
        "or, where only one process ever writes, open it with single_writer=True"
    )
