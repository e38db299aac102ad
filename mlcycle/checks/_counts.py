"""What criteria about data count: rows that break them in some way, or rows; nothing is estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._ids import bare, near
from mlcycle.checks._context import data_of
from mlcycle.errors import InvalidInput, MlcycleError
from mlcycle.records import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from mlcycle.checks._context import Context, DataAccess

    Counted = tuple[float, int, str]

__all__ = ["COUNTED", "counted"]


def counted(criterion: Any, subject: str, context: Context) -> list[Result]:
    """Count what a criterion about data asks: the share of rows that break it, or the number of rows."""
    ref = data_of(criterion, subject, context)
    value, n, detail = COUNTED[criterion.question[0]](criterion, context.data, ref and bare(ref))
    return [
        Result(
            check="",
            subject=subject,
            data=ref,
            verdict="not_applicable",
            value=value,
            n=n,
            detail=detail,
        )
    ]


def _repeated(criterion: Any, data: DataAccess, ref: Any) -> Counted:
    import pyarrow as pa

    table = data.table(ref)
    columns = {str(n): _alike(_column(table, name, ref)) for n, name in enumerate(criterion.columns)}
    distinct = pa.table(columns).group_by([*columns]).aggregate([]).num_rows
    return _share(table.num_rows - distinct, table.num_rows, "repeat an earlier one")


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


def _outside(criterion: Any, data: DataAccess, ref: Any) -> Counted:
    import pyarrow as pa
    import pyarrow.compute as pc

    table = data.table(ref)
    values = _column(table, criterion.column, ref)
    if pa.types.is_null(values.type):  # none of them is anywhere
        return _share(0, table.num_rows, "")
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_decimal(values.type)):
        raise InvalidInput(f"{criterion.column} of {ref} holds {values.type}, which lies in no range of numbers")
    values = pc.cast(values, pa.float64(), safe=False)
    low, high = criterion.low, criterion.high
    outside = sum(
        pc.sum(compare(values, pa.scalar(end, pa.float64()))).as_py() or 0
        for compare, end in ((pc.less, low), (pc.greater, high))
        if end is not None
    )
    return _share(outside, table.num_rows, "lie outside")


def _breaking(criterion: Any, data: DataAccess, ref: Any) -> Counted:
    """Count what a criterion of a user's own says of each row."""
    frame = data.load(ref)
    rows, name = len(frame), f"{type(criterion).__name__}.breaks"
    try:
        broken = criterion.breaks(frame)
    except MlcycleError:
        raise
    except Exception as error:
        raise InvalidInput(f"{name} failed on {ref} with {type(error).__name__}: {error}") from error
    return _share(_truths(broken, rows, f"{name} answers one truth value a row"), rows, "break it")


def _truths(broken: Any, rows: int, asked: str) -> int:
    """Return how many of the answers are true, or say why they are no truth value for each row."""
    import pandas as pd

    if not isinstance(broken, (list, tuple)) and getattr(broken, "ndim", None) != 1:
        raise InvalidInput(f"{asked}, such as frame['age'] < 0, got {type(broken).__name__}")
    if len(broken) != rows:
        raise InvalidInput(f"{asked}, got {len(broken):,} values for {rows:,} rows")
    if lost := int(pd.Series(broken, dtype=object).isna().sum()):
        raise InvalidInput(f"{asked}, got none for {lost:,} of {rows:,} rows; .fillna(False) says that they do not")
    if rows and (kind := pd.api.types.infer_dtype(broken, skipna=False)) != "boolean":
        raise InvalidInput(f"{asked}, got {kind} values")
    return sum(map(bool, broken))


def _rows(criterion: Any, data: DataAccess, ref: Any) -> Counted:
    n = data.table(ref).num_rows
    return float(n), n, ""


def _column(table: pa.Table, name: str, ref: str) -> Any:
    import pyarrow as pa

    if name not in table.column_names:
        alike = near(name, table.column_names)
        hint = f"; did you mean {' or '.join(map(repr, alike))}?" if alike else ""
        raise InvalidInput(f"{ref} has no column {name!r}{hint}")
    values = table.column(name)
    # categories by what they stand for, as every chunk may number its own
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def _share(count: int, rows: int, how: str) -> Counted:
    return (count / rows if rows else 0.0), rows, (f"{count:,} of {rows:,} rows {how}" if count else "")


COUNTED: dict[str, Callable[[Any, DataAccess, Any], Counted]] = {
    "repeated rows": _repeated,
    "rows outside": _outside,
    "rows that break": _breaking,
    "rows": _rows,
}
"""What is counted, by the first word of a question: the value, of how many rows, and in words."""
