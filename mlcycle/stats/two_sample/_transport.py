"""How far rows would have to move: the Wasserstein distance in the units of a column, debiased, with an interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.stats._arguments import check_seed, check_share
from mlcycle.stats._estimate import POWER, unknown, z_value
from mlcycle.stats.two_sample import _ordered
from mlcycle.stats.two_sample._effects import Debiased
from mlcycle.stats.two_sample._one_column import finite_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["wasserstein", "wasserstein_distance"]

_CELLS = 128
_DRAWS = 999, 9999
_FEWEST = 10


def wasserstein(
    reference: Any, current: Any, *, standardised: bool = False, confidence: float = 0.95, seed: int = 0
) -> Debiased:
    """Return the Wasserstein-1 distance, debiased and clipped at 0, with an interval that holds at 0, too.

    The distance is the mean way a row has to go, in the units of the column (microseconds for moments): the area
    between the two distribution functions. The plain distance of two samples of one distribution is about
    ``1.4 * sd * sqrt(1 / n + 1 / m)`` for a normal one; `value` has the mean of the folded normal taken off along
    the column, by less where the functions really differ.

    By the triangle inequality the plain distance is off by no more than the area between the errors of the two
    distribution functions, whatever their true distance. The near limit takes off the quantile of that area (drawn from
    the limiting Gaussian process), or, where that leaves more, the bias and the standard error of the mean along the
    best transport. The far limit adds the standard error.

    Parameters
    ----------
    reference, current : array-like of shape (n,) and (m,)
        Numbers or moments, finite; missing values are left out.
    standardised : bool, default False
        Whether to count in robust standard deviations of the reference (interquartile range over 1.349), whose own
        error the interval then takes in.
    confidence : float, default 0.95
        Share of intervals that hold the true distance. With tails so heavy that there is no variance no interval
        for a distance that is not 0 can promise that: the rows that matter most are not in the sample.
    seed : int, default 0
        For the draws of the Gaussian process.

    Raises
    ------
    InvalidInput
        If a side has no values, infinite ones, or none with an order.

    References
    ----------
    Vallender (1974), Calculation of the Wasserstein distance between probability distributions on the line, Theory of
    Probability and its Applications 18. del Barrio, Giné and Matrán (1999), Central limit theorems for the Wasserstein
    distance, Annals of Probability 27, for the limit under no change. Leone, Nelson and Nottingham (1961),
    Technometrics 3, for the bias. Johnson (1978), Modified t tests and confidence intervals for asymmetrical
    populations, JASA 73, for the skewness.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> found = stats.wasserstein(rng.normal(40, 10, 1000), rng.normal(45, 10, 1000))
    >>> 3 < found.low < found.value < found.high < 7
    True
    >>> same = stats.wasserstein(rng.normal(40, 10, 1000), rng.normal(40, 10, 1000))
    >>> same.plain > 0.3, same.low
    (True, 0.0)
    """
    confidence, seed = check_share(confidence, "confidence", 0.95), check_seed(seed)
    found = finite_numbers(reference, current)
    a, b = found.reference, found.current
    if standardised and a[0] == a[-1]:
        reason = "the reference is constant, so there is no unit; leave standardised out"
        none = unknown(math.nan, len(a) + len(b), confidence, "area between distribution functions", reason)
        return Debiased(**none.as_dict())
    result = _estimated(a, b, confidence, seed, found.note)
    return _in_units(result, a, confidence) if standardised else result


def wasserstein_distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return the plain distance of two sorted samples.

    Examples
    --------
    >>> wasserstein_distance(np.array([0.0, 1.0, 3.0]), np.array([5.0, 6.0, 8.0]))
    5.0
    """
    if len(a) == len(b):
        return float(np.abs(a - b).mean())
    fewer, more = (a, b) if len(a) < len(b) else (b, a)
    n, m = len(fewer), len(more)
    # Mass m at each of the fewer and n at each of the more: in whole numbers the pieces fit without rounding.
    ends = np.concatenate([np.arange(1, n + 1) * m, np.arange(1, m + 1) * n])
    ends.sort(kind="stable")
    pieces = np.diff(ends, prepend=0)
    gap = np.abs(fewer[(ends - 1) // m] - more[(ends - 1) // n])
    return float((gap * pieces).sum()) / (n * m)


def _estimated(a: NDArray[Any], b: NDArray[Any], confidence: float, seed: int, note: str) -> Debiased:
    n, m = len(a), len(b)
    plain = wasserstein_distance(a, b)
    method = "area between distribution functions"
    if min(n, m) < _FEWEST:
        reason = f"too few rows for an interval; {_FEWEST} with values on either side would do"
        return Debiased(**unknown(plain, n + m, confidence, method, reason).as_dict(), plain=plain, bias=math.nan)
    cells = _cells(a, b)
    if len(cells) == 1:
        reason = "one value on both sides: nothing tells how far a value not seen yet could be"
        return Debiased(**unknown(0.0, n + m, confidence, method, reason).as_dict(), plain=0.0, bias=0.0)
    widths, before, after = np.diff(cells), _upto(a, cells), _upto(b, cells)
    pooled = (n * before + m * after) / (n + m)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    z = np.divide(np.abs(after - before), spread, out=np.zeros_like(spread), where=spread > 0)
    weight = float(widths @ spread)
    typical = float(widths @ (spread * z**2)) / weight - 1 if weight > 0 else 0.0
    bias = _bias(np.sqrt(np.maximum(z**2 - 2, max(typical, 0.0))), spread, widths)
    value = max(plain - bias, 0.0)
    tail, root = (1 - confidence) / 2, z_value(0.5 + confidence / 2)
    draws = int(np.clip(20 / tail, *_DRAWS))
    # The larger side may know of values that a small one has not shown yet: what it could have been is in the pooled.
    laws = (before, after), (pooled, pooled)
    reach = max(float(np.quantile(_areas(*law, widths, n, m, draws, seed), 1 - tail)) for law in laws)
    error, skewness = _along(before, after, widths, n, m)
    near = max(plain - reach, plain - _bias(np.maximum(z - 2, 0.0), spread, widths) - root * error, 0.0)
    far = max(plain + (root + max(skewness, 0.0) * (2 * root**2 + 1) / 6) * error, value)
    detectable = reach + z_value(POWER) * error
    return Debiased(
        value, min(near, value), far, confidence, n + m, error, detectable, method, note, plain, plain - value
    )


def _cells(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return points between which both functions are taken as level: equal shares, closer together at the ends."""
    points = []
    for side in (a, b):
        last = len(side) - 1
        outer = 2 ** np.arange(max(int(math.log2(last + 1)) - 5, 1)) - 1
        inner = np.linspace(0, last, _CELLS // 2).round().astype(np.intp)
        points.append(side[np.concatenate([inner, outer, last - outer])])
    cells: NDArray[np.float64] = np.unique(np.concatenate(points))
    return cells


def _upto(ordered: NDArray[Any], cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the distribution function over each cell, by its two ends."""
    left = ordered.searchsorted(cells[:-1], "right")
    right = ordered.searchsorted(cells[1:], "left")
    mean: NDArray[np.float64] = (left + right) / (2 * len(ordered))
    return mean


def _areas(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    widths: NDArray[np.float64],
    n: int,
    m: int,
    draws: int,
    seed: int,
) -> NDArray[np.float64]:
    """Draw the area between the errors of the two distribution functions: two Brownian bridges at their values."""
    rng = np.random.default_rng(seed)
    total = np.zeros((draws, len(widths)), np.float32)
    for upto, rows in ((before, n), (after, m)):
        steps = np.sqrt(np.diff(upto, prepend=0.0, append=1.0).clip(0.0) / rows).astype(np.float32)
        path = np.cumsum(rng.standard_normal((draws, len(steps)), np.float32) * steps, axis=1)
        total += path[:, :-1] - upto.astype(np.float32) * path[:, -1:]
    areas: NDArray[np.float64] = (np.abs(total, out=total) * widths).sum(axis=1)
    return areas


def _along(
    before: NDArray[np.float64], after: NDArray[np.float64], widths: NDArray[np.float64], n: int, m: int
) -> tuple[float, float]:
    """Return standard error and skewness of the distance when the way every row goes is known: up or down.

    It is then a difference of two means, of the potential along the column. The error is not less than with both sides
    distributed as they are together: a small side that misses rare values by chance must not pass for one without.
    """
    potential = np.concatenate(([0.0], np.cumsum(np.sign(after - before) * widths)))
    pooled = (n * before + m * after) / (n + m)
    error, skewness = _moments(potential, before, after, n, m)
    return max(error, _moments(potential, pooled, pooled, n, m)[0]), skewness


def _moments(
    potential: NDArray[np.float64], before: NDArray[np.float64], after: NDArray[np.float64], n: int, m: int
) -> tuple[float, float]:
    """Return standard error and skewness of the difference of the mean potentials of both sides."""
    variance = third = 0.0
    for upto, rows, sign in ((before, n, 1), (after, m, -1)):
        shares = np.diff(upto, prepend=0.0, append=1.0).clip(0.0)
        away = potential - shares @ potential
        # A tenth of an observation keeps the error above 0 where every row of a side holds one value.
        variance += max(float(shares @ away**2), 0.1 * float(np.ptp(potential)) ** 2 / rows) / rows
        third += sign * float(shares @ away**3) / rows**2
    return math.sqrt(variance), third / variance**1.5 if variance > 0 else 0.0


def _bias(true: NDArray[np.float64], spread: NDArray[np.float64], widths: NDArray[np.float64]) -> float:
    """Return how much too large the area is when the functions differ by `true` standard errors."""
    from scipy import special

    folded = math.sqrt(2 / math.pi) * np.exp(-(true**2) / 2) + true * (1 - 2 * special.ndtr(-true))
    return float(((folded - true) * spread) @ widths)


def _in_units(found: Debiased, a: NDArray[Any], confidence: float) -> Debiased:
    """Return the distance in robust standard deviations, whose relative error adds to that of the distance."""
    scale, root = _ordered.robust_scale(a), z_value(0.5 + confidence / 2)
    last, half = len(a) - 1, root * math.sqrt(3 / 16 * len(a))
    ends = [(max(round(t * last - half), 0), min(round(t * last + half), last)) for t in (0.25, 0.75)]
    lower, upper = (float(a[high] - a[low]) / (2 * root) for low, high in ends)
    error = math.sqrt(max(lower**2 + upper**2 - 2 / 3 * lower * upper, 0.0)) / (1.349 * scale)
    off = root * error * found.value
    low = max(found.value - math.hypot(found.value - found.low, off), 0.0)
    high = found.value + math.hypot(found.high - found.value, off)
    return Debiased(
        found.value / scale, low / scale, high / scale, confidence, found.n,
        math.hypot(found.standard_error, error * found.value) / scale, found.detectable / scale, found.method,
        found.reason, found.plain / scale, found.bias / scale,
    )  # fmt: skip
