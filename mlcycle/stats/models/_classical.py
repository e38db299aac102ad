"""Tests of two models that need no resampling: exact McNemar, DeLong, the corrected t of a cross-validation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import Estimate, check_confidence, smallest_detectable, unknown, z_value
from mlcycle.stats._labels import check_pair, decided, midranks, positive_score
from mlcycle.stats.models._metrics import metric_difference, metric_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["McNemar", "corrected_t", "delong", "mcnemar"]


@frozen
class McNemar:
    """Exact McNemar test of two classifiers.

    Attributes
    ----------
    p : float
        Two-sided p-value that either is right as often as the other.
    only_a, only_b : int
        Rows that only one of them had right.
    n : int
        Rows.
    """

    p: float
    only_a: int
    only_b: int
    n: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict, one row of a table."""
        return asdict(self)


def mcnemar(y: ArrayLike, a: ArrayLike, b: ArrayLike) -> McNemar:
    """Test whether two classifiers are right equally often, on the rows where only one is.

    Parameters
    ----------
    y, a, b : array-like of shape (n,)
        The truth, and the labels either model gave.

    References
    ----------
    McNemar (1947), Psychometrika 12; the exact form is the binomial test of the discordant rows (Dietterich 1998,
    Neural Computation 10, for comparing classifiers).

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.mcnemar([1] * 10, [1] * 9 + [0], [0] * 9 + [1])
    McNemar(p=0.021484375, only_a=9, only_b=1, n=10)
    """
    from scipy import special

    truth, first = check_pair(y, a)
    _, second = check_pair(y, b)
    if first.ndim != 1 or second.ndim != 1:
        raise InvalidInput("mcnemar compares labels, one per row; got a table of predictions")
    right_a, right_b = decided(truth, first), decided(truth, second)
    only_a, only_b = int(np.sum(right_a & ~right_b)), int(np.sum(right_b & ~right_a))
    discordant = only_a + only_b
    p = min(1.0, 2 * float(special.bdtr(min(only_a, only_b), discordant, 0.5))) if discordant else 1.0
    return McNemar(p, only_a, only_b, len(truth))


def delong(
    y: ArrayLike,
    score: ArrayLike,
    other: ArrayLike | None = None,
    *,
    labels: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return the area under the ROC curve, or the difference of two on the same rows, with DeLong's interval.

    One area has its interval on the logit scale, which keeps it inside (0, 1) and covers better near 1; a perfect one
    has the exact limit described in `metric_interval`.

    Parameters
    ----------
    y : array-like of shape (n,)
        Truth with two labels; the greater one is positive.
    score, other : array-like of shape (n,) or (n, 2)
        Scores; with `other` the estimate is the area of `score` minus that of `other`.
    labels : array-like, optional
        Both labels, when `y` may lack one.
    confidence : float, default 0.95
        Share of intervals that hold the true value.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44. Sun and Xu (2014), IEEE Signal Processing Letters 21, for
    computing it by ranks. Pepe (2003), The Statistical Evaluation of Medical Tests, section 5.2.4, for the logit.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 500)
    >>> stats.delong(y, y + rng.normal(size=500))
    Estimate(0.727, 95 % interval 0.681 to 0.769, n = 500)
    """
    confidence = check_confidence(confidence)
    placements = []
    for values in (score,) if other is None else (score, other):
        truth, guess = check_pair(y, values)
        placements.append(_placements(*positive_score(truth, guess, labels)))
    highs, lows = np.array([p[0] for p in placements]), np.array([p[1] for p in placements])
    n = len(truth)
    sign = np.array([1.0, -1.0])[: len(placements)]
    if highs.shape[1] < 2 or lows.shape[1] < 2:
        value = float(sign @ highs.mean(axis=1)) if highs.shape[1] and lows.shape[1] else math.nan
        return unknown(value, n, confidence, "DeLong", "each class needs at least 2 rows")
    value = float(sign @ highs.mean(axis=1))
    error = math.sqrt(_variance(sign @ highs) + _variance(sign @ lows))
    if error <= 1e-12:
        if other is None:
            return metric_interval(y, score, "roc_auc", labels=labels, confidence=confidence)
        return metric_difference(y, score, other, "roc_auc", labels=labels, confidence=confidence)
    z = z_value(0.5 + confidence / 2)
    low, high = value - z * error, value + z * error
    if other is None:
        centre, half = math.log(value / (1 - value)), z * error / (value * (1 - value))
        low, high = (1 / (1 + math.exp(-(centre + side))) for side in (-half, half))
    return Estimate(value, low, high, confidence, n, error, smallest_detectable(error, confidence), "DeLong")


def _placements(
    score: NDArray[np.float64], positive: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for every positive row the share of negatives below it, and for every negative of positives above."""
    high, low = score[positive], score[~positive]
    ranks = midranks(score)
    above = (ranks[positive] - midranks(high)) / max(len(low), 1)
    below = 1 - (ranks[~positive] - midranks(low)) / max(len(high), 1)
    return above, below


def _variance(placements: NDArray[np.float64]) -> float:
    return float(np.var(placements, ddof=1)) / len(placements)


def corrected_t(differences: ArrayLike, *, test_share: float, confidence: float = 0.95) -> Estimate:
    """Return the mean difference of two models over the folds of a cross-validation, with its interval.

    The interval allows for the folds sharing their training rows, which the plain t interval does not.

    Parameters
    ----------
    differences : array-like of shape (k,)
        Metric of a minus metric of b, one per fold (and repetition).
    test_share : float
        Share of rows in a test fold: 0.1 for ten folds.
    confidence : float, default 0.95
        Share of intervals that hold the true difference.

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52: the variance is
    ``(1 / k + test / train) * s ** 2``. Bouckaert and Frank (2004) for repeated cross-validation.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.corrected_t([0.02, 0.01, 0.03, 0.02, 0.02], test_share=0.2).low < 0.02
    True
    """
    from scipy import special

    confidence = check_confidence(confidence)
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise InvalidInput(f"differences is one finite number per fold, got shape {values.shape}: {values!r:.80}")
    if not 0 < test_share < 1:
        raise InvalidInput(f"test_share is the share of rows in a test fold, between 0 and 1, got {test_share!r}")
    k = len(values)
    if k < 2:
        return unknown(values.mean() if k else math.nan, k, confidence, "corrected t", "needs at least 2 folds")
    value = float(values.mean())
    error = math.sqrt((1 / k + test_share / (1 - test_share)) * float(np.var(values, ddof=1)))
    half = float(special.stdtrit(k - 1, 0.5 + confidence / 2)) * error
    seen = smallest_detectable(error, confidence)
    return Estimate(value, value - half, value + half, confidence, k, error, seen, "corrected t")
