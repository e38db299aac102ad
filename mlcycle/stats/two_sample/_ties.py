"""Kolmogorov-Smirnov where values repeat: the distance can only be seen between different values, so p is smaller."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BLOCKS", "SMALL", "inside_between_ties", "tie_blocks"]

_SAMPLED = 512
_DIFFERENT = 0.7
BLOCKS = 200
SMALL = 4_000
_FOURIER = 300


def tie_blocks(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.intp] | None:
    """Return how often each different value occurs in two sorted samples together, in order.

    ``None`` where no value repeats. Empty where ties matter little and are left out of account: values hardly repeat,
    or there are over 200 different ones on over 4 000 rows.

    Examples
    --------
    >>> tie_blocks(np.array([1.0, 1.0, 2.0]), np.array([1.0, 3.0])).tolist()
    [3, 1, 1]
    >>> tie_blocks(np.array([1.0, 2.0]), np.array([1.5])), tie_blocks(np.arange(5000.0), np.arange(5000.0)).tolist()
    (None, [])
    """
    rows, hardly, uncounted = len(a) + len(b), False, np.zeros(0, np.intp)
    for side in (a, b):
        sample = side[:: max(len(side) // _SAMPLED, 1)]
        changes = int(np.count_nonzero(sample[1:] != sample[:-1]))
        hardly |= len(side) > _SAMPLED and changes > _DIFFERENT * len(sample)
    if hardly and rows > SMALL:
        return uncounted
    values = np.union1d(*(side[np.flatnonzero(np.append(True, side[1:] != side[:-1]))] for side in (a, b)))
    if len(values) == rows:
        return None
    if hardly or (len(values) > BLOCKS and rows > SMALL):
        return uncounted
    upto = a.searchsorted(values, "right") + b.searchsorted(values, "right")
    return np.diff(upto, prepend=0)


def inside_between_ties(statistic: float, n: int, m: int, blocks: NDArray[np.intp]) -> float:
    """Return the chance that a random division of the pooled values stays closer than `statistic` between ties.

    The division is a path that takes as many steps as a value has rows before anybody looks at it. Its position after
    every block, within the bounds, is carried along as a distribution; a block adds a binomial number of steps
    (the binomial probability cancels in the end, where the path must have taken `n` in all).

    Parameters
    ----------
    statistic : float
        The distance, a multiple of ``1 / (n m)``.
    n, m : int
        Rows of the two samples.
    blocks : ndarray of int
        Rows of each different value of both together, in order.

    References
    ----------
    Schröer and Trenkler (1995), Exact and randomization distributions of Kolmogorov-Smirnov tests two or three samples,
    Computational Statistics & Data Analysis 20, for the distribution given the ties.

    Examples
    --------
    >>> round(inside_between_ties(1.0, 4, 4, np.ones(8, int)) * 70)  # 2 of 70 arrangements reach a distance of 1
    68
    >>> round(inside_between_ties(1.0, 2, 2, np.array([2, 2])) * 6)  # two pairs: 2 of 6 put each pair on one side
    4
    """
    total, limit = n + m, round(statistic * n * m)
    chances, low, seen = np.ones(1), 0, 0
    for block in blocks.tolist():
        seen += block
        first = max((seen * n - limit) // total + 1, 0, seen - m)
        last = min(-((-seen * n - limit) // total) - 1, n, seen)
        if first > last:
            return 0.0
        start, stop = first - low - len(chances) + 1, last - low
        steps = _one_step(start, stop, n / total) if block == 1 else _binomial(start, stop, block, n / total)
        chances, low = _spread(steps, chances), first
    return min(1.0, float(chances[n - low] / _binomial(n, n, total, n / total)[0]))


def _one_step(first: int, last: int, share: float) -> NDArray[np.float64]:
    chances = np.zeros(last - first + 1)
    for steps, chance in ((0, 1 - share), (1, share)):
        if first <= steps <= last:
            chances[steps - first] = chance
    return chances


def _binomial(first: int, last: int, of: int, share: float) -> NDArray[np.float64]:
    """Return the binomial probabilities of first to last successes; 0 for counts that cannot be."""
    from scipy import special

    counts = np.arange(first, last + 1)
    possible = np.clip(counts, 0, of)
    logs = (
        special.gammaln(of + 1) - special.gammaln(possible + 1) - special.gammaln(of - possible + 1)
        + possible * math.log(share) + (of - possible) * math.log1p(-share)
    )  # fmt: skip
    chances: NDArray[np.float64] = np.where(possible == counts, np.exp(logs), 0.0)
    return chances


def _spread(steps: NDArray[np.float64], chances: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(chances) < _FOURIER:
        return np.convolve(steps, chances, mode="valid")
    size = 1 << (len(steps) + len(chances) - 1).bit_length()
    both = np.fft.irfft(np.fft.rfft(steps, size) * np.fft.rfft(chances, size), size)
    return np.maximum(both[len(chances) - 1 : len(steps)], 0.0)
