"""The signals there are: one table, and what a signal of somebody else has to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import attrs

from mlcycle.monitoring._coverage import Coverage
from mlcycle.monitoring._drift import DataDrift, PredictionDrift
from mlcycle.monitoring._failures import Failures
from mlcycle.monitoring._latency import Latency
from mlcycle.monitoring._quality import Quality

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlcycle.monitoring._window import TrafficContext
    from mlcycle.records import Result

__all__ = ["SIGNALS", "Signal", "signals_at"]


class Signal(Protocol):
    """A check on a window of traffic: any callable, a frozen class where it has settings.

    It may say what it is called and where to go next when it fails or breaks, as class attributes ``look`` and
    ``phase``; by default that is its own name, and ``"deployment"``.
    """

    def __call__(self, subject: str, context: TrafficContext, /) -> Iterable[Result | float | bool]:
        """Look at the window ``context.traffic`` of a deployment such as ``"deployment:eu"``."""


SIGNALS: dict[str, Any] = {one.look: one for one in (Coverage, DataDrift, PredictionDrift, Quality, Failures, Latency)}
"""Every signal by its name, in the order they are looked at and told."""


def signals_at(alpha: float) -> tuple[Any, ...]:
    """Return all signals, so that the chance of any false alarm among those that test is at most `alpha`.

    Each of them gets an equal share of it (Bonferroni), and divides its own among what it tests.

    Examples
    --------
    >>> signals_at(0.05)[1:3]
    (DataDrift(alpha=0.025, enough=30), PredictionDrift(alpha=0.025, enough=30))
    """
    testing = [one for one in SIGNALS.values() if "alpha" in attrs.fields_dict(one)]
    return tuple(one(alpha=alpha / len(testing)) if one in testing else one() for one in SIGNALS.values())
