"""The tests of a column of levels: how often each occurs, levels never seen before, levels that are gone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve, frozen

from mlcycle.stats._estimate import POWER, z_value
from mlcycle.stats.two_sample import _levels
from mlcycle.stats.two_sample._drafts import (
    Draft,
    Measure,
    Plan,
    Sized,
    fewest_in_order,
    fewest_rows,
    share_draft,
    untested,
    without_values,
)
from mlcycle.stats.two_sample._level_counts import LevelCounts, compared
from mlcycle.stats.two_sample._shares import Shares
from mlcycle.stats.two_sample._telling import percent

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

__all__ = ["level_drafts"]

# So many names of levels are told.
_TOLD = 3
_LONGEST = 40
_BOOLEANS = {0: "false", 1: "true"}


@frozen(eq=False)
class _Table:
    """Rows of both sides for each level; levels that a summary does not name stand together as the last, ``None``."""

    names: tuple[Any, ...]
    reference: NDArray[np.int64]
    current: NDArray[np.int64]


def level_drafts(
    a: LevelCounts, b: LevelCounts, kind: str, designs: tuple[float, float], plan: Plan, rng: np.random.Generator
) -> list[Draft]:
    """Return the tests of a column of levels, the values first.

    Parameters
    ----------
    a, b : LevelCounts
        The two sides.
    kind : str
        ``categorical``, ``discrete`` or ``boolean``.
    designs : tuple of float
        So many rows of either side that hang together are worth one.
    plan : Plan
        What is the same for every column.
    rng : Generator
        For permutation tests.
    """
    if not a.n or not b.n:
        return [without_values("current data" if a.n else "reference", plan)]
    table = _table(a, b, designs)
    if kind == "boolean":
        table = evolve(table, names=tuple(_BOOLEANS.get(name, name) for name in table.names))
    if not table.reference.sum() or not table.current.sum():
        return [untested("too few rows that do not hang together", fewest_in_order(plan))]
    drafts = [_shares_of_levels(table, plan, rng)]
    if kind == "boolean":
        return drafts
    # A side that does not name all of its levels cannot say that one is missing.
    if a.complete and len(table.names):
        drafts.append(_only_on_one_side(_named(a, b, designs), "unseen levels", plan, rng))
    if b.complete:
        drafts.append(_only_on_one_side(_named(b, a, designs[::-1]), "lost levels", plan, rng))
    return drafts


def _table(a: LevelCounts, b: LevelCounts, designs: tuple[float, float]) -> _Table:
    x, y = compared(a, b)
    names = (*dict.fromkeys([*a.names, *b.names]), None)
    if len(x) != len(names):
        names = (*(None,) * (len(x) - 1), None)
    x, y = (np.rint(side / design).astype(np.int64) for side, design in zip((x, y), designs, strict=True))
    used = np.flatnonzero(x + y > 0)
    return _Table(tuple(names[i] for i in used), x[used], y[used])


def _named(a: LevelCounts, b: LevelCounts, designs: tuple[float, float]) -> _Table:
    """Return counts over the levels of `a`, which names them all, and those of `b`.

    Levels that `b` does not name are levels of their own, a row each: however the rows of unseen levels are spread over
    levels, the chance that a random division puts them all on the other side is about the same, and single ones are the
    most that chance could bring.
    """
    names = tuple(dict.fromkeys([*a.names, *b.names]))
    own, _ = a.counts_of(names)
    low, high = b.counts_of(names)
    its = low if b.complete else np.minimum(high, low + max(b.n - int(low.sum()), 0))
    own, its = (np.rint(side / design).astype(np.int64) for side, design in zip((own, its), designs, strict=True))
    rest = max(round(b.n / designs[1]) - int(its.sum()), 0) if not b.complete else 0
    return _Table(
        (*names, *(None,) * rest), np.append(own, np.zeros(rest, np.int64)), np.append(its, np.ones(rest, np.int64))
    )


def _shares_of_levels(table: _Table, plan: Plan, rng: np.random.Generator) -> Draft:
    counts = _levels.pooled_levels(table.reference, table.current)
    if counts.shape[1] < 2 and len(table.names) > 1:
        return untested(f"{len(table.names)} levels and none common enough to compare; is it an id?", -1)
    n, m = (int(side) for side in counts.sum(axis=1))
    if counts.shape[1] <= 2:
        at = counts.shape[1] - 1
        told = table.names[at] if len(table.names) == counts.shape[1] else None
        constant = f"constant: {_short(told)} on every row of both sides"

        def note(_: int, was: float, now: float) -> str:
            return constant if was == now == 1 else f"{_short(told)}: {percent(was)} -> {percent(now)}"

        return share_draft("values", Shares.of(counts[0, at], n, counts[1, at], m), note, plan)
    p, test = _levels.level_test(counts, plan.draws, rng)
    most = int(np.argmax(np.abs(table.current / m - table.reference / n)))
    was, now = table.reference[most] / n, table.current[most] / m
    says = f"{_short(table.names[most])}: {percent(was)} -> {percent(now)}"

    def sized(confidence: float) -> Sized:
        found = _levels.total_variation(counts, confidence)
        return Sized(found.effect, found.low, found.high, says)

    def detectable(level: float, margin: float) -> float:
        return _levels.detectable_distance(counts, level, 1 - level, margin)

    needed = fewest_rows(plan)
    return Draft(
        test, p, (Measure("values", "total variation", sized, detectable),), needed if min(n, m) < needed else 0
    )


def _only_on_one_side(table: _Table, aspect: str, plan: Plan, rng: np.random.Generator) -> Draft:
    """Return the test of the rows whose level the other side, here the reference, does not have."""
    m = int(table.current.sum())
    p = _levels.unseen_levels(table.reference, table.current, plan.draws, rng)
    only = np.flatnonzero((table.reference == 0) & (table.current > 0))
    rows = int(table.current[only].sum())
    note = ""
    if len(only):
        names = ", ".join(_short(table.names[i]) for i in only[np.argsort(-table.current[only], kind="stable")][:_TOLD])
        some = f"{names}, …" if len(only) > _TOLD else names
        if aspect == "lost levels":
            note = f"{some}: {percent(rows / m)} -> 0 % of rows"
        else:
            note = f"{rows} rows of {len(only)} new level{'s' if len(only) > 1 else ''} ({some})"

    def sized(confidence: float) -> Sized:
        found = _levels.unseen_excess(table.reference, table.current, confidence)
        return Sized(found.effect, found.low, found.high, note)

    def detectable(level: float, margin: float) -> float:
        share = max(-math.log(level), -math.log(1 - POWER)) / m
        found = max(share, margin + (z_value(1 - level / 2) + z_value(POWER)) * math.sqrt(share / m))
        return found if found <= 1 else math.inf

    needed = fewest_rows(plan)
    few = min(int(table.reference.sum()), m) < needed
    return Draft(aspect, p, (Measure(aspect, "share", sized, detectable),), needed if few else 0)


def _short(name: Any) -> str:
    if name is None:
        return "all other levels"
    text = repr(name) if isinstance(name, str) else str(name)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
