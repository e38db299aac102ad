"""A criterion looked at before it is kept: something measures it, and it can both pass and fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.checks._judge_criterion import measure_of
from mlcycle.checks._metrics import find_metric
from mlcycle.checks._written_metrics import check_source
from mlcycle.errors import InvalidInput
from mlcycle.records import Criterion, MetricSource, UnknownCriterion

if TYPE_CHECKING:
    from mlcycle.checks._metrics import Metric

__all__ = ["validate"]


def validate(criterion: Criterion) -> None:
    """Say what is wrong with a criterion before it becomes part of a scope.

    Parameters
    ----------
    criterion : Criterion
        If it is about a metric, that is looked up here, which loads scikit-learn. A source that this process wrote
        down is tried on a few rows against its function; one that was written elsewhere is not run.

    Raises
    ------
    InvalidInput
        If it is not a criterion, its metric does not exist, nothing measures it, or it could never fail or never pass.

    Examples
    --------
    >>> from mlcycle.records import AtLeast
    >>> validate(AtLeast("mean_absolute_error", 3))
    Traceback (most recent call last):
    ...
    mlcycle.errors.InvalidInput: mean_absolute_error ≥ 3 asks for a large error; use AtMost('mean_absolute_error', 3)
    """
    if not isinstance(criterion, Criterion):
        raise InvalidInput(
            f"a criterion is mc.AtLeast(…), mc.AtMost(…) or mc.NotWorseThan(…), "
            f"got {type(criterion).__name__}: {criterion!r:.80}"
        )
    if not isinstance(criterion, UnknownCriterion):  # that one says itself what it needs, and is kept as it is
        measure_of(criterion)
    if isinstance(criterion.metric, MetricSource):
        check_source(criterion.metric)
    if criterion.metric and (slip := criterion.slip(_facts_of(criterion))):
        raise InvalidInput(slip)


def _facts_of(criterion: Any) -> Metric:
    """Return the metric a criterion names, or say that it stands where the reference belongs."""
    try:
        return find_metric(criterion.metric)
    except InvalidInput as error:
        if "reference" not in criterion.needs:
            raise
        try:
            find_metric(criterion.reference)
        except InvalidInput:
            raise error from None
        kind = type(criterion).__name__
        raise InvalidInput(
            f"{kind} takes what is compared with before the metric: "
            f"{kind}({criterion.metric!r}, {criterion.reference!r})"
        ) from error
