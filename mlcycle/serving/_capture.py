"""What is kept of traffic: predictions and labels, one JSON object a line.

A prediction::

    {"t": 1764000000.25, "id": "17", "v": "churn@7", "r": 2, "role": "live", "in": {"age": 41, "region": "EU"},
     "out": 1, "p": [0.2, 0.8], "ms": 0.4}

``t`` is seconds since 1970 (UTC), ``id`` the canonical id of the row, ``v`` the version that answered, ``r`` the revision,
``role`` ``live`` or ``shadow``, ``in`` the inputs by name, ``out`` what `predict` returned, ``p`` what `predict_proba`
returned (where that was called), ``ms`` the milliseconds of the whole call divided by its rows. A label, whenever it
arrives::

    {"t": 1764000060.0, "id": "17", "y": 1}

Numbers that are not finite are ``{"float": "nan"}``, moments ISO 8601 text, missing values null.
"""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle._ids import canonical_id
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

__all__ = ["Traffic", "decode", "encode_labels", "encode_predictions"]


def encode_predictions(rows: Any, ids: Sequence[str], answers: dict[str, Any], facts: dict[str, Any]) -> bytes:
    """Return the lines of one call: a row each of the inputs, with its id and answers.

    Parameters
    ----------
    rows : DataFrame or array, n rows
        What the model was given.
    ids : sequence of str
        Canonical ids.
    answers : dict
        ``"out"`` and, where there are any, ``"p"``: arrays with one item a row.
    facts : dict
        What all rows share: version, revision, role, milliseconds.
    """
    moment = round(time.time(), 6)
    columns = [(name, _listed(values)) for name, values in _columns(rows)]
    listed = {key: _listed(values) for key, values in answers.items()}
    lines = []
    for position, identity in enumerate(ids):
        inputs = {name: values[position] for name, values in columns}
        document = {"t": moment, "id": identity, **facts, "in": inputs}
        document |= {key: values[position] for key, values in listed.items()}
        lines.append(json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False))
    return ("\n".join(lines) + "\n").encode() if lines else b""


def encode_labels(ids: Iterable[Any], outcomes: Iterable[Any]) -> bytes:
    r"""Return the lines of labels, one each.

    Raises
    ------
    InvalidInput
        When there are not as many outcomes as ids, or an id is missing.

    Examples
    --------
    >>> encode_labels([17], [1]).decode().endswith('"id":"17","y":1}\n')
    True
    """
    names, truths = [canonical_id(one) for one in _sequence(ids)], _listed(_sequence(outcomes))
    if len(names) != len(truths):
        raise InvalidInput(f"there are {len(names)} ids and {len(truths)} outcomes; give one outcome for each id")
    if None in names:
        raise InvalidInput(f"the id at position {names.index(None)} is missing; a label needs the id of its prediction")
    moment = round(time.time(), 6)
    lines = [
        json.dumps({"t": moment, "id": name, "y": truth}, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        for name, truth in zip(names, truths, strict=True)
    ]
    return ("\n".join(lines) + "\n").encode() if lines else b""


def _sequence(values: Any) -> Any:
    return values if hasattr(values, "__len__") and not isinstance(values, set | dict) else list(values)


def _columns(rows: Any) -> list[tuple[str, Any]]:
    if hasattr(rows, "columns"):
        return [(str(name), rows[name]) for name in rows.columns]
    return [(f"x{position}", rows[:, position]) for position in range(rows.shape[1])]


def _listed(values: Any) -> list[Any]:
    """Return values as JSON has them; the quick way where the type of the array says that all are plain."""
    import numpy as np

    array = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    if array.dtype.kind in "biu" or (array.dtype.kind == "f" and bool(np.isfinite(array).all())):
        found: list[Any] = array.tolist()
        return found
    return [_plain(value) for value in array.tolist()] if array.dtype.kind == "f" else [_plain(v) for v in array]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist") and not isinstance(value, str):
        value = value.tolist()
        if isinstance(value, list):
            return [_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if value != value or str(value) in ("NaT", "<NA>"):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _read(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"float"}:
        return float(value["float"])
    return [_read(item) for item in value] if isinstance(value, list) else value


@frozen(eq=False)
class Traffic:
    """Captured traffic, put together.

    Attributes
    ----------
    frame : DataFrame
        One row a prediction, in order of time: ``t, id, version, revision, role, output, scores, ms, label``, then
        ``in.<column>`` for each input. ``label`` is the last one reported for that id, None where there is none.
    skipped : int
        Lines that could not be read (torn by a death, or of a newer version).
    """

    frame: pd.DataFrame
    skipped: int

    def live(self) -> pd.DataFrame:
        """Return what callers got, without the answers of shadows."""
        return self.frame[self.frame["role"] == "live"]


def decode(lines: Iterable[bytes], *, since: str | None = None, until: str | None = None) -> Traffic:
    """Put predictions and labels together.

    Parameters
    ----------
    lines : iterable of bytes
        In any order.
    since, until : str, optional
        Only predictions from, and before, these times (UTC text); labels count whenever they came.
    """
    import pandas as pd

    begin, end = _epoch(since, -math.inf), _epoch(until, math.inf)
    predictions: list[dict[str, Any]] = []
    labels: dict[str, tuple[float, Any]] = {}
    skipped = 0
    for line in lines:
        try:
            document = json.loads(line)
            moment, identity = float(document["t"]), document["id"]
            if "y" in document:
                if identity not in labels or moment >= labels[identity][0]:
                    labels[identity] = (moment, document["y"])
            elif begin <= moment < end:
                predictions.append(_row(document, moment))
        except (ValueError, KeyError, TypeError):
            skipped += 1
    fixed = ["t", "id", "version", "revision", "role", "output", "scores", "ms"]
    frame = pd.DataFrame(predictions, columns=None if predictions else fixed).sort_values("t", kind="stable")
    held = [labels.get(identity) for identity in frame["id"]]
    truths = pd.Series([None if one is None else _read(one[1]) for one in held], index=frame.index, dtype=object)
    frame.insert(len(fixed), "label", truths)
    frame["t"] = pd.to_datetime(frame["t"], unit="s", utc=True)
    return Traffic(frame=frame.reset_index(drop=True), skipped=skipped)


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
    }
    return fixed | {f"in.{name}": _read(value) for name, value in document["in"].items()}


def _epoch(moment: str | None, otherwise: float) -> float:
    from datetime import datetime

    return otherwise if moment is None else datetime.fromisoformat(moment).timestamp()
