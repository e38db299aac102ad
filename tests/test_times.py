"""Moments as people write them: one reader for text, dates, spans and the objects of numpy and pandas."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlcycle._times import parse_span, parse_time
from mlcycle.errors import InvalidInput

EAST = timezone(timedelta(hours=5))
NOON = "2026-11-27T12:00:00.000000Z"


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-27T12:00",
        "2026-11-27 12:00:00",
        " 2026-11-27T12:00Z ",
        "2026-11-27T17:00+05:00",
        datetime(2026, 11, 27, 12),
        datetime(2026, 11, 27, 17, tzinfo=EAST),
        pd.Timestamp("2026-11-27 12:00:00.000000999"),
        pd.Timestamp("2026-11-27 17:00", tz=EAST),
        np.datetime64("2026-11-27T12"),
        np.datetime64("2026-11-27T12:00", "ns"),
        np.array("2026-11-27T12:00", "datetime64[s]"),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(moment: Any) -> None:
    """One instant, however it is written, and whatever a bare date would stand for."""
    assert {parse_time(moment), parse_time(moment, day="first")} == {NOON}


@pytest.mark.parametrize(
    "day", ["2026-11-27", "20261127", date(2026, 11, 27), np.datetime64("2026-11-27"), pd.Period("2026-11-27", "D")]
)
def test_a_day_has_a_first_and_a_last_moment(day: Any) -> None:
    """Which of the two a bare date stands for is the caller's to say."""
    assert parse_time(day, day="first") == "2026-11-27T00:00:00.000000Z"
    assert parse_time(day, day="last") == "2026-11-27T23:59:59.999999Z"


@pytest.mark.parametrize("month", [np.datetime64("2026-11"), pd.Period("2026-11", "M")])
def test_a_month_has_a_first_and_a_last_moment(month: Any) -> None:
    """As a day has."""
    expected = ("2026-11-01T00:00:00.000000Z", "2026-11-30T23:59:59.999999Z")
    assert (parse_time(month, day="first"), parse_time(month)) == expected


@pytest.mark.parametrize("week", ["2026-W48", "2026W48", pd.Period("2026-11-27", "W")])
def test_a_week_has_a_first_and_a_last_moment(week: Any) -> None:
    """From Monday to Sunday, and one of its days is that day."""
    expected = ("2026-11-23T00:00:00.000000Z", "2026-11-29T23:59:59.999999Z")
    assert (parse_time(week, day="first"), parse_time(week)) == expected
    assert parse_time("2026-W48-3") == "2026-11-25T23:59:59.999999Z"


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ("7d", timedelta(days=7)),
        ("7D", timedelta(days=7)),
        ("24h", timedelta(days=1)),
        ("90min", timedelta(minutes=90)),
        ("1.5 hours", timedelta(minutes=90)),
        ("1 day, 12 h", timedelta(hours=36)),
        ("2w", timedelta(days=14)),
        ("0s", timedelta(0)),
        (timedelta(days=7), timedelta(days=7)),
        (np.timedelta64(7, "D"), timedelta(days=7)),
        (np.timedelta64(90, "m"), timedelta(minutes=90)),
        (pd.Timedelta(days=7), timedelta(days=7)),
    ],
)
def test_spans_count_from_now(span: Any, expected: timedelta) -> None:
    """Back, or ahead where that is asked for."""
    before = datetime.now(UTC)
    back, ahead = (datetime.fromisoformat(parse_time(span, ahead=way)) for way in (False, True))
    after = datetime.now(UTC)
    assert parse_span(span) == expected
    assert before - expected <= back <= after - expected
    assert before + expected <= ahead <= after + expected


@pytest.mark.parametrize(
    "odd",
    [
        pd.NaT, pd.NA, np.datetime64("NaT"), np.timedelta64("NaT"), np.timedelta64(7, "M"), np.timedelta64(7),
        np.datetime64("20000-01-01"), datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))), timedelta.max,
        timedelta(-1), "-7d", "7", "6m", "1M", "7 moons", "tomorrow", "", "2026-13-01", "2026-W54",
        "9999-W52", "9" * 400 + "d",
        1.5, float("nan"), 1_764_000_000, np.int64(3), True, np.True_, None, b"2026-11-27", ["2026-11-27"], {}, date
    ],
    ids=lambda odd: repr(odd)[:30],
)  # fmt: skip
def test_what_is_no_moment_is_refused_in_words(odd: Any) -> None:
    """With what came and how to write it; never a raw error of numpy or pandas."""
    for day in ("first", "last"):
        with pytest.raises(InvalidInput, match=r"'7d'"):
            parse_time(odd, day=day)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "odd", ["2026-11-27", "soon", 7, 7.0, True, pd.NaT, None, timedelta(-1), np.timedelta64(1, "Y")]
)
def test_what_is_no_span_is_refused_in_words(odd: Any) -> None:
    """A date is no length of time, and a number has no unit."""
    with pytest.raises(InvalidInput, match="'7d'"):
        parse_span(odd, "min_age")
