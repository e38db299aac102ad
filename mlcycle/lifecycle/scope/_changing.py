"""Changing the scope: what becomes of it, what of that is an amendment, and who is asked about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from mlcycle import records
from mlcycle._digest import canonical_json, json_text
from mlcycle._ids import now
from mlcycle._text import plain
from mlcycle.errors import ConflictError, InvalidInput
from mlcycle.lifecycle._gate_request import Evidence, GateRequest
from mlcycle.lifecycle._operation import Retry
from mlcycle.lifecycle.scope._amending import Terms, amend, would_amend
from mlcycle.lifecycle.scope._record import scope_record
from mlcycle.state import Change, NameSet, VersionAdd, View, guards_on, noun
from mlcycle.storage import UpToDate

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.lifecycle._operation import Operation

__all__ = ["ScopeChange", "changed_scope", "terms_of"]

Doc = dict[str, Any]
_GATED = {"model": ("model/pointer.move", "deployment/pointer.move"), "dataset": ("dataset/version.add",)}
"""What a criterion that blocks guards, by what it judges."""
_PERMANENT = "  For good instead of until a date: permanent=True, which the status and every later decision shows."


def terms_of(do: Operation, message: str, *, permanent: bool) -> Terms | None:
    """Return the terms of an amendment that a verb's arguments say; None where they say none, or a date in the past.

    Raises
    ------
    InvalidInput
        For good and until a date at once, or without a word why.
    """
    if permanent and do.override is not None:
        raise InvalidInput("an amendment is permanent=True or ends with override_until=…; give one of the two")
    if permanent and not message.strip():
        raise InvalidInput("permanent=True amends the scope for good, so say why: message='…'")
    if permanent:
        return Terms(json_text(message), do.author)
    if do.override is None or do.override.until <= now():
        return None
    return Terms(do.override.message, do.author, do.override.until)


@frozen
class ScopeChange:
    """A change of the scope that is asked for.

    Attributes
    ----------
    fields : callable
        Returns the fields that are to be set, as they are stored, given the scope before.
    terms : Terms or None
        On what terms it may amend what was judged by.
    """

    fields: Callable[[records.Scope], Doc]
    terms: Terms | None

    def made(self, view: View) -> tuple[Doc, Doc, list[Any]]:
        """Return the scope before and after, as stored, and what of the change is an amendment."""
        before = view.versions.newest("scope", "scope")
        known = before["scope"] if before else records.to_json(records.Scope())
        fields = self.fields(records.from_json(known))
        scope = changed_scope(known, fields)
        return known, scope, amend(view, known, scope, fields, self.terms, now()) if before else []

    def changes(self, view: View) -> list[Change] | UpToDate:
        """Return what sets it.

        Raises
        ------
        Retry
            Where models have been judged since it was looked at, so that it amends what it did not then.
        """
        before = view.versions.newest("scope", "scope")
        known, scope, amended = self.made(view)
        if before and scope == known:
            return UpToDate(before)
        if amended and self.terms is None:
            raise Retry(ConflictError("others change all the time what the scope is judged by; try again"))
        number = before.number + 1 if before else 1
        made = VersionAdd(of="scope", name="scope", number=number, says={"scope": scope})
        begun = [] if before else [NameSet(of="scope", name="scope", fixed=noun("scope").fixed)]
        return [*begun, made, *_guarded(view, scope)]

    def request(self, view: View) -> GateRequest | None:
        """Return what is judged of it: that whoever amends it says why and until when; None where nothing changes.

        Terms that are used for an amendment are spent on that: they let nobody pass a hook that reviews amendments.
        """
        before = view.versions.newest("scope", "scope")
        known, scope, amended = self.made(view)
        if before and scope == known:
            return None
        agreed = bool(amended) and self.terms is not None
        results = (
            records.Result(check=f"amended: {plain(one)}", subject="scope:scope", verdict="pass") for one in amended
        )
        against = bool(amended) and not agreed
        return GateRequest(
            verb="scope.set",
            action="set",
            subject="scope:scope",
            proposal=lambda: {
                "scope": evolve(records.from_json(scope), number=before.number + 1 if before else 1),
                "before": scope_record(before) if before else None,
                "amended": tuple(amended),
            },
            evidence=Evidence(
                results=tuple(results) if agreed else (),
                problems=tuple(would_amend(one, view) for one in amended) if against else (),
                notes=(_PERMANENT,) if against else (),
                amended=tuple(amended) if agreed else (),
            ),
            final=agreed,
        )


def _guarded(view: View, scope: Doc) -> list[Change]:
    """Return the change by which criteria guard the project: a writer that knows no gates does nothing they judge.

    Those on models guard aliases and routes, those on data what is added; what else is guarded there stays.
    """
    before = guards_on(view, "project", "project")
    record: records.Scope = records.from_json(scope)
    asked = [one for rules in (record.criteria, *record.aliases.values()) for one in rules if one.blocking]
    judged = {one.judges for one in asked}
    if any(isinstance(one, records.UnknownCriterion) and one.document.get("on") for one in asked):
        judged.add("dataset")  # it may be of rows
    guarded = {what for kind in judged for what in _GATED.get(kind, ())}
    kept = {what: needs for what, needs in before.items() if what not in sum(_GATED.values(), ())}
    after = {**kept, **{what: ["gates"] for whats in _GATED.values() for what in whats if what in guarded}}
    return [] if after == before else [NameSet(of="project", name="project", guards=after)]


def changed_scope(known: Doc, changed: Doc) -> Doc:
    """Return a stored scope with some fields changed; what a newer mlcycle wrote into it stays, unread.

    A criterion that is set again as it was read is stored again as it stood.
    """
    stored = [*known["criteria"], *(one for rules in known["aliases"].values() for one in rules)]
    read: records.Scope = records.from_json({**known, "criteria": stored})
    former = {
        canonical_json(records.to_json(one)): document for one, document in zip(read.criteria, stored, strict=True)
    }

    def as_it_stood(criteria: list[Doc]) -> list[Doc]:
        return [former.get(canonical_json(one), one) for one in criteria]

    scope = {**known, **changed}
    aliases = {alias: as_it_stood(rules) for alias, rules in scope["aliases"].items()}
    return {**scope, "criteria": as_it_stood(scope["criteria"]), "aliases": aliases}
