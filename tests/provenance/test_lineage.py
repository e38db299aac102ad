"""Lineage, and how much of a test set was seen in training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlcycle.errors import InvalidInput
from mlcycle.provenance import Overlap, ancestors, overlap_by_content, overlap_by_key, overlap_by_membership


def test_ancestors_come_nearest_first_and_once() -> None:
    """A diamond is walked by distance; a ring, which no log can hold, still ends."""
    parents = {"d@1": ["b@1", "c@1"], "b@1": ["a@1"], "c@1": ["a@1", "d@1"]}
    assert ancestors("d@1", parents) == ("b@1", "c@1", "a@1")
    assert ancestors("unknown@1", parents) == ()


def test_overlap_by_membership() -> None:
    """Selections of one parent share the rows that both take."""
    train, test = np.arange(10) < 6, np.arange(10) >= 4
    assert Overlap(rows=2, of=6, how="membership") == overlap_by_membership(train, test)
    assert not overlap_by_membership(train, ~train)
    with pytest.raises(InvalidInput, match="two boolean arrays as long as their common parent"):
        overlap_by_membership(train, np.arange(10))


@pytest.mark.parametrize("values", [[1, 2, 3, 3], ["a", "b", "c", "c"], pd.to_datetime(["2026-01-01"] * 4)])
def test_overlap_by_key(values: object) -> None:
    """Keys are compared by value, whatever column type holds them; missing keys match nobody."""
    keys = pd.Series(values)
    other = pd.concat([keys.iloc[3:], pd.Series([None], dtype=object)], ignore_index=True)
    assert Overlap(rows=1, of=2, how="key") == overlap_by_key(keys, other)
    assert Overlap(rows=0, of=1, how="key") == overlap_by_key(other, pd.Series([None], dtype=object))


def test_overlap_by_content() -> None:
    """Rows are equal when all values are: across column order, index, integer and float, category and text."""
    train = pd.DataFrame({"n": [1, 2, 3, 4], "t": ["x", "y", None, "z"], "f": [0.5, np.nan, 1.5, 2.0]})
    test = train.iloc[[1, 2]].astype({"n": "float64", "t": "category"})[["f", "t", "n"]].set_axis([7, 8])
    test = pd.concat([test, pd.DataFrame({"f": [0.5], "t": ["y"], "n": [1.0]})])
    assert Overlap(rows=2, of=3, how="content", expected=0.0) == overlap_by_content(train, test)


def test_columns_are_not_confused() -> None:
    """Equal values in other columns are another row."""
    train = pd.DataFrame({"a": [1], "b": [2]})
    assert overlap_by_content(train, pd.DataFrame({"a": [2], "b": [1]})).rows == 0
    with pytest.raises(InvalidInput, match="no column in common"):
        overlap_by_content(train, pd.DataFrame({"c": [1]}))


def test_chance_is_told_apart_from_a_leak() -> None:
    """Rows of few distinct values repeat by chance, and the result says how often to expect it."""
    rng = np.random.default_rng(0)
    train, test = (pd.DataFrame(rng.integers(0, 12, size=(n, 2)), columns=["a", "b"]) for n in (400, 200))
    overlap = overlap_by_content(train, test)
    assert abs(overlap.rows - overlap.expected) < 10
    assert "are expected by chance" in str(overlap)


def test_it_is_fast_on_many_rows() -> None:
    """A hundred thousand rows of ten columns are compared exactly."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(100_000, 10)), columns=list("abcdefghij"))
    assert Overlap(rows=500, of=20_000, how="content") == overlap_by_content(frame[:80_500], frame[80_000:])


def test_empty_tables() -> None:
    """No rows share nothing."""
    frame = pd.DataFrame({"a": [1.0]})
    assert Overlap(rows=0, of=0, how="content") == overlap_by_content(frame, frame[:0])
    assert Overlap(rows=0, of=1, how="content") == overlap_by_content(frame[:0], frame)
