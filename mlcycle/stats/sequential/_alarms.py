"""Alarms again and again, within a budget: evidence accumulated since any moment a change may have come."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats.sequential._budget import Budget

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["EDetector", "p_to_e"]


class EDetector:
    """A detector that starts again after every alarm and keeps its expected number of false alarms within a budget.

    Lives as long as the stream it watches; `state` and `from_state` carry it from one process to the next. At each look
    it is given an e-value: evidence with expectation at most 1, given all earlier looks, while nothing has changed. It
    sums the evidence over all moments at which a change may have come. While nothing changes, the expected number of
    alarms in any number of looks is at most looks / threshold, whatever the dependence within e-values.

    Parameters
    ----------
    threshold : float or Budget
        Alarm at this value; a `Budget` knows it. More than 1.
    kind : {"shiryaev-roberts", "cusum"}, default "shiryaev-roberts"
        ``shiryaev-roberts`` adds the evidence of all starting points, ``cusum`` takes the largest; it alarms later, and
        less often than the budget allows.

    Raises
    ------
    InvalidInput
        If the threshold is not above 1 or the kind is unknown.

    Notes
    -----
    What to feed it with, exactly valid:

    - `ConformalMartingale.factor` with a growing reference, `EProcess.factor`: any number of rows at a look.
    - `p_to_e(p)` of a test on data that no other look has used.

    Not valid: p-values that were all computed from one finite reference. They share its luck: where it lies a little to
    one side, every look is a little unusual, and the evidence adds up. Give the martingale ``conditional=0.05``, or let
    the reference grow.

    References
    ----------
    Shin, Ramdas and Rinaldo (2023), E-detectors, New England Journal of Statistics in Data Science 2(2): average run
    length at least the threshold. That the expected number of alarms is bounded at every horizon is shown in `Budget`.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> watch = stats.ConformalMartingale(rng.normal(size=1000))
    >>> detector = stats.EDetector(stats.Budget(false_alarms_per_year=1, cadence="1d"))
    >>> for day in range(60):
    ...     evidence = watch.extend(rng.normal(0.0 if day < 30 else 0.4, 1, size=100))
    ...     if detector.update(watch.factor):
    ...         break
    >>> day
    31
    """

    def __init__(self, threshold: float | Budget, *, kind: str = "shiryaev-roberts") -> None:
        self._threshold = threshold.threshold if isinstance(threshold, Budget) else float(threshold)
        if not self._threshold > 1:
            raise InvalidInput(f"threshold is more than 1, or a Budget, got {threshold!r}")
        if kind not in ("shiryaev-roberts", "cusum"):
            raise InvalidInput(f"kind is 'shiryaev-roberts' or 'cusum', got {kind!r}")
        self._kind, self._value, self._n = kind, 0.0, 0
        self._alarms: list[int] = []

    @property
    def value(self) -> float:
        """The evidence now; 0 at the start and after an alarm."""
        return self._value

    @property
    def threshold(self) -> float:
        """The value at which there is an alarm."""
        return self._threshold

    @property
    def n(self) -> int:
        """Looks so far."""
        return self._n

    @property
    def alarms(self) -> tuple[int, ...]:
        """The looks with an alarm, counted from 1."""
        return tuple(self._alarms)

    def update(self, e: float) -> bool:
        """Take the e-value of one look and return whether there is an alarm."""
        if not e >= 0:
            raise InvalidInput(f"an e-value is 0 or more, got {e!r}; turn a p-value into one with p_to_e(p)")
        self._n += 1
        before = max(self._value, 1.0) if self._kind == "cusum" else self._value + 1
        self._value = before * float(e)
        if self._value < self._threshold:
            return False
        self._value = 0.0
        self._alarms.append(self._n)
        return True

    def state(self) -> dict[str, Any]:
        """Return all there is to know, as JSON can hold it."""
        return {
            "threshold": self._threshold,
            "kind": self._kind,
            "value": self._value,
            "n": self._n,
            "alarms": list(self._alarms),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> EDetector:
        """Return the detector that `state` was taken from, to go on as if it had never stopped.

        Examples
        --------
        >>> detector = EDetector(100)
        >>> detector.update(7.0), EDetector.from_state(detector.state())
        (False, EDetector(shiryaev-roberts, n = 1, 7 of 100, no alarms))
        """
        made = cls(state["threshold"], kind=state["kind"])
        made._value, made._n, made._alarms = float(state["value"]), int(state["n"]), list(state["alarms"])
        return made

    def __repr__(self) -> str:
        count = len(self._alarms)
        told = "no alarms" if not count else f"{count} alarm{'s' if count > 1 else ''}, the last at {self._alarms[-1]}"
        return f"EDetector({self._kind}, n = {self._n:,}, {self._value:.3g} of {self._threshold:,.0f}, {told})"


def p_to_e(p: ArrayLike) -> Any:
    """Return p-values turned into e-values: evidence that may be multiplied over independent looks.

    The calibrator ``(1 - p + p * log(p)) / (p * log(p) ** 2)``, the mixture of all ``k * p ** (k - 1)``. It costs some
    evidence: a p-value of 0.001 becomes 20.8.

    Parameters
    ----------
    p : float or array-like
        P-values.

    Returns
    -------
    float or ndarray
        As `p`; infinite for a p-value of 0.

    References
    ----------
    Vovk and Wang (2021), E-values: calibration, combination and applications, Annals of Statistics 49, equation (2).

    Examples
    --------
    >>> p_to_e([0.001, 0.05, 1.0]).round(2).tolist()
    [20.79, 1.78, 0.5]
    """
    values = np.asarray(p, dtype=np.float64)
    if not np.all((values >= 0) & (values <= 1)):
        raise InvalidInput(f"p-values lie between 0 and 1, got {p!r}")
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        away = -np.log(values)
        # (exp(u) - 1 - u) / u ** 2, as a series where that would be 0 / 0.
        found = np.where(away < 1e-3, 0.5 + away / 6 + away**2 / 24, (np.expm1(away) - away) / away**2)
    found = np.where(values == 0, math.inf, found)
    return float(found) if found.ndim == 0 else found
