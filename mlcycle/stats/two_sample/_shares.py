"""Shares of rows that have some mark, on two sides: one mark or many at once, its test, its change and its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.stats._estimate import POWER, z_value
from mlcycle.stats._rates import fisher

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ShareChange", "Shares", "beyond_by_chance", "detectable_share", "wilson_ends"]


@frozen
class ShareChange:
    """The mark whose share of rows changed most, and how far.

    Attributes
    ----------
    at : int
        Which mark: the one with the near end of its interval furthest out, or, where no change is certain, the one
        that changed most.
    before, after : float
        The shares of rows that have it.
    effect, low, high : float
        The change of that share, and the simultaneous interval of the largest change of any mark.
    """

    at: int
    before: float
    after: float
    effect: float
    low: float
    high: float


@frozen(eq=False)
class Shares:
    """How many rows of either side have each of some marks; a row may have several.

    Attributes
    ----------
    reference, current : ndarray of shape (k,)
        Rows that have each mark.
    n, m : int
        Rows looked at on either side.
    """

    reference: NDArray[Any]
    current: NDArray[Any]
    n: int
    m: int

    @classmethod
    def of(cls, reference: Any, n: float, current: Any, m: float, designs: tuple[float, float] = (1.0, 1.0)) -> Shares:
        """Return the shares, each side counted in rows that are worth one: `designs` rows that hang together are."""
        sides = []
        for hits, rows, design in ((reference, n, designs[0]), (current, m, designs[1])):
            worth = max(round(rows / design), 1)
            sides.append((np.minimum(np.rint(np.atleast_1d(hits) / design).astype(np.int64), worth), worth))
        return cls(sides[0][0], sides[1][0], sides[0][1], sides[1][1])

    def test(self) -> tuple[float, str]:
        """Return the p-value that every mark has the same share on both sides, and the name of the test.

        Fisher's exact test or chi-square, Bonferroni over the marks, which holds however they go together. Of many
        marks only the one that differs by most standard errors is tested exactly, so the p-value is no smaller than
        that of all tests.

        Examples
        --------
        >>> p, test = Shares.of([50, 10], 100, [50, 40], 100).test()
        >>> p < 0.001, test
        (True, 'Fisher exact, Bonferroni')
        """
        if not len(self.reference):
            return 1.0, ""
        at = int(np.argmax(np.abs(self._gaps()) / self._errors()))
        hits = int(self.reference[at]), int(self.current[at])
        if sum(hits) in (0, self.n + self.m):
            return 1.0, "Fisher exact"
        p, test = fisher(hits[0], self.n, hits[1], self.m)
        many = len(self.reference)
        return min(1.0, many * p), test if many == 1 else f"{test}, Bonferroni"

    def change(self, confidence: float) -> ShareChange:
        """Return the largest change of a share; Newcombe's interval for each mark, Bonferroni over the marks.

        References
        ----------
        Newcombe (1998), Interval estimation for the difference between independent proportions, Statistics in Medicine
        17, method 10.

        Examples
        --------
        >>> found = Shares.of([50, 10], 100, [50, 40], 100).change(0.95)
        >>> found.at, round(found.effect, 2), round(found.low, 2)
        (1, 0.3, 0.17)
        """
        each = 1 - (1 - confidence) / len(self.reference)
        gap = self._gaps()
        a, b = self.reference / self.n, self.current / self.m
        low_a, high_a = wilson_ends(self.reference, self.n, each)
        low_b, high_b = wilson_ends(self.current, self.m, each)
        low, high = gap - np.hypot(b - low_b, high_a - a), gap + np.hypot(high_b - b, a - low_a)
        near, far = np.maximum(low, -high), np.maximum(np.abs(low), np.abs(high))
        at = int(np.argmax(near)) if near.max() > 0 else int(np.argmax(np.abs(gap)))
        return ShareChange(
            at, float(a[at]), float(b[at]), float(abs(gap[at])), max(float(near.max()), 0.0), min(float(far.max()), 1.0)
        )

    def detectable(self, level: float, margin: float) -> float:
        """Return the change of the worst of the shares that is called drift with 80 % power; see `detectable_share`."""
        pooled = (self.reference + self.current + 1) / (self.n + self.m + 2)
        worst = float(pooled[np.argmin(np.abs(pooled - 0.5))])
        return detectable_share(worst, self.n, self.m, level / len(self.reference), margin)

    def _gaps(self) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self.current / self.m - self.reference / self.n
        return found

    def _errors(self) -> NDArray[np.float64]:
        pooled = (self.reference + self.current + 1) / (self.n + self.m + 2)
        found: NDArray[np.float64] = np.sqrt(pooled * (1 - pooled) * (1 / self.n + 1 / self.m))
        return found


def wilson_ends(hits: NDArray[Any], rows: int, confidence: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the limits of Wilson's interval for each of some counts.

    References
    ----------
    Wilson (1927), JASA 22.

    Examples
    --------
    >>> low, high = wilson_ends(np.array([0, 8]), 10, 0.95)
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.0, 0.49], [0.28, 0.94])
    """
    z, share = z_value(0.5 + confidence / 2), np.asarray(hits) / rows
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return np.where(share <= 0, 0.0, middle - half), np.where(share >= 1, 1.0, middle + half)


def detectable_share(share: float, n: float, m: float, level: float, margin: float, power: float = POWER) -> float:
    """Return the change from a share that is called drift with this power; infinite when there is none up to 1.

    The near end of the interval lies beyond the margin, and the test is significant: the larger of the two needs, with
    the standard error of a share that has moved half of the way to one half.

    Examples
    --------
    >>> round(detectable_share(0.1, 1000, 1000, 0.05, 0.02), 2)
    0.07
    """
    z, reach = z_value(1 - level / 2), z_value(power)
    found = margin
    # The error depends on where the share moves to; the iteration settles within a few steps.
    for _ in range(8):
        after = share + found if share < 0.5 else share - found
        spread = math.sqrt(max(after * (1 - after), share * (1 - share), 1 / min(n, m)) * (1 / n + 1 / m))
        found = margin + (z + reach) * spread
        if found > 1:
            return math.inf
    return found


def beyond_by_chance(k: int, n: int, m: int) -> float:
    """Return the chance that the `k` outermost of all rows fall on the side that has `m` of them, and none among `n`.

    Ties make no difference: rows that lie beyond every row of the other side are outermost together.

    Examples
    --------
    >>> round(beyond_by_chance(2, 2, 2) * 6)  # 1 of 6 divisions of four rows
    1
    """
    if k > m:
        return 0.0
    logs = math.lgamma(m + 1) - math.lgamma(m - k + 1) - math.lgamma(n + m + 1) + math.lgamma(n + m - k + 1)
    return math.exp(min(logs, 0.0))
