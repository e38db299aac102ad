"""One deployment: which versions answer there, and what its traffic says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import monitoring, provenance, records, serving, stats
from mlcycle._text import printable
from mlcycle.errors import NotFound
from mlcycle.lifecycle import traffic
from mlcycle.lifecycle._gate_request import GateRequest
from mlcycle.lifecycle._history import history_frame
from mlcycle.lifecycle._points_in_time import time_window
from mlcycle.lifecycle._stored_decisions import decision_records
from mlcycle.lifecycle._stored_evaluations import evaluation_record, evaluation_records, keep_evaluation
from mlcycle.lifecycle.deployments._record import current_revision, revision_record
from mlcycle.lifecycle.deployments._routing import rollback_route, route
from mlcycle.lifecycle.deployments._service_sources import StoredModelLoader, StoredRoutes
from mlcycle.lifecycle.deployments._traffic_check import judge_window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from mlcycle._typing import Moment, Trust
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session

__all__ = ["Deployment", "who_answers"]


@printable
class Deployment:
    """One named place; lives as long as the project handle it came from.

    Attributes
    ----------
    name : str
        Its name.

    Examples
    --------
    >>> import mlcycle as mc
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> project = mc.open("memory://docs-deployments")
    >>> version = project.models.register("iris", LogisticRegression(max_iter=500).fit(X, y), example=X)
    >>> shop = project.deployments.open("shop")
    >>> shop.route({"iris@1": 100}, message="first").number
    1
    >>> with shop.serve() as service:
    ...     service.predict(X[:3], ids=["a", "b", "c"])
    array([0, 0, 0])
    >>> len(shop.traffic())
    3
    """

    def __init__(self, session: Session, name: str, identity: str) -> None:
        self._session = session
        self._id = identity
        self.name = name

    def __repr__(self) -> str:
        return f"<deployment {self.name}: {who_answers(self.revision)}>"

    @property
    def _address(self) -> str:
        return f"deployment:{self.name}"

    @property
    def revision(self) -> records.Revision | None:
        """The revision that answers now; None before the first route."""
        return current_revision(self._session.view(), self.name)

    def revisions(self) -> records.Listing[records.Revision]:
        """Return every revision there was, oldest first."""
        view = self._session.view()
        standing = view.versions.standing("deployment", self.name)
        return records.Listing(map(revision_record, standing), of="revisions")

    def route(
        self,
        weights: Mapping[str | records.ModelVersion, int] | str | records.ModelVersion,
        *,
        shadow: str | records.ModelVersion | None = None,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.Revision:
        """Say which versions answer, with what weights; running services follow by themselves.

        Every version with a weight must pass the gate, unless what allowed it before still holds: it was promoted, or
        routed, and the scope asks no more since. An override given for a route holds for the share it was given for,
        and only there; that of a promotion wherever the version is routed. One that nobody has evaluated yet may get up
        to 10 % of the traffic (all such versions together) for 14 days; `Project.status` says until when.

        Parameters
        ----------
        weights : mapping of version to int, or one version
            Shares of the traffic; ``{"churn@6": 90, "churn@7": 10}``. An alias is resolved now and stays resolved.
        shadow : version, optional
            Answers too, is captured, and is never seen by a caller; the gate does not ask about it.
        override_until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Passes a gate that blocks, with a `message`; until when. A bare date means the end of that day (UTC),
            ``"30d"`` or a timedelta so long from now. The route stays when it ends; `Project.status` says so.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Raises
        ------
        InvalidInput
            For weights that are not positive whole numbers.
        GateBlocked
            Saying which version failed what, and how to override.
        ConflictError
            When somebody else changed the route meanwhile.
        """
        return route(self._session, self.name, weights, shadow, message=message, override_until=override_until, op=op)

    def rollback(
        self,
        *,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.Revision:
        """Go back to the newest revision that was not itself rolled back, with a warning if that fails today's scope.

        Parameters
        ----------
        override_until : moment, optional
            Passes a hook that blocks, as in `route`; the gate itself never keeps anybody from going back.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Raises
        ------
        NotFound
            When there is nothing to go back to.
        VersionDeleted
            When a version it needs was dropped.
        ConflictError
            When somebody else changed the route meanwhile.
        """
        return rollback_route(self._session, self.name, message=message, override_until=override_until, op=op)

    def history(
        self,
        *,
        author: str | Iterable[str] | None = None,
        kind: str | Iterable[str] | None = None,
        since: int | Moment | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return who did what here, when and why: its part of `Project.history`, narrowed as there."""
        of = f"deployment:{self.name}"
        return history_frame(self._session, author=author, of=of, kind=kind, since=since, limit=limit)

    # at work -------------------------------------------------------------------------------------------------------

    def serve(
        self,
        *,
        capture: float = 1.0,
        follow: float = 5.0,
        trust: Trust = (),
    ) -> serving.Service:
        """Return a live handle that answers in this process, by the current revision and those to come.

        Parameters
        ----------
        capture : float, default 1.0
            Share of the predictions kept, chosen by id.
        follow : float, default 5.0
            Seconds between two looks for a new revision; 0 looks at every call.
        trust
            As in `ModelVersion.load`.
        """
        self._session.check_writable()
        if self.revision is None:
            raise NotFound(f"{self.name} has no route yet; say who answers: route({{'churn@1': 100}}, message='…')")
        return serving.Service(
            self.name,
            routes=StoredRoutes(self._session, self.name),
            load=StoredModelLoader(self._session, trust),
            sink=traffic.TrafficWriter(self._session, self._id),
            capture=capture,
            follow=follow,
            masked=lambda text: provenance.redact(text)[0],
        )

    def label(self, ids: Iterable[Any], outcomes: Iterable[Any]) -> int:
        """Report the truth for predictions made before, from any process; return how many labels were kept.

        A label of an id that nobody predicted is kept too: its prediction may still come, from a process that has not
        flushed it. `check` counts those apart. Of several labels of one id the last counts, and a missing outcome takes
        it back; ids 17, 17.0 and "17" are one.
        """
        self._session.check_writable()
        sink = traffic.TrafficWriter(self._session, self._id)
        try:
            lines = serving.encode_labels(ids, outcomes)
            sink.write(lines)
        finally:
            sink.close()
        return lines.count(b"\n")

    def traffic(self, *, since: Moment | None = None, until: Moment | None = None) -> pd.DataFrame:
        """Return captured predictions joined with their labels, one row each.

        Parameters
        ----------
        since, until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Only predictions made from this moment on, and up to that: a time (UTC unless it says otherwise), a day
            (UTC; from its first moment, up to its last), or a span back from now such as ``"7d"``, ``"24h"`` or
            ``"90min"``.
        """
        return traffic.read(self._session, self.name, self._id, *time_window(since, until)).frame

    def check(
        self,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        false_alarms_per_year: float = 1.0,
        checks: Iterable[Any] = (),
        message: str = "",
        op: str | None = None,
    ) -> records.Evaluation:
        """Judge traffic by every signal there is, and keep what was found.

        Looks at every input column (a two-sample test, Holm over columns, and an effect that matters), at the
        predictions, at quality where labels are, and at failures and latency: `mlcycle.monitoring.SIGNALS`. Quality is
        that of the answers and scores that were captured, so no model is trusted for it: judged by the scope's criteria
        with a threshold, else against what an evaluation of the version measured, else given as *not judged*, a
        warning. A part that does not fit, such as a test set that lacks a column, is a finding; only a storage that
        fails raises.

        Parameters
        ----------
        since, until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            The window, as in `traffic`; by default from when the current revision began to answer, so that what failed
            once fails again: after a failure that was mended, look at what came since. `Project.status` names the line.
        false_alarms_per_year : float, default 1
            How many are bearable, expected while nothing changes: about drift, quality that has not fallen below what
            it is held against, and failures. Looks of one deployment share them, whatever windows they take and
            whichever version answers.
        checks : iterable of callable, optional
            Signals of yours, run after those: ``(subject, context) -> Result``, a number, True or False, or several of
            these. The window is ``context.traffic``; data and models of the project are there as for any check.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Returns
        -------
        Evaluation
            A result for everything looked at; its `findings` are those with a phase to go to next.

        Examples
        --------
        >>> import mlcycle as mc
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.linear_model import LogisticRegression
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> project = mc.open("memory://docs-signals")
        >>> version = project.models.register("iris", LogisticRegression(max_iter=500).fit(X, y), example=X)
        >>> shop = project.deployments.open("shop")
        >>> revision = shop.route("iris@1")
        >>> def is_used(subject, context):
        ...     return len(context.traffic.live()) > 0
        >>> shop.check(checks=[is_used]).findings[-1]
        Result('fail: is_used', subject='shop', look='is_used', phase='deployment')
        """
        budget, given = stats.Budget(false_alarms_per_year), monitoring.signals_given(checks)
        self._session.check_writable()
        found, level = judge_window(self._session, self.name, since, until, budget, given)
        told: dict[str, records.Evaluation] = {}

        def work(do: Operation) -> records.Evaluation:
            do.judge(
                lambda: GateRequest(verb="window.close", action="check", subject=found.subject, proposal=lambda: told)
            )
            changes = keep_evaluation(do, found, level=level)
            fact = do.commit(lambda view: [*changes]).fact("evaluation")
            told["evaluation"] = evaluation_record(self._session, fact)
            return told["evaluation"]

        return self._session.operate("deployment.check", work, message=message, op=op)

    def evaluations(self) -> records.Listing[records.Evaluation]:
        """Return what `check` found and kept, oldest first."""
        return evaluation_records(self._session, self._session.view(), "deployment", f"deployment:{self.name}")

    def decisions(self) -> records.Listing[records.Decision]:
        """Return what gates and hooks decided about its routes, oldest first."""
        return decision_records(self._session.blobs, self._session.view(), "deployment", f"deployment:{self.name}")


def who_answers(revision: records.Revision | None) -> str:
    """Say who answers with which share of the traffic: ``revision 2, churn@6 90 %, churn@7 10 %``."""
    if revision is None:
        return "no route yet"
    total = sum(revision.weights.values())
    shares = [f"{ref} {100 * weight / total:.3g} %" for ref, weight in revision.weights.items()]
    shadow = [f"{revision.shadow} as shadow"] if revision.shadow else []
    return ", ".join([f"revision {revision.number}", *shares, *shadow])
