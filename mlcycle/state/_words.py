"""Entries in words, for people: in the history, and wherever an entry is named."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from mlcycle.state._changes import KINDS
from mlcycle.state._rollbacks import moves_to

if TYPE_CHECKING:
    from mlcycle.state._view import View

__all__ = ["in_words"]


def in_words(changes: list[dict[str, Any]], before: View) -> str:
    """Return what an entry did, in a few words, given the project just before it.

    Examples
    --------
    >>> from mlcycle.state import ProjectFold, View
    >>> before = View(ProjectFold().empty(), lambda n: {})
    >>> in_words([{"kind": "version.add", "of": "dataset", "name": "customers", "number": 2}], before)
    'added dataset customers@2'
    """
    moves = partial(moves_to, before)
    said = (KINDS[one["kind"]].read(one).words(moves) if one["kind"] in KINDS else one["kind"] for one in changes)
    return "; ".join(dict.fromkeys(filter(None, said))) or "stored files"
