"""The published 64-bit hash behind splits, routes and samples, one value at a time.

A *format*: a row keeps its part only while this never changes. The text in ``docs/format.md`` says the same.
"""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any, NamedTuple

from mlcycle.errors import InvalidInput

__all__ = ["hash64_one", "mix", "salt_keys"]


class _Moment(NamedTuple):
    tag: int
    seconds: int
    nanoseconds: int


GOLDEN = 0x9E3779B97F4A7C15
FIRST = 0xBF58476D1CE4E5B9
SECOND = 0x94D049BB133111EB
_MASK = 0xFFFFFFFFFFFFFFFF
LONG = 256
NULL, INT, UINT, FLOAT, TEXT, BYTES, INSTANT, DURATION, TIME = range(9)
_EPOCH = datetime(1970, 1, 1)


def salt_keys(salt: str) -> tuple[int, int]:
    if not isinstance(salt, str):
        raise InvalidInput(f"a salt is text, got {type(salt).__name__}; make it with salt_of(purpose, name, parent)")
    first, second = struct.unpack("<QQ", hashlib.sha256(salt.encode()).digest()[:16])
    return first, second


def mix(x: int) -> int:
    x = (x + GOLDEN) & _MASK
    x = ((x ^ (x >> 30)) * FIRST) & _MASK
    x = ((x ^ (x >> 27)) * SECOND) & _MASK
    return x ^ (x >> 31)


def hash64_one(value: Any, salt: str) -> int:
    """Return the published hash of one value; the same number as `hash64`, without numpy.

    Parameters
    ----------
    value : None, bool, int, float, Decimal, str, bytes, datetime, date, timedelta or time
        Also numpy and pandas scalars of these kinds.
    salt : str
        See `salt_of`.

    Returns
    -------
    int
        From 0 to 2**64 - 1.

    Raises
    ------
    InvalidInput
        A value of another kind, or an integer outside -2**63 … 2**64 - 1.

    Examples
    --------
    >>> hash64_one(7, "") == hash64_one(7.0, "")
    True
    >>> hash64_one(7, "") == hash64_one("7", "")
    False
    """
    first, second = salt_keys(salt)
    tag, payload = _message(value)
    length = len(payload)
    if length > LONG:
        payload = hashlib.sha256(payload).digest()
    state = first
    for at in range(0, len(payload), 8):
        state = mix(state ^ int.from_bytes(payload[at : at + 8], "little"))
    return mix(state ^ second ^ length ^ (tag << 56))


def _message(value: Any) -> tuple[int, bytes]:
    """Return the tag and the bytes by which a value enters the hash."""
    if type(value).__module__ != "builtins":
        value = _plain(value)
    if value is None:
        return NULL, b""
    if isinstance(value, int):
        return _integer(int(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return TEXT, _utf8(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return BYTES, bytes(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return _integer(int(value))
    if isinstance(value, _Moment):
        return value.tag, struct.pack("<qq", value.seconds, value.nanoseconds)
    raise InvalidInput(f"a {type(value).__name__} cannot be hashed: {value!r:.60}; turn it into text or a number first")


def _plain(value: Any) -> Any:
    """Bring numpy, pandas and datetime scalars down to what `_message` knows; moments become (tag, s, ns)."""
    if type(value).__name__ in ("NAType", "NaTType") or value != value:
        return None
    for method in ("to_datetime64", "to_timedelta64"):
        if hasattr(value, method):
            value = getattr(value, method)()
    if getattr(getattr(value, "dtype", None), "kind", "") in ("M", "m"):
        return _moment_of_numpy(value)
    if isinstance(value, datetime):
        gap = value - (_EPOCH.replace(tzinfo=UTC) if value.tzinfo else _EPOCH)
        return _Moment(INSTANT, gap.days * 86_400 + gap.seconds, gap.microseconds * 1000)
    if isinstance(value, date):
        return _Moment(INSTANT, (value - _EPOCH.date()).days * 86_400, 0)
    if isinstance(value, timedelta):
        return _Moment(DURATION, value.days * 86_400 + value.seconds, value.microseconds * 1000)
    if isinstance(value, clock):
        return _Moment(TIME, value.hour * 3600 + value.minute * 60 + value.second, value.microsecond * 1000)
    return value.item() if hasattr(value, "item") and not isinstance(value, str | bytes) else value


PER_SECOND = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}


def _moment_of_numpy(value: Any) -> _Moment:
    import numpy as np

    kind, unit = value.dtype.kind, np.datetime_data(value.dtype)[0]
    if unit not in PER_SECOND:
        value, unit = value.astype(f"{kind}8[s]"), "s"
    per = PER_SECOND[unit]
    seconds, rest = divmod(int(value.astype("i8")), per)
    return _Moment(INSTANT if kind == "M" else DURATION, seconds, rest * (10**9 // per))


def _integer(value: int) -> tuple[int, bytes]:
    if -(2**63) <= value < 2**63:
        return INT, struct.pack("<q", value)
    if 2**63 <= value < 2**64:
        return UINT, struct.pack("<Q", value)
    raise InvalidInput(f"the integer {value} has more than 64 bits and cannot be hashed; turn it into text first")


def _number(value: float) -> tuple[int, bytes]:
    if value != value:
        return NULL, b""
    if value.is_integer() and -(2.0**63) <= value < 2.0**64:
        return _integer(int(value))
    return FLOAT, struct.pack("<d", value)


def _utf8(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{value!r:.60} is not valid Unicode (a lone surrogate) and cannot be hashed") from error
