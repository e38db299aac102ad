"""Quality of what was answered: captured answers against labels, by the scope's criteria or by what was evaluated."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import attrs
import numpy as np

from mlcycle import checks, records
from mlcycle.errors import InvalidInput, UntrustedModel
from mlcycle.lifecycle.evaluation import evaluation_document, evaluations_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import View

__all__ = ["Captured", "judged"]

Doc = dict[str, Any]
_FEW_CLASSES = 50
_SETTLED = ("pass", "fail", "warn")
_USUAL = {"classifier": ("accuracy",), "regressor": ("r2", "mean_absolute_error")}
# The smallest loss since the evaluation that matters: two in a hundred of a classifier's metric, a tenth of another's.
_MARGIN, _SHARE = 0.02, 0.1


class Captured:
    """Captured answers behind the face of an estimator: metrics take them for the model's, and no model is loaded.

    Parameters
    ----------
    answers : DataFrame
        Columns ``output`` and ``scores`` of traffic, a row a prediction.
    truth : Series
        The labels of the same rows.
    signature : dict or None
        Of the version: what it says of its task and classes.
    ask : callable
        ``method -> answers`` of the model itself, for what was not captured; raises where it cannot.

    Raises
    ------
    InvalidInput
        When labels and answers are of two sorts, so that no label could equal an answer.
    """

    def __init__(
        self, answers: pd.DataFrame, truth: pd.Series[Any], signature: Doc | None, ask: Callable[[str], Any]
    ) -> None:
        import pandas as pd

        self._ask = ask
        self._scores = None if answers["scores"].isna().any() else answers["scores"].tolist()
        self._methods = (signature or {}).get("methods", ())
        known = (signature or {}).get("classes")
        classes = _array(known) if known and not isinstance(known[0], list) else None
        outputs, labels = self._outputs_of(answers, classes), truth.tolist()
        a, b = _sort(outputs), _sort(labels)
        if a != b:
            raise InvalidInput(
                f"the labels are {b} such as {labels[0]!r} and the answers {a} such as {outputs[0]!r}, so no label "
                "equals an answer; report labels in the form of the answers"
            )
        self.task = _task(outputs, signature)
        self.several = a == "lists" and self.task == "classifier"
        if self.several:  # right where every target is, as accuracy has it
            outputs, labels = [one == other for one, other in zip(outputs, labels, strict=True)], [True] * len(labels)
        self._outputs = _array(outputs)
        self.truth = _array(labels)
        self.labels = pd.Series(list(self.truth.tolist()), dtype=object).infer_objects()
        if self.task == "classifier":
            if classes is None or self.several:
                classes = _array(sorted({*self.truth.tolist(), *self._outputs.tolist()}))
            self.classes_ = classes

    def _outputs_of(self, answers: pd.DataFrame, classes: Any) -> list[Any]:
        if not answers["output"].isna().any():
            return list(answers["output"])
        if self._scores is not None and classes is not None:
            return [classes[int(np.argmax(row))] for row in self._scores]
        try:
            return list(self._ask("predict"))
        except UntrustedModel as error:
            raise InvalidInput("predictions were not captured, and loading the model to ask it needs trust") from error

    def lacks(self, metric: str) -> bool:
        """Return whether a metric asks scores that the model has, and that were neither captured nor can be asked."""
        try:
            asked = checks.find_metric(metric).methods
        except InvalidInput:
            return False
        return any(one in self._methods for one in asked) and not any(hasattr(self, one) for one in asked)

    def predict(self, X: Any) -> Any:
        """Return the outputs that were captured."""
        return self._outputs

    def __getattr__(self, name: str) -> Any:
        # Scores that were captured come before any that the model would give.
        if name == "predict_proba" and self._scores is not None:
            return lambda X: np.array(self._scores, dtype=float)
        if name not in ("predict_proba", "decision_function") or self._scores is not None:
            raise AttributeError(name)
        try:
            found = self._ask(name)
        except Exception as error:
            raise AttributeError(f"{name} was not captured with these answers") from error
        return lambda X: found


def judged(
    blobs: Blobs, view: View, ref: str, rows: checks.Rows, captured: Captured, criteria: list[Any]
) -> Iterator[records.Result]:
    """Yield what the criteria say of captured answers, or else what an evaluation of the version says of them.

    Where neither says anything, the usual metric of the task comes without a verdict, and with the reason.
    """

    def run(asked: list[Any]) -> tuple[records.Result, ...]:
        data = checks.LoadedData(default=rows.ref, read=lambda _: rows)
        context = checks.EvaluationContext(data=data, models=checks.LoadedModels(data=data, read=lambda _: captured))
        return checks.run([attrs.evolve(cast("Any", one), on=None) for one in asked], ref, context)

    absolute = [one for one in criteria if hasattr(one, "threshold")]
    found = [result for one in absolute for result in _answered(one, ref, captured, run)]
    yield from found
    if any(one.verdict in _SETTLED or (one.verdict == "inconclusive" and not one.slice) for one in found):
        return
    for one in (one for one in criteria if one not in absolute):
        note = "not judged: it compares two versions on the same rows, and these were answered by one"
        if isinstance(one, records.UnknownCriterion):
            note = "not judged: it needs a newer mlcycle"
        yield records.Result(check=str(one), subject=ref, verdict="not_applicable", detail=note)
    usual = ("accuracy",) if captured.several else _USUAL[captured.task]
    asked = list(dict.fromkeys([*(() if captured.several else (one.metric for one in criteria if one.metric)), *usual]))
    tried = {name: one for name in asked for one in run([records.AtLeast(name, 0.0)])}
    measured = {name: one for name, one in tried.items() if one.value is not None}
    then = {name: before for name in measured if (before := _evaluated(blobs, view, ref, name)) is not None}
    if then:
        yield from (_against(name, measured[name], before, captured.task) for name, before in then.items())
        return
    yield from (
        attrs.evolve(measured[name], check=name, verdict="not_applicable", threshold=None, detail=_why(criteria))
        for name in usual
        if name in measured
    )
    if measured.keys().isdisjoint(usual):  # silence would read as "fine"
        yield attrs.evolve(tried[usual[0]], check=usual[0], verdict="error", threshold=None)


def _why(criteria: list[Any]) -> str:
    if not criteria:
        return "not judged: no criterion"
    return "not judged: no criterion holds it against a value, and no evaluation of this version measured it"


def _answered(
    criterion: Any, ref: str, captured: Captured, run: Callable[[list[Any]], tuple[records.Result, ...]]
) -> tuple[records.Result, ...]:
    """Return what one criterion says, or why it says nothing."""
    if captured.several and (criterion.metric != "accuracy" or criterion.slices):
        note = "of several targets, only accuracy over all rows is judged from captured answers"
        return (records.Result(check=str(criterion), subject=ref, verdict="error", detail=note),)
    found = run([criterion])
    if not all(one.verdict == "error" for one in found) or not captured.lacks(criterion.metric):
        return found
    note = "no scores were captured with these answers; predict_proba of the service captures them"
    return tuple(attrs.evolve(one, detail=note) for one in found)


def _evaluated(blobs: Blobs, view: View, ref: str, metric: str) -> records.Result | None:
    """Return the newest stored result of a metric over all rows of some data, with its interval where it has one."""
    for fact in evaluations_of(view, f"model:{ref}"):
        for answer in evaluation_document(blobs, fact)["answers"]:
            asked = answer["criterion"]
            for document in answer["results"]:
                found: records.Result = records.from_json(document)
                mine = found.check == metric if asked is None else asked.get("metric") == metric
                if not mine or found.slice or not found.n or found.value is None:
                    continue
                if found.comparison is None:
                    return found
                return attrs.evolve(found, value=found.comparison["subject"], low=None, high=None)
    return None


def _against(metric: str, now: records.Result, then: records.Result, task: str) -> records.Result:
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
        comparison={"reference": then.data, "subject": value, "reference_value": before},
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


def _sort(values: list[Any]) -> str:
    kinds = {"lists" if isinstance(one, list) else "text" if isinstance(one, str) else "numbers" for one in values}
    return " and ".join(sorted(kinds))


def _task(outputs: list[Any], signature: Doc | None) -> str:
    said = (signature or {}).get("task")
    if said in _USUAL:
        return str(said)
    flat = [item for one in outputs for item in (one if isinstance(one, list) else [one])]
    whole = all(isinstance(one, str | bool) or float(one).is_integer() for one in flat)
    return "classifier" if whole and len(set(flat)) <= _FEW_CLASSES else "regressor"


def _array(values: list[Any]) -> Any:
    """Return values as numpy has them; yes and no are numbers, so that they equal 1 and 0 on the other side."""
    found = np.array(values)
    return found.astype(np.int64) if found.dtype.kind == "b" else found
