"""Metrics that are measured and held against nothing: those somebody names, and the usual ones where nobody asks."""

from __future__ import annotations

from attrs import evolve, field, frozen

from mlcycle import checks, records

__all__ = ["Measure", "described"]


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


def described(subject: str, context: checks.EvaluationContext) -> list[records.Result]:
    """Return the usual metrics of the task, where no criterion asks for anything."""
    y = context.data.target()
    if checks.task_of(y) == "regressor":
        usual = ("r2", "rmse")
    else:
        usual = ("accuracy", "roc_auc" if len(set(map(str, y.tolist()))) == 2 else "balanced_accuracy")
    tried = [found for metric in usual for found in checks.run([Measure(metric)], subject, context)]
    # Where nothing fits the model, the reader learns why instead of getting no result at all.
    return [one for one in tried if one.value is not None] or tried[:1]
