"""What probably happened to a column that drifted: the fault that explains its change best, where one does.

A fault that befell a share ``s`` of rows changes the distribution of a column from ``F`` to ``(1 - s) F + s F_T``, with
``F_T`` that of the transformed values. So the change ``G - F`` is held against ``F_T - F``: the share is what fits best
by least squares, and a fault explains the change when little of it is left.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, evolve, frozen

from mlcycle.stats.two_sample._margins import MARGINS
from mlcycle.stats.two_sample._ordered_drafts import frequent_values, outermost
from mlcycle.stats.two_sample._summarising import column_summary
from mlcycle.stats.two_sample._telling import percent, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from mlcycle.stats.two_sample._column_summary import ColumnSummary
    from mlcycle.stats.two_sample._findings import ColumnDrift
    from mlcycle.stats.two_sample._sketch import Sketch, SortedSample

__all__ = ["guessed"]

# So many columns, the worst, are looked into again.
_MOST = 20
# What of the squared change a fault must explain to be named, and the least share of rows it is looked for on.
_EXPLAINED, _PLAIN, _LEAST_SHARE = 0.95, 0.6, 0.005
# A change smaller than so many times what chance brings, as a sum of squares, is explained by many faults.
_CLEAR = 4.0
# How much of the largest change a fault may leave anywhere.
_ANYWHERE = 0.2
# Units that a part of the rows is told to have come in; any other is told of all of them alone, where the middle half
# and the median are known well enough to tell it from its like. 1.6 is the standard error of that range, for one row of
# a normal law.
_PARTLY, _NEARLY, _ALL, _KNOWN = ("x 10", "/ 10", "°F", "°C to °F"), 0.06, 0.9, 1.6
# By less than so many days a clock is off; by more, time went on.
_DAYS = 2
# Rows without a value are told by another column of at most so many levels, one of which nearly all of them have.
_FEW_LEVELS, _NEARLY_ALL = 100, 0.9
_SIGN, _ONE_VALUE, _SHIFT = "sign", "one value", "shift"
_PLACES = np.linspace(0.001, 0.999, 200)
# Values that stand for "not known" where a column of numbers has no other way to say so.
_STANDS_FOR_MISSING = {0.0, -1.0, *(sign * (10.0**k - 1) for k in range(1, 10) for sign in (1, -1))}
_UNITS: dict[str, tuple[float, float]] = {
    **{f"x {10**k}": (10.0**k, 0.0) for k in (1, 2, 3, 4, 6, 9)},
    **{f"/ {10**k}": (10.0**-k, 0.0) for k in (1, 2, 3, 4, 6, 9)},
    "°F to °C": (1 / 1.8, -32 / 1.8), "°C to °F": (1.8, 32.0),
    "°C to kelvin": (1.0, 273.15), "kelvin to °C": (1.0, -273.15),
    "x 60": (60.0, 0.0), "/ 60": (1 / 60, 0.0), "x 3600": (3600.0, 0.0), "/ 3600": (1 / 3600, 0.0),
    "x 24": (24.0, 0.0), "/ 24": (1 / 24, 0.0), "x 1024": (1024.0, 0.0), "/ 1024": (1 / 1024, 0.0),
    "inches to cm": (2.54, 0.0), "cm to inches": (1 / 2.54, 0.0), "feet to metres": (0.3048, 0.0),
    "metres to feet": (1 / 0.3048, 0.0), "miles to km": (1.609344, 0.0), "km to miles": (1 / 1.609344, 0.0),
    "pounds to kg": (0.45359237, 0.0), "kg to pounds": (1 / 0.45359237, 0.0), "knots to m/s": (0.514444, 0.0),
    "m/s to knots": (1 / 0.514444, 0.0), "m/s to km/h": (3.6, 0.0), "km/h to m/s": (1 / 3.6, 0.0),
}  # fmt: skip


@frozen
class _Fit:
    """On what share of rows a fault explains a change best, and how much of it: in all, and of what is no chance."""

    share: float
    plain: float
    explained: float

    @property
    def holds(self) -> bool:
        return self.share > _LEAST_SHARE and self.explained > _EXPLAINED and self.plain > _PLAIN


@define(slots=False)
class _Evidence:
    """A column that drifted, with both of its sides."""

    column: ColumnDrift
    before: ColumnSummary
    after: ColumnSummary

    @cached_property
    def aspects(self) -> frozenset[str]:
        """What of the column drifted."""
        return frozenset(shift.aspect for shift in self.column.shifts if shift.verdict == "drifted")

    @property
    def leads(self) -> str:
        return self.column.leading.aspect

    @cached_property
    def samples(self) -> tuple[Any, Any] | None:
        """Both sides in order, where they have values."""
        a, b = self.before.values, self.after.values
        return (a, b) if a is not None and b is not None and a.n and b.n else None

    @cached_property
    def points(self) -> NDArray[np.float64]:
        """Values spread over both sides, where their distributions are held against each other."""
        assert self.samples is not None
        return np.unique(np.concatenate([_quantiles(side) for side in self.samples]))

    @cached_property
    def shares(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """``F`` and ``G`` at the points."""
        assert self.samples is not None
        return self.before_upto(self.points), _upto(self.samples[1], self.points)

    @cached_property
    def change(self) -> NDArray[np.float64]:
        """``G - F`` at the points."""
        return self.shares[1] - self.shares[0]

    @cached_property
    def noise(self) -> float:
        """The squared change that chance alone brings, over all points."""
        assert self.samples is not None
        a, b = self.samples
        both = (self.shares[0] * a.n + self.shares[1] * b.n) / (a.n + b.n)
        return float((both * (1 - both)).sum() * (1 / a.n + 1 / b.n))

    @property
    def hair(self) -> float:
        """What chance alone brings at the point where it brings most, as a rule."""
        assert self.samples is not None
        return math.sqrt(sum(1 / side.n for side in self.samples))

    @cached_property
    def risen(self) -> tuple[float, float, float] | None:
        """The value whose share of rows rose most, before and after, where that is beyond its margin."""
        if "frequent values" not in self.aspects or self.samples is None:
            return None
        values, shares = frequent_values(self.before, self.after)
        gap = shares.current / shares.m - shares.reference / shares.n
        at = int(np.argmax(gap))
        return (
            (float(values[at]), shares.reference[at] / shares.n, shares.current[at] / shares.m) if gap[at] > 0 else None
        )

    @cached_property
    def fits(self) -> dict[str, _Fit]:
        """How each fault of numbers explains the change."""
        if self.samples is None or self.column.kind not in ("numeric", "discrete", "datetime"):
            return {}
        found = {}
        if self.column.kind != "datetime":
            found = {name: self._moved(*unit) for name, unit in _UNITS.items()} | {_SIGN: self._moved(-1.0, 0.0)}
        if self.risen is not None:
            found[_ONE_VALUE] = self.fitted((self.points >= self.risen[0]).astype(np.float64))
        # By how much many rows moved shows in the middle, and by how much a few at the ends.
        (_, before, _), (_, after, _) = (_middle(side) for side in self.samples)
        (low, high), (least, most) = ((float(end) for end in side.ends()) for side in self.samples)
        shifts = [self._moved(1.0, by) for by in (after - before, most - high, least - low) if by]
        return {_SHIFT: max(shifts, key=lambda fit: fit.plain, default=_Fit(0.0, 0.0, 0.0)), **found}

    @cached_property
    def best(self) -> tuple[str, float]:
        """The fault that explains the change best, and on what share of rows; none where none does."""
        # Faults of many rows at one value look like many others, so that comes first among what fits as well; the shift
        # was made to fit, and comes last.
        order = {_ONE_VALUE: 0.005, _SHIFT: -0.02, "x 1024": -0.005, "/ 1024": -0.005}
        name, fit = max(self.fits.items(), key=lambda item: item[1].plain + order.get(item[0], 0.0))
        return (name, fit.share) if fit.holds else ("", 0.0)

    def _moved(self, slope: float, shift: float) -> _Fit:
        """Return how ``slope x + shift`` on a share of rows explains the change."""
        assert self.samples is not None
        where = (self.points - shift) / slope
        return self.fitted(self.before_upto(where) if slope > 0 else 1.0 - _below(self.samples[0], where))

    def before_upto(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of the reference's rows up to any points."""
        assert self.samples is not None
        return _upto(self.samples[0], points)

    def fitted(self, then: NDArray[np.float64]) -> _Fit:
        """Return how a fault explains the change, after which a share ``then`` of its rows is up to each point."""
        return _fitted(self.change, then - self.shares[0], self.noise, self.hair)


def _fitted(change: NDArray[np.float64], fault: NDArray[np.float64], noise: float, hair: float) -> _Fit:
    """Return how a fault on the share of rows that fits best explains the change, which holds so much `noise`."""
    size, total = float(fault @ fault), float(change @ change)
    if min(size, total) <= 0 or total <= _CLEAR * noise:
        return _Fit(0.0, 0.0, 0.0)
    share = min(max(float(fault @ change) / size, 0.0), 1.0)
    left = change - share * fault
    rest = float(left @ left)
    # What fits on the whole but not where it matters is another fault: what adds looks like what multiplies.
    if np.abs(left).max() > _ANYWHERE * np.abs(change).max() + hair:
        return _Fit(share, 0.0, 0.0)
    return _Fit(share, 1 - rest / total, 1 - max(rest - noise, 0.0) / (total - noise))


def _quantiles(side: Sketch | SortedSample) -> NDArray[np.float64]:
    ranks = (_PLACES * (side.n - 1)).astype(np.intp) + 1
    found: NDArray[np.float64] = side.order_statistics(np.unique([1, *ranks.tolist(), side.n])).mean(axis=0)
    return found


def _upto(side: Sketch | SortedSample, points: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = side.counts_at(points)[1].mean(axis=0) / side.n
    return found


def _below(side: Sketch | SortedSample, points: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = side.counts_at(points)[0].mean(axis=0) / side.n
    return found


def guessed(
    columns: list[ColumnDrift],
    sides: Mapping[Hashable, tuple[ColumnSummary, ColumnSummary]],
    frames: tuple[pd.DataFrame, pd.DataFrame] | None,
) -> list[ColumnDrift]:
    """Return the columns, those that drifted with a guess at what happened, where the evidence allows one."""
    drifted = [c for c in columns if c.verdict == "drifted" and c.leading.aspect not in ("column", "infinite")]
    drifted = sorted(drifted, key=lambda c: -c.leading.beyond)[:_MOST]
    evidence = [_Evidence(column, *sides[column.name]) for column in drifted]
    found = _swaps([one for one in evidence if one.column.kind in ("numeric", "discrete") and one.samples])
    for one in evidence:
        if one.column.name not in found and (guess := _first_that_fits(one)):
            found[one.column.name] = guess
    if frames is not None:
        _segments(evidence, found, *frames)
    return [evolve(c, family=found[c.name][0], guess=found[c.name][1]) if c.name in found else c for c in columns]


def _segments(
    evidence: list[_Evidence], found: dict[Any, tuple[str, str]], reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    """Say where values are missing, and which columns moved because rows with one level of another are gone."""
    lost = [
        (one.column.name, max(names, key=lambda name: names[name]))
        for one in evidence
        if found.get(one.column.name, ("",))[0] == "level lost" and (names := _lost_levels(one))
    ]
    for one in evidence:
        name = one.column.name
        if found.get(name, ("",))[0] == "nulls" and (where := _where_null(name, current)):
            found[name] = "nulls", where
        if name in found or one.samples is None or one.column.kind not in ("numeric", "discrete", "datetime"):
            continue
        for other, level in lost:
            kept = column_summary(reference[name][(reference[other] != level).to_numpy()], size=None).values
            if kept is not None and kept.n and one.fitted(_upto(kept, one.points)).holds:
                found[name] = "segment missing", f"because rows with {other} {level!r} are missing?"
                break


def _where_null(name: Any, frame: pd.DataFrame) -> str:
    """Return the level of another column that nearly all rows without a value have, and most others have not."""
    null = frame[name].isna().to_numpy()
    for other in frame.columns:
        if other == name or not 1 < frame[other].nunique(dropna=False) <= _FEW_LEVELS:
            continue
        counts = frame[other][null].value_counts(dropna=False)
        level, share = counts.index[0], counts.iloc[0] / null.sum()
        if share > _NEARLY_ALL and (frame[other] == level).mean() < _NEARLY_ALL / 2:
            return f"{percent(share)} of them where {other} is {level!r}"
    return ""


def _lost_levels(one: _Evidence) -> dict[Any, int]:
    a, b = one.before.levels, one.after.levels
    if a is None or b is None:
        return {}
    kept = set(b.names)
    return {name: int(low) for name, low in zip(a.names, a.low, strict=True) if name not in kept}


def _first_that_fits(one: _Evidence) -> tuple[str, str] | None:
    for family, fits in _RULES.items():
        says = fits(one)
        if says is not None:
            return family, says
    return None


def _swaps(evidence: list[_Evidence]) -> dict[Any, tuple[str, str]]:
    """Return the pairs of columns that changed places: each changed as a mixture with the other would."""
    found: dict[Any, tuple[str, str]] = {}
    for i, one in enumerate(evidence):
        for other in evidence[i + 1 :]:
            if one.column.name in found or other.column.name in found:
                continue
            fits = [mine.fitted(its.before_upto(mine.points)) for mine, its in ((one, other), (other, one))]
            if all(fit.holds for fit in fits):
                for mine, its in ((one, other), (other, one)):
                    says = f"swapped with {its.column.name} on {percent(fits[0].share)} of rows?"
                    found[mine.column.name] = ("swapped", says)
    return found


# what happened, the first that fits ----------------------------------------------------------------------------------


def _nulls(one: _Evidence) -> str | None:
    return "" if one.leads == "nulls" else None


def _unit(one: _Evidence) -> str | None:
    if not one.fits or one.best[0] not in _UNITS:
        return None
    name, share = one.best
    if not name.startswith(_PARTLY):
        assert one.samples is not None
        (low, middle, high), (least, now, most) = (_middle(side) for side in one.samples)
        slope, shift = _UNITS[name]
        # The median and the range of the middle half are each known so well, as parts of that range.
        known = _KNOWN * math.sqrt(1 / one.samples[0].n + 1 / one.samples[1].n) * slope * (high - low)
        wide, far = abs(most - least - slope * (high - low)), abs(now - slope * middle - shift)
        clear = known < _NEARLY * (abs(shift) if slope == 1 else slope * (high - low))
        if share < _ALL or not clear or max(wide, far) > 2 * known:
            return None
    return f"another unit ({name}) on {percent(share)} of rows?"


def _sign(one: _Evidence) -> str | None:
    return f"the sign turned on {percent(one.best[1])} of rows?" if one.fits and one.best[0] == _SIGN else None


def _missing_as_number(one: _Evidence) -> str | None:
    if one.column.kind == "datetime" or not one.fits or one.best[0] != _ONE_VALUE:
        return None
    value, was, _ = one.risen or (math.nan, 0.0, 0.0)
    # 0 is a value of many columns; of the others only one that the reference hardly has stands for something else.
    if value not in _STANDS_FOR_MISSING or (value != 0 and was > _LEAST_SHARE):
        return None
    return f"{shown(value, 'numeric')} in place of missing values?"


def _stuck(one: _Evidence) -> str | None:
    if not one.fits or one.best[0] != _ONE_VALUE or one.risen is None:
        return None
    return f"stuck at {shown(one.risen[0], one.column.kind)}?"


def _clipped(one: _Evidence) -> str | None:
    if one.risen is None or one.samples is None:
        return None
    value, was, now = one.risen
    low, high = (float(end) for end in one.samples[1].ends())
    _, _, above, below = outermost(*one.samples)
    for end, gone, side in ((high, above, "above"), (low, below, "below")):
        if value == end and gone / one.samples[0].n > (now - was) / 2:
            return f"clipped {side} at {shown(value, one.column.kind)}?"
    return None


def _repeated(one: _Evidence) -> str | None:
    more = one.after.repeated * one.before.pairs > one.before.repeated * one.after.pairs
    return "rows took their value from the row before?" if "repeated" in one.aspects and more else None


def _rounded(one: _Evidence) -> str | None:
    if "granularity" not in one.aspects or one.column.kind == "datetime":
        return None
    (*on_a, n), (*on_b, m) = one.before.on_grid, one.after.on_grid
    coarser = max(y / m - x / n for x, y in zip(on_a, on_b, strict=True))
    return "rounded?" if coarser > MARGINS["granularity"] else None


def _clock(one: _Evidence) -> str | None:
    if one.column.kind != "datetime" or one.samples is None:
        return None
    a_second = 1e9 if "ns" in (one.before.unit, one.after.unit) else 1e6
    (_, before, _), (_, after, _) = (_middle(side) for side in one.samples)
    by_hours = one.best[0] == _SHIFT and abs(after - before) < _DAYS * 86_400 * a_second
    return "a clock or time zone that is off?" if by_hours or {"time of day", "granularity"} & one.aspects else None


def _spread(one: _Evidence) -> str | None:
    if one.column.kind not in ("numeric", "discrete") or one.samples is None:
        return None
    (a_low, a_mid, a_high), (b_low, b_mid, b_high) = (_middle(side) for side in one.samples)
    if a_high <= a_low or b_high <= b_low:
        return None
    outward = (a_low - b_low) * (b_high - a_high) > 0
    apart = abs((b_high - b_low) - (a_high - a_low))
    if not outward or apart < 2 * abs(b_mid - a_mid):
        return None
    return f"the middle half of values is {(b_high - b_low) / (a_high - a_low):.2g} times as wide"


def _middle(side: Sketch | SortedSample) -> tuple[float, float, float]:
    ranks = np.array([round(share * (side.n - 1)) + 1 for share in (0.25, 0.5, 0.75)])
    low, mid, high = side.order_statistics(ranks).mean(axis=0).tolist()
    return low, mid, high


def _shifted(one: _Evidence) -> str | None:
    return "" if one.fits and one.best[0] == _SHIFT else None


def _new_levels(one: _Evidence) -> Counter[str]:
    levels = one.after.levels
    if levels is None or one.before.levels is None or "unseen levels" not in one.aspects:
        return Counter()
    seen = set(one.before.levels.names)
    return Counter(
        {str(name): int(low) for name, low in zip(levels.names, levels.low, strict=True) if name not in seen}
    )


def _mostly(one: _Evidence, is_so: Callable[[str], bool]) -> bool:
    """Return whether something is so of most rows of new levels."""
    new = dict(_new_levels(one).most_common(_FEW_LEVELS))
    return 2 * sum(rows for name, rows in new.items() if is_so(name)) > sum(new.values()) > 0


def _names_before(one: _Evidence) -> list[str]:
    return [str(name) for name in one.before.levels.names] if one.before.levels else []


def _case(one: _Evidence) -> str | None:
    if one.column.kind == "text":
        return "written in another case?" if one.leads == "letters" else None
    folded = {name.casefold() for name in _names_before(one)}
    return "the same names in another case?" if _mostly(one, lambda name: name.casefold() in folded) else None


def _cut(one: _Evidence) -> str | None:
    said = "cut off?"
    if one.column.kind != "text":
        known = _names_before(one)
        return said if _mostly(one, lambda name: any(old.startswith(name) for old in known)) else None
    if not {"length", "share"} & one.aspects or "new signs" in one.aspects or one.samples is None:
        return None
    return said if one.change[np.argmax(np.abs(one.change))] > 0 else None  # more short texts


def _garbled(one: _Evidence) -> str | None:
    return "another language or encoding?" if {"new signs", "new words"} & one.aspects else None


def _new_level(one: _Evidence) -> str | None:
    return "" if "unseen levels" in one.aspects else None


def _merged(one: _Evidence) -> str | None:
    gone = _gone(one)
    if gone is None:
        return None
    names, before, after = gone
    lost = float(before[after == 0].sum())
    gain = after - before
    at = int(np.argmax(gain))
    # Where rows are gone, the other levels gain in proportion; where they went to one level, that alone does.
    in_proportion = np.where(after > 0, before * lost / (1 - lost) if lost < 1 else 0.0, -before)
    to_one = np.where(after > 0, 0.0, -before)
    to_one[at] += lost
    if _CLEAR * float(((gain - to_one) ** 2).sum()) < float(((gain - in_proportion) ** 2).sum()):
        return f"merged into {names[at]!r}?"
    return None


def _gone(one: _Evidence) -> tuple[list[Any], NDArray[np.float64], NDArray[np.float64]] | None:
    a, b = one.before.levels, one.after.levels
    if "lost levels" not in one.aspects or a is None or b is None or _new_levels(one):
        return None
    names = list(a.names)
    found = [(side.counts_of(tuple(names))[0] / side.n) for side in (a, b)]
    return names, found[0], found[1]


def _level_lost(one: _Evidence) -> str | None:
    return "" if "lost levels" in one.aspects else None


_RULES: dict[str, Callable[[_Evidence], str | None]] = {
    "nulls": _nulls,
    "missing as a number": _missing_as_number,
    "stuck": _stuck,
    "clipped": _clipped,
    "unit change": _unit,
    "sign turned": _sign,
    "case changed": _case,
    "text cut": _cut,
    "garbled": _garbled,
    "new level": _new_level,
    "levels merged": _merged,
    "level lost": _level_lost,
    "rounded": _rounded,
    "repeated": _repeated,
    "clock shifted": _clock,
    "spread": _spread,
    "shifted": _shifted,
}
