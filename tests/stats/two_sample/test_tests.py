"""Tests of one column: the p-values of scipy where it has them, and their level where it does not."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from mlcycle.errors import InvalidInput
from mlcycle.stats._simulated import simulated_p
from mlcycle.stats.two_sample import _cramer_von_mises as exactly
from mlcycle.stats.two_sample._cramer_von_mises import cvm_p_value, cvm_statistic, tie_sizes
from mlcycle.stats.two_sample._tests import contingency, cramer_von_mises, kolmogorov_smirnov, proportions


def sorted_pair(n: int, m: int, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return two sorted normal samples."""
    rng = np.random.default_rng([seed, n, m])
    return np.sort(rng.normal(size=n)), np.sort(rng.normal(shift, size=m))


@pytest.mark.parametrize(("n", "m", "shift"), [(5, 7, 1.0), (10, 10, 0.7), (3, 60, 0.4), (15, 15, 0.0), (12, 18, 2.0)])
def test_few_rows_have_scipys_exact_p(n: int, m: int, shift: float) -> None:
    """Statistic and exact p-value are scipy's."""
    a, b = sorted_pair(n, m, shift)
    theirs = scipy_stats.cramervonmises_2samp(a, b, method="exact")
    ours = cramer_von_mises(a, b)
    assert ours.test == "Cramér-von Mises exact"
    assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(40, 70), (1000, 500), (20_000, 30_000)])
@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0])
def test_many_rows_have_scipys_limit(n: int, m: int, shift: float) -> None:
    """The limit with Anderson's correction is scipy's, down to where theirs runs out of digits."""
    a, b = sorted_pair(n, m, shift / math.sqrt(min(n, m) / 20))
    theirs = scipy_stats.cramervonmises_2samp(a, b, method="asymptotic")
    ours = cramer_von_mises(a, b)
    assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-5, abs=1e-12)


def test_tail_goes_on_where_digits_end() -> None:
    """Far out the p-value stays positive, falls, and has the known rate of the first eigenvalue."""
    p = [cvm_p_value(x, 5000, 5000)[0] for x in (5.0, 10.0, 20.0, 100.0)]
    assert p == sorted(p, reverse=True)
    assert p[-1] > 0
    assert math.log(p[1] / p[2]) / 10 == pytest.approx(math.pi**2 / 2, rel=0.02)


@pytest.mark.parametrize(
    ("a", "b"),
    [([1, 1, 2, 3], [2, 2, 3, 4, 4]), ([0, 0, 0, 1], [0, 1, 1, 1]), ([1, 2, 2, 2, 5], [1, 1, 2]), ([1, 2], [3, 3])],
)
def test_exact_p_with_ties_counts_every_division(a: list[int], b: list[int]) -> None:
    """With ties the exact p-value is the share of all divisions of the pooled rows that are as far apart."""
    pooled, n = np.array(a + b), len(a)
    found = cvm_statistic(np.sort(a), np.sort(b))
    far = []
    for chosen in itertools.combinations(range(len(pooled)), n):
        side = np.zeros(len(pooled), dtype=bool)
        side[list(chosen)] = True
        far.append(cvm_statistic(np.sort(pooled[side]), np.sort(pooled[~side])) >= found - 1e-12)
    assert cramer_von_mises(a, b).p == pytest.approx(np.mean(far))


def test_random_divisions_agree_with_all_of_them() -> None:
    """Where random divisions stand in, they give the exact p-value up to their own error, with ties and without."""
    rng = np.random.default_rng(3)
    for values in (rng.normal(size=60), np.round(rng.normal(size=60))):
        a, b = np.sort(values[:4]), np.sort(values[4:] + 0.6)
        ties = tie_sizes(a, b)
        sizes = np.ones(60, dtype=np.intp) if ties is None else ties
        statistic = cvm_statistic(a, b)
        exact = exactly._exact(statistic, 4, 56, sizes)
        drawn = np.mean([exactly._drawn(statistic, 4, 56, sizes, seed) for seed in range(30)])
        assert drawn == pytest.approx(exact, rel=0.25)


def rejections(kind: str, n: int, m: int, times: int, level: float) -> float:
    """Return how often samples of one distribution are told apart."""
    rng = np.random.default_rng([n, m, len(kind)])
    draw = {
        "normal": lambda k: rng.normal(size=k),
        "counts": lambda k: rng.poisson(1.5, k).astype(float),
        "zeros": lambda k: np.where(rng.random(k) < 0.6, 0.0, rng.lognormal(size=k)),
        "rounded": lambda k: np.round(rng.normal(size=k), 1),
        "rare": lambda k: (rng.random(k) < 0.1).astype(float),
    }[kind]
    hits = 0
    for seed in range(times):
        a, b = np.sort(draw(n)), np.sort(draw(m))
        hits += cvm_p_value(cvm_statistic(a, b), n, m, tie_sizes(a, b), seed=seed)[0] <= level
    return hits / times


@pytest.mark.parametrize("kind", ["normal", "counts", "zeros", "rounded", "rare"])
@pytest.mark.parametrize(("n", "m"), [(60, 60), (40, 400)])
def test_cramer_von_mises_keeps_its_level(kind: str, n: int, m: int) -> None:
    """On the same distribution, ties or not, 5 % of p-values are below 0.05 (tolerance: 3 standard errors)."""
    times = 400
    assert rejections(kind, n, m, times, 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)


@pytest.mark.deep
@pytest.mark.parametrize("kind", ["normal", "counts", "zeros", "rounded", "rare"])
@pytest.mark.parametrize(("n", "m"), [(2, 500), (5, 100), (12, 40), (50, 2000), (10, 10_000), (1000, 1000)])
@pytest.mark.parametrize("level", [0.05, 0.005])
def test_cramer_von_mises_keeps_its_level_everywhere(kind: str, n: int, m: int, level: float) -> None:
    """Very unequal sides and strict levels, too."""
    times = 1000
    assert rejections(kind, n, m, times, level) <= level + 3 * math.sqrt(level * (1 - level) / times)


def test_kolmogorov_smirnov_is_scipys() -> None:
    """Statistic and p-value are scipy's exact ones."""
    a, b = sorted_pair(80, 120, 0.3)
    theirs = scipy_stats.ks_2samp(a, b, method="exact")
    ours = kolmogorov_smirnov(a, b)
    assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-6)


def test_infinities_are_values_and_missing_ones_are_not() -> None:
    """Rank tests see infinities at their ends; missing values are left out, and the note says how many."""
    a, b = [1.0, 2.0, -math.inf, 3.0, None], [math.inf, 4.0, 5.0, math.inf, math.nan, math.nan]
    for test in (kolmogorov_smirnov, cramer_von_mises):
        found = test(a, b)
        replaced = test([1.0, 2.0, -99.0, 3.0], [99.0, 4.0, 5.0, 99.0])
        assert (found.p, found.statistic, found.n_reference, found.n_current) == (replaced.p, replaced.statistic, 4, 4)
        assert found.note == "1 missing in the reference, 2 missing in the current data"


def test_moments_and_booleans_have_an_order() -> None:
    """Datetimes and booleans are compared as numbers."""
    days = pd.date_range("2024-01-01", periods=40)
    assert kolmogorov_smirnov(days[:20].to_series(), days[20:].to_series()).p < 1e-9
    assert cramer_von_mises([True] * 20, [False] * 20).p < 1e-9


def test_contingency_is_scipys_chi_square() -> None:
    """Large counts give Pearson's test, from a table and from rows."""
    table = np.array([[500, 300, 200], [450, 350, 200]])
    theirs = scipy_stats.chi2_contingency(table, correction=False)
    columns = [np.repeat(["a", "b", "c"], side) for side in table]
    for ours in (contingency(table), contingency(*columns)):
        assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))


@pytest.mark.parametrize(("n", "m"), [(30, 3000), (3000, 30), (10, 200)])
def test_contingency_of_numbers_keeps_its_level(n: int, m: int) -> None:
    """Bins must not favour the side they are cut at, least of all a small one (tolerance: 3 standard errors)."""
    times, rng = 200, np.random.default_rng([n, m])
    p = np.array([contingency(rng.normal(size=n), rng.normal(size=m), draws=199).p for _ in range(times)])
    for level in (0.05, 0.2):
        assert np.mean(p <= level) <= level + 3 * math.sqrt(level * (1 - level) / times)


def test_contingency_of_numbers_does_not_know_the_sides() -> None:
    """Swapping the sides leaves the table's statistic as it is, bins or values."""
    rng = np.random.default_rng(0)
    for a, b in ((rng.normal(size=50), rng.normal(size=400)), (np.arange(11.0), np.repeat(np.arange(8.0), 9))):
        assert contingency(a, b).statistic == pytest.approx(contingency(b, a).statistic)
        assert contingency(a, b).test == contingency(b, a).test


@pytest.mark.parametrize("test", [kolmogorov_smirnov, cramer_von_mises])
@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_large_whole_numbers_keep_their_order(test: object, dtype: type) -> None:
    """Nanoseconds since 1970 are told apart, though as floats they would be one value."""
    base, start = np.arange(300, dtype=dtype), dtype(1_700_000_000_000_000_000)
    near, far = test(base, base + dtype(150)), test(start + base, start + base + dtype(150))  # type: ignore[operator]
    assert (far.statistic, far.p) == (near.statistic, near.p)
    # One side signed, the other not: numpy would make floats of them.
    mixed = test((start + base).astype(np.int64), (start + base + dtype(150)).astype(np.uint64))  # type: ignore[operator]
    assert mixed.p == near.p


def test_small_counts_are_tested_exactly() -> None:
    """Two levels with few rows have Fisher's p-value, more levels a permutation's."""
    assert contingency([[1, 8], [9, 2]]).p == pytest.approx(scipy_stats.fisher_exact([[1, 8], [9, 2]]).pvalue)
    assert contingency([[5, 1, 0], [0, 2, 5]]).test == "chi-square permutation"


def test_proportions_match_newcombes_example() -> None:
    """Newcombe (1998), table II, example (a): 56 of 70 and 48 of 80, method 10: 0.0524 to 0.3339."""
    found = proportions(48, 80, 56, 70)
    assert found.difference is not None
    assert (found.difference.low, found.difference.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.p == pytest.approx(scipy_stats.fisher_exact([[48, 32], [56, 14]]).pvalue)


@pytest.mark.parametrize(
    "call",
    [
        lambda: kolmogorov_smirnov([], [1.0]),
        lambda: cramer_von_mises([math.nan, math.nan], [1.0]),
        lambda: kolmogorov_smirnov(["a", "b"], ["a", "c"]),
        lambda: cramer_von_mises([1, "b"], [1, 2]),
        lambda: kolmogorov_smirnov(np.zeros((3, 2)), np.zeros((3, 2))),
        lambda: contingency([[1, 2, 3]]),
        lambda: contingency([[0.5, 0.5], [0.2, 0.8]]),
        lambda: contingency([[0, 0], [1, 2]]),
        lambda: contingency([None, None], ["a", "b"]),
        lambda: proportions(5, 4, 1, 10),
        lambda: proportions(0, 0, 1, 10),
    ],
)
def test_what_cannot_be_tested_is_refused(call: object) -> None:
    """No p-value comes from nothing, from mixed values or from what is no count."""
    with pytest.raises(InvalidInput):
        call()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: contingency([["a", "b"], ["a", "c"]]), "whole numbers, got <U1; count the levels"),
        (lambda: contingency([1.5, 2.5], [1.5, 2.5], bins="auto"), "bins is a whole number of at least 2, got 'auto'"),
        (lambda: contingency([1.5, 2.5], [1.5, 2.5], bins=math.nan), "bins is .* got nan"),
        (lambda: contingency([[1, 2], [3, 4]], bins=None), "bins is .* got None"),
        (lambda: contingency([[1, 2], [3, 4]], draws=-1), "draws is a whole number of at least 1, got -1"),
        (lambda: contingency([[1, 2], [3, 4]], draws=1.5), "draws is .* got 1.5"),
        (lambda: contingency([[1, 2], [3, 4]], seed=-1), "seed is a whole number of at least 0, got -1"),
        (lambda: contingency([[1, 2], [3, 4]], seed=None), "seed is .* got None"),
        (lambda: cramer_von_mises([1, 2], [1, 2], seed="a"), "seed is .* got 'a'"),
        (lambda: cramer_von_mises([1, 2], [1, 2], seed=1.5), "seed is .* got 1.5"),
        (lambda: proportions(5, 10, 3, math.inf), "n_current is a whole number of at least 1, got inf"),
        (lambda: proportions("5", 10, 3, 9), "hits_reference is .* got '5'"),
        (lambda: proportions(5, 10, 3, 9, confidence="0.9"), "confidence is .* got '0.9'"),
        (lambda: proportions(5, 10, 3, 9, confidence=None), "confidence is .* got None"),
    ],
)
def test_arguments_are_checked(call: object, says: str) -> None:
    """The argument is named, what was expected, and what came."""
    with pytest.raises(InvalidInput, match=says):
        call()  # type: ignore[operator]


def test_constant_columns_say_so() -> None:
    """One value everywhere is no change, and the note says there was nothing to test."""
    assert (kolmogorov_smirnov([1] * 5, [1] * 9).p, cramer_von_mises([1] * 5, [1] * 9).p) == (1.0, 1.0)
    assert contingency(["a"] * 5, ["a"] * 9).note == "constant: one level on both sides"
    assert proportions(0, 5, 0, 9).note == "the same on every row"


def test_results_print_and_become_rows() -> None:
    """A result is a sentence, a row and a table."""
    found = kolmogorov_smirnov([1, 2, 3, 4], [5, 6, 7, 8])
    assert str(found) == "Kolmogorov-Smirnov exact: 1, p 0.0286, n = 4 and 4"
    assert found.as_dict()["n_current"] == 4
    assert "<table" in found._repr_html_()


@pytest.mark.parametrize("table", [[[4, 1, 2, 1], [0, 1, 3, 1]], [[1, 4, 1, 1], [4, 4, 0, 0]], [[3, 0, 0], [1, 2, 5]]])
def test_more_draws_come_nearer_to_the_exact_p(table: list[list[int]]) -> None:
    """All draws are made, and tables as far off but for rounding count: three standard errors from the exact share."""
    above = np.array(table[0])
    totals = np.sum(table, axis=0)
    n, rows = int(above.sum()), int(totals.sum())
    ways = [
        (one, math.prod(map(math.comb, totals.tolist(), one)) / math.comb(rows, n))
        for one in itertools.product(*(range(total + 1) for total in totals.tolist()))
        if sum(one) == n
    ]
    far = [float((((np.array(one) - totals * n / rows) ** 2) / totals).sum()) for one, _ in ways]
    mine = float((((above - totals * n / rows) ** 2) / totals).sum())
    exact = sum(share for (_, share), how_far in zip(ways, far, strict=True) if how_far >= mine - 1e-9)
    for draws in (999, 9_999, 99_999):
        found = contingency(table, draws=draws)
        assert found.p == pytest.approx(exact, abs=3 * math.sqrt(exact * (1 - exact) / draws) + 1 / draws)


def test_simulated_values_that_differ_by_rounding_are_as_large() -> None:
    """A statistic of one value has the p-value 1, whichever way its terms were added."""
    found, drawn = sum([0.1] * 10), math.fsum([0.1] * 10)
    assert found != drawn
    for enough in (20, None):
        assert simulated_p(lambda size: np.full(size, drawn), found, 999, enough=enough) == 1.0
        assert simulated_p(lambda size: np.full(size, found), drawn, 999, enough=enough) == 1.0
