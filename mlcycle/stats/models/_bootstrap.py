"""Bootstrap intervals for any measure, and for the difference of two on the same rows."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import Estimate, check_confidence, smallest_detectable, unknown, z_value
from mlcycle.stats.models._units import Units, enough, units_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Measure = Callable[[NDArray[np.int64]], float]

__all__ = [
    "FLAT",
    "METHODS",
    "agreeing",
    "check_resamples",
    "interval",
    "jackknife_parts",
    "level_of",
    "name_of",
    "paired_difference",
    "slopes_of",
    "summarise",
]

METHODS = ("percentile", "bca")
_JACKKNIFE = 200


def interval(
    measure: Measure,
    n: int,
    *,
    groups: ArrayLike | None = None,
    blocks: int | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    method: str = "percentile",
    bounds: tuple[float, float] | None = None,
    rests_on: float | None = None,
) -> Estimate:
    """Return a measure of `n` rows with its bootstrap interval.

    Parameters
    ----------
    measure : callable
        Takes an array of row indices (with repeats) and returns a number; ``nan`` or `ValueError` on a resample
        means it is undefined there (a single class, for example). On all rows an exception is passed on.
    n : int
        Number of rows.
    groups : array-like of shape (n,), optional
        Rows of one group are drawn together: customers, sessions, days.
    blocks : int, optional
        For rows in time order whose errors resemble their neighbours': draw stretches of so many rows (the circular
        block bootstrap). Intervals stay a little narrow, as every cut loses some memory: 93 % for 95 % measured where a
        block is ten times as long as the memory and there are 25 or more, 89 % where it is five times as long. Not
        together with `groups`.
    confidence : float, default 0.95
        Share of intervals that hold the true value.
    resamples : int, default 1000
        How many times to draw.
    seed : int, default 0
        The same seed gives the same draws, for every measure and for `paired_difference`.
    method : {"percentile", "bca"}, default "percentile"
        ``percentile`` is widened for small samples as in Hesterberg (2015), section 3.3; ``bca`` corrects bias
        and skewness (Efron 1987), with the acceleration from at most 200 deleted blocks of rows.
    bounds : (float, float), optional
        Smallest and largest value the measure can take. A bootstrap knows only rows it has seen: without a mistake
        among them it has no width, and with one or two it is too sure. With bounds, every draw of ``percentile`` gives
        up a share of its rows, drawn from Beta(1, n), to rows of the lowest value for the lower limit and of the
        highest for the upper (Gaffke 2005; Learned-Miller and Thomas 2019). Where all rows or none have a property, the
        limit is that of Clopper and Pearson (1934), and a row put right never lowers one. A value of exactly 1 is taken
        to have bounds (0, 1) where every resample gives it.
    rests_on : float, optional
        In how many parts of its range one row can move a measure that is at a bound, where that is not all units: the
        rows of the class for a recall.

    Returns
    -------
    Estimate
        Without limits, and with a reason, when there are too few rows, the measure is mostly undefined, or its
        resamples lie beside its value, as for a measure that takes a row drawn twice for two rows that agree. Where a
        few rare rows carry most of the value, a bootstrap that has seen few of them is too sure: limits at 95 % held
        the root mean squared error of t-distributed errors (3 degrees of freedom, 500 rows) in 76 % of samples.

    Raises
    ------
    InvalidInput
        If an argument is out of range or `groups` does not fit `n`.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 13 and 14. Efron (1987), Better
    bootstrap confidence intervals, JASA 82. Hesterberg (2015), What teachers should know about the bootstrap,
    The American Statistician 69(4). Politis and Romano (1992) and Künsch (1989, Annals of Statistics 17) for blocks.
    Gaffke (2005), Three test statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative variable,
    Mathematical Methods of Statistics 14. Learned-Miller and Thomas (2019), A new confidence interval for the mean of a
    bounded random variable, arXiv 1905.06208.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> x = np.random.default_rng(1).normal(10, 2, size=400)
    >>> found = stats.interval(lambda rows: x[rows].mean(), len(x))
    >>> bool(found.low < 10 < found.high), round(found.standard_error, 1)
    (True, 0.1)
    >>> stats.interval(lambda rows: x[rows].mean(), 3).reason
    '3 rows are too few for an interval; 6 would do'
    """
    confidence, resamples = check_confidence(confidence), check_resamples(resamples, confidence)
    if method not in METHODS:
        raise InvalidInput(f"method is 'percentile' or 'bca', got {method!r}")
    units = units_of(n, groups, blocks)
    if n == 0:
        return unknown(math.nan, 0, confidence, name_of(method, units), "there are no rows")
    value = float(measure(np.arange(n)))
    if units.count < enough(confidence) or math.isnan(value):
        return summarise(value, np.empty(0), units, confidence, method)
    values = np.array([_defined(measure, units.rows(row)) for chunk in units.draws(resamples, seed) for row in chunk])
    slopes = _jackknife(measure, units.apart()) if method == "bca" else None
    behind = None if bounds is None else float(units.count) if rests_on is None else rests_on
    return summarise(value, values, units, confidence, method, slopes=slopes, bounds=bounds, rests_on=behind)


def paired_difference(
    measure_a: Measure,
    measure_b: Measure,
    n: int,
    *,
    groups: ArrayLike | None = None,
    blocks: int | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    method: str = "percentile",
    bounds: tuple[float, float] | None = None,
    rests_on: float | None = None,
) -> Estimate:
    """Return the difference a - b of two measures on the same rows, with its bootstrap interval.

    Both are measured on the same resamples, so what the rows have in common cancels out.

    Parameters
    ----------
    measure_a, measure_b : callable
        As in `interval`.
    n, groups, blocks, confidence, resamples, seed, method
        As in `interval`.
    bounds, rests_on
        As in `interval`, of either measure: rows on which the two may still differ are allowed for.

    Returns
    -------
    Estimate
        When the two agree on every resample and no bounds are given, both limits are that one difference and the reason
        says so.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 8 (paired data).

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> hard = rng.random(500)
    >>> a, b = hard + rng.normal(0.02, 0.05, 500), hard + rng.normal(0, 0.05, 500)
    >>> found = stats.paired_difference(lambda r: a[r].mean(), lambda r: b[r].mean(), 500)
    >>> bool(0 < found.low < found.high < 0.04)
    True
    """

    def difference(rows: NDArray[np.int64]) -> float:
        return float(measure_a(rows)) - float(measure_b(rows))

    found = interval(
        difference,
        n,
        groups=groups,
        blocks=blocks,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        method=method,
        bounds=None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0]),
        rests_on=rests_on,
    )
    return found if found.reason != FLAT else agreeing(found)


FLAT = (
    "every resample gave the same value, so there is no variation to measure; "
    "give bounds=(smallest, largest possible value) for a limit"
)


def agreeing(found: Estimate) -> Estimate:
    """Return a difference that was the same on every resample with that difference as both limits."""
    reason = "the two differ by exactly this on every resample"
    value = found.value
    return Estimate(value, value, value, found.confidence, found.n, 0.0, 0.0, found.method, reason)


def summarise(
    value: float,
    values: NDArray[np.float64],
    units: Units,
    confidence: float,
    method: str,
    *,
    slopes: NDArray[np.float64] | None = None,
    bounds: tuple[float, float] | None = None,
    rests_on: float | None = None,
) -> Estimate:
    """Return the estimate that a set of resampled values stands for; see `interval` for the rules.

    Unless `rests_on` is given, bounds matter only where every value is the same.
    """
    name, need = name_of(method, units), enough(confidence)
    if math.isnan(value):
        return unknown(value, units.n, confidence, name, "the measure is undefined on these rows")
    if units.count < need:
        reason = f"{units.count} {units.what} are too few for an interval; {need} would do"
        return unknown(value, units.n, confidence, name, reason)
    defined = values[np.isfinite(values)]
    lost = len(values) - len(defined)
    reason = f"{lost} of {len(values)} resamples were undefined and left out" if lost else ""
    if 2 * len(defined) < len(values):
        return unknown(value, units.n, confidence, name, f"{reason}; more rows of the rarer class would help")
    error, hair = float(np.std(defined, ddof=1)), 1e-12 * max(1.0, abs(value))
    if _beside(defined, value, hair, confidence):
        return unknown(value, units.n, confidence, name, _BESIDE.format(float(np.median(defined)), value))
    if error <= hair:
        return _without_spread(value, units, confidence, name, bounds, rests_on or units.count)
    low, high = _limits(defined, value, units, confidence, slopes, bounds, rests_on)
    if not low <= value <= high:
        return unknown(value, units.n, confidence, name, _BESIDE.format(float(np.median(defined)), value))
    return Estimate(value, low, high, confidence, units.n, error, smallest_detectable(error, confidence), name, reason)


_BESIDE = (
    "the resamples lie beside the value (around {:.3g}, not {:.3g}): drawing rows twice changes this measure, "
    "so no interval can be given"
)


def _beside(values: NDArray[np.float64], value: float, hair: float, confidence: float) -> bool:
    """Say whether so few values lie on one side of the value that no interval of them would hold it."""
    least = (1 - confidence) / 2 * len(values)
    return bool(min(np.count_nonzero(values <= value + hair), np.count_nonzero(values >= value - hair)) < least)


def _limits(
    values: NDArray[np.float64],
    value: float,
    units: Units,
    confidence: float,
    slopes: NDArray[np.float64] | None,
    bounds: tuple[float, float] | None,
    rests_on: float | None,
) -> tuple[float, float]:
    if bounds is None or rests_on is None:
        if slopes is not None:
            return _bca(values, value, slopes, confidence)
        return _percentile(values, values, units.count, confidence)
    # Evenly spaced shares in a fixed order: draws of their own would add noise, and a limit could rise with a mistake.
    even = (np.arange(len(values)) + 0.5) / len(values)
    shares = 1 - np.random.default_rng(len(values)).permutation(even) ** (1 / rests_on)
    lows, highs = (
        values + shares * np.minimum(bounds[0] - values, 0),
        values + shares * np.maximum(bounds[1] - values, 0),
    )
    low, high = _percentile(lows, highs, units.count, confidence)
    # What a measure without spread at the bound gets, exactly: shares drawn in finite number fall a hair short of it.
    unseen = (bounds[1] - bounds[0]) * (1 - ((1 - confidence) / 2) ** (1 / rests_on))
    return min(low, bounds[1] - unseen), max(high, bounds[0] + unseen)


def check_resamples(resamples: int, confidence: float) -> int:
    """Return the number of resamples if it can carry an interval of this confidence."""
    least = math.ceil(2 / (1 - confidence) - 1e-9)
    if resamples < least:
        raise InvalidInput(f"resamples={resamples} cannot carry a {confidence:g} interval; use at least {least}")
    return int(resamples)


def name_of(method: str, units: Units) -> str:
    """Return how an interval was made, in words."""
    shown = "BCa" if method == "bca" else method
    return f"{shown} bootstrap{units}"


def _defined(measure: Measure, rows: NDArray[np.int64]) -> float:
    # The measure ran on all rows before, so an error here is about this resample (one class only), not about the code.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(measure(rows))
        except (ValueError, ZeroDivisionError):
            return math.nan


def _percentile(
    lows: NDArray[np.float64], highs: NDArray[np.float64], units: int, confidence: float
) -> tuple[float, float]:
    from scipy import special

    t = float(special.stdtrit(units - 1, 0.5 + confidence / 2))
    tail = float(special.ndtr(-math.sqrt(units / (units - 1)) * t))
    return float(np.quantile(lows, tail)), float(np.quantile(highs, 1 - tail))


def _bca(
    values: NDArray[np.float64], value: float, slopes: NDArray[np.float64], confidence: float
) -> tuple[float, float]:
    from scipy import special

    bias, acceleration = _bias_and_acceleration(values, value, slopes)
    z = bias + special.ndtri([0.5 - confidence / 2, 0.5 + confidence / 2])
    low, high = np.quantile(values, special.ndtr(bias + z / (1 - acceleration * z)))
    return float(low), float(high)


def _bias_and_acceleration(
    values: NDArray[np.float64], value: float, slopes: NDArray[np.float64]
) -> tuple[float, float]:
    from scipy import special

    below = (np.count_nonzero(values < value) + 0.5 * np.count_nonzero(values == value)) / len(values)
    bias = float(special.ndtri(np.clip(below, 1 / len(values), 1 - 1 / len(values))))
    spread = float(np.sum(slopes**2) ** 1.5)
    return bias, float(np.sum(slopes**3)) / (6 * spread) if spread > 0 else 0.0


def level_of(
    bound: float, values: NDArray[np.float64], value: float, units: Units, slopes: NDArray[np.float64] | None
) -> float:
    """Return the one-sided level at which the lower limit of `summarise` is at `bound`: a p-value for "at most bound".

    Never below what the number of resamples can tell.
    """
    from scipy import special

    defined = values[np.isfinite(values)]
    z = float(special.ndtri((np.count_nonzero(defined <= bound) + 1) / (len(defined) + 2)))
    if slopes is None:
        return float(special.stdtr(units.count - 1, z * math.sqrt((units.count - 1) / units.count)))
    bias, acceleration = _bias_and_acceleration(defined, value, slopes)
    return float(special.ndtr((z - bias) / (1 + acceleration * (z - bias)) - bias))


def jackknife_parts(units: Units) -> int:
    """Return in how many parts the units are left out, one part at a time."""
    return min(units.count, _JACKKNIFE)


def slopes_of(left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far the measure moves with every part that was left out."""
    left = left[np.isfinite(left)]
    slopes: NDArray[np.float64] = left.mean() - left if len(left) else np.zeros(1)
    return slopes


def _jackknife(measure: Measure, units: Units) -> NDArray[np.float64]:
    kept = units.without(jackknife_parts(units))
    return slopes_of(np.array([_defined(measure, units.rows(picks)) for picks in kept]))


def _without_spread(
    value: float, units: Units, confidence: float, name: str, bounds: tuple[float, float] | None, rests_on: float
) -> Estimate:
    if bounds is None and value == 1.0:
        bounds = (0.0, 1.0)
    if bounds is None:
        return unknown(value, units.n, confidence, name, FLAT)
    low, high = bounds
    if not low <= value <= high:
        raise InvalidInput(f"the measure is {value!r}, outside the bounds ({low!r}, {high!r}) given for it")
    unseen = 1 - ((1 - confidence) / 2) ** (1 / rests_on)
    reason = f"every resample gave the same value; up to {unseen:.2g} of rows like none of these were allowed for"
    moved = value - unseen * (value - low), value + unseen * (high - value)
    seen = smallest_detectable(unseen * max(value - low, high - value) / z_value(0.5 + confidence / 2), confidence)
    return Estimate(value, *moved, confidence, units.n, 0.0, seen, name, reason)
