"""Of which types the values of a column of objects are."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["types_in"]


def types_in(column: pd.Series[Any]) -> pd.Series[int] | None:
    """Return of which types the values of a column of objects are, in words, and how many of each.

    Examples
    --------
    >>> import pandas as pd
    >>> types_in(pd.Series([1, 2.5, "N/A", None], dtype=object)).to_dict()
    {'numbers': 2, 'text': 1}
    """
    return column.dropna().map(_type_of).value_counts() if column.dtype == object else None


def _type_of(value: Any) -> str:
    for name, types in _TYPES.items():
        if isinstance(value, types):
            return name
    return type(value).__name__


_TYPES: dict[str, tuple[type, ...]] = {
    "true or false": (bool, np.bool_),
    "numbers": (int, float, np.number, Decimal),
    "text": (str,),
    "moments": (date, np.datetime64),
}
