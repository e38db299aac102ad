"""Kolmogorov-Smirnov with ties: against every arrangement, against the untied count, and at its level."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle.stats import kolmogorov_smirnov
from mlcycle.stats.two_sample import _ordered
from mlcycle.stats.two_sample._ties import inside_between_ties, tie_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@pytest.mark.parametrize(("n", "m"), [(4, 5), (3, 7), (6, 6), (2, 9)])
def test_the_chance_is_that_over_all_arrangements(n: int, m: int) -> None:
    """For every distance that can occur, the p-value is the share of arrangements that reach it."""
    values = np.sort(np.random.default_rng(n).integers(0, 4, n + m)).astype(float)
    found = []
    for chosen in itertools.combinations(range(n + m), n):
        mine = np.isin(np.arange(n + m), chosen)
        found.append(_ordered.ks_statistic(values[mine], values[~mine]))
    distances = np.array(found)
    blocks = np.unique(values, return_counts=True)[1]
    for distance in np.unique(np.round(distances, 9)):
        if distance > 0:
            expected = (distances >= distance - 1e-9).mean()
            assert 1 - inside_between_ties(distance, n, m, blocks) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_what_is_called_exact_is_the_share_of_arrangements(a: list[int], b: list[int]) -> None:
    """Small samples with ties have, up to the largest p-values, the share of all divisions that lie as far apart."""
    found, pooled = kolmogorov_smirnov(a, b), np.sort(a + b)
    far = []
    for chosen in itertools.combinations(range(len(pooled)), len(a)):
        mine = np.isin(np.arange(len(pooled)), chosen)
        far.append(_ordered.ks_statistic(pooled[mine], pooled[~mine]) >= found.statistic - 1e-9)
    assert found.p == pytest.approx(np.mean(far), abs=1e-9)
    assert found.test == ("Kolmogorov-Smirnov exact" if found.statistic else "Kolmogorov-Smirnov")


@pytest.mark.parametrize("seed", range(4))
def test_likely_distances_have_their_p_value_given_the_ties_too(seed: int) -> None:
    """Where a distance is nothing unusual, the p-value is still that of dealing the rows anew (4 standard errors)."""
    rng = np.random.default_rng([12, seed])
    pooled = np.sort(rng.poisson(2, 55))
    dealt = [rng.permutation(55) < 30 for _ in range(2000)]
    distances = np.array([_ordered.ks_statistic(pooled[mine], pooled[~mine]) for mine in dealt])
    usual = float(np.quantile(distances, 0.1 + 0.1 * seed))
    share = float(np.mean(distances >= usual - 1e-12))
    p, test = _ordered.ks_p_value(usual, 30, 25, np.unique(pooled, return_counts=True)[1])
    assert share > 0.5
    assert (test, p) == ("Kolmogorov-Smirnov exact", pytest.approx(share, abs=4 * math.sqrt(0.25 / 2000)))


def test_ties_left_out_of_account_are_not_called_exact() -> None:
    """Thousands of rows of nearly unique values with some ties: a p-value, and no claim that it is exact."""
    rng = np.random.default_rng(0)
    a, b = np.round(rng.normal(size=600), 4), np.round(rng.normal(size=600), 4)
    assert (len(np.unique(a)) < 600, kolmogorov_smirnov(a, b).test) == (True, "Kolmogorov-Smirnov")


@pytest.mark.parametrize(("n", "m"), [(30, 30), (20, 45), (200, 60)])
def test_without_ties_it_is_the_count_of_lattice_paths(n: int, m: int) -> None:
    """Blocks of one row give the exact p-value of different values."""
    rng = np.random.default_rng(n)
    statistic = _ordered.ks_statistic(np.sort(rng.normal(size=n)), np.sort(rng.normal(0.3, 1, m)))
    plain = _ordered.ks_p_value(statistic, n, m)[0]
    assert 1 - inside_between_ties(statistic, n, m, np.ones(n + m, np.intp)) == pytest.approx(plain, rel=1e-6)


def test_wide_windows_give_the_same_by_fourier_transform(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast convolution of large samples agrees with the direct one."""
    rng = np.random.default_rng(0)
    a, b = np.sort(rng.poisson(20, 100_000)), np.sort(rng.poisson(20.03, 90_000))
    blocks = tie_blocks(a, b)
    assert blocks is not None
    statistic = _ordered.ks_statistic(a, b)
    fast = inside_between_ties(statistic, len(a), len(b), blocks)
    monkeypatch.setattr("mlcycle.stats.two_sample._ties._FOURIER", 10**9)
    assert fast == pytest.approx(inside_between_ties(statistic, len(a), len(b), blocks), abs=1e-10)


@pytest.mark.parametrize(("n", "m"), [(100, 100), pytest.param(20_000, 5_000, marks=pytest.mark.deep)])
@pytest.mark.parametrize("draw", [lambda rng, n: rng.poisson(5, n), lambda rng, n: rng.integers(18, 78, n)])
def test_the_level_is_met_not_undershot(
    draw: Callable[[np.random.Generator, int], NDArray[np.int64]], n: int, m: int
) -> None:
    """Counts and ages fall below 0.05 in 5 % of cases, not in 1 to 2 % (within 3 standard errors above, half below)."""
    rng = np.random.default_rng(n)
    times = 500
    p = []
    for _ in range(times):
        a, b = np.sort(draw(rng, n)), np.sort(draw(rng, m))
        p.append(_ordered.ks_p_value(_ordered.ks_statistic(a, b), n, m, tie_blocks(a, b))[0])
    rate = np.mean(np.array(p) <= 0.05)
    assert 0.025 <= rate <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)


def test_values_that_hardly_repeat_need_no_blocks() -> None:
    """Numbers that are nearly all different, or are many and of many sorts, keep the untied p-value."""
    rng = np.random.default_rng(0)
    assert tie_blocks(np.arange(10.0), np.arange(20, 30.0)) is None
    assert len(tie_blocks(np.sort(rng.normal(size=5000)), np.sort(rng.normal(size=5000)))) == 0
    many = np.sort(np.round(rng.normal(size=50_000), 2))
    assert len(tie_blocks(many, many)) == 0
    few = tie_blocks(many[:300], many[:100])
    assert few is not None
    assert few.sum() == 400
