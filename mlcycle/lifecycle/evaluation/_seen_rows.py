"""Which rows of a test some training data has seen: itself, or in what it was made from.

Rows that were transformed on the way are not recognised, so lineage has to tell: a table of features that was made from
all customers holds those of the test, too, unless a key says otherwise.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from mlcycle._ids import refs_of
from mlcycle.errors import Corrupt, InvalidInput, SchemaError, VersionDeleted
from mlcycle.lifecycle.datasets import leaks, shared_rows, tables
from mlcycle.state import resolve

if TYPE_CHECKING:
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Version, View

__all__ = ["SeenRows", "parents_of", "rows_seen"]

# removed by a sweep, damaged, of a newer library; or with lists in a column, which nothing compares
_UNREADABLE = (VersionDeleted, Corrupt, SchemaError, InvalidInput)


class SeenRows(NamedTuple):
    """What shares rows: the training data or what it was made from, the test or what it is a part of, how many rows.

    None stands for rows that cannot be compared: they are gone, or damaged, or stored by a newer mlcycle, or lists.
    """

    data: Version
    test: Version
    rows: int | None

    def told(self) -> str:
        """Say what the data has to do with the test, after its name and a comma."""
        if self.rows is None:
            return f"whose rows cannot be compared with those of {self.test.shown}"
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return f"which shares {rows} with {self.test.shown}"


def rows_seen(blobs: Blobs, view: View, train: Version, test: Version) -> SeenRows | None:
    """Return what training data has seen of a test, None for nothing or no more than chance.

    Where neither membership nor a key can tell, what the training data was made from is asked, and what the test is a
    table of: of both the nearest first.
    """
    waiting, asked = [(train, test)], {(train.ref, test.ref)}
    while waiting:
        data, judged_on = waiting.pop(0)
        certain = False
        try:
            shared = shared_rows(blobs, view, data, judged_on)
        except _UNREADABLE:
            if (data, judged_on) == (train, test):
                return SeenRows(train, test, None)
        else:
            if leaks(shared):
                return SeenRows(data, judged_on, shared.rows)
            certain = shared.how != "content"
        # what is certain of a table is certain of what it was made from, as far as it came into the table
        further = () if certain else _pairs(view, data, judged_on)
        new = [pair for pair in further if (pair[0].ref, pair[1].ref) not in asked]
        asked.update((one.ref, other.ref) for one, other in new)
        waiting.extend(new)
    return None


def _pairs(view: View, data: Version, test: Version) -> list[tuple[Version, Version]]:
    """Return what to compare where two tables cannot be: with a parent of either.

    Of a test only parts are asked: a whole that two tables were made from says nothing of which rows came into which.
    """
    further = [(parent, test) for parent in parents_of(view, data)]
    parts = [one for one in parents_of(view, test) if one.says.get("layout") == "selection"]
    return [*further, *((data, part) for part in parts)]


def parents_of(view: View, version: Version) -> list[Version]:
    """Return the data that the table of a version was made from."""
    with contextlib.suppress(*_UNREADABLE):
        root = tables.root_of(view, version)
        return [resolve(view, one, "dataset", dropped=True) for one in refs_of("dataset", root.made_from)]
    return []
