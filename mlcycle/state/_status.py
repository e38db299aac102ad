"""Where the project stands: each phase looks at the log and says what is missing, stale, blocked or due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._ids import new_id
from mlcycle.state._nouns import bare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.state._index import Name
    from mlcycle.state._said import Version
    from mlcycle.state._view import View

__all__ = ["status_of"]


def status_of(view: View, moment: str) -> records.Status:
    """Return the findings of every phase at a moment (UTC text); no data is read."""
    return records.Status(phases={phase: [*look(view, moment)] for phase, look in _PHASES.items()}, at=moment)


def _finding(kind: str, subject: str, summary: str, severity: str, phase: str, **evidence: Any) -> records.Finding:
    return records.Finding(
        id=new_id(), kind=kind, subject=subject, summary=summary, severity=severity, phase=phase, evidence=evidence
    )


def _scope(view: View, moment: str) -> Iterator[records.Finding]:
    version = view.versions.newest("scope", "scope")
    if version is None:
        yield _finding(
            "missing", "scope", "no scope yet: project.scope.set(objective=…, criteria=[…])", "warn", "scope"
        )
        return
    scope = version["scope"]
    if not scope["criteria"]:
        yield _finding("missing", "scope", "the scope has no criteria: no gate can block", "warn", "scope")
    elif scope["test"] is None and any(one.get("on") is None for one in scope["criteria"]):
        yield _finding("missing", "scope", "criteria name no data: project.scope.set(test='…')", "warn", "scope")
    for loosening in (records.from_json(one) for one in scope["loosened"]):
        expired = loosening.until <= moment
        words = "has expired, the former criterion holds again" if expired else f"ends {loosening.until[:10]}"
        severity = "warn" if expired else "info"
        yield _finding("loosened", "scope", f"loosened {loosening.before} {words}", severity, "scope")


def _data(view: View, moment: str) -> Iterator[records.Finding]:
    names = view.names.every("dataset")
    if not names:
        yield _finding("missing", "datasets", "no data yet: project.datasets.add(name, frame)", "warn", "data")
    for name in names:
        number = view.versions.latest("dataset", name.name)
        ref = f"{name.name}@{number}"
        for parent, newest in _outgrown(view, name.origins.get(number or 0, ())):
            if view.versions.get("dataset", name.name, number or 0)["layout"] == "selection":
                summary = f"{ref} is a part of {parent}; {newest} is newer: split it again"
                yield _finding("stale", ref, summary, "warn", "data", newest=newest)


def _outgrown(view: View, made_from: list[str] | tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the datasets something was made from that have gone on since, and their newest version."""
    for origin in made_from:
        of, _, parent = origin.partition(":")
        name = parent.rpartition("@")[0]
        latest = view.versions.latest("dataset", name) if of == "dataset" else None
        if latest is not None and parent != f"{name}@{latest}":
            yield parent, f"{name}@{latest}"


def _model(view: View, moment: str) -> Iterator[records.Finding]:
    names = view.names.every("model")
    if not names:
        yield _finding("missing", "models", "no model yet: project.models.register(name, run)", "warn", "model")
    for name in names:
        number = view.versions.latest("model", name.name)
        ref = f"{name.name}@{number}"
        if number is not None and not view.facts.entries("evaluation", f"model:{ref}"):
            yield _finding("due", ref, f"{ref} was never evaluated: project.evaluate({ref!r})", "warn", "model")
        for alias in [*name.moves]:  # a commit in another thread may add one
            yield from _pointed(view, name, alias)
    yield from _blocked(view, names)


def _pointed(view: View, name: Name, alias: str) -> Iterator[records.Finding]:
    """Say where the data of a model that an alias points at has gone on."""
    number = view.pointers.at("model", name.name, alias)
    if number is None:
        return
    ref = f"{name.name}@{number}"
    for parent, newest in _outgrown(view, name.origins.get(number, ())):
        summary = f"{ref} ({alias}) was trained on {parent}; {newest} is there now"
        yield _finding("stale", ref, summary, "warn", "model", newest=newest)


def _blocked(view: View, names: list[Name]) -> Iterator[records.Finding]:
    """Say which of the newest versions a gate blocked last, in the order of the decisions."""
    newest = [f"model:{name.name}@{view.versions.latest('model', name.name)}" for name in names]
    decided = {ref: view.facts.entries("decision", ref) for ref in newest}
    for ref in sorted((one for one in newest if decided[one]), key=lambda one: decided[one][0]):
        fact = next(view.facts.of("decision", ref, newest_first=True), None)
        if fact is not None and not fact["allowed"]:
            summary = f"the gate blocked {fact['action']} of {bare(ref)} on {fact.stamp.at[:10]}"
            yield _finding("blocked", bare(ref), summary, "warn", "model", decision=fact.id)


def _deployment(view: View, moment: str) -> Iterator[records.Finding]:
    for name in view.names.every("deployment"):
        number = view.pointers.at("deployment", name.name, "current")
        if number is None:
            yield _finding("missing", name.name, f"{name.name} has no route yet", "info", "deployment")
            continue
        revision = view.versions.get("deployment", name.name, number)
        for ref in map(bare, revision["weights"]):
            model = ref.rpartition("@")[0]
            production = view.pointers.at("model", model, "production")
            if production is not None and ref != f"{model}@{production}":
                summary = f"{name.name} answers with {ref}, while production is {model}@{production}"
                yield _finding("differs", name.name, summary, "info", "deployment", production=production)
        yield from _reported(view, revision)


def _reported(view: View, revision: Version) -> Iterator[records.Finding]:
    last = next(view.facts.of("report", f"deployment:{revision.name}", newest_first=True), None)
    if last is not None and last["revision"] == revision.number and last["severity"] not in (None, "info"):
        summary = f"the check of {revision.name} on {last.stamp.at[:16]} found {last['findings']} things"
        yield _finding("monitoring", revision.name, summary, last["severity"], "deployment", report=last.id)


_PHASES = {"scope": _scope, "data": _data, "model": _model, "deployment": _deployment}
