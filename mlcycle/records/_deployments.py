"""Facts about models at work: revisions, findings, reports, status, and the moves of a rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle.records._record import Committed, Record, copied, listed, stamp_last
from mlcycle.records._words import one_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Finding", "Move", "Report", "Revision", "Status"]

_SEVERITIES = ("info", "warn", "fail")


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

    def _title(self) -> str:
        return f"{self.deployment} revision {self.number}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("weights", self.weights),
            ("shadow", self.shadow),
            *super()._facts(),
        ]


@frozen(kw_only=True, repr=False)
class Finding(Record):
    """Something monitoring or status noticed, with evidence and the phase to go to next.

    Attributes
    ----------
    id : str
    kind : str
        ``"data drift"``, ``"prediction drift"``, ``"quality"``, ``"stale"``, …
    subject : str
        What it is about: a ref, a deployment, a column.
    summary : str
        One sentence.
    severity : str, default "warn"
        ``"info"``, ``"warn"`` or ``"fail"``.
    evidence : dict
        The numbers behind it.
    phase : str or None
        ``"scope"``, ``"data"``, ``"model"`` or ``"deployment"``.
    at : str
        When (UTC).

    Examples
    --------
    >>> Finding(id="0e", kind="data drift", subject="eu-api", summary="age moved by 0.4 standard deviations")
    Finding('warn: age moved by 0.4 standard deviations', kind='data drift', subject='eu-api')
    """

    id: str
    kind: str
    subject: str
    summary: str
    severity: str = field(default="warn", validator=one_of("a severity", _SEVERITIES), metadata={"words": _SEVERITIES})
    evidence: dict[str, Any] = field(
        factory=dict, converter=copied, hash=False, metadata={"refs": {"version": "model"}}
    )
    phase: str | None = None
    at: str = ""

    def _title(self) -> str:
        return f"{self.severity}: {self.summary}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [("kind", self.kind), ("subject", self.subject), ("phase", self.phase), ("at", self.at)]

    def _row(self) -> list[Any]:
        return [_html.badge(self.severity), self.kind, self.subject, self.summary, self.phase or ""]


_FINDING_HEADS = ["", "kind", "subject", "finding", "next phase"]


def _rows(value: Any) -> list[dict[str, Any]]:
    return [copied(dict(row)) for row in value]


@frozen(kw_only=True, repr=False)
class Report(Record):
    """What monitoring saw at a deployment between two moments.

    Attributes
    ----------
    deployment : str
    revision : int or None
    since, until : str or None
        The window (UTC).
    rows : int, default 0
        Predictions looked at.
    findings : tuple of Finding
    table : list of dict
        One row per quantity looked at: effect, test, threshold, verdict.
    at : str
        When it was made (UTC).

    Examples
    --------
    >>> Report(deployment="eu-api", revision=2, rows=1000, table=[{"column": "age", "effect": 0.1}])
    Report('eu-api', revision=2, rows=1000, findings=0)
    """

    deployment: str = field(metadata={"ref": "deployment"})
    revision: int | None = None
    since: str | None = None
    until: str | None = None
    rows: int = 0
    findings: tuple[Finding, ...] = field(default=(), converter=listed)
    table: list[dict[str, Any]] = field(factory=list, converter=_rows, hash=False)
    at: str = ""

    def frame(self) -> pd.DataFrame:
        """Return the table as a DataFrame, one row per quantity looked at.

        Examples
        --------
        >>> Report(deployment="eu-api", table=[{"column": "age", "effect": 0.1}]).frame().loc[0, "column"]
        'age'
        """
        import pandas as pd

        return pd.DataFrame(self.table)

    def _title(self) -> str:
        return self.deployment

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("revision", self.revision),
            ("rows", self.rows),
            ("findings", len(self.findings)),
            ("since", self.since),
            ("until", self.until),
        ]

    def __str__(self) -> str:
        noun = "finding" if len(self.findings) == 1 else "findings"
        head = f"{self.deployment}: {self.rows:,} predictions, {len(self.findings)} {noun}"
        return "\n".join([head, *(f"  {finding}" for finding in self.findings)])

    def _repr_html_(self) -> str:
        findings = _html.table(_FINDING_HEADS, [finding._row() for finding in self.findings])
        heads = list(dict.fromkeys(key for row in self.table for key in row))
        body = [[_shown(key, row.get(key)) for key in heads] for row in self.table]
        table = _html.table(heads, body) if heads else ""
        return _html.card(f"report on {self.deployment}", self._facts(), findings if self.findings else "", table)


def _shown(key: str, value: Any) -> Any:
    return _html.badge(value) if key == "verdict" and isinstance(value, str) else value


@frozen(kw_only=True, repr=False)
class Status(Record):
    """Where the project stands: per phase, what is stale, blocked or due.

    Attributes
    ----------
    phases : dict of str to list of Finding
        Phases in the order of the cycle; an empty list means nothing to do.
    at : str
        When it was made (UTC).

    Examples
    --------
    >>> due = Finding(id="0f", kind="stale", subject="customers", summary="no new data for 40 days", phase="data")
    >>> print(Status(phases={"scope": [], "data": [due]}))
    scope  ✓
    data   ! no new data for 40 days
    """

    phases: dict[str, list[Finding]] = field(factory=dict, converter=copied, hash=False)
    at: str = ""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything noticed, over all phases."""
        return tuple(finding for found in self.phases.values() for finding in found)

    def _facts(self) -> list[tuple[str, Any]]:
        return [(phase, len(found)) for phase, found in self.phases.items()]

    def __str__(self) -> str:
        width = max((len(phase) for phase in self.phases), default=0)
        lines = []
        for phase, found in self.phases.items():
            marks = {"info": "·", "warn": "!", "fail": "✗"}
            said = [f"{marks.get(finding.severity, '?')} {finding.summary}" for finding in found] or ["✓"]
            lines += [f"{phase if first else '':<{width}}  {text}" for first, text in _first(said)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for phase, found in self.phases.items():
            rows += [[phase, *finding._row()[:4]] for finding in found] or [[phase, _html.badge("pass"), "", "", ""]]
        return _html.table(["phase", "", "kind", "subject", "finding"], rows)


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
