"""Truth and predictions, checked: the same length, nothing missing, probabilities that are some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["check_decisions", "check_pair", "classes_of", "events_of",
           "midranks", "numbers_of", "probabilities_of"]  # fmt: skip


def check_pair(y: ArrayLike, prediction: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return truth and prediction as arrays of the same length with nothing missing."""
    truth, guess = np.asarray(y), np.asarray(prediction)
    if truth.ndim != 1:
        raise InvalidInput(f"y has one value per row, got shape {truth.shape}")
    if guess.ndim not in (1, 2) or len(guess) != len(truth):
        raise InvalidInput(f"predictions need {len(truth)} rows as y has, got shape {guess.shape}")
    for name, values in (("y", truth), ("predictions", guess)):
        if missing := _missing(values):
            raise InvalidInput(f"{name} has {missing} missing values; drop those rows from both")
    return truth, guess


def _missing(values: NDArray[Any]) -> int:
    if values.dtype.kind == "f":
        return int(np.isnan(values).sum())
    if values.dtype == object:
        import pandas as pd

        return int(np.sum(pd.isna(values)))
    return 0


def numbers_of(name: str, values: NDArray[Any]) -> NDArray[np.float64]:
    """Return values as finite or infinite numbers, or say what came instead."""
    wrong = f"{name} hold numbers, got values of type {values.dtype}"
    if values.dtype.kind in "cmM":
        raise InvalidInput(wrong)
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"{wrong} such as {values.flat[0]!r}") from None


def check_decisions(y: NDArray[Any], prediction: NDArray[Any]) -> None:
    """Refuse predictions that are not labels as the truth has them: scores, or labels of another type."""

    def fractions(values: NDArray[Any]) -> bool:
        return values.dtype.kind == "f" and bool(np.any(values != np.floor(values)))

    scores = fractions(prediction)
    if not len(y) or (not scores and np.any(y == prediction)):
        return
    sorts = [{"text" if isinstance(label, str) else "numbers" for label in side.tolist()} for side in (y, prediction)]
    if (scores and not fractions(y)) or not sorts[0] & sorts[1]:
        guess, truth = prediction.tolist()[0], y.tolist()[0]
        raise InvalidInput(
            f"predictions are labels as y has them, got {guess!r:.40} where y has {truth!r:.40}; "
            "give labels of the same type, not scores: score >= threshold, or argmax"
        )


def classes_of(y: NDArray[Any], labels: ArrayLike | None) -> NDArray[Any]:
    """Return the labels in sorted order: those named, or those of `y`; 0 and 1 where it holds only one of them."""
    found = np.unique(y)
    if labels is None:
        # One class alone does not say what the other is, except for 0 and 1.
        binary = y.dtype.kind == "b" or (len(found) and set(found.tolist()) <= {0, 1})
        return np.array([0, 1]).astype(y.dtype) if binary else found
    known = np.unique(np.asarray(labels))
    if strange := set(found.tolist()) - set(known.tolist()):
        raise InvalidInput(f"y holds labels that are not among `labels`: {sorted(map(str, strange))}")
    return known


def events_of(
    y: ArrayLike, score: ArrayLike, labels: ArrayLike | None
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which rows have the greater of two labels, and the probability each was given."""
    truth, guess = check_pair(y, score)
    classes = classes_of(truth, labels)
    if len(classes) > 2:
        raise InvalidInput(f"the probability of an event is for two classes, y has {len(classes)}")
    if len(classes) == 1:
        raise InvalidInput(f"y holds only {classes[0]!s}, which does not say what the other label is; give labels=")
    came = np.asarray(truth == classes[-1] if len(truth) else np.zeros(0), dtype=np.bool_)
    return came, probabilities_of(guess, classes)[:, -1]


def probabilities_of(prediction: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.float64]:
    """Return one column of probabilities a label; those of the greater of two will do."""
    chances = numbers_of("predictions", prediction)
    if chances.size and not (chances.min() >= 0 and chances.max() <= 1):
        raise InvalidInput(
            f"probabilities lie in [0, 1], got {chances.min():.4g} to {chances.max():.4g}; "
            "turn a decision value s into one with 1 / (1 + exp(-s))"
        )
    if chances.ndim == 1:
        chances = np.column_stack([1 - chances, chances])
    elif chances.size and not np.allclose(chances.sum(axis=1), 1, atol=1e-4):
        worst = chances.sum(axis=1)[np.argmax(np.abs(chances.sum(axis=1) - 1))]
        raise InvalidInput(f"the probabilities of a row sum to one, got {worst:.4g}")
    if len(chances) and len(classes) != chances.shape[1]:
        raise InvalidInput(
            f"{chances.shape[1]} columns of probabilities for {len(classes)} labels in y; name them all with labels="
        )
    return chances


def midranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return ranks from 1, tied values sharing their mean rank; loading `scipy.stats` for it would take longer."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks
