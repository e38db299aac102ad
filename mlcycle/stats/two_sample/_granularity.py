"""On what grid the values of a column lie: whole numbers, tenths, thousands; whole minutes, hours, days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["grids_of", "on_grid"]

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_POWERS = tuple(range(3, -4, -1))
# Enough to tell a change of one row in twenty, and so few that looking at them costs next to nothing.
_LOOKED_AT = 4096


def grids_of(unit: str) -> tuple[str, ...]:
    """Return the names of the grids that values are held against; `unit` is that of moments, or empty for numbers.

    Examples
    --------
    >>> grids_of("us"), grids_of("")[2:5]
    (('second', 'minute', 'hour', 'day'), ('10', '1', '0.1'))
    """
    return tuple(_SECONDS) if unit else tuple(f"{10.0**power:g}" for power in _POWERS)


def on_grid(ordered: NDArray[Any], unit: str = "", counts: NDArray[Any] | None = None) -> tuple[int, ...]:
    """Return of how many values each grid holds all digits, and how many values were looked at.

    A value lies on a grid when it is a whole multiple but for the rounding of its type.

    Parameters
    ----------
    ordered : ndarray, sorted
        Finite numbers, or moments in steps since 1970.
    unit : str
        ``us`` or ``ns`` for moments.
    counts : ndarray of int, optional
        The rows of each value, where each different one stands once.

    Examples
    --------
    >>> on_grid(np.array([0.25, 0.5, 3.0, 40.0]))
    (0, 0, 1, 2, 3, 4, 4, 4)
    """
    if counts is None:
        some = ordered[:: max(-(-len(ordered) // _LOOKED_AT), 1)]
    else:
        upto = np.cumsum(counts)
        n = int(upto[-1]) if len(upto) else 0
        some = ordered[upto.searchsorted(np.arange(0, n, max(-(-n // _LOOKED_AT), 1)), "right")]
    if unit:
        step = 10**9 if unit == "ns" else 10**6
        return (*(int(np.count_nonzero(some % (each * step) == 0)) for each in _SECONDS.values()), len(some))
    whole, close = some.dtype.kind in "iu", 4 * float(np.finfo(some.dtype).eps) if some.dtype.kind == "f" else 0.0
    some = some.astype(np.float64)
    found = list[int]()
    for power in reversed(_POWERS):  # what lies on no fine grid lies on no coarse one
        seen = found[-1] if found else len(some)
        found.append(seen if not seen or (whole and power <= 0) else _multiples(some, power, close))
    return (*reversed(found), len(some))


def _multiples(values: NDArray[np.float64], power: int, close: float) -> int:
    # Dividing by a power of ten and multiplying with one are each rounded once; 0.1 itself is not a float.
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large to be multiplied lies on no grid
        times = values / 10.0**power if power > 0 else values * 10.0**-power
        return int(np.count_nonzero(np.abs(times - np.rint(times)) <= close * np.abs(times)))
