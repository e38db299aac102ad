"""Models at work, watched: signals on a window of traffic.

A signal is a check whose subject is a deployment and whose context has a window of its traffic; it returns results, and
a result with a phase is a finding. `SIGNALS` is all there are; anybody may give others. Names load on first use.

>>> from mlcycle.monitoring import SIGNALS
>>> [*SIGNALS]
['traffic', 'data drift', 'prediction drift', 'quality', 'failures', 'latency']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.monitoring._coverage import Coverage
    from mlcycle.monitoring._drift import DataDrift, PredictionDrift
    from mlcycle.monitoring._failures import Failures
    from mlcycle.monitoring._judge_answers import AnswersJudge, ServedVersions
    from mlcycle.monitoring._latency import Latency
    from mlcycle.monitoring._quality import Quality
    from mlcycle.monitoring._run_signals import run_signals, signals_given
    from mlcycle.monitoring._signals import SIGNALS, signals_at
    from mlcycle.monitoring._window import ReferenceRows, TrafficContext, Window

_HOMES = {
    "_coverage": ("Coverage",),
    "_drift": ("DataDrift", "PredictionDrift"),
    "_failures": ("Failures",),
    "_judge_answers": ("AnswersJudge", "ServedVersions"),
    "_latency": ("Latency",),
    "_run_signals": ("run_signals", "signals_given"),
    "_quality": ("Quality",),
    "_signals": ("SIGNALS", "signals_at"),
    "_window": ("ReferenceRows", "TrafficContext", "Window"),
}

__all__ = [
    "SIGNALS",
    "AnswersJudge",
    "Coverage",
    "DataDrift",
    "Failures",
    "Latency",
    "PredictionDrift",
    "Quality",
    "ReferenceRows",
    "ServedVersions",
    "TrafficContext",
    "Window",
    "run_signals",
    "signals_at",
    "signals_given",
]

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
