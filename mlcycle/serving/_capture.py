r"""What is kept of traffic: predictions and labels, one JSON object a line.

A prediction::

    {"t":1764000000.25,"id":"17","v":"model:churn@7","r":2,"role":"live","ms":0.4,"in":{"age":41,"region":"EU"},
     "out":1,"p":[0.2,0.8]}

``t`` is seconds since 1970 (UTC), ``id`` the canonical id of the row, ``v`` the version that answered, ``r`` the number
of the revision, ``role`` ``live`` or ``shadow``, ``ms`` the milliseconds the version took divided by the rows it
answered in that call, ``in`` the inputs by name (``x0``, ``x1`` … where they have none), ``out`` what `predict`
returns, ``p`` what `predict_proba` returns, each where it is known. A row that got no answer has ``"error"`` with the
exception instead of ``in``, ``out`` and ``p``. Where only a share of the ids is kept, ``c`` is that share. A label,
whenever it arrives::

    {"t":1764000060.0,"id":"17","y":1}

Missing values, NaN among them, are null; infinities ``{"$float":"Infinity"}`` and ``{"$float":"-Infinity"}``;
moments and durations ISO 8601 text; categories their values. A signature turns that text back
(`mlcycle.codecs.check_inputs`). Fields that a reader does not know are passed over; of several labels of one id the
last counts.
"""

from __future__ import annotations

import math
import time
from json import JSONEncoder
from typing import TYPE_CHECKING, Any

from mlcycle._digest import json_number
from mlcycle._ids import canonical_id
from mlcycle._text import plain
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["encode_failures", "encode_labels", "encode_predictions", "ids_of"]

_MODEL = "model:"  # refs are full where they are stored; people see churn@7
_text = JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def encode_predictions(ids: Sequence[str], rows: Any, answers: dict[str, Any], facts: dict[str, Any]) -> bytes:
    r"""Return the lines of one call: a row each of the inputs, with its id and answers.

    Parameters
    ----------
    ids : sequence of str
        Canonical ids.
    rows : DataFrame, array or list, a row an id
        What the model was given.
    answers : dict
        ``"out"`` and ``"p"``, as far as known: arrays with one item a row, or a list of them for several targets.
    facts : dict
        What all rows share: version, revision, role, milliseconds.

    Examples
    --------
    >>> import numpy as np
    >>> line = encode_predictions(["17"], np.array([[1, 2]]), {"out": np.array([0])}, {"v": "churn@7"})
    >>> line.partition(b'"id"')[2]
    b':"17","v":"model:churn@7","in":{"x0":1,"x1":2},"out":0}\n'
    """
    names, values = _table(rows)
    listed = [(key, _per_row(value)) for key, value in answers.items()]
    head, shared = _around(facts)
    lines = []
    for position, identity in enumerate(ids):
        # one call for all of it, because an encoder is made at each
        told = {"in": dict(zip(names, values[position], strict=True))}
        told |= {key: one[position] for key, one in listed}
        lines.append(f"{head}{_text(identity)}{shared},{_json(told)[1:]}\n")
    return "".join(lines).encode("utf-8", "surrogatepass")


def _around(facts: dict[str, Any]) -> tuple[str, str]:
    """Return what stands before and after the id in every line of one call."""
    if "v" in facts:
        facts = {**facts, "v": f"{_MODEL}{facts['v']}"}
    return f'{{"t":{time.time():.6f},"id":', f",{_json(facts)[1:-1]}" if facts else ""


def encode_failures(
    ids: Sequence[str], error: BaseException, facts: dict[str, Any], masked: Callable[[str], str] = str
) -> bytes:
    r"""Return the lines of rows that got no answer; `masked` takes secrets out of the message.

    Examples
    --------
    >>> encode_failures(["17"], ValueError("no"), {"v": "churn@7"}).partition(b'"id"')[2]
    b':"17","v":"model:churn@7","error":"ValueError: no"}\n'
    """
    told = _text(masked(f"{type(error).__name__}: {plain(error)}")[:300])
    head, shared = _around(facts)
    lines = [f'{head}{_text(identity)}{shared},"error":{told}}}\n' for identity in ids]
    return "".join(lines).encode("utf-8", "surrogatepass")


def encode_labels(ids: Iterable[Any], outcomes: Iterable[Any]) -> bytes:
    r"""Return the lines of labels, one each.

    Raises
    ------
    InvalidInput
        When there are not as many outcomes as ids, or as `ids_of` says.

    Examples
    --------
    >>> encode_labels([17], [1]).partition(b'"id"')[2]
    b':"17","y":1}\n'
    """
    names = ids_of(ids)
    given = _sequence(outcomes, "outcomes")
    if len(getattr(given, "shape", ())) == 2 and given.shape[1] == 1:
        given = given.iloc[:, 0] if hasattr(given, "iloc") else given[:, 0]
    truths = _per_row(given)
    if len(names) != len(truths):
        raise InvalidInput(f"there are {len(names)} ids and {len(truths)} outcomes; give one outcome for each id")
    if None in names:
        raise InvalidInput(f"the id at position {names.index(None)} is missing; a label needs the id of its prediction")
    head, _ = _around({})
    lines = [f'{head}{_text(name)},"y":{_json(truth)}}}\n' for name, truth in zip(names, truths, strict=True)]
    return "".join(lines).encode("utf-8", "surrogatepass")


def ids_of(values: Any) -> list[str | None]:
    """Return the canonical ids of a column or list of ids, None for a missing one.

    Raises
    ------
    InvalidInput
        When they are not one a row in an order, one has lost its digits, or two that differ would be the same id.

    Examples
    --------
    >>> ids_of([7, 7.0, "a", None])
    ['7', '7', 'a', None]
    """
    given = list(_sequence(values, "ids"))
    found = [canonical_id(one) for one in given]
    if len(set(found)) < len(found):
        first: dict[str | None, Any] = {}
        for one, name in zip(given, found, strict=True):
            if name is not None and first.setdefault(name, one) != one:
                raise InvalidInput(f"the ids {first[name]!r} and {one!r} are stored as the same id, {name!r}; use text")
    return found


def _sequence(values: Any, what: str) -> Any:
    if isinstance(values, str | bytes):
        raise InvalidInput(
            f"{what} are a list or a column, one a row, got the text {values!r:.60}; write [{values!r:.60}]"
        )
    if isinstance(values, set | frozenset | dict):
        raise InvalidInput(f"{what} are a list or a column, one a row in their order, got a {type(values).__name__}")
    if what == "ids" and len(getattr(values, "shape", (0,))) != 1:
        raise InvalidInput(f"ids are one column, got a {type(values).__name__} of shape {values.shape}")
    try:
        return values if hasattr(values, "__len__") else list(values)
    except TypeError:
        raise InvalidInput(
            f"{what} are a list or a column, one a row, got {type(values).__name__}: {values!r:.60}"
        ) from None


def _table(rows: Any) -> tuple[list[str], list[Any]]:
    """Return names and rows of Python values; one pass through an object array is the quick way for few rows."""
    import numpy as np

    if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
        keys = dict.fromkeys(key for row in rows for key in row)
        return list(map(str, keys)), [[row.get(key) for key in keys] for row in rows]
    if hasattr(rows, "columns"):
        return list(map(str, rows.columns.tolist())), rows.to_numpy(dtype=object).tolist()
    if hasattr(rows, "toarray"):
        rows = rows.toarray()
    if hasattr(rows, "name"):  # a Series: one value a row
        return [str(rows.name) if rows.name is not None else "x0"], [[value] for value in rows.tolist()]
    array = rows if isinstance(rows, np.ndarray) else np.array(list(rows), dtype=object)
    if array.dtype.kind in "mM":
        array = array.astype(f"{array.dtype.kind}8[us]")
    listed = array.tolist()
    if array.ndim == 1:
        return ["x0"], [[value] for value in listed]
    return [f"x{position}" for position in range(array.shape[1])], listed


def _per_row(values: Any) -> list[Any]:
    """Return one item a row, also of the list of arrays that several targets give."""
    import numpy as np

    if isinstance(values, list) and values and getattr(values[0], "ndim", 0) == 2:
        return [list(one) for one in zip(*(array.tolist() for array in values), strict=True)]
    if hasattr(values, "iloc"):
        values = values.to_numpy(dtype=object)
    elif not isinstance(values, np.ndarray):
        return list(values)
    if values.dtype.kind in "mM":
        values = values.astype(f"{values.dtype.kind}8[us]")
    listed: list[Any] = values.tolist()
    return listed


def _json(value: Any) -> str:
    try:
        return _text(value)
    except (ValueError, TypeError):  # NaN, an infinity, a moment, a missing value: the slow way, value by value
        return _text(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value if math.isfinite(value) else json_number(value)
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
