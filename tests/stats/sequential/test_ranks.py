"""Conformal p-values: the definition, their distribution, and what one finite reference does to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats.sequential._ranks import Ties, limits_given_reference


def test_growing_p_values_are_those_of_the_definition() -> None:
    """Every score is compared with the reference and all before it, ties broken by the same random numbers."""
    rng = np.random.default_rng(0)
    reference, x = rng.integers(0, 50, 30), rng.integers(0, 50, 2500)
    theta, seen, expected = Ties(3).upto(len(x)), list(reference), []
    for score, tie in zip(x, theta, strict=True):
        before = np.array(seen)
        expected.append((np.sum(before > score) + tie * (1 + np.sum(before == score))) / (1 + len(before)))
        seen.append(score)
    assert stats.conformal_p_values(reference, x, seed=3) == pytest.approx(np.array(expected), abs=1e-12)


def test_without_a_tie_the_ranks_are_those_of_crepes() -> None:
    """The semi-online p-values of crepes count the same larger scores; only the random part differs."""
    martingales = pytest.importorskip("crepes.martingales")
    x = np.random.default_rng(0).normal(size=800)
    theirs = martingales.semi_online_p_values(x, seed=0)
    ours = stats.conformal_p_values([], x)
    looks = np.arange(1, 801)
    assert (np.ceil(ours * looks) == np.ceil(theirs * looks)).all()


@pytest.mark.parametrize("kind", ["normal", "coin", "constant", "cauchy"])
def test_growing_p_values_are_uniform_and_independent(kind: str) -> None:
    """Also for two values, for one, and for tails without a mean: Kolmogorov-Smirnov and neighbours' correlation."""
    rng = np.random.default_rng(1)
    draw = {
        "normal": lambda n: rng.normal(size=n),
        "coin": lambda n: rng.integers(0, 2, n),
        "constant": lambda n: np.zeros(n),
        "cauchy": lambda n: rng.standard_cauchy(n),
    }[kind]
    p = stats.conformal_p_values(draw(50), draw(5000), seed=2)
    assert scipy_stats.kstest(p, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(p[1:], p[:-1])[0, 1]) < 3.5 / math.sqrt(5000)


def test_p_values_that_are_not_smoothed_are_valid() -> None:
    """Against a fixed reference, ties counted as larger: at or below u in at most a share u (3 standard errors)."""
    rng = np.random.default_rng(0)
    p = np.array(
        [
            stats.conformal_p_values(rng.integers(0, 9, 19), rng.integers(0, 9, 1), growing=False, smoothed=False)[0]
            for _ in range(4000)
        ]
    )
    for u in (0.05, 0.1, 0.5):
        assert np.mean(p <= u) <= u + 3 * math.sqrt(u * (1 - u) / 4000)


@pytest.mark.parametrize("n", [1, 2, 9, 60])
def test_simes_limits_are_those_of_the_paper(n: int) -> None:
    """Equation (9) of Bates et al. (2023) with k = n / 2, written out with products."""
    k = max(n // 2, 1)
    expected = [0.0] * n
    for i in range(1, n + 1):
        rising = math.prod(range(i - k + 1, i + 1)) if i >= k else 0
        expected[n - i] = 1 - 0.05 ** (1 / k) * (rising / math.prod(range(n - k + 1, n + 1))) ** (1 / k)
    assert limits_given_reference(n, 0.05) == pytest.approx(np.array([*expected, 1.0]))


@pytest.mark.parametrize("method", ["simes", "dkw"])
@pytest.mark.parametrize("n", [5, 100, 1000])
def test_given_the_reference_p_values_are_valid_for_the_share_promised(n: int, method: str) -> None:
    """Over 3 000 references of uniform scores: all levels hold for 90 % of them (tolerance: 3 standard errors)."""
    references = np.sort(np.random.default_rng(n).random((3000, n)), axis=1)[:, ::-1]
    limits = stats.conditional_p_values(np.arange(1, n + 1) / (n + 1), n, confidence=0.9, method=method)
    # A new score above the j-th largest of the reference gets p = j / (n + 1); that has this probability given it.
    held = np.all(1 - references <= limits, axis=1)
    assert held.mean() >= 0.9 - 3 * math.sqrt(0.09 / 3000)
    if method == "simes":
        assert held.mean() <= 0.97  # and nothing is given away


def test_unadjusted_p_values_are_not_valid_given_the_reference() -> None:
    """For half of all references more than a tenth of later p-values lie below 0.1: why the adjustment is there."""
    references = np.sort(np.random.default_rng(0).random((1000, 99)), axis=1)[:, ::-1]
    chance_of_a_tenth = 1 - references[:, 9]
    assert 0.4 < np.mean(chance_of_a_tenth > 0.1) < 0.6
    adjusted = stats.conditional_p_values(np.arange(1, 100) / 100, 99)
    last = int(np.sum(adjusted <= 0.1))
    assert np.mean(1 - references[:, last - 1] > 0.1) <= 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.conformal_p_values([1.0, math.nan], [1.0]), "reference has 1 missing"),
        (lambda: stats.conformal_p_values([1.0], ["a"]), "x holds numbers"),
        (lambda: stats.conformal_p_values([1.0], [[1.0]]), "one row of numbers"),
        (lambda: stats.conditional_p_values([0.0], 10), "lie between"),
        (lambda: stats.conditional_p_values([0.5], 0), "1 or more"),
        (lambda: stats.conditional_p_values([0.5], 10, confidence=95), "share between 0 and 1"),
        (lambda: stats.conditional_p_values([0.5], 10, method="mc"), "'simes' or 'dkw'"),
    ],
)
def test_what_cannot_be_used_is_named(call, message) -> None:  # type: ignore[no-untyped-def]
    """Each bad argument is named with what would do."""
    with pytest.raises(InvalidInput, match=message):
        call()
