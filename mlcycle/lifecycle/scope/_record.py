"""A stored scope, as a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from mlcycle import records

if TYPE_CHECKING:
    from mlcycle.state import Version

__all__ = ["scope_record"]


def scope_record(version: Version) -> records.Scope:
    """Return the record of a stored scope."""
    record: records.Scope = records.from_json(version["scope"])
    return evolve(record, number=version.number, **version.stamp.facts())
