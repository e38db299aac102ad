"""Metrics that are measured and held against nothing: those somebody names, and the usual ones where nobody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from mlcycle import checks, records

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Measure", "described", "usual_metrics"]


def _known(instance: Measure, attribute: object, value: str | records.Cost) -> None:
    checks.find_metric(value)


@frozen
class Measure:
    """A check that measures one metric: what it is, without a line to clear.

    Parameters
    ----------
    metric : str or Cost
        As a criterion names it.
    """

    metric: str | records.Cost = field(validator=_known)

    def __call__(self, subject: str, context: checks.Context) -> records.Result:
        """Return what the metric is."""
        found = checks.measure(self.metric, context.data.rows(), subject, context.models.cached(subject))
        return evolve(found, check=str(self.metric))


def usual_metrics(y: NDArray[Any]) -> tuple[str, ...]:
    """Return the metrics that say the most of answers to such a truth."""
    if checks.task_of(y) == "regressor":
        return ("r2", "rmse")
    return ("accuracy", "roc_auc" if len(set(map(str, y.tolist()))) == 2 else "balanced_accuracy")


def described(subject: str, context: checks.EvaluationContext) -> list[records.Result]:
    """Return the usual metrics of the task, where no criterion asks for anything."""
    tried = [
        found
        for metric in usual_metrics(context.data.target())
        for found in checks.run([Measure(metric)], subject, context)
    ]
    # Where nothing fits the model, the reader learns why instead of getting no result at all.
    return [one for one in tried if one.value is not None] or tried[:1]
