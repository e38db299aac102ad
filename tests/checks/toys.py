"""A criterion and a check of a user's own: each is one class, and nothing else knows of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import frozen

from mlcycle.records import MetricCriterion, Result

__all__ = ["Between", "Imbalance"]


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
        return self._terms_cover(other) and other.low <= self.low and self.high <= other.high

    def _claim(self) -> str:
        return f"{self.metric} from {self.low:g} to {self.high:g}"


@frozen
class Imbalance:
    """How much more often the commonest label comes than the rarest."""

    most: float

    def __call__(self, subject: str, context: Any) -> Any:
        """Compare the labels of the default data."""
        _, counts = np.unique(context.data.target(), return_counts=True)
        yield float(counts.max() / counts.min())
        yield bool(counts.max() / counts.min() <= self.most)
