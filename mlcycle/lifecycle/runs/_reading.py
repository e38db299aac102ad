"""Runs as records, and what was logged to them."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from mlcycle import records, storage
from mlcycle._digest import json_value
from mlcycle._ids import bare, near
from mlcycle.errors import Corrupt, InvalidInput, NotFound, SchemaError, VersionDeleted
from mlcycle.lifecycle.blobs import file_record
from mlcycle.lifecycle.runs._active_run import ActiveRun
from mlcycle.lifecycle.runs._files import POINTS, RunFiles, is_run_id, run_folder
from mlcycle.lifecycle.runs._head_and_end import known_head
from mlcycle.lifecycle.runs._listing import TRIES, RunListing, list_runs
from mlcycle.lifecycle.runs._log_lines import decode_values
from mlcycle.lifecycle.runs._outcomes import Making, Outcomes
from mlcycle.lifecycle.runs._points import read_points
from mlcycle.lifecycle.runs._table import table
from mlcycle.storage import KeyNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.runs._points import RunPoints
    from mlcycle.state import View

__all__ = ["all_runs", "documents_of", "head_of", "points_of", "run_of", "run_ref", "standing_runs"]

Doc = dict[str, Any]
T = TypeVar("T")
_ENVIRONMENT = 64 * 1024  # bytes it takes in memory, with a few hundred packages


def run_of(session: Session, run: Any, view: View | None = None, *, dropped: bool = False) -> records.Run:
    """Return one run: given as a record, by its id, or by the beginning of it that no other run shares.

    It is looked at by a view, or by a look of its own. In the past, a run that began later is not there.

    Raises
    ------
    VersionDeleted
        When it was dropped, unless a dropped one will do; when a sweep has removed it, in any case.
    """
    return _made_of(session, run, view, lambda look: _Records(session, look).making(), dropped=dropped)


def documents_of(session: Session, run: Any, view: View) -> tuple[Doc, Doc]:
    """Return the head of a run and its end, or what is known without one; given as for `run_of`.

    Raises
    ------
    Corrupt
        Where it cannot be told whole, and why.
    """

    def broken(run: str, head: Doc | None, said: Doc) -> tuple[Doc, Doc]:
        raise Corrupt(said["error"])

    return _made_of(session, run, view, lambda look: Making(lambda files, head, end: (head, end), broken))


def _made_of(
    session: Session,
    run: Any,
    view: View | None,
    making: Callable[[RunListing], Making[T]],
    *,
    dropped: bool = False,
) -> T:
    identity = _identity(session, run)
    if not is_run_id(identity):
        identity = _whole_id(session, identity, dropped=dropped)
    view = view or session.view()
    if view.then(view.state.n).marks.has("run", identity, "swept"):  # what is remembered of it is not there
        raise VersionDeleted(f"run {identity} has been removed by a sweep")
    if not dropped and view.marks.has("run", identity, "dropped"):
        raise VersionDeleted(
            f"run {identity} was dropped; if no sweep has removed its files, "
            f"project.store.restore('run:{identity}') brings it back"
        )
    look = RunListing(RunFiles(session.blobs.checked_files), view)  # a head that lies in its folder needs no listing
    found = Outcomes(session, look).of(identity, attrs.evolve(making(look), wanted=_begun_by(session.at)))
    if found is None:
        raise NotFound(f"there is no run {identity}" + ("" if session.at is None else f" as of entry {session.at}"))
    return found


def _begun_by(entry: int | None) -> Callable[[Doc | None], bool]:
    """Return what says of the head of a run whether it had begun at an entry; of None, now, every run has."""
    return lambda head: entry is None or (head is not None and head["entry"] <= entry)


def _identity(session: Session, run: Any) -> str:
    """Return the id that is meant, or the beginning of one; refuse what is no run, or one of another project."""
    if isinstance(run, str):
        return run
    if isinstance(run, records.Run | ActiveRun):
        records.check_home(run, session.log.snapshot(refresh=False).state.id)
        return run.id
    more = "; the newest is project.runs[list(project.runs)[-1]]" if isinstance(run, int) else ""
    raise InvalidInput(f"a run is given by its id or a beginning of it, got {type(run).__name__}: {run!r:.80}{more}")


def _whole_id(session: Session, beginning: str, *, dropped: bool) -> str:
    view, known = standing_runs(session)
    gone = [one.name for one in view.names.every("run") if view.marks.has("run", one.name, "dropped")]
    if dropped:
        known, gone = sorted({*known, *gone}), []
    matching, lost = ([run for run in runs if beginning and run.startswith(beginning)] for runs in (known, gone))
    matching = matching or lost  # one that was dropped is asked for all the same, to say so
    if len(matching) > 1:
        raise NotFound(f"{len(matching)} runs begin with {beginning!r}", matching[:3])
    if matching:
        return matching[0]
    if experiment := view.names.get("experiment", beginning):
        asked = f"project.experiments[{experiment.name!r}].runs()"
        raise NotFound(f"no run begins with {beginning!r}; that is an experiment, whose runs are {asked}")
    raise NotFound(f"no run begins with {beginning!r}", near(beginning, known))


def run_ref(session: Session, text: str, view: View) -> str:
    """Return the full ref of the run that ``"run:"`` and the beginning of an id mean, dropped ones among them."""
    run = text.removeprefix("run:")
    known = view.marks.has("run", run, "dropped")  # a sweep may have taken what `run_of` would read
    return f"run:{run if known else run_of(session, run, view, dropped=True).id}"


def standing_runs(session: Session) -> tuple[View, list[str]]:
    """Return one look, and the ids of the runs that stand, oldest first; only in the past are heads read for it."""
    if session.at is not None:
        return session.view(), [row[0] for row in table(session).rows]
    look = list_runs(session, "runs/")
    return look.view, look.standing()


def head_of(session: Session, run: str) -> Doc | None:
    """Return the head of a run, None where there is none any more."""
    checked_files = session.blobs.checked_files
    with contextlib.suppress(KeyNotFound):
        return known_head(checked_files, RunFiles(checked_files), run)
    with contextlib.suppress(KeyNotFound):
        return known_head(checked_files, list_runs(session, f"{run_folder(run)}/").files, run)
    return None


def points_of(session: Session, run: Any) -> RunPoints:
    """Return everything that was logged to a run."""
    folder = f"{run_folder(run_of(session, run).id)}/"
    for _ in range(TRIES - 1):
        with contextlib.suppress(KeyNotFound):  # it has gone into a pack since it was listed
            return read_points(storage.read_lines(list_runs(session, folder).files, folder, POINTS))
    return read_points(storage.read_lines(list_runs(session, folder).files, folder, POINTS))


def all_runs(session: Session, experiment: str | None = None) -> Iterator[records.Run]:
    """Yield the runs of an experiment, or of the project, oldest first; those dropped are passed over.

    A run that cannot be read is one whose status is ``damaged``, or ``unreadable`` if a newer mlcycle wrote it, and
    whose error says why. Where its head does not say which experiment it belongs to, it is among the runs of each.
    """
    look, begun = list_runs(session, "runs/"), _begun_by(session.at)

    def wanted(head: Doc | None) -> bool:
        belongs = head is None or experiment is None or head["experiment"] == f"experiment:{experiment}"
        return begun(head) and belongs

    making = _Records(session, look).making(wanted)
    return (run for run in Outcomes(session, look).each(look.standing(), making) if run is not None)


class _Records:
    """Makes records of runs; what many runs share, their code and environment, is read once."""

    def __init__(self, session: Session, look: RunListing) -> None:
        self._blobs, self._home, self._look = session.blobs, session.home, look
        self._files: dict[str, Doc | None] = {}
        self._code: tuple[Doc, records.Code] | None = None

    def making(self, wanted: Callable[[Doc | None], bool] | None = None) -> Making[records.Run]:
        """Return what is made of a run."""
        return Making(self._whole, self._broken) if wanted is None else Making(self._whole, self._broken, wanted)

    def _broken(self, run: str, head: Doc | None, said: Doc) -> records.Run:
        made = records.Run(id=run, experiment="", status=said["status"], error=said["error"])
        return records.at_home(made, self._home)

    def _whole(self, files: RunFiles, head: Doc, end: Doc) -> records.Run:
        if end["ended_at"] is not None:
            datetime.fromisoformat(end["ended_at"])  # a duration must not fail later, in a table of all runs
        datetime.fromisoformat(head["started_at"])
        facts = self._look.noted(head["id"])
        made = records.Run(
            id=head["id"],
            experiment=head["experiment_name"],
            name=facts["name"] if "name" in facts else head["name"],
            status=end["status"],
            params=json_value(head["params"]),
            metrics=decode_values(end["metrics"]),
            uses=tuple(ref.removeprefix("dataset:") for ref in head["uses"]),
            reads=tuple(map(bare, end["reads"])),
            artifacts={name: file_record(file) for name, file in end["artifacts"].items()},
            model=end["model"],
            code=self._code_of(head["code"]),
            environment=self._environment_of(head["environment"]),
            error=end["error"],
            author=head["author"],
            started_at=head["started_at"],
            ended_at=end["ended_at"],
            entry=head["entry"],
            n_points=end["points"],
            failures=end["failures"],
            tags=tuple(facts.get("tags", ())),
        )
        return records.at_home(made, self._home)

    def _file(self, stored_object: str) -> Doc | None:
        """Return where a blob that runs share is, or None if it could not be stored, or a newer library knows how."""
        if stored_object not in self._files:
            try:
                found = next(iter(self._blobs.files_of(stored_object, stored_object)), None)
            except VersionDeleted:
                found = None
            self._files[stored_object] = found
        return self._files[stored_object]

    def _code_of(self, stored: Doc) -> records.Code:
        last = self._code
        if last is None or last[0] != stored:
            file = self._file(stored["diff"]) if stored.get("diff") else None
            last = self._code = stored, records.from_json({**stored, "diff_file": file}, "Code")
        return last[1]

    def _environment_of(self, stored_object: str | None) -> records.Environment:
        if stored_object is None:
            return records.Environment()
        digest = stored_object.removeprefix("environment:")
        file = self._file(stored_object)
        if file is None:
            return records.Environment(digest=digest)
        checked_files = self._blobs.checked_files

        def read() -> records.Environment:
            document = checked_files.read_document(file, "the environment of a run")
            found: records.Environment = records.from_json(document, "Environment")
            return found

        try:
            known: records.Environment = checked_files.runs.get(stored_object, read, _ENVIRONMENT)
        except (Corrupt, SchemaError, FileNotFoundError):  # many runs share it: what it says is missed, `verify` tells
            return records.Environment(digest=digest)
        return known
