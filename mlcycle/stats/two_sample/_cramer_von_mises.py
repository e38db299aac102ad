"""Cramér-von Mises distance of two sorted samples, with p-values that hold for few rows and for ties."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.stats._simulated import simulated_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cvm_p_value", "cvm_statistic", "tie_sizes"]

# Exact up to so many rows a side when both sides are equal (distances are few then), and up to this product otherwise.
_EQUAL, _EXACT = 40, 225
# The limit wants so many rows on the smaller side, and so many of them expected off the largest tie.
_LIMIT, _OFF, _DRAWN = 5, 10, 2000
_EIGENVALUES = 128
_NODES = 64


def cvm_statistic(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return the Cramér-von Mises distance of two sorted samples.

    ``n m / (n + m)**2`` times the sum, over all values of both samples, of the squared difference of the two
    distribution functions there (right-continuous, so that values that tie count at the end of their tie).

    Parameters
    ----------
    a, b : ndarray, sorted, without missing values
        The two samples.

    References
    ----------
    Anderson (1962), On the distribution of the two-sample Cramér-von Mises criterion, Annals of Mathematical
    Statistics 33.

    Examples
    --------
    >>> round(cvm_statistic(np.array([1.0, 2.0]), np.array([3.0, 4.0])), 4)
    0.375
    """
    n, m = len(a), len(b)
    total = 0.0
    for own, other in ((a, b), (b, a)):
        gap = _upto_own(own) / len(own)
        gap -= other.searchsorted(own, "right") / len(other)
        # Not a dot product: BLAS would start its threads for it, which costs more than the sum on a busy machine.
        total += float(np.square(gap, out=gap).sum())
    return total * n * m / (n + m) ** 2


def _upto_own(ordered: NDArray[Any]) -> NDArray[np.intp]:
    """Return how many values of a sorted sample are at most each of its own."""
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, len(ordered))
    if len(last) == len(ordered):
        return last
    return np.repeat(last, np.diff(last, prepend=0))


def tie_sizes(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.intp] | None:
    """Return how many of both sorted samples hold each distinct value, in order; None when all values differ.

    Examples
    --------
    >>> tie_sizes(np.array([1, 2]), np.array([2, 3])).tolist()
    [1, 2, 1]
    """
    # Stable sorting merges two sorted runs in one pass.
    pooled = np.sort(np.concatenate([a, b]), kind="stable")
    last = np.append(np.flatnonzero(pooled[1:] != pooled[:-1]) + 1, len(pooled))
    return None if len(last) == len(pooled) else np.diff(last, prepend=0)


def cvm_p_value(
    statistic: float, n: int, m: int, ties: NDArray[np.intp] | None = None, *, seed: int = 0
) -> tuple[float, str]:
    """Return the p-value of a Cramér-von Mises distance, and the name of the test.

    Exact, ties included, when ``n * m <= 225`` or ``n = m <= 40``: the distribution of the distance over all divisions
    of the pooled rows, summed up value by value. Otherwise its limit, a weighted sum of chi-squares, brought to the
    exact mean and (without ties, exact) variance of the finite distance; far in the tail (p below 0.001) the limit
    is conservative. Below 5 rows on the smaller side, or where it would hold fewer than 10 rows off the largest tie,
    up to 99 999 random divisions stand in for the limit.

    Parameters
    ----------
    statistic : float
        From `cvm_statistic`.
    n, m : int
        Rows of either side.
    ties : ndarray of int, optional
        From `tie_sizes`. Without it all values are taken to differ.
    seed : int, default 0
        For random divisions.

    References
    ----------
    Anderson (1962), Annals of Mathematical Statistics 33, for moments and correction. Burr (1963), Distribution of the
    two-sample Cramér-von Mises criterion for small equal samples, Annals of Mathematical Statistics 34, for exact
    values. Smirnov (1936), for the tail of a weighted sum of chi-squares as alternating integrals.

    Examples
    --------
    >>> p, test = cvm_p_value(cvm_statistic(np.arange(4.0), np.arange(4.0, 8.0)), 4, 4)
    >>> round(p * 70, 6), test  # complete separation of four and four: 2 of the 70 arrangements
    (2.0, 'Cramér-von Mises exact')
    """
    total, fewer = n + m, min(n, m)
    sizes = np.ones(total, dtype=np.intp) if ties is None else ties
    if n * m <= _EXACT or (n == m and n <= _EQUAL):
        return _exact(statistic, n, m, sizes), "Cramér-von Mises exact"
    off = fewer * (1 - int(sizes.max()) / total)
    if fewer < _LIMIT or (off < _OFF and min(fewer, len(sizes)) <= _DRAWN):
        return _drawn(statistic, n, m, sizes, seed), "Cramér-von Mises permutation"
    spread = (total + 1) / total**2 * (4 * n * m * total - 3 * (n * n + m * m) - 2 * n * m) / (4 * n * m)
    mean, eigenvalues, trace = (total + 1) / (6 * total), _continuous(), 1 / 6
    if ties is not None:
        upto = np.cumsum(ties)
        mean = float(ties @ (upto / total * (1 - upto / total))) / (total - 1)
        eigenvalues, trace = _tied(ties / total)
    x = trace + (statistic - mean) / math.sqrt(spread)
    least = math.exp(max(math.lgamma(n + 1) + math.lgamma(m + 1) - math.lgamma(total + 1), -700.0))
    return min(max(_tail(x, eigenvalues, trace), least), 1.0), "Cramér-von Mises"


def _exact(statistic: float, n: int, m: int, ties: NDArray[np.intp]) -> float:
    """Return the share of divisions of the pooled rows that are at least as far apart, ties kept as they are.

    For every number of reference rows among those passed so far: the distances reached, in whole numbers and not told
    apart from `statistic` on, and their share of all divisions.
    """
    scale = math.lcm(n, m)
    width, height = scale // n, scale // m
    limit = math.ceil(statistic * scale**2 * (n + m) ** 2 / (n * m) - 0.5)
    if limit <= 0:
        return 1.0
    reached: dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = {0: (np.zeros(1, np.int64), np.ones(1))}
    passed = 0
    for size in ties.tolist():
        coming: dict[int, list[tuple[NDArray[np.int64], NDArray[np.float64]]]] = {}
        left = n + m - passed
        for i, (values, shares) in reached.items():
            for more in range(max(0, size - (m - passed + i)), min(size, n - i) + 1):
                at = i + more
                step = size * (at * width - (passed + size - at) * height) ** 2
                chance = math.comb(n - i, more) * math.comb(left - n + i, size - more) / math.comb(left, size)
                coming.setdefault(at, []).append((np.minimum(values + step, limit), shares * chance))
        passed += size
        reached = {at: _merged(parts) for at, parts in coming.items()}
    values, shares = reached[n]
    return min(float(shares[values >= limit].sum()), 1.0)


def _merged(
    parts: list[tuple[NDArray[np.int64], NDArray[np.float64]]],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    shares = np.concatenate([shares for _, shares in parts])
    values, inverse = np.unique(np.concatenate([values for values, _ in parts]), return_inverse=True)
    return values, np.bincount(inverse, shares).astype(np.float64)


def _drawn(statistic: float, n: int, m: int, ties: NDArray[np.intp], seed: int) -> float:
    """Return the p-value against random divisions of the pooled rows, from the rows of the smaller side alone.

    Between two of its rows the difference of the distribution functions is a line, whose squares sum up by prefix sums.
    """
    # Columns must not share their draws, or all of them would err to the same side.
    rng = np.random.default_rng([seed, n, m, round(statistic * 2**40)])
    fewer, total = min(n, m), n + m
    upto = np.cumsum(ties).astype(np.float64)
    sums = [np.concatenate(([0.0], np.cumsum(ties * upto**power))) for power in (0, 1, 2)]
    lead = np.arange(fewer + 1) * (total / (n * m))
    slope = 1 / max(n, m)

    def simulate(size: int) -> NDArray[np.float64]:
        if fewer <= len(ties):
            picks = np.stack([rng.choice(total, fewer, replace=False, shuffle=False) for _ in range(size)])
            blocks = np.sort(upto.searchsorted(picks, "right"), axis=1)
            ends = np.column_stack([np.zeros(size, np.intp), blocks, np.full(size, len(ties))])
            zero, one, two = (np.diff(part[ends], axis=1) for part in sums)
            squares = (lead**2 * zero - 2 * slope * lead * one + slope**2 * two).sum(axis=1)
        else:
            path = rng.multivariate_hypergeometric(ties, fewer, size=size).cumsum(axis=1)
            squares = (lead[path] - slope * upto) ** 2 @ ties
        distances: NDArray[np.float64] = squares * (n * m / total**2)
        return distances

    return simulated_p(simulate, statistic, 99_999 if fewer <= 100 else 9_999)


@lru_cache(maxsize=1)
def _continuous() -> NDArray[np.float64]:
    eigenvalues: NDArray[np.float64] = 1 / (np.pi * np.arange(1, _EIGENVALUES + 1)) ** 2
    return eigenvalues


def _tied(sizes: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the weights of the chi-squares, scaled to the variance of all values, and their sum.

    They are the eigenvalues of the covariance of a Brownian bridge at the ends of the ties. Where there are many ends,
    neighbours are joined for the eigenvalues; the sum is that of all.
    """
    ends = np.cumsum(sizes)
    trace = float(sizes @ (ends * (1 - ends)))
    if len(sizes) > _EIGENVALUES:
        last = np.append(np.diff(np.floor(ends * _EIGENVALUES)) > 0, True)
        joined = np.diff(np.cumsum(sizes)[last], prepend=0.0)
        ends, sizes = ends[last], joined
    covariance = np.minimum.outer(ends, ends) - np.outer(ends, ends)
    root = np.sqrt(sizes)
    eigenvalues = np.linalg.eigvalsh(covariance * np.outer(root, root))[::-1]
    return eigenvalues[eigenvalues > 1e-9 * eigenvalues[0]], trace


def _tail(x: float, weights: NDArray[np.float64], trace: float) -> float:
    """Return the chance that a sum of chi-squares with falling weights, plus what is left of the trace, exceeds x."""
    x -= trace - float(weights.sum())
    if x <= 0:
        return 1.0
    angles = np.cos((np.arange(_NODES) + 0.5) * np.pi / _NODES)
    total = 0.0
    for k in range(0, len(weights), 2):
        pair = weights[k : k + 2]
        start = 0.5 / pair[0]
        if x * start > 700:
            break
        if len(pair) == 2:
            half = (0.5 / pair[1] - start) / 2
            at = start + half + half * angles
            part = np.exp(-x * at) / (2 * math.sqrt(pair[0] * pair[1]) * at * _NODES)
        else:
            nodes, parts = np.polynomial.hermite.hermgauss(_NODES)
            at = start + nodes**2 / x
            part = parts * math.exp(-x * start) / (math.pi * math.sqrt(2 * pair[0] * x) * at)
        others = np.delete(weights, slice(k, k + 2))
        logs = np.log(np.abs(1 - 2 * np.multiply.outer(at, others))).sum(axis=1)
        total += (-1) ** (k // 2) * float((part * np.exp(-logs / 2)).sum())
    return min(max(total, 0.0), 1.0)
