"""What is asked of a split: shares that sum to 1, names that name, whole numbers; anything else is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlcycle import errors
from mlcycle.lifecycle.datasets.splits import folds_request, parts_request


def _shares(parts: Any = None, test: Any = 0.25, seed: Any = 0) -> dict[str, float]:
    return parts_request(parts, test, None, None, None, seed).shares


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"train": 0.75, "test": 0.25}),
        ({"test": np.float32(0.5)}, {"train": 0.5, "test": 0.5}),
        ({"parts": {"b": 0.7, "a": 0.15, "c": 0.15}}, {"b": 0.7, "a": 0.15, "c": 0.15}),
        ({"parts": {f"p{i}": 1 / 7 for i in range(7)}}, {f"p{i}": 1 / 7 for i in range(7)}),
        ({"parts": ["a", "b"]}, {}),
    ],
)
def test_shares_come_in_the_order_given(given: dict[str, Any], expected: dict[str, float]) -> None:
    """By default train before test."""
    assert list(_shares(**given).items()) == list(expected.items())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"test": 0}, "test=0 is not a share of the rows: give a number between 0 and 1"),
        ({"test": 1.0}, "test=1.0 is not a share"),
        ({"test": True}, "test=True is not a share"),
        ({"test": "0.3"}, "test='0.3' is not a share"),
        ({"test": float("nan")}, "test=nan is not a share"),
        ({"parts": {"train": 0.8, "test": 0.3}}, r"the shares .* sum to 1\.1, not to 1"),
        ({"parts": {"train": 0.33, "test": 0.66}}, r"sum to 0\.99, not to 1"),
        ({"parts": {"train": 1.2, "test": -0.2}}, r"train=1\.2 is not a share"),
        ({"parts": {"train": 0.8, "test": 0.2}, "test": 0.2}, r"test=0\.2 is given beside parts="),
        ({"parts": {"a.b": 0.8, "test": 0.2}}, "'a.b' is not a valid part name"),
        ({"parts": {"": 0.8, "test": 0.2}}, "not a valid part name"),
        ({"parts": {1: 0.8, 2: 0.2}}, "the part name is text, got int"),
        ({"parts": {"Test": 0.8, "test": 0.2}}, "two of the parts Test, test have one name"),
        ({"parts": ["all"]}, r"parts=\['all'\] is one part, and a split has at least two"),
        ({"parts": {}}, "at least two"),
        ({"parts": "train"}, r"parts='train' is not a mapping of names to shares such as {'train': 0\.7"),
        ({"parts": 3}, "parts=3 is not a mapping"),
        ({"seed": 0.5}, "seed is a whole number, got float: 0.5"),
        ({"seed": None}, "seed is a whole number, got NoneType"),
        ({"seed": True}, "seed is a whole number, got bool"),
    ],
)
def test_what_is_not_a_split_is_refused(given: dict[str, Any], says: str) -> None:
    """Shares, names and seeds, with what came."""
    with pytest.raises(errors.InvalidInput, match=says):
        _shares(**given)


def test_seeds_of_numpy_are_seeds() -> None:
    """And negative ones."""
    assert [parts_request(None, 0.25, None, None, None, seed).seed for seed in (np.int8(3), -3)] == [3, -3]


def test_folds_are_equal() -> None:
    """Numbered from 1; in time order, from a block 0 that is only trained on."""
    request = folds_request(np.int64(4), None, None, None, 0)
    assert request.shares == {"fold1": 0.25, "fold2": 0.25, "fold3": 0.25, "fold4": 0.25}
    assert list(request.with_first_block().shares.items()) == [(f"fold{number}", 0.2) for number in range(5)]


@pytest.mark.parametrize(
    ("n", "says"), [(1, "n=1 folds: there are at least 2"), (2.0, "n is a whole number, got float")]
)
def test_what_is_not_a_number_of_folds_is_refused(n: Any, says: str) -> None:
    """One fold would have nothing to train on."""
    with pytest.raises(errors.InvalidInput, match=says):
        folds_request(n, None, None, None, 0)
