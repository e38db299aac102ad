"""Intervals of common metrics by weights: a thousand resamples without calling the metric a thousand times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import Estimate, check_confidence
from mlcycle.stats._labels import check_pair, class_probabilities, midranks, positive_score
from mlcycle.stats.models._bootstrap import agreeing, check_resamples, summarise
from mlcycle.stats.models._units import Units, units_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["METRICS", "Metric", "auc", "metric_difference", "metric_interval", "metric_named"]


def metric_interval(
    y: ArrayLike,
    prediction: ArrayLike,
    metric: str,
    *,
    labels: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
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
    groups, confidence, resamples, seed
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
    Estimate(0.727, 95 % interval 0.685 to 0.769, n = 500)
    """
    truth, guess = check_pair(y, prediction)
    chosen, units = metric_named(metric), units_of(len(truth), groups)
    part = chosen.part(truth, guess, labels, units)
    (values,) = _resampled([part], units, resamples, seed, confidence)
    return _summed(part, values, units, confidence)


def metric_difference(
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    metric: str,
    *,
    labels: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Return the metric of `a` minus that of `b` on the same rows, with its paired bootstrap interval.

    Parameters
    ----------
    y : array-like of shape (n,)
        The truth.
    a, b : array-like
        Predictions of the two models, as in `metric_interval`.
    metric, labels, groups, confidence, resamples, seed
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
    truth, first = check_pair(y, a)
    _, second = check_pair(y, b)
    chosen, units = metric_named(metric), units_of(len(truth), groups)
    parts = [chosen.part(truth, guess, labels, units) for guess in (first, second)]
    values = _resampled(parts, units, resamples, seed, confidence)
    joined = evolve(parts[0], value=parts[0].value - parts[1].value, exact=None)
    found = _summed(joined, values[0] - values[1], units, confidence)
    flat = not found.conclusive and math.isfinite(found.value) and np.nanstd(values[0] - values[1]) == 0
    return agreeing(found) if flat else found


@frozen(eq=False)
class _Part:
    """One metric of one prediction: its value on all rows, and its values on arrays of draws.

    `exact` is the number of rows a perfect value rests on, where it has an exact limit.
    """

    value: float
    resampled: Callable[[_Draws], NDArray[np.float64]]
    exact: int | None = None
    sign: float = 1.0


class _Draws:
    """Resamples, one a row, with the weight of every row worked out once for all metrics that want it."""

    def __init__(self, units: Units, picks: NDArray[np.int64]) -> None:
        self.units, self.picks = units, picks
        self._weights: NDArray[np.intp] | None = None

    def weights(self) -> NDArray[np.intp]:
        if self._weights is None:
            count, times = self.units.count, len(self.picks)
            flat = (self.picks + count * np.arange(times)[:, None]).ravel() if times > 1 else self.picks.ravel()
            counts = np.bincount(flat, minlength=count * times).reshape(times, count)
            self._weights = self.units.spread(counts)
        return self._weights


def _resampled(
    parts: Sequence[_Part], units: Units, resamples: int, seed: int, confidence: float
) -> list[NDArray[np.float64]]:
    resamples = check_resamples(resamples, check_confidence(confidence))
    if units.count < 2:
        return [np.empty(0) for _ in parts]
    chunks: list[list[NDArray[np.float64]]] = [[] for _ in parts]
    for picks in units.draws(resamples, seed):
        draws = _Draws(units, picks)
        for chunk, part in zip(chunks, parts, strict=True):
            chunk.append(part.sign * part.resampled(draws))
    return [np.concatenate(chunk) for chunk in chunks]


def _summed(part: _Part, values: NDArray[np.float64], units: Units, confidence: float) -> Estimate:
    flat = len(values) > 0 and np.all(np.abs(values - part.value) <= 1e-12)
    if part.exact is None or not flat:
        return summarise(part.value, values, units, confidence, "percentile")
    bounds = (0.0, 1.0) if part.sign > 0 else (-1.0, 0.0)
    narrow = evolve(units, count=min(units.count, part.exact))
    return evolve(summarise(part.value, values, narrow, confidence, "percentile", bounds=bounds), n=units.n)


@frozen(eq=False)
class Metric:
    """A metric that is fast to resample.

    Attributes
    ----------
    name : str
        As given.
    higher_is_better : bool
        Which way is up.
    part : callable
        ``(y, prediction, labels, units)`` to what is resampled.
    """

    name: str
    higher_is_better: bool
    part: Callable[[NDArray[Any], NDArray[Any], ArrayLike | None, Units], _Part]


def metric_named(name: str) -> Metric:
    """Return the metric of this name, scikit-learn's names and ``neg_`` included.

    Examples
    --------
    >>> metric_named("neg_log_loss").higher_is_better, metric_named("rmse").higher_is_better
    (True, False)
    """
    plain = name.removeprefix("neg_") if isinstance(name, str) else name
    key = _ALIASES.get(plain, plain)
    if key not in METRICS:
        known = ", ".join(METRICS)
        raise InvalidInput(f"no fast metric {name!r}; there are {known}; for any other use stats.interval(measure, n)")
    up, part = METRICS[key]
    if plain == name:
        return Metric(name, up, part)

    def negated(y: NDArray[Any], prediction: NDArray[Any], labels: ArrayLike | None, units: Units) -> _Part:
        found = part(y, prediction, labels, units)
        return evolve(found, value=-found.value, sign=-1.0)

    return Metric(name, not up, negated)


def _mean(rows: NDArray[np.float64], units: Units, *, root: bool = False, exact: int | None = None) -> _Part:
    sums, sizes = units.sums(rows), units.sizes()

    def resampled(draws: _Draws) -> NDArray[np.float64]:
        total = sums[draws.picks].sum(axis=1)
        means: NDArray[np.float64] = total / (draws.picks.shape[1] if sizes is None else sizes[draws.picks].sum(axis=1))
        return np.sqrt(means) if root else means

    value = float(rows.mean()) if len(rows) else math.nan
    return _Part(math.sqrt(value) if root else value, resampled, exact)


def _accuracy(y: NDArray[Any], prediction: NDArray[Any], labels: ArrayLike | None, units: Units) -> _Part:
    if prediction.ndim != 1:
        raise InvalidInput(f"accuracy needs one label per row, got predictions of shape {prediction.shape}")
    right = (y == prediction).astype(np.float64)
    return _mean(right, units, exact=units.n)


def _log_loss(y: NDArray[Any], prediction: NDArray[Any], labels: ArrayLike | None, units: Units) -> _Part:
    chances, code = class_probabilities(y, prediction, labels)
    least = np.finfo(np.float64).eps
    own = chances[np.arange(len(code)), code]
    return _mean(-np.log(np.clip(own, least, 1 - least)), units)


def _brier(y: NDArray[Any], prediction: NDArray[Any], labels: ArrayLike | None, units: Units) -> _Part:
    chances, code = class_probabilities(y, prediction, labels)
    squares = (chances**2).sum(axis=1) + 1 - 2 * chances[np.arange(len(code)), code]
    return _mean(squares / 2 if chances.shape[1] == 2 else squares, units)


def _errors(y: NDArray[Any], prediction: NDArray[Any]) -> NDArray[np.float64]:
    if prediction.ndim != 1:
        raise InvalidInput(f"one number per row is needed, got predictions of shape {prediction.shape}")
    errors: NDArray[np.float64] = y.astype(np.float64) - prediction.astype(np.float64)
    return errors


def _auc(y: NDArray[Any], prediction: NDArray[Any], labels: ArrayLike | None, units: Units) -> _Part:
    score, positive = positive_score(y, prediction, labels)
    low = np.flatnonzero(~positive)[np.argsort(score[~positive], kind="stable")]
    high = np.flatnonzero(positive)[np.argsort(score[positive], kind="stable")]
    below, upto = (score[low].searchsorted(score[high], side) for side in ("left", "right"))
    tied = bool(np.any(below != upto))

    def resampled(draws: _Draws) -> NDArray[np.float64]:
        weights = draws.weights()
        up = np.take(weights, high, axis=1)
        passed = np.zeros((len(weights), len(low) + 1), dtype=weights.dtype)
        np.cumsum(np.take(weights, low, axis=1), axis=1, out=passed[:, 1:])
        won = np.einsum("ij,ij->i", up, np.take(passed, below, axis=1)).astype(np.float64)
        if tied:
            won = (won + np.einsum("ij,ij->i", up, np.take(passed, upto, axis=1))) / 2
        with np.errstate(invalid="ignore"):
            area: NDArray[np.float64] = won / (up.sum(axis=1) * passed[:, -1].astype(np.float64))
        return area

    rarer = int(min(positive.sum(), (~positive).sum()))
    return _Part(auc(positive, score), resampled, exact=rarer)


def auc(positive: NDArray[np.bool_], score: NDArray[Any]) -> float:
    """Return the area under the ROC curve, ties counted one half; ``nan`` for a single class.

    Examples
    --------
    >>> auc(np.array([False, True, True]), np.array([0.1, 0.1, 0.9]))
    0.75
    """
    high = int(positive.sum())
    low = len(positive) - high
    if not high or not low:
        return math.nan
    ranks = midranks(score)
    return float((ranks[positive].sum() - high * (high + 1) / 2) / (high * low))


METRICS: dict[str, tuple[bool, Callable[[NDArray[Any], NDArray[Any], ArrayLike | None, Units], _Part]]] = {
    "accuracy": (True, _accuracy),
    "roc_auc": (True, _auc),
    "log_loss": (False, _log_loss),
    "brier": (False, _brier),
    "mae": (False, lambda y, p, labels, units: _mean(np.abs(_errors(y, p)), units)),
    "mse": (False, lambda y, p, labels, units: _mean(_errors(y, p) ** 2, units)),
    "rmse": (False, lambda y, p, labels, units: _mean(_errors(y, p) ** 2, units, root=True)),
}
_ALIASES = {
    "auc": "roc_auc",
    "brier_score": "brier",
    "brier_score_loss": "brier",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "root_mean_squared_error": "rmse",
}
