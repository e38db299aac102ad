"""Quality of what was answered: captured answers by the scope's criteria, or else by what was evaluated."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol, cast

import attrs

from mlcycle import checks, records
from mlcycle.errors import AccessDenied, StorageUnavailable
from mlcycle.monitoring._answers import CapturedAnswers
from mlcycle.monitoring._window import inputs_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

__all__ = ["AnswersJudge", "ServedVersions"]

_ANSWERED = frozenset(["data", "labels", "model"])
_DECISIVE = ("pass", "fail", "warn")
_USUAL = {"classifier": ("accuracy",), "regressor": ("r2", "mean_absolute_error")}
# The smallest loss since the evaluation that matters: two in a hundred of a classifier's metric, a tenth of another's.
_MARGIN, _SHARE = 0.02, 0.1


class ServedVersions(Protocol):
    """What is known of the versions that answered."""

    def signature(self, ref: str) -> dict[str, Any] | None:
        """Return the signature of a version; None where there is none."""

    def fetch(self, ref: str) -> None:
        """Read the model of a version, so that a storage that fails does so here; that it needs trust is no matter."""

    def ask(self, ref: str, method: str, rows: Any) -> Any:
        """Return what a version answers on rows, or raise why it cannot be asked."""

    def evaluated(self, ref: str, metric: Any) -> records.Result | None:
        """Return the newest result of a metric over all rows of some data; None where it was never evaluated."""


@attrs.frozen(eq=False)
class AnswersJudge:
    """A `Judge` by the answers and scores that were captured, so that no model is trusted for it.

    What the criteria say of them; or else the difference from what an evaluation of the version measured. Where neither
    says anything, the usual metric of the task comes without a verdict, and with the reason.

    Parameters
    ----------
    criteria : sequence of Criterion
        Those in force.
    versions : ServedVersions
    metrics : MetricAccess, optional
        By whose word metrics that are kept as source run; by default only those this process wrote down.
    """

    criteria: Sequence[Any]
    versions: ServedVersions
    metrics: checks.MetricAccess | None = None

    def __call__(self, ref: str, rows: pd.DataFrame) -> Iterator[records.Result]:
        """Judge a version by labelled rows of traffic that it answered."""
        inputs, answers = inputs_of(rows), rows[["output", "scores"]]
        if answers["scores"].isna().any():
            self.versions.fetch(ref)  # here, so that a storage that fails is no fault of a criterion
        captured = CapturedAnswers(
            answers,
            rows["label"].infer_objects(),
            self.versions.signature(ref),
            lambda method: self.versions.ask(ref, method, inputs),
        )
        given = checks.EvaluationData(ref="captured traffic", frame=inputs, X=inputs, y=cast("Any", captured.labels))
        yield from self._judged(ref, given, captured)

    def _judged(self, ref: str, rows: checks.EvaluationData, captured: CapturedAnswers) -> Iterator[records.Result]:
        data = checks.LoadedData(default=rows.ref, read=lambda _: rows)
        models = checks.LoadedModels(data=data, read=lambda _: captured)
        context = checks.EvaluationContext(data=data, models=models, metrics=self.metrics)
        criteria = [one for one in self.criteria if one.judges == "model"]
        absolute = [one for one in criteria if _answerable(one)]
        found = [result for one in absolute for result in _answered(one, ref, captured, context)]
        yield from found
        if any(one.verdict in _DECISIVE or (one.verdict == "inconclusive" and not one.slice) for one in found):
            return
        for one in (one for one in criteria if one not in absolute):
            note = f"not judged: it needs {' and '.join(sorted(one.needs))}"
            if "reference" in one.needs:
                note = "not judged: it compares two versions on the same rows, and these were answered by one"
            yield records.Result(check=str(one), subject=ref, verdict="not_applicable", detail=note)
        yield from self._unasked(ref, rows, captured)

    def _unasked(self, ref: str, rows: checks.EvaluationData, captured: CapturedAnswers) -> Iterator[records.Result]:
        """Yield what no criterion asks for: metrics against an evaluation, or as they are."""
        usual = ("accuracy",) if captured.several else _USUAL[captured.task]
        metrics = () if captured.several else (one.metric for one in self.criteria if one.metric)
        tried = {
            name: checks.measure(name, rows, ref, captured, metrics=self.metrics)
            for name in dict.fromkeys([*metrics, *usual])
        }
        measured = {name: one for name, one in tried.items() if one.value is not None}
        then = {name: before for name in measured if (before := self.versions.evaluated(ref, name)) is not None}
        if then:
            yield from (_against(name, measured[name], before, captured.task) for name, before in then.items())
            return
        for name in usual:
            if name in measured:
                yield attrs.evolve(measured[name], detail=_why(self.criteria))
        if measured.keys().isdisjoint(usual):  # silence would read as "fine"
            yield tried[usual[0]]


def _why(criteria: Sequence[Any]) -> str:
    if not criteria:
        return "not judged: no criterion"
    return (
        "not judged: no criterion holds it against a value over all rows, and no evaluation of this version measured "
        "it over all rows"
    )


def _answerable(criterion: Any) -> bool:
    """Say whether captured answers are all it takes; one that cannot say what it takes is asked, and breaks there."""
    try:
        return bool(criterion.needs <= _ANSWERED)
    except Exception:  # noqa: BLE001 - what somebody else wrote may raise anything
        return True


def _answered(
    criterion: Any, ref: str, captured: CapturedAnswers, context: checks.EvaluationContext
) -> tuple[records.Result, ...]:
    """Return what one criterion says, or why it says nothing."""
    if captured.several and (criterion.metric != "accuracy" or criterion.slices):
        note = "of several targets, only accuracy over all rows is judged from captured answers"
        return (records.Result(check=str(criterion), subject=ref, verdict="error", detail=note),)
    try:
        here = criterion if criterion.on is None else attrs.evolve(criterion, on=None)
        if missing := [one for one in here.slices if one not in context.data.rows().columns()]:
            return _unsliced(here, missing, ref, context)
        found = checks.run([here], ref, context)
    except (AccessDenied, StorageUnavailable):
        raise
    except Exception as error:  # noqa: BLE001 - one criterion that breaks must not take the others with it
        why = f"{type(error).__name__}: {error}"
        return (records.Result(check=type(criterion).__name__, subject=ref, verdict="error", detail=why),)
    if not all(one.verdict == "error" for one in found) or not captured.lacks(criterion.metric):
        return found
    note = "no scores were captured with these answers; predict_proba of the service captures them"
    return tuple(attrs.evolve(one, detail=note) for one in found)


def _unsliced(
    criterion: Any, missing: Sequence[str], ref: str, context: checks.EvaluationContext
) -> tuple[records.Result, ...]:
    """Return what a criterion says without the slices that traffic cannot tell apart: it holds inputs alone.

    What falls short over all rows falls short in some slice, for what a slice counts is a part of what all rows count;
    that none does is shown by an evaluation alone, and said so.
    """
    rest = attrs.evolve(criterion, slices=tuple(one for one in criterion.slices if one not in missing))
    columns = " and ".join(map(repr, missing))
    note = f"captured traffic has no column {columns} to slice by: {rest} is judged instead"
    left_out = records.Result(check=str(criterion), subject=ref, verdict="not_applicable", detail=note)
    return (left_out, *checks.run([rest], ref, context))


def _against(metric: Any, now: records.Result, then: records.Result, task: str) -> records.Result:
    """Return the difference from an evaluation, turned so that positive is better, against what would matter.

    The limits of a difference from those of its two parts: Zou and Donner (2008), Statistics in Medicine 27 (MOVER).
    """
    turn = 1 if checks.find_metric(metric).higher_is_better else -1
    value, before = cast("float", now.value), cast("float", then.value)
    margin = _MARGIN if task == "classifier" else _SHARE * abs(before)
    check = f"{metric} not worse than {before:.3g} on {then.data}"
    difference = turn * (value - before)
    result = attrs.evolve(
        now, check=check, value=difference, low=None, high=None, threshold=-margin,
        comparison={"reference": f"dataset:{then.data}", "subject": value, "reference_value": before},
    )  # fmt: skip
    if any(one is None or not math.isfinite(one) for one in (now.low, now.high)):
        return attrs.evolve(result, verdict="inconclusive", detail=f"{now.n} rows give no interval")
    low, high = cast("float", now.low), cast("float", now.high)
    # A comparison keeps no interval of the subject alone; that of these rows tells it, as widths go with 1 / sqrt(n).
    reach = max(value - low, high - value) * math.sqrt(cast("int", now.n) / cast("int", then.n))
    before_low = before - reach if then.low is None else then.low
    before_high = before + reach if then.high is None else then.high
    fall, rise = math.hypot(value - low, before_high - before), math.hypot(high - value, before - before_low)
    least, most = (difference - fall, difference + rise) if turn > 0 else (difference - rise, difference + fall)
    verdict = "pass" if least > -margin else "warn" if most < -margin else "inconclusive"
    detail = f"{metric} {value:.3g}, then {before:.3g}"
    return attrs.evolve(result, low=least, high=most, verdict=verdict, detail=detail)
