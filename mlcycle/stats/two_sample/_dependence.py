"""Rows that hang together: how many of them are worth one, by groups, by their order, or because they repeat."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from mlcycle.errors import InvalidInput, NotFound
from mlcycle.stats._estimate import z_value
from mlcycle.stats.two_sample import _columns
from mlcycle.stats.two_sample._column_summary import ColumnSummary
from mlcycle.stats.two_sample._telling import percent

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd
    from numpy.typing import NDArray
    from pandas import DataFrame

__all__ = ["Units", "dependence_notes", "design_by_groups", "design_in_order", "per_row", "units_of"]

_SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
_LEVELS = 5
# Rows looked at for a note, where nothing was said about how rows hang together.
_LOOKED_AT = 5_000
# Rows of which every column is read to see whether they repeat.
_HASHED = 20_000
# Columns that are looked at for it, of a wide frame.
_COLUMNS = 20
# From these on a note is worth reading: a share of rows that repeat, and how many rows are worth one.
_REPEATING, _TOGETHER = 0.01, 1.5
_CERTAIN = 5.0
# How many times as long as the reference the current rows may hang together: estimates differ by half.
_AS_LONG = 3.0
# Rows repeat when they are equal so much oftener than by chance.
_BY_CHANCE = 1.5


@frozen(eq=False)
class Units:
    """How the rows of both sides hang together.

    Attributes
    ----------
    frames : tuple of DataFrame
        The two sides.
    groups, order : tuple of ndarray, or None
        The group of every row as a whole number; the places of the rows in order.
    """

    frames: tuple[pd.DataFrame, pd.DataFrame]
    groups: tuple[NDArray[np.intp], NDArray[np.intp]] | None
    order: tuple[NDArray[np.intp], NDArray[np.intp]] | None

    def weighed(self, name: Hashable, *sides: ColumnSummary) -> tuple[ColumnSummary, ColumnSummary]:
        """Return both sides of a column with how many of its rows are worth one.

        A fault that lasts makes a series look as if it never forgot. So the current rows may hang together in their
        order a few times as long as those of the reference, where these do at all, and no longer.
        """
        (before, after), (a, b) = sides, (frame[name] for frame in self.frames)
        before = evolve(before, design=self._design(a, before, 0, math.inf))
        most = _AS_LONG * before.design if before.design > _FORGETS_AT_ONCE else math.inf
        return before, evolve(after, design=self._design(b, after, 1, most))

    def _design(self, column: pd.Series[Any], side: ColumnSummary, at: int, most: float) -> float:
        marks = _marks(column, side)
        designs = [1.0]
        if self.groups is not None:
            designs.append(design_by_groups(marks, self.groups[at]))
        if self.order is not None:
            designs.append(min(design_in_order(marks[:, self.order[at]]), most))
        return min(max(designs), float(max(len(column), 1)))


def units_of(frames: tuple[DataFrame, DataFrame] | None, groups: Any, blocks: Any) -> Units | None:
    """Return how rows hang together, or nothing where nothing was said of it."""
    if groups is None and blocks is None:
        return None
    if frames is None:
        raise InvalidInput("groups and blocks need the rows of both sides, got a summary; give the frames")
    import pandas as pd

    found: dict[str, Any] = {"groups": None, "blocks": None}
    for what, given in (("groups", groups), ("blocks", blocks)):
        if given is None:
            continue
        sides = [per_row(given, frame, what, at) for at, frame in enumerate(frames)]
        if what == "groups":
            found[what] = tuple(pd.factorize(side, use_na_sentinel=False)[0] for side in sides)
        else:
            found[what] = tuple(np.asarray(pd.Series(side).argsort(kind="stable")) for side in sides)
    return Units(frames, found["groups"], found["blocks"])


def per_row(given: Any, frame: pd.DataFrame, what: str, at: int) -> Any:
    """Return the value of every row of a side: those of a column of it, or its part of a pair of arrays."""
    side = ("reference", "current data")[at]
    is_pair = isinstance(given, tuple) and len(given) == 2 and not isinstance(given[0], (str, int))
    if is_pair and all(np.ndim(part) == 1 for part in given):
        if len(given[at]) != len(frame):
            raise InvalidInput(
                f"{what} of the {side} has {len(given[at])} values for {len(frame)} rows; give one a row"
            )
        return np.asarray(given[at])
    if not isinstance(given, (str, int)):
        raise InvalidInput(
            f"{what} is a column of both sides, or a pair of arrays with a value for every row of either, got "
            f"{type(given).__name__}"
        )
    if given not in frame.columns:
        raise NotFound(f"{what} names a column {given!r} that the {side} does not have.")
    return frame[given].array


def _marks(column: pd.Series[Any], side: ColumnSummary) -> NDArray[np.bool_]:
    """Return for a few marks whether each row has it: values up to a quantile, a frequent level, none at all."""
    if side.kind in ("categorical", "boolean", "text") and side.levels is not None:
        codes, names = _columns.factorised(column)
        common = np.argsort(-np.bincount(codes[codes >= 0], minlength=max(len(names), 1)), kind="stable")[:_LEVELS]
        found = [codes == code for code in common]
    elif side.kind in ("numeric", "discrete", "boolean", "datetime") and side.values is not None and side.values.n:
        raw = _columns.raw_values(column, side.kind)
        ranks = np.array([round(share * (side.values.n - 1)) + 1 for share in _SHARES])
        found = [raw <= value for value in np.unique(side.values.order_statistics(ranks)[0])]
    else:
        found = []
    if side.nulls:
        found.append(column.isna().to_numpy())
    kept = [mark for mark in found if mark.any() and not mark.all()]
    return np.array(kept) if kept else np.zeros((0, len(column)), np.bool_)


def design_by_groups(marks: NDArray[np.bool_], groups: NDArray[np.intp]) -> float:
    """Return how many rows are worth one, for the mark that varies most between groups.

    The variance of a share over groups, over that of as many independent rows; raised, where there are few groups, as
    the quantile of Student's law is over the normal one.

    Parameters
    ----------
    marks : ndarray of bool, shape (k, n)
        Whether each row has each mark.
    groups : ndarray of int, shape (n,)
        The group of each row.

    References
    ----------
    Rao and Scott (1992), A simple method for the analysis of clustered binary data, Biometrics 48.

    Examples
    --------
    >>> marks = np.repeat(np.random.default_rng(0).random((1, 400)) < 0.5, 3, axis=1)
    >>> round(design_by_groups(marks, np.repeat(np.arange(400), 3)), 1)
    3.0
    """
    sizes = np.bincount(groups).astype(np.float64)
    used = sizes > 0
    sizes = sizes[used]
    count, rows = len(sizes), marks.shape[1]
    if count < 2:
        return float(rows)
    largest = 1.0
    for mark in marks:
        share = mark.mean()
        hits = np.bincount(groups, weights=mark)[used]
        between = count / (count - 1) * float(((hits - share * sizes) ** 2).sum()) / rows
        largest = max(largest, between / (share * (1 - share)))
    return 1.0 if largest == 1.0 else float(largest * _few(count))


def design_in_order(marks: NDArray[np.bool_]) -> float:
    """Return how many rows are worth one, for the mark whose series takes longest to forget.

    One and twice the sum of its autocorrelations, as long as the sum of two neighbours is positive.

    References
    ----------
    Geyer (1992), Practical Markov chain Monte Carlo, Statistical Science 7 (initial positive sequence).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> independent, held = rng.random((1, 4000)) < 0.5, np.repeat(rng.random((1, 400)) < 0.5, 10, axis=1)
    >>> design_in_order(independent) < 1.2, 8 < design_in_order(held) < 13
    (True, True)
    """
    rows, largest = marks.shape[1], 1.0
    for mark in marks:
        series = mark - mark.mean()
        size = 1 << (2 * rows - 1).bit_length()
        spectrum = np.abs(np.fft.rfft(series, size)) ** 2
        covariances = np.fft.irfft(spectrum, size)[:rows]
        # Divided by the pairs there are, and with what taking off the mean took away given back.
        correlations = covariances / covariances[0] * rows / np.arange(rows, 0, -1)
        pairs = correlations[: rows - rows % 2].reshape(-1, 2).sum(axis=1)
        ends = np.flatnonzero(pairs <= 0)
        together = 2 * float(pairs[: ends[0] if len(ends) else len(pairs)].sum()) - 1
        largest = max(largest, min(together / max(1 - together / rows, 0.1), rows))
    return largest if largest < _FORGETS_AT_ONCE else min(largest * _few(rows / largest), float(rows))


# A series of independent rows is told to forget within this many; its estimate is not raised further.
_FORGETS_AT_ONCE = 1.2


def _few(count: float) -> float:
    """Return by how much more a share must differ where its variance was estimated from few units."""
    from scipy import special

    return (float(special.stdtrit(max(count - 1, 1.0), 0.975)) / z_value(0.975)) ** 2


# what to say where nothing was said -----------------------------------------------------------------------------------


def dependence_notes(
    frames: tuple[DataFrame, DataFrame] | None, names: tuple[Hashable, ...], units: Units | None
) -> tuple[str, ...]:
    """Return what should be known of the rows: whether they repeat, or hang together in their order."""
    notes = []
    if frames is None or not all(map(len, frames)):
        return ()
    for frame, side in zip(frames, ("reference", "current data"), strict=True):
        rows = frame if frame.shape[1] == len(names) else frame[list(names)]
        # Of rows that repeat within their group the design effect has taken account.
        share, worth = (0.0, 1.0) if units is not None and units.groups is not None else _duplicates(rows)
        if share >= _REPEATING:
            notes.append(
                f"{percent(share)} of the rows of the {side} repeat another row in full, so that {worth:.3g} rows are "
                "worth one and false alarms are likelier than alpha; drop duplicate rows, or give groups="
            )
        elif units is None and (found := _in_order(rows)) is not None:
            notes.append(
                f"rows of the {side} hang together in their order ({found[0]}: about {found[1]:.0f} rows are worth "
                "one), so that false alarms are likelier than alpha; give blocks= or groups="
            )
    return tuple(notes)


def _duplicates(frame: pd.DataFrame) -> tuple[float, float]:
    """Return the share of rows that repeat an earlier row in full, and how many rows are worth one because of it.

    Rows of few columns with few values are often equal by chance, and independent all the same: as often as the value
    of the column that tells rows apart best and the rest of the row would meet. Only rows beyond that repeat.
    """
    import pandas as pd

    telling = _most_different(frame)
    if telling is None or frame.shape[1] < 2:
        return 0.0, 1.0
    try:
        value = pd.util.hash_pandas_object(frame[telling], index=False).to_numpy()
        # All rows of some values: repeats stay together.
        kept = np.flatnonzero(value % np.uint64(max(len(frame) // _HASHED, 1)) == 0)
        of_value = np.unique(value[kept], return_inverse=True)[1]
        if not len(kept) or np.count_nonzero(np.bincount(of_value)[of_value] > 1) < _REPEATING * len(kept):
            return 0.0, 1.0
        rest = frame.drop(columns=[telling]).iloc[kept]
        of_rest = np.unique(pd.util.hash_pandas_object(rest, index=False).to_numpy(), return_inverse=True)[1]
    except (TypeError, NotImplementedError):  # values that have no hash
        return 0.0, 1.0
    _, first, sizes = np.unique(of_value * len(kept) + of_rest, return_index=True, return_counts=True)
    # How many other rows are equal to a row, and how many would be if the value did not depend on the rest.
    others = [np.bincount(side)[side[first]] - 1.0 for side in (of_value, of_rest)]
    equal, by_chance = float((sizes * (sizes - 1.0)).sum()), float((sizes * others[0] * others[1]).sum()) / len(kept)
    if equal <= _BY_CHANCE * by_chance:
        return 0.0, 1.0
    real = 1 - by_chance / equal
    return real * float((sizes - 1).sum()) / len(kept), 1 + real * equal / len(kept)


def _most_different(frame: pd.DataFrame) -> Hashable | None:
    """Return the column that tells rows apart best, of the first ones; floats, which do as a rule, before others."""
    some = frame.iloc[:: max(len(frame) // 200, 1)]
    found: dict[Hashable, tuple[int, int]] = {}
    for name in sorted(some.columns, key=lambda name: some[name].dtype != np.float64)[:_COLUMNS]:
        try:
            found[name] = (some[name].nunique(), -len(found))
        except (TypeError, NotImplementedError):
            continue
    return max(found, key=lambda name: found[name]) if found else None


def _in_order(frame: pd.DataFrame) -> tuple[Hashable, float] | None:
    """Return the column whose neighbouring rows are most alike, and how many of them are worth one."""
    some = frame.iloc[:_LOOKED_AT]
    most: tuple[Hashable, float] | None = None
    numbers = [
        name for name in some.columns if isinstance(some[name].dtype, np.dtype) and some[name].dtype.kind in "iufM"
    ]
    for name in numbers[:_COLUMNS]:
        values = some[name].to_numpy()
        mark = values > np.partition(values, len(values) // 2)[len(values) // 2]
        if not 0.05 < mark.mean() < 0.95 or bool(np.all(values[1:] >= values[:-1])):  # a clock is no witness
            continue
        series = mark - mark.mean()
        alike = float(series[1:] @ series[:-1]) / float(series @ series)
        if alike * np.sqrt(len(series)) > _CERTAIN:
            worth = design_in_order(mark[None, :])
            if worth > (most[1] if most else _TOGETHER):
                most = (name, worth)
    return most
