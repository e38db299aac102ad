"""How a confidence sequence is made: bets against every mean of a grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Betting", "Predictions"]

_AT_ONCE = 512


class Predictions:
    """Mean and variance of the values so far, and the bet they call for. Lives as long as its confidence sequence.

    The bet for value t is ``sqrt(2 log(2 / alpha) / (variance * t * log(t + 1)))``, from the values before it.

    References
    ----------
    Waudby-Smith and Ramdas (2023), JRSS B 86, equations (15) and (26).
    """

    def __init__(self, alpha: float) -> None:
        self._scale = 2 * math.log(2 / alpha)
        self._n, self._sum, self._squares = 0, 0.0, 0.0

    def take(self, x: Floats) -> Floats:
        """Return the bet before each value.

        Examples
        --------
        >>> Predictions(0.05).take(np.array([1.0, 0.0])).round(2).tolist()
        [6.52, 4.64]
        """
        looks = self._n + np.arange(1, len(x) + 1)
        sums = self._sum + np.cumsum(x)
        means = (0.5 + sums) / (looks + 1)
        squares = self._squares + np.cumsum((x - means) ** 2)
        variances = (0.25 + np.concatenate([[self._squares], squares[:-1]])) / looks
        bets = np.sqrt(self._scale / (variances * looks * np.log(looks + 1)))
        self._n, self._sum, self._squares = int(looks[-1]), float(sums[-1]), float(squares[-1])
        return np.asarray(bets)

    @property
    def n(self) -> int:
        """Values seen."""
        return self._n

    @property
    def mean(self) -> float:
        """Their mean, not a number before the first."""
        return self._sum / self._n if self._n else math.nan

    @property
    def variance(self) -> float:
        """Their variance as far as it has been learnt; one quarter before the first."""
        return (0.25 + self._squares) / (self._n + 1)

    def state(self) -> list[float]:
        """Return the three sums."""
        return [self._n, self._sum, self._squares]

    def restore(self, state: Any) -> None:
        """Take up `state`."""
        self._n, self._sum, self._squares = int(state[0]), float(state[1]), float(state[2])


class Betting:
    """Bets against every mean of a grid, on either side; means that lose too much are out for good.

    Lives as long as its confidence sequence. The capital against a mean falls as the mean rises (and the other way
    round above), so those left are neighbours and only they cost anything; the limits are the last grid points that are
    out.

    References
    ----------
    Waudby-Smith and Ramdas (2023), JRSS B 86, theorem 3: the hedged capital process, with equal parts on either side
    and bets cut at half of what could lose everything.
    """

    def __init__(self, alpha: float, resolution: int) -> None:
        # Dense near 0 and 1, where proportions have little variance.
        self._grid = np.sin(np.arange(resolution + 1) * (math.pi / 2 / resolution)) ** 2
        self._enough = math.log(2 / alpha)
        self._low, self._high = 0, resolution
        self._above, self._below = np.zeros(resolution + 1), np.zeros(resolution + 1)

    def take(self, x: Floats, bets: Floats) -> tuple[float, float]:
        """Return the limits after the last value; crossed where no mean is left.

        Examples
        --------
        >>> x = np.ones(20)
        >>> low, high = Betting(0.05, 100).take(x, Predictions(0.05).take(x))
        >>> round(low, 2), high
        (0.7, 1.0)
        """
        for at in range(0, len(x), _AT_ONCE):
            self._part(x[at : at + _AT_ONCE], bets[at : at + _AT_ONCE])
        return float(self._grid[self._low]), float(self._grid[self._high])

    def _part(self, x: Floats, bets: Floats) -> None:
        # The means that are out from one side are still tried from the other: when one is out from both, none is left.
        first, last = min(self._low, self._high), max(self._low, self._high)
        grid = self._grid[first : last + 1]
        away, size = x[:, None] - grid, bets[:, None]
        with np.errstate(divide="ignore"):
            largest_above, largest_below = 0.5 / grid, 0.5 / (1 - grid)
        above = self._above + np.cumsum(np.log1p(np.minimum(size, largest_above) * away), axis=0)
        below = self._below + np.cumsum(np.log1p(-np.minimum(size, largest_below) * away), axis=0)
        low = first - 1 + np.count_nonzero(above >= self._enough, axis=1)
        high = last + 1 - np.count_nonzero(below >= self._enough, axis=1)
        low = np.maximum.accumulate(np.maximum(low, self._low))
        high = np.minimum.accumulate(np.minimum(high, self._high))
        self._low, self._high = int(low[-1]), int(high[-1])
        kept = slice(min(self._low, self._high) - first, max(self._low, self._high) - first + 1)
        self._above, self._below = above[-1, kept], below[-1, kept]

    def state(self) -> dict[str, Any]:
        """Return the limits and the capital against each mean between them."""
        ends = {"low": self._low, "high": self._high}
        return {**ends, "above": self._above.tolist(), "below": self._below.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up `state`."""
        self._low, self._high = int(state["low"]), int(state["high"])
        self._above, self._below = np.asarray(state["above"], float), np.asarray(state["below"], float)
