"""Conformal test martingales: against the published algorithm, crepes and an integral; valid at every look; power."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import integrate, special

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats.sequential._bets import Accounts, PowerMixture
from mlcycle.stats.sequential._martingales import _CURVES, _SLOPES

LOOKS, STREAMS = 1000, 200


def _path(watch: stats.ConformalMartingale, x: np.ndarray) -> np.ndarray:
    return np.array([watch.update(score) for score in x])


def test_the_jumper_is_the_published_algorithm() -> None:
    """Algorithm 1 of Vovk et al. (2021) with slopes -1, 0, 1 and J = 0.01, in plain Python."""
    p = np.random.default_rng(0).random(500) ** 1.5
    accounts, capital = {-1: 1 / 3, 0: 1 / 3, 1: 1 / 3}, 1.0
    ours, product = Accounts(3, [0.01]), 1.0
    for value in p:
        accounts = {e: (0.99 * c + 0.01 / 3 * capital) * (1 + e * (value - 0.5)) for e, c in accounts.items()}
        capital = sum(accounts.values())
        product *= ours.settle(1 + np.array([-1, 0, 1]) * (value - 0.5))
        assert product == pytest.approx(capital)
    assert capital > 100


@pytest.mark.parametrize("rates", [(0.001,), (0.0001, 0.01, 0.5)])
def test_the_martingale_is_that_of_crepes(rates: tuple[float, ...]) -> None:
    """The same p-values give the values of its SimpleJumper, and of its CompositeMartingale for several rates."""
    crepes = pytest.importorskip("crepes.martingales")
    x = np.concatenate([np.random.default_rng(0).normal(size=300), np.random.default_rng(1).normal(0.7, 1, 200)])

    class Bets(crepes.BettingFunction):  # type: ignore[misc]
        """Linear bets as in EpsilonBettingFunction, and those on spread beside them."""

        def apply(self, p: np.ndarray) -> np.ndarray:
            linear = crepes.EpsilonBettingFunction(list(_SLOPES)).apply(p)
            return linear + np.outer(special.eval_legendre(2, 2 * p - 1), _CURVES)

    theirs = crepes.CompositeMartingale([crepes.SimpleJumper(rate, Bets()) for rate in rates])
    expected = theirs.apply(stats.conformal_p_values([], x, seed=4))
    assert _path(stats.ConformalMartingale(jump=rates, seed=4), x) == pytest.approx(expected)


def test_the_mixture_is_the_integral_over_its_bets() -> None:
    """The closed form and the series agree with numerical integration of the product of powers."""
    for p in (np.full(5, 0.9), np.full(400, 0.7), np.full(40, 0.1), np.random.default_rng(0).random(60)):
        mixture, logs = PowerMixture(), 0.0
        for value in p:
            logs += math.log(mixture.settle(float(value)))
        total = -np.sum(np.log(p))
        expected, _ = integrate.quad(lambda e: math.exp(len(p) * math.log(e) + (1 - e) * total), 0, 1, limit=500)  # noqa: B023
        assert logs == pytest.approx(math.log(expected), abs=1e-6)


@pytest.mark.parametrize(
    ("setting", "kind"),
    [({}, "normal"), ({}, "ties"), ({"jump": (0.0001, 0.01)}, "normal"), ({"betting": "mixture"}, "ties")],
    ids=str,
)
def test_evidence_against_nothing_stays_small_at_every_look(setting: dict, kind: str) -> None:  # type: ignore[type-arg]
    """Over 1 000 looks it ever reaches 1 / level in at most a share level of streams (tolerance: 3 standard errors)."""
    rng = np.random.default_rng(5)
    crossed = {0.05: 0, 0.3: 0}
    for seed in range(STREAMS):
        x = rng.normal(size=LOOKS + 100) if kind == "normal" else rng.integers(0, 4, LOOKS + 100)
        watch = stats.ConformalMartingale(x[:100], seed=seed, **setting)
        watch.extend(x[100:])
        for level in crossed:
            crossed[level] += watch.alarm(level)
    for level, count in crossed.items():
        assert count / STREAMS <= level + 3 * math.sqrt(level * (1 - level) / STREAMS)
    assert crossed[0.3] > 0  # the bets are real


@pytest.mark.parametrize("betting", ["jumper", "mixture"])
def test_one_reference_used_for_ever_needs_the_condition(betting: str) -> None:
    """One reference of 200, 1 000 looks: without the margin the evidence grows on nothing, with it it does not."""
    rng = np.random.default_rng(6)
    naive = held = 0
    for seed in range(100):
        reference, x = rng.normal(size=200), rng.normal(size=LOOKS)
        watch = stats.ConformalMartingale(reference, betting=betting, conditional=0.05, seed=seed)
        watch.extend(x)
        held += watch.alarm(0.05)
        p = stats.conformal_p_values(reference, x, growing=False, seed=seed)
        accounts, mixture, log, peak = Accounts(len(_SLOPES), [0.001]), PowerMixture(), 0.0, 0.0
        for value in p.tolist():
            gain = accounts.settle(1 + _SLOPES * (value - 0.5)) if betting == "jumper" else mixture.settle(value)
            log += math.log(gain)
            peak = max(peak, log)
        naive += peak >= math.log(20)
    assert held / 100 <= 0.10 + 3 * math.sqrt(0.09 / 100)  # 5 % of references and 5 % of streams
    assert naive / 100 > (0.2 if betting == "jumper" else 0.05)


def test_the_conditional_mixture_bets_on_conditional_p_values() -> None:
    """It is the mixture of the p-values that hold given the reference, ties included."""
    rng = np.random.default_rng(0)
    reference, x = rng.integers(0, 40, 150), rng.integers(5, 50, 200)
    p = stats.conformal_p_values(reference, x, growing=False, smoothed=False)
    mixture, logs = PowerMixture(), 0.0
    for value in stats.conditional_p_values(p, 150, confidence=0.9).tolist():
        logs += math.log(mixture.settle(value))
    watch = stats.ConformalMartingale(reference, betting="mixture", conditional=0.1)
    watch.extend(x)
    assert watch.log_value == pytest.approx(logs)


@pytest.mark.parametrize("setting", [{}, {"betting": "mixture"}, {"conditional": 0.05}], ids=str)
def test_a_change_is_seen(setting: dict) -> None:  # type: ignore[type-arg]
    """Half a standard deviation is seen within 400 scores, at level 0.01, after 500 scores without a change."""
    rng = np.random.default_rng(0)
    watch = stats.ConformalMartingale(rng.normal(size=2000), **setting)
    assert watch.extend(rng.normal(size=500)) < 100
    watch.extend(rng.normal(0.5, 1, size=400))
    assert watch.alarm(0.01)


def test_smaller_scores_are_seen_too() -> None:
    """The jumper bets on both sides."""
    rng = np.random.default_rng(0)
    watch = stats.ConformalMartingale(rng.normal(size=500))
    assert watch.extend(rng.normal(-1, 1, size=100)) > 1e6


def test_a_change_of_spread_is_seen() -> None:
    """Twice the standard deviation around the same median, and half of it."""
    for scale in (2.0, 0.5):
        rng = np.random.default_rng(0)
        watch = stats.ConformalMartingale(rng.normal(size=1000))
        assert watch.extend(rng.normal(size=300)) < 20
        assert watch.extend(rng.normal(0, scale, size=300)) > 1000


def test_batches_come_to_the_same_as_single_scores() -> None:
    """A look of many scores is their product; `factor` is the growth of the whole look."""
    rng = np.random.default_rng(0)
    one, many = stats.ConformalMartingale(), stats.ConformalMartingale()
    for _ in range(30):
        x, before = rng.normal(size=100), many.log_value
        assert many.extend(x) == _path(one, x)[-1]
        assert many.factor == pytest.approx(math.exp(many.log_value - before))
    assert (one.n, one.value) == (3000, pytest.approx(math.exp(one.log_value)))


@pytest.mark.parametrize("setting", [{}, {"jump": [0.1, 0.01]}, {"betting": "mixture"}, {"conditional": 0.1}], ids=str)
def test_the_state_goes_through_json_and_goes_on(setting: dict) -> None:  # type: ignore[type-arg]
    """A martingale taken up in another process comes to the very same values."""
    rng = np.random.default_rng(0)
    watch = stats.ConformalMartingale(rng.normal(size=300), seed=7, **setting)
    watch.extend(rng.normal(0.3, 1, size=2500))
    again = stats.ConformalMartingale.from_state(json.loads(json.dumps(watch.state())))
    x = rng.normal(size=50)
    assert _path(again, x).tolist() == _path(watch, x).tolist()
    assert (again.n, again.factor, again.alarm(0.05)) == (watch.n, watch.factor, watch.alarm(0.05))


def test_rows_that_come_sorted_are_no_change_when_shuffled() -> None:
    """Days sorted by value look like a change in order, and like nothing in random order, the same one every time."""
    rng = np.random.default_rng(0)
    reference, days = rng.normal(size=200), np.sort(rng.normal(size=(20, 200)), axis=1)
    as_they_came, ours, again = (stats.ConformalMartingale(reference) for _ in range(3))
    for day in days:
        as_they_came.extend(day)
        assert ours.extend(day, shuffled=True) == again.extend(day, shuffled=True)
    assert as_they_came.alarm(1e-6)
    assert not ours.alarm(0.1)


def test_evidence_beyond_a_float_is_kept_as_its_logarithm() -> None:
    """A change that lasts gives infinite evidence and a finite logarithm, and the log keeps growing."""
    watch = stats.ConformalMartingale(np.zeros(10_000) + np.linspace(0, 1e-3, 10_000))
    watch.extend(np.arange(1, 4000))
    assert (watch.value, watch.log_value > 800, watch.alarm(1e-9)) == (math.inf, True, True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.ConformalMartingale(betting="kelly"), "'jumper' or 'mixture'"),
        (lambda: stats.ConformalMartingale(jump=2), "jump is a share"),
        (lambda: stats.ConformalMartingale([1.0] * 20, conditional=0.05), "62 would do"),
        (lambda: stats.ConformalMartingale(conditional=0.05), "there is none"),
        (lambda: stats.ConformalMartingale([1.0] * 99, conditional=5), "such as 0.05, got 5"),
        (lambda: stats.ConformalMartingale().update(math.nan), "finite number"),
        (lambda: stats.ConformalMartingale().extend([1.0, math.inf]), "1 missing or infinite"),
        (lambda: stats.ConformalMartingale().alarm(5), "level is a share"),
    ],
)
def test_what_cannot_be_used_is_named(call, message) -> None:  # type: ignore[no-untyped-def]
    """Each bad argument is named with what would do."""
    with pytest.raises(InvalidInput, match=message):
        call()
