"""Losses of a regression: what one row adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LOSSES", "losses_of"]

LOSSES = ("mae", "mse", "rmse")


def losses_of(metric: str, y: NDArray[np.float64], prediction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the loss of every row; that of ``rmse`` is squared, and the root is taken of the mean."""
    error = np.abs(y - prediction)
    return error if metric == "mae" else np.asarray(error**2)
