"""What traffic says: inputs, predictions, quality, failures and latency, against how things were."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle import stats
from mlcycle._ids import new_id, now
from mlcycle.errors import AccessDenied, MlcycleError, StorageUnavailable, UntrustedModel
from mlcycle.records import Finding, Report, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd

    from mlcycle.records import Revision
    from mlcycle.serving._capture import Traffic

    Judge = Callable[[str, pd.DataFrame, pd.Series[Any]], Iterable[Result]]

__all__ = ["Unavailable", "attempt", "inspect"]

_ENOUGH = 30
_CLASSES = 30
_FAILURES = 0.01
_SLOWER = 1.25
_INPUT = "in."
# What pandas says of objects, and of Arrow types that it does not know, by numpy's letters.
_LETTERS = {"date": "M", "datetime": "M", "datetime64": "M", "timedelta": "m", "timedelta64": "m", "decimal": "f"}


@frozen(eq=False)
class Unavailable:
    """What stands in for a part of a check that could not be had: the reason, which becomes a finding of that part."""

    error: Exception


def attempt(work: Callable[[], Any]) -> Any:
    """Return what work returns, or an `Unavailable`; where the storage itself fails there is no report, and it raises.

    Examples
    --------
    >>> attempt(lambda: 1 / 0)
    Unavailable(error=ZeroDivisionError('division by zero'))
    """
    try:
        return work()
    except (AccessDenied, StorageUnavailable):
        raise
    except Exception as error:  # noqa: BLE001 - one part that does not fit must not take the others with it
        return Unavailable(error)


def inspect(
    revision: Revision,
    traffic: Traffic,
    *,
    reference: pd.DataFrame | Unavailable | None,
    expected: Any,
    judge: Judge,
    since: str,
    until: str,
    alpha: float = 0.05,
) -> Report:
    """Compare traffic with a reference and return what was found.

    Inputs and predictions are compared by `mlcycle.stats.drift`: a correct two-sample test for each column, control
    over all of them, and an effect beyond its margin. Half of `alpha` goes to the inputs and half to the predictions,
    so that the chance of any false alarm among both is at most `alpha`. Quality is judged on labelled rows. Latency is
    compared between the earlier and the later half of the window. Too little of anything is a finding that says how
    much would do, not silence; so is a part that cannot be looked at, and the other parts are.

    Parameters
    ----------
    revision : Revision
        Who answers.
    traffic : Traffic
        What was captured in the window.
    reference : DataFrame, Unavailable or None
        Rows as they were when the model was made, without the target; None where that is not known.
    expected : array, Unavailable or None
        What the version with most of the traffic answers on rows like the reference. Best are rows it was not trained
        on: a model that remembers its training rows answers them unlike any others.
    judge : callable
        ``(version, X, y) -> results``: the scope's criteria on labelled rows, the index being that of the traffic. A
        result that is ``not_applicable`` and has a value is quality that nothing was held against.
    since, until : str
        The window (UTC text).
    alpha : float, default 0.05
        Chance of any false alarm about drift.

    Returns
    -------
    Report
        Findings with their numbers and the phase to look at next, and one row of a table for each look.
    """
    live = traffic.live()
    look = _Look(revision, traffic, live, reference, expected, judge, alpha / 2)
    findings: list[Finding] = []
    table: list[dict[str, Any]] = []
    for part, one in _PARTS.items():
        seen = attempt(lambda one=one: list(one(look)))  # type: ignore[misc]
        for row, finding in [_unavailable(look, part, seen.error)] if isinstance(seen, Unavailable) else seen:
            table += [] if row is None else [row]
            findings += [] if finding is None else [finding]
    return Report(
        deployment=revision.deployment,
        revision=revision.number,
        since=since,
        until=until,
        rows=len(live),
        findings=tuple(findings),
        table=table,
        at=now(),
    )


@frozen(eq=False)
class _Look:
    """All that the looks below share."""

    revision: Revision
    traffic: Traffic
    live: pd.DataFrame
    reference: pd.DataFrame | Unavailable | None
    expected: Any
    judge: Judge
    alpha: float

    @property
    def main(self) -> str:
        """The version with most of the traffic."""
        return max(self.revision.weights, key=lambda ref: self.revision.weights[ref])

    def finding(self, kind: str, summary: str, severity: str, phase: str, **evidence: Any) -> Finding:
        return Finding(
            id=new_id(),
            kind=kind,
            subject=self.revision.deployment,
            summary=summary,
            severity=severity,
            phase=phase,
            evidence=evidence,
            at=now(),
        )


_Seen = tuple[dict[str, Any] | None, Finding | None]


def _had(value: Any) -> Any:
    """Return a part that was prepared, or raise what came in its way."""
    if isinstance(value, Unavailable):
        raise value.error
    return value


def _unavailable(look: _Look, part: str, error: Exception) -> _Seen:
    """Say which part of the check could not be made, and why."""
    reason = str(error) if isinstance(error, MlcycleError) else f"{type(error).__name__}: {error}"
    # A model that needs trust is no fault of the traffic: it is said, and no alarm.
    if isinstance(error, UntrustedModel):
        note = "loading the model needs trust, so nothing was asked of it"
        return {"look": part, "subject": look.main, "verdict": "not_applicable", "note": note}, None
    summary = f"{part} could not be looked at: {reason:.300}"
    row = {"look": part, "subject": look.revision.deployment, "verdict": "error", "note": reason}
    return row, look.finding(part, summary, "warn", _PHASES.get(part, "deployment"), reason=reason)


def _coverage(look: _Look) -> Iterator[_Seen]:
    """Say how much there is to go by."""
    rows, labelled = len(look.live), int(look.live["label"].notna().sum())
    share = labelled / rows if rows else None
    yield {"look": "traffic", "subject": "labelled rows", "value": labelled, "share": share, "n": rows}, None
    if rows < _ENOUGH:
        summary = f"{rows} predictions are too few for any verdict; it takes {_ENOUGH} or more"
        yield None, look.finding("too little traffic", summary, "info", "deployment", rows=rows, needed=_ENOUGH)
    elif labelled < _ENOUGH:
        strays = look.traffic.strays
        stray = f"; {strays} labels have ids that no prediction of this window has" if strays else ""
        summary = (
            f"{labelled} of {rows} predictions have a label, too few to judge quality; "
            f"it takes {_ENOUGH} or more: report outcomes with label(ids, outcomes){stray}"
        )
        evidence = {"rows": rows, "labelled": labelled, "needed": _ENOUGH}
        yield None, look.finding("too few labels", summary, "info", "data", **evidence)
    if look.traffic.skipped:
        summary = f"{look.traffic.skipped} captured lines could not be read: torn, or written by a newer mlcycle"
        yield None, look.finding("unreadable lines", summary, "info", "deployment", lines=look.traffic.skipped)


def _drift_of_inputs(look: _Look) -> Iterator[_Seen]:
    before = _had(look.reference)
    if before is None:
        summary = "the data the model was trained on is not known: register it with data=[…] to have inputs compared"
        yield None, look.finding("no reference", summary, "info", "model")
        return
    if len(look.live) < _ENOUGH:
        return
    reference, current = _side_by_side(before, look.live)
    if not len(current.columns):
        summary = "no input that was captured is a column of the data the model was trained on, so none was compared"
        yield None, look.finding("no reference", summary, "info", "data")
        return
    drift = stats.drift(reference, current, alpha=look.alpha, control="holm")
    for column in drift.columns:
        yield _row("data drift", column), None
    drifted = [column for column in drift.columns if column.verdict == "drifted"]
    if drifted:
        head = f"{len(drifted)} of {len(drift.columns)} inputs drifted"
        yield None, _drifted(look, "data drift", drifted, head, "data")
    unsure = [column for column in drift.columns if column.verdict == "inconclusive"]
    if unsure:
        yield None, _unsure(look, "data drift", unsure)


def _side_by_side(reference: pd.DataFrame, live: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the columns both sides have, the captured values in the types of the reference."""
    inputs = live[[name for name in live.columns if name.startswith(_INPUT)]]
    inputs = inputs.rename(columns=lambda name: name.removeprefix(_INPUT))
    reference = reference.rename(columns=str)
    unnamed = list(inputs.columns) == [f"x{i}" for i in range(len(reference.columns))]
    if unnamed and not set(inputs.columns) & set(reference.columns):  # a model of arrays knows columns by place
        inputs = inputs.set_axis(reference.columns, axis=1)
    shared = [name for name in reference.columns if name in inputs.columns]
    return reference[shared], _as_in(inputs[shared], reference)


def _drift_of_predictions(look: _Look) -> Iterator[_Seen]:
    """Compare what the main version answers with what it answered on the reference."""
    rows = look.live[look.live["output"].notna() & (look.live["version"] == look.main)]
    expected = _had(look.expected)
    if expected is None or len(rows) < _ENOUGH:
        return
    import pandas as pd

    answers = expected.tolist() if hasattr(expected, "tolist") else list(expected)
    if answers and isinstance(answers[0], list):
        note = "predictions of several targets are not compared"
        yield {"look": "prediction drift", "subject": "prediction", "verdict": "not_applicable", "note": note}, None
        return
    before = pd.DataFrame({"prediction": answers})
    after = pd.DataFrame({"prediction": rows["output"].tolist()})
    if before["prediction"].nunique() <= _CLASSES:  # classes, even where they are numbers
        before, after = before.astype(str), after.astype(str)
    column = stats.drift(before, after, alpha=look.alpha, control="holm").columns[0]
    yield _row("prediction drift", column), None
    if column.verdict == "drifted":
        yield None, _drifted(look, "prediction drift", [column], f"the predictions of {look.main} drifted", "model")
    elif column.verdict == "inconclusive":
        yield None, _unsure(look, "prediction drift", [column])


def _quality(look: _Look) -> Iterator[_Seen]:
    """Judge each version on the labelled rows it answered, an id once."""
    labelled = look.live[look.live["label"].notna()]
    for ref in look.revision.weights:
        rows = labelled[labelled["version"] == ref].drop_duplicates("id", keep="last")
        if not len(rows):
            continue
        inputs = rows[[name for name in rows.columns if name.startswith(_INPUT)]]
        inputs = inputs.rename(columns=lambda name: name.removeprefix(_INPUT))
        truth = rows["label"].infer_objects()
        seen = attempt(lambda ref=ref, inputs=inputs, truth=truth: list(look.judge(ref, inputs, truth)))  # type: ignore[misc]
        if isinstance(seen, Unavailable):
            yield _unavailable(look, "quality", seen.error)
            continue
        for result in seen:
            yield _judged(result, ref), _about(look, result, ref)
    others = int((~labelled["version"].isin(list(look.revision.weights))).sum())
    if others:
        row = {"look": "quality", "subject": "other versions", "n": others, "verdict": "not_applicable"}
        yield row | {"note": "answered by versions that have no weight any more, and not judged"}, None


def _judged(result: Result, ref: str) -> dict[str, Any]:
    fields = ("value", "low", "high", "threshold", "detectable", "n", "verdict")
    name = f"{result.check} ({result.slice})" if result.slice else result.check
    row = {"look": "quality", "subject": f"{ref}: {name}", **{one: getattr(result, one) for one in fields}}
    return {**row, "note": result.detail}


def _about(look: _Look, result: Result, ref: str) -> Finding | None:
    """Return what a result means for the deployment; None where all is well."""
    if result.verdict == "not_applicable" and result.value is not None:
        return _unjudged(look, result, ref)
    # A slice that has too few rows is told by the table; all rows together have been judged, or say so themselves.
    if result.verdict in ("pass", "skipped", "not_applicable") or (result.slice and result.verdict == "inconclusive"):
        return None
    check = f"{result.check} ({result.slice})" if result.slice else result.check
    fields = ("value", "low", "high", "threshold", "n")
    evidence = {"version": ref, **{one: getattr(result, one) for one in fields}}
    where = f"{_measured(result)} on {result.n} labelled rows"
    if result.verdict == "fail":
        return look.finding("quality", f"{ref} no longer meets {check}: {where}", "fail", "model", **evidence)
    if result.verdict == "warn":
        return look.finding("quality", f"{ref} comes short of {check}: {where}", "warn", "model", **evidence)
    if result.verdict == "error":
        summary = f"{check} could not be computed for {ref}: {result.detail}"
        return look.finding("quality", summary, "warn", "scope", **evidence)
    needed = _rows_needed(result)
    more = f"; about {needed} labelled rows would do" if needed else ""
    summary = f"whether {ref} meets {check} cannot be told: {where}{more}"
    return look.finding("quality", summary, "info", "data", needed=needed, **evidence)


def _unjudged(look: _Look, result: Result, ref: str) -> Finding:
    """Give quality that nothing was held against: it may be as bad as can be."""
    value, low, high = result.value, result.low, result.high
    evidence = {"version": ref, "value": value, "low": low, "high": high, "n": result.n}
    share = all(one is not None and 0 <= one <= 1 for one in (value, low, high))
    told = f"{value:.2f} [{low:.2g}, {high:.2g}]" if share else _measured(result)
    summary = f"quality: {result.check} {told}, {result.detail} ({ref}, {result.n} labelled rows)"
    severity = "warn" if (result.n or 0) >= _ENOUGH else "info"
    return look.finding("quality", summary, severity, "scope", **evidence)


def _rows_needed(result: Result) -> int | None:
    """Return the rows at which the interval would clear the threshold, if the value stays: widths go as 1/sqrt(n)."""
    told = (result.value, result.low, result.high, result.threshold, result.n)
    if any(one is None or not math.isfinite(one) for one in told):
        return None
    value, low, high, threshold, n = (float(one) for one in told if one is not None)
    distance = abs(value - threshold)
    reach = high - value if value < threshold else value - low
    if distance == 0 or reach <= 0 or n * (reach / distance) ** 2 > 1e7:
        return None
    return math.ceil(n * (reach / distance) ** 2) + 1


def _measured(result: Result) -> str:
    if result.value is None:
        return "no value"
    if result.low is None or result.high is None:
        return f"{result.value:.3g}"
    return f"{result.value:.3g} [{result.low:.3g}, {result.high:.3g}]"


def _failing(look: _Look) -> Iterator[_Seen]:
    """Say how often versions failed to answer, live or as a shadow."""
    frame = look.traffic.frame
    for (ref, role), rows in frame.groupby(["version", "role"], sort=True):
        failed = rows["error"].notna()
        if not failed.any():
            continue
        share = stats.wilson(int(failed.sum()), len(rows))
        row = {"look": "failures", "subject": f"{ref} ({role})", "value": share.value, "low": share.low}
        yield {**row, "high": share.high, "threshold": _FAILURES, "n": len(rows)}, None
        often = rows.loc[failed, "error"].value_counts()
        summary = f"{ref} ({role}) gave no answer for {int(failed.sum())} of {len(rows)} rows: {often.index[0]}"
        severity = "info" if share.low <= _FAILURES else "fail" if role == "live" else "warn"
        evidence = {"version": ref, "share": share.value, "low": share.low, "high": share.high, "n": len(rows)}
        yield None, look.finding("failures", summary, severity, "deployment", most=str(often.index[0]), **evidence)


def _latency(look: _Look) -> Iterator[_Seen]:
    """Give median and 95 % quantile, and compare the later half of the window with the earlier one."""
    known = look.live["ms"].dropna().astype(float).to_numpy()
    if not len(known):
        return
    import numpy as np

    for share, name in ((0.5, "median"), (0.95, "95 %")):
        value = float(np.quantile(known, share))
        yield {"look": "latency", "subject": f"ms a row, {name}", "value": value, "n": len(known)}, None
    half = len(known) // 2
    if half < 200:
        return
    earlier, later = known[:half], known[half:]
    ratio, low, high = _ratio(earlier, later)
    row = {"look": "latency", "subject": "95 %, later to earlier half", "value": ratio, "low": low, "high": high}
    slower = low > _SLOWER
    yield {**row, "threshold": _SLOWER, "n": len(known), "verdict": "slower" if slower else "stable"}, None
    if slower:
        summary = f"the slowest 5 % of answers take {ratio:.2g} times as long as earlier in the window"
        yield None, look.finding("latency", summary, "warn", "deployment", ratio=ratio, low=low, high=high)


def _ratio(earlier: Any, later: Any) -> tuple[float, float, float]:
    """Return the ratio of 95 % quantiles with its 99 % bootstrap interval, drawing runs of rows that came together.

    Neighbours in time share what slows them, so blocks are drawn, not rows (Künsch 1989, Annals of Statistics 17).
    """
    import numpy as np

    rng = np.random.default_rng(0)

    def draws(values: Any) -> Any:
        size = max(1, round(len(values) ** 0.5))
        starts = rng.integers(0, len(values) - size + 1, size=(500, -(-len(values) // size)))
        picks = (starts[:, :, None] + np.arange(size)).reshape(500, -1)
        return np.quantile(values[picks], 0.95, axis=1)

    step = max(1, len(earlier) // 2000)  # a few thousand rows tell a quantile well enough
    earlier, later = earlier[::step], later[::step]
    tiny = 1e-6
    ratio = max(float(np.quantile(later, 0.95)), tiny) / max(float(np.quantile(earlier, 0.95)), tiny)
    low, high = np.quantile(np.maximum(draws(later), tiny) / np.maximum(draws(earlier), tiny), [0.005, 0.995])
    return ratio, float(low), float(high)


def _row(kind: str, column: stats.ColumnDrift) -> dict[str, Any]:
    shift = column.leading
    return {
        "look": kind,
        "subject": str(column.name),
        "value": shift.effect,
        "low": shift.low,
        "high": shift.high,
        "unit": shift.unit,
        "threshold": shift.margin,
        "p": shift.p,
        "adjusted_p": shift.adjusted_p,
        "test": shift.test,
        "detectable": shift.detectable,
        "n": column.n_current,
        "verdict": column.verdict,
        "note": shift.note,
    }


def _drifted(look: _Look, kind: str, columns: list[stats.ColumnDrift], head: str, phase: str) -> Finding:
    """Put the columns that moved most into one finding."""
    strongest = sorted(columns, key=lambda column: -column.leading.effect / (column.leading.margin or 1.0))[:3]
    told = "; ".join(f"{one.name} by {one.leading.effect:.2g} {one.leading.unit}" for one in strongest)
    more = f" and {len(columns) - 3} more" if len(columns) > 3 else ""
    evidence = {
        str(one.name): {
            "effect": one.leading.effect,
            "low": one.leading.low,
            "high": one.leading.high,
            "unit": one.leading.unit,
            "adjusted_p": one.leading.adjusted_p,
        }
        for one in columns
    }
    return look.finding(kind, f"{head}: {told}{more}", "warn", phase, columns=evidence)


def _unsure(look: _Look, kind: str, columns: list[stats.ColumnDrift]) -> Finding:
    """Say of which columns nothing can be said, and why."""
    told = "; ".join(f"{one.name}: {one.leading.note}" for one in columns[:3])
    more = f"; and {len(columns) - 3} more" if len(columns) > 3 else ""
    evidence = {str(one.name): one.leading.note for one in columns}
    return look.finding(kind, f"no verdict yet on {told}{more}", "info", "data", columns=evidence)


def _as_in(current: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Bring captured values, which came through JSON, back to the types of the reference where that is possible."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in current.columns:
        values, (kind, zoned) = current[name].infer_objects(), _held(reference[name])
        if kind == "M":  # a moment at a full second has no fraction in its text, its neighbour may
            columns[name] = pd.to_datetime(values, utc=zoned, errors="coerce", format="ISO8601")
        elif kind == "m":
            columns[name] = pd.to_timedelta(values, errors="coerce")
        elif kind in "iuf" and values.dtype.kind in "biuO":
            columns[name] = pd.to_numeric(values, errors="coerce")
        else:
            columns[name] = values
    return pd.DataFrame(columns, index=current.index)


def _held(column: pd.Series[Any]) -> tuple[str, bool]:
    """Return what a column holds, by numpy's letters, and whether its moments know their time zone."""
    import pandas as pd

    dtype = column.dtype.categories.dtype if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype
    zoned = getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None) is not None
    if dtype.kind != "O" or isinstance(column.dtype, pd.CategoricalDtype):
        return dtype.kind, zoned
    first = column.dropna().head(1).tolist()
    zoned = bool(first) and getattr(first[0], "tzinfo", None) is not None
    return _LETTERS.get(pd.api.types.infer_dtype(column, skipna=True), "O"), zoned


_PARTS: dict[str, Callable[[_Look], Iterator[_Seen]]] = {
    "traffic": _coverage,
    "data drift": _drift_of_inputs,
    "prediction drift": _drift_of_predictions,
    "quality": _quality,
    "failures": _failing,
    "latency": _latency,
}
_PHASES = {"data drift": "data", "prediction drift": "scope", "quality": "model"}
