"""Traffic of a deployment: where a service gets its routes and models from, where predictions go, what they say."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, cast

from mlcycle import checks, records, serving, storage
from mlcycle._ids import now
from mlcycle.errors import NotFound
from mlcycle.lifecycle._model_files import Signed, card_of, load_version, signature_of
from mlcycle.lifecycle._moments import window
from mlcycle.lifecycle.datasets import tables
from mlcycle.lifecycle.deployments._answers import Captured, judged
from mlcycle.lifecycle.deployments._record import current_revision
from mlcycle.lifecycle.evaluation import criteria_today
from mlcycle.state import resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import pandas as pd

    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import View

__all__ = ["Loader", "Routes", "Sink", "inspect", "read"]

Doc = dict[str, Any]
_sinks: weakref.WeakSet[Sink] = weakref.WeakSet()


class Routes:
    """The current revision of a deployment, as a service asks for it."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name

    def current(self) -> records.Revision:
        """Return the revision that answers now."""
        found = current_revision(self._session.view(), self._name)
        if found is None:
            raise NotFound(f"{self._name} has no route")
        return found


class Loader:
    """Models by ref, as a service asks for them, under the trust its caller gave."""

    def __init__(self, session: Session, trust: bool | Collection[str], reason: str | None) -> None:
        self._session = session
        self._trust = trust
        self._reason = reason

    def __call__(self, ref: str) -> serving.Loaded:
        """Load a version and its signature."""
        return self.load(self._session.view(), ref)

    def load(self, view: View, ref: str) -> serving.Loaded:
        """As a call, by what was looked at already."""
        version, blobs = resolve(view, ref, "model"), self._session.blobs
        model = load_version(blobs, version, trust=self._trust, reason=self._reason)
        return serving.Loaded(ref=version.shown, model=model, signature=signature_of(blobs, version, model))


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
    return _read(session, deployment, *window(since, until))


def _read(session: Session, deployment: str, start: str | None, end: str | None) -> serving.Traffic:
    for sink in list(_sinks):
        if sink.belongs_to(session, deployment):
            sink.flush()
    return serving.decode(_lines(session, deployment, start), since=start, until=end)


def _lines(session: Session, deployment: str, start: str | None) -> Iterator[bytes]:
    """Yield the lines of every day that can hold what is asked; labels may come long after, so to the last day."""
    prefix = f"traffic/{deployment}/"
    days = sorted({item.key.removeprefix(prefix).split("/")[0] for item in session.files.list(prefix)})
    for day in days:
        if start is None or day >= start[:10]:
            for _, line in storage.read_lines(session.files, f"{prefix}{day}/"):
                yield line


def inspect(session: Session, deployment: str, name: str, since: Any, until: Any, alpha: float) -> records.Report:
    """Compare traffic in a window with the training data of the version that answers most of it."""
    view = session.view()
    revision = current_revision(view, name)
    if revision is None:
        raise NotFound(f"{name} has no route yet, so there is nothing to check")
    start, end = window(since, until)
    start, end = start or revision.at, end or now()
    found = _read(session, deployment, start, end)
    main = max(revision.weights, key=lambda ref: revision.weights[ref])
    models = _Models(session, view)

    def judge(ref: str, inputs: pd.DataFrame, truth: pd.Series[Any]) -> Iterable[records.Result]:
        criteria = criteria_today(view.versions.newest("scope", "scope"))
        answers = found.frame.loc[inputs.index, ["output", "scores"]]
        if answers["scores"].isna().any():
            models.load(ref)  # here, so that a storage that fails is no fault of a criterion
        captured = Captured(answers, truth, models.signature(ref), lambda method: models.ask(ref, method, inputs))
        rows = checks.Rows(ref=f"traffic of {name}", frame=inputs, X=inputs, y=cast("Any", captured.labels))
        return judged(session.blobs, view, ref, rows, captured, criteria)

    return serving.inspect(
        revision,
        found,
        reference=serving.attempt(lambda: _reference(session.blobs, view, main)),
        expected=serving.attempt(lambda: _expected(session.blobs, view, main, models)),
        judge=judge,
        since=start,
        until=end,
        alpha=alpha,
    )


class _Models:
    """Signatures and models of versions, each read once and only when asked for; none that needs trust is loaded."""

    def __init__(self, session: Session, view: View) -> None:
        self._session, self._view = session, view
        self._loaded: dict[str, serving.Loaded | serving.Unavailable] = {}

    def signature(self, ref: str) -> Doc | None:
        """Return the signature of a version, which needs no trust; None where there is none, or none any more."""

        def read() -> Doc | None:
            version = resolve(self._view, ref, "model", dropped=True)
            signature: Doc | None = card_of(self._session.blobs, version)["signature"]
            return signature

        found = serving.attempt(read)
        return None if isinstance(found, serving.Unavailable) else found

    def load(self, ref: str) -> serving.Loaded | serving.Unavailable:
        """Return a version, or why it cannot be had without trust."""
        if ref not in self._loaded:
            self._loaded[ref] = serving.attempt(lambda: Loader(self._session, (), None).load(self._view, ref))
        return self._loaded[ref]

    def ask(self, ref: str, method: str, rows: Any) -> Any:
        """Return what a model answers on rows, or raise why it cannot be asked."""
        found = self.load(ref)
        if isinstance(found, serving.Unavailable):
            raise found.error
        return getattr(Signed(found.model, found.signature), method)(rows)


def _reference(blobs: Blobs, view: View, ref: str) -> pd.DataFrame | None:
    """Return the features of the training data, or None where a model has no lineage."""
    data = [resolve(view, one, "dataset", dropped=True) for one in resolve(view, ref, "model", dropped=True).made_from]
    frames = [tables.features(tables.frame_of(blobs, view, one), one["roles"], one.shown) for one in data]
    if not frames:
        return None
    import pandas as pd

    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


def _expected(blobs: Blobs, view: View, main: str, models: _Models) -> Any:
    """Return what the model answers on the scope's test rows, or None where there are none.

    Rows it was trained on would not do: a model that overfits answers them like no others, and that reads as drift.
    """
    scope = view.versions.newest("scope", "scope")
    name = scope["scope"]["test"] if scope else None
    if name is None:
        return None
    test = resolve(view, name, "dataset")
    rows = tables.features(tables.frame_of(blobs, view, test), test["roles"], test.shown)
    return models.ask(main, "predict", rows)
