"""The deployments of a project: named places, which versions answer there, and what their traffic says."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

from mlcycle import provenance, records, serving
from mlcycle._ids import check_name, new_id, parse_ref
from mlcycle._text import printable
from mlcycle.errors import ConflictError, InvalidInput, NotFound
from mlcycle.lifecycle import _traffic as traffic
from mlcycle.lifecycle._session import draft
from mlcycle.lifecycle._view import View, doc_ref
from mlcycle.storage import Draft, Settled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import pandas as pd

    from mlcycle.lifecycle._session import Session

__all__ = ["Deployment", "Deployments"]

Doc = dict[str, Any]


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
        with self._session.view() as view:
            view.check_free("deployments", name)
            if name in view.names("deployments") and op is None:  # with an op, the log says what it was used for
                return Deployment(self._session, view.deployment(name))

        def plan(view: View) -> Draft | Settled:
            view.check_free("deployments", name)
            if name in view.names("deployments"):
                return Settled(None)
            return draft([{"kind": "deployment.open", "name": name, "id": new_id()}])

        self._session.commit(plan, message=message, op=op)
        return self.get(name)

    def get(self, name: str) -> Deployment:
        """Return a deployment that exists."""
        with self._session.view() as view:
            return Deployment(self._session, view.deployment(name))

    def names(self) -> list[str]:
        """Return the names of the deployments, sorted."""
        with self._session.view() as view:
            return view.names("deployments")


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
    >>> shop.route({"iris@1": 100}, reason="first").number
    1
    >>> with shop.serve() as service:
    ...     service.predict(X[:3], ids=["a", "b", "c"])
    array([0, 0, 0])
    >>> len(shop.traffic())
    3
    """

    def __init__(self, session: Session, doc: Doc) -> None:
        self._session = session
        self._id: str = doc["id"]
        self.name: str = doc["name"]

    def __repr__(self) -> str:
        revision = self.revision
        return f"<deployment {self.name}: {revision or 'no route yet'}>"

    @property
    def revision(self) -> records.Revision | None:
        """The revision that answers now; None before the first route."""
        with self._session.view() as view:
            doc = view.revision(view.deployment(self.name))
        return None if doc is None else traffic.revision_record(doc)

    def revisions(self) -> list[records.Revision]:
        """Return every revision there was, oldest first."""
        with self._session.view() as view:
            found = view.deployment(self.name)["revisions"]
        return [traffic.revision_record(doc) for doc in sorted(found.values(), key=lambda doc: doc["number"])]

    def route(
        self,
        weights: Mapping[str | records.ModelVersion, int] | str | records.ModelVersion,
        *,
        shadow: str | records.ModelVersion | None = None,
        reason: str = "",
        op: str | None = None,
    ) -> records.Revision:
        """Say which versions answer, with what weights; running services follow by themselves.

        Parameters
        ----------
        weights : mapping of version to int, or one version
            Shares of the traffic; ``{"churn@6": 90, "churn@7": 10}``. An alias is resolved now and stays resolved.
        shadow : version, optional
            Answers too, is captured, and is never seen by a caller.
        reason, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Raises
        ------
        InvalidInput
            For weights that are not positive whole numbers.
        ConflictError
            When somebody else changed the route meanwhile.
        """
        if not isinstance(weights, (Mapping, str, records.ModelVersion)):
            raise InvalidInput(
                "a route is one version, or versions with their weights such as {'churn@1': 100}, "
                f"got {type(weights).__name__}: {weights!r:.60}"
            )
        given: dict[Any, int] = dict(weights) if isinstance(weights, Mapping) else {weights: 1}
        self._session.check_writable()
        with self._session.view() as view:
            resolved = {_version(view, ref): weight for ref, weight in given.items()}
            shadowing = None if shadow is None else _version(view, shadow)
            before = _standing(view, self.name)
        if len(resolved) != len(given):
            raise InvalidInput(f"two of {', '.join(map(str, given))} are the same version; give it once")
        serving.check_weights(resolved)

        def plan(view: View) -> Draft:
            deployment = view.deployment(self.name)
            self._expect(view, before)
            for ref in [*resolved, *([shadowing] if shadowing else [])]:
                view.version("models", ref)
            number = 1 + max(map(int, deployment["revisions"]), default=0)
            change = {"deployment": self.name, "number": number, "weights": resolved, "shadow": shadowing}
            return draft([{"kind": "route.add", "before": before, **change}])

        commit = self._session.commit(plan, message=reason, op=op)
        assert commit.entry is not None
        number = commit.entry["changes"][0]["number"]
        return next(revision for revision in self.revisions() if revision.number == number)

    def _expect(self, view: View, expected: int | None) -> None:
        deployment = view.deployment(self.name)
        found = _standing(view, self.name)
        if found != expected:
            move = deployment["moves"][-1]
            winner = {field: move[field] for field in ("author", "at", "message")} | {"n": move["entry"]}
            raise ConflictError(
                f"{self.name} stood at revision {expected} when this began and stands at {found} now, set by "
                f"{move['author']} at {move['at']} (entry {move['entry']}): {move['message'] or 'no reason given'}",
                winner,
            )

    def rollback(self, *, reason: str = "", op: str | None = None) -> records.Revision:
        """Go back to the newest revision that was not itself rolled back.

        Raises
        ------
        NotFound
            When there is nothing to go back to.
        VersionDeleted
            When a version it needs was dropped.
        """
        self._session.check_writable()

        def plan(view: View) -> Draft:
            stack = view.deployment(self.name)["stack"]
            if len(stack) < 2 or stack[-2]["to"] is None:
                raise NotFound(f"{self.name} has no earlier revision to go back to")
            before, after = stack[-1]["to"], stack[-2]["to"]
            for ref in view.deployment(self.name)["revisions"][str(after)]["weights"]:
                view.version("models", ref)
            move = {"deployment": self.name, "before": before, "after": after, "how": "rollback"}
            return draft([{"kind": "route.move", **move}])

        commit = self._session.commit(plan, message=reason, op=op)
        assert commit.entry is not None
        number = commit.entry["changes"][0]["after"]
        return next(revision for revision in self.revisions() if revision.number == number)

    def history(self) -> pd.DataFrame:
        """Return the moves of the route, oldest first: who, when, why, from which revision to which."""
        import pandas as pd

        with self._session.view() as view:
            deployment = view.deployment(self.name)
            rows = [
                {
                    "entry": move["entry"],
                    "at": pd.Timestamp(move["at"]),
                    "before": move.get("before"),
                    "after": move["after"],
                    "how": move["how"],
                    "author": move["author"],
                    "reason": move["message"],
                }
                for move in deployment["moves"]
            ]
        return pd.DataFrame(rows, columns=["entry", "at", "before", "after", "how", "author", "reason"])

    # at work -------------------------------------------------------------------------------------------------------

    def serve(
        self,
        *,
        capture: float = 1.0,
        follow: float = 5.0,
        trust: bool | Collection[str] = (),
        reason: str | None = None,
    ) -> serving.Service:
        """Return a live handle that answers in this process, by the current revision and those to come.

        Parameters
        ----------
        capture : float, default 1.0
            Share of the predictions kept, chosen by id.
        follow : float, default 5.0
            Seconds between two looks for a new revision; 0 looks at every call.
        trust, reason
            As in `Models.load`.
        """
        self._session.check_writable()
        if self.revision is None:
            raise NotFound(f"{self.name} has no route yet; say who answers: route({{'churn@1': 100}}, reason='…')")
        return serving.Service(
            self.name,
            routes=traffic.Routes(self._session, self.name),
            load=traffic.Loader(self._session, trust, reason),
            sink=traffic.Sink(self._session, self._id),
            capture=capture,
            follow=follow,
            masked=lambda text: provenance.redact(text)[0],
        )

    def label(self, ids: Iterable[Any], outcomes: Iterable[Any]) -> int:
        """Report the truth for predictions made before, from any process; return how many were kept."""
        self._session.check_writable()
        sink = traffic.Sink(self._session, self._id)
        try:
            lines = serving.encode_labels(ids, outcomes)
            sink.write(lines)
        finally:
            sink.close()
        return lines.count(b"\n")

    def traffic(self, *, since: Any = None, until: Any = None) -> pd.DataFrame:
        """Return captured predictions joined with their labels, one row each.

        Parameters
        ----------
        since, until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Only predictions made from this moment on, and up to that: a time (UTC unless it says otherwise), a day
            (UTC; from its first moment, up to its last), or a span back from now such as ``"7d"``, ``"24h"`` or
            ``"90min"``.
        """
        return traffic.read(self._session, self._id, since, until).frame

    def check(self, *, since: Any = None, until: Any = None, alpha: float = 0.05, message: str = "") -> records.Report:
        """Compare traffic with what the model was trained on, and keep the report.

        Looks at every input column (a two-sample test, Holm over columns, and an effect that matters), at the
        predictions, at quality where labels are, and at latency. Quality is that of the answers and scores that were
        captured, so no model is trusted for it: judged by the scope's criteria with a threshold, else against what an
        evaluation of the version measured, else given as *not judged*, a warning. A part that does not fit, such as a
        test set that lacks a column, is a finding of the report; only a storage that fails raises.

        Parameters
        ----------
        since, until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            The window, as in `traffic`; by default from when the current revision began to answer.
        alpha : float, default 0.05
            Chance of any false alarm among the columns, when nothing changed.
        message : str
            For the history.

        Returns
        -------
        Report
            Findings with evidence and a suggested next phase, and a table of everything looked at.
        """
        self._session.check_writable()
        chance: Any = alpha
        if not isinstance(chance, Real) or not 0 < float(chance) < 1:
            raise InvalidInput(f"alpha={alpha!r:.60} is the chance of a false alarm, between 0 and 1")
        report = traffic.inspect(self._session, self._id, self.revision, self.name, since, until, alpha)
        identity = new_id()

        def upload() -> Doc:
            return self._session.depot.store_document(identity, "report", records.to_json(report))

        def plan(view: View, file: Doc) -> Draft:
            stored_object = f"report:{identity}"
            severities = [finding.severity for finding in report.findings]
            change = {
                "kind": "report.add",
                "id": identity,
                "deployment": self.name,
                "revision": report.revision,
                "rows": report.rows,
                "findings": len(severities),
                "severity": max(severities, key=["info", "warn", "fail"].index, default=None),
                "object": stored_object,
            }
            return draft([{"kind": "place", "object": stored_object, "files": [file]}, change])

        self._session.publish(upload, plan, message=message)
        return report

    def reports(self) -> list[records.Report]:
        """Return the reports kept by `check`, oldest first."""
        with self._session.view() as view:
            docs = [doc for doc in view.logical["reports"] if doc["deployment"] == self.name]
            files = [view.files(doc["object"], f"report {doc['id']}")[0] for doc in docs]
        found = (self._session.depot.read_document(file, "a report") for file in files)
        return [records.from_json(document) for document in found]


def _standing(view: View, name: str) -> int | None:
    current = view.revision(view.deployment(name))
    return current["number"] if current else None


def _version(view: View, ref: str | records.ModelVersion) -> str:
    if isinstance(ref, records.ModelVersion):
        return doc_ref(view.version("models", ref.ref))
    return doc_ref(view.version("models", str(parse_ref(ref))))
