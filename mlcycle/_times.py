"""Moments as people write them: text, dates, spans back from now, objects of Python, numpy and pandas."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time, timedelta
from numbers import Number
from typing import TYPE_CHECKING, Any, Literal

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    Day = Literal["first", "last"]

__all__ = ["parse_span", "parse_time", "written"]

_SECONDS = {"s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600}
_SECONDS |= {"d": 86_400, "day": 86_400, "w": 604_800, "week": 604_800}
# Not "m": to some that is a minute, to others a month.
_UNITS = _SECONDS | {f"{name}s": seconds for name, seconds in _SECONDS.items() if len(name) > 1}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)[,\s]*", re.ASCII)
_WEEK = re.compile(r"(\d{4})-?W(\d{2})", re.ASCII)
_HOW = "write it as '2026-11-23', '2026-11-23T12:00' or '7d'"


def parse_time(moment: Any, *, day: Day = "last", ahead: bool = False) -> str:
    """Return a moment as the UTC text used in stores.

    Parameters
    ----------
    moment : str, date, datetime or timedelta, or one of numpy or pandas
        ISO 8601 text, a span such as ``"7d"``, ``"24h"`` or ``"90min"``, or an object. Without an offset it is in UTC,
        whatever the clock of the machine shows.
    day : {"last", "first"}, default "last"
        What a bare date stands for, or a week such as ``"2026-W48"``: its last microsecond, or its first.
    ahead : bool, default False
        Whether a span counts on from now, not back.

    Raises
    ------
    InvalidInput
        For anything else: numbers, NaT, other text.

    Examples
    --------
    >>> parse_time("2026-11-23"), parse_time("2026-11-23", day="first")
    ('2026-11-23T23:59:59.999999Z', '2026-11-23T00:00:00.000000Z')
    >>> parse_time("2026-11-23T12:00:00+02:00")
    '2026-11-23T10:00:00.000000Z'
    >>> parse_time("7d") < parse_time("24h") < parse_time("7d", ahead=True)
    True
    """
    read = _from_text(moment.strip()) if isinstance(moment, str) else None
    value = _plain(moment) if read is None else read
    try:
        if isinstance(value, timedelta):
            now = datetime.now(UTC)
            return written(now + value if ahead else now - value)
        if isinstance(value, tuple):
            return written(value[day == "last"])
        return written(value)
    except (OverflowError, ValueError) as error:
        raise InvalidInput(f"{moment!r} is not a moment of the years 1 to 9999; {_HOW}") from error


def parse_span(span: Any, what: str = "a span") -> timedelta:
    """Return a length of time of 0 or more, from text such as ``"7d"`` or an object of Python, numpy or pandas.

    Examples
    --------
    >>> parse_span("90min"), parse_span("1 day 12 h")
    (datetime.timedelta(seconds=5400), datetime.timedelta(days=1, seconds=43200))
    """
    try:
        value = _from_text(span.strip()) if isinstance(span, str) else _plain(span)
    except InvalidInput:
        value = None
    if not isinstance(value, timedelta):
        raise InvalidInput(f"{what} is a length of time such as '7d', '24h' or a timedelta, or 0, got {span!r:.80}")
    return value


def written(moment: datetime) -> str:
    """Return a moment as stores have it: UTC, to the microsecond, in letters that sort as the moments do.

    Examples
    --------
    >>> written(datetime(33, 4, 3))
    '0033-04-03T00:00:00.000000Z'
    """
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


_Read = datetime | timedelta | tuple[datetime, datetime]


def _from_text(text: str) -> _Read | None:
    """Return what a text says; nothing where it says no moment and no span."""
    parts = _PART.findall(text)
    if parts and not _PART.sub("", text) and all(unit.lower() in _UNITS for _, unit in parts):
        return _span(sum(float(count) * _UNITS[unit.lower()] for count, unit in parts), text)
    try:
        if week := _WEEK.fullmatch(text):  # date.fromisoformat takes a week for its Monday
            first, last = (date.fromisocalendar(int(week[1]), int(week[2]), day) for day in (1, 7))
            return _whole(first, last)
    except ValueError:
        return None
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            found = read(text)
        except ValueError:
            continue
        return found if isinstance(found, datetime) else _whole(found, found)
    return None


def _plain(moment: Any) -> _Read:
    """Return a moment, a span, or the first and the last moment of a day, from any object that is one."""
    if hasattr(moment, "dtype") and getattr(moment, "ndim", 0) == 0 and moment.dtype.kind in "mM":
        return _from_numpy(moment)
    if isinstance(moment, date | timedelta) and moment == moment:
        if isinstance(moment, timedelta):
            return _span(moment.total_seconds(), moment)
        return moment if isinstance(moment, datetime) else _whole(moment, moment)
    if hasattr(moment, "start_time") and hasattr(moment, "end_time"):  # a period of pandas
        return moment.start_time, moment.end_time
    hint = "a number may be in seconds, milliseconds or days; " if isinstance(moment, Number) else ""
    raise InvalidInput(f"{moment!r:.80} is not a date, a time or a span; {hint}{_HOW}")


def _from_numpy(moment: Any) -> _Read:
    import numpy as np

    unit, _ = np.datetime_data(moment.dtype)
    if np.isnat(moment) or unit == "generic" or (moment.dtype.kind == "m" and unit in "YM"):
        why = "is missing" if np.isnat(moment) else f"has the unit {unit}, which is not a fixed length of time"
        raise InvalidInput(f"{moment!r} {why}; {_HOW}")
    if moment.dtype.kind == "m":
        return _span(float(moment / np.timedelta64(1, "s")), moment)
    first = moment.astype("datetime64[us]")
    if unit not in "YMWD":
        return _python(first)
    return _python(first), _python((moment + 1).astype("datetime64[us]") - 1)


def _python(moment: Any) -> datetime:
    found = moment.item()
    if not isinstance(found, datetime):
        raise InvalidInput(f"{moment!r} is not a moment of the years 1 to 9999; {_HOW}")
    return found


def _whole(first: date, last: date) -> tuple[datetime, datetime]:
    return datetime.combine(first, time.min), datetime.combine(last, time.max)


def _span(seconds: float, given: Any) -> timedelta:
    if not 0 <= seconds < math.inf:
        raise InvalidInput(f"{given!r} is not a length of time: give 0 or more, such as '7d'")
    try:
        return timedelta(seconds=seconds)
    except OverflowError as error:
        raise InvalidInput(f"{given!r:.80} is longer than there is time; {_HOW}") from error
