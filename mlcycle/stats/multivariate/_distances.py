"""Have many columns moved together? Energy distance and maximum mean discrepancy, by permutation."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed
from mlcycle.stats.multivariate._finding import JointDrift, Setting, finding, joint_verdict, undecided
from mlcycle.stats.multivariate._pairs import Pairs, distances, energy, kernel_gap, median_distance, separation
from mlcycle.stats.multivariate._points import Points, points_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from numpy.typing import NDArray

    from mlcycle.stats.multivariate._pairs import Gap

__all__ = ["KERNELS", "energy_distance", "mmd"]

KERNELS = ("gaussian", "laplace")
# One normal column moved by so many standard deviations matters, as in `drift`.
_SHIFT = 0.1


def energy_distance(
    reference: Any,
    current: Any,
    *,
    columns: Iterable[Hashable] | None = None,
    groups: tuple[Any, Any] | None = None,
    scale: str = "ranks",
    alpha: float = 0.05,
    margin: float | None = None,
    permutations: int = 999,
    most: int = 2000,
    seed: int = 0,
) -> JointDrift:
    """Test whether two samples of rows differ in anything, by the distances between rows.

    `statistic` is the energy distance ``sqrt(2 E|X - Y| - E|X - X'| - E|Y - Y'|)`` over all pairs of rows (of one
    column with ``scale="none"``: `scipy.stats.energy_distance`). The test permutes its unbiased form. `effect` is the
    coefficient of inhomogeneity, the unbiased squared distance over ``2 E|X - Y|``: 0 for the same distribution, 1 for
    two different constants, about ``d ** 2 / 4`` where every column moves by `d` standard deviations, and that divided
    by the number of columns where one does.

    Parameters
    ----------
    reference, current : DataFrame, Series, Arrow table, ndarray or mapping of columns
        Rows that were, rows that are: tables of any kinds of columns, or embeddings.
    columns : iterable, optional
        The columns to compare; all that both sides have, unless given. Constants, ids and clocks, and columns of mixed
        types are left out and named.
    groups : pair of array-like, optional
        What every row belongs to (a customer, a session), for rows that come in groups; whole groups are permuted.
    scale : {"ranks", "robust", "none"}, default "ranks"
        Numbers as normal scores of their ranks (safe for heavy tails and any units), in robust standard deviations,
        or as they are: for embeddings whose distances mean something. Levels become indicators, nulls too, text its
        length; all learnt from both samples together.
    alpha : float, default 0.05
        The level; the interval has confidence ``1 - alpha``.
    margin : float, optional
        The smallest coefficient that matters; unless given, what one column moved by 0.1 standard deviations makes of
        it, ``0.0025 / columns``.
    permutations : int, default 999
        Random permutations; all of them when there are not more.
    most : int, default 2000
        Rows of a side above which a random part is compared; memory grows with its square (150 MB at the default).
    seed : int, default 0
        For permutations and parts.

    Returns
    -------
    JointDrift

    Raises
    ------
    InvalidInput
        For arguments that cannot be used.
    NotFound
        If a column in `columns` is not in both samples.

    References
    ----------
    Székely and Rizzo (2013), Energy statistics: a class of statistics based on distances, JSPI 143.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> before = rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 300)
    >>> after = rng.normal(size=(300, 2))  # each column as before, but no longer together
    >>> stats.drift(before, after).drifted, stats.energy_distance(before, after).drifted
    (False, True)
    """
    setting = Setting.checked(alpha, margin, permutations)
    rng = np.random.default_rng(check_seed(seed))
    points = points_of(reference, current, columns=columns, groups=groups, scale=scale, most=most, rng=rng)

    def root(pairs: Pairs) -> float:
        return math.sqrt(max(float(energy(pairs.with_themselves())[0]), 0.0))

    return _compared("energy distance", points, distances, energy, root, setting, rng)


def mmd(
    reference: Any,
    current: Any,
    *,
    kernel: str = "gaussian",
    bandwidth: float | str = "median",
    columns: Iterable[Hashable] | None = None,
    groups: tuple[Any, Any] | None = None,
    scale: str = "ranks",
    alpha: float = 0.05,
    margin: float | None = None,
    permutations: int = 999,
    most: int = 2000,
    seed: int = 0,
) -> JointDrift:
    """Test whether two samples of rows differ in anything, by a kernel between rows (maximum mean discrepancy).

    `statistic` is the unbiased ``MMD ** 2 = E k(X, X') + E k(Y, Y') - 2 E k(X, Y)``; `effect` is its share of the first
    two: 0 for the same distribution, 1 for nothing in common, and for shifts about as large as the coefficient of
    `energy_distance`.

    Parameters
    ----------
    kernel : {"gaussian", "laplace"}, default "gaussian"
        ``exp(-d ** 2 / (2 * bandwidth ** 2))`` or ``exp(-d / bandwidth)`` of the Euclidean distance `d`.
    bandwidth : float or "median", default "median"
        In the units that `scale` gives; the median distance between two rows of both samples, unless given.
    reference, current, columns, groups, scale, alpha, margin, permutations, most, seed
        As in `energy_distance`.

    Returns
    -------
    JointDrift

    References
    ----------
    Gretton, Borgwardt, Rasch, Schölkopf and Smola (2012), A kernel two-sample test, JMLR 13.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> before, after = rng.normal(size=(300, 5)), rng.normal(size=(300, 5)) * [1, 1, 1, 1, 1.8]
    >>> stats.mmd(before, after).verdict
    'drifted'
    """
    setting = Setting.checked(alpha, margin, permutations)
    if kernel not in KERNELS:
        raise InvalidInput(f"kernel is one of {', '.join(KERNELS)}, got {kernel!r}")
    width = _width(bandwidth)
    rng = np.random.default_rng(check_seed(seed))
    points = points_of(reference, current, columns=columns, groups=groups, scale=scale, most=most, rng=rng)

    def likeness(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return _likeness(distances(values), kernel, width or median_distance(values, rng))

    return _compared(f"MMD, {kernel}", points, likeness, kernel_gap, None, setting, rng)


def _width(bandwidth: Any) -> float | None:
    if isinstance(bandwidth, str) and bandwidth == "median":
        return None
    if isinstance(bandwidth, bool) or not isinstance(bandwidth, Real) or not 0 < float(bandwidth) < math.inf:
        raise InvalidInput(f"bandwidth is 'median' or a number above 0, got {bandwidth!r}")
    return float(bandwidth)


def _likeness(apart: NDArray[np.float64], kernel: str, width: float) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        apart /= width
        if kernel == "gaussian":
            apart *= apart
            apart /= 2
    np.negative(apart, out=apart)
    return np.exp(apart, out=apart)


def _compared(
    test: str,
    points: Points,
    matrix: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    gap: Gap,
    statistic: Callable[[Pairs], float] | None,
    setting: Setting,
    rng: np.random.Generator,
) -> JointDrift:
    margin = _SHIFT**2 / 4 / max(len(points.columns), 1) if setting.margin is None else setting.margin
    if reason := points.too_few(setting.alpha):
        return undecided(test, points, "coefficient", margin, setting.alpha, reason)
    pairs = Pairs.of(matrix(points.values), points.unit, points.first)
    found = separation(pairs, gap, setting.permutations, rng)
    low, high = found.interval(setting.alpha)
    detectable = found.detectable(*points.units, setting.alpha, margin)
    verdict, note = joint_verdict(found.p, low, high, setting.alpha, margin, detectable)
    if found.least_p > setting.alpha:
        verdict, note = "inconclusive", f"no arrangement of these rows has a p-value below {found.least_p:.2g}"
    return finding(
        points,
        note,
        test=test,
        p=found.p,
        statistic=found.gap if statistic is None else statistic(pairs),
        effect=max(found.share, 0.0),
        low=low,
        high=high,
        unit="coefficient",
        margin=margin,
        detectable=detectable,
        alpha=setting.alpha,
        verdict=verdict,
    )
