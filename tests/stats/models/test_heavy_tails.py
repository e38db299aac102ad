"""Losses of which a few rare rows carry most: intervals hold, or say on what they rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from mlcycle import stats

LAWS: dict[str, tuple[Callable[[np.random.Generator, int], Any], float, float]] = {
    "normal": (lambda rng, n: rng.normal(size=n), 1.0, math.sqrt(2 / math.pi)),
    "lognormal": (lambda rng, n: rng.lognormal(size=n), math.e, math.exp(0.5)),
    "t3": (lambda rng, n: rng.standard_t(3, size=n), math.sqrt(3), 2 * math.sqrt(3) / math.pi),
}


def covered(law: str, metric: str, n: int, samples: int) -> tuple[float, float]:
    """Return the share of intervals that hold the true value, and of those that hold it or give a reason."""
    draw, rmse, mae = LAWS[law]
    true, rng = {"rmse": rmse, "mae": mae, "mse": rmse**2}[metric], np.random.default_rng(n)
    held, either = 0, 0
    for seed in range(samples):
        found = stats.metric_interval(np.zeros(n), draw(rng, n), metric, resamples=200, seed=seed)
        holds = found.low <= true <= found.high
        held, either = held + holds, either + (holds or bool(found.reason))
    return held / samples, either / samples


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [50, 200])
def test_the_root_mean_square_is_held_under_heavy_tails(law: str, n: int) -> None:
    """Of 200 intervals at 95 %, 90 % hold the true value (a plain bootstrap: 65 to 78 % of lognormal errors and t3)."""
    assert covered(law, "rmse", n, 200)[0] >= 0.9


@pytest.mark.deep
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("metric", ["mae", "mse", "rmse"])
@pytest.mark.parametrize("n", [30, 50, 200, 1000])
def test_losses_are_held_on_a_grid(law: str, metric: str, n: int) -> None:
    """Of 1 000 intervals 92 % hold the true value or say that a row carries it; 90 % and more hold it."""
    held, either = covered(law, metric, n, 1000)
    assert held >= 0.9
    assert either >= 0.92


def test_a_row_that_carries_the_loss_is_named() -> None:
    """One error of 40 among 99 of about one; the same without it gives no reason."""
    errors = np.append(np.random.default_rng(0).normal(size=99), 40.0)
    for metric in ("mse", "rmse", "r2"):
        found = stats.metric_interval(np.arange(100.0), np.arange(100.0) + errors, metric)
        assert found.reason.startswith("one row of 100 carries 9"), metric
    assert stats.metric_interval(np.zeros(99), errors[:99], "rmse").reason == ""
    gain = stats.compare(np.zeros(100), errors, errors[::-1] * 0.5, "rmse").gain
    assert "carries 9" in gain.reason


def test_a_group_that_carries_the_loss_is_named() -> None:
    """Ten rows of one customer, none of which stands out by itself, are one unit that does."""
    errors = np.where(np.arange(400) < 10, 9.0, 0.5)
    found = stats.metric_interval(np.zeros(400), errors, "mse", groups=np.arange(400) // 10)
    assert found.reason.startswith("one group of 40 carries 8")


def test_losses_too_large_for_a_number_say_so() -> None:
    """Squares beyond 1e308 have no mean, and the reason speaks of size, not of classes."""
    found = stats.metric_interval(np.arange(50) * 1e300, np.zeros(50), "rmse")
    assert (found.conclusive, found.reason) == (
        False,
        "the measure is infinite: its numbers are too large for this machine; a larger unit would help",
    )


def test_losses_nearly_too_large_have_limits() -> None:
    """Absolute errors of 1e300 can be summed, and their spread is found without squaring them."""
    found = stats.metric_interval(np.arange(50) * 1e300, np.zeros(50), "mae")
    small = stats.metric_interval(np.arange(50.0), np.zeros(50), "mae")
    assert [found.low / 1e300, found.standard_error / 1e300] == pytest.approx([small.low, small.standard_error])


@pytest.mark.parametrize(("positive", "n"), [(8, 200), (20, 1000)])
def test_an_area_near_one_with_few_positives_holds_and_says_on_what_it_rests(positive: int, n: int) -> None:
    """For an area of 0.96, 100 intervals miss on neither side in more than 5 %, and each gives its reason."""
    true, rng, y = norm.cdf(2.5 / math.sqrt(2)), np.random.default_rng(0), np.arange(n) < positive
    found = [stats.metric_interval(y, 2.5 * y + rng.normal(size=n), "roc_auc", resamples=200) for _ in range(100)]
    assert np.mean([one.low > true for one in found]) <= 0.05
    assert np.mean([one.high < true for one in found]) <= 0.05
    assert all(f"rest on {positive} rows of the rarer class" in one.reason for one in found)
