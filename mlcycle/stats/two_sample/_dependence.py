"""Rows that hang together: how many of them are worth one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlcycle.stats.two_sample._pairing import Pairing

__all__ = ["dependence_notes", "units_of"]


def units_of(pairing: Pairing, groups: Any, blocks: Any) -> Any:
    return None


def dependence_notes(pairing: Pairing, units: Any) -> tuple[str, ...]:
    return ()
