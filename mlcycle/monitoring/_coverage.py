"""How much traffic there is to go by."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attrs import evolve, frozen

from mlcycle import checks
from mlcycle.monitoring._error_results import ENOUGH
from mlcycle.records import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.monitoring._window import TrafficContext, Window

__all__ = ["Coverage"]

_REMEDY = "; label(ids, outcomes) takes the ids that predict(rows, ids=…) was given"


@frozen
class Coverage:
    """Predictions, labels and lines that could not be read; too little of anything is said, with what would do.

    Parameters
    ----------
    enough : int, default 30
        Predictions and labels that it takes for a verdict.
    unknown_at_most : float, default 0.05
        The share of labels of unknown ids beyond which they are a warning.

    Examples
    --------
    >>> Coverage()
    Coverage(enough=30, unknown_at_most=0.05)
    """

    look: ClassVar[str] = "traffic"
    phase: ClassVar[str] = "deployment"
    enough: int = ENOUGH
    # one in twenty: some are always of rows that another system answered; of a wrong column of ids nearly all are
    unknown_at_most: float = 0.05

    def __call__(self, subject: str, context: TrafficContext) -> Iterator[Result]:
        """Count the window."""
        traffic = context.traffic
        live = traffic.live()
        rows, labelled = len(live), int(live["label"].notna().sum())
        few = f"{rows} predictions are too few for any verdict; it takes {self.enough} or more"
        yield self._counted("predictions", subject, rows, rows, few if rows < self.enough else "", "deployment")
        apart = traffic.labels.total - traffic.labels.joined
        stray = f"; {apart} labels have ids that no prediction of this window has" if apart else ""
        unlabelled = (
            f"{labelled} of {rows} predictions have a label, too few to judge quality; "
            f"it takes {self.enough} or more: report outcomes with label(ids, outcomes){stray}"
        )
        missing = labelled < self.enough <= rows  # of few predictions few labels are no news
        yield self._counted("labelled rows", subject, labelled, rows, unlabelled if missing else "", "data")
        if apart:
            yield self._unjoined(subject, traffic)
        if traffic.skipped:
            told = f"{traffic.skipped} captured lines could not be read: torn, or written by a newer mlcycle"
            yield Result(
                check="unreadable lines",
                look=self.look,
                subject=subject,
                verdict="inconclusive",
                value=float(traffic.skipped),
                phase="deployment",
                detail=told,
            )

    def _unjoined(self, subject: str, traffic: Window) -> Result:
        """Count the labels that are of no prediction in the window; a warning where many must be of wrong ids."""
        labels = traffic.labels
        since = "" if labels.complete else f" since {traffic.since[:10]}, and may be of earlier ones"
        kinds = {
            f"{labels.unknown} are of ids that no captured prediction has{since}": labels.unknown,
            f"{labels.elsewhere} are of predictions outside this window": labels.elsewhere,
            f"{labels.left_out} are of ids that capture left out": labels.left_out,
        }
        found = checks.share_result(
            labels.unknown,
            labels.total,
            at_most=self.unknown_at_most,
            check="labels of unknown ids",
            look=self.look,
            subject=subject,
        )
        # nothing is wrong with a label of a prediction that was not read
        wrong = found.verdict == "fail" and labels.complete and len(traffic.frame) > 0
        told = ", ".join(text for text, count in kinds.items() if count)
        return evolve(
            found,
            verdict="warn" if wrong else "not_applicable",
            phase="data" if wrong else None,
            detail=f"of {labels.total} labels {told}" + (_REMEDY if wrong else ""),
        )

    def _counted(self, check: str, subject: str, value: int, n: int, lack: str, phase: str) -> Result:
        verdict = "inconclusive" if lack else "pass" if value >= self.enough else "not_applicable"
        return Result(
            check=check,
            look=self.look,
            subject=subject,
            verdict=verdict,
            value=float(value),
            threshold=float(self.enough),
            n=n,
            detail=lack,
            phase=phase if lack else None,
        )
