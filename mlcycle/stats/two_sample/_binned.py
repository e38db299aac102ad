"""Distances between two tables of counts that behave like chi-square: PSI, Jensen-Shannon, Cramér's V."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_share
from mlcycle.stats._estimate import POWER, unknown, z_value
from mlcycle.stats.two_sample._effects import Debiased
from mlcycle.stats.two_sample._one_column import Counts, counts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["cramers_v", "jensen_shannon", "noncentrality", "psi"]

_SPARSE = 5


@frozen(eq=False)
class _Shares:
    """Shares of both sides, and the rows behind them."""

    p: NDArray[np.float64]
    q: NDArray[np.float64]
    n: int
    m: int


@frozen(eq=False)
class _Divergence:
    """A distance `plain`; ``times * n m / (n + m) * plain`` is chi-square when nothing changed.

    `slopes` are its derivatives by the shares of either side, `bias` is what the second derivatives add on average.
    """

    times: float
    plain: float
    slopes: tuple[NDArray[np.float64], NDArray[np.float64]]
    bias: float
    most: float = math.inf


def psi(reference: Any, current: Any, *, bins: int = 10, confidence: float = 0.95) -> Debiased:
    """Return the population stability index, debiased and clipped at 0, with its interval.

    ``sum((q - p) * log(q / p))`` over bins of equal shares of the reference. When nothing changed the plain
    index is ``(bins - 1) * (1 / n + 1 / m)`` on average: with ten bins and 100 rows a side 0.18, which the usual
    thresholds of 0.1 and 0.2 take for a change. `plain` and `bias` are there to be seen. Half a row is added to every
    bin of either side, so that empty bins stay finite.

    Parameters
    ----------
    reference, current : array-like of shape (n,) and (m,)
        Levels; numbers of more than `bins` values are cut at quantiles of the reference. Missing values are left out.
    bins : int, default 10
        Bins for numbers.
    confidence : float, default 0.95
        Share of intervals that hold the true index of these bins. `reason` says where a bin has fewer than 5 rows:
        the index then rests on the half row added.

    Raises
    ------
    InvalidInput
        If a side has no values, or the sides cannot be compared.

    References
    ----------
    Yurdakul (2018), Statistical properties of population stability index, dissertation, Western Michigan University,
    for the chi-square limit. Jeffreys (1946), An invariant form for the prior probability, Proc. Royal Society A 186.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> found = stats.psi(rng.normal(size=200), rng.normal(size=200))
    >>> round(found.plain, 2), round(found.bias, 2), round(found.value, 2), found.low
    (0.09, 0.09, 0.0, 0.0)
    """
    found = counts_of(reference, current, bins)
    return _estimated(found, _psi, confidence, sensitive=True)


def _psi(table: NDArray[np.intp]) -> _Divergence:
    shares = _shares(table + 0.5)
    p, q = shares.p, shares.q
    log = np.log(q / p)
    bias = float(((1 - p) * (1 + q / p)).sum() / (2 * shares.n) + ((1 - q) * (1 + p / q)).sum() / (2 * shares.m))
    # Sparse bins make the second derivatives as unsure as the index; the bias under no change bounds what is taken.
    bias = min(bias, (len(p) - 1) * (1 / shares.n + 1 / shares.m))
    return _Divergence(1.0, float(((q - p) * log).sum()), (1 - q / p - log, 1 - p / q + log), bias)


def jensen_shannon(
    reference: Any, current: Any, *, bins: int = 10, confidence: float = 0.95, distance: bool = False
) -> Debiased:
    """Return the Jensen-Shannon divergence in bits (base 2), debiased and clipped at 0, with its interval.

    0 for equal distributions, 1 for those that share nothing. With ``distance=True`` its square root, a metric; the
    root is taken of the debiased divergence and of the limits.

    Parameters
    ----------
    reference, current : array-like of shape (n,) and (m,)
        Levels; numbers of more than `bins` values are cut at quantiles of the reference. Missing values are left out.
    bins : int, default 10
        Bins for numbers.
    confidence : float, default 0.95
        Share of intervals that hold the true divergence of these bins.
    distance : bool, default False
        Whether to take the square root.

    Raises
    ------
    InvalidInput
        If a side has no values, or the sides cannot be compared.

    References
    ----------
    Lin (1991), Divergence measures based on the Shannon entropy, IEEE Transactions on Information Theory 37. Endres and
    Schindelin (2003), A new metric for probability distributions, same journal 49. Williams (1976), Improved likelihood
    ratio tests for complete contingency tables, Biometrika 63, for small counts.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.jensen_shannon(["a"] * 500 + ["b"] * 500, ["a"] * 300 + ["b"] * 700)
    Debiased(0.030, 95 % interval 0.019 to 0.045, n = 2000; plain 0.03031)
    """
    found = _estimated(counts_of(reference, current, bins), _jensen_shannon, confidence)
    return _root(found) if distance else found


def _jensen_shannon(table: NDArray[np.intp]) -> _Divergence:
    shares = _shares(table)
    p, q = shares.p, shares.q
    both = p + q
    with np.errstate(divide="ignore", invalid="ignore"):
        log_p, log_q = (np.where(side > 0, np.log(2 * side / both), 0.0) for side in (p, q))
    bias = ((1 - p) * q / both).sum() / (4 * shares.n) + ((1 - q) * p / both).sum() / (4 * shares.m)
    bits = math.log(2)
    plain = float((p * log_p + q * log_q).sum()) / 2
    williams = _williams(table)
    slopes = log_p / 2 / bits, log_q / 2 / bits
    return _Divergence(8 * bits / williams, plain / bits, slopes, float(bias) / bits * williams, most=1.0)


def _williams(table: NDArray[np.intp]) -> float:
    """Return by how much the likelihood ratio is larger than its chi-square where counts are small."""
    n, m = table.sum(axis=1)
    total = n + m
    rows, levels = total / n + total / m - 1, (total / table.sum(axis=0)).sum() - 1
    return float(1 + rows * levels / (6 * total * max(table.shape[1] - 1, 1)))


def cramers_v(reference: Any, current: Any, *, bins: int = 10, confidence: float = 0.95) -> Debiased:
    """Return Cramér's V between side and level, bias-corrected and clipped at 0, with its interval.

    0 when levels are as frequent on either side, 1 when the level tells the side. It depends on the ratio of the rows
    of the two sides; the population value meant is the one at this ratio.

    Parameters
    ----------
    reference, current : array-like of shape (n,) and (m,)
        Levels; numbers of more than `bins` values are cut at quantiles of the reference. Missing values are left out.
    bins : int, default 10
        Bins for numbers.
    confidence : float, default 0.95
        Share of intervals that hold the true value.

    Raises
    ------
    InvalidInput
        If a side has no values, or the sides cannot be compared.

    References
    ----------
    Bergsma (2013), A bias-correction for Cramér's V and Tschuprow's T, Journal of the Korean Statistical Society 42.
    Smithson (2003), Confidence Intervals, chapter 4, for limits by the noncentral chi-square.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.cramers_v(["a"] * 500 + ["b"] * 500, ["a"] * 300 + ["b"] * 700)
    Debiased(0.203, 95 % interval 0.160 to 0.248, n = 2000; plain 0.2041)
    """
    counts = counts_of(reference, current, bins)
    return _root(_estimated(counts, _mean_square, confidence))


def _mean_square(table: NDArray[np.intp]) -> _Divergence:
    shares = _shares(table)
    n, m = shares.n, shares.m
    part = n / (n + m)
    pooled = part * shares.p + (1 - part) * shares.q
    gap = (shares.p - shares.q) / pooled
    factor = part * (1 - part)
    slopes = factor * (2 * gap - part * gap**2), factor * (-2 * gap - (1 - part) * gap**2)
    plain = factor * float((gap**2 * pooled).sum())
    total = n + m
    corrected = max(plain - (table.shape[1] - 1) / (total - 1), 0.0) / (1 - 1 / (total - 1)) if total > 2 else 0.0
    return _Divergence(1 / factor, plain, slopes, plain - corrected, most=1.0)


def _shares(table: NDArray[Any]) -> _Shares:
    n, m = table.sum(axis=1)
    return _Shares(table[0] / n, table[1] / m, int(n), int(m))


def _estimated(
    counts: Counts, divergence: Callable[[NDArray[np.intp]], _Divergence], confidence: float, sensitive: bool = False
) -> Debiased:
    """Return the debiased distance with limits from the noncentral chi-square.

    Far from 0 a distance varies more than the noncentral chi-square when the change sits in rare levels; the limits are
    then as far from the value as the delta method says.
    """
    confidence = check_share(confidence, "confidence", 0.95)
    table = counts.table[:, counts.table.sum(axis=0) > 0]
    n, m = (int(side) for side in table.sum(axis=1))
    if min(n, m) < 2:
        raise InvalidInput(f"each side has at least 2 rows with values, got {n} and {m}; 30 or more tell something")
    if table.shape[1] < 2:
        reason = "one level on both sides: nothing tells how far a level not seen yet could move it"
        return Debiased(**unknown(0.0, n + m, confidence, "constant", reason).as_dict(), plain=0.0, bias=0.0)
    found = divergence(table)
    unit = found.times * n * m / (n + m)
    freedom = table.shape[1] - 1
    value = min(max(found.plain - found.bias, 0.0), found.most)
    low, high = (side / unit for side in noncentrality(unit * found.plain, freedom, confidence))
    if _only_by_rare(table, confidence):
        low = 0.0
    p, q = table[0] / n, table[1] / m
    by_reference = _by_cuts(p, q, found.slopes[1]) if counts.cut else found.slopes[0]
    spread = _variance(p, by_reference) / n + _variance(q, found.slopes[1]) / m
    ratio = math.sqrt(max(spread * unit / (4 * found.plain), 1.0)) if found.plain > 0 else 1.0
    low, high = max(value - ratio * max(value - low, 0.0), 0.0), value + ratio * max(high - value, 0.0)
    error = math.sqrt(spread + 2 * freedom / unit**2)
    note = counts.note
    if sensitive and table.min() < _SPARSE:
        high += _beyond_sparse(table, confidence)
        note = "; ".join(filter(None, ["a bin has fewer than 5 rows, take fewer: the index rests on half rows", note]))
    detectable = detectable_noncentrality(freedom, 1 - confidence, POWER) / unit
    return Debiased(
        value,
        low,
        min(high, found.most),
        confidence,
        n + m,
        error,
        detectable,
        "noncentral chi-square",
        note,
        found.plain,
        found.bias,
    )


def _beyond_sparse(table: NDArray[np.intp], confidence: float) -> float:
    """Return how much larger the index is where bins of fewer than 5 rows have their exact Poisson lower limit.

    For an empty bin, which has none, that of one row: a share of 0 would make the index infinite.
    """
    from scipy import special

    fewest = special.gammaincinv(np.maximum(table, 1), (1 - confidence) / 2)
    sparse = (table < _SPARSE) & (
        table / table.sum(axis=1, keepdims=True) < (table[::-1] / table[::-1].sum(axis=1, keepdims=True))
    )
    low = np.where(sparse, fewest, table + 0.5)
    parts = []
    for counts in (low, table + 0.5):
        p, q = counts / table.sum(axis=1, keepdims=True)
        parts.append((q - p) * np.log(q / p))
    return float(np.maximum(parts[0] - parts[1], 0.0).sum())


def _only_by_rare(table: NDArray[np.intp], confidence: float) -> bool:
    """Return whether expected counts are small and Pearson's chi-square, which bears that best, sees no change."""
    from scipy import special

    n, m = table.sum(axis=1)
    totals = table.sum(axis=0)
    if totals.min() * min(n, m) >= _SPARSE * (n + m):
        return False
    squares = ((table[0] - totals * (n / (n + m))) ** 2 / totals).sum() * ((n + m) ** 2 / (n * m))
    return bool(special.chdtr(table.shape[1] - 1, squares) < (1 + confidence) / 2)


def _by_cuts(p: NDArray[np.float64], q: NDArray[np.float64], slopes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the derivatives by the reference where its rows choose the cuts: its shares stay, those of `q` move.

    A cut that moves by a share of the reference moves as much of the current side as is denser there.
    """
    denser = (q[:-1] + q[1:]) / (p[:-1] + p[1:])
    moved = (slopes[:-1] - slopes[1:]) * denser
    return np.append(np.cumsum(moved[::-1])[::-1], 0.0)


def _variance(shares: NDArray[np.float64], slopes: NDArray[np.float64]) -> float:
    mean = float(shares @ slopes)
    return float(shares @ (slopes - mean) ** 2)


def noncentrality(statistic: float, freedom: int, confidence: float) -> tuple[float, float]:
    """Return limits for the noncentrality of a chi-square that came out as `statistic`.

    Below its mean under no change the upper limit stays where it is at the mean: a statistic that is small by chance
    must not make the interval vanish.

    Examples
    --------
    >>> [round(x, 2) for x in noncentrality(20.0, 4, 0.95)]
    [4.08, 37.76]
    """
    from scipy import special

    tail = (1 - confidence) / 2
    if statistic > 10_000:
        # The root of a noncentral chi-square is normal with variance 1; the series for its distribution is slow here.
        root, z = math.sqrt(statistic), z_value(1 - tail)
        return max(root - z, 0.0) ** 2 - (freedom - 1) / 2, (root + z) ** 2 - (freedom - 1) / 2
    low = 0.0
    if special.chdtr(freedom, statistic) > 1 - tail:
        low = float(special.chndtrinc(statistic, freedom, 1 - tail))
    return low, float(special.chndtrinc(max(statistic, freedom), freedom, tail))


def detectable_noncentrality(freedom: int, alpha: float, power: float) -> float:
    """Return the noncentrality at which a chi-square test at level `alpha` has this power.

    Examples
    --------
    >>> round(detectable_noncentrality(1, 0.05, 0.8), 2)
    7.85
    """
    from scipy import special

    return float(special.chndtrinc(special.chdtri(freedom, alpha), freedom, 1 - power))


def _root(found: Debiased) -> Debiased:
    """Return the square root of a distance and of its limits."""
    value, low, high, plain = (math.sqrt(x) for x in (found.value, found.low, found.high, found.plain))
    error = (high - low) / (2 * z_value(0.5 + found.confidence / 2))
    return Debiased(
        value, low, high, found.confidence, found.n, error, math.sqrt(found.detectable), found.method, found.reason,
        plain, plain - value,
    )  # fmt: skip
