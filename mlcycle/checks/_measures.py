"""Common metrics in a form that can be computed a thousand times: prepared once, then only counted.

Each is the metric scikit-learn computes, in numpy over arrays prepared beforehand. `measure_of` takes the fast form
only where it agrees with scikit-learn on all rows, so a release that changes a definition costs time, not truth.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlcycle.checks._metrics import Metric
    from mlcycle.checks._recorded import Recorded

    Vector = NDArray[Any]
    Measure = Callable[[NDArray[np.int64]], float]

__all__ = ["UNIT_SCORERS", "Measured", "measure_of"]

_MOST_CLASSES = 100


@frozen(eq=False)
class Measured:
    """A metric on fixed rows.

    Attributes
    ----------
    value : float
        On all of them, as scikit-learn computes it.
    measure : callable
        Row indices (with repeats) to the metric's value there.
    fast : bool
        Whether the measure costs microseconds.
    """

    value: float
    measure: Measure
    fast: bool


def measure_of(metric: Metric, recorded: Recorded, y: Vector, rows: Vector) -> Measured:
    """Return the metric over some rows as a function of indices into those rows.

    Parameters
    ----------
    metric : Metric
    recorded : Recorded
        What the model answered on all rows.
    y : ndarray
        The truth of all rows.
    rows : ndarray of int
        The rows to measure on: all, or those of a slice.

    Raises
    ------
    Exception
        Whatever the metric itself raises on these rows.
    """
    value = metric(recorded, y, rows)
    fast = _prepared(metric, recorded, y[rows], rows)
    if fast is not None and _agree(fast(np.arange(len(rows))), value):
        return Measured(value, fast, fast=True)
    return Measured(value, lambda index: metric(recorded, y, rows[index]), fast=False)


def _agree(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def _prepared(metric: Metric, recorded: Recorded, y: Vector, rows: Vector) -> Measure | None:
    name, sign = metric.scorer, metric.sign
    if name is None:
        return None
    measure: Measure | None = None
    if name in _CONFUSIONS:
        measure = _from_confusion(_CONFUSIONS[name], y, recorded.answers("predict")[rows])
    elif name in ("roc_auc", "average_precision"):
        measure = _ranking(name, recorded, y, rows)
    elif name in ("neg_log_loss", "neg_brier_score"):
        measure = _from_probabilities(name, recorded, y, rows)
    elif name in _LOSSES or name == "r2":
        predicted = recorded.answers("predict")[rows]
        if y.ndim == predicted.ndim == 1 and y.dtype.kind in "iufb" and predicted.dtype.kind in "iufb":
            measure = _from_losses(name, y.astype(float), predicted.astype(float))
    if measure is None or sign > 0:
        return measure
    plain = measure
    return lambda index: -plain(index)


# per-row losses ------------------------------------------------------------------------------------------------------

_LOSSES: dict[str, Callable[[Vector, Vector], Vector]] = {
    "neg_mean_absolute_error": lambda y, p: np.abs(y - p),
    "neg_mean_squared_error": lambda y, p: (y - p) ** 2,
    "neg_root_mean_squared_error": lambda y, p: (y - p) ** 2,
    "neg_mean_absolute_percentage_error": lambda y, p: np.abs(y - p) / np.maximum(np.abs(y), np.finfo(float).eps),
}


def _mean(values: Vector) -> Measure:
    return lambda index: float(values[index].mean())


def _from_losses(name: str, y: Vector, predicted: Vector) -> Measure:
    if name == "r2":
        centred, squared = y - y.mean(), (y - predicted) ** 2

        def r2(index: Vector) -> float:
            drawn = centred[index]
            return float(1 - squared[index].sum() / ((drawn - drawn.mean()) ** 2).sum())

        return r2
    losses = -_LOSSES[name](y, predicted)
    if name == "neg_root_mean_squared_error":
        return lambda index: -math.sqrt(-losses[index].mean())
    return _mean(losses)


def _from_probabilities(name: str, recorded: Recorded, y: Vector, rows: Vector) -> Measure | None:
    classes = np.asarray(recorded.classes_)
    chances = recorded.answers("predict_proba")[rows].astype(float)
    if chances.ndim != 2 or chances.shape[1] != len(classes):
        return None
    if name == "neg_brier_score":
        return _mean(-((chances[:, 1] - (y == classes[1])) ** 2)) if len(classes) == 2 else None
    order = np.argsort(classes)
    column = order[np.minimum(np.searchsorted(classes[order], y), len(classes) - 1)]
    eps = np.finfo(recorded.answers("predict_proba").dtype).eps
    return _mean(np.log(np.clip(chances[np.arange(len(y)), column], eps, 1 - eps)))


# rankings ------------------------------------------------------------------------------------------------------------


def _ranking(name: str, recorded: Recorded, y: Vector, rows: Vector) -> Measure | None:
    classes = np.asarray(recorded.classes_)
    if len(classes) != 2:
        return None
    if hasattr(recorded, "decision_function"):
        scores = recorded.answers("decision_function")[rows]
    else:
        scores = recorded.answers("predict_proba")[rows][:, 1]
    distinct, rank = np.unique(scores, return_inverse=True)
    codes = 2 * rank.reshape(-1) + (y == classes[1])
    size = 2 * len(distinct)

    def counts(index: Vector) -> tuple[Vector, Vector]:
        found = np.bincount(codes[index], minlength=size)
        return found[0::2], found[1::2]

    return _roc_auc(counts) if name == "roc_auc" else _average_precision(counts)


def _roc_auc(counts: Callable[[Vector], tuple[Vector, Vector]]) -> Measure:
    """Area under the curve as the chance that a positive outranks a negative, ties half (Mann and Whitney 1947)."""

    def roc_auc(index: Vector) -> float:
        negative, positive = counts(index)
        pairs = float(negative.sum()) * float(positive.sum())
        below = np.cumsum(negative) - 0.5 * negative
        return float(positive @ below) / pairs if pairs else math.nan

    return roc_auc


def _average_precision(counts: Callable[[Vector], tuple[Vector, Vector]]) -> Measure:
    def average_precision(index: Vector) -> float:
        negative, positive = counts(index)
        hits = np.cumsum(positive[::-1])
        found = hits + np.cumsum(negative[::-1])
        total = float(hits[-1])
        return float(positive[::-1] @ (hits / np.maximum(found, 1))) / total if total else math.nan

    return average_precision


# confusion matrices --------------------------------------------------------------------------------------------------


def _from_confusion(formula: Callable[[Vector], float], y: Vector, predicted: Vector) -> Measure | None:
    if y.ndim != 1 or predicted.ndim != 1:
        return None
    labels, codes = np.unique(np.concatenate([y, predicted.astype(y.dtype)]), return_inverse=True)
    size = len(labels)
    if size > _MOST_CLASSES:
        return None
    cell = codes[: len(y)] * size + codes[len(y) :]
    return lambda index: formula(np.bincount(cell[index], minlength=size * size).reshape(size, size))


def _ratio(above: Any, below: Any) -> Any:
    return above / np.where(below == 0, 1, below)


def _per_class(kind: str, matrix: Vector) -> Vector:
    hits, said, true = np.diagonal(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    if kind == "precision":
        below, above = said, hits
    elif kind == "recall":
        below, above = true, hits
    elif kind == "jaccard":
        below, above = said + true - hits, hits
    else:
        below, above = said + true, 2 * hits
    found: Vector = _ratio(above, below)
    return found


def _averaged(kind: str, average: str) -> Callable[[Vector], float]:
    def formula(matrix: Vector) -> float:
        if average == "binary":
            return float(_per_class(kind, matrix)[1]) if len(matrix) == 2 else math.nan
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
    below = math.sqrt((total**2 - said @ said) * (total**2 - true @ true))
    return float((np.trace(cells) * total - said @ true) / below) if below else 0.0


_CONFUSIONS: dict[str, Callable[[Vector], float]] = {
    "accuracy": lambda matrix: float(np.trace(matrix) / matrix.sum()),
    "balanced_accuracy": _balanced_accuracy,
    "matthews_corrcoef": _matthews,
}
for _kind in ("f1", "precision", "recall", "jaccard"):
    _CONFUSIONS[_kind] = _averaged(_kind, "binary")
    for _average in ("macro", "micro", "weighted"):
        _CONFUSIONS[f"{_kind}_{_average}"] = _averaged(_kind, _average)

UNIT_SCORERS = frozenset(
    {*_CONFUSIONS, "roc_auc", "roc_auc_ovo", "roc_auc_ovr", "roc_auc_ovo_weighted", "roc_auc_ovr_weighted"}
    | {"average_precision", "top_k_accuracy"}
) - {"matthews_corrcoef"}
"""Scorers whose values lie between 0 and 1."""
