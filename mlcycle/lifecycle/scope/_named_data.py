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

__all__ = ["check_columns", "warn_of_absent_parts", "warn_of_no_data"]


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
    for criterion in scope.criteria:
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
