"""Promoting a version: the gate decides, and the alias moves with its decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records
from mlcycle.errors import ConflictError, GateBlocked
from mlcycle.lifecycle.evaluation import decide, decision_changes, decision_record
from mlcycle.state import Change, PointerMove, Version, View, pointer_moves, resolve

if TYPE_CHECKING:
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session

__all__ = ["promote"]


def promote(
    session: Session,
    version: str | records.ModelVersion,
    alias: str,
    *,
    message: str,
    override: records.Override | None,
    op: str | None,
) -> records.Decision:
    """Promote as `Models.promote` documents."""

    def work(do: Operation) -> records.Decision:
        standing, scope = resolve(do.view, version, "model"), do.view.versions.newest("scope", "scope")
        before = do.view.pointers.at("model", standing.name, alias)
        verdict = decide(
            session.blobs, do.view, "promote", standing, author=do.author, message=message, override=override
        )
        folder = f"files/{verdict.id}"
        file = do.upload(lambda: session.blobs.depot.store_document(folder, "decision", records.to_json(verdict)))
        move = PointerMove(
            of="model", name=standing.name, pointer=alias, before=before, after=standing.number, how="promote"
        )

        def plan(view: View) -> list[Change]:
            resolve(view, standing.ref, "model")
            _expect_scope(view, scope)
            changes = decision_changes(verdict, file)
            if verdict.allowed:
                _expect(view, standing.name, alias, before)
                changes.append(move)
            return changes

        done = do.commit(plan, refusal=not verdict.allowed, meant=(move,))
        return decision_record(session.blobs, done.fact("decision"))

    decided = session.operate("model.promote", work, message=message, op=op)
    if not decided.allowed:
        raise GateBlocked(decided.why, decided)
    return decided


def _expect_scope(view: View, expected: Version | None) -> None:
    found = view.versions.newest("scope", "scope")
    if found is not None and found != expected:
        raise ConflictError(
            f"{found.stamp.author} set scope {found.number} while the gate was judging by the one before "
            f"(entry {found.stamp.entry}); evaluate under it and promote again",
            found.stamp.winner(),
        )


def _expect(view: View, name: str, alias: str, expected: int | None) -> None:
    found = view.pointers.at("model", name, alias)
    if found == expected:
        return
    by = next(pointer_moves(view, "model", name, alias, newest_first=True)).stamp
    raise ConflictError(
        f"{name}@{alias} was {expected and f'{name}@{expected}'} when this began and is now {name}@{found}, set by "
        f"{by.author} at {by.at} (entry {by.entry}): {by.message or 'no reason given'}; "
        "evaluate against it and promote again",
        by.winner(),
    )
