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

_VERDICTS = {"drifted": "warn", "stable": "pass", "inconclusive": "inconclusive"}


def drift_result(column: ColumnDrift, *, look: str, subject: str, phase: str | None = None) -> Result:
    """Return what was found of one column as a result: drift is a warning, no power is inconclusive.

    Parameters
    ----------
    column : ColumnDrift
        Of `mlcycle.stats.drift`; its leading test is told.
    look : str
        The signal it belongs to.
    subject : str
        What was looked at, as a full ref.
    phase : str or None
        Where to go next, unless the column is stable.

    Examples
    --------
    >>> import pandas as pd
    >>> before, now = pd.DataFrame({"age": range(200)}), pd.DataFrame({"age": range(150, 350)})
    >>> [column] = stats.drift(before, now).columns
    >>> print(drift_result(column, look="data drift", subject="deployment:eu", phase="data").detail)
    age moved by 2 robust sd (1.8 to 2.4); Kolmogorov-Smirnov exact, adjusted p = ...
    """
    shift = column.leading
    return Result(
        check=str(column.name),
        look=look,
        subject=subject,
        verdict=_VERDICTS[column.verdict],
        value=_known(shift.effect),
        low=_known(shift.low),
        high=_known(shift.high),
        threshold=_known(shift.margin),
        detectable=_known(shift.detectable),
        n=column.n_current,
        detail=_drift_text(column),
        phase=None if column.verdict == "stable" else phase,
    )


def _drift_text(column: ColumnDrift) -> str:
    """Say in one line what moved, by how much, and how sure that is."""
    shift = column.leading
    if column.verdict == "inconclusive":
        return f"no verdict yet on {column.name}: {shift.note}"
    limits = f" ({shift.low:.2g} to {shift.high:.2g})" if math.isfinite(shift.low) else ""
    size = f"{shift.effect:.2g} {shift.unit}{limits}" if math.isfinite(shift.effect) else "nothing"
    what = (
        f"{column.name} moved by {size}" if column.verdict == "drifted" else f"not shown to have moved, off by {size}"
    )
    test = f"{shift.test}, adjusted p = {number(shift.adjusted_p)}" if shift.test else ""
    return "; ".join(text for text in (what, test, shift.note) if text)


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
