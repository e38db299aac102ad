"""The runs of a project, by id: those of every experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._text import plainly, printable
from mlcycle.lifecycle._collection_mapping import ROWS, ByName
from mlcycle.lifecycle.runs._reading import run_of, standing_runs
from mlcycle.lifecycle.runs._table import table

if TYPE_CHECKING:
    import pandas as pd

    from mlcycle.lifecycle.runs._active_run import ActiveRun
    from mlcycle.state import View

__all__ = ["Runs"]


@printable
class Runs(ByName[records.Run]):
    """The runs of one project, a mapping by id; lives as long as the project handle it hangs on.

    ``runs["3f9a"]`` is the one run whose id begins so, as it is now; iteration is over whole ids, oldest first.

    Examples
    --------
    >>> import mlcycle as mc
    >>> project = mc.open("memory://docs-runs")
    >>> with project.experiments.open("boosting").start(params={"depth": 3}) as run:
    ...     run.log(loss=0.5)
    >>> project.runs[run.id].metrics, len(project.runs)
    ({'loss': 0.5}, 1)
    >>> project.runs.frame()[["experiment", "status", "metrics.loss"]].values.tolist()
    [['boosting', 'finished', 0.5]]
    """

    _of = "run"
    _each, _one = records.Run, "run: project.runs['3f9a']"

    def __getitem__(self, ref: str | records.Record | ActiveRun) -> records.Run:
        return self._find(self._session.view(), ref)

    def _find(self, view: View, ref: Any) -> records.Run:
        return run_of(self._session, ref.removeprefix("run:") if isinstance(ref, str) else ref, view)

    def _made_of(self, view: View, found: records.Run) -> records.Run:
        return found

    def _look(self) -> tuple[View, list[str]]:
        return standing_runs(self._session)

    def _line(self, names: list[str]) -> str:
        return f"<runs of {self._session.url}: {len(names)}>"

    @plainly()
    def _repr_html_(self) -> str:
        frame = self.frame()
        return self._card(len(frame), frame[::-1].head(ROWS).to_html(index=False))

    def _table_of(self, few: list[records.Run]) -> str:
        return records.Listing(few, of="runs")._repr_html_()

    def frame(self) -> pd.DataFrame:
        """Return every run, one row each: ``run, experiment, name, status …``, ``params.*``, last ``metrics.*``."""
        return table(self._session).frame()
