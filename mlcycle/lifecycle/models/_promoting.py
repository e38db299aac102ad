"""Promoting a version, and going back: the gate and hooks decide, and the alias moves with their decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import checks, records
from mlcycle._ids import check_name
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle._gate_request import Evidence, GateRequest
from mlcycle.lifecycle._stored_decisions import decision_record
from mlcycle.lifecycle.evaluation import gather_evidence, rollback_evidence, warn_of
from mlcycle.lifecycle.models._record import model_record
from mlcycle.state import Change, PointerMove, View, check_unmoved, resolve, roll_back

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session

__all__ = ["promote", "rollback_alias"]


def promote(
    session: Session,
    version: records.ModelVersion,
    *,
    alias: str,
    message: str,
    override_until: Any,
    op: str | None,
) -> records.Decision:
    """Promote as `ModelVersion.promote` documents."""
    alias = check_name(alias, "alias")
    if alias.isdigit() or alias == "latest":
        raise InvalidInput(f"{alias!r} cannot be an alias: numbers and 'latest' already mean a version")

    def work(do: Operation) -> records.Decision:
        standing = resolve(do.view, version, "model")
        before = do.view.pointers.at("model", standing.name, alias)
        move = PointerMove(
            of="model", name=standing.name, pointer=alias, before=before, after=standing.number, how="promote"
        )
        do.judge(lambda: _request(move, gather_evidence(session.blobs, do.view, standing), lambda view: move))

        def plan(view: View) -> list[Change]:
            resolve(view, standing.ref, "model")
            remedy = "evaluate against it and promote again"
            check_unmoved(view, move, f"{move.name}@{alias}", f"{move.name}@{{}}", remedy)
            return [move]

        # one that blocked is what an older mlcycle committed under the caller's `op`
        return checks.require(decision_record(session.blobs, do.commit(plan).fact("decision")))

    return session.operate("model.promote", work, message=message, op=op, override_until=override_until)


def rollback_alias(
    session: Session, name: str, alias: str, *, message: str, override_until: Any, op: str | None
) -> records.ModelVersion:
    """Roll an alias back as `Models.rollback` documents."""

    def back(view: View) -> PointerMove:
        return roll_back(view, "model", name, alias, f"{name}@{alias} has no earlier version to go back to")

    def request(view: View) -> GateRequest:
        move = back(view)
        return _request(move, rollback_evidence(session.blobs, view, [f"model:{move.name}@{move.after}"]), back)

    def work(do: Operation) -> records.ModelVersion:
        decision = do.judge(lambda: request(do.view))
        done = do.commit(lambda view: [back(view)])
        warn_of(decision, f"{name}@{alias}")
        move = done.change(PointerMove)
        return model_record(session, resolve(done.view, f"model:{move.name}@{move.after}"))

    return session.operate("model.rollback", work, message=message, op=op, override_until=override_until)


def _request(move: PointerMove, evidence: Evidence, again: Callable[[View], PointerMove]) -> GateRequest:
    """Return what is judged of a move of an alias: where it goes, by the scope of today."""
    before, after = (None if end is None else f"{move.name}@{end}" for end in (move.before, move.after))
    return GateRequest(
        verb="model.promote",
        action=move.how,
        subject=f"model:{after}",
        proposal=lambda: {"how": move.how, "alias": move.pointer, "before": before, "after": after},
        evidence=evidence,
        always=move.how == "promote",
        premise=lambda view: (again(view).before, again(view).after),
    )
