"""Evaluation: a model, a dataset or a run judged, what was found kept as evidence, and the gate that weighs it."""

from __future__ import annotations

from mlcycle.lifecycle.evaluation._comparing import compare, differing
from mlcycle.lifecycle.evaluation._context import context_of
from mlcycle.lifecycle.evaluation._evaluate import evaluate
from mlcycle.lifecycle.evaluation._fresh_load import add_loading
from mlcycle.lifecycle.evaluation._gate import (
    criteria_on,
    criteria_today,
    failing_today,
    gather_evidence,
    rollback_evidence,
    scope_test,
)
from mlcycle.lifecycle.evaluation._judged_today import answer_on, asked_today
from mlcycle.lifecycle.evaluation._looking_again import errors, predictions, slices
from mlcycle.lifecycle.evaluation._standing_decisions import allowed_already, warn_of
from mlcycle.lifecycle.evaluation._trusted_metrics import metrics_of

__all__ = [
    "add_loading",
    "allowed_already",
    "answer_on",
    "asked_today",
    "compare",
    "context_of",
    "criteria_on",
    "criteria_today",
    "differing",
    "errors",
    "evaluate",
    "failing_today",
    "gather_evidence",
    "metrics_of",
    "predictions",
    "rollback_evidence",
    "scope_test",
    "slices",
    "warn_of",
]
