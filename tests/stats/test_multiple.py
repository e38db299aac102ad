"""Adjusted p-values against scipy and statsmodels, and what is no p-value."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats._multiple import adjust


@pytest.mark.parametrize("m", [1, 2, 17, 200])
def test_adjusted_p_values_are_those_of_the_references(m: int) -> None:
    """The false discovery rate as scipy controls it, Holm as statsmodels does, ties included."""
    p = np.round(np.random.default_rng(m).random(m) ** 3, 3)
    assert adjust(p, "bh") == pytest.approx(false_discovery_control(p, method="bh"))
    assert adjust(p, "by") == pytest.approx(false_discovery_control(p, method="by"))
    assert stats.holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_tests_not_made_are_not_counted() -> None:
    """A nan stays nan and costs the others nothing."""
    assert stats.holm([0.01, np.nan, 0.02]) == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)
    assert stats.holm([]).tolist() == []


@pytest.mark.parametrize("p", [[0.1, 1.2], [-0.1], [[0.1]], ["a"], "x", 0.1, None, {"a": 0.1}, [[0.1], [0.1, 0.2]]])
@pytest.mark.parametrize("control", ["holm", "bh", "by"])
def test_what_is_no_p_value_is_refused(control: str, p: object) -> None:
    """Values outside [0, 1], tables and what is no list of numbers are named."""
    with pytest.raises(InvalidInput, match="got"):
        adjust(p, control)  # type: ignore[arg-type]


def test_holm_keeps_the_family_wise_error() -> None:
    """Twenty null p-values give any rejection in at most 5 % of families (tolerance: 3 standard errors)."""
    p = np.random.default_rng(0).random((2000, 20))
    rate = np.mean([(stats.holm(row) <= 0.05).any() for row in p])
    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
