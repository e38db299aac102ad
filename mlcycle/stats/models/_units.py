"""What is drawn again and again: rows, whole groups of rows, or stretches of time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Blocks", "Groups", "Units", "enough", "groups_of", "units_of"]

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

    def draws(self, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
        """Yield arrays of drawn units, one resample a row; the same for every metric with the same seed."""
        at_once = self.at_once()
        for number, done in enumerate(range(0, resamples, at_once)):
            yield self.chunk(number, min(at_once, resamples - done), seed)

    def at_once(self) -> int:
        """Return how many resamples one chunk holds."""
        return max(1, _CHUNK // max(self.n, 1))

    def chunk(self, number: int, size: int, seed: int) -> NDArray[np.int64]:
        """Return one chunk of the draws; chunks have generators of their own and may be drawn in any order."""
        rng = np.random.default_rng(np.random.SeedSequence(check_seed(seed), spawn_key=(number,)))
        return rng.integers(0, self.count, size=(size, self.count))

    def rows(self, picks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row indices that belong to the picked units of one resample."""
        return picks

    def means(self, values: NDArray[np.float64]) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
        """Return the function from draws to the mean of per-row values in every resample."""
        return lambda picks: values[picks].sum(axis=1) / picks.shape[1]

    def weights(self, picks: NDArray[np.int64]) -> NDArray[Any]:
        """Return how often every row came in every resample, shape (resamples, n), in few bytes."""
        return _small(_counts(picks, self.count))

    def apart(self) -> Units:
        """Return units that do not overlap, for the jackknife."""
        return self

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of per-row values in every unit that does not overlap another."""
        return values

    def without(self, parts: int) -> Iterator[NDArray[np.int64]]:
        """Yield the units that stay when one of `parts` parts is left out."""
        # Strided parts, so that rows sorted by time or class do not make one part unlike the others.
        everything = np.arange(self.count)
        for part in range(parts):
            yield everything[everything % parts != part]


@frozen(eq=False)
class Groups(Units):
    """Whole groups of rows; `codes` has the group of every row."""

    codes: NDArray[np.intp]
    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]
    what: ClassVar[str] = "groups"

    def __str__(self) -> str:
        return f" of {self.count} groups"

    def rows(self, picks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row indices that belong to the picked groups of one resample."""
        sizes = self.sizes[picks]
        offsets = np.repeat(self.starts[picks] - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes)
        return self.order[offsets + np.arange(sizes.sum())]

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of per-row values in every group."""
        return np.bincount(self.codes, weights=values, minlength=self.count).astype(np.float64)

    def means(self, values: NDArray[np.float64]) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
        """Return the function from draws to the mean of per-row values in every resample."""
        sums = self.sums(values)
        return lambda picks: sums[picks].sum(axis=1) / self.sizes[picks].sum(axis=1)

    def weights(self, picks: NDArray[np.int64]) -> NDArray[Any]:
        """Return how often every row came in every resample."""
        return _small(_counts(picks, self.count))[:, self.codes]


@frozen(eq=False)
class Blocks(Units):
    """Stretches of `length` rows in time order, the end joined to the beginning; the last one drawn is cut to fit.

    References
    ----------
    Künsch (1989), The jackknife and the bootstrap for general stationary observations, Annals of Statistics 17.
    Politis and Romano (1992), A circular block-resampling procedure for stationary data, in Exploring the Limits of
    Bootstrap.
    """

    length: int

    @property
    def what(self) -> str:  # type: ignore[override]
        """Name the blocks."""
        return f"blocks of {self.length} rows"

    def __str__(self) -> str:
        return f" of {self.what}"

    def chunk(self, number: int, size: int, seed: int) -> NDArray[np.int64]:
        """Return first rows of blocks."""
        rng = np.random.default_rng(np.random.SeedSequence(check_seed(seed), spawn_key=(number,)))
        return rng.integers(0, self.n, size=(size, -(-self.n // self.length)))

    def rows(self, picks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row indices of the picked blocks of one resample, as many as there are rows."""
        return ((picks[:, None] + np.arange(self.length)).ravel()[: self.n]) % self.n

    def means(self, values: NDArray[np.float64]) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
        """Return the function from draws to the mean of per-row values in every resample."""
        passed = np.concatenate(([0.0], np.cumsum(np.concatenate([values, values[: self.length]]))))
        first, last = np.arange(self.n), self.n - self.length * ((self.n - 1) // self.length)
        whole, cut = passed[first + self.length] - passed[first], passed[first + last] - passed[first]
        return lambda picks: (whole[picks[:, :-1]].sum(axis=1) + cut[picks[:, -1]]) / self.n

    def weights(self, picks: NDArray[np.int64]) -> NDArray[Any]:
        """Return how often every row came in every resample."""
        return _small(np.stack([np.bincount(self.rows(row), minlength=self.n) for row in picks]))

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of per-row values in every block that does not overlap another."""
        return self.apart().sums(values)

    def apart(self) -> Units:
        """Return blocks that do not overlap, as groups."""
        return groups_of(self.n, np.minimum(np.arange(self.n) // self.length, self.count - 1))


def units_of(n: int, groups: ArrayLike | None = None, blocks: int | None = None) -> Units:
    """Return the units of `n` rows: the rows themselves, the distinct values of `groups`, or blocks of rows."""
    if blocks is not None:
        return Blocks(n, n // blocks, blocks)
    return Units(n, n) if groups is None else groups_of(n, groups)


def groups_of(n: int, groups: ArrayLike) -> Groups:
    """Return the distinct values of `groups` as units; missing ones form one group, so that no row is lost."""
    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise InvalidInput(f"groups needs one label per row, shape ({n},), got shape {labels.shape}")
    codes = _codes(labels)
    count = int(codes.max(initial=-1)) + 1
    sizes = np.bincount(codes, minlength=count)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.intp) if count else np.zeros(0, np.intp)
    return Groups(n, count, codes, np.argsort(codes, kind="stable"), starts, sizes)


def _codes(labels: NDArray[Any]) -> NDArray[np.intp]:
    if labels.dtype != object:
        return np.unique(labels, return_inverse=True)[1].astype(np.intp)
    import pandas as pd

    codes = pd.factorize(labels)[0]
    return np.where(codes < 0, codes.max(initial=-1) + 1, codes).astype(np.intp)


def _counts(picks: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    times = len(picks)
    flat = (picks + count * np.arange(times)[:, None]).ravel() if times > 1 else picks.ravel()
    return np.bincount(flat, minlength=count * times).reshape(times, count)


def _small(counts: NDArray[np.intp]) -> NDArray[Any]:
    # A byte a row, as a rule: what is gathered in the order of the scores then stays in the cache.
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))


def enough(confidence: float) -> int:
    """Return the fewest units from which an interval of this confidence can be given.

    Below it even the whole range of the data holds the median less often than asked: ``1 - 2 ** (1 - n)`` is the
    coverage of the sample range (David and Nagaraja 2003, Order Statistics, section 7.1).

    Examples
    --------
    >>> enough(0.95), enough(0.99)
    (6, 8)
    """
    return math.ceil(1 + math.log2(1 / (1 - confidence)) - 1e-9)
