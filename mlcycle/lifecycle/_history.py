"""The log as a table for people: who did what, when and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsIndex

from mlcycle.errors import InvalidInput
from mlcycle.lifecycle._words import in_words

if TYPE_CHECKING:
    import pandas as pd

    from mlcycle.lifecycle._session import Session

__all__ = ["history_frame"]


def history_frame(session: Session, limit: int | None) -> pd.DataFrame:
    """Return the entries a session sees, oldest first, with their changes in words."""
    import pandas as pd

    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, SupportsIndex) or limit.__index__() < 0):
        raise InvalidInput(f"limit is how many entries to show, a whole number of 0 or more, got {limit!r:.80}")
    with session.view() as view:
        newest = view.n
    start = 0 if limit is None else max(0, newest + 1 - limit)
    rows = [
        {
            "entry": entry["n"],
            "at": pd.Timestamp(entry["at"]),
            "author": entry["author"],
            "what": in_words(entry["changes"]),
            "message": entry["message"],
        }
        for entry in session.log.entries(start, newest + 1)
    ]
    return pd.DataFrame(rows, columns=["entry", "at", "author", "what", "message"]).set_index("entry")
