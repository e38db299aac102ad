"""One column on two sides as it comes from a caller: numbers sorted, or counts of levels, and what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_whole
from mlcycle.stats.two_sample import _columns, _levels

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Counts", "Numbers", "counts_of", "finite_numbers", "numbers_of"]

_SIDES = ("reference", "current")
# Whole numbers up to here are exact as floats; and cubes of distances up to there, which skewness takes, are finite.
_EXACT = 2**53
_LARGEST = 1e90


@frozen(eq=False)
class Numbers:
    """Both sides of a column of numbers or moments, sorted and without missing values."""

    reference: NDArray[Any]
    current: NDArray[Any]
    note: str


@frozen(eq=False)
class Counts:
    """Both sides of a column as a table of counts, two rows by levels, or by bins (`cut`)."""

    table: NDArray[np.intp]
    note: str
    cut: bool = False


def numbers_of(reference: Any, current: Any) -> Numbers:
    """Return both sides sorted, infinities kept as the lowest and highest values; datetimes in microseconds.

    Whole numbers stay what they are: as floats those beyond 2**53 would lose their last digits, and ids their order.

    Examples
    --------
    >>> found = numbers_of([3.0, None, 1.0], [float("inf"), 2.0])
    >>> found.reference.tolist(), found.current.tolist(), found.note
    ([1.0, 3.0], [2.0, inf], '1 missing in the reference')
    """
    a, b = _series(reference, "reference"), _series(current, "current")
    kind, why = _columns.joint_kind(a, b)
    if kind not in ("numeric", "boolean", "datetime", "empty"):
        what = why or f"they hold {kind} values; compare those with contingency, cramers_v or total_variation"
        raise InvalidInput(f"reference and current are numbers or moments: {what}")
    sides = [_known(side, kind) for side in (a, b)]
    for name, values in zip(_SIDES, sides, strict=True):
        if not len(values):
            raise InvalidInput(f"{name} has no values: it is empty or all missing; give at least one on either side")
    return Numbers(*_comparable(*sides), _missing(a, b))


def finite_numbers(reference: Any, current: Any) -> Numbers:
    """Return `numbers_of` as floats, or say that a distance in units has no meaning with infinite values.

    Whole numbers too large to be exact as floats are counted from the smallest: no distance changes by that.
    """
    found = numbers_of(reference, current)
    for name, values in zip(_SIDES, (found.reference, found.current), strict=True):
        if not (np.isfinite(values[0]) and np.isfinite(values[-1])):
            raise InvalidInput(f"{name} has infinite values, and a distance to them has no size; leave them out first")
        if max(abs(float(values[0])), abs(float(values[-1]))) > _LARGEST:
            raise InvalidInput(
                f"{name} has values beyond {_LARGEST:g}, too large for distances; give it in larger units"
            )
    return Numbers(*_floats(found.reference, found.current), found.note)


def counts_of(reference: Any, current: Any, bins: int, *, pooled: bool = False) -> Counts:
    """Return how often each level occurs, or, for numbers of more than `bins` values, each bin of the reference.

    Bins hold equal shares of the reference, or with `pooled` of both sides together, as a test wants them whose null
    hypothesis deals the rows to the sides: cuts must not know which row is on which. The first and the last bin are
    open. Rare levels are pooled.

    Examples
    --------
    >>> counts_of(["a", "b", "a"], ["b", None], 10).table.tolist()
    [[2, 1], [0, 1]]
    >>> counts_of(np.arange(100), np.arange(50, 150), 4).table.tolist()
    [[25, 25, 25, 25], [0, 0, 25, 75]]
    """
    bins = check_whole(bins, "bins", 2)
    a, b = _series(reference, "reference"), _series(current, "current")
    kind, why = _columns.joint_kind(a, b)
    if kind == "mixed":
        raise InvalidInput(f"reference and current hold values of one kind: {why}")
    if kind in ("numeric", "datetime"):
        found = numbers_of(a, b)
        sides = found.reference, found.current
        values = [_distinct(side) for side in sides]
        every = np.union1d(*values)
        if (len(every) if pooled else max(map(len, values))) > bins:
            chosen = np.sort(np.concatenate(sides), kind="stable") if pooled else found.reference
            return Counts(_binned(*sides, bins, chosen), found.note, cut=True)
        return Counts(np.stack([_between(side, every) for side in sides]), found.note)
    levels = _columns.levels_of(a, b)
    table = _levels.pooled_levels(levels.reference, levels.current)
    for name, rows in zip(_SIDES, table.sum(axis=1), strict=True):
        if not rows:
            raise InvalidInput(f"{name} has no values: it is empty or all missing; give at least one on either side")
    if table.shape[1] < 2 < len(levels.reference):
        raise InvalidInput(f"{len(levels.reference)} levels and none common enough to compare; leave ids out")
    return Counts(table, _missing(a, b))


def _distinct(ordered: NDArray[Any]) -> NDArray[Any]:
    """Return the different values of a sorted sample."""
    values: NDArray[Any] = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    return values


def _between(ordered: NDArray[Any], values: NDArray[Any]) -> NDArray[np.intp]:
    """Return how many of a sorted sample are at each of the values."""
    counts: NDArray[np.intp] = np.diff(ordered.searchsorted(values, "right"), prepend=0)
    return counts


def _binned(a: NDArray[Any], b: NDArray[Any], bins: int, chosen: NDArray[Any]) -> NDArray[np.intp]:
    cuts, times = np.unique(chosen[(np.arange(1, bins) * len(chosen)) // bins], return_counts=True)
    # A value that fills a bin, or starts the column, gets a bin of its own: beside it nothing would be seen.
    alone = cuts[(times > 1) | (cuts == chosen[0])]
    edges = [np.sort(np.append(side.searchsorted(cuts, "left"), side.searchsorted(alone, "right"))) for side in (a, b)]
    table = np.stack([np.diff(at, prepend=0, append=len(side)) for at, side in zip(edges, (a, b), strict=True)])
    kept: NDArray[np.intp] = table[:, table.sum(axis=0) > 0]
    return kept


def _series(data: Any, side: str) -> pd.Series[Any]:
    frame = _columns.as_frame(data if not np.isscalar(data) else [data], side)
    if frame.shape[1] != 1:
        raise InvalidInput(f"{side} is one column, got {frame.shape[1]}; `drift` compares whole frames")
    return frame.iloc[:, 0]


def _known(column: pd.Series[Any], kind: str) -> NDArray[Any]:
    # Through `ordered_of` infinities would go; rank tests want them at their places.
    found = _columns.ordered_of(column, "datetime" if kind == "datetime" else "numeric")
    values = found.values
    if values.dtype.kind == "f":
        values = values.astype(np.float64)
    if not found.infinite:
        return values
    low = int((column.dropna() == -np.inf).sum())
    return np.concatenate([np.full(low, -np.inf), values, np.full(found.infinite - low, np.inf)])


def _comparable(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return whole numbers as one type that holds both sides, if there is one; numpy makes floats of int and uint."""
    if a.dtype.kind not in "iu" or b.dtype.kind not in "iu":
        return a, b
    least, most = min(int(a[0]), int(b[0])), max(int(a[-1]), int(b[-1]))
    if most <= np.iinfo(np.int64).max:
        return a.astype(np.int64), b.astype(np.int64)
    return (a.astype(np.uint64), b.astype(np.uint64)) if least >= 0 else (a, b)


def _floats(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if a.dtype.kind in "iu" and a.dtype == b.dtype:
        origin = min(int(a[0]), int(b[0]))
        if max(int(a[-1]), int(b[-1]), -origin) > _EXACT:
            # Modulo 2**64 no difference is lost, whatever the signs.
            a, b = (side.astype(np.uint64) - np.uint64(origin % 2**64) for side in (a, b))
    return a.astype(np.float64), b.astype(np.float64)


def _missing(a: pd.Series[Any], b: pd.Series[Any]) -> str:
    counts = [int(side.isna().sum()) for side in (a, b)]
    names = ("the reference", "the current data")
    return ", ".join(f"{count} missing in {name}" for count, name in zip(counts, names, strict=True) if count)
