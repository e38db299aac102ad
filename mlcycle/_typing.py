"""Types that many signatures share."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

__all__ = ["UNCHANGED", "Moment", "Splitter", "Trust", "Unchanged"]

Moment: TypeAlias = str | date | datetime | timedelta
"""A point in time as people give it: ``"2026-12-31"``, ``"30d"``, an object of datetime, or one of numpy or pandas."""

Trust: TypeAlias = bool | str | type | Collection[str | type]
"""What a caller trusts when a model is loaded: nothing, everything of a pickle, or types by name or as classes."""


class Unchanged(Enum):
    """The type of `UNCHANGED`: an enumeration of one, because type checkers know that nothing else is of it."""

    UNCHANGED = "UNCHANGED"

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED: Final[Literal[Unchanged.UNCHANGED]] = Unchanged.UNCHANGED
"""An argument that was not given leaves what it stands for as it is; None takes it away."""


@runtime_checkable
class Splitter(Protocol):
    """What divides rows into those to train on and those to test on, as the splitters of scikit-learn do."""

    def split(self, X: Any, y: Any = None, groups: Any = None, /) -> Iterable[tuple[Any, Any]]:
        """Return pairs of arrays: the positions of rows to train on, and of those to test on."""
