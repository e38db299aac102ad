"""What criteria about data count: rows that repeat, rows outside a range, rows; nothing is estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._ids import bare, near
from mlcycle.checks._context import data_of
from mlcycle.errors import InvalidInput
from mlcycle.records import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from mlcycle.checks._context import Context

__all__ = ["COUNTED", "counted"]


def counted(criterion: Any, subject: str, context: Context) -> list[Result]:
    """Count what a criterion about data asks: the share of rows that break it, or the number of rows."""
    ref = data_of(criterion, subject, context)
    table = context.data.table(ref)
    value, detail = COUNTED[criterion.question[0]](criterion, table, bare(ref or ""))
    return [
        Result(
            check="",
            subject=subject,
            data=ref,
            verdict="not_applicable",
            value=value,
            n=table.num_rows,
            detail=detail,
        )
    ]


def _repeated(criterion: Any, table: pa.Table, what: str) -> tuple[float, str]:
    for column in criterion.columns:
        _column(table, column, what)
    distinct = table.select(criterion.columns).group_by(list(criterion.columns)).aggregate([]).num_rows
    return _share(table.num_rows - distinct, table, "repeat an earlier one")


def _outside(criterion: Any, table: pa.Table, what: str) -> tuple[float, str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = _column(table, criterion.column, what)
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_decimal(values.type)):
        raise InvalidInput(f"{criterion.column} of {what} holds {values.type}, which lies in no range of numbers")
    values = pc.cast(values, pa.float64(), safe=False)
    low, high = criterion.low, criterion.high
    outside = sum(
        pc.sum(compare(values, pa.scalar(end, pa.float64()))).as_py() or 0
        for compare, end in ((pc.less, low), (pc.greater, high))
        if end is not None
    )
    return _share(outside, table, "lie outside")


def _rows(criterion: Any, table: pa.Table, what: str) -> tuple[float, str]:
    return float(table.num_rows), ""


def _column(table: pa.Table, name: str, what: str) -> Any:
    if name not in table.column_names:
        alike = near(name, table.column_names)
        hint = f"; did you mean {' or '.join(map(repr, alike))}?" if alike else ""
        raise InvalidInput(f"{what} has no column {name!r}{hint}")
    return table.column(name)


def _share(count: int, table: pa.Table, how: str) -> tuple[float, str]:
    rows = table.num_rows
    return (count / rows if rows else 0.0), (f"{count:,} of {rows:,} rows {how}" if count else "")


COUNTED: dict[str, Callable[[Any, pa.Table, str], tuple[float, str]]] = {
    "repeated rows": _repeated,
    "rows outside": _outside,
    "rows": _rows,
}
"""What is counted, by the first word of a question."""
