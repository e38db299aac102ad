"""Models at work: who answers, the answer, what is kept of it, and what the traffic says.

Everything here speaks to Protocols (routes, models, a sink); it has never heard of a store. Names load on first use, so
importing this room costs nothing.

>>> from mlcycle.serving import check_weights
>>> check_weights({"churn@6": 90, "churn@7": 10})
{'churn@6': 90, 'churn@7': 10}
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlcycle.serving._capture import Traffic, decode, encode_labels
    from mlcycle.serving._monitor import inspect
    from mlcycle.serving._router import check_weights, choose
    from mlcycle.serving._service import Load, Loaded, Routes, Service, Sink

_HOMES = {
    "_capture": ("Traffic", "decode", "encode_labels"),
    "_monitor": ("inspect",),
    "_router": ("check_weights", "choose"),
    "_service": ("Load", "Loaded", "Routes", "Service", "Sink"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Load",
    "Loaded",
    "Routes",
    "Service",
    "Sink",
    "Traffic",
    "check_weights",
    "choose",
    "decode",
    "encode_labels",
    "inspect",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
