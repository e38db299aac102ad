"""Splits in time order: what came first is trained on, what came later is tested on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api import types

from mlcycle import records
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle.datasets.splits._rows import Drawn, Rows
from mlcycle.lifecycle.datasets.splits._shares import check_shares

if TYPE_CHECKING:
    from mlcycle.lifecycle.datasets.splits._request import Request

__all__ = ["by_time"]


def by_time(rows: Rows, request: Request, method: str) -> Drawn:
    """Cut the rows in the order of their moments, or of the last moment of their groups.

    Rows of one moment stay together, so a cut lies at the moment nearest to the share asked for.
    """
    column = rows.role("time")
    request = request.with_first_block() if request.folds else request
    rank, moments = _ranks(rows, column)
    groups = rows.groups()
    if groups is not None:
        last = np.zeros(int(groups.max()) + 1, dtype=np.int64)
        np.maximum.at(last, groups, rank)
        kept, rank = np.unique(last[groups], return_inverse=True)
        moments = moments[kept]
    filled = np.bincount(rank).cumsum()
    cuts = _cuts(rows, request, filled, column)
    ends = _ends(rows, request, filled, cuts, moments, column)
    part_of = np.searchsorted(cuts, rank, side="left")
    check_shares(rows, request, part_of, lambda: _why_missed(rows, column))
    part_of[rank > np.append(ends, len(filled))[part_of]] = -1
    how = records.Part(method=method, column=column, group=rows.roles.get("group"), gap=request.gap_text)
    return Drawn(part_of, how, request.shares)


def _ranks(rows: Rows, column: Any) -> tuple[np.ndarray, Any]:
    """Return for each row the rank of its moment, and the moments in order."""
    values = rows.frame[column]
    try:
        rank, moments = pd.factorize(_moments(values), sort=True)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InvalidInput(
            f"the time column {column!r} of {rows.shown} holds {_shown(values)}, which has no order in time; add the "
            "table with moments, numbers or text in ISO 8601, as pandas.to_datetime(…) gives and reads them"
        ) from error
    if missing := int((rank < 0).sum()):
        raise InvalidInput(
            f"{missing:,} of {len(rows):,} rows of {rows.shown} have no time: {column!r} is missing; add the table "
            "without them or with their time, or split by='group', by='key' or by another column"
        )
    return rank, moments


def _moments(values: pd.Series) -> Any:
    """Return a column as what sorts in time: numbers, spans and moments as they are, ISO 8601 text and dates read."""
    if types.is_bool_dtype(values.dtype):
        raise TypeError("a truth value is not a moment")
    if isinstance(values.dtype, pd.ArrowDtype) and values.dtype.type is date:
        return values.astype("datetime64[s]")  # dates of Arrow are compared with no span
    if types.is_numeric_dtype(values.dtype) or values.dtype.kind in "mM":
        return values
    if isinstance(values.dtype, pd.PeriodDtype):
        return values.dt.start_time
    return pd.to_datetime(values, format="ISO8601", utc=True)


def _shown(values: pd.Series) -> str:
    """Return a value that is no moment, such as the first that cannot be read as one."""
    odd = values
    if values.dtype.kind not in "bmM":
        try:
            odd = values[pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce").isna() & values.notna()]
        except (TypeError, ValueError):
            odd = values
    example = (odd if len(odd) else values).iloc[:1].tolist()[0]
    return f"{values.dtype} such as {example!r:.60}"


def _cuts(rows: Rows, request: Request, filled: np.ndarray, column: Any) -> np.ndarray:
    """Return after which moment each part but the last ends: nearest to its share, no part without a moment."""
    parts = len(request.shares)
    if len(filled) < parts:
        many = "moment" if len(filled) == 1 else "moments"
        many = many if rows.roles.get("group") is None else f"last {many} of groups"
        raise InvalidInput(
            f"{len(filled)} {many} of {column!r} in {rows.shown} cannot fill {parts} parts; rows of one moment stay "
            "together, and so do groups"
        )
    wanted = np.cumsum(list(request.shares.values()))[:-1] * len(rows)
    after = np.searchsorted(filled, wanted).clip(1, len(filled) - 1)
    nearest = after - (wanted - filled[after - 1] <= filled[after] - wanted)
    spread = np.arange(parts - 1)
    # never back, and one moment at least for each: as far as what comes after leaves room
    risen = np.maximum.accumulate(nearest - spread) + spread
    cuts: np.ndarray = np.minimum(risen, len(filled) - parts + spread)
    return cuts


def _ends(rows: Rows, request: Request, filled: np.ndarray, cuts: np.ndarray, moments: Any, column: Any) -> np.ndarray:
    """Return the last moment that each part but the last keeps: the gap comes out of the end of the earlier part."""
    gap = request.gap
    if gap is None:
        return cuts
    if not isinstance(gap, timedelta):
        kept: np.ndarray = np.searchsorted(filled, filled[cuts] - gap, side="right") - 1
        return kept
    if not types.is_datetime64_any_dtype(moments) and not types.is_timedelta64_dtype(moments):
        raise InvalidInput(
            f"gap={request.gap_text!r} is a span, and the time column {column!r} of {rows.shown} holds numbers, "
            "so give a number of rows"
        )
    latest = pd.Index(moments)[cuts + 1] - pd.Timedelta(gap)
    before: np.ndarray = np.minimum(pd.Index(moments).searchsorted(latest, side="right") - 1, cuts)
    return before


def _why_missed(rows: Rows, column: Any) -> str:
    """Say why shares do not hold, as in a column in which most rows are of one moment."""
    groups = "" if rows.roles.get("group") is None else ", and so do groups"
    return f"rows of one moment of {column!r} stay together{groups}; give shares that fit the time, or another time"
