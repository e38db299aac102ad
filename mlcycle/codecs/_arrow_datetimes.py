"""Moments that Arrow can hold and Python cannot: they are stored and never read again as Python objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from mlcycle.codecs._canonical import plain
from mlcycle.errors import InvalidInput

__all__ = ["check_moments"]

_FIRST_DAY = np.datetime64("0001-01-01").astype(np.int64)
_LAST_DAY = np.datetime64("9999-12-31").astype(np.int64)
_LONGEST = 999_999_999  # days of a timedelta
_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000}  # pandas has its own moments for nanoseconds


def check_moments(values: Any) -> None:
    """Refuse dates, moments and durations that Python has no value for, at every depth."""
    values, types = plain(values), pa.types
    kind = values.type
    if types.is_nested(kind):
        for child in values.flatten() if types.is_struct(kind) else [values.flatten()]:
            check_moments(child)
        return
    if not types.is_temporal(kind) or types.is_time(kind) or getattr(kind, "unit", "s") not in _PER_DAY:
        return
    known = values.drop_null()
    per_day = 1 if types.is_date32(kind) else _PER_DAY[kind.unit]
    days = known.view(pa.int32() if types.is_date32(kind) else pa.int64()).to_numpy() // per_day
    low, high = (-_LONGEST, _LONGEST) if types.is_duration(kind) else (_FIRST_DAY, _LAST_DAY)
    if getattr(kind, "tz", None) is not None:  # their clocks are up to a day apart
        low, high = low + 1, high - 1
    if len(days) and (days.min() < low or days.max() > high):
        which = "durations of 999,999,999 days" if types.is_duration(kind) else "moments outside the years 1 to 9999"
        raise InvalidInput(f"it holds {which}, which Python cannot; cast them to whole numbers first")
