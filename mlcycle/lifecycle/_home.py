"""Where living records came from, and what their verbs do: one table."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle import datasets, evaluation, models, runs
from mlcycle.lifecycle._model_files import load_version
from mlcycle.lifecycle._stored_decisions import decision_records
from mlcycle.lifecycle._stored_evaluations import evaluation_records
from mlcycle.lifecycle.datasets import tables
from mlcycle.state import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from mlcycle._typing import Trust
    from mlcycle.lifecycle._session import Session
    from mlcycle.state import View

__all__ = ["VERBS", "Home", "load"]


class Home:
    """The project a living record came from; lives as long as a record of it, or the project.

    It is the session of the project itself, hooks included, and pickles to what opens it again on first use, without
    secrets: records are dumped to disk and mailed.

    Parameters
    ----------
    session : Session
        Whose records these are.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def store(self) -> str | None:
        """The id of the project, which every copy of it shares."""
        found: str | None = self._session.log.snapshot(refresh=False).state.id
        return found

    def __repr__(self) -> str:
        return f"<home of records of {self._session.url}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return attrgetter("home"), (self._session.without_secrets(),)

    def __copy__(self) -> Home:
        return self

    def __deepcopy__(self, memo: Any) -> Home:
        return self

    def do(self, verb: str, what: Any, /, **given: Any) -> Any:
        """Return what a verb makes of a record."""
        return VERBS[verb](self._session, what, **given)


def load(
    session: Session,
    what: str | records.DatasetVersion | records.ModelVersion,
    *,
    columns: Iterable[Hashable] | None = None,
    trust: Trust = (),
) -> Any:
    """Load as `Project.load`, `DatasetVersion.load` and `ModelVersion.load` document."""
    view = session.view()
    found = resolve(view, what, "dataset", "model")
    if found.of == "dataset":
        if trust:
            raise InvalidInput(f"trust= is for models, and {found.shown} is data")
        frame = tables.read_frame(session.blobs, view, found, columns)
        runs.note_read(session, found.ref)
        return frame
    if columns is not None:
        raise InvalidInput(f"columns= is for data, and {found.shown} is a model")
    return load_version(session.blobs, found, trust=trust)


def _xy(session: Session, version: records.DatasetVersion, *, columns: Iterable[Hashable] | None = None) -> Any:
    found = datasets.xy(session, version, columns=columns)
    runs.note_read(session, f"dataset:{version.ref}")
    return found


def _about(view: View, what: Any) -> tuple[str, str]:
    """Return the noun of a record, and its full ref, also of one that was dropped."""
    if isinstance(what, records.Run):
        return "run", f"run:{what.id}"
    found = resolve(view, what, dropped=True)
    return found.of, found.ref


def _evaluations(session: Session, what: Any) -> records.Listing[records.Evaluation]:
    view = session.view()
    return evaluation_records(session, view, *_about(view, what))


def _decisions(session: Session, what: Any) -> records.Listing[records.Decision]:
    view = session.view()
    return decision_records(session.blobs, view, *_about(view, what))


VERBS: dict[str, Callable[..., Any]] = {
    "load": load,
    "xy": _xy,
    "split": datasets.split,
    "folds": datasets.folds,
    "profile": tables.profile,
    "evaluate": evaluation.evaluate,
    "evaluations": _evaluations,
    "decisions": _decisions,
    "promote": models.promote,
    "demote": models.demote,
    "register": models.register_run,
    "compare": evaluation.compare,
    "differing": evaluation.differing,
    "predictions": evaluation.predictions,
    "errors": evaluation.errors,
    "slices": evaluation.slices,
    "points": runs.points,
    "artifact": runs.artifact,
}
"""By its name, what a verb of a record does: ``(session, record, **as the verb was given)``."""
