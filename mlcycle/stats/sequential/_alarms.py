"""Alarms again and again, within a budget: evidence accumulated since any moment a change may have come."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats.sequential._budget import Budget
from mlcycle.stats.sequential._evidence import Evidence, State

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["EDetector"]


class EDetector(Evidence):
    """A detector that starts again after every alarm and keeps its expected number of false alarms within a budget.

    Lives as long as the stream it watches; `state` and `from_state` carry it from one process to the next. At each look
    it is given an e-value: evidence with expectation at most 1, given all earlier looks, while nothing has changed. It
    sums the evidence over all moments at which a change may have come. While nothing changes, the expected number of
    alarms in any number of looks is at most looks / threshold, whatever the dependence within e-values.

    Parameters
    ----------
    threshold : float or Budget
        Alarm at this value; a `Budget` knows it. More than 1.

    Raises
    ------
    InvalidInput
        If the threshold is not above 1.

    Notes
    -----
    What to feed it with, exactly valid:

    - `ConformalMartingale.factor` with a growing reference: any number of rows at a look.
    - An e-value of a test on data that no other look has used, such as ``(1 - p + p log p) / (p log(p) ** 2)`` of its
      p-value (Vovk and Wang 2021, Annals of Statistics 49, equation 2).

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
    ...     evidence = watch.update(rng.normal(0.0 if day < 30 else 0.4, 1, size=100))
    ...     if detector.update(watch.factor).alarm:
    ...         break
    >>> day
    31
    """

    kind = "e-detector"
    _asked, _kept = ("threshold",), ("value", "n", "alarms")

    def __init__(self, threshold: float | Budget) -> None:
        if isinstance(threshold, Budget):
            threshold = threshold.threshold
        if isinstance(threshold, bool) or not isinstance(threshold, Real) or not 1 < float(threshold) < math.inf:
            raise InvalidInput(f"threshold is a number above 1, or a Budget, got {threshold!r}")
        self._threshold: float = float(threshold)
        self._value: float = 0.0
        self._n: int = 0
        self._alarms: tuple[int, ...] = ()

    @property
    def value(self) -> float:
        """The evidence now; 0 at the start and after an alarm."""
        return self._value

    @property
    def alarms(self) -> tuple[int, ...]:
        """The looks with an alarm, counted from 1."""
        return self._alarms

    @property
    def alarm(self) -> bool:
        """Whether the last look had an alarm."""
        return bool(self._alarms) and self._alarms[-1] == self._n

    def update(self, values: ArrayLike, /) -> State:
        """Take the e-value of one look, or of several in their order, and return what is known after the last.

        Parameters
        ----------
        values : float or array-like of shape (n,)
        """
        try:
            given = np.atleast_1d(np.asarray(values, dtype=np.float64))
        except (TypeError, ValueError):
            given = np.array([-1.0])
        if given.ndim != 1 or not np.all(given >= 0):
            raise InvalidInput(f"an e-value is 0 or more, got {values!r:.80}; see the notes for that of a p-value")
        for e in given.tolist():
            self._n += 1
            self._value = (self._value + 1) * e
            if self._value >= self._threshold:
                self._value = 0.0
                self._alarms += (self._n,)
        return State(self._n, self._value, self.alarm)

    def __repr__(self) -> str:
        count = len(self._alarms)
        told = "no alarms" if not count else f"{count} alarm{'s' if count > 1 else ''}, the last at {self._alarms[-1]}"
        return f"EDetector(n = {self._n:,}, {self._value:.3g} of {self._threshold:,.0f}, {told})"
