"""The project: one object through which everything in a store is reached."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, overload

from mlcycle import _html, records
from mlcycle._ids import now
from mlcycle._text import printable
from mlcycle.errors import InvalidInput, MlcycleError
from mlcycle.lifecycle._gate_request import Evidence, GateRequest
from mlcycle.lifecycle._history import history_frame
from mlcycle.lifecycle._home import load
from mlcycle.lifecycle._points_in_time import entry_number
from mlcycle.lifecycle._rollback import moves_of, new_models
from mlcycle.lifecycle._session import Session
from mlcycle.lifecycle.datasets import Datasets
from mlcycle.lifecycle.deployments import Deployments
from mlcycle.lifecycle.evaluation import failing_today
from mlcycle.lifecycle.experiments import Experiments
from mlcycle.lifecycle.models import Models
from mlcycle.lifecycle.runs import Runs, run_ref
from mlcycle.lifecycle.scope import Scopes
from mlcycle.lifecycle.store import Store
from mlcycle.state import Change, ProjectRollback, View, moves_to, roll_project_back, stamp_of, status_of
from mlcycle.storage import UpToDate

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    import pandas as pd

    from mlcycle._typing import Moment, Trust
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.lifecycle.runs import ActiveRun

__all__ = ["Project"]

_NAMED = 100  # models a decision on a rollback is found by: an entry holds 64 KB, and its document has them all


@printable
class Project:
    """An open project; lives as long as you work with it, in one process, and is made by `mlcycle.open`.

    Handles are cheap and safe to share between threads. A project pickles to its URL (with its storage options), so
    that it travels to workers.

    Attributes
    ----------
    scope : Scopes
        What the project is for and what counts as good.
    datasets, experiments, runs, models, deployments : mappings
        What there is in each phase of the cycle, by name.
    store : Store
        The store underneath: verify, sweep, tag, drop, restore.
    """

    def __init__(self, session: Session) -> None:
        if not isinstance(session, Session):
            raise InvalidInput(f"open a project with mlcycle.open(url), got {type(session).__name__}: {session!r:.80}")
        self._session = session
        self.scope = Scopes(session)
        self.datasets = Datasets(session)
        self.experiments = Experiments(session)
        self.runs = Runs(session)
        self.models = Models(session)
        self.deployments = Deployments(session)
        self.store = Store(session)

    def __repr__(self) -> str:
        past = "" if self._session.at is None else f" as of entry {self._session.at}"
        return f"<mlcycle project {self._session.url}{past}>"

    def _repr_html_(self) -> str:
        view = self._session.view()  # what files there are takes a pass over the log: `Store.info`
        facts = [("entries", view.n + 1), *((f"{of}s", len(view.names.of(of))) for of in ("dataset", "model"))]
        return _html.card(repr(self)[1:-1], facts, _html.Markup(self.status()._repr_html_()))

    def __reduce__(self) -> tuple[Any, ...]:
        return Project, (self._session,)

    @overload
    def load(self, what: records.DatasetVersion, *, columns: Iterable[Hashable] | None = None) -> pd.DataFrame: ...
    @overload
    def load(self, what: records.ModelVersion, *, trust: Trust = ()) -> Any: ...
    @overload
    def load(
        self,
        what: str,
        *,
        columns: Iterable[Hashable] | None = None,
        trust: Trust = (),
    ) -> Any: ...
    def load(
        self,
        what: str | records.DatasetVersion | records.ModelVersion,
        *,
        columns: Iterable[Hashable] | None = None,
        trust: Trust = (),
    ) -> Any:
        """Load what an address stands for: a DataFrame for data, an estimator for a model.

        Parameters
        ----------
        what : str, DatasetVersion or ModelVersion
            ``"customers@2"``, ``"model:churn@production"``; a text without its kind where one kind alone has the name.
        columns
            For data, as in `DatasetVersion.load`.
        trust
            For models, as in `ModelVersion.load`.
        """
        return load(self._session, what, columns=columns, trust=trust)

    def status(self) -> records.Status:
        """Return, per phase, what is missing, stale, blocked, failing or due, and the line that mends it.

        It reads the log alone: neither data nor models. Of a project `at` an entry it tells what stood then, and what
        had expired when that entry was written.

        Examples
        --------
        >>> import mlcycle as mc
        >>> project = mc.open("memory://docs-status")
        >>> print(project.status())
        scope       ! no scope yet: project.scope.set(objective=…, criteria=[…])
        data        ! no data yet: project.datasets.add(name, frame)
        model       ! no model yet: run.register(name)
        deployment  ✓
        >>> project.status().ok
        True
        """
        view = self._session.view()
        moment = now() if self._session.at is None else stamp_of(view.read(view.n)).at
        return status_of(view, moment)

    def history(
        self,
        *,
        author: str | Iterable[str] | None = None,
        of: str | records.Record | ActiveRun | None = None,
        kind: str | Iterable[str] | None = None,
        since: int | Moment | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return who did what, when and why: one row per entry of the log, oldest first; only those asked for.

        Entries that only keep files for others (the code and environment of runs) are left out, unless `kind` asks
        for them; ``run.pin`` is the kind of such an entry.

        Parameters
        ----------
        author : str or iterable of str, optional
            Who did it.
        of : str or record, optional
            What it is about: a name means all its versions, aliases, evaluations and decisions, and the rollbacks of
            the project that moved it (``"churn"``, or ``"dataset:churn"`` where several have the name); a version
            means what happened to that one (``"churn@7"``); also ``"deployment:eu"``, ``"scope"`` or ``"run:0a…"``.
        kind : str or iterable of str, optional
            What was done: ``"model.promote"``, or half of it, ``"model"`` or ``"promote"``.
        since : int, str, date, datetime or timedelta, optional
            The first entry, its tag, or from which moment on, such as ``"7d"``.
        limit : int, optional
            Only the newest so many of those.

        Returns
        -------
        pandas.DataFrame
            By ``entry``: ``what message author kind at``.

        Raises
        ------
        NotFound
            When nothing has that name, with the names that look like it.
        InvalidInput
            For a kind that is not in this history, and a name that several things have.
        """
        if isinstance(of, str) and of.startswith("run:"):
            of = run_ref(self._session, of, self._session.view())
        return history_frame(self._session, author=author, of=of, kind=kind, since=since, limit=limit)

    def at(self, moment: int | Moment) -> Project:
        """Return the project as it stood, read-only.

        Parameters
        ----------
        moment : int, str, date, datetime or timedelta, or one of numpy or pandas
            A log entry, a tag, a date (its end) or time (UTC unless it says otherwise), or a span back from now such
            as ``"7d"``.
        """
        entry = entry_number(self._session.log, self._session.view(), moment)
        return Project(self._session.sibling(entry))

    def rollback(
        self,
        to: int | Moment,
        *,
        dry_run: bool = False,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.Listing[records.Move]:
        """Set datasets, aliases and routes together to what they were, as one entry.

        Versions made later are retracted: no longer ``latest``, still addressable. Scope, runs, evaluations,
        decisions and labels are facts and stay. To undo a rollback, roll back to the entry before it.

        Parameters
        ----------
        to : int, str, date, datetime or timedelta
            A log entry, a tag, or a moment, as in `at`.
        dry_run : bool, default False
            Only list what would move; nothing is judged and nothing refused.
        override_until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Goes back even to a model that fails today's scope, with a `message`; until when. A bare date means the end
            of that day (UTC), ``"30d"`` or a timedelta so long from now.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Returns
        -------
        list of Move
            Pointer, from, to, and who had set it.

        Raises
        ------
        VersionDeleted
            When a target is gone.
        GateBlocked
            When a target fails today's scope and there is no override.
        """
        if dry_run:
            view = self._session.view()
            return moves_of(view, entry_number(self._session.log, view, to))

        def work(do: Operation) -> records.Listing[records.Move]:
            entry = entry_number(self._session.log, do.view, to)
            changes: list[Change] = []
            with contextlib.suppress(MlcycleError):  # the entries it goes by are read here, and not one for each plan
                changes = roll_project_back(do.view, entry)
            do.judge(lambda: _request(self._session.blobs, do.view, entry) if changes else None)
            done = do.commit(lambda view: roll_project_back(view, entry) or UpToDate())
            if done.entry is None:
                return records.Listing(of="moves")
            return moves_of(done.view.then(done.view.n - 1), done.change(ProjectRollback).to)

        return self._session.operate("project.rollback", work, message=message, op=op, override_until=override_until)


def _request(blobs: Blobs, view: View, entry: int) -> GateRequest:
    """Return what is judged of a rollback: that nothing it goes back to is known to fail the scope of today."""
    failing = failing_today(blobs, view, new_models(view, entry))
    return GateRequest(
        verb="project.rollback",
        action="roll back",
        subject="project:project",
        proposal=lambda: {"to": entry, "moves": tuple(moves_of(view, entry))},
        evidence=Evidence(results=failing, scope=view.versions.latest("scope", "scope")),
        about=tuple(dict.fromkeys(one.subject for one in failing))[:_NAMED],
        premise=lambda now: [(one.of, one.name, one.pointer, one.before, one.after) for one in moves_to(now, entry)],
    )
