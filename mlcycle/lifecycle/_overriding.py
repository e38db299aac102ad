"""Passing a gate all the same: the record of an override, from what a verb is given."""

from __future__ import annotations

from typing import Any

from mlcycle import records
from mlcycle._digest import json_text
from mlcycle._times import parse_time
from mlcycle.errors import InvalidInput

__all__ = ["override_of"]


def override_of(until: Any, message: str, author: str) -> records.Override | None:
    """Return the override that a verb's arguments give; None where they give none.

    Parameters
    ----------
    until : str, date, datetime or timedelta, one of numpy or pandas, or None
        Its last moment. One in the past is an override too, which lets nothing through.
    message : str
        Why: what the history says of the whole operation.
    author : str
        Who commits.

    Raises
    ------
    InvalidInput
        When `until` is not a moment, or nothing is said for why.

    Examples
    --------
    >>> override_of("2026-12-31", "pilot in one shop only", "ada").until
    '2026-12-31T23:59:59.999999Z'
    >>> override_of(None, "the usual", "ada") is None
    True
    """
    if until is None:
        return None
    try:
        end = parse_time(until, ahead=True)
    except InvalidInput as error:
        raise InvalidInput(f"override_until= is the last moment of an override: {error}") from None
    if not isinstance(message, str) or not message.strip():
        raise InvalidInput("override_until= lets this pass a gate that blocks, so say why: message='…'")
    return records.Override(message=json_text(message), until=end, author=author)
