"""The smallest change of each kind that a test at some level shows with some power."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlcycle.stats._estimate import z_value
from mlcycle.stats.two_sample import _levels, _ordered

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["auc", "levels", "mean", "paired", "proportion", "psi", "shift"]


# For PSI: the fewest rows, and by how much its spread grows with the index.
_ROWS_A_BIN, _GROWTH = 10, 1.5


def shift(n: int, m: int, level: float, power: float, margin: float) -> float:
    """Return the shift of a normal column in standard deviations; with 80 % power that of `detectable_shift`.

    Examples
    --------
    >>> round(shift(1000, 1000, 0.05, 0.8, 0.1), 2)
    0.29
    """
    return _ordered.detectable_shift(n, m, level, 1 - level, margin, power)


def mean(n: int, m: int, level: float, power: float, margin: float) -> float:
    """Return the shift of the mean in standard deviations that a t test shows.

    Examples
    --------
    >>> round(mean(64, 64, 0.05, 0.8, 0.0), 2)
    0.5
    """
    from scipy import special

    freedom, root = n + m - 2, math.sqrt(1 / n + 1 / m)
    critical = float(special.stdtrit(freedom, 1 - level / 2))

    # The noncentral t as a mean over the standard deviations that may come: scipy's own ends in nan far out.
    nodes, weights = np.polynomial.legendre.leggauss(200)
    spreads = np.sqrt(special.chdtri(freedom, (1 + nodes) / 2) / freedom)

    def short(size: float) -> float:
        inside = special.ndtr(critical * spreads - size) - special.ndtr(-critical * spreads - size)
        return float(inside @ weights) / 2 - (1 - power)

    return margin + _solved(short, 10 * critical + 40) * root


def proportion(n: int, m: int, level: float, power: float, margin: float, base: float) -> float:
    """Return the change of a share towards one half that Fisher's exact test shows.

    Examples
    --------
    >>> round(proportion(1000, 1000, 0.05, 0.8, 0.0, 0.1), 3)
    0.042
    """
    start = min(base, 1 - base)
    z, reach, steps = z_value(1 - level / 2), z_value(power), (1 / n + 1 / m) / 2

    def short(size: float) -> float:
        after = start + size
        pooled = (n * start + m * after) / (n + m)
        under_null = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        under_change = math.sqrt(start * (1 - start) / n + max(after * (1 - after), 0.0) / m)
        return margin + z * under_null + reach * under_change + steps - size

    return _solved(short, 1 - start)


def levels(n: int, m: int, level: float, power: float, margin: float, levels: float) -> float:
    """Return the total variation between even levels; with 80 % power that of `detectable_distance`.

    Examples
    --------
    >>> round(levels(1000, 1000, 0.05, 0.8, 0.05, 4), 2)
    0.14
    """
    count = int(levels)
    return _levels.detectable_change(np.full(count, 1 / count), n, m, level, 1 - level, margin, power)


def psi(n: int, m: int, level: float, power: float, margin: float, bins: float = 10) -> float:
    """Return the population stability index whose interval shows it, its near end beyond the margin.

    The noncentral chi-square, and more the larger the index, whose estimate then varies more: by simulation, for levels
    and for numbers that shift gradually from bin to bin. Where few rows of numbers have a density that jumps, 80 % are
    50 to 70 %. Infinite below 10 rows a bin on either side, where the index hangs on the half rows added.

    Examples
    --------
    >>> round(psi(1000, 1000, 0.05, 0.8, 0.0), 3)
    0.038
    """
    size, freedom = n * m / (n + m), int(bins) - 1
    if min(n, m) < _ROWS_A_BIN * bins:
        return math.inf
    found = _noncentrality(freedom, level / 2, power, margin * size) / size
    return margin + (found - margin) * (1 + _GROWTH * found)


def paired(n: int, m: int, level: float, power: float, margin: float, discordant: float) -> float:
    """Return the difference in accuracy of two models that McNemar's test shows.

    Examples
    --------
    >>> round(paired(2000, 2000, 0.05, 0.8, 0.0, 0.1), 3)
    0.02
    """
    z, reach = z_value(1 - level / 2), z_value(power)

    def short(size: float) -> float:
        under_change = math.sqrt(max(discordant - size**2, 0.0))
        # The exact test gives half a row of difference away on either side.
        return margin + (z * math.sqrt(discordant) + reach * under_change) / math.sqrt(n) + 1 / n - size

    return _solved(short, discordant)


def auc(n: int, m: int, level: float, power: float, margin: float, auc: float, prevalence: float) -> float:
    """Return the fall of the area under the curve, towards one half, that two samples show.

    Examples
    --------
    >>> round(auc(1000, 1000, 0.05, 0.8, 0.0, 0.8, 0.3), 2)
    0.07
    """
    z, reach = z_value(1 - level / 2), z_value(power)

    def variance(area: float, rows: int) -> float:
        positive, negative = max(rows * prevalence, 1.0), max(rows * (1 - prevalence), 1.0)
        both, twice = area / (2 - area), 2 * area**2 / (1 + area)
        spread = area * (1 - area) + (positive - 1) * (both - area**2) + (negative - 1) * (twice - area**2)
        return spread / (positive * negative)

    def short(size: float) -> float:
        before = variance(auc, n)
        # The limits are made from what is seen on either side, so both parts have the error under the change.
        error = math.sqrt(before + variance(auc - size, m))
        return margin + (z + reach) * error - size

    return _solved(short, auc - 0.5)


def _noncentrality(freedom: int, level: float, power: float, least: float = 0.0) -> float:
    """Return the noncentrality that a chi-square test of "at most `least`" shows."""
    from scipy import special

    critical = special.chndtrix(1 - level, freedom, least) if least else special.chdtri(freedom, level)
    return float(special.chndtrinc(critical, freedom, 1 - power))


def _solved(short: Callable[[float], float], most: float) -> float:
    """Return where a shortfall that ends below 0 does so for good; infinite when it does not up to `most`."""
    from scipy import optimize

    if short(most) > 0:
        return math.inf
    return float(optimize.brentq(short, 0.0, most, xtol=1e-14, rtol=1e-14)) if short(0.0) > 0 else 0.0
