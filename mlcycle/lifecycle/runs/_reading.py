"""Runs as they are stored: what became of each, and all of them as records."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mlcycle import records, storage
from mlcycle._digest import json_value
from mlcycle._ids import near
from mlcycle._warn import warn
from mlcycle.errors import Corrupt, InvalidInput, NotFound, SchemaError, StorageUnavailable, VersionDeleted
from mlcycle.lifecycle.blobs import file_record
from mlcycle.lifecycle.runs._documents import read_end, read_head
from mlcycle.lifecycle.runs._files import POINTS, RunFiles, is_run_id, run_folder
from mlcycle.lifecycle.runs._lines import from_json, to_json
from mlcycle.lifecycle.runs._points import read_points
from mlcycle.lifecycle.runs._summary import Summary, read_summary
from mlcycle.storage import KeyNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.runs._points import Points
    from mlcycle.state import View

__all__ = ["all_runs", "head_of", "packs_in_force", "points_of", "run_of"]

Doc = dict[str, Any]
_SILENT_SECONDS = 300.0
_LOOKS = 4  # twice would do, but for packers and sweeps overtaking one reader
_DAMAGE = (AttributeError, LookupError, TypeError, ValueError)  # ValueError: Corrupt and SchemaError, too


def run_of(session: Session, run: str, view: View | None = None) -> records.Run:
    """Return one run by its id, or by the beginning of it that no other run shares; by a view, or a look of its own."""
    if not isinstance(run, str):
        raise InvalidInput(f"a run is given by its id or a beginning of it, got {type(run).__name__}")
    if is_run_id(run):
        look = _Look(
            RunFiles(session.blobs.depot), view or session.view()
        )  # a head that lies in its folder needs no listing
        if look.view.then(look.view.state.n).marks.has("run", run, "swept"):  # what is remembered of it is not there
            raise VersionDeleted(f"run {run} has been removed by a sweep")
        found = _found(session, run, look)
        if found is None:
            raise NotFound(f"there is no run {run}")
        return found
    known = _look(session, "runs/").files.ids()
    matching = [id_ for id_ in known if id_.startswith(run)] if run else []
    if len(matching) == 1:
        return run_of(session, matching[0])
    if matching:
        raise NotFound(f"{len(matching)} runs begin with {run!r}", matching[:3])
    raise NotFound(f"no run begins with {run!r}", near(run, known))


def head_of(session: Session, run: str) -> Doc | None:
    """Return the head of a run, None where there is none any more."""
    for files in (RunFiles(session.blobs.depot), _look(session, f"{run_folder(run)}/").files):
        with contextlib.suppress(KeyNotFound):
            return _head(session, files, run)
    return None


def _head(session: Session, files: RunFiles, run: str) -> Doc:
    found: Doc = session.blobs.depot.runs.get(f"head:{run}", lambda: read_head(files, run))
    return found


def points_of(session: Session, run: str) -> Points:
    """Return everything that was logged to a run."""
    folder = f"{run_folder(run_of(session, run).id)}/"
    for _ in range(_LOOKS - 1):
        with contextlib.suppress(KeyNotFound):  # it has gone into a pack since it was listed
            return read_points(storage.read_lines(_look(session, folder).files, folder, POINTS))
    return read_points(storage.read_lines(_look(session, folder).files, folder, POINTS))


def all_runs(session: Session, experiment: str | None = None) -> Iterator[records.Run]:
    """Yield the runs of an experiment, or of the project, oldest first; those dropped are passed over.

    A run that cannot be read is one whose status is ``damaged``, or ``unreadable`` if a newer mlcycle wrote it, and
    whose error says why. Where its head does not say which experiment it belongs to, it is among the runs of each.
    """
    look = _look(session, "runs/")

    def wanted(head: Doc | None) -> bool:
        if head is None:
            return session.at is None
        belongs = experiment is None or head["experiment"] == f"experiment:{experiment}"
        return belongs and (session.at is None or head["entry"] <= look.view.n)

    for run in look.files.ids():
        if not look.view.marks.has("run", run, "dropped"):
            found = _found(session, run, look, wanted)
            if found is not None:
                yield found


class _Look(NamedTuple):
    """What there is of runs: their files, and what the log says of them."""

    files: RunFiles
    view: View

    def noted(self, run: str) -> Doc:
        """Return what was said of a run after its start, ``name`` and ``tags``; what was said last counts."""
        said: Doc = {}
        for fact in self.view.facts.of("annotation", f"run:{run}"):
            said |= fact.says
        return said


def _look(session: Session, prefix: str) -> _Look:
    """Look at what there is of runs; what cannot be read of it is told."""
    for _ in range(_LOOKS):
        look = _look_once(session, prefix)
        if not any(isinstance(error, KeyNotFound) for error in look.files.trouble.values()):
            break  # else a pack has become part of another since the log was read
    for key, error in look.files.trouble.items():
        warn(f"{session.url}: the runs in {key} cannot be read and are left out: {error}")
    return look


def packs_in_force(session: Session, view: View) -> list[Doc]:
    """Return the packs of finished runs that the log names."""
    return [file for fact in view.facts.of("pack") for file in session.blobs.files_of(fact.needs[0], f"pack {fact.id}")]


def _look_once(session: Session, prefix: str) -> _Look:
    """List first, then fold: what left its folder meanwhile is in a pack that the log names by now."""
    listed = list(session.files.list(prefix))
    month = prefix[: len("runs/2026-11/")]
    view = session.view()
    packs = [pack for pack in packs_in_force(session, view) if pack["key"].startswith((month, "@"))]
    files = RunFiles(session.blobs.depot, listed, packs)
    return _Look(files, view)


def _found(
    session: Session, run: str, look: _Look, wanted: Callable[[Doc | None], bool] = lambda head: True
) -> records.Run | None:
    """Return a run, or None if it is not there (any more) or is not wanted."""
    folder = f"{run_folder(run)}/"
    if not look.files.may_hold(f"{folder}end.json"):  # it may have ended since the listing was made
        look = _look(session, folder)
    for _ in range(_LOOKS):
        with contextlib.suppress(KeyNotFound):
            return _row(session, run, look, wanted)
        look = _look(session, folder)
        if not any(look.files.list(folder)):
            return None
    raise StorageUnavailable(f"{session.url}: files of run {run} are listed and not there, {_LOOKS} times; try again")


def _row(session: Session, run: str, look: _Look, wanted: Callable[[Doc | None], bool]) -> records.Run | None:
    files, facts = look.files, look.noted(run)
    key = f"{run_folder(run)}/head.json"
    try:
        head = _head(session, files, run)
    except KeyNotFound:
        if files.may_hold(key):
            raise
        lost = Corrupt(f"{key} is missing; put it back, or drop the run: project.store.drop('run:{run}')")
        return _broken(run, lost) if wanted(None) else None
    except (Corrupt, SchemaError) as error:
        return _broken(run, error) if wanted(None) else None
    if not wanted(head):
        return None
    try:
        return _record(session, head, _end(session, run, files), facts)
    except _DAMAGE as error:
        return _without_end(session, head, error, facts)


def _end(session: Session, run: str, files: RunFiles) -> Doc:
    try:
        found: Doc = session.blobs.depot.runs.get(f"end:{run}", lambda: read_end(files, run))
    except KeyNotFound:
        if files.may_hold(f"{run_folder(run)}/end.json"):
            raise
        return _unended(session, files, run)
    return found


def _without_end(session: Session, head: Doc, error: Exception, facts: Doc) -> records.Run:
    """Say of a run whose end cannot be read what else is known of it."""
    run = head["id"]
    try:
        files = _look(session, f"{run_folder(run)}/").files
        end = _logged(read_summary(files, f"{run_folder(run)}/", POINTS))
        return _record(session, head, end | _trouble(run, error), facts)
    except _DAMAGE:
        return _broken(run, error)


def _broken(run: str, error: Exception) -> records.Run:
    said = _trouble(run, error)
    return records.Run(id=run, experiment="", status=said["status"], error=said["error"])


def _trouble(run: str, error: Exception) -> Doc:
    if isinstance(error, SchemaError):
        return {"status": "unreadable", "error": str(error)}
    if not isinstance(error, Corrupt) or run_folder(run) not in str(error):  # a record says what, and not where
        where = f"{run_folder(run)}/end.json or head.json"
        what = f"it holds what cannot be ({type(error).__name__}: {error})"
        error = Corrupt(f"{where} is damaged: {what}; put a good copy back, or drop the run")
    return {"status": "damaged", "error": str(error)}


def _record(session: Session, head: Doc, end: Doc, facts: Doc) -> records.Run:
    if end["ended_at"] is not None:
        datetime.fromisoformat(end["ended_at"])  # a duration must not fail later, in a table of all runs
    datetime.fromisoformat(head["started_at"])
    return records.Run(
        id=head["id"],
        experiment=head["experiment_name"],
        name=facts["name"] if "name" in facts else head["name"],
        status=end["status"],
        params=json_value(head["params"]),
        metrics=from_json(end["metrics"]),
        uses=tuple(ref.removeprefix("dataset:") for ref in head["uses"]),
        artifacts={name: file_record(file) for name, file in end["artifacts"].items()},
        model=end["model"],
        code=_code(session, head["code"]),
        environment=_environment(session, head["environment"]),
        error=end["error"],
        author=head["author"],
        started_at=head["started_at"],
        ended_at=end["ended_at"],
        entry=head["entry"],
        points=end["points"],
        failures=end["failures"],
        tags=tuple(facts.get("tags", ())),
    )


def _stored_blob(session: Session, stored_object: str) -> Doc | None:
    """Return where a blob that runs share is, or None if it could not be stored, or a newer library knows how."""
    try:
        return next(iter(session.blobs.files_of(stored_object, stored_object)), None)
    except VersionDeleted:
        return None


def _code(session: Session, stored: Doc) -> records.Code:
    file = _stored_blob(session, stored["diff"]) if stored.get("diff") else None
    found: records.Code = records.from_json({**stored, "type": "Code", "diff_file": file})
    return found


def _environment(session: Session, stored_object: str | None) -> records.Environment:
    if stored_object is None:
        return records.Environment()
    digest = stored_object.removeprefix("environment:")
    file = _stored_blob(session, stored_object)
    if file is None:
        return records.Environment(digest=digest)

    def read() -> records.Environment:
        document = session.blobs.depot.read_document(file, "the environment of a run")
        found: records.Environment = records.from_json({**document, "type": "Environment"})
        return found

    try:
        known: records.Environment = session.blobs.depot.runs.get(stored_object, read)
    except (Corrupt, SchemaError, FileNotFoundError):  # many runs share it: what it says is missed, `verify` tells
        return records.Environment(digest=digest)
    return known


def _unended(session: Session, files: RunFiles, run: str) -> Doc:
    """Say what is known of a run without an end: what it logged, and whether its owner still lives."""
    folder = f"{run_folder(run)}/"
    listed = list(files.list(folder))
    alive = storage.owner_alive(session.files, folder, POINTS, listed=listed)
    if alive is None:
        silent = datetime.now(UTC).timestamp() - max((item.mtime for item in listed), default=0.0)
        status = "probably lost" if silent > _SILENT_SECONDS else "running"
    else:
        status = "running" if alive else "lost"
    return _logged(read_summary(files, folder, POINTS, listed=listed)) | {"status": status, "error": None}


def _logged(summary: Summary) -> Doc:
    return {
        "ended_at": None,
        "metrics": to_json(summary.last),
        "points": summary.count,
        "failures": 0,
        "artifacts": summary.artifacts,
        "model": summary.model,
    }
