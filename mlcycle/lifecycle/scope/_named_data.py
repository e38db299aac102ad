"""What a scope says of data that is there: a slip of the pen is told when it is set, not when a gate shuts on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._ids import near, parse_ref
from mlcycle._text import plain
from mlcycle._warn import warn
from mlcycle.errors import InvalidInput, MlcycleError
from mlcycle.lifecycle.datasets import tables
from mlcycle.state import judged_on, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlcycle import records
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import View

__all__ = ["check_columns", "warn_of_absent_parts", "warn_of_no_data", "warn_of_pin", "warn_of_references"]


def check_columns(blobs: Blobs, view: View, criteria: Iterable[records.Criterion], test: str | None) -> None:
    """Refuse criteria on columns that the data they are judged on lacks; data still to come is a promise.

    Raises
    ------
    InvalidInput
        With the columns there are.
    """
    for criterion in criteria:
        name = criterion.on or test
        if not criterion.columns_read or name is None:
            continue
        try:
            version = judged_on(view, name) if criterion.judges == "model" else resolve(view, name, "dataset")
            columns = tables.column_names(tables.header_of(blobs, view, version))
        except MlcycleError:  # it is not there yet, or cannot be read here: whoever judges is told
            continue
        for column in criterion.columns_read:
            try:
                tables.column_label(columns, column, "column", version.shown)
            except InvalidInput as error:
                raise InvalidInput(f"{plain(criterion)} could never be judged: {error}") from error


def warn_of_no_data(scope: records.Scope) -> None:
    """Warn of criteria that name no data, and of no test either: they would block every gate."""
    for criterion in scope.all_criteria:
        if criterion.on is None and scope.test is None:
            warn(
                f"{plain(criterion)} names no data to be judged on, so no gate can judge it: "
                "project.scope.set(test='customers.test'), or on='customers.test' in the criterion"
            )


def warn_of_absent_parts(view: View, named: Iterable[str]) -> None:
    """Warn of data that looks like a slip of the pen: other parts of the same dataset are there."""
    for one in named:
        name = parse_ref(one).name
        whole, dot, _ = name.rpartition(".")
        there = [known.name for known in view.names.every("dataset") if view.versions.count(known)]
        parts = sorted(known for known in there if dot and known.rpartition(".")[0] == whole)
        known = view.names.get("dataset", name)
        if parts and not (known and view.versions.count(known)):
            meant = near(name, parts, 1)
            remedy = f"did you mean {meant[0]!r}?" if meant else "name one of those, or split it first"
            warn(f"there is no data {name!r} to judge on; the parts of {whole} are {', '.join(parts)}: {remedy}")


def warn_of_references(view: View, criteria: Iterable[records.Criterion]) -> None:
    """Warn of a comparison with an alias that looks like a slip of the pen: nothing has it, and another is alike."""
    known = {alias for name in view.names.of("model") for alias in view.pointers.names("model", name)}
    for criterion in criteria:
        reference = getattr(criterion, "reference", None) if "reference" in criterion.needs else None
        alias = None if reference is None else str(reference).rpartition("@")[2]
        if alias is None or alias.isdigit() or alias in {*known, *_USUAL}:
            continue
        if meant := near(alias, sorted({*known, *_USUAL} - {"latest"}), 1):
            warn(f"{plain(criterion)}: nothing has the alias {alias!r}; did you mean {meant[0]!r}?")


_USUAL = ("production", "latest")  # what a comparison is with before there is anything to compare with


def warn_of_pin(view: View, test: str) -> None:
    """Warn of a test that means an older version than the newest there is, since it was judged on before."""
    try:
        pinned, newest = judged_on(view, test), resolve(view, test, "dataset")
    except MlcycleError:  # a promise
        return
    if pinned.number != newest.number:
        warn(
            f"models were judged on {pinned.shown} first, which the test {test} stays; to judge on the newest, name "
            f"it: project.scope.set(test={newest.shown!r}, …)"
        )
