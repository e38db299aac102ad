"""Forms of what a ranking is worth: the area under the ROC curve, and the average precision."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.stats.models._forms import Form

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlcycle.stats.models._units import Draws

__all__ = ["average_precision_form", "roc_auc_form"]

# Rows of the rarer class from which on the pulls of rows add up to the whole as a normal law asks.
_MANY = 100


def roc_auc_form(positive: NDArray[np.bool_], score: NDArray[Any]) -> Form:
    """Return the area as the share of pairs in order (Mann and Whitney 1947).

    Its pulls are the placements of DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, found by ranks as in Sun
    and Xu (2014), IEEE Signal Processing Letters 21.
    """
    low = np.flatnonzero(~positive)[np.argsort(score[~positive])]
    high = np.flatnonzero(positive)[np.argsort(score[positive])]
    below, upto = (score[low].searchsorted(score[high], side) for side in ("left", "right"))
    tied = bool(np.any(below != upto))
    value = float((below.sum() + upto.sum()) / 2 / (len(low) * len(high))) if len(low) and len(high) else math.nan

    def resampled(draws: Draws) -> NDArray[np.float64]:
        weights = draws.weights
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

    def pulls() -> NDArray[np.float64]:
        n, found = len(score), np.empty(len(score))
        found[high] = n / len(high) * ((below + upto) / 2 / len(low) - value)
        above = [len(high) - score[high].searchsorted(score[low], side) for side in ("left", "right")]
        found[low] = n / len(low) * ((above[0] + above[1]) / 2 / len(high) - value)
        return found

    return Form(value, resampled, pulls if min(len(low), len(high)) >= _MANY else None)


def average_precision_form(positive: NDArray[np.bool_], score: NDArray[Any]) -> Form:
    """Return the mean over positive rows of the precision at their score, rows of one score taken together."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1) if len(order) else np.zeros(0, np.intp)
    is_positive = positive[order]

    def of(hits: NDArray[Any], found: NDArray[Any]) -> NDArray[np.float64]:
        gained = np.diff(hits, axis=1, prepend=0)
        with np.errstate(invalid="ignore"):
            mean: NDArray[np.float64] = (gained * (hits / np.maximum(found, 1))).sum(axis=1) / hits[:, -1]
        return mean

    def resampled(draws: Draws) -> NDArray[np.float64]:
        weights = draws.weights.take(order, axis=1)
        found = np.cumsum(weights, axis=1, dtype=np.float64)[:, last]
        return of(np.cumsum(weights * is_positive, axis=1, dtype=np.float64)[:, last], found)

    hits, found = np.cumsum(is_positive)[last], last + 1.0
    value = float(of(hits[None, :].astype(float), found[None, :])[0]) if len(last) and hits[-1] else math.nan

    def pulls() -> NDArray[np.float64]:
        # One more row adds its own precision, if it is positive, and moves that of every positive row ranked below it.
        precision, gained = hits / found, np.diff(hits, prepend=0)
        beneath = [np.cumsum((gained * part)[::-1])[::-1] for part in (1 / found, precision / found)]
        place = np.searchsorted(last, np.arange(len(order)))
        moved = is_positive * (beneath[0][place] + precision[place] - value) - beneath[1][place]
        found_pulls = np.empty(len(order))
        found_pulls[order] = len(order) / hits[-1] * moved
        found_pulls -= found_pulls.mean()
        return found_pulls

    return Form(value, resampled, pulls if len(last) and hits[-1] >= _MANY else None)
