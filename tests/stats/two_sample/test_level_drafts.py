"""Columns of levels: shares that moved, levels that are new or gone, and what would have been seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.stats.two_sample.samples import aspect, column


def test_unseen_levels_are_a_test_of_their_own() -> None:
    """A new level is named as such, and rare levels that are only missing by chance are not."""
    rng = np.random.default_rng(0)
    before, after = rng.choice(list("abc"), 300), rng.choice(list("abcd"), 300, p=[0.3, 0.3, 0.3, 0.1])
    found = {s.aspect: (s.verdict, s.note) for s in column(before, after).shifts}
    assert found["unseen levels"] == ("drifted", "34 rows of 1 new level ('d')")
    names = [f"n{i}" for i in range(300)]
    assert column(rng.choice(names, 700), rng.choice(names, 700)).verdict == "not seen"


def test_levels_that_are_gone_are_a_test_of_their_own() -> None:
    """A level of a twelfth of the rows that no longer occurs is named with its share; a rare one may be missing."""
    rng = np.random.default_rng(0)
    before = rng.choice(list("abcd"), 1200, p=[0.4, 0.3, 0.2, 0.1])
    found = column(before, rng.choice(list("abc"), 1200, p=[0.5, 0.3, 0.2]))
    lost = aspect(found, "lost levels")
    assert (lost.verdict, lost.note.startswith("'d': ")) == ("drifted", True)
    assert lost.low <= np.mean(before == "d") <= lost.high
    rare = np.where(np.arange(1200) < 3, "rare", before)
    assert aspect(column(rare, before), "lost levels").verdict != "drifted"


def test_shares_of_levels_are_told_in_per_cent() -> None:
    """The level that changed most is named with its share before and now, and the change is one of rows."""
    before, after = ["winter"] * 280 + ["summer"] * 720, ["winter"] * 20 + ["summer"] * 980
    found = column(before, after).leading
    assert (found.note, found.unit, found.effect) == (
        "'winter': 28 % -> 2 %",
        "share",
        0.26,
    )


@pytest.mark.parametrize("dtype", ["category", "object", "str", "string", "large"])
def test_levels_are_the_same_in_every_dtype(dtype: str) -> None:
    """Categories of different order, strings and objects count the same."""
    rng = np.random.default_rng(0)
    sides = [pd.Series(rng.choice(list("abc"), 300)), pd.Series(rng.choice(list("abc"), 300, p=[0.2, 0.3, 0.5]))]
    arrow = pd.ArrowDtype(pa.large_string())
    typed = [side.astype(arrow if dtype == "large" else dtype) for side in sides]
    if dtype == "category":
        typed[1] = typed[1].cat.reorder_categories(["c", "a", "b"])
    assert column(*typed).leading.p == pytest.approx(column(*sides).leading.p)


def test_categories_without_rows_are_no_levels() -> None:
    """A categorical column with one level in use is constant, however many categories it could have."""
    constant = pd.Series(["a"] * 50).astype(pd.CategoricalDtype(list("abc")))
    assert column(constant, constant).leading.note == "constant: 'a' on every row of both sides"


@pytest.mark.parametrize("kind", ["levels", "boolean"])
def test_detectable_distances_are_found_with_their_power(kind: str) -> None:
    """Levels moved by `detectable` are called drift at least three times in four."""
    rng = np.random.default_rng(3)
    shares = np.array([0.4, 0.3, 0.2, 0.1] if kind == "levels" else [0.6, 0.4])
    draw = lambda p: rng.choice(len(p), 800, p=p).astype(str)  # noqa: E731
    size = column(draw(shares), draw(shares)).leading.detectable
    moved = shares + size * (np.array([-0.6, -0.4, 0.6, 0.4]) if kind == "levels" else np.array([-1, 1]))
    hits = [column(draw(shares), draw(moved)).verdict == "drifted" for _ in range(100)]
    assert np.mean(hits) >= 0.75
