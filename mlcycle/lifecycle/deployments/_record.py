"""What is stored of a revision, as a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records
from mlcycle._ids import bare

if TYPE_CHECKING:
    from mlcycle.state import Version, View

__all__ = ["current_revision", "revision_record"]


def current_revision(view: View, deployment: str) -> records.Revision | None:
    """Return the revision that answers at a deployment; None before the first route."""
    number = view.pointers.at("deployment", view.names.known("deployment", deployment).name, "current")
    return None if number is None else revision_record(view.versions.get("deployment", deployment, number))


def revision_record(version: Version) -> records.Revision:
    """Return the record of a stored revision."""
    shadow = version["shadow"]
    return records.Revision(
        deployment=version.name,
        number=version.number,
        weights={bare(ref): weight for ref, weight in version["weights"].items()},
        shadow=shadow and bare(shadow),
        **version.stamp.facts(),
    )
