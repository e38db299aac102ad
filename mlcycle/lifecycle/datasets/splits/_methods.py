"""Which way a version is split, and all the ways there are: one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from mlcycle._typing import Splitter
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle.datasets.splits import _as_given, _by_time, _by_value

if TYPE_CHECKING:
    from mlcycle.lifecycle.datasets.splits._request import Request
    from mlcycle.lifecycle.datasets.splits._rows import Drawn, Rows

__all__ = ["METHODS", "draw"]


class _Place(Protocol):
    def __call__(self, rows: Rows, request: Request, method: str, /) -> Drawn: ...


class _Method(NamedTuple):
    """One way to split.

    Attributes
    ----------
    place : callable
        Says which row goes where.
    said : str
        What a split by it does, for messages.
    takes : frozenset of str
        What it can do something with: ``"shares"``, ``"stratify"``, ``"gap"``, ``"seed"``.
    remedy : str
        What to do where it leaves a part without rows.
    """

    place: _Place
    said: str
    takes: frozenset[str]
    remedy: str = "a larger share"


_HASHED = frozenset({"shares", "stratify", "seed"})
_GIVEN: frozenset[str] = frozenset()
_FEW = "a larger share, another seed, or stratify=, which balances the parts"

METHODS: dict[str, _Method] = {
    "random": _Method(_by_value.by_row, "draws single rows", _HASHED),
    "stratified": _Method(_by_value.by_row, "draws single rows of each class", _HASHED),
    "group": _Method(_by_value.by_role, "goes by the group", _HASHED, _FEW),
    "key": _Method(_by_value.by_role, "goes by the key", _HASHED, _FEW),
    "column": _Method(_by_value.by_column, "goes by a column", _HASHED, _FEW),
    "time": _Method(
        _by_time.by_time, "goes by the time", frozenset({"shares", "gap"}), "a larger share, or a smaller gap"
    ),
    "mask": _Method(_as_given.by_mask, "goes by a mask", _GIVEN, "some rows"),
    "splitter": _Method(_as_given.by_splitter, "goes by a splitter", _GIVEN, "some rows"),
}
"""By name, each way to split; a version says by which of them a part of it was chosen."""

_ROLES = ("time", "group", "key")
_ROWWISE = {
    "random": "stratify=False draws single rows",
    "stratified": "stratify=True, or a column, keeps the shares of classes",
}


def draw(rows: Rows, request: Request) -> Drawn:
    """Return which rows go where.

    Raises
    ------
    InvalidInput
        Where the version, its roles and what is asked for do not go together, or a part would have no rows.
    """
    name = _chosen(rows, request)
    method = METHODS[name]
    _check_fits(request, method)
    drawn = method.place(rows, request, name)
    for part, mask in drawn.masks().items():
        if not mask.any():
            raise InvalidInput(_says_empty(rows, request, drawn, part))
    return drawn


def _chosen(rows: Rows, request: Request) -> str:
    by = request.by
    if by is None:
        role = next((role for role in ("time", "group") if rows.roles.get(role) is not None), None)
        return role or _by_rows(rows, request)
    if isinstance(by, str):  # before a splitter: a text has a split of its own
        _check_is_no_method(rows, by)
        return str(by) if by in _ROLES else "column"
    if isinstance(by, Splitter) and not isinstance(by, type | bytes):
        return "splitter"
    return "mask" if _as_given.is_listed(by) else "column"


def _check_is_no_method(rows: Rows, by: str) -> None:
    """Refuse the name of a way to split that `by` does not choose, unless a column is called so."""
    if by not in _ROWWISE or by in rows.frame.columns:
        return
    without = f"leave by= out: {_ROWWISE[by]}"
    role = next((role for role in ("time", "group") if rows.roles.get(role) is not None), None)
    if role == "time":
        without = (
            "with a time role rows go in time order; by='key' or by='group' places them by a hash, where there is such "
            f"a role, and else a mask does, such as by=numpy.random.default_rng(0).random({len(rows)}) < 0.25"
        )
    elif role == "group" and by == "random":
        without = "leave by= out: groups are placed by their hash, which is at random, and whole"
    raise InvalidInput(f"by={by!r} names no column of {rows.shown}; {without}")


def _by_rows(rows: Rows, request: Request) -> str:
    automatic = request.stratify is None and _by_value.has_few_classes(rows)
    return "stratified" if automatic or request.stratified else "random"


def _check_fits(request: Request, method: _Method) -> None:
    """Refuse arguments that this way of splitting can do nothing with."""
    if request.seed and "seed" not in method.takes:
        raise InvalidInput(
            f"seed={request.seed} changes nothing here: this split {method.said}, and nothing is drawn; leave it out"
        )
    if request.gap is not None and "gap" not in method.takes:
        raise InvalidInput(
            f"gap={request.gap_text!r} is left out in time order, and this split {method.said}; leave it out, or split "
            "by='time'"
        )
    if request.stratified and "stratify" not in method.takes:
        raise InvalidInput(
            f"stratify={request.stratify!r:.80} balances parts, and this split {method.said}, which decides where "
            "a row goes; leave it out, or give by='group', 'key' or a column"
        )
    if request.asked and "shares" not in method.takes:
        raise InvalidInput(
            f"shares are given, and this split {method.said}, which says itself how many rows go where; give the "
            "names of the parts alone: parts=['train', 'test']"
        )
    if not request.shares and "shares" in method.takes:
        raise InvalidInput(
            f"parts={list(request.names)} says no shares, which only a mask or a splitter can do without; give them: "
            f"parts={{{', '.join(f'{name!r}: …' for name in request.names)}}}"
        )


def _says_empty(rows: Rows, request: Request, drawn: Drawn, name: str) -> str:
    """Say of what a part has no share, and what to do."""
    part, units, whole = drawn.part, len(rows), f"{len(rows):,} rows"
    if part.column is not None and part.method not in ("stratified", "time"):
        units = int(rows.units(part.column).max()) + 1
        whole = f"{units:,} {'value' if units == 1 else 'values'} of {part.column!r}"
        if part.group not in (None, part.column):
            whole += f" once groups of {part.group!r} are whole"
    gap = "" if part.gap is None else f", gap {part.gap}"
    share = f"{drawn.shares[name]:.3g} of {whole}, method {part.method!r}{gap}"
    return f"the part {rows.name}.{name} would have no rows: {share}; {_remedy(rows, request, drawn, units)}"


def _remedy(rows: Rows, request: Request, drawn: Drawn, units: int) -> str:
    """Say what fills a part without rows: what cannot is not said."""
    part, method = drawn.part, METHODS[drawn.part.method]
    if "shares" in method.takes and units < len(drawn.shares):
        fewer = f"ask for folds({units})" if request.folds else f"ask for {units} parts"
        fewer = fewer if units > 1 else "split by another column" if part.column is not None else "add more rows"
        return f"they cannot fill the parts: {fewer}"
    if request.folds and part.gap is not None:
        return "ask for fewer folds, or a smaller gap"
    hashed = "stratify" in method.takes and part.column is not None and part.stratify is None
    if part.stratify is not None or (hashed and not _by_value.fits_evenly(rows, request, part.column)):
        return "give it a larger share"  # neither another seed nor balance helps
    return f"give it {method.remedy}"
