"""How many false alarms a year are bearable: the knob, turned into levels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_share, check_size, check_whole

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = ["Budget"]

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_YEAR = 365.25 * 86_400
# However long nobody looked, no look is worth less than a test at the usual 5 %.
_LARGEST = 0.05


def _alarms(count: Any) -> float:
    """Return the number of alarms a year as a float, or say what came."""
    found = check_size(count, "false_alarms_per_year", "how many false alarms a year are bearable, such as 1")
    if not found:
        raise InvalidInput("false_alarms_per_year lies above 0, such as 0.1 for one in ten years; got 0")
    return found


def _seconds(cadence: Any) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h|d|w)\s*", str(cadence).lower())
    if not found or not 0 < float(found[1]) * _SECONDS[found[2]] <= _YEAR:
        raise InvalidInput(f"cadence is the time between looks such as '15min', '12h', '1d' or '1w', got {cadence!r}")
    return float(found[1]) * _SECONDS[found[2]]


@frozen(repr=False)
class Budget:
    """How many false alarms a year are bearable, over all that is watched, and the levels that follow from it.

    Attributes
    ----------
    false_alarms_per_year : float, default 1
        The expected number, over all streams together. 0.1 is one in ten years.
    cadence : str, default "1d"
        Time between looks: a number and ``s``, ``min``, ``h``, ``d`` or ``w``.
    streams : int, default 1
        How many things are looked at each time: columns, slices, models.

    Raises
    ------
    InvalidInput
        If an argument is out of range, or the budget is larger than the number of looks.

    Notes
    -----
    By linearity of expectation none of the levels needs the streams to be independent of one another.

    - Tests made afresh at each look, each at `level`: that many false alarms are expected over all looks of all
      streams. This holds for one fixed reference and for windows that overlap, too, on average over references; the
      alarms of an unlucky one come in crowds. Where looks come as they like, `level_after` gives the level of each.
    - An `EDetector` with `threshold`, which starts again after each alarm. Its value R with A alarms so far
      satisfies ``E[R + threshold * A] <= looks``, as every look adds 1 to the expectation of R and every alarm takes at
      least the threshold off; so ``E[A] <= looks / threshold`` after any number of looks.

    References
    ----------
    Shin, Ramdas and Rinaldo (2023), E-detectors: a nonparametric framework for sequential change detection, New England
    Journal of Statistics in Data Science 2(2).

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.Budget(false_alarms_per_year=1, cadence="1d", streams=40)
    Budget(1 false alarm a year expected over 40 streams looked at every 1d, 365 times a year: a test made afresh at
    each
        look at level 6.84e-05, an e-detector with threshold 14,610)
    >>> stats.Budget(false_alarms_per_year=2, cadence="1w").level.__round__(4)
    0.0383
    """

    false_alarms_per_year: float = field(default=1.0, converter=_alarms)
    cadence: str = "1d"
    streams: int = 1

    def __attrs_post_init__(self) -> None:
        _seconds(self.cadence)
        check_whole(self.streams, "streams", 1)
        most = self.looks_per_year * self.streams
        if not self.false_alarms_per_year < most:
            raise InvalidInput(
                f"false_alarms_per_year lies above 0 and below the {most:,.0f} looks there are, "
                f"got {self.false_alarms_per_year!r}"
            )

    @property
    def looks_per_year(self) -> float:
        """Looks at each stream in a year of 365.25 days."""
        return _YEAR / _seconds(self.cadence)

    @property
    def level(self) -> float:
        """The level of one test of one stream at one look, when tests are made afresh at each look."""
        return self.false_alarms_per_year / (self.looks_per_year * self.streams)

    def level_after(self, last: float | None = None, elapsed: timedelta | None = None) -> float:
        """Return the level of a test made afresh now, however irregular the looks are.

        What may be spent grows with time, and every look spends half of what there is: looks at the cadence come to
        `level` each, the second look of a day to half of it, one after a month to the level of half a month. The number
        of false alarms expected in any time is at most the budget for it and that of two looks at the cadence. The
        level a look had is all there is to keep.

        Parameters
        ----------
        last : float, optional
            The level of the last look; None at the first, which gets `level`.
        elapsed : timedelta, optional
            Time since then.

        Raises
        ------
        InvalidInput
            If `last` is no level.

        References
        ----------
        The bound is linearity of expectation, as for spending functions of sequential trials: Lan and DeMets (1983),
        Discrete sequential boundaries for clinical trials, Biometrika 70.

        Examples
        --------
        >>> from datetime import timedelta
        >>> budget = Budget(false_alarms_per_year=1, cadence="1d")
        >>> first = budget.level_after()
        >>> [round(1e4 * budget.level_after(first, timedelta(days=days)), 1) for days in (0, 1, 30)]
        [13.7, 27.4, 424.4]
        """
        if last is None:
            return min(self.level, _LARGEST)
        if elapsed is None or not 0 < check_share(last, "last", 0.003) <= _LARGEST:
            raise InvalidInput(
                f"last is the level of the last look, up to {_LARGEST:g}, with elapsed=, the time since then as a "
                f"timedelta; got {last!r} and {elapsed!r}"
            )
        years = max(elapsed.total_seconds(), 0.0) / _YEAR
        return min((last + self.false_alarms_per_year * years / self.streams) / 2, _LARGEST)

    @property
    def threshold(self) -> float:
        """The threshold of the `EDetector` of each stream, fed once a look."""
        return 1 / self.level

    def __repr__(self) -> str:
        alarms = f"{self.false_alarms_per_year:g} false alarm{'' if self.false_alarms_per_year == 1 else 's'}"
        streams = "1 stream" if self.streams == 1 else f"{self.streams:,} streams"
        looks = f"looked at every {self.cadence}, {self.looks_per_year:,.0f} times a year"
        levels = f"a test made afresh at each look at level {self.level:.3g}, "
        levels += f"an e-detector with threshold {self.threshold:,.0f}"
        return f"Budget({alarms} a year expected over {streams} {looks}: {levels})"
