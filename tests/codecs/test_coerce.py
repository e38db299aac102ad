"""Values that reach a model in the type of its column, with the meaning they had."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle.codecs import check_inputs, infer_signature
from mlcycle.errors import InvalidInput

REFUSED = object()
MISSING = object()
HOUR = dt.timedelta(hours=1)
NOON = pd.Timestamp("2024-05-01T12:00")
UTC_NOON = NOON.tz_localize("UTC")
BERLIN_NOON = NOON.tz_localize("Europe/Berlin")
COLUMNS = {
    "bool": pd.Series([True, False]),
    "boolean": pd.Series([True, None], dtype="boolean"),
    "int8": pd.Series([1], dtype="int8"),
    "int64": pd.Series([1]),
    "uint8": pd.Series([1], dtype="uint8"),
    "uint64": pd.Series([1], dtype="uint64"),
    "float32": pd.Series([1.5], dtype="float32"),
    "float64": pd.Series([1.5]),
    "text": pd.Series(["a"]),
    "ns": pd.Series([NOON]).astype("datetime64[ns]"),
    "s": pd.Series([NOON]).astype("datetime64[s]"),
    "utc": pd.Series([UTC_NOON]).dt.as_unit("us"),
    "berlin": pd.Series([BERLIN_NOON]).dt.as_unit("ms"),
    "wait us": pd.Series([HOUR]).astype("timedelta64[us]"),
    "wait s": pd.Series([HOUR]).astype("timedelta64[s]"),
    "zones": pd.Series(pd.Categorical([3], categories=[3, 1, 2])),
    "plans": pd.Series(pd.Categorical(["b"], categories=["b", "a"])),
    "sizes": pd.Series(pd.Categorical(["S"], categories=["S", "M", "L"], ordered=True)),
    "flags": pd.Series(pd.Categorical([True, False])),
    "days": pd.Series(pd.Categorical([NOON])),
    "bins": pd.Series(pd.cut([1, 2, 3], 2)),
}
CASES = {
    "bool": [
        (True, True),
        (1, True),
        (0.0, False),
        (np.bool_(True), True),
        (None, MISSING),
        (2, REFUSED),
        ("true", REFUSED),
        ("1", REFUSED),
    ],
    "boolean": [(None, MISSING), (False, False), (0.5, REFUSED)],
    "int8": [
        (7, 7),
        (7.0, 7),
        (True, 1),
        (Decimal(7), 7),
        (np.int64(7), 7),
        (None, MISSING),
        (300, REFUSED),
        (-129, REFUSED),
        (1.5, REFUSED),
        (Fraction(1, 2), REFUSED),
    ],
    "int64": [
        (2**53 + 1, 2**53 + 1),
        (Decimal("4503599627370496.5"), REFUSED),
        (Fraction(1, 10**30), REFUSED),
        (2**63, REFUSED),
        (float(2**63), REFUSED),
        (math.inf, REFUSED),
        (1 + 0j, REFUSED),
        ("1", REFUSED),
        (b"1", REFUSED),
        (NOON, REFUSED),
        (HOUR, REFUSED),
        (np.timedelta64(1, "s"), REFUSED),
    ],
    "uint8": [(True, 1), (255, 255), (-1, REFUSED), (256, REFUSED)],
    "uint64": [(True, 1), (False, 0), (2**64 - 1, 2**64 - 1), (2**64, REFUSED), (-1, REFUSED)],
    "float32": [
        (0.1, float(np.float32(0.1))),
        (math.inf, math.inf),
        (1e39, REFUSED),
        (Decimal("1e39"), REFUSED),
        (10**39, REFUSED),
    ],
    "float64": [
        (3, 3.0),
        (True, 1.0),
        (Decimal("1.5"), 1.5),
        (Fraction(1, 4), 0.25),
        (Decimal("NaN"), MISSING),
        (Decimal("sNaN"), REFUSED),
        (pd.NA, MISSING),
        (2**53, 2.0**53),
        (2**53 + 1, REFUSED),
        (10**400, REFUSED),
        ("nan", REFUSED),
        ("inf", REFUSED),
        ("1.5", REFUSED),
        (1 + 2j, REFUSED),
        (complex(0, math.inf), REFUSED),
        (pd.Period("2024-05"), REFUSED),
        (pd.Interval(0, 1), REFUSED),
        ([1.0], REFUSED),
        (NOON, REFUSED),
    ],
    "text": [
        ("b", "b"),
        (np.str_("b"), "b"),
        ("\ud800", "\ud800"),
        (None, MISSING),
        (5, REFUSED),
        (b"b", REFUSED),
        (True, REFUSED),
        (NOON, REFUSED),
    ],
    "ns": [
        ("2024-05-01T12:00", NOON),
        ("2024-05-01", pd.Timestamp("2024-05-01")),
        ("2024-05-01T12:00Z", NOON),
        (dt.datetime(2024, 5, 1, 12), NOON),
        (dt.date(2024, 5, 1), pd.Timestamp("2024-05-01")),
        (np.datetime64("2024-05-01T12"), NOON),
        (UTC_NOON, NOON),
        (None, MISSING),
        ("2024-05-01T12:00+02:00", REFUSED),
        (BERLIN_NOON, REFUSED),
        ("3000-01-01", REFUSED),
        ("2024", REFUSED),
        ("20240501", REFUSED),
        ("now", REFUSED),
        ("NaT", REFUSED),
        (1714564800, REFUSED),
        (HOUR, REFUSED),
    ],
    "s": [
        ("3000-01-01", pd.Timestamp("3000-01-01") if pd.__version__ >= "3" else REFUSED),  # pandas 2 reads text in ns
        (NOON, NOON),
        ("2024-05-01T12:00:00.5", REFUSED),
        (NOON + pd.Timedelta(1, "us"), REFUSED),
    ],
    "utc": [
        ("2024-05-01T12:00", UTC_NOON),
        ("2024-05-01T14:00+02:00", UTC_NOON),
        (BERLIN_NOON, pd.Timestamp("2024-05-01T10:00Z")),
        (NOON, UTC_NOON),
    ],
    "berlin": [
        ("2024-05-01T10:00Z", BERLIN_NOON),
        (UTC_NOON, UTC_NOON),
        (NOON, REFUSED),
        ("2024-05-01T12:00", REFUSED),
    ],
    "wait us": [
        (HOUR, HOUR),
        (np.timedelta64(60, "m"), HOUR),
        ("PT1H", HOUR),
        ("1:00:00", HOUR),
        ("60 min", HOUR),
        (None, MISSING),
        (90, REFUSED),
        (90.0, REFUSED),
        ("90", REFUSED),
        ("1 90", REFUSED),
        ("1e3", REFUSED),
        ("nan", REFUSED),
        ("NaT", REFUSED),
        (True, REFUSED),
        (NOON, REFUSED),
        (np.timedelta64(1, "ns"), REFUSED),
    ],
    "wait s": [(HOUR, HOUR), (dt.timedelta(milliseconds=1), REFUSED)],
    "zones": [(2, 2), (2.0, 2), (True, 1), (9, 9), (None, MISSING), ("2", REFUSED), (2.5, REFUSED)],
    "plans": [("a", "a"), ("new", "new"), (None, MISSING), (1, REFUSED), (True, REFUSED)],
    "sizes": [("L", "L"), ("XL", REFUSED), (1, REFUSED)],
    "flags": [(True, True), (0, False), ("True", REFUSED)],
    "days": [("2024-05-01T12:00", NOON), (NOON, NOON), (5, REFUSED)],
    "bins": [(None, MISSING), ("(2.0, 3.0]", REFUSED), (2, REFUSED), (pd.Interval(2.0, 3.0), REFUSED)],
}


class Model:
    """Anything that predicts."""

    def predict(self, X):
        """Answer with the rows."""
        return X


def _signature(column):
    return infer_signature(column.to_frame("x"), Model())


SIGNATURES = {name: _signature(column) for name, column in COLUMNS.items()}


@pytest.mark.parametrize(
    ("name", "value", "expected"), [(name, *case) for name, cases in CASES.items() for case in cases]
)
def test_a_value_keeps_its_meaning_or_is_refused(name, value, expected):
    """Alone, in a column of objects and beside a missing value, a value is the same for the model, or refused."""
    for rows in ([{"x": value}], pd.DataFrame({"x": pd.Series([value], dtype=object)}), [{"x": value}, {"x": None}]):
        if expected is REFUSED:
            with pytest.raises(InvalidInput, match=r"column 'x' is .* for the model, and got "):
                check_inputs(SIGNATURES[name], rows)
            continue
        got = check_inputs(SIGNATURES[name], rows)["x"]
        assert got.isna().iloc[0] if expected is MISSING else got.iloc[0] == expected
        if COLUMNS[name].dtype.kind in "mM":
            assert got.dtype == COLUMNS[name].dtype


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("float64", pd.Series([1, None], dtype="Int64"), [1.0, None]),
        ("float64", pd.Series([1, None], dtype="int64[pyarrow]"), [1.0, None]),
        ("float64", pd.Series([1.5, None], dtype="double[pyarrow]"), [1.5, None]),
        ("float64", pd.Series([Decimal(1)], dtype=pd.ArrowDtype(pa.decimal128(5, 2))), [1.0]),
        ("float64", pd.Series(pd.arrays.SparseArray([0.0, 2.0])), [0.0, 2.0]),
        ("float64", pd.Series([2**53 + 1]), REFUSED),
        ("float64", pd.Series(pd.period_range("2024-05", periods=2, freq="M")), REFUSED),
        ("float64", pd.Series([1 + 2j]), REFUSED),
        ("float64", pd.Series(pd.Categorical(["1"])), REFUSED),
        ("float32", pd.Series([1e39]), REFUSED),
        ("int8", pd.Series([300]), REFUSED),
        ("int64", pd.Series([1.0, None]), [1.0, None]),
        ("int64", pd.Series([2**53 + 1, None], dtype="Int64"), [2**53 + 1, None]),
        ("int64", pd.Series([2**64 - 1], dtype="uint64"), REFUSED),
        ("int64", pd.Series(pd.Categorical([3, 1])), [3, 1]),
        ("bool", pd.Series([True, None], dtype="boolean"), [True, None]),
        ("bool", pd.Series([True, None], dtype="bool[pyarrow]"), [True, None]),
        ("text", pd.Series(["a", None], dtype="string"), ["a", None]),
        ("text", pd.Series(pd.Categorical(["a"])), ["a"]),
        ("text", pd.Series(["a"], dtype=pd.ArrowDtype(pa.string())), ["a"]),
        ("ns", pd.Series([NOON]).astype("datetime64[s]"), [NOON]),
        ("ns", pd.Series([NOON]).astype("timestamp[ms][pyarrow]"), [NOON]),
        ("ns", pd.Series([BERLIN_NOON]), REFUSED),
        ("utc", pd.Series([BERLIN_NOON]), [BERLIN_NOON]),
        ("berlin", pd.Series([NOON]), REFUSED),
        ("wait us", pd.Series([90]), REFUSED),
        ("wait us", pd.Series([HOUR]).astype("duration[ms][pyarrow]"), [HOUR]),
        ("zones", pd.Series(pd.Categorical(["1", "2"])), REFUSED),
        ("plans", pd.Series(pd.Categorical([1, 2])), REFUSED),
        ("bins", COLUMNS["bins"], COLUMNS["bins"].tolist()),
        ("bins", pd.Series(pd.cut([1, 2, 9], 2)), REFUSED),
    ],
)
def test_a_column_keeps_its_meaning_or_is_refused(name, values, expected):
    """Whatever holds the values: nullable, Arrow, sparse, categories, other widths."""
    if expected is REFUSED:
        with pytest.raises(InvalidInput, match=r"column 'x' is .* for the model, and got "):
            check_inputs(SIGNATURES[name], values.to_frame("x"))
    else:
        got = check_inputs(SIGNATURES[name], values.to_frame("x"))["x"]
        assert [None if pd.isna(value) else value for value in got.tolist()] == expected


@pytest.mark.parametrize("name", ["zones", "plans", "sizes", "flags"])
def test_codes_of_categories_mean_what_they_did(name):
    """Categories given in another order, or only some of them, or as plain values, have the codes of the model's."""
    column = COLUMNS[name]
    known = column.cat.categories.tolist()
    expected = list(range(len(known)))
    for dtype in (pd.CategoricalDtype(known[::-1]), pd.CategoricalDtype(known[::-1], ordered=True), object):
        got = check_inputs(SIGNATURES[name], pd.DataFrame({"x": pd.Series(known, dtype=dtype)}))["x"]
        assert got.cat.codes.tolist() == expected
        assert got.dtype.ordered == column.dtype.ordered
    one = check_inputs(SIGNATURES[name], [{"x": known[-1]}])["x"]
    assert one.cat.codes.tolist() == [expected[-1]]


def test_a_fit_that_was_remembered_does_not_take_another_order():
    """Frames that fit are remembered by their types, and pandas finds categories in another order equal."""
    frame = pd.DataFrame({"x": pd.Categorical(["b", "a"], categories=["b", "a"])})
    signature = infer_signature(frame, Model())
    assert check_inputs(signature, frame) is frame
    other = pd.DataFrame({"x": pd.Categorical(["b", "a"], categories=["a", "b"])})
    assert check_inputs(signature, other)["x"].cat.codes.tolist() == [0, 1]


def test_strange_categories_come_after_those_that_are_known():
    """What a model makes of a category it never saw is its own business; the others keep their codes."""
    got = check_inputs(SIGNATURES["plans"], [{"x": "c"}, {"x": "a"}])["x"]
    assert (got.tolist(), got.cat.codes.tolist()) == (["c", "a"], [2, 1])


def test_many_categories_are_not_listed():
    """A signature stays small, and values of such a column are still held against their type."""
    signature = _signature(pd.Series(pd.Categorical(range(5000))))
    assert signature["inputs"] == [{"name": "x", "type": "category", "of": "int64"}]
    assert check_inputs(signature, [{"x": 7}])["x"].tolist() == [7]
    with pytest.raises(InvalidInput, match="category of int64"):
        check_inputs(signature, [{"x": "7"}])


def test_signatures_without_units_and_levels_are_read():
    """Signatures of before these were written take any unit, and any categories of the right type."""
    old = {"layout": "table", "inputs": [{"name": "t", "type": "timestamp"}, {"name": "d", "type": "duration"}]}
    frame = pd.DataFrame({"t": [NOON], "d": [pd.Timedelta(HOUR)]})
    assert check_inputs(old, frame) is frame
    plan = {"layout": "table", "inputs": [{"name": "x", "type": "category", "of": "string"}]}
    assert check_inputs(plan, [{"x": "a"}])["x"].tolist() == ["a"]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-3, 3),
    st.floats(),
    st.floats(width=32),
    st.decimals(allow_infinity=False, allow_nan=False),
    st.fractions(),
    st.text(max_size=3),
    st.sampled_from(["1", "90", "nan", "PT1H", "2024-05-01T12:00", "a", "S"]),
    st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1), timezones=st.sampled_from([None, dt.UTC])),
    st.timedeltas(dt.timedelta(days=-999), dt.timedelta(days=999)),
    st.binary(max_size=3),
    st.complex_numbers(),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(COLUMNS)), VALUES)
def test_what_is_accepted_means_the_same(name, value):
    """Whatever reaches a model equals what was given: nothing is made of it but its own type's rounding."""
    try:
        got = check_inputs(SIGNATURES[name], [{"x": value}])["x"].iloc[0]
    except InvalidInput:
        return
    if pd.isna(value):
        assert pd.isna(got)
    elif isinstance(value, str):
        assert got == value if name in ("text", "plans", "sizes") else isinstance(got, pd.Timestamp | pd.Timedelta)
    elif isinstance(value, dt.datetime):
        assert got.tz_localize(None) == pd.Timestamp(value).tz_localize(None) or got == pd.Timestamp(value)
    elif isinstance(value, float | Decimal | Fraction) and name in ("float32", "float64"):
        near = 1e-38 if name == "float32" else 0
        assert float(got) == pytest.approx(float(value), rel=1e-7 if name == "float32" else 1e-15, abs=near)
    elif isinstance(value, int) and name == "float32":
        assert float(got) == pytest.approx(float(value), rel=1e-7)
    else:
        assert got == value
