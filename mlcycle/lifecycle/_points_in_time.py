"""Which entry of the log, and which window of time, a person means."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

from mlcycle._ids import now
from mlcycle._times import parse_time
from mlcycle.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from mlcycle._times import Day
    from mlcycle.state import View
    from mlcycle.storage import Log

__all__ = ["entry_number", "first_entry", "time_window"]


def time_window(since: Any, until: Any) -> tuple[str | None, str | None]:
    """Return where a window begins and ends, as UTC text: a bare date is in it from its first moment to its last.

    Raises
    ------
    InvalidInput
        For what is not a moment, a beginning still to come, or an end before the beginning.
    """
    start = None if since is None else parse_time(since, day="first")
    end = None if until is None else parse_time(until)
    if start is not None:
        _check_begun(start, since)
    if start is not None and end is not None and end < start:
        raise InvalidInput(f"until {until!s} is before since {since!s}, so nothing lies between; swap them")
    return start, end


def _check_begun(start: str, since: Any) -> None:
    """Refuse a beginning still to come: the machine's clock may be ahead of UTC, and all would be empty, unsaid."""
    if start > (moment := now()):
        raise InvalidInput(
            f"{since!s} has not begun in UTC, where it is {moment[:16]}; give its offset, such as +01:00, or say '24h'"
        )


def entry_number(log: Log, view: View, moment: Any) -> int:
    """Return the entry meant by a number, a tag, a date, a time or a span back from now."""
    named = _named(view, moment)
    if named is not None:
        return named
    instant = _instant(view, moment)
    number = log.number_at(instant)
    if number < 0:
        first = log.entry(0)["at"]
        raise NotFound(f"the project had not begun at {instant[:19]}Z ({moment!s}); its first entry is of {first}")
    return number


def first_entry(log: Log, view: View, since: Any) -> int:
    """Return the first entry since a moment as in `entry_number`; that of a number or a tag is the first itself.

    A bare date is meant from its beginning, and one before the project began means all of it.

    Raises
    ------
    InvalidInput
        For a beginning still to come.
    """
    named = _named(view, since)
    if named is not None:
        return named
    instant = _instant(view, since, "first")
    _check_begun(instant, since)
    number = log.number_at(instant)
    while number >= 0 and log.entry(number)["at"] == instant:  # several entries may be of one moment
        number -= 1
    return number + 1


def _named(view: View, moment: Any) -> int | None:
    """Return the entry a number or a tag names, None for what is neither."""
    if isinstance(moment, bool):
        raise InvalidInput(f"an entry is a number, a tag or a date, got {moment!r}")
    if isinstance(moment, Integral):
        if not 0 <= int(moment) <= view.n:
            raise NotFound(f"the log has entries 0 to {view.n}, not {moment}")
        return int(moment)
    return view.tag(moment) if isinstance(moment, str) else None


def _instant(view: View, moment: Any, day: Day = "last") -> str:
    """Return the instant of what is no entry number, or say that it is no tag either."""
    try:
        return parse_time(moment, day=day)
    except InvalidInput as error:
        tags = view.tags()
        known = f"the tags are {', '.join(sorted(tags))}" if tags else "there are no tags"
        raise NotFound(f"{moment!r} is not an entry number or a tag; {known}; {error}") from error
