"""Scores sorted into bins: how many rows, what they were promised and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_whole
from mlcycle.stats._labels import midranks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Bins", "bins_of"]


@frozen(eq=False)
class Bins:
    """Rows by bin of their score; empty bins are left out.

    Attributes
    ----------
    code : ndarray of shape (n,)
        The bin of every row.
    size : ndarray of shape (bins,)
        Rows.
    score, rate : ndarray of shape (bins,)
        Mean score, and share of rows where the event came.
    """

    code: NDArray[np.intp]
    size: NDArray[np.intp]
    score: NDArray[np.float64]
    rate: NDArray[np.float64]


def bins_of(positive: NDArray[np.bool_], score: NDArray[np.float64], bins: int, strategy: str) -> Bins:
    """Return at most `bins` bins of equal size (``quantile``) or width (``uniform``); equal scores stay together."""
    bins = check_whole(bins, "bins", 1)
    if strategy == "uniform":
        # Rounded, so that 0.3 lies in the same bin however it was computed.
        raw = np.minimum(np.floor(np.round(score * bins, 9)), bins - 1)
    elif strategy == "quantile":
        # By the middle of their ranks, so that a mass of equal scores does not take in all that lie above it.
        raw = np.floor((midranks(score) - 0.5) * bins / max(len(score), 1))
    else:
        raise InvalidInput(f"strategy is 'quantile' (bins of equal size) or 'uniform' (equal width), got {strategy!r}")
    code = np.unique(raw, return_inverse=True)[1].astype(np.intp)
    size = np.bincount(code)
    return Bins(code, size, mean_by(code, score), mean_by(code, positive))


def mean_by(code: NDArray[np.intp], values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean of per-row values in every bin."""
    means: NDArray[np.float64] = np.bincount(code, weights=values) / np.bincount(code)
    return means
