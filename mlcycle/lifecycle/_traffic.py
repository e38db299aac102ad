"""Traffic of a deployment: where a service gets its routes and models from, where predictions go, what they say."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlcycle import records, serving, storage
from mlcycle._ids import now, parse_time
from mlcycle.errors import NotFound
from mlcycle.lifecycle import _tables as tables
from mlcycle.lifecycle._gate import criteria_today
from mlcycle.lifecycle._model_files import load_model
from mlcycle.lifecycle._view import doc_ref
from mlcycle.lifecycle.datasets import features_and_target

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mlcycle.lifecycle._session import Session

__all__ = ["Loader", "Routes", "Sink", "inspect", "read"]

Doc = dict[str, Any]


class Routes:
    """The current revision of a deployment, as a service asks for it."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name

    def current(self) -> records.Revision:
        """Return the revision that answers now."""
        from mlcycle.lifecycle.deployments import Deployment

        with self._session.view() as view:
            doc = view.deployment(self._name)
        revision = Deployment(self._session, doc).revision
        if revision is None:
            raise NotFound(f"{self._name} has no route")
        return revision


class Loader:
    """Models by ref, as a service asks for them, under the trust its caller gave."""

    def __init__(self, session: Session, trust: bool | Collection[str], reason: str | None) -> None:
        self._session = session
        self._trust = trust
        self._reason = reason

    def __call__(self, ref: str) -> serving.Loaded:
        """Load a version and its signature."""
        with self._session.view() as view:
            doc = view.version("models", ref)
            files = view.files(doc["object"], ref)
        card = self._session.read_document(next(file for file in files if file["kind"] == "card"), ref)
        model = load_model(self._session, files, card, ref, trust=self._trust, reason=self._reason)
        return serving.Loaded(ref=doc_ref(doc), model=model, signature=card["signature"])


class Sink:
    """Lines of traffic into segments of this process, a folder a day."""

    def __init__(self, session: Session, deployment: str) -> None:
        self._session = session
        self._deployment = deployment
        self._day = ""
        self._writer: storage.SegmentWriter | None = None

    def write(self, lines: bytes) -> None:
        """Append whole lines; never raises, as `mlcycle.storage.SegmentWriter` says."""
        day = now()[:10]
        if self._writer is None or day != self._day:
            self.close()
            self._day = day
            self._writer = storage.SegmentWriter(self._session.files, f"traffic/{self._deployment}/{day}/")
        self._writer.write(lines)

    def flush(self) -> None:
        """Send what a spool holds."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """End the segment of the day."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def read(session: Session, deployment: str, since: Any, until: Any) -> serving.Traffic:
    """Return the captured traffic of a deployment in a window."""
    start = parse_time(since) if since is not None else None
    end = parse_time(until) if until is not None else None
    return serving.decode(_lines(session, deployment, start), since=start, until=end)


def _lines(session: Session, deployment: str, start: str | None) -> Iterator[bytes]:
    """Yield the lines of every day that can hold what is asked; labels may come long after, so to the last day."""
    prefix = f"traffic/{deployment}/"
    days = sorted({item.key.removeprefix(prefix).split("/")[0] for item in session.files.list(prefix)})
    for day in days:
        if start is None or day >= start[:10]:
            for _, line in storage.read_lines(session.files, f"{prefix}{day}/"):
                yield line


def inspect(
    session: Session,
    deployment: str,
    name: str,
    revision: records.Revision | None,
    since: Any,
    until: Any,
    alpha: float,
) -> records.Report:
    """Compare traffic in a window with the training data of the version that answers most of it."""
    if revision is None:
        raise NotFound(f"{name} has no route yet, so there is nothing to check")
    start = _moment(since) if since is not None else revision.at
    found = read(session, deployment, start, until)
    main = max(revision.weights, key=lambda ref: revision.weights[ref])
    with session.view() as view:
        model = view.version("models", main, dropped=True)
        scope = view.scope()
        files = view.files(model["object"], main)
        trained_on = [view.version("datasets", ref, dropped=True) for ref in model["data"]]
    card = session.read_document(next(file for file in files if file["kind"] == "card"), main)
    reference, target = _reference(session, trained_on)
    return serving.inspect(
        name,
        revision,
        reference=reference,
        target=target,
        traffic=found,
        signature=card["signature"],
        model=_loadable(session, main),
        criteria=criteria_today(scope),
        since=start,
        until=_moment(until) if until is not None else now(),
        alpha=alpha,
    )


def _reference(session: Session, trained_on: list[Doc]) -> tuple[Any, Any]:
    """Return features and target of the training data, or nothing where a model has no lineage."""
    for doc in trained_on:
        frame = tables.frame_of(session, doc)
        if doc["roles"].get("target") is None:
            return frame, None
        return features_and_target(frame, doc["roles"], doc_ref(doc))
    return None, None


def _loadable(session: Session, ref: str) -> Any:
    with contextlib.suppress(PermissionError):
        return Loader(session, (), None)(ref).model
    return None


def _moment(value: Any) -> str:
    if isinstance(value, timedelta):
        return (datetime.now(UTC) - value).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return parse_time(value)
