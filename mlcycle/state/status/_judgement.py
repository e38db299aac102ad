"""What the newest evaluations of a version say of what the scope asks today, as far as the log tells without data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import attrs
from attrs import evolve, frozen

from mlcycle import records
from mlcycle._ids import bare, parse_ref
from mlcycle.errors import NotFound
from mlcycle.state._judged_on import judged_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlcycle.records import Criterion, Scope
    from mlcycle.state._version import Fact, Version
    from mlcycle.state._view import View

__all__ = ["Judgement", "asked_of_models", "failures", "judgements_of", "newest_judgement", "still_asked"]

_MET = ("pass", "warn", "not_applicable")  # what no gate stops at


@frozen
class Judgement:
    """What is known of a version on some data that the scope names.

    Attributes
    ----------
    on : str
        The data, as the scope names it.
    data : str
        The version of it that this means today.
    says : str
        ``"met"`` or ``"fails"``; ``"undecided"`` where the evaluation gave no answer, ``"former"`` where it was asked
        less than today, ``"older"`` where it was on another version of the data, ``"seen"`` where it shares rows with
        what the version was trained on, ``"never"`` where there is none.
    fact : Fact or None
        The evaluation.
    """

    on: str
    data: str
    says: str
    fact: Fact | None = None


def asked_of_models(version: Version, at: str, alias: str | None = None) -> dict[str, list[Criterion]]:
    """Return the criteria of a scope that block models at a moment, by the data (as a ref) they are judged on.

    An alias may have rules of its own.

    Each names the data without its version, so that those of two scopes can be compared; what names no data at all is
    left out.
    """
    scope: Scope = records.from_json(version["scope"])
    found: dict[str, list[Criterion]] = {}
    for one in scope.criteria_at(at, alias):
        on = one.on or scope.test_at(at)
        if one.judges == "model" and one.blocking and on is not None:
            found.setdefault(on, []).append(_about(one, parse_ref(on).name))
    return found


def _about(criterion: Criterion, name: str) -> Criterion:
    kind: Any = type(criterion)
    takes = attrs.has(kind) and any(one.name == "on" for one in attrs.fields(kind))
    return evolve(cast("Any", criterion), on=name) if takes else criterion


def judgements_of(view: View, today: dict[str, list[Criterion]], ref: str) -> Iterator[Judgement]:
    """Yield what is known of a model version, for each data the scope judges on today and that is there."""
    for on, criteria in today.items():
        try:
            version = judged_on(view, on)
        except NotFound:  # which is told of the scope
            continue
        data = version.shown
        fact = newest_judgement(view, ref, version.ref) or newest_judgement(view, ref, f"dataset:{version.name}@")
        if fact is None:
            yield Judgement(on, data, "never")
            continue
        says = _says(view, fact, criteria)
        yield Judgement(on, data, "older" if says == "met" and bare(fact["data"]) != data else says, fact)


def newest_judgement(view: View, ref: str, data: str = "dataset:") -> Fact | None:
    """Return the newest evaluation of a version on data whose full ref begins so.

    Facts of other things may be found by a version too, and what was found of it without any data judges no answers.
    """
    whole = None if data.endswith((":", "@")) else data
    found = view.facts.of("evaluation", ref, whole, newest_first=True)
    return next((one for one in found if one.subject == ref and (one.says.get("data") or "").startswith(data)), None)


def failures(view: View, ref: str) -> Iterator[Fact]:
    """Yield the evaluations of a version on data that failed what was asked of it then, newest first."""
    for one in view.facts.of("evaluation", ref, newest_first=True):
        if one.subject == ref and one.says.get("data") and _verdict(one) == "fail":
            yield one


def _verdict(fact: Fact) -> str:
    """Return what an evaluation found by the criteria: checks given by hand were asked too, and are none."""
    found: str = fact.says.get("criteria") or fact["verdict"]
    return found


def _says(view: View, fact: Fact, today: Sequence[Criterion]) -> str:
    """Say what an evaluation comes to by the criteria of today.

    What passed passes still if at least as much was asked then; what failed fails still if at least as much is asked
    now. Anything else takes another look, which a gate takes at what was measured.
    """
    if fact.says.get("overlap"):
        return "seen"
    former = _asked_then(view, fact, parse_ref(bare(fact["data"])).name)
    verdict = _verdict(fact)
    if verdict == "fail":
        return "fails" if former and _all_covered(former, by=today) else "former"
    if not _all_covered(today, by=former):
        return "former"
    return "met" if verdict in _MET else "undecided"


def _asked_then(view: View, fact: Fact, name: str) -> list[Criterion]:
    """Return what was asked on some data when a fact was found; nothing where there was no scope."""
    if fact.says.get("scope") is None:
        return []
    then = asked_of_models(view.versions.get("scope", "scope", fact["scope"]), fact.stamp.at)
    return [one for on, criteria in then.items() if parse_ref(on).name == name for one in criteria]


def still_asked(view: View, today: dict[str, list[Criterion]], fact: Fact) -> bool:
    """Say whether all that was asked when a decision was taken is asked today."""
    if fact.says.get("scope") is None:
        return False
    then = asked_of_models(view.versions.get("scope", "scope", fact["scope"]), fact.stamp.at)
    now = [one for criteria in today.values() for one in criteria]
    return _all_covered([one for criteria in then.values() for one in criteria], by=now)


def _all_covered(asked: Sequence[Criterion], *, by: Sequence[Criterion]) -> bool:
    return all(any(_covers(one, other) for one in by) for other in asked)


def _covers(one: Any, other: Any) -> bool:
    """Say whether a criterion asks at least as much as another; one of a user's that breaks covers nothing."""
    try:
        return bool(one.covers(other))
    except Exception:  # noqa: BLE001 - what somebody else wrote may raise anything; then it is to be judged again
        return False
