"""The scope of a project: what it is for and what counts as good, agreed before training; then only amended."""

from __future__ import annotations

from mlcycle.lifecycle.scope._handle import Scopes
from mlcycle.lifecycle.scope._record import scope_record

__all__ = ["Scopes", "scope_record"]
