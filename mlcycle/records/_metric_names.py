"""How a metric is called in a criterion: a scorer's name, or the address of a function any process can import."""

from __future__ import annotations

import sys
from typing import Any

from mlcycle.errors import InvalidInput

__all__ = ["metric_name"]


def metric_name(value: Any) -> str:
    """Return a scorer's name, or ``module:function`` for a callable any process can import."""
    if isinstance(value, str):
        text = value.strip()
        module, colon, function = text.partition(":")
        if not text or (colon and not (_dotted(module) and _dotted(function))):
            raise InvalidInput(
                f"a metric is a scikit-learn scorer name like 'roc_auc', or 'module:function', got {value!r}"
            )
        if colon and module == "__main__":
            raise InvalidInput(_not_importable(text, "it lives in the script itself"))
        return text
    if not callable(value):
        raise InvalidInput(
            f"a metric is a scikit-learn scorer name like 'roc_auc' or a callable (y_true, y_pred) -> float, "
            f"got {type(value).__name__}: {value!r:.80}"
        )
    return _address(value)


def _dotted(text: str) -> bool:
    return bool(text) and all(piece.isidentifier() for piece in text.split("."))


def _address(function: Any) -> str:
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    shown = name or type(function).__name__
    if not module or not name:
        raise InvalidInput(_not_importable(shown, "it has no name"))
    if "<lambda>" in name:
        raise InvalidInput(_not_importable(shown, "it is a lambda"))
    if "<locals>" in name:
        raise InvalidInput(_not_importable(shown, "it is defined inside another function"))
    if module == "__main__":
        raise InvalidInput(_not_importable(shown, "it lives in the script or notebook itself"))
    if _lookup(module, name) is not function:
        raise InvalidInput(_not_importable(f"{module}:{name}", "importing that name gives another object"))
    return f"{_public(module, name, function)}:{name}"


def _not_importable(shown: str, why: str) -> str:
    return (
        f"the metric {shown} cannot be read back by another process: {why}; put a plain function into a module "
        "that can be imported, e.g. metrics.py, and pass that function or 'metrics:function'"
    )


def _lookup(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for piece in name.split("."):
        found = getattr(found, piece, None)
    return found


def _public(module: str, name: str, function: Any) -> str:
    """Prefer the shortest public package that shows the same function: private modules move between releases."""
    pieces = module.split(".")
    if not any(piece.startswith("_") for piece in pieces):
        return module
    for count in range(1, len(pieces)):
        parent = ".".join(pieces[:count])
        if _lookup(parent, name) is function:
            return parent
    return module
