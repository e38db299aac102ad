"""Criteria and a check of a user's own: each is one class, and nothing else knows of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import frozen

from mlcycle.records import MetricCriterion, Result, RowCriterion

__all__ = ["Below", "Between", "Imbalance"]


@frozen
class Between(MetricCriterion):
    """The metric lies between two values."""

    low: float
    high: float

    def verdict(self, result: Result) -> str:
        """Pass within, fail beyond."""
        if result.low is None or result.high is None:
            return "inconclusive"
        if self.low <= result.low and result.high <= self.high:
            return "pass"
        return "fail" if result.high < self.low or result.low > self.high else "inconclusive"

    def covers(self, other: Any) -> bool:
        """Say whether it is as narrow or narrower."""
        return self.terms_cover(other) and other.low <= self.low and self.high <= other.high

    def claim(self) -> str:
        """Name both ends."""
        return f"{self.metric} from {self.low:g} to {self.high:g}"


@frozen
class Below(RowCriterion):
    """A column is smaller than a number."""

    column: str
    limit: float

    def breaks(self, frame: Any) -> Any:
        """Say which rows are not."""
        return frame[self.column] >= self.limit

    def covers(self, other: Any) -> bool:
        """Say whether its limit is as low or lower."""
        return self.terms_cover(other) and self.limit <= other.limit and self.column == other.column

    def claim(self) -> str:
        """Name the limit."""
        return f"{self.column} below {self.limit:g}"


@frozen
class Imbalance:
    """How much more often the commonest label comes than the rarest."""

    most: float

    def __call__(self, subject: str, context: Any) -> Any:
        """Compare the labels of the default data."""
        _, counts = np.unique(context.data.target(), return_counts=True)
        yield float(counts.max() / counts.min())
        yield bool(counts.max() / counts.min() <= self.most)
