"""The deployments of a project, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._ids import check_name, new_id
from mlcycle._text import printable
from mlcycle.errors import ReadOnly
from mlcycle.lifecycle.deployments._deployment import Deployment
from mlcycle.state import Change, NameSet, View
from mlcycle.storage import Settled

if TYPE_CHECKING:
    from mlcycle.lifecycle._session import Session

__all__ = ["Deployments"]


@printable
class Deployments:
    """The deployments of one project; lives as long as the project handle it hangs on."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __repr__(self) -> str:
        return f"<deployments of {self._session.url}: {', '.join(self.names()) or 'none yet'}>"

    def open(self, name: str, *, message: str = "", op: str | None = None) -> Deployment:
        """Open a deployment, making it if there is none of this name.

        Parameters
        ----------
        name : str
            Name of the place.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.
        """
        name = check_name(name, "deployment name")

        def plan(view: View) -> list[Change] | Settled:
            view.names.check_free("deployment", name)
            if view.names.get("deployment", name):
                return Settled(None)
            return [NameSet(of="deployment", name=name, id=new_id())]

        try:
            return self._session.operate(
                "deployment.open", lambda do: self._handle(do.commit(plan).view, name), message=message, op=op
            )
        except ReadOnly:
            view = self._session.view()
            if view.names.get("deployment", name) is None:
                raise
            return self._handle(view, name)

    def get(self, name: str) -> Deployment:
        """Return a deployment that exists."""
        return self._handle(self._session.view(), name)

    def _handle(self, view: View, name: str) -> Deployment:
        known = view.names.known("deployment", name)
        return Deployment(self._session, known.name, known.id or "")

    def names(self) -> list[str]:
        """Return the names of the deployments, sorted."""
        return self._session.view().names.of("deployment")
