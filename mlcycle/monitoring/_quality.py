"""Quality of what was answered, and what each result of it means for the deployment."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from attrs import evolve, frozen

from mlcycle.monitoring._certain_alarms import certain_alarms
from mlcycle.monitoring._error_results import ENOUGH, errors_as_results
from mlcycle.records import VERDICTS, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.monitoring._window import TrafficContext

__all__ = ["Quality"]

# A number of rows beyond ten million is no advice.
_MOST_ROWS = 1e7
_FINE = ("pass", "skipped", "not_applicable")
_PHASES = {"fail": "model", "warn": "model", "error": "scope"}


@frozen
class Quality:
    """Each version that has weight, judged on the labelled rows it answered, an id once.

    Parameters
    ----------
    enough : int, default 30
        Labelled rows from which quality that nothing was held against is a warning: it may be as bad as can be.
    alpha : float, default 0.025
        Chance that anything is called worse than it should be when all of it is just as it should be.

    Examples
    --------
    >>> Quality()
    Quality(enough=30, alpha=0.025)
    """

    look: ClassVar[str] = "quality"
    phase: ClassVar[str] = "model"
    enough: int = ENOUGH
    alpha: float = 0.025

    def __call__(self, subject: str, context: TrafficContext) -> Iterator[Result]:
        """Judge the window."""
        found = list(self._judged(subject, context))
        yield from certain_alarms(found, self.alpha)

    def _judged(self, subject: str, context: TrafficContext) -> Iterator[Result]:
        traffic = context.traffic
        live = traffic.live()
        labelled = live[live["label"].notna()]
        for ref in traffic.revision.weights:
            rows = labelled[labelled["version"] == ref].drop_duplicates("id", keep="last")
            if len(rows):
                said = {"look": self.look, "subject": f"model:{ref}", "phase": self.phase}
                yield from errors_as_results(
                    lambda ref=ref, rows=rows: [self._meant(one, ref) for one in traffic.judge(ref, rows)],  # type: ignore[misc]
                    **said,
                )
        others = int((~labelled["version"].isin(list(traffic.revision.weights))).sum())
        if others:
            told = "answered by versions that have no weight any more, and not judged"
            yield Result(
                check="other versions",
                look=self.look,
                subject=subject,
                verdict="not_applicable",
                n=others,
                detail=told,
            )

    def _meant(self, result: Result, ref: str) -> Result:
        """Return a result with what it means: where to go next, and a sentence; neither where all is well."""
        # no gate stands here that it could keep shut or not: what fails on traffic is told as that
        found = evolve(result, look=self.look, subject=f"model:{ref}", data=None, blocking=True)
        if found.verdict == "not_applicable" and found.value is not None:
            verdict = "warn" if (found.n or 0) >= self.enough else found.verdict
            return evolve(found, verdict=verdict, phase="scope", detail=_unjudged(found, ref))
        # A slice that has too few rows is told by the table; all rows together have been judged, or say so themselves.
        if found.verdict in _FINE or (found.slice and found.verdict == "inconclusive"):
            return found
        return evolve(found, phase=_PHASES.get(found.verdict, "data"), detail=_result_text(found, ref))


def _result_text(result: Result, ref: str) -> str:
    check = f"{result.check} ({result.slice})" if result.slice else result.check
    where = f"{_measured(result)} on {result.n} labelled rows"
    if result.verdict == "error":
        return f"{check} could not be computed for {ref}: {result.detail}"
    if result.verdict in ("fail", "warn"):
        how = "no longer meets" if result.verdict == "fail" else "comes short of"
        return f"{ref} {how} {check}: {where}"
    if result.verdict not in VERDICTS:
        return f"whether {ref} meets {check} was answered by {result.verdict}, which takes a newer mlcycle: {where}"
    needed = _rows_needed(result)
    more = f"; about {needed} labelled rows would do" if needed else ""
    return f"whether {ref} meets {check} cannot be told: {where}{more}"


def _unjudged(result: Result, ref: str) -> str:
    """Give quality that nothing was held against."""
    value, low, high = result.value, result.low, result.high
    share = all(one is not None and 0 <= one <= 1 for one in (value, low, high))
    told = f"{value:.2f} [{low:.2g}, {high:.2g}]" if share else _measured(result)
    return f"quality: {result.check} {told}, {result.detail} ({ref}, {result.n} labelled rows)"


def _rows_needed(result: Result) -> int | None:
    """Return the rows at which the interval would clear the threshold, if the value stays: widths go as 1/sqrt(n)."""
    told = (result.value, result.low, result.high, result.threshold, result.n)
    if any(one is None or not math.isfinite(one) for one in told):
        return None
    value, low, high, threshold, n = (float(one) for one in told if one is not None)
    distance = abs(value - threshold)
    reach = high - value if value < threshold else value - low
    if distance == 0 or reach <= 0 or n * (reach / distance) ** 2 > _MOST_ROWS:
        return None
    return math.ceil(n * (reach / distance) ** 2) + 1


def _measured(result: Result) -> str:
    if result.value is None:
        return "no value"
    if result.low is None or result.high is None:
        return f"{result.value:.3g}"
    return f"{result.value:.3g} [{result.low:.3g}, {result.high:.3g}]"
