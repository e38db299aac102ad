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
    rows as a whole count as one class more. Units with the same rows of each class come in the order of their lots.

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
    counts = np.bincount(units * kinds + classes, minlength=many * kinds).reshape(many, kinds)
    alike, kind = np.unique(counts, axis=0, return_inverse=True)
    fractions = np.column_stack([alike / counts.sum(axis=0), alike.sum(axis=1) / len(units)])
    heaviest = np.argsort(-np.einsum("uk,uk->u", fractions, fractions), kind="stable")
    first = np.empty(many, dtype=np.int64)
    first[units[::-1]] = np.arange(len(units))[::-1]  # the last to be written is the first row of a unit
    order = np.lexsort((lots[first], np.argsort(heaviest)[kind.reshape(-1)]))
    sizes = np.bincount(kind.reshape(-1))[heaviest]
    filled = np.zeros((len(shares), fractions.shape[1]))
    part_of_unit = np.empty(many, dtype=np.int64)
    for one, size, end in zip(fractions[heaviest], sizes.tolist(), sizes.cumsum().tolist(), strict=True):
        for start in range(end - size, end, _AT_ONCE):
            members = order[start : min(start + _AT_ONCE, end)]
            part_of_unit[members] = _cheapest(filled, one, shares, len(members))
            filled += np.bincount(part_of_unit[members], minlength=len(shares))[:, None] * one
    found: np.ndarray = part_of_unit[units]
    return found


_AT_ONCE = 10_000  # units, so that the costs of a step are some megabytes with any number of parts


def _cheapest(filled: np.ndarray, one: np.ndarray, shares: np.ndarray, many: int) -> np.ndarray:
    """Return where so many alike units go, one after the other.

    The n-th that a part takes costs more than the one before it, so the order of all costs is the order of the moves.
    """
    costs = (2 * (filled @ one)[:, None] + one @ one * (2 * np.arange(many) + 1)) / shares[:, None]
    chosen: np.ndarray = np.argsort(costs, axis=None, kind="stable")[:many] // many
    return chosen
