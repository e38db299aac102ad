"""Evaluation: a model, a dataset or a run judged, what was found kept as evidence, and the gate that weighs it."""

from __future__ import annotations

from mlcycle.lifecycle.evaluation._context import context_of, hook_context
from mlcycle.lifecycle.evaluation._evaluate import evaluate
from mlcycle.lifecycle.evaluation._gate import (
    criteria_on,
    criteria_today,
    failing_today,
    gathered,
    in_spite_of,
    model_criteria,
)
from mlcycle.lifecycle.evaluation._standing import allowed_already, warn_of
from mlcycle.lifecycle.evaluation._stored import (
    evaluation_document,
    evaluation_record,
    evaluations_of,
    keep_evaluation,
)

__all__ = [
    "allowed_already",
    "context_of",
    "criteria_on",
    "criteria_today",
    "evaluate",
    "evaluation_document",
    "evaluation_record",
    "evaluations_of",
    "failing_today",
    "gathered",
    "hook_context",
    "in_spite_of",
    "keep_evaluation",
    "model_criteria",
    "warn_of",
]
