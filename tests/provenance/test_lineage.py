"""Lineage, and how much of a test set was seen in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from mlcycle.errors import InvalidInput
from mlcycle.provenance import Overlap, ancestors, overlap_by_content, overlap_by_key, overlap_by_membership

if TYPE_CHECKING:
    from collections.abc import Callable


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


def _sampled(kind: str, size: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return rows drawn from few or many distinct values."""
    drawn: dict[str, Callable[[], Any]] = {
        "few": lambda: rng.integers(0, 30, size),
        "some": lambda: rng.integers(0, 10_000, size),
        "many": lambda: rng.integers(0, 2**40, size),
        "heavy": lambda: rng.zipf(1.5, size),
        "rounded": lambda: np.round(rng.normal(size=size) * 100).astype(int),
    }
    return pd.DataFrame({"a": drawn[kind]()})


@pytest.mark.parametrize("kind", ["few", "some", "many", "heavy", "rounded"])
@pytest.mark.parametrize(("n", "m"), [(600, 200), (20_000, 200), (1_000, 1_000)])
def test_independent_samples_are_no_leak(kind: str, n: int, m: int) -> None:
    """Whatever repeats in them, and however much larger one is: at most 4 in 60 are called a leak."""
    rng = np.random.default_rng(2)
    found = [overlap_by_content(_sampled(kind, n, rng), _sampled(kind, m, rng)) for _ in range(60)]
    assert sum(one.rows > one.chance for one in found) <= 4


FEW = 10
LEAKS: dict[str, Callable[..., Any]] = {
    "every row twice": lambda whole, train, test, rng: np.tile(whole, 2),
    "one class five times": lambda whole, train, test, rng: np.concatenate([whole, np.repeat(whole[:80], 4)]),
    "one class drawn again": lambda whole, train, test, rng: np.concatenate([whole, rng.choice(whole[:80], 640)]),
    "drawn with replacement": lambda whole, train, test, rng: rng.choice(whole, 800),
    "few rows": lambda whole, train, test, rng: np.concatenate([train, test[:1]]),
    "few rows, twice": lambda whole, train, test, rng: np.tile(np.concatenate([train, test[:FEW]]), 2),
}


@pytest.mark.parametrize("how", LEAKS)
def test_a_leak_is_found_whatever_was_repeated(how: str) -> None:
    """Oversampled fully or in part, or a bootstrap; the same done to training rows alone is no leak."""
    rng = np.random.default_rng(3)
    whole = rng.permutation(800)
    test, train = whole[:200], whole[200:]
    rows = pd.DataFrame({"a": LEAKS[how](rng.permutation(whole), train, test, rng)})
    found = overlap_by_content(rows, pd.DataFrame({"a": test}))
    assert found.rows > found.chance >= found.expected
    honest = LEAKS[how](train, train, train[:0], rng)
    assert overlap_by_content(pd.DataFrame({"a": honest}), pd.DataFrame({"a": test})).rows == 0


def test_expected_by_the_repetitions_of_the_test() -> None:
    """By hand: of 4 test rows one value occurs twice and two once, among 4 training rows that all repeat."""
    train, test = pd.DataFrame({"a": [1, 1, 2, 2]}), pd.DataFrame({"a": [1, 1, 2, 3]})
    found = overlap_by_content(train, test)
    # two rows that repeat, and two singletons that occur 2 * 1 / 2 times among as many rows
    assert found.expected == pytest.approx(min(4.0, 2 + 2 * (1 - np.exp(-1.0)), found.chance))
    assert (found.rows, found.of) == (3, 4)


@pytest.mark.parametrize(
    ("train", "test", "rows"),
    [
        (["1", "2"], [2, 3], 1),
        (["1", "02", "3.0"], [2, 3], 0),
        ([1, "b"], ["1", "c"], 1),
        ([1.0, 2.5], ["1", "2.5"], 2),
        (pd.to_datetime(["2026-01-01"]), ["2026-01-01T00:00:00.000000Z", "2026-01-01"], 1),
        (pd.Series(["7"], dtype="category"), [7], 1),
        ([2.0**60], ["1152921504606846976"], 0),
    ],
)
def test_keys_of_two_types_are_compared_as_ids_are(train: Any, test: Any, rows: int) -> None:
    """By the text of an id; a float that may have lost digits is nobody's."""
    assert overlap_by_key(pd.Series(train), pd.Series(test)).rows == rows
    assert overlap_by_key(pd.Series(test), pd.Series(train)).rows == rows
