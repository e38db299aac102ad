"""Thresholds a metric always or never reaches: refused when set, with the range and what was meant."""

from __future__ import annotations

import math
from typing import Any

import pytest
from sklearn.metrics import get_scorer_names

from mlcycle.checks import find_metric, validate
from mlcycle.errors import InvalidInput
from mlcycle.records import AtLeast, AtMost, NotWorseThan


@pytest.mark.parametrize("name", sorted(get_scorer_names()))
def test_every_scorer_has_a_range(name: str) -> None:
    """No scorer of scikit-learn is without an end, and a plain error is its scorer's range turned."""
    low, high = find_metric(name).range
    assert low < high
    assert math.isfinite(low) or math.isfinite(high)
    if name.startswith("neg_"):
        assert find_metric(name.removeprefix("neg_")).range == (-high, -low)
        assert (high, low) == (0, low)


@pytest.mark.parametrize(
    ("criterion", "said"),
    [
        (AtLeast("accuracy", 95), r"never pass: accuracy lies between 0 and 1; did you mean 0\.95\?"),
        (AtLeast("roc_auc", 80), r"never pass.*between 0 and 1; did you mean 0\.8\?"),
        (AtLeast("f1_macro", 1.01), "never pass.*between 0 and 1$"),
        (AtLeast("r2", 1.2), "never pass: r2 lies at 1 or below$"),
        (AtLeast("explained_variance", 90), r"never pass.*did you mean 0\.9\?"),
        (AtLeast("adjusted_rand_score", 30), r"never pass.*between -0\.5 and 1; did you mean 0\.3\?"),
        (AtLeast("sklearn.metrics:f1_score", 80), r"never pass.*did you mean 0\.8\?"),
        (AtLeast("accuracy", -0.1), "never fail: accuracy lies between 0 and 1$"),
        (AtLeast("matthews_corrcoef", -1.5), "never fail.*between -1 and 1"),
        (AtMost("matthews_corrcoef", 3), "never fail"),
        (AtMost("brier_score", 5), r"never fail: brier_score lies between 0 and 2; did you mean 0\.05\?"),
        (AtMost("log_loss", -1), "never pass: log_loss lies at 0 or above"),
        (AtMost("max_error", -0.1), "never pass: max_error lies at 0 or above"),
        (AtMost("neg_mean_squared_error", 0.5), "can never fail, this scorer is never above 0"),
        (AtMost("accuracy", 1.5), "never fail"),
        (AtMost("roc_auc", -0.5), "never pass"),
        (NotWorseThan("production", "accuracy", margin=5), r"never fail.*did you mean 0\.05\?"),
        (NotWorseThan("production", "roc_auc", margin=1), "never fail.*no model is worse by that much"),
        (NotWorseThan("production", "matthews_corrcoef", margin=2), "never fail"),
    ],
    ids=str,
)
def test_thresholds_out_of_range_are_refused(criterion: Any, said: str) -> None:
    """The message has the range, and the share where a percentage came."""
    with pytest.raises(InvalidInput, match=said):
        validate(criterion)


@pytest.mark.parametrize(
    "criterion",
    [
        AtLeast("accuracy", 1),
        AtLeast("accuracy", 0),
        AtMost("accuracy", 1),
        AtMost("neg_mean_squared_error", 0),
        AtLeast("r2", -3),
        AtLeast("matthews_corrcoef", -0.5),
        AtLeast("neg_log_loss", -95),
        AtMost("rmse", 95),
        AtMost("brier_score", 0),
        AtMost("roc_auc", 0.5),
        NotWorseThan("production", "rmse", margin=5),
        NotWorseThan("production", "r2", margin=5),
        NotWorseThan("production", "matthews_corrcoef", margin=1.5),
        AtLeast("sklearn.metrics:dcg_score", 95),
        AtLeast("math:dist", 95),
    ],
    ids=str,
)
def test_thresholds_within_range_are_taken(criterion: Any) -> None:
    """What a model can reach and miss is a criterion, also at the very end of the range and in any unit."""
    validate(criterion)
