"""Summaries of arrays that another room holds: counted or sorted, they are those of the rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle.stats import summarise, summarise_values
from mlcycle.stats.two_sample import _columns
from mlcycle.stats.two_sample._column_summary import ColumnSummary, Moments
from mlcycle.stats.two_sample._granularity import on_grid
from mlcycle.stats.two_sample._sketch import Sketch

NONE = np.iinfo(np.int64).min


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(-40, 400), max_size=300), st.sampled_from([10, 40, 1000]))
def test_counted_values_are_summarised_as_sorted_ones(rows: list[int], size: int) -> None:
    """A sketch, moments and grids of different values and their counts are those of all the values."""
    ordered = np.sort(np.array(rows, np.int64))
    values, counts = np.unique(ordered, return_counts=True)
    assert Sketch.of_counts(values, counts, size).as_dict() == Sketch.of(ordered, size).as_dict()
    assert on_grid(values, counts=counts) == on_grid(ordered)
    beyond = ordered.astype(np.uint64) + np.uint64(2**63)
    expected = Sketch.of(np.sort(beyond), size).as_dict()
    values, counts = np.unique(beyond, return_counts=True)
    assert Sketch.of_counts(values, counts, size).as_dict() == expected
    values, counts = np.unique(ordered, return_counts=True)
    one, other = Moments.of_counts(values, counts), Moments.of(ordered)
    assert (one.n, one.mean, one.m2) == pytest.approx((other.n, other.mean, other.m2), nan_ok=True)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("int8", -128, 127), ("uint8", 0, 255), ("int16", -3, 9), ("int64", 2**63 - 50, 2**63 - 1), ("uint64", 0, 9)],
)
def test_whole_numbers_of_a_narrow_range_are_counted(dtype: str, low: int, high: int) -> None:
    """Whatever their width and place, no digit is lost, and nulls are left out."""
    rng = np.random.default_rng(0)
    raw = rng.integers(low, high, 70_000, endpoint=True, dtype=dtype)
    known = rng.random(70_000) < 0.9
    found = _columns.ordered_numbers(raw, known, counted=True)
    assert found.counts is not None
    assert dict(zip(found.values.tolist(), found.counts.tolist(), strict=True)) == Counter(raw[known].tolist())
    assert (found.rows, found.nulls) == (70_000, int((~known).sum()))
    assert _columns.ordered_numbers(np.array([1, 70_000]), counted=True).counts is None


@pytest.mark.parametrize("size", [200, 1000])
def test_moments_of_many_blocks_are_those_of_numpy(size: int) -> None:
    """Far from zero and of single precision too: deviations are doubles, however many there are."""
    values = np.random.default_rng(0).normal(1e4, 1, 200_000).astype("float32")
    found = Moments.of(values)
    exact = values.astype(np.float64)
    assert (found.n, found.mean, found.sd) == pytest.approx((200_000, exact.mean(), exact.std()), rel=1e-9)
    whole = summarise({"x": values}, size=size)["x"].moments
    assert whole is not None
    assert whole.sd == pytest.approx(found.sd)


MISSING = pd.Series([1.5, None, 2.5, 2.5, np.inf])
GIVEN: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "numbers": (MISSING, ("numeric", MISSING.to_numpy()), {}),
    "nullable": (
        pd.Series([7, None, 7], dtype="Int64"),
        ("numeric", np.array([7, 99, 7])),
        {"known": np.array([True, False, True])},
    ),
    "truth": (pd.Series([True, False, False]), ("boolean", np.array([True, False, False])), {}),
    "durations": (
        pd.Series(pd.to_timedelta([90, 30], "s")),
        ("numeric", np.array([90.0, 30.0])),
        {"sort": "durations"},
    ),
    "moments": (
        pd.Series(pd.to_datetime(["1970-01-02", None])),
        ("datetime", np.array([86_400 * 10**9, NONE])),
        {"unit": "ns", "sort": "moments without a time zone"},
    ),
    "fine moments": (
        pd.Series(pd.to_datetime([1, 2000], unit="ns")),
        ("datetime", np.array([1, 2000])),
        {"unit": "ns", "sort": "moments without a time zone"},
    ),
    "text": (
        pd.Series(["a", "b b", None, "a"]),
        ("text", np.array([1, 0, -1, 1])),
        {"names": np.array(["b b", "a"], dtype=object)},
    ),
    "levels": (
        pd.Series(pd.Categorical([3, 1, None])),
        ("categorical", np.array([1, 0, -1])),
        {"names": np.array([1, 3], dtype=object)},
    ),
}


@pytest.mark.parametrize("what", GIVEN)
def test_arrays_are_summarised_as_the_column_is(what: str) -> None:
    """Numbers, moments and codes of levels give the record that `summarise` makes of a frame."""
    column, given_values, more = GIVEN[what]
    expected = summarise(column.rename("x"))["x"].as_dict()
    assert summarise_values("x", *given_values, **more).as_dict() == expected


def test_what_has_nothing_to_count_is_known_by_its_nulls() -> None:
    """Structs and the like have rows and nulls; lengths are described, and merging keeps them."""
    found = summarise_values("x", "mixed: struct", None, known=np.array([True, False]))
    assert (found.rows, found.nulls, found.distinct, found.top()) == (2, 1, (1, 1), [])
    lists = [summarise_values("x", "mixed: list", np.array(lengths)) for lengths in ([1, 5], [9])]
    both = ColumnSummary.merge(*lists)
    assert both.values is not None
    assert ([int(end) for end in both.values.ends()], both.distinct, both.top()) == ([1, 9], (1, 3), [])


def test_the_commonest_values_come_first_with_their_bounds() -> None:
    """Of levels, whole numbers and moments; where all differ there is none, and where many differ bounds are told."""
    data = {"plan": ["b", "a", "b"], "n": [7, 2**53 + 1, 7], "day": pd.to_datetime(["2026-01-01"] * 2 + ["2026-01-02"])}
    found = summarise(data)
    assert found["plan"].top() == [("b", 2, 2), ("a", 1, 1)]
    assert found["n"].top() == [(7, 2, 2), (2**53 + 1, 1, 1)]
    assert found["day"].top(1) == [("2026-01-01 00:00:00", 2, 2)]
    assert summarise({"id": range(50)})["id"].top() == []
    rng = np.random.default_rng(0)
    values = np.where(rng.random(50_000) < 0.3, 0.0, rng.normal(size=50_000))
    (value, least, most), *_ = (summarise({"x": values[:20_000]}) + summarise({"x": values[20_000:]}))["x"].top()
    assert (value, least <= np.count_nonzero(values == 0) <= most) == (0.0, True)
    assert summarise({"x": [0.0, 0, 3, None]}).frame()[["zeros", "infinite"]].to_numpy().tolist() == [[2, 0]]
