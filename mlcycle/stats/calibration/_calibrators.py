"""Recalibration: maps from a score to the probability it should have been, fitted across folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import cmp_using, field, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats.calibration._scores import check_probabilities, check_weights, deal_folds

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Calibrator", "Isotonic", "Platt", "fit_map", "recalibrate"]

# Probabilities nearer to 0 or 1 than this have one and the same logit, so that no single row decides the slope.
_LEAST = 1e-6
_same = cmp_using(eq=np.array_equal)


@frozen
class Isotonic:
    """A rising curve through `chance` at `score`, straight between, level outside."""

    score: NDArray[np.float64] = field(eq=_same)
    chance: NDArray[np.float64] = field(eq=_same)

    def __call__(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.interp(score, self.score, self.chance)


@frozen
class Platt:
    """``1 / (1 + exp(-(slope * logit(score) + intercept)))``."""

    slope: float
    intercept: float

    def __call__(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy import special

        chance: NDArray[np.float64] = special.expit(self.slope * _logit(score) + self.intercept)
        return chance


@frozen(repr=False)
class Calibrator:
    """What `recalibrate` fitted: call it with scores of new rows.

    Attributes
    ----------
    method : str
        ``isotonic`` or ``platt``.
    map : Isotonic or Platt
        The curve fitted on all rows, which calling the calibrator applies.
    scores : ndarray of shape (n,)
        Every row recalibrated by a curve fitted without its fold: judge the recalibration on these. Judged on its
        own rows, a curve looks better than it is.
    n, positives, folds : int
        Rows, rows of the greater label, and folds it rests on.
    brier_before, brier_after : float
        Brier score of the scores as they came, and of `scores`.
    """

    method: str
    map: Isotonic | Platt
    scores: NDArray[np.float64] = field(eq=_same)
    n: int
    positives: int
    folds: int
    brier_before: float
    brier_after: float

    def __call__(self, score: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities that scores of new rows, shape (m,) or (m, 2), stand for."""
        values = np.asarray(score, dtype=np.float64)
        if values.ndim == 2 and values.shape[1] == 2:
            values = values[:, 1]
        if values.ndim != 1:
            raise InvalidInput(f"score is one probability of the greater label per row, got shape {values.shape}")
        if values.size and not (values.min() >= 0 and values.max() <= 1):
            raise InvalidInput(f"probabilities lie in [0, 1], got {values.min():.4g} to {values.max():.4g}")
        return self.map(values)

    def as_dict(self) -> dict[str, Any]:
        """Return what it is and rests on, without the curve and the scores."""
        names = ("method", "n", "positives", "folds", "brier_before", "brier_after")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        rows = f"{self.n} rows, {self.positives} positive"
        return (
            f"{self.method} of {rows}; Brier score {self.brier_before:.4f} before, "
            f"{self.brier_after:.4f} after (out of {self.folds} folds)"
        )

    def __repr__(self) -> str:
        return f"Calibrator({self})"


def recalibrate(
    y: ArrayLike,
    score: ArrayLike,
    *,
    method: str = "isotonic",
    labels: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Calibrator:
    """Fit a map from scores to probabilities, and say across folds whether it helps.

    Use rows the model was not trained on.

    Parameters
    ----------
    y : array-like of shape (n,)
        Truth with two labels; the greater one is the event.
    score : array-like of shape (n,) or (n, 2)
        Probabilities the model gave it.
    method : {"isotonic", "platt"}, default "isotonic"
        ``isotonic`` is the rising curve nearest to the data: it can mend any distortion that keeps the order, wants
        about 1 000 rows or more, ties rows together and can answer exactly 0 or 1. ``platt`` is a logistic curve over
        the logit of the score, with Platt's smoothed targets: two numbers, for few rows; probabilities beyond 1e-6
        and 1 - 1e-6 count as those.
    labels : array-like, optional
        Both labels, when `y` may hold others than 0 and 1 and lack one.
    weights : array-like of shape (n,), optional
        Positive weights of the rows.
    groups : array-like of shape (n,), optional
        Rows of one group go into the same fold.
    folds : int, default 5
        Parts for `Calibrator.scores`.
    seed : int, default 0
        Deals the folds.

    Returns
    -------
    Calibrator
        A callable that pickles.

    Raises
    ------
    InvalidInput
        For labels of one class, fewer rows of a class than folds, probabilities outside [0, 1], weights that are not
        positive.

    References
    ----------
    Zadrozny and Elkan (2002), Transforming classifier scores into accurate multiclass probability estimates, KDD, for
    isotonic regression. Platt (1999), Probabilistic outputs for support vector machines, for the logistic curve and its
    targets; Lin, Lin and Weng (2007), Machine Learning 68, for fitting it. Niculescu-Mizil and Caruana (2005), ICML,
    for the rows either wants.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> chance = rng.random(4000)
    >>> y = rng.random(4000) < chance
    >>> calibrator = stats.recalibrate(y, chance**2)  # scores that are too low
    >>> calibrator([0.25]).round(1)
    array([0.5])
    >>> bool(calibrator.brier_after < calibrator.brier_before)
    True
    """
    positive, chances = check_probabilities(y, score, labels)
    weight = check_weights(weights, len(chances))
    _both_labels(positive)
    fitted = fit_map(positive, chances, method, weight)
    fold = deal_folds(positive, folds, seed, groups)
    scores = np.empty(len(chances))
    for number in range(folds):
        out = fold == number
        _both_labels(positive[~out], f" outside fold {number}; use fewer folds")
        scores[out] = fit_map(positive[~out], chances[~out], method, weight[~out])(chances[out])
    before, after = (float(np.average((guess - positive) ** 2, weights=weight)) for guess in (chances, scores))
    return Calibrator(method, fitted, scores, len(chances), int(positive.sum()), folds, before, after)


def fit_map(
    positive: NDArray[np.bool_], score: NDArray[np.float64], method: str, weights: NDArray[np.float64] | None = None
) -> Isotonic | Platt:
    """Return the curve of the named method through checked labels and probabilities; see `recalibrate`.

    Examples
    --------
    >>> fit_map(np.array([False, True, False, True]), np.array([0.1, 0.2, 0.3, 0.4]), "isotonic").chance.tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    if method not in _FITS:
        raise InvalidInput(f"method is one of {', '.join(map(repr, _FITS))}, got {method!r}")
    return _FITS[method](positive, score, np.ones(len(score)) if weights is None else weights)


def _isotonic(positive: NDArray[np.bool_], score: NDArray[np.float64], weights: NDArray[np.float64]) -> Isotonic:
    from sklearn.isotonic import IsotonicRegression

    found = IsotonicRegression(out_of_bounds="clip").fit(score, positive.astype(np.float64), sample_weight=weights)
    return Isotonic(found.X_thresholds_, found.y_thresholds_)


def _platt(positive: NDArray[np.bool_], score: NDArray[np.float64], weights: NDArray[np.float64]) -> Platt:
    from scipy import optimize, special

    up, down = float(weights[positive].sum()), float(weights[~positive].sum())
    target = np.where(positive, (up + 1) / (up + 2), 1 / (down + 2))
    logits = _logit(score)
    # Centred and scaled, so that Newton's steps are well conditioned whatever the scores.
    centre, scale = float(np.average(logits, weights=weights)), float(logits.std()) or 1.0
    x = (logits - centre) / scale
    share = weights / weights.sum()

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = theta[0] * x + theta[1]
        slack = share * (special.expit(z) - target)
        return float(share @ (np.logaddexp(0, z) - target * z)), np.array([slack @ x, slack.sum()])

    start = np.array([0.0, special.logit(np.clip(share @ target, _LEAST, 1 - _LEAST))])
    found = optimize.minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9}).x
    slope = float(found[0] / scale)
    return Platt(slope, float(found[1] - slope * centre))


_FITS: dict[str, Callable[[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]], Isotonic | Platt]] = {
    "isotonic": _isotonic,
    "platt": _platt,
}


def _logit(score: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy import special

    logits: NDArray[np.float64] = special.logit(np.clip(score, _LEAST, 1 - _LEAST))
    return logits


def _both_labels(positive: NDArray[np.bool_], where: str = "") -> None:
    if positive.all() or not positive.any():
        raise InvalidInput(f"recalibration needs rows of both labels, got {len(positive)} rows of one{where}")
