"""Counts of levels on two sides: tests are those of scipy, distances are debiased, rare levels pooled blindly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from mlcycle.stats.two_sample import _levels


def test_contingency_tests_are_scipys() -> None:
    """Chi-square without correction, Fisher's exact test, and a permutation p near the exact one."""
    rng = np.random.default_rng(0)
    wide = np.array([[50, 30, 20], [30, 30, 40]])
    assert _levels.level_test(wide, 999, rng)[0] == pytest.approx(scipy_stats.chi2_contingency(wide).pvalue)
    small = np.array([[1, 8], [9, 2]])
    assert _levels.level_test(small, 999, rng)[0] == pytest.approx(scipy_stats.fisher_exact(small)[1])
    sparse = np.array([[6, 1, 0, 3], [1, 5, 3, 1]])
    p, test = _levels.level_test(sparse, 20_000, rng)
    theirs = scipy_stats.chi2_contingency(
        sparse, correction=False, method=scipy_stats.PermutationMethod(n_resamples=20_000, rng=np.random.default_rng(1))
    )
    assert (p, test) == (pytest.approx(theirs.pvalue, rel=0.3), "chi-square permutation")


@pytest.mark.deep
@pytest.mark.parametrize(("totals", "n"), [([130, 5070], 5000), ([130, 2535, 2535], 5000), ([130, 2535, 2535], 200)])
def test_contingency_tests_hold_at_levels_that_many_columns_ask_for(totals: list[int], n: int) -> None:
    """Random tables with an expected count of 5 fall below 0.0002 no oftener than that (tolerance: 3 standard errors).

    Only tables that chi-square finds striking are tested; the others cannot come near.
    """
    rng = np.random.default_rng(0)
    sizes, level, times = np.array(totals), 2e-4, 200_000
    tables = rng.multivariate_hypergeometric(sizes, n, size=times)
    share = tables * (1 / sizes) - n / sizes.sum()
    chi_square = (share**2 * sizes).sum(axis=1) * sizes.sum() ** 2 / (n * (sizes.sum() - n))
    striking = tables[chi_square > scipy_stats.chi2.isf(0.001, len(totals) - 1)]
    low = [_levels.level_test(np.stack([row, sizes - row]), 99_999, rng)[0] <= level for row in striking[:250]]
    found = np.mean(low) * len(striking) / times
    assert found <= level + 3 * math.sqrt(level * len(striking) / times / max(len(low), 1) + level / times)


def test_pooling_does_not_know_the_sides() -> None:
    """Swapping the two sides or the order of the levels pools the same rows."""
    rng = np.random.default_rng(0)
    a, b = rng.poisson(1, 300), rng.poisson(1, 300)
    table = _levels.pooled_levels(a, b)
    order = rng.permutation(300)
    assert np.sort(table, axis=1).tolist() == np.sort(_levels.pooled_levels(b[order], a[order])[::-1], axis=1).tolist()


@pytest.mark.parametrize("size", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("levels", [3, 30])
def test_total_variation_is_debiased_and_covers(size: float, levels: int) -> None:
    """The estimate halves the bias of the plain one, or is within 0.03, and the interval holds the truth in 94 %."""
    rng = np.random.default_rng(levels)
    before = np.full(levels, 1 / levels)
    step = np.where(np.arange(levels) < levels // 2, 1.0, 0.0)
    after = before + size * (step / step.sum() - (1 - step) / (1 - step).sum())
    after = np.maximum(after, 0) / np.maximum(after, 0).sum()
    truth = np.abs(after - before).sum() / 2
    plain, effects, held = [], [], 0
    for _ in range(300):
        table = np.stack([rng.multinomial(400, before), rng.multinomial(300, after)])
        found = _levels.total_variation(table)
        plain.append(np.abs(table[0] / 400 - table[1] / 300).sum() / 2)
        effects.append(found.effect)
        held += found.low <= truth <= found.high
    assert held / 300 >= 0.94
    assert abs(np.mean(effects) - truth) < max(abs(np.mean(plain) - truth) / 2, 0.03)
