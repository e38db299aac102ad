"""Splits that somebody else decided: a mask, or a splitter of scikit-learn or of one's own. They are checked."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlcycle import records
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle.datasets.splits._rows import Drawn, Rows

if TYPE_CHECKING:
    from mlcycle.lifecycle.datasets.splits._request import Request

__all__ = ["by_mask", "by_splitter", "is_listed"]


def is_listed(by: Any) -> bool:
    """Say whether something has values in an order, as a mask has; else it is to name a column."""
    if isinstance(by, str | bytes | Set | Mapping):
        return False
    dimensions = _dimensions(by)  # one of NumPy's numbers has none, and names a column
    return isinstance(by, Iterable) if dimensions is None else bool(dimensions)


def _dimensions(by: Any) -> int | None:
    shape = getattr(by, "shape", None)  # tables of Arrow and polars say nothing else
    found: int | None = getattr(by, "ndim", None if shape is None else len(shape))
    return found


def by_mask(rows: Rows, request: Request, method: str) -> Drawn:
    """Take one value for each row: whether it is in the last part, or the name of its part."""
    values = _mask_values(rows, request.by)
    names = list(request.names)
    if pd.api.types.is_integer_dtype(values.dtype) and values.isin([0, 1]).all():  # parts are called by text
        values = values.astype(bool)
    if pd.api.types.is_bool_dtype(values.dtype):
        if len(names) != 2:
            raise InvalidInput(f"truth values make two parts, not {len(names)}; give the name of each row's part")
        return _checked(rows, method, request, values.to_numpy(dtype=bool).astype(np.int64))
    part_of = pd.Index(names, dtype=object).get_indexer(pd.Index(values.astype(object)))
    if (unknown := part_of < 0).any():
        raise InvalidInput(
            f"by= names the part of each row, and {int(unknown.sum()):,} rows have another value, such as "
            f"{values[unknown].tolist()[0]!r:.60}; the parts are {', '.join(map(repr, names))}; give others as "
            "parts=[…]"
        )
    return _checked(rows, method, request, part_of)


def _mask_values(rows: Rows, by: Any) -> pd.Series:
    """Return the values of a mask as a series, in the order of the rows."""
    if isinstance(by, pd.Series) and len(by) == len(rows) and not by.index.equals(rows.frame.index):
        raise InvalidInput(
            f"by= has another index than the rows of {rows.shown}, so its order may be another; bring it into the "
            "order of load(), and give its .to_numpy()"
        )
    if _dimensions(by) not in (None, 1):
        raise InvalidInput(f"by= has the shape {by.shape}; a mask is one column, with a value for each row")
    values = _series(by)
    if len(values) != len(rows):
        raise InvalidInput(
            f"by= has {len(values):,} values for the {len(rows):,} rows of {rows.shown}; give one for each row"
        )
    if missing := int(values.isna().sum()):
        raise InvalidInput(f"{missing:,} of the {len(values):,} values of by= are missing; say where each row goes")
    return values.infer_objects()


def _series(by: Any) -> pd.Series:
    if isinstance(by, pd.Series):
        return by.reset_index(drop=True)
    if isinstance(by, list | tuple | pd.Index | pd.api.extensions.ExtensionArray):
        return pd.Series(by)
    # arrays of Arrow and series of polars say so; what is only iterable, as ranges and generators, is asked one by one
    return pd.Series(np.asarray(by) if hasattr(by, "__array__") else list(by))


def by_splitter(rows: Rows, request: Request, method: str) -> Drawn:
    """Take what a splitter answers: of a split its first answer, of folds all of them."""
    if len(request.names) != 2 and not request.folds:
        raise InvalidInput(f"a splitter answers two parts, not {len(request.names)}; give the names of parts as by=")
    who = _shown(request.by)
    sides = _sides(rows, request, who)
    if not np.array_equal(sides, _sides(rows, request, who)):
        raise InvalidInput(
            f"{who} answered otherwise when it was asked again; give it a random_state=, a whole number, so that the "
            "same arguments give the same parts"
        )
    for one in sides:
        _check_groups(rows, one.astype(np.int64) - 1, who)
    part_of = _folds_of(sides, who) if request.folds else sides[0].astype(np.int64) - 1
    return _checked(rows, method, request, part_of, sides, who)


def _sides(rows: Rows, request: Request, who: str) -> np.ndarray:
    """Ask a splitter; return for each answer and row: 1 to train on, 2 to test on, 0 for neither."""
    columns = (rows.roles.get("target"), rows.roles.get("group"))
    y, groups = (None if column is None else rows.frame[column] for column in columns)
    try:
        with warnings.catch_warnings():
            # it is given the groups, whether it needs them or not, and what it answers is held against them later
            warnings.filterwarnings("ignore", "The groups parameter is ignored", UserWarning)
            asked = request.by.split(rows.frame, y, groups)
            asked = asked if request.folds else itertools.islice(asked, 1)
            answers = [_side(rows, train, test, who) for train, test in asked]
    except InvalidInput:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{who} cannot split {rows.shown}: {error}") from error
    if len(answers) != (request.folds or 1):
        remedy = f"; ask for folds({len(answers)}, by=…)" if len(answers) > 1 else ""
        raise InvalidInput(f"{who} answered {len(answers)} times, {request.folds or 1} being asked for{remedy}")
    return np.array(answers)


def _side(rows: Rows, train: Any, test: Any, who: str) -> np.ndarray:
    side = np.zeros(len(rows), dtype=np.int8)
    side[_positions(rows, train, who)] = 1
    side[_positions(rows, test, who)] += 2
    if len(both := np.flatnonzero(side == 3)):
        raise InvalidInput(f"{who} put {len(both):,} rows on both sides, such as row {both[0]}")
    return side


def _positions(rows: Rows, given: Any, who: str) -> np.ndarray:
    found = np.asarray(given)
    if not found.size:
        return np.zeros(0, dtype=np.int64)
    if found.dtype.kind not in "iu" or found.ndim != 1 or found.min() < 0 or found.max() >= len(rows):
        raise InvalidInput(f"{who} has to answer positions of rows: whole numbers from 0 to {len(rows) - 1:,}")
    if twice := len(found) - len(np.unique(found)):
        raise InvalidInput(f"{who} answered {twice:,} rows twice in one part")
    return found


def _folds_of(sides: np.ndarray, who: str) -> np.ndarray:
    """Return the fold in which each row is tested on; -1 for none."""
    tested = sides == 2
    if (often := tested.sum(axis=0) > 1).any():
        raise InvalidInput(
            f"{who} tests {int(often.sum()):,} rows in more than one fold, such as row "
            f"{int(often.argmax())}; folds overlap in no row"
        )
    return np.where(tested.any(axis=0), tested.argmax(axis=0), -1)


def _checked(
    rows: Rows, method: str, request: Request, part_of: np.ndarray, sides: np.ndarray | None = None, splitter: str = ""
) -> Drawn:
    _check_groups(rows, part_of, splitter or "the mask")
    filled = np.bincount(part_of + 1, minlength=len(request.names) + 1)[1:] / len(rows)
    shares = dict(zip(request.names, filled.tolist(), strict=True))
    how = records.Part(method=method, group=rows.roles.get("group"), splitter=splitter)
    return Drawn(part_of, how, shares, sides)


def _check_groups(rows: Rows, part_of: np.ndarray, who: str) -> None:
    """Refuse a group that is on two sides; rows of no part are on none."""
    groups = rows.groups()
    if groups is None:
        return
    placed = part_of >= 0
    many = int(groups.max()) + 1
    low, high = np.full(many, np.iinfo(np.int64).max), np.full(many, -1)
    np.minimum.at(low, groups[placed], part_of[placed])
    np.maximum.at(high, groups[placed], part_of[placed])
    if len(torn := np.flatnonzero(high > low)):
        column = rows.roles["group"]
        one = rows.value(column, int(np.argmax(groups == torn[0])))
        raise InvalidInput(
            f"{who} puts {len(torn):,} of {many:,} groups of {column!r} on two sides, such as {one!r:.60}; keep the "
            "rows of a group together, or add the table without that role"
        )


def _shown(splitter: Any) -> str:
    """Return a splitter as it prints, or its class where that would name a place in memory."""
    said = " ".join(repr(splitter).split())
    return type(splitter).__name__ if " at 0x" in said else said[:200]
