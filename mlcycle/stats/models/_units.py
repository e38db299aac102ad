"""What is drawn again and again: rows, whole groups of rows, or stretches of time."""

from __future__ import annotations

import math
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    Rows = NDArray[np.int64]
    Values = NDArray[np.float64]

__all__ = ["Draws", "Units", "defined", "enough", "units_of"]

# The rows of one chunk stay in the second-level cache; larger chunks only save Python calls for small n.
_CHUNK = 1 << 17


@frozen(eq=False)
class Units:
    """The things a bootstrap draws with replacement: here, rows.

    Attributes
    ----------
    n : int
        Rows.
    count : int
        Units that are told apart: rows, groups, or blocks that do not overlap.
    """

    n: int
    count: int
    what: ClassVar[str] = "rows"

    def __str__(self) -> str:
        return ""

    def draws(self, resamples: int, seed: int) -> Iterator[Draws]:
        """Yield drawn units in chunks; the same for every metric with the same seed."""
        at_once = max(1, _CHUNK // max(self.n, 1))
        among, drawn = self._lots()
        for number, done in enumerate(range(0, resamples, at_once)):
            rng = np.random.default_rng(np.random.SeedSequence(check_seed(seed), spawn_key=(number,)))
            yield Draws(self, rng.integers(0, among, size=(min(at_once, resamples - done), drawn)))

    def _lots(self) -> tuple[int, int]:
        """Return among how many is drawn, and how often for one resample."""
        return self.count, self.count

    def rows(self, picks: Rows) -> Rows:
        """Return the row indices that belong to the picked units of one resample."""
        return picks

    def means(self, values: Values) -> Callable[[Rows], Values]:
        """Return the function from picked units to the mean of per-row values in every resample."""
        return lambda picks: values[picks].sum(axis=1) / picks.shape[1]

    def weights(self, picks: Rows) -> NDArray[Any]:
        """Return how often every row came in every resample, shape (resamples, n), in few bytes."""
        return _counts(picks, self.count)

    def apart(self) -> Units:
        """Return units that do not overlap."""
        return self

    def sums(self, values: Values) -> Values:
        """Return the sum of per-row values in every unit that does not overlap another."""
        return values


@frozen(eq=False)
class _Groups(Units):
    """Whole groups of rows: the group of every row, the rows by group, and where every group begins and ends there."""

    codes: NDArray[np.intp]
    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]
    what: ClassVar[str] = "groups"

    def __str__(self) -> str:
        return f" of {self.count} groups"

    def rows(self, picks: Rows) -> Rows:
        sizes = self.sizes[picks]
        offsets = np.repeat(self.starts[picks] - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes)
        return self.order[offsets + np.arange(sizes.sum())]

    def sums(self, values: Values) -> Values:
        return np.bincount(self.codes, weights=values, minlength=self.count).astype(np.float64)

    def means(self, values: Values) -> Callable[[Rows], Values]:
        sums = self.sums(values)
        return lambda picks: sums[picks].sum(axis=1) / self.sizes[picks].sum(axis=1)

    def weights(self, picks: Rows) -> NDArray[Any]:
        return _counts(picks, self.count)[:, self.codes]


@frozen(eq=False)
class _Blocks(Units):
    """Stretches of `length` rows in time order, the end joined to the beginning; the last one drawn is cut to fit.

    The circular block bootstrap: see `mlcycle.stats.Resampling`.
    """

    length: int

    @property
    def what(self) -> str:  # type: ignore[override]
        """Name the blocks."""
        return f"blocks of {self.length} rows"

    def __str__(self) -> str:
        return f" of {self.what}"

    def _lots(self) -> tuple[int, int]:
        return self.n, -(-self.n // self.length)

    def rows(self, picks: Rows) -> Rows:
        return ((picks[:, None] + np.arange(self.length)).ravel()[: self.n]) % self.n

    def means(self, values: Values) -> Callable[[Rows], Values]:
        passed = np.concatenate(([0.0], np.cumsum(np.concatenate([values, values[: self.length]]))))
        first, last = np.arange(self.n), self.n - self.length * ((self.n - 1) // self.length)
        whole, cut = passed[first + self.length] - passed[first], passed[first + last] - passed[first]
        return lambda picks: (whole[picks[:, :-1]].sum(axis=1) + cut[picks[:, -1]]) / self.n

    def weights(self, picks: Rows) -> NDArray[Any]:
        return np.vstack([_counts(self.rows(row)[None, :], self.n) for row in picks])

    def apart(self) -> Units:
        return units_of(self.n, np.minimum(np.arange(self.n) // self.length, self.count - 1))

    def sums(self, values: Values) -> Values:
        return self.apart().sums(values)


@frozen(eq=False, slots=False)
class Draws:
    """Some resamples, one a row, with the weight of every row worked out once for all metrics that want it."""

    units: Units
    picks: Rows

    def rows(self) -> Iterator[Rows]:
        """Yield the row indices of every resample."""
        return (self.units.rows(picks) for picks in self.picks)

    @cached_property
    def weights(self) -> NDArray[Any]:
        """How often every row came, shape (resamples, n)."""
        return self.units.weights(self.picks)


def units_of(n: int, groups: ArrayLike | None = None, blocks: int | None = None) -> Units:
    """Return the units of `n` rows: the rows, the distinct values of `groups` (all missing ones as one), or blocks."""
    if blocks is not None:
        return _Blocks(n, n // blocks, blocks)
    if groups is None:
        return Units(n, n)
    import pandas as pd

    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise InvalidInput(f"groups needs one label per row, shape ({n},), got shape {labels.shape}")
    codes = pd.factorize(labels, sort=labels.dtype != object, use_na_sentinel=False)[0].astype(np.intp)
    sizes = np.bincount(codes)
    starts = (np.cumsum(sizes) - sizes).astype(np.intp)
    return _Groups(n, len(sizes), codes, np.argsort(codes, kind="stable"), starts, sizes)


def _counts(picks: Rows, count: int) -> NDArray[Any]:
    times = len(picks)
    flat = (picks + count * np.arange(times)[:, None]).ravel() if times > 1 else picks.ravel()
    counts = np.bincount(flat, minlength=count * times).reshape(times, count)
    # A byte a row, as a rule: what is gathered in the order of the scores then stays in the cache.
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))


def enough(confidence: float) -> int:
    """Return the fewest units from which an interval of this confidence can be given: 6 for 95 %, 8 for 99 %.

    Below it even the whole range of the data holds the median less often than asked: ``1 - 2 ** (1 - n)`` is the
    coverage of the sample range (David and Nagaraja 2003, Order Statistics, section 7.1).
    """
    return math.ceil(1 + math.log2(1 / (1 - confidence)) - 1e-9)


def defined(measure: Callable[[Rows], float], rows: Rows) -> float:
    """Return a measure of some rows; ``nan`` where it is undefined there.

    The measure ran on all rows before, so an error here is about these (one class only), not about the code.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(measure(rows))
        except (ValueError, ZeroDivisionError):
            return math.nan
