"""Detectors that many people use, for comparison: page by page what their papers say, and no budget of false alarms."""

from __future__ import annotations

import math

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_whole

__all__ = ["ADWIN", "DDM", "PageHinkley"]


class PageHinkley:
    """The Page-Hinkley test: alarm when the sum of deviations from the running mean leaves its own extreme.

    Lives as long as the stream it watches. It has no stated rate of false alarms: how often it fires depends on the
    scale of the values against `threshold`. After an alarm it starts again.

    Parameters
    ----------
    delta : float, default 0.005
        The size of change that is tolerated, in the units of the values.
    threshold : float, default 50
        Alarm above this sum, in the units of the values.
    forgetting : float, default 0.9999
        Factor on the sum at each value.
    warm_up : int, default 30
        No alarm before so many values.
    mode : {"both", "up", "down"}, default "both"
        Which changes of the mean to look for.

    References
    ----------
    Page (1954), Continuous inspection schemes, Biometrika 41. Hinkley (1971), Biometrika 58. Defaults and the order of
    steps are those of river, whose alarms it reproduces.

    Examples
    --------
    >>> from mlcycle import stats
    >>> watch = stats.PageHinkley(threshold=5)
    >>> [at for at, x in enumerate([0.0] * 100 + [1.0] * 20) if watch.update(x)]
    [105]
    """

    def __init__(
        self,
        *,
        delta: float = 0.005,
        threshold: float = 50.0,
        forgetting: float = 1 - 0.0001,
        warm_up: int = 30,
        mode: str = "both",
    ) -> None:
        if mode not in ("both", "up", "down"):
            raise InvalidInput(f"mode is 'both', 'up' or 'down', got {mode!r}")
        if not (delta >= 0 and threshold > 0 and 0 < forgetting <= 1):
            raise InvalidInput(
                f"delta is 0 or more, threshold above 0 and forgetting a share up to 1, "
                f"got {delta!r}, {threshold!r} and {forgetting!r}"
            )
        self._delta, self._threshold, self._forgetting = delta, threshold, forgetting
        self._warm_up, self._mode = warm_up, mode
        self._restart()

    def _restart(self) -> None:
        self._n, self._mean, self._up, self._down = 0, 0.0, 0.0, 0.0
        self._least, self._most = math.inf, -math.inf

    def update(self, x: float) -> bool:
        """Take one value and return whether there is an alarm."""
        x = _finite(x)
        self._n += 1
        self._mean += (x - self._mean) / self._n
        away = x - self._mean
        self._up = self._forgetting * self._up + away - self._delta
        self._down = self._forgetting * self._down + away + self._delta
        self._least, self._most = min(self._least, self._up), max(self._most, self._down)
        if self._n < self._warm_up:
            return False
        rose = self._mode != "down" and self._up - self._least > self._threshold
        fell = self._mode != "up" and self._most - self._down > self._threshold
        if rose or fell:
            self._restart()
        return rose or fell

    def __repr__(self) -> str:
        return f"PageHinkley(n = {self._n:,} since the start or the last alarm, mean {self._mean:.3g})"


class DDM:
    """The drift detection method: alarm when errors rise three standard deviations above the lowest rate so far.

    Lives as long as the stream of errors it watches. It compares with a minimum at every look, so its false alarms are
    many and are not bounded. After an alarm it starts again.

    Parameters
    ----------
    warm_up : int, default 30
        No alarm before more than so many values.
    warning, drift : float, default 2 and 3
        Standard deviations above the minimum for a warning and for an alarm.

    References
    ----------
    Gama, Medas, Castillo and Rodrigues (2004), Learning with drift detection, SBIA. The order of steps is that of
    river, whose alarms it reproduces.

    Examples
    --------
    >>> from mlcycle import stats
    >>> watch = stats.DDM()
    >>> [at for at, wrong in enumerate([0, 0, 0, 1] * 50 + [1] * 30) if watch.update(wrong)]
    [216]
    """

    def __init__(self, *, warm_up: int = 30, warning: float = 2.0, drift: float = 3.0) -> None:
        if not 0 < warning <= drift:
            raise InvalidInput(f"warning is above 0 and at most drift, got {warning!r} and {drift!r}")
        self._warm_up, self._warning, self._drift = warm_up, warning, drift
        self._restart()

    def _restart(self) -> None:
        self._n, self._rate = 0, 0.0
        self._least, self._spread = math.inf, math.inf
        self.warned = False

    def update(self, wrong: float) -> bool:
        """Take one outcome, 1 for an error and 0 for none, and return whether there is an alarm."""
        if not 0 <= wrong <= 1:
            raise InvalidInput(f"DDM watches errors, 1 for wrong and 0 for right, got {wrong!r}")
        self._n += 1
        self._rate += (float(wrong) - self._rate) / self._n
        # Rounding may take a mean of ones above 1.
        spread = math.sqrt(max(self._rate * (1 - self._rate), 0.0) / self._n)
        if self._n <= self._warm_up:
            return False
        if self._rate + spread <= self._least + self._spread:
            self._least, self._spread = self._rate, spread
        if self._rate + spread > self._least + self._drift * self._spread:
            self._restart()
            return True
        self.warned = self._rate + spread > self._least + self._warning * self._spread
        return False

    def __repr__(self) -> str:
        return f"DDM(n = {self._n:,} since the start or the last alarm, error {self._rate:.3g})"


class ADWIN:
    """Adaptive windowing: cuts a window of recent values wherever its two parts have different means.

    Lives as long as the stream it watches. The window is kept as sums over buckets of 1, 2, 4, … values. `delta` bounds
    the false alarms of one check only; one is made every `clock` values, at every cut. After an alarm it starts again.

    Parameters
    ----------
    delta : float, default 0.002
        Level of one check.
    clock : int, default 32
        Check every so many values.
    buckets : int, default 5
        Of each size, before the two oldest are merged.
    shortest : int, default 5
        Values in either part of a cut, at least.
    warm_up : int, default 10
        No check up to so many values.

    References
    ----------
    Bifet and Gavaldà (2007), Learning from time-changing data with adaptive windowing, SDM. Cuts, buckets and the order
    of steps are those of river, whose alarms it reproduces.

    Examples
    --------
    >>> from mlcycle import stats
    >>> watch = stats.ADWIN()
    >>> [at for at, x in enumerate([0.0, 1.0] * 250 + [2.0, 3.0] * 50) if watch.update(x)]
    [511]
    >>> watch.width
    88
    """

    def __init__(
        self, *, delta: float = 0.002, clock: int = 32, buckets: int = 5, shortest: int = 5, warm_up: int = 10
    ) -> None:
        if not 0 < delta < 1:
            raise InvalidInput(f"delta is a level between 0 and 1 such as 0.002, got {delta!r}")
        for name, value in (("clock", clock), ("buckets", buckets), ("shortest", shortest)):
            check_whole(value, name, 1)
        self._delta, self._clock, self._most = delta, clock, buckets
        self._shortest, self._warm_up = shortest, warm_up
        self._restart()

    def _restart(self) -> None:
        # Row i has buckets of 2 ** i values, the oldest first, each the sum and the sum of squares about its mean.
        self._rows: list[list[tuple[float, float]]] = [[]]
        self._width, self._total, self._squares, self._ticks = 0, 0.0, 0.0, 0

    @property
    def width(self) -> int:
        """Values in the window."""
        return self._width

    @property
    def mean(self) -> float:
        """Their mean, not a number for none."""
        return self._total / self._width if self._width else math.nan

    def update(self, x: float) -> bool:
        """Take one value and return whether there is an alarm."""
        self._insert(_finite(x))
        self._ticks += 1
        if self._ticks % self._clock or self._width <= self._warm_up:
            return False
        alarm = False
        while self._cut():
            alarm = True
            self._drop_oldest()
        if alarm:
            self._restart()
        return alarm

    def _insert(self, x: float) -> None:
        if self._width:
            self._squares += self._width * (x - self._total / self._width) ** 2 / (self._width + 1)
        self._width += 1
        self._total += x
        self._rows[0].append((x, 0.0))
        row = 0
        while len(self._rows[row]) > self._most:
            if row + 1 == len(self._rows):
                self._rows.append([])
            (sum_a, squares_a), (sum_b, squares_b) = self._rows[row][:2]
            del self._rows[row][:2]
            size = 2**row
            apart = size * (sum_a / size - sum_b / size) ** 2 / 2
            self._rows[row + 1].append((sum_a + sum_b, squares_a + squares_b + apart))
            row += 1

    def _drop_oldest(self) -> None:
        size = 2 ** (len(self._rows) - 1)
        total, squares = self._rows[-1].pop(0)
        self._width -= size
        self._total -= total
        apart = total / size - self._total / self._width
        self._squares -= squares + size * self._width * apart**2 / (size + self._width)
        if not self._rows[-1]:
            self._rows.pop()

    def _cut(self) -> bool:
        """Return whether the window falls into two parts somewhere."""
        old, old_sum = 0, 0.0
        for row in range(len(self._rows) - 1, -1, -1):
            for total, _ in self._rows[row]:
                old, old_sum = old + 2**row, old_sum + total
                new = self._width - old
                if min(old, new) >= self._shortest and self._differ(old, old_sum / old, new, self._total - old_sum):
                    return True
        return False

    def _differ(self, old: int, old_mean: float, new: int, new_sum: float) -> bool:
        level = math.log(2 * math.log(self._width) / self._delta)
        parts = 1 / (old - self._shortest + 1) + 1 / (new - self._shortest + 1)
        variance = max(self._squares / self._width, 0.0)
        allowed = math.sqrt(2 * parts * variance * level) + 2 / 3 * level * parts
        return abs(old_mean - new_sum / new) > allowed

    def __repr__(self) -> str:
        return f"ADWIN({self._width:,} values in the window, mean {self.mean:.3g})"


def _finite(x: float) -> float:
    value = float(x)
    if not math.isfinite(value):
        raise InvalidInput(f"a value is a finite number, got {value!r}; count missing values as a stream of their own")
    return value
