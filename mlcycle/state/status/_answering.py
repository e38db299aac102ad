"""Where a model version answers, and what decision it stands on there: of the gate, or of an override."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from attrs import frozen

from mlcycle._ids import bare, parse_ref
from mlcycle.errors import NotFound
from mlcycle.state._asked import DECIDES
from mlcycle.state._plans import roll_back
from mlcycle.state._rollbacks import pointer_moves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.state._version import Fact
    from mlcycle.state._view import View

__all__ = ["Answering", "answering", "deciding", "passed_plainly", "trial_end", "way_back", "went_back"]


@frozen
class Answering:
    """A version where it answers: under an alias, or with a share of the traffic of a deployment.

    Attributes
    ----------
    of, name, pointer : str
        What points at it: ``"model"``, its name and the alias, or ``"deployment"``, its name and ``"current"``.
    ref : str
        The version, as a full ref.
    share : float
        Of the traffic; 1 for an alias.
    """

    of: str
    name: str
    pointer: str
    ref: str
    share: float = 1.0

    @property
    def subject(self) -> str:
        """What a finding about it is about: the version that an alias names, or the deployment."""
        return self.ref if self.of == "model" else f"deployment:{self.name}"

    @property
    def shown(self) -> str:
        """The place in a word: the alias, or the deployment."""
        return self.pointer if self.of == "model" else self.name

    @property
    def live(self) -> bool:
        """Whether people are answered by it: in production, or from a deployment."""
        return self.of == "deployment" or self.pointer == "production"

    @property
    def again(self) -> str:
        """The line that has it judged again where it answers."""
        if self.of == "model":
            return f"project.models[{bare(self.ref)!r}].promote({self.pointer!r})"
        return f"project.deployments[{self.name!r}].route(…)"


def answering(view: View) -> Iterator[Answering]:
    """Yield every version that answers, under each alias and at each deployment."""
    for name in view.names.of("model"):
        for alias in view.pointers.names("model", name):
            number = view.pointers.at("model", name, alias)
            if number is not None:
                yield Answering("model", name, alias, f"model:{name}@{number}")
    for name in view.names.of("deployment"):
        number = view.pointers.at("deployment", name, "current")
        if number is not None:
            weights = view.versions.get("deployment", name, number)["weights"]
            for ref, weight in weights.items():
                yield Answering("deployment", name, "current", ref, weight / sum(weights.values()))


def way_back(view: View, place: Answering) -> str:
    """Return the line that takes a version away from where it answers, "" where only another route does."""
    with contextlib.suppress(NotFound):
        roll_back(view, place.of, place.name, place.pointer, "nothing to go back to")
        if place.of == "model":
            return f"project.models.rollback({place.name!r}, {place.pointer!r})"
        return f"project.deployments[{place.name!r}].rollback()"
    return f"project.models[{bare(place.ref)!r}].demote({place.pointer!r})" if place.of == "model" else ""


def deciding(view: View, place: Answering) -> Fact | None:
    """Return the decision that lets a version answer somewhere; None where nobody was ever asked.

    It is that of the move that put it there or, where going back did, the one it was first let in by. One taken later
    counts if it let the version pass without help: an override for another place lets nothing stand here, and a refusal
    ends nothing by itself.
    """
    placed = _placed(view, place)
    facts = [one for one in view.facts.of("decision", place.ref, newest_first=True) if one["allowed"]]
    later = (
        one for one in facts if one.stamp.entry > placed and one["action"] in DECIDES and passed_plainly(one, place.ref)
    )
    forced = (one for one in [*facts, *_of_the_project(view, placed)] if one.stamp.entry == placed and one["override"])
    let_in = (
        one for one in facts if one.stamp.entry <= placed and one["action"] in DECIDES and _let_in(view, place, one)
    )
    return next((one for found in (later, forced, let_in) for one in found), None)


def _placed(view: View, place: Answering) -> int:
    """Return the entry that put a version where it answers."""
    return next(pointer_moves(view, place.of, place.name, place.pointer, newest_first=True)).stamp.entry


def passed_plainly(fact: Fact, ref: str) -> bool:
    """Say whether a decision let a version pass by what was found of it."""
    return fact["override"] is None and trial_end(fact, ref) is None


def _let_in(view: View, place: Answering, fact: Fact) -> bool:
    """Say whether an earlier decision let a version in at this place."""
    if place.of == "deployment":  # a promotion counts there too; a share that was only granted elsewhere does not
        granted = trial_end(fact, place.ref) is not None or (fact["action"] == "route" and fact["override"] is not None)
        return fact.subject == place.subject or not granted
    moves, number = view.names.known("model", place.name).moves[place.pointer], parse_ref(place.ref).version
    return any(entry == fact.stamp.entry and to == number for entry, to, _ in moves)


def _of_the_project(view: View, placed: int) -> list[Fact]:
    """Return the decision on a rollback of the whole project that is about no version but all, if that is the move."""
    if placed not in view.facts.entries("decision", "project:project"):
        return []
    found = view.facts.of("decision", "project:project")
    return [one for one in found if one.stamp.entry == placed and one["allowed"] and not one.about]


def trial_end(fact: Fact, ref: str) -> str | None:
    """Return until when a decision lets a version answer a small part without evidence; None where it does not."""
    end: str | None = (fact.says.get("trial") or {}).get(ref)
    return end


def went_back(view: View, place: Answering) -> Fact | None:
    """Return the decision by which somebody went back to a version though it fails, if it stands there since."""
    for fact in view.facts.of("decision", place.ref, newest_first=True):
        if fact.stamp.entry == _placed(view, place) and fact["action"] == "rollback":
            failed = {one.partition(":")[2] for one in fact["evaluations"]}  # of any version that answers there
            if any(one.id in failed for one in view.facts.of("evaluation", place.ref) if one.subject == place.ref):
                return fact
    return None
