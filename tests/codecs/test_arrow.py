"""Arrow tables, and whatever else hands itself over as one: every type comes back, or is refused by column."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pytest

from mlcycle import codecs
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from tests.codecs.conftest import FolderBlocks

_NAN = float("nan")


class _Score(pa.ExtensionType):
    """A type of one's own, as Arrow's documentation shows it."""

    def __init__(self, storage: Any) -> None:
        super().__init__(storage, "tests.score")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: Any, serialized: bytes) -> Any:
        return cls(storage_type)


def _own(storage: Any) -> Any:
    return pa.ExtensionArray.from_storage(_Score(storage.type), storage)


def _dictionary(values: Any, indices: Any = (0, 1, 2), ordered: bool = False) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int8()), values, ordered=ordered)


_RUNS = pa.RunEndEncodedArray.from_arrays(pa.array([1, 3], pa.int32()), pa.array([7, None], pa.int8()))
_VIEWS = pa.array(["b", "a"], pa.string_view())
_SHORT = pa.array(np.array([1, 2, 3], dtype=np.float16))
_KEPT: dict[str, tuple[Any, list[Any], str]] = {
    "signed zeros": (pa.array([0.0, -0.0, 1.5]).dictionary_encode(), [0.0, -0.0, 1.5], "float64"),
    "NaN in a dictionary": (pa.array([1.0, _NAN, 1.0]).dictionary_encode(), [1.0, None, 1.0], "float64"),
    "doubled in a dictionary": (_dictionary(pa.array([1.5, 1.5, 2.5])), [1.5, 1.5, 2.5], "float64"),
    "null in a dictionary": (_dictionary(pa.array(["b", None, "a"]), ordered=True), ["b", None, "a"], "category"),
    "a dictionary of nothing": (_dictionary(pa.nulls(1), [0, 0, None]), [None, None, None], "object"),
    "a dictionary of text views": (_dictionary(_VIEWS, [0, 1, 0]), ["b", "a", "b"], "category"),
    "a dictionary of short floats": (_dictionary(_SHORT), [1.0, 2.0, 3.0], "float16"),
    "runs with nulls": (_RUNS, [7, None, None], "Int8"),
    "lists of text views": (pa.array([["a"], None, []], pa.list_(pa.string_view())), [["a"], None, []], "object"),
    "a type of one's own": (_own(pa.array([50, None, 70], pa.int16())), [50, None, 70], "Int16"),
    "own lists": (_own(pa.array([[1], None, []])), [[1], None, []], "object"),
    "lists of an own type": (
        pa.ListArray.from_arrays(pa.array([0, 1, 1, 3], pa.int32()), _own(pa.array([1, 2, 3]))),
        [[1], [], [2, 3]],
        "object",
    ),
    "first and last day": (pa.array([dt.date.min, None, dt.date.max]), [dt.date.min, None, dt.date.max], "object"),
    "moments beyond Python": (pa.array([0, None, 2**50], pa.timestamp("s")), [0, None, 2**50], "datetime64[s]"),
}  # fmt: skip


@pytest.mark.parametrize("name", _KEPT)
def test_a_column_comes_back(name: str, blocks: FolderBlocks) -> None:
    """Values are those of the column; nulls are found wherever Arrow hides them."""
    column, values, dtype = _KEPT[name]
    table = pa.table({"x": column})
    loaded = blocks.round_trip(table)["x"]
    found = loaded.to_numpy().view("i8") if dtype == "datetime64[s]" else loaded
    assert [None if m else v for v, m in zip(list(found), loaded.isna(), strict=True)] == values
    assert str(loaded.dtype) == dtype
    missing = sum(value is None for value in values)
    assert codecs.encode(table).header["nulls"] == {"x": missing}
    assert str(codecs.encode(table.slice(0, 2)).content).startswith("sha256:")


def test_an_ordered_dictionary_with_a_null_stays_ordered(blocks: FolderBlocks) -> None:
    """Categories keep their order and their ordering."""
    column, _, _ = _KEPT["null in a dictionary"]
    loaded = blocks.round_trip(pa.table({"x": column}))["x"]
    assert (loaded.cat.categories.tolist(), loaded.cat.ordered) == (["b", "a"], True)


def _far(kind: Any) -> Any:
    days = kind.bit_width == 32
    return pa.array([0, 2**30 if days else 2**62], pa.int32() if days else pa.int64()).view(kind)


def _listed(values: Any) -> Any:
    return pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), values)


_TOO_PRECISE = pa.array([Decimal(12), Decimal(34)], pa.decimal128(2, 0)).view(pa.decimal128(2, 4))
_REFUSED: dict[str, Any] = {
    "decimals with more places than digits": _TOO_PRECISE,
    "such decimals in lists": _listed(_TOO_PRECISE),
    "such decimals as a type of one's own": _own(_TOO_PRECISE),
    "decimals of negative scale": pa.array([1, 2]).cast(pa.decimal128(20, 0)).view(pa.decimal128(20, -2)),
    "days beyond Python": _far(pa.date32()),
    "days beyond Python in lists": _listed(_far(pa.date32())),
    "moments beyond Python in lists": _listed(_far(pa.timestamp("us"))),
    "moments of a zone beyond Python in structs": pa.StructArray.from_arrays([_far(pa.timestamp("us", "UTC"))], ["t"]),
    "durations beyond Python in lists": _listed(_far(pa.duration("s"))),
    "seconds beyond Parquet in lists": _listed(_far(pa.timestamp("s"))),
    "a zone nobody knows": pa.array([0, 1], pa.timestamp("s", "Nowhere/Land")),
    "broken days": pa.array([0, 5], pa.int64()).view(pa.date64()),
    "months": pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
    "doubled fields": pa.StructArray.from_arrays([pa.array([1, 2]), pa.array([1, 2])], ["a", "a"]),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_a_column_that_cannot_be_read_again_is_refused_by_name(name: str, blocks: FolderBlocks) -> None:
    """The refusal names the column, never blames the storage, and leaves nothing for a reader to stumble on."""
    with pytest.raises(InvalidInput, match="column 'x' of the table"):
        blocks.store(pa.table({"fine": [1, 2], "x": _REFUSED[name]}))


def test_pandas_columns_of_arrow_that_would_not_come_back_are_refused() -> None:
    """A list view of days beyond Python, and a type of one's own, as dtypes of pandas."""
    views = pa.ListViewArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array([1, 1], pa.int32()), _far(pa.date32()))
    for values in (views, _own(pa.array([1, 2]))):
        frame = pd.DataFrame({"x": pd.arrays.ArrowExtensionArray(pa.chunked_array([values]))})
        with pytest.raises(InvalidInput, match="column 'x' of the frame"):
            codecs.encode(frame)


# frames of other libraries -------------------------------------------------------------------------------------------


class _Foreign:
    """A frame of another library: it hands itself over through the Arrow PyCapsule interface, and by nothing else."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._data.__arrow_c_stream__(requested_schema)


class _Lazy:
    """A query of another library, to be collected first."""

    def collect(self) -> None:
        """Run the query."""


def test_a_frame_that_arrow_can_read_is_a_table(blocks: FolderBlocks) -> None:
    """What has the PyCapsule interface is stored as the Arrow table it hands over, names included."""
    table = pa.table({"age": [1, None], "town": pa.array(["x", "y"], pa.string_view())})
    for data in (_Foreign(table), table.to_reader(), table.to_batches()[0], _Foreign(table.to_batches()[0])):
        encoded = codecs.encode(data)
        assert encoded.content == codecs.encode(table).content
        assert encoded.table.column_names == ["age", "town"]


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (_Lazy(), r"data\.collect\(\)"),
        (pd.Series([1], name="a"), r"pandas Series.*data\.to_frame\(\)"),
        (pd.Index([1]), r"data\.to_frame\(\)"),
        (pa.dataset.dataset(pa.table({"a": [1]})), r"data\.to_table\(\)"),
        (_Foreign(pa.chunked_array([[1, 2]])), "Foreign"),
        (pa.array([1, 2]), "Int64Array"),
        ({"a": [1]}, r"is a dict;.*pd\.DataFrame\(data\)"),
        (np.zeros((2, 2)), r"numpy ndarray.*pd\.DataFrame\(data\)"),
        ("table.csv", r"pd\.read_csv\(data\)"),
        (None, "NoneType"),
        (pd.DataFrame, "is a type"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_advice_for_what_is_no_table_can_be_followed(data: Any, advice: str) -> None:
    """The message says what came and one step that makes a frame of it."""
    with pytest.raises(InvalidInput, match=advice):
        codecs.encode(data)
