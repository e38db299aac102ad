"""Facts about judgement: results, and the evaluations they stand in."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from attrs import field, frozen, validators

from mlcycle import _html
from mlcycle._digest import json_text
from mlcycle._ids import bare
from mlcycle.errors import InvalidInput
from mlcycle.records._committed import Committed, stamp_last
from mlcycle.records._json_refs import full_ref
from mlcycle.records._record import Record, as_row, copied, listed
from mlcycle.records._vocabulary import one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

__all__ = [
    "PHASES",
    "SUBJECT",
    "VERDICTS",
    "Evaluation",
    "Result",
    "full_subject",
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
    detectable : float or None
        The smallest distance from the threshold this many rows would have shown, with a chance of 80 %.
    confidence : float or None
        Of the interval.
    blocking : bool, default True
        Whether a gate stops at it.
    comparison : dict or None
        For a comparison: the reference, both values, the finding in a word.
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


_HEADS = ["", "check", "value", "interval", "", "threshold", "rows", "would show", "note"]


def results_table(results: Iterable[Result]) -> _html.Markup:
    return _html.table(_HEADS, [result._row() for result in results])


# A frame of a thousand columns may drift in all of them; the first of a signal are the strongest.
_SHOWN = 3


def _foremost(findings: Iterable[Result]) -> Iterator[Result | str]:
    """Yield the first findings of each signal and verdict, and how many more there are."""
    kinds: dict[tuple[str, str], list[Result]] = {}
    for one in findings:
        kinds.setdefault((one.look or one.check, one.verdict), []).append(one)
    for (look, verdict), found in kinds.items():
        yield from found[:_SHOWN]
        if len(found) > _SHOWN:
            yield f"{verdict}: and {len(found) - _SHOWN} more of {look}"


def _findings_table(findings: Iterable[Result]) -> _html.Markup:
    rows = [
        ["", "", "", one, ""]
        if isinstance(one, str)
        else [_html.badge(one.verdict), one.look or "", one._name, one.detail, one.phase]
        for one in _foremost(findings)
    ]
    return _html.table(["", "look", "check", "finding", "next phase"], rows) if rows else _html.Markup("")


def _looks_table(results: Iterable[Result]) -> _html.Markup:
    rows = [[one.look or "", bare(one.subject), *one._row()] for one in results]
    return _html.table(["look", "subject", *_HEADS], rows)


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"


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
    return _gravest(results, _GRAVITY)


def _gravest(results: Iterable[Result], order: tuple[str, ...]) -> str:
    found = "not_applicable"
    for result in results:
        light = not result.blocking and _gravity(result.verdict) > _gravity("skipped")
        verdict = "warn" if light else result.verdict
        found = max(found, verdict, key=lambda one: _gravity(one, order))
    return found


def _gravity(verdict: str, order: tuple[str, ...] = _GRAVITY) -> int:
    # a word of a newer release may mean anything, so it weighs as an answer that could not be had
    return order.index(verdict if verdict in order else "error")


@frozen(kw_only=True, repr=False, field_transformer=stamp_last)
class Evaluation(Committed):
    """What was found about one subject at one time: on one dataset, or in a window of a deployment's traffic.

    Attributes
    ----------
    id : str
    subject : str
        What was judged, as a full ref: a version, or ``"deployment:eu"`` for a window; without a kind it is a model.
    data : str or None
        The version of the data, as a ref.
    results : tuple of Result
    detail : str, default ""
        A sentence for the reader: why no criterion of the scope was asked, where it has some.
    scope : int or None
        Number of the scope the criteria come from.
    uses_of_test : int, default 0
        How many looks there were at rows of this data, this one included: a look is one model version judged on one
        part of the root that shares a row with it, whatever the part is called. The same look again is no new one.
    overlap : dict of str to int or None
        Training data sharing rows with `data`, and how many rows; None where it could not be compared.
    left_out : int, default 0
        Rows of `data` that have no label.
    groups : int or None
        Of a group role, how many groups the rows fall into; intervals respect them.
    since, until : str or None
        The window of traffic judged (UTC).
    revision : int or None
        The revision of the deployment that was judged.

    Examples
    --------
    >>> evaluation = Evaluation(id="0c", subject="model:churn@7", data="customers.test@1",
    ...                         results=[Result(check="roc_auc ≥ 0.8", verdict="pass", value=0.85, n=500)])
    >>> evaluation.verdict
    'pass'
    >>> evaluation
    Evaluation('churn@7 on customers.test@1', verdict='pass', results=1)
    """

    id: str
    subject: str = field(converter=full_subject, metadata=SUBJECT)
    data: str | None = field(default=None, metadata={"ref": "dataset"})
    results: tuple[Result, ...] = field(default=(), converter=listed)
    detail: str = ""
    scope: int | None = None
    uses_of_test: int = 0
    overlap: dict[str, int | None] = field(factory=dict, converter=copied, hash=False, metadata={"ref": "dataset"})
    left_out: int = 0
    groups: int | None = None
    since: str | None = None
    until: str | None = None
    revision: int | None = None

    @property
    def verdict(self) -> str:
        """One verdict for all results, as `worst` weighs them; of a window an alarm counts before what is undecided."""
        return _gravest(self.results, _ALARM if self._window else _GRAVITY)

    @property
    def findings(self) -> tuple[Result, ...]:
        """The results that name a phase to go to."""
        return tuple(one for one in self.results if one.phase is not None)

    @property
    def predictions(self) -> int | None:
        """How many predictions were looked at in a window; None where it is not known."""
        return next((one.n for one in self.results if one.look == "traffic" and one.n is not None), None)

    @property
    def _window(self) -> bool:
        return self.since is not None

    def frame(self) -> pd.DataFrame:
        """Return the results as a DataFrame, one row each.

        Examples
        --------
        >>> one = Evaluation(id="0c", subject="churn@7", results=[Result(check="a", verdict="pass", value=1.0)])
        >>> one.frame()[["check", "verdict", "value"]].to_dict("records")
        [{'check': 'a', 'verdict': 'pass', 'value': 1.0}]
        """
        import pandas as pd

        return pd.DataFrame([as_row(result) for result in self.results])

    def _title(self) -> str:
        return f"{bare(self.subject)} on {self.data}" if self.data else bare(self.subject)

    @property
    def _said(self) -> str:
        """The verdict in words; where nothing was held against a line, why that is."""
        measured = self.results and all(one._said == "measured" for one in self.results)
        return (self.detail or "no criterion yet") if measured and not self._window else self.verdict

    def _notes(self) -> Iterator[str]:
        """Yield what a reader should know of the rows that were judged on."""
        for ref, rows in self.overlap.items():
            if rows is None:
                yield f"cannot be compared with {ref}, which it was trained on"
            else:
                yield f"shares {rows:,} {_rows(rows)} with {ref}, which it was trained on"
        if self.left_out:
            yield f"{self.left_out:,} {_rows(self.left_out)} without a label left out"
        if self.groups is not None:
            yield f"the rows fall into {self.groups:,} groups, which the intervals respect"

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("verdict", self._said),
            ("results", len(self.results)),
            *self._looked_at(),
            ("scope", self.scope),
            ("uses of test", self.uses_of_test or None),
            ("overlap", self.overlap),
            *super()._facts(),
        ]

    def _looked_at(self) -> list[tuple[str, Any]]:
        """Say which window this is, and how much was in it."""
        if not self._window:
            return []
        return [
            ("findings", len(self.findings)),
            ("predictions", self.predictions),
            ("revision", self.revision),
            ("since", self.since),
            ("until", self.until),
        ]

    def __str__(self) -> str:
        if not self._window:
            lines = (f"  {one}" for one in (*self.results, *self._notes()))
            return "\n".join([f"{self._title()}: {self._said}", *lines])
        seen = "" if self.predictions is None else f"{self.predictions:,} predictions, "
        noun = "finding" if len(self.findings) == 1 else "findings"
        head = f"{self._title()}: {seen}{len(self.findings)} {noun}"
        lines = (one if isinstance(one, str) else one._text() for one in _foremost(self.findings))
        return "\n".join([head, *(f"  {line}" for line in lines)])

    def _repr_html_(self) -> str:
        shared = ", ".join(f"{'?' if rows is None else rows} rows with {ref}" for ref, rows in self.overlap.items())
        facts = [
            ("verdict", _html.badge(self._said)),
            ("scope", self.scope),
            ("times this test set was used", self.uses_of_test or None),
            ("shares", shared),
            ("rows without a label", self.left_out or None),
            ("groups of rows", self.groups),
            *self._looked_at(),
            *super()._facts(),
        ]
        if not self._window:
            return _html.card(self._title(), facts, results_table(self.results))
        return _html.card(self._title(), facts, _findings_table(self.findings), _looks_table(self.results))
