"""Common metrics in the form in which they are fast to resample: as weighted sums, without calling the metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._labels import class_probabilities, decided, midranks, numbers_of, positive_score

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from mlcycle.stats.models._units import Units

__all__ = ["METRICS", "Draws", "Part", "ResampledMetric", "auc", "metric_named"]


@frozen(eq=False)
class Part:
    """One metric of one prediction: its value on all rows, and its values on arrays of draws.

    `exact` is the number of rows a perfect value rests on, where it has an exact limit.
    """

    value: float
    resampled: Callable[[Draws], NDArray[np.float64]]
    exact: int | None = None
    sign: float = 1.0


class Draws:
    """Resamples, one a row, with the weight of every row worked out once for all metrics that want it."""

    def __init__(self, units: Units, picks: NDArray[np.int64]) -> None:
        self.units, self.picks = units, picks
        self._weights: NDArray[Any] | None = None

    def weights(self) -> NDArray[Any]:
        """Return how often every row came, shape (resamples, n)."""
        if self._weights is None:
            self._weights = self.units.weights(self.picks)
        return self._weights


@frozen(eq=False)
class ResampledMetric:
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
    part: Callable[[NDArray[Any], NDArray[Any], ArrayLike | None, Units], Part]


def metric_named(name: str) -> ResampledMetric:
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
        return ResampledMetric(name, up, part)

    def negated(y: NDArray[Any], prediction: NDArray[Any], labels: ArrayLike | None, units: Units) -> Part:
        found = part(y, prediction, labels, units)
        return evolve(found, value=-found.value, sign=-1.0)

    return ResampledMetric(name, not up, negated)


def _mean(rows: NDArray[np.float64], units: Units, *, root: bool = False, exact: int | None = None) -> Part:
    means = units.means(rows)

    def resampled(draws: Draws) -> NDArray[np.float64]:
        return np.sqrt(means(draws.picks)) if root else means(draws.picks)

    value = float(rows.mean()) if len(rows) else math.nan
    return Part(math.sqrt(value) if root else value, resampled, exact)


def _accuracy(y: NDArray[Any], prediction: NDArray[Any], labels: ArrayLike | None, units: Units) -> Part:
    if prediction.ndim != 1:
        raise InvalidInput(f"accuracy needs one label per row, got predictions of shape {prediction.shape}")
    right = decided(y, prediction).astype(np.float64)
    return _mean(right, units, exact=units.n)


def _log_loss(y: NDArray[Any], prediction: NDArray[Any], labels: ArrayLike | None, units: Units) -> Part:
    chances, code = class_probabilities(y, prediction, labels)
    least = np.finfo(np.float64).eps
    own = chances[np.arange(len(code)), code]
    return _mean(-np.log(np.clip(own, least, 1 - least)), units)


def _brier(y: NDArray[Any], prediction: NDArray[Any], labels: ArrayLike | None, units: Units) -> Part:
    chances, code = class_probabilities(y, prediction, labels)
    squares = (chances**2).sum(axis=1) + 1 - 2 * chances[np.arange(len(code)), code]
    return _mean(squares / 2 if chances.shape[1] == 2 else squares, units)


def _errors(y: NDArray[Any], prediction: NDArray[Any]) -> NDArray[np.float64]:
    if prediction.ndim != 1:
        raise InvalidInput(f"one number per row is needed, got predictions of shape {prediction.shape}")
    truth, guess = numbers_of("y", y), numbers_of("predictions", prediction)
    for name, values in (("y", truth), ("predictions", guess)):
        if endless := int(np.sum(~np.isfinite(values))):
            raise InvalidInput(f"{name} has {endless} infinite values; drop those rows from both")
    errors: NDArray[np.float64] = truth - guess
    return errors


def _auc(y: NDArray[Any], prediction: NDArray[Any], labels: ArrayLike | None, units: Units) -> Part:
    score, positive = positive_score(y, prediction, labels)
    low = np.flatnonzero(~positive)[np.argsort(score[~positive], kind="stable")]
    high = np.flatnonzero(positive)[np.argsort(score[positive], kind="stable")]
    below, upto = (score[low].searchsorted(score[high], side) for side in ("left", "right"))
    tied = bool(np.any(below != upto))

    def resampled(draws: Draws) -> NDArray[np.float64]:
        weights = draws.weights()
        up = weights.take(high, axis=1).astype(np.float64)
        # Counts in floats: sums of whole numbers below 2**53 are exact. Without BLAS, whose threads wait for each other
        # on a busy machine (measured: ten times as long).
        passed = np.zeros((len(weights), len(low) + 1))
        np.cumsum(weights.take(low, axis=1), axis=1, out=passed[:, 1:])
        won = np.einsum("ij,ij->i", up, passed.take(below, axis=1))
        if tied:
            won = (won + np.einsum("ij,ij->i", up, passed.take(upto, axis=1))) / 2
        with np.errstate(invalid="ignore"):
            area: NDArray[np.float64] = won / (up.sum(axis=1) * passed[:, -1])
        return area

    rarer = int(min(positive.sum(), (~positive).sum()))
    return Part(auc(positive, score), resampled, exact=rarer)


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


METRICS: dict[str, tuple[bool, Callable[[NDArray[Any], NDArray[Any], ArrayLike | None, Units], Part]]] = {
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
