"""Models that cannot be written, read back, or asked; none of them may end a training with an error of others."""

from __future__ import annotations

import threading

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC

from mlcycle.codecs._models import dump_model, has_method, load_model, rescue_model
from mlcycle.errors import InvalidInput, MlcycleWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
y = (X[:, 0] > 0).astype(int)
THREE = np.column_stack([np.digitize(X[:, 0], [-0.5, 0.5]), np.digitize(X[:, 1], [-0.5, 0.5])])


class Model(ClassifierMixin, BaseEstimator):
    """Somebody's own classifier."""

    def __init__(self, held=None):
        self.held = held

    def predict(self, X):
        """Answer zero."""
        return np.zeros(len(X), dtype=int)


class Trap(Model):
    """Raises whatever is asked of it that it does not have."""

    def __getattr__(self, name):
        raise RuntimeError(f"nobody may ask for {name}")


class Unwilling(Model):
    """Raises when it is written."""

    def __init__(self, error=None):
        self.error = error

    def __reduce__(self):
        raise self.error


class MuteError(Exception):
    """An error that cannot be shown."""

    def __str__(self):
        raise ValueError("nothing to say")


class Forgetful(Model):
    """Cannot be read back."""

    def __getstate__(self):
        return {}

    def __setstate__(self, state):
        raise KeyError("gone")


class Array(Model):
    """Is compared by element, and has no hash and no repr."""

    __hash__ = None

    def __eq__(self, other):
        return np.array([True, False])

    def __repr__(self):
        raise ValueError("no repr")


class Broken(Model):
    """Cannot predict."""

    def predict(self, X):
        """Fail."""
        raise ZeroDivisionError("by \n zero")


class Strange(Model):
    """Answers what cannot be compared."""

    def predict(self, X):
        """Answer rows of several lengths and kinds."""
        return [[1], [1, "2"], Array()][: len(X)]


class Changing(Model):
    """Changes the rows it is given."""

    def predict(self, X):
        """Answer the first column, and spoil it."""
        X *= -1
        return X[:, 0]


def _local():
    class Local(Model):
        pass

    return Local()


def _with(value):
    model = LogisticRegression().fit(X, y)
    model.held = value
    return model


def _deep(levels):
    made = []
    for _ in range(levels):
        made = [made]
    return made


def _circle():
    made = [1]
    made.append(made)
    return made


def _in_itself():
    model = _with(None)
    model.held = model
    return model


NOT_WRITTEN = {
    "generator": lambda: _with(number for number in range(3)),
    "lock": lambda: _with(threading.Lock()),
    "module": lambda: _with(np),
    "very deep": lambda: _with(_deep(5_000)),
    "trap": Trap,
    "raises": lambda: Unwilling(RuntimeError("no")),
    "raises as a disk does": lambda: Unwilling(OSError(2, "no such file")),
    "raises a lone surrogate": lambda: Unwilling(ValueError("\ud800")),
    "raises what cannot be shown": lambda: Unwilling(MuteError()),
}
WRITTEN_BY_VALUE = {
    "lambda": lambda: make_pipeline(FunctionTransformer(lambda rows: rows), LogisticRegression()).fit(X, y),
    "local class": _local,
}
NEXT_FORMAT = {
    "circle": lambda: _with(_circle()),
    "itself": _in_itself,
    "5 000 digits": lambda: _with(10**5_000),
    "complex number": lambda: _with(1 + 2j),
    "array of nothing": lambda: _with(np.array(None, dtype=object)),
    "keys of tuples": lambda: _with({(1, 2): 3}),
    "own class": Array,
    "own class inside": lambda: _with(Array()),
    "answers that cannot be compared": Strange,
}
DATA = {
    "lone surrogate": lambda: _with("\ud800"),
    "masked array": lambda: _with(np.ma.array([1, 2], mask=[True, False])),
    "objects in a table": lambda: _with(np.array([[1, None], ["a", 2.5]], dtype=object)),
    "date": lambda: _with(np.datetime64("2026-01-01")),
    "not a number": lambda: _with({float("nan"): float("inf")}),
}


@pytest.mark.parametrize("name", NOT_WRITTEN)
@pytest.mark.parametrize("example", [None, X[:3]], ids=["without example", "with example"])
def test_what_no_format_holds_is_refused_in_words(name, example, tmp_path):
    """The error is this library's, says why, and leaves nothing behind."""
    with pytest.raises(InvalidInput, match=r"cannot be kept in any format: .* is the usual reason"):
        dump_model(NOT_WRITTEN[name](), tmp_path / "model", example=example)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", WRITTEN_BY_VALUE)
def test_what_only_this_python_can_read_is_rescued(name, tmp_path):
    """A model with functions of its own is refused, and can be written all the same, for joblib to read."""
    model = WRITTEN_BY_VALUE[name]()
    with pytest.raises(InvalidInput, match=r"use a function of a module instead$"):
        dump_model(model, tmp_path / "model")
    assert rescue_model(model, tmp_path / "kept")
    np.testing.assert_array_equal(joblib.load(tmp_path / "kept").predict(X), model.predict(X))


@pytest.mark.parametrize("name", sorted(set(NOT_WRITTEN) - {"module"}))
def test_what_cannot_be_rescued_leaves_nothing(name, tmp_path):
    """Where nothing helps, there is no half a file."""
    assert not rescue_model(NOT_WRITTEN[name](), tmp_path / "kept")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NEXT_FORMAT)
def test_what_skops_does_not_hold_becomes_joblib(name, tmp_path):
    """The next format is taken, with a warning that says why, and gives the model back."""
    model = NEXT_FORMAT[name]()
    with pytest.warns(MlcycleWarning, match="is kept as joblib, because .*trust=True"):
        packed = dump_model(model, tmp_path / "model", example=X[:3])
    assert packed.format == "joblib"
    again = load_model(tmp_path / "model", "joblib", trust=True)
    assert type(again) is type(model)


@pytest.mark.parametrize("name", DATA)
def test_what_is_odd_and_data_stays_data(name, tmp_path):
    """Values that others stumble over come back from skops as they were."""
    model = DATA[name]()
    assert dump_model(model, tmp_path / "model", example=X[:3]).format == "skops"
    assert repr(load_model(tmp_path / "model", "skops").held) == repr(model.held)


@pytest.mark.parametrize("example", [None, X[:3]], ids=["without example", "with example"])
def test_what_cannot_be_read_back_is_refused(example, tmp_path):
    """A pickle that would never load is no model, with an example or without."""
    with pytest.raises(InvalidInput, match=r"Forgetful does not survive being written: .*gone"):
        dump_model(Forgetful(), tmp_path / "model", example=example)
    assert list(tmp_path.iterdir()) == []


def test_a_trap_is_asked_without_harm():
    """An attribute that raises when it is asked for is none."""
    assert [has_method(Trap(), name) for name in ("predict", "predict_proba", "classes_")] == [True, False, False]


# answers --------------------------------------------------------------------------------------------------------------

FAILING = {
    "a chain over three classes": (
        ClassifierChain(LogisticRegression()).fit(X, THREE),
        ["decision_function", "predict_proba"],
    ),
    "several outputs": (MultiOutputClassifier(LogisticRegression()).fit(X, THREE), []),
    "a forest of several outputs": (RandomForestClassifier(3, random_state=0).fit(X, THREE), []),
    "scores only": (LinearSVC().fit(X, y), []),
    "no probabilities": (SVC().fit(X, y), []),
    "rows only": (StandardScaler().fit(X), []),
    "clusters": (KMeans(2, n_init=1, random_state=0).fit(X), []),
    "outliers": (LocalOutlierFactor(novelty=True).fit(X), []),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_method_that_fails_beside_one_that_answers_is_noted(name, tmp_path):
    """A model whose predict works is saved; what else it has and cannot do is written down."""
    model, failing = FAILING[name]
    packed = dump_model(model, tmp_path / "model", example=X[:5])
    assert (packed.format, sorted(packed.failing)) == ("skops", failing)
    assert all("Error: " in said for said in packed.failing.values())
    again, method = load_model(tmp_path / "model", "skops"), "predict" if hasattr(model, "predict") else "transform"
    np.testing.assert_array_equal(getattr(again, method)(X), getattr(model, method)(X))


def test_a_model_that_cannot_predict_its_example_is_refused(tmp_path):
    """The words are the model's own, on one line."""
    with pytest.raises(
        InvalidInput, match="Broken fails on its example: its own predict says ZeroDivisionError: by zero"
    ):
        dump_model(Broken(), tmp_path / "model", example=X[:3])
    with pytest.raises(InvalidInput, match="its own transform says ValueError: X has 2 features"):
        dump_model(StandardScaler().fit(X), tmp_path / "model", example=X[:3, :2])
    assert list(tmp_path.iterdir()) == []


def test_examples_are_not_changed(tmp_path):
    """A model that writes into its input leaves the caller's rows alone."""
    rows = X[:3].copy()
    with pytest.warns(MlcycleWarning, match="is kept as joblib"):
        dump_model(Changing(), tmp_path / "model", example=rows)
    np.testing.assert_array_equal(rows, X[:3])


@pytest.mark.parametrize("method", [str.lower, str.split, list.copy])
def test_a_method_used_as_a_function_is_named(tmp_path, method):
    """The warning says what it is that has no name, and what does the same."""
    with pytest.warns(MlcycleWarning, match=r"A method used as a function, such as str\.lower .* lowercase=True"):
        assert dump_model(FunctionTransformer(method), tmp_path / "model").format == "joblib"
