"""All runs as one table: a row each, kept in memory for as long as the files of the run are listed as they were."""

from __future__ import annotations

import itertools
import marshal
import math
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from mlcycle import records
from mlcycle._digest import json_value
from mlcycle.lifecycle.blobs import file_record
from mlcycle.lifecycle.runs._listing import list_runs
from mlcycle.lifecycle.runs._log_lines import decode_values
from mlcycle.lifecycle.runs._outcomes import Making, Outcomes
from mlcycle.storage import KeyNotFound

if TYPE_CHECKING:
    import pandas as pd

    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.runs._files import RunFiles, Sizes
    from mlcycle.lifecycle.runs._listing import RunListing

__all__ = ["Table", "table"]

Doc = dict[str, Any]
_FIXED = ("run", "experiment", "name", "status", "author", "seconds")
_NAME, _STATUS, _STARTED = _FIXED.index("name"), _FIXED.index("status"), _FIXED.index("seconds")
_OUR_TIME = len("2026-11-23T10:00:00.000000Z")
_BESIDE = 560  # bytes a row takes in memory beside its values


class _Row(NamedTuple):
    """What is known of a run while its files have these sizes; packed, it is small, and whoever unpacks it owns it."""

    sizes: Sizes
    ended: bool
    own: tuple[str, ...]
    packed: bytes


class Table(NamedTuple):
    """Runs, oldest first.

    Attributes
    ----------
    started : list of str
        When each started; nothing where that cannot be told.
    own : list of tuple of str
        The columns that each has of its own: ``params.*``, then ``metrics.*``.
    rows : list of tuple
        Run, experiment, name, status, author and seconds, then the values of its own columns.
    """

    started: list[str]
    own: list[tuple[str, ...]]
    rows: list[tuple[Any, ...]]

    def of_status(self, status: str) -> Table:
        """Return the runs that ended so."""
        kept = [at for at, row in enumerate(self.rows) if row[_STATUS] == status]
        return Table([self.started[at] for at in kept], [self.own[at] for at in kept], [self.rows[at] for at in kept])

    def column(self, name: str) -> list[Any]:
        """Return the values of a column that runs have of their own; NaN for a run that has none."""
        places = {own: _place(own, name) for own in set(self.own)}
        return [(*row, math.nan)[places[own]] for own, row in zip(self.own, self.rows, strict=True)]

    def frame(self) -> pd.DataFrame:
        """Return a data frame; a column that any run has is a column of it."""
        import pandas as pd

        if not self.rows:
            return pd.DataFrame(columns=[*_FIXED[:_STARTED], "started_at", *_FIXED[_STARTED:]])
        kinds = dict.fromkeys(self.own)
        columns = list(dict.fromkeys(itertools.chain.from_iterable(kinds)))
        rows = self.rows
        if len(kinds) > 1:  # runs that differ: each row is laid out anew, with NaN where it has nothing
            fixed = range(len(_FIXED))
            places = {own: itemgetter(*fixed, *(_place(own, name) for name in columns)) for own in kinds}
            rows = [places[own]((*row, math.nan)) for own, row in zip(self.own, rows, strict=True)]
        frame = pd.DataFrame(rows, columns=[*_FIXED, *columns])
        frame.insert(_STARTED, "started_at", _moments(self.started))
        return frame


def _place(own: tuple[str, ...], name: str) -> int:
    return len(_FIXED) + own.index(name) if name in own else -1


def _moments(texts: list[str]) -> Any:
    import pandas as pd

    if all(len(text) == _OUR_TIME and text[-1] == "Z" for text in texts):
        return pd.to_datetime(texts)  # as below, at once
    return pd.DataFrame([(pd.Timestamp(text),) for text in texts])[0]


def table(session: Session, experiment: str | None = None) -> Table:
    """Return the runs of an experiment, or of the project; those dropped are passed over (see `all_runs`)."""
    look = list_runs(session, "runs/")
    reading, names = _Reading(session, look), look.renamed()
    found = Table([], [], [])
    for run, row in reading.rows().items():
        of, entry, started, *values = marshal.loads(row.packed)
        if (session.at is not None and (of is None or entry > look.view.n)) or (
            None not in (experiment, of) and of != f"experiment:{experiment}"
        ):
            continue
        values.insert(0, run)
        values[_STATUS] = reading.fates.get(run, values[_STATUS])
        values[_NAME] = names.get(run, values[_NAME])
        found.started.append(started)
        found.own.append(row.own)
        found.rows.append(tuple(values))
    return found


class _Reading:
    """Reads the rows that are not known; lives as long as one look.

    Attributes
    ----------
    fates : dict
        The status by now of runs that are known and had not ended.
    """

    def __init__(self, session: Session, look: RunListing) -> None:
        self.fates: dict[str, str] = {}
        self._look, self._known = look, session.blobs.checked_files.rows
        self._outcomes = Outcomes(session, look)
        self._own: dict[tuple[str, ...], tuple[str, ...]] = {}  # each once, however many runs have it
        self._named: dict[tuple[str | None, ...], tuple[str, ...]] = {}
        self._code: Doc | None = None

    def rows(self) -> dict[str, _Row]:
        """Return the rows of the runs that stand."""
        rows = {run: self._unchanged(run) for run in self._look.standing()}
        unknown = [run for run, row in rows.items() if row is None]
        if unknown:
            self._own = {row.own: row.own for row in rows.values() if row is not None}
        making = Making(self._whole, self._broken, keep=False)
        rows |= dict(zip(unknown, self._outcomes.each(unknown, making), strict=True))
        return {run: row for run, row in rows.items() if row is not None}

    def _unchanged(self, run: str) -> _Row | None:
        row: _Row | None = self._known.known(run)
        if row is None or row.sizes != self._look.files.sizes(run):
            return None
        if not row.ended:
            try:
                self.fates[run] = self._outcomes.fate(run, self._look.files)
            except KeyNotFound:  # it has ended since it was listed
                return None
        return row

    def _whole(self, files: RunFiles, head: Doc, end: Doc) -> _Row:
        self._check(head, end)
        began = datetime.fromisoformat(head["started_at"])
        ended = None if end["ended_at"] is None else datetime.fromisoformat(end["ended_at"])
        params, metrics = json_value(head["params"]), decode_values(end["metrics"])
        values = (
            *(head["experiment"], head["entry"], head["started_at"]),
            *(head["experiment_name"], head["name"], end["status"], head["author"]),
            *(None if ended is None else (ended - began).total_seconds(), *params.values(), *metrics.values()),
        )
        run = head["id"]
        row = _Row(files.sizes(run), ended is not None, self._columns(params, metrics), marshal.dumps(values))
        if end["status"] not in ("damaged", "unreadable"):  # what is mended counts at once
            self._known.put(run, row, len(row.packed) + _BESIDE)
        return row

    def _columns(self, params: Doc, metrics: Doc) -> tuple[str, ...]:
        names = (*params, None, *metrics)
        known = self._named.get(names)
        if known is None:
            own = (*(f"params.{name}" for name in params), *(f"metrics.{name}" for name in metrics))
            known = self._named[names] = self._own.setdefault(own, own)
        return known

    def _broken(self, run: str, head: Doc | None, said: Doc) -> _Row:
        of, entry = (None, -1) if head is None else (head["experiment"], head["entry"])
        return _Row((), True, (), marshal.dumps((of, entry, "", "", "", said["status"], "", None)))

    def _check(self, head: Doc, end: Doc) -> None:
        """Find the damage that would show in a record."""
        "".join([*head["uses"], *end["reads"]])
        for file in end["artifacts"].values():
            file_record(file)
        if head["code"] != self._code:  # that of most runs is that of the run before
            records.from_json({**head["code"], "diff_file": None}, "Code")
            self._code = head["code"]
