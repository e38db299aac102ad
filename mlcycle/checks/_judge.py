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
from mlcycle.checks._measures import UNIT_SCORERS, Measured, measure_of
from mlcycle.checks._metrics import find_metric
from mlcycle.errors import InvalidInput, MlcycleError
from mlcycle.records import AtMost, Criterion, NotWorseThan, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlcycle.checks._metrics import Metric
    from mlcycle.checks._protocol import Context, Rows
    from mlcycle.checks._recorded import Recorded

__all__ = ["CriterionCheck", "judge"]

_MOST_LEVELS = 100
_FEWEST_OF_A_CLASS = 6
_SKEWED = 20_000
_SIGNED = ("matthews_corrcoef",)
_BY_ROW = ("accuracy", "neg_log_loss", "neg_brier_score")


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
    between is inconclusive. With slices there is one result a level: each must pass by its own interval, and failures
    are declared under Holm's control over the levels.

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
    metric = find_metric(criterion.metric)
    reference = None
    if isinstance(criterion, NotWorseThan):
        reference = context.find(criterion.reference)
        if reference is None or reference == subject:
            same = f"{subject} is {criterion.reference} itself"
            detail = same if reference else f"there is no {criterion.reference} yet to compare with"
            yield _blank(criterion, subject, context, "not_applicable", detail)
            return
    case = _case(criterion, metric, subject, reference, context)
    if criterion.slices:
        # A metric that does not fit the model at all is an error, not a slice that is too small.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            metric(case.recorded, case.y, np.arange(len(case.y)))
    parts = list(_parts(criterion, case.rows))
    yield from _settled([_part(case, name, rows) for name, rows in parts], case)


@frozen(eq=False)
class _Case:
    """Everything about one criterion that is the same in every slice."""

    criterion: Criterion
    metric: Metric
    rows: Rows
    y: NDArray[Any]
    subject: str
    reference: str | None
    recorded: Recorded
    against: Recorded | None

    @property
    def turn(self) -> int:
        """+1 where more is better: distances from the threshold are turned so that positive is good."""
        higher = self.metric.higher_is_better if self.against is not None else not isinstance(self.criterion, AtMost)
        return 1 if higher else -1

    @property
    def threshold(self) -> float:
        if isinstance(self.criterion, NotWorseThan):
            return -self.criterion.margin
        return float(self.criterion.threshold)  # type: ignore[attr-defined]


def _case(criterion: Criterion, metric: Metric, subject: str, reference: str | None, context: Context) -> _Case:
    rows = context.rows(criterion.on)
    if rows.y is None:
        raise InvalidInput(f"{rows.ref} has no target; add it with target=… so that {criterion.metric} can be computed")
    if len(rows.y) == 0:
        raise InvalidInput(f"{rows.ref} has no row with a label")
    recorded = context.recorded(subject, criterion.on)
    against = context.recorded(reference, criterion.on) if reference else None
    return _Case(criterion, metric, rows, rows.y, subject, reference, recorded, against)


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


def _part(case: _Case, name: str | None, rows: NDArray[Any]) -> Result:
    """Measure one slice, or all rows, and say how it stands on its own."""
    if name is None:
        return _measured(case, None, rows)
    try:
        return _measured(case, name, rows)
    except Exception as error:  # noqa: BLE001 - a slice with one class breaks most metrics; the other slices still count
        return _result(case, name, len(rows), "inconclusive", f"{len(rows)} rows: {type(error).__name__}: {error}")


def _measured(case: _Case, name: str | None, rows: NDArray[Any]) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = measure_of(case.metric, case.recorded, case.y, rows)
        other = measure_of(case.metric, case.against, case.y, rows) if case.against is not None else None
        if math.isnan(found.value) or (other is not None and math.isnan(other.value)):
            verdict = "error" if name is None else "inconclusive"
            return _result(case, name, len(rows), verdict, _undefined(case, rows))
        estimate = _estimate(case, found, other, rows)
    comparison = None
    if other is not None:
        comparison = {"reference": case.reference, "subject": found.value, "reference_value": other.value}
    result = _result(case, name, len(rows), "inconclusive", "")
    result = evolve(result, value=estimate.value, comparison=comparison)
    if not estimate.conclusive:
        return evolve(result, detail=_said(estimate.reason))
    detectable = None if math.isnan(estimate.detectable) else estimate.detectable
    result = evolve(result, low=estimate.low, high=estimate.high, detectable=detectable)
    return _with_verdict(case, result)


def _undefined(case: _Case, rows: NDArray[Any]) -> str:
    classes = np.unique(case.y[rows])
    only = f": every row has the label {classes[0]!s}" if len(classes) == 1 else ""
    return f"{case.criterion.metric} is undefined on these {len(rows)} rows{only}"


def _said(reason: str) -> str:
    return reason or "no interval can be given"


def _result(case: _Case, name: str | None, n: int, verdict: str, detail: str) -> Result:
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
        detail="; ".join(text for text in (detail, note) if text),
    )


# intervals -----------------------------------------------------------------------------------------------------------


def _estimate(case: _Case, found: Measured, other: Measured | None, rows: NDArray[Any]) -> stats.Estimate:
    confidence, n = case.criterion.confidence, len(rows)
    groups = None if case.rows.groups is None else case.rows.groups[rows]
    if (few := _few_of_a_class(case, rows)) is not None:
        value = found.value if other is None else case.turn * (found.value - other.value)
        return stats.Estimate(value, math.nan, math.nan, confidence, n, math.nan, math.nan, "none", few)
    resamples = _resamples(n, confidence, found.fast and (other is None or other.fast))
    if other is not None:
        turn, one, two = case.turn, found.measure, other.measure
        difference = stats.paired_difference(
            lambda index: turn * one(index),
            lambda index: turn * two(index),
            n,
            groups=groups,
            confidence=confidence,
            resamples=resamples,
        )
        return _agreeing(case, difference, n if groups is None else len(np.unique(groups)))
    if case.metric.scorer == "accuracy" and groups is None:
        return stats.wilson(round(found.value * n), n, confidence)
    bounds = _bounds(case.metric)
    estimate = stats.interval(
        found.measure,
        n,
        groups=groups,
        confidence=confidence,
        resamples=resamples,
        # Near the end of a metric's range the percentile interval passes too often (measured: 7 % for 2.5 % at an
        # area of 0.98 on 200 rows); with many rows the correction no longer shows.
        method="bca" if n <= _SKEWED else "percentile",
        bounds=bounds,
    )
    return _humbled(case, estimate, rows, bounds)


def _resamples(n: int, confidence: float, fast: bool) -> int:
    least = math.ceil(4 / (1 - confidence))
    usual = 1000 if fast else 300
    # Past some hundred thousand rows the interval is narrow and only the time grows.
    return max(least, 200, min(max(usual, 2 * least), int(4e8 / n)))


def _bounds(metric: Metric) -> tuple[float, float] | None:
    """Return the range of a metric where it is known: for scorers of classification."""
    if metric.scorer in _SIGNED:
        return (-1.0, 1.0)
    if metric.scorer in UNIT_SCORERS:
        return (0.0, 1.0)
    if metric.scorer == "neg_brier_score":
        return (0.0, 1.0) if metric.sign < 0 else (-1.0, 0.0)
    return None


def _few_of_a_class(case: _Case, rows: NDArray[Any]) -> str | None:
    """Say so where the rarer of two classes has too few rows for any interval."""
    classes = getattr(case.recorded, "classes_", None)
    if classes is None or len(classes) != 2 or case.metric.scorer in _BY_ROW:
        return None
    counts = [int(np.count_nonzero(case.y[rows] == label)) for label in classes]
    if min(counts) >= _FEWEST_OF_A_CLASS:
        return None
    rarer = classes[int(np.argmin(counts))]
    needed = math.ceil(_FEWEST_OF_A_CLASS * len(rows) / min(counts)) if min(counts) else None
    would = f"; about {_rounded(needed)} rows would do" if needed else ""
    return f"only {min(counts)} of {len(rows)} rows have the label {rarer!s}{would}"


def _humbled(
    case: _Case, estimate: stats.Estimate, rows: NDArray[Any], bounds: tuple[float, float] | None
) -> stats.Estimate:
    """Let a perfect score be only as sure as the rows of the rarer class allow."""
    classes = getattr(case.recorded, "classes_", None)
    if estimate.standard_error != 0 or classes is None or bounds is None or case.metric.scorer in _BY_ROW:
        return estimate
    counts = [int(np.count_nonzero(case.y[rows] == label)) for label in classes]
    fewest = min((count for count in counts if count), default=0)
    humble = stats.interval(lambda index: estimate.value, fewest, confidence=estimate.confidence, bounds=bounds)
    return evolve(humble, n=estimate.n)


def _agreeing(case: _Case, difference: stats.Estimate, units: int) -> stats.Estimate:
    """Let two models that agree on every row differ on as many as this sample could have missed.

    Where none of n rows (or groups) differs, up to ``1 - (alpha / 2) ** (1 / n)`` of all rows may (Clopper and Pearson
    1934); each moves a metric of known range by at most that range.
    """
    bounds = _bounds(case.metric)
    if bounds is None or not (difference.low == difference.high == difference.value):
        return difference
    missed = (bounds[1] - bounds[0]) * (1 - ((1 - difference.confidence) / 2) ** (1 / units))
    return evolve(difference, low=difference.value - missed, high=difference.value + missed)


# verdicts ------------------------------------------------------------------------------------------------------------


def _with_verdict(case: _Case, result: Result) -> Result:
    """Apply rule 1: the near end decides a pass, the far end a fail."""
    assert result.low is not None
    assert result.high is not None
    assert result.value is not None
    turn = 1 if case.against is not None else case.turn
    ends = (turn * (result.low - case.threshold), turn * (result.high - case.threshold))
    worst, best = min(ends), max(ends)
    # "Not worse" with a margin of 0 means better, so its edge itself does not pass; a threshold reached is reached.
    passed = worst > 0 if case.against is not None else worst >= 0
    verdict = "pass" if passed else "fail" if best < 0 else "inconclusive"
    gap = turn * (result.value - case.threshold)
    notes = [_note(case, verdict, gap, worst, best, result.n or 0), result.detail]
    comparison = result.comparison
    if comparison is not None:
        comparison = {**comparison, "finding": _finding(result.low, result.high, verdict)}
    return evolve(result, verdict=verdict, comparison=comparison, detail="; ".join(note for note in notes if note))


def _finding(low: float, high: float, verdict: str) -> str:
    if low > 0:
        return "better"
    return {"pass": "not worse", "fail": "worse"}.get(verdict, "inconclusive")


def _note(case: _Case, verdict: str, gap: float, worst: float, best: float, n: int) -> str:
    if verdict == "fail":
        side = "worse than allowed" if case.against is not None else "below" if case.turn > 0 else "above"
        return f"{number(abs(gap))} {side}" + ("" if case.against is not None else f" {number(case.threshold)}")
    if verdict == "pass":
        return ""
    half = gap - worst if gap > 0 else best - gap
    if gap == 0 or half / abs(gap) > 30:
        return f"{n:,} rows do not decide it, and it is too close for any number of rows to help soon"
    return f"{n:,} rows do not decide it; about {_rounded(n * (half / gap) ** 2)} would, if the value stays"


def _rounded(count: float) -> str:
    """Return a count to two digits, rounded up."""
    step = 10 ** max(math.floor(math.log10(max(count, 1))) - 1, 0)
    return f"{math.ceil(count / step) * step:,}"


def _settled(results: list[Result], case: _Case) -> list[Result]:
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


def _p_of_failing(result: Result, case: _Case) -> float:
    """Return the one-sided p-value of 'as good as the threshold', from the width of the interval."""
    if result.value is None or result.low is None or result.high is None:
        return math.nan
    from statistics import NormalDist

    turn = 1 if case.against is not None else case.turn
    gap = turn * (result.value - case.threshold)
    far = result.high if turn > 0 else result.low
    half = abs(far - result.value)
    if half == 0:
        return 0.0 if gap < 0 else 1.0
    return NormalDist().cdf(gap / half * NormalDist().inv_cdf(0.5 + case.criterion.confidence / 2))
