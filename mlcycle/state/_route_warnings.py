"""What lets the versions answer that have weight at a place, and until when: what the log says of it, without data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records
from mlcycle._ids import bare, parse_ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.state._committed import Fact, Version
    from mlcycle.state._view import View

__all__ = ["DECIDES", "route_warnings", "status_finding"]

DECIDES = ("promote", "route")
"""What lets a version answer, or keeps it from that: the actions of a decision on it."""


_TOLD = "project.deployments[{!r}].decisions()"


def status_finding(check: str, subject: str, detail: str, verdict: str, phase: str) -> records.Result:
    """Return what a phase of the status says."""
    return records.Result(check=check, subject=subject, detail=detail, verdict=verdict, phase=phase)


def route_warnings(view: View, revision: Version, moment: str) -> Iterator[records.Result]:
    """Say which versions answer without evidence, by an override, or though they fail; nobody routes by itself."""
    place = f"deployment:{revision.name}"
    overrides: dict[str, tuple[Fact, list[str]]] = {}
    back = _gone_back(view, place)
    for ref, weight in revision["weights"].items():
        fact = next((one for one in view.facts.of("decision", ref, newest_first=True) if _lets(one, place, ref)), None)
        if fact is not None and ref in (fact.says.get("trial") or {}):
            share = f"{100 * weight / sum(revision['weights'].values()):.3g} %"
            yield from _tried(view, ref, share, fact, moment)
        elif fact is not None and fact["override"] is not None:
            overrides.setdefault(fact.id, (fact, []))[1].append(bare(ref))
        elif back is None:
            yield from _failing(view, place, ref)
    for fact, names in overrides.values():
        given, over = fact["override"], fact["override"]["until"] <= moment
        by = f"an override of {given['author']} until {given['until'][:10]}"
        summary = f"{revision.name} answers with {' and '.join(names)} by {by}"
        later = ", which is over: route again to have it judged" if over else ""
        yield status_finding("override", place, summary + later, "warn" if over else "not_applicable", "deployment")
    if back is not None:
        summary = (
            f"{revision.name} went back on {back.stamp.at[:10]} to what fails the scope: {_TOLD.format(revision.name)}"
        )
        yield status_finding("failing", place, summary, "warn", "deployment")


def _lets(fact: Fact, place: str, ref: str) -> bool:
    """Say whether a decision is one that lets a version answer at a place."""
    elsewhere = fact.subject != place and ref in (fact.says.get("trial") or {})
    return bool(fact["allowed"]) and fact["action"] in DECIDES and not elsewhere


def _gone_back(view: View, place: str) -> Fact | None:
    """Return the decision by which a place went back to what fails, if nobody set another route since.

    One that names evaluations: they are those of what failed.
    """
    name = view.names.known("deployment", bare(place))
    found = (one for one in view.facts.of("decision", place, newest_first=True) if one["action"] == "rollback")
    fact = next(found, None)
    moved = name.moves["current"][-1][0]
    return fact if fact is not None and fact.stamp.entry == moved and fact["evaluations"] else None


def _failing(view: View, place: str, ref: str) -> Iterator[records.Result]:
    """Say that what answers failed when it was evaluated last, by the criteria of today."""
    for data in sorted(_asked_on(view)):
        fact = _last(view, ref, data)
        if fact is not None and fact["verdict"] == "fail" and _by_today(view, fact):
            said = f"whose evaluation on {bare(data)} of {fact.stamp.at[:10]} fails the scope"
            yield status_finding(
                "failing", place, f"{bare(place)} answers with {bare(ref)}, {said}", "warn", "deployment"
            )


def _asked_on(view: View) -> set[str]:
    """Return the versions of data that models are judged on today, as full refs; none where the scope names no data."""
    scope = view.versions.newest("scope", "scope")
    if scope is None:
        return set()
    record: records.Scope = records.from_json(scope["scope"])
    names = {one.on or record.test for one in record.criteria if one.judges == "model"}
    refs = [parse_ref(name) for name in names if name is not None]
    numbered = ((ref.name, ref.version) for ref in refs)
    found = ((name, view.versions.latest("dataset", name) if at == "latest" else at) for name, at in numbered)
    return {f"dataset:{name}@{number}" for name, number in found}


def _last(view: View, ref: str, data: str) -> Fact | None:
    """Return the newest evaluation of a version on some data."""
    found = view.facts.of("evaluation", ref, data, newest_first=True)
    return next((one for one in found if one.subject == ref), None)


def _by_today(view: View, fact: Fact) -> bool:
    """Say whether an evaluation was by what the scope asks today."""
    scope = view.versions.newest("scope", "scope")
    if scope is None or fact["scope"] is None:
        return False
    then = view.versions.get("scope", "scope", fact["scope"])["scope"]
    return all(then[field] == scope["scope"][field] for field in ("criteria", "test", "loosened"))


def _tried(view: View, ref: str, share: str, fact: Fact, moment: str) -> Iterator[records.Result]:
    """Say that a version answers a small part without evidence, unless what was found since meets the scope."""
    until, place = fact["trial"][ref], fact.subject
    asked = _asked_on(view)
    last = [one for data in asked if (one := _last(view, ref, data)) and one.stamp.entry > fact.stamp.entry]
    found = {one["verdict"] if _by_today(view, one) else "what a former scope asked" for one in last}
    if found == {"pass"} and len(last) == len(asked):
        return
    over, found = until <= moment, found - {"pass"}
    if found:
        words = f"whose evaluation since says {' and '.join(sorted(found))}: route again to have it judged"
    elif over:
        words = f"which nobody has evaluated, and it could until {until[:10]}: evaluate it, or route without it"
    else:
        words = f"which nobody has evaluated; until {until[:10]}: project.models[{bare(ref)!r}].evaluate()"
    summary = f"{bare(place)} answers {share} with {bare(ref)}, {words}"
    yield status_finding("trial", place, summary, "fail" if over or "fail" in found else "warn", "deployment")
