"""Criteria looked at before they enter a scope: something measures them, and they can both pass and fail."""

from __future__ import annotations

from typing import Any

import pytest

from mlcycle.checks import validate
from mlcycle.errors import InvalidInput
from mlcycle.records import (
    AtLeast,
    AtMost,
    Criterion,
    DataCriterion,
    NotWorseThan,
    RowCriterion,
    Unique,
    UnknownCriterion,
)
from tests.checks.toys import Below, Between


@pytest.mark.parametrize(
    "criterion",
    [
        AtLeast("roc_auc", 0.8),
        AtLeast("neg_log_loss", -0.5),
        AtMost("log_loss", 0.5),
        AtMost("roc_auc", 0.99),
        NotWorseThan("production", "rmse"),
        AtLeast("sklearn.metrics:accuracy_score", 0.5),
        Unique("id"),
        Below("age", 120),
        Between("f1", 0.2, 0.4),
        UnknownCriterion({"type": "shop.criteria:Fresh"}),
    ],
    ids=str,
)
def test_good_criteria_pass(criterion: Any) -> None:
    """What can be judged is accepted."""
    validate(criterion)


@pytest.mark.parametrize(
    ("criterion", "remedy"),
    [
        ("roc_auc > 0.8", r"a criterion is mc\.AtLeast\(…\).*got str"),
        (AtLeast("acuracy", 0.8), "did you mean 'accuracy'"),
        (AtMost("mean_absolut_error", 0.8), "did you mean 'mean_absolute_error'"),
        (AtLeast("rmse", 3), r"use AtMost\('rmse', 3\)"),
        (AtMost("neg_log_loss", 0.3), r"can never fail.*use AtMost\('log_loss', 0.3\)"),
        (AtLeast("neg_log_loss", 0.3), r"can never pass.*use AtMost\('log_loss', 0.3\)"),
        (AtLeast("sklearn.metrics:accurcy", 0.3), "cannot be imported here"),
        (AtLeast("math:pi", 0.3), "is a float, not a function"),
        (DataCriterion(), r"nothing measures what DataCriterion asks; .*RowCriterion .*breaks.*MetricCriterion"),
        (RowCriterion(), r"nothing measures what RowCriterion asks; .*RowCriterion and override breaks\(frame\)"),
        (Criterion(), "nothing measures what Criterion asks"),
    ],
    ids=str,
)
def test_bad_criteria_name_the_remedy(criterion: Any, remedy: str) -> None:
    """A mistake is found when the scope is set, not months later at the gate."""
    with pytest.raises(InvalidInput, match=remedy):
        validate(criterion)


def test_a_metric_in_the_place_of_the_reference_is_told() -> None:
    """`NotWorseThan` has two names, and whoever swaps them is shown the order."""
    with pytest.raises(InvalidInput, match=r"NotWorseThan\('production', 'accuracy'\)"):
        validate(NotWorseThan("accuracy", "production", margin=0.05))
    with pytest.raises(InvalidInput, match="there is no metric 'acuracy'; did you mean 'accuracy'"):
        validate(NotWorseThan("production", "acuracy", margin=0.05))
