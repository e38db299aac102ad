"""The values of columns of every Arrow type, as arrays of a few kinds."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlcycle import codecs

NONE = np.iinfo(np.int64).min
DAY = 86_400 * 10**6


def found(column: Any) -> tuple[str, list[Any] | None, list[bool] | None]:
    """Return kind, values and which are known of a column in one piece."""
    [made] = codecs.column_values(column)
    told = [None if one is None else one.tolist() for one in (made.values, made.known)]
    return (made.kind, *told)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1, None, 3]).slice(1), ("numeric", [0, 3], [False, True])),
        (pa.array([1.5, float("nan")]).slice(1), ("numeric", [float("nan")], None)),
        (pa.array([2**64 - 1], pa.uint64()), ("numeric", [2**64 - 1], None)),
        (pa.array(np.array([1.5], np.float16)), ("numeric", [1.5], None)),
        (pa.array([Decimal("1.5"), Decimal("2.5")]), ("numeric", [1.5, 2.5], None)),
        (pa.array([1500], pa.duration("ms")), ("numeric", [1.5], None)),
        (pa.array([True, None]), ("boolean", [True, False], [True, False])),
        (pa.array([1, None], pa.timestamp("s")), ("datetime", [10**6, NONE], None)),
        (pa.array([1500], pa.timestamp("ns", "Europe/Paris")), ("datetime", [1500], None)),
        (pa.array([dt.date(1970, 1, 3), None]), ("datetime", [2 * DAY, NONE], None)),
        (pa.array([2**62], pa.timestamp("s")), ("datetime", None, [True])),
        (pa.array([[1, 2], None, []]), ("list", [2, 0, 0], [True, False, True])),
        (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), ("list", [2], None)),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), ("list", [1], None)),
        (pa.array([b"abc", None]), ("bytes", [3, 0], [True, False])),
        (pa.array([b"ab"], pa.binary(2)), ("bytes", [2], None)),
        (pa.array([{"a": 1}, None]), ("struct", None, [True, False])),
        (pa.array([dt.time(1), None]), ("time", None, [True, False])),
        (pa.nulls(2), ("null", None, [False, False])),
        (pa.chunked_array([[1], [2]]), ("numeric", [1, 2], None)),
        (pa.chunked_array([], pa.int64()), ("numeric", [], None)),
    ],
    ids=str,
)
def test_every_type_has_its_kind(column: Any, expected: tuple[Any, ...]) -> None:
    """Slices, chunks, nulls and widths are those of the column."""
    kind, values, known = found(column)
    assert (kind, known) == (expected[0], expected[2])
    assert str(values) == str(expected[1])  # nan among them
    assert all(
        len(one.values if one.known is None else one.known) == len(column) for one in codecs.column_values(column)
    )


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_text_is_coded(kind: Any) -> None:
    """However it is stored, each different text stands once."""
    [made] = codecs.column_values(pa.array(["b", None, "a", "b"], kind))
    assert (made.kind, made.values.tolist(), made.levels.tolist()) == ("text", [0, -1, 1, 0], ["b", "a"])
    [empty] = codecs.column_values(pa.array([], kind))
    assert (len(empty.values), len(empty.levels)) == (0, 0)


def test_text_that_hardly_repeats_comes_in_batches() -> None:
    """Each has levels of its own, and together they are the column; text that repeats comes whole."""
    rows = 300_000
    texts = [f"id {i}" for i in range(rows)]
    parts = list(codecs.column_values(pa.array(texts)))
    assert len(parts) == 3
    assert [text for part in parts for text in part.levels[part.values]] == texts
    [whole] = codecs.column_values(pa.chunked_array([["x", "y"] * rows, ["z", "x"] * rows]))
    assert (len(whole.values), whole.levels.tolist()) == (4 * rows, ["x", "y", "z"])


def test_categories_are_levels() -> None:
    """Chunks with dictionaries of their own, nulls among the levels, and moments that pandas cannot hold."""
    chunks = [pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(names)) for names in ("ab", ["b", None])]
    [made] = codecs.column_values(pa.chunked_array(chunks))
    assert made.kind == "categorical"
    assert [made.levels[code] if code >= 0 else None for code in made.values] == ["a", "b", None, "b", None, None]
    for moment in (np.datetime64("2026-01-01", "s"), np.datetime64("300000-01-01", "s")):
        [made] = codecs.column_values(pa.array([moment]).dictionary_encode())
        assert (made.kind, len(made.levels)) == ("categorical", 1)
    [made] = codecs.column_values(pa.Table.from_pandas(pd.DataFrame({"x": pd.Categorical([3, 1])})).column("x"))
    assert made.levels.tolist() == [1, 3]
    [plain] = codecs.column_values(pa.array([1.5, 2.5]).dictionary_encode(), categories=False)
    assert (plain.kind, plain.values.tolist()) == ("numeric", [1.5, 2.5])
    lists = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), pa.array([[1], [2, 3]]))
    assert found(lists) == ("list", [1, 2, 1], None)
