"""Profiles: what a table looks like, as plain JSON."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle import codecs


def _of(values: Any) -> dict[str, Any]:
    described: dict[str, Any] = codecs.profile(pd.DataFrame({"x": values}))["columns"]["x"]
    return described


def test_numbers() -> None:
    """Range, moments and quantiles are those of the values that are there and finite."""
    values = [3.0, math.nan, 1.0, 0.0, math.inf, 4.0]
    kept = np.array([3.0, 1.0, 0.0, 4.0])
    described = _of(values)
    assert [described[k] for k in ("type", "nulls", "infinite", "zeros")] == ["float64", 1, 1, 1]
    assert [0.0, 4.0, kept.mean(), kept.std(ddof=1)] == [described[k] for k in ("min", "max", "mean", "std")]
    assert dict(described["quantiles"]) == {q: np.quantile(kept, q) for q, _ in described["quantiles"]}
    assert described["distinct"] == 5


def test_integers_keep_every_digit() -> None:
    """Large integers are not rounded; frequent ones are listed with their share."""
    described = _of([2**53 + 1, 7, 7, 7])
    assert [described["min"], described["max"]] == [7, 2**53 + 1]
    assert described["top"] == [[7, 0.75], [2**53 + 1, 0.25]]
    assert [_of(np.array([0, 2**64 - 1], dtype=np.uint64))[k] for k in ("min", "max")] == [0, 2**64 - 1]


def test_text_and_categories() -> None:
    """Text has its most frequent values and its lengths, however it is stored."""
    values = ["b", "a", "b", None, "längst"]
    for column in (values, pd.Categorical(values), pd.array(values, dtype="string")):
        described = _of(column)
        assert [described[k] for k in ("type", "nulls", "distinct")] == ["string", 1, 3]
        assert described["top"][0] == ["b", 0.5]
        assert described["length"] == {"min": 1, "mean": 2.25, "max": 6}


def test_truth_moments_dates_and_spans() -> None:
    """Each kind has what makes sense for it; moments in a zone are told in UTC."""
    assert _of([True, False, True])["top"] == [[True, 0.666667], [False, 0.333333]]
    times = pd.to_datetime(["2026-01-01 12:00", None, "2026-03-01 00:00"]).as_unit("s")
    moments = _of(times.tz_localize("Europe/Berlin"))
    assert [moments[k] for k in ("min", "max", "nulls")] == ["2026-01-01T11:00:00Z", "2026-02-28T23:00:00Z", 1]
    days = _of(pd.Series([dt.date(9999, 1, 1), dt.date(1, 1, 1)], dtype=object))
    assert [days["min"], days["max"]] == ["0001-01-01", "9999-01-01"]
    spans = _of(pd.to_timedelta([1, 3], unit="min"))
    assert [spans[k] for k in ("min", "max", "mean")] == [60.0, 180.0, 120.0]


def test_other_columns_have_what_they_have() -> None:
    """Lists have lengths, decimals are numbers, structs and nothing at all have only missing values."""
    table = pa.table({
        "list": [[1, 2], None], "decimal": [Decimal("1.5"), Decimal("2.5")], "fields": [{"a": 1}, None],
        "nothing": pa.nulls(2), "half": pa.array(np.array([1.5, np.nan], dtype=np.float16)), "bytes": [b"abc", b""],
        "fixed": pa.array([b"ab", None], pa.binary(2)),
        "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())), "time": [dt.time(1), None],
    })  # fmt: skip
    columns = codecs.profile(table)["columns"]
    assert columns["list"]["length"] == {"min": 2, "mean": 2.0, "max": 2}
    assert [columns["decimal"][k] for k in ("min", "max", "mean")] == [1.5, 2.5, 2.0]
    assert columns["fields"] == {"type": 'struct<"a":int64>', "nulls": 1}
    assert [columns["nothing"]["nulls"], columns["half"]["nulls"], columns["half"]["mean"]] == [2, 1, 1.5]
    assert [columns[name]["length"]["max"] for name in ("bytes", "fixed", "map")] == [3, 2, 1]
    assert columns["time"]["min"] == "01:00:00.000000"


def test_a_profile_covers_the_index_and_takes_what_was_encoded() -> None:
    """Index levels are columns of the data; a frame, its encoding and its Arrow table have one profile."""
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="id"))
    described = codecs.profile(frame)
    assert [described["rows"], list(described["columns"])] == [2, ["a", "id"]]
    assert described == codecs.profile(codecs.encode(frame)) == codecs.profile(codecs.encode(frame).table)


def test_large_columns_are_sampled_and_close() -> None:
    """Above the sample size, range and mean are exact, and the rest is close and says so."""
    random = np.random.default_rng(1)
    rows = 300_000
    frame = pd.DataFrame(
        {
            "id": np.arange(rows),
            "few": random.integers(0, 20, rows),
            "x": random.normal(size=rows),
            "gap": [None, "v"] * (rows // 2),
        }
    )
    columns = codecs.profile(frame)["columns"]
    assert [rows, 20, rows, 1] == [columns[name]["distinct"] for name in frame]
    assert [columns[name]["sampled"] for name in frame] == [True] * 4
    assert [frame["x"].min(), frame["x"].max()] == [columns["x"]["min"], columns["x"]["max"]]
    assert rows // 2 == columns["gap"]["nulls"]
    for q, value in columns["x"]["quantiles"]:
        assert value == pytest.approx(frame["x"].quantile(q), abs=0.05)
    many = codecs.profile(pd.DataFrame({"k": random.integers(0, 60_000, rows)}))["columns"]["k"]["distinct"]
    assert 30_000 < many < 120_000
    assert codecs.profile(frame) == codecs.profile(frame)


@given(
    st.lists(st.floats(), max_size=8),
    st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_a_profile_is_plain_json_whatever_the_values(numbers: list[float], texts: list[str | None]) -> None:
    """Extreme numbers, empty columns and long text stay JSON without NaN."""
    table = {"n": pa.array(numbers, pa.float64()), "i": pa.array([], pa.int64()), "t": pa.array(texts, pa.string())}
    for name, column in table.items():
        described = codecs.profile(pa.table({name: column}))
        assert described == json.loads(json.dumps(described, allow_nan=False))


def test_a_profile_has_room_for_a_summary() -> None:
    """The document has a place for what can be merged."""
    made = codecs.profile(pa.table({"a": [1]}))
    assert {name: value for name, value in made.items() if name != "columns"} == {"summary": None, "rows": 1}


def test_long_text_is_cut() -> None:
    """A profile is small, however long the values are."""
    assert len(_of(["x" * 10_000] * 2)["top"][0][0]) == 200
