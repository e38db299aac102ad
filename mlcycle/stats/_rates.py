"""Proportions: an interval for one, an exact test of two."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_whole
from mlcycle.stats._estimate import Estimate, check_confidence, smallest_detectable, unknown, z_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fisher", "wilson", "wilson_limits"]

# Expected counts from which chi-square is exact enough at any level, and spreads beyond which no table counts.
_EXACT = 1000.0
_FAR = 12.0


def wilson(successes: int, n: int, confidence: float = 0.95) -> Estimate:
    """Return a proportion with Wilson's score interval, which holds at 0, at 1 and for few rows.

    Parameters
    ----------
    successes : int
        Rows that have the property.
    n : int
        Rows in all.
    confidence : float, default 0.95
        Share of intervals that hold the true proportion.

    Raises
    ------
    InvalidInput
        If `successes` is not between 0 and `n`.

    References
    ----------
    Wilson (1927), JASA 22. Recommended by Brown, Cai and DasGupta (2001), Statistical Science 16.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.wilson(8, 10)
    Estimate(0.80, 95 % interval 0.49 to 0.94, n = 10)
    >>> stats.wilson(30, 30).low < 0.9
    True
    """
    confidence, n = check_confidence(confidence), check_whole(n, "n", 0)
    successes = check_whole(successes, "successes", 0)
    if successes > n:
        raise InvalidInput(f"successes lie between 0 and n={n}, got {successes}")
    if n == 0:
        return unknown(math.nan, 0, confidence, "Wilson", "there are no rows")
    low, high = wilson_limits(successes, n, confidence)
    share = successes / n
    # Where all or none succeed the plug-in error is 0; the half width of the interval is the honest scale.
    error = math.sqrt(share * (1 - share) / n) or (high - low) / (2 * z_value(0.5 + confidence / 2))
    return Estimate(share, low, high, confidence, n, error, smallest_detectable(error, confidence), "Wilson")


def wilson_limits(successes: float, n: float, confidence: float) -> tuple[float, float]:
    """Return the limits of Wilson's interval; see `wilson`.

    Those of `scipy.stats.binomtest`, which takes 600 times as long: `drift` asks for thousands.
    """
    if n == 0:
        return 0.0, 1.0
    z, share = z_value(0.5 + confidence / 2), successes / n
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
    return (0.0 if successes == 0 else low), (1.0 if successes == n else high)


def fisher(a: int, n_a: int, b: int, n_b: int) -> tuple[float, str]:
    """Return the two-sided p-value that two proportions are one, and the name of the test.

    Fisher's exact test (1935, The Design of Experiments, chapter 2) while the smallest expected count is below 1 000,
    Pearson's chi-square otherwise. The usual rule of 5 is one for a level of 0.05: with sides of unequal size and an
    expected count of 5, chi-square falls below 0.00005 nine times as often as it may (simulated), and control over many
    columns asks for levels like that. The exact p-value is that of `scipy.stats.fisher_exact`, which takes 10 to 25
    times as long: `drift` asks for it for every null, level and token.

    Examples
    --------
    >>> p, test = fisher(1, 9, 9, 11)
    >>> round(p, 4), test
    (0.0055, 'Fisher exact')
    """
    from scipy import special

    total, hits = n_a + n_b, a + b
    pooled = hits / total
    smallest = min(n_a, n_b) * min(hits, total - hits) / total
    spread = math.sqrt(n_a * n_b / total * pooled * (1 - pooled))
    away = abs(a - n_a * pooled)
    if smallest < _EXACT and away <= _FAR * (spread + 1):
        return _hypergeometric_p(a, n_a, n_b, hits, spread), "Fisher exact"
    return float(
        special.chdtrc(1, (a / n_a - b / n_b) ** 2 / (pooled * (1 - pooled) * (1 / n_a + 1 / n_b)))
    ), "chi-square"


def _hypergeometric_p(a: int, n_a: int, n_b: int, hits: int, spread: float) -> float:
    """Return the chance of a table no likelier than this one; tables too far off to count are not summed."""
    import numpy as np
    from scipy import special

    centre, reach = n_a * hits / (n_a + n_b), 2 * _FAR * (spread + 1)
    first = max(0, hits - n_b, math.floor(centre - reach))
    possible = np.arange(first, min(hits, n_a, math.ceil(centre + reach)) + 1)

    def log_ways(items: int, chosen: NDArray[Any]) -> NDArray[Any]:
        ways: NDArray[Any] = -special.betaln(items - chosen + 1, chosen + 1) - math.log(items + 1)
        return ways

    logs = log_ways(n_a, possible) + log_ways(n_b, hits - possible)
    chances = np.exp(logs - logs.max())
    chances /= chances.sum()
    here = chances[a - first]
    return min(1.0, float(chances[chances <= here * (1 + 1e-7)].sum()))
