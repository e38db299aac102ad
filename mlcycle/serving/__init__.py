"""Models at work: who answers, the answer, what is kept of it, and what the traffic says.

Everything here speaks to Protocols (routes, models, a sink); it has never heard of a store.
"""

from __future__ import annotations

from mlcycle.serving._capture import Traffic, decode, encode_labels
from mlcycle.serving._monitor import inspect
from mlcycle.serving._router import check_weights, choose
from mlcycle.serving._service import Load, Loaded, Routes, Service, Sink

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
