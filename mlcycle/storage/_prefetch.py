"""Deciding without asking the storage: what a decision needs and this process does not hold is read outside it.

A proposal to the log decides from a snapshot alone. Bodies of entries and parts of a checkpoint are read when somebody
asks for them, so within a proposal such a question is refused with `NotFetched`; whoever asked for the proposal then
reads that one thing and asks again. So no storage call hides in a decision, however deep.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["fetch", "run_prefetched"]

T = TypeVar("T")


class NotFetched(Exception):  # noqa: N818 - a signal between this module and itself, never seen by a user
    """Something that a decision asked for is not in memory."""

    def __init__(self, key: Hashable, read: Callable[[], Any]) -> None:
        super().__init__(key)
        self.key, self.read = key, read


class _Deciding(threading.local):
    held: dict[Hashable, Any] | None = None  # by key; None where this thread decides nothing


_now = _Deciding()


def fetch(key: Hashable, read: Callable[[], T]) -> T:
    """Return what `read` gives; in a decision only what was read for it before.

    Parameters
    ----------
    key : hashable
        What is read, for this process.
    read : callable
        Asks the storage.

    Raises
    ------
    NotFetched
        In a decision that asks for it the first time.
    """
    held = _now.held
    if held is None:
        return read()
    if key not in held:
        raise NotFetched(key, read)
    found: T = held[key]
    return found


def run_prefetched(decide: Callable[[], T]) -> T:
    """Return what `decide` returns; it is asked again for each thing that had to be read, which is kept until then.

    Examples
    --------
    >>> asked = []
    >>> def decide():
    ...     asked.append("once")
    ...     return fetch("entry 7", lambda: 7)
    >>> run_prefetched(decide), asked
    (7, ['once', 'once'])
    """
    held: dict[Hashable, Any] = {}
    while True:
        before = _now.held
        try:  # no context manager: interrupted between being entered and its block, it would be left open
            _now.held = held
            return decide()
        except NotFetched as missing:
            asked = missing
        finally:
            _now.held = before
        held[asked.key] = asked.read()
