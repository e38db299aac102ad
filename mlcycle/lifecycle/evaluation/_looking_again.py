"""Evaluations looked at again, without the model: what it answered, where it was most wrong, how it does in a slice."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from mlcycle import checks, records
from mlcycle._ids import bare
from mlcycle._text import plain
from mlcycle.errors import InvalidInput, MlcycleError, NotFound
from mlcycle.lifecycle._stored_evaluations import stored_document
from mlcycle.lifecycle.datasets import tables
from mlcycle.lifecycle.evaluation._context import rows_of
from mlcycle.lifecycle.evaluation._kept_predictions import KeptPredictions, read_kept
from mlcycle.lifecycle.evaluation._measuring import usual_metrics
from mlcycle.lifecycle.evaluation._trusted_metrics import metrics_of
from mlcycle.state import Version, resolve

if TYPE_CHECKING:
    import pandas as pd

    from mlcycle.lifecycle._session import Session
    from mlcycle.state import View

__all__ = ["asked_metrics", "beside_data", "checked_count", "errors", "not_asked", "predictions", "slices"]

Doc = dict[str, Any]
_ONE = (str, records.Cost, records.MetricSource)
_COLUMNS = ("slice", "metric", "value", "low", "high", "n", "note")


def predictions(session: Session, evaluation: records.Evaluation) -> pd.DataFrame:
    """Return what was kept as `Evaluation.predictions` documents."""
    return _kept(session, evaluation).frame()


def errors(session: Session, evaluation: records.Evaluation, n: int = 10) -> pd.DataFrame:
    """Return rows as `Evaluation.errors` documents."""
    n, kept, view = checked_count(n), _kept(session, evaluation), session.view()
    data = _data(view, evaluation)
    rows = checks.EvaluationData(ref=data.shown, frame=kept.frame(), X=None, y=kept.truth)
    found = checks.wrong_answers(rows, evaluation.subject, kept.cached)
    worst = found.worst(n)
    said: Doc = {"truth": found.truth[worst], "predict": found.answers[worst]}
    if not found.of_labels:
        said["error"] = found.error[worst]
    elif found.confidence is not None:
        said["confidence"] = found.confidence[worst]
    return beside_data(session, view, data, kept.rows[worst], said)


def slices(
    session: Session,
    evaluation: records.Evaluation,
    by: str | Sequence[str] | pd.Series[Any],
    metrics: records.AnyMetric | Sequence[records.AnyMetric] | None = None,
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Measure as `Evaluation.slices` documents."""
    import pandas as pd

    kept, view = _kept(session, evaluation), session.view()
    names = asked_metrics(metrics) or _measured_then(session, evaluation) or usual_metrics(_truth(kept, evaluation))
    rows, columns = _sliced(rows_of(session.blobs, view, _data(view, evaluation)), by)
    found: list[list[Any]] = []
    metrics_there = metrics_of(session, view)
    for one_metric in names:
        name = plain(one_metric)
        if (lacking := not_asked(kept, evaluation.subject, one_metric)) is not None:
            found.append([None, name, None, None, None, None, lacking])
            continue
        results = checks.measure_slices(
            one_metric,
            rows.labelled(),
            evaluation.subject,
            kept.cached,
            columns,
            confidence=confidence,
            metrics=metrics_there,
        )
        found += [[one.slice, name, one.value, one.low, one.high, one.n, one.detail] for one in results]
    return pd.DataFrame(found, columns=_COLUMNS)


def _kept(session: Session, evaluation: records.Evaluation) -> KeptPredictions:
    if evaluation.since is not None:
        place = bare(evaluation.subject)
        raise NotFound(f"a window of traffic keeps none: they are in project.deployments[{place!r}].traffic(since=…)")
    return read_kept(session.blobs, evaluation.id, evaluation.not_kept)


def _data(view: View, evaluation: records.Evaluation) -> Version:
    return resolve(view, f"dataset:{evaluation.data}", "dataset", dropped=True)


def _truth(kept: KeptPredictions, evaluation: records.Evaluation) -> Any:
    if kept.truth is None:
        raise InvalidInput(f"{evaluation.data} has no target; add it with target=… so that metrics can be computed")
    return kept.truth


def _measured_then(session: Session, evaluation: records.Evaluation) -> list[records.AnyMetric]:
    """Return the metrics an evaluation measured."""
    found: dict[records.AnyMetric, None] = {}
    for one in stored_document(session.blobs, evaluation.id)["answers"]:
        with contextlib.suppress(MlcycleError):  # a check of the user's own is no metric
            asked = one["criterion"]
            named = [records.from_json(asked).metric] if asked else [result["check"] for result in one["results"]]
            for metric in filter(None, named):
                checks.find_metric(metric)
                found[metric] = None
    return list(found)


def _sliced(rows: checks.EvaluationData, by: Any) -> tuple[checks.EvaluationData, list[str]]:
    """Return rows, with a column more where one was made for them, and the columns to slice by."""
    if hasattr(by, "factorize"):
        frame, name = rows.frame, str(getattr(by, "name", None) or "slice")
        if len(by) != len(frame):
            raise InvalidInput(f"by has {len(by):,} values, and {rows.ref} has {len(frame):,} rows: a value each")
        frame[name] = by.array if hasattr(by, "array") else by  # in order, whatever its index
        return evolve(rows, frame=frame), [name]
    columns = [by] if isinstance(by, str) else by
    if not isinstance(columns, Sequence) or not columns:
        raise InvalidInput(f"by is a column, a list of them, or a Series of a value a row, got {type(by).__name__}")
    return rows, list(columns)


# what comparing asks, too --------------------------------------------------------------------------------------------


def asked_metrics(metrics: records.AnyMetric | Sequence[records.AnyMetric] | None) -> list[records.AnyMetric]:
    """Return metrics somebody asks for, each once; one nobody knows is refused."""
    asked = [metrics] if isinstance(metrics, _ONE) else list(metrics or ())
    if not all(isinstance(one, _ONE) for one in asked):
        raise InvalidInput(f"metrics is a list of names, such as ['roc_auc', 'f1_macro'], got {metrics!r:.80}")
    for one in asked:
        checks.find_metric(one)
    return list(dict.fromkeys(asked))


def not_asked(kept: KeptPredictions, subject: str, metric: records.AnyMetric) -> str | None:
    """Say where a metric needs what nobody asked of a model, and how it is asked; None where all is there."""
    method = kept.lacks(metric)
    if method is None:
        return None
    again = f"project.models[{bare(subject)!r}].evaluate(checks=[{plain(metric)!r}])"
    return f"nobody asked {bare(subject)} for its {method}: {again}"


def checked_count(n: Any) -> int:
    """Return how many rows are asked for."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise InvalidInput(f"n is a whole number of rows, 0 or more, got {n!r:.80}")
    return n


def beside_data(session: Session, view: View, data: Version, rows: Any, said: Doc) -> pd.DataFrame:
    """Return some rows of the data, by position, behind what is said of them; what it has keeps its name."""
    frame: pd.DataFrame = tables.read_frame(session.blobs, view, data).iloc[rows].copy()
    taken = set(frame.columns)
    for at, (name, values) in enumerate(said.items()):
        frame.insert(at, f"{name}_" if name in taken else name, values)
    return frame
