"""Every estimator scikit-learn has, fitted on an array and on a frame, saved and loaded without trust."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
import pandas as pd
import pytest
from attrs import define, field
from sklearn.linear_model import LogisticRegression
from sklearn.utils import all_estimators

from mlcycle.codecs._models import dump_model, load_model

ROWS = 60
RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(ROWS, 5)))
THREE, TWO = np.digitize(X[:, 0], [0.4, 0.9]), np.digitize(X[:, 0], [0.6])
METHODS = ("predict", "predict_proba", "decision_function", "transform", "score_samples", "predict_log_proba")
# Why they are no skops file without trust, which docs/how-to/trust-a-model.md tells, too.
PICKLED = {"Birch": "skops refuses its tree of nodes, which refer to one another"}


def _as_frame(array):
    return pd.DataFrame(array, columns=[f"column {i}" for i in range(array.shape[1])])


def _data(kind):
    """Give rows and answers that some estimator or other takes."""
    table = _as_frame if kind == "frame" else np.asarray
    texts = ["good day", "bad day", "good night"] * (ROWS // 3)
    yield table(X), THREE
    yield table(X), TWO
    yield table(X), X[:, 0]
    yield table(X), np.c_[THREE, THREE] > 0
    yield (pd.Series(X[:, 0]) if kind == "frame" else X[:, 0]), X[:, 1]
    yield table(X[:, :1]), X[:, 0]
    yield table(X @ X.T), THREE
    yield table(X), None
    yield (pd.Series(texts) if kind == "frame" else texts), THREE
    yield [{"a": 1.0, "b": float(i)} for i in range(ROWS)], THREE
    yield (pd.Series(THREE) if kind == "frame" else THREE), None
    yield [[int(label)] for label in THREE], None
    yield np.dstack([X] * 5), None


def _answers(model, rows):
    """Return what a model says; of one that answers nothing, such as OPTICS, what it has learned."""
    if not any(hasattr(model, name) for name in METHODS):
        return {name: value for name, value in vars(model).items() if isinstance(value, np.ndarray)}
    found = {}
    for name in METHODS:
        with contextlib.suppress(Exception):
            found[name] = getattr(model, name)(rows)
    return found


def _alike(one, other):
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    one, other = (part.toarray() if hasattr(part, "toarray") else np.asarray(part) for part in (one, other))
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return (
        np.allclose(one, other, rtol=1e-12, atol=1e-12, equal_nan=True)
        if one.dtype.kind in "fc"
        else (one == other).all()
    )


def _instances():
    from sklearn.utils._test_common.instance_generator import _construct_instances

    for name, kind in all_estimators():
        models = []
        with contextlib.suppress(BaseException):  # the skip of unittest is one
            models = list(_construct_instances(kind))
        if name == "FrozenEstimator":
            models = [kind(LogisticRegression())]
        yield from ((name, model) for model in models)


def _fitted(model, kind):
    """Fit to the first data that the model takes and answers; return the rows, or nothing."""
    for rows, answers in _data(kind):
        with contextlib.suppress(Exception):
            if type(model).__name__ == "FrozenEstimator":
                model.estimator.fit(rows, answers)
            model.fit(rows) if answers is None else model.fit(rows, answers)
            if _answers(model, rows):
                return rows
    return None


@define
class Count:
    """How far the estimators came."""

    fitted: int = 0
    saved: int = 0
    as_skops: int = 0
    loaded: int = 0
    equal: int = 0
    not_fitted: list = field(factory=list)
    others: dict = field(factory=dict)

    def go_through(self, name, model, kind, path):
        """Take one estimator as far as it comes."""
        rows = _fitted(model, kind)
        if rows is None:
            self.not_fitted.append(f"{name} ({kind})")
            return
        self.fitted += 1
        packed = dump_model(model, path, example=rows[:5])
        self.saved += 1
        if packed.format != "skops" or packed.untrusted:
            self.others[name] = packed.untrusted
            return
        self.as_skops += 1
        again = load_model(path, "skops")
        self.loaded += 1
        expected, repeated, actual = (_answers(one, rows) for one in (model, model, again))
        steady = [method for method in expected if _alike(expected[method], repeated[method])]
        assert all(_alike(expected[method], actual[method]) for method in steady), f"{name} ({kind})"
        self.equal += 1


@pytest.mark.deep
@pytest.mark.parametrize("kind", ["array", "frame"])
def test_every_estimator_is_saved_and_loads_without_trust(kind, tmp_path):
    """Whatever can be fitted is saved; all but those named above are data, load without trust, and answer the same."""
    count = Count()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fitting so little data
        for name, model in _instances():
            count.go_through(name, model, kind, tmp_path / "model")
    print(count)
    assert count.fitted == count.saved > 200
    assert count.others.keys() == PICKLED.keys()
    assert count.as_skops == count.loaded == count.equal
    assert {name.partition(" ")[0] for name in count.not_fitted} <= {"PatchExtractor", "SparseCoder"}
