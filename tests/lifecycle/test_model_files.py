"""Models in and out of a project: whatever a model is, it is stored, or refused in words with its file kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import AgglomerativeClustering
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

import mlcycle as mc
from mlcycle import errors

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
y = (X[:, 0] > 0).astype(int)
THREE = np.column_stack([np.digitize(X[:, 0], [-0.5, 0.5]), np.digitize(X[:, 1], [-0.5, 0.5])])


class Odd(ClassifierMixin, BaseEstimator):
    """A classifier of somebody's own, with something inside."""

    def __init__(self, held: Any = None) -> None:
        self.held = held

    def predict(self, X: Any) -> Any:
        """Answer zero."""
        return np.zeros(len(X), dtype=int)


class Unwilling(Odd):
    """Raises when it is written."""

    def __reduce__(self) -> Any:
        raise RuntimeError("not me")


class Forgetful(Odd):
    """Cannot be read back."""

    def __setstate__(self, state: Any) -> None:
        raise KeyError("gone")


class Broken(Odd):
    """Cannot predict."""

    def predict(self, X: Any) -> Any:
        """Fail."""
        raise ZeroDivisionError("by zero")


class Unasked(Odd):
    """Cannot say what its parameters or its classes are."""

    def get_params(self, deep: bool = True) -> Any:
        """Fail."""
        raise RuntimeError("no parameters")

    @property
    def classes_(self) -> Any:
        """Fail."""
        raise RuntimeError("no classes")


def _lambda() -> Any:
    return make_pipeline(FunctionTransformer(lambda rows: rows), LogisticRegression()).fit(X, y)


REFUSED = {
    "a lambda": (_lambda, "cannot be kept in any format", True),
    "not to be written": (Unwilling, "cannot be kept in any format", False),
    "not to be read": (Forgetful, "does not survive being written", True),
    "no answer": (Broken, "fails on its example: its own predict says ZeroDivisionError: by zero", True),
    "no signature": (Unasked, "have no signature: RuntimeError: no classes", True),
    "a class": (lambda: LogisticRegression, "got the class LogisticRegression: pass a fitted estimator", False),
    "no model": (lambda: 5, "got int: pass a fitted estimator", False),
    "no predict": (
        lambda: AgglomerativeClustering().fit(X),
        "got AgglomerativeClustering: pass a fitted estimator",
        False,
    ),
}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder where models are kept that cannot be stored."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.filterwarnings("ignore:.* is kept as joblib:mlcycle.errors.MlcycleWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_cannot_be_registered_is_refused_and_kept(name: str, project: mc.Project, elsewhere: Path) -> None:
    """The error is this library's and says why; what could be written is where it says, and nothing else is left."""
    make, words, kept = REFUSED[name]
    with pytest.raises(errors.InvalidInput, match=words) as caught:
        project.models.register("odd", make(), example=X[:5])
    found = re.search(r"; it is kept at (\S+)$", str(caught.value))
    assert [str(path) for path in elsewhere.iterdir()] == ([found[1]] if found else [])
    assert bool(found) is kept
    assert list(project.models) == []


@pytest.mark.filterwarnings("ignore:.* is kept as joblib:mlcycle.errors.MlcycleWarning")
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.usefixtures("elsewhere")
def test_a_model_that_cannot_be_saved_ends_no_training(name: str, project: mc.Project) -> None:
    """A run warns, counts, and goes on, with the error of the model in its words."""
    make, words, _ = REFUSED[name]
    with project.experiments.open("odd").start() as run:
        with pytest.warns(errors.MlcycleWarning, match=words):
            run.save_model(make(), example=X[:5])
        run.log({"loss": 1.0})
    assert run.failures == 1


def test_what_is_kept_can_be_read(project: mc.Project, elsewhere: Path) -> None:
    """A model with a lambda is not lost with its run."""
    model = _lambda()
    with pytest.raises(errors.InvalidInput, match="use a function of a module instead"):
        project.models.register("odd", model, example=X[:5])
    (file,) = elsewhere.iterdir()
    np.testing.assert_array_equal(joblib.load(file).predict(X), model.predict(X))


def test_a_method_that_fails_is_in_the_signature(project: mc.Project) -> None:
    """A chain over three classes predicts, and its signature says that it has no probabilities, and why."""
    model = ClassifierChain(LogisticRegression()).fit(X, THREE)
    version = project.models.register("chain", model, example=X[:5])
    assert version.format == "skops"
    assert version.signature is not None
    assert version.signature.methods == ("predict",)
    assert sorted(version.signature.detail["failing"]) == ["decision_function", "predict_log_proba", "predict_proba"]
    assert "could not broadcast" in version.signature.detail["failing"]["predict_proba"]
    np.testing.assert_array_equal(version.load().predict(X), model.predict(X))


def test_a_method_that_fails_is_refused_in_words_when_served(project: mc.Project) -> None:
    """Predictions are served; probabilities are refused, and the words say what the version cannot do."""
    project.models.register("chain", ClassifierChain(LogisticRegression()).fit(X, THREE), example=X[:5])
    deployment = project.deployments.open("chain")
    deployment.route("chain@1")
    with deployment.serve() as service:
        with pytest.raises(
            errors.InvalidInput, match="chain@1 cannot answer predict_proba, as was found when it was sav"
        ):
            service.predict_proba(X[:3])
        np.testing.assert_array_equal(service.predict(X), project.models["chain@1"].load().predict(X))


def test_parameters_are_kept_of_every_model(project: mc.Project) -> None:
    """A class in the place of a number, or a get_params that fails, is no reason to lose a model."""
    encoder = OneHotEncoder(dtype=np.float32, handle_unknown="ignore").fit(pd.DataFrame({"a": ["x", "y"]}))
    version = project.models.register("encoder", encoder, example=pd.DataFrame({"a": ["x"]}))
    assert version.format == "skops"
    assert version.params["handle_unknown"] == "ignore"
    with pytest.warns(errors.MlcycleWarning, match="is kept as joblib"):
        assert project.models.register("unasked", Unasked()).params == {}


@pytest.mark.parametrize("format", ["joblib", "skops"])
def test_what_is_not_trusted_is_named_as_a_version(format: str, project: mc.Project) -> None:
    """Errors about trust speak of the version a person knows, not of a file of the moment."""
    version = project.models.register("odd", Odd(), format=format)
    for trust in ((), ["a.b"]):
        with pytest.raises(errors.UntrustedModel, match=r"\bodd@1 (is kept as|holds types)"):
            version.load(trust=trust)
