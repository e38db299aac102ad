"""The rank of each new score among those before it, or among a fixed reference, and how ties are broken."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Ranks", "Ties", "finite_scores"]

_RECENT = 2000
_BLOCK = 1024


class Ties:
    """Random numbers in (0, 1] that depend on the seed and on how many came before, so that there is no state to keep.

    Examples
    --------
    >>> ties = Ties(0)
    >>> first = ties.at(2000)
    >>> ties.at(0) != first, ties.at(2000) == first
    (True, True)
    """

    def __init__(self, seed: int) -> None:
        self._seed, self._number = seed, -1
        self._block: list[float] = []

    def at(self, n: int) -> float:
        """Return the number of look n, counted from 0."""
        number, place = divmod(n, _BLOCK)
        if number != self._number:
            self._number, self._block = number, self._draw(number).tolist()
        return self._block[place]

    def _draw(self, number: int) -> NDArray[np.float64]:
        return 1 - np.random.default_rng([self._seed, number]).random(_BLOCK)


class Ranks:
    """Scores kept in order: where a new one ranks among them. Lives as long as its martingale.

    New scores go to a short list that is merged into the long one when it is full, so that adding stays cheap at any
    size.

    Examples
    --------
    >>> seen = Ranks([1.0, 2.0, 2.0])
    >>> seen.place(2.0, True), seen.place(2.0, False)  # how many are larger, how many are equal, how many there are
    ((0, 2, 3), (0, 3, 4))
    """

    def __init__(self, scores: Any) -> None:
        self._long: list[float] = sorted(scores)
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
                self._merge()
        return size - at - at_short, equal, size

    def _merge(self) -> None:
        self._long.extend(self._short)
        # Two sorted runs are merged, not sorted again.
        self._long.sort()
        self._short = []

    def tolist(self) -> list[float]:
        """Return all scores in order."""
        return sorted(self._long + self._short)


def finite_scores(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return scores as an array of finite numbers, or say what came."""
    try:
        scores = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} holds numbers, got {type(values).__name__}: {error}") from error
    if scores.ndim != 1:
        raise InvalidInput(f"{name} is one row of numbers, got shape {scores.shape}")
    if wrong := int(np.count_nonzero(~np.isfinite(scores))):
        raise InvalidInput(
            f"{name} has {wrong} missing or infinite values; drop them, or count them as a stream of their own"
        )
    return scores
