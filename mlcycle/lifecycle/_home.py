"""Where living records came from, and what their verbs do: one table."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from mlcycle.lifecycle import datasets, evaluation, models, runs
from mlcycle.lifecycle._stored_decisions import decision_records
from mlcycle.lifecycle._stored_evaluations import evaluation_records
from mlcycle.state import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle import records
    from mlcycle.lifecycle._session import Session

    Version = records.DatasetVersion | records.ModelVersion

__all__ = ["VERBS", "Home"]


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
        return VERBS[type(what).__name__, verb](self._session, what, **given)


def _evaluations(
    session: Session, what: records.DatasetVersion | records.ModelVersion
) -> records.Listing[records.Evaluation]:
    view = session.view()
    ref = resolve(view, what, dropped=True).ref
    return evaluation_records(session.blobs, view, ref.partition(":")[0], ref)


def _evaluations_of_run(session: Session, what: records.Run) -> records.Listing[records.Evaluation]:
    return evaluation_records(session.blobs, session.view(), "run", f"run:{what.id}")


def _decisions(
    session: Session, what: records.DatasetVersion | records.ModelVersion
) -> records.Listing[records.Decision]:
    view = session.view()
    ref = resolve(view, what, dropped=True).ref
    return decision_records(session.blobs, view, ref.partition(":")[0], ref)


VERBS: dict[tuple[str, str], Callable[..., Any]] = {
    ("DatasetVersion", "load"): datasets.load,
    ("DatasetVersion", "xy"): datasets.xy,
    ("DatasetVersion", "split"): datasets.split,
    ("DatasetVersion", "evaluate"): evaluation.evaluate,
    ("DatasetVersion", "evaluations"): _evaluations,
    ("DatasetVersion", "decisions"): _decisions,
    ("ModelVersion", "load"): models.load,
    ("ModelVersion", "evaluate"): evaluation.evaluate,
    ("ModelVersion", "promote"): models.promote,
    ("ModelVersion", "evaluations"): _evaluations,
    ("ModelVersion", "decisions"): _decisions,
    ("Run", "register"): models.register_run,
    ("ActiveRun", "register"): models.register_run,
    ("Run", "points"): runs.points,
    ("Run", "artifact"): runs.artifact,
    ("Run", "evaluate"): evaluation.evaluate,
    ("Run", "evaluations"): _evaluations_of_run,
}
"""By the class of a record and the verb, what is asked: ``(session, record, **as the verb was given)``."""
