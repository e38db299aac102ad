"""Splits that leave it to a hash, to lots or to balance where a row goes: random, stratified, group, key, column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle import checks, records
from mlcycle._digest import hash64, unit_interval
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle.datasets.splits._even import deal_rows, deal_units, part_at
from mlcycle.lifecycle.datasets.splits._rows import Drawn, Rows, class_codes, ties

if TYPE_CHECKING:
    from mlcycle.lifecycle.datasets.splits._request import Request

__all__ = ["by_column", "by_role", "by_row", "has_few_classes", "stratify_column"]


def by_row(rows: Rows, request: Request, method: str) -> Drawn:
    """Deal out single rows, keeping the shares of classes where the split is stratified."""
    column = None
    if method == "stratified":
        column = rows.role("target") if request.stratify is None else stratify_column(rows, request)
    classes = np.zeros(len(rows), dtype=np.int64) if column is None else rows.codes(column, "holds no classes")
    part_of = deal_rows(rows.lots(request.seed), classes, _edges(request))
    how = records.Part(
        method=method, column=column, stratify=column, seed=request.seed, names=request.names, shares=request.shares
    )
    return Drawn(part_of, how)


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
    """Place rows of one value together: by its hash, or evenly, where folds or classes are to be of a size."""
    stratify = stratify_column(rows, request)
    if stratify is None and not request.folds:
        part_of = part_at(unit_interval(_hashes(rows, column, request.seed)), _edges(request))
    else:
        part_of = _evenly(rows, request, column, stratify)
    group = rows.roles.get("group")
    how = records.Part(
        method=method,
        column=column,
        group=group,
        stratify=stratify,
        seed=request.seed,
        names=request.names,
        shares=request.shares,
    )
    return Drawn(part_of, how)


def _edges(request: Request) -> np.ndarray:
    return np.cumsum(list(request.shares.values()))


def _evenly(rows: Rows, request: Request, column: Any, stratify: Any) -> np.ndarray:
    lots, units = rows.lots(request.seed), rows.units(column)
    classes = np.zeros(len(rows), dtype=np.int64)
    if stratify is not None:
        classes = rows.codes(stratify, "holds no classes")
    if int(units.max()) + 1 == len(rows):
        return deal_rows(lots, classes, _edges(request))
    if (kinds := int(classes.max()) + 1) > checks.FEW_CLASSES:
        raise InvalidInput(
            f"stratify={stratify!r} has {kinds:,} values, and units of rows are balanced over at most "
            f"{checks.FEW_CLASSES}; give a column of classes, for example made with pandas.qcut"
        )
    return deal_units(units, lots, classes, np.array(list(request.shares.values())))


def _hashes(rows: Rows, column: Any, seed: int) -> np.ndarray:
    """Return the hash that places each row, one for all rows that must stay together.

    Where groups are coarser than the column, or as coarse, it is the hash of the group, which later versions with more
    rows have too; where the column is coarser, that of its value; else the smallest of the groups tied to each other.
    """
    salt = rows.salt(seed)
    group = rows.roles.get("group")
    if group in (None, column):
        return _hash_of(rows, column, salt)
    values, groups = rows.codes(column), rows.codes(group, "holds no groups")
    pairs = len(np.unique(values * (int(groups.max()) + 1) + groups))
    if pairs == int(values.max()) + 1:
        return _hash_of(rows, group, salt)
    if pairs == int(groups.max()) + 1:
        return _hash_of(rows, column, salt)
    units, hashes = ties(values, groups), _hash_of(rows, group, salt)
    smallest = np.full(int(units.max()) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, units, hashes)
    found: np.ndarray = smallest[units]
    return found


def _hash_of(rows: Rows, column: Any, salt: str) -> np.ndarray:
    try:
        return hash64(rows.frame[column], salt)
    except InvalidInput as error:
        raise InvalidInput(
            f"rows cannot be placed by column {column!r}: {error}; give by=… another column, or a mask"
        ) from error
