"""The scope of a project as its users change and read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._ids import near
from mlcycle._text import plain, printable
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.lifecycle._stored_decisions import decision_records
from mlcycle.lifecycle.scope._changing import Changed, ScopeChange, judged_by, terms_of
from mlcycle.lifecycle.scope._fields import stored_criteria, stored_fields
from mlcycle.lifecycle.scope._named_data import (
    check_columns,
    warn_of_absent_parts,
    warn_of_no_data,
    warn_of_pin,
    warn_of_references,
)
from mlcycle.lifecycle.scope._record import scope_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlcycle._typing import Moment
    from mlcycle.lifecycle._gate_request import GateRequest
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import View

__all__ = ["Scopes"]

Doc = dict[str, Any]


@printable
class Scopes:
    """The scope of one project; lives as long as the project handle it hangs on.

    Until models were judged by it, everything may be edited. From then on making it stricter is free; making a
    criterion easier, removing it or moving the test is an amendment, which says why and until when, or that it is
    permanent.

    Examples
    --------
    >>> import mlcycle as mc
    >>> project = mc.open("memory://docs-scope")
    >>> criteria = [mc.AtLeast("roc_auc", 0.8)]
    >>> project.scope.set(objective="Keep customers", criteria=criteria, test="customers.test").number
    1
    >>> project.scope.set(risks=["label delay of 30 days"]).objective
    'Keep customers'
    >>> project.scope.add(mc.AtLeast("recall", 0.5)).criteria
    (AtLeast('roc_auc', 0.8), AtLeast('recall', 0.5))
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def __repr__(self) -> str:
        found = self.get()
        return repr(found) if found else "<scope: not set yet; project.scope.set(objective=…, criteria=[…])>"

    # changing ------------------------------------------------------------------------------------------------------

    def set(
        self,
        *,
        objective: str | None = None,
        criteria: Sequence[records.Criterion] | None = None,
        aliases: Mapping[str, Sequence[records.Criterion]] | None = None,
        test: str | records.DatasetVersion | None = None,
        requirements: Sequence[str] | None = None,
        data_needed: Sequence[str] | None = None,
        collection_plan: str | None = None,
        risks: Sequence[str] | None = None,
        owner: str | None = None,
        permanent: bool = False,
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
            gate reads them. They take the place of all there were; see `add` and `remove`.
        aliases : mapping of str to sequence of Criterion, optional
            For aliases with rules of their own what a model must reach to be promoted there, instead of `criteria`:
            ``{"staging": [mc.AtLeast("f1", 0.5)], "challenger": []}``. What answers in a deployment is judged by
            `criteria`, whatever alias it has.
        test : str or DatasetVersion, optional
            The dataset models are judged on unless a criterion says otherwise: ``"customers.test"`` for the version
            there is when a model is judged by it first, which it then stays, ``"customers.test@2"`` or a record for
            that version.
        requirements, data_needed, risks : sequence of str, optional
            What else must hold, what must be collected, what may go wrong.
        collection_plan, owner : str, optional
            How data will be collected, and who answers for the project.
        permanent : bool, default False
            Amends for good, with a `message`. The status and every later decision shows it.
        override_until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Amends until then, with a `message`; afterwards what held before holds again. A bare date means the end of
            that day (UTC), ``"30d"`` or a timedelta so long from now. Where nothing is amended, it passes a hook that
            blocks.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Raises
        ------
        GateBlocked
            When it amends what models were judged by, and neither `permanent` nor `override_until` is given.
        InvalidInput
            For an unknown metric, a threshold or margin its metric always or never reaches, a field of the wrong
            kind, or a criterion on a column that the data lacks; for an amendment that says no why.

        Warns
        -----
        MlcycleWarning
            When a criterion names no data, neither by its `on` nor by the scope's `test`: no gate could judge it. When
            data is named that is not there, and other parts of the same dataset are; a dataset that does not exist
            yet, or is not split yet, is a promise.
        """
        fields = stored_fields(
            criteria=criteria,
            aliases=aliases,
            test=test,
            texts={"objective": objective, "collection_plan": collection_plan, "owner": owner},
            lists={"requirements": requirements, "data_needed": data_needed, "risks": risks},
        )
        return self._change(
            lambda scope: fields, permanent=permanent, message=message, op=op, override_until=override_until
        )

    def add(
        self,
        *criteria: records.Criterion,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.Scope:
        """Add criteria to those there are; one that is there already is not added twice.

        Parameters
        ----------
        *criteria : Criterion
        override_until, message, op
            As in `set`.
        """
        added = stored_criteria(criteria)

        def fields(scope: records.Scope) -> Doc:
            known = [records.to_json(one) for one in scope.criteria]
            return {"criteria": [*known, *(one for one in added if one not in known)]}

        return self._change(fields, message=message, op=op, override_until=override_until)

    def remove(
        self,
        *criteria: records.Criterion | str,
        permanent: bool = False,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.Scope:
        """Remove criteria; once models were judged by them that is an amendment, as in `set`.

        Parameters
        ----------
        *criteria : Criterion or str
            One of those there are, or as it reads: ``"roc_auc ≥ 0.8"``.
        permanent, override_until, message, op
            As in `set`.

        Raises
        ------
        NotFound
            When there is no such criterion, with those that look like it.
        GateBlocked, InvalidInput
            As in `set`.
        """

        def fields(scope: records.Scope) -> Doc:
            gone = [_found(scope, one) for one in criteria]
            return {"criteria": [records.to_json(one) for one in scope.criteria if one not in gone]}

        return self._change(fields, permanent=permanent, message=message, op=op, override_until=override_until)

    def _change(
        self,
        fields: Callable[[records.Scope], Doc],
        *,
        permanent: bool = False,
        message: str,
        op: str | None,
        override_until: Moment | None,
    ) -> records.Scope:
        blobs = self._session.blobs

        def work(do: Operation) -> records.Scope:
            terms = terms_of(do, message, permanent=permanent)
            change = ScopeChange(fields, terms, judged_by(blobs, do.view))
            changed: list[Changed] = []

            def request() -> GateRequest | None:
                changed.append(change.of(do.view))
                _check_columns(blobs, do.view, changed[0])
                return change.request(do.view, changed[0])

            do.judge(request)
            done = do.commit(change.changes)
            found = scope_record(done.value if done.entry is None else done.versions("scope")[0])
            for one in changed:
                _warn_of(done.view, found, records.from_json(one.before))
            return found

        return self._session.operate("scope.set", work, message=message, op=op, override_until=override_until)

    # reading -------------------------------------------------------------------------------------------------------

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
        """Return what was decided about changes of the scope: who amended what, and what hooks said, oldest first."""
        return decision_records(self._session.blobs, self._session.view(), "scope")


def _found(scope: records.Scope, asked: records.Criterion | str) -> records.Criterion:
    """Return the criterion of a scope that is meant."""
    found = next((one for one in scope.criteria if asked in (one, plain(one))), None)
    if found is None:
        texts = [plain(one) for one in scope.criteria]
        named = asked if isinstance(asked, str) else plain(asked)
        raise NotFound(f"the scope has no criterion {named!r}; it has {', '.join(texts) or 'none'}", near(named, texts))
    return found


def _check_columns(blobs: Blobs, view: View, changed: Changed) -> None:
    """Refuse new criteria, and criteria on a new test, that the data there is cannot answer."""
    before, after = records.from_json(changed.before), records.from_json(changed.after)
    known = () if after.test != before.test else before.all_criteria
    check_columns(blobs, view, [one for one in after.all_criteria if one not in known], after.test)


def _warn_of(view: View, scope: records.Scope, before: records.Scope) -> None:
    """Warn of what was set that no gate can judge, or looks like a slip of the pen."""
    moved = scope.test is not None and scope.test != before.test
    new = scope.all_criteria if scope.all_criteria != before.all_criteria else ()
    if new:
        warn_of_no_data(scope)
        warn_of_references(view, new)
    named = [scope.test if moved else None, *(one.on for one in new)]
    warn_of_absent_parts(view, dict.fromkeys(name for name in named if name is not None))
    if scope.test is not None and moved and scope.test not in (one.before for one in before.moved):
        warn_of_pin(view, scope.test)
