"""What the newest evaluations of a version say of what the scope asks today, as far as the log tells without data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from mlcycle._ids import bare, parse_ref
from mlcycle.errors import NotFound
from mlcycle.state._asked import DECIDES, all_covered, asked_of_models, asked_then, covers_today, naming
from mlcycle.state._judged_on import judged_on
from mlcycle.state.status._answering import passed_plainly

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlcycle.records import Criterion
    from mlcycle.state._version import Fact
    from mlcycle.state._view import View

    Asked = dict[str, list[Criterion]]

__all__ = ["Judgement", "failures", "judgements_of", "newest_judgement", "still_asked"]

_MET = ("pass", "warn", "not_applicable")  # what no gate stops at


@frozen
class Judgement:
    """What is known of a version on some data that the scope names.

    Attributes
    ----------
    data : str
        The version of the data that is judged on today.
    says : str
        ``"met"`` or ``"fails"``; ``"undecided"`` where the evaluation gave no answer, ``"former"`` where it was asked
        less than today, ``"older"`` where it was on another version of the data, ``"seen"`` where it shares rows with
        what the version was trained on, ``"never"`` where there is none.
    fact : Fact or None
        The evaluation, or the decision of a gate, that says so.
    """

    data: str
    says: str
    fact: Fact | None = None


def judgements_of(view: View, today: Asked, ref: str) -> Iterator[Judgement]:
    """Yield what is known of a model version, for each data the scope judges on today and that is there."""
    for on, criteria in today.items():
        try:
            version = judged_on(view, on)
        except NotFound:  # which is told of the scope
            continue
        found = _evaluated(view, ref, version.shown, version.name, criteria)
        decided = _decided(view, ref, {on: criteria})
        if decided is not None and not _newer(found, decided):
            found = Judgement(version.shown, "met", decided)
        yield found


def _evaluated(view: View, ref: str, data: str, name: str, criteria: Sequence[Criterion]) -> Judgement:
    """Return what the newest evaluation of a version on some data comes to, else that on another version of it."""
    fact = newest_judgement(view, ref, f"dataset:{data}") or newest_judgement(view, ref, f"dataset:{name}@")
    if fact is None:
        return Judgement(data, "never")
    says = _says(view, fact, [naming(one, name) for one in criteria])
    return Judgement(data, "older" if says == "met" and bare(fact["data"]) != data else says, fact)


def _decided(view: View, ref: str, today: Asked) -> Fact | None:
    """Return the decision of a gate that let a version pass by at least what is asked today; None where it is over.

    A gate weighs what was measured by the criteria of its day, of which an evaluation tells only what they were before.
    What a gate refused later ends what it allowed; what somebody forced says nothing of it.
    """
    for fact in view.facts.of("decision", ref, newest_first=True):
        if fact["action"] not in DECIDES or (fact["allowed"] and not passed_plainly(fact, ref)):
            continue
        if not fact["allowed"]:
            return None
        if covers_today(view, fact, today):
            return fact
    return None


def _newer(found: Judgement, decided: Fact) -> bool:
    """Say whether an evaluation after a decision speaks against it."""
    after = found.fact is not None and found.fact.stamp.entry > decided.stamp.entry
    return after and found.says in ("fails", "seen", "undecided")


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
        return "fails" if former and all_covered(former, by=today) else "former"
    if not all_covered(today, by=former):
        return "former"
    return "met" if verdict in _MET else "undecided"


def _asked_then(view: View, fact: Fact, name: str) -> list[Criterion]:
    """Return what an evaluation on some data was judged by; nothing where there was no scope.

    The rules of an alias are measured by it, and weigh nothing in its verdict.
    """
    if fact.says.get("scope") is None:
        return []
    then = asked_of_models(view.versions.get("scope", "scope", fact["scope"]), fact.stamp.at)
    return _blocking({on: found for on, found in then.items() if on is not None and parse_ref(on).name == name})


def _blocking(asked: Mapping[str, list[Criterion]] | Mapping[str | None, list[Criterion]]) -> list[Criterion]:
    """Return the criteria that block, each naming its data without the version, so that two scopes can be compared."""
    named = [(on, one) for on, criteria in asked.items() if on is not None for one in criteria if one.blocking]
    return [naming(one, parse_ref(on).name) for on, one in named]


def still_asked(view: View, today: Asked, fact: Fact) -> bool:
    """Say whether all that was asked when a decision was taken is asked today."""
    if fact.says.get("scope") is None:
        return False
    return all_covered(_blocking(asked_then(view, fact)), by=_blocking(today))
