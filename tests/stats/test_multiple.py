"""Adjusted p-values against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from mlcycle import stats
from mlcycle.errors import InvalidInput


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(stats.holm, "holm"), (stats.benjamini_hochberg, "fdr_bh"), (stats.benjamini_yekutieli, "fdr_by")],
)
@pytest.mark.parametrize("m", [1, 2, 17, 200])
def test_adjusted_p_values_are_those_of_statsmodels(ours, theirs, m) -> None:  # type: ignore[no-untyped-def]
    """Every correction gives the reference's values, ties included."""
    p = np.round(np.random.default_rng(m).random(m) ** 3, 3)
    assert ours(p) == pytest.approx(multipletests(p, method=theirs)[1])


def test_tests_not_made_are_not_counted() -> None:
    """A nan stays nan and costs the others nothing."""
    assert stats.holm([0.01, np.nan, 0.02]) == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)
    assert stats.holm([]).tolist() == []


def test_e_values_reject_as_the_paper_says() -> None:
    """e-BH rejects the k largest where the k-th is at least m / (k alpha)."""
    adjusted = stats.e_benjamini_hochberg([50.0, 0.1, 41.0, 19.0, 0.0])
    assert (adjusted <= 0.1).tolist() == [True, False, True, True, False]  # 19 >= 5 / (3 * 0.1)


@pytest.mark.parametrize("p", [[0.1, 1.2], [-0.1], [[0.1]], ["a"], "x", 0.1, None, {"a": 0.1}, [[0.1], [0.1, 0.2]]])
@pytest.mark.parametrize("adjust", [stats.holm, stats.benjamini_hochberg, stats.benjamini_yekutieli])
def test_what_is_no_p_value_is_refused(adjust, p) -> None:  # type: ignore[no-untyped-def]
    """Values outside [0, 1], tables and what is no list of numbers are named."""
    with pytest.raises(InvalidInput, match="got"):
        adjust(p)


@pytest.mark.parametrize("e", [[-0.1], [[0.1]], ["a"], "x", None])
def test_what_is_no_e_value_is_refused(e) -> None:  # type: ignore[no-untyped-def]
    """Negative values, tables and what is no list of numbers are named."""
    with pytest.raises(InvalidInput, match="got"):
        stats.e_benjamini_hochberg(e)


def test_e_values_next_to_nothing_are_no_evidence() -> None:
    """One over the smallest of numbers overflows, which is no news to anybody."""
    assert stats.e_benjamini_hochberg([1e-320, 100.0]).round(3).tolist() == [1.0, 0.02]


def test_holm_keeps_the_family_wise_error() -> None:
    """Twenty null p-values give any rejection in at most 5 % of families (tolerance: 3 standard errors)."""
    p = np.random.default_rng(0).random((2000, 20))
    rate = np.mean([(stats.holm(row) <= 0.05).any() for row in p])
    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
