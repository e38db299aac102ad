"""How often versions failed to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attrs import evolve, frozen

from mlcycle import checks

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

    Examples
    --------
    >>> Failures()
    Failures(at_most=0.01)
    """

    look: ClassVar[str] = "failures"
    phase: ClassVar[str] = "deployment"
    # one in a hundred: a caller that tries again gets through, and a service that breaks fails far more often
    at_most: float = 0.01

    def __call__(self, subject: str, context: TrafficContext) -> Iterator[Result]:
        """Count the failures of every version that had any."""
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
