"""Facts about what was decided: decisions, and overrides that let something through."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle._ids import bare
from mlcycle._times import parse_time
from mlcycle.errors import InvalidInput
from mlcycle.records._committed import Committed, stamp_last
from mlcycle.records._record import Record, copied, listed, texts
from mlcycle.records._results import SUBJECT, Result, full_subject, results_table

__all__ = ["Decision", "Override"]

_AGAINST = ("  ✗ ", "  ? ")  # how a line of `why` begins that says what stands against it


def _author(instance: Any, attribute: Any, value: Any) -> None:
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise InvalidInput(
            f"the author of an override is a name such as 'ada', got {type(value).__name__}: {value!r:.80}"
        )


def _said(instance: Any, attribute: Any, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput("an override says why: records.Override(message='…', until='30d')")


def _until(value: Any) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise InvalidInput(
            "an override ends: give its last day or how long it holds, records.Override(message='…', until='30d')"
        )
    return parse_time(value, ahead=True)


@frozen(kw_only=True, repr=False)
class Override(Record):
    """Permission to pass a gate all the same: who, why, until when.

    Attributes
    ----------
    message : str
        Not blank.
    until : str, date, datetime or timedelta, or one of numpy or pandas
        Its last moment; a bare date means the end of that day (UTC), ``"7d"`` or a timedelta so long from now. Kept as
        UTC text.
    author : str or None
        Whoever gives it; the one who acts, if not said.

    Raises
    ------
    InvalidInput
        Without a message or an end.

    Examples
    --------
    >>> Override(message="pilot in one shop only", until="2026-12-31").until
    '2026-12-31T23:59:59.999999Z'
    """

    message: str = field(validator=_said)
    until: str = field(converter=_until)
    author: str | None = field(default=None, validator=_author)

    def _facts(self) -> list[tuple[str, Any]]:
        return [("message", self.message), ("until", self.until), ("author", self.author)]


@frozen(kw_only=True, repr=False, field_transformer=stamp_last)
class Decision(Committed):
    """A gate's answer, with all it rests on.

    Attributes
    ----------
    id : str
    action : str
        What was to be done: ``"promote"``, ``"route"``, ``"rollback"``.
    subject : str
        To what, as a full ref such as ``"model:churn@7"``; without a kind it is a model.
    allowed : bool
    results : tuple of Result
        The evidence.
    evaluations : tuple of str
        Ids of the evaluations it comes from.
    now : str
        The time the gate used, for expiries.
    override : Override or None
        The one that let it through, or that had ended; None where nothing stood against it.
    scope : int or None
        Number of the scope it was taken by, where there was one.
    alias : str or None
        Of a promotion: where to.
    changed_after_results : int, default 0
        How often criteria or test had been changed after results on this test were seen.
    trial : dict of str to str
        Model versions (full refs) that may answer a small part of the traffic without evidence, and until when.
    why : str
        The answer in words: what failed, by how much, and how to override.

    Examples
    --------
    >>> Decision(id="0d", action="promote", subject="model:churn@7", allowed=False, why="roc_auc ≥ 0.8 failed")
    Decision('promote churn@7: blocked', why='roc_auc ≥ 0.8 failed')
    """

    id: str
    action: str
    subject: str = field(converter=full_subject, metadata=SUBJECT)
    allowed: bool
    results: tuple[Result, ...] = field(default=(), converter=listed)
    evaluations: tuple[str, ...] = field(default=(), converter=texts, metadata={"ref": "evaluation"})
    now: str = ""
    override: Override | None = None
    scope: int | None = None
    alias: str | None = None
    changed_after_results: int = 0
    trial: dict[str, str] = field(factory=dict, converter=copied, hash=False)
    why: str = ""

    def _title(self) -> str:
        return f"{self.action} {bare(self.subject)}: {'allowed' if self.allowed else 'blocked'}"

    def __str__(self) -> str:
        return self.why or self._title()

    def _facts(self) -> list[tuple[str, Any]]:
        return [("why", self.why), *super()._facts()]

    def _cells(self) -> list[tuple[str, Any]]:
        """Say the first reason alone: a sentence of several lines is cut before it comes to one."""
        against = [line[4:] for line in self.why.splitlines() if line.startswith(_AGAINST)]
        reason = against[0] if against else "" if self.allowed else self.why
        return [("decision", self._title()), ("reason", reason), *super()._facts()]

    def _repr_html_(self) -> str:
        override = f"{self.override.message} (until {self.override.until})" if self.override else None
        facts = [("answer", _html.badge("allowed" if self.allowed else "blocked")), *self._facts()]
        facts.append(("override", override))
        return _html.card(
            f"{self.action} {bare(self.subject)}", facts, results_table(self.results) if self.results else ""
        )
