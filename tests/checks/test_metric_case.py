"""One criterion brought together: the labels of data and model, and which way is better."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from attrs import evolve

from mlcycle.checks import find_metric
from mlcycle.checks._metric_case import metric_case
from mlcycle.errors import InvalidInput
from mlcycle.records import AtLeast, AtMost, NotWorseThan

Make = Callable[..., Any]


def _case(criterion: Any, context: Any, reference: str | None = None, rows: Any = None) -> Any:
    theirs = None if reference is None else (reference, context.models.cached(reference))
    ours = "m@2", context.models.cached("m@2")
    return metric_case(find_metric(criterion.metric), rows or context.data.rows(), ours, theirs)


@pytest.mark.parametrize(
    ("metric", "turn"),
    [("accuracy", 1), ("log_loss", -1), ("neg_log_loss", 1)],
)
def test_differences_are_turned_so_that_positive_is_good(
    metric: str, turn: int, context_for: Make, scored: Make
) -> None:
    """Whether more is better, the metric says."""
    context = context_for({"m@1": scored([0.2, 0.9]), "m@2": scored([0.4, 0.6])}, np.array([0, 1]))
    case = _case(NotWorseThan("production", metric), context, "m@1")
    assert (case.turn, case.theirs is not None) == (turn, True)


def test_data_without_labels_says_what_is_missing(context_for: Make, scored: Make) -> None:
    """No target, and a target of which nothing is known."""
    context = context_for({"m@2": scored([0.2, 0.9])}, pd.Series([None, None], dtype="Int64"))
    with pytest.raises(InvalidInput, match=r"^d@1 has no row with a label$"):
        _case(AtLeast("accuracy", 0.5), context)
    context = context_for({"m@2": scored([0.2, 0.9])}, np.array([0, 1]))
    untold = evolve(context.data.rows(), y=None)
    with pytest.raises(InvalidInput, match=r"^d@1 has no target; add it with target=… so that accuracy can be"):
        _case(AtLeast("accuracy", 0.5), context, rows=untold)


@pytest.mark.parametrize(
    ("classes", "labels", "found"),
    [
        ([0, 1], [True, False], [1, 0]),
        ([False, True], [1, 0], [True, False]),
        ([0, 1], [1.0, 0.0], [1, 0]),
        (["a", "b"], ["b", "c"], ["b", "c"]),
        ([0, 1], [1.0, 0.5], [1.0, 0.5]),
        ([0, 1], [0, 2], [0, 2]),
        ([False, True], [1, 2], [1, 2]),
    ],
    ids=str,
)
def test_labels_are_in_the_type_of_the_models(
    classes: list[Any], labels: list[Any], found: list[Any], context_for: Make, scored: Make
) -> None:
    """Where both say the same; a label the model does not know is a mistake, and is not cut to fit."""
    case = _case(
        AtLeast("sklearn.metrics:accuracy_score", 0.5),
        context_for({"m@2": scored([0.2, 0.9], classes)}, np.array(labels)),
    )
    assert found == case.ours.y.tolist()
    assert [*map(type, found)] == [*map(type, case.ours.y.tolist())]


def test_each_model_is_answered_in_its_own_labels(context_for: Make, scored: Make) -> None:
    """The subject may know 1 where the reference knows True."""
    models = {"m@1": scored([0.2, 0.9], [False, True]), "m@2": scored([0.2, 0.9], [0, 1])}
    case = _case(NotWorseThan("production", "accuracy"), context_for(models, np.array([0.0, 1.0])), "m@1")
    assert (case.ours.y.dtype.kind, case.theirs.y.dtype.kind) == ("i", "b")


@pytest.mark.parametrize(
    ("classes", "labels", "words"),
    [
        ([0, 1], ["0", "1"], "the labels of d@1 are text ('0', '1'), those m@2 was fitted with are numbers (0, 1)"),
        ([0, 1], ["c", "b", "a"], "the labels of d@1 are text ('c', 'b', 'a'), those"),
        (["a", "b", "c", "d"], [4, 2, 4, 1, 0], "are numbers (4, 2, 1, …), those m@2 was fitted with are text ('a', "),
    ],
)
def test_labels_of_another_type_are_never_counted_wrong(
    classes: list[Any], labels: list[Any], words: str, context_for: Make, scored: Make
) -> None:
    """They are refused with a few of each, and what would do."""
    context = context_for({"m@2": scored([0.2] * len(labels), classes)}, np.array(labels))
    with pytest.raises(InvalidInput) as caught:
        _case(AtLeast("accuracy", 0.5), context)
    assert words in str(caught.value)
    assert str(caught.value).endswith("; add the data with the labels the model knows")


def test_groups_are_compared_whatever_they_are_called(context_for: Make, scored: Make) -> None:
    """Which rows go together does not depend on the labels' type."""
    context = context_for({"m@2": scored([0.2, 0.9], [0, 1])}, np.array(["low", "high"]))
    assert _case(AtLeast("adjusted_rand_score", 0.5), context).ours.y.tolist() == ["low", "high"]


@pytest.mark.parametrize(
    ("targets", "answers", "table"),
    [
        ([[1.0, 2.0], [3.0, 5.0]], [[1.0, 2.0], [3.0, 4.0]], True),
        ([[1.0, 2.0], [3.0]], [1.0, 2.0], False),
        ([[], []], [1.0, 2.0], False),
    ],
)
def test_several_targets_a_row_become_a_table(
    targets: Any, answers: Any, table: bool, context_for: Make, predicted: Make
) -> None:
    """Lists of one length, from whatever context; what is not that stays as it is."""
    y = np.empty(2, dtype=object)
    y[:] = targets
    context = context_for({"m@2": predicted(answers)}, np.arange(2))
    rows = evolve(context.data.rows(), y=y)
    found = _case(AtMost("sklearn.metrics:max_error", 1), context, rows=rows).ours.y
    assert (found.tolist(), found.dtype.kind, found.ndim) == (targets, "f" if table else "O", 2 if table else 1)
