"""How much traffic there is to go by."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from mlcycle.monitoring._error_results import ENOUGH
from mlcycle.records import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.monitoring._window import TrafficContext

__all__ = ["Coverage"]


@frozen
class Coverage:
    """Predictions, labels and lines that could not be read; too little of anything is said, with what would do.

    Parameters
    ----------
    enough : int, default 30
        Predictions and labels that it takes for a verdict.

    Examples
    --------
    >>> Coverage()
    Coverage(enough=30)
    """

    look: ClassVar[str] = "traffic"
    phase: ClassVar[str] = "deployment"
    enough: int = ENOUGH

    def __call__(self, subject: str, context: TrafficContext) -> Iterator[Result]:
        """Count the window."""
        traffic = context.traffic
        live = traffic.live()
        rows, labelled = len(live), int(live["label"].notna().sum())
        few = f"{rows} predictions are too few for any verdict; it takes {self.enough} or more"
        yield self._counted("predictions", subject, rows, rows, few if rows < self.enough else "", "deployment")
        stray = f"; {traffic.strays} labels have ids that no prediction of this window has" if traffic.strays else ""
        unlabelled = (
            f"{labelled} of {rows} predictions have a label, too few to judge quality; "
            f"it takes {self.enough} or more: report outcomes with label(ids, outcomes){stray}"
        )
        missing = labelled < self.enough <= rows  # of few predictions few labels are no news
        yield self._counted("labelled rows", subject, labelled, rows, unlabelled if missing else "", "data")
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
