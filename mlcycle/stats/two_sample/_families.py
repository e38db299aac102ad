"""What probably happened to a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlcycle.stats.two_sample._findings import ColumnDrift
    from mlcycle.stats.two_sample._pairing import Pairing

__all__ = ["guessed"]


def guessed(columns: list[ColumnDrift], pairing: Pairing) -> list[ColumnDrift]:
    return columns
