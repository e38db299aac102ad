"""How often each level of a column occurs: exact for up to 1 000 levels, the commonest with bounds for more.

With many levels at most the 250 commonest stay, each with a lowest and a highest count, and one number says how many
rows a level that is not named can have at most. Merging adds the bounds, so they stay true; as in the summary of Misra
and Gries a part hides at most ``rows / 251`` rows of a level, but the counts kept are exact ones instead of lowered.

References
----------
Misra and Gries (1982), Finding repeated elements, Science of Computer Programming 2. Agarwal et al. (2013), Mergeable
summaries, ACM TODS 38.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from mlcycle.stats.two_sample._sketch import Sketch

__all__ = ["LevelCounts", "closest", "compared"]

_WHOLE = 1000
_KEPT = 250
_LONGEST = 48
# Levels that would be kept by either side but for a deviation of four standard errors are safe from their selection.
_SURE = 4.0


@frozen(eq=False, repr=False)
class LevelCounts:
    """Levels with bounds on their counts.

    Attributes
    ----------
    names : tuple
        Text and numbers; the commonest first.
    low, high : ndarray of shape (k,)
        The lowest and the highest count of each.
    n : int
        Rows with a value.
    missing : int
        The most rows a level has that is not named; 0 when every level is.
    distinct : tuple of int
        The lowest and the highest number of different levels.
    """

    names: tuple[Any, ...]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    n: int
    missing: int
    distinct: tuple[int, int]

    @classmethod
    def of(cls, names: Iterable[Any], counts: NDArray[Any], *, whole: bool = False) -> LevelCounts:
        """Return the record of levels counted once.

        Parameters
        ----------
        names : iterable
            The levels, each once.
        counts : ndarray of int
            Their rows; levels without any are left out.
        whole : bool, default False
            Name every level however many there are: for the side of a comparison that is at hand.

        Examples
        --------
        >>> found = LevelCounts.of(["a", "b", "c"], np.array([2, 0, 5]))
        >>> found.names, found.low.tolist(), found.missing
        (('c', 'a'), [5, 2], 0)
        """
        counts = np.asarray(counts, np.int64)
        used, n = np.flatnonzero(counts), int(counts.sum())
        order = used[np.argsort(-counts[used], kind="stable")]
        size = kept = len(order)
        missing = 0
        if size > _WHOLE and not whole:
            missing = int(counts[order[_KEPT]])
            kept = int(np.count_nonzero(counts > missing))
        known, named = list(names), dict[Any, int]()
        for i in order[:kept]:
            # Two levels may have one name, such as True and "True" among categories.
            named[_name(known[i])] = named.get(_name(known[i]), 0) + int(counts[i])
        low = np.fromiter(named.values(), np.int64, len(named))
        return cls(tuple(named), low, low, n, missing, (size, size))

    @classmethod
    def of_sketch(cls, sketch: Sketch) -> LevelCounts:
        """Return the points of a sketch as levels."""
        low, high = np.maximum(sketch.upto[0] - sketch.below[1], 0), sketch.upto[1] - sketch.below[0]
        gaps = np.append(sketch.below[1], sketch.n) - np.append(0, sketch.upto[0])
        most = sketch.n if int(gaps.max(initial=0)) else len(sketch.points)
        return cls(tuple(sketch.points.tolist()), low, high, sketch.n, int(gaps.max(initial=0)), (len(low), most))

    @property
    def complete(self) -> bool:
        """Whether every level is named with its exact count."""
        return self.missing == 0 and bool(np.array_equal(self.low, self.high))

    def counts_of(self, names: tuple[Any, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the lowest and the highest count of any levels."""
        at = {name: i for i, name in enumerate(self.names)}
        found = np.array([at.get(name, -1) for name in names], np.intp)
        return np.append(self.low, 0)[found], np.append(self.high, self.missing)[found]

    def merge(self, other: LevelCounts) -> LevelCounts:
        """Return the counts of both together.

        Examples
        --------
        >>> found = LevelCounts.of("ab", np.array([2, 1])).merge(LevelCounts.of("bc", np.array([4, 1])))
        >>> dict(zip(found.names, found.low.tolist()))
        {'b': 5, 'a': 2, 'c': 1}
        """
        names = tuple(dict.fromkeys([*self.names, *other.names]))
        (low_a, high_a), (low_b, high_b) = self.counts_of(names), other.counts_of(names)
        low, missing = low_a + low_b, self.missing + other.missing
        fewest = max(self.distinct[0], other.distinct[0], len(names))
        most = self.distinct[1] + other.distinct[1] if missing else len(names)
        order = np.argsort(-(low + high_a + high_b), kind="stable")
        both = LevelCounts(
            tuple(names[i] for i in order), low[order], (high_a + high_b)[order],
            self.n + other.n, missing, (fewest, most),
        )  # fmt: skip
        return both._cut()

    def _cut(self) -> LevelCounts:
        missing, most = self.missing, _KEPT if self.missing else _WHOLE
        if len(self.names) > most:
            missing = max(missing, int(self.high[_KEPT:].max()))
        # A level of no more rows than one that is not named may have is as good as not named.
        kept = np.flatnonzero(self.high > missing)
        low, high = self.low[kept], self.high[kept]
        rest = self.n - int(low.sum())
        return evolve(
            self, names=tuple(self.names[i] for i in kept), low=low, high=np.minimum(high, low + rest),
            missing=min(missing, rest),
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"LevelCounts({self.n} rows, {len(self.names)} levels named, at least {self.distinct[0]} in all)"

    def as_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        slack = {} if np.array_equal(self.low, self.high) else {"slack": (self.high - self.low).tolist()}
        whole = {"n": self.n, "missing": self.missing, "distinct": list(self.distinct)}
        return {"names": list(self.names), "counts": self.low.tolist(), **slack, **whole}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> LevelCounts:
        """Return the record that `as_dict` wrote."""
        low = np.asarray(found["counts"], np.int64)
        high = low + np.asarray(found.get("slack") or np.zeros(len(low)), np.int64)
        if len(found["names"]) != len(low):
            raise ValueError(f"{len(found['names'])} levels, but {len(low)} counts")
        fewest, most = found["distinct"]
        return cls(tuple(found["names"]), low, high, int(found["n"]), int(found["missing"]), (int(fewest), int(most)))


def _name(level: Any) -> Any:
    """Return a level as JSON has it: whole numbers and finite ones as they are, long text with its end as a digest."""
    if isinstance(level, (int, np.integer)) and not isinstance(level, bool):
        return int(level)
    if isinstance(level, (float, np.floating)) and math.isfinite(level):
        return float(level)
    text = str(level)
    if len(text) <= _LONGEST:
        return text
    return f"{text[:24]}…{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:20]}"


def compared(a: LevelCounts, b: LevelCounts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the counts of two samples over levels fit to compare, and over all other levels together as the last.

    When both sides name every level, those are all levels and nothing is left over. Otherwise a level must be so common
    *on both sides together* that either side would have named it whatever the chance division of its rows: were levels
    picked by their count on one side, the pick itself would look like drift. A count that is known within bounds
    is put where the two sides differ least.

    Examples
    --------
    >>> a, b = LevelCounts.of("ab", np.array([3, 1])), LevelCounts.of("ac", np.array([2, 2]))
    >>> [side.tolist() for side in compared(a, b)]
    [[3, 1, 0, 0], [2, 0, 2, 0]]
    """
    names = tuple(dict.fromkeys([*a.names, *b.names]))
    (a_low, a_high), (b_low, b_high) = a.counts_of(names), b.counts_of(names)
    x, y = closest(a_low, a_high, max(a.n, 1), b_low, b_high, max(b.n, 1))
    # The rows it has for certain: with a bound in their place one side's chance count would pick the level again.
    common = a_low + b_low >= max(_sure_total(a.missing, a.n, b.n), _sure_total(b.missing, b.n, a.n))
    if x[common].sum() > a.n or y[common].sum() > b.n:
        common &= (a_low == a_high) & (b_low == b_high)
    x, y = x[common], y[common]
    return np.append(x, a.n - x.sum()), np.append(y, b.n - y.sum())


def closest(
    a_low: NDArray[Any], a_high: NDArray[Any], n: int, b_low: NDArray[Any], b_high: NDArray[Any], m: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return counts within bounds whose shares of `n` and `m` rows differ as little as they can."""
    least, most = np.maximum(a_low / n, b_low / m), np.minimum(a_high / n, b_high / m)
    share = (least + most) / 2
    x, y = np.clip(np.rint(share * n), a_low, a_high), np.clip(np.rint(share * m), b_low, b_high)
    return x.astype(np.int64), y.astype(np.int64)


def _sure_total(missing: int, n: int, m: int) -> float:
    """Return the rows a level has on both sides together, if the side of `n` rows would surely have named it.

    A level of ``t`` rows has ``t n / (n + m)`` of them on that side, give or take ``sqrt(t n m) / (n + m)``.
    """
    if not missing:
        return 0.0
    share = n / (n + m)
    error = _SURE * math.sqrt(1 - share)
    return float(((error + math.sqrt(error**2 + 4 * missing)) / 2) ** 2 / share)
