"""Which models answer though they fail or nobody judged them, by an override, or from old data; and what is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._ids import bare
from mlcycle.state.status._answering import DECIDES, went_back
from mlcycle.state.status._finding import finding, listed
from mlcycle.state.status._judgement import failures, newest_judgement, still_asked
from mlcycle.state.status._outgrown import outgrown
from mlcycle.state.status._overrides import override_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlcycle.records import Result
    from mlcycle.state.status._answering import Answering
    from mlcycle.state.status._judgement import Judgement
    from mlcycle.state.status._look import Look

__all__ = ["model_findings"]


def model_findings(look: Look) -> Iterator[Result]:
    """Say what of the models that answer does not hold, and what of the newest is due."""
    names = look.view.names.of("model")
    if not names:
        yield finding("missing", "project:project", "no model yet: run.register(name)", "warn", "model")
    yield from override_findings(look, "model")
    by_ref = look.by_ref()
    told: set[str] = {place.ref for place in look.places if look.override(place) or look.trial(place)}
    for ref, places in by_ref.items():
        failing = [*_failing(look, ref, [one for one in places if one.live and not look.trial(one)])]
        told |= {ref} if failing else set()
        yield from failing
    newest = [f"model:{name}@{number}" for name in names if (number := look.view.versions.latest("model", name))]
    live = [place.ref for place in look.places if place.live]
    due = [ref for ref in dict.fromkeys([*live, *newest]) if ref not in told and not newest_judgement(look.view, ref)]
    for ref in due:
        summary = f"{_who(ref, by_ref.get(ref, ()))} was never evaluated: {_evaluate(ref)}"
        yield finding("due", ref, summary, "warn", "model")
    for ref, places in by_ref.items():
        yield from _stale(look, ref, places)
    yield from _blocked(look, [one for one in newest if one not in due])


def _who(ref: str, places: Sequence[Answering]) -> str:
    return f"{bare(ref)} ({listed([one.shown for one in places])})" if places else bare(ref)


def _evaluate(ref: str, on: str = "") -> str:
    return f"project.models[{bare(ref)!r}].evaluate({repr(on) if on else ''})"


def _failing(look: Look, ref: str, places: Sequence[Answering]) -> Iterator[Result]:
    """Say what is known against a version that people are answered by.

    What an override was given for is told by that; what an evaluation found afterwards is news.
    """
    overridden = max((fact.stamp.entry for one in places if (fact := look.override(one))), default=-1)
    against = [one for one in look.judged(ref) if one.says != "met"] if places else []
    if overridden >= 0:
        known = any(one.stamp.entry < overridden for one in failures(look.view, ref))
        against = [one for one in against if one.says == "fails" and _since(one, overridden) and not known]
    elif not any(one.says == "fails" for one in against):
        back = [*_gone_back(look, ref, places)][:1]
        yield from back
        # what somebody knows to fail need not be looked at again before anybody knows it
        against = [one for one in against if one.says in ("never", "seen") or not back]
    for one in against:
        check, verdict, told = _AGAINST[one.says]
        yield finding(check, ref, f"{_who(ref, places)} {told(ref, places[0], one)}", verdict, "model")


def _since(one: Judgement, entry: int) -> bool:
    return one.fact is not None and one.fact.stamp.entry > entry


def _gone_back(look: Look, ref: str, places: Sequence[Answering]) -> Iterator[Result]:
    """Say that somebody went back to what failed: of what was measured a gate knows more than the log tells."""
    for place in places:
        fact = went_back(look.view, place)
        if fact is None or not still_asked(look.view, look.asked_of(ref), fact):
            continue
        if not any(_since(one, fact.stamp.entry) for one in look.judged(ref)):
            summary = (
                f"{place.shown} went back on {fact.stamp.at[:10]} to {bare(ref)}, which fails the scope: "
                f"{_evaluate(ref)}, or promote another one"
            )
            yield finding("failing", ref, summary, "fail", "model")


def _named(one: Judgement) -> str:
    fact = one.fact
    return "no evaluation" if fact is None else f"its evaluation on {bare(fact['data'])} of {fact.stamp.at[:10]}"


def _fails(ref: str, place: Answering, one: Judgement) -> str:
    other = "promote" if place.of == "model" else "route to"
    return f"fails the scope by {_named(one)}: {other} one that passes, or {place.back}"


def _undecided(ref: str, place: Answering, one: Judgement) -> str:
    return f"is not shown to meet the scope by {_named(one)}: project.models[{bare(ref)!r}].evaluations()[-1]"


def _former(ref: str, place: Answering, one: Judgement) -> str:
    return f"was judged on {one.data} by what a former scope asked, and not by today's: {_evaluate(ref, one.data)}"


def _older(ref: str, place: Answering, one: Judgement) -> str:
    judged = "" if one.fact is None else bare(one.fact["data"])
    return f"was judged on {judged}, and the scope judges on {one.data}: {_evaluate(ref, one.data)}"


def _seen(ref: str, place: Answering, one: Judgement) -> str:
    return f"was judged on rows of {one.data} that it was trained on, which shows nothing: judge it on others"


def _never(ref: str, place: Answering, one: Judgement) -> str:
    return f"was never evaluated on {one.data}, on which the scope judges: {_evaluate(ref, one.data)}"


_AGAINST = {
    "fails": ("failing", "fail", _fails),
    "never": ("unevaluated", "fail", _never),
    "seen": ("unevaluated", "fail", _seen),
    "undecided": ("undecided", "warn", _undecided),
    "former": ("unevaluated", "warn", _former),
    "older": ("unevaluated", "warn", _older),
}
"""What a judgement is to people, how grave, and in which words."""


def _stale(look: Look, ref: str, places: Sequence[Answering]) -> Iterator[Result]:
    """Say where the data of a version that answers has gone on; each data once, however many parts were used."""
    name, _, number = bare(ref).rpartition("@")
    known = look.view.names.known("model", name)
    used = [one for one in known.origins.get(int(number), ()) if one.startswith("dataset:")]
    if not used:  # nothing was declared: what its run read is what is known
        used = look.view.versions.get("model", name, int(number)).says.get("reads") or []
    found = [one for origin in used if (one := outgrown(look.view, origin)) is not None]
    if not found:
        return
    parts = {one.newest: "" if one.used == one.parent else f" (of {one.parent})" for one in found}
    trained = listed([f"{one.used}{parts[one.newest]}" for one in found])
    there = listed([*dict.fromkeys(one.newest for one in found)])
    split = " split again and" if any(parts.values()) else ""
    are = "is" if len({one.newest for one in found}) == 1 else "are"
    summary = f"{_who(ref, places)} was trained on {trained}, and {there} {are} there now:{split} train anew"
    yield finding("stale", ref, summary, "warn", "model")


def _blocked(look: Look, newest: Sequence[str]) -> Iterator[Result]:
    """Say which of the newest versions a gate blocked last, in the order of the decisions."""
    decided = {ref: look.view.facts.entries("decision", ref) for ref in newest}
    for ref in sorted((one for one in newest if decided[one]), key=lambda one: decided[one][0]):
        facts = look.view.facts.of("decision", ref, newest_first=True)
        fact = next((one for one in facts if one["action"] in DECIDES), None)
        if fact is not None and not fact["allowed"]:
            told = f"project.models[{bare(ref)!r}].decisions()[-1]"
            summary = f"the gate blocked {fact['action']} of {bare(ref)} on {fact.stamp.at[:10]}: {told}"
            yield finding("blocked", ref, summary, "warn", "model")
