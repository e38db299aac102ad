"""What the columns of a version look like: `codecs` reads them, `stats` summarises them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mlcycle import codecs, stats

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["summary_of"]

Doc = dict[str, Any]
# A summary shall stay small beside the rows: one point for ten of them, as many as `stats` needs at least, and no more
# than its tests gain from.
_ROWS_A_POINT = 10
_SIZES = (200, 1000)


def summary_of(columns: Mapping[str, Any], header: Doc) -> stats.Summary:
    """Summarise the columns of a table, without the levels of its index.

    Parameters
    ----------
    columns : mapping of str to pyarrow.ChunkedArray
        By field name.
    header : dict
        Of the manifest: it says which field is which column.
    """
    described = header["presentation"]["columns"]
    rows = len(next(iter(columns.values())))
    size = min(max(rows // _ROWS_A_POINT, _SIZES[0]), _SIZES[1])

    def one(column: Doc) -> stats.ColumnSummary:
        levels = column["dtype"]["kind"] == "category"
        values = codecs.column_values(columns[column["field"]], categories=levels)
        parts = [_summarised(column["name"], part, size) for part in values]
        found = parts[0]
        for part in parts[1:]:
            found = found.merge(part)
        return found

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return stats.Summary(rows, tuple(pool.map(one, described)))


def _summarised(name: str | int, found: codecs.ColumnValues, size: int) -> stats.ColumnSummary:
    kind, sort = found.kind, ""
    if kind == "null":
        kind = "empty"
    elif kind not in _KINDS or found.values is None:
        kind = f"mixed: {kind}"
    if kind == "datetime" and found.zoned is not None:
        sort = f"moments with{'' if found.zoned else 'out'} a time zone"
    elif found.unit == "s":
        sort = "durations"
    return stats.summarise_values(
        name, kind, found.values, known=found.known, names=found.levels, sort=sort, unit=found.unit or "us", size=size
    )


_KINDS = ("numeric", "boolean", "datetime", "text", "categorical")
