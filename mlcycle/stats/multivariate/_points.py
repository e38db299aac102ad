"""Rows of two samples as points of one space, scaled by both samples together so that no side is told apart by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_whole
from mlcycle.stats.two_sample import _columns
from mlcycle.stats.two_sample._column_drafts import compared_as
from mlcycle.stats.two_sample._dependence import per_row
from mlcycle.stats.two_sample._pairing import Pairing

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Points", "points_of"]

# Levels beyond so many, or on one row of both sides, share one coordinate.
_MOST_LEVELS = 20
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
    first : ndarray of bool, shape (rows,)
        Whether a row is of the reference.
    unit : ndarray of int, shape (rows,)
        What may change sides as a whole: the row itself, or its group.
    rows : tuple of int
        Rows given on either side; `first` tells how many of them are used.
    columns, dropped, only_reference, only_current : tuple
        As in `JointDrift`.
    """

    values: NDArray[np.float64]
    owner: NDArray[np.intp]
    first: NDArray[np.bool_]
    unit: NDArray[np.intp]
    rows: tuple[int, int]
    columns: tuple[Hashable, ...]
    dropped: tuple[tuple[Hashable, str], ...] = ()
    only_reference: tuple[Hashable, ...] = ()
    only_current: tuple[Hashable, ...] = ()

    @property
    def used(self) -> tuple[int, int]:
        """Rows of either side that are compared."""
        return int(np.count_nonzero(self.first)), int(np.count_nonzero(~self.first))

    @property
    def units(self) -> tuple[int, int]:
        """Units of either side that are compared."""
        return len(np.unique(self.unit[self.first])), len(np.unique(self.unit[~self.first]))


def points_of(
    reference: Any,
    current: Any,
    *,
    columns: Iterable[Hashable] | None = None,
    groups: Any = None,
    most: int = 2000,
    rng: np.random.Generator,
) -> Points:
    """Return two samples as points; for the arguments see `domain_classifier`.

    Numbers become normal scores of their ranks. All that is learnt from the data (ranks, levels) is learnt from both
    samples together, so that under the null hypothesis rows stay exchangeable and permutation tests exact.
    """
    import pandas as pd

    most = check_whole(most, "most", 2)
    pairing = Pairing.of(reference, current, columns, None)
    sides = [side for side in (pairing.reference, pairing.current) if isinstance(side, pd.DataFrame)]
    if len(sides) < 2:
        raise InvalidInput("a classifier needs the rows of both sides, got a summary; give the frames")
    units = _units(sides, groups)
    kept = [_some(unit, most, rng) for unit in units]
    parts = [side.iloc[rows] for side, rows in zip(sides, kept, strict=True)]
    blocks, used, dropped = [], [], []
    for name in pairing.names:
        if not isinstance(groups, tuple) and name == groups:
            continue
        block, reason = _coordinates(parts[0][name], parts[1][name])
        if block is None:
            dropped.append((name, reason))
        else:
            blocks.append(block)
            used.append(name)
    return Points(
        np.hstack(blocks) if blocks else np.empty((len(kept[0]) + len(kept[1]), 0)),
        np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks]).astype(np.intp),
        np.repeat([True, False], [len(kept[0]), len(kept[1])]),
        np.concatenate([unit[rows] for unit, rows in zip(units, kept, strict=True)]),
        (len(sides[0]), len(sides[1])),
        *(tuple(used), tuple(dropped), pairing.only_reference, pairing.only_current),
    )


def _units(sides: list[pd.DataFrame], groups: Any) -> list[NDArray[np.intp]]:
    import pandas as pd

    first, rows = len(sides[0]), sum(map(len, sides))
    if groups is None:
        return [np.arange(first), np.arange(first, rows)]
    given = [np.asarray(per_row(groups, side, "groups", at), dtype=object) for at, side in enumerate(sides)]
    codes = pd.factorize(np.concatenate(given), use_na_sentinel=False)[0]
    if both := len(np.intersect1d(codes[:first], codes[first:])):
        raise InvalidInput(
            f"{both} groups have rows on both sides; groups change sides as a whole, so give them on one side only"
        )
    return [codes[:first], codes[first:]]


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
    if kind != "categorical":
        found = _numbers(np.concatenate([_as_numbers(a, kind), _as_numbers(b, kind)]))
    elif len(pooled) > 1 and pooled.is_unique:
        return None, f"no level occurs twice; is it an id? {_REMEDY}"
    else:
        found = _indicators(pooled)
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
    from scipy.stats import rankdata

    known = ~np.isnan(values)
    scores = special.ndtri((rankdata(values, nan_policy="omit") - 0.5) / max(int(known.sum()), 1))
    return np.hstack([_scaled(block[:, None]) for block in (np.where(known, scores, 0.0), known)])


def _indicators(pooled: pd.Series[Any]) -> NDArray[np.float64]:
    """Return one coordinate a common level, one for all others, one for nulls."""
    from sklearn.preprocessing import OneHotEncoder

    # Not through `Series.map`, which would make an Arrow column of the names and choke on lone surrogates.
    names = [None if missing else str(level) for level, missing in zip(pooled, pooled.isna(), strict=True)]
    encoder = OneHotEncoder(max_categories=_MOST_LEVELS + 1, min_frequency=2, sparse_output=False)
    return _scaled(encoder.fit_transform(np.array(names, dtype=object)[:, None]))


def _scaled(block: NDArray[Any]) -> NDArray[np.float64]:
    """Return what varies, scaled to a total variance of 1, or of less where hardly any row differs."""
    spread = block.var(axis=0)
    scaled: NDArray[np.float64] = block[:, spread > 0] / np.sqrt(max(float(spread.sum()), _LEAST_VARIANCE))
    return scaled
