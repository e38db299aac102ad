"""Scores and labels of both sides, checked: one column of probabilities a label, and the labels a model decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_numbers
from mlcycle.stats._labels import check_pair, classes_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Reference", "chances_of", "check_threshold", "decisions", "reference_of"]


@frozen(eq=False)
class Reference:
    """Labelled rows: scores, one column a label in sorted order, and the column of every row's own label."""

    chances: NDArray[np.float64]
    code: NDArray[np.intp]

    @property
    def truth(self) -> NDArray[np.float64]:
        """Ones where a row has the label, shape (n, k)."""
        return np.eye(self.chances.shape[1])[self.code]

    @property
    def rarest(self) -> int:
        """Rows of the rarest label."""
        return int(np.bincount(self.code, minlength=self.chances.shape[1]).min())


def reference_of(y: ArrayLike, score: ArrayLike) -> Reference:
    """Return the labelled rows, or say what is wrong with them."""
    truth, guess = check_pair(y, score)
    if len(truth) == 0:
        raise InvalidInput("y_reference has no rows; give labelled rows the model was not trained on")
    labels = classes_of(truth, None)
    chances, code = chances_of("score_reference", guess, len(labels)), np.searchsorted(labels, truth)
    counts = np.bincount(code, minlength=chances.shape[1])
    if not counts.all():
        raise InvalidInput(
            f"y_reference has no row of {np.sum(counts == 0)} of {len(counts)} labels; "
            "what a score means cannot be learned without: give reference rows of every label"
        )
    return Reference(chances, code.astype(np.intp))


def chances_of(name: str, score: ArrayLike, k: int) -> NDArray[np.float64]:
    """Return the scores of rows without labels as one column a label.

    Examples
    --------
    >>> chances_of("score", [0.2, 1.0], 2).tolist()
    [[0.8, 0.2], [0.0, 1.0]]
    """
    given = np.asarray(score)
    values: NDArray[np.float64] = check_numbers(given.ravel(), name).reshape(given.shape)
    if values.ndim == 1 and k == 2:
        values = np.column_stack([1 - values, values])
    if values.ndim != 2 or values.shape[1] != k:
        raise InvalidInput(f"{name} needs {k} columns, one a label as in the reference, got shape {values.shape}")
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise InvalidInput(f"{name} holds probabilities in [0, 1], got {values.min():.4g} to {values.max():.4g}")
    if values.size and np.abs(values.sum(axis=1) - 1).max() > 1e-4:
        worst = values.sum(axis=1)[np.argmax(np.abs(values.sum(axis=1) - 1))]
        raise InvalidInput(f"{name}: the probabilities of a row sum to one, got {worst:.4g}")
    return values


def check_threshold(threshold: float) -> float:
    """Return the threshold as a float in [0, 1], or say what came."""
    if not 0 <= threshold <= 1:
        raise InvalidInput(f"threshold is a probability in [0, 1], got {threshold!r}")
    return float(threshold)


def decisions(chances: NDArray[np.float64], threshold: float) -> NDArray[np.intp]:
    """Return the label a model gives: the greater one from the threshold on, of more than two the likeliest.

    Examples
    --------
    >>> decisions(chances_of("score", [0.2, 0.5, 0.9], 2), 0.5).tolist()
    [0, 1, 1]
    """
    if chances.shape[1] == 2:
        return np.asarray(chances[:, 1] >= threshold, dtype=np.intp)
    return np.asarray(np.argmax(chances, axis=1), dtype=np.intp)
