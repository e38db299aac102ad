"""Models: versions, the aliases that point at them, and the gate in between."""

from __future__ import annotations

from mlcycle.lifecycle.models._collection import Models

__all__ = ["Models"]
