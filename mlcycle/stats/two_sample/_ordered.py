"""Two samples of numbers, each sorted once: Kolmogorov-Smirnov, and the shift of quantiles with its interval."""

from __future__ import annotations

import math
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.stats.two_sample._ties import inside_between_ties

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "GRID",
    "NEGLIGIBLE",
    "QuantileShift",
    "fewest_rows",
    "ks_p_value",
    "ks_statistic",
    "quantile_ranks",
]

GRID = (0.1, 0.25, 0.5, 0.75, 0.9)
_EXACT = 250_000
_SMALL = 100
_DIRECT = 4096
_MUCH_LARGER = 1000
_EXACTLY = "Kolmogorov-Smirnov exact"
# A distance of so many times sqrt(1 / n + 1 / m) has a p-value of 0.86.
NEGLIGIBLE = 0.6
# Below this the sum over paths between ties has no digits left, and what is conservative with ties is small enough.
_CERTAIN = 1e-8


def ks_statistic(a: NDArray[Any], b: NDArray[Any], *, negligible: float = 0.0) -> float:
    """Return the largest distance between the distribution functions of two sorted samples.

    Exact, with ties. Large samples are not merged: the distance is taken at every 64th value first, and only stretches
    whose bounds could still hold the maximum are looked into, so most values are never compared.

    Parameters
    ----------
    a, b : ndarray, sorted, without missing values
        The two samples.
    negligible : float, default 0
        A distance that need not be known better than "no more than this": samples nearly alike keep every stretch open.

    Examples
    --------
    >>> ks_statistic(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0, 5.0]))
    0.5
    """
    if len(a) + len(b) <= _DIRECT:
        return _distance(a, b, np.concatenate([a, b]))
    if np.array_equal(a, b):
        return 0.0
    best, bound, starts, stops = _narrow(a, b, (a if len(a) >= len(b) else b)[63::64])
    if bound <= negligible:
        return best
    points = [x[_ranges(start, stop)] for x, start, stop in zip((a, b), starts, stops, strict=True)]
    return max(best, _distance(a, b, np.sort(np.concatenate(points))))


def _distance(a: NDArray[Any], b: NDArray[Any], points: NDArray[Any]) -> float:
    gap = a.searchsorted(points, "right") / len(a) - b.searchsorted(points, "right") / len(b)
    return float(np.abs(gap).max(initial=0.0))


_Stretches = tuple["NDArray[np.intp]", "NDArray[np.intp]"]


def _narrow(a: NDArray[Any], b: NDArray[Any], points: NDArray[Any]) -> tuple[float, float, _Stretches, _Stretches]:
    """Return the best distance at the points, what it could be, and the stretches that could hold a larger one."""
    n, m = len(a), len(b)
    a_upto, b_upto = a.searchsorted(points, "right"), b.searchsorted(points, "right")
    best = float(np.abs(a_upto / n - b_upto / m).max(initial=0.0))
    a_from, b_from = np.concatenate(([0], a_upto)), np.concatenate(([0], b_upto))
    a_to, b_to = np.append(a.searchsorted(points, "left"), n), np.append(b.searchsorted(points, "left"), m)
    bound = np.maximum(a_to / n - b_from / m, b_to / m - a_from / n)
    # Rounding must not hide a stretch, and an empty stretch holds nothing.
    open_ = (bound > best) & ((a_to > a_from) | (b_to > b_from))
    most = float(bound[open_].max(initial=best))
    return best, most, (a_from[open_], b_from[open_]), (a_to[open_], b_to[open_])


def _ranges(starts: NDArray[np.intp], stops: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return every index from start to below stop, for all pairs in one array."""
    counts = stops - starts
    before = np.concatenate(([0], np.cumsum(counts)[:-1])) if len(counts) else counts
    found: NDArray[np.intp] = np.repeat(starts - before, counts) + np.arange(counts.sum())
    return found


def ks_p_value(statistic: float, n: int, m: int, blocks: NDArray[np.intp] | None = None) -> tuple[float, str]:
    """Return the two-sided p-value of a Kolmogorov-Smirnov distance, and the name of the test.

    Exact for sides of equal size, up to ``n * m = 250 000``, and up to 10 million where one side has at most 100 rows,
    by counting the lattice paths that stay closer than `statistic`. Where one side is a thousand times as large as the
    other it is as good as known: the exact law of one sample. Beyond that Kolmogorov's limit with Stephens' correction,
    and half a lattice step off the distance. All are conservative where values repeat, by a factor of two to five for
    counts and rounded numbers. `blocks` of tied values (`tie_blocks`) make the p-value exact given the ties, at any
    size, down to 1e-8. Only what is exact is named so: not where there are ties that were left out of account.

    References
    ----------
    Hodges (1958), The significance probability of the Smirnov two-sample test, Arkiv för Matematik 3. Gnedenko and
    Korolyuk (1951) for equal sizes. Simard and L'Ecuyer (2011), JSS 39(11), for one sample. Stephens (1970), JRSS B 32,
    for ``(sqrt(k) + 0.12 + 0.11 / sqrt(k)) * d`` with ``k = n m / (n + m)``.

    Examples
    --------
    >>> p, test = ks_p_value(1.0, 4, 4)
    >>> round(p * 70, 6), test  # complete separation of four and four: 2 of the 70 arrangements
    (2.0, 'Kolmogorov-Smirnov exact')
    """
    from scipy import special

    if statistic <= 0:
        return 1.0, "Kolmogorov-Smirnov"
    root = math.sqrt(n * m / (n + m))
    between = max(statistic - 0.5 / math.lcm(n, m), 0.0)
    limit = max(float(special.kolmogorov((root + 0.12 + 0.11 / root) * between)), sys.float_info.min)
    outside, name = 0.0, _EXACTLY if blocks is None else "Kolmogorov-Smirnov"
    if blocks is not None and len(blocks) and limit > _CERTAIN:
        outside, name = 1.0 - inside_between_ties(statistic, n, m, blocks), _EXACTLY
    elif n == m:
        return _equal_sizes(round(statistic * n), n), name
    elif max(n, m) >= _MUCH_LARGER * min(n, m):
        return _one_sample(statistic, n, m), "Kolmogorov-Smirnov"
    elif n * m <= (_EXACT if min(n, m) > _SMALL else 40 * _EXACT):
        outside = 1.0 - _inside(statistic, max(n, m), min(n, m))
    return (min(1.0, outside), name) if outside > 1e-9 else (limit, "Kolmogorov-Smirnov")


def _equal_sizes(steps: int, n: int) -> float:
    """Return the chance that two samples of `n` lie `steps` of ``1 / n`` apart or more."""
    from scipy import special

    # Later terms are below 1e-30 of the first.
    j = np.arange(1, min(n // steps, 2 + math.ceil(9 * math.sqrt(n) / steps)) + 1)
    logs = 2 * math.lgamma(n + 1) - special.gammaln(n - j * steps + 1) - special.gammaln(n + j * steps + 1)
    p = float(2 * (np.where(j % 2, 1.0, -1.0) * np.exp(logs)).sum())
    return min(1.0, max(p, sys.float_info.min))


def _one_sample(statistic: float, n: int, m: int) -> float:
    from scipy.stats import kstwo

    p = float(kstwo.sf(statistic * math.sqrt(max(n, m) / (n + m)), min(n, m)))
    return max(p, sys.float_info.min)


def _inside(statistic: float, n: int, m: int) -> float:
    """Return the chance that a random path from (0, 0) to (n, m) keeps |i / n - j / m| below the statistic."""
    # Distances are multiples of 1 / lcm(n, m); in whole numbers no comparison is lost to rounding.
    scale = math.lcm(n, m)
    limit = round(statistic * scale)
    width, height = scale // n, scale // m
    ways, low, logs = np.ones(min((limit - 1) // width, n) + 1), 0, 0.0
    for j in range(1, m + 1):
        first = max(0, (j * height - limit) // width + 1)
        last = min(n, (j * height + limit - 1) // width)
        if first > last:
            return 0.0
        kept = ways[first - low :]
        ways = np.cumsum(np.concatenate([kept, np.zeros(last - first + 1 - len(kept))]))
        low = first
        if ways[-1] > 1e200:
            logs += math.log(ways[-1])
            ways = ways / ways[-1]
    if low + len(ways) - 1 < n or ways[-1] <= 0:
        return 0.0
    total = math.lgamma(n + m + 1) - math.lgamma(n + 1) - math.lgamma(m + 1)
    return math.exp(logs + math.log(ways[-1]) - total)


@frozen
class QuantileShift:
    """How far the quantiles moved, in robust standard deviations of the reference.

    Attributes
    ----------
    effect : float
        The largest absolute shift over the grid of quantiles.
    low, high : float
        Simultaneous interval for it.
    widths : tuple of tuple of float
        Of each quantile, how far it lies from the far end of the reference, and half the width of its interval in
        either sample; in robust standard deviations.
    level : float
        The quantile that surely moved most (the one whose near end is furthest out).
    before, after : float
        That quantile in the reference and in the current sample.
    scale : float
        The robust standard deviation, in the units of the column.
    """

    effect: float
    low: float
    high: float
    widths: tuple[tuple[float, float, float], ...]
    level: float
    before: Any
    after: Any
    scale: float


@lru_cache(maxsize=1024)
def quantile_ranks(n: int, confidence: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the 1-based ranks between which each quantile of the grid lies; 0 and n + 1 mean no limit."""
    tail = (1 - confidence) / 2 / len(GRID)
    low = np.array([_binomial_quantile(tail, n, p) for p in GRID], dtype=np.intp)
    high = np.array([_binomial_quantile(1 - tail, n, p) + 1 for p in GRID], dtype=np.intp)
    return low, high


def _binomial_quantile(share: float, n: int, p: float) -> int:
    from scipy import special

    found = max(math.ceil(special.bdtrik(share, n, p)), 0)
    while found > 0 and special.bdtr(found - 1, n, p) >= share:
        found -= 1
    while special.bdtr(found, n, p) < share:
        found += 1
    return int(found)


def fewest_rows(alpha: float, confidence: float) -> int:
    """Return the rows each side needs before any shift, however large, can be called drift at this level.

    The exact test of two times k rows cannot fall below ``2 / comb(2 k, k)``, and the median has no interval below
    ``2 ** -k <= tail``.

    Examples
    --------
    >>> fewest_rows(0.05, 0.95), fewest_rows(0.05 / 1000, 0.95)
    (8, 9)
    """
    tail = (1 - confidence) / 2 / len(GRID)
    k = math.ceil(-math.log2(tail))
    while 2 / math.comb(2 * k, k) > alpha:
        k += 1
    return k
