"""How often rows were judged on: every look at them counts, whatever the part they were in was called.

A look is one model version judged on one part of a dataset. The same look again shows nothing new, so it is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from mlcycle.errors import ConflictError, MlcycleError
from mlcycle.lifecycle._operation import Retry
from mlcycle.lifecycle.datasets import leaks, shared_rows, tables
from mlcycle.state import evaluations_on, resolve, root_key

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
    sharing : mapping of str to bool
        Data that models were judged on (full refs), and whether it shares a row with this.
    """

    data: str
    sharing: Mapping[str, bool]

    def facts(self, view: View) -> Iterator[Fact]:
        """Yield the evaluations that looked at these rows, oldest first.

        Raises
        ------
        Retry
            Where somebody has judged on other data meanwhile, of which nothing is known here.
        """
        for fact in evaluations_on(view):
            if fact["data"] not in self.sharing:
                raise Retry(ConflictError("others judge on ever more data; try again"))
            if self.sharing[fact["data"]]:
                yield fact

    def count(self, view: View, subject: str | None = None) -> int:
        """Return how many looks there were, that of a model or run (full ref) included."""
        seen = {(fact.subject, fact["data"]) for fact in self.facts(view)}
        return len(seen | {(subject, self.data)} if subject is not None else seen)


def looks_at(blobs: Blobs, view: View, data: Version) -> Looks:
    """Return the looks at the rows of some data so far; what they looked at is read to see whether it shares a row."""
    others = {fact["data"] for fact in evaluations_on(view)} - {data.ref}
    return Looks(data.ref, {data.ref: True, **{one: _shares(blobs, view, one, data) for one in others}})


def _shares(blobs: Blobs, view: View, ref: str, data: Version) -> bool:
    """Return whether other data has a row of this one; where it cannot be read any more, it is taken to have one.

    Data of another name is looked at where its rows could be the same ones: it has the key of this, or all its columns.
    """
    other = resolve(view, ref, "dataset", dropped=True)
    try:
        one, two = (tables.column_names(tables.header_of(blobs, view, each)) for each in (data, other))
        related = root_key(data.name) == root_key(other.name) or data["roles"].get("key") in two or {*one} == {*two}
        return related and leaks(shared_rows(blobs, view, other, data))
    except MlcycleError:
        return root_key(data.name) == root_key(other.name)


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
    return tuple(scope["scope"].get(field) for field in ("criteria", "aliases", "test", "loosened", "moved"))
