"""Is this good enough? Checks, the judgement of criteria, gates and decisions.

Names load on first use: deciding needs nothing heavy, judging loads numpy, pandas and scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.checks._cached_predictions import (
        METHODS,
        CachedPredictions,
        answered,
        cache_predictions,
        finds_outliers,
        replay_predictions,
    )
    from mlcycle.checks._context import (
        Check,
        CodeAccess,
        Context,
        DataAccess,
        EvaluationContext,
        MetricAccess,
        ModelAccess,
        TrafficAccess,
    )
    from mlcycle.checks._decide import decide, evidence_problems, lacking, require, stops
    from mlcycle.checks._evaluation_data import FEW_CLASSES, EvaluationData, task_of
    from mlcycle.checks._from_stats import drift_result, share_result
    from mlcycle.checks._hooks import Event, Hook, HookCall, after, ask_hooks, before
    from mlcycle.checks._judge_criterion import judge, weigh
    from mlcycle.checks._lazy_context import LoadedCode, LoadedData, LoadedModels, LoadedTraffic
    from mlcycle.checks._measurement import measure, measure_slices
    from mlcycle.checks._metrics import LoadedMetrics, Metric, find_metric
    from mlcycle.checks._odd_rows import ODD_ROWS, IncomingRows, Oddity, RowsCheck, look_for_oddities, oddity_result
    from mlcycle.checks._run_checks import name_of, run
    from mlcycle.checks._validate_criterion import validate
    from mlcycle.checks._wrong_answers import WrongAnswers, wrong_answers

_HOMES = {
    "_hooks": ("Event", "Hook", "HookCall", "after", "ask_hooks", "before"),
    "_context": (
        "Check",
        "CodeAccess",
        "Context",
        "DataAccess",
        "EvaluationContext",
        "MetricAccess",
        "ModelAccess",
        "TrafficAccess",
    ),
    "_from_stats": ("drift_result", "share_result"),
    "_decide": ("decide", "evidence_problems", "lacking", "require", "stops"),
    "_judge_criterion": ("judge", "weigh"),
    "_lazy_context": ("LoadedCode", "LoadedData", "LoadedModels", "LoadedTraffic"),
    "_measurement": ("measure", "measure_slices"),
    "_metrics": ("LoadedMetrics", "Metric", "find_metric"),
    "_cached_predictions": (
        "METHODS",
        "CachedPredictions",
        "answered",
        "cache_predictions",
        "finds_outliers",
        "replay_predictions",
    ),
    "_evaluation_data": ("FEW_CLASSES", "EvaluationData", "task_of"),
    "_run_checks": ("name_of", "run"),
    "_odd_rows": ("ODD_ROWS", "IncomingRows", "Oddity", "RowsCheck", "look_for_oddities", "oddity_result"),
    "_validate_criterion": ("validate",),
    "_wrong_answers": ("WrongAnswers", "wrong_answers"),
}

__all__ = [
    "FEW_CLASSES",
    "METHODS",
    "ODD_ROWS",
    "CachedPredictions",
    "Check",
    "CodeAccess",
    "Context",
    "DataAccess",
    "EvaluationContext",
    "EvaluationData",
    "Event",
    "Hook",
    "HookCall",
    "IncomingRows",
    "LoadedCode",
    "LoadedData",
    "LoadedMetrics",
    "LoadedModels",
    "LoadedTraffic",
    "Metric",
    "MetricAccess",
    "ModelAccess",
    "Oddity",
    "RowsCheck",
    "TrafficAccess",
    "WrongAnswers",
    "after",
    "answered",
    "ask_hooks",
    "before",
    "cache_predictions",
    "decide",
    "drift_result",
    "evidence_problems",
    "find_metric",
    "finds_outliers",
    "judge",
    "lacking",
    "look_for_oddities",
    "measure",
    "measure_slices",
    "name_of",
    "oddity_result",
    "replay_predictions",
    "require",
    "run",
    "share_result",
    "stops",
    "task_of",
    "validate",
    "weigh",
    "wrong_answers",
]

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
