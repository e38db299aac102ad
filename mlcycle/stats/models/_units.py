"""What is drawn again and again: rows, or whole groups of rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import field, frozen

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Units", "enough", "units_of"]

# Draws of one chunk stay in the second-level cache; larger chunks only save Python calls for small n.
_CHUNK = 1 << 17


@frozen(eq=False)
class Units:
    """The things a bootstrap draws with replacement.

    Attributes
    ----------
    n : int
        Rows.
    count : int
        Units: rows, or groups.
    codes : ndarray of int or None
        The group of every row; ``None`` when rows are drawn.
    """

    n: int
    count: int
    codes: NDArray[np.intp] | None = None
    _order: NDArray[np.intp] | None = field(default=None, alias="order")
    _starts: NDArray[np.intp] | None = field(default=None, alias="starts")
    _sizes: NDArray[np.intp] | None = field(default=None, alias="sizes")

    def draws(self, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
        """Yield arrays of drawn units, one resample a row; the same for every metric with the same seed."""
        rng = np.random.default_rng(seed)
        at_once = max(1, _CHUNK // max(self.count, 1))
        for done in range(0, resamples, at_once):
            yield rng.integers(0, self.count, size=(min(at_once, resamples - done), self.count))

    def rows(self, picks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row indices that belong to the picked units."""
        if self._order is None or self._starts is None or self._sizes is None:
            return picks
        sizes = self._sizes[picks]
        offsets = np.repeat(self._starts[picks] - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes)
        return self._order[offsets + np.arange(sizes.sum())]

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of per-row values in every unit."""
        if self.codes is None:
            return values
        return np.bincount(self.codes, weights=values, minlength=self.count).astype(np.float64)

    def sizes(self) -> NDArray[np.float64] | None:
        """Return the rows in every unit, or ``None`` when each has one."""
        return None if self._sizes is None else self._sizes.astype(np.float64)

    def spread(self, counts: NDArray[Any]) -> NDArray[Any]:
        """Return, for counts per unit (resamples by units), the weight of every row."""
        return counts if self.codes is None else counts[:, self.codes]


def units_of(n: int, groups: ArrayLike | None) -> Units:
    """Return the units of `n` rows: the rows themselves, or the distinct values of `groups`.

    Missing group labels form one group, so that no row is lost.
    """
    if n < 0:
        raise InvalidInput(f"n is a number of rows, got {n}")
    if groups is None:
        return Units(n, n)
    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise InvalidInput(f"groups needs one label per row, shape ({n},), got shape {labels.shape}")
    codes = _codes(labels)
    count = int(codes.max(initial=-1)) + 1
    sizes = np.bincount(codes, minlength=count)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.intp) if count else np.zeros(0, np.intp)
    return Units(n, count, codes, order=np.argsort(codes, kind="stable"), starts=starts, sizes=sizes)


def _codes(labels: NDArray[Any]) -> NDArray[np.intp]:
    if labels.dtype != object:
        return np.unique(labels, return_inverse=True)[1].astype(np.intp)
    import pandas as pd

    codes = pd.factorize(labels)[0]
    return np.where(codes < 0, codes.max(initial=-1) + 1, codes).astype(np.intp)


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
