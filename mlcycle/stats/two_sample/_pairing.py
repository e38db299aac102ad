"""The two sides of a comparison, each a frame of rows or what was kept of one: columns in pairs, tested one by one."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from mlcycle.errors import InvalidInput, NotFound
from mlcycle.stats.two_sample import _columns
from mlcycle.stats.two_sample._shifts import Plan, ShiftDraft, column_drafts, incomparable_drafts
from mlcycle.stats.two_sample._summary import ColumnSummary, Summary, column_summary
from mlcycle.stats.two_sample._summary_shifts import running_on, summary_drafts

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

    Side = pd.DataFrame | Summary

__all__ = ["Pairing"]


@frozen(eq=False)
class Pairing:
    """Which columns are compared, and how each is.

    Attributes
    ----------
    reference, current : DataFrame or Summary
        The two sides.
    names : tuple
        Columns that both have.
    only_reference, only_current : tuple
        Columns that one side does not have.
    kinds : mapping
        Kinds that were named for columns.
    """

    reference: Side
    current: Side
    names: tuple[Hashable, ...]
    only_reference: tuple[Hashable, ...]
    only_current: tuple[Hashable, ...]
    kinds: Mapping[Hashable, str]

    @classmethod
    def of(
        cls, reference: Any, current: Any, columns: Iterable[Hashable] | None, kinds: Mapping[Hashable, str] | None
    ) -> Pairing:
        """Pair the columns of whatever can be read as two frames or summaries; say what cannot be paired."""
        before, after = _side(reference, "reference"), _side(current, "current")
        if _one_series(reference) and _one_series(current) and not isinstance(after, Summary):
            after = after.set_axis(_names(before), axis=1)
        mine, its = _names(before), _names(after)
        wanted = _wanted(columns, mine, its)
        if missing := [name for name in wanted if name not in mine and name not in its]:
            raise NotFound(f"no column {missing[0]!r} on either side; there are {list(mine)[:20]!r}.")
        if kinds is not None and not isinstance(kinds, Mapping):
            raise InvalidInput(f"kinds is a mapping of columns to kinds, got {type(kinds).__name__}")
        for name, kind in (kinds or {}).items():
            if kind not in _columns.KINDS:
                raise InvalidInput(f"kind of column {name!r} is one of {', '.join(_columns.KINDS)}, got {kind!r}")
            if name not in mine and name not in its:
                raise NotFound(f"kinds names a column {name!r} that neither side has.")
            if isinstance(before, Summary) and isinstance(after, Summary):
                raise InvalidInput(f"kinds names {name!r}, but both sides are summaries; name kinds in summarise()")
        both = tuple(name for name in wanted if name in mine and name in its)
        if not both and (mine or its):
            raise InvalidInput(
                f"reference and current have no column in common: {list(mine)[:10]!r} and {list(its)[:10]!r}; "
                "give both the same names (Summary.from_dict reads a summary that was kept as JSON)"
            )
        only_mine = tuple(name for name in wanted if name not in its)
        return cls(before, after, both, only_mine, tuple(name for name in wanted if name not in mine), kinds or {})

    @property
    def rows(self) -> tuple[int, int]:
        """Rows of the two sides."""
        return _rows(self.reference), _rows(self.current)

    def drafted(self, name: Hashable, plan: Plan, seed: int) -> tuple[str, list[ShiftDraft]]:
        """Return the kind a column turned out to be, and a draft for each of its tests.

        What is random depends on the name of the column, not on its neighbours or their order.
        """
        rng = np.random.default_rng([seed, zlib.crc32(repr(name).encode())])
        if isinstance(self.reference, Summary) or isinstance(self.current, Summary):
            kept = [_kept(side, name, self.kinds.get(name)) for side in (self.reference, self.current)]
            return _summary_drafts(kept[0], kept[1], plan, rng)
        return _row_drafts(self.reference[name], self.current[name], self.kinds.get(name), plan, rng)


def _wanted(columns: Any, mine: Iterable[Hashable], its: Iterable[Hashable]) -> list[Hashable]:
    if columns is None:
        return list(dict.fromkeys([*mine, *its]))
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise InvalidInput(f"columns is a list of columns, got {columns!r}; put one column in a list")
    try:
        return list(dict.fromkeys(columns))
    except TypeError as error:
        raise InvalidInput(f"columns is a list of column names, got {list(columns)!r:.80}") from error


def _one_series(data: Any) -> bool:
    import pandas as pd

    return isinstance(data, pd.Series)


def _side(data: Any, side: str) -> Side:
    return data if isinstance(data, Summary) else _columns.as_frame(data, side)


def _names(side: Side) -> dict[Hashable, None]:
    return dict.fromkeys(column.name for column in side.columns) if isinstance(side, Summary) else dict.fromkeys(side)


def _rows(side: Side) -> int:
    return side.rows if isinstance(side, Summary) else len(side)


def _kept(side: Side, name: Hashable, kind: str | None) -> ColumnSummary:
    return side[name] if isinstance(side, Summary) else column_summary(side[name], kind=kind, size=None)


def _summary_drafts(
    before: ColumnSummary, after: ColumnSummary, plan: Plan, rng: np.random.Generator
) -> tuple[str, list[ShiftDraft]]:
    found, drafts = summary_drafts(before, after, plan, rng)
    named = before.named or after.named
    return found, drafts if named or found == "mixed" else _excused(drafts, running_on(before, after, found))


def _row_drafts(
    before: pd.Series[Any], after: pd.Series[Any], kind: str | None, plan: Plan, rng: np.random.Generator
) -> tuple[str, list[ShiftDraft]]:
    guessed, why = (kind, "") if kind else _columns.joint_kind(before, after)
    if guessed != "mixed":
        try:
            found, drafts = column_drafts(before, after, guessed, plan, rng)
        except InvalidInput as error:
            if kind:
                raise
            why = str(error)
        else:
            return found, drafts if kind else _excused(drafts, _columns.running(before, after, found))
    a, b = ((int(side.isna().sum()), len(side)) for side in (before, after))
    return "mixed", incomparable_drafts(why, a, b, plan)


def _excused(drafts: list[ShiftDraft], reason: str) -> list[ShiftDraft]:
    """Return the drafts with the values excused from any verdict, where there is a reason for it."""
    if not reason:
        return drafts
    says = evolve(drafts[0].sized(0.5), note=reason)
    return [evolve(drafts[0], sized=lambda confidence: says, rows_needed=-1), *drafts[1:]]
