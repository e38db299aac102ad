"""Two models compared: which verdict, how sure, and how many rows would settle it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput


def pair(rng: np.random.Generator, n: int, gain: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a truth of 0 and two predictions whose mean absolute errors differ by `gain` in truth."""
    common = 10 + rng.normal(size=n)
    return np.zeros(n), common - gain + rng.normal(0, 0.5, n), common + rng.normal(0, 0.5, n)


@pytest.mark.parametrize(
    ("gain", "margin", "superiority", "verdict"),
    [
        (0.5, 0.0, 0.0, "better"),
        (0.5, 0.0, 0.3, "better"),
        (0.5, 0.0, 0.5, "not worse"),
        (0.0, 0.2, 0.0, "not worse"),
        (0.0, 0.0, 0.0, "inconclusive"),
        (-0.5, 0.1, 0.0, "worse"),
        (-0.1, 0.1, 0.0, "inconclusive"),
    ],
)
def test_compare_says_which_of_four(gain: float, margin: float, superiority: float, verdict: str) -> None:
    """The interval against margin and superiority gives the verdict; lower is better for this metric."""
    found = stats.compare(*pair(np.random.default_rng(5), 400, gain), "mae", margin=margin, superiority=superiority)
    assert found.verdict == verdict


def test_a_model_equal_to_the_margin_passes_at_the_stated_rate() -> None:
    """Where the loss is exactly the margin, 2.5 % of 400 comparisons say not worse (tolerance: 3 standard errors)."""
    rng, passed = np.random.default_rng(2), 0
    for seed in range(400):
        found = stats.compare(*pair(rng, 80, -0.2), "mae", margin=0.2, resamples=200, seed=seed)
        passed += found.verdict in ("better", "not worse")
    assert passed / 400 <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / 400)


def test_that_many_rows_settle_it_four_times_in_five() -> None:
    """With the rows asked for and a gain as estimated, 80 % of 400 comparisons are settled (3 standard errors)."""
    y, a, b = pair(np.random.default_rng(4), 100, 0.0)
    found = stats.compare(y, a, b, "mae", margin=0.1)
    assert found.verdict == "inconclusive"
    needed = found.rows_needed or 0
    assert 100 < needed < 1000
    rng, apart = np.random.default_rng(0), a - b
    noise = rng.normal(0, apart.std(), size=(400, needed))
    level, settled = np.full(needed, 10.0), 0
    for seed, row in enumerate(noise):
        guess = 10 - found.gain.value + row
        again = stats.compare(np.zeros(needed), guess, level, "mae", margin=0.1, resamples=100, seed=seed)
        settled += again.verdict != "inconclusive"
    assert settled / 400 == pytest.approx(0.8, abs=3 * 0.4 / 20)


@pytest.mark.parametrize("wrong", [{"margin": -0.1}, {"superiority": -1.0}, {"margin": math.nan}])
def test_amounts_below_nothing_are_refused(wrong: dict[str, float]) -> None:
    """Margin and superiority are amounts, 0 or more."""
    with pytest.raises(InvalidInput, match="0 or more"):
        stats.compare([0.0] * 10, [1.0] * 10, [1.0] * 10, "mae", **wrong)  # type: ignore[arg-type]


def test_a_comparison_is_a_picture_in_a_notebook() -> None:
    """Three bars, the verdict in its colour, and what was asked."""
    found = stats.compare(*pair(np.random.default_rng(5), 400, 0.5), "mae", margin=0.1, superiority=0.3)
    shown = found._repr_html_()
    assert (shown.count("<svg"), "better" in shown, "margin 0.1, superiority 0.3" in shown) == (3, True, True)
    assert repr(found) == f"Comparison({found})"


def test_two_groups_settle_nothing() -> None:
    """With two groups there are no limits, and a reason."""
    y, a, b = pair(np.random.default_rng(0), 20, 1.0)
    found = stats.compare(y, a, b, "mae", groups=[0, 1] * 10)
    assert (found.verdict, found.gain.conclusive) == ("inconclusive", False)
    assert found.gain.reason == "2 groups are too few for an interval; 6 would do"


@pytest.mark.parametrize("metric", ["accuracy", "f1", "mae"])
def test_a_step_up_never_lowers_the_gain(metric: str) -> None:
    """One mistake of model a less after another, both limits of its gain over b only rise."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 90)
    a, b = (np.where(rng.random(90) < share, 1 - y, y) for share in (0.3, 0.15))
    ends = []
    for _ in range(8):
        gain = stats.compare(y, a, b, metric, resamples=200).gain
        ends.append((gain.low, gain.high))
        wrong = np.flatnonzero(a != y)[0]
        a[wrong] = y[wrong]
    assert sorted(low for low, _ in ends) == [low for low, _ in ends]
    assert sorted(high for _, high in ends) == [high for _, high in ends]
