"""The deployments of a project, by name."""

from __future__ import annotations

from mlcycle import _html
from mlcycle._ids import check_name, new_id
from mlcycle._text import printable
from mlcycle.errors import ReadOnly
from mlcycle.lifecycle._collection_mapping import ByName
from mlcycle.lifecycle.deployments._deployment import Deployment, who_answers
from mlcycle.state import Change, NameSet, View
from mlcycle.storage import UpToDate

__all__ = ["Deployments"]


@printable
class Deployments(ByName[Deployment]):
    """The deployments of one project, a mapping by name; lives as long as the project handle it hangs on."""

    _of = "deployment"
    _each, _one = Deployment, "deployment: project.deployments['eu']"

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

        def plan(view: View) -> list[Change] | UpToDate:
            view.names.check_free("deployment", name)
            if view.names.get("deployment", name):
                return UpToDate(None)
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

    # looking -------------------------------------------------------------------------------------------------------

    def _made_of(self, view: View, found: str) -> Deployment:
        return self._handle(view, found)

    def _table_of(self, few: list[Deployment]) -> str:
        return _html.table(["deployment", "who answers"], [[one.name, who_answers(one.revision)] for one in few])

    def _handle(self, view: View, name: str) -> Deployment:
        known = view.names.known("deployment", name)
        return Deployment(self._session, known.name, known.id or "")
