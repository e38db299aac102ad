"""A deployment at work in this process."""

from __future__ import annotations

import math
import threading
import time
from numbers import Real
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from attrs import field, frozen

from mlcycle._ids import new_id
from mlcycle._text import printable
from mlcycle._warn import warn
from mlcycle.codecs import are_records, check_inputs, frame_of, length_of, rows_of, taken
from mlcycle.errors import InvalidInput
from mlcycle.serving._capture import encode_failures, encode_labels, encode_predictions, ids_of
from mlcycle.serving._captured_traffic import is_captured
from mlcycle.serving._router import choose
from mlcycle.serving._scores import aligned, all_classes, asked, joined, label_follows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from mlcycle.records import Revision

__all__ = ["LoadedModel", "ModelLoader", "RouteSource", "Service", "TrafficSink"]

_LONGEST_PAUSE = 60.0


@frozen(eq=False)
class LoadedModel:
    """A model ready to answer.

    Attributes
    ----------
    ref : str
        Its version, ``"churn@7"``.
    model : object
        The estimator.
    signature : dict or None
        What inputs are held against; None takes them as they come.
    follows : bool
        Whether one call of ``predict_proba`` answers ``predict`` too; found out from the model.
    loose : bool
        Whether cells of its rows may be lists or dicts; found out from the signature.
    """

    ref: str
    model: Any
    signature: dict[str, Any] | None
    follows: bool = field(init=False, repr=False)
    loose: bool = field(init=False, repr=False)

    @follows.default
    def _find_out(self) -> bool:
        return label_follows(self.model)

    @loose.default
    def _look_at_types(self) -> bool:
        return self.signature is None or any(
            "object" in (one["type"], one.get("of")) for one in self.signature["inputs"]
        )

    def rows(self, X: Any) -> Any:
        """Return rows as the model takes them."""
        if self.signature is not None:
            return check_inputs(self.signature, X)
        return frame_of(X) if are_records(X) else X


class RouteSource(Protocol):
    """Where a service learns who answers."""

    def current(self) -> Revision:
        """Return the revision that answers now; cheap, for it is asked every few seconds."""


class ModelLoader(Protocol):
    """Where a service gets its models from."""

    def __call__(self, ref: str, /) -> LoadedModel:
        """Load a version."""


class TrafficSink(Protocol):
    """Where a service writes what it keeps; never raises into a prediction."""

    def write(self, lines: bytes) -> None:
        """Append whole lines; called by one thread at a time."""

    def flush(self) -> None:
        """Make what was written visible to others."""

    def close(self) -> None:
        """End."""


@frozen(eq=False)
class _RevisionModels:
    """The models of one revision, loaded together and exchanged together."""

    revision: Revision
    models: tuple[LoadedModel, ...]
    shadow: LoadedModel | None
    classes: Any = None  # every class any of them knows, where they do not all know the same


@printable
class Service:
    """A live deployment; lives as long as it answers, in one process, and is closed by `close` or a ``with`` block.

    It follows new revisions by itself. Models of a new revision are loaded before it takes over; when that fails, the
    old revision goes on answering, a warning says so, and it is tried again after a pause that grows to a minute. Any
    thread may call.

    Parameters
    ----------
    name : str
        Name of the deployment; salts the division of ids.
    routes, load, sink : RouteSource, ModelLoader, TrafficSink
        What it stands on.
    capture : float, default 1.0
        Share of the ids whose predictions are kept; an id is kept always or never.
    follow : float, default 5.0
        Seconds between two looks for a new revision, made by the call that comes next; 0 looks at every call.
    masked : callable, optional
        What takes secrets out of the message of a model's exception before it is kept.

    Notes
    -----
    Inputs, the label and, for classifiers whose label is the class of the largest probability (logistic regression,
    trees, forests, boosting, naive Bayes, pipelines of them), the scores are kept of every `predict`, from one call of
    the model; of other classifiers `predict` keeps the label alone, so that serving never costs two calls.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from mlcycle.records import Revision
    >>> class Here:
    ...     def current(self):
    ...         return Revision(deployment="shop", number=1, weights={"churn@1": 1})
    >>> class Nowhere:
    ...     def write(self, lines): ...
    ...     def flush(self): ...
    ...     def close(self): ...
    >>> model = LogisticRegression().fit([[0.0], [1.0]], ["no", "yes"])
    >>> with Service("shop", routes=Here(), load=lambda ref: LoadedModel(ref, model, None), sink=Nowhere()) as service:
    ...     service.predict([[2.0]], ids=["17"]).tolist()
    ['yes']
    """

    def __init__(
        self,
        name: str,
        *,
        routes: RouteSource,
        load: ModelLoader,
        sink: TrafficSink,
        capture: float = 1.0,
        follow: float = 5.0,
        masked: Callable[[str], str] = str,
    ) -> None:
        if not _between(capture, 0, 1):
            raise InvalidInput(f"capture={capture!r} is the share of predictions to keep, from 0 to 1")
        if not _between(follow, 0, math.inf):
            raise InvalidInput(f"follow={follow!r} is a number of seconds, 0 or more")
        self.name = name
        self._routes, self._load, self._sink = routes, load, sink
        self._capture, self._follow, self._masked = capture, follow, masked
        self._refreshing, self._writing, self._counting = threading.Lock(), threading.Lock(), threading.Lock()
        self._failures: dict[str, int] = {"refresh": 0, "answer": 0, "shadow": 0, "capture": 0}
        self._warned: set[tuple[str, int]] = set()
        self._closed = False
        self._revision_models = self._load_revision(routes.current(), None)
        self._next_look, self._pause = time.monotonic() + follow, follow

    def __repr__(self) -> str:
        return f"<service {self.name}: {self.revision}{', closed' if self._closed else ''}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a service answers in one process; send the project to the other one and call "
            f"deployments[{self.name!r}].serve() there"
        )

    @property
    def revision(self) -> Revision:
        """The revision that answers in this process."""
        return self._revision_models.revision

    @property
    def failures(self) -> dict[str, int]:
        """How often a revision could not be loaded (``refresh``), a model failed (``answer``), … shadow, capture."""
        return dict(self._failures)

    # answering -----------------------------------------------------------------------------------------------------

    def predict(self, X: Any, ids: Iterable[Any] | None = None) -> Any:
        """Answer rows, each by the version its id is routed to.

        Parameters
        ----------
        X : DataFrame, array, sparse matrix, Arrow or polars table, list of dicts or of rows, dict of columns
            The rows, held against the signature of the version. A model gets a copy that it may change.
        ids : iterable, optional
            One id a row: the same id is answered by the same version, and `label` finds it again. Fresh random ids are
            made without.

        Returns
        -------
        array
            What the estimator's own `predict` returns, in the order of the rows.

        Raises
        ------
        InvalidInput
            For columns that are missing or do not fit, an iterator, no rows where the model needs some, ids that are
            missing, not as many as rows or floats without their last digits, and after `close`.
        Exception
            What the estimator's own method raises on rows that fit its signature, as it is; the failure is captured.
        """
        return self._answer("predict", X, ids)

    def predict_proba(self, X: Any, ids: Iterable[Any] | None = None) -> Any:
        """Answer rows with probabilities, one column a class; otherwise as `predict`.

        Where the versions of a revision do not know the same classes, there is a column for every class any of them
        knows, sorted, numbers before text, and 0 where a version does not know it. A version that failed at
        probabilities when it was saved is named in an `InvalidInput`.
        """
        try:
            return self._answer("predict_proba", X, ids)
        except Exception as error:
            _refuse_method(self._revision_models, "predict_proba", error)
            raise

    def _answer(self, method: str, X: Any, ids: Iterable[Any] | None) -> Any:
        if self._closed:
            raise InvalidInput(f"the service {self.name} is closed; serve() gives a new one")
        if time.monotonic() >= self._next_look:
            self.refresh()
        revision_models = self._revision_models
        X = rows_of(X)
        names = _names(ids, length_of(X), self._capture > 0 or len(revision_models.models) > 1)
        if len(revision_models.models) == 1:
            answer = self._asked(revision_models, revision_models.models[0], method, X, names)
        else:
            answer = self._divided(revision_models, method, X, names)
        if revision_models.shadow is not None:
            self._shadowed(revision_models, revision_models.shadow, method, X, names)
        return answer

    def _divided(self, revision_models: _RevisionModels, method: str, X: Any, names: list[str]) -> Any:
        """Let every version answer its share, and put the answers back in the order of the rows."""
        import numpy as np

        chosen = choose(names, revision_models.revision.weights, self.name)
        parts: list[tuple[Any, Any]] = []
        for position, loaded in enumerate(revision_models.models):
            where = np.flatnonzero(chosen == position)
            if len(where) == len(names):
                return self._asked(revision_models, loaded, method, X, names)
            if len(where):
                share = self._asked(revision_models, loaded, method, taken(X, where), [names[i] for i in where])
                parts.append((where, share))
        if not parts:
            return self._asked(revision_models, revision_models.models[0], method, X, names)
        back = np.argsort(np.concatenate([where for where, _ in parts]), kind="stable")
        return joined([answer for _, answer in parts], back)

    def _asked(
        self,
        revision_models: _RevisionModels,
        loaded: LoadedModel,
        method: str,
        X: Any,
        names: list[str],
        role: str = "live",
    ) -> Any:
        """Let one version answer some rows, and keep what it said."""
        began = time.perf_counter()
        facts = {"v": loaded.ref, "r": revision_models.revision.number, "role": role}
        try:
            rows = loaded.rows(X)
            answer, kept = asked(loaded.model, method, rows, follows=loaded.follows, loose=loaded.loose)
        except Exception as error:
            if not names:
                raise InvalidInput(
                    f"there are no rows to answer, and {loaded.ref} needs some: {error!s:.200}"
                ) from error
            self._keep(names, X, error, facts)
            if role == "live":
                with self._counting:
                    self._failures["answer"] += 1
            raise
        if self._capture > 0:
            facts["ms"] = round((time.perf_counter() - began) * 1e3 / max(len(names), 1), 4)
            self._keep(names, rows, kept, facts)
        if method == "predict_proba" and revision_models.classes is not None and role == "live":
            return aligned(answer, loaded.model.classes_, revision_models.classes)
        return answer

    def _shadowed(
        self, revision_models: _RevisionModels, shadow: LoadedModel, method: str, X: Any, names: list[str]
    ) -> None:
        try:
            self._asked(revision_models, shadow, method, X, names, "shadow")
        except Exception as error:  # noqa: BLE001 - a shadow never reaches the caller, whatever it does
            self._count("shadow", f"the shadow {shadow.ref} failed: {error!r:.200}", revision_models.revision.number)

    # keeping -------------------------------------------------------------------------------------------------------

    def label(self, ids: Iterable[Any], outcomes: Iterable[Any]) -> None:
        """Report the truth for ids answered before, here or anywhere; of several reports the last counts.

        A label of an id that nobody predicted is kept: its prediction may still come. `Deployment.check` counts such
        labels apart.

        Parameters
        ----------
        ids, outcomes : iterables of one length
            Ids as given to `predict`; what really happened. A missing outcome takes an earlier one back.

        Raises
        ------
        InvalidInput
            When there are not as many outcomes as ids, an id is missing, or one is a float too large to have kept its
            last digits.
        """
        lines = encode_labels(ids, outcomes)
        with self._writing:
            if self._closed:
                raise InvalidInput(f"the service {self.name} is closed; label through the deployment, or serve() again")
            if lines:
                self._sink.write(lines)

    def _keep(self, names: list[str], rows: Any, said: dict[str, Any] | Exception, facts: dict[str, Any]) -> None:
        """Keep what a version said, or the exception it raised instead."""
        if self._capture <= 0:
            return
        try:
            if self._capture < 1:
                names, rows, said = self._sampled(names, rows, said)
                facts = {**facts, "c": float(self._capture)}
            lines = (
                encode_failures(names, said, facts, self._masked)
                if isinstance(said, Exception)
                else encode_predictions(names, rows, said, facts)
            )
            with self._writing:
                if lines and not self._closed:
                    self._sink.write(lines)
        except Exception as error:  # noqa: BLE001 - keeping never comes in the way of answering
            self._count("capture", f"predictions at {self.name} could not be kept: {error!r:.200}", facts["r"])

    def _sampled(self, names: list[str], rows: Any, said: Any) -> tuple[list[str], Any, Any]:
        import numpy as np

        where = np.flatnonzero(is_captured(names, self._capture, self.name))
        kept = [names[i] for i in where]
        if isinstance(said, Exception):
            return kept, rows, said
        return kept, taken(rows, where), {key: _part(answer, where) for key, answer in said.items()}

    def flush(self) -> None:
        """Make what was kept so far visible to others; needed only where the store is remote."""
        with self._writing:
            self._sink.flush()

    # following -----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look for a new revision now; the old one goes on answering where the new one cannot be loaded."""
        self._next_look = time.monotonic() + self._pause  # first, so that other threads answer meanwhile
        with self._refreshing:
            number = self._revision_models.revision.number
            try:
                newest = self._routes.current()
                number = newest.number
                if newest != self._revision_models.revision:
                    self._revision_models = self._load_revision(newest, self._revision_models)
                self._pause = self._follow
            except Exception as error:  # noqa: BLE001 - the old revision answers on, whatever fails
                self._pause = min(max(2 * self._pause, 0.5), max(_LONGEST_PAUSE, self._follow))
                message = f"{self.name} stays at revision {self._revision_models.revision.number}: {error!r:.300}"
                self._count("refresh", message, number)
            self._next_look = time.monotonic() + self._pause

    def _load_revision(self, revision: Revision, before: _RevisionModels | None) -> _RevisionModels:
        """Load the models of a revision, taking over those that answer already."""
        present: dict[str | None, LoadedModel] = {}
        if before is not None:
            present |= {one.ref: one for one in (*before.models, before.shadow) if one}
        models = tuple(present.get(ref) or self._load(ref) for ref in revision.weights)
        shadow = present.get(revision.shadow)
        if revision.shadow and shadow is None:
            try:
                shadow = self._load(revision.shadow)
            except Exception as error:  # noqa: BLE001 - the live versions are not held up by a shadow
                self._count(
                    "shadow", f"the shadow {revision.shadow} could not be loaded: {error!r:.200}", revision.number
                )
        return _RevisionModels(
            revision=revision, models=models, shadow=shadow, classes=all_classes([one.model for one in models])
        )

    def _count(self, what: str, message: str, number: int) -> None:
        """Count a failure, and warn of the first one of its kind at every revision."""
        with self._counting:
            self._failures[what] += 1
            new = (what, number) not in self._warned
            self._warned.add((what, number))
        if new:
            warn(message)

    def close(self) -> None:
        """Send what is still here and end; calling again is harmless."""
        with self._writing:
            if not self._closed:
                self._closed = True
                self._sink.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _refuse_method(revision_models: _RevisionModels, method: str, error: Exception) -> None:
    """Say in words that a version cannot be asked for this, if that is why it failed."""
    for loaded in () if isinstance(error, InvalidInput) else revision_models.models:
        failing = ((loaded.signature or {}).get("failing") or {}).get(method)
        if failing:
            raise InvalidInput(
                f"{loaded.ref} cannot answer {method}, as was found when it was saved: {failing}"
            ) from error


def _between(value: Any, low: float, high: float) -> bool:
    return isinstance(value, Real) and low <= float(value) <= high


def _names(ids: Iterable[Any] | None, count: int, needed: bool) -> list[str]:
    if ids is None:
        return [new_id() for _ in range(count)] if needed else [""] * count
    found = ids_of(ids)
    if len(found) != count:
        raise InvalidInput(f"there are {count} rows and {len(found)} ids; give one id for each row")
    if None in found:
        raise InvalidInput(
            f"the id at position {found.index(None)} is missing; every row needs one, or give none at all"
        )
    return [name for name in found if name is not None]


def _part(answer: Any, where: Any) -> Any:
    """Return some rows of an answer; several targets are a list of arrays."""
    return [array[where] for array in answer] if isinstance(answer, list) else taken(answer, where)
