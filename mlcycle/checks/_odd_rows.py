"""What is odd about rows that are to become a version: checks built in before `dataset.commit`, none of which blocks.

`ODD_ROWS` is all there are. What one finds is said twice: in a sentence that holds no value of any row, which stands in
the log for ever, and in a result, where an example may stand, because its file can be erased.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import field, frozen

from mlcycle._digest import hash64
from mlcycle._error_text import error_text
from mlcycle._text import few
from mlcycle.errors import InvalidInput
from mlcycle.records import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlcycle.records import Criterion

__all__ = ["ODD_ROWS", "IncomingRows", "Oddity", "RowsCheck", "look_for_oddities", "oddity_result"]

_SHOWN = 6  # columns that a sentence names; who needs them all has the diff of two versions
_LONGEST = 60  # characters of an example


@frozen(eq=False)
class IncomingRows:
    """Rows that are to become a version, and what the version before them was like.

    Attributes
    ----------
    rows : int
    columns : mapping of str to str
        The logical type of every column, by its label as text, as all columns are named here.
    roles : mapping of str to str or None
        The column of every role.
    values : callable
        Label to the column, as Arrow has it.
    chosen : frozenset of str
        Roles the caller gave, None among them: whatever became of those is meant.
    former_roles : mapping of str to str or None
        Those of the version before; empty without one.
    lost_roles : mapping of str to str
        Those that nobody had in it, since their column was gone, with that column.
    former_columns : callable
        Returns the columns of the version before, as `columns`; empty without one, and where all is as it was. Asked
        only by who compares, for it may have to be read.

    Examples
    --------
    >>> table = pa.table({"id": [1, 2, 2]})
    >>> rows = IncomingRows(rows=3, columns={"id": "int64"}, roles={"key": "id"}, values=table.column)
    >>> rows.role("key"), rows.role("time")
    ('id', None)
    """

    rows: int
    columns: Mapping[str, str]
    roles: Mapping[str, str | None]
    values: Callable[[str], Any]
    chosen: frozenset[str] = frozenset()
    former_roles: Mapping[str, str | None] = field(factory=dict)
    lost_roles: Mapping[str, str | None] = field(factory=dict)
    former_columns: Callable[[], Mapping[str, str]] = dict

    def role(self, role: str) -> str | None:
        """Return the column that has a role; None for no column, and for a level of the index."""
        label = self.roles.get(role)
        return label if label in self.columns else None


class Oddity(NamedTuple):
    """What one check found odd.

    Attributes
    ----------
    check : str
        What was asked.
    note : str
        What was found, without a value of any row.
    odd, of : int
        How many rows or columns are so, and of how many.
    example : str
        One of them.
    question : tuple
        As the `question` of a criterion begins that asks the same; empty where none of ours does.
    """

    check: str
    note: str
    odd: int
    of: int
    example: str = ""
    question: tuple[Any, ...] = ()

    def answers(self, criterion: Criterion) -> bool:
        """Say whether a criterion asks the same, so that a decision need not be told it twice."""
        return bool(self.question) and criterion.question[: len(self.question)] == self.question


class RowsCheck(Protocol):
    """A check of rows to come."""

    def __call__(self, rows: IncomingRows, /) -> Oddity | None:
        """Look at rows; None where nothing is odd."""
        raise NotImplementedError


def look_for_oddities(rows: IncomingRows) -> tuple[list[Oddity], list[Result]]:
    """Return what of `ODD_ROWS` is odd about rows, and an error for each check that broke: it never stands in the way.

    Parameters
    ----------
    rows : IncomingRows

    Examples
    --------
    >>> table = pa.table({"id": [1, 2, 2]})
    >>> rows = IncomingRows(rows=3, columns={"id": "int64"}, roles={"key": "id"}, values=table.column)
    >>> look_for_oddities(rows)[0][0].note
    '2 of 3 rows share their key (id) with another'
    """
    found, broken = list[Oddity](), list[Result]()
    for check in ODD_ROWS:
        try:
            if (odd := check(rows)) is not None:
                found.append(odd)
        except Exception as error:  # noqa: BLE001 - whatever the type of a column, its rows may be added
            told = f"it could not be looked at: {error_text(error)}"
            broken.append(Result(check=repr(check), verdict="error", blocking=False, detail=told))
    return found, broken


def oddity_result(found: Oddity, subject: str) -> Result:
    """Return what was found as a result: a warning, which stops no gate.

    Examples
    --------
    >>> print(oddity_result(Oddity("key is unique", "2 of 3 rows share their key (id)", 2, 3, "2"), "dataset:d"))
    warn: key is unique: 2, n=3
    """
    detail = f"{found.note}; one is {found.example}" if found.example else found.note
    return Result(
        check=found.check,
        subject=subject,
        verdict="warn",
        value=float(found.odd),
        n=found.of,
        blocking=False,
        detail=detail,
    )


# what is asked of rows -----------------------------------------------------------------------------------------------


@frozen
class KeyIsUnique(RowsCheck):
    """No two rows have the same key; rows without one are not counted here."""

    def __call__(self, rows: IncomingRows, /) -> Oddity | None:
        """Count the rows that share theirs."""
        key = rows.role("key")
        if key is None:
            return None
        shared, example = _shared(_present(rows.values(key)))
        note = f"{shared:,} of {rows.rows:,} rows share their key ({key}) with another"
        same = ("repeated rows", (key,))  # what mlcycle.Unique asks
        return Oddity("key is unique", note, shared, rows.rows, example, same) if shared else None


@frozen
class RoleIsThere(RowsCheck):
    """Every row has a value of the column that has a role.

    Parameters
    ----------
    role : str
    so : str
        What it means for those that have none.
    """

    role: str
    so: str

    def __call__(self, rows: IncomingRows, /) -> Oddity | None:
        """Count the rows that have none."""
        label = rows.role(self.role)
        lost = 0 if label is None else rows.rows - len(_present(rows.values(label)))
        if not lost:
            return None
        have = "has" if lost == 1 else "have"
        note = f"{lost:,} of {rows.rows:,} rows {have} no {self.role} ({label}): {self.so}"
        return Oddity(f"{self.role} is there", note, lost, rows.rows)


@frozen
class TargetVaries(RowsCheck):
    """The target is not one and the same for all rows."""

    def __call__(self, rows: IncomingRows, /) -> Oddity | None:
        """Hold every value against the first."""
        label = rows.role("target")
        values = None if label is None else _present(rows.values(label))
        if values is None or len(values) < 2 or pa.types.is_nested(values.type):
            return None
        if not pc.all(pc.equal(values, values[0])).as_py():
            return None
        note = f"all {len(values):,} rows have one and the same target ({label}): there is nothing to learn from them"
        return Oddity("target varies", note, len(values), rows.rows, _example(values[0]))


# what is held against the version before -----------------------------------------------------------------------------


@frozen
class RolesStay(RowsCheck):
    """A column that had a role is still there, or another has been given it."""

    def __call__(self, rows: IncomingRows, /) -> Oddity | None:
        """Name the roles that nobody has any more."""
        gone = _vanished_roles(rows)
        if not gone:
            return None
        named = " and ".join(f"no {role} any more (column {label} is gone)" for role, label in gone.items())
        had = sum(label is not None for label in rows.former_roles.values())
        back = "it comes back when the column does" if len(gone) == 1 else "they come back when their columns do"
        note = f"there is {named}: {back}, or with datasets.rollback(…)"
        return Oddity("roles stay", note, len(gone), had)


@frozen
class RolesReturn(RowsCheck):
    """A role that was lost with its column is there again with it; who split meanwhile did without."""

    def __call__(self, rows: IncomingRows, /) -> Oddity | None:
        """Name the roles that are back."""
        lost = {role: label for role, label in rows.lost_roles.items() if role not in rows.chosen}
        back = {role: label for role, label in lost.items() if rows.roles.get(role) == label}
        if not back:
            return None
        named = " and ".join(f"{role} ({label})" for role, label in back.items())
        note = f"{named} {'is' if len(back) == 1 else 'are'} back, and parts of the versions without do not heed it"
        return Oddity("roles return", note, len(back), len(lost))


@frozen
class ColumnsStay(RowsCheck):
    """Columns of the version before are still there; those that came are told beside them, as they may be new names.

    Columns that only came are how data grows, and nothing odd.
    """

    def __call__(self, rows: IncomingRows, /) -> Oddity | None:
        """Compare labels."""
        former = rows.former_columns()
        told = set(_vanished_roles(rows).values())
        gone = [label for label in former if label not in rows.columns and label not in told]
        came = [label for label in rows.columns if label not in former] if former else []
        if not gone:
            return None
        new = f", and {_columns(came)} came" if came else ""
        return Oddity("columns stay", f"{_columns(gone)} vanished{new}", len(gone), len(former))


@frozen
class TypesStay(RowsCheck):
    """A column has the logical type it had in the version before."""

    def __call__(self, rows: IncomingRows, /) -> Oddity | None:
        """Compare types."""
        former = rows.former_columns()
        both = [label for label in former if label in rows.columns]
        changed = [label for label in both if former[label] != rows.columns[label]]
        if not changed:
            return None
        named = [f"{label} {former[label]} → {rows.columns[label]}" for label in changed[:_SHOWN]]
        many = "1 column" if len(changed) == 1 else f"{len(changed):,} columns"
        return Oddity("types stay", f"{many} changed type: {few(named, len(changed))}", len(changed), len(both))


ODD_ROWS: tuple[RowsCheck, ...] = (
    KeyIsUnique(),
    RoleIsThere("key", so="nothing tells them apart"),
    RoleIsThere("target", so="nothing is learned from them, and no model judged on them"),
    RoleIsThere("time", so="a split by time cannot place them"),
    RoleIsThere("group", so="together they are one group"),
    TargetVaries(),
    RolesStay(),
    RolesReturn(),
    ColumnsStay(),
    TypesStay(),
)
"""Every check of rows to come, in the order in which they are told."""


# counting ------------------------------------------------------------------------------------------------------------


def _vanished_roles(rows: IncomingRows) -> dict[str, str]:
    return {
        role: label
        for role, label in rows.former_roles.items()
        if label is not None and role not in rows.chosen and rows.roles.get(role) is None
    }


def _present(values: Any) -> Any:
    """Return the values that are there, NaN among numbers not; categories as what they stand for."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_float16(values.type):  # Arrow computes little with half floats
        values = values.cast(pa.float32())
    if pa.types.is_floating(values.type):
        there = values.filter(pc.invert(pc.is_null(values, nan_is_null=True)))
        return pc.add(there, pa.scalar(0.0, values.type))  # -0.0 is 0.0
    return values.drop_null()


def _shared(values: Any) -> tuple[int, str]:
    """Return how many values are there more than once, all of them counted, and one such value.

    Sorting hashes of 64 bits finds those that may be, 4 to 10 times as fast as counting values; only they are counted.
    """
    try:
        keys = _sortable(values)
    except InvalidInput:  # lists and the like, which nothing sorts by
        values = pa.chunked_array([pa.array([repr(one) for one in values.to_pylist()], pa.string())])
        keys = _sortable(values)
    if len(keys) < 2 or bool((keys[1:] > keys[:-1]).all()):
        return 0, ""
    order = np.sort(keys)
    twice = order[1:][order[1:] == order[:-1]]
    if not len(twice):
        return 0, ""
    counted = values.filter(pa.array(np.isin(keys, twice))).value_counts()
    counts = counted.field("counts").to_numpy()
    shared = counts > 1  # hashes may be equal by chance
    example = _example(counted.field("values")[int(np.argmax(shared))]) if shared.any() else ""
    return int(counts[shared].sum()), example


def _sortable(values: Any) -> np.ndarray:
    """Return a number for every value, equal for equal values."""
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        found: np.ndarray = values.to_numpy()
        return found
    lanes = _lanes(values)
    return hash64(values, "shared keys") if lanes is None else _mixed(lanes)


def _lanes(values: Any) -> list[np.ndarray] | None:
    """Return texts of one length, as ids often are, as columns of 8 bytes each; None for all else."""
    if not pa.types.is_string(values.type) or not len(values):
        return None
    array = pa.concat_arrays(values.chunks)
    _, starts, data = array.buffers()
    offsets = np.frombuffer(starts, np.int32)[array.offset : array.offset + len(array) + 1]
    lengths = np.diff(offsets)
    wide = int(lengths[0])
    if wide < _LANE or (lengths != wide).any():
        return None
    begins = {*range(0, wide - _LANE, _LANE), wide - _LANE}  # the last one ends with the text, and overlaps
    first = int(offsets[0])
    return [np.ndarray(len(array), "<u8", data, first + one, (wide,)) for one in sorted(begins)]


def _mixed(lanes: list[np.ndarray]) -> np.ndarray:
    """Return a quick hash of lanes; it is kept nowhere, and what it takes for equal is counted by value."""
    state = np.zeros(len(lanes[0]), np.uint64)
    for lane in lanes:
        state = (state ^ lane) * _SPREAD
        state ^= state >> np.uint64(32)
    return state


_LANE = 8
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no two states become one; 2⁶⁴ by the golden ratio spreads best


def _example(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _columns(labels: Sequence[str]) -> str:
    named = few(labels[:_SHOWN], len(labels))
    return f"column {named}" if len(labels) == 1 else f"{len(labels):,} columns ({named})"
