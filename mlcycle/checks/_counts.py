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
    import pyarrow as pa

    columns = {str(n): _alike(_column(table, name, what)) for n, name in enumerate(criterion.columns)}
    distinct = pa.table(columns).group_by([*columns]).aggregate([]).num_rows
    return _share(table.num_rows - distinct, table, "repeat an earlier one")


def _alike(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column in which what is equal is the same: NaN is missing, and zero has no sign."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_float16(values.type):
        values = values.cast(pa.float32())
    if not pa.types.is_floating(values.type):
        return values
    values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return pc.if_else(pc.equal(values, pa.scalar(0.0, values.type)), pa.scalar(0.0, values.type), values)


def _outside(criterion: Any, table: pa.Table, what: str) -> tuple[float, str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = _column(table, criterion.column, what)
    if pa.types.is_null(values.type):  # none of them is anywhere
        return 0.0, ""
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
    import pyarrow as pa

    if name not in table.column_names:
        alike = near(name, table.column_names)
        hint = f"; did you mean {' or '.join(map(repr, alike))}?" if alike else ""
        raise InvalidInput(f"{what} has no column {name!r}{hint}")
    values = table.column(name)
    # categories by what they stand for, as every chunk may number its own
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def _share(count: int, table: pa.Table, how: str) -> tuple[float, str]:
    rows = table.num_rows
    return (count / rows if rows else 0.0), (f"{count:,} of {rows:,} rows {how}" if count else "")


COUNTED: dict[str, Callable[[Any, pa.Table, str], tuple[float, str]]] = {
    "repeated rows": _repeated,
    "rows outside": _outside,
    "rows": _rows,
}
"""What is counted, by the first word of a question."""
