"""Common metrics in a form that can be computed a thousand times: prepared once, then only counted.

Each is the metric scikit-learn computes, in numpy over arrays prepared beforehand. `fast_metric` takes the fast form
only where it agrees with scikit-learn on all rows, so a release that changes a definition costs time, not truth.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from mlcycle.checks._positive_class import positive_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlcycle.checks._cached_predictions import CachedPredictions
    from mlcycle.checks._metrics import Metric

    Vector = NDArray[Any]
    Measure = Callable[[NDArray[np.int64]], float]

__all__ = ["FastMetric", "fast_metric"]

_MOST_CLASSES = 100


@frozen(eq=False)
class FastMetric:
    """A metric on fixed rows.

    Attributes
    ----------
    value : float
        On all of them, as scikit-learn computes it.
    measure : callable
        Row indices (with repeats) to the metric's value there.
    fast : bool
        Whether the measure costs microseconds.
    ends : (float, float) or None
        What it would be if every row were like the worst of them for the metric, and like the best, smaller one first;
        where rows count by themselves.
    rooted : bool
        Whether the metric is the root of `measure` (its sign kept): shares of rows add up only below the root.
    """

    value: float
    measure: Measure
    fast: bool
    ends: tuple[float, float] | None = None
    rooted: bool = False

    def at(self, index: NDArray[np.int64]) -> float:
        """Return the metric itself on some of the rows, with repeats."""
        return _root(self.measure(index)) if self.rooted else self.measure(index)


def fast_metric(metric: Metric, cached: CachedPredictions, y: Vector, rows: Vector) -> FastMetric:
    """Return the metric over some rows as a function of indices into those rows.

    Parameters
    ----------
    metric : Metric
    cached : CachedPredictions
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
    value = metric(cached, y, rows)
    by_row = _by_row(metric, cached, y[rows], rows)
    if by_row is not None and _agree(by_row.at(np.arange(len(rows))), value):
        return evolve(by_row, value=value)
    fast = _prepared(metric, cached, y[rows], rows)
    if fast is not None and _agree(fast(np.arange(len(rows))), value):
        return FastMetric(value, fast, fast=True)
    return FastMetric(value, lambda index: metric(cached, y, rows[index]), fast=False)


def _agree(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def _prepared(metric: Metric, cached: CachedPredictions, y: Vector, rows: Vector) -> Measure | None:
    name = metric.scorer
    if name in _CONFUSIONS:
        positive = _positive(cached) if name in _BINARY else None
        return _from_confusion(_CONFUSIONS[name], y, cached.answers("predict")[rows], positive)
    return _ranking(name, cached, y, rows) if name in ("roc_auc", "average_precision") else None


# what counts by the row ----------------------------------------------------------------------------------------------

_LOSSES: dict[str, Callable[[Vector, Vector], Vector]] = {
    "neg_mean_absolute_error": lambda y, p: np.abs(y - p),
    "neg_mean_squared_error": lambda y, p: (y - p) ** 2,
    "neg_root_mean_squared_error": lambda y, p: (y - p) ** 2,
    "neg_mean_squared_log_error": lambda y, p: (np.log1p(y) - np.log1p(p)) ** 2,
    "neg_root_mean_squared_log_error": lambda y, p: (np.log1p(y) - np.log1p(p)) ** 2,
    "neg_mean_absolute_percentage_error": lambda y, p: np.abs(y - p) / np.maximum(np.abs(y), np.finfo(float).eps),
    "neg_mean_poisson_deviance": lambda y, p: 2 * (np.where(y > 0, y * np.log(np.where(y > 0, y, 1) / p), 0) - y + p),
    "neg_mean_gamma_deviance": lambda y, p: 2 * (np.log(p / y) + y / p - 1),
}


def _by_row(metric: Metric, cached: CachedPredictions, y: Vector, rows: Vector) -> FastMetric | None:
    name, sign = metric.scorer or "", metric.sign
    if metric.by_row is not None:
        values: Vector | None = metric.by_row.values(cached, y, cached.answers("predict")[rows])
    elif name in ("neg_log_loss", "neg_brier_score"):
        values = _from_probabilities(name, cached, y, rows)
    elif name in _LOSSES or name == "r2":
        predicted = cached.answers("predict")[rows]
        if not (y.ndim == predicted.ndim == 1 and y.dtype.kind in "iufb" and predicted.dtype.kind in "iufb"):
            return None
        if name == "r2":
            return _r2(y.astype(float), (y.astype(float) - predicted) ** 2)
        values = -_LOSSES[name](y.astype(float), predicted.astype(float))
    else:
        return None
    if values is None:
        return None
    turned = sign * values
    ends = (float(turned.min()), float(turned.max()))
    return FastMetric(
        math.nan, lambda index: float(turned[index].mean()), fast=True, ends=ends, rooted="_root_" in name
    )


def _root(value: float) -> float:
    return math.copysign(math.sqrt(abs(value)), value)


def _r2(y: Vector, squared: Vector) -> FastMetric:
    centred = y - y.mean()
    spread = float((centred**2).mean())
    ends = (1 - float(squared.max()) / spread, 1 - float(squared.min()) / spread) if spread else None

    def r2(index: Vector) -> float:
        drawn = centred[index]
        return float(1 - squared[index].sum() / ((drawn - drawn.mean()) ** 2).sum())

    return FastMetric(math.nan, r2, fast=True, ends=ends)


def _from_probabilities(name: str, cached: CachedPredictions, y: Vector, rows: Vector) -> Vector | None:
    classes = np.asarray(getattr(cached, "classes_", ()))
    chances = cached.answers("predict_proba")[rows].astype(float)
    if chances.ndim != 2 or chances.shape[1] != len(classes):
        return None
    if name == "neg_brier_score":
        return -((chances[:, 1] - (y == classes[1])) ** 2) if len(classes) == 2 else None
    order = np.argsort(classes)
    column = order[np.minimum(np.searchsorted(classes[order], y), len(classes) - 1)]
    eps = np.finfo(cached.answers("predict_proba").dtype).eps
    found: Vector = np.log(np.clip(chances[np.arange(len(y)), column], eps, 1 - eps))
    return found


# rankings ------------------------------------------------------------------------------------------------------------


def _ranking(name: str, cached: CachedPredictions, y: Vector, rows: Vector) -> Measure | None:
    classes = np.asarray(getattr(cached, "classes_", ()))
    if classes.shape != (2,):
        return None
    if hasattr(cached, "decision_function"):
        scores = cached.answers("decision_function")[rows]
    else:
        scores = cached.answers("predict_proba")[rows][:, 1]
    distinct, rank = np.unique(scores, return_inverse=True)
    positive = positive_of(classes) if name == "average_precision" else classes[1]
    if positive != classes[1]:
        rank = rank.max(initial=0) - rank
    codes = 2 * rank.reshape(-1) + (y == positive)
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


def _positive(cached: CachedPredictions) -> Any:
    classes = getattr(cached, "classes_", None)
    return 1 if classes is None or np.shape(classes) != (2,) else positive_of(classes)


def _from_confusion(
    formula: Callable[[Vector], float], y: Vector, predicted: Vector, positive: Any = None
) -> Measure | None:
    if y.ndim != 1 or predicted.ndim != 1:
        return None
    # Text is joined as text of any length: as the truth's type a longer label would be cut to one it is not.
    predicted = predicted.astype(str) if y.dtype.kind == "U" else predicted.astype(y.dtype)
    labels, codes = np.unique(np.concatenate([y, predicted]), return_inverse=True)
    size = len(labels)
    if size > _MOST_CLASSES:
        return None
    order = np.arange(size)
    if positive is not None and size == 2 and labels[0] == positive:
        order = order[::-1]
    cell = order[codes[: len(y)]] * size + order[codes[len(y) :]]
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
_BINARY = ("f1", "precision", "recall", "jaccard")
for _kind in _BINARY:
    _CONFUSIONS[_kind] = _averaged(_kind, "binary")
    for _average in ("macro", "micro", "weighted"):
        _CONFUSIONS[f"{_kind}_{_average}"] = _averaged(_kind, _average)
