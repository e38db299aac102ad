"""The tests of a column with an order: its distribution, its ends, its frequent values, its grid, its repeats."""

from __future__ import annotations

import math
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from mlcycle.stats._estimate import POWER, z_value
from mlcycle.stats.two_sample import _ordered, _ties
from mlcycle.stats.two_sample._drafts import (
    Draft,
    Measure,
    Plan,
    Sized,
    fewest_in_order,
    fewest_rows,
    share_draft,
    without_values,
)
from mlcycle.stats.two_sample._granularity import grids_of
from mlcycle.stats.two_sample._level_counts import closest
from mlcycle.stats.two_sample._shares import Shares, beyond_by_chance, detectable_share, wilson_ends
from mlcycle.stats.two_sample._sketch import Sketch, SortedSample, least_ks, widest_shift
from mlcycle.stats.two_sample._telling import percent, shown, shown_apart

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlcycle.stats.two_sample._column_summary import ColumnSummary

    Sample = Sketch | SortedSample

__all__ = ["frequent_values", "ordered_drafts", "outermost"]

# Where the shares of rows below a value are compared; the tails are where a distance of whole distributions sees least.
_LEVELS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99)
# Rows of either side from which those values are chosen, so that the choice hardly costs time.
_CHOSEN_FROM = 8192
# Of the level, what the distance of whole distributions may use up; the rest is for the shares at those values.
_WHOLE = 0.7
# By then the steps towards a change that makes its own error larger are below a hundredth.
_SETTLED = 12
_MANY = 200
# A quantile near the end of a column is told to move no more than three times as far as by a shift.
_FURTHER = 2 / 3
# Ties that `ks_p_value` takes no account of, and so calls nothing exact.
_NOT_COUNTED = np.zeros(0, np.intp)
# A value is frequent from this share of the smaller side on, over both sides together; so many are compared.
_FREQUENT, _MOST_FREQUENT = 0.02, 20


def ordered_drafts(before: ColumnSummary, after: ColumnSummary, kind: str, plan: Plan) -> list[Draft]:
    """Return the tests of two samples of numbers, moments or lengths of text, the values first.

    Parameters
    ----------
    before, after : ColumnSummary
        The two sides.
    kind : str
        ``numeric``, ``datetime`` or ``text``.
    plan : Plan
        What is the same for every column.
    """
    a, b = before.values, after.values
    aspect = "length" if kind == "text" else "values"
    if a is None or b is None or not a.n or not b.n:
        return [without_values("current data" if a is not None and a.n else "reference", plan, aspect)]
    kind = "nanoseconds" if before.unit == "ns" else kind
    drafts = [_values(before, after, kind, plan)]
    if kind == "text":
        return drafts
    drafts += _range(before, after, kind, plan) + _frequent(before, after, kind, plan)
    drafts += _grid(before, after, plan)
    if before.times is not None and after.times is not None:
        drafts.append(_time_of_day(before, after, plan))
    return drafts


def _worth(before: ColumnSummary, after: ColumnSummary) -> tuple[int, int]:
    """Return how many rows that do not hang together the values of either side are worth."""
    pairs = ((before, before.values), (after, after.values))
    n, m = (max(round(sample.n / side.design), 1) if sample else 0 for side, sample in pairs)
    return n, m


def _values(before: ColumnSummary, after: ColumnSummary, kind: str, plan: Plan) -> Draft:
    a, b = before.values, after.values
    assert a is not None
    assert b is not None
    n, m = _worth(before, after)
    distance = least_ks(a, b, negligible=_ordered.NEGLIGIBLE * math.sqrt(1 / n + 1 / m))
    p, test = _ks(distance, before, after, (n, m), _blocks(a, b))
    points, shares = _shares_below(a, b, (before.design, after.design))
    if len(points):
        p = min(1.0, p / _WHOLE, shares.test()[0] / (1 - _WHOLE))
        test = f"{test}, and shares below {len(points)} values"
    measures = [_share_below((a, b), distance, points, shares, (n, m), kind)]
    # The same confidence is asked for more than once.
    shift = cache(lambda confidence: widest_shift(a, b, confidence, (n, m)))
    if any(max(width[1:]) > 0 for width in shift(1 - plan.least).widths):
        hint = "; every value is different: is it an id?" if _never_repeat(before, after) else ""
        measures.insert(0, _quantiles(a, (n, m), kind, hint, shift, plan))
    needed = fewest_in_order(plan)
    if kind == "text" and len(measures) > 1:
        measures[0] = evolve(measures[0], aspect="length")
    return Draft(test, p, tuple(measures), needed if min(n, m) < needed else 0)


def _ks(
    distance: float,
    before: ColumnSummary,
    after: ColumnSummary,
    worth: tuple[int, int],
    ties: NDArray[np.intp] | None,
) -> tuple[float, str]:
    """Return the p-value of a distance; of rows that hang together by the limit, as nothing about them is exact."""
    from scipy import special

    n, m = worth
    if before.design == after.design == 1:
        return _ordered.ks_p_value(distance, n, m, ties)
    return float(special.kolmogorov(distance * math.sqrt(n * m / (n + m)))), "Kolmogorov-Smirnov"


def _quantiles(
    a: Sample,
    worth: tuple[int, int],
    kind: str,
    hint: str,
    shift: Callable[[float], _ordered.QuantileShift],
    plan: Plan,
) -> Measure:
    def sized(confidence: float) -> Sized:
        found = shift(confidence)
        before, after = shown_apart(found.before, found.after, kind)
        which = "median" if found.level == 0.5 else f"{100 * found.level:g} % quantile"
        return Sized(found.effect, found.low, found.high, f"{which} {before} -> {after}{hint}")

    def detectable(level: float, margin: float) -> float:
        # Whichever quantile moves: its near end must lie beyond the margin, and as many rows must have come past its
        # place as the test of shares there sees. The sample it moves in may spread as if everything grew in proportion.
        away, *halves = np.array(shift(1 - level).widths).T
        if not np.isfinite(halves).all():
            return math.inf
        reach = 1 + z_value(POWER) / z_value(1 - level / 2 / len(_ordered.GRID))
        past, found = _past(a, *worth, level * (1 - _WHOLE) / len(_LEVELS)) / shift(1 - level).scale, margin
        for _ in range(_SETTLED):
            grown = 1 + found / np.maximum(away, max(found / 4, sys.float_info.min))
            near = margin + np.hypot(halves[0], halves[1] * grown) * reach
            found = float(np.maximum(near, past).max())
            if not math.isfinite(found):  # so few rows that an outer quantile has no limit
                return math.inf
        return found

    # Of moments the column's own unit is a second.
    step = {"datetime": 1e6, "nanoseconds": 1e9}.get(kind, 1.0)
    return Measure("values", "robust sd", sized, detectable, shift(1 - plan.least).scale / step)


def _never_repeat(*sides: ColumnSummary) -> bool:
    """Return whether whole numbers are all different on hundreds of rows, as only ids are."""
    return not any(side.unit or side.rows < _MANY or not side.unique or not side.whole for side in sides)


def _past(side: Sample, n: int, m: int, level: float) -> NDArray[np.float64]:
    """Return for each quantile of the grid how far it must move for its share of rows to change as a test sees."""
    shares, last = np.asarray(_ordered.GRID), side.n - 1
    change = np.array([min(detectable_share(share, n, m, level, 0.0), 1.0) for share in _ordered.GRID])
    ranks = np.rint(np.clip(np.concatenate([shares - change, shares, shares + change]) * last, 0, last))
    low, here, high = side.order_statistics(ranks.astype(np.intp) + 1).mean(axis=0).reshape(3, -1)
    lowest, highest = (float(end) for end in side.ends())
    upper = shares > 0.5
    # A shift moves the quantile by so much; where everything grows in proportion, it must move further.
    inward, away = np.where(upper, here - low, high - here), np.where(upper, here - lowest, highest - here)
    told = away > 0
    part = np.divide(inward, away, out=np.zeros(len(shares)), where=told)
    return np.where(told, inward / (1 - np.minimum(part, _FURTHER)), 0.0)


def _share_below(
    samples: tuple[Sample, Sample],
    distance: float,
    points: NDArray[Any],
    shares: Shares,
    worth: tuple[int, int],
    kind: str,
) -> Measure:
    (a, b), (n, m) = samples, worth

    def sized(confidence: float) -> Sized:
        from scipy import special

        # Kolmogorov's band for the whole, Newcombe's limits at a few values: each for its part of the error.
        alpha, root = 1 - confidence, math.sqrt(1 / n + 1 / m)
        band = float(special.kolmogi(_WHOLE * alpha)) * root
        low, note = distance - band, f"{percent(distance)} of rows lie elsewhere"
        if len({*a.ends(), *b.ends()}) == 1:
            value = shown(a.ends()[0], kind)
            note = f"constant: {value} on every row of both sides"
            note = f"every text is {value} characters long" if kind == "text" else note
        if len(points):
            found = shares.change(1 - (1 - _WHOLE) * alpha)
            low = max(low, found.low)
            if found.effect:
                where = shown(points[found.at], kind)
                what = f"texts of up to {where} characters" if kind == "text" else f"rows up to {where}"
                note = f"{what}: {percent(found.before)} -> {percent(found.after)}"
        # Of a sketch the distance is the least there can be, and of samples nearly alike it is not looked for.
        most = max(distance, _ordered.NEGLIGIBLE * root) + a.doubt + b.doubt
        return Sized(distance, max(low, 0.0), min(most + band, 1.0), note)

    def detectable(level: float, margin: float) -> float:
        return detectable_share(0.5, n, m, level / 2 / max(len(points), 1), margin)

    return Measure("share", "share", sized, detectable)


def _shares_below(a: Sample, b: Sample, designs: tuple[float, float]) -> tuple[NDArray[Any], Shares]:
    """Return values spread over both samples together, and the shares of rows up to each.

    The values are chosen from both sides together, so that the choice knows nothing of the sides.
    """
    sides = [side.spread(_CHOSEN_FROM) for side in (a, b)]
    pooled, weights = (np.concatenate(parts) for parts in zip(*sides, strict=True))
    order = np.argsort(pooled, kind="stable")
    upto = np.cumsum(weights[order])
    points = np.unique(pooled[order[np.minimum(upto.searchsorted(np.asarray(_LEVELS) * upto[-1]), len(order) - 1)]])
    (_, upto_a), (_, upto_b) = a.counts_at(points), b.counts_at(points)
    x, y = closest(upto_a[0], upto_a[1], a.n, upto_b[0], upto_b[1], b.n)
    told = x + y < a.n + b.n
    return points[told], Shares.of(x[told], a.n, y[told], b.n, designs)


def _blocks(a: Sample, b: Sample) -> NDArray[np.intp] | None:
    """Return how often each different value occurs on both sides together, where ties matter and all are known.

    As `tie_blocks`: None where no value repeats, empty where ties are not counted.
    """
    if isinstance(a, SortedSample) and isinstance(b, SortedSample):
        return _ties.tie_blocks(a.values, b.values)
    # The sketch first: it knows at once, while rows have to be looked through.
    first, second = (b, a) if isinstance(a, SortedSample) else (a, b)
    mine = first.counted(_ties.SMALL)
    its = None if mine is None else second.counted(_ties.SMALL)
    if mine is None or its is None:
        return _NOT_COUNTED
    if a.n + b.n <= _ties.SMALL:
        return _ties.tie_blocks(np.repeat(*mine), np.repeat(*its))
    values = np.union1d(mine[0], its[0])
    if len(values) > _ties.BLOCKS:
        return _NOT_COUNTED
    blocks = np.zeros(len(values), np.intp)
    for points, counts in (mine, its):
        blocks[values.searchsorted(points)] += counts
    return blocks


# the ends -------------------------------------------------------------------------------------------------------------


def outermost(a: Sample, b: Sample, *, most: bool = False) -> tuple[int, int, int, int]:
    """Return the rows of `b` above and below all of `a`, and those of `a` above and below all of `b`.

    Of a sketch the fewest that there can be, or with ``most=True`` the most.

    Examples
    --------
    >>> outermost(SortedSample(np.array([1.0, 2.0, 3.0])), SortedSample(np.array([2.0, 5.0, 7.0])))
    (2, 0, 0, 1)
    """
    counts = []
    for side, other in ((b, a), (a, b)):
        below, upto = side.counts_at(np.array(other.ends()))
        counts += [side.n - int(upto[int(not most), 1]), int(below[int(most), 0])]
    return counts[0], counts[1], counts[2], counts[3]


def _range(before: ColumnSummary, after: ColumnSummary, kind: str, plan: Plan) -> list[Draft]:
    """Return the test of the rows beyond the range of the other side.

    The chance that the k outermost of all rows fall on one side, at either end and for either side. The effect is
    their share of that side, less what the division alone brings.
    """
    a, b = before.values, after.values
    assert a is not None
    assert b is not None
    n, m = _worth(before, after)
    sides = ((after, n, m), (after, n, m), (before, m, n), (before, m, n))
    ks = [int(k / side.design) for k, (side, _, _) in zip(outermost(a, b), sides, strict=True)]
    chances = [beyond_by_chance(k, other, own) for k, (_, other, own) in zip(ks, sides, strict=True)]
    mosts = [k / side.design for k, (side, _, _) in zip(outermost(a, b, most=True), sides, strict=True)]
    notes = _beyond(a, b, kind)

    def sized(confidence: float) -> Sized:
        each = 1 - (1 - confidence) / 4
        found = []
        for k, most, (_, other, own), note in zip(ks, mosts, sides, notes, strict=True):
            ends = wilson_ends(np.array([k, min(most, own)]), own, each)
            shares = float(ends[0][0]), k / own, float(ends[1][1])
            low, effect, high = (max(share - 1 / (other + 1), 0.0) for share in shares)
            found.append(Sized(effect, low, high, f"{percent(k / own)} {note}"))
        best = max(found, key=lambda one: (one.low, one.effect))
        return Sized(best.effect, best.low, max(one.high for one in found), best.note if best.effect else "")

    def detectable(level: float, margin: float) -> float:
        return detectable_share(margin, n, m, level / 4, margin)

    needed = fewest_rows(plan)
    p = min(1.0, 4 * min(chances))
    measure = Measure("range", "share", sized, detectable)
    return [Draft("outermost rows", p, (measure,), needed if min(n, m) < needed else 0)]


def _beyond(a: Sample, b: Sample, kind: str) -> tuple[str, str, str, str]:
    (low_a, high_a), (low_b, high_b) = a.ends(), b.ends()
    (x, y), (u, v) = shown_apart(low_a, low_b, kind), shown_apart(high_a, high_b, kind)
    return (
        f"of rows above {u}, the largest ever seen before; now up to {v}",
        f"of rows below {x}, the smallest ever seen before; now down to {y}",
        f"of rows were above {v}, the largest now; before up to {u}",
        f"of rows were below {y}, the smallest now; before down to {x}",
    )


# frequent values and grids --------------------------------------------------------------------------------------------


def frequent_values(before: ColumnSummary, after: ColumnSummary) -> tuple[NDArray[Any], Shares]:
    """Return the values that are frequent on both sides together, and the share of rows at each.

    Examples
    --------
    >>> import pandas as pd
    >>> from mlcycle.stats.two_sample._summarising import column_summary
    >>> a, b = (column_summary(pd.Series([*range(1, 100), *[0] * k], name="x")) for k in (1, 30))
    >>> values, shares = frequent_values(a, b)
    >>> values.tolist(), shares.reference.tolist(), shares.current.tolist()
    ([0], [1], [30])
    """
    a, b = before.values, after.values
    assert a is not None
    assert b is not None
    least = max(math.ceil(_FREQUENT * min(a.n, b.n)), 5)
    values = np.unique(np.concatenate([side.frequent(-(-least // 2)) for side in (a, b)]))
    counts = [side.counts_at(values) for side in (a, b)]
    (low_a, high_a), (low_b, high_b) = ((np.maximum(up[0] - under[1], 0), up[1] - under[0]) for under, up in counts)
    x, y = closest(low_a, high_a, a.n, low_b, high_b, b.n)
    total = x + y
    kept = np.flatnonzero((total >= least) & (total < a.n + b.n))
    if len(kept) > _MOST_FREQUENT:  # of those tied for the last place none, so that the choice does not know the sides
        kept = kept[total[kept] > np.sort(total[kept])[-_MOST_FREQUENT - 1]]
    return values[kept], Shares.of(x[kept], a.n, y[kept], b.n, (before.design, after.design))


def _frequent(before: ColumnSummary, after: ColumnSummary, kind: str, plan: Plan) -> list[Draft]:
    """Return the test of the share of rows at each value that is frequent on both sides together."""
    values, shares = frequent_values(before, after)
    if not len(values):
        return []

    def note(at: int, was: float, now: float) -> str:
        return f"exactly {shown(values[at], kind)}: {percent(was)} -> {percent(now)} of rows"

    return [share_draft("frequent values", shares, note, plan)]


def _grid(before: ColumnSummary, after: ColumnSummary, plan: Plan) -> list[Draft]:
    """Return the test of the share of values that are whole multiples of a thousand, a tenth, an hour and so on."""
    if not (before.on_grid and after.on_grid and before.on_grid[-1] and after.on_grid[-1]):
        return []
    (*on_a, n), (*on_b, m) = before.on_grid, after.on_grid
    names = grids_of(before.unit)
    told = [i for i, (x, y) in enumerate(zip(on_a, on_b, strict=True)) if 0 < x + y < n + m]
    if not told:
        return []
    shares = Shares.of([on_a[i] for i in told], n, [on_b[i] for i in told], m, (before.design, after.design))

    def note(at: int, was: float, now: float) -> str:
        grid = names[told[at]]
        what = f"on the whole {grid}" if before.unit else "whole numbers" if grid == "1" else f"multiples of {grid}"
        return f"{what}: {percent(was)} -> {percent(now)} of values"

    return [share_draft("granularity", shares, note, plan)]


def _time_of_day(before: ColumnSummary, after: ColumnSummary, plan: Plan) -> Draft:
    a, b = before.times, after.times
    assert a is not None
    assert b is not None
    n, m = max(round(a.n / before.design), 1), max(round(b.n / after.design), 1)
    distance = least_ks(a, b)
    p, test = _ks(distance, before, after, (n, m), _NOT_COUNTED)
    points, shares = _shares_below(a, b, (before.design, after.design))
    measure = _share_below((a, b), distance, points, shares, (n, m), "time")
    needed = fewest_in_order(plan)
    return Draft(test, p, (evolve(measure, aspect="time of day"),), needed if min(n, m) < needed else 0)
