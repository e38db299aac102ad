"""Where the project stands: each phase looks at the log and says what is missing, stale, blocked or due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records
from mlcycle._ids import bare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.state._index import Name
    from mlcycle.state._said import Fact, Version
    from mlcycle.state._view import View

__all__ = ["status_of"]


def status_of(view: View, moment: str) -> records.Status:
    """Return the findings of every phase at a moment (UTC text); no data is read."""
    return records.Status(phases={phase: [*look(view, moment)] for phase, look in _PHASES.items()}, at=moment)


def _finding(check: str, subject: str, detail: str, verdict: str, phase: str) -> records.Result:
    return records.Result(check=check, subject=subject, detail=detail, verdict=verdict, phase=phase)


def _scope(view: View, moment: str) -> Iterator[records.Result]:
    version = view.versions.newest("scope", "scope")
    if version is None:
        yield _finding(
            "missing", "scope:scope", "no scope yet: project.scope.set(objective=…, criteria=[…])", "warn", "scope"
        )
        return
    scope = version["scope"]
    if not scope["criteria"]:
        yield _finding("missing", "scope:scope", "the scope has no criteria: no gate can block", "warn", "scope")
    elif scope["test"] is None and any(one.get("on") is None for one in scope["criteria"]):
        yield _finding("missing", "scope:scope", "criteria name no data: project.scope.set(test='…')", "warn", "scope")
    for loosening in (records.from_json(one) for one in scope["loosened"]):
        expired = loosening.until <= moment
        words = "has expired, the former criterion holds again" if expired else f"ends {loosening.until[:10]}"
        verdict = "warn" if expired else "not_applicable"
        yield _finding("loosened", "scope:scope", f"loosened {loosening.before} {words}", verdict, "scope")


def _data(view: View, moment: str) -> Iterator[records.Result]:
    names = view.names.every("dataset")
    if not names:
        yield _finding("missing", "", "no data yet: project.datasets.add(name, frame)", "warn", "data")
    for name in names:
        number = view.versions.latest("dataset", name.name)
        ref = f"{name.name}@{number}"
        for parent, newest in _outgrown(view, name.origins.get(number or 0, ())):
            if view.versions.get("dataset", name.name, number or 0)["layout"] == "selection":
                summary = f"{ref} is a part of {parent}; {newest} is newer: split it again"
                yield _finding("stale", f"dataset:{ref}", summary, "warn", "data")


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
        yield _finding("missing", "", "no model yet: project.models.register(name, run)", "warn", "model")
    for name in names:
        number = view.versions.latest("model", name.name)
        ref = f"{name.name}@{number}"
        if number is not None and not view.facts.entries("evaluation", f"model:{ref}"):
            yield _finding(
                "due", f"model:{ref}", f"{ref} was never evaluated: project.evaluate({ref!r})", "warn", "model"
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
        yield _finding("stale", f"model:{ref}", summary, "warn", "model")


def _blocked(view: View, names: list[Name]) -> Iterator[records.Result]:
    """Say which of the newest versions a gate blocked last, in the order of the decisions."""
    newest = [f"model:{name.name}@{view.versions.latest('model', name.name)}" for name in names]
    decided = {ref: view.facts.entries("decision", ref) for ref in newest}
    for ref in sorted((one for one in newest if decided[one]), key=lambda one: decided[one][0]):
        fact = next(view.facts.of("decision", ref, newest_first=True), None)
        if fact is not None and not fact["allowed"]:
            summary = f"the gate blocked {fact['action']} of {bare(ref)} on {fact.stamp.at[:10]}"
            yield _finding("blocked", ref, summary, "warn", "model")


def _deployment(view: View, moment: str) -> Iterator[records.Result]:
    for name in view.names.every("deployment"):
        place, number = f"deployment:{name.name}", view.pointers.at("deployment", name.name, "current")
        if number is None:
            yield _finding("missing", place, f"{name.name} has no route yet", "not_applicable", "deployment")
            continue
        revision = view.versions.get("deployment", name.name, number)
        for ref in map(bare, revision["weights"]):
            model = ref.rpartition("@")[0]
            production = view.pointers.at("model", model, "production")
            if production is not None and ref != f"{model}@{production}":
                summary = f"{name.name} answers with {ref}, while production is {model}@{production}"
                yield _finding("differs", place, summary, "not_applicable", "deployment")
        yield from _carried(view, revision, moment)
        yield from _reported(view, revision)


def _carried(view: View, revision: Version, moment: str) -> Iterator[records.Result]:
    """Say which versions answer without evidence, or by an override, and until when; nobody routes by itself."""
    place = f"deployment:{revision.name}"
    overrides: dict[str, tuple[Fact, list[str]]] = {}
    for ref, weight in revision["weights"].items():
        fact = next((one for one in view.facts.of("decision", ref, newest_first=True) if _lets(one, place, ref)), None)
        if fact is None:
            continue
        if ref in (fact.says.get("trial") or {}):
            share = f"{100 * weight / sum(revision['weights'].values()):.3g} %"
            yield from _tried(view, ref, share, fact, moment)
        elif fact["override"] is not None:
            overrides.setdefault(fact.id, (fact, []))[1].append(bare(ref))
    for fact, names in overrides.values():
        given, over = fact["override"], fact["override"]["until"] <= moment
        by = f"an override of {given['author']} until {given['until'][:10]}"
        summary = f"{revision.name} answers with {' and '.join(names)} by {by}"
        later = ", which is over: route again to have it judged" if over else ""
        yield _finding("override", place, summary + later, "warn" if over else "not_applicable", "deployment")


def _lets(fact: Fact, place: str, ref: str) -> bool:
    """Say whether a decision is one that lets a version answer at a place."""
    elsewhere = fact.subject != place and ref in (fact.says.get("trial") or {})
    return bool(fact["allowed"]) and fact["action"] in ("promote", "route") and not elsewhere


def _tried(view: View, ref: str, share: str, fact: Fact, moment: str) -> Iterator[records.Result]:
    """Say that a version answers a small part without evidence, unless what was found since is good."""
    until, place = fact["trial"][ref], fact.subject
    last = next(view.facts.of("evaluation", ref, newest_first=True), None)
    found = None if last is None or last.stamp.entry < fact.stamp.entry else last["verdict"]
    if found == "pass":
        return
    over = until <= moment
    if found is not None:
        words = f"whose evaluation since says {found}: route again to have it judged"
    elif over:
        words = f"which nobody has evaluated, and it could until {until[:10]}: evaluate it, or route without it"
    else:
        words = f"which nobody has evaluated; until {until[:10]}: project.evaluate({bare(ref)!r})"
    summary = f"{bare(place)} answers {share} with {bare(ref)}, {words}"
    yield _finding("trial", place, summary, "fail" if over or found == "fail" else "warn", "deployment")


def _reported(view: View, revision: Version) -> Iterator[records.Result]:
    place = f"deployment:{revision.name}"
    last = next(view.facts.of("evaluation", place, newest_first=True), None)
    if last is not None and last["revision"] == revision.number and last["verdict"] in _ALARMS:
        summary = f"the check of {revision.name} on {last.stamp.at[:16]} found {last['findings']} things"
        yield _finding("monitoring", place, summary, last["verdict"], "deployment")


_ALARMS = ("warn", "fail", "error")
_PHASES = {"scope": _scope, "data": _data, "model": _model, "deployment": _deployment}
