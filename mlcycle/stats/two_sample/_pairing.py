"""The two sides of a comparison, each a frame of rows or what was kept of one: columns in pairs, tested one by one."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from mlcycle.errors import InvalidInput, NotFound
from mlcycle.stats.two_sample import _columns
from mlcycle.stats.two_sample._column_drafts import column_drafts
from mlcycle.stats.two_sample._column_summary import ColumnSummary
from mlcycle.stats.two_sample._summarising import column_summary
from mlcycle.stats.two_sample._summary import Summary
from mlcycle.stats.two_sample._texts import text_drafts

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

    from mlcycle.stats.two_sample._dependence import Units
    from mlcycle.stats.two_sample._drafts import Draft, Plan

    Side = pd.DataFrame | Summary
    Sides = tuple[ColumnSummary, ColumnSummary]

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
        cls,
        reference: Any,
        current: Any,
        columns: Iterable[Hashable] | None,
        kinds: Mapping[Hashable, str] | None,
        left_out: Iterable[Any] = (),
    ) -> Pairing:
        """Pair the columns of whatever can be read as two frames or summaries; say what cannot be paired.

        Columns that say how rows hang together, `left_out`, are compared only if they are asked for.
        """
        before, after = _side(reference, "reference"), _side(current, "current")
        if _one_series(reference) and _one_series(current) and not isinstance(after, Summary):
            after = after.set_axis(_names(before), axis=1)
        mine, its = _names(before), _names(after)
        wanted = _wanted(columns, mine, its)
        if columns is None:
            told = [name for name in left_out if isinstance(name, (str, int))]
            wanted = [name for name in wanted if name not in told]
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
        if columns is not None and not wanted:
            raise InvalidInput("columns is a list of columns to compare, got an empty one; leave it out to compare all")
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

    @property
    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame] | None:
        """The rows of both sides; None where a summary stands for one."""
        a, b = self.reference, self.current
        return None if isinstance(a, Summary) or isinstance(b, Summary) else (a, b)

    @property
    def known(self) -> tuple[Hashable, ...]:
        """Every column of either side, compared or not."""
        return tuple(dict.fromkeys([*_names(self.reference), *_names(self.current)]))

    def sides(self, name: Hashable) -> Sides:
        """Return what is compared of a column: what was kept of it, or all its values in order."""
        kind = self.kinds.get(name)
        before = _kept(self.reference, name, kind)
        # Text that repeats itself in the reference is compared level by level, all of them.
        after = _kept(self.current, name, kind or ("categorical" if before.few and not kind else None))
        return before, (after if kind else evolve(after, named=after.named and isinstance(self.current, Summary)))

    def drafted(
        self, name: Hashable, plan: Plan, seed: int, units: Units | None
    ) -> tuple[Sides, tuple[str, list[Draft]]]:
        """Return what is compared of a column; and the kind it turned out to be, with a draft for each of its tests.

        What is random depends on the name of the column, not on its neighbours or their order.
        """
        rng = np.random.default_rng([seed, zlib.crc32(repr(name).encode())])
        before, after = sides = self.sides(name)
        if units is not None:
            before, after = units.weighed(name, before, after)
        kind, drafts = column_drafts(before, after, plan, rng)
        if kind == "text" and self.frames is not None:
            a, b = (frame[name] for frame in self.frames)
            are_ids = drafts[0].rows_needed < 0
            drafts[1:1] = text_drafts(a, b, (before.design, after.design), plan, rng, are_ids)
        return sides, (kind, drafts)


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
    if data is None:
        raise InvalidInput(f"{side} is a frame, an array, a mapping of columns or a Summary, got None")
    return data if isinstance(data, Summary) else _columns.as_frame(data, side)


def _names(side: Side) -> dict[Hashable, None]:
    return dict.fromkeys(column.name for column in side.columns) if isinstance(side, Summary) else dict.fromkeys(side)


def _rows(side: Side) -> int:
    return side.rows if isinstance(side, Summary) else len(side)


def _kept(side: Side, name: Hashable, kind: str | None) -> ColumnSummary:
    return side[name] if isinstance(side, Summary) else column_summary(side[name], kind=kind, size=None)
