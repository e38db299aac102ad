"""Going back to the version before: the current one is retracted, with what was split with it and from those."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._ids import check_name
from mlcycle.errors import NotFound
from mlcycle.lifecycle._gate_request import GateRequest
from mlcycle.lifecycle.datasets._record import dataset_record
from mlcycle.state import Change, VersionMark, View, check_latest_unmoved

if TYPE_CHECKING:
    from mlcycle import records
    from mlcycle._typing import Moment
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.state import Version

__all__ = ["go_back"]


def go_back(
    session: Session, name: str, *, message: str, override_until: Moment | None, op: str | None
) -> records.DatasetVersion:
    """Go back as `Datasets.rollback` documents."""
    name = check_name(name, "dataset name", parts=True)
    looked: View | None = None  # unset where `op` was committed before: then what is current now says nothing

    def plan(view: View) -> list[Change]:
        if looked is not None:
            check_latest_unmoved(view, looked, "dataset", name, "look at that one, then roll back again")
        return _retracted(view, name)

    def request(view: View) -> GateRequest:
        nonlocal looked
        looked = looked or view  # the first look: what is retracted is what was current when the caller asked
        plan(view)
        return _request(view, name)

    def work(do: Operation) -> records.DatasetVersion:
        do.judge(lambda: request(do.view))
        done = do.commit(plan)
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
    """Return the changes that retract the current version, what was split with it, and what parts select from those.

    The parts of one split share no row; one of them beside the others of another split would.
    """
    current, _ = _ends(view, name)
    gone = {current.ref}
    changes: list[Change] = [_mark(current.name, [current.number])]
    whole = current.name.rpartition(".")[0] or current.name
    parts = {one for one in view.names.of("dataset") if one.startswith(f"{whole}.")} - {current.name}
    for part in sorted(parts, key=len):  # a part of a part comes after it
        made = [
            one
            for one in view.versions.standing("dataset", part)
            if gone.intersection(one.made_from) or _split_of(one) == _split_of(current)
        ]
        if made:
            gone.update(one.ref for one in made)
            changes.append(_mark(part, [one.number for one in made]))
    return changes


def _split_of(version: Version) -> tuple[int, tuple[str, ...]]:
    """Return what the parts of one split have in common: the entry that made them all, and whose rows they select."""
    return version.stamp.entry, version.made_from


def _mark(name: str, numbers: list[int]) -> VersionMark:
    return VersionMark(of="dataset", name=name, mark="retracted", numbers=[[one, one] for one in numbers])
