"""What deployments lack, answer with other than production, or were found to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._ids import bare
from mlcycle.state.status._answering import trial_end
from mlcycle.state.status._finding import finding, listed, name_of
from mlcycle.state.status._overrides import override_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.records import Result
    from mlcycle.state._version import Fact
    from mlcycle.state._view import View
    from mlcycle.state.status._answering import Answering
    from mlcycle.state.status._standing import Standing

__all__ = ["deployment_findings"]


def deployment_findings(standing: Standing) -> Iterator[Result]:
    """Say what is to be routed, and what of what answers does not hold."""
    yield from _unrouted(standing)
    yield from override_findings(standing, "deployment")
    for name in standing.view.names.of("deployment"):
        number = standing.view.pointers.at("deployment", name, "current")
        places = [one for one in standing.places if one.of == "deployment" and one.name == name]
        yield from _differs(standing.view, name, places)
        for place in places:
            if (fact := standing.trial(place)) is not None:
                yield from _tried(standing, place, fact)
        yield from _checked(standing.view, name, number)


def _unrouted(standing: Standing) -> Iterator[Result]:
    """Say where no model answers, and which model in production answers nowhere; a batch job needs no deployment."""
    empty = [
        name
        for name in standing.view.names.of("deployment")
        if standing.view.pointers.at("deployment", name, "current") is None
    ]
    for name in empty:
        summary = f"{name} has no route yet: {_first_route(standing, name)}"
        yield finding("missing", f"deployment:{name}", summary, "not_applicable")
    answering = {name_of(one.ref) for one in standing.places if one.of == "deployment"}
    for one in standing.places:
        if one.of == "model" and one.pointer == "production" and one.name not in answering and not empty:
            how = f"project.deployments.open('…').route('{one.name}@production')"
            summary = f"{bare(one.ref)} is in production, and no deployment answers with it: {how}"
            yield finding("undeployed", one.ref, summary, "not_applicable")


def _first_route(standing: Standing, name: str) -> str:
    """Return the line that begins to answer somewhere: with production where there is any, else with what is newest."""
    ready = [f"{one.name}@production" for one in standing.places if one.pointer == "production"]
    found = next(iter([*ready, *map(bare, standing.newest)]), None)
    return f"project.deployments[{name!r}].route({found!r})" if found else "register a model first"


def _differs(view: View, name: str, places: list[Answering]) -> Iterator[Result]:
    """Say where a deployment answers with another version than the one in production.

    Beside production it is a canary, and good to know; instead of it, one of both is probably behind.
    """
    for model in dict.fromkeys(name_of(one.ref) for one in places):
        number = view.pointers.at("model", model, "production")
        production = f"{model}@{number}"
        answers = [bare(one.ref) for one in places if name_of(one.ref) == model]
        others = [one for one in answers if one != production]
        if number is None or not others:
            continue
        summary = f"{name} answers with {listed(others)}, while production is {production}"
        if production in answers:
            yield finding("differs", f"deployment:{name}", summary, "not_applicable")
        else:
            route = f"project.deployments[{name!r}].route('{model}@production')"
            yield finding("differs", f"deployment:{name}", f"{summary}: {route}", "warn")


def _tried(standing: Standing, place: Answering, fact: Fact) -> Iterator[Result]:
    """Say that a version answers a small part without evidence, unless what was found since meets the scope."""
    judged = standing.judged(place.ref)
    since = [one for one in judged if one.fact is not None and one.fact.stamp.entry > fact.stamp.entry]
    since = [one for one in since if one.says != "older"]
    if judged and all(one.says == "met" for one in since) and len(since) == len(judged):
        return
    against = sorted({_SAYS[one.says] for one in since if one.says != "met"})
    until = trial_end(fact, place.ref) or ""
    over = until <= standing.moment
    if against:
        words = f"whose evaluation since says {listed(against)}: route again to have it judged"
    elif over:
        words = f"which nobody has evaluated, and it could until {until[:10]}: evaluate it, or route without it"
    else:
        words = f"which nobody has evaluated; until {until[:10]}: project.models[{bare(place.ref)!r}].evaluate()"
    summary = f"{place.name} answers {100 * place.share:.3g} % with {bare(place.ref)}, {words}"
    grave = over or _SAYS["fails"] in against
    yield finding("trial", place.subject, summary, "fail" if grave else "warn")


_SAYS = {
    "fails": "fail",
    "former": "what a former scope asked",
    "seen": "nothing, on rows it was trained on",
    "undecided": "nothing certain",
}


def _checked(view: View, name: str, current: int | None) -> Iterator[Result]:
    """Say what the last check found, until one passes: a new route mends nothing before a check has seen it.

    A check that could not tell, for want of traffic, passes nothing; a milder one takes no failure back.
    """
    alarm = None
    for one in view.facts.of("evaluation", f"deployment:{name}", newest_first=True):
        if one.says.get("revision") is None or one["verdict"] not in _HEARD:
            continue
        if one["verdict"] == "pass":
            break
        alarm = one if one["verdict"] == "fail" else alarm or one
        if one["verdict"] == "fail":
            break
    if alarm is None:
        return
    things = f"{alarm['findings']} thing{'' if alarm['findings'] == 1 else 's'}"
    seen = "" if alarm["revision"] == current else f" at revision {alarm['revision']} (revision {current} answers now)"
    # by itself a check reads all since the revision answers, so also what this one failed for
    since = f"since={alarm['until'] or alarm.stamp.at!r}" if alarm["revision"] == current else ""
    summary = (
        f"the check of {name} on {alarm.stamp.at[:16]} found {things}{seen}, and none has passed since: "
        f"project.deployments[{name!r}].check({since})"
    )
    yield finding("monitoring", f"deployment:{name}", summary, alarm["verdict"])


_HEARD = ("pass", "warn", "fail", "error")
"""What a check says that could tell."""
