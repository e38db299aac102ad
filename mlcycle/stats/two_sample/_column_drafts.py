"""One column on two sides: what it is compared as, and every test it gets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from mlcycle.stats.two_sample import _columns
from mlcycle.stats.two_sample._column_summary import ColumnSummary
from mlcycle.stats.two_sample._drafts import Draft, Measure, Plan, Sized, share_draft, untested
from mlcycle.stats.two_sample._level_counts import LevelCounts
from mlcycle.stats.two_sample._level_drafts import level_drafts
from mlcycle.stats.two_sample._ordered_drafts import ordered_drafts
from mlcycle.stats.two_sample._shares import Shares
from mlcycle.stats.two_sample._sketch import Sketch, SortedSample
from mlcycle.stats.two_sample._summarising import column_summary
from mlcycle.stats.two_sample._telling import percent

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["column_drafts", "compared_as", "gone", "kind_of_both"]

# Up to so many different numbers, each on several rows, are compared as levels: quantiles of them only jump.
_DISCRETE = 10
_NUMBERS = {"numeric", "discrete", "boolean"}


def kind_of_both(reference: ColumnSummary, current: ColumnSummary) -> tuple[str, str]:
    """Return the kind both sides are compared as, and why they cannot be when that is ``"mixed"`` or ``"changed"``.

    Text with few distinct values for its rows is categorical; a boolean beside numbers is a number; a kind that was
    named for either side is the kind of both.

    Examples
    --------
    >>> import pandas as pd
    >>> from mlcycle.stats.two_sample._summarising import column_summary
    >>> a, b = column_summary(pd.Series([1.5, 2.5], name="x")), column_summary(pd.Series(["a", "b"], name="x"))
    >>> kind_of_both(a, b)
    ('changed', 'it was numeric and is text; convert one, or leave the column out')
    """
    mixed = [side.kind.removeprefix("mixed: ") for side in (reference, current) if side.kind.startswith("mixed")]
    if mixed:
        return "mixed", f"it holds values of no one kind ({mixed[0]}); convert the column or leave it out"
    kinds_of_values = {reference.kind, current.kind} - {"empty"}
    named = [side.kind for side in (reference, current) if side.named]
    if not kinds_of_values:
        return "empty", ""
    if len(kinds_of_values) == 1 or kinds_of_values == {"categorical", "text"}:
        return _of_one_sort(reference, current, kinds_of_values, named)
    if kinds_of_values <= _NUMBERS:
        return ("discrete" if "discrete" in named else "numeric"), ""
    if "categorical" in named and kinds_of_values & _NUMBERS:
        return "categorical", ""
    return "changed", f"it was {reference.kind} and is {current.kind}; convert one, or leave the column out"


def _of_one_sort(a: ColumnSummary, b: ColumnSummary, kinds: set[str], named: list[str]) -> tuple[str, str]:
    matters = kinds != {"text"} and "empty" not in (a.kind, b.kind) and not named
    if matters and a.sort and b.sort and a.sort != b.sort:
        return "changed", f"it was {a.sort} and is {b.sort}; {_columns.SAME}"
    if kinds == {"text"}:
        first = a if a.kind == "text" else b
        return ("categorical" if first.few and not named else "text"), ""
    return ("categorical" if len(kinds) > 1 else next(iter(kinds))), ""


def compared_as(reference: pd.Series[Any], current: pd.Series[Any]) -> tuple[str, str]:
    """Return the kind two columns of rows are compared as, and why they say nothing, as `drift` would.

    Examples
    --------
    >>> import pandas as pd
    >>> compared_as(pd.Series([1.5, 2.0]), pd.Series([1, 2]))
    ('numeric', '')
    """
    before, after = (column_summary(side.rename("column"), size=None) for side in (reference, current))
    kind, why = kind_of_both(before, after)
    return kind, why or _running_on(before, after, kind, _sample(before), _sample(after))


def gone(note: str, test: str) -> Draft:
    """Return the draft of a column that is lost, new, or of another type, which needs no test."""
    sized = Sized(1.0, 1.0, 1.0, note)
    return Draft(test, 0.0, (Measure("column", "share", lambda confidence: sized, lambda level, margin: 0.0),), 0, True)


def column_drafts(
    before: ColumnSummary, after: ColumnSummary, plan: Plan, rng: np.random.Generator
) -> tuple[str, list[Draft]]:
    """Return the kind a column turned out to be, and a draft for each of its tests, the values first.

    Of a summary every doubt is laid against drift: of ordered columns no distance is larger and no interval of a
    quantile narrower than those of the rows. Shares below values are taken at what values the summary kept, and not at
    the same as of all rows. So it is with levels while both sides name all of them (1 000); beyond, the test keeps its
    level, over fewer levels than the rows would have.

    Parameters
    ----------
    before, after : ColumnSummary
        Made by `summarise`, or by ``column_summary(column, size=None)`` for a side that is at hand.
    plan : Plan
        What is the same for every column.
    rng : Generator
        For permutation tests.
    """
    kind, why = kind_of_both(before, after)
    nulls = _nulls(before, after, plan)
    if kind == "changed":
        return kind, [gone(why, "type")]
    if kind == "mixed":
        return kind, [untested(why, -1), *_types(before, after, plan), *nulls]
    if {before.unit, after.unit} == {"us", "ns"}:
        before, after = before.in_nanoseconds(), after.in_nanoseconds()
    a, b = _sample(before), _sample(after)
    nothing = not (a.n or b.n or before.infinite or after.infinite or kind == "categorical")
    if kind == "empty" or nothing:
        return "empty", [untested("nothing but nulls on both sides"), *nulls]
    if not a.n and not b.n and kind in _NUMBERS:
        return kind, [untested("no finite value on either side"), *nulls, *_infinite(before, after, plan)]
    designs = (before.design, after.design)
    if kind == "categorical":
        drafts = level_drafts(_levels(before), _levels(after), kind, designs, plan, rng)
    elif kind in ("discrete", "boolean") or (kind == "numeric" and _is_discrete(a, b)):
        kind = "discrete" if kind == "numeric" else kind
        drafts = level_drafts(_counted(a), _counted(b), kind, designs, plan, rng)
    else:
        drafts = ordered_drafts(before, after, kind, plan)
    if reason := _running_on(before, after, kind, a, b):
        says = Sized(math.nan, math.nan, math.nan, reason)
        excused = evolve(drafts[0], measures=tuple(evolve(one, sized=lambda _: says) for one in drafts[0].measures))
        drafts = [evolve(excused, test="", p=math.nan, rows_needed=-1), *_beside_the_clock(drafts, before, after)]
    else:
        drafts += _repeated(before, after, kind, a, b, plan)
    return kind, [*drafts, *nulls, *_infinite(before, after, plan)]


# What the values of a column of one kind are, in the words of `types_in`.
_TYPES = {"numeric": "numbers", "discrete": "numbers", "boolean": "true or false", "datetime": "moments"}


def _types(before: ColumnSummary, after: ColumnSummary, plan: Plan) -> list[Draft]:
    """Return the test of the share of rows with a value of each type, of columns that hold several."""
    a, b = _types_of(before), _types_of(after)
    if a is None or b is None:
        return []
    names = tuple(dict.fromkeys([*a, *b]))
    marks = [((a.get(name, 0), before.rows), (b.get(name, 0), after.rows)) for name in names]
    return _odd_values("types", marks, names, (before.design, after.design), plan)


def _types_of(side: ColumnSummary) -> dict[str, int] | None:
    """Return the rows of each type; None where a column holds several and the summary did not keep which."""
    if not side.kind.startswith("mixed"):
        return {_TYPES.get(side.kind, "text"): side.rows - side.nulls}
    return None if side.levels is None else dict(zip(side.levels.names, side.levels.low.tolist(), strict=True))


def _beside_the_clock(drafts: list[Draft], before: ColumnSummary, after: ColumnSummary) -> list[Draft]:
    """Return the tests that mean something of moments that only run on.

    Those of their grid, of values that are frequent though they were not, and of the time of day where both sides are
    of several days.
    """
    a, b = before.values, after.values
    if not before.unit or a is None or b is None:
        return []
    step = 1e9 if before.unit == "ns" else 1e6
    days = min(float(side.ends()[1] - side.ends()[0]) for side in (a, b)) / step / 86_400
    kept = {"granularity"} | ({"time of day"} if days >= _DAYS else set())
    kept |= {"frequent values"} if 2 * a.distinct[0] > a.n else set()
    return [draft for draft in drafts if draft.measures[0].aspect in kept]


# Of fewer days the time of day says when was looked, not what was seen.
_DAYS = 2


def _nulls(before: ColumnSummary, after: ColumnSummary, plan: Plan) -> list[Draft]:
    """Return the test of the share of rows without a value, or none where there is nothing it could find."""
    sides = ((before.nulls, before.rows), (after.nulls, after.rows))
    return _odd_values("nulls", [sides], ("no value",), (before.design, after.design), plan)


def _infinite(before: ColumnSummary, after: ColumnSummary, plan: Plan) -> list[Draft]:
    marks = [
        ((before.infinite - before.negative, before.rows), (after.infinite - after.negative, after.rows)),
        ((before.negative, before.rows), (after.negative, after.rows)),
    ]
    return _odd_values("infinite", marks, ("+inf", "-inf"), (before.design, after.design), plan)


def _odd_values(
    aspect: str, marks: list[tuple[tuple[int, int], tuple[int, int]]], names: tuple[str, ...],
    designs: tuple[float, float], plan: Plan,
) -> list[Draft]:  # fmt: skip
    (_, n), (_, m) = marks[0]
    told = [i for i, ((x, _), (y, _)) in enumerate(marks) if 0 < x + y < n + m]
    if not (n and m and told):
        return []
    shares = Shares.of([marks[i][0][0] for i in told], n, [marks[i][1][0] for i in told], m, designs)

    def note(at: int, was: float, now: float) -> str:
        return f"{names[told[at]]}: {percent(was)} -> {percent(now)} of rows"

    return [share_draft(aspect, shares, note, plan)]


# Where the rows of the reference hold the value of the row before more or less often than chance, they hang together in
# their order, and how much depends on how they were picked: of such columns repeats say nothing about the values. Of
# columns whose values often meet by chance neither: a customer who comes twice would be a fault.
_BESIDE_CHANCE, _OFTEN = 0.02, 0.2


def _repeated(before: ColumnSummary, after: ColumnSummary, kind: str, a: Any, b: Any, plan: Plan) -> list[Draft]:
    """Return the test of the share of rows that hold the value of the row before, beyond what the values bring.

    Repeats of neighbours hang together: one row of a frequent value makes two. So many count as one as the variance
    is larger than that of independent rows, of which a share ``q`` of pairs is equal and a share ``s`` of triples:
    ``1 + 2 (s - q ** 2) / (q (1 - q))``.
    """
    known = before.pairs and after.pairs and before.repeated + after.repeated
    if kind not in ("numeric", "datetime") or not known:
        return []
    q, s = _coincidences(a)
    spread = 1 + max(2 * (s - q * q) / (q * (1 - q)), 0.0) if 0 < q < 1 else 1.0
    by_chance = 2 * math.sqrt(q * (1 - q) * spread / before.pairs)
    beside = abs(before.repeated / before.pairs - q)
    if q > _OFTEN or beside > _BESIDE_CHANCE + by_chance:
        return []
    # Where a frequent value became more frequent, neighbours are equal more often with no row held.
    more = _coincidences(b)[0] - q
    held = min(max(after.repeated - more * after.pairs, 0.0), after.pairs)
    designs = (before.design * spread, after.design * spread)
    shares = Shares.of(before.repeated, before.pairs, held, after.pairs, designs)
    was, now = before.repeated / before.pairs, after.repeated / after.pairs

    def note(*_: float) -> str:
        return f"{percent(now)} of rows repeat the row before; before {percent(was)}"

    return [share_draft("repeated", shares, note, plan)]


def _coincidences(sample: Sketch | SortedSample) -> tuple[float, float]:
    """Return the chance that two rows picked at random hold one value, and that three do."""
    if isinstance(sample, SortedSample):
        values = sample.values
        counts = np.diff(np.flatnonzero(np.append(values[1:] != values[:-1], True)), prepend=-1)
    else:
        counts = sample.upto[0] - sample.below[0]
    shares = counts / max(sample.n, 1)  # what a summary does not name is on too few rows to matter
    return float((shares**2).sum()), float((shares**3).sum())


def _sample(column: ColumnSummary) -> Sketch | SortedSample:
    return Sketch.of(np.empty(0)) if column.values is None else column.values


def _levels(column: ColumnSummary) -> LevelCounts:
    return _counted(_sample(column)) if column.levels is None else column.levels


def _counted(side: Sketch | SortedSample) -> LevelCounts:
    if isinstance(side, Sketch):
        return LevelCounts.of_sketch(side)
    names, counts = np.unique(side.values, return_counts=True)
    return LevelCounts.of(names.tolist(), counts, whole=True)


def _is_discrete(a: Sketch | SortedSample, b: Sketch | SortedSample) -> bool:
    found = a.counted(_DISCRETE)
    if found is None or b.counted(_DISCRETE) is None:
        return False
    return len(found[0]) >= 2 and a.n >= 3 * len(found[0])


def _running_on(before: ColumnSummary, after: ColumnSummary, kind: str, a: Any, b: Any) -> str:
    """Return why a column that only runs on, an id or a clock, says nothing about drift; empty when it is neither.

    A summary that does not know whether a value occurred twice says no.

    Examples
    --------
    >>> import pandas as pd
    >>> from mlcycle.stats.two_sample._summarising import column_summary
    >>> a, b = (column_summary(pd.Series(range(start, start + 5000), name="id")) for start in (0, 5000))
    >>> _running_on(a, b, "numeric", a.values, b.values)[:40]
    'every value is new and later than before'
    """
    if min(before.rows, after.rows) < 20 or before.named or after.named:
        return ""
    if kind == "text":
        if all(side.levels and side.unique and not side.spaced for side in (before, after)):
            return f"every value is different and none has a space: an id says nothing about drift; {_columns.REMEDY}"
        return ""
    if kind not in ("numeric", "datetime") or not a.n or not b.n:
        return ""
    first, last = b.ends()[0], a.ends()[1]
    whole = kind == "datetime" or (before.whole and after.whole)
    later = first > last or (first == last and b.ends()[1] > last)
    if whole and ((first > last and before.unique and after.unique) or (kind == "datetime" and later)):
        return f"every value is new and later than before: {_columns.CLOCK}; {_columns.REMEDY}"
    return ""
