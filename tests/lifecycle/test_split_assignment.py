"""Splits: shares hold for classes of any size and targets of any type; what cannot place a row is refused by name."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlcycle as mc
from mlcycle import errors
from mlcycle.lifecycle.datasets._split_assignment import part_masks


@pytest.fixture
def memory() -> mc.Project:
    """Return an empty project in memory."""
    return mc.open(f"memory://splits-{uuid.uuid4().hex}")


def _masks(target: Any, method: str = "stratified", **shares: float) -> dict[str, np.ndarray]:
    parts = {"train": 1 - sum(shares.values()), **shares}
    return part_masks("d", pd.DataFrame({"y": target}), parts, method, "y", 0)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (list(range(50)) * 2, {"train": 75, "test": 25}),
        (list(range(100)), {"train": 75, "test": 25}),
        ([0] * 50 + [1] * 50, {"train": 75, "test": 25}),
        (["a"] * 99 + ["b"], {"train": 75, "test": 25}),
        (list(np.repeat(np.arange(20), 5)), {"train": 75, "test": 25}),
        (["a"] * 7 + ["b"] * 33 + list("cdefg") * 12, {"train": 75, "test": 25}),
    ],
    ids=["pairs", "single rows", "two classes", "one row of one class", "fives", "uneven"],
)
def test_the_share_asked_for_is_kept(target: list[Any], expected: dict[str, int]) -> None:
    """Whatever the sizes of the classes, 25 % of 100 rows are 25, and no class is a row away from its share."""
    masks = _masks(target, test=0.25)
    assert {part: int(mask.sum()) for part, mask in masks.items()} == expected
    for label in set(target):
        of_class = np.array([value == label for value in target])
        assert abs(int((masks["test"] & of_class).sum()) - 0.25 * of_class.sum()) < 1


def test_classes_of_single_rows_are_a_random_split() -> None:
    """Where there is nothing to keep even, stratified and random choose the same rows."""
    for shares in ({"test": 0.25}, {"validation": 0.2, "test": 0.3}):
        stratified, random = (_masks(np.arange(40.0), method, **shares) for method in ("stratified", "random"))
        assert [mask.tolist() for mask in stratified.values()] == [mask.tolist() for mask in random.values()]


def test_large_even_classes_are_split_as_ever() -> None:
    """Where rounding class by class meets the whole, rows lie where they always lay."""
    masks = _masks([0] * 8 + [1] * 4, test=0.25)
    assert np.flatnonzero(masks["test"]).tolist() == [5, 7, 10]
    masks = _masks([0] * 20 + [1] * 10, validation=0.2, test=0.3)
    assert np.flatnonzero(masks["test"]).tolist() == _BEFORE


_BEFORE = [2, 3, 5, 7, 10, 14, 22, 23, 28]


@given(st.lists(st.integers(0, 6), min_size=8, max_size=60), st.sampled_from([0.2, 0.25, 0.4]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_row_lies_in_one_part_and_shares_hold(target: list[int], test: float, three: bool) -> None:
    """Any classes: parts are disjoint and complete, as large as a random split's, and each class is within a row."""
    shares = {"validation": 0.2, "test": test} if three else {"test": test}
    masks, random = _masks(target, **shares), _masks(target, "random", **shares)
    assert np.sum(list(masks.values()), axis=0).tolist() == [1] * len(target)
    assert [mask.sum() for mask in masks.values()] == [mask.sum() for mask in random.values()]
    for label in set(target):
        rows = np.array(target) == label
        for part, share in shares.items():
            assert abs(int(masks[part][rows].sum()) - share * rows.sum()) < 2


_TARGETS: dict[str, Any] = {
    "nullable": pd.array([1, None, 2, 3] * 10, dtype="Int64"),
    "floats with NaN": [1.0, np.nan] * 20,
    "nothing but NaN": [np.nan] * 40,
    "truth": [True, False] * 20,
    "nullable truth": pd.array([True, None] * 20, dtype="boolean"),
    "categories": pd.Categorical(["a", "b", None, "c"] * 10, categories=["unused", "c", "b", "a"]),
    "text": ["a", None] * 20,
    "moments": pd.date_range("2024", periods=40),
    "moments in a zone": pd.date_range("2024", periods=40, tz="UTC"),
    "durations": pd.to_timedelta(range(40), unit="h"),
    "periods": pd.period_range("2024", periods=40, freq="M"),
    "intervals": pd.interval_range(0, 40),
    "dates": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)] * 20,
    "tuples": [(1,), (2,)] * 20,
    "sparse": pd.arrays.SparseArray([0, 1] * 20),
    "Arrow text": pd.array(["a", None] * 20, dtype="string[pyarrow]"),
    "a regression": np.random.default_rng(0).normal(size=40),
    "lists": pd.Series([["a"], ["a", "b"]] * 20),
    "dicts": pd.Series([{"a": 1}, {"a": 2}] * 20),
    "arrays": pd.Series([np.array([1.0]), np.array([2.0])] * 20),
}


@pytest.mark.parametrize("name", _TARGETS)
def test_any_target_is_split_by_default(memory: mc.Project, name: str) -> None:
    """Forty rows with any target give a quarter to the test, and three ways what was asked for."""
    frame = pd.DataFrame({"x": range(40), "y": _TARGETS[name]})
    version = memory.datasets.add("d", frame, target="y")
    assert [part.rows for part in version.split(test=0.25)] == [30, 10]
    assert [part.rows for part in version.split(test=0.25, validation=0.25)] == [20, 10, 10]


@pytest.mark.parametrize(
    ("method", "says"), [("stratified", "holds no classes"), ("key", "cannot be placed by column 'y'")]
)
@pytest.mark.parametrize("name", ["lists", "dicts"])
def test_lists_are_no_classes_and_no_keys(memory: mc.Project, name: str, method: str, says: str) -> None:
    """A split by values that cannot be compared is refused, with another way."""
    frame = pd.DataFrame({"x": range(40), "y": _TARGETS[name]})
    version = memory.datasets.add("d", frame)
    with pytest.raises(errors.InvalidInput, match=rf"{says}.*method='random'"):
        version.split(by="y", method=method)


@pytest.mark.parametrize("by", [["y"], "Y", 0, True, None, {"y"}])
def test_a_column_that_is_not_there_is_refused(memory: mc.Project, by: Any) -> None:
    """Whatever is given for a column, the message says which there are."""
    version = memory.datasets.add("d", pd.DataFrame({"x": range(8), "y": [0, 1] * 4}))
    with pytest.raises(errors.InvalidInput, match=r"by=.* names no column of d@1|give by="):
        version.split(by=by, method="stratified")


def test_a_split_by_a_column_called_zero(memory: mc.Project) -> None:
    """The label 0 is a label."""
    version = memory.datasets.add("d", pd.DataFrame(np.arange(80).reshape(40, 2) // 8), group=0)
    train, test = (set(memory.load(part)[0]) for part in version.split(test=0.4))
    assert not train & test


def test_a_part_without_rows_says_why(memory: mc.Project) -> None:
    """With few values to go by, the error counts them and names a method that does not go by them."""
    version = memory.datasets.add("d", pd.DataFrame({"land": ["DE", "FR", None] * 40, "x": range(120)}))
    expected = r"d\.test would have no rows: 0\.01 of 3 values of 'land', method 'key'; .* or method='random'"
    with pytest.raises(errors.InvalidInput, match=expected):
        version.split(test=0.01, by="land")
    with pytest.raises(errors.InvalidInput, match=r"no rows: 0\.001 of 120 rows, method 'random'; .* another seed\Z"):
        version.split(test=0.001, method="random")
