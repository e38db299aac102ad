"""Points of a run: numbers and text by name, as lines of JSON on a stream of segments.

What a line says stands in `mlcycle.lifecycle.runs._log_lines`. Writers of one run are put together by time; the lines
of one writer keep their order, even if its clock went back.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle._warn import warn
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle.runs._log_lines import decode_line, described, plain_value, spelled, spelled_step
from mlcycle.lifecycle.runs._summary import RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlcycle.lifecycle.runs._log_lines import Value
    from mlcycle.storage import SegmentWriter

__all__ = ["PointsWriter", "RunPoints", "read_points"]

_FAR = 1 << 62  # a step beyond this takes the way on which it is looked at


class PointsWriter:
    """What one process logs to one run; lives and is closed with it. Any thread may log.

    Parameters
    ----------
    writer : SegmentWriter
        Where the lines go.
    strict : bool, optional
        Raise for a value that cannot be a point, instead of counting and warning once per type. Default: as the
        writer.

    Attributes
    ----------
    summary : RunSummary
        What this writer logged so far: the heartbeat of `writer`, if it has one that sums up.
    refused : int
        How many values could not be points.

    Examples
    --------
    >>> from mlcycle.storage._files import open_files
    >>> from mlcycle.storage._streams import SegmentWriter, read_lines
    >>> files = open_files("memory://points-example")
    >>> points = PointsWriter(SegmentWriter(files, "runs/1/", "points-"))
    >>> points.log({"loss": 0.5}, step=1)
    >>> points.log({"loss": 0.31, "correct": True}, step=2)
    >>> points.close()
    >>> found = read_points(read_lines(files, "runs/1/", "points-"))
    >>> found.name, found.step, found.value
    (['loss', 'loss', 'correct'], [1, 2, 2], [0.5, 0.31, 1])
    """

    def __init__(self, writer: SegmentWriter, *, strict: bool | None = None) -> None:
        self._writer = writer
        self._strict = writer.strict if strict is None else strict
        self._told: set[str] = set()
        self._named = writer.writer
        self.summary = writer.heartbeat if isinstance(writer.heartbeat, RunSummary) else RunSummary()
        self.refused = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (self._writer, self._strict)

    @property
    def failures(self) -> int:
        """How often something could not be stored: storage trouble and refused values."""
        return self._writer.failures + self.refused

    def log(self, values: Mapping[str, Any], step: Any = None, more: Mapping[str, Any] | None = None) -> None:
        """Store numbers, or text, by name; what this takes and refuses is told at `ActiveRun.log`.

        Parameters
        ----------
        values : mapping of str to number or str
            What was measured.
        step : int or float, optional
            Where on the way this was.
        more : mapping, optional
            Names beside those of `values`; of one name in both, this counts.

        Raises
        ------
        InvalidInput
            Only if strict, for a value that cannot be a point: an array, ``None``, an object.
        StoreError
            Only if strict, when it could not be stored.
        """
        near = step is None or (type(step) is int and -_FAR < step < _FAR)
        if near and not more and type(values) is dict and len(values) == 1:
            [(name, value)] = values.items()
            # the common case by itself: one number that is finite (inf - inf and nan - nan are not 0)
            if type(value) is float and value - value == 0.0:
                writer, summary = self._writer, self.summary
                with writer.lock:
                    row = summary.rows.get(name)
                    if row is not None and writer.writer is self._named:
                        now = time.time()
                        if now > summary.reached:
                            summary.reached = now
                        row.count += 1
                        row.last, row.step, row.time = value, step, summary.reached
                        if value < row.low:
                            row.low, row.low_step = value, step
                        if value > row.high:
                            row.high, row.high_step = value, step
                        at = "" if step is None else f'"s":{step},'
                        line = f'{{"t":{now:.6f},{at}"m":{{{row.text}:{value!r}}}}}\n'.encode()
                        writer.write(line)
                        summary.since += len(line)
                        if summary.since >= summary.most:
                            writer.write(summary.line())
                        return
        self._log_any(values, step, more)

    def event(self, event: Mapping[str, Any]) -> None:
        """Store that something happened: JSON data with its kind under ``"e"``."""
        try:
            made = {"t": round(time.time(), 6), **event}
            text = json.dumps(made, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            self._refuse(InvalidInput(f"the event {event.get('e')!r} is not JSON: {error}"), once="event")
            return
        with self._writer.lock:
            self._own_summary().happened(made)
            self._write(text.encode() + b"\n")

    def flush(self) -> None:
        """Upload what waits in a spool."""
        self._writer.flush()

    def close(self, *, sync: bool = False) -> None:
        """End the stream of this process; safe to call twice."""
        self._writer.close(sync=sync)

    def _own_summary(self) -> RunSummary:
        """Return what this writer logged; a child made by ``fork`` is another writer, and begins with nothing."""
        if self._writer.writer is not self._named:
            self._named = self._writer.writer
            self.summary.begin()
        return self.summary

    def _write(self, line: bytes) -> None:
        # under the lock of the writer, so that a summary is of exactly those lines that stand before it
        self._writer.write(line)
        summary = self.summary
        summary.since += len(line)
        if summary.since >= summary.most:
            self._writer.write(summary.line())

    def _log_any(self, values: Mapping[str, Any], step: Any, more: Mapping[str, Any] | None) -> None:
        if more or type(values) is not dict:
            try:
                values = {**values, **(more or {})}
            except Exception:  # noqa: BLE001 - whatever stands in for a mapping here
                error = InvalidInput(f"log takes names and values, got {_shown(values)}; write {_remedy(values, step)}")
                self._refuse(error, once="values")
                return
        plain: dict[str, Value] = {}
        wrong: list[tuple[str, InvalidInput]] = []
        for name, value in values.items():
            try:  # most values are Python's own floats, and asking so costs a tenth of the call
                plain[name] = value if type(value) is float and type(name) is str else plain_value(name, value)
            except InvalidInput as refusal:
                wrong.append((type(value).__name__, refusal))
        number, at, trouble = spelled_step(step)
        wrong += [("step", trouble)] if trouble else []
        if plain:
            self._store(plain, number, at)
        for kind, reason in wrong:
            self._refuse(reason, once=kind)
        for name in [name for name, value in plain.items() if isinstance(value, str)]:
            self._tell(
                f"text {name}", f"{name!r} was logged as text; it is kept, and left out of charts and comparisons"
            )

    def _store(self, values: dict[str, Value], step: float | None, at: str) -> None:
        groups: dict[str, list[str]] = {"m": [], "x": []}
        with self._writer.lock:
            summary = self._own_summary()
            now = time.time()
            for name, value in values.items():
                summary.note(name, value, step, now)
                group, text = spelled(value)
                groups[group].append(f"{summary.row(name).text}:{text}")
            parts = [f'"{group}":{{{",".join(pairs)}}}' for group, pairs in groups.items() if pairs]
            self._write(f'{{"t":{now:.6f},{at}{",".join(parts)}}}\n'.encode())

    def _refuse(self, error: InvalidInput, *, once: str) -> None:
        if self._strict:
            raise error
        self.refused += 1
        self._tell(once, f"not logged: {error}")

    def _tell(self, once: str, message: str) -> None:
        if once not in self._told:
            self._told.add(once)
            warn(message)


def _shown(values: Any) -> str:
    return f"{values!r:.80}" if isinstance(values, str) else described(values)


def _remedy(values: Any, step: Any) -> str:
    """Return the call that was meant: a name and its value, one after the other, are taken for values and a step."""
    if not isinstance(values, str):
        return "log(loss=0.31)"
    value = f"{step!r}" if isinstance(step, (int, float)) else "…"
    return f"log({values}={value})" if values.isidentifier() else f"log({{{values!r:.80}: {value}}})"


def _unpickle(writer: SegmentWriter, strict: bool) -> PointsWriter:
    return PointsWriter(writer, strict=strict)


@frozen
class RunPoints:
    """Everything that was logged to a run, in the order of time.

    The first five are columns: one item per value logged. Events are not among them (see `read_summary`).

    Attributes
    ----------
    name, step, value, time, writer : list
        Under which name; at which step, or None; a float, int or str; seconds since 1970, UTC; by whom.
    skipped : int
        Lines that made no sense: torn, or of a newer version.
    heard : float or None
        When the run last wrote anything, by its own clock.
    """

    name: list[str] = field(factory=list)
    step: list[float | None] = field(factory=list)
    value: list[Value] = field(factory=list)
    time: list[float] = field(factory=list)
    writer: list[str] = field(factory=list)
    skipped: int = 0
    heard: float | None = None

    @property
    def count(self) -> int:
        """How many values were logged."""
        return len(self.value)

    @property
    def last(self) -> dict[str, Value]:
        """The last value under each name."""
        return dict(zip(self.name, self.value, strict=True))

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns by name, ready for a data frame."""
        return {"name": self.name, "step": self.step, "value": self.value, "time": self.time, "writer": self.writer}


def read_points(lines: Iterable[bytes | tuple[str, bytes]]) -> RunPoints:
    """Put together what a run logged.

    Parameters
    ----------
    lines : iterable of bytes, or of (writer, bytes)
        As `mlcycle.storage.read_lines` yields them; without writers they are taken to be one writer's.

    Examples
    --------
    >>> lines = [b'{"t":1.0,"m":{"loss":0.5}}', b'{"t":2.0,"m":{"lo', b'{"t":3.0,"m":{"loss":{"$float":"NaN"}}}']
    >>> found = read_points(lines)
    >>> found.last, found.skipped, found.heard
    ({'loss': nan}, 1, 3.0)
    """
    rows: list[tuple[float, str, float | None, Value, float, str]] = []
    reached: dict[str, float] = {}
    skipped = 0
    for line in lines:
        writer, text = ("", line) if isinstance(line, bytes) else line
        try:
            moment, step, values, _ = decode_line(text)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
            skipped += 1
            continue
        # a clock that went back must not change the order in which one process logged
        order = reached[writer] = max(moment, reached.get(writer, moment))
        rows.extend((order, name, step, value, moment, writer) for name, value in values)
    rows.sort(key=_first)
    return RunPoints(
        name=[row[1] for row in rows],
        step=[row[2] for row in rows],
        value=[row[3] for row in rows],
        time=[row[4] for row in rows],
        writer=[row[5] for row in rows],
        skipped=skipped,
        heard=max(reached.values(), default=None),
    )


def _first(row: tuple[Any, ...]) -> float:
    moment: float = row[0]
    return moment
