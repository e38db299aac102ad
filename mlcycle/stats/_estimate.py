"""A number with its interval: the one result every estimate of this room comes back as."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

from attrs import asdict, frozen

from mlcycle.stats._arguments import check_share

__all__ = ["POWER", "Estimate", "check_confidence", "smallest_detectable", "unknown", "z_value"]

POWER = 0.8


@frozen(repr=False)
class Estimate:
    """A value, the interval around it, and what the interval could have missed.

    Attributes
    ----------
    value : float
        The estimate itself, in the units of what was measured.
    low, high : float
        Limits of the interval; ``nan`` when none can be given, and then `reason` says why.
    confidence : float
        The share of such intervals that hold the true value, e.g. 0.95.
    n : int
        Rows it rests on.
    standard_error : float
        Standard error of `value`; ``nan`` when unknown.
    detectable : float
        The smallest change that would have been seen at this size with 80 % power, in the units of `value`:
        ``(z(1 - (1 - confidence) / 2) + z(0.8)) * standard_error`` (Bloom 1995, Evaluation Review 19(5)).
    method : str
        How the interval was made.
    reason : str
        Empty, or what a reader must know before believing the limits.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.wilson(45, 50)
    Estimate(0.900, 95 % interval 0.786 to 0.957, n = 50)
    >>> stats.wilson(45, 50).as_dict()["method"]
    'Wilson'
    """

    value: float
    low: float
    high: float
    confidence: float
    n: int
    standard_error: float
    detectable: float
    method: str
    reason: str = ""

    @property
    def conclusive(self) -> bool:
        """Whether there are limits at all."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict, one row of a table."""
        return asdict(self)

    def __str__(self) -> str:
        digits = _digits(self.low, self.high)
        level = f"{100 * self.confidence:g} % interval"
        value, low, high = (_shown(number, digits) for number in (self.value, self.low, self.high))
        limits = f"{level} {low} to {high}" if self.conclusive else f"no {level}"
        because = f": {self.reason}" if self.reason else ""
        return f"{value}, {limits}, n = {self.n}{because}"

    def __repr__(self) -> str:
        return f"Estimate({self})"


def unknown(value: float, n: int, confidence: float, method: str, reason: str) -> Estimate:
    """Return an estimate without limits; `reason` says why there are none and what would help."""
    return Estimate(float(value), math.nan, math.nan, confidence, n, math.nan, math.nan, method, reason)


def check_confidence(confidence: float) -> float:
    """Return the confidence as a float in (0, 1), or say what came."""
    return check_share(confidence, "confidence", 0.95)


def z_value(share: float) -> float:
    """Return the quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(share)


def smallest_detectable(standard_error: float, confidence: float) -> float:
    """Return the smallest change seen with 80 % power by a two-sided interval; source: see `Estimate.detectable`."""
    return (z_value(0.5 + confidence / 2) + z_value(POWER)) * standard_error


def _shown(number: float, digits: int) -> str:
    # a float holds 15 digits; more would be printed, and mean nothing
    return f"{number:.{digits}f}" if abs(number) < 1e15 else f"{number:.4g}"


def _digits(low: float, high: float) -> int:
    width = high - low
    if not (math.isfinite(width) and width > 0):
        return 3
    return min(max(1 - math.floor(math.log10(width / 2)), 0), 9)
