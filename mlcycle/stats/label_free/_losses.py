"""Losses of a regression: what one row adds, and what their mean is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["LOSSES", "loss_named", "losses_of", "numbers"]

LOSSES = ("mae", "mse", "rmse", "mean_absolute_error", "mean_squared_error", "root_mean_squared_error")


def loss_named(metric: str) -> str:
    """Return the short name of a loss.

    Examples
    --------
    >>> loss_named("root_mean_squared_error")
    'rmse'
    """
    if metric not in LOSSES:
        raise InvalidInput(f"no loss {metric!r}; there are {', '.join(LOSSES[:3])}")
    return LOSSES[LOSSES.index(metric) % 3]


def losses_of(metric: str, y: NDArray[np.float64], prediction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the loss of every row; that of ``rmse`` is squared, and the root is taken of the mean."""
    error = np.abs(y - prediction)
    return error if metric == "mae" else np.asarray(error**2)


def numbers(name: str, values: ArrayLike, n: int | None = None) -> NDArray[np.float64]:
    """Return one finite number per row, or say what came instead."""
    found = np.asarray(values)
    if found.dtype.kind not in "biuf" or found.ndim != 1 or (n is not None and len(found) != n):
        shape = "(n,)" if n is None else f"({n},)"
        raise InvalidInput(f"{name} needs one number per row, shape {shape}; got shape {found.shape}, {found.dtype}")
    found = found.astype(np.float64)
    if missing := int(np.sum(~np.isfinite(found))):
        raise InvalidInput(f"{name} has {missing} missing or infinite values; drop those rows")
    return found
