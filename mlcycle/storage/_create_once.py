"""One document under one name, written once: whatever became of the first try, and whoever made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle.errors import Corrupt, StorageUnavailable
from mlcycle.storage._files import KeyNotFound, Outcome

if TYPE_CHECKING:
    from mlcycle.storage._files import Files

__all__ = ["create_once"]

_TRIES = 3  # a lost answer is asked for again; three in a row is a storage in trouble


def create_once(files: Files, key: str, data: bytes) -> None:
    """Put the bytes under a key that holds them for ever; done already, by a try whose answer was lost, is done.

    Parameters
    ----------
    files : Files
        The store.
    key : str
        A name that determines the bytes, or is its owner's alone.
    data : bytes
        All of them.

    Raises
    ------
    Corrupt
        If the key holds other bytes, which are left as they are.
    StorageUnavailable
        If the storage never says what became of it.

    Examples
    --------
    >>> from mlcycle.storage._files import open_files
    >>> files = open_files("memory://once-example")
    >>> create_once(files, "runs/1/end.json", b"{}")
    >>> create_once(files, "runs/1/end.json", b"{}")
    >>> create_once(files, "runs/1/end.json", b"[]")
    Traceback (most recent call last):
    ...
    mlcycle.errors.Corrupt: memory://once-example: runs/1/end.json holds 2 other bytes already; it is left as it is
    """
    for _ in range(_TRIES):
        if files.create(key, data) is Outcome.WON:
            return
        try:
            there = files.read(key)
        except KeyNotFound:  # the answer was lost and so was the write
            continue
        if there == data:
            return
        raise Corrupt(f"{files.url}: {key} holds {len(there)} other bytes already; it is left as it is")
    raise StorageUnavailable(f"{files.url}: {key} could not be created: the storage's answer was lost {_TRIES} times")
