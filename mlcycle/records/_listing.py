"""Lists of records that print as a table."""

from __future__ import annotations

import html
import re
import shutil
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar, overload

from mlcycle import _html
from mlcycle._text import plainly, printable, table, width
from mlcycle.records._record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

__all__ = ["Listing"]

Each = TypeVar("Each", bound=Record)

_ROWS = 20  # a screenful; who wants more asks for the frame
_WIDEST = 40  # characters of one cell: a sentence is recognised by its beginning
_UNKNOWN_CONSOLE = (120, 24)  # columns and lines where the output is not a terminal
_SHORTEST = 8  # characters of an id: what people copy by hand and still find again
_ID = re.compile(r"[0-9a-f]{32}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z")
_BADGES = ("status", "verdict")


@printable
class Listing(list[Each]):
    """Records in a list: it prints as a table, and becomes a data frame.

    In everything else it is a list: it compares equal to one, pickles and can be changed.

    Parameters
    ----------
    items : iterable of Record
        The records, in their order.
    of : str, default "records"
        What they are, in the plural: an empty listing says ``no evaluations``.

    Examples
    --------
    >>> from mlcycle.records import Run
    >>> runs = Listing(of="runs")
    >>> runs
    no runs
    >>> for depth, loss in [(2, 0.5), (3, 0.31)]:
    ...     runs.append(Run(id=f"{depth:032x}", experiment="trees", metrics={"loss": loss}, params={"depth": depth}))
    >>> runs[1:]
    run      experiment status  metrics.loss params.depth
    ──────── ────────── ─────── ──────────── ────────────
    00000000 trees      running         0.31            3
    >>> runs.frame()["metrics.loss"].to_list()
    [0.5, 0.31]
    """

    __slots__ = ("_of",)

    def __init__(self, items: Iterable[Each] = (), *, of: str = "records") -> None:
        super().__init__(items)
        self._of = of

    @overload
    def __getitem__(self, at: SupportsIndex, /) -> Each: ...
    @overload
    def __getitem__(self, at: slice, /) -> Listing[Each]: ...
    def __getitem__(self, at: SupportsIndex | slice, /) -> Each | Listing[Each]:
        if isinstance(at, slice):
            return Listing(super().__getitem__(at), of=self._of)
        return super().__getitem__(at)

    def __repr__(self) -> str:
        if not self:
            return f"no {self._of}"  # and not "yet": they may have been dropped
        columns, rows = self._table()
        shown = _fitting(columns, rows, shutil.get_terminal_size(_UNKNOWN_CONSOLE).columns)
        text = table(columns[:shown], [row[:shown] for row in rows], widest=_WIDEST)
        return "\n".join([text, *self._left_out(columns[shown:])])

    @plainly()
    def _repr_html_(self) -> str:
        if not self:
            return f"<em>no {html.escape(self._of)}</em>"
        columns, rows = self._table()
        coloured = [
            [_html.badge(cell) if name in _BADGES and cell else cell for name, cell in zip(columns, row, strict=True)]
            for row in rows
        ]
        below = "".join(f"<div>{line}</div>" for line in self._left_out([]))
        return f"{_html.table(columns, coloured)}{below}"

    def frame(self) -> pd.DataFrame:
        """Return a data frame: the columns of the table, all rows and whole values, times as pandas has them.

        All fields of one record are what `as_row` gives.

        Examples
        --------
        >>> from mlcycle.records import DatasetVersion
        >>> version = DatasetVersion(name="customers", number=1, id="0a", rows=900, at="2026-11-23T20:35:01.000000Z")
        >>> Listing([version]).frame()["at"].dt.day_name().item()
        'Monday'
        """
        import pandas as pd

        rows = [dict(record._cells()) for record in self]
        frame = pd.DataFrame(rows, columns=_columns(rows))
        for name in frame.columns:
            said = {value for value in frame[name] if isinstance(value, str) and value}
            if said and not name.startswith("params.") and all(_TIME.fullmatch(value) for value in said):
                frame[name] = pd.to_datetime(frame[name].replace("", None), utc=True, format="ISO8601")
        return frame

    def _table(self) -> tuple[list[str], list[list[Any]]]:
        """Return titles and cells of the first records; a column in which no record says anything is none."""
        told = [dict(record._cells()) for record in self]
        size = _distinct({value for cells in told for value in cells.values() if _is_id(value)})
        rows = [{name: _cell(value, size) for name, value in cells.items()} for cells in told[:_ROWS]]
        columns = _columns(rows)
        return columns, [[row.get(name) for name in columns] for row in rows]

    def _left_out(self, columns: list[str]) -> list[str]:
        """Say in a line what is not shown."""
        more = [f"{len(self) - _ROWS:,} more"] if len(self) > _ROWS else []
        more += [f"the column{'s' if len(columns) > 1 else ''} {', '.join(columns)}"] if columns else []
        return [f"… and {', and '.join(more)}"] if more else []


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """Return the columns in which some row says something."""
    return [name for name in _merged(rows) if any(not _says_nothing(row.get(name)) for row in rows)]


def _says_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, (str, tuple, list, dict)) and not value)


def _merged(rows: list[dict[str, Any]]) -> list[str]:
    """Return the columns of all rows, each beside its neighbours: a metric that only one has is among the metrics."""
    columns: list[str] = []
    for row in rows:
        at = 0
        for name in row:
            if name in columns:
                at = columns.index(name) + 1
            else:
                columns.insert(at, name)
                at += 1
    return columns


def _fitting(columns: list[str], rows: list[list[Any]], room: int) -> int:
    """Return how many columns fit on a line, at least one."""
    used = 0
    for at, cells in enumerate(zip(columns, *rows, strict=True)):
        used += max(width(line) for line in table([], [[cell] for cell in cells], widest=_WIDEST).split("\n")) + 1
        if used > room + 1 and at:
            return at
    return len(columns)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _distinct(ids: set[str]) -> int:
    """Return how many characters tell these ids from each other."""
    size = _SHORTEST
    while len({one[:size] for one in ids}) < len(ids):
        size += 1
    return size


def _cell(value: Any, size: int) -> Any:
    if isinstance(value, str):
        if (time := _TIME.fullmatch(value)) is not None:
            return f"{time[1]} {time[2]}"
        return value[:size] if _is_id(value) else value
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_html.number(item)}" for name, item in value.items())
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    return str(value) if isinstance(value, float) and value != value else value
