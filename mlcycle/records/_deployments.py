"""Facts about models at work: revisions, status, and the moves of a rollback."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle._ids import bare
from mlcycle.records._committed import Committed, stamp_last
from mlcycle.records._record import Record, copied
from mlcycle.records._results import Result, severity_of

__all__ = ["Move", "Revision", "Status"]

_MARKS = {"info": "·", "warn": "!", "fail": "✗"}


@frozen(kw_only=True, repr=False, field_transformer=stamp_last)
class Revision(Committed):
    """Which versions answer at a deployment, with what weights, since when.

    Attributes
    ----------
    deployment : str
    number : int
        1 for the first; never reused.
    weights : dict of str to int
        Version ref to its share of the traffic.
    shadow : str or None
        A version that answers too, unseen by the caller.

    Examples
    --------
    >>> Revision(deployment="eu-api", number=2, weights={"churn@6": 90, "churn@7": 10}, message="canary")
    Revision('eu-api revision 2', weights={churn@6: 90, churn@7: 10}, message='canary')
    """

    deployment: str = field(metadata={"ref": "deployment"})
    number: int
    weights: dict[str, int] = field(factory=dict, converter=copied, hash=False, metadata={"ref": "model"})
    shadow: str | None = field(default=None, metadata={"ref": "model"})

    @property
    def _address(self) -> str:
        return f"deployment:{self.deployment}@{self.number}"

    def _title(self) -> str:
        return f"{self.deployment} revision {self.number}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("weights", self.weights),
            ("shadow", self.shadow),
            *super()._facts(),
        ]


@frozen(kw_only=True, repr=False)
class Status(Record):
    """Where the project stands: per phase, what is stale, blocked or due.

    Attributes
    ----------
    phases : dict of str to list of Result
        Phases in the order of the cycle, each with its findings; an empty list means nothing to do.
    at : str
        When it was made (UTC).

    Examples
    --------
    >>> due = Result(check="stale", verdict="warn", detail="no new data for 40 days", phase="data")
    >>> Status(phases={"scope": [], "data": [due]})
    scope  ✓
    data   ! no new data for 40 days
    """

    phases: dict[str, list[Result]] = field(factory=dict, converter=copied, hash=False)
    at: str = ""

    @property
    def findings(self) -> tuple[Result, ...]:
        """Everything noticed, over all phases."""
        return tuple(finding for found in self.phases.values() for finding in found)

    def __repr__(self) -> str:
        width = max((len(phase) for phase in self.phases), default=0)
        lines = []
        for phase, found in self.phases.items():
            said = [f"{_MARKS.get(severity_of(one.verdict), '?')} {one.detail or one.check}" for one in found] or ["✓"]
            lines += [f"{phase if first else '':<{width}}  {text}" for first, text in _first(said)]
        return "\n".join(lines) or super().__repr__()

    def _repr_html_(self) -> str:
        rows = []
        for phase, found in self.phases.items():
            rows += [
                [phase, _html.badge(severity_of(one.verdict)), one.check, bare(one.subject), one.detail]
                for one in found
            ] or [[phase, _html.badge("pass"), "", "", ""]]
        return _html.table(["phase", "", "check", "subject", "finding"], rows)


def _first(items: list[str]) -> list[tuple[bool, str]]:
    return [(number == 0, item) for number, item in enumerate(items)]


def _pointed_at(move: dict[str, Any], text: str) -> str | None:
    """Return the kind of ref a move goes from and to; of a deployment it is a revision in words."""
    return {"dataset": "dataset", "alias": "model"}.get(move["kind"])


@frozen(kw_only=True, repr=False)
class Move(Record):
    """One pointer a rollback would move, or has moved.

    Attributes
    ----------
    kind : str
        ``"dataset"``, ``"alias"``, ``"route"``.
    name : str
        Of the dataset, model or deployment.
    pointer : str
        ``"latest"``, ``"production"``, ``"revision"``.
    before, after : str or None
        What it points at now, and then; ``None`` for nothing.
    author : str
        Who set it as it is now.

    Examples
    --------
    >>> print(Move(kind="alias", name="churn", pointer="production", before="churn@7", after="churn@6"))
    churn production: churn@7 → churn@6
    """

    kind: str
    name: str
    pointer: str
    before: str | None = field(default=None, metadata={"ref": _pointed_at})
    after: str | None = field(default=None, metadata={"ref": _pointed_at})
    author: str = ""

    def _title(self) -> str:
        return f"{self.name} {self.pointer}: {self.before or 'nothing'} → {self.after or 'nothing'}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [("kind", self.kind), ("author", self.author)]
