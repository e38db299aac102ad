"""Bets against the hypothesis that nothing has changed; the capital they make is the evidence that something has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Accounts", "check_jump", "grown"]


class Accounts:
    """Capital spread over several bets; after every look part of it moves from each account to all the others.

    Lives as long as the martingale it belongs to. The total never loses track of a bet that starts to pay late, because
    moving keeps every account alive (fixed share, Herbster and Warmuth 1998). Several rates of moving are tried at
    once, each with an equal part of the capital.

    Parameters
    ----------
    bets : int
        Number of accounts.
    jump : sequence of float
        The share that moves at every look; one per group of accounts.
    """

    def __init__(self, bets: int, jump: Sequence[float]) -> None:
        groups = len(jump)
        self._groups = groups
        self._weights: NDArray[np.float64] = np.full(groups * bets, 1 / (groups * bets))
        blocks = [rate * np.full((bets, bets), 1 / bets) + (1 - rate) * np.eye(bets) for rate in jump]
        self._move: NDArray[np.float64] | None = None
        if any(jump):
            self._move = np.zeros((groups * bets, groups * bets))
            for at, block in enumerate(blocks):
                self._move[at * bets : (at + 1) * bets, at * bets : (at + 1) * bets] = block

    def settle(self, factors: NDArray[np.float64]) -> float:
        """Return by how much the capital grew when each bet returned its factor, which must be positive.

        Examples
        --------
        >>> Accounts(3, [0.01]).settle(np.array([0.5, 1.0, 1.5]))
        1.0
        """
        if self._groups > 1:
            factors = np.concatenate([factors] * self._groups)
        total = float(self._weights.dot(factors))
        paid = self._weights * (factors / total)
        self._weights = paid if self._move is None else self._move.dot(paid)
        return total

    def state(self) -> list[float]:
        """Return the shares of the capital, account by account."""
        return [float(weight) for weight in self._weights]

    def restore(self, state: Any) -> None:
        """Take up the shares of `state`."""
        weights = np.asarray(state, dtype=np.float64)
        if weights.shape != self._weights.shape:
            raise ValueError(f"{len(self._weights)} shares of capital are needed, got {weights.shape}")
        self._weights = weights


def grown(log_value: float) -> float:
    """Return the value that has this logarithm, infinity where a float cannot hold it.

    Examples
    --------
    >>> grown(0.0), grown(1e6)
    (1.0, inf)
    """
    return math.exp(log_value) if log_value < 709.0 else math.inf


def check_jump(jump: float | Sequence[float]) -> tuple[float, ...]:
    """Return the rates of moving as a tuple, each a share."""
    rates = (float(jump),) if isinstance(jump, (int, float)) else tuple(float(rate) for rate in jump)
    if not rates or not all(0 <= rate <= 1 for rate in rates):
        raise InvalidInput(f"jump is a share between 0 and 1 such as 0.01, or several, got {jump!r}")
    return rates
