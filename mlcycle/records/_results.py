"""Facts about judgement: results, evaluations, overrides and decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle._times import parse_time
from mlcycle.errors import InvalidInput
from mlcycle.records._record import Committed, Record, as_row, copied, listed, stamp_last, texts
from mlcycle.records._words import one_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

__all__ = ["VERDICTS", "Decision", "Evaluation", "Override", "Result", "worst"]

VERDICTS = ("pass", "warn", "fail", "inconclusive", "not_applicable", "skipped", "error")
"""Every verdict a result may have; one read from a newer release may have another."""

_GRAVITY = ("not_applicable", "pass", "warn", "skipped", "inconclusive", "error", "fail")


@frozen(kw_only=True, repr=False)
class Result(Record):
    """What one check found on one subject.

    Attributes
    ----------
    check : str
        What was asked, e.g. ``"roc_auc ≥ 0.8"``.
    subject : str, default ""
        What was judged, as a ref.
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

    Examples
    --------
    >>> print(Result(check="roc_auc ≥ 0.8", subject="churn@7", verdict="fail", value=0.71, low=0.68, high=0.74,
    ...              threshold=0.8, n=900))
    fail: roc_auc ≥ 0.8: 0.71 [0.68, 0.74], n=900
    """

    check: str
    subject: str = field(default="", metadata={"ref": "model"})
    data: str | None = field(default=None, metadata={"ref": "dataset"})
    slice: str | None = None
    verdict: str = field(validator=one_of("a verdict", VERDICTS), metadata={"words": VERDICTS})
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n: int | None = None
    detectable: float | None = None
    confidence: float | None = None
    blocking: bool = True
    comparison: dict[str, Any] | None = field(
        default=None, converter=copied, hash=False, metadata={"refs": {"reference": "model"}}
    )
    detail: str = ""
    keep: bool = True

    def _title(self) -> str:
        where = f" ({self.slice})" if self.slice else ""
        return f"{self.verdict}: {self.check}{where}{self._measured()}"

    def _measured(self) -> str:
        if self.value is None:
            return f": {self.detail}" if self.detail else ""
        interval = f" [{_html.number(self.low)}, {_html.number(self.high)}]" if self.low is not None else ""
        rows = f", n={self.n}" if self.n is not None else ""
        return f": {_html.number(self.value)}{interval}{rows}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [("subject", self.subject), ("data", self.data), ("detectable", self.detectable)]

    def _row(self) -> list[Any]:
        picture = _html.bar(self.value, self.low, self.high, self.threshold, verdict=self.verdict)
        interval = "" if self.low is None else f"{_html.number(self.low)} … {_html.number(self.high)}"
        verdict = _html.badge(self.verdict)
        name = f"{self.check} ({self.slice})" if self.slice else self.check
        return [verdict, name, self.value, interval, picture, self.threshold, self.n, self.detectable, self.detail]

    def _repr_html_(self) -> str:
        return _results_table([self])


def _results_table(results: Iterable[Result]) -> _html.Markup:
    heads = ["", "check", "value", "interval", "", "threshold", "rows", "would show", "note"]
    return _html.table(heads, [result._row() for result in results])


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
    found = "not_applicable"
    for result in results:
        light = not result.blocking and _gravity(result.verdict) > _gravity("skipped")
        verdict = "warn" if light else result.verdict
        found = max(found, verdict, key=_gravity)
    return found


def _gravity(verdict: str) -> int:
    # a word of a newer release may mean anything, so it weighs as an answer that could not be had
    return _GRAVITY.index(verdict if verdict in _GRAVITY else "error")


@frozen(kw_only=True, repr=False, field_transformer=stamp_last)
class Evaluation(Committed):
    """What was found about one subject on one dataset, at one time.

    Attributes
    ----------
    id : str
    subject : str
        The version judged, as a ref.
    data : str or None
        The version of the data, as a ref.
    results : tuple of Result
    scope : int or None
        Number of the scope the criteria come from.
    uses_of_test : int, default 0
        How often this data has been judged on, this time included.
    overlap : dict of str to int
        Training data sharing rows with `data`, and how many rows.

    Examples
    --------
    >>> evaluation = Evaluation(id="0c", subject="churn@7", data="customers.test@1",
    ...                         results=[Result(check="roc_auc ≥ 0.8", verdict="pass", value=0.85, n=500)])
    >>> evaluation.verdict
    'pass'
    >>> evaluation
    Evaluation('churn@7 on customers.test@1', verdict='pass', results=1)
    """

    id: str
    subject: str = field(metadata={"ref": "model"})
    data: str | None = field(default=None, metadata={"ref": "dataset"})
    results: tuple[Result, ...] = field(default=(), converter=listed)
    scope: int | None = None
    uses_of_test: int = 0
    overlap: dict[str, int] = field(factory=dict, converter=copied, hash=False, metadata={"ref": "dataset"})

    @property
    def verdict(self) -> str:
        """One verdict for all results, as `worst` weighs them."""
        return worst(self.results)

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
        return f"{self.subject} on {self.data}" if self.data else self.subject

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("verdict", self.verdict),
            ("results", len(self.results)),
            ("scope", self.scope),
            ("uses of test", self.uses_of_test or None),
            ("overlap", self.overlap),
            *super()._facts(),
        ]

    def __str__(self) -> str:
        return "\n".join([f"{self._title()}: {self.verdict}", *(f"  {result}" for result in self.results)])

    def _repr_html_(self) -> str:
        shared = ", ".join(f"{rows} rows with {ref}" for ref, rows in self.overlap.items())
        facts = [
            ("verdict", _html.badge(self.verdict)),
            ("scope", self.scope),
            ("times this test set was used", self.uses_of_test or None),
            ("shares", shared),
            *super()._facts(),
        ]
        return _html.card(self._title(), facts, _results_table(self.results))


def _author(instance: Any, attribute: Any, value: Any) -> None:
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise InvalidInput(
            f"the author of an override is a name such as 'ada', got {type(value).__name__}: {value!r:.80}"
        )


def _said(instance: Any, attribute: Any, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput("an override says why: records.Override(reason='…', until='30d')")


def _until(value: Any) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise InvalidInput(
            "an override ends: give its last day or how long it holds, records.Override(reason='…', until='30d')"
        )
    return parse_time(value, ahead=True)


@frozen(kw_only=True, repr=False)
class Override(Record):
    """Permission to pass a gate all the same: who, why, until when.

    Attributes
    ----------
    reason : str
        Not blank.
    until : str, date, datetime or timedelta, or one of numpy or pandas
        Its last moment; a bare date means the end of that day (UTC), ``"7d"`` or a timedelta so long from now. Kept as
        UTC text.
    author : str or None
        Whoever gives it; the one who acts, if not said.

    Raises
    ------
    InvalidInput
        Without a reason or an end.

    Examples
    --------
    >>> Override(reason="pilot in one shop only", until="2026-12-31").until
    '2026-12-31T23:59:59.999999Z'
    """

    reason: str = field(validator=_said)
    until: str = field(converter=_until)
    author: str | None = field(default=None, validator=_author)

    def _facts(self) -> list[tuple[str, Any]]:
        return [("reason", self.reason), ("until", self.until), ("author", self.author)]


@frozen(kw_only=True, repr=False, field_transformer=stamp_last)
class Decision(Committed):
    """A gate's answer, with all it rests on.

    Attributes
    ----------
    id : str
    action : str
        What was to be done: ``"promote"``, ``"route"``, ``"rollback"``.
    subject : str
        To which version, as a ref.
    allowed : bool
    results : tuple of Result
        The evidence.
    evaluations : tuple of str
        Ids of the evaluations it comes from.
    now : str
        The time the gate used, for expiries.
    override : Override or None
        The override given, whether it was needed, expired or not.
    why : str
        The answer in words: what failed, by how much, and how to override.

    Examples
    --------
    >>> Decision(id="0d", action="promote", subject="churn@7", allowed=False, why="roc_auc ≥ 0.8 failed")
    Decision('promote churn@7: blocked', why='roc_auc ≥ 0.8 failed')
    """

    id: str
    action: str
    subject: str = field(metadata={"ref": "model"})
    allowed: bool
    results: tuple[Result, ...] = field(default=(), converter=listed)
    evaluations: tuple[str, ...] = field(default=(), converter=texts, metadata={"ref": "evaluation"})
    now: str = ""
    override: Override | None = None
    why: str = ""

    def _title(self) -> str:
        return f"{self.action} {self.subject}: {'allowed' if self.allowed else 'blocked'}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [("why", self.why), *super()._facts()]

    def _repr_html_(self) -> str:
        override = f"{self.override.reason} (until {self.override.until})" if self.override else None
        facts = [("answer", _html.badge("allowed" if self.allowed else "blocked")), *self._facts()]
        facts.append(("override", override))
        return _html.card(f"{self.action} {self.subject}", facts, _results_table(self.results) if self.results else "")
