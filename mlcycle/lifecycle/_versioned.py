"""What the collections of versions share: datasets and models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mlcycle import records
from mlcycle._ids import check_name
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle._collection_mapping import ByName
from mlcycle.lifecycle._stored_decisions import decision_records
from mlcycle.lifecycle._stored_evaluations import evaluation_records
from mlcycle.lifecycle.blobs import readable
from mlcycle.state import Version, View, resolve

if TYPE_CHECKING:
    pass


__all__ = ["Versioned"]

V = TypeVar("V", bound=records.Record)


class Versioned(ByName[V]):
    """A mapping of names to their newest versions, and of addresses to the versions they mean."""

    def _find(self, view: View, ref: Any) -> Version:
        return resolve(view, ref, self._of)

    def _look(self) -> tuple[View, list[str]]:
        view = self._session.view()
        return view, self._names(view)

    def _table_of(self, few: list[V]) -> str:
        return records.Listing(few, of="versions")._repr_html_()

    def _names(self, view: View) -> list[str]:
        return [name for name in view.names.of(self._of) if view.versions.latest(self._of, name) is not None]

    def _known(self, view: View, name: str) -> str:
        """Return a name as it was first written; of one that is not known, say what looks like it."""
        if isinstance(name, records.Record) or "@" in str(name):
            ref = getattr(name, "ref", name)
            raise InvalidInput(f"{ref!r:.80} is one version, and a name is asked for: project.{self._of}s[{ref!r:.80}]")
        return view.names.known(self._of, check_name(name, f"{self._of} name", parts=self._of == "dataset")).name

    def versions(self, name: str | None = None) -> records.Listing[V]:
        """Return all versions of a name, or of all names, that were not dropped; oldest first, name by name."""
        view = self._session.view()
        names = view.names.of(self._of) if name is None else [self._known(view, name)]
        standing = (version for one in names for version in view.versions.standing(self._of, one))
        return records.Listing(readable(lambda version: self._made_of(view, version), standing), of="versions")

    def evaluations(self, name: str | None = None) -> records.Listing[records.Evaluation]:
        """Return what was found by evaluating versions of a name, or of all names, oldest first."""
        view = self._session.view()
        return evaluation_records(self._session, view, self._of, self._full(view, name))

    def decisions(self, name: str | None = None) -> records.Listing[records.Decision]:
        """Return what was decided about a name, or about all names, oldest first; of what was dropped, too."""
        view = self._session.view()
        return decision_records(self._session.blobs, view, self._of, self._full(view, name))

    def _full(self, view: View, name: str | None) -> str | None:
        return None if name is None else f"{self._of}:{self._known(view, name)}"
