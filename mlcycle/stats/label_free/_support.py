"""Which rows are like some of the reference: where nothing alike was labelled, an estimate would be a guess."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["UNSUPPORTED_MOST", "missing_scores", "unsupported_scores"]

# One row in a hundred, at most ten rows: with ten out of a hundred, rows of the same law would be refused.
_MOST_NEIGHBOURS, _SHARE = 10, 0.01
UNSUPPORTED_MOST = 0.10
_NEAR, _NEAR_ODDS = 0.01, np.exp(0.5)


def unsupported_scores(reference: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """Return the share of rows with hardly any reference scores near one of theirs: fewer than 1 %, and than ten.

    Near means within 0.01, or with odds within a factor of 1.65: 0.50 is near 0.38 to 0.62, 0.99 near 0.98 to 1.

    Examples
    --------
    >>> old = np.linspace(0.1, 0.6, 500)[:, None]
    >>> unsupported_scores(old, np.array([[0.3], [0.65], [0.9], [0.95]]))
    0.5
    """
    enough = min(_MOST_NEIGHBOURS, math.ceil(_SHARE * len(reference)))
    alone = np.zeros(len(score), bool)
    for k in range(score.shape[1] == 2, score.shape[1]):
        known, found = np.sort(reference[:, k]), score[:, k]
        low = np.minimum(found - _NEAR, found / (found + (1 - found) * _NEAR_ODDS))
        high = np.maximum(found + _NEAR, found * _NEAR_ODDS / (found * _NEAR_ODDS + 1 - found))
        alone |= known.searchsorted(high, "right") - known.searchsorted(low, "left") < enough
    return float(alone.mean()) if len(alone) else 0.0


def missing_scores(unsupported: float) -> str:
    """Return why scores so often unlike the reference cannot be judged by it, or nothing."""
    why = f"{unsupported:.0%} of rows have scores that hardly any reference row comes near; "
    return why + "label some of them and add them to the reference" if unsupported > UNSUPPORTED_MOST else ""
