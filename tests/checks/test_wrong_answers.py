"""How wrong each answer is, and which are the worst, against what one works out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlcycle.checks import EvaluationData, WrongAnswers, replay_predictions, wrong_answers
from mlcycle.errors import InvalidInput


def found(truth: Any, classes: Any = None, **answers: Any) -> WrongAnswers:
    """Return what is found of such answers."""
    frame = pd.DataFrame({"y": range(len(truth))})
    arrays = {name: np.asarray(values) for name, values in answers.items()}
    y = np.asarray(truth)
    return wrong_answers(EvaluationData("d@1", frame, None, y), "model:m@1", replay_predictions(arrays, classes))


def test_labels_by_how_sure_it_was() -> None:
    """Wrong ones alone, the surest first; probabilities of the answer, not of the truth."""
    one = found(
        ["a", "b", "c", "a"],
        ["a", "b", "c"],
        predict=["b", "b", "a", "c"],
        predict_proba=[[0.3, 0.4, 0.3], [0, 1, 0], [0.9, 0, 0.1], [0.2, 0.2, 0.6]],
    )
    assert one.error.tolist() == [1, 0, 1, 1]
    assert one.confidence is not None
    assert one.confidence.tolist() == [0.4, 1, 0.9, 0.6]
    assert (one.worst(10).tolist(), one.worst(1).tolist(), one.worst(0).tolist()) == ([2, 3, 0], [2], [])


def test_two_classes_have_one_score() -> None:
    """Far from 0 is sure, on either side."""
    one = found([0, 0, 1], [0, 1], predict=[1, 1, 0], decision_function=[0.5, 3.0, -2.0])
    assert one.worst(10).tolist() == [1, 2, 0]


def test_without_scores_in_the_order_of_the_data() -> None:
    """Scores of another shape say nothing either."""
    for more in ({}, {"decision_function": np.zeros((3, 6))}):
        one = found([0, 1, 0], [0, 1], predict=[1, 1, 1], **more)
        assert (one.confidence, one.worst(10).tolist()) == (None, [0, 2])


def test_numbers_by_how_far_off() -> None:
    """An answer that is no number comes first: nothing is more wrong."""
    one = found([1.0, 2.0, 3.0, 4.0], predict=[1.0, 4.5, 2.0, np.nan])
    assert not one.of_labels
    assert one.worst(10).tolist() == [3, 1, 2]


def test_truth_in_another_type_is_the_same_label() -> None:
    """1.0 and True are 1."""
    assert found([1.0, 0.0], np.array([0, 1]), predict=[1, 1]).error.tolist() == [0, 1]
    assert found([True, False], np.array([0, 1]), predict=[1, 1]).error.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("truth", "answers", "why"),
    [
        ([[1, 2], [3, 4]], {"predict": [[1, 2], [3, 4]]}, "a row of d@1 has several values"),
        (["a", "b"], {"predict": [0.5, 1.5]}, "none are alike"),
        ([1, 2], {"decision_function": [0.5, 1.5]}, "m@1 has no predict"),
    ],
)
def test_what_is_neither_right_nor_wrong(truth: Any, answers: Any, why: str) -> None:
    """Is said in words."""
    with pytest.raises(InvalidInput, match=why):
        found(truth, **answers)
