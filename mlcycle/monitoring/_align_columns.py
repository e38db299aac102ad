"""Captured inputs beside the rows they are compared with, in their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.monitoring._window import inputs_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["align_columns"]

# What pandas says of objects, and of Arrow types that it does not know, by numpy's letters.
_LETTERS = {"date": "M", "datetime": "M", "datetime64": "M", "timedelta": "m", "timedelta64": "m", "decimal": "f"}


def align_columns(reference: pd.DataFrame, live: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the columns both sides have, the captured values in the types of the reference.

    Examples
    --------
    >>> import pandas as pd
    >>> before, live = pd.DataFrame({"age": [41.0]}), pd.DataFrame({"id": ["a"], "in.age": ["42"]})
    >>> align_columns(before, live)[1].columns.tolist()
    ['age']
    """
    inputs, reference = inputs_of(live), reference.rename(columns=str)
    unnamed = list(inputs.columns) == [f"x{i}" for i in range(len(reference.columns))]
    if unnamed and not set(inputs.columns) & set(reference.columns):  # a model of arrays knows columns by place
        inputs = inputs.set_axis(reference.columns, axis=1)
    shared = [name for name in reference.columns if name in inputs.columns]
    return reference[shared], _as_in(inputs[shared], reference)


def _as_in(current: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Bring captured values, which came through JSON, back to the types of the reference where that is possible."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in current.columns:
        values, (kind, zoned) = current[name].infer_objects(), _held(reference[name])
        if kind == "M":  # a moment at a full second has no fraction in its text, its neighbour may
            columns[name] = pd.to_datetime(values, utc=zoned, errors="coerce", format="ISO8601")
        elif kind == "m":
            columns[name] = pd.to_timedelta(values, errors="coerce")
        elif kind in "iuf" and values.dtype.kind in "biuO":
            columns[name] = pd.to_numeric(values, errors="coerce")
        else:
            columns[name] = values
    return pd.DataFrame(columns, index=current.index)


def _held(column: pd.Series[Any]) -> tuple[str, bool]:
    """Return what a column holds, by numpy's letters, and whether its moments know their time zone."""
    import pandas as pd

    dtype = column.dtype.categories.dtype if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype
    zoned = getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None) is not None
    if dtype.kind != "O" or isinstance(column.dtype, pd.CategoricalDtype):
        return dtype.kind, zoned
    first = column.dropna().head(1).tolist()
    zoned = bool(first) and getattr(first[0], "tzinfo", None) is not None
    return _LETTERS.get(pd.api.types.infer_dtype(column, skipna=True), "O"), zoned
