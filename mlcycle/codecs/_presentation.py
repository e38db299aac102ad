"""What a frame has besides its values: dtypes, index, column labels, attrs; as JSON, and back to the frame.

A presentation is stored beside the data and never hashed into its content, so the same values from pandas 2, pandas 3
or Arrow are the same data. Index levels other than the default 0, 1, 2, … are data and become columns.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlcycle._digest import canonical_json
from mlcycle._ids import near
from mlcycle.codecs._arrow import describe_arrow
from mlcycle.codecs._column_errors import naming_column
from mlcycle.codecs._dtypes import as_index, describe_dtype, freq_name, restore_dtype, with_freq
from mlcycle.codecs._logical_types import arrow_type, logical_type
from mlcycle.errors import InvalidInput, SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "describe_frame",
    "describe_table",
    "fields_of",
    "index_levels",
    "labels_by_field",
    "restore_frame",
    "restore_index",
    "restore_labels",
]

FORM = 1
Doc = dict[str, Any]


def describe_frame(frame: pd.DataFrame, what: str = "the frame") -> tuple[dict[str, Any], Doc]:
    """Return the columns of a frame (index levels last) as Arrow arrays by field name, and its presentation.

    Parameters
    ----------
    frame : pandas.DataFrame
    what : str, default "the frame"
        How messages name it.

    Raises
    ------
    InvalidInput
        Doubled or unusable column names, columns that cannot be stored, attrs that are no JSON.
    """
    with naming_column(f"the attrs of {what}"):  # first: pandas copies them with every column it takes
        attrs = _check_attrs(frame.attrs, what)
    labels = _check_labels(frame.columns, what)
    columns: dict[str, Any] = {}
    described = []
    for (label, field), (_, series) in zip(labels, frame.items(), strict=True):
        named = f"column {label!r} of {what}"
        with naming_column(named):
            columns[field], spec = describe_dtype(series, named)
        described.append({"name": label, "field": field, "dtype": spec})
    with naming_column(f"the index of {what}"):
        index = _describe_index(frame.index, columns, what)
    return columns, {
        "form": FORM,
        "kind": "pandas",
        "columns": described,
        "labels": _describe_labels(frame.columns, what),
        "index": index,
        "attrs": attrs,
    }


def describe_table(table: Any, what: str = "the table") -> tuple[dict[str, Any], Doc]:
    """Return the columns of an Arrow table by name, and the presentation under which it loads as a frame."""
    names = table.column_names
    _refuse_doubled(names, what)
    columns, described = {}, []
    for name, column in zip(names, table.columns, strict=True):
        with naming_column(f"column {name!r} of {what}"):
            columns[name], spec = describe_arrow(column)
        described.append({"name": name, "field": _field(name, what), "dtype": spec})
    labels = {"dtype": {"kind": "text", "missing": "none"}, "name": None}
    return columns, {
        "form": FORM,
        "kind": "arrow",
        "columns": described,
        "labels": labels,
        "index": {"kind": "default", "range": True},
        "attrs": {},
    }


def labels_by_field(doc: Doc, what: str) -> dict[str, str]:
    """Return how messages name each column of a presentation, and each level of its index."""
    levels = doc["index"].get("levels", ())
    named = {
        level["field"]: f"the index of {what}" if len(levels) == 1 else f"index level {position} of {what}"
        for position, level in enumerate(levels)
    }
    return {column["field"]: f"column {column['name']!r} of {what}" for column in doc["columns"]} | named


def _check_labels(columns: pd.Index, what: str) -> list[tuple[str | int, str]]:
    remedy = "rename them, for example frame.columns = frame.columns.map(str)"
    if isinstance(columns, pd.MultiIndex):
        raise InvalidInput(
            f"{what} has column names of {columns.nlevels} levels; join them into one, for example "
            "frame.columns = ['_'.join(map(str, c)) for c in frame.columns]"
        )
    labels, named = [], f"the column names of {what}"
    with naming_column(named):
        for label in columns.tolist():
            if isinstance(label, bool) or not isinstance(label, str | int):
                raise InvalidInput(
                    f"{named} hold {label!r} ({type(label).__name__}), and names are text or integers; {remedy}"
                )
            labels.append((label if isinstance(label, str) else int(label), _field(label, what)))
    _refuse_doubled([field for _, field in labels], what)
    return labels


def _field(label: str | int, what: str) -> str:
    try:
        str(label).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"the column names of {what} hold {label!r}, which is not valid Unicode; rename it"
        ) from error
    return str(label)


def _refuse_doubled(fields: Sequence[str], what: str) -> None:
    doubled = sorted({field for field in fields if fields.count(field) > 1}) if len(set(fields)) < len(fields) else []
    if doubled:
        raise InvalidInput(
            f"{what} has several columns named {', '.join(map(repr, doubled[:5]))}; a stored column needs a name of "
            "its own (0 and '0' are one): rename or drop the others, for example "
            "frame.loc[:, ~frame.columns.duplicated()]"
        )


def _describe_labels(columns: pd.Index, what: str) -> Doc:
    name = _label_name(columns.name, "columns", what)
    if isinstance(columns, pd.RangeIndex):
        return {"dtype": {"kind": "range", "range": [columns.start, columns.stop, columns.step]}, "name": name}
    labels = columns.tolist()
    if columns.dtype == object and not all(isinstance(label, str) for label in labels):
        return {"dtype": {"kind": "object"}, "name": name}
    named = f"the column names of {what}"
    with naming_column(named):
        _, spec = describe_dtype(columns, named)
    return {"dtype": spec, "name": name}


def _label_name(name: Any, of: str, what: str) -> str | int | None:
    if name is None or isinstance(name, str) or (isinstance(name, int) and not isinstance(name, bool)):
        return name
    raise InvalidInput(f"the {of} of {what} is named {name!r} ({type(name).__name__}); name it with text, or with None")


def _check_attrs(attrs: dict[Any, Any], what: str) -> Doc:
    remedy = "keep such things out of frame.attrs, or turn them into text, numbers, lists and dicts with text keys"
    try:
        kept: Doc = json.loads(canonical_json(attrs))
    except InvalidInput as error:
        raise InvalidInput(f"the attrs of {what} are not JSON: {error}; {remedy}") from error
    if kept != attrs:
        raise InvalidInput(
            f"the attrs of {what} would come back changed (tuples become lists): {attrs!r:.80}; {remedy}"
        )
    return kept


# the index -----------------------------------------------------------------------------------------------------------


def _describe_index(index: pd.Index, columns: dict[str, Any], what: str) -> Doc:
    """Describe an index and add its levels to the columns; the default one is nothing but a length."""
    if _is_default(index):
        return {"kind": "default", "range": isinstance(index, pd.RangeIndex)}
    levels = index_levels(index)
    described = []
    for position, (level, level_name) in enumerate(zip(levels, index.names, strict=True)):
        name = _label_name(level_name, "index", what)
        field = _field(name, what) if name is not None and str(name) not in columns else f"__index_level_{position}__"
        if field in columns:
            raise InvalidInput(f"{what} has a column {field!r}, the name an index level is stored under; rename it")
        label = f"the index of {what}" if len(levels) == 1 else f"index level {position} of {what}"
        with naming_column(label):
            columns[field], spec = describe_dtype(level, label)
        doc: Doc = {"name": name, "field": field, "dtype": spec}
        if isinstance(level, pd.RangeIndex):
            doc["range"] = [level.start, level.stop, level.step]
        if freq := freq_name(level):
            doc["freq"] = freq
        described.append(doc)
    return {"kind": "multi" if isinstance(index, pd.MultiIndex) else "single", "levels": described}


def index_levels(index: pd.Index) -> list[pd.Index]:
    """Return the values of each level of an index, in order."""
    if not isinstance(index, pd.MultiIndex):
        return [index]
    # without names: pandas takes a number for the name of a level first, and only then for its position
    unnamed = index.set_names([None] * index.nlevels)
    return [unnamed.get_level_values(position) for position in range(index.nlevels)]


def _is_default(index: pd.Index) -> bool:
    if isinstance(index, pd.MultiIndex) or index.name is not None or index.dtype != np.int64:
        return False
    if isinstance(index, pd.RangeIndex):
        return (index.start, index.step) == (0, 1)
    return np.array_equal(index.to_numpy(), np.arange(len(index)))


def restore_index(doc: Doc, arrays: Callable[[str, Doc], Any], total: int, rows: Any) -> Any:
    """Return the index a presentation describes, or what pandas gives for some rows of it."""
    if doc["kind"] == "default":
        default = pd.RangeIndex(total) if doc["range"] else pd.Index(np.arange(total))
        return default if rows is None else default[rows]
    levels = []
    for level in doc["levels"]:
        if "range" in level:
            levels.append(_range(level["range"], level["name"], rows))
            continue
        made = as_index(arrays(level["field"], level["dtype"])).rename(level["name"])
        if rows is None and "freq" in level:
            made = with_freq(made, level["freq"])
        levels.append(made)
    if doc["kind"] == "single":
        return levels[0]
    return pd.MultiIndex.from_arrays(levels, names=[level["name"] for level in doc["levels"]])


def _range(ends: list[int], name: Any, rows: Any = None) -> Any:
    start, stop, step = ends
    made = pd.RangeIndex(start, stop, step, name=name)
    return made if rows is None else made[rows]


# back to a frame -----------------------------------------------------------------------------------------------------


def fields_of(doc: Doc, columns: Sequence[str | int] | None) -> list[str]:
    """Return the fields to read for some columns of a frame, those of its index included.

    Raises
    ------
    InvalidInput
        A column that is not there, or named twice; near names are suggested.
    SchemaError
        A presentation of a newer form.
    """
    if doc.get("form") != FORM or doc.get("kind") not in ("pandas", "arrow"):
        raise SchemaError(
            f"a presentation of form {doc.get('form')} and kind {doc.get('kind')!r} needs a newer mlcycle: "
            "upgrade to read it"
        )
    index = [level["field"] for level in doc["index"].get("levels", ())]
    return [column["field"] for column in _chosen(doc, columns)] + index


def _chosen(doc: Doc, columns: Sequence[str | int] | None) -> list[Doc]:
    if columns is None:
        return list(doc["columns"])
    if isinstance(columns, str):
        raise InvalidInput(f"columns={columns!r} is one name; give a list: columns=[{columns!r}]")
    known = {column["name"]: column for column in doc["columns"]}
    columns = list(columns)
    for name in columns:
        if not _is_label(name) or name not in known:
            hint = near(name, known) or list(known)[:8]
            raise InvalidInput(f"there is no column {name!r}; there is {', '.join(map(repr, hint))}")
    if len(set(columns)) < len(columns):
        raise InvalidInput(f"columns={columns!r} names a column twice; name each once")
    return [known[name] for name in columns]


def _is_label(name: Any) -> bool:
    try:
        hash(name)
    except TypeError:
        return False
    return True


def restore_frame(
    arrays: dict[str, Any], doc: Doc, total: int, *, columns: Sequence[str | int] | None = None, rows: Any = None
) -> pd.DataFrame:
    """Return the frame a presentation describes.

    Parameters
    ----------
    arrays : dict of str to pyarrow.ChunkedArray
        By field, as `fields_of` names them.
    doc : dict
        The presentation.
    total : int
        How many rows the whole table has.
    columns : sequence, optional
        Only these, in this order.
    rows : array of bool or int, optional
        Which rows `arrays` have; the index is then what pandas gives for these rows of the whole frame.
    """
    chosen = _chosen(doc, columns)
    made = dict(enumerate(_restored(arrays, chosen)))
    index = restore_index(doc["index"], lambda field, spec: restore_dtype(arrays[field], spec), total, rows)
    frame = pd.DataFrame(made, copy=False) if made else pd.DataFrame(index=index)
    frame.index = index
    frame.columns = restore_labels(doc["labels"], [column["name"] for column in chosen], columns is None)
    frame.attrs = dict(doc["attrs"])
    # many blocks of one column each would make pandas warn when a column is added
    return frame.copy() if len(chosen) > _FEW_BLOCKS else frame


_FEW_BLOCKS = 60
_WORTH_THREADS = 1 << 20


def _restored(arrays: dict[str, Any], chosen: list[Doc]) -> list[Any]:
    def one(column: Doc) -> Any:
        return _as_it_is(restore_dtype(arrays[column["field"]], column["dtype"]))

    if sum(len(arrays[column["field"]]) for column in chosen) < _WORTH_THREADS:
        return [one(column) for column in chosen]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(one, chosen))


def _as_it_is(array: Any) -> Any:
    # a frame would look into an object array and choose another dtype
    if isinstance(array, np.ndarray) and array.dtype.kind == "O":
        return pd.Series(array, dtype=object, copy=False)
    return array


def restore_labels(doc: Doc, labels: list[str | int], every: bool) -> Any:
    """Return the column labels a presentation describes, of all columns or of some."""
    spec, name = doc["dtype"], doc["name"]
    if spec["kind"] == "range":
        return _range(spec["range"], name) if every else pd.Index(labels, name=name, dtype="int64")
    if spec["kind"] == "numpy":
        return pd.Index(labels, name=name, dtype=spec["dtype"])
    if spec["kind"] == "object":
        return pd.Index(labels, name=name, dtype=object)
    made = pa.chunked_array([pa.array(labels, _label_type(spec))])
    return as_index(restore_dtype(made, spec)).rename(name)


def _label_type(spec: Doc) -> Any:
    if spec["kind"] in ("text", "string"):
        return pa.large_string()
    return logical_type(arrow_type(spec["type"] if "type" in spec else spec["dtype"].lower()))
