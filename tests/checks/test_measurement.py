"""A metric measured without a criterion: the value and interval any criterion would be held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from mlcycle.checks import judge, measure
from mlcycle.records import AtLeast, AtMost, Criterion
from tests.checks.toys import Between

Make = Callable[..., Any]


@pytest.fixture
def y() -> Any:
    """Return 600 labels."""
    return np.arange(600) % 2


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "log_loss", "f1"])
def test_it_is_what_a_criterion_is_held_against(
    metric: str, context_for: Make, scored: Make, scores: Make, y: Any
) -> None:
    """The same numbers to the last digit, whichever way round; from recorded answers or from the model."""
    model = scored(scores(0.8, y, np.random.default_rng(0)))
    context = context_for({"m@2": model}, y)
    kind = AtMost if metric == "log_loss" else AtLeast
    [judged] = judge(kind(metric, 0.7, confidence=0.9), "model:m@2", context)
    found = measure(metric, context.data.rows(), "model:m@2", context.models.cached("m@2"), confidence=0.9)
    assert found == measure(metric, context.data.rows(), "model:m@2", model, confidence=0.9)
    same = ("subject", "data", "value", "low", "high", "n", "detectable", "confidence")
    assert [getattr(found, name) for name in same] == [getattr(judged, name) for name in same]
    assert (found.check, found.verdict, found.threshold) == (metric, "not_applicable", None)


@pytest.mark.parametrize(
    "criterion",
    [
        *(AtLeast("roc_auc", one) for one in (0.7, 0.75, 0.8, 0.85, 0.9)),
        *(AtMost("roc_auc", one) for one in (0.75, 0.8, 0.85)),
        *(Between("roc_auc", *both) for both in ((0.7, 0.9), (0.85, 0.9), (0.79, 0.9), (0.1, 0.2))),
    ],
    ids=str,
)
def test_a_verdict_from_it_is_the_judges(
    criterion: Criterion, context_for: Make, scored: Make, scores: Make, y: Any
) -> None:
    """So that a stored measurement can be held against what is asked today."""
    context = context_for({"m@2": scored(scores(0.8, y, np.random.default_rng(1)))}, y)
    [judged] = judge(criterion, "m@2", context)
    found = measure("roc_auc", context.data.rows(), "m@2", context.models.cached("m@2"))
    assert judged.verdict == criterion.verdict(found) == criterion.verdict(evolve(found, verdict="pass"))


def test_what_cannot_be_measured_says_why(context_for: Make, scored: Make, predicted: Make) -> None:
    """No exception: no value, and the reason."""
    context = context_for({"m@2": scored([0.2, 0.9])}, np.array([0, 1]))
    rows, model = context.data.rows(), scored([0.2, 0.9])
    tried = [
        (measure("acuracy", rows, "m@2", model), "did you mean 'accuracy'"),
        (measure("accuracy", evolve(rows, y=None), "m@2", model), "d@1 has no target"),
        (measure("roc_auc", rows, "m@2", predicted([0, 1])), "roc_auc needs decision_function or predict_proba"),
        (measure("accuracy", rows, "m@2", scored([0.2])), "predict failed on these rows"),
    ]
    for found, why in tried:
        assert (found.verdict, found.value, found.subject, found.data) == ("error", None, "model:m@2", "d@1")
        assert why in found.detail


def test_rows_without_a_label_are_left_out(scored: Make) -> None:
    """Also where they come as they were read, and answers of all rows are refused."""
    import pandas as pd

    from mlcycle.checks import EvaluationData, cache_predictions

    frame = pd.DataFrame({"i": range(100)})
    rows = EvaluationData("d@1", frame, frame, pd.Series([None] * 10 + [0, 1] * 45))
    model = scored(np.linspace(0, 1, 100))
    found = measure("accuracy", rows, "m@2", model)
    assert (found.n, found.verdict) == (90, "not_applicable")
    assert "10 rows without a label left out" in found.detail
    assert "gave 100 answers to the 90 rows" in measure("accuracy", rows, "m@2", cache_predictions(model, frame)).detail
