"""Resamples in the forms in which metrics want them: drawn units, row indices, weights of rows."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from mlcycle.stats.models._units import Units

__all__ = ["Draws", "defined"]


class Draws:
    """Some resamples, one a row, with the weight of every row worked out once for all metrics that want it."""

    def __init__(self, units: Units, picks: NDArray[np.int64]) -> None:
        self.units, self.picks = units, picks
        self._weights: NDArray[Any] | None = None

    def rows(self) -> Iterator[NDArray[np.int64]]:
        """Yield the row indices of every resample."""
        return (self.units.rows(picks) for picks in self.picks)

    def weights(self) -> NDArray[Any]:
        """Return how often every row came, shape (resamples, n)."""
        if self._weights is None:
            self._weights = self.units.weights(self.picks)
        return self._weights


def defined(measure: Callable[[NDArray[np.int64]], float], rows: NDArray[np.int64]) -> float:
    """Return a measure of some rows; ``nan`` where it is undefined there.

    The measure ran on all rows before, so an error here is about these (one class only), not about the code.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(measure(rows))
        except (ValueError, ZeroDivisionError):
            return math.nan
