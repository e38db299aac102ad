"""Calibration error without the bias of its plug-in, with an interval that holds at zero, and a test of none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, frozen

from mlcycle.stats._arguments import check_seed
from mlcycle.stats._estimate import Estimate, check_confidence, smallest_detectable, unknown
from mlcycle.stats._labels import events_of
from mlcycle.stats._simulated import simulated_p
from mlcycle.stats.calibration._bins import Bins, bins_of, mean_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = ["CalibrationError", "calibration_error"]

_FEWEST_A_BIN = 5
_ROWS, _CELLS = 1000, 300
_DRAWS = 1000


@frozen(repr=False)
class CalibrationError:
    """What `calibration_error` found.

    Attributes
    ----------
    error : Estimate
        The debiased error, in units of probability, with its interval.
    plug_in : float
        The same without correction: never 0, and the larger the more bins or the fewer rows.
    by_chance : float
        The plug-in expected of these scores if they were perfectly calibrated.
    p : float
        P-value that the scores are perfectly calibrated: valid at every level for independent rows.
    bins : int
        Bins that hold rows.
    """

    error: Estimate
    plug_in: float
    by_chance: float
    p: float
    bins: int

    def as_dict(self) -> dict[str, Any]:
        """Return everything as nested plain dicts."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.error}; plug-in {self.plug_in:.4f}, of which {self.by_chance:.4f} would come by chance; "
            f"p = {self.p:.2g} for none at all"
        )

    def __repr__(self) -> str:
        return f"CalibrationError({self})"


def calibration_error(
    y: ArrayLike,
    score: ArrayLike,
    *,
    bins: int = 15,
    strategy: str = "quantile",
    labels: ArrayLike | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> CalibrationError:
    """Return how far probabilities are from what happens: the expected calibration error (ECE), debiased.

    That is the mean absolute difference of rate and score over bins of the score, weighted by rows. Within a bin errors
    of opposite sign cancel, so this is a lower bound of the error score by score.

    Parameters
    ----------
    y : array-like of shape (n,)
        Truth with two labels; the greater one is the event.
    score : array-like of shape (n,) or (n, 2)
        Probabilities the event was given.
    bins : int, default 15
        Bins; fewer where scores are tied.
    strategy : {"quantile", "uniform"}, default "quantile"
        Bins of equal size or of equal width.
    labels : array-like, optional
        Both labels, when `y` may hold others than 0 and 1 and lack one.
    confidence : float, default 0.95
        Share of intervals that hold the true error.
    seed : int, default 0
        For the draws behind interval and p-value.

    Returns
    -------
    CalibrationError
        The error is 0 where the plug-in is no larger than chance alone makes it.

    Raises
    ------
    InvalidInput
        For probabilities outside [0, 1], missing values, more than two labels, an unknown strategy.

    Notes
    -----
    The plug-in ``T = sum(w * abs(d))`` of the bins' differences `d` is too large, as noise adds to every `abs`. Let the
    true differences be ``k * d``: the debiased error is ``k * T`` with the `k` at which the expectation of the
    plug-in is the one seen. A limit is the error at which one as large, or as small, comes in ``(1 - confidence) / 2``
    of draws. How much noise adds depends on how the error is spread: the lower limit takes it all to be in the bins
    that are two standard errors off, the upper one takes it to be in all alike. In simulation this removes about two
    thirds of the bias where scores are calibrated, half of it where a few bins of many are wrong, and the intervals
    cover.

    References
    ----------
    Bröcker (2012), Estimating reliability and resolution of probability forecasts through decomposition of the
    empirical score, Climate Dynamics 39, and Roelofs et al. (2022), Mitigating bias in calibration error estimation,
    AISTATS, for the bias.
    Bröcker and Smith (2007), Increasing the reliability of reliability diagrams, Weather and Forecasting 22, for the
    test by drawing the truth from the scores.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> chance = rng.random(2000)
    >>> y = rng.random(2000) < chance
    >>> right, wrong = stats.calibration_error(y, chance), stats.calibration_error(y, chance**2)
    >>> right.error.low, right.p > 0.05, round(right.plug_in, 2)
    (0.0, True, 0.03)
    >>> round(wrong.error.value, 2), wrong.p  # the truth is 1/6
    (0.17, 0.001)
    """
    confidence = check_confidence(confidence)
    positive, chances = events_of(y, score, labels)
    n, found = len(chances), bins_of(positive, chances, bins, strategy)
    name = f"debiased over {len(found.size)} bins of equal {'size' if strategy == 'quantile' else 'width'}"
    if n < _FEWEST_A_BIN * bins:
        reason = f"{n} rows are too few for {bins} bins; {_FEWEST_A_BIN * bins} would do, or fewer bins"
        error = unknown(math.nan, n, confidence, name, reason)
        return CalibrationError(error, math.nan, math.nan, math.nan, len(found.size))
    rng = np.random.default_rng(np.random.SeedSequence(check_seed(seed), spawn_key=(0,)))
    seen = float(np.abs(found.rate - found.score) @ found.size / n)
    drawn = _null(found, chances, rng)
    p = simulated_p(drawn, seen, _DRAWS - 1)
    by_chance = float(drawn(200).mean())
    error = _estimated(found, chances, confidence, name, rng)
    return CalibrationError(error, seen, by_chance, p, len(found.size))


def _null(found: Bins, chances: NDArray[np.float64], rng: np.random.Generator) -> Callable[[int], NDArray[np.float64]]:
    """Return the function that draws plug-ins of perfectly calibrated scores.

    Up to a thousand rows are drawn one by one; of more, those of nearly equal score together.
    """
    order = np.lexsort((chances, found.code))
    n = len(order)
    cell = np.arange(n) * (n if n <= _ROWS else _CELLS) // n
    starts = np.flatnonzero(np.diff(cell, prepend=-1) | np.diff(found.code[order], prepend=-1))
    rows = np.diff(np.append(starts, n))
    chance = np.clip(np.add.reduceat(chances[order], starts) / rows, 0, 1)
    first = np.flatnonzero(np.diff(found.code[order][starts], prepend=-1))

    def draw(size: int) -> NDArray[np.float64]:
        each = rng.random((size, n)) < chance if n <= _ROWS else rng.binomial(rows, chance, size=(size, len(rows)))
        came = np.add.reduceat(each, first, axis=1, dtype=np.float64)
        drawn: NDArray[np.float64] = np.abs(came / found.size - found.score) @ found.size / n
        return drawn

    return draw


def _estimated(
    found: Bins, chances: NDArray[np.float64], confidence: float, name: str, rng: np.random.Generator
) -> Estimate:
    """Return the error, and its limits, that would make plug-ins as large as the one seen: see the notes above."""
    n, tail, apart = len(chances), (1 - confidence) / 2, found.rate - found.score
    seen = float(np.abs(apart) @ found.size / n)
    spread = mean_by(found.code, (chances - found.score[found.code]) ** 2)
    noise = rng.standard_normal((_DRAWS, len(found.size)))

    def error(rate: NDArray[np.float64]) -> NDArray[np.float64]:
        # rows of unequal score vary less than equal ones
        rate = np.clip(rate, 0, 1)
        return np.asarray(np.sqrt(np.maximum(rate * (1 - rate) - spread, 0) / found.size))

    def drawn(apart: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.abs(apart + noise * error(found.score + apart)) @ found.size / n)

    def reached(along: NDArray[np.float64], what: Callable[[Any], Any]) -> float:
        """Return the size of error in this direction at which `what` of the drawn plug-ins is the one seen."""
        size = float(np.abs(along) @ found.size / n)
        return _root(lambda k: float(what(drawn(k * along / size))) - seen) if size > 0 else 0.0

    usual = error((found.rate + found.score) / 2)
    sparse = np.where(np.abs(apart) > 2 * usual, apart, 0.0)
    value = reached(apart, np.mean)
    low = min(value, reached(sparse if sparse.any() else apart, lambda plug_ins: np.quantile(plug_ins, 1 - tail)))
    high = max(value, reached(np.where(apart < 0, -usual, usual), lambda plug_ins: np.quantile(plug_ins, tail)))
    # Of rows in bins without a surprise up to 1 - tail ** (1 / rows) may have one (Clopper and Pearson 1934).
    if rows := int(found.size[(found.rate == 0) | (found.rate == 1)].sum()):
        high += rows / n * (1 - tail ** (1 / rows))
    spread_of_draws = float(drawn(apart * value / seen if seen else apart).std(ddof=1))
    seen_change = smallest_detectable(spread_of_draws, confidence)
    return Estimate(value, low, min(high, 1.0), confidence, n, spread_of_draws, seen_change, name)


def _root(excess: Callable[[float], float]) -> float:
    """Return where a rising function crosses zero in [0, 1], or the end beyond which it would."""
    from scipy import optimize

    if excess(0.0) >= 0:
        return 0.0
    return 1.0 if excess(1.0) <= 0 else float(optimize.brentq(excess, 0.0, 1.0, xtol=1e-6))
