"""Is this good enough? Checks, the judgement of criteria, gates and decisions.

Names load on first use: deciding needs nothing heavy, judging loads numpy, pandas and scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.checks._context import Check, Code, Context, Data, EvaluationContext, Models, Traffic
    from mlcycle.checks._events import Event, Hook, HookCall, after, ask_hooks, before
    from mlcycle.checks._found import drift_result, share_result
    from mlcycle.checks._gates import criteria_in_force, decide, evidence_problems, lacking, require, stops
    from mlcycle.checks._judge import judge, weigh
    from mlcycle.checks._loaded import LoadedCode, LoadedData, LoadedModels, LoadedTraffic
    from mlcycle.checks._measurement import measure
    from mlcycle.checks._metrics import Metric, find_metric
    from mlcycle.checks._recorded import Recorded, record
    from mlcycle.checks._rows import FEW_CLASSES, Rows, task_of
    from mlcycle.checks._run import name_of, run
    from mlcycle.checks._validate import validate

_HOMES = {
    "_events": ("Event", "Hook", "HookCall", "after", "ask_hooks", "before"),
    "_context": ("Check", "Code", "Context", "Data", "EvaluationContext", "Models", "Traffic"),
    "_found": ("drift_result", "share_result"),
    "_gates": ("criteria_in_force", "decide", "evidence_problems", "lacking", "require", "stops"),
    "_judge": ("judge", "weigh"),
    "_loaded": ("LoadedCode", "LoadedData", "LoadedModels", "LoadedTraffic"),
    "_measurement": ("measure",),
    "_metrics": ("Metric", "find_metric"),
    "_recorded": ("Recorded", "record"),
    "_rows": ("FEW_CLASSES", "Rows", "task_of"),
    "_run": ("name_of", "run"),
    "_validate": ("validate",),
}

__all__ = [
    "FEW_CLASSES",
    "Check",
    "Code",
    "Context",
    "Data",
    "EvaluationContext",
    "Event",
    "Hook",
    "HookCall",
    "LoadedCode",
    "LoadedData",
    "LoadedModels",
    "LoadedTraffic",
    "Metric",
    "Models",
    "Recorded",
    "Rows",
    "Traffic",
    "after",
    "ask_hooks",
    "before",
    "criteria_in_force",
    "decide",
    "drift_result",
    "evidence_problems",
    "find_metric",
    "judge",
    "lacking",
    "measure",
    "name_of",
    "record",
    "require",
    "run",
    "share_result",
    "stops",
    "task_of",
    "validate",
    "weigh",
]

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
