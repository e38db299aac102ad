"""What hooks may ask for; filled in by the evaluation context."""

from __future__ import annotations

from typing import Any

__all__ = ["hook_context"]


def hook_context(session: Any, view: Any, matter: Any) -> Any:
    """Return what a hook may ask for."""
    from types import SimpleNamespace

    return SimpleNamespace(data=None)
