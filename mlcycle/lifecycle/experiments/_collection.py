"""The experiments of a project, by name, and the runs of any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from mlcycle import records
from mlcycle._digest import json_text
from mlcycle._ids import check_name, near, new_id
from mlcycle._text import printable
from mlcycle.errors import InvalidInput, NotFound, ReadOnly, VersionDeleted
from mlcycle.lifecycle._evaluations import evaluation_records
from mlcycle.lifecycle.experiments._experiment import Experiment
from mlcycle.lifecycle.runs import ActiveRun, Provenance, points_of, run_of, table
from mlcycle.state import Change, NameSet, View
from mlcycle.storage import Settled

if TYPE_CHECKING:
    import pandas as pd

    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session

__all__ = ["Experiments"]

Doc = dict[str, Any]


@printable
class Experiments:
    """The experiments of one project; lives as long as the project handle it hangs on.

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

    def __init__(self, session: Session) -> None:
        self._session = session
        self._provenance = Provenance(session)

    def __repr__(self) -> str:
        return f"<experiments of {self._session.url}: {', '.join(self.names()) or 'none yet'}>"

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
            do.commit(lambda view: wanted(view) or Settled())
            return self._handle(self._session.view(refresh=False), name)  # opened again by its op, it is what it is now

        try:
            return self._session.operate("experiment.open", work, message=hypothesis or "", op=op)
        except ReadOnly:
            view = self._session.view()
            if wanted(view):
                raise
            return self._handle(view, name)

    def get(self, name: str) -> Experiment:
        """Return an experiment that exists."""
        return self._handle(self._session.view(), name)

    def _handle(self, view: View, name: str) -> Experiment:
        return Experiment(self._session, self._provenance, self._facts(view, view.names.known("experiment", name).name))

    def _facts(self, view: View, name: str) -> Doc:
        """Return what is said of an experiment, nothing where there is none."""
        known = view.names.get("experiment", name)
        if known is None:
            return {}
        said = {"hypothesis": "", "metric": None, **view.names.said("experiment", name)}
        return {"name": known.name, "id": known.id, **said}

    def names(self) -> list[str]:
        """Return the names of the experiments, sorted."""
        return self._session.view().names.of("experiment")

    def run(self, run: str | records.Run | ActiveRun) -> records.Run:
        """Return a run of any experiment as it is now, by its id, an unmistakable beginning of it, or a record."""
        return run_of(self._session, run)

    def evaluations(self, run: str | records.Run | ActiveRun) -> list[records.Evaluation]:
        """Return what checks found that `Project.evaluate` asked of a run, oldest first."""
        identity = self.run(run).id
        return evaluation_records(self._session.blobs, self._session.view(), "run", f"run:{identity}")

    def points(self, run: str | records.Run | ActiveRun) -> pd.DataFrame:
        """Return every point of a run in order of time: ``name, step, value, time, writer``."""
        import pandas as pd

        return pd.DataFrame(points_of(self._session, run).columns())

    def artifact(self, run: str | records.Run | ActiveRun, name: str) -> bytes:
        """Return the bytes of an artifact of a run, checked against its digest; a folder comes as a zip.

        Raises
        ------
        NotFound
            With the names there are.
        """
        found = run_of(self._session, run)
        if not isinstance(name, str):
            raise InvalidInput(f"an artifact is given by its name, got {type(name).__name__}: {name!r:.80}")
        name = json_text(name)
        if name not in found.artifacts:
            raise NotFound(f"run {found.id} has no artifact {name!r}", near(name, found.artifacts))
        file = found.artifacts[name]
        what = f"artifact {name!r} of run {found.id}"
        try:
            return self._session.blobs.depot.read_file(attrs.asdict(file), what)
        except FileNotFoundError as error:
            raise VersionDeleted(f"{what} is gone; its run was dropped and swept") from error

    def frame(self) -> pd.DataFrame:
        """Return every run of the project, one row each (see `Experiment.frame`)."""
        return table(self._session).frame()
