"""The scope of a project: what it is for and what counts as good, agreed before training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from mlcycle import checks, records
from mlcycle._digest import canonical_json
from mlcycle._ids import near, now, parse_ref
from mlcycle._text import plain, printable
from mlcycle._warn import warn
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.lifecycle._gate_request import Evidence, GateRequest
from mlcycle.lifecycle._stored_decisions import decision_records
from mlcycle.lifecycle.datasets import tables
from mlcycle.state import Change, NameSet, Version, VersionAdd, View, guards_on, noun, resolve
from mlcycle.storage import UpToDate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlcycle._ids import Ref
    from mlcycle._typing import Moment
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session

__all__ = ["Scopes", "changed_scope", "scope_record"]

Doc = dict[str, Any]
_GATED = {"model": ("model/pointer.move", "deployment/pointer.move"), "dataset": ("dataset/version.add",)}
"""What a criterion that blocks guards, by what it judges."""


@printable
class Scopes:
    """The scope of one project; lives as long as the project handle it hangs on.

    Examples
    --------
    >>> import mlcycle as mc
    >>> project = mc.open("memory://docs-scope")
    >>> criteria = [mc.AtLeast("roc_auc", 0.8)]
    >>> project.scope.set(objective="Keep customers", criteria=criteria, test="customers.test").number
    1
    >>> project.scope.set(risks=["label delay of 30 days"]).objective
    'Keep customers'
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def __repr__(self) -> str:
        found = self.get()
        return repr(found) if found else "<scope: not set yet; project.scope.set(objective=…, criteria=[…])>"

    def set(
        self,
        *,
        objective: str | None = None,
        criteria: Sequence[records.Criterion] | None = None,
        test: str | records.DatasetVersion | None = None,
        requirements: Sequence[str] | None = None,
        data_needed: Sequence[str] | None = None,
        collection_plan: str | None = None,
        risks: Sequence[str] | None = None,
        owner: str | None = None,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.Scope:
        """Change the fields given, keep the others, and commit the result as the next version of the scope.

        Parameters
        ----------
        objective : str, optional
            What the project is for, in a sentence.
        criteria : sequence of Criterion, optional
            What a model must reach (`AtLeast` and its kin), and what data must be like (`Unique` and its kin); every
            gate reads them. Tightening is free.
        test : str or DatasetVersion, optional
            The dataset criteria are judged on unless they say otherwise: ``"customers.test"`` for the newest there is
            when something is judged, ``"customers.test@2"`` or a record for that version.
        requirements, data_needed, risks : sequence of str, optional
            What else must hold, what must be collected, what may go wrong.
        collection_plan, owner : str, optional
            How data will be collected, and who answers for the project.
        override_until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Needed, with a `message`, to loosen or remove a criterion: until when. Then the former criterion holds
            again. A bare date means the end of that day (UTC), ``"30d"`` or a timedelta so long from now.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Raises
        ------
        GateBlocked
            When a criterion would be loosened without an override.
        InvalidInput
            For an unknown metric, a threshold or margin its metric always or never reaches, or a field of the wrong
            kind.

        Warns
        -----
        MlcycleWarning
            When a criterion names no data, neither by its `on` nor by the scope's `test`, or slices by a column that
            its data lacks: no gate could judge it. When data is named that is not there, and other parts of the same
            dataset are; a dataset that does not exist yet, or is not split yet, is a promise.
        """
        given: Doc = {
            "objective": _text("objective", objective),
            "criteria": None if criteria is None else _criteria(criteria),
            "test": None if test is None else f"dataset:{_dataset_name(test)}",
            "requirements": _texts("requirements", requirements),
            "data_needed": _texts("data_needed", data_needed),
            "collection_plan": _text("collection_plan", collection_plan),
            "risks": _texts("risks", risks),
            "owner": _text("owner", owner),
        }
        changed = {field: value for field, value in given.items() if value is not None}
        return self._session.operate(
            "scope.set",
            lambda do: self._changed(do, changed),
            message=message,
            op=op,
            override_until=override_until,
        )

    def _changed(self, do: Operation, changed: Doc) -> records.Scope:
        """Commit the scope with some fields changed, if there is a difference and nobody blocks it."""
        known = isinstance(_plan(do.view, changed, do.override), UpToDate)
        do.judge(lambda: None if known else _request(do.view, changed, do.override))
        done = do.commit(lambda view: _plan(view, changed, do.override))
        found = scope_record(done.value if done.entry is None else done.versions("scope")[0])
        if "criteria" in changed:
            self._say_what_no_gate_can_judge(done.view, found)
        named = [found.test] if "test" in changed else []
        named += [one.on for one in found.criteria] if "criteria" in changed else []
        _say_which_parts_are_not_there(done.view, dict.fromkeys(one for one in named if one))
        return found

    def _say_what_no_gate_can_judge(self, view: View, scope: records.Scope) -> None:
        """Warn of criteria that name no data, or slice by a column their data lacks; both would block every gate."""
        for criterion in scope.criteria:
            name = criterion.on or scope.test
            if name is None:
                why = (
                    f"{plain(criterion)} names no data to be judged on, so no gate can judge it: "
                    "project.scope.set(test='customers.test'), or on='customers.test' in the criterion"
                )
                warn(why)
            elif lost := self._lost_slices(view, criterion, name):
                why = f"{plain(criterion)} slices by {lost}, and {name} has no such column, so no gate can judge it"
                warn(why)

    def _lost_slices(self, view: View, criterion: records.Criterion, name: str) -> str:
        """Return the columns a criterion slices by that its data lacks; none while the data is still to come."""
        if not criterion.slices:
            return ""
        try:
            version = resolve(view, name, "dataset")
            columns = tables.column_names(tables.header_of(self._session.blobs, view, version))
        except NotFound:
            return ""
        return ", ".join(repr(column) for column in criterion.slices if column not in columns)

    def get(self, number: int | None = None) -> records.Scope | None:
        """Return the scope, or a former version of it; None before the first."""
        view = self._session.view()
        if number is None:
            newest = view.versions.newest("scope", "scope")
            return scope_record(newest) if newest else None
        count = view.versions.next_number("scope", "scope") - 1
        if number not in range(1, count + 1):
            raise InvalidInput(f"there is no scope {number}; there are {count}")
        return scope_record(view.versions.get("scope", "scope", number))

    def versions(self) -> records.Listing[records.Scope]:
        """Return every version of the scope, oldest first."""
        view = self._session.view()
        standing = view.versions.standing("scope", "scope") if view.names.get("scope", "scope") else ()
        return records.Listing(map(scope_record, standing), of="scopes")

    def decisions(self) -> records.Listing[records.Decision]:
        """Return what was decided about changes of the scope: who loosened what, and what hooks said, oldest first."""
        return decision_records(self._session.blobs, self._session.view(), "scope")


def _say_which_parts_are_not_there(view: View, named: Iterable[str]) -> None:
    """Warn of data that looks like a slip of the pen: other parts of the same dataset are there."""
    for one in named:
        name = parse_ref(one).name
        whole, dot, _ = name.rpartition(".")
        there = [known.name for known in view.names.every("dataset") if view.versions.count(known)]
        parts = sorted(known for known in there if dot and known.rpartition(".")[0] == whole)
        known = view.names.get("dataset", name)
        if parts and not (known and view.versions.count(known)):
            meant = near(name, parts, 1)
            remedy = f"did you mean {meant[0]!r}?" if meant else "name one of those, or split it first"
            warn(f"there is no data {name!r} to judge on; the parts of {whole} are {', '.join(parts)}: {remedy}")


def scope_record(version: Version) -> records.Scope:
    """Return the record of a stored scope."""
    record: records.Scope = records.from_json(version["scope"])
    return evolve(record, number=version.number, **version.stamp.facts())


def _plan(view: View, changed: Doc, override: records.Override | None) -> list[Change] | UpToDate:
    """Return the changes that set the scope; what they loosen is written with who loosened it until when."""
    before = view.versions.newest("scope", "scope")
    known = before["scope"] if before else records.to_json(records.Scope())
    scope = changed_scope(known, changed)
    if "criteria" in changed and before:
        eased = [records.to_json(one) for one in _loosened(known, scope, override)]
        scope["loosened"] = [*_standing(scope), *eased]
    if before and scope == known:
        return UpToDate(before)
    number = before.number + 1 if before else 1
    made = VersionAdd(of="scope", name="scope", number=number, says={"scope": scope})
    begun = [] if before else [NameSet(of="scope", name="scope", fixed=noun("scope").fixed)]
    return [*begun, made, *_guarded(view, scope)]


def _guarded(view: View, scope: Doc) -> list[Change]:
    """Return the change by which criteria guard the project: a writer that knows no gates does nothing they judge.

    Those on models guard aliases and routes, those on data what is added; what else is guarded there stays.
    """
    before = guards_on(view, "project", "project")
    asked = [one for one in records.from_json(scope).criteria if one.blocking]
    judged = {one.judges for one in asked}
    if any(isinstance(one, records.UnknownCriterion) and one.document.get("on") for one in asked):
        judged.add("dataset")  # it may be of rows
    guarded = {what for kind in judged for what in _GATED.get(kind, ())}
    kept = {what: needs for what, needs in before.items() if what not in sum(_GATED.values(), ())}
    after = {**kept, **{what: ["gates"] for whats in _GATED.values() for what in whats if what in guarded}}
    return [] if after == before else [NameSet(of="project", name="project", guards=after)]


def _loosened(before: Doc, after: Doc, override: records.Override | None) -> list[records.Loosening]:
    """Return what a change loosens, with who says so until when; nobody yet, where there is no override."""
    old, new = (records.from_json(scope).criteria for scope in (before, after))
    message, author, until = (override.message, override.author, override.until) if override else ("", "", "")
    return [
        records.Loosening(before=was, after=to, message=message, author=author or "", until=until)
        for was, to in records.is_looser(old, new)
    ]


def _request(view: View, changed: Doc, override: records.Override | None) -> GateRequest:
    """Return what is judged of a change of the scope: that whoever loosens it says why and until when.

    An override that ends what is loosened is spent on that: it lets nobody pass a hook that reviews loosened criteria.
    """
    before = view.versions.newest("scope", "scope")
    known = before["scope"] if before else records.to_json(records.Scope())
    scope = changed_scope(known, changed)
    eased = _loosened(known, scope, override) if before and "criteria" in changed else []
    given = override is not None and override.until > now()
    loosened = [
        records.Result(
            check=f"loosened: {plain(one)}",
            subject="scope:scope",
            verdict="pass",
        )
        for one in eased
        if given
    ]
    return GateRequest(
        verb="scope.set",
        action="set",
        subject="scope:scope",
        proposal=lambda: {
            "scope": evolve(records.from_json(scope), number=before.number + 1 if before else 1),
            "before": scope_record(before) if before else None,
            "loosened": tuple(eased),
        },
        evidence=Evidence(
            results=tuple(loosened),
            problems=() if given else tuple(map(_eased_text, eased)),
            loosened=tuple(eased) if given else (),
        ),
        final=bool(eased) and given,
    )


def _eased_text(one: records.Loosening) -> str:
    """Say what would become of a criterion, and how another one is added beside it."""
    if one.after is not None:
        return f"{plain(one.before)} would become {plain(one.after)}, which is looser"
    return f"{plain(one.before)} would be removed; to add another one, criteria=[*project.scope.get().criteria, …]"


def _standing(scope: Doc) -> list[Doc]:
    """Keep the loosenings that still speak of a criterion in force or of one removed."""
    record: records.Scope = records.from_json(scope)
    pairs = zip(scope["loosened"], record.loosened, strict=True)
    return [stored for stored, one in pairs if one.after is None or one.after in record.criteria]


def changed_scope(known: Doc, changed: Doc) -> Doc:
    """Return a stored scope with some fields changed; what a newer mlcycle wrote into it stays, unread.

    A criterion that is set again as it was read is stored again as it stood.
    """
    record: records.Scope = records.from_json(known)
    former = {
        canonical_json(records.to_json(one)): stored
        for one, stored in zip(record.criteria, known["criteria"], strict=True)
    }
    scope = {**known, **changed}
    return {**scope, "criteria": [former.get(canonical_json(one), one) for one in scope["criteria"]]}


def _criteria(criteria: Sequence[records.Criterion]) -> list[Doc]:
    if not isinstance(criteria, (list, tuple)):
        raise InvalidInput(f"criteria is a list, for example [mc.AtLeast('roc_auc', 0.8)], got {criteria!r:.80}")
    for criterion in criteria:
        checks.validate(criterion)
    return [records.to_json(_with_plain_refs(criterion)) for criterion in criteria]


def _with_plain_refs(criterion: records.Criterion) -> records.Criterion:
    """Return a criterion with its refs spelled as they are stored: ``@1`` for ``@01``, names in NFC."""
    refs: Doc = {}
    if criterion.on is not None:
        refs["on"] = _dataset_name(criterion.on, "on")
    known: Any = criterion  # its class is one of attrs, though the parent of all criteria is none
    reference = getattr(known, "reference", None) if "reference" in criterion.needs else None
    if reference is not None and "@" in reference:  # without, it is an alias or number
        ref = _ref(reference, "model", "reference", "churn@production")
        refs["reference"] = f"{ref.name}@{ref.version}"
    return evolve(known, **refs) if refs else criterion


def _dataset_name(test: str | records.DatasetVersion, argument: str = "test") -> str:
    if isinstance(test, records.DatasetVersion):
        return test.ref
    ref = _ref(test, "dataset", argument, "customers.test")
    return ref.name if ref.version == "latest" else f"{ref.name}@{ref.version}"


def _ref(text: str, kind: str, argument: str, example: str) -> Ref:
    ref = parse_ref(text)
    if ref.kind not in (None, kind):
        raise InvalidInput(f"{argument}={text!r} names a {ref.kind}; it is a {kind}, for example {example!r}")
    return ref


def _text(field: str, value: str | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InvalidInput(f"{field} is text, got {type(value).__name__}: {value!r:.80}")


def _texts(field: str, values: Sequence[str] | None) -> list[str] | None:
    if values is None:
        return None
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise InvalidInput(f"{field} is a list of texts, got {values!r:.80}")
    return list(values)
