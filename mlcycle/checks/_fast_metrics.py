"""A model's metric on some rows in a form that is fast to resample, where `mlcycle.stats` has one.

The fast form is taken only where it agrees with scikit-learn on all rows, so a release that changes a definition costs
time, not truth.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.stats.models import Form, form_of, of_losses, plain_form

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlcycle.checks._cached_predictions import CachedPredictions
    from mlcycle.checks._metrics import Metric
    from mlcycle.stats.models import Units

    Vector = NDArray[Any]

__all__ = ["fast_metric"]


def fast_metric(metric: Metric, cached: CachedPredictions, y: Vector, rows: Vector, units: Units) -> Form:
    """Return the metric over some rows, ready to be resampled.

    Parameters
    ----------
    metric : Metric
    cached : CachedPredictions
        What the model answered on all rows.
    y : ndarray
        The truth of all rows.
    rows : ndarray of int
        The rows to measure on: all, or those of a slice.
    units : Units
        What is drawn of those rows.

    Raises
    ------
    Exception
        Whatever the metric itself raises on these rows.
    """
    value = metric(cached, y, rows)
    form = _form(metric, cached, y[rows], rows, units)
    if form is not None and math.isclose(form.shown, value, rel_tol=1e-9, abs_tol=1e-12):
        return form
    return plain_form(value, lambda index: metric(cached, y, rows[index]))


def _form(metric: Metric, cached: CachedPredictions, y: Vector, rows: Vector, units: Units) -> Form | None:
    if metric.by_row is not None:
        return of_losses(metric.by_row.values(cached, y, cached.answers("predict")[rows]), units)
    method = next((name for name in metric.methods if hasattr(cached, name)), None)
    if metric.scorer is None or method is None:
        return None
    answers = cached.answers(method)[rows]
    if method == "predict_proba" and len(metric.methods) > 1:
        answers = answers[:, 1] if answers.ndim == 2 else answers
    classes = getattr(cached, "classes_", None)
    if classes is None or np.ndim(classes) != 1:
        classes = y[:0] if metric.of_numbers or y.ndim != 1 else np.unique(y)
    return form_of(metric, y, answers, np.asarray(classes), units)
