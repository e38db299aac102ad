"""The division of ids among versions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlcycle.errors import InvalidInput
from mlcycle.serving import check_weights, choose

IDS = [f"customer-{i}" for i in range(20_000)]


def answering(weights: dict[str, int], deployment: str = "shop") -> np.ndarray:
    """Return the version of every id."""
    return np.array(list(weights))[choose(IDS, weights, deployment)]


def test_shares_are_the_weights() -> None:
    """Over many ids every version gets its share, within four standard deviations."""
    weights = {"a@1": 70, "a@2": 20, "a@10": 10}
    found = answering(weights)
    for ref, weight in weights.items():
        share = weight / 100
        assert abs((found == ref).mean() - share) < 4 * (share * (1 - share) / len(IDS)) ** 0.5


def test_the_same_id_gets_the_same_version() -> None:
    """One id at a time, in another order of rows or of versions: the answer stays."""
    weights = {"a@2": 30, "a@10": 70}
    found = answering(weights)
    assert [str(one) for one in found[:300]] == [list(weights)[choose([i], weights, "shop")[0]] for i in IDS[:300]]
    turned = dict(reversed(weights.items()))
    assert (found == answering(turned)).all()
    assert (found == np.array(list(weights))[choose(IDS[::-1], weights, "shop")][::-1]).all()


def test_only_what_must_moves() -> None:
    """From 90/10 to 80/20 one id in ten moves, all of them to the version that gained."""
    before, after = answering({"a@1": 90, "a@2": 10}), answering({"a@1": 80, "a@2": 20})
    moved = before != after
    assert set(after[moved]) == {"a@2"}
    assert abs(moved.mean() - 0.1) < 0.01


def test_scale_of_weights_is_nothing() -> None:
    """Weights are shares: 9/1 is 90/10."""
    assert (answering({"a@1": 9, "a@2": 1}) == answering({"a@1": 90, "a@2": 10})).all()


def test_deployments_divide_independently() -> None:
    """Another deployment divides the same ids in its own way."""
    half = {"a@1": 1, "a@2": 1}
    both = (answering(half) == answering(half, "office")).mean()
    assert abs(both - 0.5) < 0.02


def test_no_rows() -> None:
    """No ids need no version."""
    assert choose([], {"a@1": 1, "a@2": 1}, "shop").tolist() == []


@pytest.mark.parametrize("weight", [0, -1, 0.5, True, "1", None])
def test_weights_are_positive_whole_numbers(weight: Any) -> None:
    """Anything else is refused by name."""
    with pytest.raises((InvalidInput, TypeError), match=r"weight of a@1 must be .*'churn@7': 10"):
        check_weights({"a@1": weight})


def test_a_route_needs_a_version() -> None:
    """An empty route is refused; numbers of numpy are numbers."""
    with pytest.raises(InvalidInput, match="at least one version"):
        check_weights({})
    assert check_weights({"a@1": np.int64(3)}) == {"a@1": 3}
