"""Confidence sequences: against the formulas written out; coverage of all looks together; width."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput

METHODS = ("betting", "empirical_bernstein")


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


def test_empirical_bernstein_is_theorem_two() -> None:
    """The predictably mixed empirical Bernstein sequence, value by value, with its running intersection."""
    x = np.random.default_rng(0).beta(2, 6, 400)
    bets, expected, means = _plain(x, 0.1)
    low, high, weights, weighted, spread = 0.0, 1.0, 0.0, 0.0, 0.0
    found = stats.confidence_sequence(x, method="empirical_bernstein", confidence=0.9)
    for t, value in enumerate(x):
        bet = min(bets[t], 0.5)
        weights, weighted = weights + bet, weighted + bet * value
        spread += 4 * (value - expected[t]) ** 2 * (-math.log(1 - bet) - bet) / 4
        half = (math.log(2 / 0.1) + spread) / weights
        low, high = max(low, weighted / weights - half), min(high, weighted / weights + half)
        assert (found.low[t], found.high[t]) == (pytest.approx(low), pytest.approx(high))
    assert found.mean == pytest.approx(means)


def test_betting_keeps_the_means_whose_hedged_capital_is_small() -> None:
    """Theorem 3 for single means: one that has lost is outside, any other is inside, up to a step of the grid."""
    x = (np.random.default_rng(0).random(300) < 0.3).astype(float)
    bets = _plain(x, 0.05)[0]
    found = stats.confidence_sequence(x)
    for mean in np.linspace(0.02, 0.98, 25):
        up = down = 1.0
        out = False
        for t, value in enumerate(x):
            up *= 1 + min(bets[t], 0.5 / mean) * (value - mean)
            down *= 1 - min(bets[t], 0.5 / (1 - mean)) * (value - mean)
            out = out or max(up / 2, down / 2) >= 1 / 0.05
            if not out:
                assert found.low[t] <= mean <= found.high[t]
            elif mean < found.mean[t]:
                assert found.low[t] >= mean - 0.004
            else:
                assert found.high[t] <= mean + 0.004


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["coin", "rare", "beta", "uniform"])
def test_all_looks_together_hold_the_mean(method: str, kind: str) -> None:
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
        found = stats.confidence_sequence(draw(), method=method, confidence=0.9, resolution=200)
        held += bool(np.all((found.low <= mean) & (mean <= found.high)))
    assert held / 120 >= 0.9 - 3 * math.sqrt(0.09 / 120)


def test_an_interval_for_one_look_misses_at_some_look() -> None:
    """Why all this: over 1 000 looks the plain 90 % interval misses the mean in most streams."""
    x = np.random.default_rng(0).normal(size=(200, 1000))
    looks = np.arange(1, 1001)
    away = np.abs(np.cumsum(x, axis=1)) / np.sqrt(looks)
    assert np.mean(np.any(away > 1.645, axis=1)) > 0.5


@pytest.mark.parametrize("method", METHODS)
def test_the_width_is_not_much_more_than_that_of_one_look(method: str) -> None:
    """After 5 000 values the half width is at most 2.4 times that of the plain 95 % interval."""
    x = np.random.default_rng(0).random(5000) < 0.2
    final = stats.confidence_sequence(x, method=method).final
    assert (final.high - final.low) / 2 < 2.4 * 1.96 * math.sqrt(0.2 * 0.8 / 5000)
    assert final.low < 0.2 < final.high
    assert final.detectable > (final.high - final.low) / 2


@pytest.mark.parametrize("method", METHODS)
def test_one_by_one_comes_to_the_same(method: str) -> None:
    """The handle and the whole array agree at every look, across the state in JSON, and in other units."""
    x = np.random.default_rng(0).random(700) * 40 - 10
    found = stats.confidence_sequence(x, method=method, bounds=(-10, 30), resolution=100)
    watch = stats.ConfidenceSequence(method=method, bounds=(-10, 30), resolution=100)
    limits = [watch.update(value) for value in x[:300]]
    watch = stats.ConfidenceSequence.from_state(json.loads(json.dumps(watch.state())))
    limits += [watch.update(value) for value in x[300:]]
    assert np.array(limits) == pytest.approx(np.column_stack([found.low, found.high]))
    assert (watch.n, watch.mean) == (700, pytest.approx(x.mean()))
    assert str(watch.estimate()) == str(found.final)


@pytest.mark.parametrize("method", METHODS)
def test_a_mean_that_moved_leaves_no_limits(method: str) -> None:
    """When no one mean fits, there is no interval, and the reason says so."""
    final = stats.confidence_sequence([0.0] * 500 + [1.0] * 500, method=method).final
    assert (final.conclusive, final.reason) == (False, "no one mean fits all values: it has changed on the way")


@pytest.mark.parametrize("method", METHODS)
def test_one_value_only_moves_one_limit(method: str) -> None:
    """All zeros: the lower limit stays 0 and the upper one comes down; no values, no limits."""
    final = stats.confidence_sequence([0] * 1000, method=method).final
    assert (final.low, final.value) == (0.0, 0.0)
    assert 0 < final.high < 0.03
    assert stats.confidence_sequence([], method=method).final.reason == "there are no values"


def test_a_sequence_becomes_a_frame_a_dict_and_a_table() -> None:
    """One row per look, counted from 1."""
    found = stats.confidence_sequence([1, 0, 1, 1])
    assert found.frame().loc[4, "mean"] == 0.75
    assert found.as_dict()["mean"] == [1.0, 0.5, pytest.approx(2 / 3), 0.75]
    assert found._repr_html_().count("<svg") == 3  # looks 1, 2 and 4


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"method": "hoeffding"}, "'betting' or 'empirical_bernstein'"),
        ({"confidence": 95}, "share between 0 and 1"),
        ({"bounds": (0, 0)}, "the smaller first"),
        ({"resolution": 3}, "10 or more"),
        ({"bounds": (0, 0.5)}, "widen the bounds"),
    ],
)
def test_what_cannot_be_used_is_named(setting: dict, message: str) -> None:  # type: ignore[type-arg]
    """Each bad argument is named with what would do."""
    with pytest.raises(InvalidInput, match=message):
        stats.confidence_sequence([0.1, 0.9], **setting)
