"""Metrics of rows whose labels are only probable: the expected confusion matrix, and the expected AUC by ranks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

__all__ = ["ClassMetric", "Measure", "class_metric", "expected_auc"]

_STEP = 1e-6


@frozen(eq=False)
class Measure:
    """A metric of certain scores and decisions, as a function of how probable every label of every row is.

    `of` takes them as an array of shape (n, k); given ones and zeros it is the realised metric. `slopes` says how the
    value follows each of them, times n (the influence of a row).
    """

    of: Callable[[Rows], float]
    slopes: Callable[[Rows], Rows]


@frozen(eq=False)
class ClassMetric:
    """A metric that needs no more than how probable every label of every row is, with its range.

    The formula is that of a confusion matrix in shares (rows: decided, columns: true), or ``None`` for the AUC.
    """

    name: str
    low: float
    high: float
    formula: Callable[[Rows], float] | None = None

    def measure(self, chances: Rows, decided: NDArray[np.intp]) -> Measure:
        """Return the measure of rows with these scores and decisions."""
        return _areas(chances) if self.formula is None else _counted(self.formula, decided, chances.shape[1])

    def realised(self, chances: Rows, decided: NDArray[np.intp], code: NDArray[np.intp]) -> float:
        """Return the metric of rows whose labels are known."""
        return self.measure(chances, decided).of(np.eye(chances.shape[1])[code])


def class_metric(name: str, k: int) -> ClassMetric:
    """Return the metric of this name for `k` labels; scikit-learn's names such as ``f1_macro`` will do."""
    key = name.removesuffix("_macro").removesuffix("_ovr")
    if key == "roc_auc":
        return ClassMetric(key, 0.0, 1.0)
    known = list(_FORMULAS) if k == 2 else _OF_MANY
    if key not in known:
        raise InvalidInput(f"no metric {name!r} for {k} labels; there are roc_auc, {', '.join(known)}")
    return ClassMetric(key, -1.0 if key == "matthews_corrcoef" else 0.0, 1.0, _FORMULAS[key])


def _counted(formula: Callable[[Rows], float], decided: NDArray[np.intp], k: int) -> Measure:
    """Return the measure of a formula: ``p`` of a row decided positive counts as true, ``1 - p`` as false positive.

    References
    ----------
    NannyML, How it works: performance estimation, "Confidence-based Performance Estimation" (2022).
    """
    marks = np.eye(k)[decided].T

    def counts(rows: Rows) -> Rows:
        return np.asarray(marks @ rows / max(len(rows), 1))

    def slopes(rows: Rows) -> Rows:
        table = counts(rows)
        steps = _STEP * np.eye(k * k).reshape(-1, k, k)
        grid = np.array([(formula(table + step) - formula(table - step)) / (2 * _STEP) for step in steps])
        return np.asarray(grid.reshape(k, k)[decided])

    return Measure(lambda rows: formula(counts(rows)), slopes)


def expected_auc(score: Rows) -> Measure:
    """Return the expected area under the ROC curve, as a function of the probabilities of being positive.

    The expected number of pairs in order over that of pairs, ties one half, a row never paired with itself (Mann and
    Whitney 1947, Annals of Mathematical Statistics 18, with expected counts); sorted once, each call takes one pass.

    Examples
    --------
    >>> area = expected_auc(np.array([0.1, 0.4, 0.8])).of
    >>> area(np.array([0.0, 1.0, 1.0])), round(area(np.array([0.1, 0.4, 0.8])), 3)
    (1.0, 0.907)
    """
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    new = np.concatenate(([True], ranked[1:] != ranked[:-1])) if len(ranked) else np.zeros(0, bool)
    starts, group = np.flatnonzero(new), np.cumsum(new) - 1

    def below(values: Rows) -> Rows:
        """Return, for every rank, the sum of lower values and of half of those that tie, its own included."""
        if len(starts) == len(values):
            return np.asarray(np.cumsum(values) - values / 2)
        sums = np.add.reduceat(values, starts)
        return np.asarray((np.cumsum(sums) - sums / 2)[group])

    def won_of(up: Rows) -> tuple[float, float]:
        itself = float(up @ (1 - up))
        return float(up @ below(1 - up)) - itself / 2, float(up.sum() * (1 - up).sum()) - itself

    def of(positive: Rows) -> float:
        won, pairs = won_of(positive[order])
        return won / pairs if pairs > 1e-12 else math.nan

    def slopes(positive: Rows) -> Rows:
        up = positive[order]
        won, pairs = won_of(up)
        if not pairs > 1e-12:
            return np.full(len(up), math.nan)
        beaten, beating = below(1 - up) - (1 - up) / 2, up.sum() - below(up) - up / 2
        others = (1 - up).sum() - up.sum() - (1 - 2 * up)
        found = np.empty(len(up))
        found[order] = (beaten - beating - won / pairs * others) / pairs * len(up)
        return found

    return Measure(of, slopes)


def _areas(chances: Rows) -> Measure:
    k = chances.shape[1]
    columns = range(k == 2, k)
    areas = [(column, expected_auc(chances[:, column])) for column in columns]

    def slopes(rows: Rows) -> Rows:
        found = np.zeros_like(rows)
        for column, area in areas:
            found[:, column] = area.slopes(rows[:, column]) / len(areas)
        return found

    return Measure(lambda rows: float(np.mean([area.of(rows[:, column]) for column, area in areas])), slopes)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 1e-12 else math.nan


def _of_label(formula: Callable[[float, float, float, float], float]) -> Callable[[Rows], float]:
    """Return the metric whose formula takes true and false positives, false and true negatives of one label.

    Of two labels it is that of the greater one, of more the mean over labels, each against the rest.
    """

    def of(c: Rows) -> float:
        labels = range(1 if len(c) == 2 else 0, len(c))
        cells = [(c[i, i], c[i].sum() - c[i, i], c[:, i].sum() - c[i, i]) for i in labels]
        return float(np.mean([formula(*some, c.sum() - sum(some)) for some in cells]))

    return of


def _matthews(c: Rows) -> float:
    product = float(np.prod(c.sum(axis=0)) * np.prod(c.sum(axis=1)))
    found = float(c[1, 1] * c[0, 0] - c[1, 0] * c[0, 1])
    return found / math.sqrt(product) if product > 1e-24 else math.nan


# Rows of the matrix are decided labels, columns true ones: c[1, 0] are the false positives.
_FORMULAS: dict[str, Callable[[Rows], float]] = {
    "accuracy": lambda c: float(np.trace(c)),
    "balanced_accuracy": lambda c: float(np.mean([_share(c[i, i], c[:, i].sum()) for i in range(len(c))])),
    "precision": _of_label(lambda tp, fp, fn, tn: _share(tp, tp + fp)),
    "recall": _of_label(lambda tp, fp, fn, tn: _share(tp, tp + fn)),
    "f1": _of_label(lambda tp, fp, fn, tn: _share(2 * tp, 2 * tp + fp + fn)),
    "specificity": _of_label(lambda tp, fp, fn, tn: _share(tn, tn + fp)),
    "negative_predictive_value": _of_label(lambda tp, fp, fn, tn: _share(tn, tn + fn)),
    "false_positive_rate": _of_label(lambda tp, fp, fn, tn: _share(fp, fp + tn)),
    "false_negative_rate": _of_label(lambda tp, fp, fn, tn: _share(fn, fn + tp)),
    "matthews_corrcoef": _matthews,
    "true_positives": _of_label(lambda tp, fp, fn, tn: float(tp)),
    "false_positives": _of_label(lambda tp, fp, fn, tn: float(fp)),
    "true_negatives": _of_label(lambda tp, fp, fn, tn: float(tn)),
    "false_negatives": _of_label(lambda tp, fp, fn, tn: float(fn)),
}
_OF_MANY = ["accuracy", "balanced_accuracy", "precision", "recall", "f1"]
