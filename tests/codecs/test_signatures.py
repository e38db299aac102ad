"""What a model takes and gives, and rows brought into that shape."""

from __future__ import annotations

import datetime as dt
import json
import time

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from mlcycle.codecs import check_inputs, infer_signature
from mlcycle.errors import InvalidInput

FRAME = pd.DataFrame(
    {
        "age": [20, 40, 60],
        "income": [1.5, 2.5, np.nan],
        "member": [True, False, True],
        "region": ["north", "south", None],
        "plan": pd.Categorical(["a", "b", "a"]),
        "since": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"]),
        "small": np.array([1, 2, 3], dtype="int8"),
    }
)


class Model:
    """Anything that predicts."""

    def predict(self, X):
        """Answer with the rows."""
        return X


UNIT = FRAME["since"].dt.unit
SIGNATURE = infer_signature(FRAME, Model())


def _numbers(**columns):
    return infer_signature(pd.DataFrame(columns), Model())


def test_a_table_is_described():
    """Names and canonical types in order, as plain JSON."""
    expected = [
        {"name": "age", "type": "int64"},
        {"name": "income", "type": "float64"},
        {"name": "member", "type": "bool"},
        {"name": "region", "type": "string"},
        {"name": "plan", "type": "category", "of": "string", "levels": ["a", "b"]},
        {"name": "since", "type": "timestamp", "unit": UNIT},
        {"name": "small", "type": "int8"},
    ]
    assert expected == SIGNATURE["inputs"]
    assert json.loads(json.dumps(SIGNATURE)) == SIGNATURE
    assert tuple(SIGNATURE[key] for key in ("layout", "named", "width", "task", "classes")) == (
        "table",
        True,
        7,
        "other",
        None,
    )


def test_types_do_not_depend_on_the_backend():
    """Numpy, nullable, Arrow and object columns of one meaning have one type."""
    alike = [
        pd.Series([1, 2]),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1, 2], dtype="int64[pyarrow]"),
        pd.Series([1, 2], dtype=object),
    ]
    assert [_type(column) for column in alike] == [{"type": "int64"}] * 4
    texts = [pd.Series(["a"], dtype=kind) for kind in ("str", "string", "string[pyarrow]", object)]
    assert [_type(column) for column in texts] == [{"type": "string"}] * 4
    assert _type(pd.Series([True, None], dtype="boolean")) == {"type": "bool"}
    assert _type(pd.Series(pd.to_datetime(["2024-01-01"], utc=True))) == {
        "type": "timestamp",
        "unit": UNIT,
        "tz": "UTC",
    }
    hour = pd.Series(pd.to_timedelta(["1h"])).astype("timedelta64[ms]")
    assert _type(hour) == {"type": "duration", "unit": "ms"}
    assert _type(pd.Series([1, "a"], dtype=object)) == {"type": "object"}


def _type(column):
    [item] = infer_signature(column.to_frame("x"), Model())["inputs"]
    return {key: value for key, value in item.items() if key != "name"}


def test_arrays_have_no_names():
    """Columns of arrays and sparse matrices are numbered, and many alike are one item."""
    model = LogisticRegression().fit(np.eye(3), ["a", "b", "c"])
    signature = infer_signature(np.eye(3, dtype="float32"), model)
    assert [{"name": f"x{i}", "type": "float32"} for i in range(3)] == signature["inputs"]
    assert (signature["layout"], signature["named"]) == ("array", False)
    assert signature == infer_signature(sparse.csr_matrix(np.eye(3, dtype="float32")), model)
    wide = infer_signature(np.zeros((2, 10_000)), model)
    assert wide["inputs"] == [{"name": "x0…x9999", "type": "float64", "count": 10_000}]
    mixed = infer_signature(np.array([["a", 1]], dtype=object), model)
    assert [item["type"] for item in mixed["inputs"]] == ["string", "int64"]


def test_tasks_classes_and_methods_are_told():
    """What kind of model it is, its classes as JSON, and what can be asked of it."""
    X, y = np.arange(8.0).reshape(-1, 1), np.arange(8) % 2
    classifier = infer_signature(X, make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y == 1))
    assert tuple(classifier[key] for key in ("task", "classes", "n_outputs")) == ("classifier", [False, True], 1)
    assert classifier["methods"] == ["predict", "predict_proba", "predict_log_proba", "decision_function"]
    several = infer_signature(X, DecisionTreeClassifier().fit(X, np.c_[y, y + 5]))
    assert (several["classes"], several["n_outputs"]) == ([[0, 1], [5, 6]], 2)
    assert infer_signature(X, LinearRegression().fit(X, y))["task"] == "regressor"
    assert infer_signature(X, KMeans(2, n_init=1).fit(X))["task"] == "clusterer"
    assert infer_signature(X, IsolationForest(n_estimators=2).fit(X))["task"] == "outlier_detector"
    assert infer_signature(X, StandardScaler().fit(X))["task"] == "transformer"


def test_what_is_no_table_is_refused():
    """Three dimensions, ragged rows and scalars are no inputs."""
    for X in (np.zeros((2, 2, 2)), [[1], [1, 2]], 5, [], None):
        with pytest.raises(InvalidInput):
            infer_signature(X, Model())


def test_rows_that_fit_are_returned_as_they_are():
    """Nothing is copied when there is nothing to do."""
    assert check_inputs(SIGNATURE, FRAME) is FRAME
    assert check_inputs(SIGNATURE, FRAME) is FRAME
    one = FRAME.iloc[[1]]
    assert check_inputs(SIGNATURE, one) is one


def test_columns_are_put_in_order_and_spare_ones_dropped():
    """Any order will do, and what the model does not know does not reach it."""
    given = FRAME[FRAME.columns[::-1]].assign(note="x")
    pd.testing.assert_frame_equal(FRAME, check_inputs(SIGNATURE, given))
    assert "note" in given.columns


def test_records_and_columns_become_the_table():
    """Rows as they come from JSON get the types the model was fitted with."""
    records = [
        {"age": 20, "income": 1, "member": 1, "region": "north", "plan": "a", "since": "2024-01-01", "small": 1.0},
        {
            "age": 40.0,
            "income": None,
            "member": 0,
            "region": None,
            "plan": "b",
            "since": "2024-02-01T00:00",
            "small": 2,
        },
    ]
    got = check_inputs(SIGNATURE, records)
    assert [str(got[name].dtype) for name in ("age", "income", "member", "plan", "small")] == [
        "int64",
        "float64",
        "bool",
        "category",
        "int8",
    ]
    assert got["since"].tolist() == [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")]
    columns = {name: [row[name] for row in records] for name in records[0]}
    pd.testing.assert_frame_equal(got, check_inputs(SIGNATURE, columns))
    one = check_inputs(SIGNATURE, records[0])
    pd.testing.assert_frame_equal(got[:1].drop(columns="plan"), one.drop(columns="plan"))
    assert one["plan"].tolist() == ["a"]


def test_an_array_of_the_right_width_gets_the_names():
    """Named columns may come by position."""
    signature = _numbers(a=[1.5], b=[2])
    expected = pd.DataFrame({"a": [1.0, 3.0], "b": [2, 4]})
    pd.testing.assert_frame_equal(expected, check_inputs(signature, np.array([[1, 2], [3, 4]])))
    pd.testing.assert_frame_equal(expected, check_inputs(signature, [[1, 2], [3, 4]]))
    with pytest.raises(InvalidInput, match=r"rows of 2 columns by name: 'a', 'b'; got an array of shape \(2, 3\)"):
        check_inputs(signature, np.zeros((2, 3)))
    with pytest.raises(InvalidInput, match=r"for a single row pass \[row\]"):
        check_inputs(signature, [1, 2])


def test_missing_columns_are_named_with_near_names():
    """The message says which are missing, what they may have been called, and what came."""
    with pytest.raises(
        InvalidInput, match=r"needs the column 'income' \(did you mean 'incomes'\?\), got 'age', 'incomes'"
    ):
        check_inputs(_numbers(age=[1], income=[2.0]), pd.DataFrame({"age": [1], "incomes": [2.0]}))
    with pytest.raises(InvalidInput, match=r"needs the columns 'age', 'income'.* and 2 more, got none"):
        check_inputs(SIGNATURE, pd.DataFrame())
    with pytest.raises(InvalidInput, match="same name: 'age'"):
        check_inputs(_numbers(age=[1]), pd.DataFrame([[1, 2]], columns=["age", "age"]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", "forty"),
        ("age", 40.5),
        ("age", pd.Timestamp("2024-01-01")),
        ("age", 2**70),
        ("income", "much"),
        ("income", [1]),
        ("member", 2),
        ("member", "true"),
        ("region", 5),
        ("plan", 5),
        ("since", "yesterday"),
        ("since", 20240101),
        ("small", 300),
    ],
)
def test_values_that_do_not_fit_are_shown(name, value):
    """A value that would lose its meaning is refused with its column and itself."""
    rows = FRAME.astype({name: object})
    rows.at[1, name] = value
    with pytest.raises(InvalidInput, match=f"column '{name}' is .* for the model, and got ") as caught:
        check_inputs(SIGNATURE, rows)
    assert f"got {value!r} " in str(caught.value)


def test_missing_values_stay_missing():
    """A hole in a column of whole numbers reaches the model as NaN, which decides about it."""
    got = check_inputs(_numbers(age=[1]), [{"age": 1}, {"age": None}])
    np.testing.assert_array_equal([1.0, np.nan], got["age"])
    nullable = pd.DataFrame({"age": pd.array([1, None], dtype="Int64")})
    assert check_inputs(_numbers(age=[1]), nullable).shape == (2, 1)
    empty = check_inputs(_numbers(region=["a"]), [{"region": None}])
    assert empty["region"].isna().all()


def test_models_without_names_get_arrays():
    """scikit-learn warns about names a model does not know, so it is given none."""
    model = LogisticRegression().fit(np.eye(2), [0, 1])
    signature = infer_signature(np.eye(2), model)
    for X in (np.eye(2), np.eye(2).tolist(), pd.DataFrame(np.eye(2), columns=["p", "q"]), sparse.csr_matrix(np.eye(2))):
        np.testing.assert_array_equal([0, 1], model.predict(check_inputs(signature, X)))
    np.testing.assert_array_equal([[1.0, 2.0]], check_inputs(signature, [{"x1": 2, "x0": 1}]))
    np.testing.assert_array_equal(
        [[1.0, 2.0]], check_inputs(signature, np.array([[1, "2"]], dtype=object)[:, [0, 0]] * [[1, 2]])
    )
    with pytest.raises(InvalidInput, match="column 'x1' is float64"):
        check_inputs(signature, np.array([[1, "two"]], dtype=object))
    with pytest.raises(InvalidInput, match="rows of 2 unnamed columns"):
        check_inputs(signature, np.zeros((1, 3)))
    mixed = infer_signature(np.array([["a", 1]], dtype=object), model)
    assert check_inputs(mixed, np.array([["b", 2.0]], dtype=object)).tolist() == [["b", 2]]


def test_texts_are_one_value_a_row():
    """A model of texts takes a list, a Series, or the column of a table."""
    texts = pd.Series(["good day", "bad day"], name="text")
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0])
    signature = infer_signature(texts, model)
    assert (signature["layout"], signature["inputs"]) == ("column", [{"name": "text", "type": "string"}])
    for X in (list(texts), texts, texts.to_numpy(), texts.to_frame(), [{"text": "good day"}, {"text": "bad day"}]):
        assert model.predict(check_inputs(signature, X)).tolist() == [1, 0]
    for X in ("good day", [1, 2], [[1], [2]], np.zeros((2, 2))):
        with pytest.raises(InvalidInput):
            check_inputs(signature, X)


def test_a_signature_of_another_kind_is_refused():
    """A dict that is no signature says what is missing."""
    with pytest.raises(InvalidInput, match="layout"):
        check_inputs({"inputs": []}, FRAME)


def test_many_signatures_are_prepared_one_by_one():
    """Held preparations are bounded, and never mixed up."""
    for i in range(200):
        assert check_inputs(_numbers(**{f"c{i}": [1]}), [{f"c{i}": i}]).columns.tolist() == [f"c{i}"]


def test_rows_that_fit_cost_little():
    """Looking at one row that fits takes tens of microseconds, far below a prediction."""
    frame = pd.DataFrame({f"c{i}": [float(i)] for i in range(20)})
    signature = infer_signature(frame, Model())
    check_inputs(signature, frame)
    times = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(200):
            check_inputs(signature, frame)
        times.append((time.process_time() - start) / 200)
    assert min(times) < 200e-6


@pytest.mark.parametrize(
    ("column", "values", "odd"),
    [
        ("when", ["2025-01-01", "2025-02-03", "01.02.2025"], "01.02.2025"),
        ("when", [pd.Timestamp("2025-01-01"), dt.date(2025, 1, 2), "soon"], "soon"),
        ("when", ["2025-01-01T00:00Z", "2025-01-02"], "2025-01-02"),
    ],
)
def test_the_value_shown_has_the_trouble_told(column, values, odd):
    """Of values that would each be refused for a reason of their own, the one is shown that the reason is about."""
    zoned = _numbers(**{column: pd.to_datetime(["2025-01-01", "2025-01-02"]).tz_localize("Europe/Berlin")})
    with pytest.raises(InvalidInput, match="column 'when' is timestamp for the model") as caught:
        check_inputs(zoned, pd.DataFrame({column: pd.Series(values, dtype=object)}))
    assert f"got {odd!r} " in str(caught.value)
