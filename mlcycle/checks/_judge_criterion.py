"""A criterion held against what was measured: the verdict, what would decide it, and many slices at once."""

from __future__ import annotations

import math
import re
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from attrs import evolve

from mlcycle import stats
from mlcycle._html import number
from mlcycle._ids import bare
from mlcycle._text import plain
from mlcycle.checks._context import data_of
from mlcycle.checks._counts import COUNTED, counted
from mlcycle.checks._decide import lacking
from mlcycle.checks._measurement import joined, measured
from mlcycle.checks._metric_case import metric_case
from mlcycle.errors import InvalidInput, MlcycleError
from mlcycle.records import Criterion, Result
from mlcycle.stats.models import rounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlcycle.checks._context import Context

__all__ = ["judge", "measure_of", "weigh"]

_TOO_CLOSE = 1 / 30  # what would take 900 times the rows will not be decided by waiting for them
# What a detail says of a verdict: by `_note` before what it says of the measurement, `_adjusted_for_slices` behind it.
_WEIGHED = re.compile(
    r"^(?:\S+ (?:worse than allowed|(?:below|above) [^\s;]+)"
    r"|[\d,]+ (?:rows|groups) do not decide it"
    r"(?:; about .+? would, if the value stays|, and it is too close for any number of (?:rows|groups) to help soon)"
    r"|no answer differs from \S+?'s(?:, so it is not better|; [\d,]+ (?:rows|groups) show .+? would show [^\s;]+)"
    r")(?:; |$)"
    r"|(?:; )?not sure enough among \d+ slices$"
)
_WIDEST = 64.0  # as many half-widths away, the chance of a normal deviate is 0 in floating point


def judge(criterion: Criterion, subject: str, context: Context) -> tuple[Result, ...]:
    """Hold one criterion against a subject, on the criterion's data or else the context's.

    A pass needs the near end of the interval beyond the threshold, a fail the far end short of it; what is between is
    inconclusive, and so is a value that its interval does not hold. With slices there is one result a level: each must
    pass by its own interval, and failures are declared under Holm's control over the levels.

    Parameters
    ----------
    criterion : Criterion
    subject : str
        What is judged, as a full ref.
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
    >>> from mlcycle.checks import EvaluationContext, LoadedData, LoadedModels, EvaluationData
    >>> from mlcycle.records import AtLeast
    >>> frame = pd.DataFrame({"x": range(400), "y": [0, 1, 1, 1] * 100})
    >>> model = DummyClassifier().fit(frame[["x"]], frame["y"])
    >>> data = LoadedData(default="d@1", read=lambda ref: EvaluationData(ref, frame, frame[["x"]], frame["y"]))
    >>> context = EvaluationContext(data=data, models=LoadedModels(data=data, read=lambda ref: model))
    >>> print(judge(AtLeast("accuracy", 0.7), "model:m@1", context)[0])
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
        data=data_of(criterion, subject, context),
        verdict=verdict,
        threshold=criterion.edge,
        confidence=criterion.confidence,
        blocking=criterion.blocking,
        detail=detail,
    )


def _judged(criterion: Criterion, subject: str, context: Context) -> list[Result]:
    if why := lacking(criterion):
        raise InvalidInput(why)
    ask = measure_of(criterion)
    kind = subject.partition(":")[0] if ":" in subject else "model"
    if kind != criterion.judges:
        raise InvalidInput(f"{plain(criterion)} is asked of a {criterion.judges}, and {bare(subject)} is a {kind}")
    return weigh(criterion, ask(criterion, subject, context))


def weigh(criterion: Criterion, results: Iterable[Result]) -> list[Result]:
    """Hold a criterion against what has been measured for its question, whatever that was held against before.

    Parameters
    ----------
    criterion : Criterion
    results : iterable of Result
        All those of one measurement: of several slices, Holm's procedure is among all of them.

    Returns
    -------
    list of Result
        With the criterion's verdicts. What could not be measured, or does not apply, stays what it is.

    Examples
    --------
    >>> from mlcycle.records import AtLeast
    >>> stored = Result(check="f1 ≥ 0.8", verdict="fail", value=0.75, low=0.72, high=0.78, n=900)
    >>> [today] = weigh(AtLeast("f1", 0.7), [stored])
    >>> print(today)
    pass: f1 ≥ 0.7: 0.75 [0.72, 0.78], n=900
    """
    return _adjusted_for_slices(criterion, [_with_verdict(criterion, one) for one in results])


def measure_of(criterion: Criterion) -> Callable[[Any, str, Context], list[Result]]:
    """Return what measures the question of a criterion.

    Raises
    ------
    InvalidInput
        Where nothing does, so that it could only stand in the way.

    Examples
    --------
    >>> from attrs import frozen
    >>> from mlcycle.records import DataCriterion
    >>> @frozen
    ... class Fresh(DataCriterion):
    ...     days: int
    >>> measure_of(Fresh(7))
    Traceback (most recent call last):
    ...
    mlcycle.errors.InvalidInput: nothing measures what Fresh asks; if it is about rows of data, derive it from ...
    """
    ask = _MEASURED.get(criterion.question[0])
    if ask is None:
        raise InvalidInput(
            f"nothing measures what {type(criterion).__name__} asks; if it is about rows of data, derive it from "
            "records.RowCriterion and override breaks(frame), if it is about a metric, from records.MetricCriterion; "
            "what is neither is a check (subject, context)"
        )
    return ask


# measuring, by the first word of a question --------------------------------------------------------------------------


def _metric(criterion: Any, subject: str, context: Context) -> list[Result]:
    """Measure what a criterion about a metric asks of a model."""
    metric = context.metrics.find(criterion.metric, subject)
    reference = None
    if "reference" in criterion.needs:
        said = getattr(criterion, "reference", None)
        if said is None:
            raise InvalidInput(f"{type(criterion).__name__} needs a reference, and says none: reference='production'")
        name = bare(subject).partition("@")[0]
        reference = context.models.find(said if "@" in said else f"{name}@{said}")
        if reference is None or bare(reference) == bare(subject):
            same = f"{bare(subject)} is {said} itself"
            detail = same if reference else f"there is no {said} yet to compare with"
            return [_blank(criterion, subject, context, "not_applicable", detail)]
    models, on = context.models, data_of(criterion, subject, context)
    theirs = None if reference is None else (reference, models.cached(reference, on))
    case = metric_case(
        metric, context.data.rows(on), (subject, models.cached(subject, on)), theirs, criterion.confidence
    )
    return measured(case, criterion.slices)


_MEASURED: dict[str, Callable[[Any, str, Context], list[Result]]] = {
    "metric": _metric,
    **dict.fromkeys(COUNTED, counted),
}

# verdicts ------------------------------------------------------------------------------------------------------------


def _with_verdict(criterion: Criterion, result: Result) -> Result:
    """Say what a measurement comes to; what could not be measured keeps the reason it has."""
    result = evolve(result, check=plain(criterion), threshold=criterion.edge, blocking=criterion.blocking)
    if result.value is None:
        return result
    verdict = criterion.verdict(result)
    if result.low is None or result.high is None:
        return evolve(result, verdict=verdict)
    comparison = result.comparison
    if comparison is not None:
        comparison = {**comparison, "finding": _finding(result.low, verdict)}
    # what was said of another verdict before is not true of this one; what was said of the measurement is
    said = result.detail if result.verdict == "not_applicable" else _WEIGHED.sub("", result.detail)
    result = evolve(result, verdict=verdict, comparison=comparison)
    return evolve(result, detail=joined(_note(criterion, result), said))


def _finding(low: float, verdict: str) -> str:
    return "better" if low > 0 else {"pass": "not worse", "fail": "worse"}.get(verdict, "inconclusive")


def _note(criterion: Criterion, result: Result) -> str:
    """Say by how much it failed, or how many rows would decide it."""
    if result.verdict == "fail" and criterion.edge is not None and result.value is not None:
        gap, edge = result.value - criterion.edge, number(criterion.edge)
        side = "worse than allowed" if result.comparison else f"{'below' if gap < 0 else 'above'} {edge}"
        return f"{number(abs(gap))} {side}"
    if result.verdict != "inconclusive":
        return ""
    if (result.comparison or {}).get("differ") == 0:
        return _none_differs(criterion, result)
    share, (count, units) = _stretch(criterion, result), _units(result)
    if share < _TOO_CLOSE:
        return f"{count:,} {units} do not decide it, and it is too close for any number of {units} to help soon"
    return f"{count:,} {units} do not decide it; about {rounded(count / share**2)} would, if the value stays"


def _units(result: Result) -> tuple[int, str]:
    """Return what an interval counts: rows, or the groups they are of."""
    return (result.n or 0, "rows") if result.groups is None else (result.groups, "groups")


def _none_differs(criterion: Criterion, result: Result) -> str:
    """Say which margin so many equal answers can show, and how many it takes for the one that is asked.

    The limit is that of a share of which none was seen, ``1 - (alpha / 2) ** (1 / count)`` (Clopper and Pearson 1934),
    times how far two answers can lie apart.
    """
    same = f"no answer differs from {(result.comparison or {}).get('reference')}'s"
    margin, shown = -(criterion.edge or 0.0), -(result.low or 0.0)
    if margin <= 0 or shown <= 0:
        return f"{same}, so it is not better"
    (count, units), alpha = _units(result), (1 - criterion.confidence) / 2
    unseen = (1 - alpha ** (1 / max(count, 1))) * margin / shown
    needed = rounded(math.log(alpha) / math.log1p(-unseen))
    return f"{same}; {count:,} {units} show a margin of {number(shown)}, about {needed} would show {number(margin)}"


def _stretch(criterion: Criterion, result: Result) -> float:
    """Return how many times as wide the interval can be for the verdict to be what it is of the value alone.

    Above 1 the verdict stands; below, the interval would have to shrink to this share of itself.
    """
    alone = criterion.verdict(_scaled(result, 0.0))
    if alone == "inconclusive":
        return 0.0
    near, far = 0.0, _WIDEST
    for _ in range(60):  # until the two meet in floating point
        middle = (near + far) / 2
        near, far = (middle, far) if criterion.verdict(_scaled(result, middle)) == alone else (near, middle)
    return far


def _scaled(result: Result, by: float) -> Result:
    value, low, high = result.value or 0.0, result.low or 0.0, result.high or 0.0
    return evolve(result, low=value - by * (value - low), high=value + by * (high - value))


def _adjusted_for_slices(criterion: Criterion, results: list[Result]) -> list[Result]:
    """Keep a failed slice failed only if Holm's procedure over all slices agrees; else it is inconclusive."""
    if len(results) < 2:
        return results
    level = (1 - criterion.confidence) / 2
    adjusted = stats.holm([_p_of_failing(criterion, result) for result in results])
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


def _p_of_failing(criterion: Criterion, result: Result) -> float:
    """Return the one-sided p-value of 'as good as is asked', from the width of the interval."""
    if result.value is None or result.low is None or result.high is None:
        return math.nan
    if result.verdict != "fail":
        return 1.0  # its p-value is above the level, so it takes part in the count and in nothing else
    return NormalDist().cdf(-_stretch(criterion, result) * NormalDist().inv_cdf(0.5 + criterion.confidence / 2))
