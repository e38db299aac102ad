"""Is this good enough? Checks, the judgement of criteria, gates and decisions.

Names load on first use: deciding needs nothing heavy, judging loads numpy, pandas and scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._doors import doors

if TYPE_CHECKING:
    from mlcycle.checks._events import Event, Hook, HookCall, after, answers, before
    from mlcycle.checks._gates import criteria_in_force, decide, evidence_problems, require, stops
    from mlcycle.checks._judge import CriterionCheck, judge
    from mlcycle.checks._metrics import Metric, find_metric, validate
    from mlcycle.checks._protocol import Bench, Check, Context, Rows
    from mlcycle.checks._recorded import Recorded, record
    from mlcycle.checks._run import run

_HOMES = {
    "_events": ("Event", "Hook", "HookCall", "after", "answers", "before"),
    "_gates": ("criteria_in_force", "decide", "evidence_problems", "require", "stops"),
    "_judge": ("CriterionCheck", "judge"),
    "_metrics": ("Metric", "find_metric", "validate"),
    "_protocol": ("Bench", "Check", "Context", "Rows"),
    "_recorded": ("Recorded", "record"),
    "_run": ("run",),
}

__all__ = [
    "Bench",
    "Check",
    "Context",
    "CriterionCheck",
    "Event",
    "Hook",
    "HookCall",
    "Metric",
    "Recorded",
    "Rows",
    "after",
    "answers",
    "before",
    "criteria_in_force",
    "decide",
    "evidence_problems",
    "find_metric",
    "judge",
    "record",
    "require",
    "run",
    "stops",
    "validate",
]

__getattr__, __dir__ = doors(__name__, _HOMES)
