"""How often versions failed to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attrs import evolve, frozen

from mlcycle import checks
from mlcycle.monitoring._certain_alarms import certain_alarms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.monitoring._window import TrafficContext
    from mlcycle.records import Result

__all__ = ["Failures"]


@frozen
class Failures:
    """The share of rows that got no answer, of each version, live or as a shadow.

    Parameters
    ----------
    at_most : float, default 0.01
        The share beyond which it is a failure of the deployment; of a shadow, which nobody sees, a warning.
    alpha : float, default 0.025
        Chance that any version is called so when each fails at just this rate.

    Examples
    --------
    >>> Failures()
    Failures(at_most=0.01, alpha=0.025)
    """

    look: ClassVar[str] = "failures"
    phase: ClassVar[str] = "deployment"
    # one in a hundred: a caller that tries again gets through, and a service that breaks fails far more often
    at_most: float = 0.01
    alpha: float = 0.025

    def __call__(self, subject: str, context: TrafficContext) -> Iterator[Result]:
        """Count the failures of every version that had any."""
        found = list(self._counted(context))
        yield from certain_alarms(found, self.alpha)

    def _counted(self, context: TrafficContext) -> Iterator[Result]:
        for (ref, role), rows in context.traffic.frame.groupby(["version", "role"], sort=True):
            failed = rows["error"].dropna()
            if not len(failed):
                continue
            often = failed.value_counts().index[0]
            found = checks.share_result(
                len(failed),
                len(rows),
                at_most=self.at_most,
                check="failures",
                slice=str(role),
                look=self.look,
                subject=f"model:{ref}",
                phase=self.phase,
                detail=f"{ref} ({role}) gave no answer for {len(failed)} of {len(rows)} rows: {often}",
            )
            unseen = found.verdict == "fail" and role != "live"
            yield evolve(found, verdict="warn") if unseen else found
