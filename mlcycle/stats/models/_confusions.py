"""Forms of what is counted in a table of labels and answers: F1, precision, recall, Jaccard, Matthews' correlation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.stats.models._forms import Form

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlcycle.stats.models._units import Draws

    Vector = NDArray[Any]

__all__ = ["ABOUT_ONE_CLASS", "CONFUSIONS", "confusion_form"]

_MOST_CLASSES = 100  # of more, a table a resample is slower than the metric itself


def confusion_form(scorer: str, y: Vector, answers: Vector, positive: Any = None) -> Form | None:
    """Return the form of a metric of labels, or ``None`` where there is none for these."""
    if y.ndim != 1 or answers.ndim != 1:
        return None
    # Text is joined as text of any length: as the truth's type a longer label would be cut to one it is not.
    answers = answers.astype(str) if y.dtype.kind == "U" else answers.astype(y.dtype)
    labels, codes = np.unique(np.concatenate([y, answers]), return_inverse=True)
    size = len(labels)
    if size > (_MOST_CLASSES if positive is None else 2):
        return None
    if positive is not None:
        size, codes = 2, (labels == positive).astype(np.intp)[codes]
    cell = codes[: len(y)] * size + codes[len(y) :]
    formula = CONFUSIONS[scorer]

    def of(counts: Vector) -> float:
        return formula(counts.reshape(size, size))

    def resampled(draws: Draws) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            return np.array([of(np.bincount(cell[rows], minlength=size * size)) for rows in draws.rows()])

    counts = np.bincount(cell, minlength=size * size)
    value = of(counts) if len(y) else math.nan
    steps = np.flatnonzero(counts)
    # A share of a few rows is far from normal: pulls only where every cell that is not empty holds many.
    smooth = len(steps) and counts[steps].min() >= 200 and math.isfinite(value)
    return Form(value, resampled, (lambda: _pulls(of, counts, cell, value)) if smooth else None)


def _pulls(of: Callable[[Vector], float], counts: Vector, cell: Vector, value: float) -> Vector:
    """Return how far a row of each cell pulls the metric, by adding a hundredth of the smallest cell to it."""
    steps = np.flatnonzero(counts)
    small, slopes = counts[steps].min() / 100, np.zeros(len(counts))
    for step in steps:
        ahead, behind = counts.astype(float), counts.astype(float)
        ahead[step] += small
        behind[step] -= small
        slopes[step] = (of(ahead) - of(behind)) / (2 * small)
    pulls: Vector = len(cell) * (slopes - slopes @ counts / len(cell))[cell]
    return pulls


def _per_class(kind: str, matrix: Vector) -> Vector:
    hits, said, true = np.diagonal(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    below = {"precision": said, "recall": true, "jaccard": said + true - hits, "f1": (said + true) / 2}[kind]
    found: Vector = hits / np.where(below == 0, 1, below)
    return found


def _averaged(kind: str, average: str) -> Callable[[Vector], float]:
    def formula(matrix: Vector) -> float:
        if average == "binary":
            return float(_per_class(kind, matrix)[1])
        if average == "micro":
            share = float(np.trace(matrix) / matrix.sum())
            return share / (2 - share) if kind == "jaccard" else share
        values, true = _per_class(kind, matrix), matrix.sum(axis=1)
        if average == "weighted":
            return float(values @ true / true.sum())
        return float(values[(true + matrix.sum(axis=0)) > 0].mean())

    return formula


def _balanced_accuracy(matrix: Vector) -> float:
    true = matrix.sum(axis=1)
    return float((np.diagonal(matrix)[true > 0] / true[true > 0]).mean())


def _matthews(matrix: Vector) -> float:
    """Return Matthews' correlation for any number of classes (Gorodkin 2004)."""
    cells = matrix.astype(float)
    said, true, total = cells.sum(axis=0), cells.sum(axis=1), cells.sum()
    below = math.sqrt(max((total**2 - said @ said) * (total**2 - true @ true), 0.0))
    return float((np.trace(cells) * total - said @ true) / below) if below else 0.0


CONFUSIONS: dict[str, Callable[[Vector], float]] = {
    "accuracy": lambda matrix: float(np.trace(matrix) / matrix.sum()),
    "balanced_accuracy": _balanced_accuracy,
    "matthews_corrcoef": _matthews,
}
ABOUT_ONE_CLASS = ("f1", "precision", "recall", "jaccard")
for _kind in ABOUT_ONE_CLASS:
    CONFUSIONS[_kind] = _averaged(_kind, "binary")
    for _average in ("macro", "micro", "weighted"):
        CONFUSIONS[f"{_kind}_{_average}"] = _averaged(_kind, _average)
