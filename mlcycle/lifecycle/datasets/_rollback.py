"""Going back to the version before: what stands above it is retracted, and the parts that were made from that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._ids import check_name
from mlcycle.errors import NotFound
from mlcycle.lifecycle._gate_request import GateRequest
from mlcycle.lifecycle.datasets._record import dataset_record
from mlcycle.state import Change, VersionMark, View

if TYPE_CHECKING:
    from mlcycle import records
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.state import Version

__all__ = ["go_back"]


def go_back(
    session: Session, name: str, *, message: str, override_until: Any, op: str | None
) -> records.DatasetVersion:
    """Go back as `Datasets.rollback` documents."""
    name = check_name(name, "dataset name", parts=True)

    def work(do: Operation) -> records.DatasetVersion:
        do.judge(lambda: _request(do.view, name))
        done = do.commit(lambda view: _retracted(view, name))
        newest = done.view.versions.newest("dataset", name)
        assert newest is not None  # the plan has seen that there is one to go back to
        return dataset_record(session, done.view, newest)

    return session.operate("dataset.rollback", work, message=message, op=op, override_until=override_until)


def _request(view: View, name: str) -> GateRequest:
    """Return what is judged of going back: which version is the latest after it."""
    before, after = _ends(view, name)
    return GateRequest(
        verb="dataset.commit",
        action="roll back",
        subject=after.ref,
        proposal=lambda: {"how": "rollback", "name": name, "before": before.shown, "after": after.shown},
        premise=lambda now: tuple(one.ref for one in _ends(now, name)),
    )


def _ends(view: View, name: str) -> tuple[Version, Version]:
    """Return the current version and the one before it that stands."""
    known = view.names.known("dataset", name).name
    hidden = view.marks.numbers("dataset", view.names.known("dataset", name), "retracted")
    hidden |= view.versions.hidden_for_good("dataset", view.names.known("dataset", name))
    standing = [one for one in range(1, view.versions.next_number("dataset", known)) if one not in hidden]
    if len(standing) < 2:
        raise NotFound(f"{known} has no earlier version to go back to")
    before, after = (view.versions.get("dataset", known, number) for number in (standing[-1], standing[-2]))
    return before, after


def _retracted(view: View, name: str) -> list[Change]:
    """Return the changes that retract the current version, and what parts select from it."""
    current, _ = _ends(view, name)
    gone = {current.ref}
    changes: list[Change] = [_mark(current.name, [current.number])]
    parts = sorted((one for one in view.names.of("dataset") if one.startswith(f"{current.name}.")), key=len)
    for part in parts:  # a part of a part comes after it
        made = [one for one in view.versions.standing("dataset", part) if gone.intersection(one.made_from)]
        if made:
            gone.update(one.ref for one in made)
            changes.append(_mark(part, [one.number for one in made]))
    return changes


def _mark(name: str, numbers: list[int]) -> VersionMark:
    return VersionMark(of="dataset", name=name, mark="retracted", numbers=[[one, one] for one in numbers])
