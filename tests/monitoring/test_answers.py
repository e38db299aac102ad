"""Captured answers as a metric sees them: without a model, as far as they go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlcycle.errors import InvalidInput, UntrustedModel
from mlcycle.monitoring._answers import CapturedAnswers


def refuse(method: str) -> Any:
    """Be a model that nobody trusts."""
    raise UntrustedModel("a pickle")


def captured(output: list[Any], labels: list[Any], scores: Any = None, signature: Any = None) -> CapturedAnswers:
    """Return answers to as many rows."""
    given = [None] * len(output) if scores is None else scores
    answers = pd.DataFrame({"output": pd.Series(output, dtype=object), "scores": pd.Series(given, dtype=object)})
    return CapturedAnswers(answers, pd.Series(labels, dtype=object), signature, refuse)


@pytest.mark.parametrize(
    ("output", "signature", "task"),
    [
        ([1, 0, 1], None, "classifier"),
        (["a", "b", "a"], None, "classifier"),
        ([0.5, 1.5, 2.5], None, "regressor"),
        ([1, 0, 1], {"task": "regressor"}, "regressor"),
        ([1, 0, 1], {"task": "clusterer"}, "classifier"),
    ],
)
def test_the_task_is_that_of_the_signature_or_of_the_values(output: Any, signature: Any, task: str) -> None:
    """Whole numbers of few values are classes, unless the model said otherwise."""
    found = captured(output, output, signature=signature)
    assert found.task == task
    assert hasattr(found, "classes_") == (task == "classifier")
    np.testing.assert_array_equal(found.predict(None), output)


def test_scores_stand_for_answers_that_were_not_captured() -> None:
    """The class with the highest, by the order of the signature; what was not captured is not offered."""
    signature = {"task": "classifier", "classes": ["no", "yes"], "methods": ["predict", "predict_proba"]}
    found = captured([None, None], ["no", "yes"], scores=[[0.9, 0.1], [0.2, 0.8]], signature=signature)
    assert found.predict(None).tolist() == ["no", "yes"]
    assert found.predict_proba(None).tolist() == [[0.9, 0.1], [0.2, 0.8]]
    assert not found.lacks("log_loss")
    without = captured(["no", "yes"], ["no", "yes"], signature=signature)
    assert not hasattr(without, "predict_proba")
    assert (without.lacks("log_loss"), without.lacks("accuracy"), without.lacks("no such metric")) == (
        True,
        False,
        False,
    )


def test_what_cannot_be_had_or_compared_is_refused_in_words() -> None:
    """No answers and no trust, or labels that no answer could equal."""
    with pytest.raises(
        InvalidInput, match="predictions were not captured, and loading the model to ask it needs trust"
    ):
        captured([None], [1])
    with pytest.raises(InvalidInput, match="the labels are text such as '1' and the answers numbers such as 1"):
        captured([1], ["1"])


def test_several_targets_are_right_where_each_is() -> None:
    """As accuracy has it: a row is right or it is not."""
    found = captured([[1, 0], [1, 1]], [[1, 0], [0, 1]])
    assert (found.several, found.predict(None).tolist(), found.truth.tolist()) == (True, [1, 0], [1, 1])
