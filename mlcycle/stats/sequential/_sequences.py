"""A mean with limits that hold at every look, however often one looks and whenever one stops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_numbers
from mlcycle.stats._estimate import POWER, Estimate, check_confidence, unknown, z_value
from mlcycle.stats.sequential._evidence import Evidence, State

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ConfidenceSequence"]

# Means that are bet against, as shares of the way between the bounds; dense near the ends, where variance is small.
_STEPS = 1000
_GRID = np.sin(np.arange(_STEPS + 1) * (math.pi / 2 / _STEPS)) ** 2
_AT_ONCE = 256
_CROSSED = "no one mean fits all values: it has changed on the way"


class ConfidenceSequence(Evidence):
    """The mean of bounded values with limits that hold at all looks together. For a proportion, too.

    Lives as long as the stream it watches; `state` and `from_state` carry it from one process to the next. The chance
    that the limits *ever* miss the mean is at most ``1 - confidence``, whatever the distribution, as long as the mean
    stays. A plain 95 % interval looked at every day misses it sooner or later for certain. Limits are rounded outwards
    to a grid of 1 000 means, which matters from about 100 000 values on.

    Parameters
    ----------
    bounds : (float, float), default (0, 1)
        The smallest and the largest value there can be; the width grows with their distance.
    confidence : float, default 0.95
        Share of sequences that hold the mean at every look.

    Raises
    ------
    InvalidInput
        If an argument is out of range.

    References
    ----------
    Waudby-Smith and Ramdas (2023), Estimating means of bounded random variables by betting, JRSS B 86: theorem 3
    (the hedged capital process, equal parts on either side, bets cut at half of what could lose everything) with the
    bets of equations 15 and 26.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> accuracy = stats.ConfidenceSequence()
    >>> _ = accuracy.update(rng.random(300) < 0.9)
    >>> accuracy.estimate()
    Estimate(0.860, 95 % interval 0.803 to 0.927, n = 300: holds at every look)
    """

    kind = "confidence sequence"
    _asked, _kept = ("bounds", "confidence"), ("n", "sum", "squares", "low", "high", "above", "below")

    def __init__(self, *, bounds: tuple[float, float] = (0.0, 1.0), confidence: float = 0.95) -> None:
        self._bounds, self._confidence = _check_bounds(bounds), check_confidence(confidence)
        self._n, self._sum, self._squares = 0, 0.0, 0.0
        # Places of the limits on the grid, and what was won against each mean between them.
        self._low, self._high = 0, _STEPS
        self._above: Any = [0.0] * (_STEPS + 1)
        self._below: Any = [0.0] * (_STEPS + 1)

    @property
    def mean(self) -> float:
        """Their mean, not a number before the first."""
        return self._unscaled(self._sum / self._n) if self._n else math.nan

    @property
    def low(self) -> float:
        """The lower limit now."""
        return self._unscaled(_GRID[self._low])

    @property
    def high(self) -> float:
        """The upper limit now; not above the lower one when no one mean fits all values."""
        return self._unscaled(_GRID[self._high])

    @property
    def alarm(self) -> bool:
        """Whether no one mean fits all values: it has changed on the way."""
        return self._low >= self._high

    def update(self, values: ArrayLike, /) -> State:
        """Take the values of one look, in the order they came, and return their mean.

        Parameters
        ----------
        values : float or array-like of shape (n,)
        """
        given, (low, high) = check_numbers(np.atleast_1d(np.asarray(values)), "values"), self._bounds
        outside = (given < low) | (given > high)
        if outside.any():
            raise InvalidInput(
                f"values lie within bounds=({low:g}, {high:g}), got {float(given[outside][0])!r}; "
                "widen the bounds to what is possible, or clip to what matters"
            )
        x = (given - low) / (high - low)
        for at in range(0, len(x), _AT_ONCE):
            self._take(x[at : at + _AT_ONCE])
        return State(self.n, self.mean, self.alarm)

    def _take(self, x: NDArray[np.float64]) -> None:
        # The capital against a mean falls as the mean rises, or the other way round, so those left are neighbours. The
        # means that are out from one side are still tried from the other: when one is out from both, none is left.
        first, last = min(self._low, self._high), max(self._low, self._high)
        grid, enough = _GRID[first : last + 1], math.log(2 / (1 - self._confidence))
        away, size = x[:, None] - grid, self._bets(x, 2 * enough)[:, None]
        with np.errstate(divide="ignore"):
            above = self._above + np.cumsum(np.log1p(np.minimum(size, 0.5 / grid) * away), axis=0)
            below = self._below + np.cumsum(np.log1p(-np.minimum(size, 0.5 / (1 - grid)) * away), axis=0)
        self._low = max(self._low, first - 1 + int(np.count_nonzero(above >= enough, axis=1).max()))
        self._high = min(self._high, last + 1 - int(np.count_nonzero(below >= enough, axis=1).max()))
        kept = slice(min(self._low, self._high) - first, max(self._low, self._high) - first + 1)
        self._above, self._below = above[-1, kept], below[-1, kept]

    def _bets(self, x: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
        """Return the bet before each value t, ``sqrt(scale / (variance * t * log(t + 1)))`` by the values before it."""
        looks = self._n + np.arange(1, len(x) + 1)
        sums = self._sum + np.cumsum(x)
        squares = self._squares + np.cumsum((x - (0.5 + sums) / (looks + 1)) ** 2)
        variances = (0.25 + np.concatenate([[self._squares], squares[:-1]])) / looks
        self._n, self._sum, self._squares = int(looks[-1]), float(sums[-1]), float(squares[-1])
        return np.asarray(np.sqrt(scale / (variances * looks * np.log(looks + 1))))

    def _unscaled(self, share: float) -> float:
        return self._bounds[0] + float(share) * (self._bounds[1] - self._bounds[0])

    def estimate(self) -> Estimate:
        """Return the mean with its limits as they are now."""
        name, n = "betting confidence sequence", self.n
        if not n:
            return unknown(math.nan, 0, self._confidence, name, "there are no values")
        if self.alarm:
            return unknown(self.mean, n, self._confidence, name, _CROSSED)
        spread = math.sqrt((0.25 + self._squares) / (n + 1))
        error = (self._bounds[1] - self._bounds[0]) * spread / math.sqrt(n)
        seen = (self.high - self.low) / 2 + z_value(POWER) * error
        return Estimate(self.mean, self.low, self.high, self._confidence, n, error, seen, name, "holds at every look")

    def __repr__(self) -> str:
        return f"ConfidenceSequence({self.estimate()})"


def _check_bounds(bounds: Any) -> tuple[float, float]:
    """Return the smallest and the largest possible value as floats, or say what came."""
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"bounds are the smallest and the largest possible value, got {bounds!r}") from error
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidInput(f"bounds are finite, the smaller first, got {bounds!r}")
    return low, high
