"""What a check may ask for: data, truth and answers, each loaded once, and labels of any type as arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlcycle.checks import EvaluationData, task_of
from mlcycle.errors import InvalidInput
from tests.checks.contexts import context_of

Make = Callable[..., Any]


def test_the_context_gives_data_truth_and_answers(context_for: Make, scored: Make) -> None:
    """A check may load the data, the target and predictions of any model on it."""
    context = context_for({"m@1": scored([0.2, 0.9])}, [0, 1], region=["a", "b"])
    assert list(context.data.load().columns) == ["i", "region"]
    assert [0, 1] == context.data.target().tolist() == context.models.predict("m@1").tolist()
    assert context.models.predict("m@1", method="predict_proba")[:, 1].tolist() == [0.2, 0.9]
    assert (context.models.find("m@production"), context.models.find("m@5")) == ("model:m@1", None)


def test_a_context_without_data_or_target_says_what_to_do() -> None:
    """Both errors name the remedy."""
    frame = pd.DataFrame({"x": [1]})
    empty = context_of(lambda ref: EvaluationData(ref, frame, frame), data=None)
    with pytest.raises(InvalidInput, match=r"project\.scope\.set\(test=…\)"):
        empty.data.rows()
    with pytest.raises(InvalidInput, match="d@1 has no target"):
        empty.data.target("d@1")


def test_rows_where_a_ref_is_expected_are_refused_in_words(context_for: Make, scored: Make) -> None:
    """Whoever has rows of their own asks the model itself."""
    context = context_for({"m@1": scored([0.2, 0.9])}, [0, 1])
    told = r"^a dataset is named by a ref such as 'customers.test@1', got DataFrame; .*load\(ref\)\.predict\(rows\)"
    data, frame = context.data, pd.DataFrame({"i": [0]})
    for ask in (data.load, data.table, data.target, data.rows, lambda rows: context.models.predict("m@1", rows)):
        with pytest.raises(InvalidInput, match=told):
            ask(frame)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (pd.Series([True, None, False], dtype="boolean"), [True, False]),
        (pd.Series([1, None, 2], dtype="Int64"), [1, 2]),
        (pd.Series([1.5, None, 2], dtype="Float64"), [1.5, 2.0]),
        (pd.Series(["a", None, "b"], dtype="string"), ["a", "b"]),
        (pd.Series(["a", None, "b"], dtype="category"), ["a", "b"]),
        (pd.Series([True, None, False], dtype=object), [True, False]),
        (pd.Series([1, None, 2], dtype="category"), [1, 2]),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_labels_of_any_type_become_arrays_metrics_take(labels: Any, expected: Any, context_for: Make) -> None:
    """Nullable and categorical targets lose their missing rows and become plain arrays."""
    found = context_for({}, labels).data.rows()
    assert expected == found.y.tolist()
    assert found.y.dtype != object
    assert found.unlabelled == 1
    assert found.X["i"].tolist() == [0, 2]


def test_everything_is_loaded_once(scored: Make) -> None:
    """Each dataset, each model, and each model's answers on each dataset; the version found is what counts."""
    asked: list[str] = []
    frame, model = pd.DataFrame({"i": [0, 1]}), scored([0.2, 0.9])

    def rows(ref: str) -> EvaluationData:
        asked.append(ref)
        return EvaluationData("d@1" if ref.startswith("d") else ref, frame, frame, np.array([0, 1]))

    def load(ref: str) -> Any:
        asked.append(ref)
        return model

    context = context_of(rows, load, data="d")
    for _ in range(2):
        for data in (None, "d", "d@1", "other@1"):
            context.models.predict("m@1", data, "predict_proba")
            context.data.target(data)
    assert asked == ["d", "m@1", "other@1"]
    assert model.calls == 2  # "d" and "d@1" are one version
    assert context.models.cached("m@1", "d") is context.models.cached("m@1", "d@1")


def test_a_check_may_change_what_it_was_given(context_for: Make, scored: Make) -> None:
    """The next one is given what the first one was."""
    context = context_for({"m@1": scored([0.2, 0.9])}, np.array([0, 1]))
    frame = context.data.load()
    frame["i"] = 7
    for ask in (context.data.target, lambda: context.models.predict("m@1")):
        ask()[:] = 7
        assert ask().tolist() == [0, 1]
    rows = context.data.rows()
    for given in (rows.frame, rows.X):
        given["i"] = 7
    rows.column("i").array[:] = 7
    for shared in (rows.y, context.models.cached("m@1").answers("predict")):
        with pytest.raises(ValueError, match="read-only"):
            shared[:] = 7
    assert (rows.frame["i"].tolist(), rows.X["i"].tolist(), rows.y.tolist()) == ([0, 1], [0, 1], [0, 1])
    assert context.data.load()["i"].tolist() == [0, 1]


def test_rows_without_a_label_leave_with_all_that_is_theirs() -> None:
    """Columns, inputs and groups stay side by side; whatever the index of the labels, position counts."""
    frame = pd.DataFrame({"i": [0, 1, 2, 3]}, index=[9, 8, 7, 6])
    labels = pd.Series([np.nan, 1.0, np.nan, 0.0], index=[6, 7, 8, 9])

    def found(y: Any, groups: Any) -> EvaluationData:
        return context_of(lambda ref: EvaluationData(ref, frame, frame.to_numpy(), y, groups)).data.rows()

    rows = found(labels, ["a", "b", "c", "d"])
    assert (rows.ref, rows.unlabelled, rows.y.tolist(), rows.groups.tolist()) == ("d@1", 2, [1.0, 0.0], ["b", "d"])
    assert (rows.frame["i"].tolist(), rows.X.ravel().tolist()) == ([1, 3], [1, 3])
    whole = found(None, ["a", "b", "c", "d"])
    assert (whole.y, whole.groups.tolist(), whole.unlabelled, len(whole.frame)) == (None, ["a", "b", "c", "d"], 0, 4)
    assert found(pd.Series([1, 0, 1, 0]), None).groups is None


def test_labels_of_one_plain_type_become_that_type(context_for: Make) -> None:
    """Text in an array of objects is text, and lists of one length are a table; of several, they stay what they are."""
    kinds = {
        kind: context_for({}, pd.Series(values, dtype=object)).data.rows().y.dtype.kind
        for kind, values in {"U": ["a", "bb"], "i": [1, 2], "b": [True, False], "f": [1, 0.5]}.items()
    }
    assert {*kinds} == {*kinds.values()}
    assert context_for({}, pd.Series([], dtype=object)).data.rows().y.shape == (0,)
    assert context_for({}, pd.Series([[1.0, 2.0], [3.0, 4.0]])).data.rows().y.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    ragged = context_for({}, pd.Series([[1.0], [2.0, 3.0]])).data.rows().y
    assert (ragged.dtype.kind, ragged.tolist()) == ("O", [[1.0], [2.0, 3.0]])


def test_all_rows_are_there_for_checks_of_the_data() -> None:
    """What is loaded has the rows without a label too, as a frame and as a table, of which each is read once."""
    asked: list[str] = []
    frame = pd.DataFrame({"x": [1, 2, 3], "y": [0, None, 1]})

    def rows(ref: str) -> EvaluationData:
        asked.append(ref)
        return EvaluationData("d@1", frame, frame[["x"]], frame["y"])

    data = context_of(rows, data="d").data
    assert [len(data.load()), data.table().num_rows, len(data.rows()), len(data.target())] == [3, 3, 2, 2]
    assert data.table() is data.table()
    assert asked == ["d"]


def test_columns_without_a_form_in_arrow_say_what_to_load() -> None:
    """A frame has them all the same."""
    frame = pd.DataFrame({"x": [object(), 1]})
    with pytest.raises(InvalidInput, match=r"^d@1 has no form as an Arrow table.*load\(\) gives a DataFrame"):
        context_of(lambda ref: EvaluationData("d@1", frame, frame)).data.table()


@pytest.mark.parametrize(
    ("labels", "said", "task"),
    [
        (["a", "b"] * 40, None, "classifier"),
        ([f"user {i}" for i in range(99)], None, "classifier"),
        (np.array([0.0, 1.0]), None, "classifier"),
        (np.arange(51), None, "regressor"),
        (np.arange(50), None, "classifier"),
        (np.array([True, False]), None, "classifier"),
        (np.array([0.5, 1.0]), None, "regressor"),
        ([[1, 0], [0, 1]], None, "classifier"),
        (np.array([[1.5, 0.0]]), None, "regressor"),
        ([0, 1], "regressor", "regressor"),
        ([0.5], "outlier detector", "regressor"),
    ],
)
def test_labels_tell_the_task(labels: Any, said: str | None, task: str) -> None:
    """Text and few whole numbers are labels; what a signature says of it counts."""
    assert task == task_of(labels, said)
