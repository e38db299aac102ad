"""What a gate says: which criteria hold today, and what stored evaluations say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mlcycle import checks, records
from mlcycle._ids import now
from mlcycle._text import plain
from mlcycle.errors import GateBlocked, NotFound
from mlcycle.lifecycle.evaluation._stored import evaluation_document, evaluations_of
from mlcycle.lifecycle.scope import checked_override, scope_record
from mlcycle.state import Version, View, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.lifecycle.blobs import Blobs

__all__ = ["criteria_today", "decide", "judged_today"]


def criteria_today(scope: Version | None, at: str | None = None) -> list[records.Criterion]:
    """Return the criteria in force now, or at a moment."""
    return [] if scope is None else list(checks.criteria_in_force(scope_record(scope), at or now()))


def decide(
    blobs: Blobs,
    view: View,
    action: str,
    version: Version,
    *,
    author: str,
    message: str,
    override: records.Override | None,
) -> records.Decision:
    """Return what the gate says of a model version today; nothing is written."""
    override = checked_override(override)
    moment = now()
    scope = view.versions.newest("scope", "scope")
    results: list[records.Result] = []
    evidence: dict[str, records.Evaluation] = {}
    for criterion in (one for one in criteria_today(scope, moment) if one.judges == "model"):
        found, evaluation = _evidence(blobs, view, version, criterion, scope)
        results += found
        if evaluation is not None:
            evidence[evaluation.id] = evaluation
    if override is not None and override.author is None:
        override = attrs.evolve(override, author=author)
    decision: records.Decision = checks.decide(
        action,
        version.shown,
        results,
        now=moment,
        override=override,
        loosened=scope_record(scope).loosened if scope else (),
        problems=[problem for one in evidence.values() for problem in checks.evidence_problems(one)],
        evaluations=list(evidence),
        message=message,
        author=author,
    )
    used = [f"  {one.data} has been judged on {_times(one.uses_of_test)}" for one in evidence.values()]
    return attrs.evolve(decision, why="\n".join([decision.why, *dict.fromkeys(used)]))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times; the more often, the less it proves"


def _evidence(
    blobs: Blobs, view: View, version: Version, criterion: records.Criterion, scope: Version | None
) -> tuple[list[records.Result], records.Evaluation | None]:
    """Return the stored results that answer a criterion, or one result that says why there are none."""
    subject = version.shown

    def missing(detail: str) -> tuple[list[records.Result], None]:
        blocking: bool = criterion.blocking
        gap = records.Result(check=plain(criterion), subject=subject, verdict="error", blocking=blocking, detail=detail)
        return [gap], None

    if isinstance(criterion, records.UnknownCriterion):  # whatever is stored as its answer, nobody here can weigh it
        return missing("this criterion needs a newer mlcycle; upgrade to judge it")
    name = criterion.on or (scope_record(scope).test if scope else None)
    if name is None:
        return missing("it names no data: project.scope.set(test='…') or on='…'")
    try:
        data = resolve(view, name, "dataset").shown
    except NotFound as error:
        return missing(plain(error))
    for stored, results in _stored_answers(blobs, view, version.ref, f"dataset:{data}", criterion):
        if stored.data != data:
            continue
        if stale := _stale(view, version, criterion, results):
            return missing(stale)
        return results, stored
    return missing(f"no evaluation answers it: project.evaluate({subject!r}, {data!r})")


def _stored_answers(
    blobs: Blobs, view: View, subject: str, data: str, criterion: records.Criterion
) -> Iterator[tuple[records.Evaluation, list[records.Result]]]:
    """Yield what stored evaluations of a version on some data say of a criterion, newest first."""
    asked = records.to_json(criterion)
    for fact in evaluations_of(view, subject, data):
        document = evaluation_document(blobs, fact)
        for answer in document["answers"]:
            if answer["criterion"] == asked:
                yield (
                    records.from_json(document["evaluation"]),
                    [records.from_json(result) for result in answer["results"]],
                )


def _stale(view: View, version: Version, criterion: records.Criterion, results: list[records.Result]) -> str | None:
    """Say so where a comparison was made with a version its alias has left since."""
    reference = getattr(criterion, "reference", None)
    if reference is None or "@" in reference:
        return None
    number = view.pointers.at("model", version.name, reference)
    current = None if number is None else f"{version.name}@{number}"
    compared = next((result.comparison["reference"] for result in results if result.comparison), None)
    if current in (compared, version.shown):
        return None
    return (
        f"it was compared with {compared or 'nothing'}, and {reference} is {current} now; "
        f"evaluate again: project.evaluate({version.shown!r})"
    )


def judged_today(blobs: Blobs, view: View, refs: list[str], override: records.Override | None) -> GateBlocked | None:
    """Return the refusal to go back to a version whose stored evidence fails today's scope, unless overridden.

    A version nobody evaluated under such a criterion passes: going back must be possible in an emergency.
    """
    override = checked_override(override)
    if override is not None and override.until > now():
        return None
    criteria = [
        one
        for one in criteria_today(view.versions.newest("scope", "scope"))
        if one.blocking and hasattr(one, "threshold")
    ]
    failing = [
        f"{ref}: {result.check} was {result.value:.4g} [{result.low:.4g}, {result.high:.4g}]; today: {plain(criterion)}"
        for ref in refs
        for criterion in criteria
        for result in _measured(blobs, view, ref, criterion)
        if _fails(criterion, result)
    ]
    if not failing:
        return None
    return GateBlocked(
        f"this would go back to what fails today's scope: {'; '.join(failing)}. To go back all the same: "
        "project.rollback(…, override=mc.Override(reason='…', until='30d'))"
    )


def _measured(blobs: Blobs, view: View, ref: str, criterion: records.Criterion) -> list[records.Result]:
    """Return the newest stored results of the question a criterion asks, whatever its threshold was then."""
    asked = records.to_json(criterion)
    for fact in evaluations_of(view, f"model:{ref}"):
        for answer in evaluation_document(blobs, fact)["answers"]:
            former = answer["criterion"]
            if former and all(former.get(field) == asked.get(field) for field in ("type", "metric", "slices", "on")):
                return [records.from_json(result) for result in answer["results"]]
    return []


def _fails(criterion: records.Criterion, result: records.Result) -> bool:
    if result.low is None or result.high is None:
        return False
    if isinstance(criterion, records.AtLeast):
        return bool(result.high < criterion.threshold)
    return bool(result.low > criterion.threshold)  # type: ignore[attr-defined]
