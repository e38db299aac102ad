"""What a criterion takes for a metric: a scorer's name, a function by its address or else by its text, or costs."""

from __future__ import annotations

import types
from typing import Any

from mlcycle.errors import InvalidInput
from mlcycle.records._costs import Cost
from mlcycle.records._metric_source import MetricSource, made_here
from mlcycle.records._source_text import looked_up, public_module, standing_alone

__all__ = ["AnyMetric", "metric_of"]

AnyMetric = str | Cost | MetricSource
"""What a criterion keeps of its metric."""


def metric_of(value: Any) -> AnyMetric:
    """Return a scorer's name, ``module:function`` for a function any process can import, or the text of any other."""
    if isinstance(value, (Cost, MetricSource)):
        return value
    if isinstance(value, str):
        text = value.strip()
        module, colon, function = text.partition(":")
        if not text or (colon and not (_dotted(module) and _dotted(function))):
            raise InvalidInput(
                f"a metric is a scikit-learn scorer name like 'roc_auc', or 'module:function', got {value!r}"
            )
        if colon and module == "__main__":
            raise InvalidInput(
                f"the metric {text} stands in the script or notebook itself, where no other process finds it by name; "
                f"pass the function, {function} without quotes, and its text is kept"
            )
        return text
    if not callable(value):
        raise InvalidInput(
            f"a metric is a scikit-learn scorer name like 'roc_auc' or a callable (y_true, y_pred) -> float, "
            f"got {type(value).__name__}: {value!r:.80}"
        )
    return _address(value) or made_here(value, standing_alone(value))


def _dotted(text: str) -> bool:
    return bool(text) and all(piece.isidentifier() for piece in text.split("."))


def _address(function: Any) -> str:
    """Return where a function is imported from; "" for a plain one that can only be kept by its text."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    shown = name or type(function).__name__
    if not name:
        raise InvalidInput(_not_kept(shown, "it has no name"))
    if "<lambda>" in name:
        raise InvalidInput(_not_kept(shown, "it is a lambda"))
    if not module or module == "__main__" or "<locals>" in name:
        if not isinstance(function, types.FunctionType) or hasattr(function, "__wrapped__"):
            raise InvalidInput(_not_kept(shown, "it is not a plain function"))
        return ""
    if looked_up(module, name) is not function:
        raise InvalidInput(_not_kept(shown, "importing that name gives another object"))
    return f"{public_module(module, name, function)}:{name}"


def _not_kept(shown: str, why: str) -> str:
    return (
        f"the metric {shown} cannot be read back by another process: {why}; give it a name, "
        "'def my_metric(y_true, y_pred): …', and pass that, or put it into a module that can be imported"
    )
