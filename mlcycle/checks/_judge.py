"""One criterion, held against what a model answered: value, interval, verdict."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from mlcycle import stats
from mlcycle._html import number
from mlcycle._ids import near
from mlcycle._text import plain
from mlcycle.checks._case import Answers, Case, case_of
from mlcycle.checks._fit import in_words
from mlcycle.checks._intervals import estimate_of, rounded
from mlcycle.checks._measures import Measured, measure_of
from mlcycle.checks._metrics import find_metric, has_positive, positive_of
from mlcycle.errors import InvalidInput, MlcycleError
from mlcycle.records import Criterion, NotWorseThan, Result, UnknownCriterion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlcycle.checks._protocol import Context, Rows

__all__ = ["CriterionCheck", "judge"]

_MOST_LEVELS = 100


@frozen
class CriterionCheck:
    """A criterion as a check: called with a subject and a context, it returns results and never raises.

    Examples
    --------
    >>> from mlcycle.records import AtLeast
    >>> CriterionCheck(AtLeast("roc_auc", 0.8))
    CriterionCheck(criterion=AtLeast('roc_auc', 0.8))
    """

    criterion: Criterion

    def __call__(self, subject: str, context: Context) -> tuple[Result, ...]:
        """Judge the subject; see `judge`."""
        return judge(self.criterion, subject, context)


def judge(criterion: Criterion, subject: str, context: Context) -> tuple[Result, ...]:
    """Hold one criterion against a model, on the criterion's data or else the context's.

    A pass needs the near end of the bootstrap interval beyond the threshold, a fail the far end short of it; what is
    between is inconclusive, and so is a value that its interval does not hold. With slices there is one result a level:
    each must pass by its own interval, and failures are declared under Holm's control over the levels.

    Parameters
    ----------
    criterion : AtLeast, AtMost or NotWorseThan
    subject : str
        The model version, as a ref.
    context : Context
        Where data and answers come from.

    Returns
    -------
    tuple of Result
        Whatever goes wrong is a result with the verdict ``"error"`` and the reason, never an exception.

    Notes
    -----
    The chance that a model exactly at the threshold fails is ``(1 - confidence) / 2``, and the same that it passes.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> from mlcycle.checks import Bench, Rows
    >>> from mlcycle.records import AtLeast
    >>> frame = pd.DataFrame({"x": range(400), "y": [0, 1, 1, 1] * 100})
    >>> model = DummyClassifier().fit(frame[["x"]], frame["y"])
    >>> bench = Bench(
    ...     data="d@1",
    ...     load_rows=lambda ref: Rows(ref, frame, frame[["x"]], frame["y"]),
    ...     load_model=lambda ref: model,
    ...     find_version=lambda name: None,
    ... )
    >>> print(judge(AtLeast("accuracy", 0.7), "m@1", bench)[0])
    pass: accuracy ≥ 0.7: 0.75 [0.7053, 0.7899], n=400
    """
    try:
        return tuple(_judged(criterion, subject, context))
    except MlcycleError as error:
        return (_blank(criterion, subject, context, "error", plain(error)),)
    except Exception as error:  # noqa: BLE001 - one check that breaks must not take the others with it
        return (_blank(criterion, subject, context, "error", f"{type(error).__name__}: {error}"),)


def _blank(criterion: Criterion, subject: str, context: Context, verdict: str, detail: str) -> Result:
    return Result(
        check=plain(criterion),
        subject=subject,
        data=criterion.on or context.data,
        verdict=verdict,
        threshold=-criterion.margin if isinstance(criterion, NotWorseThan) else getattr(criterion, "threshold", None),
        confidence=criterion.confidence,
        blocking=criterion.blocking,
        detail=detail,
    )


def _judged(criterion: Criterion, subject: str, context: Context) -> Iterator[Result]:
    if isinstance(criterion, UnknownCriterion):
        yield _blank(criterion, subject, context, "error", "this criterion needs a newer mlcycle; upgrade to judge it")
        return
    metric = find_metric(criterion.metric)
    reference = None
    if isinstance(criterion, NotWorseThan):
        reference = context.find(criterion.reference)
        if reference is None or reference == subject:
            same = f"{subject} is {criterion.reference} itself"
            detail = same if reference else f"there is no {criterion.reference} yet to compare with"
            yield _blank(criterion, subject, context, "not_applicable", detail)
            return
    case = case_of(criterion, metric, subject, reference, context)
    if criterion.slices:
        # A metric that does not fit the model at all is an error, not a slice that is too small.
        every = np.arange(len(case.ours.y))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            in_words(metric, len(every), lambda: metric(case.ours.recorded, case.ours.y, every))
    parts = list(_parts(criterion, case.rows))
    yield from _settled([_part(case, name, rows) for name, rows in parts], case)


def _parts(criterion: Criterion, rows: Rows) -> Iterator[tuple[str | None, NDArray[Any]]]:
    if not criterion.slices:
        yield None, np.arange(len(rows.frame))
    for column in criterion.slices:
        if column not in rows.frame.columns:
            alike = near(column, [str(name) for name in rows.frame.columns])
            hint = f"; did you mean {' or '.join(map(repr, alike))}?" if alike else ""
            raise InvalidInput(f"{rows.ref} has no column {column!r} to slice by{hint}")
        import pandas as pd

        codes, levels = pd.factorize(rows.frame[column], sort=True)
        if len(levels) > _MOST_LEVELS:
            raise InvalidInput(
                f"{column} has {len(levels):,} levels in {rows.ref}, more than {_MOST_LEVELS}; "
                "slice by a column of few levels (pandas.cut makes one of numbers)"
            )
        for code, level in enumerate(levels):
            yield f"{column}={level}", np.flatnonzero(codes == code)
        if (codes < 0).any():
            yield f"{column} missing", np.flatnonzero(codes < 0)


def _part(case: Case, name: str | None, rows: NDArray[Any]) -> Result:
    """Measure one slice, or all rows, and say how it stands on its own."""
    if name is None:
        return _measured(case, None, rows)
    try:
        return _measured(case, name, rows)
    except InvalidInput as error:  # a slice with one class breaks some metrics; the other slices still count
        return _result(case, name, len(rows), "inconclusive", str(error))


def _measured(case: Case, name: str | None, rows: NDArray[Any]) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = _measure(case, case.ours, rows)
        other = None if case.theirs is None else _measure(case, case.theirs, rows)
        if not math.isfinite(found.value) or (other is not None and not math.isfinite(other.value)):
            verdict = "error" if name is None else "inconclusive"
            return _result(case, name, len(rows), verdict, _undefined(case, rows))
        estimate = in_words(case.metric, len(rows), lambda: estimate_of(case, found, other, rows))
    comparison = None
    if other is not None:
        comparison = {"reference": case.reference, "subject": found.value, "reference_value": other.value}
    result = _result(case, name, len(rows), "inconclusive", _positive(case))
    result = evolve(result, value=estimate.value, comparison=comparison)
    if not estimate.conclusive:
        return evolve(result, detail=_joined(estimate.reason or "no interval can be given", result.detail))
    detectable = None if math.isnan(estimate.detectable) else estimate.detectable
    result = evolve(result, low=estimate.low, high=estimate.high, detectable=detectable)
    return _with_verdict(case, evolve(result, detail=_joined(_width(estimate), result.detail)))


def _measure(case: Case, answers: Answers, rows: NDArray[Any]) -> Measured:
    return in_words(  # type: ignore[no-any-return]
        case.metric, len(rows), lambda: measure_of(case.metric, answers.recorded, answers.y, rows)
    )


def _positive(case: Case) -> str:
    """Say which of two classes a metric is about, unless it is the 1 that everybody expects."""
    classes = getattr(case.ours.recorded, "classes_", None)
    if classes is None or np.ndim(classes) != 1 or len(classes) != 2 or not has_positive(case.metric):
        return ""
    positive = positive_of(classes)
    return "" if positive == 1 and np.asarray(classes).tolist()[1] == 1 else f"the positive class is {positive!r}"


def _width(estimate: stats.Estimate) -> str:
    same = estimate.low == estimate.high
    return "every resample gave this value, so the interval has no width and says nothing of other rows" if same else ""


def _joined(*texts: str) -> str:
    return "; ".join(text for text in texts if text)


def _undefined(case: Case, rows: NDArray[Any]) -> str:
    found, known = np.unique(case.ours.y[rows]).tolist(), getattr(case.ours.recorded, "classes_", None)
    said = f"{case.criterion.metric} is undefined on these {len(rows):,} rows"
    if len(rows) == 1:
        return f"{case.criterion.metric} is undefined on a single row"
    if len(found) == 1:
        return f"{said}: every row has the label {found[0]!s}"
    if known is None or np.ndim(known) != 1 or case.metric.of_numbers:
        return said
    missing = [str(label) for label in np.asarray(known).tolist() if label not in found]
    return f"{said}: none has the label {' or '.join(missing[:3])}" if missing else said


def _result(case: Case, name: str | None, n: int, verdict: str, detail: str) -> Result:
    left_out = case.rows.unlabelled
    note = f"{left_out} rows without a label left out" if left_out and name is None else ""
    return Result(
        check=plain(case.criterion),
        subject=case.subject,
        data=case.rows.ref,
        slice=name,
        verdict=verdict,
        threshold=case.threshold,
        n=n,
        confidence=case.criterion.confidence,
        blocking=case.criterion.blocking,
        detail=_joined(detail, note),
    )


# verdicts ------------------------------------------------------------------------------------------------------------


def _with_verdict(case: Case, result: Result) -> Result:
    """Apply rule 1: the near end decides a pass, the far end a fail."""
    assert result.low is not None
    assert result.high is not None
    assert result.value is not None
    turn = 1 if case.theirs is not None else case.turn
    ends = (turn * (result.low - case.threshold), turn * (result.high - case.threshold))
    worst, best = min(ends), max(ends)
    # "Not worse" with a margin of 0 means better, so its edge itself does not pass; a threshold reached is reached.
    passed = worst > 0 if case.theirs is not None else worst >= 0
    verdict = "pass" if passed else "fail" if best < 0 else "inconclusive"
    gap = turn * (result.value - case.threshold)
    notes = [_note(case, verdict, gap, worst, best, result.n or 0), result.detail]
    comparison = result.comparison
    if comparison is not None:
        comparison = {**comparison, "finding": _finding(result.low, result.high, verdict)}
    return evolve(result, verdict=verdict, comparison=comparison, detail=_joined(*notes))


def _finding(low: float, high: float, verdict: str) -> str:
    if low > 0:
        return "better"
    return {"pass": "not worse", "fail": "worse"}.get(verdict, "inconclusive")


def _note(case: Case, verdict: str, gap: float, worst: float, best: float, n: int) -> str:
    if verdict == "fail":
        side = "worse than allowed" if case.theirs is not None else "below" if case.turn > 0 else "above"
        return f"{number(abs(gap))} {side}" + ("" if case.theirs is not None else f" {number(case.threshold)}")
    if verdict == "pass":
        return ""
    half = gap - worst if gap > 0 else best - gap
    if gap == 0 or half / abs(gap) > 30:
        return f"{n:,} rows do not decide it, and it is too close for any number of rows to help soon"
    return f"{n:,} rows do not decide it; about {rounded(n * (half / gap) ** 2)} would, if the value stays"


def _settled(results: list[Result], case: Case) -> list[Result]:
    """Keep a failed slice failed only if Holm's procedure over all slices agrees; else it is inconclusive."""
    if len(results) < 2:
        return results
    level = (1 - case.criterion.confidence) / 2
    adjusted = stats.holm([_p_of_failing(result, case) for result in results])
    return [
        evolve(
            result,
            verdict="inconclusive",
            detail=f"{result.detail}; not sure enough among {len(results)} slices",
        )
        if result.verdict == "fail" and p > level
        else result
        for result, p in zip(results, adjusted, strict=True)
    ]


def _p_of_failing(result: Result, case: Case) -> float:
    """Return the one-sided p-value of 'as good as the threshold', from the width of the interval."""
    if result.value is None or result.low is None or result.high is None:
        return math.nan
    from statistics import NormalDist

    turn = 1 if case.theirs is not None else case.turn
    gap = turn * (result.value - case.threshold)
    far = result.high if turn > 0 else result.low
    half = abs(far - result.value)
    if half == 0:
        return 0.0 if gap < 0 else 1.0
    return NormalDist().cdf(gap / half * NormalDist().inv_cdf(0.5 + case.criterion.confidence / 2))
