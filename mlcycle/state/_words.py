"""Entries in words, for people: in the history, and wherever an entry is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.state._changes import KINDS

if TYPE_CHECKING:
    from mlcycle.state._change import Before

__all__ = ["in_words"]


def in_words(changes: list[dict[str, Any]], before: Before) -> str:
    """Return what an entry did, in a few words, given the project just before it.

    Examples
    --------
    >>> from mlcycle.state import ProjectFold, View
    >>> before = View(ProjectFold().empty(), lambda n: {})
    >>> in_words([{"kind": "version.add", "of": "dataset", "name": "customers", "number": 2}], before)
    'added dataset customers@2'
    """
    said = (KINDS[one["kind"]].read(one).words(before) if one["kind"] in KINDS else one["kind"] for one in changes)
    return "; ".join(filter(None, said)) or "stored files"
