"""Captured traffic, read: predictions and labels put together, and labels that are of no prediction counted apart."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle._digest import hash64, salt_of, unit_interval
from mlcycle.codecs import frame_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["CapturedTraffic", "LabelCounts", "decode_traffic", "is_captured"]

_INPUT = "in."
_MODEL = "model:"  # refs are full where they are stored; people see churn@7
_FIXED = ["t", "id", "version", "revision", "role", "output", "scores", "ms", "error", "label"]


@frozen
class LabelCounts:
    """What became of the labels that were read: an id once, by its last label; one that was taken back is none.

    Attributes
    ----------
    joined : int
        Of ids with a prediction in the window.
    elsewhere : int
        Of ids whose predictions are all outside the window.
    left_out : int
        Of ids that need not have been kept, because a service kept a share of them.
    unknown : int
        Of all other ids: no prediction that was read has one of them.
    complete : bool
        Whether all traffic there is was read; else ids that are unknown may have been predicted before.

    Examples
    --------
    >>> LabelCounts(joined=90, unknown=10).total
    100
    """

    joined: int = 0
    elsewhere: int = 0
    left_out: int = 0
    unknown: int = 0
    complete: bool = True

    @property
    def total(self) -> int:
        """How many were read."""
        return self.joined + self.elsewhere + self.left_out + self.unknown


@frozen(eq=False)
class CapturedTraffic:
    """Captured traffic, put together.

    Attributes
    ----------
    frame : DataFrame
        One row a prediction, in order of time: ``t, id, version, revision, role, output, scores, ms, error, label``,
        then ``in.<column>`` for each input. ``label`` is the last one reported for that id, None where there is none.
    skipped : int
        Lines that could not be read (torn by a death, or of a newer version).
    labels : LabelCounts
        How many labels are of ids in the frame, and of which others.
    """

    frame: pd.DataFrame
    skipped: int
    labels: LabelCounts = field(factory=LabelCounts)

    def live(self) -> pd.DataFrame:
        """Return what callers got: no answers of shadows, no failures."""
        return self.frame[(self.frame["role"] == "live") & self.frame["error"].isna()]


def is_captured(ids: Sequence[str], share: float, deployment: str) -> NDArray[np.bool_]:
    """Say of ids whether a service that keeps this share of them keeps them: always or never.

    Examples
    --------
    >>> is_captured(["17", "18"], 0.5, "eu-api").tolist()
    [True, False]
    """
    import numpy as np

    points = unit_interval(hash64(np.array(ids, dtype=object), salt_of("capture", deployment)))
    chosen: NDArray[np.bool_] = points < share
    return chosen


def decode_traffic(
    lines: Iterable[bytes],
    *,
    since: str | None = None,
    until: str | None = None,
    deployment: str = "",
    complete: bool = True,
) -> CapturedTraffic:
    r"""Put predictions and labels together.

    Parameters
    ----------
    lines : iterable of bytes
        In any order.
    since, until : str, optional
        Only predictions from, and before, these times (UTC text); labels count whenever they came.
    deployment : str, optional
        Its name, by which its services chose the ids to keep.
    complete : bool, default True
        Whether these are all the lines there are.

    Examples
    --------
    >>> lines = [b'{"t":2.0,"id":"17","y":1}', b'{"t":1.0,"id":"17","v":"model:churn@7","in":{"age":41}}', b'{"t":']
    >>> traffic = decode_traffic(lines)
    >>> traffic.frame[["id", "version", "label", "in.age"]].values.tolist(), traffic.skipped
    ([['17', 'churn@7', 1, 41]], 1)
    >>> decode_traffic([b'{"t":2.0,"id":"18","y":1}', *lines]).labels
    LabelCounts(joined=1, elsewhere=0, left_out=0, unknown=1, complete=True)
    """
    begin, end = _epoch(since, -math.inf), _epoch(until, math.inf)
    predictions: list[dict[str, Any]] = []
    labels: dict[str, tuple[float, Any]] = {}
    outside: set[str] = set()
    share, skipped = 1.0, 0
    for line in lines:
        if not line.strip():
            continue
        try:
            document = json.loads(line)
            moment, identity = float(document["t"]), document["id"]
            if "y" in document:
                if identity not in labels or moment >= labels[identity][0]:
                    labels[identity] = (moment, document["y"])
                continue
            share = min(share, float(document.get("c", 1.0)))
            if begin <= moment < end:
                predictions.append(_row(document, moment))
            else:
                outside.add(identity)
        except (ValueError, KeyError, TypeError, AttributeError):
            skipped += 1
    truths = {identity: _read(label) for identity, (_, label) in labels.items()}
    told = {identity for identity, label in truths.items() if label is not None}
    inside = {row["id"] for row in predictions}
    lost = [*(told - inside - outside)]
    # where one service kept fewer than another, an id that the first would have left out may be of it
    left_out = int((~is_captured(lost, share, deployment)).sum()) if lost and share < 1 else 0
    counts = LabelCounts(
        joined=len(told & inside),
        elsewhere=len(told & outside - inside),
        left_out=left_out,
        unknown=len(lost) - left_out,
        complete=complete,
    )
    return CapturedTraffic(frame=_frame(predictions, truths), skipped=skipped, labels=counts)


def _frame(predictions: list[dict[str, Any]], truths: dict[str, Any]) -> pd.DataFrame:
    """Return predictions with their labels, in order of time."""
    import pandas as pd

    predictions.sort(key=lambda row: row["t"])
    for row in predictions:
        row["label"] = truths.get(row["id"])
    frame = frame_of(predictions) if predictions else pd.DataFrame(columns=_FIXED, dtype=object)
    for name in ("output", "scores", "error", "label"):
        held = [row[name] for row in predictions]
        if name != "output" or None in held:  # pandas would turn 1 beside a missing value into 1.0
            frame[name] = pd.Series(held, index=frame.index, dtype=object)
    frame["t"] = pd.to_datetime(frame["t"], unit="s", utc=True)
    return frame


def _read(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"$float"}:
        return float(value["$float"])
    return [_read(item) for item in value] if isinstance(value, list) else value


def _row(document: dict[str, Any], moment: float) -> dict[str, Any]:
    fixed = {
        "t": moment,
        "id": document["id"],
        "version": document["v"].removeprefix(_MODEL),
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
