"""What a gate says: which criteria hold today, and what stored evaluations say of them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve, frozen

from mlcycle import checks, records
from mlcycle._ids import bare, now, parse_ref
from mlcycle._text import plain
from mlcycle.errors import NotFound, SchemaError
from mlcycle.lifecycle._evaluations import evaluation_document, evaluation_facts
from mlcycle.lifecycle._judging import Evidence
from mlcycle.lifecycle.scope import scope_record
from mlcycle.state import Version, View, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlcycle.lifecycle._judging import Matter
    from mlcycle.lifecycle.blobs import Blobs

__all__ = ["criteria_on", "criteria_today", "failing_today", "failure", "gathered", "in_spite_of", "model_criteria"]


def criteria_today(scope: Version | None, at: str | None = None) -> list[records.Criterion]:
    """Return the criteria in force now, or at a moment."""
    return [] if scope is None else list(checks.criteria_in_force(scope_record(scope), at or now()))


def model_criteria(scope: Version | None, at: str | None = None) -> list[records.Criterion]:
    """Return those among them that are asked of models."""
    return [one for one in criteria_today(scope, at) if one.judges == "model"]


def criteria_on(view: View, matter: Matter) -> dict[str, list[records.Criterion]]:
    """Return what the scope asks of rows that are to become versions, by name of the dataset."""
    scope = view.versions.newest("scope", "scope")
    found: dict[str, list[records.Criterion]] = {}
    for one in criteria_today(scope):
        on = one.on or scope_record(scope).test if scope and one.judges == "dataset" else None
        ref = None if on is None else parse_ref(on)
        if ref is not None and ref.version == "latest" and ref.name in matter.candidates:
            # under its own name, and not that of the newest there is
            found.setdefault(ref.name, []).append(evolve(cast("Any", one), on=ref.name))
    return found


@frozen
class _Answer:
    """What is known of one criterion and one version; `unmeasured` where it is only that nobody looked yet."""

    results: tuple[records.Result, ...]
    evaluation: records.Evaluation | None = None
    unmeasured: bool = False


def gathered(blobs: Blobs, view: View, *versions: Version) -> Evidence:
    """Return what stored evaluations say of model versions, criterion by criterion, by the scope of today."""
    scope = view.versions.newest("scope", "scope")
    criteria = model_criteria(scope)
    answers = [_answer(blobs, view, version, one, scope) for version in versions for one in criteria]
    used = {one.evaluation.id: one.evaluation for one in answers if one.evaluation is not None}
    return Evidence(
        results=tuple(result for one in answers for result in one.results),
        evaluations=tuple(used),
        problems=tuple(problem for one in used.values() for problem in checks.evidence_problems(one)),
        notes=tuple(f"  {one.data} has been judged on {_times(one.uses_of_test)}" for one in used.values()),
        loosened=scope_record(scope).loosened if scope else (),
        gaps=tuple(result for one in answers if one.unmeasured for result in one.results),
        scope=scope.number if scope else None,
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times; the more often, the less it proves"


def _answer(blobs: Blobs, view: View, version: Version, criterion: records.Criterion, scope: Version | None) -> _Answer:
    """Return the stored results that answer a criterion, or one result that says why there are none."""

    def missing(detail: str, *, unmeasured: bool = False) -> _Answer:
        gap = records.Result(
            check=plain(criterion),
            subject=version.ref,
            verdict="error",
            blocking=criterion.blocking,
            threshold=criterion.edge,
            detail=detail,
        )
        return _Answer((gap,), unmeasured=unmeasured)

    if why := checks.lacking(criterion):
        return missing(why)
    name = criterion.on or (scope_record(scope).test if scope else None)
    if name is None:
        return missing("it names no data: project.scope.set(test='…') or on='…'", unmeasured=True)
    try:
        data = resolve(view, name, "dataset")
    except NotFound as error:
        return missing(plain(error), unmeasured=True)
    found = _measured(blobs, view, version.ref, criterion, data.ref)
    if found is None:
        asked = f"project.evaluate({version.shown!r}, {data.shown!r})"
        return missing(f"no evaluation answers it: {asked}", unmeasured=True)
    if stale := _stale(view, version, criterion, found.results):
        return missing(stale)
    return found


def _measured(
    blobs: Blobs, view: View, ref: str, criterion: records.Criterion, data: str | None = None
) -> _Answer | None:
    """Return the newest measurement of what a criterion asks, on some data or any, with the verdicts of today.

    What was measured holds whatever was asked of it then, so a criterion made stricter takes no new look at the test.
    """
    for fact in evaluation_facts(view, ref, data):
        document = evaluation_document(blobs, fact)
        alike = [one for one in _asked(document) if one[0].question == criterion.question]
        if not alike:
            continue
        former, stored = min(alike, key=lambda one: one[0] != criterion)  # the very same one, if it is there
        results = [records.from_json(one) for one in stored]
        if former != criterion:
            # how far from the threshold these rows would have seen was said of the former one
            results = [evolve(one, detectable=None) for one in checks.weigh(criterion, results)]
        return _Answer(tuple(results), records.from_json(document["evaluation"]))
    return None


def _asked(document: dict[str, Any]) -> Iterator[tuple[records.Criterion, list[dict[str, Any]]]]:
    """Yield what an evaluation was asked, with what it found; what only others can read answers nobody here."""
    for one in document["answers"]:
        with contextlib.suppress(SchemaError):
            if one["criterion"] is not None:
                yield records.from_json(one["criterion"]), one["results"]


def _stale(view: View, version: Version, criterion: records.Criterion, results: Iterable[records.Result]) -> str | None:
    """Say so where a comparison was made with a version its alias has left since."""
    if "reference" not in criterion.needs:
        return None
    reference: str = criterion.reference  # type: ignore[attr-defined]
    if "@" in reference:
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


def failing_today(blobs: Blobs, view: View, refs: Iterable[str]) -> tuple[records.Result, ...]:
    """Return results of model versions (full refs) that fail today's scope, by what was measured of them then.

    A version nobody evaluated under such a criterion passes: going back must be possible in an emergency.
    """
    criteria = [one for one in model_criteria(view.versions.newest("scope", "scope")) if one.blocking]
    found = []
    for version in (resolve(view, ref, "model", dropped=True) for ref in refs if criteria):
        for criterion in criteria:
            answer = _measured(blobs, view, version.ref, criterion)
            if answer is not None and not _stale(view, version, criterion, answer.results):
                found += [one for one in answer.results if one.verdict == "fail"]
    return tuple(found)


def in_spite_of(blobs: Blobs, view: View, refs: Iterable[str]) -> Evidence:
    """Return what versions that are gone back to fail today: evidence that keeps nobody from going, and is told."""
    failing = tuple(evolve(one, blocking=False) for one in failing_today(blobs, view, refs))
    scope = view.versions.latest("scope", "scope")
    return Evidence(results=failing, notes=tuple(f"  · {failure(one)}" for one in failing), scope=scope)


def failure(result: records.Result) -> str:
    """Say what a version fails, by how much."""
    return f"{bare(result.subject)} fails today: {plain(result).partition(': ')[2]}"
