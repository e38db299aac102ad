"""Columns to summaries: from pandas, or from arrays that another room holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from mlcycle.errors import InvalidInput
from mlcycle.stats.two_sample import _columns
from mlcycle.stats.two_sample._column_summary import NUMBERS, ColumnSummary, Moments
from mlcycle.stats.two_sample._granularity import on_grid
from mlcycle.stats.two_sample._level_counts import LevelCounts
from mlcycle.stats.two_sample._sketch import SIZE, Sketch, SortedSample
from mlcycle.stats.two_sample._types import types_in

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["column_summary", "summarise_values"]


def column_summary(column: pd.Series[Any], *, kind: str | None = None, size: int | None = SIZE) -> ColumnSummary:
    """Return the summary of one column; with ``size=None`` one that loses nothing, for a comparison at once.

    Examples
    --------
    >>> import pandas as pd
    >>> found = column_summary(pd.Series([3, 1, 2], name="x"), size=None)
    >>> found.kind, found.values.order_statistics(np.array([3])).tolist()
    ('numeric', [[3.0], [3.0]])
    """
    name = column.name if size is None else _plain_name(column.name)
    guessed = _columns.kind_of(column)
    found = kind or guessed
    if kind in ("discrete", "boolean") and guessed not in ("numeric", "boolean", "empty"):
        found = "categorical"
    try:
        with _columns.reading(column, found):
            made = _made(name, column, found, size)
    except InvalidInput:
        if kind is not None:
            raise
        made = _made(name, column, f"mixed: {found} that cannot be read", size)
    return evolve(made, named=kind is not None)


def _made(name: Any, column: pd.Series[Any], kind: str, size: int | None) -> ColumnSummary:
    if kind == "empty" or kind.startswith("mixed"):
        types = types_in(column) if kind.startswith("mixed") and size is None else None
        levels = None if types is None else LevelCounts.of(types.index, types.to_numpy(), whole=True)
        return ColumnSummary(name, kind, len(column), int(column.isna().sum()), levels=levels)
    sort = _columns.sort_of(column, "numeric" if kind in NUMBERS else kind)
    made = ColumnSummary(name, kind, len(column), 0, sort=sort)
    if kind in ("categorical", "text"):
        return _with_levels(made, *_columns.factorised(column), size)
    return _with_values(
        made, _columns.ordered_of(column, "numeric" if kind in NUMBERS else kind, counted=bool(size)), size
    )


def summarise_values(
    name: str | int,
    kind: str,
    values: NDArray[Any] | None,
    *,
    known: NDArray[np.bool_] | None = None,
    names: NDArray[Any] | None = None,
    sort: str = "",
    unit: str = "us",
    size: int = SIZE,
) -> ColumnSummary:
    """Summarise a column that its owner holds as arrays, as `summarise` would; no pandas column is made of it.

    Parameters
    ----------
    name : str or int
        The column.
    kind : str
        ``numeric``, ``boolean``, ``categorical``, ``text``, ``datetime``, or ``mixed: list`` and the like for what no
        test compares.
    values : ndarray of shape (n,), or None
        Numbers, of which nan is none; of moments whole steps since 1970 in UTC, of which the smallest int64 is none; of
        text and categories the code of each row, its place among `names` and -1 for none; of lists and bytes their
        lengths. None where there is nothing to count but who has one.
    known : ndarray of bool of shape (n,), optional
        Which rows have a value, where not all do and the values do not say so.
    names : ndarray, optional
        Of text and categories: each different level.
    sort : str, optional
        ``durations`` for numbers that are seconds; of moments ``moments with a time zone`` or ``moments without a time
        zone``. By default what is plain.
    unit : str, default "us"
        What a step of a moment is: ``us``, or ``ns``, which becomes ``us`` where no moment has such digits.
    size : int, default 1000
        As in `summarise`.

    Returns
    -------
    ColumnSummary

    Examples
    --------
    >>> print(summarise_values("plan", "text", np.array([0, 1, -1, 1]), names=np.array(["free", "pro"])))
    plan (categorical): 4 rows, 1 nulls, top pro (66.7%)
    """
    if values is None:
        there = np.zeros(0, np.bool_) if known is None else known
        return ColumnSummary(name, kind, len(there), int(np.count_nonzero(~there)))
    made = ColumnSummary(name, kind, len(values), 0, sort=sort)
    if names is not None:
        return _with_levels(made, values, names, size)
    if kind == "datetime":
        steps, unit = _columns.coarsest(values) if unit == "ns" else (values, unit)
        return _with_values(made, _columns.ordered_moments(steps, unit), size)
    if kind in NUMBERS:
        made = evolve(made, sort=sort or "numbers")
        values = values.view(np.uint8) if values.dtype == np.bool_ else values
    return _with_values(made, _columns.ordered_numbers(values, known, counted=True), size)


def _with_levels(made: ColumnSummary, codes: NDArray[Any], names: NDArray[Any], size: int | None) -> ColumnSummary:
    there = None if not len(codes) or codes.min() >= 0 else codes >= 0
    counts = _columns.counts_of(codes if there is None else codes[there], len(names))
    repeats = made.kind == "text" and _columns.few(codes)
    # Of text that hardly repeats, naming every value is slow and says nothing.
    levels = LevelCounts.of(names, counts, whole=size is None and (repeats or made.kind == "categorical"))
    pairs: dict[str, Any] = dict(zip(("repeated", "pairs"), _columns.repeated(codes, there), strict=True))
    told: dict[str, Any] = {"sort": _columns.sort_of_levels(names), "nulls": made.rows - levels.n}
    made = evolve(made, levels=levels, repeating=levels.n if repeats else 0, **told, **pairs)
    if made.kind == "categorical":
        return made
    spaced = any(_columns.is_spaced(names[code]) for code in codes[:2000].tolist() if code >= 0)
    found = _with_values(evolve(made, spaced=spaced), _lengths(made, names, counts), size)
    return evolve(found, **pairs)


def _with_values(made: ColumnSummary, ordered: _columns.Ordered, size: int | None) -> ColumnSummary:
    told: dict[str, Any] = {
        name: getattr(ordered, name) for name in ("nulls", "infinite", "negative", "repeated", "pairs", "unit")
    }
    values, counts = ordered.values, ordered.counts
    made = evolve(made, **told, on_grid=on_grid(values, ordered.unit, counts))
    times = None if ordered.times is None else _kept(np.arange(len(ordered.times)), ordered.times, size)
    moments = None
    if size is not None:
        moments = Moments.of(values) if counts is None else Moments.of_counts(values, counts)
    return evolve(made, moments=moments, values=_kept(values, counts, size), times=times)


def _kept(values: NDArray[Any], counts: NDArray[Any] | None, size: int | None) -> Sketch | SortedSample:
    """Return sorted values, or different ones and how often each occurs, in the form that is kept of them."""
    if size is None:
        return SortedSample.of(values if counts is None else np.repeat(values, counts))
    return Sketch.of(values, size) if counts is None else Sketch.of_counts(values, counts, size)


def _lengths(made: ColumnSummary, names: NDArray[Any], counts: NDArray[np.intp]) -> _columns.Ordered:
    """Return the length of every row of text, from each different text and its rows."""
    used = np.flatnonzero(counts)
    lengths = np.fromiter((len(names[i]) for i in used), np.int64, len(used))
    order = np.argsort(lengths)
    found, starts = np.unique(lengths[order], return_index=True)
    rows = np.add.reduceat(counts[used[order]], starts) if len(starts) else counts[:0]
    return _columns.Ordered(found, made.rows, made.nulls, counts=rows)


def _plain_name(name: Any) -> str | int:
    if isinstance(name, str):
        return name
    if isinstance(name, (int, np.integer)):
        return int(name)
    raise InvalidInput(f"a column is named by text or a whole number to be kept, got {name!r}; rename it")
