"""Judging a model version on data by the scope's criteria, and keeping what was found as evidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import attrs
import numpy as np

from mlcycle import checks, provenance, records
from mlcycle._ids import new_id, parse_ref
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.lifecycle._judging import Matter
from mlcycle.lifecycle._model_files import Signed, load_version, signature_of
from mlcycle.lifecycle.datasets import tables
from mlcycle.lifecycle.evaluation._gate import criteria_today
from mlcycle.lifecycle.evaluation._stored import evaluation_record
from mlcycle.state import FactAdd, Place, Version, resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import View

__all__ = ["evaluate"]

Doc = dict[str, Any]
_FEW_CLASSES = 50


def evaluate(
    session: Session,
    subject: str | records.ModelVersion,
    data: str | records.DatasetVersion | None,
    extra: Sequence[Any],
    *,
    trust: bool | Collection[str],
    reason: str | None,
    override_until: Any,
    message: str,
    op: str | None,
) -> records.Evaluation:
    """Evaluate as `mlcycle.Project.evaluate` documents."""
    session.check_writable()
    extra = _asked(extra)
    judged: dict[tuple[str, ...], _Judged] = {}
    kept: list[records.Evaluation] = []

    def work(do: Operation) -> records.Evaluation:
        question = _question(do.view, subject, data)
        do.judge(lambda: _matter(question, extra, kept))
        key = tuple(one.ref if one else "" for one in question)
        if key not in judged:  # another sweep meanwhile changes no answer, and judging may take hours
            judged[key] = _judge(session.blobs, do.view, *question, extra, trust=trust, reason=reason)
        model, judged_on, _ = question
        found = attrs.evolve(
            judged[key].found,
            id=new_id(),
            uses_of_test=len(do.view.facts.entries("evaluation", judged_on["content"])) + 1,
            overlap=_overlaps(session.blobs, do.view, model, judged_on),
        )
        kept.append(_keep(do, session.blobs, found, judged[key].answers, judged_on["content"]))
        return kept[-1]

    return session.operate("evaluation.add", work, message=message, op=op, override_until=override_until)


def _matter(
    question: tuple[Version, Version, Version | None], extra: list[Any], kept: list[records.Evaluation]
) -> Matter:
    """Return what is judged of an evaluation: that this data is looked at again; what it found is told afterwards."""
    model, judged_on, scope = question

    def proposal() -> Doc:
        asked = (*criteria_today(scope), *extra)
        return {"data": judged_on.shown, "checks": asked, "evaluation": kept[-1] if kept else None}

    return Matter(verb="evaluation", action="evaluate", subject=model.ref, proposal=proposal)


class _Judged(NamedTuple):
    """What was found of a version on some data: all results, and which answer which criterion."""

    found: records.Evaluation
    answers: list[Doc]


def _question(
    view: View, subject: str | records.ModelVersion, data: str | records.DatasetVersion | None
) -> tuple[Version, Version, Version | None]:
    """Return what is judged, on what, and the scope it is judged by."""
    scope = view.versions.newest("scope", "scope")
    return resolve(view, subject, "model"), _data(view, data, scope), scope


def _judge(
    blobs: Blobs,
    view: View,
    model: Version,
    judged_on: Version,
    scope: Version | None,
    extra: list[Any],
    *,
    trust: bool | Collection[str],
    reason: str | None,
) -> _Judged:
    criteria = [one for one in criteria_today(scope) if _concerns(one, judged_on, scope)]
    bench = _bench(blobs, view, model, judged_on, trust=trust, reason=reason)
    answers = [_answer(criterion, model.shown, bench) for criterion in criteria]
    if not answers and not extra:
        answers = [{"criterion": None, "results": _described(model.shown, bench)}]
    answers += [{"criterion": None, "results": list(checks.run([one], model.shown, bench))} for one in extra]
    found = records.Evaluation(
        id="",
        subject=model.ref,
        data=judged_on.shown,
        results=tuple(result for answer in answers for result in answer["results"]),
        scope=scope.number if scope else None,
    )
    return _Judged(found, answers)


def _asked(extra: Any) -> list[Any]:
    """Return checks given by hand; what could never be answered, or never fail, is refused before any work."""
    if isinstance(extra, (str, bytes)) or not isinstance(extra, Iterable):
        raise InvalidInput(
            f"checks is a list, for example [mc.AtLeast('roc_auc', 0.8)] or [check], got {type(extra).__name__}"
        )
    found = list(extra)
    for one in found:
        if isinstance(one, records.Criterion):
            checks.validate(one)
        elif not callable(one):
            raise InvalidInput(
                "a check is a criterion such as mc.AtLeast('roc_auc', 0.8), or a callable (subject, context), "
                f"got {type(one).__name__}: {one!r:.80}"
            )
    return found


def _data(view: View, data: str | records.DatasetVersion | None, scope: Version | None) -> Version:
    if data is None:
        data = scope["scope"]["test"] if scope else None
    if data is None:
        raise InvalidInput(
            "there is no data to judge on: give it, project.evaluate(model, 'customers.test'), "
            "or set it once, project.scope.set(test='customers.test')"
        )
    return resolve(view, data, "dataset")


def _concerns(criterion: Any, judged_on: Version, scope: Version | None) -> bool:
    """Say whether a criterion is to be judged on this data: by name, or because the scope has no test set."""
    on = criterion.on or (scope["scope"]["test"] if scope else None)
    return on is None or parse_ref(on).name == judged_on.name


def _answer(criterion: Any, subject: str, bench: checks.Bench) -> Doc:
    results = [
        # the message of an exception comes from outside
        attrs.evolve(one, detail=provenance.redact(one.detail)[0]) if one.verdict == "error" else one
        for one in checks.run([criterion], subject, bench)
    ]
    return {"criterion": records.to_json(criterion), "results": results}


def _described(subject: str, bench: checks.Bench) -> list[records.Result]:
    """Measure the usual metrics of the task where no criterion asks for anything; nothing is judged."""
    y = bench.target()
    classes = len(set(y.tolist()))
    discrete = not (y.dtype.kind == "f" and (y != y.round()).any()) and classes <= _FEW_CLASSES
    metrics = ("accuracy", "roc_auc") if discrete and classes == 2 else ("accuracy", "balanced_accuracy")
    found = checks.run(
        [records.AtLeast(metric, 0.0) for metric in (metrics if discrete else ("r2", "rmse"))], subject, bench
    )
    note = "no criterion asks for it"
    measured = [one for one in found if one.value is not None]
    return [
        attrs.evolve(one, check=one.check.split(" ")[0], verdict="not_applicable", threshold=None, detail=said)
        # Where nothing fits the model, the reader learns why instead of getting no result at all.
        for one, said in ([(one, note) for one in measured] or [(one, one.detail) for one in found[:1]])
    ]


def _bench(
    blobs: Blobs, view: View, model: Version, judged_on: Version, *, trust: bool | Collection[str], reason: str | None
) -> checks.Bench:
    """Return what checks may ask for, loading each thing once."""

    def load_rows(ref: str) -> checks.Rows:
        version = resolve(view, ref, "dataset")
        frame = tables.frame_of(blobs, view, version)
        target, group = (version["roles"].get(role) for role in ("target", "group"))
        return checks.Rows(
            ref=version.shown,
            frame=frame,
            X=tables.features(frame, version["roles"], version.shown),
            y=None if target is None else cast("Any", frame[target]),
            groups=None if target is None or group is None else frame[group],
        )

    def load(ref: str) -> Any:
        version = resolve(view, ref, "model")
        estimator = load_version(blobs, version, trust=trust, reason=reason)
        return Signed(estimator, signature_of(blobs, version, estimator))

    def find(name: str) -> str | None:
        number = view.pointers.at("model", model.name, name)
        if number is not None:
            return f"{model.name}@{number}"
        try:
            return resolve(view, name if "@" in name else f"{model.name}@{name}", "model").shown
        except NotFound:
            return None

    return checks.Bench(data=judged_on.shown, load_rows=load_rows, load_model=load, find_version=find)


def _overlaps(blobs: Blobs, view: View, model: Version, judged_on: Version) -> dict[str, int]:
    """Return the training data that shares rows with the data judged on, and how many rows."""
    found: dict[str, int] = {}
    for ref in model.made_from:
        trained_on = resolve(view, ref, "dataset", dropped=True)
        shared = _shared_rows(blobs, view, trained_on, judged_on)
        # rows of few distinct values repeat by chance; four standard deviations above chance is a leak
        if shared.rows > shared.expected + 4 * shared.expected**0.5:
            found[trained_on.shown] = shared.rows
    return found


def _shared_rows(blobs: Blobs, view: View, train: Version, test: Version) -> provenance.Overlap:
    train_root, train_mask = tables.membership(blobs, view, train)
    test_root, test_mask = tables.membership(blobs, view, test)
    if train_root["content"] == test_root["content"]:
        every = np.ones(test_root["rows"], dtype=bool)
        masks = (every if mask is None else mask for mask in (train_mask, test_mask))
        return provenance.overlap_by_membership(*masks)
    key = test["roles"].get("key")
    if key is not None and key == train["roles"].get("key"):
        return provenance.overlap_by_key(*(tables.frame_of(blobs, view, one, [key])[key] for one in (train, test)))
    return provenance.overlap_by_content(*(tables.frame_of(blobs, view, one) for one in (train, test)))


def _keep(
    do: Operation, blobs: Blobs, found: records.Evaluation, answers: list[Doc], content: str
) -> records.Evaluation:
    document = {
        "evaluation": records.to_json(found),
        "answers": [
            {"criterion": one["criterion"], "results": [records.to_json(result) for result in one["results"]]}
            for one in answers
        ],
    }
    file = do.upload(lambda: blobs.depot.store_document(f"files/{found.id}", "evaluation", document))
    stored_object, data = f"evaluation:{found.id}", f"dataset:{found.data}"
    fact = FactAdd(
        of="evaluation",
        id=found.id,
        subject=found.subject,
        about=[data, content],  # how often a test set was judged on is asked by its content, whatever its name
        needs=[stored_object],
        says={"data": data, "scope": found.scope, "verdict": found.verdict},
    )
    done = do.commit(lambda view: [Place(object=stored_object, files=[file]), fact])
    return evaluation_record(blobs, done.fact("evaluation"))
