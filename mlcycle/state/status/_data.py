"""Which data is missing, a part of what has gone on, or kept out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle.state.status._finding import finding, listed
from mlcycle.state.status._outgrown import outgrown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.records import Result
    from mlcycle.state._index import Name
    from mlcycle.state._view import View
    from mlcycle.state.status._look import Look

__all__ = ["data_findings"]


def data_findings(look: Look) -> Iterator[Result]:
    """Say what is to be added, split again, or looked at."""
    names = look.view.names.every("dataset")
    if not names:
        yield finding("missing", "project:project", "no data yet: project.datasets.add(name, frame)", "warn", "data")
    yield from _to_split(look.view, names)
    for name in names:
        yield from _rejected(look.view, name)


def _to_split(view: View, names: list[Name]) -> Iterator[Result]:
    """Say which data has gone on since it was split: once, however many parts it has."""
    parts: dict[str, list[str]] = {}
    parents: dict[str, list[str]] = {}
    for name in names:
        number = view.versions.latest("dataset", name.name)
        if number is None or not name.origins.get(number):
            continue
        ref = f"{name.name}@{number}"
        found = outgrown(view, f"dataset:{ref}")
        if found is not None:
            parts.setdefault(found.newest, []).append(ref)
            parents.setdefault(found.newest, []).append(found.parent)
    for newest, stale in parts.items():
        of = listed([*dict.fromkeys(parents[newest])])
        verb, noun = ("is", "a part") if len(stale) == 1 else ("are", "parts")
        summary = (
            f"{listed(stale)} {verb} {noun} of {of}, and {newest} stands now; split it again: "
            f"project.datasets[{newest.rpartition('@')[0]!r}].split(…)"
        )
        yield finding("stale", f"dataset:{newest}", summary, "warn", "data")


def _rejected(view: View, name: Name) -> Iterator[Result]:
    """Say that data was kept out, until a newer version stands."""
    latest = view.versions.latest("dataset", name.name) or 0
    kept_out = view.marks.numbers("dataset", name, "rejected") - view.marks.numbers("dataset", name, "dropped")
    number = max((one for one in kept_out if one > latest), default=None)
    if number is None:
        return
    ref, on = f"{name.name}@{number}", view.versions.get("dataset", name.name, number).stamp.at[:10]
    stands = f"{name.name}@{latest} is still the latest" if latest else f"no version of {name.name} stands"
    summary = f"{ref} was rejected on {on}: project.datasets.decisions({ref!r}); {stands}"
    yield finding("rejected", f"dataset:{ref}", summary, "warn", "data")
