"""What a gate says: which criteria hold today, and what stored evaluations say of them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve, frozen

from mlcycle import checks, records
from mlcycle._ids import bare, now, parse_ref
from mlcycle._text import plain
from mlcycle.errors import MlcycleError, NotFound, SchemaError
from mlcycle.lifecycle._gate_request import Evidence
from mlcycle.lifecycle._looks import changes_after_results, looks_at
from mlcycle.lifecycle._stored_evaluations import evaluation_document, evaluation_facts
from mlcycle.lifecycle.evaluation._training_data import training_words
from mlcycle.lifecycle.scope import scope_record
from mlcycle.state import Version, View, judged_on, on_data, reference_of, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlcycle.lifecycle._gate_request import GateRequest
    from mlcycle.lifecycle.blobs import Blobs

    Pointed = tuple[str, str | None]  # a model version (full ref) and the alias that points at it, or a route

__all__ = [
    "criteria_on",
    "criteria_today",
    "failing_today",
    "failure",
    "gather_evidence",
    "measurement_of",
    "model_criteria",
    "rollback_evidence",
    "scope_test",
    "stale_because",
]


def criteria_today(scope: Version | None, at: str | None = None, alias: str | None = None) -> list[records.Criterion]:
    """Return the criteria in force now, or at a moment, for an alias or for all."""
    return [] if scope is None else list(scope_record(scope).criteria_at(at or now(), alias))


def model_criteria(scope: Version | None, alias: str | None = None) -> list[records.Criterion]:
    """Return those among them that are asked of models."""
    return [one for one in criteria_today(scope, alias=alias) if one.judges == "model"]


def criteria_on(view: View, request: GateRequest) -> dict[str, list[records.Criterion]]:
    """Return what the scope asks of rows that are to become versions, by name of the dataset."""
    scope = view.versions.newest("scope", "scope")
    test, found = scope_test(scope), dict[str, list[records.Criterion]]()
    for one in criteria_today(scope):
        on = _on_candidates(one, test)
        ref = None if on is None else parse_ref(on)
        if ref is not None and ref.version == "latest" and ref.name in request.candidates:
            # under its own name, and not that of the newest there is
            own = one if isinstance(one, records.UnknownCriterion) else evolve(cast("Any", one), on=ref.name)
            found.setdefault(ref.name, []).append(own)
    return found


def _on_candidates(one: records.Criterion, test: str | None) -> str | None:
    """Return the data a criterion asks about rows of, None where it asks nothing of rows.

    One that cannot be read may, if it names data: of data it does not name it keeps nobody from adding more.
    """
    if isinstance(one, records.UnknownCriterion):
        named = one.document.get("on")
        return named if isinstance(named, str) and named else None
    return on_data(one, test).on if one.judges == "dataset" else None


def scope_test(scope: Version | None, at: str | None = None) -> str | None:
    """Return the data that criteria are judged on where they name none, now or at a moment."""
    return None if scope is None else scope_record(scope).test_at(at or now())


@frozen
class _Answer:
    """What is known of one criterion and one version; `unmeasured` where it is only that nobody looked yet."""

    results: tuple[records.Result, ...]
    evaluation: records.Evaluation | None = None
    unmeasured: bool = False


def gather_evidence(blobs: Blobs, view: View, *versions: Version, alias: str | None = None) -> Evidence:
    """Return what stored evaluations say of model versions, criterion by criterion, by the scope of today.

    An alias may have rules of its own.
    """
    scope = view.versions.newest("scope", "scope")
    criteria = model_criteria(scope, alias=alias)
    answers = [_answer(blobs, view, version, one, scope) for version in versions for one in criteria]
    used = {one.evaluation.id: one.evaluation for one in answers if one.evaluation is not None}
    judged = ((one, _judged_on(view, one, used.values())) for one in versions)
    trained = [training_words(blobs, view, one, on) for one, on in judged if on]
    tests = {one.data: looks_at(blobs, view, resolve(view, one.data, "dataset", dropped=True)) for one in used.values()}
    changed = {data: changes_after_results(view, looks) for data, looks in tests.items()}
    return Evidence(
        results=tuple(result for one in answers for result in one.results),
        evaluations=tuple(used),
        problems=(
            *(problem for one in used.values() for problem in checks.evidence_problems(one)),
            *(told for one in trained for told in one.problems),
        ),
        notes=(
            *(_seen_before(str(data), looks.count(view), changed[data]) for data, looks in tests.items()),
            *(f"  · {told}" for one in trained for told in one.notes),
        ),
        amended=_amended(scope, alias),
        gaps=tuple(result for one in answers if one.unmeasured for result in one.results),
        scope=scope.number if scope else None,
        changed_after_results=max(changed.values(), default=0),
    )


def _amended(scope: Version | None, alias: str | None) -> tuple[records.Loosening | records.MovedTest, ...]:
    """Return the amendments of a scope, but for those of the rules of other aliases."""
    found = () if scope is None else scope_record(scope).amendments
    return tuple(one for one in found if getattr(one, "alias", None) in (None, alias))


def _judged_on(view: View, version: Version, used: Iterable[records.Evaluation]) -> list[Version]:
    """Return the data that a model was judged on by some evaluations, each once."""
    data = dict.fromkeys(one.data for one in used if one.subject == version.ref)
    return [resolve(view, one, "dataset", dropped=True) for one in data]


def _seen_before(data: str, looks: int, changed: int) -> str:
    """Say how often rows have been looked at, and what was asked of them changed after that."""
    often = _times(looks) if looks < 2 else f"{_times(looks)}; the more often, the less it proves"
    after = f"; what the scope asks was changed {_times(changed)} after results on it were seen" if changed else ""
    return f"  · {data} has been judged on {often}{after}"


def _times(count: int) -> str:
    return "once" if count == 1 else "twice" if count == 2 else f"{count} times"


def _answer(blobs: Blobs, view: View, version: Version, criterion: records.Criterion, scope: Version | None) -> _Answer:
    """Return the stored results that answer a criterion, or one result that says why there are none."""

    def missing(detail: str, *, unmeasured: bool = False) -> _Answer:
        why = records.Result(
            check=plain(criterion),
            subject=version.ref,
            verdict="error",
            blocking=criterion.blocking,
            threshold=criterion.edge,
            detail=detail,
        )
        return _Answer((why,), unmeasured=unmeasured)

    def gap(detail: str) -> _Answer:
        known = _known_to_fail(blobs, view, version.ref, criterion)
        return missing(f"{detail}{known}", unmeasured=not known)

    if why := checks.lacking(criterion):
        return missing(why)
    name = criterion.on or scope_test(scope)
    if name is None:
        return gap("it names no data: project.scope.set(test='…') or on='…'")
    try:
        data = judged_on(view, name)
    except NotFound as error:
        where = "on='…' in the criterion" if criterion.on else "project.scope.set(test='…')"
        return gap(f"{plain(error)} To judge on other data: {where}")
    found = measurement_of(blobs, view, version.ref, criterion, data.ref)
    if found is None:
        return gap(f"no evaluation answers it: project.models[{version.shown!r}].evaluate({data.shown!r})")
    if stale := stale_because(view, version, criterion, found.results):
        return missing(stale)
    return found


def _known_to_fail(blobs: Blobs, view: View, ref: str, criterion: records.Criterion) -> str:
    """Say what a version failed of the like, on whatever data and however surely; "" for nothing.

    It is no answer to the criterion; but somebody looked, and did not like what there was. Of each dataset counts the
    newest look. A slice says nothing of a criterion about all rows, whose threshold is another.
    """
    seen = set()
    for fact in evaluation_facts(view, ref):
        name = bare(fact["data"] or "").partition("@")[0]
        if name in seen:
            continue
        document = evaluation_document(blobs, fact)
        alike = [one for one in _asked(document) if _alike(one[0], criterion)]
        if alike:
            seen.add(name)
        for _, stored in alike:
            found = [records.from_json(one) for one in stored]
            weighed = _weighed(criterion, [one for one in found if one.slice is None or criterion.slices])
            for failed in (one for one in weighed if one.verdict == "fail"):
                return f"; but it failed {plain(failed).partition(': ')[2]} on {failed.data}"
    return ""


def _alike(former: records.Criterion, criterion: records.Criterion) -> bool:
    return former.metric == criterion.metric != "" and type(former) is type(criterion)


def _weighed(criterion: records.Criterion, results: list[records.Result]) -> list[records.Result]:
    """Return results with the verdicts of a criterion; a criterion of a user's that breaks gives none, and is told."""
    try:
        return checks.weigh(criterion, results)
    except Exception as error:  # noqa: BLE001 - what somebody else wrote may raise anything
        told = error if isinstance(error, MlcycleError) else f"{type(error).__name__}: {error}"
        return [evolve(one, verdict="error", detail=f"it could not be weighed: {told}") for one in results]


def measurement_of(
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
            weighed = _weighed(criterion, results)
            note = f"as measured for {plain(former)}"
            results = [
                evolve(one, detectable=None, detail="; ".join(filter(None, [one.detail, note]))) for one in weighed
            ]
        return _Answer(tuple(results), records.from_json(document["evaluation"]))
    return None


def _asked(document: dict[str, Any]) -> Iterator[tuple[records.Criterion, list[dict[str, Any]]]]:
    """Yield what an evaluation was asked, with what it found; what only others can read answers nobody here."""
    for one in document["answers"]:
        with contextlib.suppress(SchemaError):
            if one["criterion"] is not None:
                yield records.from_json(one["criterion"]), one["results"]


def stale_because(
    view: View, version: Version, criterion: records.Criterion, results: Iterable[records.Result]
) -> str | None:
    """Say so where a comparison was made with a version its alias has left since."""
    if "reference" not in criterion.needs:
        return None
    reference: str | None = getattr(criterion, "reference", None)
    if reference is None:
        return f"{type(criterion).__name__} needs a reference, and says none: reference='production'"
    named = parse_ref(reference if "@" in reference else f"{version.name}@{reference}")
    if isinstance(named.version, int):  # a version stays what it is
        return None
    stands = reference_of(view, f"{named.name}@{named.version}")
    current = stands and stands.shown
    compared = next((bare(result.comparison["reference"]) for result in results if result.comparison), None)
    if current in (compared, version.shown):
        return None
    return (
        f"it was compared with {compared or 'nothing'}, and {reference} is {current} now; "
        f"evaluate again: project.models[{version.shown!r}].evaluate()"
    )


def failing_today(blobs: Blobs, view: View, pointed: Iterable[Pointed]) -> tuple[records.Result, ...]:
    """Return results of model versions that fail today's scope, by what was measured of them then.

    A version nobody evaluated under such a criterion passes: going back must be possible in an emergency. What was
    measured and cannot be read any more is an error, and no pass.
    """
    held = (one for answer in _held_today(blobs, view, pointed) for one in answer.results)
    return tuple(one for one in held if one.verdict in ("fail", "error"))


def _held_today(blobs: Blobs, view: View, pointed: Iterable[Pointed]) -> Iterator[_Answer]:
    """Yield what was measured of model versions, by today's scope, and what of it cannot be read any more."""
    scope = view.versions.newest("scope", "scope")
    for ref, alias in pointed:
        for criterion in (one for one in model_criteria(scope, alias=alias) if one.blocking):
            try:
                version = resolve(view, ref, "model", dropped=True)
                answer = measurement_of(blobs, view, version.ref, criterion)
                if answer is not None and not stale_because(view, version, criterion, answer.results):
                    yield answer
            except Exception as error:  # noqa: BLE001 - whatever is the matter with old evidence, it holds nobody up
                told = str(error) if isinstance(error, MlcycleError) else f"{type(error).__name__}: {error}"
                yield _Answer((records.Result(check=plain(criterion), subject=ref, verdict="error", detail=told),))


def rollback_evidence(blobs: Blobs, view: View, pointed: Iterable[Pointed]) -> Evidence:
    """Return what versions that are gone back to fail today: evidence that keeps nobody from going, and is told."""
    answers = [*_held_today(blobs, view, pointed)]
    held = [evolve(one, blocking=False) for answer in answers for one in answer.results]
    failing = tuple(one for one in held if one.verdict == "fail")
    unread = tuple(one for one in held if one.verdict == "error")
    failed = [one.evaluation.id for one in answers if one.evaluation and any(r.verdict == "fail" for r in one.results)]
    return Evidence(
        results=(*failing, *unread),
        evaluations=tuple(dict.fromkeys(failed)),  # by which the log tells without data that something failed
        scope=view.versions.latest("scope", "scope"),
    )


def failure(result: records.Result) -> str:
    """Say what a version fails, by how much."""
    return f"{bare(result.subject)} fails today: {plain(result).partition(': ')[2]}"
