"""Rows, and units of rows, dealt out so that shares hold: exactly row by row, nearly where units stay whole."""

from __future__ import annotations

import numpy as np

__all__ = ["deal_rows", "deal_units", "part_at"]


def part_at(place: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the part in which each number of [0, 1) lies, given where parts end."""
    return np.minimum(np.searchsorted(edges, place, side="right"), len(edges) - 1)


def deal_rows(lots: np.ndarray, classes: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the part of each row: shares hold exactly in the whole, up to rounding, and nearly in each class.

    The rows of a class, in the order of their lots, fill one part after the other. How many go where is rounded class
    by class; where that misses the whole, as it must with classes of two, single rows of the classes with the largest
    excess move on.

    Examples
    --------
    >>> deal_rows(np.array([7, 1, 5, 3]), np.array([0, 0, 1, 1]), np.array([0.5, 1.0])).tolist()
    [1, 0, 1, 0]
    """
    rows, parts = len(lots), len(edges)
    sizes = np.bincount(classes)
    by_class = np.lexsort((lots, classes))
    starts = np.cumsum(sizes) - sizes
    ranks = np.empty(rows, dtype=np.int64)
    ranks[by_class] = np.arange(rows) - np.repeat(starts, sizes)
    rounded = part_at((ranks + 0.5) / sizes[classes], edges)
    counts = np.bincount(classes * parts + rounded, minlength=len(sizes) * parts).reshape(-1, parts)
    wanted = np.bincount(part_at((np.arange(rows) + 0.5) / rows, edges), minlength=parts)
    ideal = sizes[:, None] * np.diff(edges, prepend=0.0)
    _even_out(counts, wanted, ideal, lots[by_class][starts])
    ends = counts.cumsum(axis=1)
    found: np.ndarray = (ranks[:, None] >= ends[classes]).sum(axis=1)
    return found


def _even_out(counts: np.ndarray, wanted: np.ndarray, ideal: np.ndarray, lots: np.ndarray) -> None:
    """Move single rows between parts, at most one of a class at a time, until each part has the rows it should."""
    while (spare := counts.sum(axis=0) - wanted).any():
        giving, taking = int(spare.argmax()), int(spare.argmin())
        excess = (counts - ideal)[:, giving] - (counts - ideal)[:, taking]
        able = np.flatnonzero(counts[:, giving])
        # where classes are alike, the lot decides, and as among rows: the largest go into the later part
        lot = lots[able] if giving > taking else ~lots[able]
        moved = able[np.lexsort((lot, -excess[able]))[: min(spare[giving], -spare[taking])]]
        counts[moved, giving] -= 1
        counts[moved, taking] += 1


def deal_units(units: np.ndarray, lots: np.ndarray, classes: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the part of each row, units of rows staying whole, rows and classes in the parts as shares ask.

    Greedy, as scikit-learn's ``StratifiedGroupKFold`` [1]_, for shares of any size: units come in the order of their
    weight, the largest and most lopsided first, and each goes where the sum over parts and classes of
    ``share * (filled / share) ** 2`` grows least; `filled` is the fraction of a class that a part has so far, and the
    rows as a whole count as one class more. Alike units come in the order of their lots.

    References
    ----------
    .. [1] J. Wasikowski, "Stratified Group k-Fold Cross-Validation", 2019; scikit-learn 0.24.

    Examples
    --------
    >>> units = np.array([0, 0, 0, 1, 1, 2, 2, 3])
    >>> deal_units(units, np.arange(8), np.zeros(8, dtype=int), np.array([0.5, 0.5])).tolist()
    [0, 0, 0, 1, 1, 1, 1, 0]
    """
    many, kinds = int(units.max()) + 1, int(classes.max()) + 1
    counts = np.bincount(units * kinds + classes, minlength=many * kinds).reshape(many, kinds).astype(np.float64)
    if kinds > 1:
        counts = np.column_stack([counts, counts.sum(axis=1)])
    counts /= counts.sum(axis=0)
    weights = np.einsum("uk,uk->u", counts, counts)
    first = np.empty(many, dtype=np.int64)
    first[units[::-1]] = np.arange(len(units))[::-1]  # the last to be written is the first row of a unit
    filled = np.zeros((len(shares), counts.shape[1]))
    part_of_unit = np.empty(many, dtype=np.int64)
    for unit in np.lexsort((lots[first], -weights)).tolist():
        grown = (2 * (filled @ counts[unit]) + weights[unit]) / shares
        part = int(grown.argmin())
        filled[part] += counts[unit]
        part_of_unit[unit] = part
    found: np.ndarray = part_of_unit[units]
    return found
