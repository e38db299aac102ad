"""One column on two sides: which tests it gets, and what each finds before any correction for many tests."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, field, frozen

from mlcycle.stats._estimate import POWER, z_value
from mlcycle.stats._rates import difference_of_rates, fisher
from mlcycle.stats.two_sample import _columns, _levels, _ordered, _vocabulary
from mlcycle.stats.two_sample._ties import tie_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "DISCRETE",
    "MOST_TESTS",
    "Plan",
    "ShiftDraft",
    "Sized",
    "column_drafts",
    "constant_by_chance",
    "constant_draft",
    "fewest_rows",
    "incomparable_drafts",
    "level_drafts",
    "rate_draft",
    "share_drafts",
    "shown",
    "unseen_draft",
    "untested",
]

# Up to so many different numbers, each on several rows, are compared as levels: quantiles of them only jump.
DISCRETE = 10
# Of one column: values, unseen levels, nulls and infinite of few different numbers.
MOST_TESTS = 4
_MANY = 200


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
class ShiftDraft:
    """One test of one column: what it found, and how to tell how large that is and what it could have found.

    Attributes
    ----------
    aspect, test, p, unit
        As in `Shift`.
    sized : callable
        Confidence to `Sized`. How sure an interval must be depends on what the other columns show, so it comes last.
    rows_needed : int
        0, or the rows on either side from which a verdict would be possible; -1 where no number of rows would do.
    detectable : callable
        ``(level, margin)`` to the smallest change called drift with 80 % power.
    """

    aspect: str
    test: str
    p: float
    unit: str
    sized: Callable[[float], Sized]
    rows_needed: int = 0
    detectable: Callable[[float, float], float] = field(default=lambda level, margin: math.nan)


def column_drafts(
    reference: pd.Series[Any], current: pd.Series[Any], kind: str, plan: Plan, rng: np.random.Generator
) -> tuple[str, list[ShiftDraft]]:
    """Return the kind a column turned out to be, and a draft for each of its tests, the values first."""
    if kind == "empty":
        return kind, [untested("nothing but nulls on both sides")]
    if kind in ("boolean", "categorical", "discrete"):
        levels = _columns.levels_of(reference, current)
        return kind, level_drafts(levels, kind, (len(reference), len(current)), plan, rng)
    a, b = _columns.ordered_of(reference, kind), _columns.ordered_of(current, kind)
    if not (len(a.values) or len(b.values) or a.infinite or b.infinite):
        return "empty", [untested("nothing but nulls on both sides")]
    if kind == "numeric" and _is_discrete(a.values, b.values):
        return "discrete", [
            *level_drafts(_counted(a, b), "discrete", (a.rows, b.rows), plan, rng),
            *share_drafts("infinite", (a.infinite, a.rows), (b.infinite, b.rows), plan),
        ]
    return kind, [
        _ordered_draft(a.values, b.values, kind, plan),
        *(_word_drafts(reference, current, rng) if kind == "text" else []),
        *share_drafts("nulls", (a.nulls, a.rows), (b.nulls, b.rows), plan),
        *share_drafts("infinite", (a.infinite, a.rows), (b.infinite, b.rows), plan),
    ]


def untested(note: str, rows_needed: int = 0, aspect: str = "values") -> ShiftDraft:
    """Return the draft of a column that no test can be made of, and why."""
    nothing = Sized(math.nan, math.nan, math.nan, note)
    return ShiftDraft(aspect, "", math.nan, "", lambda confidence: nothing, rows_needed)


def incomparable_drafts(why: str, a: tuple[int, int], b: tuple[int, int], plan: Plan) -> list[ShiftDraft]:
    """Return the tests of a column whose values cannot be compared: nulls, of so many rows, can be all the same."""
    return [untested(why, -1), *share_drafts("nulls", a, b, plan)]


def _is_discrete(a: NDArray[Any], b: NDArray[Any]) -> bool:
    for side in (a, b):
        if _distinct(side[:: max(len(side) // 512, 1)]) > DISCRETE:
            return False
    distinct = _distinct(a)
    return 2 <= distinct <= DISCRETE and len(a) >= 3 * distinct and _distinct(b) <= DISCRETE


def _distinct(ordered: NDArray[Any]) -> int:
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1 if len(ordered) else 0


def _counted(a: _columns.Ordered, b: _columns.Ordered) -> _columns.Levels:
    every = np.unique(np.concatenate([a.values, b.values]))
    counts = [side.values.searchsorted(every, "right") - side.values.searchsorted(every, "left") for side in (a, b)]
    return _columns.Levels(counts[0], counts[1], (a.nulls, b.nulls))


def _ordered_draft(a: NDArray[Any], b: NDArray[Any], kind: str, plan: Plan) -> ShiftDraft:
    aspect = "length" if kind == "text" else "values"
    needed = _ordered.fewest_rows(plan.least, 1 - plan.least)
    if not len(a) or not len(b):
        return untested(f"the {'current data' if len(a) else 'reference'} has no values", needed, aspect)
    if a[0] == a[-1]:
        return _from_constant(a, b, aspect, plan)
    if a.dtype != b.dtype:
        a, b = a.astype(np.float64), b.astype(np.float64)
    n, m = len(a), len(b)
    p, test = _ordered_test(a, b)
    before, after = (_ordered.Quantiles.of(side, 1 - plan.least) for side in (a, b))
    scale = _ordered.robust_scale(a)
    hint = "; every value is different: is it an id?" if kind == "numeric" and _never_repeat(a, b) else ""

    def sized(confidence: float) -> Sized:
        found = _ordered.shift_between(before, after, scale, confidence)
        note = f"{100 * found.level:g} % quantile {shown(found.before, kind)} -> {shown(found.after, kind)}"
        return Sized(found.effect, found.low, found.high, note + hint)

    def detectable(level: float, margin: float) -> float:
        return _ordered.detectable_shift(n, m, level, 1 - level, margin)

    return ShiftDraft(aspect, test, p, _SD, sized, needed if min(n, m) < needed else 0, detectable)


def _never_repeat(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Return whether whole numbers are all different on hundreds of rows, as only ids are."""
    if a.dtype.kind not in "iu" or min(len(a), len(b)) < _MANY:
        return False
    return not any(bool(np.any(side[1:] == side[:-1])) for side in (a, b))


def _ordered_test(a: NDArray[Any], b: NDArray[Any]) -> tuple[float, str]:
    n, m = len(a), len(b)
    distance = _ordered.ks_statistic(a, b, negligible=_ordered.NEGLIGIBLE * math.sqrt(1 / n + 1 / m))
    return _ordered.ks_p_value(distance, n, m, tie_blocks(a, b))


_SD = "robust sd"


def shown(value: float, kind: str) -> str:
    """Return a value of an ordered column as a reader knows it."""
    if kind != "datetime":
        return f"{value:.4g}"
    return str(np.datetime64(round(value), "us").astype("datetime64[s]"))


def _from_constant(a: NDArray[Any], b: NDArray[Any], aspect: str, plan: Plan) -> ShiftDraft:
    other = int(np.count_nonzero(b != a[0]))
    if not other:
        return untested(f"constant: {a[0]!s} on every row of both sides", 0, aspect)
    counts = np.unique(np.concatenate([a, b]), return_counts=True)[1]
    return constant_draft(f"{a[0]!s}", len(a), (other, len(b)), constant_by_chance(len(a), counts), aspect, plan)


def constant_draft(value: str, n: int, others: tuple[int, int], chance: float, aspect: str, plan: Plan) -> ShiftDraft:
    """Return the test of a reference whose `n` rows all hold one value, which `others` of the current rows do not.

    The value was not named beforehand: by `chance` so few rows are alike whatever the distribution.
    """
    draft = rate_draft(aspect, (0, n), others, plan, f"constant {value} in the reference; now {others[0]} others")
    return evolve(draft, p=min(max(draft.p, chance), 1.0))


def constant_by_chance(rows: int, counts: NDArray[np.intp]) -> float:
    """Return the chance that so many random rows, of values that occur so often in all, hold one value.

    Examples
    --------
    >>> round(constant_by_chance(1, np.array([1, 1, 1])), 3), round(constant_by_chance(2, np.array([2, 2])), 3)
    (1.0, 0.333)
    """
    from scipy import special

    total, often = int(counts.sum()), counts[counts >= rows].astype(np.float64)
    ways = special.gammaln(often + 1) - special.gammaln(often - rows + 1)
    return min(float(np.exp(ways - math.lgamma(total + 1) + math.lgamma(total - rows + 1)).sum()), 1.0)


def level_drafts(
    levels: _columns.Levels, kind: str, rows: tuple[int, int], plan: Plan, rng: np.random.Generator
) -> list[ShiftDraft]:
    """Return the tests of a column of levels, the values first."""
    nulls = share_drafts("nulls", (levels.nulls[0], rows[0]), (levels.nulls[1], rows[1]), plan)
    n, m = int(levels.reference.sum()), int(levels.current.sum())
    if not n or not m:
        note = f"the {'current data' if n else 'reference'} has no values"
        return [untested(note, _ordered.fewest_rows(plan.least, 1 - plan.least)), *nulls]
    table = _levels.pooled_levels(levels.reference, levels.current)
    if table.shape[1] < 2:
        return _one_level(levels, plan, rng) + nulls
    if table.shape[1] == 2:
        values = rate_draft("values", (int(table[0, 1]), n), (int(table[1, 1]), m), plan)
    else:
        values = _table_draft(table, plan, rng)
    unseen = [] if kind == "boolean" else [unseen_draft(levels, plan, rng)]
    return [values, *unseen, *nulls]


def _one_level(levels: _columns.Levels, plan: Plan, rng: np.random.Generator) -> list[ShiftDraft]:
    if len(levels.reference) == 1:
        return [untested("constant: one level on both sides")]
    many = f"{len(levels.reference)} levels and none common enough to compare; is it an id?"
    return [untested(many, -1), unseen_draft(levels, plan, rng)]


def _table_draft(table: NDArray[np.intp], plan: Plan, rng: np.random.Generator) -> ShiftDraft:
    p, test = _levels.level_test(table, plan.draws, rng)

    def sized(confidence: float) -> Sized:
        found = _levels.total_variation(table, confidence)
        return Sized(found.effect, found.low, found.high)

    def detectable(level: float, margin: float) -> float:
        return _levels.detectable_distance(table, level, 1 - level, margin)

    needed = fewest_rows(plan) if int(table.sum(axis=1).min()) < fewest_rows(plan) else 0
    return ShiftDraft("values", test, p, "total variation", sized, needed, detectable)


def unseen_draft(levels: _columns.Levels, plan: Plan, rng: np.random.Generator) -> ShiftDraft:
    """Return the test of rows whose level the reference never had."""
    m = int(levels.current.sum())
    p = _levels.unseen_levels(levels.reference, levels.current, plan.draws, rng)
    new = int(np.count_nonzero((levels.reference == 0) & (levels.current > 0)))
    note = f"{new} levels the reference never had" if new else ""

    def sized(confidence: float) -> Sized:
        found = _levels.unseen_excess(levels.reference, levels.current, confidence)
        return Sized(found.effect, found.low, found.high, note)

    def detectable(level: float, margin: float) -> float:
        share = max(-math.log(level), -math.log(1 - POWER)) / m
        return max(share, margin + (z_value(1 - level / 2) + z_value(POWER)) * math.sqrt(share / m))

    return ShiftDraft("unseen levels", "unseen levels", p, "share", sized, 0, detectable)


def _word_drafts(reference: pd.Series[Any], current: pd.Series[Any], rng: np.random.Generator) -> list[ShiftDraft]:
    """Return a test of the vocabulary, or none where no word is common enough to compare."""
    words = _vocabulary.common_words(reference, current, rng)
    if not words.names:
        return []
    pooled = (words.reference + words.current) / (words.n + words.m)
    error = math.sqrt(float((pooled * (1 - pooled)).max()) * (1 / words.n + 1 / words.m))

    def sized(confidence: float) -> Sized:
        found = _vocabulary.word_shift(words, confidence)
        return Sized(found.effect, found.low, found.high, f"{found.word!r} in {found.before:.2%} -> {found.after:.2%}")

    def detectable(level: float, margin: float) -> float:
        found = margin + (z_value(1 - level / len(words.names) / 2) + z_value(POWER)) * error
        return found if found <= 1 else math.inf

    return [ShiftDraft("vocabulary", "words, Bonferroni", _vocabulary.word_test(words), "share", sized, 0, detectable)]


def share_drafts(aspect: str, a: tuple[int, int], b: tuple[int, int], plan: Plan) -> list[ShiftDraft]:
    """Return a test of two shares, or none when neither side has any: then there is nothing it could find."""
    if not (a[1] and b[1]) or a[0] + b[0] in (0, a[1] + b[1]):
        return []
    return [rate_draft(aspect, a, b, plan, f"{a[0] / a[1]:.2%} -> {b[0] / b[1]:.2%}")]


def rate_draft(aspect: str, a: tuple[int, int], b: tuple[int, int], plan: Plan, note: str = "") -> ShiftDraft:
    """Return the test of two shares of rows, each as rows that have something, of rows."""
    p, test = fisher(*a, *b)
    pooled = (a[0] + b[0] + 1) / (a[1] + b[1] + 2)
    error = math.sqrt(pooled * (1 - pooled) * (1 / a[1] + 1 / b[1]))

    def sized(confidence: float) -> Sized:
        found, low, high = difference_of_rates(*a, *b, confidence)
        return Sized(abs(found), max(low, -high, 0.0), max(abs(low), abs(high)), note)

    def detectable(level: float, margin: float) -> float:
        found = margin + (z_value(1 - level / 2) + z_value(POWER)) * error
        return found if found <= 1 else math.inf

    needed = fewest_rows(plan)
    return ShiftDraft(aspect, test, p, "share", sized, needed if min(a[1], b[1]) < needed else 0, detectable)


def fewest_rows(plan: Plan) -> int:
    """Return the rows each side needs before an exact test of two shares can reach the strictest level."""
    k = 2
    while 2 / math.comb(2 * k, k) > plan.least:
        k += 1
    return k
