"""Judging models by the scope's criteria, and whatever else by checks; what was found is kept as evidence."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from attrs import evolve

from mlcycle import checks, records
from mlcycle._ids import bare, new_id, parse_ref
from mlcycle.errors import InvalidInput, MlcycleError
from mlcycle.lifecycle._gate_request import GateRequest, masked
from mlcycle.lifecycle._looks import looks_at
from mlcycle.lifecycle._stored_evaluations import evaluation_record, keep_evaluation
from mlcycle.lifecycle.evaluation._context import context_of
from mlcycle.lifecycle.evaluation._gate import criteria_today, scope_test
from mlcycle.lifecycle.evaluation._kept_predictions import kept_bytes
from mlcycle.lifecycle.evaluation._measuring import Measure, described
from mlcycle.lifecycle.evaluation._training_data import overlaps
from mlcycle.lifecycle.runs import run_of
from mlcycle.lifecycle.scope import scope_record
from mlcycle.state import LOOK, Version, first_judged, judged_on, resolve, root_key

if TYPE_CHECKING:
    from mlcycle._typing import Moment, Trust
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.state import Change, View

__all__ = ["evaluate"]

Doc = dict[str, Any]


def evaluate(
    session: Session,
    subject: records.ModelVersion | records.DatasetVersion | records.Run,
    on: str | records.DatasetVersion | None = None,
    *,
    checks: Iterable[Any],
    trust: Trust = (),
    override_until: Moment | None,
    message: str,
    op: str | None,
) -> records.Evaluation:
    """Evaluate as the `evaluate` of a model version, a dataset version and a run document."""
    session.check_writable()
    extra = _asked(checks)
    judged: dict[tuple[str, ...], _Judged] = {}
    kept: list[records.Evaluation] = []

    def work(do: Operation) -> records.Evaluation:
        question = _question(session, do.view, subject, on)
        asked = _criteria(do.view, question, extra)
        do.judge(lambda: _request(question, extra, kept))
        if question.key not in judged:  # another sweep meanwhile changes no answer, and judging may take hours
            context = context_of(session, do.view, data=question.data.ref if question.data else None, trust=trust)
            judged[question.key] = _judge(do.view, question, context, asked, extra)
        found = evolve(judged[question.key].found, id=new_id())
        looks = looks_at(session.blobs, do.view, question.data) if question.looks and question.data else None
        if question.model is not None and question.data is not None:
            found = evolve(found, overlap=overlaps(session.blobs, do.view, question.model, question.data))
        beside = _store_kept(do, session, found.id, judged[question.key].kept)
        keys = [root_key(question.data.name), LOOK] if looks and question.data else []
        place, fact = keep_evaluation(do, found, judged[question.key].answers, keys, beside)

        def plan(view: View) -> list[Change]:
            if looks is None:
                return [place, fact]
            # counted where it is committed: two who judge at once do not both have the first look
            return [place, evolve(fact, says={**fact.says, "looks": looks.count(view, question.subject)})]

        kept.append(evaluation_record(session, do.commit(plan).fact("evaluation")))
        return kept[-1]

    return session.operate("evaluation.add", work, message=message, op=op, override_until=override_until)


def _request(question: _Question, extra: list[Any], kept: list[records.Evaluation]) -> GateRequest:
    """Return what is judged of an evaluation: that this data is looked at again; what it found is told afterwards."""

    def proposal() -> Doc:
        data, asked = question.data, [*_scope_criteria(question.scope), *extra]
        shown = data.shown if data else None
        return {"data": shown, "checks": tuple(asked), "evaluation": kept[-1] if kept else None}

    return GateRequest(
        verb="evaluation",
        action="evaluate",
        subject=question.subject,
        proposal=proposal,
        premise=lambda view: question.key,
    )


class _Question(NamedTuple):
    """What is judged, on what, and by which scope."""

    subject: str
    data: Version | None
    scope: Version | None = None
    model: Version | None = None

    @property
    def looks(self) -> bool:
        """Whether answers are looked at, and not the data itself."""
        return not self.subject.startswith("dataset:")

    @property
    def key(self) -> tuple[str, ...]:
        return (self.subject, *(one.ref if one else "" for one in (self.data, self.scope)))


class _Judged(NamedTuple):
    """What was found of a version on some data: all results, which answer which criterion, what the model said."""

    found: records.Evaluation
    answers: list[Doc]
    kept: bytes | None


def _question(
    session: Session, view: View, subject: records.Record, on: str | records.DatasetVersion | None
) -> _Question:
    """Return what is asked of a record, by what it is."""
    data = None if on is None else resolve(view, on, "dataset")
    return next(ask for kind, ask in _QUESTIONS.items() if isinstance(subject, kind))(session, view, subject, data)


def _of_dataset(session: Session, view: View, subject: Any, data: Version | None) -> _Question:
    version = resolve(view, subject, "dataset")
    return _Question(version.ref, data or version, view.versions.newest("scope", "scope"))


def _of_run(session: Session, view: View, subject: Any, data: Version | None) -> _Question:
    return _Question(f"run:{run_of(session, subject, view).id}", data)


def _of_model(session: Session, view: View, subject: Any, data: Version | None) -> _Question:
    model = resolve(view, subject, "model")
    scope = view.versions.newest("scope", "scope")
    return _Question(model.ref, data or _scope_test(view, scope), scope, model)


_QUESTIONS: dict[type, Callable[[Session, View, Any, Version | None], _Question]] = {
    records.DatasetVersion: _of_dataset,
    records.ModelVersion: _of_model,
    records.Run: _of_run,
}


def _criteria(view: View, question: _Question, extra: list[Any]) -> list[records.Criterion]:
    """Return the criteria of the scope that are asked; where nothing is, nobody else need be asked either."""
    asked = [one for one in _scope_criteria(question.scope) if _concerns(view, one, question)]
    if question.model is None and not asked and not extra:
        kind, _, name = question.subject.partition(":")
        raise InvalidInput(
            f"no criterion of the scope is about {question.subject}; say what to ask of it: "
            f"project.{kind}s[{name!r}].evaluate(checks=[…])"
        )
    return asked


def _scope_criteria(scope: Version | None) -> list[records.Criterion]:
    """Return the criteria of a scope, and of the rules of single aliases what those do not measure anyhow.

    Those weigh where such an alias is set; here they are measured, and stand in the way of nothing.
    """
    found = criteria_today(scope)
    for alias in scope_record(scope).aliases if scope else ():
        known = {one.question for one in found}
        new: Iterable[Any] = (one for one in criteria_today(scope, alias=alias) if one.question not in known)
        found += [one if isinstance(one, records.UnknownCriterion) else evolve(one, blocking=False) for one in new]
    return found


def _why_nothing_asked(view: View, question: _Question) -> str:
    """Say on what data the scope judges, where it has criteria about such a subject, and judges on other data."""
    kind, _, ref = question.subject.partition(":")
    asked = [one for one in criteria_today(question.scope) if one.judges == kind]
    named = sorted({on for one in asked if (on := _data_of(view, one, question)) is not None})
    if not named:
        return ""
    given = ref if question.data is None else question.data.shown
    name = parse_ref(given).name
    same_name = any(parse_ref(one).name == name for one in named)
    return f"no criterion is judged on {given if same_name else name} (the scope judges on {', '.join(named)})"


def _judge(
    view: View,
    question: _Question,
    context: checks.EvaluationContext,
    asked: list[records.Criterion],
    extra: list[Any],
) -> _Judged:
    def told(one: Any) -> list[records.Result]:
        return masked(checks.run([one], question.subject, context))

    found: list[tuple[Doc | None, list[records.Result]]] = [(records.to_json(one), told(one)) for one in asked]
    if not found and not extra:
        found = [(None, masked(described(question.subject, context)))]
    found += [(None, told(one)) for one in extra]
    kept, not_kept = _kept_of(question, context)
    evaluation = records.Evaluation(
        id="",
        subject=question.subject,
        data=question.data.shown if question.data else None,
        results=tuple(result for _, results in found for result in results),
        detail="" if asked else _why_nothing_asked(view, question),
        scope=question.scope.number if question.scope else None,
        not_kept=not_kept,
        **(_rows_facts(context) if question.model else {}),
    )
    stored = [{"criterion": one, "results": [*map(records.to_json, results)]} for one, results in found]
    return _Judged(evaluation, stored, kept)


def _kept_of(question: _Question, context: checks.EvaluationContext) -> tuple[bytes | None, str]:
    """Return the file of what a model was asked on the data it is judged on, if anything was, and what is not in it."""
    if question.model is None or question.data is None:
        return None, ""
    with contextlib.suppress(MlcycleError):  # what is wrong with the rows, the results say
        cached = cast("checks.LoadedModels", context.models).recorded(question.subject)
        if cached is not None and checks.answered(cached):
            return kept_bytes(context.data.rows(), cached)
    return None, ""


def _store_kept(do: Operation, session: Session, identity: str, kept: bytes | None) -> list[Doc]:
    """Store what the model said beside the evaluation."""
    if kept is None:
        return []
    put = session.blobs.checked_files.store_bytes
    return [do.upload(lambda: put(f"files/{identity}", "predictions", ".parquet", kept))]


def _rows_facts(context: checks.EvaluationContext) -> Doc:
    """Return how many rows no label let count, and how many groups the others fall into."""
    with contextlib.suppress(Exception):  # what is wrong with the rows, the results say
        rows = context.data.rows()
        groups = None if rows.groups is None else len(set(rows.groups.tolist()))
        return {"left_out": rows.unlabelled, "groups": groups}
    return {}


def _asked(extra: Any) -> list[Any]:
    """Return checks given by hand; what could never be answered, or never fail, is refused before any work."""
    if isinstance(extra, (str, bytes)) or not isinstance(extra, Iterable):
        raise InvalidInput(
            "checks is a list, for example [mc.AtLeast('roc_auc', 0.8)], ['f1_macro'] or [check], "
            f"got {type(extra).__name__}"
        )
    found = [Measure(one) if isinstance(one, str | records.Cost) else one for one in extra]
    for one in found:
        if isinstance(one, records.Criterion):
            checks.validate(one)
        elif not callable(one):
            raise InvalidInput(
                "a check is a criterion such as mc.AtLeast('roc_auc', 0.8), the name of a metric such as 'f1_macro', "
                "or a callable (subject, context), "
                f"got {type(one).__name__}: {one!r:.80}"
            )
    return found


def _scope_test(view: View, scope: Version | None) -> Version:
    """Return the data the scope judges on."""
    test = scope_test(scope)
    if test is None:
        raise InvalidInput(
            "there is no data to judge on: give it, evaluate('customers.test'), or set it once, "
            "project.scope.set(test='customers.test')"
        )
    return judged_on(view, test)


def _concerns(view: View, criterion: records.Criterion, question: _Question) -> bool:
    """Say whether a criterion is about this, and on this data: by name or version, or as the scope has no test set."""
    kind, _, ref = question.subject.partition(":")
    if criterion.judges != kind:
        return False
    on = _data_of(view, criterion, question)
    judged = ref if kind == "dataset" else question.data.shown if question.data else None
    if on is None or judged is None:
        return True
    asked, given = parse_ref(on), parse_ref(judged)
    return asked.name == given.name and asked.version in ("latest", given.version)


def _data_of(view: View, criterion: records.Criterion, question: _Question) -> str | None:
    """Return the data a criterion is about: of models the version they were first judged on, of data every one."""
    on = criterion.on or scope_test(question.scope)
    pin = first_judged(view, on) if on is not None and criterion.judges == "model" else None
    return on if pin is None else bare(pin["data"])
