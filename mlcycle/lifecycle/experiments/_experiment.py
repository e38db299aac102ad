"""One experiment: a named question, its runs, and which of them answers it best."""

from __future__ import annotations

import os
import platform
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from mlcycle import _html, records
from mlcycle._digest import json_text
from mlcycle._ids import new_id, now
from mlcycle._text import printable
from mlcycle._warn import warn
from mlcycle.errors import InvalidInput, StorageUnavailable
from mlcycle.lifecycle._params import ParamsEncoder, named_values
from mlcycle.lifecycle.runs import ActiveRun, Provenance, all_runs, run_of, table, used_ref
from mlcycle.state import every_ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.runs import Table

__all__ = ["Experiment"]

Doc = dict[str, Any]


@printable
class Experiment:
    """One named question; lives as long as the project handle it came from.

    Attributes
    ----------
    name, hypothesis : str
    metric : str or None
    """

    def __init__(self, session: Session, provenance: Provenance, doc: Doc) -> None:
        self._session = session
        self._provenance = provenance
        self._id = doc["id"]
        self.name: str = doc["name"]
        self.hypothesis: str = doc["hypothesis"]
        self.metric: str | None = doc["metric"]

    def __repr__(self) -> str:
        return f"<experiment {self.name}: {self.hypothesis or 'no hypothesis'}>"

    @property
    def _address(self) -> str:
        return f"experiment:{self.name}"

    def _repr_html_(self) -> str:
        runs: str = self.frame().to_html(max_rows=20)
        return _html.card(f"experiment {self.name}", [("hypothesis", self.hypothesis)], _html.Markup(runs))

    def start(
        self,
        params: Mapping[str, Any] | None = None,
        *,
        uses: Sequence[str | records.DatasetVersion | records.ModelVersion] = (),
        name: str = "",
        strict: bool = False,
    ) -> ActiveRun:
        """Start a run; use it in a ``with`` block, or call its `finish` yourself.

        Parameters
        ----------
        params : mapping, namespace or dataclass, optional
            What can be turned. ``run.params`` is a dict of the values as passed; they are stored as JSON without
            secrets; what has no JSON form is stored as its `repr`, of very large values a part.
        uses : sequence of refs or records, optional
            The versions this run is made from: the data it trains on, and models it goes on from (a text that means a
            model says so, ``"model:churn@7"``). A model registered from it has them as its lineage.
        name : str, optional
            A word for people; what is no text is taken as text.
        strict : bool, default False
            Raise when something cannot be stored, instead of warning and counting.

        Raises
        ------
        InvalidInput, NotFound
            For params without names, or a version that is not there: before any training.
        """
        self._session.check_writable()
        given = named_values(params)
        spelling = ParamsEncoder()
        stored = spelling.params(given)
        shortened = list(dict.fromkeys(spelling.shortened))
        uses = every_ref(uses, "uses")
        made = self._provenance.facts()
        used, entry = self._begun(uses, strict)
        head = {
            "id": new_id(),
            "experiment": f"experiment:{self._id}",
            "experiment_name": self.name,
            "name": "" if name is None else str(spelling.value(name, "name")),
            "params": stored,
            "uses": used,
            # of what run it is a part, among which runs it counts, what it goes on from: no argument says it yet
            "parent": None,
            "group": None,
            "resumes": None,
            "code": made["code"],
            "environment": made["environment"],
            "author": self._session.author,
            "started_at": now(),
            "entry": entry,
            "host": platform.node(),
            "pid": os.getpid(),
        }
        return ActiveRun(self._session, head, given, shortened, keep=self._provenance.keep, strict=strict)

    def _begun(self, uses: list[Any], strict: bool) -> tuple[list[str], int]:
        """Return what is used, by the newest entry, and pin what the head names; or by the newest seen."""

        def work(do: Operation) -> tuple[list[str], int]:
            used = [used_ref(do.view, one) for one in uses]
            self._provenance.pin(do)
            return used, do.view.n

        try:
            return self._session.operate("run.pin", work)
        except StorageUnavailable as error:
            if strict:
                raise
            warn(f"the log cannot be read ({error}); training goes on")
            view = self._session.view(refresh=False)
            return [used_ref(view, one) for one in uses], view.n

    def runs(self) -> records.Listing[records.Run]:
        """Return the runs, oldest first."""
        return records.Listing(all_runs(self._session, self._id), of="runs")

    def frame(self) -> pd.DataFrame:
        """Return the runs, one row each: ``run, name, status …``, then ``params.*`` and last ``metrics.*``."""
        return table(self._session, self._id).frame()

    def best(self, metric: str | None = None, *, lowest: bool | None = None) -> records.Run:
        """Return the finished run with the best last value of a metric; of equals, the oldest.

        Runs whose value is NaN or text, or that have none, are passed over.

        Parameters
        ----------
        metric : str, optional
            Defaults to the metric of the experiment.
        lowest : bool, optional
            Whether the lowest is the best. By default the name says so: scores such as ``roc_auc`` and scikit-learn's
            scorers (``neg_log_loss``) are better when higher, losses and errors such as ``val_loss`` and ``rmse``
            when lower.

        Raises
        ------
        InvalidInput
            If the name does not say which way is better and `lowest` is not given, or no run has a number.
        """
        metric = metric or self.metric
        if metric is None:
            raise InvalidInput(f"experiment {self.name} has no metric; say which: best('roc_auc')")
        if not isinstance(metric, str):
            raise InvalidInput(f"a metric is given by its name, got {type(metric).__name__}: {metric!r:.80}")
        name = json_text(metric)
        finished = table(self._session, self._id).of_status("finished")
        values = zip(finished.rows, finished.column(f"metrics.{name}"), strict=True)
        numbers = [(value, row[0]) for row, value in values if _is_number(value)]
        if not numbers:
            raise InvalidInput(_why_no_best(self.name, metric, finished))
        if lowest is None:
            upward = records.higher_is_better(name)
            if upward is None:
                raise InvalidInput(
                    f"whether {metric!r} is better when higher or lower, its name does not say; ask for "
                    f"best({metric!r}, lowest=True) or best({metric!r}, lowest=False)"
                )
            lowest = not upward
        _, run = (min if lowest else max)(numbers, key=itemgetter(0))
        return run_of(self._session, run, self._session.view(refresh=False))


def _why_no_best(experiment: str, metric: str, finished: Table) -> str:
    """Say which metrics there are, or that this one has no numbers."""
    none = f"no finished run of {experiment} logged {metric!r}"
    logged = [own for own in finished.own if f"metrics.{json_text(metric)}" in own]
    if logged:
        return f"{none} as a number: {len(logged)} logged NaN or text"
    columns = dict.fromkeys(column for own in finished.own for column in own)
    known = [column.removeprefix("metrics.") for column in columns if column.startswith("metrics.")]
    return f"{none}; they logged {', '.join(map(repr, known))}" if known else none


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and value == value
