"""Dealing out rows and units of rows: shares hold for classes of any size, as nearly as whole units let them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from mlcycle.lifecycle.datasets.splits import Rows, draw, folds_request, parts_request
from mlcycle.lifecycle.datasets.splits._even import deal_units


def _masks(target: Any, method: str = "stratified", **shares: float) -> dict[str, np.ndarray]:
    rows = Rows("d", "d@1", pd.DataFrame({"y": target}), {})
    parts = {"train": 1 - sum(shares.values()), **shares}
    stratify = "y" if method == "stratified" else False
    return draw(rows, parts_request(parts, 0.25, None, None, stratify, 0)).masks()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (list(range(50)) * 2, {"train": 75, "test": 25}),
        ([0] * 50 + [1] * 50, {"train": 75, "test": 25}),
        (["a"] * 99 + ["b"], {"train": 75, "test": 25}),
        (list(np.repeat(np.arange(20), 5)), {"train": 75, "test": 25}),
        (["a"] * 7 + ["b"] * 33 + list("cdefg") * 12, {"train": 75, "test": 25}),
    ],
    ids=["pairs", "two classes", "one row of one class", "fives", "uneven"],
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


@st.composite
def _units(drawn: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return units and classes of rows, and shares of two to five parts."""
    rows = drawn(st.integers(5, 60))
    units = drawn(st.lists(st.integers(0, 12), min_size=rows, max_size=rows))
    classes = drawn(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
    shares = np.array(drawn(st.lists(st.integers(1, 9), min_size=2, max_size=5)), dtype=float)
    return pd.factorize(np.array(units))[0], pd.factorize(np.array(classes))[0], shares / shares.sum()


def _one_by_one(units: np.ndarray, lots: np.ndarray, classes: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Deal units as the docstring says, one after the other."""
    counts = pd.crosstab(units, classes).to_numpy()
    fractions = np.column_stack([counts / counts.sum(axis=0), counts.sum(axis=1) / len(units)])
    alike = np.unique(counts, axis=0, return_inverse=True)[1].reshape(-1)
    first = [int(np.argmax(units == unit)) for unit in range(len(counts))]
    filled, part_of = np.zeros((len(shares), fractions.shape[1])), np.zeros(len(counts), dtype=int)
    for unit in sorted(
        range(len(counts)), key=lambda u: (-(fractions[u] ** 2).sum().round(12), alike[u], lots[first[u]])
    ):
        spread = []
        for part in range(len(shares)):
            tried = filled.copy()
            tried[part] += fractions[unit]
            spread.append((shares[:, None] * (tried / shares[:, None]) ** 2).sum().round(12))
        part_of[unit] = int(np.argmin(spread))
        filled[part_of[unit]] += fractions[unit]
    return (shares[:, None] * (filled / shares[:, None]) ** 2).sum()


@given(_units())
@settings(max_examples=80, deadline=None)
def test_units_are_dealt_as_well_as_one_by_one(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Alike units are dealt at once; no unit is divided, and the parts are as even as the greedy rule makes them."""
    units, classes, shares = drawn
    lots = np.arange(len(units))[::-1].copy()
    part_of = deal_units(units, lots, classes, shares)
    assert (pd.Series(part_of).groupby(units).nunique() == 1).all()
    filled = np.array(
        [
            [(np.isin(part_of, part) & chosen).sum() / chosen.sum() for chosen in [*_each(classes), part_of >= 0]]
            for part in range(len(shares))
        ]
    )
    spread = (shares[:, None] * (filled / shares[:, None]) ** 2).sum()
    # where two moves cost the same but for the rounding of floats, either is right
    assert spread <= _one_by_one(units, lots, classes, shares) * 1.25 + 1e-9


def _each(classes: np.ndarray) -> list[np.ndarray]:
    return [classes == one for one in range(int(classes.max()) + 1)]


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_digits])
def test_folds_are_stratified_as_scikit_learn_does(load: Any) -> None:
    """On real data, no class differs by more than a row from fold to fold, as in a StratifiedKFold."""
    y = load().target
    part_of = draw(
        Rows("d", "d@1", pd.DataFrame({"y": y}), {"target": "y"}), folds_request(5, None, None, None, 0)
    ).part_of
    ours = np.array([np.bincount(y[part_of == fold]) for fold in range(5)])
    theirs = np.array([np.bincount(y[test]) for _, test in StratifiedKFold(5).split(y, y)])
    assert np.ptp(ours, axis=0).max() <= max(1, np.ptp(theirs, axis=0).max())
    assert np.ptp(ours.sum(axis=1)) <= 1


def _uneven(y: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).geometric(0.02, len(y))


def _lopsided(y: np.ndarray, seed: int) -> np.ndarray:
    """Return groups of 1 to 40 rows, nearly all of one class each."""
    random = np.random.default_rng(seed)
    order = np.argsort(y + random.normal(scale=0.1, size=len(y)))
    return np.repeat(np.arange(len(y)), random.integers(1, 40, len(y)))[: len(y)][np.argsort(order)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("grouped", [_uneven, _lopsided])
def test_groups_are_stratified_as_scikit_learn_does(grouped: Any, seed: int) -> None:
    """Digits in groups: a class differs between folds by what it does in a StratifiedGroupKFold, within 0.2 % of it."""
    y = load_digits().target
    groups = grouped(y, seed)
    rows = Rows("d", "d@1", pd.DataFrame({"y": y, "g": groups}), {"target": "y", "group": "g"})
    part_of = draw(rows, folds_request(5, None, None, True, seed)).part_of
    ours = np.array([np.bincount(y[part_of == fold], minlength=10) for fold in range(5)]) / np.bincount(y)
    split = StratifiedGroupKFold(5).split(y, y, groups)
    theirs = np.array([np.bincount(y[test], minlength=10) for _, test in split]) / np.bincount(y)
    assert ours.std(axis=0).mean() <= theirs.std(axis=0).mean() + 0.002
