"""What lies beyond its threshold at one look: an alarm only where that is as certain as the budget of alarms asks."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

from attrs import evolve

from mlcycle.records import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["certain_alarms"]

_ALARMS = ("fail", "warn")
# That of a result which does not say.
_USUAL = 0.95


def certain_alarms(results: Sequence[Result], alpha: float) -> Iterator[Result]:
    """Yield results, those without an alarm that the rows do not support at level `alpha` over all of them.

    Each keeps its value and interval; one that loses its alarm is ``inconclusive`` and says so. The interval is read as
    that of a normal law: how far the threshold lies outside it, in its own half widths, gives the p-value.

    Parameters
    ----------
    results : sequence of Result
        Those with an interval and a threshold share the level (Bonferroni); others are left as they are.
    alpha : float
        Chance of any alarm when all values are just as they should be.

    Examples
    --------
    >>> found = Result(check="failures", verdict="fail", value=0.03, low=0.016, high=0.056, threshold=0.01, n=300)
    >>> [one.verdict for one in certain_alarms([found], 0.025)], [one.verdict for one in certain_alarms([found], 1e-4)]
    (['fail'], ['inconclusive'])
    """
    tested = sum(_far(one) is not None for one in results)
    for one in results:
        far = _far(one)
        if one.verdict not in _ALARMS or far is None or far >= NormalDist().inv_cdf(1 - alpha / tested):
            yield one
        else:
            told = f"{one.detail}; no alarm yet: looked at as often as this, so much comes of nothing now and then"
            yield evolve(one, verdict="inconclusive", detail=told.removeprefix("; "))


def _far(result: Result) -> float | None:
    """Return how far the value lies from its threshold in standard errors of the limit between them."""
    value, threshold, low, high = result.value, result.threshold, result.low, result.high
    if value is None or threshold is None or low is None or high is None:
        return None
    reach = abs((high if value < threshold else low) - value)
    z = NormalDist().inv_cdf(0.5 + (result.confidence or _USUAL) / 2)
    return z * abs(value - threshold) / reach if reach > 0 else float("inf")
