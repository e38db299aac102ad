"""Models that change their rows in place, as many a notebook's do: nobody else sees it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from mlcycle.codecs import infer_signature
from mlcycle.serving import Service
from tests.serving.conftest import Place

Iris = tuple[pd.DataFrame, pd.Series]


def flipped(X: Any) -> Any:
    """Turn the sign of all there is, in place."""
    if isinstance(X, list):
        for row in X:
            row["a"] = -row["a"]
        return X
    if isinstance(X, pd.DataFrame):
        for name in X.columns:
            X[name] = -X[name]
    elif sparse.issparse(X):
        X.data *= -1
    else:
        X *= -1
    return X


class Flipping:
    """A model that answers by the sign of the first value, and changes its rows first."""

    def __init__(self) -> None:
        self.classes_ = np.array([0, 1])

    def predict_proba(self, X: Any) -> Any:
        """Answer 1 where the first value was negative."""
        X = flipped(X)
        if isinstance(X, list):
            first = np.array([row["a"] for row in X])
        else:
            X = X.toarray() if sparse.issparse(X) else X
            first = X["a"].to_numpy() if isinstance(X, pd.DataFrame) else X[:, 0]
        return np.column_stack([first <= 0, first > 0]).astype(float)

    def predict(self, X: Any) -> Any:
        """Answer 1 where the first value was negative."""
        return self.predict_proba(X)[:, 1].astype(int)


FRAME = pd.DataFrame({"a": [-1.0, 2.0, -3.0, 4.0], "b": [1.0, 2.0, 3.0, 4.0]})
EXPECTED = [1, 0, 1, 0]


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(
    "rows",
    [FRAME, FRAME.to_numpy(), FRAME.to_dict("list"), sparse.csr_array(FRAME.to_numpy()), FRAME.to_dict("records")],
    ids=["frame", "array", "columns", "sparse", "records"],
)
def test_rows_are_what_they_were(rows: Any, signed: bool) -> None:
    """The caller's rows, both versions of a canary, the shadow, the second question and what is kept."""
    model = Flipping()
    signature = infer_signature(rows, model) if signed else None
    place = Place({"m@1": 1, "m@2": 1}, {"m@1": model, "m@2": model, "m@3": model}, signature=signature, shadow="m@3")
    before = repr(rows.toarray() if sparse.issparse(rows) else rows)
    with Service("shop", **place.parts()) as service:
        for method in (service.predict, service.predict_proba, service.predict):
            answer = method(rows, ids=list("wxyz"))
            assert (answer[:, 1] if answer.ndim == 2 else answer).tolist() == EXPECTED
    assert repr(rows.toarray() if sparse.issparse(rows) else rows) == before
    kept = place.traffic().frame
    assert service.failures["shadow"] == service.failures["capture"] == 0
    for role in ("live", "shadow"):
        said = kept[(kept["role"] == role) & kept["output"].notna()]
        assert said.sort_values("id", kind="stable")["output"].tolist() == np.repeat(EXPECTED, 2).tolist()
    values = kept.filter(like="in.")
    first = dict(zip("wxyz", FRAME["a"], strict=True))
    assert values.iloc[:, 0].tolist() == [first[one] for one in kept["id"]]


def test_label_and_scores_of_one_question_are_about_the_same_rows(iris: Iris) -> None:
    """Where the scores are too close the model is asked again, about the rows as they are."""
    X, y = iris
    model = make_pipeline(FunctionTransformer(flipped), LogisticRegression(max_iter=2000)).fit(X.copy(), y % 2)
    model[-1].coef_[:] = 0
    model[-1].intercept_[:] = 0  # a tie everywhere
    place = Place({"m@1": 1}, {"m@1": model}, signature=infer_signature(X, model))
    with Service("shop", **place.parts()) as service:
        before = X.copy()
        service.predict(X[:5])
    pd.testing.assert_frame_equal(before, X)
    np.testing.assert_array_equal(X[:5], place.traffic().frame.filter(like="in."))
