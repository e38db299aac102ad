"""The two ways a confidence sequence is made: bets against a grid of means, and an empirical Bernstein inequality."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Band", "Betting", "EmpiricalBernstein", "Predictions"]

_AT_ONCE = 512


class Band(Protocol):
    """Turns values in [0, 1] into limits that hold at every look."""

    def take(self, x: Floats, bets: Floats, means: Floats) -> tuple[Floats, Floats]:
        """Return the limits after each value, given the bet made and the mean expected before it."""
        ...

    def state(self) -> dict[str, Any]:
        """Return all there is to know, as JSON can hold it."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Take up `state`."""
        ...


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

    def take(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the bet and the mean expected before each value, and the plain mean after it.

        Examples
        --------
        >>> bets, expected, means = Predictions(0.05).take(np.array([1.0, 0.0]))
        >>> expected.tolist(), means.tolist()
        ([0.5, 0.75], [1.0, 0.5])
        """
        looks = self._n + np.arange(1, len(x) + 1)
        sums = self._sum + np.cumsum(x)
        means = (0.5 + sums) / (looks + 1)
        squares = self._squares + np.cumsum((x - means) ** 2)
        expected = np.concatenate([[(0.5 + self._sum) / (self._n + 1)], means[:-1]])
        variances = (0.25 + np.concatenate([[self._squares], squares[:-1]])) / looks
        bets = np.sqrt(self._scale / (variances * looks * np.log(looks + 1)))
        self._n, self._sum, self._squares = int(looks[-1]), float(sums[-1]), float(squares[-1])
        return bets, expected, sums / looks

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

    def take(self, x: Floats, bets: Floats, means: Floats) -> tuple[Floats, Floats]:
        """Return the limits after each value; crossed where no mean is left.

        Examples
        --------
        >>> x = np.ones(20)
        >>> low, high = Betting(0.05, 100).take(x, *Predictions(0.05).take(x)[:2])
        >>> round(float(low[-1]), 2), float(high[-1])
        (0.7, 1.0)
        """
        parts = [self._part(x[at : at + _AT_ONCE], bets[at : at + _AT_ONCE]) for at in range(0, len(x), _AT_ONCE)]
        return np.concatenate([low for low, _ in parts]), np.concatenate([high for _, high in parts])

    def _part(self, x: Floats, bets: Floats) -> tuple[Floats, Floats]:
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
        return self._grid[low], self._grid[high]

    def state(self) -> dict[str, Any]:
        """Return the limits and the capital against each mean between them."""
        ends = {"low": self._low, "high": self._high}
        return {**ends, "above": self._above.tolist(), "below": self._below.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up `state`."""
        self._low, self._high = int(state["low"]), int(state["high"])
        self._above, self._below = np.asarray(state["above"], float), np.asarray(state["below"], float)


class EmpiricalBernstein:
    """A weighted mean of the values, and a width that shrinks with their variance. Lives as long as its sequence.

    References
    ----------
    Waudby-Smith and Ramdas (2023), JRSS B 86, theorem 2; building on Howard, Ramdas, McAuliffe and Sekhon (2021),
    Time-uniform, nonparametric, nonasymptotic confidence sequences, Annals of Statistics 49.
    """

    def __init__(self, alpha: float) -> None:
        self._enough = math.log(2 / alpha)
        self._weights, self._weighted, self._spread = 0.0, 0.0, 0.0
        self._low, self._high = 0.0, 1.0

    def take(self, x: Floats, bets: Floats, means: Floats) -> tuple[Floats, Floats]:
        """Return the limits after each value; crossed where no mean is left.

        Examples
        --------
        >>> x = np.ones(200)
        >>> low, high = EmpiricalBernstein(0.05).take(x, *Predictions(0.05).take(x)[:2])
        >>> round(float(low[-1]), 2), float(high[-1])
        (0.96, 1.0)
        """
        size = np.minimum(bets, 0.5)
        weights = self._weights + np.cumsum(size)
        weighted = self._weighted + np.cumsum(size * x)
        # 4 (x - mean)^2 times (-log(1 - size) - size) / 4
        spread = self._spread + np.cumsum((x - means) ** 2 * (-np.log1p(-size) - size))
        half = (self._enough + spread) / weights
        low = np.maximum.accumulate(np.maximum(weighted / weights - half, self._low))
        high = np.minimum.accumulate(np.minimum(weighted / weights + half, self._high))
        if len(x):
            self._weights, self._weighted, self._spread = float(weights[-1]), float(weighted[-1]), float(spread[-1])
            self._low, self._high = float(low[-1]), float(high[-1])
        return low, high

    def state(self) -> dict[str, Any]:
        """Return the sums and the limits."""
        return {"sums": [self._weights, self._weighted, self._spread], "limits": [self._low, self._high]}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up `state`."""
        self._weights, self._weighted, self._spread = state["sums"]
        self._low, self._high = state["limits"]
