"""Criteria looked at before they enter a scope: metrics exist, and criteria can both pass and fail."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.metrics import get_scorer_names

from mlcycle.checks import find_metric, validate
from mlcycle.errors import InvalidInput
from mlcycle.records import AtLeast, AtMost, NotWorseThan


@pytest.mark.parametrize(
    ("name", "scorer", "higher"),
    [
        ("roc_auc", "roc_auc", True),
        ("neg_log_loss", "neg_log_loss", True),
        ("log_loss", "neg_log_loss", False),
        ("brier_score", "neg_brier_score", False),
        ("mean_absolute_error", "neg_mean_absolute_error", False),
        ("rmse", "neg_root_mean_squared_error", False),
        ("sklearn.metrics:mean_absolute_error", None, False),
        ("sklearn.metrics:accuracy_score", None, True),
    ],
)
def test_names_find_their_metric(name: str, scorer: str | None, higher: bool) -> None:
    """Scorers, plain errors and functions are told apart, and which way is better is known."""
    metric = find_metric(name)
    assert (scorer, higher) == (metric.scorer, metric.higher_is_better)


def test_every_scorer_is_a_metric() -> None:
    """Whatever scikit-learn names can be used, errors also by their plain name."""
    for name in get_scorer_names():
        assert find_metric(name).higher_is_better
        if name.startswith("neg_"):
            assert not find_metric(name.removeprefix("neg_")).higher_is_better


@pytest.mark.parametrize(
    "criterion",
    [
        AtLeast("roc_auc", 0.8),
        AtLeast("neg_log_loss", -0.5),
        AtMost("log_loss", 0.5),
        AtMost("roc_auc", 0.99),
        NotWorseThan("production", "rmse"),
        AtLeast("sklearn.metrics:accuracy_score", 0.5),
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
