"""Promoting a version, and going back: the gate and hooks decide, and the alias moves with their decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle.errors import ConflictError
from mlcycle.lifecycle._judging import Evidence, Matter
from mlcycle.lifecycle.evaluation import decision_record, gathered
from mlcycle.lifecycle.models._record import model_record
from mlcycle.state import Change, PointerMove, View, pointer_moves, resolve, roll_back

if TYPE_CHECKING:
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session

__all__ = ["go_back", "promote"]


def promote(
    session: Session,
    version: str | records.ModelVersion,
    alias: str,
    *,
    message: str,
    override_until: Any,
    op: str | None,
) -> records.Decision:
    """Promote as `Models.promote` documents."""

    def work(do: Operation) -> records.Decision:
        standing = resolve(do.view, version, "model")
        before = do.view.pointers.at("model", standing.name, alias)
        move = PointerMove(
            of="model", name=standing.name, pointer=alias, before=before, after=standing.number, how="promote"
        )
        do.judge(lambda: _matter("promote", move, gathered(session.blobs, do.view, standing), always=True))

        def plan(view: View) -> list[Change]:
            resolve(view, standing.ref, "model")
            _expect(view, move)
            return [move]

        return decision_record(session.blobs, do.commit(plan).fact("decision"))

    return session.operate("model.promote", work, message=message, op=op, override_until=override_until)


def go_back(
    session: Session, name: str, alias: str, *, message: str, override_until: Any, op: str | None
) -> records.ModelVersion:
    """Roll an alias back as `Models.rollback` documents."""
    nothing = f"{name}@{alias} has no earlier version to go back to"

    def work(do: Operation) -> records.ModelVersion:
        do.judge(lambda: _matter("rollback", roll_back(do.view, "model", name, alias, nothing)))
        done = do.commit(lambda view: [roll_back(view, "model", name, alias, nothing)])
        move = done.change(PointerMove)
        return model_record(session.blobs, resolve(done.view, f"model:{move.name}@{move.after}"))

    return session.operate("model.rollback", work, message=message, op=op, override_until=override_until)


def _matter(how: str, move: PointerMove, evidence: Evidence | None = None, *, always: bool = False) -> Matter:
    """Return what is judged of a move of an alias: where it goes, by the scope of today."""
    before, after = (None if end is None else f"{move.name}@{end}" for end in (move.before, move.after))
    return Matter(
        verb="model.promote",
        action=how,
        subject=f"model:{after}",
        proposal=lambda: {"how": how, "alias": move.pointer, "before": before, "after": after},
        evidence=evidence or Evidence(),
        always=always,
        premise=lambda view: view.versions.latest("scope", "scope"),
    )


def _expect(view: View, move: PointerMove) -> None:
    found = view.pointers.at("model", move.name, move.pointer)
    if found == move.before:
        return
    by = next(pointer_moves(view, "model", move.name, move.pointer, newest_first=True)).stamp
    raise ConflictError(
        f"{move.name}@{move.pointer} was {move.before and f'{move.name}@{move.before}'} when this began and is now "
        f"{move.name}@{found}, set by {by.author} at {by.at} (entry {by.entry}): {by.message or 'no reason given'}; "
        "evaluate against it and promote again",
        by.winner(),
    )
