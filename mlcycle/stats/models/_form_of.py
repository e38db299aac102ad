"""From a metric's name and what a model answered to the form in which it is fast to resample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.stats.models._confusions import ABOUT_ONE_CLASS, CONFUSIONS, confusion_form
from mlcycle.stats.models._forms import WORSE, WORSE_SQUARED, Form, explained, of_losses
from mlcycle.stats.models._metric_names import positive_of
from mlcycle.stats.models._rankings import average_precision_form, roc_auc_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlcycle.stats.models._metric_names import NamedMetric
    from mlcycle.stats.models._units import Units

    Vector = NDArray[Any]

__all__ = ["BY_ROW", "form_of"]

BY_ROW = ("accuracy", "neg_log_loss", "neg_brier_score")

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


def form_of(metric: NamedMetric, y: Vector, answers: Vector, classes: Vector, units: Units) -> Form | None:
    """Return a scorer on fixed rows in its fast form, or ``None`` where there is none for these answers.

    The answers are what the scorer is about: labels, numbers or scores of the last of two classes, of shape (n,), or
    probabilities of shape (n, k), a column a class; `classes` has no length for numbers.

    Examples
    --------
    >>> from mlcycle.stats.models._metric_names import metric_named
    >>> from mlcycle.stats.models._units import units_of
    >>> y, said = np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0])
    >>> form_of(metric_named("recall"), y, said, np.array([0, 1]), units_of(4)).shown
    0.6666666666666666
    """
    scorer = metric.scorer
    if scorer is None or y.ndim != 1:
        return None
    with np.errstate(all="ignore"):
        found = _form(scorer, y, answers, classes, units)
    if found is None:
        return None
    return found if metric.sign * (-1 if scorer.startswith("neg_") else 1) > 0 else found.turned()


def _form(scorer: str, y: Vector, answers: Vector, classes: Vector, units: Units) -> Form | None:
    if scorer in CONFUSIONS:
        if scorer not in ABOUT_ONE_CLASS:
            return confusion_form(scorer, y, answers)
        return confusion_form(scorer, y, answers, positive_of(classes)) if len(classes) == 2 else None
    if scorer in ("roc_auc", "average_precision"):
        return _ranking(scorer, y, answers, classes)
    if scorer in BY_ROW:
        return _from_chances(scorer, y, answers, classes, units)
    if not (answers.ndim == 1 and y.dtype.kind in "iufb" and answers.dtype.kind in "iufb"):
        return None
    if scorer == "r2":
        return explained(y.astype(float), (y.astype(float) - answers) ** 2, units)
    if scorer not in _LOSSES:
        return None
    losses = _LOSSES[scorer](y.astype(float), answers.astype(float))
    worse = WORSE_SQUARED if "_squared_" in scorer else WORSE
    return of_losses(losses, units, rooted="_root_" in scorer, worse=worse)


def _ranking(scorer: str, y: Vector, score: Vector, classes: Vector) -> Form | None:
    if classes.shape != (2,) or score.ndim != 1:
        return None
    if scorer == "roc_auc":
        return roc_auc_form(y == classes[1], score)
    positive = positive_of(classes)
    return average_precision_form(y == positive, score if positive == classes[1] else -score)


def _from_chances(scorer: str, y: Vector, chances: Vector, classes: Vector, units: Units) -> Form | None:
    if chances.ndim != 2 or chances.shape[1] != len(classes) or not len(classes):
        return None
    order = np.argsort(classes)
    column = order[np.minimum(np.searchsorted(classes[order], y), len(classes) - 1)]
    own = chances[np.arange(len(y)), column].astype(float)
    if scorer == "neg_log_loss":
        least = np.finfo(chances.dtype if chances.dtype.kind == "f" else float).eps
        return of_losses(-np.log(np.clip(own, least, 1 - least)), units, most=-math.log(least))
    squares = (chances.astype(float) ** 2).sum(axis=1) + 1 - 2 * own
    return of_losses(squares / 2 if len(classes) == 2 else squares, units)
