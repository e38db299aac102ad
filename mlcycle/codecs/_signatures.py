"""What a model takes and gives, as plain JSON, and rows brought into that shape before they reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._ids import near
from mlcycle.codecs._columns import coerce, type_of
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["check_inputs", "infer_signature"]

_METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "transform",
)
_LISTED = 200
_HELD = 64


def infer_signature(X: Any, model: Any) -> dict[str, Any]:
    """Describe the inputs and outputs of a fitted model.

    Parameters
    ----------
    X : DataFrame, array, sparse matrix, Series or list of str
        Some rows of what the model was fitted on. Only names and types are kept, no values.
    model : object
        The fitted estimator.

    Returns
    -------
    dict
        Plain JSON:

        ``layout``
            ``"table"`` (named columns), ``"array"`` (columns by position) or ``"column"`` (one value a row: text).
        ``named``
            Whether the columns have names of their own; otherwise they are called ``x0``, ``x1`` …
        ``inputs``
            ``[{"name", "type"}, …]`` in order. Types are ``bool``, ``int8`` … ``uint64``, ``float32`` …, ``string``,
            ``timestamp`` (with ``tz`` where there is one), ``duration``, ``category`` (with ``of``, the type of its
            values) and ``object``. Beyond 200 columns of an array they are one item with a ``count``.
        ``width``
            Number of columns.
        ``task``
            ``"classifier"``, ``"regressor"``, ``"outlier_detector"``, ``"clusterer"``, ``"transformer"``, ``"other"``.
        ``classes``
            For a classifier, its classes in the order of the columns of ``predict_proba``; a list of lists for several
            outputs. Otherwise None.
        ``n_outputs``
            Number of targets.
        ``methods``
            Which of ``predict``, ``predict_proba``, ``decision_function`` … it has.

    Raises
    ------
    InvalidInput
        If `X` is none of these.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = pd.DataFrame({"age": [20, 40], "income": [1.5, 2.5]})
    >>> signature = infer_signature(X, LogisticRegression().fit(X, ["no", "yes"]))
    >>> signature["inputs"]
    [{'name': 'age', 'type': 'int64'}, {'name': 'income', 'type': 'float64'}]
    >>> signature["classes"], signature["task"]
    (['no', 'yes'], 'classifier')
    """
    layout, inputs, width = _describe(X)
    classes = _plain(getattr(model, "classes_", None))
    several = classes is not None and bool(classes) and isinstance(classes[0], list)
    outputs = getattr(model, "n_outputs_", len(classes) if several and classes else 1)
    return {
        "layout": layout,
        "named": layout == "table",
        "inputs": inputs,
        "width": width,
        "task": _task(model, classes),
        "classes": classes,
        "n_outputs": int(outputs),
        "methods": [name for name in _METHODS if hasattr(model, name)],
    }


def _describe(X: Any) -> tuple[str, list[dict[str, Any]], int]:
    import numpy as np
    import pandas as pd

    if isinstance(X, pd.DataFrame):
        inputs = [{"name": str(name), **type_of(X.iloc[:, i])} for i, name in enumerate(X.columns)]
        return "table", inputs, len(inputs)
    if isinstance(X, pd.Series):
        return "column", [{"name": str(X.name if X.name is not None else "x0"), **type_of(X)}], 1
    if not hasattr(X, "shape"):
        X = _as_array(X)
    if len(X.shape) == 1:
        return "column", [{"name": "x0", **type_of(pd.Series(X))}], 1
    if len(X.shape) != 2:
        raise InvalidInput(f"inputs of a model are rows and columns, got an array of shape {X.shape}")
    width = int(X.shape[1])
    if X.dtype == object:
        kinds = [type_of(pd.Series(X[:, i])) for i in range(width)]
    else:
        kinds = [type_of(pd.Series(np.empty(0, X.dtype)))] * width
    if width > _LISTED and all(kind == kinds[0] for kind in kinds):
        return "array", [{"name": f"x0…x{width - 1}", **kinds[0], "count": width}], width
    return "array", [{"name": f"x{i}", **kind} for i, kind in enumerate(kinds)], width


def _as_array(X: Any) -> Any:
    import numpy as np

    if not isinstance(X, list | tuple) or not X:
        raise InvalidInput(f"expected a DataFrame, an array or a list of rows, got {type(X).__name__}: {X!r:.80}")
    try:
        return np.asarray(X, dtype=object if isinstance(X[0], str) else None)
    except ValueError as error:
        raise InvalidInput(f"the rows have different lengths: {error}") from error


def _task(model: Any, classes: Any) -> str:
    kind = getattr(model, "_estimator_type", None)
    if kind is None:
        try:
            from sklearn.utils import get_tags

            kind = get_tags(model).estimator_type
        except (ImportError, AttributeError, TypeError, ValueError):
            kind = "classifier" if classes is not None else None
    if kind in ("classifier", "regressor", "clusterer", "outlier_detector"):
        return str(kind)
    return "transformer" if hasattr(model, "transform") and not hasattr(model, "predict") else "other"


def _plain(classes: Any) -> list[Any] | None:
    if classes is None:
        return None
    if isinstance(classes, list):
        return [_plain(item) for item in classes]
    listed = classes.tolist() if hasattr(classes, "tolist") else list(classes)
    return [item if isinstance(item, str | int | float | bool | None) else str(item) for item in listed]


def check_inputs(signature: dict[str, Any], X: Any) -> Any:
    """Return `X` as the model takes it: the named columns in order, of the types it was fitted with.

    Columns may come in any order, and columns the model does not know are dropped. A value changes its type only where
    it keeps its meaning: whole numbers may become floats and back, 0 and 1 may become booleans, ISO 8601 text may
    become timestamps, text may become a category; missing values stay missing. Rows that fit are returned as they are.

    Parameters
    ----------
    signature : dict
        From `infer_signature`. It is prepared once and held, so pass the same object each time.
    X : DataFrame, array, list of dicts, dict of lists
        The rows. An array for named columns must have as many, in order.

    Returns
    -------
    DataFrame, array or list
        What to pass to the model.

    Raises
    ------
    InvalidInput
        Naming the columns that are missing (with near names), or whose values do not fit (with one of them).

    Examples
    --------
    >>> import pandas as pd
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
    }
    make = layouts.get(signature.get("layout", ""))
    if make is None:
        raise InvalidInput(
            f"a signature has the layout 'table', 'array' or 'column', this one has {signature.get('layout')!r}"
        )
    return make(signature)


class _Table:
    def __init__(self, signature: dict[str, Any]) -> None:
        self.inputs = signature["inputs"]
        self.names = [item["name"] for item in self.inputs]
        # Columns and types that were found to fit as they are; most batches of one caller look alike.
        self.fitting: tuple[Any, list[Any]] | None = None

    def __call__(self, X: Any) -> Any:
        import pandas as pd

        if isinstance(X, pd.DataFrame):
            if self.fitting is not None and X.columns.equals(self.fitting[0]) and X.dtypes.tolist() == self.fitting[1]:
                return X
            frame = X
        else:
            frame = self._frame(X)
        chosen = self._choose(frame)
        columns = {item["name"]: coerce(chosen[item["name"]], item) for item in self.inputs}
        if all(columns[name] is chosen[name] for name in self.names) and list(frame.columns) == self.names:
            self._remember(frame)
            return frame
        return pd.DataFrame(columns, index=frame.index)

    def _remember(self, frame: Any) -> None:
        # An object column fits because of its values, so the next one must be looked at again.
        if not any(dtype.kind == "O" for dtype in frame.dtypes):
            self.fitting = (frame.columns, frame.dtypes.tolist())

    def _frame(self, X: Any) -> Any:
        import pandas as pd

        if isinstance(X, dict):
            values = list(X.values())
            if values and not any(_is_listed(value) for value in values):
                return pd.DataFrame([X])
            try:
                return pd.DataFrame(X)
            except ValueError as error:
                raise InvalidInput(f"the columns cannot be put side by side: {error}") from error
        if _is_records(X):
            return pd.DataFrame(list(X))
        if hasattr(X, "to_pandas"):
            return X.to_pandas()
        array = X if hasattr(X, "shape") else _as_array(X)
        _check_width(array, len(self.names), "columns by name: " + _listed(self.names))
        array = array.toarray() if hasattr(array, "toarray") else array
        return pd.DataFrame(array, columns=self.names)

    def _choose(self, frame: Any) -> dict[str, Any]:
        columns = frame.columns
        if not columns.is_unique:
            twice = sorted({str(name) for name in columns[columns.duplicated()]})
            raise InvalidInput(f"the rows have columns of the same name: {_listed(twice)}")
        by_name = {str(name): name for name in columns}
        missing = [name for name in self.names if name not in by_name]
        if missing:
            shown = ", ".join(map(self._ask_for(list(by_name)), missing[:5]))
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            word = "column" if len(missing) == 1 else "columns"
            raise InvalidInput(f"the model needs the {word} {shown}{more}, got {_listed(list(by_name)) or 'none'}")
        return {name: frame[by_name[name]] for name in self.names}

    def _ask_for(self, known: list[str]) -> Callable[[str], str]:
        spare = [name for name in known if name not in self.names]

        def ask(name: str) -> str:
            found = near(name, spare, 1)
            return f"{name!r} (did you mean {found[0]!r}?)" if found else repr(name)

        return ask


class _Array:
    def __init__(self, signature: dict[str, Any]) -> None:
        self.width = signature["width"]
        self.inputs = signature["inputs"]
        self.kind = self.inputs[0]["type"] if self.inputs else "float64"
        self.alike = all(item["type"] == self.kind for item in self.inputs)

    def __call__(self, X: Any) -> Any:
        import numpy as np

        if isinstance(X, dict) or _is_records(X):
            X = _Table({"inputs": self._named()})(X)
        if hasattr(X, "columns") and hasattr(X, "to_numpy"):
            X = X.to_numpy()  # the model has no names, and scikit-learn warns when it is given some
        array = X if hasattr(X, "shape") else _as_array(X)
        _check_width(array, self.width, "unnamed columns")
        if array.dtype.kind in "biufc" and self.alike and self.kind != "string":
            return array
        if isinstance(array, np.ndarray):
            return self._by_column(array)
        return array

    def _named(self) -> list[dict[str, Any]]:
        if self.inputs and "count" in self.inputs[0]:
            return [{"name": f"x{i}", "type": self.kind} for i in range(self.width)]
        return list(self.inputs)

    def _by_column(self, array: Any) -> Any:
        import numpy as np
        import pandas as pd

        columns = [coerce(pd.Series(array[:, i]), item) for i, item in enumerate(self._named())]
        if self.alike and self.kind not in ("string", "object", "category"):
            return np.column_stack([column.to_numpy() for column in columns]) if columns else array
        result = np.empty(array.shape, dtype=object)
        for i, column in enumerate(columns):
            result[:, i] = column.to_numpy(dtype=object)
        return result


class _Column:
    def __init__(self, signature: dict[str, Any]) -> None:
        self.input = signature["inputs"][0]

    def __call__(self, X: Any) -> Any:
        import pandas as pd

        if isinstance(X, str):
            raise InvalidInput(f"the model takes one value a row: pass a list, [{X!r:.60}]")
        if isinstance(X, pd.DataFrame | dict) or _is_records(X):
            X = _Table({"inputs": [self.input]})(X).iloc[:, 0]
        elif hasattr(X, "shape") and len(X.shape) != 1:
            raise InvalidInput(f"the model takes one value a row, got an array of shape {X.shape}")
        column = X if isinstance(X, pd.Series) else pd.Series(list(X), dtype=object if len(X) == 0 else None)
        kept = coerce(column, self.input)
        return X if kept is column else kept


def _check_width(array: Any, width: int, what: str) -> None:
    if len(array.shape) == 1:
        raise InvalidInput(
            f"the model takes rows of {width} {what}; got one dimension of length {array.shape[0]}: "
            "for a single row pass [row], or row.reshape(1, -1)"
        )
    if len(array.shape) != 2 or array.shape[1] != width:
        raise InvalidInput(f"the model takes rows of {width} {what}; got an array of shape {tuple(array.shape)}")


def _is_records(X: Any) -> bool:
    return isinstance(X, list | tuple) and bool(X) and all(isinstance(row, dict) for row in X)


def _is_listed(value: Any) -> bool:
    return isinstance(value, list | tuple) or (hasattr(value, "shape") and len(value.shape) == 1)


def _listed(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
