"""A sample of numbers in a few hundred points, with bounds on every rank that merging keeps true.

A point says how many values lie below it and how many up to it, each as a lowest and a highest count. A sketch of one
sorted sample is exact at its points. Merging two takes the points of both; a point of one has a rank in the other that
its two neighbours there enclose, and the counts add. So whatever is computed from the extremes of the bounds is a bound
on what all the rows would have given: the Kolmogorov-Smirnov distance is never overstated, so its p-value stays valid,
and an interval of quantiles is never narrower.

Why not a better-known sketch: KLL and its relatives promise a rank error with high probability, which a test would have
to spend part of its level on, and t-digest promises nothing; Greenwald and Khanna's summary has bounds of this kind but
spreads its points evenly. Here half of the points go where the tests look, close around the 10, 25, 50, 75 and 90 %
quantiles at the scale of their sampling error (a share of ``1 / sqrt(n)``, not of ``1 / size``), the rest evenly over
the ranks. The price of certainty: errors of ranks add up over merged parts, where randomised ones partly cancel.

References
----------
Greenwald and Khanna (2001), Space-efficient online computation of quantile summaries, SIGMOD (rank bounds). Agarwal et
al. (2013), Mergeable summaries, ACM TODS 38. Karnin, Lang and Liberty (2016), Optimal quantile approximation in
streams, FOCS (KLL). Dunning and Ertl (2019), Computing extremely accurate quantiles using t-digests, arXiv:1902.04023.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from mlcycle.stats.two_sample import _ordered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

__all__ = ["SIZE", "Sketch", "SortedSample", "least_ks", "widest_shift"]

SIZE = 1000
_TAILS = ((0.25, 1.349), (0.1, 2.563), (0.05, 3.29))
_EXACT_IN_FLOAT = 2**53


@frozen(eq=False)
class SortedSample:
    """A sorted sample kept whole, for the side of a comparison that is at hand: it answers as a sketch does."""

    values: NDArray[Any]

    @classmethod
    def of(cls, ordered: NDArray[Any]) -> SortedSample:
        """Keep a sorted, finite sample."""
        return cls(_plain(ordered))

    @property
    def n(self) -> int:
        """Values in all."""
        return len(self.values)

    def ends(self) -> tuple[Any, Any]:
        """Return the smallest and the largest value."""
        return self.values[0], self.values[-1]

    @property
    def distinct(self) -> tuple[int, int]:
        """How many values differ, twice."""
        return (_distinct(self.values),) * 2

    def counts_at(self, points: NDArray[Any]) -> tuple[Counts, Counts]:
        """Return how many values lie below points and up to them, each as ``[lowest, highest]``."""
        below, upto = self.values.searchsorted(points, "left"), self.values.searchsorted(points, "right")
        return np.broadcast_to(below, (2, len(below))), np.broadcast_to(upto, (2, len(upto)))

    def order_statistics(self, ranks: NDArray[np.intp], origin: Any = 0) -> NDArray[np.float64]:
        """Return the values of 1-based ranks less an origin as ``[lowest, highest]``, the same twice."""
        found = (self.values[ranks - 1] - origin).astype(np.float64)
        return np.broadcast_to(found, (2, *found.shape))

    @property
    def doubt(self) -> float:
        """By how much a share of rows below a value may be more than is known: nothing."""
        return 0.0

    def spread(self, most: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return about `most` values that are spread as all are, and how many rows each stands for."""
        some = self.values[:: max(self.n // most, 1)]
        return some, np.full(len(some), self.n / len(some))

    def times(self, factor: int) -> SortedSample:
        """Return the sample of so many times each value."""
        return SortedSample(self.values * factor)

    def frequent(self, least: int) -> NDArray[Any]:
        """Return the values that may occur so often: among them every one that does."""
        # A value on so many rows of a sorted sample stands at one of any places no further apart.
        return _different(self.values[:: max(least, 1)])

    def counted(self, most: int) -> tuple[NDArray[Any], Counts] | None:
        """Return the different values and how often each occurs, or nothing when there are more than `most`."""
        if _distinct(self.values[:: max(self.n // 512, 1)]) > most or _distinct(self.values) > most:
            return None
        whole = Sketch.of(self.values, most)
        return whole.points, whole.upto[0] - whole.below[0]


@frozen(eq=False, repr=False)
class Sketch:
    """Points of a sample with bounds on their ranks.

    Attributes
    ----------
    points : ndarray of shape (k,)
        Different values in ascending order, int64 or float64; the smallest and the largest of the sample among them.
    below, upto : ndarray of shape (2, k)
        The lowest and the highest number of values less than each point, and less than or equal to it.
    n : int
        Values in all.
    size : int
        The most points kept.
    distinct : tuple of int
        The lowest and the highest number of different values.
    """

    points: NDArray[Any]
    below: Counts
    upto: Counts
    n: int
    size: int
    distinct: tuple[int, int]

    @classmethod
    def of(cls, ordered: NDArray[Any], size: int = SIZE) -> Sketch:
        """Return the sketch of one sorted, finite sample: exact at its points, and everywhere if few values differ.

        Examples
        --------
        >>> found = Sketch.of(np.array([1, 1, 2, 5, 5, 5]))
        >>> found.points.tolist(), found.below[0].tolist(), found.upto[0].tolist()
        ([1, 2, 5], [0, 2, 3], [2, 3, 6])
        """
        ordered, n = _plain(ordered), len(ordered)
        distinct = _distinct(ordered)
        if distinct <= size:
            starts = np.flatnonzero(np.append(np.ones(min(n, 1), np.bool_), ordered[1:] != ordered[:-1]))
            points, below, upto = ordered[starts], starts, np.append(starts[1:], [n] * min(n, 1))
        else:
            points = _different(ordered[_targets(n, size)])
            below, upto = ordered.searchsorted(points, "left"), ordered.searchsorted(points, "right")
        kept = points.astype(np.int64 if points.dtype.kind in "iu" else np.float64)
        below, upto = (np.stack([side, side]).astype(np.int64) for side in (below, upto))
        return cls(kept, below, upto, n, size, (distinct, distinct))

    @classmethod
    def of_counts(cls, values: NDArray[Any], counts: NDArray[Any], size: int = SIZE) -> Sketch:
        """Return the sketch of a sample whose different values, in ascending order, were counted; as `of` does."""
        used = np.flatnonzero(counts)
        # Whole numbers beyond int64 become floats, and several of them one.
        values, starts = np.unique(_plain(values[used]), return_index=True)
        counts = np.add.reduceat(counts[used], starts) if len(starts) else counts[used]
        upto, distinct = np.cumsum(counts), len(values)
        n = int(upto[-1]) if distinct else 0
        kept = np.arange(distinct)
        if distinct > size:
            kept = _different(upto.searchsorted(_targets(n, size), "right"))
        points = values[kept].astype(np.int64 if values.dtype.kind in "iu" else np.float64)
        below, upto = (np.stack([side, side]).astype(np.int64) for side in ((upto - counts)[kept], upto[kept]))
        return cls(points, below, upto, n, size, (distinct, distinct))

    def ends(self) -> tuple[Any, Any]:
        """Return the smallest and the largest value."""
        return self.points[0], self.points[-1]

    def counts_at(self, points: NDArray[Any]) -> tuple[Counts, Counts]:
        """Return how many values lie below any points and up to them, each as ``[lowest, highest]``.

        Examples
        --------
        >>> below, upto = Sketch.of(np.arange(10_000), 100).counts_at(np.array([5001]))
        >>> bool(below[0, 0] <= 5001 <= below[1, 0])
        True
        """
        at = self.points.searchsorted(points, "left")
        known = self.points.searchsorted(points, "right") > at
        low = np.append(0, self.upto[0])[at]
        high = np.append(self.below[1], self.n)[at]
        between, here = np.stack([low, high]), np.minimum(at, max(len(self.points) - 1, 0))
        if not len(self.points):
            return between, between
        return np.where(known, self.below[:, here], between), np.where(known, self.upto[:, here], between)

    def times(self, factor: int) -> Sketch:
        """Return the sketch of so many times each value."""
        return evolve(self, points=self.points * factor)

    @property
    def doubt(self) -> float:
        """By how much a share of rows below a value may be more than is known."""
        between = np.append(self.below[1], self.n) - np.append(0, self.upto[0])
        return float(between.max(initial=0)) / max(self.n, 1)

    def spread(self, most: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return the points, and how many rows each stands for."""
        return self.points, np.diff(self.upto.mean(axis=0), prepend=0.0)

    def frequent(self, least: int) -> NDArray[Any]:
        """Return the values known to occur so often."""
        found: NDArray[Any] = self.points[self.upto[0] - self.below[1] >= least]
        return found

    def order_statistics(self, ranks: NDArray[np.intp], origin: Any = 0) -> NDArray[np.float64]:
        """Return the points between which the values of 1-based ranks lie, less an origin, as ``[lowest, highest]``.

        Examples
        --------
        >>> low, high = Sketch.of(np.arange(10_000.0), 100).order_statistics(np.array([1, 7001]))
        >>> low[0], high[0], bool(low[1] <= 7000 <= high[1])
        (np.float64(0.0), np.float64(0.0), True)
        """
        found: NDArray[np.float64] = (self.points[np.stack(self._around(ranks))] - origin).astype(np.float64)
        return found

    def _around(self, ranks: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        return self.below[1].searchsorted(ranks - 1, "right") - 1, self.upto[0].searchsorted(ranks, "left")

    def counted(self, most: int) -> tuple[NDArray[Any], Counts] | None:
        """Return the different values and how often each occurs, or nothing when more than `most` or not known."""
        # Nothing lies between two points exactly when the highest count below the one is the lowest up to the other.
        if len(self.points) > most or not np.array_equal(np.append(self.below[1], self.n), np.append(0, self.upto[0])):
            return None
        return self.points, self.upto[0] - self.below[1]

    def merge(self, other: Sketch) -> Sketch:
        """Return the sketch of both samples together.

        Examples
        --------
        >>> found = Sketch.of(np.arange(5)).merge(Sketch.of(np.arange(3, 9)))
        >>> found.points.tolist(), found.upto[0].tolist()
        ([0, 1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 5, 7, 8, 9, 10, 11])
        """
        if not self.n or not other.n:
            return self if self.n else other
        a, b = _of_one_type(self, other)
        points = _different(np.sort(np.concatenate([a.points, b.points]), kind="stable"))
        (below_a, upto_a), (below_b, upto_b) = a.counts_at(points), b.counts_at(points)
        both = Sketch(
            points, below_a + below_b, upto_a + upto_b, a.n + b.n, max(a.size, b.size), _distinct_together(a, b, points)
        )
        return both._compressed()

    def _compressed(self) -> Sketch:
        """Return the sketch with the points that enclose the ranks it is made for, as many ranks as fit."""
        kept = np.arange(len(self.points))
        for share in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
            if len(kept) <= self.size:
                break
            ranks = _targets(self.n, int(share * (self.size - 2)))
            wanted = np.zeros(len(self.points), np.bool_)
            wanted[[0, -1]] = True
            for around in self._around(ranks + 1):
                wanted[around] = True
            kept = np.flatnonzero(wanted)
        return evolve(self, points=self.points[kept], below=self.below[:, kept], upto=self.upto[:, kept])

    def __repr__(self) -> str:
        return f"Sketch({self.n} values in {len(self.points)} points)"

    def as_dict(self) -> dict[str, Any]:
        """Return plain lists; bounds that are all exact, and values that occur once each, take no room."""
        own, slack = self.upto[0] - self.below[0], (self.below[1] - self.below[0], self.upto[1] - self.upto[0])
        lists = {"upto": self.upto[0], "own": own - 1, "below_slack": slack[0], "upto_slack": slack[1]}
        kept = {name: values.tolist() for name, values in lists.items() if name == "upto" or values.any()}
        sizes = {"n": self.n, "size": self.size, "distinct": list(self.distinct)}
        return {**sizes, "points": self.points.tolist(), **kept}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Sketch:
        """Return the sketch that `as_dict` wrote."""
        points, upto = np.asarray(found["points"]), np.asarray(found["upto"], np.int64)
        if len(points) != len(upto):
            raise ValueError(f"{len(points)} points, but {len(upto)} counts")
        own, below_slack, upto_slack = (
            np.asarray(found.get(name) or np.zeros(len(upto)), np.int64)
            for name in ("own", "below_slack", "upto_slack")
        )
        below = upto - own - 1
        bounds = np.stack([below, below + below_slack]), np.stack([upto, upto + upto_slack])
        least, most = found["distinct"]
        return cls(points, *bounds, int(found["n"]), int(found["size"]), (int(least), int(most)))


def _different(ordered: NDArray[Any]) -> NDArray[Any]:
    found: NDArray[Any] = ordered[np.append(np.ones(min(len(ordered), 1), np.bool_), ordered[1:] != ordered[:-1])]
    return found


def _distinct(ordered: NDArray[Any]) -> int:
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1 if len(ordered) else 0


def _distinct_together(a: Sketch, b: Sketch, points: NDArray[Any]) -> tuple[int, int]:
    most = a.distinct[1] + b.distinct[1]
    if a.points[-1] < b.points[0] or b.points[-1] < a.points[0]:
        return a.distinct[0] + b.distinct[0], most
    if a.counted(len(a.points)) and b.counted(len(b.points)):
        return len(points), len(points)
    return max(a.distinct[0], b.distinct[0], len(points)), most


def _plain(ordered: NDArray[Any]) -> NDArray[Any]:
    if ordered.dtype == np.uint64:
        return ordered.astype(np.float64 if len(ordered) and ordered[-1] > np.iinfo(np.int64).max else np.int64)
    return ordered.astype(np.float64) if ordered.dtype.itemsize > 8 else ordered


@lru_cache(maxsize=256)
def _targets(n: int, size: int) -> NDArray[np.intp]:
    """Return about `size` 0-based ranks: the ends, those the tests ask for, close around the grid, the rest evenly."""
    grid, last = np.asarray(_ordered.GRID)[:, None], n - 1
    around = np.linspace(-4, 4, max(size // 10 - 8, 9))
    near = (grid * n + around * np.sqrt(n * grid * (1 - grid))).ravel()
    asked = [round(share * last) for tail, _ in _TAILS for share in (tail, 1 - tail)]
    middle = np.floor(grid.ravel() * last)
    wanted = np.concatenate([np.floor(near) - 1, middle, middle + 1, asked])
    wanted = _different(np.sort(np.clip(wanted, 0, last).astype(np.intp)))
    even = np.linspace(0, last, max(size - len(wanted), 2)).astype(np.intp)
    found: NDArray[np.intp] = _different(np.sort(np.concatenate([wanted, even])))
    found.flags.writeable = False
    return found


def _of_one_type(a: Sketch, b: Sketch) -> tuple[Sketch, Sketch]:
    return (a, b) if a.points.dtype == b.points.dtype else (_as_float(a), _as_float(b))


def _as_float(sketch: Sketch) -> Sketch:
    """Return the sketch of the values rounded to float64; whole numbers beyond 2 ** 53 may round onto a point."""
    if sketch.points.dtype == np.float64:
        return sketch
    points = sketch.points.astype(np.float64)
    if not len(points) or np.abs(points).max() < _EXACT_IN_FLOAT:
        return evolve(sketch, points=points)
    before, after = np.append(0, sketch.upto[0][:-1]), np.append(sketch.below[1][1:], sketch.n)
    kept, first = np.unique(points, return_index=True)
    last = np.append(first[1:], len(points)) - 1
    below = np.stack([before[first], sketch.below[1][first]])
    upto = np.stack([sketch.upto[0][last], after[last]])
    return evolve(sketch, points=kept, below=below, upto=upto, distinct=(len(kept), sketch.distinct[1]))


def least_ks(a: Sketch | SortedSample, b: Sketch | SortedSample, negligible: float = 0.0) -> float:
    """Return the smallest Kolmogorov-Smirnov distance that the bounds of two samples allow.

    Never larger than that of all the rows, and equal to it when both are exact. Only the points of one side are looked
    at: between two of them its bounds stay as they are, so the other side can do no better than at their ends.

    Examples
    --------
    >>> least_ks(Sketch.of(np.array([1.0, 2.0, 3.0])), SortedSample(np.array([2.0, 3.0, 4.0, 5.0])))
    0.5
    """
    if isinstance(a, SortedSample):
        if isinstance(b, SortedSample):
            return _ordered.ks_statistic(*_alike(a.values, b.values), negligible=negligible)
        return least_ks(b, a)
    if isinstance(b, Sketch):
        a, b = _of_one_type(a, b)
        if len(b.points) < len(a.points):
            a, b = b, a
    elif (a.points.dtype.kind == "f") != (b.values.dtype.kind == "f"):
        a, b = _as_float(a), SortedSample(b.values.astype(np.float64))
    best = 0.0
    for mine, its in zip((a.below, a.upto), b.counts_at(a.points), strict=True):
        gap = np.maximum(mine[0] / a.n - its[1] / b.n, its[0] / b.n - mine[1] / a.n)
        best = max(best, float(gap.max(initial=0.0)))
    return best


def _alike(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    return (a, b) if a.dtype == b.dtype else (a.astype(np.float64), b.astype(np.float64))


def widest_shift(
    reference: Sketch | SortedSample,
    current: Sketch | SortedSample,
    confidence: float,
    worth: tuple[float, float] | None = None,
) -> _ordered.QuantileShift:
    """Return the largest shift of quantiles with an interval that holds the one of all the rows.

    The unit is the interquartile range of the reference over 1.349 (the standard deviation of a normal sample), or,
    where that is 0, a wider range. Each quantile has its order-statistic interval in each sample, which assumes nothing
    about the distribution; the two are joined by MOVER, and Bonferroni over the grid makes the interval of the maximum
    hold. Of a sketch every order statistic is replaced by the point beyond it, and each limit taken at the ends of the
    quantiles and of the scale that make the interval widest.

    Parameters
    ----------
    reference, current : Sketch or SortedSample
        The two samples.
    confidence : float
        Of the interval.
    worth : tuple of float, optional
        How many rows that do not hang together those of either side are worth; all of them, unless given.

    References
    ----------
    Conover (1999), Practical Nonparametric Statistics, section 3.2 (order-statistic intervals). Zou and Donner (2008),
    Construction of confidence limits about effect measures, Statistics in Medicine 27 (MOVER).

    Examples
    --------
    >>> a, b = np.sort(np.random.default_rng(0).normal(size=(2, 1000)))
    >>> exact, found = (widest_shift(SortedSample(a), side(b), 0.95) for side in (SortedSample, Sketch.of))
    >>> found.low <= exact.low, exact.high <= found.high
    (True, True)
    """
    origin = _origin(reference, current)
    rows = worth or (reference.n, current.n)
    before, after = _quantiles(reference, origin), _quantiles(current, origin)
    before_low, before_high = _limits(reference, confidence, origin, rows[0])
    after_low, after_high = _limits(current, confidence, origin, rows[1])
    least, most = _scale(reference)
    if most == 0:  # nearly all values are equal, and nothing is a unit
        return _ordered.QuantileShift(0.0, 0.0, 0.0, (), 0.5, origin + before[0][2], origin + after[0][2], 0.0)
    # Both limits grow with the quantile of the current sample and fall with that of the reference.
    low = after[0] - before[1] - np.hypot(after[0] - after_low, before_high - before[1])
    high = after[1] - before[0] + np.hypot(after_high - after[1], before[0] - before_low)
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = low / np.where(low > 0, most, least), high / np.where(high > 0, least, most)
    low, high = np.where(np.isnan(low), 0.0, low), np.where(np.isnan(high), 0.0, high)
    was, now = before.mean(axis=0), after.mean(axis=0)
    scale = (least + most) / 2
    # Of each quantile: how far it lies from the far end of the column, and how well either side knows it.
    lowest, highest = (float(end - origin) for end in reference.ends())
    away = np.maximum(was - lowest, highest - was)
    halves = (before_high - before_low) / 2, (after_high - after_low) / 2
    widths: list[list[float]] = [(part / scale).tolist() for part in (away, *halves)]
    move = (now - was) / scale
    near, far = np.maximum(np.maximum(low, -high), 0.0), np.maximum(np.abs(low), np.abs(high))
    at = int(np.argmax(near)) if near.max() > 0 else int(np.argmax(np.abs(move)))
    return _ordered.QuantileShift(
        float(np.abs(move).max()), float(near.max()), float(far.max()), tuple(zip(*widths, strict=True)),
        _ordered.GRID[at], origin + was[at], origin + now[at], scale,
    )  # fmt: skip


def _origin(a: Sketch | SortedSample, b: Sketch | SortedSample) -> Any:
    """Return what to measure from: the middle of whole numbers too large to be floats, else 0."""
    ends = [int(end) for side in (a, b) for end in side.ends() if np.asarray(end).dtype.kind in "iu"]
    # Whole numbers further apart than 2 ** 62 could not be taken from each other, and need no last digit.
    if len(ends) < 4 or max(map(abs, ends)) < _EXACT_IN_FLOAT or max(ends) - min(ends) >= 2**62:
        return 0
    return np.int64(min(ends))


def _quantiles(side: Sketch | SortedSample, origin: Any = 0) -> NDArray[np.float64]:
    """Return the lowest and the highest value each quantile of the grid can have."""
    at = np.asarray(_ordered.GRID) * (side.n - 1)
    floor = np.floor(at).astype(np.intp)
    lower = side.order_statistics(floor + 1, origin)
    upper = side.order_statistics(np.minimum(floor + 2, side.n), origin)
    found: NDArray[np.float64] = lower + (at - floor) * (upper - lower)
    return found


def _limits(
    side: Sketch | SortedSample, confidence: float, origin: Any, worth: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = max(round(worth), 1)
    low, high = _ordered.quantile_ranks(rows, confidence)
    # Of rows that hang together, so many stand for one.
    each = side.n / rows
    first, last = np.floor(low * each).astype(np.intp), np.ceil(high * each).astype(np.intp)
    lower = side.order_statistics(np.clip(first, 1, side.n), origin)[0]
    upper = side.order_statistics(np.clip(last, 1, side.n), origin)[1]
    return np.where(low >= 1, lower, -np.inf), np.where(high <= rows, upper, np.inf)


def _scale(side: Sketch | SortedSample) -> tuple[float, float]:
    """Return the ends between which the robust standard deviation of all the rows lies; 0 where there is none.

    Of most rows being equal, the range of the wider quantiles counts; of nearly all, nothing is a unit.
    """
    last, most, doubtful = side.n - 1, 0.0, False
    for tail, width in _TAILS:
        lower, upper = side.order_statistics(
            np.array([round(tail * last) + 1, round((1 - tail) * last) + 1]), side.ends()[0]
        ).T
        low, high = float(upper[0] - lower[1]) / width, float(upper[1] - lower[0]) / width
        most = max(most, high)
        if low > 0:
            return (0.0 if doubtful else low), most
        doubtful = doubtful or high > 0
    return 0.0, most
