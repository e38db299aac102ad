"""What stands in for a model: it answers once, from its rows, and offers no more than the model does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import is_classifier, is_outlier_detector, is_regressor
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression

from mlcycle.checks import cache_predictions
from mlcycle.checks._cached_predictions import answers_several
from mlcycle.errors import InvalidInput, NotFound

METHODS = ("predict", "predict_proba", "decision_function")
X = pd.DataFrame({"a": [1.0, 2.0, 3.0]})


def _model(**methods: Any) -> Any:
    """Return something with these methods, and nothing of scikit-learn's."""
    return SimpleNamespace(**methods)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (LogisticRegression().fit(X, [0, 1, 1]), is_classifier),
        (LinearRegression().fit(X, [0, 1, 1]), is_regressor),
        (IsolationForest(n_estimators=1).fit(X), is_outlier_detector),
        (_model(predict=len, classes_=[0, 1]), is_classifier),
        (_model(predict=len), is_regressor),
    ],
    ids=["classifier", "regressor", "detector", "foreign classifier", "foreign regressor"],
)
def test_a_scorer_takes_it_for_what_the_model_is(model: Any, kind: Any) -> None:
    """Of a foreign one, classes tell; it offers the methods of the model and no others."""
    cached = cache_predictions(model, X)
    assert [one for one in (is_classifier, is_regressor, is_outlier_detector) if one(cached)] == [kind]
    assert [hasattr(model, one) for one in METHODS] == [hasattr(cached, one) for one in METHODS]
    assert hasattr(model, "classes_") == hasattr(cached, "classes_")


def test_the_model_is_asked_once_and_when_first_needed() -> None:
    """Any rows, in any order and repeated, are answered from what it said of all of them."""
    asked: list[int] = []

    def predict(rows: pd.DataFrame) -> list[float]:
        asked.append(len(rows))
        return (rows["a"] * 10).tolist()

    cached = cache_predictions(_model(predict=predict), X)
    assert asked == []
    assert cached.predict([2, 0, 2]).tolist() == [30.0, 10.0, 30.0]
    assert cached.predict(np.array([1])).tolist() == [20.0]
    assert cached.answers("predict").tolist() == [10.0, 20.0, 30.0]
    assert asked == [3]


def test_a_model_that_changes_its_rows_changes_its_own() -> None:
    """The next question is about the rows as they are."""

    def spoil(rows: pd.DataFrame) -> Any:
        rows["a"] += 1
        return rows["a"]

    frame = X.copy()
    cached = cache_predictions(_model(predict=spoil, decision_function=spoil), frame)
    assert cached.answers("predict").tolist() == cached.answers("decision_function").tolist() == [2, 3, 4]
    assert frame.equals(X)


def test_a_model_that_fails_is_said_to_fail() -> None:
    """With what it raised, and once more when asked again; what the library itself says is left as it is."""

    def fail(rows: Any) -> Any:
        raise KeyError("age")

    def ours(rows: Any) -> Any:
        raise NotFound("there is no model")

    cached = cache_predictions(_model(predict=fail, predict_proba=ours), X)
    for _ in range(2):
        with pytest.raises(InvalidInput, match=r"^the model's predict failed on these rows: KeyError: 'age'") as caught:
            cached.predict([0])
        assert isinstance(caught.value.__cause__, KeyError)
        with pytest.raises(NotFound, match="there is no model"):
            cached.predict_proba([0])


@pytest.mark.parametrize(
    ("answer", "several"),
    [([1.0], False), ([[1.0]], False), ([[1.0, 2.0]], True), ([[[1.0]]], True), (None, False)],
)
def test_several_answers_a_row_are_seen_by_the_first_row(answer: Any, several: bool) -> None:
    """One column is one answer; whether a model that fails would answer several nobody can say."""
    asked: list[int] = []

    def predict(rows: pd.DataFrame) -> Any:
        asked.append(len(rows))
        if answer is None:
            raise ValueError("not today")
        return answer

    assert several == answers_several(cache_predictions(_model(predict=predict), X))
    assert asked == [1]
    assert not answers_several(cache_predictions(_model(predict_proba=predict), X))
