"""Gates: from results to a decision, as a pure function of the evidence and the time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mlcycle._html import number
from mlcycle._ids import bare, new_id
from mlcycle._text import plain
from mlcycle.errors import GateBlocked
from mlcycle.records import VERDICTS, Decision, Override, Result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlcycle.records import Criterion, Evaluation, Loosening, MovedTest

__all__ = ["BLOCKING", "decide", "evidence_problems", "lacking", "require", "stops"]

_FINAL = "The date given says how long this holds; it lets nobody pass what stands against it."

BLOCKING = ("fail", "inconclusive", "error", "skipped")
"""Verdicts that stop a gate where the result blocks: what failed, and what gave no answer."""


_WORDS = {"fail": "failed", "warn": "warned", "error": "could not be computed", "skipped": "was skipped"}


def decide(
    action: str,
    subject: str,
    results: Iterable[Result],
    *,
    now: str,
    override: Override | None = None,
    final: bool = False,
    amended: Iterable[Loosening | MovedTest] = (),
    problems: Iterable[str] = (),
    evaluations: Iterable[str] = (),
    message: str = "",
    author: str = "",
    id: str | None = None,
) -> Decision:
    """Return whether an action may go ahead, with everything the answer rests on.

    Parameters
    ----------
    action : str
        What is to be done, in a word: ``"promote"``, ``"route"``, ``"add"``.
    subject : str
        What it is about, as a full ref.
    results : iterable of Result
        The evidence. Blocking results that fail, are inconclusive, skipped or in error stop it, and so does a verdict
        that this release does not know; warnings do not.
    now : str
        The time (UTC) expiries are held against; recorded.
    override : Override, optional
        Lets a blocked action through, unless it has expired.
    final : bool, default False
        No override would let it through, so the answer names none.
    amended : iterable of Loosening and MovedTest
        What was amended in the scope; what stands of it at this time is mentioned in the answer.
    problems : iterable of str
        What is wrong with the evidence itself, e.g. from `evidence_problems`; each stops it.
    evaluations : iterable of str
        Ids of the evaluations the results come from.
    message, author : str
        Why the action is asked for, and by whom.
    id : str, optional
        Of the decision; a fresh one by default.

    Returns
    -------
    Decision
        Its `why` says what failed, by how much, and how to override, and names every result that is no pass and does
        not block.

    Examples
    --------
    >>> bad = Result(check="roc_auc ≥ 0.8", verdict="fail", value=0.71, low=0.68, high=0.74, threshold=0.8, n=900)
    >>> decision = decide("promote", "model:churn@7", [bad], now="2026-11-23T10:00:00.000000Z")
    >>> decision.allowed
    False
    >>> print(decision.why)
    promote churn@7 is blocked:
      ✗ roc_auc ≥ 0.8 failed: 0.71, interval 0.68 to 0.74, 900 rows
    To do it all the same, say why and until when: message="…", override_until="2026-12-31"; it will be recorded.
    """
    found = tuple(results)
    against = [f"  ✗ {problem}" for problem in problems]
    against += _result_lines([one for one in found if stops(one)], subject)
    in_time = override is not None and override.until > now
    allowed = not against or in_time
    return Decision(
        id=id or new_id(),
        action=action,
        subject=subject,
        allowed=allowed,
        results=found,
        evaluations=tuple(evaluations),
        now=now,
        override=override if against else None,
        message=message,
        author=author,
        at=now,
        why="\n".join(
            [
                *_why(f"{action} {bare(subject)}", found, against, override if in_time else None),
                *_told_lines([one for one in found if not stops(one)], subject),
                *_amended_text(amended, now),
            ]
            + ([] if allowed else [_FINAL] if final else _remedy(override, now))
        ),
    )


def _why(what: str, results: tuple[Result, ...], against: list[str], override: Override | None) -> list[str]:
    """Say in lines whether something may be done, and what stands against it."""
    if not against:
        if not results:
            return [f"{what} is allowed: no criterion of the scope asks for anything"]
        count = Counter(result.verdict for result in results)
        warned = f", {count['warn']} warned" if count["warn"] else ""
        passed = f"{count['pass']} of {len(results)} checks passed{warned}"
        return [f"{what} is allowed: {passed}, none that blocks stands against it"]
    if override is None:
        return [f"{what} is blocked:", *against]
    by = f" by {override.author}" if override.author else ""
    head = f"{what} is allowed by override{by} until {override.until[:10]} ({override.message}), in spite of:"
    return [head, *against]


def _amended_text(amended: Iterable[Loosening | MovedTest], now: str) -> list[str]:
    return [
        f"  · amended {'for good' if one.permanent else f'until {one.until[:10]}'} by {one.author or 'somebody'}: "
        f"{plain(one)} ({one.message})"
        for one in amended
        if not one.over(now)
    ]


def _remedy(override: Override | None, now: str) -> list[str]:
    year, month = int(now[:4]), int(now[5:7])
    until = f"{year}-12-31" if month < 12 else f"{year + 1}-01-31"
    how = f'message="…", override_until="{until}"'
    late = [f"The override given ended {override.until[:10]}."] if override is not None else []
    return [*late, f"To do it all the same, say why and until when: {how}; it will be recorded."]


def stops(result: Result) -> bool:
    """Say whether a gate stops at a result.

    Examples
    --------
    >>> stops(Result(check="f1 ≥ 0.8", verdict="inconclusive")), stops(Result(check="f1", verdict="not_applicable"))
    (True, False)
    """
    # a word of a newer mlcycle may mean anything, so it lets nothing through
    return result.blocking and (result.verdict in BLOCKING or result.verdict not in VERDICTS)


def _told_lines(results: list[Result], subject: str) -> list[str]:
    """Say what does not stop it and is no pass: it may be what somebody wants to know before going on."""
    told = [one for one in results if one.verdict not in ("pass", "not_applicable")]
    # what warns is mostly a hook, whose words say all there is
    heard = [f"  ! {one.detail}" for one in told if one.verdict == "warn" and one.detail]
    rest = [one for one in told if one.verdict != "warn" or not one.detail]
    return [*dict.fromkeys(heard), *_result_lines(rest, subject)]


def _mark(result: Result) -> str:
    if not stops(result):
        return "!" if result.verdict == "warn" else "·"
    return "✗" if result.verdict == "fail" else "?"


def _result_lines(results: list[Result], subject: str) -> list[str]:
    """Say what results found, a line each; those that found nothing for one cause share a line."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for place, one in enumerate(dict.fromkeys(results)):  # once, though an alias and a route ask the same
        whose = f"{bare(one.subject)}: " if one.subject not in ("", subject) else ""
        what = f"{one.check} ({one.slice})" if one.slice else one.check
        own = "" if one.value is None and one.detail else str(place)
        alike.setdefault((f"  {_mark(one)} {whose}", _result_text(one), own), []).append(what)
    return [f"{begin}{_listed(whats)} {told}" for (begin, told, _), whats in alike.items()]


def _listed(whats: list[str]) -> str:
    *most, last = whats
    return f"{', '.join(most)} and {last}" if most else last


def _result_text(result: Result) -> str:
    """Say what became of a check: what it found, by how much, and on how many rows."""
    word = _WORDS.get(result.verdict)
    measured = []
    if result.value is not None:
        measured.append(number(result.value))
        if result.comparison:
            measured[0] = _compared(result)
        if result.low is not None:
            measured.append(f"interval {number(result.low)} to {number(result.high)}")
        if result.n is not None:
            measured.append(f"{result.n:,} rows")
    told = ", ".join(measured)
    details = "; ".join(text for text in (told, result.detail) if text)
    if result.verdict not in VERDICTS:
        word = f"has the verdict {result.verdict!r}, which this mlcycle does not know (upgrade it)"
    return (word or "is inconclusive") + (f": {details}" if details else "")


def _compared(result: Result) -> str:
    comparison = result.comparison or {}
    ours, theirs = comparison.get("subject"), comparison.get("reference_value")
    return (
        f"{number(ours)} against {number(theirs)} of {comparison.get('reference')}, difference {number(result.value)}"
    )


def require(decision: Decision) -> Decision:
    """Return a decision that allows the action, or raise.

    Raises
    ------
    GateBlocked
        With the decision's `why` as its message, and the decision itself.

    Examples
    --------
    >>> require(decide("promote", "model:churn@7", [], now="2026-11-23T10:00:00.000000Z")).allowed
    True
    """
    if not decision.allowed:
        raise GateBlocked(decision.why, decision)
    return decision


def evidence_problems(evaluation: Evaluation) -> tuple[str, ...]:
    """Return why an evaluation is no evidence a gate may use: rows the model has been trained on, or may have been.

    Examples
    --------
    >>> from mlcycle.records import Evaluation
    >>> evidence_problems(Evaluation(id="1", subject="churn@7", data="c.test@1", overlap={"c.train@1": 12}))
    ("c.test@1 shares 12 rows with c.train@1, which churn@7 was trained on: train on rows that are not in it, ...",)
    """
    data, model = evaluation.data, bare(evaluation.subject)
    seen = (
        f"{data} shares {rows:,} rows with {ref}, which {model} was trained on: train on rows that are not in it, "
        "or move the test, project.scope.set(test='…', permanent=True, message='…')"
        for ref, rows in evaluation.overlap.items()
        if rows
    )
    unknown = (
        f"{data} could not be compared with {ref}, which {model} was trained on: its rows are gone, or damaged"
        for ref, rows in evaluation.overlap.items()
        if rows is None
    )
    return (*seen, *unknown)


# What an evaluation has at hand; what a criterion needs beside it, nobody here could answer or weigh.
_OFFERED = frozenset(["data", "labels", "model", "reference"])


def lacking(criterion: Criterion) -> str:
    """Return why a criterion cannot be judged here; empty where it can.

    Examples
    --------
    >>> from mlcycle.records import AtLeast, UnknownCriterion
    >>> lacking(AtLeast("roc_auc", 0.8))
    ''
    >>> lacking(UnknownCriterion({"type": "Calibrated"}))
    'this criterion needs a newer mlcycle to be judged'
    """
    missing = criterion.needs - _OFFERED
    return f"this criterion needs {' and '.join(sorted(missing))} to be judged" if missing else ""
