"""Where a stream changed: the place, how often the range holds the true one, and how often there is nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from mlcycle import stats
from mlcycle.errors import InvalidInput

# Disasters in British coal mines a year, 1851 to 1962, as in Carlin, Gelfand and Smith (1992), Applied Statistics 41.
COAL = [
    4, 5, 4, 1, 0, 4, 3, 4, 0, 6, 3, 3, 4, 0, 2, 6, 3, 3, 5, 4, 5, 3, 1, 4, 4, 1, 5, 5, 3, 4, 2, 5, 2, 2, 3, 4, 2, 1,
    3, 2, 2, 1, 1, 1, 1, 3, 0, 0, 1, 0, 1, 1, 0, 0, 3, 1, 0, 3, 2, 2, 0, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 2, 1, 0, 0, 0,
    1, 1, 0, 2, 3, 3, 1, 1, 2, 1, 1, 1, 1, 2, 4, 2, 0, 0, 0, 1, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1,
]  # fmt: skip


def test_the_coal_mines_changed_about_1890() -> None:
    """A published example: most likely after 1891, and 1887 to 1895 (Raftery and Akman 1986); 3.1 a year, then 0.9."""
    found = stats.change_point(COAL)
    assert found.found
    assert 1851 + found.low <= 1890 <= 1851 + found.high
    assert (found.before, found.after) == (pytest.approx(3.1, abs=0.15), pytest.approx(0.9, abs=0.1))
    assert 1887 <= 1851 + found.index <= 1895


def test_the_place_is_the_largest_difference_of_ranks() -> None:
    """The index maximises the standardised rank-sum statistic over all divisions, as scipy ranks them."""
    x = np.random.default_rng(3).standard_cauchy(60)
    x[35:] += 2
    ranks = scipy_stats.rankdata(x)
    scores = [
        abs(ranks[:k].sum() - k * 61 / 2) / math.sqrt(k * (60 - k) * 61 / 12) for k in range(1, 60)
    ]  # Wilcoxon's mean and variance
    assert stats.change_point(x).index == int(np.argmax(scores)) + 1


@pytest.mark.parametrize(
    ("n", "place", "draw"),
    [
        (40, 25, lambda rng, n, place: rng.normal(size=n) + 1.2 * (np.arange(n) >= place)),
        (80, 12, lambda rng, n, place: rng.standard_t(2, n) + 1.5 * (np.arange(n) >= place)),
        (60, 30, lambda rng, n, place: rng.poisson(np.where(np.arange(n) < place, 1.0, 2.5))),
    ],
    ids=["normal", "heavy tails", "counts"],
)
def test_the_range_holds_the_place(n: int, place: int, draw) -> None:  # type: ignore[no-untyped-def]
    """In at least 90 % of streams, early and late changes, heavy tails and ties (tolerance: 3 standard errors)."""
    held, width = 0, []
    for seed in range(30):
        x = draw(np.random.default_rng(seed), n, place)
        found = stats.change_point(x, confidence=0.9, seed=seed)
        held += found.low <= place <= found.high
        width.append(found.high - found.low)
    assert held / 30 >= 0.9 - 3 * math.sqrt(0.09 / 30)
    assert np.median(width) < n / 2  # and says something


@pytest.mark.parametrize("kind", ["normal", "coin"])
def test_nothing_is_found_where_there_is_nothing(kind: str) -> None:
    """At most 10 % of streams without a change have one found at that level (tolerance: 3 standard errors)."""
    rng = np.random.default_rng(0)
    found = 0
    for seed in range(120):
        x = rng.normal(size=25) if kind == "normal" else rng.integers(0, 2, 25)
        found += stats.change_point(x, confidence=0.9, seed=seed).found
    assert found / 120 <= 0.1 + 3 * math.sqrt(0.09 / 120)


@pytest.mark.deep
def test_the_range_holds_the_place_in_long_streams() -> None:
    """Above 1 500 values, in blocks: 40 streams of 4 000, the range at 90 %."""
    held = 0
    for seed in range(40):
        x = np.random.default_rng(seed).normal(size=4000) + 0.2 * (np.arange(4000) >= 2501)
        found = stats.change_point(x, confidence=0.9, seed=seed)
        held += found.low <= 2501 <= found.high
    assert held / 40 >= 0.9 - 3 * math.sqrt(0.09 / 40)


def test_the_same_seed_gives_the_same_range() -> None:
    """Also for lists and Series of whole numbers."""
    x = [1, 3, 2, 2, 1, 3, 2, 7, 8, 6, 9, 7, 8, 8]
    assert stats.change_point(x, seed=5) == stats.change_point(np.array(x, dtype=float), seed=5)
    found = stats.change_point(x)
    assert (found.index, found.as_dict()["n"]) == (7, 14)


@pytest.mark.parametrize(
    ("x", "reason"),
    [([1.0] * 20, "all values are the same"), ([1, 2, 3], "3 values are too few; it takes 8 or more")],
)
def test_nothing_to_go_by_is_said(x: list[float], reason: str) -> None:
    """No index and no range, and the reason."""
    found = stats.change_point(x)
    assert (found.index, found.low, found.found, found.reason) == (None, None, False, reason)


def test_what_cannot_be_used_is_named() -> None:
    """Missing values and a confidence in per cent."""
    with pytest.raises(InvalidInput, match="x has 1 missing"):
        stats.change_point([1.0, math.nan])
    with pytest.raises(InvalidInput, match="share between 0 and 1"):
        stats.change_point([1.0, 2.0], confidence=95)
