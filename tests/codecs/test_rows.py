"""Rows in whatever form a caller has them."""

from __future__ import annotations

from collections import deque

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from mlcycle.codecs import frame_of, length_of, own_rows, rows_of, taken
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
