"""One column in two summaries: the tests of `_shifts`, with every doubt of the summaries laid against drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve

from mlcycle.stats.two_sample import _columns, _ordered, _shifts, _ties
from mlcycle.stats.two_sample._level_counts import LevelCounts, compared
from mlcycle.stats.two_sample._shifts import Plan, ShiftDraft, Sized, untested
from mlcycle.stats.two_sample._sketch import Sketch, SortedSample, least_ks, widest_shift
from mlcycle.stats.two_sample._ties import tie_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlcycle.stats.two_sample._summary import ColumnSummary

__all__ = ["running_on", "summary_drafts", "summary_kind"]

_NUMBERS = {"numeric", "discrete", "boolean"}


def summary_kind(reference: ColumnSummary, current: ColumnSummary) -> tuple[str, str]:
    """Return the kind both sides are compared as, and why they cannot be when that is ``"mixed"``.

    The rules of `_columns.joint_kind`; a kind that was named for either side is the kind of both.

    Examples
    --------
    >>> import pandas as pd
    >>> from mlcycle.stats.two_sample._summary import column_summary
    >>> a, b = column_summary(pd.Series([1.5, 2.5], name="x")), column_summary(pd.Series(["a", "b"], name="x"))
    >>> summary_kind(a, b)
    ('mixed', 'the reference is numeric and the current data text; convert one, or leave the column out')
    """
    for side, kind in (("reference", reference.kind), ("current data", current.kind)):
        if kind.startswith("mixed"):
            holds = kind.removeprefix("mixed: ")
            return "mixed", f"the {side} holds values of no one kind ({holds}); convert the column or leave it out"
    kinds = {reference.kind, current.kind} - {"empty"}
    named = [side.kind for side in (reference, current) if side.named]
    if not kinds:
        return "empty", ""
    if kinds == {"text"}:
        first = reference if reference.kind == "text" else current
        return ("categorical" if first.few and not named else "text"), ""
    if kinds == {"categorical", "text"}:
        return "categorical", ""
    if kinds <= _NUMBERS and len(kinds) > 1:
        return ("discrete" if "discrete" in named else "numeric"), ""
    if len(kinds) == 1:
        return kinds.pop(), ""
    if "categorical" in named and (kinds & _NUMBERS):
        return "categorical", ""
    because = f"the reference is {reference.kind} and the current data {current.kind}"
    return "mixed", f"{because}; convert one, or leave the column out"


def summary_drafts(
    reference: ColumnSummary, current: ColumnSummary, plan: Plan, rng: np.random.Generator
) -> tuple[str, list[ShiftDraft]]:
    """Return the kind a column turned out to be, and a draft for each of its tests, the values first.

    As `column_drafts`, but for the vocabulary of text, which summaries do not have. Of ordered columns the p-value is
    never smaller and the interval never narrower than those of the rows. So are those of levels while both sides name
    all of them (1 000); beyond, the test keeps its level, over fewer levels than the rows would have.

    Parameters
    ----------
    reference, current : ColumnSummary
        Made by `summarise`, or by ``column_summary(column, size=None)`` for a side that is at hand.
    plan : Plan
        What is the same for every column.
    rng : Generator
        For permutation tests.
    """
    kind, why = summary_kind(reference, current)
    if kind == "mixed":
        before, after = (reference.nulls, reference.rows), (current.nulls, current.rows)
        return kind, _shifts.incomparable_drafts(why, before, after, plan)
    if kind == "empty":
        return kind, [untested("nothing but nulls on both sides")]
    if kind == "categorical":
        return kind, _level_drafts(_levels(reference), _levels(current), kind, reference, current, plan, rng)
    a, b = _values(reference), _values(current)
    if kind not in ("discrete", "boolean") and not (a.n or b.n or reference.infinite or current.infinite):
        return "empty", [untested("nothing but nulls on both sides")]
    odd = [
        *_shifts.share_drafts("nulls", (reference.nulls, reference.rows), (current.nulls, current.rows), plan),
        *_shifts.share_drafts("infinite", (reference.infinite, reference.rows), (current.infinite, current.rows), plan),
    ]
    if kind in ("discrete", "boolean") or (kind == "numeric" and _is_discrete(a, b)):
        kind = "discrete" if kind == "numeric" else kind
        levels = _level_drafts(_counted(a), _counted(b), kind, reference, current, plan, rng)
        return kind, [*levels, *(draft for draft in odd if draft.aspect == "infinite")]
    return kind, [_ordered_draft(reference, current, kind, plan), *odd]


def _values(column: ColumnSummary) -> Sketch | SortedSample:
    return Sketch.of(np.empty(0)) if column.values is None else column.values


def _levels(column: ColumnSummary) -> LevelCounts:
    return _counted(_values(column)) if column.levels is None else column.levels


def _counted(side: Sketch | SortedSample) -> LevelCounts:
    if isinstance(side, Sketch):
        return LevelCounts.of_sketch(side)
    names, counts = np.unique(side.values, return_counts=True)
    return LevelCounts.of(names.tolist(), counts, whole=True)


def _is_discrete(a: Sketch | SortedSample, b: Sketch | SortedSample) -> bool:
    found = a.counted(_shifts.DISCRETE)
    return (
        found is not None
        and b.counted(_shifts.DISCRETE) is not None
        and len(found[0]) >= 2
        and a.n >= 3 * len(found[0])
    )


def _ordered_draft(reference: ColumnSummary, current: ColumnSummary, kind: str, plan: Plan) -> ShiftDraft:
    a, b = _values(reference), _values(current)
    aspect, needed = "length" if kind == "text" else "values", _ordered.fewest_rows(plan.least, 1 - plan.least)
    if not a.n or not b.n:
        return untested(f"the {'current data' if a.n else 'reference'} has no values", needed, aspect)
    if a.ends()[0] == a.ends()[1]:
        return _from_constant(a.ends()[0], a.n, b, aspect, plan)
    p, test = _ordered.ks_p_value(least_ks(a, b), a.n, b.n, _blocks(a, b))
    sd = reference.moments.sd if reference.moments else 0.0

    def sized(confidence: float) -> Sized:
        found = widest_shift(a, b, sd, confidence)
        before, after = (_shifts.shown(value, kind) for value in (found.before, found.after))
        return Sized(found.effect, found.low, found.high, f"{100 * found.level:g} % quantile {before} -> {after}")

    def detectable(level: float, margin: float) -> float:
        return _ordered.detectable_shift(a.n, b.n, level, 1 - level, margin)

    return ShiftDraft(aspect, test, p, "robust sd", sized, needed if min(a.n, b.n) < needed else 0, detectable)


def _blocks(a: Sketch | SortedSample, b: Sketch | SortedSample) -> NDArray[np.intp] | None:
    """Return the blocks of tied values of both sides, as `tie_blocks` does, where every value is known."""
    # The sketch first: it knows at once, while rows have to be looked through.
    first, second = (b, a) if isinstance(a, SortedSample) else (a, b)
    mine = first.counted(_ties.SMALL)
    its = None if mine is None else second.counted(_ties.SMALL)
    if mine is None or its is None:
        return None
    if a.n + b.n <= _ties.SMALL:
        return tie_blocks(np.repeat(*mine), np.repeat(*its))
    values = np.union1d(mine[0], its[0])
    if len(values) > _ties.BLOCKS:
        return None
    blocks = np.zeros(len(values), np.intp)
    for points, counts in (mine, its):
        blocks[values.searchsorted(points)] += counts
    return blocks


def _from_constant(value: float, n: int, current: Sketch | SortedSample, aspect: str, plan: Plan) -> ShiftDraft:
    below, upto = current.counts_at(np.array([value]))
    # The fewest others that the bounds allow.
    other = max(current.n - int(upto[1, 0] - below[0, 0]), 0)
    if not other:
        return untested(f"constant: {value!s} on every row of both sides", 0, aspect)
    known = current.counted(_ties.SMALL)
    chance = 1.0 if n < _shifts.fewest_rows(plan) else 0.0
    if known is not None:
        counts = np.append(known[1][known[0] != value], n + int(known[1][known[0] == value].sum()))
        chance = _shifts.constant_by_chance(n, counts)
    return _shifts.constant_draft(f"{value!s}", n, (other, current.n), chance, aspect, plan)


def _level_drafts(
    a: LevelCounts, b: LevelCounts, kind: str, reference: ColumnSummary, current: ColumnSummary,
    plan: Plan, rng: np.random.Generator,
) -> list[ShiftDraft]:  # fmt: skip
    counts, rows = compared(a, b), (reference.rows, current.rows)
    levels = _columns.Levels(*counts, (reference.nulls, current.nulls))
    if a.complete and b.complete:
        shown = counts[0] + counts[1] > 0
        return _shifts.level_drafts(
            evolve(levels, reference=counts[0][shown], current=counts[1][shown]), kind, rows, plan, rng
        )
    if len(counts[0]) == 1 and a.n and b.n:
        drafts = [untested("more levels than a summary keeps, and none common enough to compare; is it an id?", -1)]
        drafts += _shifts.share_drafts("nulls", (reference.nulls, rows[0]), (current.nulls, rows[1]), plan)
    else:
        # A boolean has no unseen levels, and here they are a matter of their own.
        drafts = _shifts.level_drafts(levels, "boolean", rows, plan, rng)
    unseen = _unseen(a, b) if kind != "boolean" and a.complete and a.n and b.n else None
    return [drafts[0], *([_shifts.unseen_draft(unseen, plan, rng)] if unseen else []), *drafts[1:]]


def _unseen(a: LevelCounts, b: LevelCounts) -> _columns.Levels:
    """Return counts over the levels of a reference that names them all, and every other row a level of its own.

    However the rows of unseen levels are spread over levels, the chance that a random division puts them all on
    the current side is about the same; single ones are the most that chance could bring.
    """
    low, high = b.counts_of(a.names)
    seen = np.minimum(high, low + max(b.n - int(low.sum()), 0))
    others = max(b.n - int(seen.sum()), 0)
    ones = np.ones(others, np.int64)
    return _columns.Levels(np.append(a.low, 0 * ones), np.append(seen, ones), (0, 0))


def running_on(reference: ColumnSummary, current: ColumnSummary, kind: str) -> str:
    """Return why a column that only runs on, an id or a clock, says nothing about drift; empty when it is neither.

    As `_columns.running`; a summary that does not know whether a value occurred twice says no.

    Examples
    --------
    >>> import pandas as pd
    >>> from mlcycle.stats.two_sample._summary import column_summary
    >>> a, b = (column_summary(pd.Series(range(start, start + 5000), name="id")) for start in (0, 5000))
    >>> running_on(a, b, "numeric")[:40]
    'every value is new and later than before'
    """
    if min(reference.rows, current.rows) < 20:
        return ""
    if kind == "text":
        if all(side.levels and side.unique and not side.spaced for side in (reference, current)):
            return f"every value is different and none has a space: an id says nothing about drift; {_columns.REMEDY}"
        return ""
    a, b = _values(reference), _values(current)
    if not a.n or not b.n:
        return ""
    whole = a.ends()[0].dtype.kind in "iu"
    if kind == "datetime" or (kind == "numeric" and whole):
        runs_on = b.ends()[0] > a.ends()[1] and reference.unique and current.unique
        if runs_on or (kind == "datetime" and b.ends()[0] >= a.ends()[1]):
            return f"every value is new and later than before: {_columns.CLOCK}; {_columns.REMEDY}"
    return ""
