"""What one writer of a run has logged so far, in a few words a name; written among its lines.

A heartbeat after something was logged, and one line about every 64 KB, says what all lines of that writer before it
come to::

    {"t": 1764000064.25, "e": "beat",
     "summary": {"loss": {"count": 120, "last": [0.31, 119, 1764000064.0], "min": [0.30, 117], "max": [1.2, 0]}},
     "events": [{"t": 1764000003.25, "e": "artifact", "name": "curve", "file": {...}}]}

``last`` is the value, its step (null without one) and its time, ``min`` and ``max`` the value and the step where it
first stood; text, and names of which nothing but NaN was logged, have neither. ``events`` holds the newest event of
each artifact, that of the model, and one of each version that was read, as they were written. So who wants a table of
runs reads the end of each writer's bytes, up to the last such line, and no more.
"""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING, Any

from mlcycle import storage
from mlcycle._digest import json_text
from mlcycle.lifecycle.runs._log_lines import decode_line, decode_values, value_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlcycle.lifecycle.runs._log_lines import Value

__all__ = ["RunSummary", "read_summary"]

_EVERY = 65_536  # bytes of lines between two summaries: about a thousand points, which a reader takes in at once
_SHARE = 8  # times its own size, where a summary of many names is large: an eighth of what is written at most
_WINDOWS = (2 * _EVERY, 32 * _EVERY, 512 * _EVERY)  # a reader looks at so many bytes before it takes up the whole
_NO_LINE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)


class _Row:
    """One name: how often, the last value, the extremes."""

    __slots__ = ("count", "high", "high_step", "last", "low", "low_step", "step", "text", "time")

    def __init__(self, name: str) -> None:
        self.text = json.dumps(json_text(name))
        self.count = 0
        self.last: Value = math.nan
        self.low, self.high = math.inf, -math.inf
        self.step: float | None = None
        self.low_step: float | None = None
        self.high_step: float | None = None
        self.time = -math.inf

    def note(self, value: Any, step: float | None, moment: float) -> None:
        self.count += 1
        self.last = value
        self.step = step
        self.time = moment
        if value < self.low:  # of NaN neither is true
            self.low, self.low_step = value, step
        if value > self.high:
            self.high, self.high_step = value, step

    def note_text(self, value: str, step: float | None, moment: float) -> None:
        self.count += 1
        self.last, self.step, self.time = value, step, moment

    def add(self, other: _Row) -> None:
        """Take in what another writer says under the same name."""
        self.count += other.count
        if other.time >= self.time:
            self.last, self.step, self.time = other.last, other.step, other.time
        if other.low < self.low:
            self.low, self.low_step = other.low, other.low_step
        if other.high > self.high:
            self.high, self.high_step = other.high, other.high_step

    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = {"count": self.count, "last": [value_json(self.last), self.step, self.time]}
        if self.low <= self.high:
            made |= {"min": [value_json(self.low), self.low_step], "max": [value_json(self.high), self.high_step]}
        return made

    @classmethod
    def read(cls, name: str, document: dict[str, Any]) -> _Row:
        row = cls(name)
        row.count = document["count"]
        if type(row.count) is not int:
            raise ValueError("a count that is not a whole number")
        last, row.step, row.time = document["last"]
        [row.last] = decode_values({name: last}).values()
        if "min" in document:
            (low, row.low_step), (high, row.high_step) = document["min"], document["max"]
            row.low, row.high = map(float, decode_values({"low": low, "high": high}).values())
        return row


class RunSummary:
    """What was logged so far; called, it gives the heartbeat of a `SegmentWriter`.

    Attributes
    ----------
    rows : dict
        By name, in the order in which they came.
    reached : float
        The latest time so far.
    since : int
        Bytes of lines since the last summary among them.
    most : int
        So many are enough for the next.

    Examples
    --------
    >>> summary = RunSummary()
    >>> summary.note("loss", 0.5, 1, 10.0)
    >>> summary.note("loss", 0.31, 2, 11.0)
    >>> summary.last, summary.count
    ({'loss': 0.31}, 2)
    """

    def __init__(self) -> None:
        self.begin()

    def __reduce__(self) -> tuple[Any, ...]:
        return RunSummary, ()  # a writer sent to another process is another writer, and says nothing of this one

    def __call__(self) -> bytes:
        return self.line() if self.since else b'{"t":%.6f,"e":"beat"}\n' % time.time()

    def begin(self) -> None:
        """Forget everything: what comes is another writer's."""
        self.rows: dict[str, _Row] = {}
        self._events: dict[tuple[str, str], dict[str, Any]] = {}
        self.reached = -math.inf
        self.since, self.most = 0, _EVERY

    def row(self, name: str) -> _Row:
        """Return what is known under a name, which may be nothing yet."""
        found = self.rows.get(name)
        if found is None:
            found = self.rows[name] = _Row(name)
        return found

    def note(self, name: str, value: Value, step: float | None, moment: float) -> None:
        """Take in one value."""
        # a clock that went back must not change the order in which one process logged
        self.reached = max(self.reached, moment)
        if isinstance(value, str):
            self.row(name).note_text(value, step, self.reached)
        else:
            self.row(name).note(value, step, self.reached)

    def happened(self, event: dict[str, Any]) -> None:
        """Take in an event; of each artifact, of the model, and of each version that was read, the newest counts."""
        if event["e"] == "artifact" and {"name", "file"} <= {*event}:
            self._events["artifact", str(event["name"])] = event
        elif event["e"] == "model":
            self._events["model", ""] = event
        elif event["e"] == "read" and isinstance(event.get("ref"), str):
            self._events["read", event["ref"]] = event

    def line(self) -> bytes:
        """Return the line, and count from here."""
        made: dict[str, Any] = {"t": round(time.time(), 6), "e": "beat"}
        made["summary"] = {json_text(name): row.document() for name, row in self.rows.items()}
        if self._events:
            made["events"] = list(self._events.values())
        line = json.dumps(made, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        self.since, self.most = 0, max(_EVERY, _SHARE * len(line))
        return line

    def take(self, line: bytes) -> None:
        """Take in a line that was written, or pass over what is none."""
        try:
            moment, step, values, event = decode_line(line)
        except _NO_LINE:
            return
        self.reached = max(self.reached, moment)
        for name, value in values:
            self.note(name, value, step, moment)
        if event is not None:
            self.happened(event)

    def add(self, other: RunSummary) -> None:
        """Take in what another writer logged to the same run; of equal times, the other's is the later."""
        for name, row in other.rows.items():
            self.row(name).add(row)
        for key, event in other._events.items():
            if key not in self._events or event["t"] >= self._events[key]["t"]:
                self._events[key] = event

    @classmethod
    def read(cls, line: bytes) -> RunSummary | None:
        """Return what a line sums up; None if it is another line."""
        if b'"summary":' not in line:
            return None
        try:
            moment, _, _, document = decode_line(line)
            if document is None or document["e"] != "beat":
                return None
            made = cls()
            made.rows = {name: _Row.read(name, row) for name, row in document["summary"].items()}
            for event in document.get("events", []):
                made.happened(event)
            made.reached = max([moment, *(row.time for row in made.rows.values())])
        except _NO_LINE:
            return None
        return made

    @property
    def count(self) -> int:
        """How many values were logged."""
        return sum(row.count for row in self.rows.values())

    @property
    def last(self) -> dict[str, Value]:
        """The last value under each name."""
        return {name: row.last for name, row in self.rows.items()}

    def kept(self) -> dict[str, Any]:
        """Return what the events come to: ``reads`` (full refs), ``artifacts`` (files by name), the last ``model``."""
        made: dict[str, Any] = {"reads": [], "artifacts": {}, "model": None}
        for (kind, name), event in self._events.items():
            if kind == "read":
                made["reads"].append(name)
            elif kind == "artifact":
                made["artifacts"][name] = event["file"]
            else:
                made["model"] = {key: value for key, value in event.items() if key not in ("t", "e")}
        return made


def read_summary(
    files: storage.Readable, prefix: str, stem: str, *, listed: Iterable[storage.Listed] | None = None
) -> RunSummary:
    """Return what a run has logged, by all its writers, from the ends of their bytes.

    Examples
    --------
    >>> from mlcycle.storage import SegmentWriter, open_files
    >>> files = open_files("memory://summary-example")
    >>> writer = SegmentWriter(files, "runs/1/", "points-")
    >>> writer.write(b'{"t":1.0,"m":{"loss":0.5}}')
    >>> writer.close()
    >>> read_summary(files, "runs/1/", "points-").last
    {'loss': 0.5}
    """
    together = RunSummary()
    for pieces in storage.segments(files, prefix, stem, listed=listed).values():
        together.add(_of_writer(files, pieces))
    return together


def _of_writer(files: storage.Readable, pieces: list[Any]) -> RunSummary:
    for window in _WINDOWS:
        lines, whole = storage.read_tail(files, pieces, window)
        for at in range(len(lines) - 1, -1, -1):
            if (found := RunSummary.read(lines[at])) is not None:
                return _taking(found, lines[at + 1 :])
        if whole:
            return _taking(RunSummary(), lines)
    return _taking(RunSummary(), storage.lines_of(files, pieces))


def _taking(summary: RunSummary, lines: Iterable[bytes]) -> RunSummary:
    for line in lines:
        summary.take(line)
    return summary
