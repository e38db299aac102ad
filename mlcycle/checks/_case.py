"""One criterion, one model, one dataset: labels brought together, and what cannot be judged said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.checks._fit import check_fit
from mlcycle.errors import InvalidInput
from mlcycle.records import AtMost, Criterion, NotWorseThan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlcycle.checks._metrics import Metric
    from mlcycle.checks._protocol import Context, Rows
    from mlcycle.checks._recorded import Recorded

__all__ = ["Answers", "Case", "case_of"]


@frozen(eq=False)
class Answers:
    """What one model answered, and the truth in the labels it answers in."""

    recorded: Recorded
    y: NDArray[Any]


@frozen(eq=False)
class Case:
    """Everything about one criterion that is the same in every slice."""

    criterion: Criterion
    metric: Metric
    rows: Rows
    subject: str
    reference: str | None
    ours: Answers
    theirs: Answers | None

    @property
    def turn(self) -> int:
        """+1 where more is better: distances from the threshold are turned so that positive is good."""
        higher = self.metric.higher_is_better if self.theirs is not None else not isinstance(self.criterion, AtMost)
        return 1 if higher else -1

    @property
    def threshold(self) -> float:
        """What the value, or the difference turned so that positive is good, is held against."""
        if isinstance(self.criterion, NotWorseThan):
            return -self.criterion.margin
        return float(self.criterion.threshold)  # type: ignore[attr-defined]


def case_of(criterion: Criterion, metric: Metric, subject: str, reference: str | None, context: Context) -> Case:
    """Bring together what a criterion needs.

    Raises
    ------
    InvalidInput
        Where the data has no labels, or the metric does not fit what a model answers.
    """
    rows = context.rows(criterion.on)
    if rows.y is None:
        raise InvalidInput(f"{rows.ref} has no target; add it with target=… so that {criterion.metric} can be computed")
    if len(rows.y) == 0:
        raise InvalidInput(f"{rows.ref} has no row with a label")
    ours = _answers(metric, subject, rows, context.recorded(subject, criterion.on))
    theirs = None
    if reference is not None:
        theirs = _answers(metric, reference, rows, context.recorded(reference, criterion.on))
    return Case(criterion, metric, rows, subject, reference, ours, theirs)


def _answers(metric: Metric, model: str, rows: Rows, recorded: Recorded) -> Answers:
    assert rows.y is not None
    y = rows.y
    if y.dtype.kind == "O" and {len(one) if isinstance(one, list) else 0 for one in y} == {np.size(y[0])} != {0}:
        y = np.array(y.tolist())  # several targets a row, in lists of one length
    classes = getattr(recorded, "classes_", None)
    if not metric.compares_groups and classes is not None and np.ndim(classes) == 1:
        y = _in_labels_of(np.asarray(classes), y, model, rows.ref)
    check_fit(metric, model, recorded, y, rows.ref)
    return Answers(recorded, y)


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
