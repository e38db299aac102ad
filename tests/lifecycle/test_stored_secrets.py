"""Secrets in what comes from outside are masked before it is stored; the program keeps what it passed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

import mlcycle as mc

SECRET = "Wint3rMoon"
URL = f"postgres://svc:{SECRET}@db.example/prod"


def stored(folder: Path) -> bytes:
    """Return everything a store holds."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


class Failing(ClassifierMixin, BaseEstimator):
    """A model that cannot reach its features, and has a secret as a parameter."""

    def __init__(self, password: str = "") -> None:
        self.password = password

    def fit(self, X: pd.DataFrame, y: pd.Series) -> Failing:
        """Fit nothing."""
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Fail, as if a database were away."""
        if len(X) != 7:
            return np.zeros(len(X), dtype=int)
        raise ConnectionError(f"cannot reach {URL}")


@pytest.mark.parametrize("error", [f"cannot reach {URL}", f"password: {SECRET}", f"--password {SECRET} is wrong"])
def test_tracebacks(tmp_path: Path, error: str) -> None:
    """The message of an exception that ends a run is stored without its secret; the exception itself is not changed."""
    project = mc.open(tmp_path / "store", create=True)
    with pytest.raises(ConnectionError, match=SECRET), project.experiments.open("e").start() as run:
        raise ConnectionError(error)
    assert "ConnectionError: " in (project.runs[run.id].error or "")
    assert SECRET.encode() not in stored(tmp_path / "store")


def test_an_error_given_by_hand(tmp_path: Path) -> None:
    """The text given to `finish` is filtered, too."""
    project = mc.open(tmp_path / "store", create=True)
    run = project.experiments.open("e").start()
    run.finish("failed", error=f"gave up: {URL}")
    assert project.runs[run.id].error == "gave up: postgres://svc:[redacted:url-password]@db.example/prod"


def test_params(tmp_path: Path) -> None:
    """Parameters are stored without secrets and handed back with them."""
    project = mc.open(tmp_path / "store", create=True)
    params = {"db": {"password": SECRET}, "source": URL, "api_key": SECRET, "lr": 0.1, "token_pattern": "[a-z]+"}
    with project.experiments.open("e").start(params) as run:
        assert run.params == params
    mark = "[redacted:param]"
    expected = {"db": {"password": mark}, "source": URL.replace(SECRET, "[redacted:url-password]"), "api_key": mark}
    assert project.runs[run.id].params == expected | {"lr": 0.1, "token_pattern": "[a-z]+"}
    assert SECRET.encode() not in stored(tmp_path / "store")


def test_failures_of_models(tmp_path: Path) -> None:
    """What a model raises while it is judged or serves is stored without secrets."""
    project = mc.open(tmp_path / "store", create=True)
    frame = pd.DataFrame({"x": range(28), "y": [0, 1] * 14})
    train, test = project.datasets.add("d", frame, target="y", message="m").split(test=0.25)
    assert test.rows == 7
    model = Failing(password="").fit(frame[["x"]], frame["y"])
    with pytest.warns(mc.errors.MlcycleWarning):
        version = project.models.register("m", model, uses=[train])
    place = project.deployments.open("shop")
    place.route({version.ref: 100}, message="r")
    with place.serve(trust=True) as service, pytest.raises(ConnectionError, match=SECRET):
        service.predict(frame[["x"]][:7], ids=list("abcdefg"))
    project.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.1)], test="d.test")
    evaluation = version.evaluate(test, trust=True)
    assert [result.verdict for result in evaluation.results] == ["error"]
    assert "[redacted:url-password]@db.example" in evaluation.results[0].detail
    assert SECRET.encode() not in stored(tmp_path / "store")
