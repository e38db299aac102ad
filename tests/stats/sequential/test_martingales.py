"""Conformal test martingales: against the published algorithm, crepes and an integral; valid at every look; power."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import special

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats.sequential._martingales import _CURVES, _JUMP, _SLOPES, settled
from mlcycle.stats.sequential._ranks import tie_at

LOOKS, STREAMS = 1000, 100


def _path(watch: stats.ConformalMartingale, x: np.ndarray) -> np.ndarray:
    return np.array([watch.update(score).value for score in x])


def fixed_p_values(reference: np.ndarray, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the smoothed share of one reference above each score: what must not be used for ever."""
    larger = len(reference) - np.searchsorted(np.sort(reference), x, "right")
    found: np.ndarray = (larger + rng.random(len(x))) / (1 + len(reference))
    return found


def test_the_jumper_is_the_published_algorithm() -> None:
    """Algorithm 1 of Vovk et al. (2021) with slopes -1, 0, 1 and J = 0.001, in plain Python."""
    p = np.random.default_rng(0).random(500) ** 1.5
    accounts, capital = {-1: 1 / 3, 0: 1 / 3, 1: 1 / 3}, 1.0
    ours, product = np.full(3, 1 / 3), 1.0
    for value in p:
        accounts = {e: ((1 - _JUMP) * c + _JUMP / 3 * capital) * (1 + e * (value - 0.5)) for e, c in accounts.items()}
        capital = sum(accounts.values())
        growth, ours = settled(ours, 1 + np.array([-1, 0, 1]) * (value - 0.5))
        product *= growth
        assert product == pytest.approx(capital)
    assert capital > 100


def test_the_martingale_is_that_of_crepes() -> None:
    """The same p-values give the values of its SimpleJumper."""
    crepes = pytest.importorskip("crepes.martingales")
    x = np.concatenate([np.random.default_rng(0).normal(size=300), np.random.default_rng(1).normal(0.7, 1, 200)])

    class Bets(crepes.BettingFunction):  # type: ignore[misc]
        """Linear bets as in EpsilonBettingFunction, and those on spread beside them."""

        def apply(self, p: np.ndarray) -> np.ndarray:
            linear = crepes.EpsilonBettingFunction(list(_SLOPES)).apply(p)
            return linear + np.outer(special.eval_legendre(2, 2 * p - 1), _CURVES)

    theirs = crepes.SimpleJumper(_JUMP, Bets())
    p = np.array([(np.sum(x[:n] > x[n]) + tie_at(4, n) * (1 + np.sum(x[:n] == x[n]))) / (1 + n) for n in range(len(x))])
    expected = theirs.apply(p)
    assert _path(stats.ConformalMartingale(seed=4), x) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["normal", "ties"])
def test_evidence_against_nothing_stays_small_at_every_look(kind: str) -> None:
    """Over 1 000 looks it ever reaches 1 / level in at most a share level of streams (tolerance: 3 standard errors)."""
    rng = np.random.default_rng(5)
    peaks = []
    for seed in range(STREAMS):
        x = rng.normal(size=LOOKS + 100) if kind == "normal" else rng.integers(0, 4, LOOKS + 100)
        watch = stats.ConformalMartingale(x[:100], seed=seed)
        watch.update(x[100:])
        peaks.append(watch.state()["peak"])
        assert watch.alarm == (peaks[-1] >= math.log(20))
    crossed = {level: sum(peak >= -math.log(level) for peak in peaks) for level in (0.05, 0.3)}
    for level, count in crossed.items():
        assert count / STREAMS <= level + 3 * math.sqrt(level * (1 - level) / STREAMS)
    assert crossed[0.3] > 0  # the bets are real


def test_one_reference_used_for_ever_needs_the_condition() -> None:
    """One reference of 200, 1 000 looks: without the margin the evidence grows on nothing, with it it does not."""
    rng = np.random.default_rng(6)
    naive = held = 0
    for seed in range(60):
        reference, x = rng.normal(size=200), rng.normal(size=LOOKS)
        watch = stats.ConformalMartingale(reference, conditional=0.05, seed=seed)
        held += watch.update(x).alarm
        capital, log, peak = np.full(len(_SLOPES), 1 / len(_SLOPES)), 0.0, 0.0
        for value in fixed_p_values(reference, x, rng).tolist():
            growth, capital = settled(capital, 1 + _SLOPES * (value - 0.5))
            log += math.log(growth)
            peak = max(peak, log)
        naive += peak >= math.log(20)
    assert held / 60 <= 0.10 + 3 * math.sqrt(0.09 / 60)  # 5 % of references and 5 % of streams
    assert naive / 60 > 0.2


@pytest.mark.parametrize("setting", [{}, {"conditional": 0.05}], ids=str)
def test_a_change_is_seen(setting: dict) -> None:  # type: ignore[type-arg]
    """Half a standard deviation is seen within 400 scores, at level 0.01, after 500 scores without a change."""
    rng = np.random.default_rng(0)
    watch = stats.ConformalMartingale(rng.normal(size=2000), level=0.01, **setting)
    assert not watch.update(rng.normal(size=500)).alarm
    assert watch.update(rng.normal(0.5, 1, size=400)).alarm


def test_smaller_scores_are_seen_too() -> None:
    """The jumper bets on both sides."""
    rng = np.random.default_rng(0)
    watch = stats.ConformalMartingale(rng.normal(size=500))
    assert watch.update(rng.normal(-1, 1, size=100)).value > 1e6


def test_a_change_of_spread_is_seen() -> None:
    """Twice the standard deviation around the same median, and half of it."""
    for scale in (2.0, 0.5):
        rng = np.random.default_rng(0)
        watch = stats.ConformalMartingale(rng.normal(size=1000))
        assert watch.update(rng.normal(size=300)).value < 20
        assert watch.update(rng.normal(0, scale, size=300)).value > 1000


def test_batches_come_to_the_same_as_single_scores() -> None:
    """A look of many scores is their product; `factor` is the growth of the whole look."""
    rng = np.random.default_rng(0)
    one, many = stats.ConformalMartingale(), stats.ConformalMartingale()
    for _ in range(30):
        x, before = rng.normal(size=100), many.state()["log"]
        assert many.update(x).value == _path(one, x)[-1]
        assert many.factor == pytest.approx(math.exp(many.state()["log"] - before))
    assert (one.n, one.value) == (3000, pytest.approx(many.value))


@pytest.mark.parametrize("setting", [{}, {"conditional": 0.1}, {"shuffled": True}], ids=str)
def test_the_state_goes_through_json_and_goes_on(setting: dict) -> None:  # type: ignore[type-arg]
    """A martingale taken up in another process comes to the very same values."""
    rng = np.random.default_rng(0)
    watch = stats.ConformalMartingale(rng.normal(size=300), seed=7, **setting)
    watch.update(rng.normal(0.3, 1, size=2500))
    again = stats.ConformalMartingale.from_state(json.loads(json.dumps(watch.state())))
    x = rng.normal(size=50)
    assert _path(again, x).tolist() == _path(watch, x).tolist()
    assert (again.n, again.factor, again.alarm) == (watch.n, watch.factor, watch.alarm)


def test_rows_that_come_sorted_are_no_change_when_shuffled() -> None:
    """Days sorted by value look like a change in order, and like nothing in random order, the same one every time."""
    rng = np.random.default_rng(0)
    reference, days = rng.normal(size=200), np.sort(rng.normal(size=(20, 200)), axis=1)
    as_they_came = stats.ConformalMartingale(reference, level=1e-6)
    ours, again = (stats.ConformalMartingale(reference, level=0.1, shuffled=True) for _ in range(2))
    for day in days:
        as_they_came.update(day)
        assert ours.update(day) == again.update(day)
    assert (as_they_came.alarm, ours.alarm) == (True, False)


def test_evidence_beyond_a_float_is_kept_as_its_logarithm() -> None:
    """A change that lasts gives infinite evidence and a finite logarithm, and the log keeps growing."""
    watch = stats.ConformalMartingale(np.linspace(0, 1e-3, 10_000), level=1e-9)
    watch.update(np.arange(1, 4000))
    assert (watch.value, watch.state()["log"] > 800, watch.alarm) == (math.inf, True, True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.ConformalMartingale([1.0] * 20, conditional=0.05), "62 would do"),
        (lambda: stats.ConformalMartingale(conditional=0.05), "there is none"),
        (lambda: stats.ConformalMartingale([1.0] * 99, conditional=5), "conditional is a share"),
        (lambda: stats.ConformalMartingale().update(math.nan), "a score has 1 missing"),
        (lambda: stats.ConformalMartingale().update([1.0, math.inf]), "1 missing or infinite"),
        (lambda: stats.ConformalMartingale(level=5), "level is a share"),
    ],
)
def test_what_cannot_be_used_is_named(call, message) -> None:  # type: ignore[no-untyped-def]
    """Each bad argument is named with what would do."""
    with pytest.raises(InvalidInput, match=message):
        call()
