"""The experiments of a project, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import _html
from mlcycle._ids import check_name, new_id
from mlcycle._text import printable
from mlcycle.errors import InvalidInput, ReadOnly
from mlcycle.lifecycle._collection_mapping import ByName
from mlcycle.lifecycle.experiments._experiment import Experiment
from mlcycle.lifecycle.runs import Provenance
from mlcycle.state import Change, NameSet, View
from mlcycle.storage import UpToDate

if TYPE_CHECKING:
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session

__all__ = ["Experiments"]

Doc = dict[str, Any]


@printable
class Experiments(ByName[Experiment]):
    """The experiments of one project, a mapping by name; lives as long as the project handle it hangs on.

    Examples
    --------
    >>> import mlcycle as mc
    >>> project = mc.open("memory://docs-experiments")
    >>> boosting = project.experiments.open("boosting", hypothesis="trees beat the scorecard")
    >>> with boosting.start(params={"depth": 3}) as run:
    ...     for step in range(3):
    ...         run.log(loss=1 / (step + 1), step=step)
    >>> boosting.frame()[["status", "params.depth", "metrics.loss"]].values.tolist()
    [['finished', 3, 0.3333333333333333]]
    """

    _of = "experiment"
    _each, _one = Experiment, "experiment: project.experiments['boosting']"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._provenance = Provenance(session)

    def open(
        self, name: str, *, hypothesis: str | None = None, metric: str | None = None, op: str | None = None
    ) -> Experiment:
        """Open an experiment, making it if there is none of this name.

        Parameters
        ----------
        name : str
            Name of the question.
        hypothesis : str, optional
            What is expected, before looking. Given again with other words, the new words are committed.
        metric : str, optional
            The number that answers the question.
        op : str, optional
            An id of yours for this operation, so that a restarted script does not repeat it.
        """
        name = check_name(name, "experiment name")
        for field, value in (("hypothesis", hypothesis), ("metric", metric)):
            if value is not None and not isinstance(value, str):
                raise InvalidInput(f"{field} is text, got {type(value).__name__}: {value!r:.80}")

        def wanted(view: View) -> list[Change]:
            view.names.check_free("experiment", name)
            before = self._facts(view, name)
            facts = {
                "hypothesis": before.get("hypothesis", "") if hypothesis is None else hypothesis,
                "metric": before.get("metric") if metric is None else metric,
            }
            if before and facts.items() <= before.items():
                return []
            return [NameSet(of="experiment", name=name, id=before.get("id") or new_id(), says=facts)]

        def work(do: Operation) -> Experiment:
            do.commit(lambda view: wanted(view) or UpToDate())
            return self._handle(self._session.view(refresh=False), name)  # opened again by its op, it is what it is now

        try:
            return self._session.operate("experiment.open", work, message=hypothesis or "", op=op)
        except ReadOnly:
            view = self._session.view()
            if wanted(view):
                raise
            return self._handle(view, name)

    # looking -------------------------------------------------------------------------------------------------------

    def _made_of(self, view: View, found: str) -> Experiment:
        return self._handle(view, found)

    def _table_of(self, few: list[Experiment]) -> str:
        return _html.table(["experiment", "hypothesis", "metric"], [[e.name, e.hypothesis, e.metric] for e in few])

    def _handle(self, view: View, name: str) -> Experiment:
        return Experiment(self._session, self._provenance, self._facts(view, view.names.known("experiment", name).name))

    def _facts(self, view: View, name: str) -> Doc:
        """Return what is said of an experiment, nothing where there is none."""
        known = view.names.get("experiment", name)
        if known is None:
            return {}
        said = {"hypothesis": "", "metric": None, **view.names.said("experiment", name)}
        return {"name": known.name, "id": known.id, **said}
