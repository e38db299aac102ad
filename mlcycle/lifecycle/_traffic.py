"""Traffic of a deployment: where a service gets its routes and models from, where predictions go, what they say."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, cast

import attrs

from mlcycle import checks, records, serving, storage
from mlcycle._ids import now, parse_time
from mlcycle.errors import NotFound, UntrustedModel
from mlcycle.lifecycle import _tables as tables
from mlcycle.lifecycle._gate import criteria_today
from mlcycle.lifecycle._model_files import Signed, load_version, signature_of
from mlcycle.lifecycle._view import doc_ref
from mlcycle.lifecycle.datasets import features

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import pandas as pd

    from mlcycle.lifecycle._session import Session

__all__ = ["Loader", "Routes", "Sink", "inspect", "read", "revision_record"]

Doc = dict[str, Any]
_sinks: weakref.WeakSet[Sink] = weakref.WeakSet()


def revision_record(doc: Doc) -> records.Revision:
    """Return the record of a stored revision."""
    return records.Revision(
        deployment=doc["deployment"],
        number=doc["number"],
        weights=doc["weights"],
        shadow=doc["shadow"],
        reason=doc["message"],
        author=doc["author"],
        at=doc["at"],
        entry=doc["entry"],
    )


class Routes:
    """The current revision of a deployment, as a service asks for it."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name

    def current(self) -> records.Revision:
        """Return the revision that answers now."""
        with self._session.view() as view:
            doc = view.revision(view.deployment(self._name))
        if doc is None:
            raise NotFound(f"{self._name} has no route")
        return revision_record(doc)


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
        model = load_version(self._session, doc, trust=self._trust, reason=self._reason)
        return serving.Loaded(ref=doc_ref(doc), model=model, signature=signature_of(self._session, doc, model))


class Sink:
    """Lines of traffic into segments of this process, a folder a day."""

    def __init__(self, session: Session, deployment: str) -> None:
        self._session = session
        self._deployment = deployment
        self._day = ""
        self._writer: storage.SegmentWriter | None = None
        _sinks.add(self)

    def belongs_to(self, session: Session, deployment: str) -> bool:
        """Say whether this writes the traffic of a deployment."""
        return (self._session.url, self._deployment) == (session.url, deployment)

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
    """Return the captured traffic of a deployment in a window, what this process still holds included."""
    for sink in list(_sinks):
        if sink.belongs_to(session, deployment):
            sink.flush()
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
    revision: records.Revision | None,
    name: str,
    since: Any,
    until: Any,
    alpha: float,
) -> records.Report:
    """Compare traffic in a window with the training data of the version that answers most of it."""
    if revision is None:
        raise NotFound(f"{name} has no route yet, so there is nothing to check")
    start = revision.at if since is None else parse_time(since)
    end = now() if until is None else parse_time(until)
    loaded = {ref: _loadable(session, ref) for ref in revision.weights}
    main = loaded[max(revision.weights, key=lambda ref: revision.weights[ref])]
    with session.view() as view:
        criteria = [one for one in criteria_today(view.scope()) if hasattr(one, "threshold") and not one.slices]

    def judge(ref: str, inputs: Any, truth: Any) -> Iterable[records.Result]:
        if loaded[ref].model is None or not criteria:
            return ()
        rows = checks.Rows(ref=f"traffic of {name}", frame=inputs, X=inputs, y=truth)
        model = Signed(loaded[ref].model, loaded[ref].signature)
        bench = checks.Bench(
            data=rows.ref, load_rows=lambda _: rows, load_model=lambda _: model, find_version=lambda _: None
        )
        return checks.run([attrs.evolve(cast("Any", one), on=None) for one in criteria], ref, bench)

    found = read(session, deployment, start, end)
    return serving.inspect(
        revision,
        found,
        reference=_reference(session, main.ref),
        expected=_expected(session, main),
        judge=judge,
        since=start,
        until=end,
        alpha=alpha,
    )


def _reference(session: Session, ref: str) -> pd.DataFrame | None:
    """Return the features of the training data, or None where a model has no lineage."""
    with session.view() as view:
        data = view.version("models", ref, dropped=True)["data"]
        docs = [view.version("datasets", one, dropped=True) for one in data]
    frames = [features(tables.frame_of(session, doc), doc["roles"], doc_ref(doc)) for doc in docs]
    if not frames:
        return None
    import pandas as pd

    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


def _expected(session: Session, main: serving.Loaded) -> Any:
    """Return what the model answers on the scope's test rows, or None where there are none.

    Rows it was trained on would not do: a model that overfits answers them like no others, and that reads as drift.
    """
    with session.view() as view:
        scope = view.scope()
        name = scope["scope"]["test"] if scope else None
        if name is None or main.model is None or not hasattr(main.model, "predict"):
            return None
        try:
            doc = view.version("datasets", name)
        except NotFound:
            return None
    rows = features(tables.frame_of(session, doc), doc["roles"], doc_ref(doc))
    return Signed(main.model, main.signature).predict(rows)


def _loadable(session: Session, ref: str) -> serving.Loaded:
    """Load a version if that needs no trust; else only its signature, and quality is not judged."""
    try:
        return Loader(session, (), None)(ref)
    except UntrustedModel:
        return serving.Loaded(ref=ref, model=None, signature=None)
