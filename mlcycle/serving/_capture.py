r"""What is kept of traffic: predictions and labels, one JSON object a line.

A prediction::

    {"t":1764000000.25,"id":"17","v":"churn@7","r":2,"role":"live","ms":0.4,"in":{"age":41,"region":"EU"},
     "out":1,"p":[0.2,0.8]}

``t`` is seconds since 1970 (UTC), ``id`` the canonical id of the row, ``v`` the version that answered, ``r`` the number
of the revision, ``role`` ``live`` or ``shadow``, ``ms`` the milliseconds the version took divided by the rows it
answered in that call, ``in`` the inputs by name (``x0``, ``x1`` … where they have none), ``out`` what `predict`
returns, ``p`` what `predict_proba` returns, each where it is known. A row that got no answer has ``"error"`` with the
exception instead of ``in``, ``out`` and ``p``. A label, whenever it arrives::

    {"t":1764000060.0,"id":"17","y":1}

Missing values, NaN among them, are null; infinities ``{"$float":"Infinity"}`` and ``{"$float":"-Infinity"}``;
moments and durations ISO 8601 text; categories their values. A signature turns that text back
(`mlcycle.codecs.check_inputs`). Fields that a reader does not know are passed over; of several labels of one id the
last counts.
"""

from __future__ import annotations

import json
import math
import time
from json import JSONEncoder
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle._digest import json_number
from mlcycle._ids import canonical_id
from mlcycle._text import plain
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pandas as pd

__all__ = ["Traffic", "decode", "encode_failures", "encode_labels", "encode_predictions"]

_INPUT = "in."
_FIXED = ["t", "id", "version", "revision", "role", "output", "scores", "ms", "error", "label"]
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
    b':"17","v":"churn@7","in":{"x0":1,"x1":2},"out":0}\n'
    """
    names, values = _table(rows)
    shared = "".join(f",{_text(key)}:{_json(value)}" for key, value in facts.items())
    listed = [(key, _per_row(value)) for key, value in answers.items()]
    head = f'{{"t":{time.time():.6f},"id":'
    lines = []
    for position, identity in enumerate(ids):
        inputs = _json(dict(zip(names, values[position], strict=True)))
        told = "".join(f',"{key}":{_json(one[position])}' for key, one in listed)
        lines.append(f'{head}{_text(identity)}{shared},"in":{inputs}{told}}}\n')
    return "".join(lines).encode("utf-8", "surrogatepass")


def encode_failures(
    ids: Sequence[str], error: BaseException, facts: dict[str, Any], masked: Callable[[str], str] = str
) -> bytes:
    r"""Return the lines of rows that got no answer; `masked` takes secrets out of the message.

    Examples
    --------
    >>> encode_failures(["17"], ValueError("no"), {"v": "churn@7"}).partition(b'"id"')[2]
    b':"17","v":"churn@7","error":"ValueError: no"}\n'
    """
    shared = "".join(f",{_text(key)}:{_json(value)}" for key, value in facts.items())
    told = _text(masked(f"{type(error).__name__}: {plain(error)}")[:300])
    head = f'{{"t":{time.time():.6f},"id":'
    lines = [f'{head}{_text(identity)}{shared},"error":{told}}}\n' for identity in ids]
    return "".join(lines).encode("utf-8", "surrogatepass")


def encode_labels(ids: Iterable[Any], outcomes: Iterable[Any]) -> bytes:
    r"""Return the lines of labels, one each.

    Raises
    ------
    InvalidInput
        When there are not as many outcomes as ids, or an id is missing.

    Examples
    --------
    >>> encode_labels([17], [1]).partition(b'"id"')[2]
    b':"17","y":1}\n'
    """
    names = [canonical_id(one) for one in _sequence(ids)]
    truths = _per_row(_sequence(outcomes))
    if len(names) != len(truths):
        raise InvalidInput(f"there are {len(names)} ids and {len(truths)} outcomes; give one outcome for each id")
    if None in names:
        raise InvalidInput(f"the id at position {names.index(None)} is missing; a label needs the id of its prediction")
    head = f'{{"t":{time.time():.6f},"id":'
    lines = [f'{head}{_text(name)},"y":{_json(truth)}}}\n' for name, truth in zip(names, truths, strict=True)]
    return "".join(lines).encode("utf-8", "surrogatepass")


def _sequence(values: Any) -> Any:
    if isinstance(values, str | bytes):
        raise InvalidInput(f"ids and outcomes are lists or arrays, one a row, got the text {values!r:.60}")
    return values if hasattr(values, "__len__") and not isinstance(values, set | dict) else list(values)


def _table(rows: Any) -> tuple[list[str], list[Any]]:
    """Return names and rows of Python values; one pass through an object array is the quick way for few rows."""
    import numpy as np

    if hasattr(rows, "columns"):
        return [str(name) for name in rows.columns], rows.to_numpy(dtype=object).tolist()
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
    if hasattr(values, "to_numpy"):
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


def _read(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"$float"}:
        return float(value["$float"])
    return [_read(item) for item in value] if isinstance(value, list) else value


@frozen(eq=False)
class Traffic:
    """Captured traffic, put together.

    Attributes
    ----------
    frame : DataFrame
        One row a prediction, in order of time: ``t, id, version, revision, role, output, scores, ms, error, label``,
        then ``in.<column>`` for each input. ``label`` is the last one reported for that id, None where there is none.
    skipped : int
        Lines that could not be read (torn by a death, or of a newer version).
    strays : int
        Labels whose id no prediction in the frame has.
    """

    frame: pd.DataFrame
    skipped: int
    strays: int = 0

    def live(self) -> pd.DataFrame:
        """Return what callers got: no answers of shadows, no failures."""
        return self.frame[(self.frame["role"] == "live") & self.frame["error"].isna()]


def decode(lines: Iterable[bytes], *, since: str | None = None, until: str | None = None) -> Traffic:
    r"""Put predictions and labels together.

    Parameters
    ----------
    lines : iterable of bytes
        In any order.
    since, until : str, optional
        Only predictions from, and before, these times (UTC text); labels count whenever they came.

    Examples
    --------
    >>> lines = [b'{"t":2.0,"id":"17","y":1}', b'{"t":1.0,"id":"17","v":"churn@7","in":{"age":41},"out":0}', b'{"t":']
    >>> traffic = decode(lines)
    >>> traffic.frame[["id", "version", "output", "label", "in.age"]].values.tolist(), traffic.skipped
    ([['17', 'churn@7', 0, 1, 41]], 1)
    """
    import pandas as pd

    begin, end = _epoch(since, -math.inf), _epoch(until, math.inf)
    predictions: list[dict[str, Any]] = []
    labels: dict[str, tuple[float, Any]] = {}
    skipped = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            document = json.loads(line)
            moment, identity = float(document["t"]), document["id"]
            if "y" in document:
                if identity not in labels or moment >= labels[identity][0]:
                    labels[identity] = (moment, document["y"])
            elif begin <= moment < end:
                predictions.append(_row(document, moment))
        except (ValueError, KeyError, TypeError, AttributeError):
            skipped += 1
    predictions.sort(key=lambda row: row["t"])
    for row in predictions:
        row["label"] = _read(labels[row["id"]][1]) if row["id"] in labels else None
    frame = pd.DataFrame(predictions) if predictions else pd.DataFrame(columns=_FIXED, dtype=object)
    for name in ("output", "scores", "error", "label"):
        held = [row[name] for row in predictions]
        if name != "output" or None in held:  # pandas would turn 1 beside a missing value into 1.0
            frame[name] = pd.Series(held, index=frame.index, dtype=object)
    frame["t"] = pd.to_datetime(frame["t"], unit="s", utc=True)
    return Traffic(frame=frame, skipped=skipped, strays=len(labels.keys() - {row["id"] for row in predictions}))


def _row(document: dict[str, Any], moment: float) -> dict[str, Any]:
    fixed = {
        "t": moment,
        "id": document["id"],
        "version": document["v"],
        "revision": document.get("r"),
        "role": document.get("role", "live"),
        "output": _read(document.get("out")),
        "scores": _read(document.get("p")),
        "ms": document.get("ms"),
        "error": document.get("error"),
        "label": None,
    }
    return fixed | {f"{_INPUT}{name}": _read(value) for name, value in document.get("in", {}).items()}


def _epoch(moment: str | None, otherwise: float) -> float:
    from datetime import datetime

    return otherwise if moment is None else datetime.fromisoformat(moment).timestamp()
