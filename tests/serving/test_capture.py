"""Lines of traffic: what goes in comes out."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle.codecs import check_inputs, infer_signature
from mlcycle.errors import InvalidInput
from mlcycle.serving import decode_traffic
from mlcycle.serving._capture import encode_failures, encode_labels, encode_predictions

FACTS = {"v": "a@1", "r": 1, "role": "live", "ms": 0.5}


def there_and_back(rows: Any, answers: dict[str, Any]) -> pd.DataFrame:
    """Return the frame of some encoded predictions."""
    ids = [str(i) for i in range(len(rows))]
    return decode_traffic(encode_predictions(ids, rows, answers, FACTS).splitlines()).frame


def test_every_type_comes_back_by_its_signature() -> None:
    """Numbers, text, categories, moments with and without zone, missing and infinite values are what they were."""
    X = pd.DataFrame(
        {
            "int": [1, 2**62, -3],
            "float": [0.1, np.nan, np.inf],
            "low": [-np.inf, 1e-300, 5.0],
            "bool": [True, False, True],
            "text": ["a", 'quote " \n line', "ö 🦊"],
            "category": pd.Categorical(["x", None, "y"]),
            "moment": pd.to_datetime(["2026-01-01", None, "2026-01-02T03:04:05.678901"], format="ISO8601"),
            "zoned": pd.to_datetime(["2026-01-01", None, "2026-01-02"]).tz_localize("Europe/Berlin"),
            "small": np.array([1, 2, 3], dtype="int8"),
        }
    )
    signature = infer_signature(X, None)
    frame = there_and_back(X, {"out": np.array([1, 0, 1])})
    inputs = frame[[f"in.{name}" for name in X.columns]].set_axis(X.columns, axis=1)
    found = check_inputs(signature, inputs)
    for name in X.columns:
        assert (
            found[name].astype(object).where(found[name].notna(), None).tolist()
            == X[name].astype(object).where(X[name].notna(), None).tolist()
        ), name
    assert frame["output"].tolist() == [1, 0, 1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.floats(), st.integers(-(2**63), 2**64 - 1), st.text(), st.booleans(), st.none()),
        min_size=1,
        max_size=6,
    )
)
def test_any_values_are_whole_lines(values: list[Any]) -> None:
    """Whatever stands in the cells, there is one JSON line a row and the values are the same again."""
    rows = pd.DataFrame({"a": pd.Series(values, dtype=object)})
    lines = encode_predictions([str(i) for i in range(len(values))], rows, {}, FACTS)
    assert lines.count(b"\n") == len(values)
    found = decode_traffic(lines.split(b"\n"))
    assert found.skipped == 0
    held = [None if isinstance(v, float) and v != v else v for v in values]
    back = [json.loads(line)["in"]["a"] for line in lines.splitlines()]
    assert [float(v["$float"]) if isinstance(v, dict) else v for v in back] == held


def test_arrays_series_and_text() -> None:
    """Rows without names are x0, x1, …; a column of text is x0 or what it is called."""
    assert there_and_back(np.array([[1.5, 2.5]]), {}).filter(like="in.").to_dict("list") == {
        "in.x0": [1.5],
        "in.x1": [2.5],
    }
    assert there_and_back(["good", "bad"], {})["in.x0"].tolist() == ["good", "bad"]
    assert there_and_back(pd.Series(["good"], name="review"), {})["in.review"].tolist() == ["good"]
    assert there_and_back(np.array([["2026-01-01"]], dtype="M8[ns]"), {})["in.x0"].tolist() == ["2026-01-01T00:00:00"]


def test_answers_of_every_shape() -> None:
    """Scores, several targets, several classifiers at once, text and odd objects as labels."""
    rows = np.zeros((2, 1))
    scores = np.array([[0.25, 0.75], [1.0, 0.0]])
    frame = there_and_back(rows, {"out": np.array(["no", "yes"]), "p": scores})
    assert (frame["output"].tolist(), frame["scores"].tolist()) == (["no", "yes"], scores.tolist())
    assert there_and_back(rows, {"p": [scores, scores]})["scores"].tolist() == [
        [[0.25, 0.75]] * 2,
        [[1.0, 0.0]] * 2,
    ]
    assert there_and_back(rows, {"out": scores})["output"].tolist() == scores.tolist()
    odd = np.array([Decimal("1.5"), pd.NaT], dtype=object)
    assert there_and_back(rows, {"out": odd})["output"].tolist() == ["1.5", None]


def test_whole_numbers_stay_whole_beside_missing_answers() -> None:
    """Labels are not turned into floats because other lines have none."""
    lines = encode_predictions(["1"], np.zeros((1, 1)), {"out": np.array([1])}, FACTS)
    lines += encode_predictions(["2"], np.zeros((1, 1)), {"p": np.array([[0.5, 0.5]])}, FACTS)
    found = decode_traffic(lines.splitlines()).frame["output"].tolist()
    assert [(type(one), one) for one in found] == [(int, 1), (type(None), None)]


def test_labels_join_by_canonical_id_and_the_last_counts() -> None:
    """Ids from pandas and from HTTP are the same id; a label may come before its prediction, and be corrected."""
    early = encode_labels(np.array([1.0, 2.0]), ["wrong", "b"])
    lines = encode_predictions(["1", "2", "3"], np.zeros((3, 1)), {"out": np.array(["a", "a", "a"])}, FACTS)
    late = encode_labels(pd.Series([1]), pd.Series(["a"]))
    traffic = decode_traffic([*late.splitlines(), *lines.splitlines(), *early.splitlines()])
    assert traffic.frame["label"].tolist() == ["a", "b", None]
    taken_back = decode_traffic([*lines.splitlines(), *early.splitlines(), *encode_labels(["1"], [None]).splitlines()])
    assert taken_back.frame["label"].tolist() == [None, "b", None]


def test_labels_that_cannot_be() -> None:
    """As many outcomes as ids, an id for each, and lists rather than one text."""
    with pytest.raises(InvalidInput, match="2 ids and 1 outcomes"):
        encode_labels([1, 2], [0])
    with pytest.raises(InvalidInput, match="id at position 1 is missing"):
        encode_labels([1, None], [0, 1])
    with pytest.raises(InvalidInput, match="got the text '17'"):
        encode_labels("17", [1])
    assert encode_labels([], []) == b""
    assert encode_labels((i for i in (1, 2)), {3: "x", 4: "y"}.values()).count(b"\n") == 2


def test_torn_and_foreign_lines_are_counted() -> None:
    """What cannot be read is passed over and counted; fields of the future are ignored; blank lines are nothing."""
    good = encode_predictions(["1"], np.zeros((1, 1)), {"out": np.array([1])}, FACTS)[:-1]
    future = good[:-1] + b',"new":{"a":1}}'
    torn = [good[:40], b"[]", b"7", b"\xff\xfe", b'{"t":"x","id":"1","v":"a"}', b'{"t":1,"v":"a@1"}', b'"text"']
    traffic = decode_traffic([good, future, b"", b" ", *torn])
    assert (len(traffic.frame), traffic.skipped) == (2, len(torn))


def test_the_window_is_of_predictions() -> None:
    """Only predictions from the first moment to before the last one; labels count whenever they came."""
    lines = [json.dumps({"t": t, "id": str(t), "v": "model:a@1", "in": {}, "out": 0}).encode() for t in (10, 20, 30)]
    lines += encode_labels([20], [1]).splitlines()
    found = decode_traffic(lines, since="1970-01-01T00:00:20.000000Z", until="1970-01-01T00:00:30.000000Z").frame
    assert (found["id"].tolist(), found["label"].tolist()) == (["20"], [1])
    assert found["t"].tolist() == [pd.Timestamp(20, unit="s", tz="UTC")]


def test_failures_and_shadows_are_not_live() -> None:
    """What callers got is what is live and has no error."""
    lines = encode_failures(["1"], ValueError("no"), FACTS)
    lines += encode_predictions(["2"], np.zeros((1, 1)), {"out": np.array([1])}, {**FACTS, "role": "shadow"})
    lines += encode_predictions(["3"], np.zeros((1, 1)), {"out": np.array([1])}, FACTS)
    traffic = decode_traffic(lines.splitlines())
    assert traffic.live()["id"].tolist() == ["3"]
    assert traffic.frame["error"].tolist() == ["ValueError: no", None, None]


def test_no_traffic_has_its_columns() -> None:
    """An empty frame can be asked like any other."""
    traffic = decode_traffic([])
    assert (len(traffic.live()), traffic.skipped) == (0, 0)
    assert {"id", "output", "scores", "label", "error"} < set(traffic.frame.columns)
    assert str(traffic.frame["t"].dtype).startswith("datetime64")
