"""A deployment at work in this process."""

from __future__ import annotations

import threading
import time
import warnings
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

from mlcycle._digest import hash64, salt_of, unit_interval
from mlcycle._ids import canonical_id, new_id
from mlcycle.codecs import check_inputs
from mlcycle.errors import InvalidInput, MlcycleWarning
from mlcycle.serving._capture import encode_labels, encode_predictions
from mlcycle.serving._router import choose

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from mlcycle.records import Revision

__all__ = ["Load", "Loaded", "Routes", "Service", "Sink"]


@frozen(eq=False)
class Loaded:
    """A model ready to answer: its version, the estimator, and the signature its inputs are held against (or None)."""

    ref: str
    model: Any
    signature: dict[str, Any] | None


class Routes(Protocol):
    """Where a service learns who answers."""

    def current(self) -> Revision:
        """Return the revision that answers now; cheap, for it is asked every few seconds."""


class Load(Protocol):
    """Where a service gets its models from."""

    def __call__(self, ref: str, /) -> Loaded:
        """Load a version."""


class Sink(Protocol):
    """Where a service writes what it keeps; never raises into a prediction."""

    def write(self, lines: bytes) -> None:
        """Append whole lines."""

    def flush(self) -> None:
        """Make what was written visible to others."""

    def close(self) -> None:
        """End."""


@frozen(eq=False)
class _Crew:
    """The models of one revision, loaded together and exchanged together."""

    revision: Revision
    weights: dict[str, int]
    models: tuple[Loaded, ...]
    shadow: Loaded | None


class Service:
    """A live deployment; lives as long as it answers, in one process, and is closed by `close` or a ``with`` block.

    It follows new revisions by itself. Models of a new revision are loaded before it takes over; when that fails, the
    old revision goes on answering and a warning says so. Any thread may call.

    Parameters
    ----------
    name : str
        Name of the deployment; salts the division of ids.
    routes, load, sink : Routes, Load, Sink
        What it stands on.
    capture : float, default 1.0
        Share of the predictions kept, chosen by id.
    follow : float, default 5.0
        Seconds between two looks for a new revision; 0 looks at every call.
    """

    def __init__(
        self, name: str, *, routes: Routes, load: Load, sink: Sink, capture: float = 1.0, follow: float = 5.0
    ) -> None:
        if not 0 <= capture <= 1:
            raise InvalidInput(f"capture={capture!r} is the share of predictions to keep, from 0 to 1")
        if follow < 0:
            raise InvalidInput(f"follow={follow!r} is a number of seconds, 0 or more")
        self.name = name
        self._routes, self._load, self._sink = routes, load, sink
        self._capture, self._follow = capture, follow
        self._lock = threading.Lock()
        self._failures: dict[str, int] = {"refresh": 0, "shadow": 0, "capture": 0}
        self._crew = self._muster(routes.current(), None)
        self._looked = time.monotonic()

    def __repr__(self) -> str:
        return f"<service {self.name}: {self.revision}>"

    @property
    def revision(self) -> Revision:
        """The revision that answers in this process."""
        return self._crew.revision

    @property
    def failures(self) -> dict[str, int]:
        """How often a new revision could not be loaded, a shadow failed, or a prediction could not be kept."""
        return dict(self._failures)

    # answering -----------------------------------------------------------------------------------------------------

    def predict(self, X: Any, ids: Iterable[Any] | None = None) -> Any:
        """Answer rows, each by the version its id is routed to.

        Parameters
        ----------
        X : DataFrame, array, list of dicts or dict of lists
            The rows, held against the signature of the version.
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
            For columns that are missing or do not fit, or ids that are missing or not as many as rows.
        """
        return self._answer("predict", X, ids)

    def predict_proba(self, X: Any, ids: Iterable[Any] | None = None) -> Any:
        """Answer rows with probabilities, one column a class; otherwise as `predict`."""
        return self._answer("predict_proba", X, ids)

    def _answer(self, method: str, X: Any, ids: Iterable[Any] | None) -> Any:
        self._look()
        crew = self._crew
        began = time.perf_counter()
        if len(crew.models) == 1:
            rows = _checked(crew.models[0], X)
            answer = getattr(crew.models[0].model, method)(rows)
            names = _names(ids, len(answer))
            milliseconds = (time.perf_counter() - began) * 1e3 / max(len(answer), 1)
            self._keep(crew, crew.models[0], rows, names, {method: answer}, milliseconds, "live")
        else:
            names, answer = self._divided(crew, method, X, ids, began)
        if crew.shadow is not None:
            self._shadowed(crew, method, X, names)
        return answer

    def _divided(self, crew: _Crew, method: str, X: Any, ids: Any, began: float) -> tuple[list[str], Any]:
        """Let every version answer its share, and put the answers back in the order of the rows."""
        import numpy as np

        count = _count(X)
        names = _names(ids, count)
        chosen = choose(names, crew.weights, self.name)
        parts: list[tuple[Any, Any]] = []
        for position, loaded in enumerate(crew.models):
            where = np.flatnonzero(chosen == position)
            if not len(where):
                continue
            rows = _checked(loaded, _taken(X, where))
            answer = getattr(loaded.model, method)(rows)
            milliseconds = (time.perf_counter() - began) * 1e3 / len(where)
            self._keep(crew, loaded, rows, [names[i] for i in where], {method: answer}, milliseconds, "live")
            parts.append((where, answer))
        if len(parts) == 1:
            return names, parts[0][1]
        joined = np.concatenate([np.asarray(answer) for _, answer in parts])
        back = np.argsort(np.concatenate([where for where, _ in parts]), kind="stable")
        return names, joined[back]

    def _shadowed(self, crew: _Crew, method: str, X: Any, names: list[str]) -> None:
        assert crew.shadow is not None
        began = time.perf_counter()
        try:
            rows = _checked(crew.shadow, X)
            answer = getattr(crew.shadow.model, method)(rows)
        except Exception as error:  # noqa: BLE001 - a shadow never reaches the caller, whatever it does
            self._count("shadow", f"the shadow {crew.shadow.ref} failed: {error!r:.200}")
            return
        milliseconds = (time.perf_counter() - began) * 1e3 / max(len(names), 1)
        self._keep(crew, crew.shadow, rows, names, {method: answer}, milliseconds, "shadow")

    # keeping -------------------------------------------------------------------------------------------------------

    def label(self, ids: Iterable[Any], outcomes: Iterable[Any]) -> None:
        """Report the truth for ids answered before, here or anywhere; of several reports the last counts."""
        self._sink.write(encode_labels(ids, outcomes))

    def _keep(
        self, crew: _Crew, loaded: Loaded, rows: Any, names: list[str], answers: dict[str, Any], ms: float, role: str
    ) -> None:
        if self._capture <= 0:
            return
        facts = {"v": loaded.ref, "r": crew.revision.number, "role": role, "ms": round(ms, 4)}
        try:
            if self._capture < 1:
                rows, names, answers = self._sampled(rows, names, answers)
            kept = _as_kept(loaded.model, answers)
            self._sink.write(encode_predictions(rows, names, kept, facts))
        except Exception as error:  # noqa: BLE001 - keeping never comes in the way of answering
            self._count("capture", f"predictions of {loaded.ref} could not be kept: {error!r:.200}")

    def _sampled(self, rows: Any, names: list[str], answers: dict[str, Any]) -> tuple[Any, list[str], dict[str, Any]]:
        import numpy as np

        points = unit_interval(hash64(np.array(names, dtype=object), salt_of("capture", self.name)))
        where = np.flatnonzero(points < self._capture)
        return _taken(rows, where), [names[i] for i in where], {key: _taken(a, where) for key, a in answers.items()}

    # following -----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look for a new revision now."""
        self._looked = time.monotonic()
        with self._lock:
            try:
                newest = self._routes.current()
                if newest.number != self._crew.revision.number:
                    self._crew = self._muster(newest, self._crew)
            except Exception as error:  # noqa: BLE001 - the old revision answers on, whatever fails
                self._count("refresh", f"{self.name} stays at revision {self._crew.revision.number}: {error!r:.200}")

    def _look(self) -> None:
        if time.monotonic() - self._looked >= self._follow:
            self.refresh()

    def _muster(self, revision: Revision, before: _Crew | None) -> _Crew:
        """Load the models of a revision, taking over those that answer already."""
        present = {} if before is None else {one.ref: one for one in (*before.models, before.shadow) if one}
        models = tuple(present.get(ref) or self._load(ref) for ref in revision.weights)
        shadow = present.get(revision.shadow) or self._load(revision.shadow) if revision.shadow else None
        return _Crew(revision=revision, weights=dict(revision.weights), models=models, shadow=shadow)

    def _count(self, what: str, message: str) -> None:
        self._failures[what] += 1
        if self._failures[what] == 1:
            warnings.warn(message, MlcycleWarning, stacklevel=4)

    def close(self) -> None:
        """Send what is still here and end; calling again is harmless."""
        self._sink.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _checked(loaded: Loaded, X: Any) -> Any:
    return X if loaded.signature is None else check_inputs(loaded.signature, X)


def _as_kept(model: Any, answers: dict[str, Any]) -> dict[str, Any]:
    """Name answers as they are kept; of probabilities the likeliest class is the output too."""
    if "predict" in answers:
        return {"out": answers["predict"]}
    scores = answers["predict_proba"]
    classes = getattr(model, "classes_", None)
    return {"p": scores} if classes is None else {"out": classes[scores.argmax(axis=1)], "p": scores}


def _names(ids: Iterable[Any] | None, count: int) -> list[str]:
    if ids is None:
        return [new_id() for _ in range(count)]
    found = [canonical_id(one) for one in ids]
    if len(found) != count:
        raise InvalidInput(f"there are {count} rows and {len(found)} ids; give one id for each row")
    names = [name for name in found if name is not None]
    if len(names) != count:
        raise InvalidInput(
            f"the id at position {found.index(None)} is missing; every row needs one, or give none at all"
        )
    return names


def _count(X: Any) -> int:
    if isinstance(X, dict):
        return len(next(iter(X.values()), ()))
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def _taken(X: Any, where: Any) -> Any:
    if hasattr(X, "iloc"):
        return X.iloc[where]
    if isinstance(X, dict):
        return {name: [values[i] for i in where] for name, values in X.items()}
    return [X[i] for i in where] if isinstance(X, list) else X[where]
