"""What a scope asks of models, on which data, and whether what was asked before covers it: for gate and status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import attrs
from attrs import evolve

from mlcycle import records
from mlcycle._ids import bare
from mlcycle.errors import NotFound
from mlcycle.state._judged_on import judged_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlcycle.records import Criterion, Scope
    from mlcycle.state._version import Fact, Version
    from mlcycle.state._view import View

    Asked = dict[str | None, list[Criterion]]  # by the data that is judged on, as the scope names it

__all__ = ["DECIDES", "all_covered", "asked_of_models", "asked_then", "covers_today", "naming", "on_data"]

DECIDES = ("promote", "route")
"""What lets a version answer, or keeps it from that: the actions of a decision on it."""


def asked_of_models(version: Version | None, at: str, alias: str | None = None) -> Asked:
    """Return the criteria of a scope that are asked of models at a moment, by the data they are judged on.

    Each names that data as the scope does; what is judged on none is found under None. An alias may have rules of its
    own.
    """
    found: Asked = {}
    if version is None:
        return found
    scope: Scope = records.from_json(version["scope"])
    test = scope.test_at(at)
    for one in scope.criteria_at(at, alias):
        if one.judges == "model":
            found.setdefault(one.on or test, []).append(on_data(one, test))
    return found


def on_data(criterion: Criterion, test: str | None) -> Criterion:
    """Return a criterion that names the data it is judged on, which the scope's test may be."""
    named = criterion.on or test
    return criterion if named is None else naming(criterion, bare(named))


def naming(criterion: Criterion, on: str) -> Criterion:
    """Return a criterion that names some data; one of a user's that names none stays as it is."""
    kind: Any = type(criterion)
    takes = attrs.has(kind) and any(one.name == "on" for one in attrs.fields(kind))
    return evolve(cast("Any", criterion), on=on) if takes else criterion


def all_covered(asked: Iterable[Criterion], *, by: Iterable[Criterion]) -> bool:
    """Say whether each of some criteria is asked by others at least as strictly."""
    others = [*by]
    return all(any(_covers(one, other) for one in others) for other in asked)


def _covers(one: Any, other: Any) -> bool:
    """Say whether a criterion asks at least as much as another; one of a user's that breaks covers nothing."""
    try:
        return bool(one.covers(other))
    except Exception:  # noqa: BLE001 - what somebody else wrote may raise anything; then it is to be judged again
        return False


def asked_then(view: View, decision: Fact) -> Asked:
    """Return what a decision was taken by: the scope of that moment, or the own rules of the alias it was about."""
    number = decision.says.get("scope", view.then(decision.stamp.entry).versions.latest("scope", "scope"))
    scope = None if number is None else view.versions.get("scope", "scope", number)
    return asked_of_models(scope, decision.says.get("now", decision.stamp.at), decision.says.get("alias"))


def covers_today(
    view: View, decision: Fact, asked: Mapping[str, list[Criterion]] | Mapping[str | None, list[Criterion]]
) -> bool:
    """Say whether what let a version pass once asked at least as much, of the same data, as is asked of it today.

    A name means the same data as then unless the scope forgot it in between, and was judged on anew.
    """
    then = [one for criteria in asked_then(view, decision).values() for one in criteria]
    if not all_covered([one for criteria in asked.values() for one in criteria if one.blocking], by=then):
        return False
    if decision.says.get("scope") == view.versions.latest("scope", "scope"):
        return True
    before = view.then(decision.stamp.entry)
    return all(_meant(before, on) == _meant(view, on) for on in asked if on is not None)


def _meant(view: View, on: str) -> str | None:
    try:
        return judged_on(view, on).ref
    except NotFound:
        return None
