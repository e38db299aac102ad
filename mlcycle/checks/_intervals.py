"""The interval of a model's metric, or of the difference of two models: what its rows can say.

How an interval is made, and what it allows for rows not seen, is `mlcycle.stats.metric_interval`'s; here stands only
what is known of a stored model and its data.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle import stats
from mlcycle.checks._evaluation_data import task_of
from mlcycle.stats.models import Unseen, few_of_a_class, resampled, unseen_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlcycle.checks._metric_case import MetricCase
    from mlcycle.stats.models import Form, Units

__all__ = ["estimate_of"]

_FEWEST_OF_A_CLASS = 6


def estimate_of(case: MetricCase, forms: Sequence[Form], rows: NDArray[Any], units: Units) -> stats.Estimate:
    """Return the value and interval of a metric on some rows, or of the difference to another model.

    Parameters
    ----------
    case : MetricCase
    forms : sequence of Form
        The subject's metric on these rows, and the reference's if there is one.
    rows : ndarray of int
    units : Units
        What is drawn of those rows: the rows, or whole groups.

    Returns
    -------
    Estimate
        Without limits, and with a reason, where the rows allow none. A difference is turned so that positive is good.
    """
    y, classes = case.ours.y[rows], _classes(case, rows)
    drawn = stats.Resampling(
        confidence=case.confidence,
        resamples=_resamples(len(rows), case.confidence, all(form.measure is None for form in forms)),
    )
    few = "" if case.metric.of_numbers else few_of_a_class(case.metric, y, _known(case), _FEWEST_OF_A_CLASS)
    unseen = _unseen(case, y, classes, units.count)
    found = resampled(case.metric, forms, units, drawn, unseen, few=few)
    if len(forms) == 1:
        return found.estimate(0)
    return found.difference(0, 1) if case.turn > 0 else found.difference(1, 0)


def _unseen(case: MetricCase, y: NDArray[Any], classes: NDArray[Any], count: int) -> Unseen:
    if case.metric.by_row is not None:
        return Unseen(case.metric.by_row.range, float(count), widest=case.metric.by_row.widest)
    return unseen_of(case.metric, y, classes, count)


def _known(case: MetricCase) -> NDArray[Any]:
    """Return the labels the model says it knows; none if it does not say."""
    known: Any = getattr(case.ours.cached, "classes_", None)
    found: NDArray[Any] = np.zeros(0) if known is None or np.ndim(known) != 1 else np.asarray(known)
    return found


def _classes(case: MetricCase, rows: NDArray[Any]) -> NDArray[Any]:
    """Return the labels a metric is about: those the model knows, or those of the truth; none if it is of numbers."""
    y, known = case.ours.y[rows], _known(case)
    found: NDArray[Any] = known if len(known) else y[:0]
    if case.metric.of_numbers or (not len(known) and task_of(y) == "regressor"):
        return found[:0]
    return found if len(known) else np.unique(y)


def _resamples(n: int, confidence: float, fast: bool) -> int:
    least = math.ceil(4 / (1 - confidence))
    usual = 1000 if fast else 300
    # Past some hundred thousand rows the interval is narrow and only the time grows.
    return max(least, 200, min(max(usual, 2 * least), int(4e8 / n)))
