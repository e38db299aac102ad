"""Rows in whatever form a caller has them: brought to a few forms, counted, divided and copied."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from mlcycle.codecs._numbers import EXACT
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["are_records", "array_of", "column_of", "frame_of", "length_of", "own_rows", "rows_of", "taken", "text_type"]

_INDEXED = ("csr", "csc", "lil", "dok")


def rows_of(X: Any) -> Any:
    """Return rows as a DataFrame, a Series, an array, a sparse matrix, or a list of rows.

    Parameters
    ----------
    X : DataFrame, Series, array, sparse matrix, Arrow or polars table, tensor, dict of columns, one dict, list of rows
        Nothing is copied where the form is one of those returned already. A structured array is a table.

    Raises
    ------
    InvalidInput
        Saying what can be passed: an iterator is used up by the first look, and text, a number or None are not rows.

    Examples
    --------
    >>> rows_of({"age": [20, 40], "income": [1.5, 2.5]})
      age income
    0  20    1.5
    1  40    2.5
    """
    import numpy as np
    import pandas as pd

    if isinstance(X, pd.DataFrame | pd.Series):
        return X
    if isinstance(X, np.ndarray):
        return _of_array(X)
    if isinstance(X, dict):
        return _side_by_side(X)
    if isinstance(X, Sequence) and not isinstance(X, str | bytes):
        return list(X)
    if hasattr(X, "tocsr"):
        return X if X.format in _INDEXED else X.tocsr()
    if isinstance(X, pd.Index | pd.api.extensions.ExtensionArray):
        return pd.Series(X)
    if hasattr(X, "__arrow_c_stream__") or hasattr(X, "to_pandas"):
        return _of_arrow(X)
    if hasattr(X, "detach"):  # a tensor that remembers its gradients, or is on a card, is no array yet
        X = X.detach().cpu()
    if hasattr(X, "__array__") and getattr(X, "shape", None):
        return _of_array(np.asarray(X))
    hint = ": pass a list, list(X)" if hasattr(X, "__next__") or isinstance(X, set | frozenset) else ""
    raise InvalidInput(
        f"rows are a DataFrame, an array, a sparse matrix, an Arrow table, a dict of columns or a list of rows, "
        f"got {type(X).__name__}{hint or f': {X!r:.80}'}"
    )


def _of_array(array: Any) -> Any:
    import numpy as np
    import pandas as pd

    if array.dtype.names is not None:
        return pd.DataFrame({name: array[name] for name in array.dtype.names})
    if isinstance(array, np.ma.MaskedArray):  # what is masked is missing, and nobody below would look at the mask
        masked = bool(np.ma.getmaskarray(array).any())
        whole: Any = array.astype(np.result_type(array.dtype, np.float64)) if masked else array
        return whole.filled(np.nan) if masked else np.asarray(array)
    return np.asarray(array)


def _of_arrow(X: Any) -> Any:
    import pyarrow as pa

    with contextlib.suppress(pa.ArrowException, TypeError, ValueError, AttributeError):
        return _of_table(X if isinstance(X, pa.Table) else pa.table(X))
    with contextlib.suppress(pa.ArrowException, TypeError, ValueError, AttributeError):  # one column
        return _of_table(pa.table({"": pa.chunked_array(X)}))[""].rename(None)
    if hasattr(X, "to_pandas"):
        return rows_of(X.to_pandas())
    raise InvalidInput(f"the rows, a {type(X).__name__}, are not a table; pass a DataFrame")


def _of_table(table: Any) -> pd.DataFrame:
    import pyarrow as pa

    for position, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(position, table.field(position).name, _signed(column))
    # as floats, whole numbers beside a missing one would lose digits
    frame: pd.DataFrame = table.to_pandas(integer_object_nulls=True)
    return frame


def _signed(column: Any) -> Any:
    """Return a column of categories with the indices that pandas takes; those of polars are unsigned."""
    import pyarrow as pa

    made = pa.DictionaryArray.from_arrays
    chunks = [
        made(chunk.indices.cast(pa.int32()), chunk.dictionary, ordered=column.type.ordered)
        for chunk in column.unify_dictionaries().chunks
    ]
    return pa.chunked_array(chunks, type=pa.dictionary(pa.int32(), column.type.value_type, column.type.ordered))


def _side_by_side(columns: dict[Any, Any]) -> pd.DataFrame:
    """Return a dict of columns, or one row as a dict, as a frame whose lists keep their values as they are."""
    import pandas as pd

    if not any(_is_listed(value) for value in columns.values()):
        return frame_of([columns])
    indexes = [value.index for value in columns.values() if isinstance(value, pd.Series)]
    if any(not index.equals(indexes[0]) for index in indexes):
        raise InvalidInput("the columns cannot be put side by side: they have different indexes; pass a DataFrame")
    bare = [name for name, value in columns.items() if _is_bare(value)]
    try:
        with contextlib.suppress(*_UNFIT):
            frame = pd.DataFrame(columns)
            if not _is_shortened(frame.dtypes, chain.from_iterable(columns[name] for name in bare)):
                return frame
        index = indexes[0] if indexes else None
        return pd.DataFrame({**columns, **{name: column_of(columns[name], index) for name in bare}})
    except ValueError as error:
        raise InvalidInput(f"the columns cannot be put side by side: {error}") from error


def _is_listed(value: Any) -> bool:
    return isinstance(value, list | tuple | range) or (hasattr(value, "shape") and len(value.shape) == 1)


def _is_bare(value: Any) -> bool:
    return isinstance(value, list | tuple | range)


def column_of(values: Sequence[Any], index: pd.Index | None = None) -> pd.Series[Any]:
    """Return a column of these very values, in the type that pandas finds where that loses none of them.

    Examples
    --------
    >>> column_of([1, None, 2**60 + 1]).tolist()
    [1, None, 1152921504606846977]
    """
    import numpy as np
    import pandas as pd

    with contextlib.suppress(*_UNFIT):
        found = pd.Series(list(values), index)
        if not _is_shortened([found.dtype], values):
            return found
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return pd.Series(objects, index, dtype=object)


_UNFIT = (UnicodeEncodeError, OverflowError)  # lone surrogates and numbers of any size do not fit everywhere


def _is_shortened(dtypes: Iterable[Any], values: Iterable[Any]) -> bool:
    """Say whether columns of values lack digits of them: whole numbers become floats beside a gap or a fraction."""
    import numpy as np

    if all(dtype.kind not in "fc" for dtype in dtypes):
        return False
    values = list(values)
    kinds = {kind for kind in set(map(type, values)) if issubclass(kind, int | np.integer)}
    whole = [value for value in values if type(value) in kinds] if kinds else [0]
    return bool(max(whole) > EXACT or min(whole) < -EXACT)


def text_type() -> Any:
    """Return the type this pandas gives text where none is asked for: object before version 3, one of its own since."""
    import pandas as pd

    return pd.Index([""]).dtype


def array_of(rows: Sequence[Any]) -> Any:
    """Return a list of rows, or of values, as an array that holds what they hold: no number becomes text, or another.

    Examples
    --------
    >>> array_of([[1, "a"]]).tolist()
    [[1, 'a']]
    """
    import numpy as np

    if not rows:
        raise InvalidInput("there are no rows: the list is empty")
    try:
        array = np.asarray(rows)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"the rows have different lengths: {error}") from error
    # numpy writes numbers beside text as text, and whole numbers beside fractions as floats, which end at 2**53
    if array.dtype.kind in "biucmM" or (array.dtype.kind == "f" and bool((np.abs(array) < EXACT).all())):
        return array
    result = np.empty(array.shape, dtype=object)
    result[...] = rows
    return result


def are_records(rows: Any) -> bool:
    """Say whether rows are a list of dicts."""
    return isinstance(rows, list | tuple) and bool(rows) and all(isinstance(row, dict) for row in rows)


def frame_of(records: Sequence[dict[Any, Any]]) -> pd.DataFrame:
    """Return dicts as a frame of the very values they hold; a key that one of them lacks is missing there.

    Examples
    --------
    >>> frame_of([{"a": 1, "b": "x"}, {"a": 2**60 + 1, "b": "y"}]).values.tolist()
    [[1, 'x'], [1152921504606846977, 'y']]
    """
    import pandas as pd

    with contextlib.suppress(*_UNFIT):
        frame = pd.DataFrame(list(records))
        if not _is_shortened(frame.dtypes, chain.from_iterable(row.values() for row in records)):
            return frame
    names = dict.fromkeys(name for row in records for name in row)
    columns = {name: column_of([row.get(name) for row in records]) for name in names}
    return pd.DataFrame(columns, index=range(len(records)))


def length_of(rows: Any) -> int:
    """Return how many rows there are."""
    return int(rows.shape[0]) if hasattr(rows, "shape") else len(rows)


def taken(rows: Any, where: Any) -> Any:
    """Return some rows, by position."""
    if hasattr(rows, "iloc"):
        return rows.iloc[where]
    return [rows[i] for i in where] if isinstance(rows, list) else rows[where]


def own_rows(rows: Any, *, loose: bool = True) -> Any:
    """Return a copy that a model may change as it likes.

    Parameters
    ----------
    rows : DataFrame, Series, array, sparse matrix or list
    loose : bool, default True
        Whether cells may be lists or dicts, which a copy of a frame would share.

    Examples
    --------
    >>> records = [{"a": [1]}]
    >>> own_rows(records)[0]["a"].append(2)
    >>> records
    [{'a': [1]}]
    """
    if isinstance(rows, list):
        return [copy.deepcopy(row) if _may_change(row) else row for row in rows]
    # a deep copy costs no more than a shallow one, and what looks read-only can be written through .array
    own = rows.copy()
    if not loose:
        return own
    if hasattr(own, "iloc") and len(own.shape) == 2:
        for position, dtype in enumerate(own.dtypes):
            if dtype.kind == "O" and _has_changeable(column := own.iloc[:, position]):
                own.isetitem(position, column.map(copy.deepcopy))
    elif getattr(own.dtype, "kind", "") == "O" and _has_changeable(own):
        own = copy.deepcopy(own) if not hasattr(own, "iloc") else own.map(copy.deepcopy)
    return own


def _has_changeable(values: Any) -> bool:
    return any(map(_may_change, values.ravel() if hasattr(values, "flags") and values.ndim > 1 else values))


def _may_change(value: Any) -> bool:
    if isinstance(value, str):
        return False
    return isinstance(value, list | dict | set | bytearray) or bool(getattr(value, "shape", ()))
