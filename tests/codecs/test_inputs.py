"""Rows brought into the shape a model was fitted with: by name, by position, one value or one dict a row."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from mlcycle.codecs import check_inputs, complete_signature, example_rows, infer_signature
from mlcycle.errors import InvalidInput

RNG = np.random.default_rng(0)
X = pd.DataFrame({"a": RNG.normal(size=60), "b": 10 * RNG.normal(size=60), "c": RNG.integers(0, 5, 60)})
Y = (X["a"] > 0).astype(int).to_numpy()
SHUFFLED = X[["c", "b", "a"]].assign(extra="x")


class Model:
    """Anything that predicts."""

    def predict(self, X):
        """Answer with the rows."""
        return X


NAMED = {
    "estimator": LogisticRegression(),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "pipeline that begins with nothing": make_pipeline("passthrough", LogisticRegression()),
    "union": make_pipeline(FeatureUnion([("s", StandardScaler()), ("m", MinMaxScaler())]), LogisticRegression()),
    "columns": make_pipeline(make_column_transformer((StandardScaler(), ["a", "b"])), LogisticRegression()),
    "search": GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1]}, cv=2),
    "search of searches": GridSearchCV(GridSearchCV(LogisticRegression(), {"C": [1]}, cv=2), {"cv": [2]}, cv=2),
    "voting": VotingClassifier([("l", LogisticRegression()), ("t", DecisionTreeClassifier(max_depth=2))]),
    "stacking": StackingClassifier([("l", LogisticRegression())], cv=2),
}


@pytest.fixture(scope="module")
def fitted():
    """Give every model above, fitted on named columns."""
    return {name: model.fit(X, Y) for name, model in NAMED.items()}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("form", ["array", "list", "nothing", "frame", "shuffled", "records", "before"])
def test_names_that_the_model_knows_count(name, form, fitted):
    """Whatever the example was, columns reach a model that was fitted on names by name, and without a warning."""
    model = fitted[name]
    example = {
        "array": X.to_numpy(),
        "list": X.to_numpy().tolist(),
        "nothing": None,
        "frame": X,
        "shuffled": SHUFFLED,
        "records": SHUFFLED.to_dict("records"),
        "before": X.to_numpy(),
    }[form]
    signature = None if example is None else infer_signature(example, Model() if form == "before" else model)
    signature = complete_signature(signature, model)
    expected = model.predict(X)
    for rows in (SHUFFLED, X.to_numpy()):
        assert model.predict(check_inputs(signature, rows)).tolist() == expected.tolist()
    for rows in (SHUFFLED.to_dict("records"), X, X.to_dict("list")):
        assert check_inputs(signature, rows).columns.tolist() == ["a", "b", "c"]
    with pytest.raises(InvalidInput, match="needs the column 'b'"):
        check_inputs(signature, X.drop(columns="b"))


def test_a_model_fitted_without_names_is_given_none():
    """Columns come by the names of the example, in any order, and the model sees them without a warning."""
    for made in (
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        DecisionTreeClassifier(),
    ):
        model = made.fit(X.to_numpy(), Y)
        signature = infer_signature(X, model)
        expected = model.predict(X.to_numpy()).tolist()
        for rows in (X, SHUFFLED, SHUFFLED.to_dict("records"), X.to_numpy(), X[:0].reindex(range(60)).fillna(X)):
            got = check_inputs(signature, rows)
            assert model.predict(got).tolist() == expected
            assert check_inputs(signature, rows).columns.tolist() == [0, 1, 2]
    assert X.columns.tolist() == ["a", "b", "c"]


def test_a_model_of_ones_own_gets_the_frame_it_knows():
    """An estimator that counts its columns and keeps no names may still want them."""

    class Counting(LogisticRegression):
        n_features_in_ = 3

        def predict(self, X):
            return X["a"]

    assert "positional" not in infer_signature(X, Counting())


@pytest.mark.parametrize(
    "labels",
    [[0, 1, 2], [3, 1, 2], [("p", "a"), ("p", "b"), ("q", "a")], [2024, "b", 0.5], ["0", "1", "2"]],
    ids=str,
)
def test_columns_keep_the_labels_they_had(labels):
    """Numbers and tuples as labels come back as such, from frames in any order, records and arrays."""
    frame = X.set_axis(pd.MultiIndex.from_tuples(labels) if isinstance(labels[0], tuple) else labels, axis=1)
    signature = infer_signature(frame, Model())
    texts = [str(label) for label in labels]
    assert [item["name"] for item in signature["inputs"]] == texts
    for rows in (
        frame.iloc[:, ::-1],
        X.set_axis(texts, axis=1),
        X.set_axis(texts, axis=1).to_dict("records"),
        X.astype(object).to_numpy(),
    ):
        got = check_inputs(signature, rows)
        assert got.columns.tolist() == labels
        np.testing.assert_array_equal(X.to_numpy(), got.to_numpy(dtype=float))


def test_columns_of_one_name_are_refused():
    """As text 0 and '0' are one name, and it is not known which is meant; spare ones do not matter."""
    signature = infer_signature(pd.DataFrame({"0": [1], "b": [2]}), Model())
    for rows in (pd.DataFrame([[1, 2, 3]], columns=["0", "b", 0]), pd.DataFrame([[1, 2, 3]], columns=["0", "b", "0"])):
        with pytest.raises(InvalidInput, match="same name: '0'"):
            check_inputs(signature, rows)
    spare = pd.DataFrame([[1, 2, 3, 4]], columns=["0", "b", "x", "x"])
    assert check_inputs(signature, spare).columns.tolist() == ["0", "b"]
    with pytest.raises(InvalidInput, match="columns of the same name: '0'"):
        infer_signature(pd.DataFrame([[1, 2]], columns=[0, "0"]), Model())


def test_numbers_in_lists_stay_numbers():
    """Numpy would write numbers beside text as text, and round whole numbers beside fractions."""
    signature = infer_signature(pd.DataFrame({"a": [1], "b": ["x"]}), Model())
    assert check_inputs(signature, [[1, "x"]]).values.tolist() == [[1, "x"]]
    with pytest.raises(InvalidInput, match="column 'b' is string for the model, and got 5"):
        check_inputs(signature, [[1, 5]])
    with pytest.raises(InvalidInput, match="column 'a' is int64 for the model, and got '1'"):
        check_inputs(signature, [["1", "x"]])
    large = infer_signature(pd.DataFrame({"a": [1], "b": [0.5]}), Model())
    assert check_inputs(large, [[2**53 + 1, 0.5]])["a"].tolist() == [2**53 + 1]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (pd.DataFrame({"p": [1, 2], "q": [0.5, 1.5]}), [[1, 0.5], [2, 1.5]]),
        (pd.DataFrame({"p": [1, None], "q": [0.5, 1.5]}, dtype="Float64"), [[1, 0.5], [None, 1.5]]),
        (pd.DataFrame({"x1": [0.5], "x0": [1]}), [[1, 0.5]]),
        ([{"x1": 0.5, "x0": 1}], [[1, 0.5]]),
        ([[1, 0.5]], [[1, 0.5]]),
        ([[True, 2]], [[1, 2]]),
        (sparse.csr_array([[1.0, 0.5]]), [[1, 0.5]]),
        (np.array([[1, 0.5]], dtype="float32"), [[1, 0.5]]),
        ([["1", 0.5]], None),
        (np.array([["1", "2"]]), None),
        (np.array([[1 + 1j, 2]]), None),
        ([[2**53 + 1, 0.5]], None),
        (pd.DataFrame({"p": [2**53 + 1], "q": [0.5]}), None),
        (pd.DataFrame({"p": pd.period_range("2024", periods=1), "q": [0.5]}), None),
        (pd.DataFrame({"p": ["1"], "q": [0.5]}), None),
        (np.array([["2024-01-01", "2024-01-02"]], dtype="datetime64[D]"), None),
        ([1, 2], None),
        (pd.Series([1.0, 2.0]), None),
    ],
)
def test_arrays_of_numbers(rows, expected):
    """A model of an array takes numbers in any form, and nothing that only looks like them."""
    signature = infer_signature(np.array([[1.0, 0.5]]), Model())
    if expected is None:
        with pytest.raises(InvalidInput):
            check_inputs(signature, rows)
    else:
        got = check_inputs(signature, rows)
        got = got.toarray() if sparse.issparse(got) else got
        assert [[None if value != value else value for value in row] for row in got.tolist()] == expected


def test_arrays_of_moments_keep_their_unit():
    """Days stay days, and another unit is converted where pandas has it or refused."""
    days = np.array([["2024-01-01", "2024-01-02"]], dtype="datetime64[D]")
    signature = infer_signature(days, Model())
    assert check_inputs(signature, days) is days
    with pytest.raises(InvalidInput, match="timestamp"):
        check_inputs(signature, days.astype("datetime64[s]"))
    seconds = infer_signature(days.astype("datetime64[s]"), Model())
    assert check_inputs(seconds, days.astype("datetime64[ns]")).dtype == "datetime64[s]"


def test_one_value_a_row():
    """A model of texts takes lists, Series, arrays and tables of one column, whatever the column is called."""
    texts = ["good day", "bad day"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0])
    for example in (texts, pd.Series(texts, name="review"), np.array(texts)):
        signature = infer_signature(example, model)
        for rows in (
            texts,
            tuple(texts),
            pd.Series(texts),
            np.array(texts),
            np.array(texts)[:, None],
            pd.DataFrame({"text": texts}),
            [{"text": text} for text in texts],
            {"text": texts},
        ):
            assert model.predict(check_inputs(signature, rows)).tolist() == [1, 0]
        for rows in ("good day", [1, 2], pd.DataFrame({"p": texts, "q": texts}), (text for text in texts), None):
            with pytest.raises(InvalidInput):
                check_inputs(signature, rows)
    named = infer_signature(pd.Series(texts, name="review"), model)
    both = pd.DataFrame({"id": [1, 2], "review": texts})
    assert model.predict(check_inputs(named, both)).tolist() == [1, 0]


@pytest.mark.parametrize("first", [DictVectorizer(dtype=float), FeatureHasher(16)], ids=repr)
def test_a_dict_a_row(first):
    """A model of dicts takes dicts, and a table whose missing values are keys that a dict lacks."""
    rows = [{"word": "good", "n": 1}, {"word": "bad", "n": 2}, {"word": "good"}, {"n": 4}] * 3
    model = make_pipeline(first, DecisionTreeClassifier(random_state=0)).fit(rows, [1, 0, 1, 0] * 3)
    expected = model.predict(rows).tolist()
    for signature in (infer_signature(rows, model), complete_signature(None, model)):
        assert signature["layout"] == "records"
        for given in (rows, tuple(rows), pd.DataFrame(rows)):
            assert model.predict(check_inputs(signature, given)).tolist() == expected
        for odd in ([[1, 2]], ["a"], np.zeros((2, 2))):
            with pytest.raises(InvalidInput, match="a dict a row"):
                check_inputs(signature, odd)
    assert [(item["name"], item["type"]) for item in infer_signature(rows[:2], model)["inputs"]] == [
        ("word", "string"),
        ("n", "int64"),
    ]


def test_dicts_are_rows_of_a_table_for_a_model_of_tables():
    """An example of dicts is a table where the model counts columns."""
    model = LogisticRegression().fit(X, Y)
    assert infer_signature(X.to_dict("records"), model)["inputs"] == infer_signature(X, model)["inputs"]
    assert isinstance(example_rows(X.to_dict("records"), model, 5), pd.DataFrame)


def test_an_example_is_a_copy_of_a_few_rows():
    """Any form, its first rows, and never the caller's own."""
    model = PCA(2).fit(X)
    for rows in (X, X.to_numpy(), X.to_dict("list"), X.to_dict("records"), X.to_numpy().tolist(), sparse.csr_array(X)):
        assert example_rows(rows, model, 20).shape == (20, 3)
    example = example_rows(X, model, 5)
    example["a"] = 0.0
    assert X["a"].abs().min() > 0
    assert example_rows(SHUFFLED, model, 5).columns.tolist() == ["a", "b", "c"]
    assert example_rows(["a", "b"], Model(), 1) == ["a"]


def test_names_that_are_made_up_do_not_count():
    """Some libraries number the columns of arrays and call that names."""

    class Numbering(Ridge):
        feature_names_in_ = np.array(["Column_0", "Column_1"])

    assert infer_signature(np.zeros((2, 2)), Numbering())["layout"] == "array"
    assert complete_signature(None, Numbering()) is None


def test_several_outputs_are_described():
    """Classes are a list of lists, and the signature is plain JSON."""
    model = MultiOutputClassifier(LogisticRegression()).fit(X, np.c_[Y, 1 - Y])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        signature = infer_signature(X, model)
    assert (signature["classes"], signature["n_outputs"]) == ([[0, 1], [0, 1]], 2)


DICTS = [{"word": "good", "n": 1}, {"word": "bad", "n": 2}, {"word": "good"}, {"word": "bad", "n": 4}] * 3
AS_OBJECTS = np.array([*DICTS, None], dtype=object)[:-1]
DICT_FORMS = {
    "list": DICTS,
    "tuple": tuple(DICTS),
    "Series": pd.Series(DICTS, name="what", index=range(5, 17)),
    "array": AS_OBJECTS,
    "column of an array": AS_OBJECTS.reshape(-1, 1),
    "frame of dicts": pd.DataFrame({"what": DICTS}),
}


@pytest.mark.parametrize("step", [DictVectorizer(dtype=np.float64), FeatureHasher(16)], ids=str)
@pytest.mark.parametrize("given", [*DICT_FORMS, "table"])
@pytest.mark.parametrize("example", [*DICT_FORMS, None])
def test_a_model_of_dicts_takes_them_in_any_form(example, given, step):
    """Whatever its example came in, dicts are served as a list, a column and a table."""
    model = make_pipeline(step, DecisionTreeClassifier(random_state=0)).fit(DICTS, [1, 0, 1, 0] * 3)
    stored = None
    if example is not None:
        stored = infer_signature(example_rows(DICT_FORMS[example], model, 20), model)
    rows = pd.DataFrame(DICTS) if given == "table" else DICT_FORMS[given]
    assert check_inputs(complete_signature(stored, model), rows) == DICTS


def test_a_model_of_dicts_that_was_stored_as_one_of_a_column():
    """A signature of before is read as what the model takes."""
    model = make_pipeline(DictVectorizer(), DecisionTreeClassifier()).fit(DICTS, [1, 0, 1, 0] * 3)
    stored = {"layout": "column", "inputs": [{"name": "x0", "type": "object"}], "width": 1, "named": False}
    assert check_inputs(complete_signature(stored, model), pd.DataFrame(DICTS)) == DICTS


def test_a_hasher_of_words_takes_words():
    """It takes dicts only where it was told so."""
    model = FeatureHasher(16, input_type="string")
    assert complete_signature(None, model) is None


@pytest.mark.parametrize("rows", [["my card"], pd.Series(["my card"]), np.array(["my card"], dtype=object)], ids=type)
def test_texts_without_a_name_are_told_how_to_have_one(rows):
    """For a model of one named column, `[row]` is no remedy."""
    texts = pd.DataFrame({"text": ["my card", "lost it", "where is it", "my account"]})
    model = make_pipeline(make_column_transformer((TfidfVectorizer(), "text")), LogisticRegression())
    signature = infer_signature(texts, model.fit(texts, [0, 1, 1, 0]))
    with pytest.raises(InvalidInput, match=r"without its name; pass DataFrame\(\{'text': \[…\]\}\)$"):
        check_inputs(signature, rows)
