"""Frames to column blocks and back: exact round trips, refusals, damage, and what is read and written."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import re
import resource
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle import codecs
from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle.codecs import _parquet
from mlcycle.errors import Corrupt, InvalidInput, SchemaError, StorageUnavailable, UnsafePath

if TYPE_CHECKING:
    from tests.codecs.conftest import FolderBlocks

_PAGES = (Path("docs/format-tables.md"), Path("docs/format.md"))
_ROOT = Path(__file__).parent.parent.parent


def _objects(values: list[Any]) -> pd.Series:
    made = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        made[row] = value
    return pd.Series(made, dtype=object)


_DAYS = ["2020-01-01", None, "2020-01-03"]
_COLUMNS: dict[str, Any] = {
    "int64": [1, 2, 3],
    "int8": np.arange(3, dtype=np.int8),
    "uint64": np.array([0, 1, 2**64 - 1], dtype=np.uint64),
    "float64": [math.nan, -0.0, math.inf],
    "float32": np.array([1.5, np.nan, 3], dtype=np.float32),
    "float16": np.array([1.5, np.nan, 3], dtype=np.float16),
    "bool": [True, False, True],
    "text": ["a", "", "längs"],
    "text with a gap": ["a", None, "b"],
    "string, python": pd.array(["a", None, "b"], dtype="string[python]"),
    "string, pyarrow": pd.array(["a", None, "b"], dtype="string[pyarrow]"),
    "Int64": pd.array([1, None, 3], dtype="Int64"),
    "UInt8": pd.array([1, None, 3], dtype="UInt8"),
    "Float32": pd.array([1.5, None, 3], dtype="Float32"),
    "boolean": pd.array([True, None, False]),
    "moments, ns": pd.Series(pd.to_datetime(_DAYS)).dt.as_unit("ns"),
    "moments, s": pd.Series(pd.to_datetime(_DAYS)).dt.as_unit("s"),
    "moments in Berlin": pd.to_datetime(_DAYS).tz_localize("Europe/Berlin"),
    "moments in UTC": pd.to_datetime(_DAYS).tz_localize("UTC"),
    "moments at +02:00": pd.to_datetime(_DAYS).tz_localize("+02:00"),
    "moments at -05:30": pd.to_datetime(_DAYS).tz_localize(dt.timezone(-dt.timedelta(hours=5, minutes=30))),
    "durations": pd.to_timedelta([1, None, 3], unit="s"),
    "category": pd.Categorical(["b", None, "a"], categories=["unused", "b", "a"], ordered=True),
    "category of numbers": pd.Categorical([2.5, None, math.inf]),
    "category of moments": pd.Categorical(pd.date_range("2020", periods=3)),
    "category of days in Berlin": pd.Categorical(pd.date_range("2020", periods=3, tz="Europe/Berlin")),
    "category of intervals": pd.cut(pd.Series([1.0, 2.0, math.nan]), 2),
    "category of periods": pd.Categorical(pd.period_range("2020", periods=3, freq="Q")),
    "category of nothing": pd.Categorical([None, None, None], categories=[]),
    "intervals": pd.arrays.IntervalArray.from_tuples([(0, 1), None, (1, 2)]),
    "intervals of days": pd.interval_range(pd.Timestamp("2020"), periods=3, closed="both"),
    "periods": pd.PeriodIndex(["2020-01", None, "2020-03"], freq="M"),
    "periods of two weeks": pd.period_range("2020", periods=3, freq="2W-SUN"),
    "sparse": pd.arrays.SparseArray([0, 0, 5]),
    "sparse with NaN": pd.arrays.SparseArray([0.0, np.nan, 5.0]),
    "sparse truth": pd.arrays.SparseArray([False, False, True]),
    "Arrow int16": pd.array([1, None, 3], dtype=pd.ArrowDtype(pa.int16())),
    "Arrow large text": pd.array(["a", None, "b"], dtype=pd.ArrowDtype(pa.large_string())),
    "Arrow lists": pd.Series([[1], None, []], dtype=pd.ArrowDtype(pa.list_(pa.int64()))).array,
    "Arrow vectors": pd.Series([[1.0, 2.0], None, [3.0, 4.0]], dtype=pd.ArrowDtype(pa.list_(pa.float32(), 2))).array,
    "Arrow dictionary": pd.Series(["a", None, "a"], dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))).array,
    "Arrow decimal": pd.array([Decimal("1.5"), None, None], dtype=pd.ArrowDtype(pa.decimal128(7, 2))),
    "Arrow moments, s": pd.array([dt.datetime(9999, 1, 1), None, None], dtype=pd.ArrowDtype(pa.timestamp("s"))),
    "Arrow time": pd.array([dt.time(1), None, None], dtype=pd.ArrowDtype(pa.time32("s"))),
    "Arrow date64": pd.array([dt.date(2020, 1, 1), None, None], dtype=pd.ArrowDtype(pa.date64())),
    "Arrow map": pd.Series([[("a", 1)], None, []], dtype=pd.ArrowDtype(pa.map_(pa.string(), pa.int64()))).array,
    "objects: integers": _objects([1, None, 2**62]),
    "objects: large integers": _objects([1, None, 2**63]),
    "objects: truth": _objects([True, None, False]),
    "objects: floats": _objects([1.5, math.nan, math.inf]),
    "objects: bytes": _objects([b"\xff", None, b""]),
    "objects: dates": _objects([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]),
    "objects: moments": _objects([dt.datetime(9999, 12, 31, 1, 2, 3, 4), pd.NaT, dt.datetime(1, 1, 1)]),
    "objects: moments in UTC": _objects([dt.datetime(2020, 1, 1, tzinfo=dt.UTC), None, None]),
    "objects: times": _objects([dt.time(1, 2, 3, 4), None, dt.time(23, 59)]),
    "objects: durations": _objects([dt.timedelta(-1, 2, 3), None, dt.timedelta(0)]),
    "objects: decimals": _objects([Decimal("1.50"), None, Decimal("-2.25")]),
    "objects: lists": _objects([[1, 2], None, []]),
    "objects: lists of one": _objects([[1], [2], [3]]),
    "objects: lists of text": _objects([["a", None], [""], []]),
    "objects: NaN in lists": _objects([[1.0, math.nan], [None], []]),
    "objects: tuples": _objects([(1, 2), None, ()]),
    "objects: dicts": _objects([{"a": 1, "b": [1.5]}, None, {"a": 2, "b": []}]),
    "objects: arrays": _objects([np.array([1, 2], dtype=np.float32), None, np.array([], dtype=np.float32)]),
    "objects: None": _objects([None, None, None]),
    "objects: NaN": _objects([math.nan, math.nan, math.nan]),
    "objects: text with NA": _objects(["a", pd.NA, "b"]),
    "objects: text with NaN": _objects(["a", math.nan, "b"]),
}


def _exactly(expected: pd.DataFrame, actual: pd.DataFrame) -> None:
    # pandas compares what arrays hold, but not of which class Python objects are
    pd.testing.assert_frame_equal(expected, actual, check_freq=True)
    assert expected.attrs == actual.attrs
    assert [type(expected.index), type(expected.columns)] == [type(actual.index), type(actual.columns)]
    for position in range(expected.shape[1]):
        before, after = expected.iloc[:, position], actual.iloc[:, position]
        assert before.dtype == after.dtype
        if before.dtype == object:
            assert list(map(type, before)) == list(map(type, after))
        if before.dtype.kind == "f":
            assert np.signbit(before).tolist() == np.signbit(after).tolist()


# exact round trips ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", _COLUMNS)
def test_a_column_comes_back_as_it_was(name: str, blocks: FolderBlocks) -> None:
    """Values, dtype and missing values of every kind of column survive, whole, in part, and without rows."""
    frame = pd.DataFrame({name: _COLUMNS[name]})
    manifest = blocks.store(frame)
    _exactly(frame, codecs.load(manifest, blocks, verify=True))
    _exactly(
        frame.iloc[[2, 0, 2]],
        codecs.load(manifest, blocks, rows=[2, 0, 2]),
    )
    nothing = frame.iloc[:0]
    assert frame.dtypes.tolist() == blocks.round_trip_empty(nothing).dtypes.tolist() or name in _TOLD_BY_VALUES


_TOLD_BY_VALUES = ["text", "text with a gap"]  # without values, an object column is of no type


_INDEXES = {
    "default": pd.RangeIndex(3),
    "default, not as a range": pd.Index([0, 1, 2], dtype="int64"),
    "a later range": pd.RangeIndex(5, 8),
    "a range with steps": pd.RangeIndex(9, 0, -3),
    "a named range": pd.RangeIndex(3, name="row"),
    "integers": pd.Index([3, 1, 2]),
    "named as a column": pd.Index([3, 1, 2], name="value"),
    "named by a number": pd.Index([3, 1, 2], name=7),
    "text": pd.Index(["a", "b", "b"], name="key"),
    "days": pd.date_range("2020", periods=3, name="day"),
    "days in Berlin": pd.date_range("2020", periods=3, tz="Europe/Berlin"),
    "days without frequency": pd.DatetimeIndex(["2020-01-01", "2020-01-05", "2020-01-06"]),
    "durations": pd.timedelta_range("1h", periods=3),
    "periods": pd.period_range("2020", periods=3, freq="M"),
    "categories": pd.CategoricalIndex(["b", "a", "b"], categories=["b", "a"]),
    "intervals": pd.interval_range(0, 3),
    "gaps": pd.Index([1.5, np.nan, 2.0]),
    "nullable": pd.Index([1, None, 2], dtype="Int64"),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["x", None]),
    "levels with gaps": pd.MultiIndex.from_arrays(
        [["a", None, "b"], pd.Categorical(["u", "v", "u"])], names=["x", "x"]
    ),
}


@pytest.mark.parametrize("name", _INDEXES)
def test_an_index_comes_back_as_it_was(name: str, blocks: FolderBlocks) -> None:
    """Every index survives with its class, names, range and frequency; and follows chosen rows and columns."""
    frame = pd.DataFrame({"value": [1.0, 2.0, 3.0], "other": ["a", "b", "c"]}, index=_INDEXES[name])
    manifest = blocks.store(frame)
    _exactly(frame, codecs.load(manifest, blocks, verify=True))
    some = codecs.load(manifest, blocks, columns=["other"], rows=np.array([True, False, True]))
    pd.testing.assert_frame_equal(
        frame.loc[[True, False, True], ["other"]], some, check_freq=False, check_index_type=False
    )
    assert frame.index[[True, False, True]].dtype == some.index.dtype


@pytest.mark.parametrize(
    "labels",
    [
        ["a", "b c", "", "a.b"], [0, 1, 2, 3], [3, 1, 2, 0], ["a", 1, "b", 2],
        pd.Index(["a", "b", "c", "d"], name="field"), pd.Index(["a", "b", "c", "d"], dtype="string"),
        pd.Index(["a", "b", "c", "d"], dtype=object), pd.RangeIndex(4),
        pd.Index([1, 2, 3, 4], dtype="int8", name=3),
    ],
    ids=repr,
)  # fmt: skip
def test_column_labels_come_back_as_they_were(labels: Any, blocks: FolderBlocks) -> None:
    """Text and integers are labels; their index keeps its dtype and name."""
    frame = pd.DataFrame(np.arange(8.0).reshape(2, 4), columns=labels)
    _exactly(frame, blocks.round_trip(frame))
    some = [frame.columns[2], frame.columns[0]]
    pd.testing.assert_frame_equal(frame[some], blocks.round_trip(frame, columns=some))


def test_attrs_come_back_and_are_no_content(blocks: FolderBlocks) -> None:
    """Attrs are presentation: kept, but another set of them is the same data."""
    frame = pd.DataFrame({"a": [1, 2]})
    bare = codecs.encode(frame)
    frame.attrs = {"source": "CRM", "units": {"a": ["kg", None, 1.5, True]}}
    _exactly(frame, blocks.round_trip(frame))
    assert bare.content == codecs.encode(frame).content
    assert bare.presentation != codecs.encode(frame).presentation


_ALPHABET = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_GENERATED = [
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=5, max_size=5).map(lambda v: np.array(v, dtype=np.int64)),
    st.lists(st.floats(), min_size=5, max_size=5).map(lambda v: np.array(v, dtype=np.float64)),
    st.lists(st.booleans(), min_size=5, max_size=5).map(np.array),
    st.lists(st.none() | _ALPHABET, min_size=5, max_size=5).map(lambda v: pd.array(v, dtype="string")),
    st.lists(st.none() | st.integers(0, 255), min_size=5, max_size=5).map(lambda v: pd.array(v, dtype="UInt8")),
    st.lists(st.none() | st.sampled_from("abc"), min_size=5, max_size=5).map(pd.Categorical),
    st.lists(st.none() | st.binary(max_size=4), min_size=5, max_size=5).map(_objects),
    st.lists(st.none() | st.lists(st.none() | st.integers(0, 9), max_size=3), min_size=5, max_size=5).map(_objects),
    st.lists(st.none() | st.integers(-(2**62), 2**62), min_size=5, max_size=5).map(
        lambda v: pd.Series(np.array([np.iinfo(np.int64).min if x is None else x for x in v]).view("M8[us]"))
    ),
]


@given(st.dictionaries(_ALPHABET | st.integers(0, 99), st.one_of(*_GENERATED), min_size=1, max_size=5), st.data())
@settings(max_examples=60, deadline=None)
def test_generated_frames_come_back_as_they_were(
    blocks: FolderBlocks, columns: dict[Any, Any], data: st.DataObject
) -> None:
    """Whatever the columns and their names, the frame comes back; and so do any rows of it."""
    columns = {name: columns[name] for name in columns if not isinstance(name, int) or str(name) not in columns}
    frame = pd.DataFrame(dict(enumerate(columns.values())))
    frame.columns = pd.Index(list(columns), dtype=None if all(isinstance(c, int) for c in columns) else object)
    manifest = blocks.store(frame)
    _exactly(frame, codecs.load(manifest, blocks, verify=True))
    rows = data.draw(st.lists(st.integers(0, 4), max_size=7))
    chosen = codecs.load(manifest, blocks, rows=np.array(rows, dtype=np.int64))
    _exactly(frame.iloc[rows], chosen)


def test_a_frame_loaded_can_be_changed(blocks: FolderBlocks) -> None:
    """Arrays of a loaded frame are its own, and adding columns to a wide one warns of nothing."""
    frame = blocks.round_trip(pd.DataFrame({f"c{i}": [1.0, 2.0] for i in range(150)}))
    frame.loc[0, "c0"] = 7.0
    frame["new"] = 1
    assert [frame.loc[0, "c0"], frame.shape[1]] == [7.0, 151]


# content -------------------------------------------------------------------------------------------------------------


def test_content_does_not_depend_on_the_maker() -> None:
    """The same values from pandas with one dtype or another, or from Arrow, are the same data."""
    table = pa.table({"i": [1, 2], "s": ["a", None], "t": pa.array([0, None], pa.timestamp("us"))})
    frames = [
        table.to_pandas(),
        table.to_pandas(types_mapper=pd.ArrowDtype),
        pd.DataFrame({"i": _objects([1, 2]), "s": pd.Categorical(["a", None]), "t": table.to_pandas()["t"]}),
        pd.DataFrame(
            {
                "i": pd.array([1, 2], dtype="Int64"),
                "s": pd.array(["a", None], dtype="string"),
                "t": table.to_pandas()["t"],
            }
        ),
    ]
    assert {codecs.encode(table).content} == {codecs.encode(frame).content for frame in frames}


def test_content_is_values_names_and_order() -> None:
    """A value, a type, a name, the order of columns or rows, and the index change the content."""
    frame = pd.DataFrame({"a": [1, 2], "b": [1.0, 2.0]})
    others = [
        frame, frame.assign(a=[1, 3]), frame.astype({"a": "int32"}), frame.rename(columns={"a": "A"}),
        frame[["b", "a"]], frame.iloc[::-1].reset_index(drop=True), frame.set_index(pd.Index([0, 2])), frame.iloc[1:],
        frame.assign(b=[1.0, math.nan]), frame.assign(b=pd.array([1.0, None], dtype="Float64")),
        frame.set_index(pd.RangeIndex(1, 3)),
    ]  # fmt: skip
    contents = [codecs.encode(other).content for other in others]
    assert len(contents) == len(set(contents))


def test_a_renamed_column_is_the_same_block() -> None:
    """Names belong to the table, not to its column blocks."""
    one = codecs.encode(pd.DataFrame({"a": [1, 2]}))
    two = codecs.encode(pd.DataFrame({"b": [1, 2]}))
    assert one.blocks == two.blocks
    assert one.content != two.content


def test_content_vectors_of_the_docs() -> None:
    """The vectors of the format page hold."""
    pattern = re.compile(r"<!-- vectors: content -->\n```json\n(.*?)```", re.DOTALL)
    pages = [_ROOT / page for page in _PAGES if (_ROOT / page).exists()]
    vectors = json.loads(next(m for page in pages for m in pattern.findall(page.read_text("utf-8"))))
    for vector in vectors:
        if "members" in vector:
            assert vector["content"] == codecs.encode_selection(vector["parent"], vector["members"], {}).content
            continue
        types = {"int64": pa.int64(), "string": pa.string()}
        columns = zip(vector["schema"], vector["columns"], strict=True)
        table = pa.table({name: pa.array(values, types[kind]) for (name, kind), values in columns})
        assert vector["content"] == codecs.encode(table, allow_empty=True).content


def test_the_content_of_a_sample_frame_never_changes() -> None:
    """A frame of many kinds has this content for ever, on every machine, with every pandas and Arrow."""
    by_version = ("category of", "moments in", "moments at", "intervals of")  # pandas 2 and 3 choose other units
    names = [name for name in _COLUMNS if not name.startswith(by_version)]
    frame = pd.DataFrame({name: _COLUMNS[name] for name in names if name != "durations"})
    frame.index = pd.Index([7, 8, 9], name="id")
    expected = "sha256:28209c060ce2531cab332888f7a67e9f236e8f0a89146be87df5800f01cf2f5f"
    assert codecs.encode(frame).content == expected


def test_the_header_says_it_all() -> None:
    """The header is plain JSON with schema, rows, nulls and the digest of the presentation in it."""
    encoded = codecs.encode(pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=pd.Index([4, 5], name="id")))
    header = json.loads(canonical_json(encoded.header))
    assert [(c["name"], c["type"]) for c in header["schema"]] == [("a", "int64"), ("b", "string"), ("id", "int64")]
    assert header["nulls"] == {"a": 0, "b": 1, "id": 0}
    assert [header["rows"], header["blocks"], header["cut"]] == [2, [2], {"kind": "whole"}]
    assert encoded.presentation == header["presentation_digest"] == sha256_bytes(canonical_json(header["presentation"]))


# Arrow ---------------------------------------------------------------------------------------------------------------


def test_an_arrow_table_loads_as_a_frame(blocks: FolderBlocks) -> None:
    """Numpy dtypes where they hold the values, nullable ones for gaps, categories for dictionaries."""
    table = pa.table({
        "int": [1, 2], "gap": [1, None], "truth": [True, None], "float": [1.5, None], "text": ["a", None],
        "kind": pa.array(["x", None]).dictionary_encode(), "day": [dt.date(2020, 1, 1), None],
        "list": [[1], None], "fields": [{"a": 1}, None], "moment": pa.array([0, None], pa.timestamp("ms", "UTC")),
        "view": pa.array(["a", None], pa.string_view()),
        "pairs": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        "deep": pa.array([[{"v": [1.0, 2.0]}], None], pa.list_(pa.struct([("v", pa.list_(pa.float32(), 2))]))),
    })  # fmt: skip
    frame = blocks.round_trip(table)
    dtypes = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    assert {
        "int": "int64",
        "gap": "Int64",
        "truth": "boolean",
        "float": "float64",
        "kind": "category",
    }.items() <= dtypes.items()
    assert {"moment": "datetime64[ms, UTC]", "list": "object"}.items() <= dtypes.items()
    plain = [
        name for name in table.column_names if name not in ("gap", "truth", "float", "text", "kind", "moment", "view")
    ]
    assert table.select(plain).to_pydict() == frame[plain].to_dict("list")
    assert codecs.encode(table.slice(0, 1)).content == codecs.encode(table.to_batches()[0].slice(0, 1)).content


# refusals ------------------------------------------------------------------------------------------------------------


def _frame(*columns: Any) -> pd.DataFrame:
    return pd.DataFrame({f"c{i}": column for i, column in enumerate(columns)})


_REFUSED: dict[str, tuple[Any, list[str]]] = {
    "doubled names": (pd.DataFrame([[1, 2]], columns=["a", "a"]), ["several columns named 'a'", "rename"]),
    "0 and '0'": (pd.DataFrame([[1, 2]], columns=[0, "0"]), ["several columns named '0'"]),
    "no columns": (pd.DataFrame(index=[1, 2]), ["no columns"]),
    "no rows": (pd.DataFrame({"a": []}), ["no rows"]),
    "mixed": (
        _frame(_objects(["a", 1, "b", None])),
        ["'c0'", "str (first at row 0)", "int (first at row 1)", "convert"],
    ),
    "integers and floats": (_frame(_objects([None, 1, 2.5])), ["int (first at row 1)", "float (first at row 2)"]),
    "complex": (_frame([1j, 2.0]), ["'c0'", "complex128", "two columns"]),
    "complex objects": (_frame(_objects([1j])), ["complex", "two columns"]),
    "objects": (_frame(_objects([object()])), ["object objects (first at row 0)", "text"]),
    "types": (_frame(_objects([None, int])), ["first at row 1"]),
    "frames": (_frame(_objects([pd.DataFrame()])), ["a dataset of its own"]),
    "timestamps as objects": (_frame(_objects([pd.Timestamp("2020")])), ["pd.to_datetime"]),
    "huge integers": (_frame(_objects([2**70])), ["'c0'", "cannot be stored"]),
    "surrogates": (_frame(_objects(["ok", "\ud800"])), ["Unicode"]),
    "ragged dicts": (_frame(_objects([{"a": 1}, {"b": 2}])), ["nested values", "row 0", "JSON"]),
    "mixed lists": (_frame(_objects([[1, 2.5]])), ["would not come back", "[1, 2.5] would be [1.0, 2.5]"]),
    "tuples in lists": (_frame(_objects([[(1, 2)]])), ["would not come back"]),
    "lists of anything": (_frame(_objects([[1, "a"]])), ["cannot be stored", "one simple type"]),
    "matrices": (_frame(_objects([np.zeros((2, 2))])), ["1-dimensional"]),
    "arrays of two dtypes": (_frame(_objects([np.zeros(1), np.zeros(1, dtype="i4")])), ["float64", "int32"]),
    "label levels": (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), ["2 levels", "join"]),
    "float labels": (pd.DataFrame([[1]], columns=[1.5]), ["1.5", "map(str)"]),
    "truth labels": (pd.DataFrame([[1]], columns=[True]), ["True", "map(str)"]),
    "tuple labels": (pd.DataFrame({"a": [1]}).rename(columns={"a": None}), ["None", "map(str)"]),
    "surrogate labels": (pd.DataFrame([[1]], columns=pd.Index(["\ud800"], dtype=object)), ["Unicode", "rename"]),
    "index name": (pd.DataFrame({"a": [1]}, index=pd.Index([5], name=("x", "y"))), ["the index", "name it"]),
    "index in the way": (pd.DataFrame({"__index_level_0__": [1]}, index=[5]), ["__index_level_0__", "rename"]),
    "mixed index": (pd.DataFrame({"a": [1, 2]}, index=_objects(["a", 1])), ["the index", "mixes"]),
    "a list": ([1, 2], ["list", "pd.DataFrame"]),
    "a Series": (pd.Series([1]), ["pandas Series"]),
    "an array": (np.zeros((2, 2)), ["numpy ndarray"]),
    "Arrow without columns": (pa.table({}), ["no columns"]),
    "Arrow with doubled names": (pa.table([[1], [2]], names=["a", "a"]), ["several columns named 'a'"]),
    "Arrow months": (pa.table({"a": pa.array([(1, 2, 3)], pa.month_day_nano_interval())}), ["month_day_nano", "cast"]),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_what_cannot_be_stored_is_refused(name: str) -> None:
    """Each refusal says where, what came, and what to do."""
    data, says = _REFUSED[name]
    with pytest.raises(InvalidInput) as caught:
        codecs.encode(data)
    assert [True] * len(says) == [part in str(caught.value) for part in says], str(caught.value)


@pytest.mark.parametrize("attrs", [{"a": math.nan}, {1: "a"}, {"a": (1, 2)}, {"a": np.int64(1)}, {"a": object()}])
def test_attrs_that_are_no_json_are_refused(attrs: Any) -> None:
    """Attrs that would not come back equal are refused."""
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = attrs
    with pytest.raises(InvalidInput, match="attrs"):
        codecs.encode(frame)


def test_numbers_that_are_not_finite_have_one_spelling(blocks: FolderBlocks) -> None:
    """What JSON cannot say stands in a presentation as everywhere in a store."""
    sparse = pd.arrays.SparseArray([0.0, math.inf], fill_value=math.nan)
    frame = pd.DataFrame({"kind": pd.Categorical([0.5, -math.inf]), "sparse": sparse})
    manifest = blocks.store(frame)
    kind, sparse = (column["dtype"] for column in manifest.header["presentation"]["columns"])
    expected = [[{"$float": "-Infinity"}, 0.5], {"$float": "NaN"}]
    assert expected == [kind["values"], sparse["fill"]]
    _exactly(frame, codecs.load(manifest, blocks))


def test_the_message_names_the_table() -> None:
    """What the caller calls a table is what messages call it."""
    with pytest.raises(InvalidInput, match="the export has no rows"):
        codecs.encode(pd.DataFrame({"a": []}), what="the export")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"columns": ["valu"]}, "no column 'valu'; there is 'value'"), ({"columns": ["value", "value"]}, "twice"),
        ({"columns": "value"}, r"columns=\['value'\]"), ({"rows": [3]}, "from 0 to 2"), ({"rows": [-1]}, "from 0 to 2"),
        ({"rows": [True]}, "1 truth values for 3 rows"), ({"rows": [[0]]}, "one truth value"),
        ({"rows": [0.5]}, "float64"),
    ],
)  # fmt: skip
def test_a_choice_that_is_none_is_refused(options: dict[str, Any], says: str, blocks: FolderBlocks) -> None:
    """Columns and rows that are not there are refused, with what is there."""
    manifest = blocks.store(pd.DataFrame({"value": [1, 2, 3]}))
    with pytest.raises(InvalidInput, match=says):
        codecs.load(manifest, blocks, **options)


# what is written and read --------------------------------------------------------------------------------------------


def _large(rows: int = 700_000) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame({
        "noise": random.normal(size=rows), "few": random.integers(0, 9, rows), "row": np.arange(rows),
        "kind": pd.Categorical.from_codes(random.integers(-1, 3, rows), ["x", "y", "z"]),
        "more": random.normal(size=rows), "day": pd.Timestamp("2020") + pd.to_timedelta(np.arange(rows), unit="s"),
    })  # fmt: skip


def test_large_tables_are_two_files_any_tool_reads(blocks: FolderBlocks) -> None:
    """Rows are split over two files and several row groups; pandas reads each; rows and columns are found again."""
    frame = _large()
    kinds = frame.pop("kind")  # pandas compares long categories slowly
    written = codecs.write(codecs.encode(frame), blocks)
    assert len(written.files) == 2
    parts = [pd.read_parquet(blocks.open(file["key"])) for file in written.files]
    pd.testing.assert_frame_equal(frame, pd.concat(parts, ignore_index=True))
    manifest = codecs.read_manifest(blocks.open(written.manifest["key"]))
    _exactly(frame, codecs.load(manifest, blocks, verify=True))
    rows = np.array([699_999, 5, 262_143, 262_144, 5, 524_288])
    _exactly(frame.iloc[rows], codecs.load(manifest, blocks, rows=rows))
    mask = np.arange(len(frame)) % 3 == 0
    _exactly(
        frame.loc[mask, ["day", "few"]],
        codecs.load(manifest, blocks, columns=["day", "few"], rows=mask),
    )
    again = blocks.round_trip(kinds.to_frame())["kind"]
    assert [True, kinds.dtype] == [np.array_equal(kinds.cat.codes, again.cat.codes), again.dtype]


class _Counting:
    """Blocks that count the bytes read of each file."""

    def __init__(self, blocks: FolderBlocks) -> None:
        self.blocks, self.read = blocks, 0

    def open(self, key: str) -> Any:
        counting, file = self, self.blocks.open(key).open("rb")

        class Counted:
            closed = False

            def read(self, size: int = -1) -> bytes:
                data = file.read(size)
                counting.read += len(data)
                return data

            def __getattr__(self, name: str) -> Any:
                return getattr(file, name)

        return pa.PythonFile(Counted(), mode="r")


def test_only_chosen_columns_and_row_groups_are_read(blocks: FolderBlocks) -> None:
    """One column of one row group costs about that column, from a file object as from a path."""
    manifest = blocks.store(_large())
    counting = _Counting(blocks)
    frame = codecs.load(manifest, counting, columns=["row"], rows=np.arange(10))  # type: ignore[arg-type]
    assert list(range(10)) == frame["row"].tolist()
    size = sum(blocks.open(key).stat().st_size for key in manifest.files())
    assert counting.read < size / 10


def test_blocks_that_are_known_are_not_written_again(blocks: FolderBlocks) -> None:
    """A table with one new column costs that column; it reads from old and new files together."""
    frame = _large(1000)
    old = blocks.store(frame)
    blocks.known = {digest: place for found in old.places(frame.columns).values() for digest, place in found}
    changed = frame.assign(few=7)
    written = codecs.write(codecs.encode(changed), blocks)
    manifest = codecs.read_manifest(blocks.open(written.manifest["key"]))
    again = codecs.write(codecs.encode(frame), blocks)
    blocks.known = {}
    assert pq.read_schema(blocks.open(written.files[0]["key"])).names == ["few"]
    assert [1, old.files(), []] == [len(written.files), written.reused, again.files]
    _exactly(changed, codecs.load(manifest, blocks, verify=True))


def test_a_manifest_may_place_pieces_anywhere(blocks: FolderBlocks) -> None:
    """Several row blocks, in pieces out of the middle of row groups of several files, are one table."""
    frame = pd.DataFrame({"a": np.arange(10), "b": [f"t{i}" for i in range(10)]})
    encoded = codecs.encode(frame)
    first = pa.table({"x": [99, *range(7)], "b": ["-", *frame["b"][:7]]})
    pq.write_table(first, blocks.open("first.parquet"), row_group_size=4)
    pq.write_table(pa.table({"a": pa.array([7, 8, 9], pa.int64())}), blocks.open("a.parquet"))
    pq.write_table(pa.table({"b": pa.array(["t7", "t8", "t9"]).dictionary_encode()}), blocks.open("b.parquet"))
    digests = [[codecs.block_digest(pa.array(frame[c][s])) for c in "ab"] for s in (slice(0, 5), slice(5, 10))]
    piece = codecs.Piece
    places = [
        (0, "a", digests[0][0], (piece(0, 3, "first.parquet", 0, 1, "x"), piece(3, 2, "first.parquet", 1, 0, "x"))),
        (0, "b", digests[0][1], (piece(0, 3, "first.parquet", 0, 1, "b"), piece(3, 2, "first.parquet", 1, 0, "b"))),
        (1, "a", digests[1][0], (piece(0, 2, "first.parquet", 1, 2, "x"), piece(2, 3, "a.parquet", 0, 0, "a"))),
        (1, "b", digests[1][1], (piece(0, 2, "first.parquet", 1, 2, "b"), piece(2, 3, "b.parquet", 0, 0, "b"))),
    ]
    from mlcycle.codecs._manifests import pieces_table, write_leaf

    described = write_leaf(blocks, {**encoded.header, "blocks": [5, 5]}, pieces_table(places))
    manifest = codecs.read_manifest(blocks.open(described["key"]))
    _exactly(frame, codecs.load(manifest, blocks, verify=True))
    pd.testing.assert_frame_equal(frame.iloc[[4, 5, 8]], codecs.load(manifest, blocks, rows=[4, 5, 8]))


def test_the_manifest_is_parquet_with_json(blocks: FolderBlocks) -> None:
    """The header is under the key mlcycle, the columns are those of the format page."""
    written = codecs.write(codecs.encode(pd.DataFrame({"a": [1]})), blocks)
    file = pq.ParquetFile(blocks.open(written.manifest["key"]))
    assert json.loads(file.metadata.metadata[b"mlcycle"])["layout"] == "blocks"
    expected = ["block", "column", "digest", "start", "rows", "key", "row_group", "skip", "field"]
    assert expected == file.schema_arrow.names
    assert str(file.schema_arrow.field("digest").type) == "fixed_size_binary[32]"


def test_a_table_without_rows_when_asked(blocks: FolderBlocks) -> None:
    """No rows are stored only when allowed, and keep their dtypes."""
    frame = pd.DataFrame({"a": np.array([], dtype=np.int8), "b": pd.Categorical([], categories=["x"])})
    manifest = blocks.store(frame, allow_empty=True)
    _exactly(frame, codecs.load(manifest, blocks, verify=True))


# damage --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(blocks: FolderBlocks) -> tuple[codecs.Manifest, Path, Path]:
    """Return a manifest, its file and its data file, fresh for each test."""
    written = codecs.write(codecs.encode(_large(20_000)), blocks)
    path = blocks.open(written.manifest["key"])
    return codecs.read_manifest(path), path, blocks.open(written.files[0]["key"])


@pytest.mark.parametrize("keep", [0, 3, 100, 0.5, 0.999])
def test_a_cut_data_file_is_corrupt_by_name(keep: float, blocks: FolderBlocks, stored: Any) -> None:
    """A data file that ends too early is an error that names it."""
    manifest, _, path = stored
    data = path.read_bytes()
    path.write_bytes(data[: int(keep if keep >= 1 else keep * len(data))])
    with pytest.raises(Corrupt, match=path.name):
        codecs.load(manifest, blocks)


def test_flipped_bytes_are_never_silent(blocks: FolderBlocks, stored: Any) -> None:
    """Wherever a byte of the data changes, loading says so by name, or gives what was stored."""
    manifest, _, path = stored
    data = path.read_bytes()
    expected = codecs.load(manifest, blocks)
    found = unhurt = 0
    for at in np.random.default_rng(0).integers(0, len(data), 60).tolist():
        damaged = bytearray(data)
        damaged[at] ^= 0x55
        path.write_bytes(damaged)
        try:
            _exactly(expected, codecs.load(manifest, blocks, verify=True))
        except Corrupt as error:
            found += path.name in str(error)
        else:
            unhurt += 1
    assert found + unhurt == 60
    assert found > 50


def test_other_values_under_the_same_name_are_found(blocks: FolderBlocks, stored: Any) -> None:
    """A sound file with other values is found by the digest of the block, with its column."""
    manifest, _, path = stored
    pq.write_table(
        pa.Table.from_pandas(_large(20_000).assign(few=1), preserve_index=False),
        path,
        row_group_size=_parquet.ROW_GROUP,
    )
    with pytest.raises(Corrupt, match=rf"{path.name}.*column 'few', row block 0"):
        codecs.verify(manifest, blocks)


@pytest.mark.parametrize("table", [pa.table({"noise": [1.0]}), pa.table({"other": [1]})], ids=["rows", "columns"])
def test_a_file_with_less_than_the_manifest_names_is_corrupt(table: Any, blocks: FolderBlocks, stored: Any) -> None:
    """Missing rows, columns and row groups are an error that names the file."""
    manifest, _, path = stored
    pq.write_table(table, path)
    with pytest.raises(Corrupt, match=path.name):
        codecs.load(manifest, blocks, columns=["noise"])


def test_a_missing_data_file_is_missing(blocks: FolderBlocks, stored: Any) -> None:
    """The storage's own error passes, so that the caller can look whether the file was deleted or moved."""
    manifest, _, path = stored
    path.unlink()
    with pytest.raises(FileNotFoundError):
        codecs.load(manifest, blocks)


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_cut_manifest_is_corrupt_by_name(keep: float, stored: Any) -> None:
    """A manifest that ends too early is an error that names it."""
    _, path, _ = stored
    data = path.read_bytes()
    path.write_bytes(data[: int(keep if keep >= 1 else keep * len(data))])
    with pytest.raises(Corrupt, match=path.name):
        codecs.read_manifest(path)


def test_any_other_parquet_file_is_no_manifest(stored: Any) -> None:
    """A data file is no manifest."""
    with pytest.raises(Corrupt, match="damaged"):
        codecs.read_manifest(stored[2])


def _rewritten(path: Path, change: dict[str, Any], column: dict[str, Any] | None = None) -> Path:
    file = pq.ParquetFile(path)
    header = {**json.loads(file.metadata.metadata[b"mlcycle"]), **change}
    header = {name: value for name, value in header.items() if value is not ...}
    table = file.read()
    for name, value in (column or {}).items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, pa.array([value] * len(table), table.schema.field(name).type))
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"mlcycle": json.dumps(header)})
    return path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"v": 2}, "version 2.*upgrade"),
        ({"needs_read": ["encryption"]}, r"needs \['encryption'\].*upgrade"),
        ({"layout": "overlay"}, "layout 'overlay', which this mlcycle does not know.*cannot be read; upgrade"),
        ({"layout": ["blocks"]}, "does not know"),
    ],
)
def test_a_manifest_from_the_future_says_to_upgrade(change: dict[str, Any], says: str, stored: Any) -> None:
    """A newer version, an unknown layout, an unknown need stop the reader."""
    with pytest.raises(SchemaError, match=says):
        codecs.read_manifest(_rewritten(stored[1], change))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"blocks": []}, "blocks"), ({"blocks": [19_999]}, "blocks of 19999 rows in all, and rows 20000"),
        ({"blocks": [-1, 20_001]}, "blocks"), ({"blocks": [2e4]}, "blocks"), ({"blocks": 20_000}, "blocks"),
        ({"blocks": [True, 19_999]}, "blocks"), ({"rows": "many"}, "'many'"), ({"rows": None}, "None"),
        ({"schema": {}}, "schema"), ({"schema": [{"name": "few"}]}, "schema"), ({"schema": ["few"]}, "schema"),
        ({"schema": [{"name": "few", "type": "int64"}] * 2}, "one name twice"), ({"schema": []}, "schema lacks"),
        ({"presentation": []}, "presentation that is not an object"), ({"cut": "whole"}, "a cut that is not"),
        ({"blocks": [2**64], "rows": 2**64}, "blocks of"), ({"later": math.nan}, "no JSON form"),
        ({"later": "\ud800"}, "surrogate"),
    ],
)  # fmt: skip
def test_a_header_that_contradicts_itself_is_corrupt(change: dict[str, Any], says: str, stored: Any) -> None:
    """What a header says of rows and columns is looked at before anything is made of it."""
    with pytest.raises(Corrupt, match=f"{stored[1].name}.*{says}"):
        codecs.read_manifest(_rewritten(stored[1], change))


@pytest.mark.parametrize("field", ["content", "rows", "schema", "cut", "blocks", "presentation", "needs_read"])
def test_a_header_with_a_gap_is_corrupt(field: str, stored: Any) -> None:
    """Each field a reader counts on must be there."""
    with pytest.raises(Corrupt, match=f"lacks {field}"):
        codecs.read_manifest(_rewritten(stored[1], {field: ...}))


def test_a_header_without_a_version_is_corrupt(stored: Any) -> None:
    """What says no version was not written by any mlcycle, so no upgrade would read it."""
    with pytest.raises(Corrupt, match="no header with a version"):
        codecs.read_manifest(_rewritten(stored[1], {"v": ...}))


def test_unknown_fields_of_a_header_are_kept(blocks: FolderBlocks, stored: Any) -> None:
    """A field of a later version is no trouble."""
    manifest = codecs.read_manifest(_rewritten(stored[1], {"later": [1]}))
    assert [manifest.header["later"], len(codecs.load(manifest, blocks))] == [[1], 20_000]


@pytest.mark.parametrize(
    "key", ["../x.parquet", "/etc/passwd", "a//b", "a/./b", "a\\b", "s3://other/x", "", "c:x", "a/..", "x\0"]
)
def test_a_manifest_cannot_leave_its_store(key: str, stored: Any) -> None:
    """A key that is no key inside a store is refused before anything is opened."""
    with pytest.raises(UnsafePath, match="not a key inside a store"):
        codecs.read_manifest(_rewritten(stored[1], {}, {"key": key}))


@pytest.mark.parametrize("column", [{"rows": 19_999}, {"start": 1}, {"rows": 0}, {"column": "row"}], ids=repr)
def test_pieces_must_cover_their_block(column: dict[str, Any], blocks: FolderBlocks, stored: Any) -> None:
    """Gaps, overlaps and missing columns of a manifest are found before anything is read."""
    manifest = codecs.read_manifest(_rewritten(stored[1], {}, column))
    with pytest.raises(Corrupt, match=r"does not say where all|two digests"):
        codecs.load(manifest, blocks)


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ({"rows": -1}, "negative"), ({"skip": -1}, "negative"), ({"row_group": -1}, "negative"),
        ({"block": 1}, "row block 1 and has 1 of them"), ({"column": "other"}, "'other', which its schema lacks"),
        ({"digest": None}, "lacks digest"), ({"key": None}, "lacks key"), ({"start": None}, "lacks start"),
    ],
)  # fmt: skip
def test_a_piece_that_cannot_be_is_corrupt(column: dict[str, Any], says: str, stored: Any) -> None:
    """A piece without a place, or of a block that the header does not have, is refused when the manifest is read."""
    with pytest.raises(Corrupt, match=f"{stored[1].name}.*{says}"):
        codecs.read_manifest(_rewritten(stored[1], {}, column))


@pytest.mark.parametrize("key", ["@place/lake/part.parquet", "@place", "@mine/part.parquet"])
def test_a_file_beside_the_store_says_to_upgrade(key: str, stored: Any) -> None:
    """Places outside the store are of a newer mlcycle; that version is not read, and nothing is opened."""
    with pytest.raises(SchemaError, match=r"beside the store.*upgrade"):
        codecs.read_manifest(_rewritten(stored[1], {}, {"key": key}))


def test_digests_of_another_table_are_found(blocks: FolderBlocks, stored: Any) -> None:
    """The digests of a manifest are those its content was made of, or the whole of it is refused."""
    manifest = codecs.read_manifest(_rewritten(stored[1], {"content": "sha256:" + "0" * 64}))
    with pytest.raises(Corrupt, match=r"of content sha256:000.* of the content sha256:"):
        codecs.verify(manifest, blocks)


def test_a_presentation_from_the_future_says_to_upgrade(blocks: FolderBlocks, stored: Any) -> None:
    """A presentation or a dtype of a later version is not guessed at."""
    doc = stored[0].header["presentation"]
    for later in ({**doc, "form": 2}, {**doc, "columns": [{**doc["columns"][0], "dtype": {"kind": "tensor"}}]}):
        manifest = codecs.read_manifest(_rewritten(stored[1], {"presentation": later}))
        with pytest.raises(SchemaError, match="upgrade"):
            codecs.load(manifest, blocks)


def test_a_full_disk_is_said(blocks: FolderBlocks) -> None:
    """A disk that takes no more is an error that says nothing was committed, for data and for the manifest."""
    encoded = codecs.encode(_large(100_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(StorageUnavailable, match=r"the table could not be written.*nothing was committed"):
            codecs.write(encoded, blocks)
        with pytest.raises(StorageUnavailable, match=r"the manifest could not be written.*nothing was committed"):
            codecs.write_selection(codecs.encode_selection("sha256:0", np.arange(9999) % 7 == 0, {}), blocks, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# without the library -------------------------------------------------------------------------------------------------


def test_pandas_alone_reads_a_dataset_as_the_docs_show(blocks: FolderBlocks) -> None:
    """The example of the format page, executed as it stands, gives the frame and a part of it."""
    pattern = re.compile(r"<!-- example: pandas alone -->\n```python\n(.*?)```", re.DOTALL)
    pages = [_ROOT / page for page in _PAGES if (_ROOT / page).exists()]
    source = next(m for page in pages for m in pattern.findall(page.read_text("utf-8")))
    assert "mlcycle." not in source
    scope: dict[str, Any] = {}
    exec(source, scope)  # the page's own code
    frame = _large(300_000).drop(columns="kind").set_index(pd.Index(np.arange(300_000)[::-1], name="id"))
    written = codecs.write(codecs.encode(frame), blocks)
    pd.testing.assert_frame_equal(frame, scope["read_dataset"](blocks.folder, written.manifest["key"]))
    mask = np.arange(len(frame)) % 5 == 0
    selection = codecs.write_selection(codecs.encode_selection("sha256:0", mask, {}), blocks, {})
    part = scope["read_dataset"](blocks.folder, written.manifest["key"], member=selection["key"])
    pd.testing.assert_frame_equal(frame[mask], part)


def test_closing_what_was_opened(blocks: FolderBlocks, stored: Any) -> None:
    """File objects handed out by a store are closed again, also after damage."""
    manifest, _, path = stored
    opened: list[Any] = []

    class Handing:
        def open(self, key: str) -> Any:
            opened.append(blocks.open(key).open("rb"))
            return opened[-1]

    codecs.load(manifest, Handing())  # type: ignore[arg-type]
    os.truncate(path, 10)
    with pytest.raises(Corrupt):
        codecs.load(manifest, Handing())  # type: ignore[arg-type]
    assert [True] * len(opened) == [file.closed for file in opened]
