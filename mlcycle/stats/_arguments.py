"""Arguments that many functions take, checked in one place: shares, whole numbers, seeds."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["check_numbers", "check_seed", "check_share", "check_size", "check_whole"]

_LEAST = 1e-12


def check_share(value: Any, name: str, example: float) -> float:
    """Return a share strictly between 0 and 1 as a float, or say what came."""
    if isinstance(value, bool) or not isinstance(value, Real) or not _LEAST <= float(value) <= 1 - _LEAST:
        raise InvalidInput(f"{name} is a share between 0 and 1 such as {example:g}, got {value!r}")
    return float(value)


def check_size(value: Any, name: str, what: str) -> float:
    """Return a finite number of at least 0 as a float; `what` says what it is the size of."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < math.inf:
        raise InvalidInput(f"{name} is {what}, a finite number of 0 or more, got {value!r}")
    return float(value)


def check_whole(value: Any, name: str, least: int) -> int:
    """Return a whole number of at least `least` as an int; whole floats will do."""
    whole = isinstance(value, Integral) or (isinstance(value, Real) and float(value).is_integer())
    if isinstance(value, bool) or not whole or not value >= least:
        raise InvalidInput(f"{name} is a whole number of at least {least}, got {value!r}")
    return int(value)


def check_seed(seed: Any) -> int:
    """Return a seed as an int: results are the same for the same seed, so there is always one."""
    return check_whole(seed, "seed", 0)


def check_numbers(values: Any, name: str, n: int | None = None) -> NDArray[np.float64]:
    """Return one finite number per row as floats, `n` of them if that is given, or say what came."""
    given = np.asarray(values)
    try:
        found = None if given.dtype.kind in "cmMSU" else given.astype(np.float64)
    except (TypeError, ValueError):
        found = None
    if found is None or found.ndim != 1 or n not in (None, len(found)):
        shape = "(n,)" if n is None else f"({n},)"
        raise InvalidInput(f"{name} needs one number per row, shape {shape}; got shape {given.shape}, {given.dtype}")
    if wrong := int(np.count_nonzero(~np.isfinite(found))):
        raise InvalidInput(f"{name} has {wrong} missing or infinite values; drop those rows")
    return found
