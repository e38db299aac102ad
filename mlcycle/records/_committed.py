"""Records of what an entry of the log keeps: who committed it, when and why."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen

from mlcycle.records._living import Living

__all__ = ["Committed", "stamp_last"]


@frozen(kw_only=True, repr=False)
class Committed(Living):
    """A record of what an entry of the log keeps: a version, an answer, a revision.

    Attributes
    ----------
    message : str
        Why, for the history.
    author : str
        Who.
    at : str
        When (UTC).
    entry : int or None
        Number of the log entry; ``None`` while there is none.

    Examples
    --------
    >>> from mlcycle.records import Revision
    >>> isinstance(Revision(deployment="eu-api", number=1, message="first"), Committed)
    True
    """

    message: str = ""
    author: str = ""
    at: str = ""
    entry: int | None = None

    def _facts(self) -> list[tuple[str, Any]]:
        return [("message", self.message), ("author", self.author), ("at", self.at)]


def stamp_last(_: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Return the fields of a `Committed` record in the order of its table: what it is, then who said so and why."""
    last = attrs.fields_dict(Committed)
    return sorted(fields, key=lambda field: field.name in last)
