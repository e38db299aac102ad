"""Rows in whatever form a caller has them."""

from __future__ import annotations

import contextlib
from collections import ChainMap, UserDict, deque, namedtuple
from decimal import Decimal
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from mlcycle.codecs import check_inputs, frame_of, infer_signature, length_of, own_rows, rows_of, taken
from mlcycle.errors import InvalidInput

FRAME = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5]})


class Tensor:
    """A tensor that remembers its gradients: no array until it is detached."""

    shape = (3, 2)

    def detach(self):
        """Forget gradients."""
        return self

    def cpu(self):
        """Come here."""
        return FRAME.to_numpy()


class Shipped:
    """A table of another library that speaks Arrow."""

    def __arrow_c_stream__(self, requested_schema=None):
        """Hand the table over."""
        return pa.table(FRAME).__arrow_c_stream__(requested_schema)


class Own:
    """A table of another library that turns itself into pandas'."""

    def to_pandas(self):
        """Do so."""
        return FRAME


@pytest.mark.parametrize(
    "rows",
    [
        FRAME,
        FRAME.to_dict("list"),
        FRAME.to_dict("series"),
        {"a": range(1, 4), "b": np.array([0.5, 1.5, 2.5])},
        FRAME.to_records(index=False),
        np.array([(1, 0.5), (2, 1.5), (3, 2.5)], dtype=[("a", "i8"), ("b", "f8")]),
        pa.table(FRAME),
        pa.RecordBatch.from_pandas(FRAME),
        Shipped(),
        Own(),
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_tables_become_frames(rows):
    """Whatever has named columns is a frame with their values."""
    pd.testing.assert_frame_equal(FRAME, rows_of(rows))


def test_arrays_and_lists_stay_what_they_are():
    """Nothing is copied that models take; what only looks like an array becomes one."""
    array, texts, records = FRAME.to_numpy(), ["a", "b"], FRAME.to_dict("records")
    assert rows_of(array) is array
    assert rows_of(FRAME["a"]) is FRAME["a"] or rows_of(FRAME["a"]).equals(FRAME["a"])
    assert (rows_of(texts), rows_of(tuple(records)), rows_of(deque(texts))) == (texts, records, texts)
    np.testing.assert_array_equal(array, rows_of(Tensor()))
    masked = rows_of(np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]]))
    np.testing.assert_array_equal([[1, np.nan], [3, 4]], masked)
    for kind in ("coo", "csr", "dia", "bsr"):
        np.testing.assert_array_equal(array[1:], rows_of(sparse.random_array((3, 2)).asformat(kind) * 0 + array)[1:])
        assert taken(rows_of(sparse.eye_array(3, format=kind)), slice(2)).shape == (2, 3)
    assert rows_of(pd.Index(texts)).tolist() == texts
    assert rows_of(pd.array([1, None])).isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "rows",
    [
        None,
        5,
        np.float64(5),
        "text",
        b"text",
        {1, 2},
        iter([[1], [2]]),
        ([one] for one in range(3)),
        map(str, range(3)),
        zip([1], [2], strict=True),
        FRAME,
        object(),
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_what_is_not_rows_is_refused(rows):
    """The message says what can be passed, and that an iterator is to be made a list."""
    if rows is FRAME:
        rows = {"a": FRAME["a"], "b": FRAME["b"].set_axis([5, 6, 7])}  # aligned, no row would be whole
    with pytest.raises(InvalidInput, match=r"rows are a DataFrame, .* got \w+|different indexes") as caught:
        rows_of(rows)
    assert ("list(X)" in str(caught.value)) == (hasattr(rows, "__next__") or isinstance(rows, set))


def test_whole_numbers_keep_their_digits():
    """Beside a missing value or a fraction, pandas would make floats of them."""
    large = 2**53 + 1
    for rows in (
        rows_of({"a": [large, None]}),
        frame_of([{"a": large}, {"a": None}]),
        frame_of([{"a": large}, {"b": 1}]),
        rows_of(pa.table({"a": [large, None]})),
        rows_of(pa.chunked_array([[large, None]])).to_frame("a"),
    ):
        assert rows["a"].tolist()[0] == large
        assert rows["a"].isna().tolist() == [False, True]
    assert frame_of([{"a": large}, {"a": 0.5}])["a"].tolist() == [large, 0.5]


@pytest.mark.parametrize("values", [[1.5, None], [2**53 + 1, None], ["\ud800", "b"], (1, 2), range(2)])
def test_lists_stand_beside_series_by_position(values):
    """A list has no labels that could be looked for among those of the series."""
    rows = rows_of({"a": pd.Series([3, 4], index=[7, 5]), "b": values})
    expected = {"a": [3, 4], "b": list(values)}
    assert rows.index.tolist() == [7, 5]
    assert rows.astype(object).where(rows.notna(), None).to_dict("list") == expected


def test_categories_of_arrow_stay_categories():
    """Also with the unsigned indices that polars writes, in pieces with dictionaries of their own."""
    pieces = [
        pa.DictionaryArray.from_arrays(pa.array([0, None], pa.uint32()), pa.array(["x", "y"])),
        pa.DictionaryArray.from_arrays(pa.array([0], pa.uint32()), pa.array(["z"])),
    ]
    for chunks in (pieces, pieces[:1], []):
        kind = pa.dictionary(pa.uint32(), pa.string())
        column = rows_of(pa.table({"c": pa.chunked_array(chunks, type=kind)}))["c"]
        assert column.dtype.name == "category"
        assert column.dropna().tolist() == ["x", "z"][: len(chunks)]


def test_text_with_a_lone_surrogate_is_kept():
    """No Arrow array holds it, so it is kept as an object."""
    assert frame_of([{"a": "\ud800"}])["a"].tolist() == ["\ud800"]


def _changed(rows):
    """Change rows in every way a model may, and return nothing."""
    if isinstance(rows, list):
        for row in rows:
            row["a"] = -1
            row["c"] = "added"
        rows.pop()
    elif isinstance(rows, pd.DataFrame):
        rows["a"] = -1
        rows.iloc[0, 1] = -1
        rows["b"].array[1] = -1
        rows["c"] = "added"
        rows.loc[:, "a"] = -2
        rows.index = rows.index[::-1]
        del rows["b"]
    elif isinstance(rows, pd.Series):
        rows.iloc[0] = -1
    elif sparse.issparse(rows):
        rows.data[:] = -1
    else:
        rows[:] = -1


@pytest.mark.parametrize(
    "rows",
    [
        FRAME,
        FRAME["a"],
        FRAME.to_numpy(),
        FRAME.astype(object),
        sparse.csr_array(FRAME.to_numpy()),
        FRAME.to_dict("records"),
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_own_rows_may_be_changed(rows):
    """Whatever is done to the copy, the rows are what they were."""
    before = repr(rows.toarray() if sparse.issparse(rows) else rows)
    _changed(own_rows(rows))
    _changed(own_rows(rows, loose=False))
    assert repr(rows.toarray() if sparse.issparse(rows) else rows) == before


def test_lists_and_dicts_in_cells_are_copied_too():
    """A copy of a frame shares what its cells hold, unless cells are copied as well."""
    cells = pd.Series([[1], {"k": [2]}], dtype=object)
    for rows in (cells.to_frame("x"), cells, cells.to_numpy(), cells.to_numpy().reshape(1, 2), [[[1]], {"k": [2]}]):
        before = repr(rows)
        own = own_rows(rows)
        flat = (
            own["x"].tolist() if isinstance(own, pd.DataFrame) else list(np.ravel(own)) if len(own) == 1 else list(own)
        )
        flat[0].append(9)
        flat[1]["k"].append(9)
        assert repr(rows) == before


def test_rows_are_counted_and_taken():
    """Some rows of any form, by position."""
    for rows in (FRAME, FRAME.set_index([[7, 7, 7]]), FRAME.to_numpy(), sparse.csr_array(FRAME), ["x", "y", "z"]):
        where = np.array([2, 0])
        assert (length_of(rows), length_of(taken(rows, where))) == (3, 2)
    assert taken(["x", "y", "z"], where) == ["z", "x"]


MONTH = np.timedelta64(1, "M")


@pytest.mark.parametrize(
    "columns",
    [
        {"a": [1], "b": [1, 2]},
        {"a": (1, 2, 3), "b": range(2)},
        {"a": [], "b": [1]},
        {"a": np.array([1, 2]), "b": [1]},
        {"a": pd.Series([1, 2]), "b": [1]},
        {"a": pd.Categorical([1, 2]), "b": np.array([1])},
        UserDict({"a": [1], "b": [1, 2]}),
    ],
)
def test_columns_of_different_lengths_are_refused(columns):
    """Nothing is filled with missing values in silence."""
    with pytest.raises(InvalidInput, match=r"the columns have different lengths: 'a' has ., 'b' has"):
        rows_of(columns)


def test_lists_beside_a_series_go_by_place():
    """A list has no index, so that it takes that of the Series."""
    found = rows_of({"a": pd.Series([1, 2], index=[5, 6]), "b": [3, 4]})
    pd.testing.assert_frame_equal(found, pd.DataFrame({"a": [1, 2], "b": [3, 4]}, index=[5, 6]))


def test_a_column_without_order_is_refused():
    """A set has no rows."""
    with pytest.raises(InvalidInput, match="cannot be put side by side: 'set' type is unordered"):
        rows_of({"a": {1, 2}, "b": [1, 2]})


@pytest.mark.parametrize("kind", [UserDict, MappingProxyType, ChainMap, dict])
def test_any_mapping_is_columns_or_a_row(kind):
    """What behaves like a dict is one, as a whole and as a row."""
    columns = {name: FRAME[name].tolist() for name in FRAME}
    pd.testing.assert_frame_equal(rows_of(kind(columns)), FRAME)
    assert rows_of([kind({"a": 1}), kind({"a": 2})]) == [{"a": 1}, {"a": 2}]


def test_a_view_of_memory_is_an_array():
    """A buffer of two dimensions is no list of rows."""
    np.testing.assert_array_equal(rows_of(memoryview(FRAME.to_numpy())), FRAME.to_numpy())


@pytest.mark.parametrize(
    "cell", [MONTH, np.timedelta64(1, "Y"), "\ud800", 10**400, np.longdouble("1e4000"), np.timedelta64(1)], ids=repr
)
@pytest.mark.parametrize("key", ["a", "caf\udce9"])
def test_a_frame_of_dicts_takes_any_cell_and_any_key(cell, key):
    """What pandas has no type for stays the object it is."""
    found = frame_of([{key: cell, "b": 1}])
    assert (found.columns.tolist(), found["b"].tolist()) == ([key, "b"], [1])
    assert found[key].tolist() == [cell]


TRAINED = {
    "number": pd.Series([0.5, 1.5]),
    "whole number": pd.Series([1, 2]),
    "truth": pd.Series([True, False]),
    "text": pd.Series(["a", "b"]),
    "moment": pd.Series(pd.to_datetime(["2020", "2021"])),
    "moment of a zone": pd.Series(pd.to_datetime(["2020", "2021"], utc=True)),
    "duration": pd.Series(pd.to_timedelta([1, 2], "D")),
    "category": pd.Series(["a", "b"], dtype="category"),
    "category of numbers": pd.Series([1, 2], dtype="category"),
    "category of durations": pd.Series(pd.Categorical(pd.to_timedelta([1, 2], "D"))),
    "category of intervals": pd.Series(pd.cut([1, 2], 2)),
    "period": pd.Series(pd.period_range("2020", periods=2)),
}
FORMS = {
    "dicts": lambda cell: [{"a": cell}],
    "dicts of several": lambda cell: [{"a": cell}, {"a": None}],
    "columns": lambda cell: {"a": [cell]},
    "array of its own": lambda cell: {"a": np.array([cell])},
    "rows": lambda cell: [[cell]],
    "array": lambda cell: np.array([[cell]]),
    "frame": lambda cell: frame_of([{"a": cell}]),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cell", [MONTH, np.timedelta64(1, "Y"), np.timedelta64(1500, "ps"), "P1M", "P1Y2D"], ids=str)
@pytest.mark.parametrize("kind", ["number", "whole number", "truth", "moment", "duration", "category of durations"])
def test_a_duration_without_one_length_is_refused(kind, cell, form):
    """A month is no number, not 31 days, and not the minute that pandas reads from its text."""
    signature = infer_signature(pd.DataFrame({"a": TRAINED[kind]}), None)
    with pytest.raises(InvalidInput):
        check_inputs(signature, FORMS[form](cell))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", TRAINED)
def test_any_cell_is_converted_or_refused_in_words(kind, form):
    """No error of pandas or numpy comes out, whatever the cell."""
    signature = infer_signature(pd.DataFrame({"a": TRAINED[kind]}), None)
    cells = [
        MONTH, np.timedelta64(1), np.timedelta64("NaT"), np.datetime64("NaT"), np.datetime64(10**9, "Y"), 10**400,
        "\ud800", 1j, {1}, {"x": 1}, len, object, FRAME, np.zeros((2, 2)), b"1", pd.Period("2020"), pd.NaT, pd.NA,
        pd.Timestamp.max.tz_localize("UTC"), pd.Timestamp("9999-12-31 23", tz="Etc/GMT+12"),
    ]  # fmt: skip
    for cell in cells:
        try:
            X = FORMS[form](cell)
        except (TypeError, ValueError, NotImplementedError):
            continue  # an array that numpy itself does not make
        with contextlib.suppress(InvalidInput):
            assert length_of(check_inputs(signature, X)) >= 1


Point = namedtuple("Point", "b a")


@pytest.mark.parametrize(
    "rows",
    [
        [Point(2, 1), Point(20, 10)],
        list(pd.DataFrame({"b": [2, 20], "a": [1, 10]}).itertuples(index=False)),
        [row for _, row in pd.DataFrame({"b": [2, 20], "a": [1, 10]}).iterrows()],
        [MappingProxyType({"b": 2, "a": 1}), MappingProxyType({"b": 20, "a": 10})],
    ],
)
def test_rows_that_name_their_cells_go_by_name(rows):
    """The order of named cells means nothing."""
    frame = pd.DataFrame({"a": [1, 10], "b": [2, 20]})
    found = check_inputs(infer_signature(frame, None), rows)
    pd.testing.assert_frame_equal(found, frame)


@pytest.mark.parametrize(
    "rows",
    [
        list(pd.DataFrame([[1, 2], [10, 20]], columns=["the a", "the b"]).itertuples(index=False)),
        [pd.Series([1, 2]), pd.Series([10, 20])],
        [(1, 2), (10, 20)],
    ],
)
def test_rows_without_names_go_by_place(rows):
    """Names that Python made up for want of others are none."""
    frame = pd.DataFrame({"the a": [1, 10], "the b": [2, 20]})
    pd.testing.assert_frame_equal(check_inputs(infer_signature(frame, None), rows), frame)


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">i4", ">u2", ">M8[ns]"])
def test_rows_reach_a_model_in_the_byte_order_of_the_machine(dtype):
    """Arrays and frames read from foreign files: some libraries take their bytes for numbers of this machine."""
    foreign = np.arange(6).astype(dtype[1:]).astype(dtype).reshape(3, 2)
    frame = pd.DataFrame({"a": foreign[:, 0], "b": foreign[:, 1]})
    assert rows_of(foreign).dtype.isnative
    for model_rows in (frame.astype(frame.dtypes.iloc[0].newbyteorder("=")), foreign.astype(dtype[1:])):
        signature = infer_signature(model_rows, None)
        for X in (foreign, frame, {"x0": foreign[:, 0], "x1": foreign[:, 1]}):
            if isinstance(X, dict) and isinstance(model_rows, pd.DataFrame):
                continue
            found = check_inputs(signature, X)
            dtypes = found.dtypes.tolist() if isinstance(found, pd.DataFrame) else [found.dtype]
            assert [one.isnative for one in dtypes] == [True] * len(dtypes)
            np.testing.assert_array_equal(np.asarray(found), foreign)


ZONED = pa.array(pd.to_datetime(["2020-01-01", "2020-07-01"]).tz_localize("Europe/Berlin"))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2]),
        pa.chunked_array([[1], [2]]),
        pa.array(["a", None]),
        pa.array(["a", "b"]).dictionary_encode(),
        pa.array([Decimal("1.5"), None]),
        ZONED,
        ZONED.dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_columns_of_arrow_are_those_of_the_table(column):
    """A dict of Arrow columns says what the table of them says; moments keep their zone, encoded or not."""
    found = rows_of({"a": column, "b": [1, 2]})
    pd.testing.assert_frame_equal(found[["a"]], rows_of(pa.table({"a": column})))
    pd.testing.assert_frame_equal(found[["a"]], rows_of({"a": column}))
    if pa.types.is_timestamp(getattr(column.type, "value_type", column.type)):
        assert str(found["a"].dt.tz) == "Europe/Berlin"


def test_a_lazy_frame_is_to_be_collected():
    """What has not been computed yet has no rows."""

    class LazyFrame:
        def collect(self):
            """Compute."""

    with pytest.raises(InvalidInput, match=r"got LazyFrame: pass a frame, X\.collect\(\)"):
        rows_of(LazyFrame())
