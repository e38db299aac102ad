"""What a metric is on some rows: its value and interval, for all of them or slice by slice; nothing is judged here."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from mlcycle._ids import bare, near
from mlcycle._text import plain
from mlcycle.checks._applicability import with_named_errors
from mlcycle.checks._cached_predictions import CachedPredictions
from mlcycle.checks._fast_metrics import fast_metric
from mlcycle.checks._from_stats import estimate_fields
from mlcycle.checks._intervals import estimate_of
from mlcycle.checks._metric_case import Answers, MetricCase, metric_case
from mlcycle.checks._metrics import find_metric, has_positive
from mlcycle.errors import InvalidInput, MlcycleError
from mlcycle.records import Record, Result
from mlcycle.stats.models import positive_of, units_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mlcycle.checks._context import MetricAccess
    from mlcycle.checks._evaluation_data import EvaluationData
    from mlcycle.records import AnyMetric
    from mlcycle.stats.models import Form, Units

__all__ = ["joined", "measure", "measure_slices", "measured"]

_MOST_LEVELS = 100  # a column of more is an id, and each of its levels is a handful of rows


def measure(
    metric: AnyMetric,
    rows: EvaluationData,
    subject: str,
    answers: Any,
    *,
    reference: tuple[str, Any] | None = None,
    confidence: float = 0.95,
    metrics: MetricAccess | None = None,
) -> Result:
    """Return a metric of a model on some rows, with its interval; nothing is judged.

    Parameters
    ----------
    metric : str, Cost or MetricSource
        As in `find_metric`.
    rows : EvaluationData
        The data; rows without a label are left out.
    subject : str
        The model version, as a full ref.
    answers : CachedPredictions or object
        What the model answered on these rows, or the model, which is asked for it.
    reference : (str, CachedPredictions or object), optional
        Another model, and what it answered: then the value is how much better the first is on the same rows, with its
        paired interval.
    confidence : float, default 0.95
        Of the two-sided interval.
    metrics : MetricAccess, optional
        By whose word a source runs; by default only one that this process wrote down.

    Returns
    -------
    Result
        With the verdict ``"not_applicable"``: `Criterion.verdict` says what it comes to. A metric that cannot be
        computed has no value, the verdict ``"error"`` and the reason.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> from mlcycle.checks import EvaluationData
    >>> from mlcycle.records import AtLeast
    >>> frame = pd.DataFrame({"x": range(400), "y": [0, 1, 1, 1] * 100})
    >>> rows = EvaluationData("d@1", frame, frame[["x"]], frame["y"])
    >>> found = measure("accuracy", rows, "model:m@1", DummyClassifier().fit(frame[["x"]], frame["y"]))
    >>> print(found)
    measured: accuracy: 0.75 [0.7053, 0.7899], n=400
    >>> AtLeast("accuracy", 0.7).verdict(found), AtLeast("accuracy", 0.8).verdict(found)
    ('pass', 'fail')
    """
    [found] = measure_slices(
        metric, rows, subject, answers, reference=reference, confidence=confidence, metrics=metrics
    )
    return found


def measure_slices(
    metric: AnyMetric,
    rows: EvaluationData,
    subject: str,
    answers: Any,
    by: Sequence[str] = (),
    *,
    reference: tuple[str, Any] | None = None,
    confidence: float = 0.95,
    metrics: MetricAccess | None = None,
) -> list[Result]:
    """Return a metric within every level of some columns, one result a slice; without columns, that of `measure`.

    Parameters
    ----------
    metric, rows, subject, answers, reference, confidence, metrics
        As in `measure`.
    by : sequence of str
        Columns of the data.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> from mlcycle.checks import EvaluationData
    >>> frame = pd.DataFrame({"x": range(400), "y": [0, 1, 1, 1] * 100, "at": ["DE", "FR"] * 200})
    >>> rows = EvaluationData("d@1", frame, frame[["x"]], frame["y"])
    >>> model = DummyClassifier().fit(frame[["x"]], frame["y"])
    >>> for found in measure_slices("accuracy", rows, "model:m@1", model, ["at"]):
    ...     print(found)
    measured: accuracy (at=DE): 0.5 [0.4314, 0.5686], n=200
    measured: accuracy (at=FR): 1 [0.9812, 1], n=200
    """
    try:
        kept = rows.labelled()
        ours = subject, _cached(answers, kept)
        theirs = None if reference is None else (reference[0], _cached(reference[1], kept))
        found = find_metric(metric) if metrics is None else metrics.find(metric, subject)
        return measured(metric_case(found, kept, ours, theirs, confidence), by)
    except MlcycleError as error:
        why = plain(error)
    except Exception as error:  # noqa: BLE001 - a metric that breaks must not take the others with it
        why = f"{type(error).__name__}: {error}"
    name = plain(metric) if isinstance(metric, Record) else metric
    return [Result(check=name, subject=subject, data=rows.ref, verdict="error", confidence=confidence, detail=why)]


def _cached(answers: Any, rows: EvaluationData) -> CachedPredictions:
    return answers if isinstance(answers, CachedPredictions) else rows.asked(answers)


def measured(case: MetricCase, slices: Sequence[str] = ()) -> list[Result]:
    """Return what a case measures on all rows, or within every level of some columns.

    Raises
    ------
    InvalidInput
        Where the metric does not fit the model, or a column cannot be sliced by.
    """
    if slices:
        # A metric that does not fit the model at all is an error, not a slice that is too small.
        every = np.arange(len(case.ours.y))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with_named_errors(case.metric, len(every), lambda: case.metric(case.ours.cached, case.ours.y, every))
    return [_part(case, name, rows) for name, rows in list(_parts(slices, case.rows))]


def _parts(slices: Sequence[str], rows: EvaluationData) -> Iterator[tuple[str | None, NDArray[Any]]]:
    if not slices:
        yield None, np.arange(len(rows))
    for column in slices:
        if column not in rows.columns():
            alike = near(column, [str(name) for name in rows.columns()])
            hint = f"; did you mean {' or '.join(map(repr, alike))}?" if alike else ""
            raise InvalidInput(f"{rows.ref} has no column {column!r} to slice by{hint}")
        import pandas as pd

        codes, levels = pd.factorize(rows.column(column), sort=True)
        if len(levels) > _MOST_LEVELS:
            raise InvalidInput(
                f"{column} has {len(levels):,} levels in {rows.ref}, more than {_MOST_LEVELS}; "
                "slice by a column of few levels (pandas.cut makes one of numbers)"
            )
        for code, level in enumerate(levels):
            yield f"{column}={level}", np.flatnonzero(codes == code)
        if (codes < 0).any():
            yield f"{column} missing", np.flatnonzero(codes < 0)


def _part(case: MetricCase, name: str | None, rows: NDArray[Any]) -> Result:
    """Measure one slice, or all rows, and say how it stands on its own."""
    if name is None:
        return _whole(case, None, rows)
    try:
        return _whole(case, name, rows)
    except InvalidInput as error:  # a slice with one class breaks some metrics; the other slices still count
        return _result(case, name, len(rows), "inconclusive", str(error))


def _whole(case: MetricCase, name: str | None, rows: NDArray[Any]) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        groups = None if case.rows.groups is None else case.rows.groups[rows]
        units = units_of(len(rows), groups)
        both = (case.ours,) if case.theirs is None else (case.ours, case.theirs)
        forms = [_measure(case, one, rows, units) for one in both]
        if not all(math.isfinite(form.value) for form in forms):
            verdict = "error" if name is None else "inconclusive"
            return _result(case, name, len(rows), verdict, _undefined(case, rows))
        estimate = with_named_errors(case.metric, len(rows), lambda: estimate_of(case, forms, rows, units))
    comparison = None
    if len(forms) > 1:
        ours, theirs = (form.shown for form in forms)
        comparison = {"reference": bare(case.reference or ""), "subject": ours, "reference_value": theirs}
        comparison["differ"] = _differ(case, rows)
    result = _result(case, name, len(rows), "not_applicable", _positive(case))
    result = evolve(
        result, comparison=comparison, groups=None if groups is None else units.count, **estimate_fields(estimate)
    )
    note = estimate.reason or ("" if estimate.conclusive else "no interval can be given")
    if comparison is not None and not comparison["differ"] and estimate.low < estimate.high:
        note = ""  # a criterion says in its own words what equal answers can show
    return evolve(result, detail=joined(note, result.detail))


def _differ(case: MetricCase, rows: NDArray[Any]) -> int:
    """Return how many rows the two models answer otherwise, of what the metric asks them."""
    assert case.theirs is not None
    both = case.ours.cached, case.theirs.cached
    ours, theirs = (
        one.answers(next(name for name in case.metric.methods if hasattr(one, name)))[rows].reshape(len(rows), -1)
        for one in both
    )
    return int((ours != theirs).any(axis=1).sum()) if ours.shape == theirs.shape else len(rows)


def _measure(case: MetricCase, answers: Answers, rows: NDArray[Any], units: Units) -> Form:
    return with_named_errors(  # type: ignore[no-any-return]
        case.metric, len(rows), lambda: fast_metric(case.metric, answers.cached, answers.y, rows, units)
    )


def _positive(case: MetricCase) -> str:
    """Say which of two classes a metric is about, unless it is the 1 that everybody expects."""
    classes = getattr(case.ours.cached, "classes_", None)
    if classes is None or np.ndim(classes) != 1 or len(classes) != 2 or not has_positive(case.metric):
        return ""
    positive = positive_of(classes)
    return "" if positive == 1 and np.asarray(classes).tolist()[1] == 1 else f"the positive class is {positive!r}"


def joined(*texts: str) -> str:
    return "; ".join(text for text in texts if text)


def _undefined(case: MetricCase, rows: NDArray[Any]) -> str:
    found, known = np.unique(case.ours.y[rows]).tolist(), getattr(case.ours.cached, "classes_", None)
    said = f"{case.metric.name} is undefined on these {len(rows):,} rows"
    if len(rows) == 1:
        return f"{case.metric.name} is undefined on a single row"
    if len(found) == 1:
        return f"{said}: every row has the label {found[0]!s}"
    if known is None or np.ndim(known) != 1 or case.metric.of_numbers:
        return said
    missing = [str(label) for label in np.asarray(known).tolist() if label not in found]
    return f"{said}: none has the label {' or '.join(missing[:3])}" if missing else said


def _result(case: MetricCase, name: str | None, n: int, verdict: str, detail: str) -> Result:
    left_out = case.rows.unlabelled
    note = f"{left_out} rows without a label left out" if left_out and name is None else ""
    return Result(
        check=case.metric.name,
        subject=case.subject,
        data=case.rows.ref,
        slice=name,
        verdict=verdict,
        n=n,
        confidence=case.confidence,
        detail=joined(detail, note),
    )
