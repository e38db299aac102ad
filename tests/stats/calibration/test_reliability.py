"""Reliability curves: those of scikit-learn, with intervals that hold at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from mlcycle import stats
from mlcycle.errors import InvalidInput

RNG = np.random.default_rng(0)
SCORE = RNG.random(800)
Y = RNG.random(800) < SCORE


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_the_curve_is_scikit_learns(strategy: str) -> None:
    """Mean scores and rates are those of its calibration curve."""
    theirs = calibration_curve(Y, SCORE, n_bins=8, strategy=strategy)
    ours = stats.reliability(Y, SCORE, bins=8, strategy=strategy).frame()
    # Rows on an edge may fall to either side.
    assert ours["rate"].to_numpy() == pytest.approx(theirs[0], abs=0.011)
    assert ours["score"].to_numpy() == pytest.approx(theirs[1], abs=0.011)


@pytest.mark.deep
def test_intervals_hold_all_at_once() -> None:
    """Of 100 calibrated samples 95 % have every bin inside (3 standard errors)."""
    rng, inside = np.random.default_rng(1), []
    for _ in range(100):
        score = rng.random(600)
        inside.append(all(each.agrees for each in stats.reliability(rng.random(600) < score, score).bins))
    assert np.mean(inside) == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 100))


def test_tied_scores_stay_together() -> None:
    """Three different scores make three bins, each of one score."""
    found = stats.reliability([0, 1, 1] * 20, [0.2, 0.5, 0.9] * 20, bins=10)
    assert [(each.low, each.high, each.rate.n) for each in found.bins] == [(s, s, 20) for s in (0.2, 0.5, 0.9)]


def test_the_curve_is_a_picture_in_a_notebook() -> None:
    """One dot a bin, and a sentence that says what its intervals are."""
    found = stats.reliability(Y, SCORE**2, bins=5)
    shown = found._repr_html_()
    assert (shown.count("<circle"), "all at once" in str(found)) == (5, True)
    assert "bins off, most at" in repr(found)


def test_nothing_is_refused() -> None:
    """No rows have no curve."""
    with pytest.raises(InvalidInput, match="needs rows"):
        stats.reliability([], [])


def test_intervals_of_all_bins_hold_at_once_near_zero() -> None:
    """Rare events in ten bins: every interval holds its own rate in 95 % of samples (within 3 standard errors)."""
    rng = np.random.default_rng(0)
    times, held = 60, 0
    for _ in range(times):
        score = rng.beta(0.3, 15, 600)
        curve = stats.reliability(rng.random(600) < score, score)
        held += all(bin.rate.low <= bin.score <= bin.rate.high for bin in curve.bins)
    assert held / times >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / times)
