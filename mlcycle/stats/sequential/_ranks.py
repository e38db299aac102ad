"""The rank of each new score among those before it, or among a fixed reference, and how ties are broken."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Ranks", "tie_at"]

_RECENT = 2000
_BLOCK = 1024


def tie_at(seed: int, n: int) -> float:
    """Return the random number in (0, 1] of look `n`: seed and look decide it, so there is no state to keep."""
    number, place = divmod(n, _BLOCK)
    return _ties(seed, number)[place]


@lru_cache(maxsize=256)
def _ties(seed: int, number: int) -> list[float]:
    return list((1 - np.random.default_rng([seed, number]).random(_BLOCK)).tolist())


class Ranks:
    """Scores kept in order: where a new one ranks among them. Lives as long as its martingale.

    New scores go to a short list that is merged into the long one when it is full, so that adding stays cheap at any
    size.

    Examples
    --------
    >>> seen = Ranks(np.array([1.0, 2.0, 2.0]))
    >>> seen.place(2.0, True), seen.place(2.0, False)  # how many are larger, how many are equal, how many there are
    ((0, 2, 3), (0, 3, 4))
    """

    def __init__(self, scores: NDArray[np.float64]) -> None:
        self._long: list[float] = sorted(scores.tolist())
        self._short: list[float] = []

    def place(self, x: float, keep: bool) -> tuple[int, int, int]:
        """Return how many scores are larger than `x`, how many are equal, how many there are; then keep it or not."""
        long, short = self._long, self._short
        at, at_short = bisect_right(long, x), bisect_right(short, x)
        size = len(long) + len(short)
        equal = 0
        if at and long[at - 1] == x:
            equal += at - bisect_left(long, x, 0, at)
        if at_short and short[at_short - 1] == x:
            equal += at_short - bisect_left(short, x, 0, at_short)
        if keep:
            short.insert(at_short, x)
            if len(short) >= max(_RECENT, len(long) >> 6):
                # Two sorted runs are merged, not sorted again.
                self._long, self._short = sorted(long + short), []
        return size - at - at_short, equal, size

    def tolist(self) -> list[float]:
        """Return all scores in order."""
        return sorted(self._long + self._short)
