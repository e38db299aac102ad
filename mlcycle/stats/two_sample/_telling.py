"""Values and shares as a reader knows them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["percent", "shown", "shown_apart"]


def percent(share: float) -> str:
    """Return a share in per cent, with as many digits as tell it from 0 and 100.

    Examples
    --------
    >>> [percent(share) for share in (0.0, 0.1021, 0.00042, 0.99951, 1.0)]
    ['0 %', '10.2 %', '0.042 %', '99.951 %', '100 %']
    """
    value = 100 * share
    if value in (0.0, 100.0):
        return f"{value:.0f} %"
    rest = min(value, 100 - value)
    digits = 1 if rest >= 1 else min(1 - math.floor(math.log10(rest)), 6) if rest > 0 else 6
    return f"{value:.{digits}f} %".replace(".0 %", " %")


def shown(value: Any, kind: str) -> str:
    """Return a value of an ordered column as a reader knows it.

    Examples
    --------
    >>> shown(119000.25, "numeric"), shown(3_600, "time"), shown(0, "datetime")
    ('119000', '01:00:00', '1970-01-01T00:00:00')
    """
    return _at(value, kind, 6)


def shown_apart(before: Any, after: Any, kind: str) -> tuple[str, str]:
    """Return two values with so many digits that a reader sees how they differ.

    Examples
    --------
    >>> shown_apart(40.123, 47.2, "numeric"), shown_apart(9007199254740993, 9007199254740995, "numeric")
    (('40.12', '47.2'), ('9007199254740993', '9007199254740995'))
    """
    if kind in ("datetime", "nanoseconds", "time"):
        return shown(before, kind), shown(after, kind)
    apart, size = abs(float(after - before)), max(abs(float(before)), abs(float(after)))
    digits = 6
    if apart > 0 and math.isfinite(size / apart):
        digits = min(max(3 + math.ceil(math.log10(size / apart)), 3), 17)
    return _at(before, kind, digits), _at(after, kind, digits)


def _at(value: Any, kind: str, digits: int) -> str:
    if kind == "datetime":
        return str(np.datetime64(round(value), "us").astype("datetime64[s]"))
    if kind == "nanoseconds":
        return str(np.datetime64(round(value), "ns"))
    if kind == "time":
        return f"{int(value) // 3600:02}:{int(value) // 60 % 60:02}:{int(value) % 60:02}"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    value = float(value) + 0.0  # no -0
    # Numbers that people write without a power of ten are written so.
    return f"{value:.0f}" if 10**digits <= abs(value) < _PLAIN else f"{value:.{digits}g}"


_PLAIN = 1e15
