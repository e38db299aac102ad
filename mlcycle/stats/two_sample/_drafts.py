"""One test of one column before any correction for many tests: what it found, and how large that is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import field, frozen

from mlcycle.stats.two_sample import _ordered
from mlcycle.stats.two_sample._shares import Shares

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MOST_TESTS",
    "Draft",
    "Measure",
    "Plan",
    "Sized",
    "fewest_in_order",
    "fewest_rows",
    "share_draft",
    "untested",
    "without_values",
]

# Of one ordered column: values, range, frequent values, granularity, repeated rows, time of day, nulls, infinite.
MOST_TESTS = 8


@frozen
class Plan:
    """What is the same for every column.

    Attributes
    ----------
    least : float
        The strictest level any test can be held to: the smallest p-value of all must be able to reach it, and intervals
        are asked for with confidence up to ``1 - least``.
    draws : int
        Most random tables of a permutation test.
    """

    least: float
    draws: int


@frozen
class Sized:
    """How large a change is, with the ends of its interval, and what changed in words."""

    effect: float
    low: float
    high: float
    note: str = ""


@frozen(eq=False)
class Measure:
    """One way to say how large the change is that a test is about.

    Attributes
    ----------
    aspect, unit : str
        As in `Shift`.
    sized : callable
        Confidence to `Sized`. How sure an interval must be depends on what the other columns show, so it comes last.
    detectable : callable
        ``(level, margin)`` to the smallest change called drift with 80 % power.
    scale : float
        One of the unit in the column's own.
    """

    aspect: str
    unit: str
    sized: Callable[[float], Sized]
    detectable: Callable[[float, float], float] = field(default=lambda level, margin: math.inf)
    scale: float = math.nan


@frozen(eq=False)
class Draft:
    """One test of one column.

    Attributes
    ----------
    test : str
        Its name; empty when there was nothing to test.
    p : float
        Its p-value.
    measures : tuple of Measure
        How large the change is, in one or more units; any of them may lie beyond its margin.
    rows_needed : int
        0, or the rows on either side from which a verdict would be possible; -1 where no number of rows would do.
    certain : bool
        Whether the change needs no test: a column that is gone.
    """

    test: str
    p: float
    measures: tuple[Measure, ...]
    rows_needed: int = 0
    certain: bool = False


def untested(note: str, rows_needed: int = 0, aspect: str = "values") -> Draft:
    """Return the draft of a column that no test can be made of, and why."""
    nothing = Sized(math.nan, math.nan, math.nan, note)
    return Draft("", math.nan, (Measure(aspect, "", lambda confidence: nothing),), rows_needed)


def without_values(side: str, plan: Plan, aspect: str = "values") -> Draft:
    """Return the draft of a column of which a side has no values, though the other has."""
    return untested(f"the {side} has no values", fewest_in_order(plan), aspect)


def share_draft(aspect: str, shares: Shares, notes: Callable[[int, float, float], str], plan: Plan) -> Draft:
    """Return the test of the shares of rows that have some marks; `notes` says a change of one of them in words."""
    p, test = shares.test()

    def sized(confidence: float) -> Sized:
        found = shares.change(confidence)
        return Sized(found.effect, found.low, found.high, notes(found.at, found.before, found.after))

    needed = fewest_rows(plan)
    few = min(shares.n, shares.m) < needed
    return Draft(test, p, (Measure(aspect, "share", sized, shares.detectable),), needed if few else 0)


def fewest_in_order(plan: Plan) -> int:
    """Return the rows each side needs before any shift of numbers, however large, can reach the strictest level."""
    return _ordered.fewest_rows(plan.least, 1 - plan.least)


def fewest_rows(plan: Plan) -> int:
    """Return the rows each side needs before an exact test of two shares can reach the strictest level."""
    k = 2
    while 2 / math.comb(2 * k, k) > plan.least:
        k += 1
    return k
