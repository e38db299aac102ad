"""Changing the scope: what becomes of it, what of that is an amendment, and who is asked about it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve, frozen

from mlcycle import records
from mlcycle._digest import canonical_json, json_text
from mlcycle._ids import now
from mlcycle._text import plain
from mlcycle.errors import ConflictError, InvalidInput, NotFound
from mlcycle.lifecycle._gate_request import Evidence, GateRequest
from mlcycle.lifecycle._looks import looks_at
from mlcycle.lifecycle._operation import Retry
from mlcycle.lifecycle.scope._amending import Amendment, Terms, amended, would_amend
from mlcycle.lifecycle.scope._record import scope_record
from mlcycle.state import Change, NameSet, VersionAdd, View, data_named, guards_on, judged_on, noun, was_judged
from mlcycle.storage import UpToDate

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle.blobs import Blobs

__all__ = ["Changed", "ScopeChange", "changed_scope", "judged_by", "terms_of"]

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
    if not isinstance(permanent, bool):
        raise InvalidInput(f"permanent is True or False, got {type(permanent).__name__}: {permanent!r:.80}")
    if permanent and do.override is not None:
        raise InvalidInput("an amendment is permanent=True or ends with override_until=…; give one of the two")
    if permanent and not message.strip():
        raise InvalidInput("permanent=True amends the scope for good, so say why: message='…'")
    if permanent:
        return Terms(json_text(message), do.author)
    if do.override is None or do.override.until <= now():
        return None
    return Terms(do.override.message, do.author, do.override.until)


def judged_by(blobs: Blobs, view: View) -> Callable[[View], bool]:
    """Return what says, of this view or a later one, whether models were judged by the scope of today.

    They were also by a look at any row of its test, whatever the part it was in was called: which parts share a row is
    read here, so that a plan need not.
    """
    if was_judged(view):
        return lambda now: True
    scope = view.versions.newest("scope", "scope")
    looks = []
    for name in () if scope is None else data_named(records.from_json(scope["scope"])):
        with contextlib.suppress(NotFound):  # nobody was judged on what is not there yet
            looks.append(looks_at(blobs, view, judged_on(view, name)))
    return lambda now: was_judged(now) or any(True for one in looks for _ in one.facts(now))


class Changed(NamedTuple):
    """A scope before and after a change to it, as stored, and what of the change is an amendment."""

    before: Doc
    after: Doc
    amendments: list[Amendment]


@frozen
class ScopeChange:
    """A change of the scope that is asked for.

    Attributes
    ----------
    fields : callable
        Returns the fields that are to be set, as they are stored, given the scope before.
    terms : Terms or None
        On what terms it may amend what was judged by.
    judged : callable
        Says of a view whether models were judged by the scope.
    """

    fields: Callable[[records.Scope], Doc]
    terms: Terms | None
    judged: Callable[[View], bool]

    def of(self, view: View) -> Changed:
        """Return what it makes of the scope."""
        before = view.versions.newest("scope", "scope")
        known = before["scope"] if before else records.to_json(records.Scope())
        fields = self.fields(records.from_json(known))
        scope = changed_scope(known, fields)
        if before is None:
            return Changed(known, scope, [])
        return Changed(known, *amended(view, known, scope, fields, self.terms, judged=self.judged))

    def changes(self, view: View) -> list[Change] | UpToDate:
        """Return what sets it.

        Raises
        ------
        Retry
            Where models have been judged since it was looked at, so that it amends what it did not then.
        """
        before, changed = view.versions.newest("scope", "scope"), self.of(view)
        if before and changed.after == changed.before:
            return UpToDate(before)
        if changed.amendments and self.terms is None:
            raise Retry(ConflictError("others change all the time what the scope is judged by; try again"))
        number = before.number + 1 if before else 1
        made = VersionAdd(of="scope", name="scope", number=number, says={"scope": changed.after})
        begun = [] if before else [NameSet(of="scope", name="scope", fixed=noun("scope").fixed)]
        return [*begun, made, *_guarded(view, changed.after)]

    def request(self, view: View, changed: Changed) -> GateRequest | None:
        """Return what is judged of it: that whoever amends it says why and until when; None where nothing changes.

        Terms that are used for an amendment are spent on that: they let nobody pass a hook that reviews amendments.
        """
        before, amendments = view.versions.newest("scope", "scope"), changed.amendments
        if before and changed.after == changed.before:
            return None
        agreed = bool(amendments) and self.terms is not None
        return GateRequest(
            verb="scope.set",
            action="set",
            subject="scope:scope",
            proposal=lambda: {
                "scope": evolve(records.from_json(changed.after), number=before.number + 1 if before else 1),
                "before": scope_record(before) if before else None,
                "amended": tuple(amendments),
            },
            evidence=_agreed(amendments) if agreed else _against(view, amendments),
            final=agreed,
        )


def _agreed(amendments: list[Amendment]) -> Evidence:
    told = (f"amended: {plain(one)}" for one in amendments)
    passed = (records.Result(check=one, subject="scope:scope", verdict="pass") for one in told)
    return Evidence(results=tuple(passed), amended=tuple(amendments))


def _against(view: View, amendments: list[Amendment]) -> Evidence:
    if not amendments:
        return Evidence()
    return Evidence(problems=tuple(would_amend(one, view) for one in amendments), notes=(_PERMANENT,))


def _guarded(view: View, scope: Doc) -> list[Change]:
    """Return the change by which criteria guard the project: a writer that knows no gates does nothing they judge.

    Those on models guard aliases and routes, those on data what is added; what else is guarded there stays.
    """
    before = guards_on(view, "project", "project")
    record: records.Scope = records.from_json(scope)
    asked = [one for one in record.all_criteria if one.blocking]
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
