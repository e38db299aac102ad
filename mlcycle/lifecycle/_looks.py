"""How often rows were judged on: every look at them counts, whatever the part they were in was called.

A look is one model version judged on one part of a dataset. The same look again shows nothing new, so it is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from mlcycle.errors import ConflictError, MlcycleError
from mlcycle.lifecycle._operation import Retry
from mlcycle.lifecycle.datasets import leaks, shared_rows, tables
from mlcycle.state import judgements, resolve, root_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Fact, Version, View

__all__ = ["Looks", "changes_after_results", "looks_at"]


@frozen
class Looks:
    """What is known of the looks at the rows of one version of some data.

    Attributes
    ----------
    data : str
        The version, as a full ref.
    keys : tuple of str
        What evaluations on data that may hold its rows are found by: of the same dataset, or of equal content.
    sharing : mapping of str to bool
        Data that models were judged on (full refs), and whether it shares a row with this.
    """

    data: str
    keys: tuple[str, ...]
    sharing: Mapping[str, bool]

    def facts(self, view: View) -> Iterator[Fact]:
        """Yield the evaluations that looked at these rows, oldest first.

        Raises
        ------
        Retry
            Where somebody has judged on other data meanwhile, of which nothing is known here.
        """
        for fact in judgements(view, *self.keys):
            if fact["data"] not in self.sharing:
                raise Retry(ConflictError("others judge on ever more parts of this data; try again"))
            if self.sharing[fact["data"]]:
                yield fact

    def count(self, view: View, model: str | None = None) -> int:
        """Return how many looks there were, that of a model (full ref) included."""
        seen = {(fact.subject, fact["data"]) for fact in self.facts(view)}
        return len(seen | {(model, self.data)} if model is not None else seen)


def looks_at(blobs: Blobs, view: View, data: Version) -> Looks:
    """Return the looks at the rows of some data so far; what they looked at is read to see whether it shares a row."""
    keys = (root_key(data.name), tables.root_of(view, data)["content"])
    others = {fact["data"] for fact in judgements(view, *keys)}
    return Looks(data.ref, keys, {data.ref: True, **{one: _shares(blobs, view, one, data) for one in others}})


def _shares(blobs: Blobs, view: View, other: str, data: Version) -> bool:
    """Return whether other data has a row of this one; where it cannot be read any more, it is taken to have one."""
    if other == data.ref:
        return True
    try:
        return leaks(shared_rows(blobs, view, resolve(view, other, "dataset", dropped=True), data))
    except MlcycleError:
        return True


def changes_after_results(view: View, looks: Looks) -> int:
    """Return how often the scope asked for something else after results on these rows had been seen."""
    first = next((fact.stamp.entry for fact in looks.facts(view)), None)
    newest = view.versions.newest("scope", "scope")
    if first is None or newest is None:
        return 0
    scopes = [view.versions.get("scope", "scope", number) for number in range(1, newest.number + 1)]
    asked = [None, *(_asked(one) for one in scopes)]
    changed = zip(scopes, asked[:-1], asked[1:], strict=True)
    return sum(one.stamp.entry > first and before != after for one, before, after in changed)


def _asked(scope: Version) -> tuple[object, ...]:
    """Return what a scope asks: criteria and test, and until when an amendment of them stands."""
    return tuple(scope["scope"].get(field) for field in ("criteria", "test", "loosened", "moved"))
