"""Is the mean of a stream what it should be? Evidence that may be looked at after every value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats.sequential._bets import Accounts, check_jump, grown
from mlcycle.stats.sequential._ranks import finite_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

__all__ = ["EProcess", "check_bounds", "scaled"]

# Parts of the largest bet that cannot lose everything; neighbours lie so close that the best is never missed by much.
_PARTS = 0.95 * 2.0 ** -np.arange(0, 12)


class EProcess:
    """Evidence that the mean of bounded values is not what it should be, valid at every look. For a proportion, too.

    Lives as long as the stream it watches; `state` and `from_state` carry it from one process to the next. Capital is
    spread over bets of fixed sizes on the mean being larger, smaller, or either. As long as the hypothesis holds,
    whatever the distribution and even if it changes, the chance that the capital *ever* reaches ``1 / level`` is at
    most `level`.

    Parameters
    ----------
    mean : float
        The mean under the hypothesis, for a proportion the share; strictly between the bounds.
    alternative : {"two-sided", "greater", "less"}, default "two-sided"
        What there would be evidence for: ``greater`` tests "the mean is at most `mean`".
    bounds : (float, float), default (0, 1)
        The smallest and the largest value there can be. Values outside are refused: there is no bet that is safe for
        them.
    jump : float or sequence of float, default 0
        The share of capital that moves between the bets at every value. 0 gives most evidence about a mean that stays;
        a share like 0.001 finds one that changes, and is what an `EDetector` should be fed with.

    Raises
    ------
    InvalidInput
        If an argument is out of range.

    References
    ----------
    Waudby-Smith and Ramdas (2023), Estimating means of bounded random variables by betting, JRSS B 86, section 4 and
    appendix B (mixtures of constant bets).

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> errors = stats.EProcess(0.10, alternative="greater")
    >>> errors.extend(rng.random(500) < 0.10) < 20, errors.extend(rng.random(500) < 0.20) > 20
    (True, True)
    >>> errors.alarm(0.05)
    True
    """

    def __init__(
        self,
        mean: float,
        *,
        alternative: str = "two-sided",
        bounds: tuple[float, float] = (0.0, 1.0),
        jump: float | Sequence[float] = 0.0,
    ) -> None:
        self._bounds, self._jump = check_bounds(bounds), check_jump(jump)
        low, high = self._bounds
        if not low < mean < high:
            raise InvalidInput(f"mean lies strictly between the bounds {low:g} and {high:g}, got {mean!r}")
        self._mean, self._alternative = float(mean), alternative
        self._centre = (self._mean - low) / (high - low)
        sides = {"greater": [1.0], "less": [-1.0], "two-sided": [1.0, -1.0]}
        if alternative not in sides:
            raise InvalidInput(f"alternative is one of {', '.join(sides)}, got {alternative!r}")
        room = {1.0: self._centre, -1.0: 1 - self._centre}
        self._stakes = np.concatenate([side * _PARTS / room[side] for side in sides[alternative]])
        self._bets = Accounts(len(self._stakes), self._jump)
        self._n, self._log, self._peak, self._gain = 0, 0.0, 0.0, 0.0

    @property
    def value(self) -> float:
        """The evidence now: an e-value, 1 at the start."""
        return grown(self._log)

    @property
    def log_value(self) -> float:
        """Its natural logarithm."""
        return self._log

    @property
    def n(self) -> int:
        """Values seen."""
        return self._n

    @property
    def factor(self) -> float:
        """By how much the evidence grew in the last `update` or `extend`: what an `EDetector` is fed with."""
        return grown(self._gain)

    def alarm(self, level: float = 0.05) -> bool:
        """Return whether the evidence has ever reached ``1 / level``."""
        if not 0 < level < 1:
            raise InvalidInput(f"level is a share between 0 and 1 such as 0.05, got {level!r}")
        return self._peak >= -math.log(level)

    def update(self, x: float) -> float:
        """Take one value and return the evidence."""
        (low, high), value = self._bounds, float(x)
        if not low <= value <= high:
            scaled([value], self._bounds)
        log = self._log
        self._take((value - low) / (high - low) - self._centre)
        self._gain = self._log - log
        return grown(self._log)

    def extend(self, x: ArrayLike) -> float:
        """Take the values of one look, in the order they came, and return the evidence."""
        log = self._log
        for away in (scaled(x, self._bounds) - self._centre).tolist():
            self._take(away)
        self._gain = self._log - log
        return grown(self._log)

    def _take(self, away: float) -> None:
        self._log += math.log(self._bets.settle(1 + self._stakes * away))
        self._peak = max(self._peak, self._log)
        self._n += 1

    def state(self) -> dict[str, Any]:
        """Return all there is to know, as JSON can hold it."""
        return {
            "mean": self._mean,
            "alternative": self._alternative,
            "bounds": list(self._bounds),
            "jump": list(self._jump),
            "bets": self._bets.state(),
            "n": self._n,
            "log": self._log,
            "peak": self._peak,
            "gain": self._gain,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> EProcess:
        """Return the process that `state` was taken from, to go on as if it had never stopped.

        Examples
        --------
        >>> watch = EProcess(0.5)
        >>> EProcess.from_state(watch.state()).update(1) == watch.update(1)
        True
        """
        made = cls(state["mean"], alternative=state["alternative"], bounds=state["bounds"], jump=state["jump"])
        made._bets.restore(state["bets"])
        made._n, made._log, made._peak, made._gain = state["n"], state["log"], state["peak"], state["gain"]
        return made

    def __repr__(self) -> str:
        sign = {"two-sided": "not", "greater": "above", "less": "below"}[self._alternative]
        return f"EProcess(mean {sign} {self._mean:g}, n = {self._n:,}, evidence {self.value:.3g})"


def check_bounds(bounds: Any) -> tuple[float, float]:
    """Return the smallest and the largest possible value as floats, or say what came."""
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"bounds are the smallest and the largest possible value, got {bounds!r}") from error
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidInput(f"bounds are finite, the smaller first, got {bounds!r}")
    return low, high


def scaled(x: ArrayLike, bounds: tuple[float, float]) -> Any:
    """Return values as shares of the way from the lower bound to the upper one.

    Examples
    --------
    >>> scaled([2, 3], (2, 4)).tolist()
    [0.0, 0.5]
    """
    values, (low, high) = finite_scores(x, "x"), bounds
    outside = (values < low) | (values > high)
    if outside.any():
        raise InvalidInput(
            f"values lie within bounds=({low:g}, {high:g}), got {float(values[outside][0])!r}; "
            "widen the bounds to what is possible, or clip to what matters"
        )
    return (values - low) / (high - low)
