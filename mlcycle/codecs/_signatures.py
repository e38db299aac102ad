"""What a model takes and gives, as plain JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlcycle.codecs._coerce import describe_type
from mlcycle.codecs._rows import (
    are_records,
    array_of,
    by_name,
    check_units,
    dicts_of,
    frame_of,
    own_rows,
    rows_of,
    taken,
)
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["complete_signature", "example_rows", "infer_signature"]

_METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "transform",
)
_LISTED = 200
_NESTED = ("best_estimator_", "estimator_", "regressor_", "classifier_")  # where a wrapper keeps what it fitted
_OF_DICTS = ("DictVectorizer", "FeatureHasher")
_DEEP = 20


def infer_signature(X: Any, model: Any) -> dict[str, Any]:
    """Describe the inputs and outputs of a fitted model.

    Parameters
    ----------
    X : DataFrame, array, sparse matrix, Series, list of str or list of dicts
        Some rows of what the model was fitted on. Names, types and categories are kept, no other values.
    model : object
        The fitted estimator. Where it knows the names of its columns (``feature_names_in_``), they count.

    Returns
    -------
    dict
        Plain JSON:

        ``layout``
            ``"table"`` (named columns), ``"array"`` (columns by position), ``"column"`` (one value a row: text) or
            ``"records"`` (a dict a row, which is what a `DictVectorizer` takes).
        ``named``
            Whether the columns have names of their own; otherwise they are called ``x0``, ``x1`` …
        ``inputs``
            ``[{"name", "type"}, …]`` in order. Types are ``bool``, ``int8`` … ``uint64``, ``float32`` …, ``string``,
            ``timestamp`` (with ``unit``, and ``tz`` where there is one), ``duration`` (with ``unit``), ``category``
            (with ``of``, the type of its values, ``levels``, up to 1000 of them in order, and ``ordered``) and
            ``object``. Beyond 200 columns of an array they are one item with a ``count``.
        ``labels``
            What the columns are called in a frame where that is not text; only then.
        ``positional``
            True where the example has names and the model was fitted without any; only then.
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
    described = _described(_as_fitted(rows_of(X), model), model)
    classes = _plain(getattr(model, "classes_", None))
    several = classes is not None and bool(classes) and isinstance(classes[0], list)
    outputs = getattr(model, "n_outputs_", len(classes) if several and classes else 1)
    return {
        **described,
        "named": described["layout"] in ("table", "records"),
        "task": _task(model, classes),
        "classes": classes,
        "n_outputs": int(outputs),
        "methods": [name for name in _METHODS if hasattr(model, name)],
    }


def example_rows(X: Any, model: Any, most: int) -> Any:
    """Return the first rows of an example, as the model takes them: a copy, with the names the model knows.

    Raises
    ------
    InvalidInput
        If `X` is not rows.
    """
    rows = rows_of(X)
    return own_rows(_as_fitted(rows[:most] if isinstance(rows, list) else taken(rows, slice(most)), model))


def complete_signature(signature: dict[str, Any] | None, model: Any) -> dict[str, Any] | None:
    """Return a stored signature with what the model itself knows of its inputs; None where neither knows any.

    Columns without names get those the model was fitted with, and a model without a signature of its own takes columns
    by those, of any type, or a dict a row.
    """
    if (signature is None or signature["layout"] == "column") and _takes_dicts(model):
        return {**(signature or {}), "layout": "records", "inputs": []}
    names = _names_of(model)
    if names is None or (signature is not None and signature["layout"] != "array"):
        return signature
    if signature is None:
        # names that other libraries make up, or rewrite, are no names of columns
        known = type(model).__module__.startswith("sklearn.")
        return {"layout": "table", "inputs": [{"name": name, "type": "object"} for name in names]} if known else None
    if signature["width"] != len(names):
        return signature
    items = signature["inputs"] if len(signature["inputs"]) == len(names) else signature["inputs"] * len(names)
    inputs = [{**item, "name": name} for item, name in zip(items, names, strict=True)]
    for item in inputs:
        item.pop("count", None)
    return {**signature, "layout": "table", "named": True, "inputs": inputs}


def _as_fitted(rows: Any, model: Any) -> Any:
    """Return rows with the names and in the order a model was fitted with, as far as it knows."""
    import pandas as pd

    if _takes_dicts(model):
        return dicts_of(rows)
    names = _names_of(model)
    rows = by_name(rows) if names and isinstance(rows, list) and rows else rows
    if are_records(rows):
        # a model that counts its columns was fitted on a table; of any other it is taken that it takes what it is given
        rows = frame_of(rows) if names or hasattr(model, "n_features_in_") else rows
    if names is None or isinstance(rows, pd.Series):
        return rows
    if isinstance(rows, pd.DataFrame):
        columns = rows.columns.tolist()
        if len(columns) == len(names) and not any(isinstance(label, str) for label in columns):
            return rows.set_axis(names, axis=1)  # numbered columns are as good as none
        in_order = columns == names or not set(names) <= set(columns) or not rows.columns.is_unique
        return rows if in_order else rows[names]
    array = array_of(rows) if isinstance(rows, list) else rows
    if len(array.shape) != 2 or array.shape[1] != len(names) or hasattr(array, "tocsr"):
        return rows
    return pd.DataFrame(array, columns=names).infer_objects()


def _names_of(model: Any) -> list[str] | None:
    """Return the names of the columns a model was fitted with, its own or those of what it wraps; None without any."""
    for inner in _nested(model):
        names = getattr(inner, "feature_names_in_", None)
        if names is not None and len(names):
            found = [str(name) for name in names]
            # LightGBM numbers the columns of an array like this
            return None if found == [f"Column_{i}" for i in range(len(found))] else found
    return None


def _nested(model: Any) -> list[Any]:
    """Return a model and, one in the other, what stands first in it where it wraps others."""
    found: list[Any] = []
    while model is not None and not isinstance(model, str) and len(found) < _DEEP:
        found.append(model)
        steps = [step for step in getattr(model, "steps", ()) if isinstance(step, tuple) and step[-1] != "passthrough"]
        kept = (getattr(model, name, None) for name in _NESTED)
        model = steps[0][-1] if steps else next((one for one in kept if one is not None), None)
    return found


def _takes_dicts(model: Any) -> bool:
    innermost = _nested(model)[-1] if model is not None else None
    kind = type(innermost)
    known = kind.__module__.startswith("sklearn.") and kind.__name__ in _OF_DICTS
    return known and getattr(innermost, "input_type", "dict") == "dict"  # a hasher may take words instead


def _fitted_without_names(model: Any) -> bool:
    """Say whether a model of scikit-learn, all its parts included, was fitted on an array."""
    if not hasattr(model, "n_features_in_") or _names_of(model) is not None or not hasattr(model, "get_params"):
        return False
    parts = [model, *(value for value in model.get_params(deep=True).values() if hasattr(value, "fit"))]
    return all(getattr(type(part), "__module__", "").startswith("sklearn.") for part in parts)


def _described(rows: Any, model: Any) -> dict[str, Any]:
    """Return layout, inputs and width of rows."""
    import pandas as pd

    if isinstance(rows, pd.DataFrame):
        return _table(rows, model)
    if isinstance(rows, pd.Series):
        name = str(rows.name if rows.name is not None else "x0")
        return {"layout": "column", "inputs": [{"name": name, **describe_type(rows)}], "width": 1}
    if are_records(rows):
        frame = frame_of(rows)
        inputs = [{"name": str(name), **describe_type(frame[name])} for name in frame.columns]
        return {"layout": "records", "inputs": inputs, "width": len(inputs)}
    return _array(array_of(rows) if isinstance(rows, list) else rows)


def _table(frame: pd.DataFrame, model: Any) -> dict[str, Any]:
    labels = frame.columns.tolist()
    names = [str(label) for label in labels]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InvalidInput(f"the rows have columns of the same name: {', '.join(map(repr, twice))}; rename them")
    inputs = [{"name": name, **describe_type(frame.iloc[:, i])} for i, name in enumerate(names)]
    found: dict[str, Any] = {"layout": "table", "inputs": inputs, "width": len(inputs)}
    if labels != names and all(map(_is_plain, labels)):
        found["labels"] = [list(label) if isinstance(label, tuple) else label for label in labels]
    if any(isinstance(label, str) for label in labels) and _fitted_without_names(model):
        found["positional"] = True
    return found


def _is_plain(label: Any) -> bool:
    if isinstance(label, tuple):
        return all(map(_is_plain, label))
    return isinstance(label, str | int) or (isinstance(label, float) and math.isfinite(label))


def _array(array: Any) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    if len(array.shape) == 1:
        check_units(array)
        column = pd.Series(array, dtype=object if array.dtype.kind in "OU" else None)
        return {"layout": "column", "inputs": [{"name": "x0", **describe_type(column)}], "width": 1}
    if len(array.shape) != 2:
        raise InvalidInput(f"inputs of a model are rows and columns, got an array of shape {array.shape}")
    width = int(array.shape[1])
    if array.dtype == object:
        kinds = [describe_type(pd.Series(array[:, i], dtype=object)) for i in range(width)]
    else:
        kind = describe_type(pd.Series(np.empty(0, array.dtype)))
        if array.dtype.kind in "mM":
            kind["unit"] = np.datetime_data(array.dtype)[0]  # pandas has no days
        kinds = [kind] * width
    if width > _LISTED and all(kind == kinds[0] for kind in kinds):
        return {
            "layout": "array",
            "inputs": [{"name": f"x0…x{width - 1}", **kinds[0], "count": width}],
            "width": width,
        }
    return {"layout": "array", "inputs": [{"name": f"x{i}", **kind} for i, kind in enumerate(kinds)], "width": width}


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
