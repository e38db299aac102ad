"""Two samples of levels: contingency test, total variation with its interval, and levels never seen before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.stats._estimate import POWER, z_value
from mlcycle.stats._rates import fisher, wilson_limits
from mlcycle.stats._simulated import simulated_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Distance",
    "detectable_change",
    "detectable_distance",
    "level_test",
    "pooled_levels",
    "total_variation",
    "unseen_excess",
    "unseen_levels",
]

_EXPECTED = 5.0
# Below an expected count of _SURE the tail of chi-square is not believed between these p-values.
_SURE = 30.0
_CLOSE, _NEVER_CLOSE = 0.01, 1e-9
_ALWAYS = 20
_CHI_SQUARE_MEDIAN = 0.4549


@frozen
class Distance:
    """A share between 0 and 1 with its interval."""

    effect: float
    low: float
    high: float


def pooled_levels(reference: NDArray[Any], current: NDArray[Any], most: int = 100) -> NDArray[np.intp]:
    """Return counts as a table of two rows, with rare levels pooled into one last column.

    The 20 commonest levels always stay; of the others those with an expected count of at least 5 on the smaller side,
    up to `most` in all. Only totals over both sides decide, and levels of equal total stay or go together, so a
    permutation of the rows leaves the pooling as it is: ties broken by appearance would favour the reference.

    Examples
    --------
    >>> pooled_levels(np.array([50, 40, 1, 2]), np.array([45, 50, 1, 0])).tolist()
    [[50, 40, 1, 2], [45, 50, 1, 0]]
    >>> pooled_levels(np.full(500, 2), np.full(500, 2)).sum(axis=1).tolist()
    [1000, 1000]
    """
    table = np.stack([reference, current]).astype(np.intp)
    totals, sides = table.sum(axis=0), table.sum(axis=1)
    table, totals = table[:, totals > 0], totals[totals > 0]
    if len(totals) <= _ALWAYS:
        return table
    common = totals * sides.min() / sides.sum() >= _EXPECTED
    kept = _top(totals, _ALWAYS) | (common & _top(totals, most))
    if np.count_nonzero(~kept) < 2:
        return table
    return np.column_stack([table[:, kept], table[:, ~kept].sum(axis=1)])


def _top(totals: NDArray[np.intp], most: int) -> NDArray[np.bool_]:
    """Return which levels are among the `most` commonest, leaving out those tied for the last place."""
    if len(totals) <= most:
        return np.ones(len(totals), dtype=np.bool_)
    top: NDArray[np.bool_] = totals > np.sort(totals)[-most - 1]
    return top


def level_test(table: NDArray[np.intp], draws: int, rng: np.random.Generator) -> tuple[float, str]:
    """Return the p-value that both rows of a table of counts come from one distribution, and the name of the test.

    Two levels get `fisher`. For more, Pearson's chi-square, or its permutation distribution (both margins fixed, up to
    `draws` random tables, see `simulated_p`) when an expected count is below 5, and also
    below 30 where chi-square finds the table striking: with sides of 200 and 5 000 rows and an expected count of 5 it
    falls below 0.0002 nearly three times as often as it may (simulated).

    References
    ----------
    Pearson (1900), Philosophical Magazine 50; Cochran (1954), Biometrics 10, for the rule of 5.

    Examples
    --------
    >>> p, test = level_test(np.array([[50, 30, 20], [30, 30, 40]]), 999, np.random.default_rng(0))
    >>> round(p, 4), test
    (0.0029, 'chi-square')
    """
    from scipy import special

    n, m = (int(side) for side in table.sum(axis=1))
    levels = table.shape[1]
    if levels < 2:
        return 1.0, "chi-square"
    if levels == 2:
        return fisher(int(table[0, 0]), n, int(table[1, 0]), m)
    totals = table.sum(axis=0)
    found = float(_chi_square(table[0], totals, n, m))
    p = float(special.chdtrc(levels - 1, found))
    least = totals.min() * min(n, m) / (n + m)
    if least >= _SURE or (least >= _EXPECTED and not _NEVER_CLOSE < p < _CLOSE):
        return p, "chi-square"

    def simulate(size: int) -> NDArray[np.float64]:
        return _chi_square(rng.multivariate_hypergeometric(totals, n, size=size), totals, n, m)

    return simulated_p(simulate, found, draws), "chi-square permutation"


def _chi_square(reference: NDArray[Any], totals: NDArray[Any], n: int, m: int) -> NDArray[np.float64]:
    # With both margins fixed the two rows deviate by the same amount, so one row says it all.
    expected = totals * (n / (n + m))
    squares: NDArray[np.float64] = ((reference - expected) ** 2 / totals).sum(axis=-1) * ((n + m) ** 2 / (n * m))
    return squares


def total_variation(table: NDArray[np.intp], confidence: float = 0.95) -> Distance:
    """Return the total variation between two rows of counts, debiased, with its interval.

    Total variation is the share of rows that would have to change level. The plain estimate is too large, for equal
    distributions by ``sum(sqrt(2 v / pi)) / 2`` (the mean of a folded normal, `v` the variance of a difference of two
    proportions), and by less the more a level really differs. Each level is corrected by the folded-normal bias
    at what it surely differs by: its own difference shrunk by twice its variance, or that of the median level.

    The near limit takes off the bias of levels that hardly differ (two standard errors less than seen), the far limit
    none, so the interval is wide rather than wrong where many levels each move a little. The standard error
    is that of the change in probability of the set of levels that grew.

    References
    ----------
    Leone, Nelson and Nottingham (1961), The folded normal distribution, Technometrics 3, for the mean.

    Examples
    --------
    >>> found = total_variation(np.array([[500, 300, 200], [400, 300, 300]]))
    >>> round(found.effect, 2), found.low > 0.05
    (0.1, True)
    """
    table = table[:, table.sum(axis=0) > 0]
    n, m = (int(side) for side in table.sum(axis=1))
    p, q = table[0] / n, table[1] / m
    gap = q - p
    pooled = (table[0] + table[1]) / (n + m)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    z = np.abs(gap) / spread
    plain = float(np.abs(gap).sum() / 2)
    typical = float(np.median(z**2)) / _CHI_SQUARE_MEDIAN - 1
    effect = plain - _bias(np.sqrt(np.maximum(z**2 - 2, max(typical, 0.0))), spread)
    grew = gap > 0
    a, b = float(p[grew].sum()), float(q[grew].sum())
    # A tenth of an observation keeps the error above 0 when the two share no level at all.
    error = math.sqrt(max(a * (1 - a), 0.1 / n) / n + max(b * (1 - b), 0.1 / m) / m)
    half = z_value(0.5 + confidence / 2) * error
    near = plain - _bias(np.maximum(z - 2, 0.0), spread) - half
    return Distance(min(max(effect, 0.0), 1.0), max(near, 0.0), min(plain + half, 1.0))


def _bias(true: NDArray[np.float64], spread: NDArray[np.float64]) -> float:
    """Return how much too large the plain total variation is when levels differ by `true` standard errors."""
    from scipy import special

    folded = math.sqrt(2 / math.pi) * np.exp(-(true**2) / 2) + true * (1 - 2 * special.ndtr(-true))
    return float(((folded - true) * spread).sum()) / 2


def unseen_levels(reference: NDArray[Any], current: NDArray[Any], draws: int, rng: np.random.Generator) -> float:
    """Return the p-value of the rows whose level the reference never had.

    A rare level may well be missing from one half of the same data, so the count is compared with a random
    division of all rows: a level with `c` rows is missing from the reference with probability
    ``comb(N - c, n) / comb(N, n)``. Levels are drawn as if independent; they are negatively associated, so the p-value
    is conservative. What is too far off for any of the draws gets Chernoff's bound.

    References
    ----------
    Good (1953), The population frequencies of species, Biometrika 40 (missing mass); Joag-Dev and Proschan (1983),
    Negative association of random variables, Annals of Statistics 11 (permutation distributions). Chernoff (1952),
    Annals of Mathematical Statistics 23, for the bound on the tail of a sum.

    Examples
    --------
    >>> unseen_levels(np.array([60, 40, 0]), np.array([50, 40, 10]), 999, np.random.default_rng(0)) <= 0.005
    True
    """
    found = int(current[reference == 0].sum())
    if found == 0 or not reference.sum():
        return 1.0
    sizes, levels, missing = _missing(reference, current)
    likely = missing > 1e-9

    def simulate(size: int) -> NDArray[Any]:
        times = rng.binomial(levels[likely], missing[likely], size=(size, int(likely.sum())))
        rows: NDArray[Any] = times @ sizes[likely]
        return rows

    return min(simulated_p(simulate, found, draws), _chernoff(found, sizes, levels, missing))


def _chernoff(found: int, sizes: NDArray[Any], levels: NDArray[Any], missing: NDArray[np.float64]) -> float:
    """Return a bound on the chance that levels which go missing, each by itself, have so many rows together."""
    # Any tilt gives a bound; exponents up to 600 are as far as floats go.
    tilts = (np.geomspace(1e-3, 600, 80) / sizes.max())[:, None]
    logs = (levels * np.log1p(missing * np.expm1(tilts * sizes))).sum(axis=1) - tilts[:, 0] * found
    return float(np.exp(min(logs.min(), 0.0)))


def unseen_excess(reference: NDArray[Any], current: NDArray[Any], confidence: float = 0.95) -> Distance:
    """Return the share of rows with a level the reference never had, above what the division alone brings.

    Wilson's interval of the share, less what `unseen_levels` expects of a random division.

    Examples
    --------
    >>> round(unseen_excess(np.array([60, 40, 0]), np.array([50, 40, 10])).effect, 2)
    0.1
    """
    m = int(current.sum())
    found = int(current[reference == 0].sum())
    sizes, levels, missing = _missing(reference, current)
    expected = float((sizes * levels * missing).sum()) / m
    low, high = wilson_limits(found, m, confidence)
    # What is left of two equal shares is rounding.
    return Distance(*(share - expected if share - expected > 1e-12 else 0.0 for share in (found / m, low, high)))


def _missing(
    reference: NDArray[Any], current: NDArray[Any]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return sizes of levels over both sides, how many have that size, and the chance that the reference has none."""
    from scipy import special

    n, m = int(reference.sum()), int(current.sum())
    sizes, levels = np.unique((reference + current)[(reference + current) > 0], return_counts=True)
    sizes, levels = sizes[sizes <= m], levels[sizes <= m]
    logs = special.gammaln(n + m - sizes + 1) - special.gammaln(m - sizes + 1)
    return sizes, levels, np.exp(np.minimum(logs - special.gammaln(n + m + 1) + special.gammaln(m + 1), 0.0))


def detectable_distance(table: NDArray[np.intp], alpha: float, confidence: float, margin: float) -> float:
    """Return the total variation from a table like this that is called drift with 80 % power; see `detectable_change`.

    Examples
    --------
    >>> round(detectable_distance(np.full((2, 4), 250), 0.05, 0.95, 0.05), 2)
    0.14
    """
    n, m = (int(side) for side in table.sum(axis=1))
    return detectable_change(table.sum(axis=0) / (n + m), n, m, alpha, confidence, margin)


def detectable_change(
    shares: NDArray[np.float64], n: int, m: int, alpha: float, confidence: float, margin: float, power: float = POWER
) -> float:
    """Return the total variation between levels of these shares that is called drift with this power.

    The larger of what the chi-square test needs (for a shift spread evenly over the levels, where total variation is
    half of Cohen's w) and what the interval needs (its near end beyond the margin, with all of the bias taken off,
    which is more than is taken off a change this large: the power is rather higher).

    References
    ----------
    Cohen (1988), Statistical Power Analysis, chapter 7.
    """
    from scipy import special

    freedom, root = max(len(shares) - 1, 1), math.sqrt(1 / n + 1 / m)
    noncentral = float(special.chndtrinc(special.chdtri(freedom, alpha), freedom, 1 - power))
    bias = _bias(np.zeros(len(shares)), np.sqrt(shares * (1 - shares)) * root)
    by_interval = margin + bias + (z_value(0.5 + confidence / 2) + z_value(power)) * root / 2
    found = max(math.sqrt(noncentral) * root / 2, by_interval)
    return found if found <= 1 else math.inf
