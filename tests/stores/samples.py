"""What is in the sample stores, and where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent

CUSTOMERS = {
    "id": list(range(12)),
    "age": [23.0, 41.5, np.nan, 58.0, 29.0, 44.0, 61.0, 38.0, 33.0, 52.0, 47.0, 26.0],
    "visits": [3, 1, None, 7, 2, 8, 0, 5, 4, 6, 2, 9],
    "region": ["north", "süd", "west"] * 4,
    "since": [f"2026-01-{day:02d}" for day in range(1, 13)],
    "left": [0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0],
}


def contents(place: Path) -> dict[str, bytes]:
    """Return every file of a store."""
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
