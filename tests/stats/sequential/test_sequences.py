"""Confidence sequences: against the formulas written out; coverage of all looks together; width."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput


def final_of(x: Any, **setting: Any) -> stats.Estimate:
    """Return the estimate after all values at once."""
    watch = stats.ConfidenceSequence(**setting)
    watch.update(x)
    return watch.estimate()


def looked(x: Any, **setting: Any) -> tuple[stats.ConfidenceSequence, np.ndarray]:
    """Return a sequence that took values one by one, and its limits after each."""
    watch, limits = stats.ConfidenceSequence(**setting), []
    for value in x:
        watch.update(value)
        limits.append((watch.low, watch.high))
    return watch, np.array(limits)


def _plain(x: np.ndarray, alpha: float) -> tuple[list[float], list[float], list[float]]:
    """Return bet, mean before and variance before each value, step by step as in Waudby-Smith and Ramdas (2023)."""
    bets, expected, total, squares = [], [], 0.0, 0.0
    for t, value in enumerate(x, start=1):
        variance = (0.25 + squares) / t
        bets.append(math.sqrt(2 * math.log(2 / alpha) / (variance * t * math.log(t + 1))))
        expected.append((0.5 + total) / t)
        total += value
        squares += (value - (0.5 + total) / (t + 1)) ** 2
    return bets, expected, list(np.cumsum(x) / np.arange(1, len(x) + 1))


def test_betting_keeps_the_means_whose_hedged_capital_is_small() -> None:
    """Theorem 3 for single means: one that has lost is outside, any other is inside, up to a step of the grid."""
    x = (np.random.default_rng(0).random(300) < 0.3).astype(float)
    bets = _plain(x, 0.05)[0]
    (low, high), running = looked(x)[1].T, np.cumsum(x) / np.arange(1, 301)
    for mean in np.linspace(0.02, 0.98, 25):
        up = down = 1.0
        out = False
        for t, value in enumerate(x):
            up *= 1 + min(bets[t], 0.5 / mean) * (value - mean)
            down *= 1 - min(bets[t], 0.5 / (1 - mean)) * (value - mean)
            out = out or max(up / 2, down / 2) >= 1 / 0.05
            if not out:
                assert low[t] <= mean <= high[t]
            elif mean < running[t]:
                assert low[t] >= mean - 0.004
            else:
                assert high[t] <= mean + 0.004


@pytest.mark.parametrize("kind", ["coin", "rare", "beta", "uniform"])
def test_all_looks_together_hold_the_mean(kind: str) -> None:
    """In at least 90 % of streams the mean is inside at every one of 1 000 looks (tolerance: 3 standard errors)."""
    rng = np.random.default_rng(0)
    draw, mean = {
        "coin": (lambda: rng.random(1000) < 0.5, 0.5),
        "rare": (lambda: rng.random(1000) < 0.01, 0.01),
        "beta": (lambda: rng.beta(0.2, 1.8, 1000), 0.1),
        "uniform": (lambda: rng.random(1000), 0.5),
    }[kind]
    held = 0
    for _ in range(120):
        watch = stats.ConfidenceSequence(confidence=0.9)
        watch.update(draw())  # limits only ever come nearer, so the last ones tell of all looks
        held += watch.low <= mean <= watch.high
    assert held / 120 >= 0.9 - 3 * math.sqrt(0.09 / 120)


def test_an_interval_for_one_look_misses_at_some_look() -> None:
    """Why all this: over 1 000 looks the plain 90 % interval misses the mean in most streams."""
    x = np.random.default_rng(0).normal(size=(200, 1000))
    looks = np.arange(1, 1001)
    away = np.abs(np.cumsum(x, axis=1)) / np.sqrt(looks)
    assert np.mean(np.any(away > 1.645, axis=1)) > 0.5


def test_the_width_is_not_much_more_than_that_of_one_look() -> None:
    """After 5 000 values the half width is at most 2.4 times that of the plain 95 % interval."""
    x = np.random.default_rng(0).random(5000) < 0.2
    final = final_of(x)
    assert (final.high - final.low) / 2 < 2.4 * 1.96 * math.sqrt(0.2 * 0.8 / 5000)
    assert final.low < 0.2 < final.high
    assert final.detectable > (final.high - final.low) / 2


def test_one_by_one_comes_to_the_same() -> None:
    """A look of many values and looks of one agree, across the state in JSON, and in other units."""
    x = np.random.default_rng(0).random(700) * 40 - 10
    setting: Any = {"bounds": (-10, 30)}
    watch, limits = looked(x[:300], **setting)
    assert np.all(np.diff(limits[:, 0]) >= 0)
    assert np.all(np.diff(limits[:, 1]) <= 0)
    watch = stats.ConfidenceSequence.from_state(json.loads(json.dumps(watch.state())))
    for value in x[300:]:
        watch.update(value)
    assert (watch.n, watch.mean) == (700, pytest.approx(x.mean()))
    assert watch.estimate().as_dict() == pytest.approx(final_of(x, **setting).as_dict())


def test_a_mean_that_moved_leaves_no_limits() -> None:
    """When no one mean fits, there is no interval, and the reason says so."""
    final = final_of([0.0] * 500 + [1.0] * 500)
    assert (final.conclusive, final.reason) == (False, "no one mean fits all values: it has changed on the way")


def test_one_value_only_moves_one_limit() -> None:
    """All zeros: the lower limit stays 0 and the upper one comes down; no values, no limits."""
    final = final_of([0] * 1000)
    assert (final.low, final.value) == (0.0, 0.0)
    assert 0 < final.high < 0.03
    assert final_of([]).reason == "there are no values"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"confidence": 95}, "share between 0 and 1"),
        ({"bounds": (0, 0)}, "the smaller first"),
        ({"bounds": (0, 0.5)}, "widen the bounds"),
    ],
)
def test_what_cannot_be_used_is_named(setting: dict, message: str) -> None:  # type: ignore[type-arg]
    """Each bad argument is named with what would do."""
    with pytest.raises(InvalidInput, match=message):
        final_of([0.1, 0.9], **setting)
