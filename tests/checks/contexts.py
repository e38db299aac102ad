"""Contexts of small real data, as checks are given them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlcycle.checks import EvaluationContext, EvaluationData, LoadedData, LoadedModels
from mlcycle.stats.models import Draws, units_of

__all__ = ["context_of", "on"]


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


def on(form: Any, n: int, drawn: Any) -> float:
    """Return a metric in its fast form, made for `n` rows, on one resample."""
    return float(form.on(Draws(units_of(n), drawn[None, :]))[0])
