"""What is said of an exception: in one line of a warning, and in full with a run that failed."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from mlcycle._digest import json_text
from mlcycle._text import plainly
from mlcycle.errors import MlcycleError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["error_text", "traceback_text"]

_MOST_SAID = 500
_MOST_TRACEBACK = 100_000  # characters; some libraries put a whole table into their message
_FIRST = 20_000  # of them; the rest is the end, where the cause stands


def error_text(error: BaseException) -> str:
    """Return the message of an exception in short, with its class where it is not ours; never raises.

    Examples
    --------
    >>> error_text(KeyError("age"))
    "KeyError: 'age'"
    """
    try:
        with plainly():
            text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - a message that cannot be made, of foreign code
        text = "it has no message that can be read"
    if not isinstance(error, MlcycleError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return json_text(text if len(text) <= _MOST_SAID else f"{text[:_MOST_SAID]}…")


def traceback_text(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> str:
    """Return the traceback of an exception with its causes, cut in the middle where it is very long; never raises."""
    try:
        with plainly():
            text = "".join(traceback.format_exception(kind, error, trace))
    except Exception as trouble:  # noqa: BLE001 - the exception of a training is foreign code too
        text = f"{kind.__module__}.{kind.__qualname__} (its traceback could not be written: {error_text(trouble)})\n"
    if len(text) > _MOST_TRACEBACK:
        cut = len(text) - _MOST_TRACEBACK
        text = f"{text[:_FIRST]}\n… {cut} characters left out …\n{text[_FIRST + cut :]}"
    return json_text(text)
