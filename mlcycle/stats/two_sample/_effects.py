"""How large is the change of one column: quantiles, total variation, and the record of a debiased effect."""

from __future__ import annotations

import math
from typing import Any

from attrs import frozen

from mlcycle.stats._arguments import check_share
from mlcycle.stats._estimate import Estimate, unknown, z_value
from mlcycle.stats._rates import difference_of_rates
from mlcycle.stats.two_sample import _levels, _ordered
from mlcycle.stats.two_sample._one_column import counts_of, finite_numbers

__all__ = ["Debiased", "quantile_shift", "total_variation"]


@frozen(repr=False)
class Debiased(Estimate):
    """An estimate of a distance, beside the plain one that is too large.

    A distance cannot fall below 0, so on the same distribution its plain estimate lies above it, the more so the fewer
    the rows. `value` has that bias taken off and is clipped at 0.

    Attributes
    ----------
    plain : float
        The distance between the two samples as they are.
    bias : float
        What was taken off.
    """

    plain: float = math.nan
    bias: float = math.nan

    def __repr__(self) -> str:
        return f"Debiased({self}; plain {self.plain:.4g})"


def quantile_shift(reference: Any, current: Any, *, confidence: float = 0.95) -> Estimate:
    """Return the largest shift of the 10, 25, 50, 75 and 90 % quantiles, in robust standard deviations.

    The unit is the interquartile range of the reference over 1.349. The interval is simultaneous over the quantiles and
    assumes nothing about the distribution, so it holds more often than `confidence` says.

    Parameters
    ----------
    reference, current : array-like of shape (n,) and (m,)
        Numbers or moments, finite; missing values are left out.
    confidence : float, default 0.95
        Share of intervals that hold the true largest shift.

    Raises
    ------
    InvalidInput
        If a side has no values, infinite ones, or none with an order.

    References
    ----------
    Conover (1999), Practical Nonparametric Statistics, section 3.2; Zou and Donner (2008), Statistics in Medicine 27.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> stats.quantile_shift(rng.normal(size=1000), rng.normal(0.5, size=1000))
    Estimate(0.60, 95 % interval 0.45 to 0.84, n = 2000)
    """
    confidence = check_share(confidence, "confidence", 0.95)
    found = finite_numbers(reference, current)
    a, b = found.reference, found.current
    rows, method = len(a) + len(b), "order statistics, MOVER, Bonferroni"
    if a[0] == a[-1]:
        reason = "the reference is constant, so there is no unit; compare shares with proportions"
        return unknown(0.0 if b[0] == b[-1] == a[0] else math.nan, rows, confidence, method, reason)
    shift = _ordered.quantile_shift(a, b, confidence)
    if not math.isfinite(shift.high):
        needed = _ordered.fewest_rows(1 - confidence, confidence)
        reason = f"too few rows for the outer quantiles: {_enough(confidence)} with values on either side would do"
        if min(len(a), len(b)) < needed:
            return unknown(shift.effect, rows, confidence, method, reason)
        return Estimate(shift.effect, shift.low, math.inf, confidence, rows, math.nan, math.inf, method, reason)
    detectable = _ordered.detectable_shift(len(a), len(b), 1 - confidence, confidence, 0.0)
    error = (shift.high - shift.effect) / z_value(0.5 + confidence / 2)
    return Estimate(
        shift.effect, shift.low, shift.high, confidence, rows, error, detectable, method, found.note
    )  # fmt: skip


def _enough(confidence: float) -> int:
    """Return the rows from which the interval of the 10 % quantile is bounded on both sides."""
    tail = (1 - confidence) / 2 / len(_ordered.GRID)
    return math.ceil(math.log(tail) / math.log(1 - min(_ordered.GRID)))


def total_variation(reference: Any, current: Any, *, bins: int = 10, confidence: float = 0.95) -> Debiased:
    """Return the share of rows that would have to change their level, debiased and clipped at 0.

    Parameters
    ----------
    reference, current : array-like of shape (n,) and (m,)
        Levels; numbers of more than `bins` values are cut at quantiles of the reference. Missing values are left out.
    bins : int, default 10
        Bins for numbers.
    confidence : float, default 0.95
        Share of intervals that hold the true distance. Where both sides have one level only, the upper limit is that of
        a second level that no row of either side showed (Newcombe 1998).

    Raises
    ------
    InvalidInput
        If a side has no values, or the sides cannot be compared.

    References
    ----------
    Leone, Nelson and Nottingham (1961), The folded normal distribution, Technometrics 3, for the bias.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.total_variation(["a"] * 500 + ["b"] * 500, ["a"] * 400 + ["b"] * 600)
    Debiased(0.100, 95 % interval 0.057 to 0.143, n = 2000; plain 0.1)
    """
    confidence = check_share(confidence, "confidence", 0.95)
    found = counts_of(reference, current, bins)
    table = found.table
    n, m = (int(side) for side in table.sum(axis=1))
    if table.shape[1] < 2:
        high = difference_of_rates(0, n, 0, m, confidence)[2]
        error, reason = high / z_value(0.5 + confidence / 2), "one level on both sides"
        return Debiased(0.0, 0.0, high, confidence, n + m, error, math.nan, "Newcombe", reason, 0.0, 0.0)
    distance = _levels.total_variation(table, confidence)
    plain = float(abs(table[0] / n - table[1] / m).sum()) / 2
    error = (distance.high - plain) / z_value(0.5 + confidence / 2)
    detectable = _levels.detectable_distance(table, 1 - confidence, confidence, 0.0)
    return Debiased(
        distance.effect, distance.low, distance.high, confidence, n + m, error, detectable, "folded normal", found.note,
        plain, plain - distance.effect,
    )  # fmt: skip
