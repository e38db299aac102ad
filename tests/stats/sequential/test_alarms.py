"""Budgets and e-detectors: the numbers, the expected false alarms of a year, and the ways that are not valid."""

from __future__ import annotations

import json
import math
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats.sequential._martingales import _SLOPES, settled
from tests.stats.sequential.test_martingales import fixed_p_values


def test_a_budget_is_turned_into_levels() -> None:
    """One alarm a year over 40 streams looked at daily: 365.25 times 40 looks share it."""
    budget = stats.Budget(false_alarms_per_year=1, cadence="1d", streams=40)
    assert budget.looks_per_year == 365.25
    assert budget.threshold == pytest.approx(14_610)
    assert budget.level == pytest.approx(1 / 14_610)


@pytest.mark.parametrize(
    ("cadence", "looks"),
    [("12h", 730.5), ("15min", 35_064), ("1w", 365.25 / 7), (" 0.5 d ", 730.5), ("90s", 350_640)],
)
def test_cadences_are_read(cadence: str, looks: float) -> None:
    """Numbers with units."""
    assert stats.Budget(cadence=cadence).looks_per_year == pytest.approx(looks)


def test_a_budget_says_what_it_means() -> None:
    """The text names the knob and every level, and leaves out what does not apply."""
    assert repr(stats.Budget(2, "1w", 1)) == (
        "Budget(2 false alarms a year expected over 1 stream looked at every 1w, 52 times a year: "
        "a test made afresh at each look at level 0.0383, an e-detector with threshold 26)"
    )


def test_the_recursion_is_the_definition() -> None:
    """The sum over all starting points of the products of e-values since."""
    e = np.random.default_rng(0).exponential(size=50)
    detector = stats.EDetector(1e300)
    for n in range(1, 51):
        detector.update(e[n - 1])
        starts = [np.prod(e[start:n]) for start in range(n)]
        assert detector.value == pytest.approx(sum(starts))


def _alarms_of_streams(gains: np.ndarray, threshold: float) -> np.ndarray:
    """Return the alarms of each row of e-values, as `EDetector` would count them."""
    value, alarms = np.zeros(len(gains)), np.zeros(len(gains))
    for e in gains.T:
        value = (value + 1) * e
        alarms += value >= threshold
        value[value >= threshold] = 0
    return alarms


def test_false_alarms_of_a_year_stay_within_the_budget() -> None:
    """Shiryaev-Roberts on log-normal e-values of three sizes: at most looks / threshold alarms (3 standard errors).

    The bound is nearly reached for small e-values, so a detector that is off by a factor fails here.
    """
    rng = np.random.default_rng(0)
    for size in (0.2, 0.5, 1.0):
        gains = np.exp(size * rng.normal(size=(1500, 1000)) - size**2 / 2)
        alarms = _alarms_of_streams(gains, 100.0)
        assert alarms.mean() <= 10 + 3 * alarms.std() / math.sqrt(1500)
        assert alarms.mean() > 4
    detector = stats.EDetector(100.0)
    assert sum(detector.update(e).alarm for e in gains[0]) == alarms[0]


def test_a_year_of_martingale_days_stays_within_the_budget() -> None:
    """A growing reference, 20 rows a day, 2 alarms a year allowed: the mean of 15 years (3 standard errors)."""
    rng = np.random.default_rng(0)
    budget, alarms = stats.Budget(2, "1d"), []
    for seed in range(15):
        watch, detector = stats.ConformalMartingale(rng.normal(size=100), seed=seed), stats.EDetector(budget)
        for _ in range(365):
            watch.update(rng.normal(size=20))
            detector.update(watch.factor)
        alarms.append(len(detector.alarms))
    assert np.mean(alarms) <= 2 + 3 * np.std(alarms) / math.sqrt(15)
    assert np.mean(alarms) > 0.2


def test_one_finite_reference_breaks_the_budget_unless_it_is_conditioned_on() -> None:
    """A year of 50 rows a day against the same 200: the naive way has several times the budget's alarms, ours none."""
    rng = np.random.default_rng(0)
    budget, naive, ours = stats.Budget(1, "1d"), [], []
    for seed in range(6):
        reference = rng.normal(size=200)
        watch = stats.ConformalMartingale(reference, conditional=0.05, seed=seed)
        capital, sides = np.full(len(_SLOPES), 1 / len(_SLOPES)), [stats.EDetector(budget), stats.EDetector(budget)]
        for _ in range(365):
            x = rng.normal(size=50)
            log = 0.0
            for p in fixed_p_values(reference, x, rng).tolist():
                growth, capital = settled(capital, 1 + _SLOPES * (p - 0.5))
                log += math.log(growth)
            watch.update(x)
            for detector, e in zip(sides, (math.exp(log), watch.factor), strict=True):
                detector.update(e)
        naive.append(len(sides[0].alarms))
        ours.append(len(sides[1].alarms))
    assert np.mean(naive) > 3
    assert np.mean(ours) <= 1


def test_calibrated_p_values_of_fresh_data_stay_within_the_budget() -> None:
    """A test a day on rows no other day has used: at most looks / threshold alarms (tolerance: 3 standard errors)."""
    p = special.ndtr(np.random.default_rng(0).normal(size=(2000, 365)))
    gains = (1 - p + p * np.log(p)) / (p * np.log(p) ** 2)  # what the notes of `EDetector` give
    alarms = _alarms_of_streams(gains, 50.0)
    assert alarms.mean() <= 365 / 50 + 3 * alarms.std() / math.sqrt(2000)


def test_a_detector_starts_again_and_goes_on_from_its_state() -> None:
    """Alarms are counted from look 1; an infinite e-value alarms once."""
    detector = stats.EDetector(20)
    assert [detector.update(e).alarm for e in (3.0, 5.0, 1.0, math.inf, 1.0)] == [False, True, False, True, False]
    again = stats.EDetector.from_state(json.loads(json.dumps(detector.state())))
    assert (again.alarms, again.n, again.value) == ((2, 4), 5, 1.0)
    assert repr(again) == "EDetector(n = 5, 1 of 20, 2 alarms, the last at 4)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.Budget(0), "false_alarms_per_year"),
        (lambda: stats.Budget(400), "below the 365 looks"),
        (lambda: stats.Budget(cadence="daily"), "'15min', '12h', '1d' or '1w'"),
        (lambda: stats.Budget(cadence="0d"), "time between looks"),
        (lambda: stats.Budget(streams=0), "streams is a whole number"),
        (lambda: stats.Budget(cadence=1), "time between looks"),  # type: ignore[arg-type]
        (lambda: stats.EDetector(1), "above 1"),
        (lambda: stats.EDetector("x"), "above 1, or a Budget"),  # type: ignore[arg-type]
        (lambda: stats.EDetector(9).update(-1), "0 or more"),
        (lambda: stats.EDetector(9).update(math.nan), "0 or more"),
    ],
)
def test_what_cannot_be_used_is_named(call, message) -> None:  # type: ignore[no-untyped-def]
    """Each bad argument is named with what would do."""
    with pytest.raises(InvalidInput, match=message):
        call()


def levels(budget: stats.Budget, gaps: list[float]) -> list[float]:
    """Return the levels of looks with these gaps in days before each but the first."""
    found = [budget.level_after()]
    for days in gaps:
        found.append(budget.level_after(found[-1], timedelta(days=days)))
    return found


def test_looks_at_the_cadence_have_the_level_of_the_cadence() -> None:
    """A year of daily looks spends one false alarm, of weekly looks with a weekly cadence too."""
    assert sum(levels(stats.Budget(1, "1d"), [1.0] * 364)) == pytest.approx(365 / 365.25)
    weekly = levels(stats.Budget(1, "1w"), [7.0] * 51)
    assert weekly == pytest.approx([7 / 365.25] * 52)


@given(st.lists(st.floats(0, 60), max_size=60), st.floats(0.1, 50))
def test_levels_of_looks_as_they_come_stay_within_the_budget(gaps: list[float], rate: float) -> None:
    """Whenever looks come, their levels add up to what the time allows and two looks more, and none is above 5 %."""
    budget = stats.Budget(rate, "1d")
    found = levels(budget, gaps)
    assert sum(found) <= rate * sum(gaps) / 365.25 + 2 * budget.level + 1e-9
    assert all(0 < level <= 0.05 for level in found)


def test_two_looks_a_day_a_long_gap_and_a_clock_that_goes_back() -> None:
    """The second look has half the level, a long gap no more than 5 %, and time that goes back gives nothing."""
    budget = stats.Budget(1, "1d")
    assert budget.level_after(0.002, timedelta(0)) == 0.001
    assert budget.level_after(0.002, timedelta(days=-3)) == 0.001
    assert budget.level_after(0.002, timedelta(days=400)) == 0.05
    for last, elapsed in ((0.0, timedelta(1)), (0.3, timedelta(1)), ("x", timedelta(1)), (0.01, None)):
        with pytest.raises(InvalidInput, match="last is"):
            budget.level_after(last, elapsed)  # type: ignore[arg-type]


@pytest.mark.parametrize("alarms", ["x", None, [1], True, 0, -1, float("inf")])
def test_a_budget_that_is_no_number_is_refused(alarms: object) -> None:
    """Words, nothing and numbers that are no budget say what is expected."""
    with pytest.raises(InvalidInput, match="false_alarms_per_year"):
        stats.Budget(alarms)  # type: ignore[arg-type]
