"""P-values by drawing from the null hypothesis, stopped as soon as more draws could not change the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["ENOUGH", "simulated_p"]

ENOUGH = 20


def simulated_p(simulate: Callable[[int], NDArray[Any]], found: float, draws: int) -> float:
    """Return the p-value of `found` against simulated statistics, stopping early when it is clearly large.

    Stops at the 20th simulated value as large as `found`; with fewer after all draws, ``(b + 1) / (draws + 1)``. Valid
    at every level.

    References
    ----------
    Besag and Clifford (1991), Sequential Monte Carlo p-values, Biometrika 78.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> 0.3 < simulated_p(rng.random, 0.5, 9999) < 0.7, simulated_p(rng.random, 2.0, 999)
    (True, 0.001)
    """
    seen, made = 0, 0
    while made < draws:
        size = min(max(999, made), draws - made)
        large = np.flatnonzero(simulate(size) >= found)
        if seen + len(large) >= ENOUGH:
            return ENOUGH / (made + int(large[ENOUGH - seen - 1]) + 1)
        seen, made = seen + len(large), made + size
    return (seen + 1) / (draws + 1)
