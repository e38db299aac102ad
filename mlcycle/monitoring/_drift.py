"""Inputs against the rows the model was made from, and predictions against what it answered before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from mlcycle import checks, stats
from mlcycle.monitoring._align_columns import align_columns
from mlcycle.monitoring._error_results import ENOUGH
from mlcycle.records import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.monitoring._window import TrafficContext

__all__ = ["DataDrift", "PredictionDrift"]

# As many different predictions as this are compared as classes, even where they are numbers.
_CLASSES = 30


@frozen
class DataDrift:
    """Every input column against the rows the main version was made from.

    `mlcycle.stats.drift`: a correct two-sample test for each column, control over all of them, and an effect beyond its
    margin. The columns that moved most come first. Rows of one group of the training data count as fewer, and where it
    has a time, so do neighbours in time on both sides.

    Parameters
    ----------
    alpha : float, default 0.025
        Chance that any column is called drifted when nothing changed.
    enough : int, default 30
        Fewer predictions are not compared; that they are few is said by `Coverage`.

    Examples
    --------
    >>> DataDrift()
    DataDrift(alpha=0.025, enough=30)
    """

    look: ClassVar[str] = "data drift"
    phase: ClassVar[str] = "data"
    alpha: float = 0.025
    enough: int = ENOUGH

    def __call__(self, subject: str, context: TrafficContext) -> Iterator[Result]:
        """Compare the columns both sides have."""
        before, live = context.traffic.reference(), context.traffic.live()
        if before is None:
            told = "the data the model was trained on is not known: register it with uses=[…] to have inputs compared"
            yield self._nothing(subject, told, "model")
            return
        if len(live) < self.enough:
            return
        reference, current = align_columns(before.inputs, live)
        if not len(current.columns):
            told = "no input that was captured is a column of the data the model was trained on, so none was compared"
            yield self._nothing(subject, told, "data")
            return
        # Of groups the traffic knows nothing.
        groups = None if before.groups is None else (before.groups, live.index)
        blocks = None if before.times is None else (before.times, live["t"])
        found = stats.drift(reference, current, alpha=self.alpha, control="holm", groups=groups, blocks=blocks)
        rest = [column for column in found.columns if column.verdict != "drifted"]
        for column in (*found.findings, *rest):
            yield checks.drift_result(column, look=self.look, subject=subject, phase=self.phase)

    def _nothing(self, subject: str, detail: str, phase: str) -> Result:
        return Result(check="reference", look=self.look, subject=subject, verdict="skipped", phase=phase, detail=detail)


@frozen
class PredictionDrift:
    """What the main version answers against what it answered on rows it was not trained on.

    Parameters
    ----------
    alpha : float, default 0.025
        Chance that the predictions are called drifted when nothing changed.
    enough : int, default 30
        Fewer predictions are not compared.

    Examples
    --------
    >>> PredictionDrift(alpha=0.01)
    PredictionDrift(alpha=0.01, enough=30)
    """

    look: ClassVar[str] = "prediction drift"
    phase: ClassVar[str] = "scope"  # where what it answered before cannot be had: the scope names the test rows
    alpha: float = 0.025
    enough: int = ENOUGH

    def __call__(self, subject: str, context: TrafficContext) -> Iterator[Result]:
        """Compare the predictions; those of other versions are not mixed in."""
        live, main = context.traffic.live(), context.traffic.main
        rows = live[live["output"].notna() & (live["version"] == main)]
        expected = context.traffic.expected()
        if expected is None or len(rows) < self.enough:
            return
        answers = expected.tolist() if hasattr(expected, "tolist") else list(expected)
        if answers and isinstance(answers[0], list):
            told = "predictions of several targets are not compared"
            yield Result(check="prediction", look=self.look, subject=subject, verdict="not_applicable", detail=told)
            return
        column = self._compared(answers, rows["output"].tolist())
        phase = "model" if column.verdict == "drifted" else "data"
        yield checks.drift_result(column, look=self.look, subject=f"model:{main}", phase=phase)

    def _compared(self, expected: list[Any], found: list[Any]) -> stats.ColumnDrift:
        import pandas as pd

        before, after = pd.DataFrame({"prediction": expected}), pd.DataFrame({"prediction": found})
        if before["prediction"].nunique() <= _CLASSES:
            before, after = before.astype(str), after.astype(str)
        return stats.drift(before, after, alpha=self.alpha, control="holm").columns[0]
