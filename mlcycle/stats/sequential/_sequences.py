"""A mean with limits that hold at every look, however often one looks and whenever one stops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_whole
from mlcycle.stats._estimate import POWER, Estimate, check_confidence, unknown, z_value
from mlcycle.stats.sequential._bands import Betting, Predictions
from mlcycle.stats.sequential._evidence import State, reading
from mlcycle.stats.sequential._ranks import finite_scores

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["ConfidenceSequence"]

_CROSSED = "no one mean fits all values: it has changed on the way"


class ConfidenceSequence:
    """The mean of bounded values with limits that hold at all looks together. For a proportion, too.

    Lives as long as the stream it watches; `state` and `from_state` carry it from one process to the next. The chance
    that the limits *ever* miss the mean is at most ``1 - confidence``, whatever the distribution, as long as the mean
    stays. A plain 95 % interval looked at every day misses it sooner or later for certain.

    Parameters
    ----------
    bounds : (float, float), default (0, 1)
        The smallest and the largest value there can be; the width grows with their distance.
    confidence : float, default 0.95
        Share of sequences that hold the mean at every look.
    resolution : int, default 1000
        Means on the grid; limits are rounded outwards to it, which matters from about 100 000 values on.

    Raises
    ------
    InvalidInput
        If an argument is out of range.

    References
    ----------
    Waudby-Smith and Ramdas (2023), Estimating means of bounded random variables by betting, JRSS B 86.

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

    def __init__(
        self,
        *,
        bounds: tuple[float, float] = (0.0, 1.0),
        confidence: float = 0.95,
        resolution: int = 1000,
    ) -> None:
        self._bounds, self._confidence = _check_bounds(bounds), check_confidence(confidence)
        self._resolution = check_whole(resolution, "resolution", 10)
        self._past = Predictions(1 - self._confidence)
        self._band = Betting(1 - self._confidence, self._resolution)
        self._limits = self._bounds

    @property
    def n(self) -> int:
        """Values seen."""
        return self._past.n

    @property
    def mean(self) -> float:
        """Their mean, not a number before the first."""
        return float(self._unscaled(self._past.mean))

    @property
    def low(self) -> float:
        """The lower limit now."""
        return self._limits[0]

    @property
    def high(self) -> float:
        """The upper limit now; not above the lower one when no one mean fits all values."""
        return self._limits[1]

    @property
    def alarm(self) -> bool:
        """Whether no one mean fits all values: it has changed on the way."""
        return self.n > 0 and self.low >= self.high

    def update(self, values: ArrayLike, /) -> State:
        """Take the values of one look, in the order they came, and return their mean.

        Parameters
        ----------
        values : float or array-like of shape (n,)
        """
        x = _scaled(np.atleast_1d(np.asarray(values)), self._bounds)
        if len(x):
            low, high = self._band.take(x, self._past.take(x))
            self._limits = float(self._unscaled(low)), float(self._unscaled(high))
        return State(self.n, self.mean, self.alarm)

    def _unscaled(self, share: Any) -> Any:
        return self._bounds[0] + share * (self._bounds[1] - self._bounds[0])

    def estimate(self) -> Estimate:
        """Return the mean with its limits as they are now."""
        name, n = "betting confidence sequence", self.n
        if not n:
            return unknown(math.nan, 0, self._confidence, name, "there are no values")
        if self.alarm:
            return unknown(self.mean, n, self._confidence, name, _CROSSED)
        error = (self._bounds[1] - self._bounds[0]) * math.sqrt(self._past.variance / n)
        seen = (self.high - self.low) / 2 + z_value(POWER) * error
        return Estimate(
            self.mean, self.low, self.high, self._confidence, n, error, seen, name, "holds at every look"
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Return all there is to know, as JSON can hold it."""
        return {
            "kind": "confidence sequence", "bounds": list(self._bounds), "confidence": self._confidence,
            "resolution": self._resolution, "past": self._past.state(), "band": self._band.state(),
            "limits": list(self._limits),
        }  # fmt: skip

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> ConfidenceSequence:
        """Return the sequence that `state` was taken from, to go on as if it had never stopped.

        Examples
        --------
        >>> watch = ConfidenceSequence()
        >>> ConfidenceSequence.from_state(watch.state()).update(1) == watch.update(1)
        True
        """
        asked = ("bounds", "confidence", "resolution")
        with reading(state, "confidence sequence", (*asked, "past", "band", "limits")):
            made = cls(**{name: state[name] for name in asked})
            made._past.restore(state["past"])
            made._band.restore(state["band"])
            made._limits = float(state["limits"][0]), float(state["limits"][1])
        return made

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


def _scaled(x: ArrayLike, bounds: tuple[float, float]) -> Any:
    """Return values as shares of the way from the lower bound to the upper one.

    Examples
    --------
    >>> _scaled([2, 3], (2, 4)).tolist()
    [0.0, 0.5]
    """
    values, (low, high) = finite_scores(x, "values"), bounds
    outside = (values < low) | (values > high)
    if outside.any():
        raise InvalidInput(
            f"values lie within bounds=({low:g}, {high:g}), got {float(values[outside][0])!r}; "
            "widen the bounds to what is possible, or clip to what matters"
        )
    return (values - low) / (high - low)
