"""The signals there are: one table, in the order they are told."""

from __future__ import annotations

from typing import Any

import attrs

from mlcycle.monitoring._coverage import Coverage
from mlcycle.monitoring._drift import DataDrift, PredictionDrift
from mlcycle.monitoring._failures import Failures
from mlcycle.monitoring._latency import Latency
from mlcycle.monitoring._quality import Quality

__all__ = ["SIGNALS", "signals_at"]


SIGNALS: dict[str, Any] = {one.look: one for one in (Coverage, DataDrift, PredictionDrift, Quality, Failures, Latency)}
"""Every signal by its name, in the order they are looked at and told."""


def signals_at(alpha: float) -> tuple[Any, ...]:
    """Return all signals, so that the chance of any false alarm among those that test is at most `alpha`.

    Each of them gets an equal share of it (Bonferroni), and divides its own among what it tests.

    Examples
    --------
    >>> signals_at(0.004)[1:4]
    (DataDrift(alpha=0.001, enough=30), PredictionDrift(alpha=0.001, enough=30), Quality(enough=30, alpha=0.001))
    """
    testing = [one for one in SIGNALS.values() if "alpha" in attrs.fields_dict(one)]
    return tuple(one(alpha=alpha / len(testing)) if one in testing else one() for one in SIGNALS.values())
