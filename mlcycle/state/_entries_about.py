"""Where the log speaks of one thing, by the index alone: so a history of one name reads its own entries only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.state._topics import Topic
    from mlcycle.state._view import View

__all__ = ["entries_about"]


def entries_about(view: View, topic: Topic) -> list[int] | None:
    """Return the entries that may be about a topic, ascending; None for a run, which the index does not follow.

    Those that rolled the whole project back are among them, whatever they moved.
    """
    if topic.of == "run":  # which models came from it stands in their versions
        return None
    name, refs = view.names.known(topic.of, topic.name), _refs(view, topic)
    found = {*name.said, *name.made, *(n for n, *_ in name.marks), *(n for n, *_ in view.state.backs)}
    found.update(n for moves in list(name.moves.values()) for n, *_ in moves)
    found.update(*(view.facts.entries(of, ref) for of in view.state.facts.nouns() for ref in refs))
    found.update(_using(view, topic.of, refs))
    return sorted(n for n in found if n <= view.n)


def _refs(view: View, topic: Topic) -> list[str]:
    whole = f"{topic.of}:{topic.name}"
    if topic.number is not None:
        return [f"{whole}@{topic.number}"]
    count = view.versions.count(view.names.known(topic.of, topic.name))
    return [whole, *(f"{whole}@{number}" for number in range(1, count + 1))]


def _using(view: View, of: str, refs: list[str]) -> Iterator[int]:
    """Yield the entries of versions that answer with those."""
    lines = view.state.uses.of(of)
    for ref in refs if lines is not None else ():
        for user_of, key, number in (lines and lines.get(ref)) or ():
            user = view.names.get(user_of, key)
            if user is not None:
                yield user.made[number - 1]
