"""x."""
from __future__ import annotations
from typing import Any
def check_bounds(model: Any) -> None:
    """x."""
