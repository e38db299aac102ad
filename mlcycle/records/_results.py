"""Facts about judgement: what one check found, and what many come to."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from attrs import field, frozen, validators

from mlcycle import _html
from mlcycle._digest import json_text
from mlcycle._ids import bare
from mlcycle.errors import InvalidInput
from mlcycle.records._json_refs import full_ref
from mlcycle.records._record import Record, copied
from mlcycle.records._vocabulary import one_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "HEADS",
    "PHASES",
    "SUBJECT",
    "VERDICTS",
    "Result",
    "full_subject",
    "gravest",
    "results_table",
    "severity_of",
    "worst",
]

VERDICTS = ("pass", "warn", "fail", "inconclusive", "not_applicable", "skipped", "error")
"""Every verdict a result may have; one read from a newer release may have another."""
PHASES = ("scope", "data", "model", "deployment")
"""Every phase of the cycle a finding may send to; one read from a newer release may be another."""

_GRAVITY = ("not_applicable", "pass", "warn", "skipped", "inconclusive", "error", "fail")
# A gate asks for proof; who watches traffic waits for an alarm, and that few labels came yet must not hide one.
_ALARM = ("not_applicable", "pass", "skipped", "inconclusive", "error", "warn", "fail")
_SEVERITIES = {"fail": "fail", "warn": "warn", "error": "warn"}


def severity_of(verdict: str) -> str:
    """Return what a finding with this verdict is to people: ``"fail"``, ``"warn"`` or ``"info"``.

    A word of a newer release stays the word it is.

    Examples
    --------
    >>> severity_of("error"), severity_of("inconclusive")
    ('warn', 'info')
    """
    return _SEVERITIES.get(verdict, "info") if verdict in VERDICTS else verdict


def full_subject(subject: str) -> str:
    """Return a subject with its kind; that of a text without one is a model."""
    return full_ref("model", subject) if isinstance(subject, str) and subject else subject


SUBJECT = {"ref": "model", "full": True}


def _plain(value: Any) -> Any:
    """Return what a check answered in Python's own types: it answers with whatever numpy gave it."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value


def _refused(what: str, kind: str, value: Any) -> InvalidInput:
    return InvalidInput(f"{what} of a result is {kind}, got {type(value).__name__}: {value!r:.80}")


def _number(value: Any) -> float | None:
    value = _plain(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, Real)):
        raise _refused("a value, limit or threshold", "a number", value)
    return None if value is None else float(value)


def _count(value: Any) -> int | None:
    value = _plain(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, Integral)):
        raise _refused("the number of rows", "a whole number", value)
    return None if value is None else int(value)


def _truth(value: Any) -> bool:
    value = _plain(value)
    if not isinstance(value, bool):
        raise _refused("blocking or keep", "True or False", value)
    return value


def _words(value: Any) -> str:
    if not isinstance(value, str):
        raise _refused("check, detail, data or look", "text", value)
    return json_text(value)


def _words_or_none(value: Any) -> str | None:
    return None if value is None else _words(value)


def _part(value: Any) -> str | None:
    """Return a slice as text: that of a group may be its number."""
    value = _plain(value)
    return None if value is None else json_text(str(value))


@frozen(kw_only=True, repr=False)
class Result(Record):
    """What one check found on one subject; with a phase it is a *finding*.

    Attributes
    ----------
    check : str
        What was asked, e.g. ``"roc_auc ≥ 0.8"``.
    subject : str, default ""
        What was judged, as a full ref such as ``"model:churn@7"``; a text without a kind is a model.
    data : str or None
        On which data.
    slice : str or None
        On which part of it, ``"region=EU"``.
    verdict : str
        One of `VERDICTS`.
    value, low, high : float or None
        The value found and its confidence interval, in the metric's unit. For a comparison: subject minus reference,
        turned so that positive is better.
    threshold : float or None
        What it was held against.
    n : int or None
        Rows it rests on.
    groups : int or None
        How many groups those rows are of, where rows of one group stay together.
    detectable : float or None
        The smallest distance from the threshold this many rows would have shown, with a chance of 80 %.
    confidence : float or None
        Of the interval.
    blocking : bool, default True
        Whether a gate stops at it.
    comparison : dict or None
        For a comparison: the reference, both values, how many rows the two answer otherwise, the finding in a word.
    detail : str, default ""
        A sentence for the reader.
    phase : str or None
        Which phase of the cycle to go to: one of `PHASES`.
    look : str or None
        For a window of traffic: the signal it belongs to, ``"traffic"``, ``"data drift"``, ``"prediction drift"``,
        ``"quality"``, ``"failures"``, ``"latency"``, or a check of the user.
    keep : bool, default True
        False where nothing of what was judged may be stored, e.g. because it holds personal data.

    Examples
    --------
    >>> bad = Result(check="roc_auc ≥ 0.8", subject="model:churn@7", verdict="fail", value=0.71, low=0.68, high=0.74,
    ...              threshold=0.8, n=900)
    >>> print(bad)
    fail: roc_auc ≥ 0.8: 0.71 [0.68, 0.74], n=900
    >>> bad.subject
    'model:churn@7'
    """

    check: str = field(converter=_words)
    subject: str = field(default="", converter=full_subject, metadata=SUBJECT)
    data: str | None = field(default=None, converter=_words_or_none, metadata={"ref": "dataset"})
    slice: str | None = field(default=None, converter=_part)
    verdict: str = field(validator=one_of("a verdict", VERDICTS), metadata={"words": VERDICTS})
    value: float | None = field(default=None, converter=_number)
    low: float | None = field(default=None, converter=_number)
    high: float | None = field(default=None, converter=_number)
    threshold: float | None = field(default=None, converter=_number)
    n: int | None = field(default=None, converter=_count)
    groups: int | None = field(default=None, converter=_count)
    detectable: float | None = field(default=None, converter=_number)
    confidence: float | None = field(default=None, converter=_number)
    blocking: bool = field(default=True, converter=_truth)
    comparison: dict[str, Any] | None = field(
        default=None, converter=copied, hash=False, metadata={"refs": {"reference": "model"}}
    )
    detail: str = field(default="", converter=_words)
    phase: str | None = field(
        default=None, validator=validators.optional(one_of("a phase", PHASES)), metadata={"words": PHASES}
    )
    look: str | None = field(default=None, converter=_words_or_none)
    keep: bool = field(default=True, converter=_truth)

    def _title(self) -> str:
        return f"{self._said}: {self._name}{self._measured()}"

    @property
    def _said(self) -> str:
        """The verdict as people read it: what was held against nothing is ``"measured"``."""
        if self.verdict != "not_applicable":
            return self.verdict
        return "does not apply" if self.value is None else "measured"

    def _measured(self) -> str:
        if self.value is None:
            return f": {self.detail}" if self.detail else ""
        interval = f" [{_html.number(self.low)}, {_html.number(self.high)}]" if self.low is not None else ""
        rows = f", n={self.n}" if self.n is not None else ""
        return f": {_html.number(self.value)}{interval}{rows}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("subject", bare(self.subject)),
            ("data", self.data),
            ("detectable", self.detectable),
            ("look", self.look),
            ("phase", self.phase),
        ]

    @property
    def _name(self) -> str:
        return f"{self.check} ({self.slice})" if self.slice else self.check

    def _text(self) -> str:
        """Say it as a finding: in its own sentence, where it has one."""
        return f"{self.verdict}: {self.detail}" if self.detail else self._title()

    def _row(self) -> list[Any]:
        picture = _html.bar(self.value, self.low, self.high, self.threshold, verdict=self.verdict)
        interval = "" if self.low is None else f"{_html.number(self.low)} … {_html.number(self.high)}"
        held = [self.value, interval, picture, self.threshold, self.n, self.detectable]
        return [_html.badge(self.verdict), self._name, *held, self.detail]

    def _repr_html_(self) -> str:
        return results_table([self])


HEADS = ["", "check", "value", "interval", "", "threshold", "rows", "would show", "note"]


def results_table(results: Iterable[Result]) -> _html.Markup:
    return _html.table(HEADS, [result._row() for result in results])


def worst(results: Iterable[Result]) -> str:
    """Return one verdict for many results: the gravest that blocks; what does not block weighs at most a warning.

    Parameters
    ----------
    results : iterable of Result
        Without any, the answer is ``"not_applicable"``.

    Examples
    --------
    >>> worst([Result(check="a", verdict="pass"), Result(check="b", verdict="inconclusive")])
    'inconclusive'
    >>> worst([Result(check="a", verdict="pass"), Result(check="b", verdict="fail", blocking=False)])
    'warn'
    """
    return gravest(results, alarm=False)


def gravest(results: Iterable[Result], *, alarm: bool) -> str:
    """Return one verdict for many results: as `worst`, or where an alarm counts before what is undecided."""
    order = _ALARM if alarm else _GRAVITY
    found = "not_applicable"
    for result in results:
        light = not result.blocking and _gravity(result.verdict) > _gravity("skipped")
        verdict = "warn" if light else result.verdict
        found = max(found, verdict, key=lambda one: _gravity(one, order))
    return found


def _gravity(verdict: str, order: tuple[str, ...] = _GRAVITY) -> int:
    # a word of a newer release may mean anything, so it weighs as an answer that could not be had
    return order.index(verdict if verdict in order else "error")
