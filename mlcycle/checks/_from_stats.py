"""From what statistics found to results: one translation for criteria, comparisons and monitoring."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlcycle import stats
from mlcycle._html import number
from mlcycle.records import Result

if TYPE_CHECKING:
    from mlcycle.stats import ColumnDrift, Estimate

__all__ = ["drift_result", "estimate_fields", "share_result"]

# of columns and shares -----------------------------------------------------------------------------------------------


def drift_result(column: ColumnDrift, *, look: str, subject: str, phase: str | None = None) -> Result:
    """Return what was found of one column as a result: drift is a warning, no power is inconclusive.

    Where a change could have been seen and was not, that is a pass; what would have been seen is told beside it.

    Parameters
    ----------
    column : ColumnDrift
        Of `mlcycle.stats.drift`; its leading test is told.
    look : str
        The signal it belongs to.
    subject : str
        What was looked at, as a full ref.
    phase : str or None
        Where to go next, unless nothing was found.

    Examples
    --------
    >>> import pandas as pd
    >>> before, now = pd.DataFrame({"age": range(200)}), pd.DataFrame({"age": range(150, 350)})
    >>> [column] = stats.drift(before, now).columns
    >>> print(drift_result(column, look="data drift", subject="deployment:eu", phase="data").detail)
    age: 75 % of rows above 199, the largest ever seen before; now up to 349; ... share (...); ...
    """
    shift, verdict = column.leading, _verdict(column)
    return Result(
        check=str(column.name),
        look=look,
        subject=subject,
        verdict=verdict,
        value=_known(shift.effect),
        low=_known(shift.low),
        high=_known(shift.high),
        threshold=_known(shift.margin),
        detectable=_known(shift.detectable),
        n=column.n_current,
        detail=_drift_text(column),
        phase=None if verdict == "pass" else phase,
    )


def _verdict(column: ColumnDrift) -> str:
    if column.verdict != "not seen":
        return "warn" if column.verdict == "drifted" else "pass"
    # A change that is certain, but perhaps within its margin, is as open as one that no number of rows would show.
    could_not = column.leading.certain or not math.isfinite(column.leading.detectable)
    return "inconclusive" if could_not else "pass"


def _drift_text(column: ColumnDrift) -> str:
    """Say in one line what moved, by how much, and how sure that is."""
    shift = column.leading
    if _verdict(column) == "inconclusive":
        return f"no verdict yet on {column.name}: {column.told}"
    limits = f" ({shift.low:.2g} to {shift.high:.2g})" if math.isfinite(shift.low) else ""
    size = f"{shift.effect:.2g} {shift.unit}{limits}" if math.isfinite(shift.effect) else ""
    what = f"{column.name}: " if column.verdict == "drifted" else f"{column.name} was not seen to move: "
    test = f"{shift.test}, adjusted p = {number(shift.adjusted_p)}" if shift.test else ""
    return what + "; ".join(text for text in (column.told, size, test) if text)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def estimate_fields(estimate: Estimate) -> dict[str, Any]:
    """Return an estimate as the fields of a `Result`; where it has no interval, none of it is told.

    Examples
    --------
    >>> estimate_fields(stats.wilson(9, 10))["value"]
    0.9
    """
    told = {"value": estimate.value, "n": estimate.n, "confidence": estimate.confidence}
    if not estimate.conclusive:
        return told
    detectable = None if math.isnan(estimate.detectable) else estimate.detectable
    return {**told, "low": estimate.low, "high": estimate.high, "detectable": detectable}


def share_result(count: int, n: int, *, at_most: float, **said: Any) -> Result:
    """Return a share of rows with its interval, held against the most it should be; `said` are other fields.

    Examples
    --------
    >>> print(share_result(9, 300, at_most=0.01, check="failures"))
    fail: failures: 0.03 [0.01586, 0.05602], n=300
    """
    share = stats.wilson(count, n)
    fields = estimate_fields(share)
    verdict = "fail" if share.low > at_most else "pass" if share.high <= at_most else "inconclusive"
    return Result(**{"verdict": verdict, "threshold": at_most, **fields, **said})
