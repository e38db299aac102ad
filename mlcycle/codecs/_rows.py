"""Rows in whatever form a caller has them: brought to a few forms, counted, divided and copied."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from mlcycle.codecs._coerce_numbers import EXACT
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "are_records",
    "array_of",
    "by_name",
    "check_units",
    "column_of",
    "dicts_of",
    "frame_of",
    "length_of",
    "native",
    "own_rows",
    "rows_of",
    "taken",
    "text_type",
]

_SHOWN = 5
# What pandas says where it finds no type for some values: a month has no length, a surrogate is no text, …
_NO_TYPE = (ValueError, TypeError, OverflowError, NotImplementedError)
_UNITS = frozenset({"W", "D", "h", "m", "s", "ms", "us", "ns"})
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
    if isinstance(X, Mapping):
        return _side_by_side(X)
    if isinstance(X, memoryview):
        return _of_array(np.asarray(X))
    if isinstance(X, Sequence) and not isinstance(X, str | bytes):
        rows = list(X)
        strange = rows and isinstance(rows[0], Mapping) and not isinstance(rows[0], dict)
        return [dict(row) if isinstance(row, Mapping) else row for row in rows] if strange else rows
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
    hint = ": pass a frame, X.collect()" if callable(getattr(X, "collect", None)) else hint
    raise InvalidInput(
        f"rows are a DataFrame, an array, a sparse matrix, an Arrow table, a dict of columns or a list of rows, "
        f"got {type(X).__name__}{hint or f': {X!r:.80}'}"
    )


def _of_array(array: Any) -> Any:
    import numpy as np
    import pandas as pd

    if array.dtype.names is not None:
        for name in array.dtype.names:
            check_units(array[name])
        return pd.DataFrame({name: array[name] for name in array.dtype.names})
    if isinstance(array, np.ma.MaskedArray):  # what is masked is missing, and nobody below would look at the mask
        masked = bool(np.ma.getmaskarray(array).any())
        whole: Any = array.astype(np.result_type(array.dtype, np.float64)) if masked else array
        return native(whole.filled(np.nan) if masked else np.asarray(array))
    return native(np.asarray(array))


def native(array: Any) -> Any:
    """Return an array in the byte order of this machine: some libraries read any other as if it were that."""
    return array if getattr(array.dtype, "isnative", True) else array.astype(array.dtype.newbyteorder("="))


def check_units(array: Any) -> None:
    """Refuse an array of moments or durations that pandas would take for others.

    It counts in nanoseconds at the finest, and a duration of months, which have no one length, from January 1970 on.

    Raises
    ------
    InvalidInput
        Naming the dtype.

    Examples
    --------
    >>> import numpy as np
    >>> check_units(np.array([1], "m8[M]"))
    Traceback (most recent call last):
    mlcycle.errors.InvalidInput: timedelta64[M] has no unit that a table can hold; bring it to one from days to ...
    """
    import numpy as np

    dtype = getattr(array, "dtype", None)
    if not isinstance(dtype, np.dtype) or dtype.kind not in "mM":
        return
    unit = np.datetime_data(dtype)[0]
    if unit not in _UNITS and not (dtype.kind == "M" and unit in ("Y", "M")):
        example = f".astype('{dtype.name.partition('[')[0]}[s]')"
        raise InvalidInput(
            f"{dtype} has no unit that a table can hold; bring it to one from days to nanoseconds: {example}"
        )


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
            # as categories, moments would lose their zone
            moments = pa.types.is_temporal(column.type.value_type)
            known = column.cast(column.type.value_type) if moments else _signed(column)
            table = table.set_column(position, table.field(position).name, known)
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


def _side_by_side(columns: Mapping[Any, Any]) -> pd.DataFrame:
    """Return a dict of columns, or one row as a dict, as a frame whose lists keep their values as they are."""
    import pandas as pd

    columns = {name: rows_of(value) if _is_arrow(value) else value for name, value in columns.items()}
    lengths = {name: len(value) for name, value in columns.items() if _is_listed(value)}
    if not lengths:
        return frame_of([columns])
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} has {length}" for name, length in list(lengths.items())[:_SHOWN])
        raise InvalidInput(f"the columns have different lengths: {shown}; each needs one value for each row")
    indexes = [value.index for value in columns.values() if isinstance(value, pd.Series)]
    if any(not index.equals(indexes[0]) for index in indexes):
        raise InvalidInput("the columns cannot be put side by side: they have different indexes; pass a DataFrame")
    for value in columns.values():
        check_units(value)
    bare = [name for name, value in columns.items() if _is_bare(value)]
    try:
        with contextlib.suppress(*_NO_TYPE):
            frame = pd.DataFrame(columns)
            if not _is_shortened(frame.dtypes, chain.from_iterable(columns[name] for name in bare)):
                return frame
        index = indexes[0] if indexes else None
        return pd.DataFrame({**columns, **{name: column_of(columns[name], index) for name in bare}})
    except _NO_TYPE as error:
        raise InvalidInput(f"the columns cannot be put side by side: {error}") from error


def _is_arrow(value: Any) -> bool:
    import pandas as pd

    offered = hasattr(value, "__arrow_c_array__") or hasattr(value, "__arrow_c_stream__")
    return offered and not isinstance(value, pd.Series | pd.DataFrame)


def _is_listed(value: Any) -> bool:
    return _is_bare(value) or (hasattr(value, "shape") and len(value.shape) == 1)


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

    with contextlib.suppress(*_NO_TYPE):
        found = pd.Series(list(values), index)
        if not _is_shortened([found.dtype], values):
            return found
    return pd.Series(np.fromiter(values, dtype=object, count=len(values)), index, dtype=object)


def _is_shortened(dtypes: Iterable[Any], values: Iterable[Any]) -> bool:
    """Say whether columns of values lack digits of them: whole numbers become floats beside a gap or a fraction."""
    import numpy as np

    if all(dtype.kind not in "fc" for dtype in dtypes):
        return False
    values = list(values)
    # the last is a float of more digits, and need not even fit
    kinds = tuple(kind for kind in set(map(type, values)) if issubclass(kind, int | np.integer | np.longdouble))
    return bool(kinds) and any(not -EXACT <= value <= EXACT for value in values if isinstance(value, kinds))


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
    except _NO_TYPE as error:
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


def dicts_of(rows: Any) -> Any:
    """Return a column of nothing but dicts, in whatever it came, as the list of them; any other rows as they are.

    Examples
    --------
    >>> dicts_of(column_of([{"a": 1}, {"b": 2}]))
    [{'a': 1}, {'b': 2}]
    """
    column = rows
    if getattr(rows, "shape", ())[1:] == (1,) and not hasattr(rows, "tocsr"):
        column = rows.iloc[:, 0] if hasattr(rows, "iloc") else rows[:, 0]
    if getattr(getattr(column, "dtype", None), "kind", "") != "O" or len(column.shape) != 1:
        return rows
    found = column.tolist()
    return found if are_records(found) else rows


def frame_of(records: Sequence[dict[Any, Any]]) -> pd.DataFrame:
    """Return dicts as a frame of the very values they hold; a key that one of them lacks is missing there.

    Examples
    --------
    >>> frame_of([{"a": 1, "b": "x"}, {"a": 2**60 + 1, "b": "y"}]).values.tolist()
    [[1, 'x'], [1152921504606846977, 'y']]
    """
    import pandas as pd

    with contextlib.suppress(*_NO_TYPE):
        frame = pd.DataFrame(list(records))
        if not _is_shortened(frame.dtypes, chain.from_iterable(row.values() for row in records)):
            return frame
    names = list(dict.fromkeys(name for row in records for name in row))
    columns = [column_of([row.get(name) for row in records]) for name in names]
    with contextlib.suppress(UnicodeEncodeError):
        return pd.DataFrame(dict(zip(names, columns, strict=True)), index=range(len(records)))
    frame = pd.DataFrame(dict(enumerate(columns)), index=range(len(records)))
    return frame.set_axis(pd.Index(names, dtype=object, tupleize_cols=False), axis=1)


def by_name(rows: list[Any]) -> list[Any]:
    """Return rows that name their cells, named tuples and Series, as dicts; any others as they are.

    Examples
    --------
    >>> from collections import namedtuple
    >>> by_name([namedtuple("Row", "b a")(1, 2)])
    [{'b': 1, 'a': 2}]
    """
    import pandas as pd

    if all(isinstance(row, tuple) and hasattr(row, "_fields") for row in rows):
        # Python calls fields _1, _2, … where a column has no name that it can say, so that only places are left
        renamed = any(field.startswith("_") for row in rows for field in row._fields)
        return rows if renamed else [row._asdict() for row in rows]
    if all(isinstance(row, pd.Series) and row.index.is_unique for row in rows):
        return [row.to_dict() for row in rows] if all(map(_names_cells, rows)) else rows
    return rows


def _names_cells(row: pd.Series[Any]) -> bool:
    return all(isinstance(label, str) for label in row.index)


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
