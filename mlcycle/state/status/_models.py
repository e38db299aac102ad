"""Which models answer though they fail or nobody judged them, by an override, or from old data; and what is due."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mlcycle._ids import bare
from mlcycle.errors import NotFound
from mlcycle.state._asked import DECIDES
from mlcycle.state._judged_on import judged_on, root_key
from mlcycle.state.status._answering import way_back, went_back
from mlcycle.state.status._finding import finding, listed, name_of
from mlcycle.state.status._judgement import failures, newest_judgement, still_asked
from mlcycle.state.status._outgrown import outgrown, split_again, trained_on
from mlcycle.state.status._overrides import override_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlcycle.records import Result
    from mlcycle.state.status._answering import Answering
    from mlcycle.state.status._judgement import Judgement
    from mlcycle.state.status._outgrown import Outgrown
    from mlcycle.state.status._standing import Standing

__all__ = ["model_findings"]


def model_findings(standing: Standing) -> Iterator[Result]:
    """Say what of the models that answer does not hold, and what of the newest is due."""
    if not standing.view.names.of("model"):
        yield finding("missing", "project:project", "no model yet: run.register(name)", "warn")
    yield from override_findings(standing, "model")
    by_ref = standing.by_ref()
    told = {place.ref for place in standing.places if standing.override(place) or standing.trial(place)}
    for ref, places in by_ref.items():
        failing = [*_failing(standing, ref, [one for one in places if one.live and not standing.trial(one)])]
        told |= {ref} if failing else set()
        yield from failing
    due = [*_due(standing, by_ref, told)]
    yield from due
    for ref, places in by_ref.items():
        yield from _stale(standing, ref, places)
    quiet = {one.subject for one in due}
    yield from _blocked(standing, [one for one in standing.newest if one not in quiet])


def _who(ref: str, places: Sequence[Answering]) -> str:
    return f"{bare(ref)} ({listed([one.shown for one in places])})" if places else bare(ref)


def _evaluate(ref: str, on: str = "") -> str:
    return f"project.models[{bare(ref)!r}].evaluate({repr(on) if on else ''})"


def _due(standing: Standing, by_ref: dict[str, list[Answering]], told: set[str]) -> Iterator[Result]:
    """Say which of the newest versions, and of those that answer, nobody has judged as the scope judges."""
    live = [place.ref for place in standing.places if place.live]
    for ref in dict.fromkeys([*live, *standing.newest]):
        if ref in told:
            continue
        who = _who(ref, by_ref.get(ref, ()))
        missing = [one for one in standing.judged(ref) if one.says in ("never", "older")]
        if newest_judgement(standing.view, ref) is None:
            summary = f"{who} was never evaluated: {_evaluate(ref, '' if standing.test else '…')}"
            yield finding("due", ref, summary, "warn")
        elif missing:
            data = missing[0].data  # one line a version: what is left says so after this one
            summary = f"{who} was never evaluated on {data}, on which the scope judges: {_evaluate(ref, data)}"
            yield finding("due", ref, summary, "warn")


def _failing(standing: Standing, ref: str, places: Sequence[Answering]) -> Iterator[Result]:
    """Say what is known against a version that people are answered by.

    What an override was given for is told by that; what an evaluation found afterwards is news.
    """
    overridden = max((fact.stamp.entry for one in places if (fact := standing.override(one))), default=-1)
    against = [one for one in standing.judged(ref) if one.says != "met"] if places else []
    if overridden >= 0:
        known = any(one.stamp.entry < overridden for one in failures(standing.view, ref))
        against = [one for one in against if one.says == "fails" and _since(one, overridden) and not known]
    elif not any(one.says == "fails" for one in against):
        back = [*_gone_back(standing, ref, places)][:1]
        yield from back
        # what somebody knows to fail need not be looked at again before anybody knows it
        against = [one for one in against if one.says in ("never", "seen") or not back]
    for one in against:
        check, verdict, told = _AGAINST[one.says]
        words = told.format(**_filled(standing, ref, places[0], one))
        yield finding(check, ref, f"{_who(ref, places)} {words}", verdict)


def _since(one: Judgement, entry: int) -> bool:
    return one.fact is not None and one.fact.stamp.entry > entry


def _gone_back(standing: Standing, ref: str, places: Sequence[Answering]) -> Iterator[Result]:
    """Say that somebody went back to what failed: of what was measured a gate knows more than the log tells."""
    for place in places:
        fact = went_back(standing.view, place)
        if fact is None or not still_asked(standing.view, standing.asked_of(ref), fact):
            continue
        if not any(_since(one, fact.stamp.entry) for one in standing.judged(ref)):
            summary = (
                f"{place.shown} went back on {fact.stamp.at[:10]} to {bare(ref)}, which fails the scope: "
                f"{_evaluate(ref)}, or promote another one"
            )
            yield finding("failing", ref, summary, "fail")


_AGAINST = {
    "fails": ("failing", "fail", "fails the scope by {evaluation}: {mend}"),
    "never": ("unevaluated", "fail", "was never evaluated on {data}, on which the scope judges: {evaluate}"),
    "seen": (
        "unevaluated",
        "fail",
        "was judged on rows of {data} that it was trained on, which shows nothing: judge it on others",
    ),
    "undecided": ("undecided", "warn", "is not shown to meet the scope by {evaluation}: {look}"),
    "former": (
        "unevaluated",
        "warn",
        "was judged on {data} by what a former scope asked, and not by today's: {evaluate}{again}",
    ),
    "older": ("unevaluated", "warn", "was judged on {judged}, and the scope judges on {data}: {evaluate}{again}"),
}
"""What a judgement is to people, how grave, and in which words."""


def _filled(standing: Standing, ref: str, place: Answering, one: Judgement) -> dict[str, str]:
    """Return what the words of a judgement are filled with."""
    judged, at = ("", "") if one.fact is None else (bare(one.fact["data"]), one.fact.stamp.at[:10])
    other = f"{'promote' if place.of == 'model' else 'route to'} one that passes"
    return {
        "data": one.data,
        "judged": judged,
        "evaluation": f"its evaluation on {judged} of {at}",
        "mend": ", or ".join(filter(None, [other, way_back(standing.view, place)])),
        "evaluate": _evaluate(ref, one.data),
        "look": f"project.models[{bare(ref)!r}].evaluations()[-1]",
        # an evaluation measures what an alias asks by rules of its own, and only the gate weighs it
        "again": f", then {place.again}" if standing.by_own_rules(ref) else "",
    }


def _stale(standing: Standing, ref: str, places: Sequence[Answering]) -> Iterator[Result]:
    """Say where the data of a version that answers has gone on; each data once, however many parts were used."""
    found = [one for origin in trained_on(standing.view, ref) if (one := outgrown(standing.view, origin)) is not None]
    if not found:
        return
    parts = {one.newest: "" if one.used == one.parent else f" (of {one.parent})" for one in found}
    trained = listed([f"{one.used}{parts[one.newest]}" for one in found])
    there = listed([*dict.fromkeys(one.newest for one in found)])
    to_split = any(told and not split_again(standing.view, newest) for newest, told in parts.items())
    are = "is" if len({one.newest for one in found}) == 1 else "are"
    how = f"{'split again and ' if to_split else ''}train anew{_without_tested(standing, found)}"
    yield finding(
        "stale", ref, f"{_who(ref, places)} was trained on {trained}, and {there} {are} there now: {how}", "warn"
    )


def _without_tested(standing: Standing, found: Sequence[Outgrown]) -> str:
    """Say which rows a new version must not see: of a test that stays where it is while the data goes on."""
    tests: list[str] = []
    for on in standing.judged_on:
        with contextlib.suppress(NotFound):  # which is told of the scope
            data = judged_on(standing.view, on)
            alike = any(root_key(one.newest.partition("@")[0]) == root_key(data.name) for one in found)
            if alike and outgrown(standing.view, data.ref) is not None:
                tests.append(data.shown)
    if not tests:
        return ""
    moved = "project.scope.set(test='…', permanent=True, message='…')"
    return f" without the rows of {listed(tests)}, on which the scope judges, or move the test first: {moved}"


def _blocked(standing: Standing, newest: Sequence[str]) -> Iterator[Result]:
    """Say which of the newest versions a gate blocked last, in the order of the decisions: all in one line.

    Where another version answers, the gate did what it is there for; where none does, somebody waits for one.
    """
    decided = {ref: standing.view.facts.entries("decision", ref) for ref in newest}
    blocked = []
    for ref in sorted((one for one in newest if decided[one]), key=lambda one: decided[one][0]):
        facts = standing.view.facts.of("decision", ref, newest_first=True)
        fact = next((one for one in facts if one["action"] in DECIDES), None)
        if fact is not None and not fact["allowed"]:
            blocked.append(ref)
    if blocked:
        answering = {name_of(one.ref) for one in standing.places if one.live}
        waiting = [one for one in blocked if name_of(one) not in answering]
        first = [*waiting, *blocked][0]
        why = f"project.models[{bare(first)!r}].decisions()[-1] says why"
        summary = f"the gate blocked {listed([*map(bare, blocked)])}: {why}"
        yield finding("blocked", first, summary, "warn" if waiting else "not_applicable")
