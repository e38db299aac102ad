"""Promoting a version, and going back: the gate and hooks decide, and the alias moves with their decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import checks, records
from mlcycle._ids import check_alias, name_key
from mlcycle.errors import InvalidName, NotFound
from mlcycle.lifecycle._gate_request import Evidence, GateRequest
from mlcycle.lifecycle._stored_decisions import decision_record
from mlcycle.lifecycle.evaluation import add_loading, gather_evidence, rollback_evidence, warn_of
from mlcycle.lifecycle.models._record import model_record
from mlcycle.state import Change, PointerMove, View, alias_not_found, check_unmoved, resolve, roll_back

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle._typing import Moment
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session

__all__ = ["demote", "promote", "rollback_alias"]


def promote(
    session: Session,
    version: records.ModelVersion,
    *,
    alias: str,
    message: str,
    override_until: Moment | None,
    op: str | None,
) -> records.Decision:
    """Promote as `ModelVersion.promote` documents."""
    alias = check_alias(alias)

    def work(do: Operation) -> records.Decision:
        standing = resolve(do.view, version, "model")
        _check_free(do.view, standing.name, alias)
        before = do.view.pointers.at("model", standing.name, alias)
        move = PointerMove(
            of="model", name=standing.name, pointer=alias, before=before, after=standing.number, how="promote"
        )

        def request() -> GateRequest:
            evidence = gather_evidence(session.blobs, do.view, standing, alias=alias)
            if not evidence.blocks(do.override):
                evidence = add_loading(evidence, session.blobs, do.view, standing)
            return _request(move, evidence, lambda view: move)

        do.judge(request)

        def plan(view: View) -> list[Change]:
            resolve(view, standing.ref, "model")
            _check_free(view, standing.name, alias)
            remedy = "evaluate against it and promote again"
            check_unmoved(view, move, f"{move.name}@{alias}", f"{move.name}@{{}}", remedy)
            return [move]

        # one that blocked is what an older mlcycle committed under the caller's `op`
        return checks.require(decision_record(session.blobs, do.commit(plan).fact("decision")))

    return session.operate("model.promote", work, message=message, op=op, override_until=override_until)


def demote(
    session: Session,
    version: records.ModelVersion,
    *,
    alias: str,
    message: str,
    override_until: Moment | None,
    op: str | None,
) -> None:
    """Take an alias away as `ModelVersion.demote` documents."""
    alias = check_alias(alias)

    def taken(view: View) -> PointerMove:
        standing = resolve(view, version, "model", dropped=True)
        at = view.pointers.at("model", standing.name, alias)
        if at != standing.number:
            stands = "is set to nothing" if at is None else f"is {standing.name}@{at}"
            raise NotFound(f"{standing.shown} is not {standing.name}@{alias}, which {stands}")
        return PointerMove(of="model", name=standing.name, pointer=alias, before=at, after=None, how="demote")

    def work(do: Operation) -> None:
        do.judge(lambda: _request(taken(do.view), Evidence(), taken))
        do.commit(lambda view: [taken(view)])

    session.operate("model.demote", work, message=message, op=op, override_until=override_until)


def rollback_alias(
    session: Session, name: str, alias: str, *, message: str, override_until: Moment | None, op: str | None
) -> records.ModelVersion:
    """Roll an alias back as `Models.rollback` documents."""
    alias = check_alias(alias)
    looked: PointerMove | None = None  # unset where `op` was committed before: then where it stands now says nothing

    def back(view: View) -> PointerMove:
        if looked is not None:
            remedy = "look at that one, then roll back again"
            check_unmoved(view, looked, f"{looked.name}@{alias}", f"{looked.name}@{{}}", remedy)
        known = view.names.known("model", name)
        if alias not in view.pointers.names("model", known.name):
            raise alias_not_found(view, "model", known.name, alias)
        return roll_back(view, "model", name, alias, f"{name}@{alias} has no earlier version to go back to")

    def request(view: View) -> GateRequest:
        nonlocal looked
        move = back(view)
        looked = looked or move  # the first look: what it goes back from is where it stood when the caller asked
        pointed = [(f"model:{move.name}@{move.after}", alias)]
        return _request(move, rollback_evidence(session.blobs, view, pointed), back)

    def work(do: Operation) -> records.ModelVersion:
        decision = do.judge(lambda: request(do.view))
        done = do.commit(lambda view: [back(view)])
        warn_of(decision, f"{name}@{alias}")
        move = done.change(PointerMove)
        return model_record(session, resolve(done.view, f"model:{move.name}@{move.after}"))

    return session.operate("model.rollback", work, message=message, op=op, override_until=override_until)


def _check_free(view: View, name: str, alias: str) -> None:
    """Refuse an alias that differs from an existing one only in case."""
    known = view.pointers.names("model", name)
    alike = [one for one in known if name_key(one) == name_key(alias)]
    if alike and alias not in alike:
        raise InvalidName(f"{alias!r} differs only in case from the alias {alike[0]!r} of {name}; use that name")


def _request(move: PointerMove, evidence: Evidence, again: Callable[[View], PointerMove]) -> GateRequest:
    """Return what is judged of a move of an alias: where it goes, by the scope of today."""
    before, after = (None if end is None else f"{move.name}@{end}" for end in (move.before, move.after))
    return GateRequest(
        verb="model.promote",
        action=move.how,
        subject=f"model:{after or before}",
        proposal=lambda: {"how": move.how, "alias": move.pointer, "before": before, "after": after},
        evidence=evidence,
        alias=move.pointer,
        always=move.how == "promote",
        premise=lambda view: (again(view).before, again(view).after),
    )
