"""Entries in words, for people: in the history, and wherever an entry is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.errors import StoreError
from mlcycle.state._change_kinds import KINDS
from mlcycle.state._nouns import noun
from mlcycle.state._rollbacks import moves_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlcycle.state._change import Change, Moved, MovesTo
    from mlcycle.state._topics import Topic
    from mlcycle.state._view import View

__all__ = ["entry_text", "kind_of", "only_keeps"]

Doc = dict[str, Any]


def entry_text(changes: list[Doc], before: View, topic: Topic | None = None) -> str:
    """Return what an entry did, in a few words, given the project just before it.

    Parameters
    ----------
    changes : list of dict
        What the entry holds.
    before : View
        The project just before it.
    topic : Topic, optional
        Tell only what is about it: nothing where nothing is.

    Examples
    --------
    >>> from mlcycle.state import ProjectFold, View
    >>> before = View(ProjectFold().empty(), lambda n: {})
    >>> entry_text([{"kind": "version.add", "of": "dataset", "name": "customers", "number": 2}], before)
    'added dataset customers@2'
    """

    def moves(to: int, keep: Iterable[str]) -> Iterable[Moved]:
        if topic is None:
            return moves_to(before, to, keep)
        all_of_it = moves_to(before, to, keep, only=(topic.of, topic.name))
        return (moved for moved in all_of_it if topic.is_moved(*moved))

    told = changes if topic is None else [one for one in changes if _concerns(one, topic, moves)]
    said = list(filter(None, (_change_text(one, lambda change: change.words(moves)) for one in told)))
    # where what a change goes with does not stand beside it, it speaks for itself
    said = said or [_change_text(one, lambda change: change.words_alone()) for one in told]
    return "; ".join(dict.fromkeys(said)) or ("nothing" if topic is None else "")


def kind_of(entry: Doc) -> str:
    """Return the kind of an entry: its verb, or where it has none the kind of the first change that says something.

    Examples
    --------
    >>> kind_of({"verb": "", "changes": [{"kind": "place"}, {"kind": "tag.set"}]})
    'tag.set'
    """
    kinds = [change["kind"] for change in entry["changes"]]
    return entry.get("verb") or next((kind for kind in kinds if kind != "place"), kinds[0] if kinds else "nothing")


def only_keeps(changes: list[Doc]) -> bool:
    """Say whether an entry only keeps files for the sake of others, and tells nobody anything.

    Examples
    --------
    >>> only_keeps([{"kind": "place"}, {"kind": "fact.add", "of": "pin"}]), only_keeps([{"kind": "tag.set"}])
    (True, False)
    """
    return bool(changes) and all(one["kind"] == "place" or noun(one.get("of", "")).aside for one in changes)


def _concerns(doc: Doc, topic: Topic, moves: MovesTo) -> bool:
    kind = KINDS.get(doc["kind"])  # what a kind of others is about, nobody here knows
    return kind is not None and kind.read(doc).concerns(topic, moves)


def _change_text(doc: Doc, tell: Callable[[Change], str]) -> str:
    """Return one change in words; one whose own fields are not what they should be does not hide the whole history."""
    kind = KINDS.get(doc["kind"])
    if kind is None:
        return str(doc["kind"])
    try:
        return tell(kind.read(doc))
    except StoreError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        return (
            f"{doc['kind']} of {doc.get('of', 'the project')}, which cannot be told ({type(error).__name__}: {error})"
        )
