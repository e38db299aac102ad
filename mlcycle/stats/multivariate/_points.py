"""Rows of two samples as points of one space, scaled by both samples together so that no side is told apart by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput, NotFound
from mlcycle.stats._arguments import check_whole
from mlcycle.stats._labels import midranks
from mlcycle.stats.two_sample import _columns
from mlcycle.stats.two_sample._column_drafts import compared_as

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Points", "points_of"]

# Levels beyond so many, or on fewer rows than this of both sides, share one coordinate.
_MOST_LEVELS = 20
_RARE = 2
# A level or a null on one row in a hundred would count ten times as much as a number; not more than this.
_LEAST_VARIANCE = 0.05
# Kinds are told from the values here, so a remedy that names one would not help.
_REMEDY = "leave it out, or turn it into numbers"


@frozen(eq=False)
class Points:
    """Both samples as points, the reference first.

    Attributes
    ----------
    values : ndarray of shape (rows, coordinates)
        The points. A column takes one coordinate or several, with a total variance of about 1, and its nulls another.
    owner : ndarray of shape (coordinates,)
        The position in `columns` of the column a coordinate belongs to.
    columns : tuple
        The columns that are compared.
    dropped : tuple of (column, reason)
        Those that are not.
    only_reference, only_current : tuple
        Columns of one side.
    first : ndarray of bool, shape (rows,)
        Whether a row is of the reference.
    unit : ndarray of int, shape (rows,)
        What may change sides as a whole: the row itself, or its group.
    rows : tuple of int
        Rows given on either side; `first` tells how many of them are used.
    """

    values: NDArray[np.float64]
    owner: NDArray[np.intp]
    columns: tuple[Hashable, ...]
    dropped: tuple[tuple[Hashable, str], ...]
    only_reference: tuple[Hashable, ...]
    only_current: tuple[Hashable, ...]
    first: NDArray[np.bool_]
    unit: NDArray[np.intp]
    rows: tuple[int, int]

    @property
    def used(self) -> tuple[int, int]:
        """Rows of either side that are compared."""
        of_reference = int(np.count_nonzero(self.first))
        return of_reference, len(self.first) - of_reference

    @property
    def units(self) -> tuple[int, int]:
        """Units of either side that are compared."""
        return len(np.unique(self.unit[self.first])), len(np.unique(self.unit[~self.first]))


def points_of(
    reference: Any,
    current: Any,
    *,
    columns: Iterable[Hashable] | None = None,
    groups: tuple[Any, Any] | None = None,
    most: int = 2000,
    rng: np.random.Generator,
) -> Points:
    """Return two samples as points.

    Numbers become normal scores of their ranks. All that is learnt from the data (ranks, levels) is learnt from both
    samples together, so that under the null hypothesis rows stay exchangeable and permutation tests exact.

    Parameters
    ----------
    reference, current : DataFrame, Series, Arrow table, ndarray or mapping of columns
        The samples, as for `drift`.
    columns : iterable, optional
        The columns to use; all that both sides have, unless given.
    groups : pair of array-like, optional
        What every row of either side belongs to; rows of one group stay together.
    most : int, default 2000
        Rows of a side above which a random part of it is taken.
    rng : numpy.random.Generator
        For that part.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"age": [31.0, None, 50, 44], "city": ["Rome", "Oslo", "Oslo", "Rome"], "one": 1})
    >>> found = points_of(frame, frame, rng=np.random.default_rng(0))
    >>> found.columns, found.dropped, found.values.shape, found.owner.tolist()
    (('age', 'city'), (('one', 'constant'),), (8, 4), [0, 0, 1, 1])
    """
    most = check_whole(most, "most", 2)
    sides = [_columns.as_frame(reference, "reference"), _columns.as_frame(current, "current")]
    names, only = _shared(sides, columns)
    units = _units([len(side) for side in sides], groups)
    kept = [_some(unit, most, rng) for unit in units]
    parts = [side[names].iloc[rows] for side, rows in zip(sides, kept, strict=True)]
    blocks, used, dropped = [], [], []
    for name in names:
        block, reason = _coordinates(parts[0][name], parts[1][name])
        if block is None:
            dropped.append((name, reason))
        else:
            blocks.append(block)
            used.append(name)
    owner = np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks]).astype(np.intp)
    return Points(
        np.hstack(blocks) if blocks else np.empty((len(kept[0]) + len(kept[1]), 0)),
        owner, tuple(used), tuple(dropped), *only,
        np.repeat([True, False], [len(kept[0]), len(kept[1])]),
        np.concatenate([unit[rows] for unit, rows in zip(units, kept, strict=True)]),
        (len(sides[0]), len(sides[1])),
    )  # fmt: skip


def _shared(
    sides: list[pd.DataFrame], columns: Iterable[Hashable] | None
) -> tuple[list[Hashable], tuple[tuple[Hashable, ...], tuple[Hashable, ...]]]:
    a, b = (list(side.columns) for side in sides)
    if columns is None:
        one_sided = tuple(name for name in a if name not in set(b)), tuple(name for name in b if name not in set(a))
        return [name for name in a if name in set(b)], one_sided
    if isinstance(columns, str) or not hasattr(columns, "__iter__"):
        raise InvalidInput(f"columns is a list of columns, got {columns!r}; put one column in a list")
    try:
        chosen = list(dict.fromkeys(columns))
    except TypeError as error:
        raise InvalidInput(f"columns is a list of column names, got {list(columns)!r:.80}") from error
    for known, side in ((a, "the reference"), (b, "the current data")):
        if strange := [name for name in chosen if name not in known]:
            raise NotFound(f"{side} has no column {strange[0]!r}; it has {', '.join(map(str, known[:20]))}")
    return chosen, ((), ())


def _units(rows: list[int], groups: tuple[Any, Any] | None) -> list[NDArray[np.intp]]:
    if groups is None:
        return [np.arange(rows[0]), np.arange(rows[0], sum(rows))]
    import pandas as pd

    if not isinstance(groups, (tuple, list)) or len(groups) != 2:
        raise InvalidInput(f"groups are two lists, one for either side, got {type(groups).__name__}")
    given = [np.asarray(side) for side in groups]
    for side, count in zip(given, rows, strict=True):
        if side.shape != (count,):
            raise InvalidInput(f"groups are two lists, one entry a row ({rows[0]} and {rows[1]}), got {side.shape}")
    codes, _ = pd.factorize(np.concatenate([side.astype(object) for side in given]))
    split = [codes[: rows[0]], codes[rows[0] :]]
    if (codes < 0).any():
        raise InvalidInput("groups hold missing values; give every row a group, or drop those rows")
    if both := set(split[0].tolist()) & set(split[1].tolist()):
        raise InvalidInput(
            f"{len(both)} groups have rows on both sides; groups change sides as a whole, so give them on one side only"
        )
    return split


def _some(units: NDArray[np.intp], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the rows to use: all of them, or those of units in random order until there are enough."""
    if len(units) <= most:
        return np.arange(len(units))
    _, inverse, sizes = np.unique(units, return_inverse=True, return_counts=True)
    order = rng.permutation(len(sizes))
    chosen = order[: max(int(np.searchsorted(np.cumsum(sizes[order]), most, "right")), 1)]
    return np.flatnonzero(np.isin(inverse, chosen))


def _coordinates(a: pd.Series[Any], b: pd.Series[Any]) -> tuple[NDArray[np.float64] | None, str]:
    """Return the coordinates of a column on both sides, or None and why it has none."""
    import pandas as pd

    kind, reason = compared_as(a, b)
    if reason:
        return None, reason.replace(_columns.REMEDY, _REMEDY)
    if kind == "empty" or (a.isna().all() and b.isna().all()):
        return None, "nothing but nulls"
    if kind in ("text", "categorical"):
        pooled = pd.concat([a.astype(object), b.astype(object)], ignore_index=True)
        # Which of the two it is must not hang on one side alone.
        kind = kind if isinstance(a.dtype, pd.CategoricalDtype) else compared_as(pooled, pooled)[0]
    if kind == "categorical":
        if len(known := pooled.dropna()) > 1 and len(known) == len(pooled) and known.is_unique:
            return None, f"no level occurs twice; is it an id? {_REMEDY}"
        found = _indicators(pooled)
    else:
        found = _numbers(np.concatenate([_as_numbers(a, kind), _as_numbers(b, kind)]))
    return (found, "") if found.shape[1] else (None, "constant")


def _as_numbers(column: pd.Series[Any], kind: str) -> NDArray[np.float64]:
    if kind == "datetime":
        moments, _ = _columns.moments_in(column)
        return np.where(moments == np.iinfo(np.int64).min, np.nan, moments.astype(np.float64))
    if kind == "text" and column.isna().all():
        return np.full(len(column), np.nan)
    return _columns.numbers_in(column.str.len() if kind == "text" else column).astype(np.float64)


def _numbers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one coordinate for the values, the normal scores of their ranks, and one for being there at all."""
    from scipy import special

    known = np.isfinite(values)
    blocks = [] if known.all() or not known.any() else [_share(known[:, None])]
    ordered = np.sort(values[known])
    if len(ordered) and ordered[0] < ordered[-1]:
        filled = np.where(known, values, ordered[(len(ordered) - 1) // 2])
        scores = special.ndtri((midranks(filled) - 0.5) / len(filled))
        blocks.insert(0, (scores / max(float(scores.std()), np.sqrt(_LEAST_VARIANCE)))[:, None])
    return np.hstack(blocks) if blocks else np.empty((len(values), 0))


def _indicators(pooled: pd.Series[Any]) -> NDArray[np.float64]:
    """Return one coordinate a common level, one for all others, one for nulls."""
    import pandas as pd

    # In the order of names: of equally common levels, the reference's must not come first because its rows do.
    # Not through `Series.map`, which would make an Arrow column of the names and choke on lone surrogates.
    names = [None if missing else str(level) for level, missing in zip(pooled, pooled.isna(), strict=True)]
    codes, _ = pd.factorize(np.array(names, dtype=object), sort=True)
    codes = np.where(codes < 0, codes.max() + 1, codes)
    counts = np.bincount(codes)
    order = np.argsort(-counts, kind="stable")
    common = order[:_MOST_LEVELS][counts[order[:_MOST_LEVELS]] >= _RARE]
    place = np.full(len(counts), len(common))
    place[common] = np.arange(len(common))
    found = place[codes][:, None] == np.arange(len(common) + 1)
    return _share(found[:, found.any(axis=0)])


def _share(indicators: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return indicators scaled so that their variances add up to 1, or to less where hardly any row differs."""
    shares = indicators.mean(axis=0)
    total = float(np.sum(shares * (1 - shares)))
    if not total:
        return np.empty((len(indicators), 0))
    result: NDArray[np.float64] = indicators / np.sqrt(max(total, _LEAST_VARIANCE))
    return result
