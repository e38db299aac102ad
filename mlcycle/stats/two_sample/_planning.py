"""What a comparison of so many rows would see, before the rows are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed, check_whole
from mlcycle.stats.two_sample import _columns
from mlcycle.stats.two_sample._drift import drift

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["minimum_detectable"]


def minimum_detectable(reference: Any, rows: int, *, seed: int = 0, **options: Any) -> pd.DataFrame:
    """Return the smallest change of each column that so many current rows would show.

    The rows are drawn from the reference, so that nothing has changed, and compared with it: what is returned is what
    `drift` itself says it would have seen with 80 % power, from the distribution of each column as it is. To plan the
    size of a window, ask for a few numbers of rows.

    Parameters
    ----------
    reference : DataFrame, Series, Arrow table, ndarray or mapping of columns
        Rows that were.
    rows : int
        Rows that there will be.
    seed : int, default 0
        For the draw.
    **options
        As for `drift`: ``columns``, ``kinds``, ``alpha``, ``margin``, ``control``.

    Returns
    -------
    DataFrame
        ``column kind aspect unit margin detectable``, a row for each measure; infinite where no change would be seen.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> ages = {"age": np.random.default_rng(0).normal(40, 10, 5000)}
    >>> few, many = (stats.minimum_detectable(ages, rows)["detectable"][0] for rows in (200, 5000))
    >>> bool(many < few)
    True
    """
    frame, rows = _columns.as_frame(reference, "reference"), check_whole(rows, "rows", 1)
    if not len(frame):
        raise InvalidInput("reference has no rows to draw from; give rows that were")
    rng = np.random.default_rng(check_seed(seed))
    drawn = frame.iloc[rng.choice(len(frame), rows, replace=rows > len(frame))]
    found = drift(frame, drawn, seed=seed, **options).frame(every=True)
    return found[["column", "kind", "aspect", "unit", "margin", "detectable"]]
