"""A window of traffic: what was captured in it, and what it can be held against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from mlcycle.records import Result, Revision
    from mlcycle.serving import LabelCounts

__all__ = ["Captured", "Expected", "Judge", "ReferenceData", "ReferenceRows", "TrafficContext", "Window", "inputs_of"]

_INPUT = "in."


class Captured(Protocol):
    """Captured traffic, put together; `mlcycle.serving.CapturedTraffic` is."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row a prediction, in order of time."""

    @property
    def skipped(self) -> int:
        """Lines that could not be read."""

    @property
    def labels(self) -> LabelCounts:
        """How many labels are of these predictions, and of which others."""

    def live(self) -> pd.DataFrame:
        """Return what callers got: no answers of shadows, no failures."""


@frozen(eq=False)
class ReferenceRows:
    """Rows as they were when the main version was made.

    Attributes
    ----------
    inputs : DataFrame
        What the model was given, without the target.
    groups : array-like of shape (n,) or None
        The group of each row, where the data has that role: rows of one customer hang together.
    times : array-like of shape (n,) or None
        When each row was, where the data has that role: neighbours in time hang together.
    """

    inputs: pd.DataFrame
    groups: Any = None
    times: Any = None


class ReferenceData(Protocol):
    """Rows as they were when the main version was made."""

    def __call__(self) -> ReferenceRows | None:
        """Return them; None where they are not known. Raises what comes in the way."""


class Expected(Protocol):
    """What the main version answers on rows like the reference.

    Best are rows it was not trained on: a model that remembers its training rows answers them unlike any others.
    """

    def __call__(self) -> Any:
        """Return the answers, one a row; None where there are no such rows. Raises what comes in the way."""


class Judge(Protocol):
    """Quality of what was answered."""

    def __call__(self, ref: str, rows: pd.DataFrame, /) -> Iterable[Result]:
        """Judge a version by labelled rows of traffic that it answered.

        A result that is ``not_applicable`` and has a value is quality that nothing was held against.
        """


@frozen(eq=False, kw_only=True)
class Window:
    """What a deployment was asked and answered between two moments; the ``traffic`` of a context.

    Attributes
    ----------
    since, until : str
        Its beginning and its end (UTC text).
    revision : Revision
        Who answers.
    captured : Captured
        The traffic itself.
    reference, expected, judge : callable
        What it is held against, see `ReferenceData`, `Expected` and `Judge`; called only by signals that need it.

    Examples
    --------
    >>> from mlcycle.records import Revision
    >>> from mlcycle.serving import decode_traffic
    >>> line = b'{"t":2.0,"id":"17","v":"model:churn@7","in":{"age":41},"out":1}'
    >>> window = Window(since="1970-01-01", until="1970-01-02", captured=decode_traffic([line]),
    ...                 revision=Revision(deployment="eu", number=1, weights={"churn@7": 90, "churn@8": 10}))
    >>> window.main, len(window.live())
    ('churn@7', 1)
    """

    since: str
    until: str
    revision: Revision
    captured: Captured = field(repr=False)
    reference: ReferenceData = field(default=lambda: None, repr=False)
    expected: Expected = field(default=lambda: None, repr=False)
    judge: Judge = field(default=lambda ref, rows: (), repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """All that was captured, one row a prediction, see `mlcycle.serving.CapturedTraffic`."""
        return self.captured.frame

    @property
    def skipped(self) -> int:
        """Lines that could not be read."""
        return self.captured.skipped

    @property
    def labels(self) -> LabelCounts:
        """How many labels are of predictions of the window, and of which others."""
        return self.captured.labels

    def live(self) -> pd.DataFrame:
        """Return what callers got: no answers of shadows, no failures."""
        return self.captured.live()

    @property
    def main(self) -> str:
        """The version with most of the traffic."""
        return max(self.revision.weights, key=lambda ref: self.revision.weights[ref])


class TrafficContext(Protocol):
    """What a signal may ask for: a `mlcycle.checks.EvaluationContext` whose traffic is a `Window`."""

    @property
    def traffic(self) -> Window:
        """The window that is looked at."""


def inputs_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the inputs of rows of traffic by their own names.

    Examples
    --------
    >>> import pandas as pd
    >>> inputs_of(pd.DataFrame({"id": ["a"], "in.age": [41]})).columns.tolist()
    ['age']
    """
    inputs = rows[[name for name in rows.columns if name.startswith(_INPUT)]]
    return inputs.rename(columns=lambda name: name.removeprefix(_INPUT))
