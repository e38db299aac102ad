"""Frames that came back changed once, or not at all: each comes back as it was, and what cannot is refused by name."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from mlcycle import codecs
from mlcycle.errors import InvalidInput
from tests.codecs.same_frames import difference

if TYPE_CHECKING:
    from tests.codecs.conftest import FolderBlocks


def _objects(*values: Any) -> Any:
    made = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        made[row] = value
    return made


def _check(frame: pd.DataFrame, blocks: FolderBlocks) -> None:
    loaded = blocks.round_trip(frame)
    assert difference(frame, loaded) is None
    before, after = codecs.encode(frame), codecs.encode(loaded)
    assert (before.content, before.presentation) == (after.content, after.presentation)
    rows = np.array([1, 0, 1])
    if any(isinstance(dtype, pd.SparseDtype) for dtype in frame.dtypes):  # pandas 2 takes rows of another dtype
        return
    assert difference(loaded.iloc[rows], codecs.load(blocks.store(frame), blocks, rows=rows)) is None


@pytest.mark.parametrize("names", [[1, 0], ["shop", 0], [None, 0], [0, 0], ["0", 0], [2, None], [1, 2], ["v", 0]])
def test_levels_named_by_numbers_keep_their_values(names: list[Any], blocks: FolderBlocks) -> None:
    """A name that looks like the position of another level changes nothing."""
    index = pd.MultiIndex.from_arrays([["x", "y"], [5, 6]], names=names)
    _check(pd.DataFrame({"v": [1.5, 2.5]}, index=index), blocks)


_MOMENTS = [dt.datetime(2024, 5, 1, 8), dt.datetime(2024, 5, 2, 9)]
_INDEXES: dict[str, Any] = {
    "objects: text": pd.Index(["a", "b"], dtype=object),
    "objects: moments": pd.Index(_MOMENTS, dtype=object),
    "objects: moments in a zone": pd.Index([m.replace(tzinfo=dt.UTC) for m in _MOMENTS], dtype=object),
    "objects: durations": pd.Index([dt.timedelta(hours=1), dt.timedelta(hours=2)], dtype=object),
    "objects: dates": pd.Index([m.date() for m in _MOMENTS], dtype=object),
    "objects: integers": pd.Index([3, 4], dtype=object),
    "objects: truth": pd.Index([True, False], dtype=object),
    "objects: tuples": pd.Index(_objects((1, 2), (3, 4)), tupleize_cols=False),
    "Int64": pd.Index([3, 4], dtype="Int64"),
    "boolean": pd.Index([True, False], dtype="boolean"),
    "Arrow": pd.Index([3, 4], dtype="int8[pyarrow]"),
    "sparse": pd.Index(pd.arrays.SparseArray([0, 7])),
    "intervals": pd.IntervalIndex.from_tuples([(0, 2), (1, 3)], closed="both"),
    "periods": pd.period_range("2024", periods=2, freq="M"),
    "categories": pd.CategoricalIndex(["b", "a"], categories=["a", "b", "c"], ordered=True),
    "days": pd.date_range("2024", periods=2, freq="D"),
    "days by offset": pd.date_range("2024", periods=2, freq=pd.DateOffset(days=1)),
    "days but holidays": pd.date_range("2024", periods=2, freq=pd.offsets.CustomBusinessDay(holidays=["2024-01-02"])),
}


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("name", _INDEXES)
def test_an_index_keeps_its_dtype(name: str, levels: int, blocks: FolderBlocks) -> None:
    """An index comes back with its own dtype, also where pandas would choose another; so does a level."""
    index = _INDEXES[name] if levels == 1 else pd.MultiIndex.from_arrays([_INDEXES[name], [1, 2]], names=["a", None])
    frame = pd.DataFrame({"v": [1, 2]}, index=index)
    if "holidays" in name:  # the name of this frequency, "C", says nothing of its holidays
        frame.index.freq = None
    _check(frame, blocks)


def test_a_level_that_some_rows_lack(blocks: FolderBlocks) -> None:
    """Where a row has no value in a level of whole numbers, the level is one of floats, and comes back so."""
    index = pd.MultiIndex.from_arrays([["a", "b"], [1.0, np.nan]]).set_levels([1], level=1)
    frame = pd.DataFrame({"v": [1, 2]}, index=index)
    assert difference(frame, blocks.round_trip(frame)) is None


_LABELS = ["Int64", "UInt8", "int64[pyarrow]", "uint8[pyarrow]", "string", "string[python]", "string[pyarrow]"]
_LABELS += ["category", "object", "int8", "uint64", "large_string[pyarrow]"]


@pytest.mark.parametrize("dtype", _LABELS)
def test_labels_keep_their_dtype(dtype: str, blocks: FolderBlocks) -> None:
    """Whatever the dtype of the column labels, the frame is read back, and so are some of its columns."""
    text = "string" in dtype
    labels = pd.Index(["a", "b", "c"] if text else [7, 3, 5]).astype(dtype).rename("year")
    frame = pd.DataFrame(np.arange(6).reshape(2, 3), columns=labels)
    _check(frame, blocks)
    some = [labels.tolist()[2], labels.tolist()[0]]
    assert difference(frame[some], blocks.round_trip(frame, columns=some)) is None


def test_ordered_labels_with_unused_categories(blocks: FolderBlocks) -> None:
    """A table pivoted by a category keeps all its categories and their order."""
    labels = pd.CategoricalIndex(["low", "high"], categories=["low", "mid", "high"], ordered=True, name="size")
    _check(pd.DataFrame([[1, 2], [3, 4]], columns=labels), blocks)


def test_labels_written_by_an_older_version_are_read(blocks: FolderBlocks) -> None:
    """Labels of categories were once described as objects, and still load as such."""
    from mlcycle.codecs._presentation import restore_labels

    loaded = restore_labels({"dtype": {"kind": "object"}, "name": "size"}, ["low", 3], True)
    pd.testing.assert_index_equal(pd.Index(["low", 3], dtype=object, name="size"), loaded)


_ARROW_ENDS = pd.array([0.0, 1.0, 2.0], dtype="float64[pyarrow]")
_COLUMNS: dict[str, Any] = {
    "touching intervals as categories": pd.Categorical.from_codes(
        [0, 1, -1], categories=pd.IntervalIndex.from_tuples([(0, 1), (1, 2)], closed="both")
    ),
    "overlapping intervals as categories": pd.Categorical.from_codes(
        [1, 0], categories=pd.IntervalIndex.from_tuples([(0, 2), (1, 3)])
    ),
    "categories of tuples": pd.Categorical.from_codes([0, 1], pd.Index(_objects((1, 2), (3, 4)), tupleize_cols=False)),
    "categories of objects": pd.Categorical.from_codes([0, 1], pd.Index(["a", "b"], dtype=object)),
    "categories of moments as objects": pd.Categorical.from_codes([0, 1], pd.Index(_MOMENTS, dtype=object)),
    "categories of Int64": pd.Categorical(pd.array([1, None], dtype="Int64")),
    "categories of Arrow numbers": pd.Categorical(pd.array([1.5, None], dtype="float[pyarrow]")),
    "categories of truth": pd.Categorical([True, False]),
    "intervals with Arrow ends": pd.arrays.IntervalArray.from_breaks(_ARROW_ENDS),
    "intervals with nullable ends": pd.arrays.IntervalArray.from_breaks(pd.array([1, 2, 3], dtype="Int64")),
    **{
        f"sparse {dtype}": pd.arrays.SparseArray(np.array([0, 3, 0], dtype=dtype)) for dtype in ("u1", "i2", "f2", "f4")
    },
    "sparse floats filled with an integer": pd.arrays.SparseArray([0.0, 1.5], fill_value=0),
    "sparse floats without NaN": pd.arrays.SparseArray([1.5, 2.5], fill_value=np.nan),
    "sparse truth filled with true": pd.arrays.SparseArray([True, False], fill_value=True),
    **{f"big-endian {dtype}": np.array([1, 2], dtype=dtype) for dtype in (">i8", ">f4", ">M8[s]", ">m8[ms]")},
}


@pytest.mark.parametrize("name", _COLUMNS)
def test_a_column_keeps_its_dtype(name: str, blocks: FolderBlocks) -> None:
    """Values and dtype come back, and the table read is the table that was stored."""
    _check(pd.DataFrame({"x": _COLUMNS[name]}), blocks)


def test_a_zone_of_another_maker_is_the_zone_of_its_name(blocks: FolderBlocks) -> None:
    """Zones of dateutil with a name come back under it; their clocks agree."""
    from dateutil import tz

    moments = pd.Series(pd.to_datetime(["2024-01-01", "2024-07-01"]))
    for zone in (tz.UTC, "dateutil/Europe/Berlin", dt.timezone(dt.timedelta(hours=-1), "west")):
        before = moments.dt.tz_localize("UTC").dt.tz_convert(zone)
        loaded = blocks.round_trip(pd.DataFrame({"t": before}))["t"]
        assert loaded.dt.tz_localize(None).tolist() == before.dt.tz_localize(None).tolist()


# what does not come back is refused --------------------------------------------------------------------------------


class _Tagged(pd.arrays.IntegerArray):
    """Masked integers of somebody else, whose dtype pandas does not know by its name."""

    @property
    def dtype(self) -> Any:
        return _TaggedDtype()


class _TaggedDtype(pd.Int64Dtype):
    name = "tagged"


def _surprising(values: Any) -> pd.DataFrame:
    plain = isinstance(values, np.ndarray)
    return pd.DataFrame({"fine": range(len(values)), "x": pd.Series(values, dtype=object if plain else None)})


def _deep(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


def _endless() -> list[Any]:
    made: list[Any] = [1]
    made.append(made)
    return made


_REFUSED: dict[str, Any] = {
    "a dtype nobody knows": _Tagged(np.array([1, 2]), np.array([False, False])),
    "sparse integers filled with NaN": pd.arrays.SparseArray([4, 5, 4], fill_value=np.nan),
    "sparse complex numbers": pd.arrays.SparseArray([1j, 2j]),
    "numpy durations": _objects(np.timedelta64(5, "h"), np.timedelta64(6, "h")),
    "numpy durations and integers": _objects(np.timedelta64(5, "ns"), 7),
    "numpy moments": _objects(np.datetime64("2024"), np.datetime64("2025")),
    "wide floats": _objects(np.longdouble(1), np.longdouble(2)),
    "Timedeltas": _objects(pd.Timedelta(1), pd.Timedelta(2)),
    "infinite decimals": _objects(Decimal("Infinity"), Decimal(1)),
    "durations beyond 64 bits": _objects(dt.timedelta.max, dt.timedelta(1)),
    "moments beyond their zone": _objects(dt.datetime.max.replace(tzinfo=dt.timezone(-dt.timedelta(hours=5)))),
    "negative and huge integers": _objects(-1, 2**63),
    "endless lists": _objects(_endless()),
    "lists 5000 deep": _objects(_deep(5000)),
    "dicts without keys": _objects({}, {}),
    "surrogates in dicts": _objects({"a": "\ud800"}),
    "lists of arrays": _objects([np.array([1])], [np.array([2])]),
    "arrays of text": _objects(np.array(["a"]), np.array(["b"])),
    "arrays of records": _objects(np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])),
    "sets": _objects({1}, {2}),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_a_column_that_would_not_come_back_is_refused_by_name(name: str) -> None:
    """Whatever pandas, Arrow or Python say of a column, the refusal names it and keeps the cause."""
    with pytest.raises(InvalidInput, match="column 'x' of the frame"):
        codecs.encode(_surprising(_REFUSED[name]))


class _Summery(dt.tzinfo):
    """A zone with summers, under the name of one without."""

    def utcoffset(self, moment: dt.datetime | None) -> dt.timedelta:
        """Return an hour more in July."""
        return dt.timedelta(hours=3 if moment is not None and moment.month == 7 else 2)

    def dst(self, moment: dt.datetime | None) -> dt.timedelta:
        """Return what is added in summer."""
        return self.utcoffset(moment) - dt.timedelta(hours=2)

    def tzname(self, moment: dt.datetime | None) -> str:
        """Return the name of another zone."""
        return "UTC"


@pytest.mark.parametrize("zone", [_Summery(), dt.timezone(dt.timedelta(seconds=1830))], ids=["summers", "half minutes"])
def test_a_zone_that_its_name_does_not_say_is_refused(zone: dt.tzinfo) -> None:
    """A zone whose name stands for another clock, or that has none, is refused by column."""
    moments = pd.Series(pd.to_datetime(["2024-01-01", "2024-07-01"])).dt.tz_localize("UTC").dt.tz_convert(zone)
    with pytest.raises(InvalidInput, match=r"column 't' of the frame.*tz_convert"):
        codecs.encode(pd.DataFrame({"t": moments}))


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (pd.DataFrame({"x": [1]}, index=pd.Index(_REFUSED["sets"][:1], dtype=object)), "the index of the frame"),
        (pd.DataFrame([[1]], columns=pd.Index([2.5])), "the column names of the frame"),
        (pd.DataFrame([[1]], columns=pd.Index([10**5000], dtype=object)), "the column names of the frame"),
    ],
    ids=["index", "labels", "a label of 5000 digits"],
)
def test_index_and_labels_are_named_too(frame: pd.DataFrame, says: str) -> None:
    """What is wrong with the index or the labels is said of them."""
    with pytest.raises(InvalidInput, match=says):
        codecs.encode(frame)


def test_nested_attrs_without_end_are_refused() -> None:
    """Attrs that JSON cannot hold are refused before pandas copies them."""
    frame = pd.DataFrame({"x": [1]})
    frame.attrs = {"a": _deep(5000)}
    with pytest.raises(InvalidInput, match="the attrs of the frame"):
        codecs.encode(frame)
