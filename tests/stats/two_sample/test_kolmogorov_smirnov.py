"""Kolmogorov-Smirnov of one column: scipy's p-values where nothing repeats, and what a caller may give."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from mlcycle.errors import InvalidInput
from mlcycle.stats import kolmogorov_smirnov
from mlcycle.stats._simulated import simulated_p


def test_kolmogorov_smirnov_is_scipys() -> None:
    """Statistic and p-value are scipy's exact ones."""
    rng = np.random.default_rng([0, 80, 120])
    a, b = rng.normal(size=80), rng.normal(0.3, size=120)
    theirs = scipy_stats.ks_2samp(a, b, method="exact")
    ours = kolmogorov_smirnov(a, b)
    assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-6)


def test_infinities_are_values_and_missing_ones_are_not() -> None:
    """Infinities lie at their ends; missing values are left out, and the note says how many."""
    found = kolmogorov_smirnov([1.0, 2.0, -math.inf, 3.0, None], [math.inf, 4.0, 5.0, math.inf, math.nan, math.nan])
    replaced = kolmogorov_smirnov([1.0, 2.0, -99.0, 3.0], [99.0, 4.0, 5.0, 99.0])
    assert (found.p, found.statistic, found.n_reference, found.n_current) == (replaced.p, replaced.statistic, 4, 4)
    assert found.note == "1 missing in the reference, 2 missing in the current data"


def test_moments_and_booleans_have_an_order() -> None:
    """Datetimes and booleans are compared as numbers."""
    days = pd.date_range("2024-01-01", periods=40)
    assert kolmogorov_smirnov(days[:20].to_series(), days[20:].to_series()).p < 1e-9
    assert kolmogorov_smirnov([True] * 20, [False] * 20).p < 1e-9


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_large_whole_numbers_keep_their_order(dtype: Any) -> None:
    """Nanoseconds since 1970 are told apart, though as floats they would be one value."""
    base, start = np.arange(300, dtype=dtype), dtype(1_700_000_000_000_000_000)
    near, far = (kolmogorov_smirnov(at + base, at + base + dtype(150)) for at in (dtype(0), start))
    assert (far.statistic, far.p) == (near.statistic, near.p)
    # One side signed, the other not: numpy would make floats of them.
    mixed = kolmogorov_smirnov((start + base).astype(np.int64), (start + base + dtype(150)).astype(np.uint64))
    assert mixed.p == near.p


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: kolmogorov_smirnov([], [1.0]), "reference has no values"),
        (lambda: kolmogorov_smirnov([1.0], [math.nan, math.nan]), "current has no values"),
        (lambda: kolmogorov_smirnov(["a", "b"], ["a", "c"]), "compare those with `drift`"),
        (lambda: kolmogorov_smirnov([1, "b"], [1, 2]), "numbers or moments"),
        (lambda: kolmogorov_smirnov(np.zeros((3, 2)), np.zeros((3, 2))), "one column, got 2"),
    ],
)
def test_what_cannot_be_tested_is_refused(call: Callable[[], object], says: str) -> None:
    """No p-value comes from nothing, from mixed values, from levels or from several columns."""
    with pytest.raises(InvalidInput, match=says):
        call()


def test_one_value_everywhere_is_no_change() -> None:
    """Two constant columns lie 0 apart."""
    found = kolmogorov_smirnov([1] * 5, [1] * 9)
    assert (found.statistic, found.p) == (0.0, 1.0)


def test_results_print_and_become_rows() -> None:
    """A result is a sentence, a row and a table."""
    found = kolmogorov_smirnov([1, 2, 3, 4], [5, 6, 7, 8])
    assert str(found) == "Kolmogorov-Smirnov exact: 1, p 0.0286, n = 4 and 4"
    assert found.as_dict()["n_current"] == 4
    assert "<table" in found._repr_html_()


def test_simulated_values_that_differ_by_rounding_are_as_large() -> None:
    """A statistic of one value has the p-value 1, whichever way its terms were added."""
    found, drawn = sum([0.1] * 10), math.fsum([0.1] * 10)
    assert found != drawn
    for enough in (20, None):
        assert simulated_p(lambda size: np.full(size, drawn), found, 999, enough=enough) == 1.0
        assert simulated_p(lambda size: np.full(size, found), drawn, 999, enough=enough) == 1.0
