"""Splits that leave it to a hash, to lots or to balance where a row goes: random, stratified, group, key, column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle import checks, records
from mlcycle._digest import hash64, unit_interval
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle.datasets.splits._even import deal_rows, deal_units, part_at
from mlcycle.lifecycle.datasets.splits._rows import Drawn, Rows, class_codes, ties
from mlcycle.lifecycle.datasets.splits._shares import check_shares, missed

if TYPE_CHECKING:
    from mlcycle.lifecycle.datasets.splits._request import Request

__all__ = ["by_column", "by_role", "by_row", "fits_evenly", "has_few_classes", "stratify_column"]


def by_row(rows: Rows, request: Request, method: str) -> Drawn:
    """Deal out single rows, keeping the shares of classes where the split is stratified."""
    column = None
    if method == "stratified":
        column = rows.role("target") if request.stratify is None else stratify_column(rows, request)
    part_of = deal_rows(rows.lots(request.seed), _classes(rows, column), _edges(request))
    how = records.Part(method=method, column=column, stratify=column, seed=request.seed)
    return Drawn(part_of, how, request.shares)


def by_role(rows: Rows, request: Request, method: str) -> Drawn:
    """Place rows by their group or key."""
    return _by_value(rows, request, method, rows.role(method))


def by_column(rows: Rows, request: Request, method: str) -> Drawn:
    """Place rows by the column that `by` names."""
    return _by_value(rows, request, method, rows.label(request.by, "by"))


def stratify_column(rows: Rows, request: Request) -> Any:
    """Return the column whose values are to have the same share in every part, or None."""
    if not request.stratified:
        return None
    return rows.role("target") if request.stratify is True else rows.label(request.stratify, "stratify")


def has_few_classes(rows: Rows) -> bool:
    """Say whether the target is one of a few classes, so that a split is stratified unless told otherwise."""
    target = rows.roles.get("target")
    codes = None if target is None else class_codes(rows.frame[target].dropna())
    return codes is not None and (not len(codes) or int(codes.max()) < checks.FEW_CLASSES)


def _by_value(rows: Rows, request: Request, method: str, column: Any) -> Drawn:
    """Place rows of one value together: by its hash, or evenly, where folds or classes are to be of a size.

    Folds are as large as the units in them: to leave one out after the other is a use of them.
    """
    stratify = stratify_column(rows, request)
    if stratify is None and not request.folds:
        part_of = part_at(unit_interval(_hashes(rows, column, request.seed)), _edges(request))
    else:
        part_of = _evenly(rows, request, column, stratify)
    if not request.folds:
        check_shares(rows, request, part_of, lambda: _why_missed(rows, request, column, stratify))
    group = rows.roles.get("group")
    how = records.Part(method=method, column=column, group=group, stratify=stratify, seed=request.seed)
    return Drawn(part_of, how, request.shares)


def _edges(request: Request) -> np.ndarray:
    return np.cumsum(list(request.shares.values()))


def _classes(rows: Rows, column: Any) -> np.ndarray:
    """Return the number of each row's class; all are of one where no column is given."""
    if column is None:
        return np.zeros(len(rows), dtype=np.int64)
    classes = rows.codes(column, "holds no classes")
    kinds = int(classes.max()) + 1 - int(rows.frame[column].isna().any())
    if kinds > checks.FEW_CLASSES:
        raise InvalidInput(
            f"stratify={column!r} has {kinds:,} values, and parts are balanced over at most {checks.FEW_CLASSES}; give "
            "a column of classes, for example made with pandas.qcut"
        )
    return classes


def _evenly(rows: Rows, request: Request, column: Any, stratify: Any) -> np.ndarray:
    lots, units, classes = rows.lots(request.seed), rows.units(column), _classes(rows, stratify)
    if int(units.max()) + 1 == len(rows):
        return deal_rows(lots, classes, _edges(request))
    return deal_units(units, lots, classes, np.array(list(request.shares.values())))


def fits_evenly(rows: Rows, request: Request, column: Any) -> bool:
    """Say whether shares hold where units are dealt out, so that it is chance that a hash does not keep them."""
    filled = np.bincount(part_of := _evenly(rows, request, column, None), minlength=len(request.shares))
    return bool(filled.all()) and missed(part_of, request.shares) is None


def _why_missed(rows: Rows, request: Request, column: Any, stratify: Any) -> str:
    """Say why shares do not hold, and what would help: whether anything does is tried out."""
    sizes, group = np.bincount(rows.units(column)), rows.roles.get("group")
    whole = "" if group in (None, column) else f", groups of {group!r} whole"
    units = f"{len(sizes):,} {'value' if len(sizes) == 1 else 'values'} of {column!r}{whole}"
    if stratify is None and fits_evenly(rows, request, column):
        return (
            f"{units}, are placed by a hash, which holds shares on average, and where they are few or of many sizes "
            "only roughly; give stratify=, which deals them out evenly, another seed, or a splitter of scikit-learn"
        )
    return (
        f"{units}, stay together, the largest with {int(sizes.max()):,} rows, and dealt out evenly they miss it too; "
        "give shares that fit them, or a mask"
    )


def _hashes(rows: Rows, column: Any, seed: int) -> np.ndarray:
    """Return the hash that places each row, one for all rows that must stay together.

    It is the hash of a value in the coarser of the two columns, which later versions with more rows have too. What a
    few rows tie together goes by one of its values, chosen by a hash of its own: the smallest of several hashes would
    not be uniform, and whatever is not tied stays where it is.
    """
    group = rows.roles.get("group")
    if group in (None, column):
        return _hash_of(rows, column, rows.salt(seed))
    values, groups = rows.codes(column), rows.codes(group, "holds no groups")
    # Groups within values, as households within countries, are more than one and a half a value, and values within
    # groups are more than the groups. By counts, and not by whether any row breaks it, so that one row moves nobody.
    coarse = column if (int(groups.max()) + 1) * 2 >= (int(values.max()) + 1) * 3 else group
    places = _hash_of(rows, coarse, rows.salt(seed))
    units = ties(values, groups)
    by_unit = np.lexsort((places, _hash_of(rows, coarse, rows.salt(seed, "split ties")), units))
    chosen = by_unit[np.flatnonzero(np.diff(units[by_unit], prepend=-1))]
    found: np.ndarray = places[chosen][units]
    return found


def _hash_of(rows: Rows, column: Any, salt: str) -> np.ndarray:
    try:
        return hash64(rows.frame[column], salt)
    except InvalidInput as error:
        raise InvalidInput(
            f"rows cannot be placed by column {column!r}: {error}; give by=… another column, or a mask"
        ) from error
