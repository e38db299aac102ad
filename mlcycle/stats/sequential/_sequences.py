"""A mean with limits that hold at every look, however often one looks and whenever one stops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import POWER, Estimate, check_confidence, unknown, z_value
from mlcycle.stats.sequential._bands import Band, Betting, EmpiricalBernstein, Predictions
from mlcycle.stats.sequential._eprocess import check_bounds, scaled

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ConfidenceSequence", "MeanSequence", "confidence_sequence"]

_NAMES = {"betting": "betting confidence sequence", "empirical_bernstein": "empirical Bernstein confidence sequence"}
_CROSSED = "no one mean fits all values: it has changed on the way"


class ConfidenceSequence:
    """The mean of bounded values with limits that hold at all looks together. For a proportion, too.

    Lives as long as the stream it watches; `state` and `from_state` carry it from one process to the next. The chance
    that the limits *ever* miss the mean is at most ``1 - confidence``, whatever the distribution, as long as the mean
    stays. A plain 95 % interval looked at every day misses it sooner or later for certain.

    Parameters
    ----------
    method : {"betting", "empirical_bernstein"}, default "betting"
        ``betting`` is the narrower one, ``empirical_bernstein`` the faster one for millions of values.
    bounds : (float, float), default (0, 1)
        The smallest and the largest value there can be; the width grows with their distance.
    confidence : float, default 0.95
        Share of sequences that hold the mean at every look.
    resolution : int, default 1000
        Of betting: means on the grid; limits are rounded outwards to it, which matters from about 100 000 values on.

    Raises
    ------
    InvalidInput
        If an argument is out of range.

    See Also
    --------
    confidence_sequence : the same for all values at once.

    References
    ----------
    Waudby-Smith and Ramdas (2023), Estimating means of bounded random variables by betting, JRSS B 86.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> accuracy = stats.ConfidenceSequence()
    >>> accuracy.extend(rng.random(300) < 0.9)
    >>> accuracy.estimate()
    Estimate(0.860, 95 % interval 0.803 to 0.927, n = 300: holds at every look)
    """

    def __init__(
        self,
        *,
        method: str = "betting",
        bounds: tuple[float, float] = (0.0, 1.0),
        confidence: float = 0.95,
        resolution: int = 1000,
    ) -> None:
        self._method, self._bounds, self._confidence = method, check_bounds(bounds), check_confidence(confidence)
        if resolution < 10:
            raise InvalidInput(f"resolution is how many means to try, 10 or more, got {resolution!r}")
        self._resolution = int(resolution)
        self._past = Predictions(1 - self._confidence)
        self._band = _band(method, 1 - self._confidence, self._resolution)
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

    def update(self, x: float) -> tuple[float, float]:
        """Take one value and return the limits."""
        self.extend([x])
        return self._limits

    def extend(self, x: ArrayLike) -> None:
        """Take the values of one look."""
        self._take(x)

    def _take(self, x: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        values = scaled(x, self._bounds)
        if not len(values):
            return values, values, values
        bets, expected, means = self._past.take(values)
        low, high = self._band.take(values, bets, expected)
        low, high = self._unscaled(low), self._unscaled(high)
        self._limits = float(low[-1]), float(high[-1])
        return self._unscaled(means), low, high

    def _unscaled(self, share: Any) -> Any:
        return self._bounds[0] + share * (self._bounds[1] - self._bounds[0])

    def estimate(self) -> Estimate:
        """Return the mean with its limits as they are now."""
        name, n = _NAMES[self._method], self.n
        if not n:
            return unknown(math.nan, 0, self._confidence, name, "there are no values")
        if self.low >= self.high:
            return unknown(self.mean, n, self._confidence, name, _CROSSED)
        error = (self._bounds[1] - self._bounds[0]) * math.sqrt(self._past.variance / n)
        seen = (self.high - self.low) / 2 + z_value(POWER) * error
        return Estimate(
            self.mean, self.low, self.high, self._confidence, n, error, seen, name, "holds at every look"
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Return all there is to know, as JSON can hold it."""
        return {
            "method": self._method,
            "bounds": list(self._bounds),
            "confidence": self._confidence,
            "resolution": self._resolution,
            "past": self._past.state(),
            "band": self._band.state(),
            "limits": list(self._limits),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> ConfidenceSequence:
        """Return the sequence that `state` was taken from, to go on as if it had never stopped.

        Examples
        --------
        >>> watch = ConfidenceSequence()
        >>> ConfidenceSequence.from_state(watch.state()).update(1) == watch.update(1)
        True
        """
        made = cls(**{name: state[name] for name in ("method", "bounds", "confidence", "resolution")})
        made._past.restore(state["past"])
        made._band.restore(state["band"])
        made._limits = state["limits"][0], state["limits"][1]
        return made

    def __repr__(self) -> str:
        return f"ConfidenceSequence({self.estimate()})"


def confidence_sequence(
    x: ArrayLike,
    *,
    method: str = "betting",
    bounds: tuple[float, float] = (0.0, 1.0),
    confidence: float = 0.95,
    resolution: int = 1000,
) -> MeanSequence:
    """Return the running mean of bounded values with limits that hold at all looks together.

    Parameters
    ----------
    x : array-like of shape (n,)
        The values in the order they came.
    method, bounds, confidence, resolution
        As in `ConfidenceSequence`, which takes the same values one by one and comes to the same limits.

    Returns
    -------
    MeanSequence
        The mean and the limits after every value.

    Raises
    ------
    InvalidInput
        If an argument is out of range.

    References
    ----------
    As in `ConfidenceSequence`.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> right = np.random.default_rng(0).random(300) < 0.9
    >>> found = stats.confidence_sequence(right)
    >>> found
    MeanSequence(0.860, 95 % interval 0.803 to 0.927, n = 300: holds at every look)
    >>> bool(np.all((found.low <= 0.9) & (0.9 <= found.high)))
    True
    """
    watch = ConfidenceSequence(method=method, bounds=bounds, confidence=confidence, resolution=resolution)
    mean, low, high = watch._take(x)
    return MeanSequence(mean, low, high, watch.estimate())


@frozen(repr=False, eq=False)
class MeanSequence:
    """A running mean with limits that hold at all looks together.

    Attributes
    ----------
    mean, low, high : ndarray of shape (n,)
        After each value. Where the upper limit is not above the lower one, no one mean fits all values.
    final : Estimate
        After the last value.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    final: Estimate

    def frame(self) -> pd.DataFrame:
        """Return one row per look, counted from 1."""
        import pandas as pd

        looks = pd.RangeIndex(1, len(self.mean) + 1, name="look")
        return pd.DataFrame({"mean": self.mean, "low": self.low, "high": self.high}, index=looks)

    def as_dict(self) -> dict[str, Any]:
        """Return the arrays as lists and the final estimate as a dict."""
        arrays = {name: getattr(self, name).tolist() for name in ("mean", "low", "high")}
        return {**arrays, "final": self.final.as_dict()}

    def __str__(self) -> str:
        return str(self.final)

    def __repr__(self) -> str:
        return f"MeanSequence({self.final})"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        n = len(self.mean)
        shown = sorted({min(2**k, n) for k in range(n.bit_length() + 1)}) if n else []
        rows = [
            [look, (m := float(self.mean[look - 1])), (low := float(self.low[look - 1])),
             (high := float(self.high[look - 1])), _html.bar(m, low, high)]
            for look in shown
        ]  # fmt: skip
        return str(_html.table(["look", "mean", "low", "high", ""], rows, caption=str(self)))


def _band(method: str, alpha: float, resolution: int) -> Band:
    if method == "betting":
        return Betting(alpha, resolution)
    if method == "empirical_bernstein":
        return EmpiricalBernstein(alpha)
    raise InvalidInput(f"method is 'betting' or 'empirical_bernstein', got {method!r}")
