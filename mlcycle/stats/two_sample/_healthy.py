"""Margins learnt from healthy times: what one window and the next differ by when nothing is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mlcycle.errors import InvalidInput
from mlcycle.stats.two_sample import _columns
from mlcycle.stats.two_sample._drift import drift
from mlcycle.stats.two_sample._summary import Summary

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

__all__ = ["margins"]


def margins(frames: Iterable[Any], **options: Any) -> dict[Hashable, dict[str, float]]:
    """Learn from healthy periods how large a change must be to matter: what consecutive windows differ by.

    Data that is well still moves from week to week. Each window is compared with the next by `drift`; the margin of a
    column in an aspect is the largest effect seen there, and never below the usual one. A change as large as those is
    then no drift. Of ``k`` windows, the next change that is well is larger than all before in one of ``k`` cases, and
    called drift in fewer, as the whole of its interval must be; so give more than a few windows, and as large as those
    that will be compared: small ones differ by chance as well.

    Parameters
    ----------
    frames : iterable of DataFrame, Arrow table, mapping of columns or Summary
        Windows in their order, such as weeks; at least 2, better 3 or more. Only two are held at a time.
    **options
        ``columns`` and ``kinds``, as for `drift`. Name the kinds of numbers that may have few different values in some
        windows, so that all are measured in one unit.

    Returns
    -------
    dict
        ``{column: {aspect: margin}}`` in the unit of the aspect (`Shift.unit`), for ``drift(…, margin=…)``; plain
        numbers, which JSON keeps.

    Raises
    ------
    InvalidInput
        If there are fewer than two windows, or they have no column in common.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> weeks = [{"price": rng.normal(mean, 10, 2000)} for mean in (50, 53, 49, 52, 50)]
    >>> learnt = stats.margins(weeks)
    >>> bool(0.3 < learnt["price"]["values"] < 0.6), learnt["price"]["nulls"] if "nulls" in learnt["price"] else None
    (True, None)
    >>> [stats.drift(weeks[0], weeks[1], margin=margin).drifted for margin in (None, learnt)]
    [True, False]
    """
    if isinstance(frames, (str, Mapping, Summary)) or _one_frame(frames) or not isinstance(frames, Iterable):
        raise InvalidInput(
            f"frames is a list of windows of the same columns, at least two, got {type(frames).__name__}; cut it, such "
            "as by week, and give the parts in order"
        )
    if odd := sorted(set(options) - {"columns", "kinds"}):
        raise InvalidInput(f"margins takes columns and kinds, as drift does, got {odd[0]}")
    found: dict[Hashable, dict[str, tuple[str, float]]] = {}
    windows, last = 0, None
    for frame in frames:
        window = frame if isinstance(frame, Summary) else _columns.as_frame(frame, f"window {windows + 1}")
        if last is not None:
            _learn(found, last, window, options)
        windows, last = windows + 1, window
    if windows < 2:
        raise InvalidInput(f"frames is at least two windows, better three or more, got {windows}")
    return {name: {aspect: size for aspect, (_, size) in sizes.items()} for name, sizes in found.items()}


def _one_frame(data: Any) -> bool:
    return hasattr(data, "columns") or hasattr(data, "dtype") or hasattr(data, "to_pandas")


def _learn(
    found: dict[Hashable, dict[str, tuple[str, float]]],
    before: pd.DataFrame | Summary,
    after: pd.DataFrame | Summary,
    options: Mapping[str, Any],
) -> None:
    """Keep the largest effects of two windows beside those seen before."""
    for column in drift(before, after, **options).columns:
        sizes = found.setdefault(column.name, {})
        for shift in column.shifts:
            if shift.aspect == "column" or not shift.unit or math.isnan(shift.effect):
                continue
            # In another unit, as of a column that was numbers and is levels now, what was seen before says nothing.
            unit, largest = sizes.get(shift.aspect, (shift.unit, 0.0))
            size = max(shift.effect, shift.margin, largest if unit == shift.unit else 0.0)
            sizes[shift.aspect] = (shift.unit, size)
