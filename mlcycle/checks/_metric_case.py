"""One metric, one model, one dataset: labels brought together, and what cannot be judged said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle._ids import bare
from mlcycle.checks._applicability import check_applicable
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlcycle.checks._cached_predictions import CachedPredictions
    from mlcycle.checks._evaluation_data import EvaluationData
    from mlcycle.checks._metrics import Metric

__all__ = ["Answers", "MetricCase", "metric_case", "truth_in_labels_of"]


@frozen(eq=False)
class Answers:
    """What one model answered, and the truth in the labels it answers in."""

    cached: CachedPredictions
    y: NDArray[Any]


@frozen(eq=False)
class MetricCase:
    """Everything about one measurement that is the same in every slice."""

    metric: Metric
    rows: EvaluationData
    subject: str
    reference: str | None
    ours: Answers
    theirs: Answers | None
    confidence: float = 0.95

    @property
    def turn(self) -> int:
        """+1 where more is better: differences of two models are turned so that positive is good."""
        return 1 if self.metric.higher_is_better else -1


def metric_case(
    metric: Metric,
    rows: EvaluationData,
    subject: tuple[str, CachedPredictions],
    reference: tuple[str, CachedPredictions] | None = None,
    confidence: float = 0.95,
) -> MetricCase:
    """Bring together what a measurement needs; a model is given by its ref and what it answered on the rows.

    Raises
    ------
    InvalidInput
        Where the data has no labels, or the metric does not fit what a model answers.
    """
    if rows.y is None:
        raise InvalidInput(f"{rows.ref} has no target; add it with target=… so that {metric.name} can be computed")
    if len(rows.y) == 0:
        raise InvalidInput(f"{rows.ref} has no row with a label")
    ours = _answers(metric, subject[0], rows, subject[1])
    theirs = None if reference is None else _answers(metric, reference[0], rows, reference[1])
    return MetricCase(metric, rows, subject[0], None if reference is None else reference[0], ours, theirs, confidence)


def _answers(metric: Metric, ref: str, rows: EvaluationData, cached: CachedPredictions) -> Answers:
    y = _one_array(rows) if metric.compares_groups else truth_in_labels_of(cached, rows, ref)
    check_applicable(metric, bare(ref), cached, y, rows.ref)
    return Answers(cached, y)


def truth_in_labels_of(cached: CachedPredictions, rows: EvaluationData, ref: str) -> NDArray[Any]:
    """Return the truth of labelled rows in the labels a model answers in.

    Raises
    ------
    InvalidInput
        Where there is none, and where the labels are of another kind.
    """
    y, classes = _one_array(rows), getattr(cached, "classes_", None)
    if classes is None or np.ndim(classes) != 1:
        return y
    return _in_labels_of(np.asarray(classes), y, bare(ref), rows.ref)


def _one_array(rows: EvaluationData) -> NDArray[Any]:
    y = rows.y
    if y is None:
        raise InvalidInput(f"{rows.ref} has no target; add it with target=… so that answers are right or wrong")
    if y.dtype.kind == "O" and {len(one) if isinstance(one, list) else 0 for one in y} == {np.size(y[0])} != {0}:
        return np.array(y.tolist())  # several targets a row, in lists of one length
    return y


def _in_labels_of(classes: NDArray[Any], y: NDArray[Any], model: str, data: str) -> NDArray[Any]:
    """Return the truth in the type of the model's labels, where both say the same: 1.0 and True for 1."""
    kinds = _kind(classes), _kind(y)
    if kinds[0] == kinds[1] == "numbers":
        same = y.astype(classes.dtype)
        # Labels the model does not know stay as they are: they are mistakes, not other labels cut to fit.
        return same if np.array_equal(same, y) else y
    if "other" in kinds or kinds[0] == kinds[1]:
        return y
    raise InvalidInput(
        f"the labels of {data} are {kinds[1]} ({_few(y)}), those {model} was fitted with are {kinds[0]} "
        f"({_few(classes)}); add the data with the labels the model knows"
    )


def _kind(labels: NDArray[Any]) -> str:
    if labels.dtype.kind in "iufb":
        return "numbers"
    listed = labels.tolist()
    if labels.dtype.kind == "U" or all(isinstance(label, str) for label in listed):
        return "text"
    numbers = labels.dtype.kind == "O" and all(isinstance(label, (bool, int, float)) for label in listed)
    return "numbers" if numbers else "other"


def _few(labels: NDArray[Any]) -> str:
    found = list(dict.fromkeys(labels.tolist()))
    return ", ".join(map(repr, found[:3])) + (", …" if len(found) > 3 else "")
