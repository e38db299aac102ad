"""Where the project stands: each phase looks at the log and says what is missing, stale, blocked or due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records
from mlcycle._ids import bare
from mlcycle.state._route_warnings import DECIDES, route_warnings, status_finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.state._committed import Version
    from mlcycle.state._index import Name
    from mlcycle.state._view import View

__all__ = ["status_of"]


def status_of(view: View, moment: str) -> records.Status:
    """Return the findings of every phase at a moment (UTC text); no data is read."""
    return records.Status(phases={phase: [*look(view, moment)] for phase, look in _PHASES.items()}, at=moment)


def _scope(view: View, moment: str) -> Iterator[records.Result]:
    version = view.versions.newest("scope", "scope")
    if version is None:
        yield status_finding(
            "missing", "scope:scope", "no scope yet: project.scope.set(objective=…, criteria=[…])", "warn", "scope"
        )
        return
    scope = version["scope"]
    if not scope["criteria"]:
        yield status_finding("missing", "scope:scope", "the scope has no criteria: no gate can block", "warn", "scope")
    elif scope["test"] is None and any(one.get("on") is None for one in scope["criteria"]):
        yield status_finding(
            "missing", "scope:scope", "criteria name no data: project.scope.set(test='…')", "warn", "scope"
        )
    for loosening in (records.from_json(one) for one in scope["loosened"]):
        expired = loosening.until <= moment
        words = "has expired, the former criterion holds again" if expired else f"ends {loosening.until[:10]}"
        verdict = "warn" if expired else "not_applicable"
        yield status_finding("loosened", "scope:scope", f"loosened {loosening.before} {words}", verdict, "scope")


def _data(view: View, moment: str) -> Iterator[records.Result]:
    names = view.names.every("dataset")
    if not names:
        yield status_finding("missing", "", "no data yet: project.datasets.add(name, frame)", "warn", "data")
    for name in names:
        number = view.versions.latest("dataset", name.name)
        ref = f"{name.name}@{number}"
        for parent, newest in _outgrown(view, name.origins.get(number or 0, ())):
            if view.versions.get("dataset", name.name, number or 0)["layout"] == "selection":
                summary = f"{ref} is a part of {parent}; {newest} is newer: split it again"
                yield status_finding("stale", f"dataset:{ref}", summary, "warn", "data")
        yield from _rejected(view, name, number or 0)


def _rejected(view: View, name: Name, latest: int) -> Iterator[records.Result]:
    """Say that data was kept out, until a newer version stands."""
    kept_out = view.marks.numbers("dataset", name, "rejected") - view.marks.numbers("dataset", name, "dropped")
    number = max((one for one in kept_out if one > latest), default=None)
    if number is None:
        return
    ref, on = f"{name.name}@{number}", view.versions.get("dataset", name.name, number).stamp.at[:10]
    stands = f"{name.name}@{latest} is still the latest" if latest else f"no version of {name.name} stands"
    summary = f"{ref} was rejected on {on}: project.datasets.decisions({ref!r}); {stands}"
    yield status_finding("rejected", f"dataset:{ref}", summary, "warn", "data")


def _outgrown(view: View, made_from: list[str] | tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the datasets something was made from that have gone on since, and their newest version."""
    for origin in made_from:
        of, _, parent = origin.partition(":")
        name = parent.rpartition("@")[0]
        latest = view.versions.latest("dataset", name) if of == "dataset" else None
        if latest is not None and parent != f"{name}@{latest}":
            yield parent, f"{name}@{latest}"


def _model(view: View, moment: str) -> Iterator[records.Result]:
    names = view.names.every("model")
    if not names:
        yield status_finding("missing", "", "no model yet: run.register(name)", "warn", "model")
    for name in names:
        number = view.versions.latest("model", name.name)
        ref = f"{name.name}@{number}"
        if number is not None and not view.facts.entries("evaluation", f"model:{ref}"):
            yield status_finding(
                "due", f"model:{ref}", f"{ref} was never evaluated: project.models[{ref!r}].evaluate()", "warn", "model"
            )
        for alias in [*name.moves]:  # a commit in another thread may add one
            yield from _pointed(view, name, alias)
    yield from _blocked(view, names)


def _pointed(view: View, name: Name, alias: str) -> Iterator[records.Result]:
    """Say where the data of a model that an alias points at has gone on."""
    number = view.pointers.at("model", name.name, alias)
    if number is None:
        return
    ref = f"{name.name}@{number}"
    for parent, newest in _outgrown(view, name.origins.get(number, ())):
        summary = f"{ref} ({alias}) was trained on {parent}; {newest} is there now"
        yield status_finding("stale", f"model:{ref}", summary, "warn", "model")


def _blocked(view: View, names: list[Name]) -> Iterator[records.Result]:
    """Say which of the newest versions a gate blocked last, in the order of the decisions."""
    newest = [f"model:{name.name}@{view.versions.latest('model', name.name)}" for name in names]
    decided = {ref: view.facts.entries("decision", ref) for ref in newest}
    for ref in sorted((one for one in newest if decided[one]), key=lambda one: decided[one][0]):
        found = (one for one in view.facts.of("decision", ref, newest_first=True) if one["action"] in DECIDES)
        if (fact := next(found, None)) is not None and not fact["allowed"]:
            summary = f"the gate blocked {fact['action']} of {bare(ref)} on {fact.stamp.at[:10]}"
            yield status_finding("blocked", ref, summary, "warn", "model")


def _deployment(view: View, moment: str) -> Iterator[records.Result]:
    for name in view.names.every("deployment"):
        place, number = f"deployment:{name.name}", view.pointers.at("deployment", name.name, "current")
        if number is None:
            yield status_finding("missing", place, f"{name.name} has no route yet", "not_applicable", "deployment")
            continue
        revision = view.versions.get("deployment", name.name, number)
        for ref in map(bare, revision["weights"]):
            model = ref.rpartition("@")[0]
            production = view.pointers.at("model", model, "production")
            if production is not None and ref != f"{model}@{production}":
                summary = f"{name.name} answers with {ref}, while production is {model}@{production}"
                yield status_finding("differs", place, summary, "not_applicable", "deployment")
        yield from route_warnings(view, revision, moment)
        yield from _reported(view, revision)


def _reported(view: View, revision: Version) -> Iterator[records.Result]:
    place = f"deployment:{revision.name}"
    last = next(view.facts.of("evaluation", place, newest_first=True), None)
    if last is not None and last["revision"] == revision.number and last["verdict"] in _ALARMS:
        summary = f"the check of {revision.name} on {last.stamp.at[:16]} found {last['findings']} things"
        yield status_finding("monitoring", place, summary, last["verdict"], "deployment")


_ALARMS = ("warn", "fail", "error")
_PHASES = {"scope": _scope, "data": _data, "model": _model, "deployment": _deployment}
