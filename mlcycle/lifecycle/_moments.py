"""Which entry of the log a person means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._ids import parse_time
from mlcycle.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from mlcycle.lifecycle._session import Session

__all__ = ["entry_number"]


def entry_number(session: Session, moment: Any) -> int:
    """Return the entry meant by a number, a tag, a date or a time."""
    with session.view() as view:
        if isinstance(moment, bool):
            raise InvalidInput(f"an entry is a number, a tag or a date, got {moment!r}")
        if isinstance(moment, int):
            if not 0 <= moment <= view.n:
                raise NotFound(f"the log has entries 0 to {view.n}, not {moment}")
            return moment
        tags = dict(view.logical["tags"])
    if isinstance(moment, str) and moment in tags:
        return int(tags[moment])
    try:
        instant = parse_time(moment)
    except (InvalidInput, AttributeError, TypeError) as error:
        known = f"the tags are {', '.join(sorted(tags))}" if tags else "there are no tags"
        raise NotFound(f"{moment!r} is no entry number, tag or date; {known}") from error
    number = session.log.number_at(instant)
    if number < 0:
        raise NotFound(f"the project had not begun on {moment}; its first entry is of {session.log.entry(0)['at']}")
    return number
