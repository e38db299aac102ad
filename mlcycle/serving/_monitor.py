"""What traffic says: inputs, predictions, quality and latency against what the model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import stats
from mlcycle._ids import new_id, now
from mlcycle.errors import InvalidInput
from mlcycle.records import Finding, Report, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd

    from mlcycle.records import Revision
    from mlcycle.serving._capture import Traffic

    Judge = Callable[[str, pd.DataFrame, pd.Series], Iterable[Result]]

__all__ = ["inspect"]

_ENOUGH = 30
_INPUT = "in."


def inspect(
    revision: Revision,
    traffic: Traffic,
    *,
    reference: pd.DataFrame | None,
    expected: Any,
    judge: Judge,
    since: str,
    until: str,
    alpha: float = 0.05,
) -> Report:
    """Compare traffic with a reference and return what was found.

    Inputs and predictions are compared by `mlcycle.stats.drift`: a correct two-sample test for each column, control over
    all of them, and an effect beyond its margin. Half of `alpha` goes to the inputs and half to the predictions, so
    that the chance of any false alarm among both is at most `alpha`.

    Parameters
    ----------
    revision : Revision
        Who answers.
    traffic : Traffic
        What was captured in the window.
    reference : DataFrame or None
        The features the model was trained on; None where that is not known.
    expected : array or None
        What the model answers on the reference.
    judge : callable
        ``(version, X, y) -> results``: the scope's criteria on labelled rows.
    since, until : str
        The window (UTC text).
    alpha : float, default 0.05
        Chance of any false alarm about drift.

    Returns
    -------
    Report
    """
    live = traffic.live()
    findings: list[Finding] = []
    table: list[dict[str, Any]] = []
    looks = [_coverage, _drift_of_inputs, _drift_of_predictions, _quality, _latency]
    for look in looks:
        for row, finding in look(_Look(revision, live, reference, expected, judge, alpha / 2)):
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


class _Look:
    """All that the looks below share."""

    def __init__(
        self, revision: Revision, live: pd.DataFrame, reference: Any, expected: Any, judge: Judge, alpha: float
    ) -> None:
        self.revision, self.live, self.reference = revision, live, reference
        self.expected, self.judge, self.alpha = expected, judge, alpha
        self.name = revision.deployment

    def finding(self, kind: str, summary: str, severity: str, phase: str, **evidence: Any) -> Finding:
        return Finding(
            id=new_id(),
            kind=kind,
            subject=self.name,
            summary=summary,
            severity=severity,
            phase=phase,
            evidence=evidence,
            at=now(),
        )


_Seen = tuple[dict[str, Any] | None, Finding | None]


def _coverage(look: _Look) -> Iterator[_Seen]:
    """Say how much there is to go by; too little is a finding, not silence."""
    rows, labelled = len(look.live), int(look.live["label"].notna().sum())
    yield {"look": "traffic", "subject": "labelled rows", "value": labelled, "n": rows}, None
    if rows < _ENOUGH:
        summary = f"{rows} predictions are too few for any verdict; {_ENOUGH} would begin to do"
        yield None, look.finding("too little traffic", summary, "info", "deployment", rows=rows, needed=_ENOUGH)


def _drift_of_inputs(look: _Look) -> Iterator[_Seen]:
    if look.reference is None:
        summary = "the data the model was trained on is not known: register it with data=[…] to have inputs compared"
        yield None, look.finding("no reference", summary, "info", "model")
        return
    if len(look.live) < _ENOUGH:
        return
    current = look.live[[name for name in look.live.columns if name.startswith(_INPUT)]]
    current = current.rename(columns=lambda name: name.removeprefix(_INPUT))
    reference = look.reference.rename(columns=str)
    shared = [name for name in reference.columns if name in current.columns]
    drift = stats.drift(reference[shared], _as_in(current[shared], reference), alpha=look.alpha, control="holm")
    drifted = []
    for column in drift.columns:
        yield _row("data drift", column), None
        if column.verdict == "drifted":
            drifted.append(column)
    if drifted:
        yield None, _drifted(look, "data drift", drifted, f"{len(drifted)} of {len(shared)} inputs drifted", "data")


def _drift_of_predictions(look: _Look) -> Iterator[_Seen]:
    if look.expected is None or len(look.live) < _ENOUGH:
        return
    import pandas as pd

    before = pd.DataFrame({"prediction": _one_column(look.expected)})
    after = pd.DataFrame({"prediction": look.live["output"].tolist()})
    if len({*before["prediction"]}) <= _ENOUGH:  # classes, even where they are numbers
        before, after = before.astype(str), after.astype(str)
    drift = stats.drift(before, after, alpha=look.alpha, control="holm")
    column = drift.columns[0]
    yield _row("prediction drift", column), None
    if column.verdict == "drifted":
        yield None, _drifted(look, "prediction drift", [column], "the predictions drifted", "model")


def _quality(look: _Look) -> Iterator[_Seen]:
    """Judge each version on the labelled rows it answered."""
    labelled = look.live[look.live["label"].notna()]
    for ref in look.revision.weights:
        rows = labelled[labelled["version"] == ref]
        if not len(rows):
            continue
        inputs = rows[[name for name in rows.columns if name.startswith(_INPUT)]]
        truth = rows["label"].infer_objects()
        for result in look.judge(ref, inputs.rename(columns=lambda name: name.removeprefix(_INPUT)), truth):
            yield _judged(result, ref), None
            if result.verdict == "fail":
                summary = f"{ref} no longer meets {result.check}: {_measured(result)} on {result.n} labelled rows"
                evidence = {"value": result.value, "low": result.low, "high": result.high, "n": result.n}
                yield None, look.finding("quality", summary, "fail", "model", version=ref, **evidence)


def _judged(result: Result, ref: str) -> dict[str, Any]:
    fields = ("value", "low", "high", "threshold", "detectable", "n", "verdict")
    return {"look": "quality", "subject": f"{ref}: {result.check}", **{one: getattr(result, one) for one in fields}}


def _measured(result: Result) -> str:
    return f"{result.value:.3g} [{result.low:.3g}, {result.high:.3g}]" if result.low is not None else f"{result.value}"


def _latency(look: _Look) -> Iterator[_Seen]:
    if len(look.live):
        middle, slow = look.live["ms"].quantile([0.5, 0.95])
        yield {"look": "latency", "subject": "ms a row, median", "value": float(middle), "n": len(look.live)}, None
        yield {"look": "latency", "subject": "ms a row, 95 %", "value": float(slow), "n": len(look.live)}, None


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
    strongest = sorted(columns, key=lambda column: -column.leading.effect / column.leading.margin)[:3]
    told = "; ".join(f"{one.name} by {one.leading.effect:.2g} {one.leading.unit}" for one in strongest)
    more = f" and {len(columns) - 3} more" if len(columns) > 3 else ""
    evidence = {str(one.name): {"effect": one.leading.effect, "adjusted_p": one.leading.adjusted_p} for one in columns}
    return look.finding(kind, f"{head}: {told}{more}", "warn", phase, columns=evidence)


def _as_in(current: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Bring captured values, which came through JSON, back to the types of the reference where that is possible."""
    import pandas as pd

    columns = {}
    for name in current.columns:
        wanted, values = reference[name].dtype, current[name].infer_objects()
        if isinstance(wanted, pd.CategoricalDtype):
            columns[name] = values.astype(wanted.categories.dtype, errors="ignore")
        elif wanted.kind == "M":
            columns[name] = pd.to_datetime(values, utc=getattr(wanted, "tz", None) is not None, errors="coerce")
        elif wanted.kind == "f" and values.dtype.kind in "biuO":
            columns[name] = pd.to_numeric(values, errors="coerce")
        else:
            columns[name] = values
    return pd.DataFrame(columns, index=current.index)


def _one_column(answers: Any) -> list[Any]:
    listed: list[Any] = answers.tolist() if hasattr(answers, "tolist") else list(answers)
    if listed and isinstance(listed[0], list):
        raise InvalidInput("predictions with several outputs a row cannot be compared as one column")
    return listed
