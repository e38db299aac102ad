"""Contexts of small real data, as checks are given them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlcycle.checks import EvaluationContext, EvaluationData, LoadedData, LoadedModels

__all__ = ["context_of"]


def context_of(
    rows: Callable[[str], EvaluationData],
    model: Callable[[str], Any] = lambda ref: None,
    find: Callable[[str], str | None] = lambda name: None,
    *,
    data: str | None = "d@1",
) -> EvaluationContext:
    """Return a context over datasets and models that are read by these."""
    loaded = LoadedData(default=data, read=rows)
    return EvaluationContext(data=loaded, models=LoadedModels(data=loaded, read=model, find=find))
