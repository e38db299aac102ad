"""The ``with`` blocks of runs this context is in."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

__all__ = ["enter", "entered", "leave"]

# Runs and not tokens, which only the context that made them takes back: a generator may be closed in another.
_entered: ContextVar[tuple[Any, ...]] = ContextVar("mlcycle_entered_runs", default=())


def entered() -> tuple[Any, ...]:
    """Return the runs whose blocks this is in, the innermost last."""
    return _entered.get()


def enter(run: Any) -> None:
    """Note that the block of a run begins."""
    _entered.set((*_entered.get(), run))


def leave(run: Any) -> None:
    """Note that it ends, also if another that began later has not ended yet."""
    runs = _entered.get()
    last = max((at for at, one in enumerate(runs) if one is run), default=len(runs))
    _entered.set((*runs[:last], *runs[last + 1 :]))
