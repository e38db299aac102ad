"""One line of what a run logs: how values of any library become JSON, and how a line is read.

One line is one object. ``t`` is the time in seconds since 1970, UTC; ``s``, where there was one, the step::

    {"t": 1764000000.25, "s": 10, "m": {"loss": 0.31, "correct": 17}}    numbers
    {"t": 1764000001.25, "m": {"loss": {"$float": "NaN"}}}               what is not finite, which JSON cannot say
    {"t": 1764000002.25, "x": {"note": "warmed up"}}                     text

A line may have both ``m`` and ``x``. Everything else that happens to a run has its kind in ``e``::

    {"t": 1764000003.25, "e": "artifact", "name": "curve", "file": {"key": ..., "size": ..., ...}}
    {"t": 1764000004.25, "e": "model", ...}
    {"t": 1764000005.25, "e": "read", "ref": "dataset:customers.train@3"}
    {"t": 1764000064.25, "e": "beat"}                                    still alive
    {"t": 1764000124.25, "e": "beat", "summary": {...}, "events": [...]} and what came before, in short

The last is explained in `mlcycle.lifecycle.runs._summary`. Lines that are none of this (torn by a death or a full
disk, or of a newer version) are skipped and counted; unknown fields are left alone.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from mlcycle._digest import json_number, json_text, json_value
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Value",
    "decode_line",
    "decode_values",
    "described",
    "encode_values",
    "plain_value",
    "spelled",
    "spelled_step",
    "value_json",
]

Value = float | int | str

_LONGEST_TEXT = 65_536  # characters; what is longer is a file, not a point
_NO_NUMBERS = frozenset("cmM")  # complex, durations, moments: numpy gives a part of them, or a bare count
_LARGEST_INT_BITS = 1023  # an integer beyond this is no number to anybody who reads it as a float


def encode_values(values: Mapping[str, Value]) -> dict[str, Any]:
    """Return values as JSON can hold them: what is not finite becomes ``{"$float": "NaN"}``.

    Examples
    --------
    >>> encode_values({"loss": float("inf"), "step": 3})
    {'loss': {'$float': 'Infinity'}, 'step': 3}
    >>> decode_values(encode_values({"loss": float("inf"), "step": 3}))
    {'loss': inf, 'step': 3}
    """
    return {json_text(name): value_json(value) for name, value in values.items()}


def value_json(value: Value) -> Any:
    """Return one value as JSON can hold it."""
    return json_text(value) if isinstance(value, str) else json_number(value) if isinstance(value, float) else value


def decode_values(document: Mapping[str, Any]) -> dict[str, Value]:
    """Return the values that `encode_values` wrote; ValueError for one that is neither a number nor text."""
    return {name: value if isinstance(value, str) else _number(value) for name, value in document.items()}


def plain_value(name: Any, value: Any) -> Value:
    """Return the value as plain Python has it, or say why it is no point."""
    if not isinstance(name, str):
        raise InvalidInput(f"the name of a point is text, got {described(name)}")
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
        raise InvalidInput(f"{name!r:.80}: a point is a number or short text, got {described(value)}; {remedy}")
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
            return plain_value("", inner)
        found = float(inner) if hasattr(type(inner), "__float__") else None
        # what is beyond the largest float, of a decimal or of extended precision, is no infinity
        return None if found is not None and math.isinf(found) and inner != found else found
    except Exception:  # noqa: BLE001 - foreign code, and a training must go on
        return None


def described(value: Any) -> str:
    """Say in a few words what somebody passed."""
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


def spelled(value: Value) -> tuple[str, str]:
    """Return the group of a line that a value belongs to, and its JSON."""
    if isinstance(value, str):
        return "x", json.dumps(json_text(value))
    if isinstance(value, float) and not math.isfinite(value):
        return "m", json.dumps(json_number(value), separators=(",", ":"))
    return "m", repr(value)


def spelled_step(step: Any) -> tuple[float | None, str, InvalidInput | None]:
    """Return a step as a plain number, its part of a line, and what is wrong with it."""
    if step is None:
        return None, "", None
    try:
        plain = plain_value("step", step)
    except InvalidInput as error:
        return None, "", error
    if isinstance(plain, str) or not math.isfinite(plain):
        wrong = InvalidInput(f"'step': a step is a number, got {plain!r:.80}; the values were logged without it")
        return None, "", wrong
    return plain, f'"s":{plain!r},', None


def decode_line(line: bytes) -> tuple[float, float | None, list[tuple[str, Value]], dict[str, Any] | None]:
    """Return time, step, values by name, and the event of a line; ValueError and its like for what is no line.

    Examples
    --------
    >>> decode_line(b'{"t":1.5,"s":3,"m":{"loss":{"$float":"NaN"}}}')
    (1.5, 3, [('loss', nan)], None)
    """
    document = _parse(line.decode())
    moment, step = document["t"], document.get("s")
    if type(moment) not in (float, int) or type(step) not in (float, int, type(None)):
        raise ValueError("a time or a step that is not a number")
    values: list[tuple[str, Value]] = [(name, _number(value)) for name, value in document.get("m", {}).items()]
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


def _number(value: Any) -> float | int:
    found = value if type(value) in (float, int) else json_value(value)
    if type(found) not in (float, int):
        raise ValueError("a number that is none")
    number: float | int = found
    return number


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


_parse = json.JSONDecoder(parse_constant=_refuse_constant).decode
