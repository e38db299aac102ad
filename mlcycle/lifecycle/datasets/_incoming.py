"""A table that is to become a version, as those see it who judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from mlcycle import checks
from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle.lifecycle.datasets import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from mlcycle import codecs, records
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Version, VersionAdd, View

__all__ = ["Candidate", "OddRows", "schema_digest"]

Doc = dict[str, Any]


def schema_digest(header: Doc) -> str:
    """Return the digest of which columns there are with what types, in any order.

    It stands in the log, so that who adds rows like those before need not read what those were like.
    """
    return sha256_bytes(canonical_json({one["name"]: one["type"] for one in header["schema"]}))


@frozen
class Candidate:
    """A table that is to become a version."""

    encoded: codecs.Encoded
    roles: Doc

    @property
    def table(self) -> Any:
        """Its columns, index levels included, as Arrow has them."""
        return self.encoded.table

    def frame(self) -> pd.DataFrame:
        """Return it as it will be read back."""
        return self.encoded.frame()


class OddRows:
    """What is odd about one table, looked for when it is judged; lives as long as the operation that adds it."""

    def __init__(self, blobs: Blobs, encoded: codecs.Encoded, chosen: Iterable[str]) -> None:
        self._blobs, self._encoded, self._chosen = blobs, encoded, frozenset(chosen)
        self.notes: list[str] = []

    def look(self, view: View, made: VersionAdd, criteria: Sequence[records.Criterion]) -> list[records.Result]:
        """Return results on a table that is to be a version, and keep what is to be noted of it.

        There is no result where a criterion gives one; the version notes it all the same.
        """
        found, broken = checks.look_for_oddities(self._rows(view, made))
        self.notes = [one.note for one in found]
        subject = f"dataset:{made.name}"
        told = [one for one in found if not any(map(one.answers, criteria))]
        return [checks.oddity_result(one, subject) for one in told] + [evolve(one, subject=subject) for one in broken]

    def compared_with(self, view: View, made: VersionAdd) -> Any:
        """Return what of the version before these rows are held against; None where there is nothing to find."""
        current = view.versions.newest("dataset", made.name)
        if current is None or current.says.get("schema") == made["schema"]:
            return None
        return current.says.get("schema"), current["roles"], current.says.get("lost_roles")

    def _rows(self, view: View, made: VersionAdd) -> checks.IncomingRows:
        current = view.versions.newest("dataset", made.name)
        header, table = self._encoded.header, self._encoded.table
        fields = {str(one["name"]): one["field"] for one in header["presentation"]["columns"]}
        compared = current is not None and self.compared_with(view, made) is not None
        return checks.IncomingRows(
            rows=header["rows"],
            columns=_types(header),
            roles=_named(made["roles"]),
            values=lambda label: table.column(fields[label]),
            chosen=self._chosen,
            former_roles=_named(current["roles"]) if current else {},
            lost_roles=_named(current.says.get("lost_roles", {})) if current else {},
            former_columns=lambda: self._former(view, current) if compared and current else {},
        )

    def _former(self, view: View, current: Version) -> dict[str, str]:
        return _types(tables.header_of(self._blobs, view, current))


def _types(header: Doc) -> dict[str, str]:
    """Return the logical type of every column by its label as text, without the levels of the index."""
    types = {one["name"]: one["type"] for one in header["schema"]}
    return {str(one["name"]): types[one["field"]] for one in header["presentation"]["columns"]}


def _named(roles: Doc) -> dict[str, str | None]:
    return {role: None if label is None else str(label) for role, label in roles.items()}
