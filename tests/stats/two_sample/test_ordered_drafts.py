"""Columns of numbers and moments: every usual fault is seen, and told in the column's own unit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tests.stats.two_sample.samples import aspect, aspects, column

N = 3000


def mostly_zero(rng: np.random.Generator, share: float = 0.05, scale: float = 100.0) -> np.ndarray:
    """Return amounts of which a share is not zero."""
    return np.where(rng.random(N) < share, rng.exponential(scale, N), 0.0)


def temperature(rng: np.random.Generator) -> np.ndarray:
    """Return numbers of many digits around 50."""
    return rng.normal(50, 10, N)


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda rng: mostly_zero(rng, scale=1e5), {"range", "share"}),
        (lambda rng: mostly_zero(rng, 0.0), {"range", "share", "frequent values"}),
        (lambda rng: mostly_zero(rng, 0.12), {"share", "frequent values"}),
        (lambda rng: -mostly_zero(rng), {"range", "share"}),
        (lambda rng: (found := mostly_zero(rng)) + 900 * (found > 0), {"range", "share"}),
        (mostly_zero, set()),
    ],
    ids=["a thousand times", "vanished", "share doubled", "sign turned", "moved", "nothing"],
)
def test_what_happens_to_a_mostly_zero_column_is_seen(
    change: Callable[[np.random.Generator], np.ndarray], seen: set[str]
) -> None:
    """Of a column that is 0 on 95 % of rows the rest may move, vanish, grow or turn its sign: inner quantiles stay."""
    rng = np.random.default_rng(1)
    found = column(mostly_zero(rng), change(rng))
    assert (found.verdict == "drifted", aspects(found)) == (bool(seen), seen)
    assert "repeated" not in aspects(found)


def stuck(values: np.ndarray) -> np.ndarray:
    """Return the values, the last tenth of them as the first of these is."""
    return np.where(np.arange(N) < 0.9 * N, values, values[int(0.9 * N)])


@pytest.mark.parametrize(
    ("change", "leads", "note", "family"),
    [
        (
            lambda v, rng: np.minimum(v, np.quantile(v, 0.91)),
            "range",
            "% of rows were above 63.84, the largest now; before up to",
            "clipped",
        ),
        (
            lambda v, rng: np.maximum(v, np.quantile(v, 0.09)),
            "range",
            "% of rows were below 37.35, the smallest now; before down to",
            "clipped",
        ),
        (lambda v, rng: np.round(v), "granularity", "whole numbers: 0 % -> 100 % of values", "rounded"),
        (lambda v, rng: np.repeat(v[::2], 2), "repeated", "50 % of rows repeat the row before; before 0 %", "repeated"),
        (lambda v, rng: (v - 32) / 1.8, "range", "98", "unit change"),
        (lambda v, rng: np.where(rng.random(N) < 0.05, v * 1000, v), "range", "of rows above 8", "unit change"),
        (lambda v, rng: np.where(rng.random(N) < 0.1, -999, v), "range", "down to -999", "missing as a number"),
        (lambda v, rng: np.where(rng.random(N) < 0.05, np.nan, v), "nulls", "no value: 0 % -> ", "nulls"),
        (lambda v, rng: stuck(v), "frequent values", "exactly 54.787: 0 % -> 10 % of rows", "stuck"),
    ],
    ids=["clipped above", "below", "rounded", "held", "°F to °C", "x 1000", "-999", "nulls", "stuck"],
)
def test_faults_of_measurements_are_seen_and_named(
    change: Callable[[np.ndarray, np.random.Generator], np.ndarray], leads: str, note: str, family: str
) -> None:
    """Each has the aspect it shows in first, a line in degrees, and the family of what happened."""
    rng = np.random.default_rng(0)
    found = column(temperature(rng), change(temperature(rng), rng))
    assert (found.verdict, found.family) == ("drifted", family)
    assert found.leading.aspect in {leads, "values"}
    assert note in found.leading.note


def test_what_is_beyond_the_range_is_told_with_its_size() -> None:
    """Temperatures a thousand times as large on a twentieth of the rows: the line has the largest of them."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(62, 18, N).round(), rng.normal(62, 18, N).round()
    after[: N // 20] *= 1000
    found = column(before, after).leading
    assert found.note.endswith(f"above {before.max():.0f}, the largest ever seen before; now up to {after.max():.0f}")
    assert (found.effect, found.unit) == (pytest.approx(0.05, abs=0.002), "share")


def test_rows_beyond_the_range_by_chance_are_no_drift() -> None:
    """The largest of few rows is passed by some of many, exactly as often as the division of the rows brings."""
    rng = np.random.default_rng(0)
    p = np.array([aspect(column(rng.normal(size=50), rng.normal(size=500)), "range").p for _ in range(200)])
    assert np.mean(p <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_frequent_values_follow_their_shares_and_repeats_do_not() -> None:
    """Where 0 becomes more frequent neighbours are equal more often, which is no sign of held rows."""
    rng = np.random.default_rng(0)
    before, after = (np.where(rng.random(N) < share, 0.0, rng.normal(size=N)) for share in (0.3, 0.5))
    found = column(before, after)
    assert aspects(found) >= {"frequent values", "share"}
    assert aspect(found, "frequent values").note.startswith("exactly 0: ")
    assert aspect(found, "repeated").effect < 0.02


def test_repeats_of_a_reference_in_another_order_say_nothing() -> None:
    """Rows that were sorted, or alternate, are repeated in another order; their repeats are not compared."""
    rng = np.random.default_rng(0)
    for before in (np.sort(rng.poisson(20, N)), np.tile([True, False], N // 2)):
        assert "repeated" not in {shift.aspect for shift in column(before, rng.permutation(before)).shifts}


def test_whole_numbers_beyond_floats_keep_their_digits() -> None:
    """Ids near 2 ** 53 moved by half of their spread: as floats the last digits would be rounded away."""
    rng = np.random.default_rng(0)
    start = 2**53 + 1
    before, after = start + rng.integers(0, 100, N), start + 50 + rng.integers(0, 100, N)
    small = column(before - start, after - start)
    found = column(before, after)
    assert [s.effect for s in found.shifts[:3]] == pytest.approx([s.effect for s in small.shifts[:3]])
    assert str(before.max()) in aspect(found, "range").note


def test_nanoseconds_keep_their_digits() -> None:
    """Moments a microsecond apart are told apart to the nanosecond."""
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2026-01-01").value
    before, after = (pd.Series(pd.to_datetime(start + moved + rng.integers(0, 1000, N))) for moved in (0, 500))
    found = column(before, after)
    assert (found.kind, found.verdict) == ("datetime", "drifted")
    assert "2026-01-01T00:00:00.000000999" in aspect(found, "range").note


def test_infinities_of_either_sign_are_two_values() -> None:
    """Half of the rows from +inf to -inf is a change of 50 %; the finite values stay comparable."""
    rng = np.random.default_rng(0)
    half = np.arange(500) < 250
    before, after = (rng.permutation(np.where(half, odd, rng.normal(size=500))) for odd in (np.inf, -np.inf))
    found = column(before, after)
    assert (aspects(found), found.leading.note) == ({"infinite"}, "+inf: 50 % -> 0 % of rows")
    assert aspect(found, "share").verdict == "not seen"


def test_moments_shifted_by_hours_are_seen_by_the_time_of_day() -> None:
    """Of a month of office hours, moved by five hours, the share of a day tells more than the share of the month."""
    rng = np.random.default_rng(0)
    office = lambda: pd.to_timedelta(86_400 * rng.integers(0, 30, N) + rng.integers(8 * 3600, 17 * 3600, N), unit="s")  # noqa: E731
    day = pd.Timestamp("2026-01-01")
    found = column(pd.Series(day + office()), pd.Series(day + office() + pd.Timedelta("5h")))
    assert (found.leading.aspect, found.family) == ("time of day", "clock shifted")
    assert column(pd.Series(day + office()), pd.Series(day + office())).verdict != "drifted"


def test_an_interval_is_never_a_point_beside_a_certain_change() -> None:
    """Where inner quantiles cannot move, as most values are one, the change is one of rows, with its interval."""
    rng = np.random.default_rng(0)
    found = column(mostly_zero(rng, 0.02), mostly_zero(rng, 0.05))
    for shift in found.shifts:
        assert shift.certain is False or shift.low < shift.high


def test_dates_of_whole_days_that_got_hours_are_finer() -> None:
    """Midnights that became moments lie no longer on whole days."""
    rng = np.random.default_rng(0)
    days = pd.Series(pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 90, N), unit="D"))
    found = column(days, days + pd.to_timedelta(rng.integers(0, 86_400, N), unit="s"))
    assert aspect(found, "granularity").note == "on the whole hour: 100 % -> 0 % of values"
