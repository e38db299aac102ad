"""Points of a run: numbers and text by name, as lines of JSON on a stream of segments.

One line is one object. ``t`` is the time in seconds since 1970, UTC; ``s``, where there was one, the step::

    {"t": 1764000000.25, "s": 10, "m": {"loss": 0.31, "correct": 17}}    finite numbers
    {"t": 1764000001.25, "f": {"loss": "nan"}}                           "nan", "inf" or "-inf", which JSON cannot say
    {"t": 1764000002.25, "x": {"note": "warmed up"}}                     text

A line may have any of ``m``, ``f`` and ``x``. Everything else that happens to a run has its kind in ``e``::

    {"t": 1764000003.25, "e": "artifact", "name": "curve", "file": {"key": ..., "size": ..., ...}}
    {"t": 1764000004.25, "e": "model", ...}
    {"t": 1764000064.25, "e": "beat"}                                    still alive

Lines that are none of this (torn by a death or a full disk, or of a newer version) are skipped and counted; unknown
fields are left alone. Writers of one run are put together by time; the lines of one writer keep their order, even if
its clock went back.
"""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle._digest import json_number, json_text
from mlcycle._warn import warn
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlcycle.storage._streams import SegmentWriter

__all__ = ["Points", "PointsWriter", "Value", "beat", "from_json", "read_points", "to_json"]

Value = float | int | str

_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_LONGEST_TEXT = 65_536  # characters; what is longer is a file, not a point
_NO_NUMBERS = frozenset("cmM")  # complex, durations, moments: numpy gives a part of them, or a bare count
_MANY_NAMES = 10_000  # after which the memory for encoded names is emptied
_LARGEST_INT_BITS = 1023  # an integer beyond this is no number to anybody who reads it as a float
_FAR = 1 << 62  # a step beyond this takes the way on which it is looked at


def beat() -> bytes:
    """Return the line that says the run is still alive, for `SegmentWriter`."""
    return b'{"t":%.6f,"e":"beat"}\n' % time.time()


def to_json(values: Mapping[str, Value]) -> dict[str, Any]:
    """Return values as JSON can hold them: what is not finite becomes ``{"$float": "NaN"}``.

    Examples
    --------
    >>> to_json({"loss": float("inf"), "step": 3})
    {'loss': {'$float': 'Infinity'}, 'step': 3}
    >>> from_json(to_json({"loss": float("inf"), "step": 3}))
    {'loss': inf, 'step': 3}
    """
    made: dict[str, Any] = {}
    for name, value in values.items():
        plain = json_text(value) if isinstance(value, str) else value
        made[json_text(name)] = json_number(plain) if isinstance(plain, float) else plain
    return made


def from_json(document: Mapping[str, Any]) -> dict[str, Value]:
    """Return the values that `to_json` wrote."""
    return {name: float(value["$float"]) if isinstance(value, dict) else value for name, value in document.items()}


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
    last : dict
        The last value logged under each name, by this process.
    count : int
        How many values were logged, by this process.
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
        self._write = writer.write
        self._strict = writer.strict if strict is None else strict
        self._names: dict[str, str] = {}
        self._told: set[str] = set()
        self.last: dict[str, Value] = {}
        self.count = 0
        self.refused = 0

    @property
    def failures(self) -> int:
        """How often something could not be stored: storage trouble and refused values."""
        return self._writer.failures + self.refused

    def log(self, values: Mapping[str, Any], step: float | None = None) -> None:
        """Store numbers, or text, by name.

        Parameters
        ----------
        values : mapping of str to number or str
            numpy scalars and tensors without dimensions are numbers, truth values are 0 and 1, NaN and infinities are
            kept.
        step : int or float, optional
            Where on the way this was.

        Raises
        ------
        InvalidInput
            Only if strict, for a value that is no point: an array, ``None``, an object.
        StoreError
            Only if strict, when it could not be stored.
        """
        if len(values) == 1 and (step is None or (type(step) is int and -_FAR < step < _FAR)):
            [(name, value)] = values.items()
            # the common case by itself: one number that is finite (inf - inf and nan - nan are not 0)
            if type(value) is float and value - value == 0.0 and name in self._names:
                self.last[name] = value
                self.count += 1
                at = "" if step is None else f'"s":{step},'
                self._write(f'{{"t":{time.time():.6f},{at}"m":{{{self._names[name]}:{value!r}}}}}\n'.encode())
                return
        self._log_any(values, step)

    def log_values(self, values: Mapping[str, Any] | None = None, /, step: float | None = None, **more: Any) -> None:
        """Log numbers, or text, by name: ``log(loss=0.31, step=10)``, or ``log({"val/loss": 0.31}, 10)``.

        Parameters
        ----------
        values : mapping, optional
            Names that are no Python names, or that are made as one goes.
        step : int or float, optional
            Where on the way this was.
        **more : number or str
            Names and values.

        See Also
        --------
        PointsWriter.log : says what is a number, and what happens to what is none.
        """
        if values is None:
            self.log(more, step)
            return
        try:
            merged = {**values, **more}
        except Exception:  # noqa: BLE001 - whatever stands in for a mapping here
            wrong = InvalidInput(f"log takes names and values, got {_described(values)}; write log(loss=0.31)")
            self._refuse(wrong, once="values")
            return
        self.log(merged, step)

    def event(self, event: Mapping[str, Any]) -> None:
        """Store that something happened: JSON data with its kind under ``"e"``."""
        try:
            text = json.dumps({"t": round(time.time(), 6), **event}, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            self._refuse(InvalidInput(f"the event {event.get('e')!r} is not JSON: {error}"), once="event")
            return
        self._write(text.encode() + b"\n")

    def flush(self) -> None:
        """Upload what waits in a spool."""
        self._writer.flush()

    def close(self, *, sync: bool = False) -> None:
        """End the stream of this process; safe to call twice."""
        self._writer.close(sync=sync)

    def _log_any(self, values: Mapping[str, Any], step: Any) -> None:
        groups: dict[str, list[str]] = {"m": [], "f": [], "x": []}
        wrong: list[tuple[str, InvalidInput]] = []
        texts: list[str] = []
        for name, value in values.items():
            try:
                plain = _plain(name, value)
            except InvalidInput as error:
                wrong.append((type(value).__name__, error))
                continue
            group, text = _spelled(plain)
            groups[group].append(f"{self._encoded(name)}:{text}")
            if group == "x":
                texts.append(name)
            self.last[name] = plain
            self.count += 1
        at, trouble = _step(step)
        wrong += [("step", trouble)] if trouble else []
        parts = [f'"{group}":{{{",".join(pairs)}}}' for group, pairs in groups.items() if pairs]
        if parts:
            self._write(f'{{"t":{time.time():.6f},{at}{",".join(parts)}}}\n'.encode())
        for kind, reason in wrong:
            self._refuse(reason, once=kind)
        for name in texts:
            self._tell(
                f"text {name}", f"{name!r} was logged as text; it is kept, and left out of charts and comparisons"
            )

    def _encoded(self, name: str) -> str:
        text = self._names.get(name)
        if text is None:
            if len(self._names) >= _MANY_NAMES:
                self._names.clear()
            text = self._names[name] = json.dumps(json_text(name))
        return text

    def _refuse(self, error: InvalidInput, *, once: str) -> None:
        if self._strict:
            raise error
        self.refused += 1
        self._tell(once, f"not logged: {error}")

    def _tell(self, once: str, message: str) -> None:
        if once not in self._told:
            self._told.add(once)
            warn(message)


def _plain(name: Any, value: Any) -> Value:
    """Return the value as plain Python has it, or say why it is no point."""
    if not isinstance(name, str):
        raise InvalidInput(f"the name of a point is text, got {_described(name)}")
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT:
        return str(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int) and value.bit_length() <= _LARGEST_INT_BITS:
        return int(value)
    found = _number_inside(value)
    if found is None:
        remedy = "log one number, such as its mean, and keep the whole with log_artifact"
        if value is None:
            remedy = "leave out what is not known"
        raise InvalidInput(f"{name!r:.80}: a point is a number or short text, got {_described(value)}; {remedy}")
    return found


def _number_inside(value: Any) -> Value | None:
    """Unwrap numpy scalars, tensors without dimensions, decimals and fractions."""
    try:
        if isinstance(value, (str, bytes, int)) or getattr(value, "ndim", 0) != 0:
            return None
        if getattr(getattr(value, "dtype", None), "kind", "") in _NO_NUMBERS:
            return None
        inner = value.item() if hasattr(value, "item") else value
        if isinstance(inner, (bool, int, float, str)):
            return _plain("", inner)
        found = float(inner) if hasattr(type(inner), "__float__") else None
        # what is beyond the largest float, of a decimal or of extended precision, is no infinity
        return None if found is not None and math.isinf(found) and inner != found else found
    except Exception:  # noqa: BLE001 - foreign code, and a training must go on
        return None


def _described(value: Any) -> str:
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    if isinstance(value, int) and value.bit_length() > _LARGEST_INT_BITS:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, int):
        return f"{type(value).__name__} {value!r:.40}"
    try:
        shape = getattr(value, "shape", None)
    except Exception:  # noqa: BLE001 - foreign code
        shape = None
    return type(value).__name__ + (f" of shape {tuple(shape)}" if isinstance(shape, tuple) else "")


def _spelled(value: Value) -> tuple[str, str]:
    """Return the group of a line that a value belongs to, and its JSON."""
    if isinstance(value, str):
        return "x", json.dumps(json_text(value))
    if isinstance(value, float) and not math.isfinite(value):
        return "f", f'"{value!r}"'
    return "m", repr(value)


def _step(step: Any) -> tuple[str, InvalidInput | None]:
    if step is None:
        return "", None
    try:
        plain = _plain("step", step)
    except InvalidInput as error:
        return "", error
    if isinstance(plain, str) or not math.isfinite(plain):
        return "", InvalidInput(f"'step': a step is a number, got {plain!r:.80}; the values were logged without it")
    return f'"s":{plain!r},', None


@frozen
class Points:
    """Everything that was logged to a run, in the order of time.

    The first five are columns: one item per value logged.

    Attributes
    ----------
    name, step, value, time, writer : list
        Under which name; at which step, or None; a float, int or str; seconds since 1970, UTC; by whom.
    events : list of dict
        What else happened, as it was written; heartbeats are left out.
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
    events: list[dict[str, Any]] = field(factory=list)
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

    @property
    def artifacts(self) -> dict[str, dict[str, Any]]:
        """The file of each artifact, by name; the later one counts."""
        return {
            one["name"]: one["file"] for one in self.events if one["e"] == "artifact" and {"name", "file"} <= {*one}
        }

    @property
    def model(self) -> dict[str, Any] | None:
        """What the last event of kind ``model`` said, or None."""
        found = [one for one in self.events if one["e"] == "model"]
        return {key: value for key, value in found[-1].items() if key not in ("t", "e")} if found else None

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns by name, ready for a data frame."""
        return {"name": self.name, "step": self.step, "value": self.value, "time": self.time, "writer": self.writer}


def read_points(lines: Iterable[bytes | tuple[str, bytes]]) -> Points:
    """Put together what a run logged.

    Parameters
    ----------
    lines : iterable of bytes, or of (writer, bytes)
        As `mlcycle.storage.read_lines` yields them; without writers they are taken to be one writer's.

    Examples
    --------
    >>> found = read_points([b'{"t":1.0,"m":{"loss":0.5}}', b'{"t":2.0,"m":{"lo', b'{"t":3.0,"f":{"loss":"nan"}}'])
    >>> found.last, found.skipped, found.heard
    ({'loss': nan}, 1, 3.0)
    """
    rows: list[tuple[float, str, float | None, Value, float, str]] = []
    events: list[tuple[float, dict[str, Any]]] = []
    reached: dict[str, float] = {}
    skipped = 0
    for line in lines:
        writer, text = ("", line) if isinstance(line, bytes) else line
        try:
            moment, step, values, event = _decode(text)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            skipped += 1
            continue
        # a clock that went back must not change the order in which one process logged
        order = reached[writer] = max(moment, reached.get(writer, moment))
        rows.extend((order, name, step, value, moment, writer) for name, value in values)
        if event is not None and event["e"] != "beat":
            events.append((order, event))
    rows.sort(key=_first)
    events.sort(key=_first)
    return Points(
        name=[row[1] for row in rows],
        step=[row[2] for row in rows],
        value=[row[3] for row in rows],
        time=[row[4] for row in rows],
        writer=[row[5] for row in rows],
        events=[event for _, event in events],
        skipped=skipped,
        heard=max(reached.values(), default=None),
    )


def _first(row: tuple[Any, ...]) -> float:
    moment: float = row[0]
    return moment


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


_parse = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _decode(line: bytes) -> tuple[float, float | None, list[tuple[str, Value]], dict[str, Any] | None]:
    document = _parse(line.decode())
    moment, step = document["t"], document.get("s")
    if type(moment) not in (float, int) or type(step) not in (float, int, type(None)):
        raise ValueError("a time or a step that is not a number")
    values: list[tuple[str, Value]] = []
    for name, value in document.get("m", {}).items():
        if type(value) not in (float, int):
            raise ValueError("a number that is none")
        values.append((name, value))
    values.extend((name, _NOT_FINITE[value]) for name, value in document.get("f", {}).items())
    for name, value in document.get("x", {}).items():
        if type(value) is not str:
            raise ValueError("text that is none")
        values.append((name, value))
    event = document if isinstance(document.get("e"), str) else None
    if not values and event is None:
        raise ValueError("a line that says nothing")
    if not math.isfinite(moment):
        raise ValueError("a time that is not finite")
    return float(moment), step, values, event
