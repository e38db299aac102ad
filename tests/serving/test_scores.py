"""One call for label and scores gives exactly what two calls give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from mlcycle.serving._scores import asked, label_follows

FOLLOWING = [
    LogisticRegression(),
    LogisticRegression(C=1e-9),
    make_pipeline(StandardScaler(), LogisticRegression()),
    RandomForestClassifier(4, random_state=0),
    ExtraTreesClassifier(4, random_state=0),
    DecisionTreeClassifier(max_depth=2, random_state=0),
    ExtraTreeClassifier(max_depth=2, random_state=0),
    GradientBoostingClassifier(n_estimators=3),
    HistGradientBoostingClassifier(max_iter=3),
    GaussianNB(),
    MultinomialNB(),
]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("model", FOLLOWING, ids=lambda model: type(model).__name__)
def test_labels_are_those_of_predict(model: Any, classes: int) -> None:
    """On every listed estimator, ties included, label, dtype and scores are the estimator's own."""
    X, y = make_classification(400, 6, n_informative=4, n_classes=classes, flip_y=0.3, random_state=classes)
    X = np.abs(X).round(1)
    names = np.array(["delta", "alpha", "beta", "gamma"])[y]
    model.fit(X[:200], names[:200])
    assert label_follows(model)
    for rows in (X, X[:1], X[:0] if classes == 9 else X[200:210]):
        for method in ("predict", "predict_proba"):
            answer, kept = asked(model, method, rows, follows=True)
            own = getattr(model, method)(rows)
            np.testing.assert_array_equal(own, answer)
            assert own.dtype == answer.dtype
            np.testing.assert_array_equal(model.predict_proba(rows), kept["p"])
            if "out" in kept:
                np.testing.assert_array_equal(model.predict(rows), kept["out"])


@pytest.mark.parametrize(
    "model",
    [SVC(), KNeighborsClassifier(), FixedThresholdClassifier(LogisticRegression(), threshold=0.9)],
    ids=lambda model: type(model).__name__,
)
def test_others_are_asked_as_they_are(model: Any) -> None:
    """Where the label does not follow from the scores, only what was asked is kept."""
    X, y = make_classification(80, 4, random_state=0)
    model.fit(X, y)
    assert not label_follows(model)
    answer, kept = asked(model, "predict", X, follows=False)
    np.testing.assert_array_equal(model.predict(X), answer)
    assert list(kept) == ["out"]


def test_somebody_elses_model_is_not_guessed_at() -> None:
    """A subclass may predict as it likes, so it is not on the list; nor is a forest of several targets."""

    class Cautious(LogisticRegression):
        pass

    X, y = make_classification(80, 4, random_state=0)
    assert not label_follows(Cautious().fit(X, y))
    assert not label_follows(RandomForestClassifier(2).fit(X, np.column_stack([y, y])))
