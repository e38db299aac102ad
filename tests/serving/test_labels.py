"""Labels of any type: of versions that share a route, of several outputs, and the ids they come under."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier

from mlcycle.codecs import infer_signature
from mlcycle.errors import InvalidInput
from mlcycle.serving import Service, choose, encode_labels
from tests.serving.conftest import Place

X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0] * 5, "b": [1.0, 0.0, 1.0, 0.0] * 5})
Y = np.array([0, 0, 1, 1] * 5)
IDS = list(range(len(X)))
WHERE = choose([str(one) for one in IDS], {"m@1": 1, "m@2": 1}, "shop")
LABELS: dict[str, Any] = {
    "int": Y,
    "int8": Y.astype("int8"),
    "bool": Y.astype(bool),
    "float": Y.astype(float),
    "text": np.where(Y, "yes", "no"),
    "longer text": np.where(Y, "certainly", "no"),
    "object text": np.where(Y, "yes", "no").astype(object),
    "digits": np.where(Y, "1", "0"),
    "large": Y + 2**60,
}


def _served(one: Any, other: Any, method: str = "predict", **parts: Any) -> tuple[Any, Place]:
    place = Place({"m@1": 1, "m@2": 1}, {"m@1": one, "m@2": other}, signature=infer_signature(X, one))
    with Service("shop", **place.parts()) as service:
        return getattr(service, method)(X, ids=IDS), place


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    """Give a model for each kind of label."""
    return {name: LogisticRegression().fit(X, labels) for name, labels in LABELS.items()}


@pytest.mark.parametrize(("first", "second"), list(combinations_with_replacement(LABELS, 2)))
def test_versions_with_other_labels_share_a_route(first: str, second: str, models: dict[str, Any]) -> None:
    """Every label is the one its version gave, and every class has its column."""
    one, other = models[first], models[second]
    alone = [model.predict(X).tolist() for model in (one, other)]
    expected = [alone[who][row] for row, who in enumerate(WHERE)]
    answers, place = _served(one, other)
    assert answers.tolist() == expected
    assert [isinstance(one, str) for one in answers.tolist()] == [isinstance(one, str) for one in expected]
    assert place.traffic().frame.sort_values("id", key=lambda ids: ids.astype(int))["output"].tolist() == expected
    scores, _ = _served(one, other, "predict_proba")
    known = dict.fromkeys([*one.classes_.tolist(), *other.classes_.tolist()])
    assert scores.shape == (len(X), len(known))
    np.testing.assert_allclose(scores.sum(axis=1), 1)


def test_columns_of_scores_are_in_an_order_one_can_tell(models: dict[str, Any]) -> None:
    """Numbers first, then text, each sorted; in one type as sorted as ever."""
    numbers, texts = models["int"], models["text"]
    scores, _ = _served(texts, numbers, "predict_proba")
    for row, who in enumerate(WHERE):
        place = slice(2, 4) if who == 0 else slice(0, 2)
        np.testing.assert_array_equal((texts, numbers)[who].predict_proba(X.iloc[[row]])[0], scores[row, place])


TARGETS = np.column_stack([Y, np.where(Y, 0, 5)])
SEVERAL = {
    "forest": RandomForestClassifier(3, random_state=0),
    "neighbours": KNeighborsClassifier(3),
    "each": MultiOutputClassifier(LogisticRegression()),
    "chain": ClassifierChain(LogisticRegression()),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_outputs_are_served_shared_and_kept(name: str) -> None:
    """Alone and shared: labels a row, scores as the estimator gives them, both kept and labelled."""
    model = SEVERAL[name].fit(X.copy(), TARGETS)
    answers, place = _served(model, model)
    np.testing.assert_array_equal(model.predict(X), answers)
    scores, _ = _served(model, model, "predict_proba")
    expected = model.predict_proba(X)
    assert isinstance(scores, list) == isinstance(expected, list)
    for one, other in zip(expected, scores, strict=True):
        np.testing.assert_allclose(one, other)
    with Service("shop", **place.parts()) as service:
        service.predict_proba(X[:2], ids=["p", "q"])
        service.label(IDS, TARGETS)
    kept = place.traffic().frame
    assert kept["label"].tolist()[: len(X)] == TARGETS[kept["id"][: len(X)].astype(int)].tolist()
    assert len(kept["scores"].iloc[-1]) == 2


def test_several_outputs_of_other_classes_get_a_column_each() -> None:
    """As with one output, a class that a version does not know has the score 0."""
    one, other = (RandomForestClassifier(3, random_state=0).fit(X, TARGETS + add) for add in (0, [0, 1]))
    scores, _ = _served(one, other, "predict_proba")
    assert [array.shape[1] for array in scores] == [2, 4]
    assert (scores[1][WHERE == 0][:, [1, 3]] == 0).all()


def test_versions_of_other_shapes_are_refused() -> None:
    """One target and several have no answer in common."""
    one, two = LinearRegression().fit(X, Y), LinearRegression().fit(X, TARGETS)
    with pytest.raises(InvalidInput, match="one target and several"):
        _served(one, two)


# ids -----------------------------------------------------------------------------------------------------------------

DAY = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("given", "again"),
    [
        (7, [7.0, "7", np.int8(7), np.float32(7), Decimal(7), Decimal("7.0"), np.uint64(7)]),
        (2**60 + 1, [str(2**60 + 1), np.int64(2**60 + 1), Decimal(2**60 + 1)]),
        (7.5, [Decimal("7.5"), Decimal("7.50"), "7.5", np.float64(7.5)]),
        (True, ["true", np.bool_(True)]),
        (DAY, [pd.Timestamp(DAY), np.datetime64("2024-05-01T12:00", "ns"), np.datetime64("2024-05-01T12:00", "s")]),
        (b"\x01", ["01"]),
        (uuid.UUID(int=5), [str(uuid.UUID(int=5))]),
        ((1, "a"), [(np.int64(1), "a")]),
        ("é", ["e\u0301"]),
        ("NaT", [np.str_("NaT")]),
        ("\ud800", ["\ud800"]),
    ],
)
def test_an_id_is_one_however_it_is_written(given: Any, again: list[Any]) -> None:
    """Predictions and labels join whatever library the id went through."""
    place = Place({"m@1": 1}, {"m@1": LinearRegression().fit(X, Y)})
    with Service("shop", **place.parts()) as service:
        service.predict(X[:1], ids=[given])
        for label, one in enumerate(again):
            service.label([one], [label])
            assert place.traffic().frame["label"].tolist() == [label]


@pytest.mark.parametrize(
    "one",
    [
        float(2**53),
        1e17,
        -1e300,
        float("inf"),
        np.float32(2**24),
        np.float16(2**11),
        [1],
        {"a": 1},
        np.array([1, 2]),
        object(),
    ],
)
def test_ids_that_may_have_lost_digits_or_have_no_text_are_refused(one: Any) -> None:
    """A float that large comes from a merge, and would never be found again."""
    place = Place({"m@1": 1}, {"m@1": LinearRegression().fit(X, Y)})
    with Service("shop", **place.parts()) as service:
        for tried in (lambda: service.predict(X[:1], ids=[one]), lambda: service.label([one], [0])):
            with pytest.raises(InvalidInput, match="id"):
                tried()
    assert place.kept == b""


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT, np.datetime64("NaT", "ns"), Decimal("NaN")])
def test_missing_ids_are_missing(missing: Any) -> None:
    """Whatever way a library writes it."""
    with pytest.raises(InvalidInput, match="position 1 is missing"):
        encode_labels([1, missing], [0, 1])


@pytest.mark.parametrize(
    "ids", [[7, "7"], [True, "true"], [b"\x01", "01"], ["é", "e\u0301"], [Decimal("1.5"), "1.5"]], ids=repr
)
def test_ids_that_would_be_one_are_refused(ids: list[Any]) -> None:
    """Two that differ for the caller and not for the store; the same one twice is the caller's own business."""
    with pytest.raises(InvalidInput, match="stored as the same id"):
        encode_labels(ids, [0, 1])
    assert encode_labels([ids[0], ids[0]], [0, 1]).count(b"\n") == 2
    assert encode_labels([7, 7.0, np.int64(7)], [0, 1, 1]).count(b"\n") == 3


@pytest.mark.parametrize(
    ("ids", "outcomes"),
    [
        ({1, 2}, [0, 1]),
        ({1: 0, 2: 1}, [0, 1]),
        ([1, 2], {0, 1}),
        ("ab", [0, 1]),
        ([1, 2], "ab"),
        (pd.DataFrame({"id": [1, 2]}), [0, 1]),
        (5, [0]),
        ([1], 5),
        (None, [0]),
    ],
    ids=repr,
)
def test_what_has_no_order_or_no_rows_cannot_be_labelled(ids: Any, outcomes: Any) -> None:
    """An outcome belongs to the id of its place."""
    with pytest.raises(InvalidInput, match=r"one a row|one column"):
        encode_labels(ids, outcomes)


def test_iterators_and_columns_can_be_labelled() -> None:
    """What is read once is read once, and a table of one column is a column."""
    expected = encode_labels([1, 2], [0, 1]).partition(b'"id"')[2]
    for ids, outcomes in (
        (iter([1, 2]), (one for one in (0, 1))),
        (map(int, "12"), range(2)),
        (pd.Series([1.0, 2.0]), pd.DataFrame({"y": [0, 1]})),
        (pd.Index([1, 2]), np.array([[0], [1]])),
    ):
        assert encode_labels(ids, outcomes).partition(b'"id"')[2][:12] == expected[:12]
    assert encode_labels([], []) == b""
