"""When did it change? The place of one change in a stream, with the places it may as well have been."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, frozen

from mlcycle.stats._arguments import check_numbers, check_seed
from mlcycle.stats._estimate import check_confidence
from mlcycle.stats._simulated import simulated_p

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["ChangePoint", "change_point"]

_FEWEST = 8
# More places than these are tried in blocks, so that the work stays at seconds.
_MOST = 1500
_WORK = 4e7
_AT_ONCE = 2_000_000


@frozen(repr=False)
class ChangePoint:
    """Where a stream changed, if it did.

    Attributes
    ----------
    index : int or None
        The first value after the change, counted from 0; None where there is nothing to go by, and then `reason` says
        why.
    low, high : int or None
        The first and the last place the change may have been at.
    p : float
        P-value that there was no change at all, for values that were not chosen because they look like one.
    before, after : float
        Means of the values on either side of `index`.
    confidence : float
        Share of such ranges that hold the true place, if there is one change.
    n : int
        Values.
    reason : str
        Empty, or what a reader must know before believing the range.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> stats.change_point(np.concatenate([rng.normal(0, 1, 60), rng.normal(2, 1, 40)]))
    ChangePoint(at 60 of 100 (95 % range 60 to 62), mean 0.0773 before and 2.09 after, p 0.0001)
    """

    index: int | None
    low: int | None
    high: int | None
    p: float
    before: float
    after: float
    confidence: float
    n: int
    reason: str = ""

    @property
    def found(self) -> bool:
        """Whether there was a change at all, at the level ``1 - confidence``."""
        return self.p <= 1 - self.confidence

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict."""
        return asdict(self)

    def __str__(self) -> str:
        if self.index is None:
            return f"no place: {self.reason}"
        where = f"at {self.index} of {self.n} ({100 * self.confidence:g} % range {self.low} to {self.high})"
        because = f"; {self.reason}" if self.reason else ""
        return f"{where}, mean {self.before:.3g} before and {self.after:.3g} after, p {self.p:.2g}{because}"

    def __repr__(self) -> str:
        return f"ChangePoint({self})"


def change_point(x: ArrayLike, *, confidence: float = 0.95, seed: int = 0) -> ChangePoint:
    """Return where the values of a stream changed, with every place it may as well have been.

    The place is where the ranks before and after differ most, in standard errors; outliers and heavy tails do no harm.
    The p-value comes from permuting all values. A place belongs to the range unless a permutation test rejects it: if
    the change is there, the values on either side come in no particular order, so permuting each side shows how much
    better than the true place the best one looks by chance. That test is exact at any size, for independent values and
    one change.

    Parameters
    ----------
    x : array-like of shape (n,)
        Values in the order they came: a daily statistic, or rows. More than 1 500 are tried in blocks, and the range is
        as much wider.
    confidence : float, default 0.95
        Share of ranges that hold the true place.
    seed : int, default 0
        For the permutations.

    Returns
    -------
    ChangePoint

    Raises
    ------
    InvalidInput
        If values are missing or infinite.

    Notes
    -----
    After an alarm the p-value repeats what the alarm said on the same values; the range is what is new. A change of
    spread around the same middle is not seen; give ``abs(x - median)`` for that.

    References
    ----------
    Pettitt (1979), A non-parametric approach to the change-point problem, Applied Statistics 28. Worsley (1986),
    Confidence regions and tests for a change-point in a sequence of exponential family random variables, Biometrika 73
    (regions of places that a test does not reject), with permutations in place of his conditional distribution.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> errors = np.r_[np.random.default_rng(0).poisson(3, 30), np.random.default_rng(1).poisson(9, 12)]
    >>> found = stats.change_point(errors)
    >>> found.index, found.low, found.high
    (30, 29, 30)
    >>> stats.change_point([1, 2, 1, 2, 1, 2, 1, 2]).found
    False
    """
    from scipy.stats import rankdata

    values, confidence = check_numbers(x, "x"), check_confidence(confidence)
    n = len(values)
    if n < _FEWEST or values.min() == values.max():
        few = f"{n} values are too few; it takes {_FEWEST} or more"
        reason = few if n < _FEWEST else "all values are the same"
        return ChangePoint(None, None, None, math.nan, math.nan, math.nan, confidence, n, reason)
    block, centred = -(-n // _MOST), rankdata(values) - (n + 1) / 2
    # Sums of neighbouring ranks; the last block may be shorter.
    ranks = np.add.reduceat(centred, np.arange(0, n, block))
    rng = np.random.default_rng(check_seed(seed))
    best = _differences(ranks[None, :])[0]
    p = simulated_p(lambda draws: _permuted_largest(ranks, draws, rng), float(best.max()), 9999)
    places = np.array(list(_possible(ranks, best, confidence, rng)))
    index = (int(best.argmax()) + 1) * block
    low, high = int(places.min()), int(places.max())
    if block > 1:
        low, high = low - 1, high + 1
    reason = f"places were tried in blocks of {block} values" if block > 1 else ""
    before, after = float(values[:index].mean()), float(values[index:].mean())
    limits = max(low * block, 1), min(high * block, n - 1)
    return ChangePoint(index, *limits, p, before, after, confidence, n, reason)


def _differences(rows: Floats) -> Floats:
    """Return how far the two sides lie apart for every place, in units that are the same for all places."""
    n = rows.shape[1]
    before = np.arange(1, n)
    found: Floats = np.abs(np.cumsum(rows, axis=1)[:, :-1]) / np.sqrt(before * (n - before))
    return found


def _permuted_largest(ranks: Floats, draws: int, rng: np.random.Generator) -> Floats:
    step = max(1, _AT_ONCE // len(ranks))
    sizes = [min(step, draws - at) for at in range(0, draws, step)]
    rows = (rng.permuted(np.broadcast_to(ranks, (size, len(ranks))), axis=1) for size in sizes)
    return np.concatenate([_differences(some).max(axis=1) for some in rows])


def _possible(ranks: Floats, best: Floats, confidence: float, rng: np.random.Generator) -> Iterator[int]:
    """Yield the places that a permutation test at level ``1 - confidence`` does not reject."""
    n, top = len(ranks), float(best.max())
    fewest = math.ceil(1 / (1 - confidence) - 1e-9)
    times = int(np.clip(_WORK / (n * n * fewest), 1, math.ceil(200 / fewest)))
    draws = times * fewest - 1
    for place in range(1, n):
        gap = top - float(best[place - 1])
        rows = np.empty((draws, n))
        rows[:, :place] = rng.permuted(np.broadcast_to(ranks[:place], (draws, place)), axis=1)
        rows[:, place:] = rng.permuted(np.broadcast_to(ranks[place:], (draws, n - place)), axis=1)
        drawn = _differences(rows)
        as_far = np.count_nonzero(drawn.max(axis=1) - drawn[:, place - 1] >= gap - 1e-9)
        if (as_far + 1) / (draws + 1) > 1 - confidence + 1e-12:
            yield place
