"""Types that many signatures share."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import TypeAlias

__all__ = ["Moment", "Trust"]

Moment: TypeAlias = str | date | datetime | timedelta
"""A point in time as people give it: ``"2026-12-31"``, ``"30d"``, an object of datetime, or one of numpy or pandas."""

Trust: TypeAlias = bool | str | type | Collection[str | type]
"""What a caller trusts when a model is loaded: nothing, everything of a pickle, or types by name or as classes."""
