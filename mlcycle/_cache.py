"""What was read of files, kept in memory up to a size."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["Cache"]

T = TypeVar("T")


class Cache(Generic[T]):
    """Values by key, up to a weight together; threads may share it.

    Nothing is ever invalidated: what is kept never changes, or says of what it was made. Who goes is drawn: whoever
    walks in circles through a tenth more than fits would find nothing at all if the oldest went first, and finds most
    of it so.

    Parameters
    ----------
    most : int
        The weight that is kept at most; what weighs more alone is not kept.

    Examples
    --------
    >>> cache = Cache(most=2)
    >>> cache.get("a", lambda: 1), cache.get("a", lambda: 2)
    (1, 1)
    >>> [cache.get(key, lambda: 3) for key in "bcd"], len(cache)
    ([3, 3, 3], 2)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._weight = 0
        self._values: dict[Hashable, tuple[T, int]] = {}
        self._keys: list[Hashable] = []
        self._lock = threading.Lock()
        self._draw = random.Random(0)

    def __len__(self) -> int:
        return len(self._keys)

    def known(self, key: Hashable) -> T | None:
        """Return the value of a key, or None where none is kept."""
        found = self._values.get(key)
        return None if found is None else found[0]

    def get(self, key: Hashable, make: Callable[[], T], weight: int = 1) -> T:
        """Return the value of a key, or make it and keep it; two threads may both make it."""
        known = self._values.get(key)
        if known is not None:
            return known[0]
        value = make()
        self.put(key, value, weight)
        return value

    def put(self, key: Hashable, value: T, weight: int = 1) -> None:
        """Keep a value in place of the one before, and forget others until all fit."""
        with self._lock:
            if weight > self._most:
                return
            held = self._values.get(key)
            room = self._most - weight + (0 if held is None else held[1])
            while self._weight > room:
                at = self._draw.randrange(len(self._keys))
                if self._keys[at] != key:
                    self._forget(at)
            if held is None:
                self._keys.append(key)
            self._values[key] = (value, weight)
            self._weight += weight - (0 if held is None else held[1])

    def _forget(self, at: int) -> None:
        key, self._keys[at] = self._keys[at], self._keys[-1]
        self._keys.pop()
        self._weight -= self._values.pop(key)[1]
