"""Evaluation: a model, a dataset or a run judged, what was found kept as evidence, and the gate that weighs it."""

from __future__ import annotations

from mlcycle.lifecycle.evaluation._context import context_of
from mlcycle.lifecycle.evaluation._evaluate import evaluate
from mlcycle.lifecycle.evaluation._gate import criteria_today, decide, judged_today
from mlcycle.lifecycle.evaluation._stored import (
    decision_changes,
    decision_record,
    evaluation_document,
    evaluation_record,
    evaluations_of,
    store_evaluation,
    window_changes,
)

__all__ = [
    "context_of",
    "criteria_today",
    "decide",
    "decision_changes",
    "decision_record",
    "evaluate",
    "evaluation_document",
    "evaluation_record",
    "evaluations_of",
    "judged_today",
    "store_evaluation",
    "window_changes",
]
