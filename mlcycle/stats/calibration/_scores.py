"""Probabilities of one event and whether it came, checked; weights checked; folds drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed
from mlcycle.stats._labels import check_pair, positive_score
from mlcycle.stats.models._units import groups_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["check_probabilities", "check_weights", "deal_folds"]


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


def check_weights(weights: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """Return one positive weight a row, all 1 when none are given.

    Raises
    ------
    InvalidInput
        For a shape that does not fit, or weights that are zero, negative, infinite or missing.
    """
    if weights is None:
        return np.ones(n)
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (n,):
        raise InvalidInput(f"weights needs one number per row, shape ({n},), got shape {values.shape}")
    wrong = ~(np.isfinite(values) & (values > 0))
    if wrong.any():
        raise InvalidInput(
            f"weights are positive and finite, got {values[wrong][0]!r} in {int(wrong.sum())} rows; drop those rows"
        )
    return values


def deal_folds(positive: NDArray[np.bool_], folds: int, seed: int, groups: ArrayLike | None = None) -> NDArray[np.intp]:
    """Return the fold of every row, dealt at random: each class evenly, or whole groups.

    Raises
    ------
    InvalidInput
        If there are fewer than two folds, or too few rows of a class (or groups) to deal.
    """
    if folds < 2:
        raise InvalidInput(f"folds is 2 or more, got {folds!r}")
    rng = np.random.default_rng(check_seed(seed))
    n = len(positive)
    if groups is not None:
        return _fold_of_groups(groups, n, folds, rng)
    rarer = int(min(positive.sum(), n - positive.sum()))
    if rarer < folds:
        raise InvalidInput(f"{folds} folds need at least {folds} rows of either label, the rarer one has {rarer}")
    order = rng.permutation(n)
    order = order[np.argsort(positive[order], kind="stable")]
    fold = np.empty(n, dtype=np.intp)
    fold[order] = np.arange(n) % folds
    return fold


def _fold_of_groups(groups: ArrayLike, n: int, folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    units = groups_of(n, groups)
    if units.count < folds:
        raise InvalidInput(f"{folds} folds need at least {folds} groups, got {units.count}")
    dealt: NDArray[np.intp] = rng.permutation(np.arange(units.count) % folds)[units.codes]
    return dealt
