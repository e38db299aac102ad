"""Models at work: who answers, the answer, and what is kept of it.

Everything here speaks to Protocols (routes, models, a sink); it has never heard of a store. Names load on first use, so
importing this room costs nothing.

>>> from mlcycle.serving import check_weights
>>> check_weights({"churn@6": 90, "churn@7": 10})
{'churn@6': 90, 'churn@7': 10}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.serving._capture import encode_labels
    from mlcycle.serving._captured_traffic import CapturedTraffic, LabelCounts, decode_traffic
    from mlcycle.serving._router import check_weights, choose
    from mlcycle.serving._service import LoadedModel, ModelLoader, RouteSource, Service, TrafficSink

_HOMES = {
    "_capture": ("encode_labels",),
    "_captured_traffic": ("CapturedTraffic", "LabelCounts", "decode_traffic"),
    "_router": ("check_weights", "choose"),
    "_service": ("LoadedModel", "ModelLoader", "RouteSource", "Service", "TrafficSink"),
}

__all__ = [
    "CapturedTraffic",
    "LabelCounts",
    "LoadedModel",
    "ModelLoader",
    "RouteSource",
    "Service",
    "TrafficSink",
    "check_weights",
    "choose",
    "decode_traffic",
    "encode_labels",
]

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
