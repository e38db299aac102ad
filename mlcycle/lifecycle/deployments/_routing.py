"""Saying which versions answer at a place, and going back: the gate and hooks decide, and the route moves with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from mlcycle import records, serving
from mlcycle._ids import bare
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle._gate_request import Evidence, GateRequest
from mlcycle.lifecycle.deployments._record import revision_record
from mlcycle.lifecycle.deployments._trial import on_trial, trials_over
from mlcycle.lifecycle.evaluation import add_loading, allowed_already, gather_evidence, rollback_evidence, warn_of
from mlcycle.state import Change, PointerMove, VersionAdd, View, check_unmoved, resolve, roll_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlcycle._typing import Moment
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs

__all__ = ["rollback_route", "route"]


@frozen
class _Route:
    """A route that is asked for, with what it would be set from.

    Attributes
    ----------
    place : str
        Name of the deployment.
    weights : dict of str to int
        By full refs.
    shadow : str or None
    before : int or None
        Number of the revision that answers.
    """

    place: str
    weights: dict[str, int]
    shadow: str | None
    before: int | None

    @property
    def uses(self) -> list[str]:
        """Every version it takes."""
        return list(dict.fromkeys([*self.weights, *([self.shadow] if self.shadow else [])]))

    def changes(self, view: View) -> list[Change]:
        """Return what sets it, if nobody set another meanwhile, and every version of it stands."""
        number = view.versions.next_number("deployment", self.place)
        move = PointerMove(
            of="deployment", name=self.place, pointer="current", before=self.before, after=number, how="route"
        )
        check_unmoved(view, move, f"the route of {self.place}", "revision {}", "look at that one and route again")
        for ref in self.uses:
            resolve(view, ref, "model")
        said = {"weights": self.weights, "shadow": self.shadow}
        return [VersionAdd(of="deployment", name=self.place, number=number, uses=self.uses, says=said), move]


def route(
    session: Session,
    name: str,
    weights: Mapping[str | records.ModelVersion, int] | str | records.ModelVersion,
    shadow: str | records.ModelVersion | None,
    *,
    message: str,
    override_until: Moment | None,
    op: str | None,
) -> records.Revision:
    """Route as `Deployment.route` documents."""
    if not isinstance(weights, (Mapping, str, records.ModelVersion)):
        raise InvalidInput(
            "a route is one version, or versions with their weights such as {'churn@1': 100}, "
            f"got {type(weights).__name__}: {weights!r:.60}"
        )
    given: dict[Any, int] = dict(weights) if isinstance(weights, Mapping) else {weights: 1}

    def work(do: Operation) -> records.Revision:
        wanted = _resolved(do.view, name, given, shadow)
        do.judge(lambda: _asked(session.blobs, do.view, wanted, do.override))
        return revision_record(do.commit(wanted.changes).versions("deployment")[0])

    return session.operate("deployment.route", work, message=message, op=op, override_until=override_until)


def _resolved(view: View, name: str, given: Mapping[Any, int], shadow: str | records.ModelVersion | None) -> _Route:
    """Return a route with what its names stand for now."""
    weights = {resolve(view, ref, "model").ref: weight for ref, weight in given.items()}
    shadowing = None if shadow is None else resolve(view, shadow, "model").ref
    place = view.names.known("deployment", name).name
    if len(weights) != len(given):
        raise InvalidInput(f"two of {', '.join(map(str, given))} are the same version; give it once")
    serving.check_weights({bare(ref): weight for ref, weight in weights.items()})
    return _Route(place, weights, shadowing, view.pointers.at("deployment", place, "current"))


def _asked(blobs: Blobs, view: View, wanted: _Route, override: records.Override | None) -> GateRequest:
    """Return what is judged of a route: the versions that answer, and that nothing allowed to answer before.

    A shadow is heard by nobody, so nobody is asked about it.
    """
    answering = [resolve(view, ref, "model") for ref in wanted.weights]
    place, total = f"deployment:{wanted.place}", sum(wanted.weights.values())
    asked = [one for one in answering if not allowed_already(view, one, place, wanted.weights[one.ref] / total)]
    gathered = gather_evidence(blobs, view, *asked) if asked else Evidence()

    def with_trial(evidence: Evidence) -> Evidence:
        return on_trial(view, place, wanted.weights, evidence, override)

    evidence = with_trial(gathered)
    if asked and not evidence.blocks(override):
        # a part without evidence is for what nobody has measured, and not for what does not load
        evidence = with_trial(add_loading(gathered, blobs, view, *asked))
    return _request("route", wanted, evidence, [one.ref for one in asked], lambda view: wanted.weights)


def rollback_route(
    session: Session, name: str, *, message: str, override_until: Moment | None, op: str | None
) -> records.Revision:
    """Roll a route back as `Deployment.rollback` documents."""
    looked: PointerMove | None = None  # unset where `op` was committed before: then where it stands now says nothing

    def back(view: View) -> PointerMove:
        if looked is not None:
            remedy = "look at that one, then roll back again"
            check_unmoved(view, looked, f"the route of {looked.name}", "revision {}", remedy)
        return roll_back(view, "deployment", name, "current", f"{name} has no earlier revision to go back to")

    def request(view: View) -> GateRequest:
        nonlocal looked
        move = back(view)
        looked = looked or move  # the first look: what it goes back from is what answered when the caller asked
        revision = view.versions.get("deployment", move.name, move.after or 0)
        wanted = _Route(move.name, revision["weights"], revision["shadow"], move.before)
        evidence = rollback_evidence(session.blobs, view, [(ref, None) for ref in wanted.weights])
        over = [*trials_over(view, f"deployment:{wanted.place}", wanted.weights)]
        evidence = evolve(evidence, results=(*evidence.results, *over))
        return _request("rollback", wanted, evidence, [*wanted.weights], lambda now: back(now).after)

    def work(do: Operation) -> records.Revision:
        decision = do.judge(lambda: request(do.view))
        done = do.commit(lambda view: [back(view)])
        warn_of(decision, name)
        move = done.change(PointerMove)
        return revision_record(resolve(done.view, f"deployment:{move.name}@{move.after}"))

    return session.operate("deployment.rollback", work, message=message, op=op, override_until=override_until)


def _request(
    how: str, wanted: _Route, evidence: Evidence, about: Iterable[str], rest: Callable[[View], Any]
) -> GateRequest:
    """Return what is judged of a route; `rest` is what of the project the judgement rests on beside the scope."""
    return GateRequest(
        verb="deployment.route",
        action=how,
        subject=f"deployment:{wanted.place}",
        proposal=lambda: {
            "how": how,
            "weights": {bare(ref): weight for ref, weight in wanted.weights.items()},
            "shadow": wanted.shadow and bare(wanted.shadow),
            "before": wanted.before,
        },
        evidence=evidence,
        about=tuple(about),
        on_name=True,
        premise=rest,
    )
