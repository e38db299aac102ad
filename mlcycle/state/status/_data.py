"""Which data is missing, a part of what has gone on, or kept out."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mlcycle.errors import NotFound
from mlcycle.state._judged_on import judged_on
from mlcycle.state.status._finding import finding, listed
from mlcycle.state.status._outgrown import outgrown, split_again, trained_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.records import Result
    from mlcycle.state._index import Name
    from mlcycle.state._view import View
    from mlcycle.state.status._standing import Standing

__all__ = ["data_findings"]


def data_findings(standing: Standing) -> Iterator[Result]:
    """Say what is to be added, split again, or looked at."""
    names = standing.view.names.every("dataset")
    if not names:
        yield finding("missing", "project:project", "no data yet: project.datasets.add(name, frame)", "warn")
    yield from _to_split(standing, names)
    for name in names:
        yield from _rejected(standing.view, name)


def _to_split(standing: Standing, names: list[Name]) -> Iterator[Result]:
    """Say which data has gone on since it was split: once, however many parts it has, and until it is split again.

    Parts that nothing uses any more stay for ever, and nobody need make them anew.
    """
    view, used = standing.view, _used(standing)
    parts: dict[str, list[str]] = {}
    parents: dict[str, list[str]] = {}
    for name in names:
        ref = f"{name.name}@{view.versions.latest('dataset', name.name)}"
        if f"dataset:{ref}" not in used:
            continue
        found = outgrown(view, f"dataset:{ref}")
        if found is not None and not split_again(view, found.newest):
            parts.setdefault(found.newest, []).append(ref)
            parents.setdefault(found.newest, []).append(found.parent)
    for newest, stale in parts.items():
        of = listed([*dict.fromkeys(parents[newest])])
        verb, noun = ("is", "a part") if len(stale) == 1 else ("are", "parts")
        summary = (
            f"{listed(stale)} {verb} {noun} of {of}, and {newest} stands now; split it again: "
            f"project.datasets[{newest.rpartition('@')[0]!r}].split(…)"
        )
        yield finding("stale", f"dataset:{newest}", summary, "warn")


def _used(standing: Standing) -> set[str]:
    """Return the data that models are judged on, and that those which answer or are the newest were trained on."""
    used: set[str] = set()
    for on in standing.judged_on:
        with contextlib.suppress(NotFound):  # which is told of the scope
            used.add(judged_on(standing.view, on).ref)
    live = [place.ref for place in standing.places if place.live]
    return used.union(*(trained_on(standing.view, ref) for ref in dict.fromkeys([*live, *standing.newest])))


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
    yield finding("rejected", f"dataset:{ref}", summary, "warn")
