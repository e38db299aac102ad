"""Two sorted samples of numbers: distances and p-values are those of scipy, intervals hold what they should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from mlcycle.stats.two_sample import _ordered
from mlcycle.stats.two_sample._sketch import SortedSample, widest_shift
from tests.stats.two_sample.samples import column


@pytest.mark.parametrize(("n", "m"), [(4, 9), (30, 30), (70, 200), (3000, 2000), (6000, 50), (3000, 3000), (6, 9000)])
def test_ks_is_scipys(n: int, m: int) -> None:
    """Distance and p-value are scipy's, with ties and without, exact and asymptotic."""
    rng = np.random.default_rng(n)
    for decimals in (1, 8):
        a, b = np.sort(np.round(rng.normal(size=n), decimals)), np.sort(np.round(rng.normal(0.05, 1.1, m), decimals))
        statistic = _ordered.ks_statistic(a, b)
        theirs = scipy_stats.ks_2samp(a, b, method="exact")
        assert statistic == pytest.approx(theirs.statistic, abs=1e-12)
        p, test = _ordered.ks_p_value(statistic, n, m)
        assert p == pytest.approx(theirs.pvalue, rel=1e-6 if "exact" in test else 0.03)


def test_ks_p_values_hold_far_out() -> None:
    """Of equal sizes the smallest p-values are scipy's, and no p-value is 0."""
    for statistic, n in ((0.4, 3000), (0.2, 500), (1.0, 30)):
        exact = scipy_stats.ks_2samp(np.arange(n), np.arange(n) + round(statistic * n), method="exact").pvalue
        assert _ordered.ks_p_value(statistic, n, n)[0] == pytest.approx(exact, rel=1e-6)
    assert 0 < _ordered.ks_p_value(1.0, 5000, 4999)[0] < 1e-300


@pytest.mark.parametrize("shift", [0.0, 0.15, 1.0])
def test_quantile_shift_intervals_cover(shift: float) -> None:
    """The largest quantile shift of a moved normal is `shift`; its interval holds it in 93 % of 300 samples."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        a, b = (SortedSample.of(np.sort(rng.normal(moved, 1, n))) for moved, n in ((0.0, 300), (shift, 200)))
        found = widest_shift(a, b, 0.95)
        # The unit is the sample's own scale, so the truth is measured with it.
        held += found.low <= shift / found.scale <= found.high
    assert held / 300 >= 0.93


def test_large_samples_that_are_alike_cost_no_more() -> None:
    """Of the same values, or nearly, the distance is known to be negligible without comparing every value."""
    rng = np.random.default_rng(0)
    a = np.sort(rng.normal(size=50_000))
    b = np.sort(np.append(a[:-3], [0.1, 0.2, 0.3]))
    exact = _ordered.ks_statistic(a, b)
    assert _ordered.ks_statistic(a, a) == 0
    assert exact == pytest.approx(scipy_stats.ks_2samp(a, b).statistic)
    assert _ordered.ks_statistic(a, b, negligible=0.01) <= exact < 0.01
    assert column(a, b).shifts[0].p == pytest.approx(1)
