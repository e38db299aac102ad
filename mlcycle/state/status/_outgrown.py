"""Data that has gone on since something was made from it, through the parts it was split into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from mlcycle._ids import parse_ref

if TYPE_CHECKING:
    from mlcycle.state._view import View

__all__ = ["Outgrown", "outgrown"]


@frozen
class Outgrown:
    """A version of data that is not the one that stands now.

    Attributes
    ----------
    used : str
        What was made use of.
    parent : str
        What it is a part of, at whatever depth, that has gone on; itself, where there is a newer version of it.
    newest : str
        What stands now.
    """

    used: str
    parent: str
    newest: str


def outgrown(view: View, ref: str) -> Outgrown | None:
    """Return what has gone on of a version of data (a full ref), None where it is still what stands.

    Of what was made from other data in another way than by splitting, nobody says that it is due again.
    """
    if not ref.startswith("dataset:"):
        return None
    named = parse_ref(ref.removeprefix("dataset:"))
    latest = view.versions.latest("dataset", named.name)
    if latest is None or not isinstance(named.version, int):
        return None
    used = f"{named.name}@{named.version}"
    if named.version != latest:
        return Outgrown(used, used, f"{named.name}@{latest}")
    version = view.versions.get("dataset", named.name, latest)
    for parent in version.made_from if version.says.get("layout") == "selection" else ():
        if (found := outgrown(view, parent)) is not None:
            return Outgrown(used, found.parent, found.newest)
    return None
