"""Moments and durations brought to the unit and the zone of a column, where they keep their meaning."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

__all__ = ["to_duration", "to_moment"]

_DATE = re.compile(r"\d{4}-\d\d")  # pandas reads '2024', '20240101' and 'now' as moments, too
_ISO_DATE = re.compile(r"[-+]?P[^T]*[YM]", re.IGNORECASE)  # pandas reads P1M, a month, as a minute
_ZONE = re.compile(r"[T ]\d\d.*?(Z|[+-]\d\d(?::?\d\d)?)$")
_NO_MOMENT = "it is not a moment; write it as 2026-11-23T12:00"
_NO_DURATION = "it is not a duration, or has no unit; write it as '90 min' or 'PT1H30M'"
_UNSAID = (
    "it names a zone other than UTC, and the model's column has none; give it in UTC "
    "(.dt.tz_convert('UTC').dt.tz_localize(None)) or as the wall clock the model knows"
)
_UTC = frozenset({"Z", "+00", "-00", "+0000", "-0000", "+00:00", "-00:00"})


def to_moment(column: Any, item: dict[str, Any]) -> Any:
    """Return a column of moments in the unit and zone of a signature.

    Taken are moments of pandas, numpy and Python, dates, and ISO 8601 text, in any unit that loses nothing. UTC is the
    one zone that may go without saying: where one side names a zone and the other does not, the wall clock must be
    that of UTC, because otherwise it is not known which moment is meant.

    Raises
    ------
    ValueError
        Saying why a value does not fit.
    """
    import pandas as pd

    if column.dtype.kind == "M":
        return _in_unit(_in_zone(column, item.get("tz")), item)
    if column.dtype.kind != "O" and not column.isna().all() and not isinstance(column.dtype, pd.StringDtype):
        raise ValueError(_NO_MOMENT)
    missing = column.isna()
    states = {_zone_said(value) for value in column[~missing]}
    if len(states) > 1:
        raise ValueError("some moments name a zone and others do not; write all of them in UTC")
    try:
        moments = pd.to_datetime(column.where(~missing).astype(object), format="ISO8601", utc=True)
    except pd.errors.OutOfBoundsDatetime:
        raise
    except (ValueError, TypeError) as error:  # pandas recommends options that nobody here can set
        raise ValueError(_NO_MOMENT) from error
    if states <= {False}:
        moments = moments.dt.tz_localize(None)
    elif item.get("tz") is None and not all(map(_is_utc, column[~missing])):
        raise ValueError(_UNSAID)
    return _in_unit(_in_zone(moments, item.get("tz")), item)


def _zone_said(value: Any) -> bool:
    """Say whether a moment names its zone, or that the value is not a moment."""
    import numpy as np

    if isinstance(value, str) and _DATE.match(value):
        return _ZONE.search(value) is not None
    if isinstance(value, datetime):
        return value.tzinfo is not None
    if isinstance(value, date | np.datetime64):
        return False
    raise ValueError(_NO_MOMENT)


def _is_utc(value: Any) -> bool:
    if isinstance(value, str):
        found = _ZONE.search(value)
        return found is not None and found[1] in _UTC
    return bool(value.utcoffset() == timedelta(0))


def _in_zone(moments: Any, zone: str | None) -> Any:
    """Return moments in a zone, None being a column without one."""
    if moments.dt.tz is None:
        if zone is None:
            return moments
        found = moments.dt.tz_localize("UTC").dt.tz_convert(zone)
        if not _same(found.dt.tz_localize(None), moments):
            raise ValueError(
                f"it names no zone, and the model's column is in {zone}; say it: .dt.tz_localize({zone!r})"
            )
        return found
    if zone is not None:
        return moments.dt.tz_convert(zone)
    found = moments.dt.tz_convert(None)
    if not _same(found, moments.dt.tz_localize(None)):
        raise ValueError(_UNSAID)
    return found


def to_duration(column: Any, item: dict[str, Any]) -> Any:
    """Return a column of durations in the unit of a signature; a bare number has no unit and is not one.

    Raises
    ------
    ValueError
        Saying why a value does not fit.
    """
    import pandas as pd

    if column.dtype.kind == "m":
        return _in_unit(column, item)
    missing = column.isna()
    if not all(map(_is_duration, column[~missing])):
        raise ValueError(_NO_DURATION)
    try:
        durations = pd.to_timedelta(column.where(~missing).astype(object))
    except pd.errors.OutOfBoundsTimedelta:
        raise
    except (ValueError, TypeError) as error:
        raise ValueError(_NO_DURATION) from error
    if not durations.isna().equals(missing):  # 'NaT' is text
        raise ValueError(_NO_DURATION)
    return _in_unit(durations, item)


def _is_duration(value: Any) -> bool:
    import numpy as np

    if isinstance(value, str):
        # pandas takes '90' and '1 90' for nanoseconds
        if _ISO_DATE.match(value.strip()):
            raise ValueError("months and years have no one length; give it in days")
        return re.search(r"[A-Za-z:]", value) is not None and re.search(r"\d", value) is not None
    return isinstance(value, timedelta | np.timedelta64)


def _in_unit(times: Any, item: dict[str, Any]) -> Any:
    unit = item.get("unit")
    if unit is None or times.dt.unit == unit:
        return times
    found = times.dt.as_unit(unit)
    if not _same(found, times):
        raise ValueError(f"it is finer than the model's column, which counts {unit}; round it first (.dt.floor)")
    return found


def _same(a: Any, b: Any) -> bool:
    return bool(((a == b) | a.isna()).all())
