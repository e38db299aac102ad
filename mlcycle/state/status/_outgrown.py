"""Data that has gone on since something was made from it, through the parts it was split into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from mlcycle._ids import bare, parse_ref, refs_of

if TYPE_CHECKING:
    from mlcycle.state._view import View

__all__ = ["Outgrown", "outgrown", "split_again", "trained_on"]


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
    mine, newest = (view.versions.get("dataset", named.name, number) for number in (named.version, latest))
    is_part = mine.says.get("layout") == "selection"
    # another draw from the same rows is no newer data
    if named.version != latest and not (is_part and mine.made_from == newest.made_from):
        return Outgrown(used, used, newest.shown)
    for parent in mine.made_from if is_part else ():
        if (found := outgrown(view, parent)) is not None:
            return Outgrown(used, found.parent, found.newest)
    return None


def split_again(view: View, newest: str) -> bool:
    """Say whether a version of data (without its kind) was split since it is there: in whatever way, into any parts."""
    for name in view.names.every("dataset"):
        number = view.versions.latest("dataset", name.name)
        if number is None or f"dataset:{newest}" not in name.origins.get(number, ()):
            continue
        if view.versions.get("dataset", name.name, number).says.get("layout") == "selection":
            return True
    return False


def trained_on(view: View, ref: str) -> list[str]:
    """Return the data (full refs) a model version was declared to use or, where none was, that its run read."""
    name, _, number = bare(ref).rpartition("@")
    declared = view.names.known("model", name).origins.get(int(number), ())
    return refs_of("dataset", declared) or view.versions.get("model", name, int(number)).says.get("reads") or []
