"""Probabilities of one event and whether it came, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._labels import check_pair, positive_score

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["check_probabilities"]


def check_probabilities(
    y: ArrayLike, score: ArrayLike, labels: ArrayLike | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which rows have the greater label, and the probability each was given.

    Raises
    ------
    InvalidInput
        For shapes that do not fit, missing values, more than two labels or one that does not name the other,
        probabilities outside [0, 1], two columns that do not sum to one.

    Examples
    --------
    >>> positive, chances = check_probabilities(["no", "yes"], [[0.9, 0.1], [0.2, 0.8]])
    >>> positive.tolist(), chances.tolist()
    ([False, True], [0.1, 0.8])
    """
    truth, guess = check_pair(y, score)
    found = np.unique(truth)
    if labels is None and len(found) == 1 and found[0] not in (0, 1):
        raise InvalidInput(f"y holds only {found[0]!s}, which does not say what the other label is; give labels=")
    chances, positive = positive_score(truth, guess, labels)
    if chances.size and not (chances.min() >= 0 and chances.max() <= 1):
        raise InvalidInput(
            f"probabilities lie in [0, 1], got {chances.min():.4g} to {chances.max():.4g}; "
            "turn a decision value s into one with 1 / (1 + exp(-s))"
        )
    if guess.ndim == 2 and not np.allclose(guess.sum(axis=1), 1, atol=1e-4):
        worst = guess.sum(axis=1)[np.argmax(np.abs(guess.sum(axis=1) - 1))]
        raise InvalidInput(f"the probabilities of a row sum to one, got {worst:.4g}")
    return positive, chances
