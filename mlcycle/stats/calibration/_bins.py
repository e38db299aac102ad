"""Scores sorted into bins: how many rows, what they were promised and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._labels import midranks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["STRATEGIES", "Bins", "bins_of"]

STRATEGIES = ("quantile", "uniform")


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

    @property
    def share(self) -> NDArray[np.float64]:
        """Share of rows in every bin."""
        share: NDArray[np.float64] = self.size / self.size.sum()
        return share

    def mean(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the mean of per-row values in every bin."""
        means: NDArray[np.float64] = np.bincount(self.code, weights=values, minlength=len(self.size)) / self.size
        return means


def bins_of(positive: NDArray[np.bool_], score: NDArray[np.float64], bins: int, strategy: str) -> Bins:
    """Return at most `bins` bins of equal size (``quantile``) or equal width (``uniform``); equal scores stay together.

    Examples
    --------
    >>> found = bins_of(np.array([False, True, True, True]), np.array([0.1, 0.4, 0.8, 0.9]), 2, "quantile")
    >>> found.score.round(2).tolist(), found.rate.tolist()
    ([0.25, 0.85], [0.5, 1.0])
    """
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise InvalidInput(f"bins is a whole number from 1, got {bins!r}")
    if strategy not in STRATEGIES:
        raise InvalidInput(f"strategy is 'quantile' (bins of equal size) or 'uniform' (equal width), got {strategy!r}")
    if strategy == "uniform":
        # Rounded, so that 0.3 lies in the same bin however it was computed.
        raw = np.minimum(np.floor(np.round(score * bins, 9)), bins - 1)
    else:
        # By the middle of their ranks, so that a mass of equal scores does not take in all that lie above it.
        raw = np.floor((midranks(score) - 0.5) * bins / max(len(score), 1))
    code = np.unique(raw, return_inverse=True)[1].astype(np.intp)
    size = np.bincount(code)
    sums = [np.bincount(code, weights=values, minlength=len(size)) for values in (score, positive.astype(np.float64))]
    return Bins(code, size, sums[0] / size, sums[1] / size)
