"""Every pair of rows weighed once: what two samples have in common, and what they would if rows changed sides."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import POWER, z_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Gap = Callable[["Means"], tuple[NDArray[np.float64], NDArray[np.float64]]]

__all__ = ["Means", "Pairs", "Separation", "distances", "energy", "kernel_gap", "median_distance", "separation"]

# So many labels at once: 64 MB of them.
_AT_ONCE = 8_000_000
# Sums of the same pairs in another order differ by rounding; a tie must stay one.
_TIE = 1e-9


@frozen
class Means:
    """The mean over pairs within the reference, within the current sample, and between the two.

    One value a permutation, or a unit left out.
    """

    reference: NDArray[np.float64]
    current: NDArray[np.float64]
    between: NDArray[np.float64]


def energy(means: Means) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the squared energy distance from mean distances, and its share of twice the distance between.

    That share, the coefficient of inhomogeneity, is 0 for equal distributions and 1 for two different constants.

    References
    ----------
    Székely and Rizzo (2013), Energy statistics: a class of statistics based on distances, JSPI 143, section 5.

    Examples
    --------
    >>> energy(Means(np.array([0.0]), np.array([0.0]), np.array([3.0])))
    (array([6.]), array([1.]))
    """
    within, between = means.reference + means.current, 2 * means.between
    return between - within, _ratio(between - within, between)


def kernel_gap(means: Means) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the squared maximum mean discrepancy from mean kernel values, and its share of the values within.

    References
    ----------
    Gretton et al. (2012), A kernel two-sample test, JMLR 13, lemma 6.

    Examples
    --------
    >>> kernel_gap(Means(np.array([1.0]), np.array([1.0]), np.array([0.0])))
    (array([2.]), array([1.]))
    """
    within, between = means.reference + means.current, 2 * means.between
    return within - between, _ratio(within - between, within)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, 0.0)


def distances(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Euclidean distance between every two rows.

    Examples
    --------
    >>> distances(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist()
    [[0.0, 5.0], [5.0, 0.0]]
    """
    centred = values - values.mean(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", centred, centred)
        found: NDArray[np.float64] = centred @ (-2 * centred.T)
        found += squares[:, None]
        found += squares
    if not np.isfinite(found).all():
        raise InvalidInput("distances between rows are not finite numbers; use scale='ranks', or smaller units")
    np.maximum(found, 0, out=found)
    np.fill_diagonal(found, 0)
    return np.sqrt(found, out=found)


def median_distance(values: NDArray[np.float64], rng: np.random.Generator) -> float:
    """Return the median distance between rows, of whichever side they are; the mean where most rows are alike.

    Of 1 000 rows where there are more.

    Examples
    --------
    >>> median_distance(np.array([[0.0], [1.0], [3.0]]), np.random.default_rng(0))
    2.0
    """
    some = distances(rng.permutation(values)[:1000])
    apart = some[np.triu_indices(len(some), 1)]
    return float(np.median(apart)) or float(apart.mean()) or 1.0


@frozen(eq=False)
class Pairs:
    """Sums of a distance or kernel over the rows of every two units; a unit is a row, or a group of rows.

    Attributes
    ----------
    sums : ndarray of shape (units, units)
        Symmetric.
    sizes : ndarray of shape (units,)
        Rows of every unit.
    first : ndarray of bool, shape (units,)
        Whether a unit is of the reference.
    """

    sums: NDArray[np.float64]
    sizes: NDArray[np.float64]
    first: NDArray[np.bool_]

    @classmethod
    def of(cls, matrix: NDArray[np.float64], unit: NDArray[np.intp], first: NDArray[np.bool_]) -> Pairs:
        """Add up a matrix over the rows of each unit."""
        _, start, at, sizes = np.unique(unit, return_index=True, return_inverse=True, return_counts=True)
        if len(sizes) == len(unit):
            return cls(matrix, np.ones(len(unit)), first)
        member = np.zeros((len(unit), len(sizes)))
        member[np.arange(len(unit)), at] = 1
        return cls(member.T @ (matrix @ member), sizes.astype(np.float64), first[start])

    def means(self, labels: NDArray[np.bool_] | None = None) -> Means:
        """Return the means over pairs of different units, for these sides, or for each column of other labels."""
        z = (self.first[:, None] if labels is None else labels).astype(np.float64)
        inside = np.einsum("ub,ub->b", z, self.sums @ z)
        apart = self.sums.sum(axis=1) @ z - inside
        outside = self.sums.sum() - inside - 2 * apart
        n = self.sizes @ z
        m = self.sizes.sum() - n
        own, squares = np.diag(self.sums), self.sizes**2
        return Means(
            (inside - own @ z) / (n**2 - squares @ z),
            (outside - own @ (1 - z)) / (m**2 - squares @ (1 - z)),
            apart / (n * m),
        )

    def with_themselves(self) -> Means:
        """Return the means over all pairs, of a row with itself too."""
        a, b = self.first, ~self.first
        n, m = self.sizes[a].sum(), self.sizes[b].sum()
        return Means(
            self.sums[np.ix_(a, a)].sum() / n**2, self.sums[np.ix_(b, b)].sum() / m**2,
            self.sums[np.ix_(a, b)].sum() / (n * m),
        )  # fmt: skip

    def left_out(self) -> tuple[Means, Means]:
        """Return the means with each unit of the reference left out in turn, and with each of the current sample."""
        found = self.means()
        a, b = self.first, ~self.first
        reference, between_a = self._without(a)
        current, between_b = self._without(b)
        return Means(reference, found.current, between_a), Means(found.reference, current, between_b)

    def _without(self, side: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        inner, cross, sizes = (
            self.sums[np.ix_(side, side)],
            self.sums[np.ix_(side, ~side)].sum(axis=1),
            self.sizes[side],
        )
        own, other = np.diag(inner), self.sizes[~side].sum()
        pairs = inner.sum() - own.sum() - 2 * (inner.sum(axis=1) - own)
        left = sizes.sum() - sizes
        within = pairs / (left**2 - (np.sum(sizes**2) - sizes**2))
        return within, (cross.sum() - cross) / (left * other)

    def relabelled(self, permutations: int, rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
        """Yield labels as columns, in batches: all there are when they are few, else random ones."""
        units, chosen = len(self.first), int(self.first.sum())
        if self.few(permutations):
            every = np.array(list(itertools.combinations(range(units), chosen)))
            labels = np.zeros((units, len(every)), dtype=bool)
            labels[every.T, np.arange(len(every))] = True
            yield labels
            return
        batch = max(_AT_ONCE // units, 1)
        for made in range(0, permutations, batch):
            rows = np.tile(self.first, (min(batch, permutations - made), 1))
            yield rng.permuted(rows, axis=1).T

    def few(self, permutations: int) -> bool:
        """Whether all ways to choose the reference are at most so many."""
        return math.comb(len(self.first), int(self.first.sum())) <= permutations


@frozen(eq=False)
class Separation:
    """How far apart two samples are.

    Attributes
    ----------
    p : float
        Of the permutation test.
    gap : float
        The unbiased statistic.
    share, error : float
        The coefficient between 0 and 1 (its estimate may lie below), and its standard error.
    chance : ndarray
        The coefficient under permutations.
    least_p : float
        The smallest p-value that was possible.
    """

    p: float
    gap: float
    share: float
    error: float
    chance: NDArray[np.float64]
    least_p: float

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the ends of an interval for the coefficient, of confidence ``1 - alpha``.

        Both ends are taken on the scale of its root, on which the standard error does not grow with the coefficient.
        No error is less than that under permutations, and the root itself is unsure by as much as it would be at 0:
        the jackknife alone gives a sample that looks alike by chance an interval of nothing. The lower end is 0 where
        the test sees no difference.
        """
        z, noise, share = z_value(1 - alpha / 2), float(np.std(self.chance)), max(self.share, 0.0)
        error, root = max(self.error, noise), math.sqrt(share)
        low = max(root - z * error / (2 * root), 0.0) ** 2 if root and self.p <= alpha else 0.0
        unsure = math.sqrt(noise / math.sqrt(2))
        high = max(self.share + z * error, (math.sqrt(share + unsure**2) + z * unsure) ** 2)
        return low, min(max(high, 0.0), 1.0)

    def detectable(self, n: int, m: int, alpha: float, margin: float) -> float:
        """Return the coefficient that is called drift with 80 % power, if it comes from a shift of means.

        For `d` independent normal columns that move by some of their standard deviations, the coefficient `c` is a
        quarter of the mean squared move. With ``s = 1 / n + 1 / m`` its estimate has variance
        ``s ** 2 / (8 * d) + c * s / d``; the first part is that of the permutations, which therefore tell `d`. Infinite
        where even a coefficient of 1 would not be called drift.
        """
        noise, critical = float(np.std(self.chance)), float(np.quantile(self.chance, 1 - alpha))
        growth, z = 8 * noise**2 / (1 / n + 1 / m), z_value(1 - alpha / 2)

        def seen(c: float) -> bool:
            unlucky = c - z_value(POWER) * math.sqrt(noise**2 + c * growth)
            if unlucky <= critical or unlucky <= 0:
                return False
            # The jackknife counts the first part twice (Efron and Stein 1981, Annals of Statistics 9).
            root, error = math.sqrt(unlucky), math.sqrt(2 * noise**2 + unlucky * growth)
            return root - z * error / (2 * root) > math.sqrt(margin)

        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (low, middle) if seen(middle) else (middle, high)
        return high if seen(high) else math.inf


def separation(pairs: Pairs, gap: Gap, permutations: int, rng: np.random.Generator) -> Separation:
    """Test whether the sides of the pairs could as well be swapped, and estimate how far apart they are.

    The p-value is ``(b + 1) / (permutations + 1)``, `b` counting permutations with a statistic at least as large, or
    the share of all permutations when they are few (Phipson and Smyth 2010). The standard error is the jackknife's,
    over units of both sides.

    References
    ----------
    Phipson and Smyth (2010), Permutation p-values should never be zero, SAGMB 9. Arvesen (1969), Jackknifing
    U-statistics, Annals of Mathematical Statistics 40.
    """
    found, share = (float(part.item()) for part in gap(pairs.means()))
    null = [gap(pairs.means(labels)) for labels in pairs.relabelled(permutations, rng)]
    gaps, chance = (np.concatenate(parts) for parts in zip(*null, strict=True))
    tie = _TIE * float(np.abs(pairs.sums).max(initial=0.0))
    large, every = int(np.count_nonzero(gaps >= found - tie)), pairs.few(permutations)
    p = large / len(gaps) if every else (large + 1) / (len(gaps) + 1)
    least = np.count_nonzero(gaps >= gaps.max() - tie) / len(gaps) if every else 1 / (len(gaps) + 1)
    error = math.sqrt(sum(_jackknife(gap(means)[1]) for means in pairs.left_out()))
    return Separation(p, found, share, error, chance, float(least))


def _jackknife(values: NDArray[np.float64]) -> float:
    return float(np.sum((values - values.mean()) ** 2)) * (len(values) - 1) / len(values)
