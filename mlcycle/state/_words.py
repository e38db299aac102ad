"""Entries in words, for people: in the history, and wherever an entry is named."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from mlcycle.errors import StoreError
from mlcycle.state._changes import KINDS
from mlcycle.state._rollbacks import moves_to

if TYPE_CHECKING:
    from mlcycle.state._change import MovesTo
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
    return "; ".join(dict.fromkeys(filter(None, (_said(one, moves) for one in changes)))) or "stored files"


def _said(doc: dict[str, Any], moves: MovesTo) -> str:
    """Return one change in words; one whose own fields are not what they should be does not hide the whole history."""
    kind = KINDS.get(doc["kind"])
    if kind is None:
        return str(doc["kind"])
    try:
        return kind.read(doc).words(moves)
    except StoreError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        return (
            f"{doc['kind']} of {doc.get('of', 'the project')}, which cannot be told ({type(error).__name__}: {error})"
        )
