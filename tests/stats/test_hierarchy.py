"""Trees of hypotheses: against the procedure written out, and the false discovery rate of each level."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from mlcycle import stats
from mlcycle.errors import InvalidInput

# 12 datasets with 4 columns of 5 slices: changes in 3 datasets, in 2 columns of each, in 3 slices of each of those.
SHAPE = (12, 4, 5)
CHANGED = np.zeros(SHAPE, dtype=bool)
CHANGED[:3, :2, :3] = True


def _tree(p: np.ndarray) -> dict:  # type: ignore[type-arg]
    return {i: {j: dict(enumerate(column)) for j, column in enumerate(dataset)} for i, dataset in enumerate(p)}


def test_the_procedure_is_that_of_the_paper() -> None:
    """TreeBH by hand: Simes upwards, then families at alpha times the shares rejected on the way down."""
    tree = {
        "a": {"x": {"s": 0.001, "t": 0.6}, "y": {"s": 0.02, "t": 0.9}},  # x 0.002, y 0.04, a 0.004
        "b": {"x": {"s": 0.5, "t": 0.7}, "y": {"s": 0.3, "t": 0.3}},  # x 0.7, y 0.3, b 0.6
    }
    found = stats.hierarchy(tree, alpha=0.05)
    nodes = {node.path: node for node in found.nodes}
    assert [nodes[path].p for path in [("a",), ("a", "x"), ("a", "y"), ("b",)]] == pytest.approx(
        [0.004, 0.002, 0.04, 0.6]
    )
    assert nodes[("a", "x")].level == pytest.approx(0.05 * 1 / 2)
    assert nodes[("a", "x", "s")].level == pytest.approx(0.05 * 1 / 2 * 1 / 2)
    assert found.rejected == (("a",), ("a", "x"), ("a", "x", "s"))
    assert nodes[("b", "x")].level == 0


def test_one_level_is_benjamini_hochberg() -> None:
    """Without parts it is the plain procedure; tests not made are not counted."""
    p = np.append(np.random.default_rng(0).random(20) ** 3, np.nan)
    found = stats.hierarchy(dict(enumerate(p)), alpha=0.1)
    assert [node.rejected for node in found.nodes] == (stats.benjamini_hochberg(p) <= 0.1).tolist()


@pytest.mark.parametrize("dependent", [False, True], ids=["independent", "dependent"])
def test_false_discoveries_are_kept_at_each_level(dependent: bool) -> None:
    """Of the claims at each level at most 10 % are false in the mean of 200 trees (tolerance: 3 standard errors).

    Dependent: slices share a normal value with correlation one half within their dataset.
    """
    rng = np.random.default_rng(0)
    false: list[list[float]] = [[], [], []]
    seen = 0.0
    for _ in range(200):
        z = rng.normal(size=SHAPE)
        if dependent:
            z = math.sqrt(0.5) * (z + rng.normal(size=(SHAPE[0], 1, 1)))
        rejected = stats.hierarchy(_tree(special.ndtr(-(z + 3.5 * CHANGED))), alpha=0.1).rejected
        for depth in (1, 2, 3):
            claims = [path for path in rejected if len(path) == depth]
            wrong = sum(not CHANGED[path].any() for path in claims)
            false[depth - 1].append(wrong / max(len(claims), 1))
        seen += sum(len(path) == 3 for path in rejected) / CHANGED.sum()
    for shares in false:
        assert np.mean(shares) <= 0.1 + 3 * np.std(shares) / math.sqrt(200)
    assert seen / 200 > 0.4  # of the slices that changed


def test_testing_families_at_the_full_level_would_not_do() -> None:
    """With nothing changed in most datasets, opening the best ones and testing inside at alpha breaks the level."""
    rng = np.random.default_rng(0)
    ours, naive = [], []
    for _ in range(200):
        tree = _tree(rng.random(SHAPE))
        paths = stats.hierarchy(tree, alpha=0.1).rejected
        ours.append(len(paths) > 0)
        best = min(tree, key=lambda i: min(min(column.values()) for column in tree[i].values()))
        naive.append(any(len(path) == 1 for path in stats.hierarchy(tree[best], alpha=0.1).rejected))
    assert np.mean(ours) <= 0.1 + 3 * math.sqrt(0.09 / 200)
    assert np.mean(naive) > 0.4


def test_a_tree_becomes_a_frame_a_dict_and_a_page() -> None:
    """One row per node, above its parts; what was not opened is not printed."""
    found = stats.hierarchy({"a": {"x": 1e-6, "y": 0.5}, "b": {"x": 0.9, "y": 0.8}})
    assert found.frame()["path"].tolist() == ["a", "a / x", "a / y", "b", "b / x", "b / y"]
    assert found.as_dict()["nodes"][1]["rejected"] is True
    assert str(found).splitlines()[0] == "2 of 6 claims made (alpha 0.05)"
    assert len(str(found).splitlines()) == 5
    assert found._repr_html_().count("changed") == 2
    assert repr(found) == "Hierarchy(2 of 6 claims made (alpha 0.05))"
    assert "float64" not in repr(found.nodes)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": {"x": 1.2}}, "a / x is a p-value between 0 and 1"),
        ({"a": {}}, "a has no parts"),
        ({"a": {"x": "small"}}, "a / x is a p-value or a mapping"),
        ([0.1], "p is a mapping of names .* got list"),
        (None, "p is a mapping of names .* got NoneType"),
    ],
)
def test_what_is_no_tree_of_p_values_is_named(tree: dict, message: str) -> None:  # type: ignore[type-arg]
    """The path says where."""
    with pytest.raises(InvalidInput, match=message):
        stats.hierarchy(tree)


@pytest.mark.parametrize("alpha", [0, 1, "0.05", None, math.nan, True])
def test_a_level_is_checked(alpha: object) -> None:
    """It is a number between 0 and 1."""
    with pytest.raises(InvalidInput, match=r"alpha is .* between 0 and 1 .* got"):
        stats.hierarchy({"a": 0.1}, alpha=alpha)  # type: ignore[arg-type]


def test_a_tree_of_nothing_claims_nothing() -> None:
    """No tests, or tests that were not made."""
    assert stats.hierarchy({}).rejected == ()
    assert stats.hierarchy({"a": {"x": math.nan}}).rejected == ()
