"""Intervals of common metrics by weights: a thousand resamples without calling the metric a thousand times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import Estimate, check_confidence, unknown
from mlcycle.stats._labels import check_pair
from mlcycle.stats.models._bootstrap import (
    FLAT,
    METHODS,
    agreeing,
    check_resamples,
    jackknife_parts,
    level_of,
    name_of,
    slopes_of,
    summarise,
)
from mlcycle.stats.models._resampled_metrics import Draws, Part, ResampledMetric, metric_named
from mlcycle.stats.models._units import Units, enough, units_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Resampled", "metric_difference", "metric_interval", "resample"]


def metric_interval(
    y: ArrayLike,
    prediction: ArrayLike,
    metric: str,
    *,
    labels: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    blocks: int | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    method: str = "percentile",
) -> Estimate:
    """Return a metric of predictions with its bootstrap interval, fast.

    The draws, and so the limits, are those of `interval` with the same seed.

    Parameters
    ----------
    y : array-like of shape (n,)
        The truth.
    prediction : array-like of shape (n,) or (n, k)
        Labels for ``accuracy``, scores for ``roc_auc``, probabilities (of the greater label, or one column a
        label in sorted order) for ``log_loss`` and ``brier``, numbers for ``mae``, ``mse`` and ``rmse``.
    metric : str
        One of those, or scikit-learn's name for it; with ``neg_`` in front the sign is turned, as its scorers do.
    labels : array-like, optional
        All labels, when `y` may lack some.
    groups, blocks, confidence, resamples, seed, method
        As in `interval`.

    Returns
    -------
    Estimate
        A perfect accuracy or AUC gets an exact limit instead of an interval of no width: with `k` rows (for AUC, of the
        rarer class) all right, the true value is above ``((1 - confidence) / 2) ** (1 / k)`` (Clopper and Pearson 1934;
        for AUC because `k` disjoint pairs were all in order).

    Raises
    ------
    InvalidInput
        For shapes that do not fit, missing values, probabilities outside [0, 1] or not summing to one, an unknown
        metric.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 20 (resampling vectors). Mann and Whitney
    (1947), Annals of Mathematical Statistics 18, for the area as a count of pairs, ties one half.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 500)
    >>> stats.metric_interval(y, y + rng.normal(size=500), "roc_auc")
    Estimate(0.727, 95 % interval 0.683 to 0.769, n = 500)
    """
    found = resample(
        y,
        [prediction],
        metric,
        labels=labels,
        groups=groups,
        blocks=blocks,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        method=method,
    )
    return found.estimate(0)


def metric_difference(
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    metric: str,
    *,
    labels: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    blocks: int | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    method: str = "percentile",
) -> Estimate:
    """Return the metric of `a` minus that of `b` on the same rows, with its paired bootstrap interval.

    Parameters
    ----------
    y : array-like of shape (n,)
        The truth.
    a, b : array-like
        Predictions of the two models, as in `metric_interval`.
    metric, labels, groups, blocks, confidence, resamples, seed, method
        As in `metric_interval`.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> y, seen = rng.normal(size=(2, 400))
    >>> stats.metric_difference(y, 0.9 * y, 0.8 * y, "mae").high < 0
    True
    """
    found = resample(
        y,
        [a, b],
        metric,
        labels=labels,
        groups=groups,
        blocks=blocks,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        method=method,
    )
    return found.difference(0, 1)


@frozen(eq=False)
class Resampled:
    """One metric of some predictions, all on the same resamples.

    Attributes
    ----------
    metric : ResampledMetric
        What was measured.
    units : Units
        What was drawn.
    parts : tuple of Part
        One a prediction.
    values : ndarray of shape (predictions, resamples)
        The metric of every prediction on every resample.
    left : ndarray of shape (predictions, parts left out) or None
        The same with parts of the rows left out, for BCa.
    confidence : float
        Of the intervals.
    """

    metric: ResampledMetric
    units: Units
    parts: tuple[Part, ...]
    values: NDArray[np.float64]
    left: NDArray[np.float64] | None
    confidence: float

    def estimate(self, which: int) -> Estimate:
        """Return the metric of one prediction with its interval."""
        part, left = self.parts[which], None if self.left is None else self.left[which]
        bounds = None if part.exact is None else (0.0, 1.0) if part.sign > 0 else (-1.0, 0.0)
        found = self._summarised(part.value, self.values[which], left, part.exact, bounds)
        if bounds is None or not found.conclusive:
            return found
        # A model with a mistake must not come out surer than one without: no limit beyond that of a perfect value.
        unseen = 1 - ((1 - self.confidence) / 2) ** (1 / min(self.units.count, part.exact or self.units.count))
        return evolve(found, low=min(found.low, bounds[1] - unseen), high=max(found.high, bounds[0] + unseen))

    def difference(self, one: int, other: int) -> Estimate:
        """Return the metric of one prediction minus that of another, with its interval."""
        value, values, left = self._apart(one, other)
        exact = self.parts[one].exact
        bounds = None if exact is None else (-1.0, 1.0)
        found = self._summarised(value, values, left, exact, bounds)
        return agreeing(found) if found.reason == FLAT else found

    def p_at_most(self, one: int, other: int, bound: float) -> float:
        """Return the p-value that the difference is at most `bound`: the level at which its lower limit is there."""
        found = self.difference(one, other)
        if not found.conclusive:
            return math.nan
        if found.low == found.high:
            return float(found.value <= bound)
        if found.standard_error == 0:
            worth = self.units.count if (exact := self.parts[one].exact) is None else min(self.units.count, exact)
            room = max(found.value - bound, 0.0) / (2.0 if found.value else 1.0)
            return max(1 - room, 0.0) ** worth
        value, values, left = self._apart(one, other)
        return level_of(bound, values, value, self.units, None if left is None else slopes_of(left))

    def _apart(self, one: int, other: int) -> tuple[float, NDArray[np.float64], NDArray[np.float64] | None]:
        left = None if self.left is None else self.left[one] - self.left[other]
        return self.parts[one].value - self.parts[other].value, self.values[one] - self.values[other], left

    def _summarised(
        self,
        value: float,
        values: NDArray[np.float64],
        left: NDArray[np.float64] | None,
        exact: int | None,
        bounds: tuple[float, float] | None,
    ) -> Estimate:
        units, method = self.units, "percentile" if self.left is None else "bca"
        need = enough(self.confidence)
        if exact is not None and 0 < exact < need <= units.count:
            reason = f"{exact} rows of the rarer label are too few for an interval; {need} would do"
            return unknown(value, units.n, self.confidence, name_of(method, units), reason)
        if exact:
            units = evolve(units, count=min(units.count, exact))
        slopes = None if left is None else slopes_of(left)
        found = summarise(value, values, units, self.confidence, method, slopes=slopes, bounds=bounds)
        return evolve(found, method=name_of(method, self.units))


def resample(
    y: ArrayLike,
    predictions: Sequence[ArrayLike],
    metric: str,
    *,
    labels: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    blocks: int | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    method: str = "percentile",
) -> Resampled:
    """Measure every prediction on the same resamples; see `metric_interval` for the parameters."""
    if method not in METHODS:
        raise InvalidInput(f"method is 'percentile' or 'bca', got {method!r}")
    resamples = check_resamples(resamples, check_confidence(confidence))
    chosen, pairs = metric_named(metric), [check_pair(y, guess) for guess in predictions]
    units = units_of(len(pairs[0][0]), groups, blocks)

    def parts_over(units: Units) -> tuple[Part, ...]:
        return tuple(chosen.part(truth, guess, labels, units) for truth, guess in pairs)

    parts = parts_over(units)
    if units.count < 2:
        return Resampled(chosen, units, parts, np.empty((len(parts), 0)), None, confidence)
    values = np.hstack([_measured(parts, units, picks) for picks in units.draws(resamples, seed)])
    left = None
    if method == "bca":
        apart = units.apart()
        steady = parts if apart is units else parts_over(apart)
        kept = apart.without(jackknife_parts(apart))
        left = np.hstack([_measured(steady, apart, picks[None, :]) for picks in kept])
    return Resampled(chosen, units, parts, values, left, confidence)


def _measured(parts: tuple[Part, ...], units: Units, picks: NDArray[np.int64]) -> NDArray[np.float64]:
    draws = Draws(units, picks)
    return np.stack([part.sign * part.resampled(draws) for part in parts])
