"""Whether parts have about the rows they were to have, where rows that stay together keep a split from being exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.lifecycle.datasets.splits._request import Request
    from mlcycle.lifecycle.datasets.splits._rows import Rows

__all__ = ["check_shares", "missed"]

# Of its share. What has less than half or more than one and a half of the rows asked for is another split than the one
# meant, and its size says nothing of how it was asked for. A hash that places 100 units misses a quarter by so much
# once in 250 seeds, so this is met where units are few, or one of them is large.
_MOST_MISSED = 0.5


def missed(part_of: np.ndarray, shares: dict[str, float]) -> tuple[str, int] | None:
    """Return the first part that is far from its share, and its rows; a part without any is refused for that.

    Examples
    --------
    >>> missed(np.array([0, 0, 0, 0, 1, 1, 1, 1]), {"train": 0.75, "test": 0.25})
    ('test', 4)
    """
    rows = len(part_of)
    filled = np.bincount(part_of, minlength=len(shares))
    if filled.all():
        for found, (name, share) in zip(filled.tolist(), shares.items(), strict=True):
            # one row more or less is no miss, however small the part
            if abs(found - share * rows) > max(1, share * rows * _MOST_MISSED):
                return name, found
    return None


def check_shares(rows: Rows, request: Request, part_of: np.ndarray, why: Callable[[], str]) -> None:
    """Refuse a split one part of which misses its share by more than half of it; `why` says why, and what to do.

    Every row is in a part yet: what a gap leaves out is no miss.
    """
    found = missed(part_of, request.shares)
    if found is not None:
        name, filled = found
        raise InvalidInput(
            f"the part {rows.name}.{name} would have {filled:,} of {len(rows):,} rows, its share being "
            f"{request.shares[name]:.3g}, and a part that misses its share by more than half is not the one asked for: "
            f"{why()}"
        )
