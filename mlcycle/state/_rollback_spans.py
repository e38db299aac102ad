"""What counts at an entry: the spans of entries that no rollback of the whole project took back."""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from mlcycle._ids import name_key

if TYPE_CHECKING:
    from mlcycle.state._index import Name, State

__all__ = ["Spans", "entry_of", "keyed", "within"]

Item = TypeVar("Item", bound=tuple[object, ...])
Span = tuple[int, int]
entry_of = itemgetter(0)


class Spans:
    """The spans of entries whose moves and retractions count, name by name.

    A rollback at m to t ends the span before it at t, and begins one at m. A span is (low, high): the entries after
    low, up to high.

    Parameters
    ----------
    state : State
        The index.
    n : int
        The entry looked at.
    """

    def __init__(self, state: State, n: int) -> None:
        self._backs = state.backs[: bisect_right(state.backs, n, key=entry_of)]
        self._n = n
        self._any_kept = any(keep for _, _, keep in self._backs)
        self._of_most = self._but_for("")

    def of(self, of: str, name: Name) -> list[Span]:
        """Return the spans that count for a name, oldest first."""
        if name.fixed is None and not self._any_kept:
            return self._of_most
        return self._but_for(f"{of}:{name_key(name.name)}", name.fixed)

    def _but_for(self, name: str, fixed: int | None = None) -> list[Span]:
        end, spans = self._n, []
        for m, to, keep in reversed(self._backs):
            if m <= end and (fixed is None or m < fixed) and name not in map(keyed, keep):
                spans.append((m, end))
                end = to
        return [(-1, end), *reversed(spans)]


def within(items: list[Item], low: int, high: int) -> list[Item]:
    """Return the items, each with its entry first and in their order, of a span."""
    return items[bisect_right(items, low, key=entry_of) : bisect_right(items, high, key=entry_of)]


def keyed(full: str) -> str:
    """Return a full ref of a name as names are compared.

    Examples
    --------
    >>> keyed("model:Churn")
    'model:churn'
    """
    of, _, name = full.partition(":")
    return f"{of}:{name_key(name)}"
