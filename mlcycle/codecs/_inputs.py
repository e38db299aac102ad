"""Rows held against a signature: brought into the shape a model was fitted with before they reach it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from mlcycle._ids import near
from mlcycle._text import few
from mlcycle.codecs._coerce import coerce
from mlcycle.codecs._coerce_numbers import EXACT
from mlcycle.codecs._rows import (
    are_records,
    array_of,
    by_name,
    check_units,
    column_of,
    dicts_of,
    frame_of,
    native,
    rows_of,
)
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["check_inputs"]

_HELD = 64


def check_inputs(signature: dict[str, Any], X: Any) -> Any:
    """Return `X` as the model takes it: the named columns in order, of the types it was fitted with.

    Columns may come in any order, and columns the model does not know are dropped. A value changes its type only where
    it keeps its meaning: whole numbers may become floats and back, 0 and 1 may become booleans, ISO 8601 text may
    become moments and durations, text may become a category; missing values stay missing. Moments reach the model in
    its unit and zone, categories in its order. A number is rounded to the precision of its column and to nothing else:
    what would become another number, or an infinite one, is refused. UTC is the one zone that may go without saying.
    Rows that fit are returned as they are, so hand a model a copy of them.

    Parameters
    ----------
    signature : dict
        From `infer_signature`. It is prepared once and held, so pass the same object each time.
    X : DataFrame, Series, array, sparse matrix, Arrow or polars table, dict of columns, list of dicts or of rows
        The rows. An array for named columns must have as many, in order.

    Returns
    -------
    DataFrame, array or list
        What to pass to the model.

    Raises
    ------
    InvalidInput
        Naming the columns that are missing (with near names), or whose values do not fit (with one of them and what
        to do); and saying what can be passed where `X` is not rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from mlcycle.codecs import infer_signature
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = pd.DataFrame({"age": [20, 40], "income": [1.5, 2.5]})
    >>> signature = infer_signature(X, LogisticRegression().fit(X, ["no", "yes"]))
    >>> check_inputs(signature, [{"income": 2, "age": 30, "note": "x"}])
       age  income
    0   30     2.0
    >>> check_inputs(signature, [{"incom": 2, "age": 30}])
    Traceback (most recent call last):
    ...
    mlcycle.errors.InvalidInput: the model needs the column 'income' (did you mean 'incom'?), got 'incom', 'age'
    """
    held = _prepared.get(id(signature))
    if held is None or held[0] is not signature:
        if len(_prepared) >= _HELD:
            _prepared.clear()
        held = _prepared[id(signature)] = (signature, _prepare(signature))
    return held[1](X)


# The signature is held beside its checker, so its id cannot come to mean another one.
_prepared: dict[int, tuple[dict[str, Any], Callable[[Any], Any]]] = {}


def _prepare(signature: dict[str, Any]) -> Callable[[Any], Any]:
    layouts: dict[str, Callable[[dict[str, Any]], Callable[[Any], Any]]] = {
        "table": _Table,
        "array": _Array,
        "column": _Column,
        "records": _Records,
    }
    make = layouts.get(signature.get("layout", ""))
    if make is None:
        known = ", ".join(map(repr, layouts))
        raise InvalidInput(f"a signature has one of the layouts {known}, this one has {signature.get('layout')!r}")
    return make(signature)


class _Table:
    """Columns by name."""

    def __init__(self, signature: dict[str, Any]) -> None:
        self.inputs = signature["inputs"]
        self.names = [item["name"] for item in self.inputs]
        self.labels = [tuple(one) if isinstance(one, list) else one for one in signature.get("labels", self.names)]
        # scikit-learn warns of names where a model was fitted without any, and takes numbered columns without a word
        self.unnamed = list(range(len(self.names))) if signature.get("positional") else None
        # Columns and types that were found to fit as they are; most batches of one caller look alike.
        self.fitting: tuple[Any, list[Any]] | None = None

    def __call__(self, X: Any) -> Any:
        import pandas as pd

        if isinstance(X, pd.DataFrame) and self._fits(X):
            return self._called(X)
        frame = self._frame(rows_of(X))
        chosen = self._choose(frame)
        columns = [coerce(column, item) for column, item in zip(chosen, self.inputs, strict=True)]
        if all(a is b for a, b in zip(columns, chosen, strict=True)) and frame.columns.tolist() == self.labels:
            if frame is X:  # what was made here is looked at anyway
                self._remember(frame)
            return self._called(frame)
        named = dict(zip(self.unnamed or self.labels, columns, strict=True))
        return pd.DataFrame(named, index=frame.index)

    def _called(self, frame: Any) -> Any:
        return frame if self.unnamed is None else frame.set_axis(self.unnamed, axis=1)

    def _fits(self, frame: Any) -> bool:
        if self.fitting is None or not frame.columns.equals(self.fitting[0]):
            return False
        dtypes = frame.dtypes.tolist()
        if dtypes != self.fitting[1]:
            return False
        # categories in another order are equal for pandas, and their codes mean something else
        return all(
            a is b or not hasattr(a, "categories") or a.categories.equals(b.categories)
            for a, b in zip(dtypes, self.fitting[1], strict=True)
        )

    def _remember(self, frame: Any) -> None:
        dtypes = frame.dtypes.tolist()
        # An object column fits because of its values, so the next one must be looked at again.
        if not any(getattr(dtype, "hasobject", False) for dtype in dtypes):
            self.fitting = (frame.columns, dtypes)

    def _frame(self, rows: Any) -> Any:
        import pandas as pd

        if isinstance(rows, pd.DataFrame):
            return rows
        rows = by_name(rows) if isinstance(rows, list) and rows else rows
        if are_records(rows):
            return frame_of(rows)
        array = array_of(rows) if isinstance(rows, list) else rows
        if len(self.names) == 1 and len(array.shape) == 1:
            raise InvalidInput(
                f"the model takes rows of one column, {self.names[0]!r}, got {array.shape[0]} values without its name; "
                f"pass DataFrame({{{self.names[0]!r}: […]}})"
            )
        _check_width(array, len(self.names), "columns by name: " + _listed(self.names))
        array = array.toarray() if hasattr(array, "toarray") else array
        check_units(array)
        if array.dtype.kind not in "OUS":
            return pd.DataFrame(array, columns=pd.Index(self.labels))
        return pd.DataFrame({label: _as_series(array[:, i]) for i, label in enumerate(self.labels)})

    def _choose(self, frame: Any) -> list[Any]:
        places: dict[str, list[Any]] = {}
        for label in frame.columns.tolist():
            places.setdefault(str(label), []).append(label)
        missing = [name for name in self.names if name not in places]
        if missing:
            shown = ", ".join(map(self._ask_for(list(places)), missing[:5]))
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            word = "column" if len(missing) == 1 else "columns"
            raise InvalidInput(f"the model needs the {word} {shown}{more}, got {_listed(list(places)) or 'none'}")
        twice = [name for name in self.names if len(places[name]) > 1]
        if twice:
            raise InvalidInput(f"the rows have columns of the same name: {_listed(twice)}")
        return [frame[places[name][0]] for name in self.names]

    def _ask_for(self, known: list[str]) -> Callable[[str], str]:
        spare = [name for name in known if name not in self.names]

        def ask(name: str) -> str:
            found = near(name, spare, 1)
            return f"{name!r} (did you mean {found[0]!r}?)" if found else repr(name)

        return ask


class _Array:
    """Columns by position."""

    def __init__(self, signature: dict[str, Any]) -> None:
        self.width = signature["width"]
        self.inputs = signature["inputs"]
        self.kind = self.inputs[0]["type"] if self.inputs else "float64"
        self.alike = all(item["type"] == self.kind for item in self.inputs)
        self.numbers = self.kind.rstrip("0123456789") in ("bool", "int", "uint", "float", "complex")

    def __call__(self, X: Any) -> Any:
        import numpy as np
        import pandas as pd

        rows = rows_of(X)
        if are_records(rows):
            found = self._of_floats(rows)
            rows = self._named(rows) if found is None else found
        elif isinstance(rows, pd.DataFrame) and self._is_shuffled(rows):
            rows = self._named(rows)
        if isinstance(rows, pd.DataFrame):  # the model has no names, and scikit-learn warns when it is given some
            _check_width(rows, self.width, "unnamed columns")
            array = _one_array(rows)
            if array is None:
                return self._stacked([rows.iloc[:, i] for i in range(self.width)])
            rows = native(array)
        array = array_of(rows) if isinstance(rows, list) else rows
        _check_width(array, self.width, "unnamed columns")
        if array.dtype.kind == "c" and not self.kind.startswith("complex"):
            raise InvalidInput(f"the model takes real numbers ({self.kind}), got complex ones ({array.dtype})")
        if self.alike and ((array.dtype.kind in "biufc" and self.numbers) or self._is_same_time(array.dtype)):
            return array
        if isinstance(array, np.ndarray):
            return self._stacked([_as_series(array[:, i]) for i in range(self.width)])
        return array

    def _of_floats(self, records: list[dict[Any, Any]]) -> Any:
        """Return dicts of fractions as an array, ten times as quickly as by a frame; None where they hold others."""
        if not self.alike or self.kind != "float64":
            return None
        names = self._named.names
        try:
            array = array_of([[row[name] for name in names] for row in records])
        except (KeyError, InvalidInput):
            return None
        return array if array.dtype.name == "float64" and array.ndim == 2 else None

    def _is_shuffled(self, frame: Any) -> bool:
        columns = frame.columns.tolist()
        names = self._named.names
        return columns != names and set(columns) >= set(names)

    def _is_same_time(self, dtype: Any) -> bool:
        import numpy as np

        kind = {"timestamp": "M", "duration": "m"}.get(self.kind)
        return bool(dtype.kind == kind and np.datetime_data(dtype)[0] == self.inputs[0].get("unit"))

    @functools.cached_property  # of a million hashed columns nobody asks for the names
    def _named(self) -> _Table:
        inputs = self.inputs
        if inputs and "count" in inputs[0]:
            inputs = [{**inputs[0], "name": f"x{i}"} for i in range(self.width)]
        return _Table({"inputs": inputs})

    def _stacked(self, columns: list[Any]) -> Any:
        import numpy as np

        brought = [coerce(column, item) for column, item in zip(columns, self._named.inputs, strict=True)]
        if self.alike and self.kind not in ("string", "object", "category") and brought:
            return np.column_stack([column.to_numpy() for column in brought])
        result = np.empty((len(columns[0]) if columns else 0, self.width), dtype=object)
        for i, column in enumerate(brought):
            result[:, i] = column.to_numpy(dtype=object)
        return result


class _Column:
    """One value a row, such as a text."""

    def __init__(self, signature: dict[str, Any]) -> None:
        self.input = signature["inputs"][0]

    def __call__(self, X: Any) -> Any:
        import pandas as pd

        if isinstance(X, str):
            raise InvalidInput(f"the model takes one value a row: pass a list, [{X!r:.60}]")
        rows = rows_of(X)
        if are_records(rows):
            rows = frame_of(rows)
        if isinstance(rows, pd.DataFrame):
            # the model does not know what its column is called, so a table of one column is that column
            rows = rows.iloc[:, 0] if rows.shape[1] == 1 else _Table({"inputs": [self.input]})(rows).iloc[:, 0]
        elif hasattr(rows, "shape") and len(rows.shape) == 2 and rows.shape[1] == 1 and not hasattr(rows, "tocsr"):
            rows = rows[:, 0]
        elif hasattr(rows, "shape") and len(rows.shape) != 1:
            raise InvalidInput(f"the model takes one value a row, got an array of shape {rows.shape}")
        column = rows if isinstance(rows, pd.Series) else _as_series(rows)
        kept = coerce(column, self.input)
        if kept is column and self.input["name"] == "x0" and rows is not column:
            return rows
        # under one name, whatever it came as, so that traffic has one column of it
        return kept if kept.name == self.input["name"] else kept.rename(self.input["name"])


class _Records:
    """A dict a row."""

    def __init__(self, signature: dict[str, Any]) -> None:
        self.whole = {item["name"] for item in signature["inputs"] if item["type"].lstrip("u").startswith("int")}

    def __call__(self, X: Any) -> Any:
        import pandas as pd

        rows = dicts_of(rows_of(X))
        if isinstance(rows, pd.DataFrame):
            return [self._present(row) for row in rows.to_dict("records")]
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
            return rows
        raise InvalidInput(f"the model takes a dict a row: pass a list of dicts or a DataFrame, got {type(X).__name__}")

    def _present(self, row: dict[Any, Any]) -> dict[Any, Any]:
        """Return what a row of a table has: a key that a dict lacks is a missing value there."""
        import pandas as pd

        kept = {name: value for name, value in row.items() if pd.api.types.is_list_like(value) or not pd.isna(value)}
        for name in self.whole & kept.keys():  # beside a missing value a table holds 1 as 1.0
            if isinstance(kept[name], float) and kept[name].is_integer():
                kept[name] = int(kept[name])
        return kept


def _as_series(values: Any) -> Any:
    """Return values as a column of these very objects."""
    import numpy as np
    import pandas as pd

    check_units(values)
    typed = isinstance(values, np.ndarray) and values.dtype.kind not in "OUS"
    return pd.Series(values) if typed else column_of(values.tolist() if hasattr(values, "tolist") else values)


def _one_array(frame: Any) -> Any:
    """Return a frame of numbers of numpy as one array; None where no array holds all of them as they are."""
    import numpy as np

    dtypes = set(frame.dtypes)
    if not all(isinstance(dtype, np.dtype) and dtype.kind in "biufc" for dtype in dtypes):
        return None
    array = frame.to_numpy()
    if len(dtypes) > 1 and array.dtype.kind == "f" and (np.abs(array) >= EXACT).any():
        whole = frame.select_dtypes(["integer"]).to_numpy()
        if ((whole > EXACT) | (whole < -EXACT)).any():
            return None
    return None if array.dtype.kind == "O" else array


def _check_width(array: Any, width: int, what: str) -> None:
    if len(array.shape) == 1:
        raise InvalidInput(
            f"the model takes rows of {width} {what}; got one dimension of length {array.shape[0]}: "
            "for a single row pass [row], or row.reshape(1, -1)"
        )
    if len(array.shape) != 2 or array.shape[1] != width:
        raise InvalidInput(f"the model takes rows of {width} {what}; got an array of shape {tuple(array.shape)}")


def _listed(names: Sequence[str], most: int = 10) -> str:
    return few([*map(repr, names[:most])], len(names))
