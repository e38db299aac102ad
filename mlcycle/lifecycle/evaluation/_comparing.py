"""Two versions compared on rows both were judged on, by what was kept of it: no model is loaded, nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from mlcycle import checks, records
from mlcycle._ids import bare, parse_ref
from mlcycle._text import plain
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.lifecycle._stored_evaluations import evaluation_facts
from mlcycle.lifecycle.datasets import tables
from mlcycle.lifecycle.evaluation._gate import model_criteria, scope_test
from mlcycle.lifecycle.evaluation._kept_predictions import KeptPredictions, kept_file, read_kept
from mlcycle.lifecycle.evaluation._looking_again import asked_metrics, beside_data, checked_count, not_asked
from mlcycle.lifecycle.evaluation._measuring import usual_metrics
from mlcycle.lifecycle.evaluation._trusted_metrics import metrics_of
from mlcycle.state import Version, judged_on, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from mlcycle.lifecycle._session import Session
    from mlcycle.state import View

__all__ = ["compare", "differing"]

_Kept = tuple[str, KeptPredictions]


def compare(
    session: Session,
    version: records.ModelVersion,
    other: str | records.ModelVersion,
    on: str | records.DatasetVersion | None = None,
    metrics: records.AnyMetric | Sequence[records.AnyMetric] | None = None,
    *,
    confidence: float = 0.95,
) -> records.Comparison:
    """Compare as `ModelVersion.compare` documents."""
    view = session.view()
    ours, data = resolve(view, version, "model"), _data_of(view, on)
    theirs = _other(view, ours, other)
    (first, one), (second, two) = (_kept_on(session, view, model, data) for model in (ours, theirs))
    rows = _rows(session, view, data, one)
    asked = asked_metrics(metrics) or _asked_today(view) or list(usual_metrics(rows.target()))
    found_by = metrics_of(session, view)
    found = records.Comparison(
        subject=ours.ref,
        reference=theirs.ref,
        data=data.shown,
        results=[
            _difference(metric, rows, (ours.ref, one), (theirs.ref, two), confidence, found_by) for metric in asked
        ],
        n=len(rows),
        groups=None if rows.groups is None else len(set(rows.groups.tolist())),
        evaluations=(first, second),
        **_counts(rows, (ours.ref, one), (theirs.ref, two)),
    )
    return records.at_home(found, session.home)


def differing(session: Session, comparison: records.Comparison, n: int = 10) -> pd.DataFrame:
    """Return rows as `Comparison.differing` documents."""
    n, view = checked_count(n), session.view()
    data = resolve(view, f"dataset:{comparison.data}", "dataset", dropped=True)
    one, two = (read_kept(session.blobs, identity) for identity in comparison.evaluations)
    rows = _rows(session, view, data, one)
    ours = checks.wrong_answers(rows, comparison.subject, one.cached)
    theirs = checks.wrong_answers(rows, comparison.reference, two.cached)
    apart = np.flatnonzero(ours.answers != theirs.answers)
    if not ours.of_labels:
        weight = np.abs(ours.answers.astype(float) - theirs.answers.astype(float))
    elif ours.confidence is None or theirs.confidence is None:
        weight = np.zeros(len(rows))
    else:
        weight = np.minimum(ours.confidence, theirs.confidence)  # sure on both sides, not loud on one
    first = apart[np.argsort(-weight[apart], kind="stable")[:n]]
    answers = {bare(comparison.subject): ours.answers[first], bare(comparison.reference): theirs.answers[first]}
    return beside_data(session, view, data, one.rows[first], {"truth": ours.truth[first], **answers})


def _other(view: View, ours: Version, other: Any) -> Version:
    """Return the version to hold against: an alias is one of the same model, as in a criterion."""
    aliases = view.pointers.names("model", ours.name)
    alias = isinstance(other, str) and (other in aliases or other.isdigit())
    found = resolve(view, f"{ours.name}@{other}" if alias else other, "model")
    if found.ref == ours.ref:
        raise InvalidInput(f"{found.shown} is compared with another version, got itself")
    return found


def _data_of(view: View, on: str | records.DatasetVersion | None) -> Version:
    """Return the data to compare on, by the rule of gates: a name means the version it was first judged on."""
    if on is not None and not isinstance(on, str):
        return resolve(view, on, "dataset")
    name = on or scope_test(view.versions.newest("scope", "scope"))
    if name is None:
        raise InvalidInput(
            "nothing says on what data to compare: give it, compare('production', on='customers.test'), or set it "
            "once, project.scope.set(test='customers.test')"
        )
    return judged_on(view, bare(name) if parse_ref(name).version == "latest" else name)


def _kept_on(session: Session, view: View, model: Version, data: Version) -> _Kept:
    """Return what was kept of the newest evaluation of a version on some data, and which that is."""
    for fact in evaluation_facts(view, model.ref, data.ref):
        if kept_file(session.blobs, fact.id) is not None:
            return fact.id, read_kept(session.blobs, fact.id)
    raise NotFound(
        f"no predictions of {model.shown} on {data.shown} are kept: "
        f"project.models[{model.shown!r}].evaluate({data.shown!r}) keeps them"
    )


def _rows(session: Session, view: View, data: Version, kept: KeptPredictions) -> checks.EvaluationData:
    """Return the rows that were judged on as far as comparing needs them: their truth, and their groups."""
    import pandas as pd

    roles = data["roles"]
    group = roles.get("group") if roles.get("target") is not None else None
    groups = None
    if group is not None:
        groups = tables.read_frame(session.blobs, view, data, [group])[group].to_numpy()[kept.rows]
    index = pd.DataFrame(index=pd.RangeIndex(len(kept.rows)))
    return checks.EvaluationData(ref=data.shown, frame=index, X=index, y=kept.truth, groups=groups)


def _asked_today(view: View) -> list[records.AnyMetric]:
    """Return the metrics of the scope's criteria."""
    criteria = model_criteria(view.versions.newest("scope", "scope"))
    return list(dict.fromkeys(one.metric for one in criteria if one.metric))


def _difference(
    metric: records.AnyMetric,
    rows: checks.EvaluationData,
    ours: _Kept,
    theirs: _Kept,
    confidence: float,
    metrics: checks.LoadedMetrics | None = None,
) -> records.Result:
    """Return how much better one version is by a metric, and what that comes to."""
    lacking = next((why for ref, kept in (ours, theirs) if (why := not_asked(kept, ref, metric))), None)
    if lacking is not None:
        return records.Result(check=plain(metric), subject=ours[0], data=rows.ref, verdict="error", detail=lacking)
    against = theirs[0], theirs[1].cached
    found = checks.measure(
        metric, rows, ours[0], ours[1].cached, reference=against, confidence=confidence, metrics=metrics
    )
    if found.comparison is None:
        return found
    return evolve(found, comparison={**found.comparison, "finding": _finding(found)})


def _finding(found: records.Result) -> str:
    if found.low is not None and found.low > 0:
        return "better"
    return "worse" if found.high is not None and found.high < 0 else "no difference shown"


def _counts(rows: checks.EvaluationData, ours: _Kept, theirs: _Kept) -> dict[str, Any]:
    """Count the rows two versions answer differently, and which of them is right there, or nearer."""
    try:
        one, two = (checks.wrong_answers(rows, ref, kept.cached) for ref, kept in (ours, theirs))
    except InvalidInput:  # several values a row, or none
        return {}
    differ = one.answers != two.answers
    won, lost = one.error < two.error, one.error > two.error
    return {name: int(np.count_nonzero(rows)) for name, rows in (("differ", differ), ("won", won), ("lost", lost))}
