"""Where a service gets its routes and its models from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records, serving
from mlcycle.errors import NotFound
from mlcycle.lifecycle._model_files import load_version, signature_of
from mlcycle.lifecycle.deployments._record import current_revision
from mlcycle.state import resolve

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlcycle.lifecycle._session import Session
    from mlcycle.state import View

__all__ = ["StoredModelLoader", "StoredRoutes"]


class StoredRoutes:
    """The current revision of a deployment, as a service asks for it."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name

    def current(self) -> records.Revision:
        """Return the revision that answers now."""
        found = current_revision(self._session.view(), self._name)
        if found is None:
            raise NotFound(f"{self._name} has no route")
        return found


class StoredModelLoader:
    """Models by ref, as a service asks for them, under the trust its caller gave."""

    def __init__(self, session: Session, trust: bool | str | type | Collection[str | type]) -> None:
        self._session = session
        self._trust = trust

    def __call__(self, ref: str) -> serving.LoadedModel:
        """Load a version and its signature."""
        return self.load(self._session.view(), ref)

    def load(self, view: View, ref: str) -> serving.LoadedModel:
        """As a call, by what was looked at already."""
        version, blobs = resolve(view, ref, "model"), self._session.blobs
        model = load_version(blobs, version, trust=self._trust)
        return serving.LoadedModel(ref=version.shown, model=model, signature=signature_of(blobs, version, model))
