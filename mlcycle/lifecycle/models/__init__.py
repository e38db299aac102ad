"""Models: versions of estimators, and the aliases that point at them."""

from __future__ import annotations

from mlcycle.lifecycle.models._collection import Models
from mlcycle.lifecycle.models._promoting import demote, promote
from mlcycle.lifecycle.models._registering import register_run

__all__ = ["Models", "demote", "promote", "register_run"]
