"""The log as a table for people: who did what, when and why."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

from mlcycle.errors import InvalidInput
from mlcycle.state import in_words

if TYPE_CHECKING:
    import pandas as pd

    from mlcycle.lifecycle._session import Session

__all__ = ["history_frame"]


def history_frame(session: Session, limit: int | None) -> pd.DataFrame:
    """Return the entries a session sees, oldest first, with their changes in words."""
    import pandas as pd

    if limit is not None and (not isinstance(limit, Integral) or isinstance(limit, bool) or limit < 0):
        raise InvalidInput(f"limit= is a number of entries, 0 or more, got {type(limit).__name__}: {limit!r:.80}")
    view = session.view()
    newest = view.n
    start = 0 if limit is None else max(0, newest + 1 - limit)
    rows = [
        {
            "entry": entry["n"],
            "at": pd.Timestamp(entry["at"]),
            "author": entry["author"],
            "what": in_words(entry["changes"], view.then(entry["n"] - 1)),
            "message": entry["message"],
        }
        for entry in session.log.entries(start, newest + 1)
    ]
    return pd.DataFrame(rows, columns=["entry", "at", "author", "what", "message"]).set_index("entry")
