"""Mean costs against scikit-learn's confusion matrix, in whole, in slices, and with what has no cost said in words."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

from mlcycle.checks import EvaluationData, find_metric, judge, measure, validate, weigh
from mlcycle.checks._cost_rows import costs_of
from mlcycle.errors import InvalidInput
from mlcycle.records import AtLeast, AtMost, Cost, NotWorseThan, Result
from tests.checks.contexts import context_of

BINARY = Cost(false_negative=10, false_positive=1)
NAMES = {0: "stay", 1: "leave", 2: "wait"}


def rows_of(y: Any, **columns: Any) -> EvaluationData:
    """Return data of a truth, with a column that tells rows apart."""
    frame = pd.DataFrame({"x": range(len(y)), **columns, "y": y})
    return EvaluationData("d@1", frame, frame[["x"]], frame["y"])


def answering(answers: Any, classes: Any = None) -> Any:
    """Return a model that gives these answers."""
    told = {"classes_": np.asarray(classes)} if classes is not None else {}
    return SimpleNamespace(predict=lambda X: np.asarray(answers)[np.asarray(X)[:, 0].astype(int)], **told)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1),
    st.lists(st.integers(0, 50), min_size=9, max_size=9),
)
def test_it_is_the_confusion_matrix_times_the_costs(pairs: list[tuple[int, int]], costs: list[int]) -> None:
    """Elkan (2001): the sum over cells of how often times how dear, a row; here with gains on the diagonal."""
    matrix = np.reshape(costs, (3, 3)) + 1
    np.fill_diagonal(matrix, -np.arange(3))
    cost = Cost({(NAMES[a], NAMES[b]): matrix[a, b] for a in range(3) for b in range(3)})
    y, said = np.array(pairs).T
    named = [np.array([NAMES[one] for one in labels]) for labels in (y, said)]
    expected = (confusion_matrix(y, said, labels=[0, 1, 2]) * matrix).sum() / len(y)
    assert np.isclose(expected, costs_of(cost, *named).mean())


@pytest.mark.parametrize(
    ("classes", "positive"), [([0, 1], 1), (["no", "yes"], "yes"), ([1, 2], 1), ([False, True], True)]
)
def test_a_miss_is_of_the_positive_class(classes: list[Any], positive: Any) -> None:
    """As everywhere: 1 where there is one, else the second."""
    negative = next(one for one in classes if one != positive)
    y = np.array([positive, positive, positive, negative, negative] * 20)
    said = np.array([positive, negative, negative, positive, negative] * 20)
    found = measure(BINARY, rows_of(y), "m@1", answering(said, classes))
    assert found.value == (10 + 10 + 1) / 5
    assert found.check == "mean cost (miss 10, false alarm 1)"


def test_an_interval_holds_and_allows_for_rows_not_seen() -> None:
    """By the bootstrap: near the error of a mean; a model without a mistake is not sure of it."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 2000)
    said = np.where(rng.random(2000) < 0.2, 1 - y, y)
    found = measure(BINARY, rows_of(y), "m@1", answering(said, [0, 1]))
    each = costs_of(BINARY, y, said)
    half = 1.96 * each.std() / np.sqrt(len(y))
    assert found.low == pytest.approx(each.mean() - half, abs=0.3 * half)
    assert found.high == pytest.approx(each.mean() + half, abs=0.3 * half)
    perfect = measure(BINARY, rows_of(y), "m@1", answering(y, [0, 1]))
    # a share of about 3 / n may be missed yet (Hanley and Lippman-Hand 1983), and each costs up to 10
    assert (perfect.value, perfect.low) == (0, 0)
    assert pytest.approx(perfect.high, rel=0.5) == 10 * 3 / 2000


def test_slices_and_comparisons() -> None:
    """The same machinery as for any metric: one result a slice, and a difference that is better when positive."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    frame = pd.concat([X, y, (y.index % 2).to_series(index=y.index, name="half")], axis=1).loc[lambda t: t.target > 0]
    data = EvaluationData("d@1", frame, frame[list(X)], frame["target"])
    good = LogisticRegression().fit(frame[list(X)], frame["target"])
    models = {"model:m@2": good, "model:m@1": answering(np.ones(150), [1, 2])}
    models["model:m@1"].predict = lambda X: np.ones(len(X), dtype=int)
    context = context_of(lambda ref: data, models.get, lambda name: "model:m@1" if "production" in name else name)
    sliced = judge(AtMost(Cost({(1, 2): 1, (2, 1): 4}), 0.9, slices="half"), "model:m@2", context)
    assert [(one.slice, one.verdict) for one in sliced] == [("half=0", "pass"), ("half=1", "pass")]
    [better] = judge(NotWorseThan("production", Cost({(1, 2): 1, (2, 1): 4})), "model:m@2", context)
    assert better.verdict == "pass"
    assert better.comparison is not None
    assert better.comparison["reference_value"] == 2  # half of the rows, each a mistake of 4
    assert better.value == pytest.approx(2 - better.comparison["subject"])


def in_groups(count: int, margin: float) -> Result:
    """Compare a model with one that answers the same, on groups of two rows each."""
    y = np.tile([0, 1], count)
    frame = pd.DataFrame({"x": y, "y": y})
    data = EvaluationData("d@1", frame, frame[["x"]], frame["y"], groups=np.repeat(np.arange(count), 2))
    context = context_of(lambda ref: data, lambda ref: answering(1 - y, [0, 1]), lambda name: "model:m@1")
    [found] = judge(NotWorseThan("production", BINARY, margin=margin), "model:m@2", context)
    return found


def test_equal_answers_say_what_they_can_show() -> None:
    """No answer differs: the limit is Clopper and Pearson's on groups, and the number told is the number it takes."""
    found = in_groups(30, 0.05)
    assert found.comparison is not None
    assert (found.verdict, found.groups, found.n, found.comparison["differ"]) == ("inconclusive", 30, 60, 0)
    assert -found.low == pytest.approx(10 * (1 - 0.025 ** (1 / 30)))  # type: ignore[operator]
    assert found.detail == "no answer differs from m@1's; 30 groups show a margin of 1.157, about 740 would show 0.05"
    assert [in_groups(count, 0.05).verdict for count in (730, 740)] == ["inconclusive", "pass"]
    assert in_groups(30, 0).detail == "no answer differs from m@1's, so it is not better"
    easier, better = NotWorseThan("production", BINARY, margin=2), NotWorseThan("production", BINARY)
    assert [one.detail for one in weigh(easier, [found])] == [""]
    assert [one.detail for one in weigh(better, [found])] == ["no answer differs from m@1's, so it is not better"]


def test_two_answers_to_one_row_lie_no_farther_apart_than_its_class_lets_them() -> None:
    """A gain of one class and a loss of another are of different rows."""
    assert (BINARY.range, BINARY.widest) == ((0, 10), 10)
    gains = Cost({("a", "a"): -5, ("a", "b"): 0, ("b", "a"): 10})
    assert (gains.range, gains.widest) == ((-5, 10), 10)


@pytest.mark.parametrize(
    ("cost", "y", "said", "classes", "message"),
    [
        (Cost({("a", "b"): 1, ("b", "a"): 1}), ["a", "c"], ["a", "a"], ["a", "c"], "names .* 'a', 'b', and .* has 'c'"),
        (BINARY, list("abc"), list("abc"), list("abc"), "are for two classes, and m@1 knows 3; give costs by pair"),
        (BINARY, ["a", "b"], ["a", "b"], None, "does not say its classes_, so that they are taken for 0 and 1"),
        (BINARY, [0, 1, 7], [0, 1, 1], [0, 1], "knows 0, 1, and in d@1 or its answers there is 7"),
    ],
)
def test_what_has_no_cost_is_said(cost: Cost, y: Any, said: Any, classes: Any, message: str) -> None:
    """With the labels that are not known, and how to give their costs."""
    context = context_of(lambda ref: rows_of(y), lambda ref: answering(said, classes))
    [found] = judge(AtMost(cost, 0.4), "model:m@1", context)
    assert found.verdict == "error"
    assert re.search(message, found.detail), found.detail


def test_thresholds_that_are_slips() -> None:
    """A cost is better when lower, and is never more than the dearest mistake."""
    assert find_metric(BINARY).range == (0, 10)
    assert not find_metric(BINARY).higher_is_better
    with pytest.raises(InvalidInput, match=r"asks for a large error; use AtMost\(Cost\(false_negative=10"):
        validate(AtLeast(BINARY, 0.4))
    with pytest.raises(InvalidInput, match=r"can never fail: mean cost .* lies between 0 and 10"):
        validate(AtMost(BINARY, 40))
    validate(AtMost(BINARY, 0.4))
