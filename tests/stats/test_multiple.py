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


@pytest.mark.parametrize("p", [[0.1, 1.2], [-0.1], [[0.1]]])
def test_what_is_no_p_value_is_refused(p: list[float]) -> None:
    """Values outside [0, 1] and tables are named."""
    with pytest.raises(InvalidInput):
        stats.holm(p)


def test_holm_keeps_the_family_wise_error() -> None:
    """Twenty null p-values give any rejection in at most 5 % of families (tolerance: 3 standard errors)."""
    p = np.random.default_rng(0).random((2000, 20))
    rate = np.mean([(stats.holm(row) <= 0.05).any() for row in p])
    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
