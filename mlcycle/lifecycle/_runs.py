"""Runs as they are stored: where a run lives, what became of it, and all of them as records."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlcycle import records, storage
from mlcycle._digest import json_value
from mlcycle._ids import near
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.lifecycle._points import from_json, read_points, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.lifecycle._points import Points
    from mlcycle.lifecycle._session import Session

__all__ = ["POINTS", "all_runs", "points_of", "run_folder", "run_of"]

Doc = dict[str, Any]
POINTS = "points-"
_SILENT_SECONDS = 300.0


def run_folder(run: str) -> str:
    """Return the folder of a run; the month comes from its id, so the id alone finds it.

    Examples
    --------
    >>> run_folder("019ab0f2c40071c8a3b1f0e2d4c6a8b0")
    'runs/2025-11/019ab0f2c40071c8a3b1f0e2d4c6a8b0'
    """
    month = datetime.fromtimestamp(int(run[:12], 16) / 1000, UTC).strftime("%Y-%m")
    return f"runs/{month}/{run}"


def run_of(session: Session, run: str) -> records.Run:
    """Return one run by its id, or by the beginning of it that no other run shares."""
    if not isinstance(run, str):
        raise InvalidInput(f"a run is given by its id or a beginning of it, got {type(run).__name__}")
    if len(run) == 32 and all(character in "0123456789abcdef" for character in run):
        try:
            head = _read(session, f"{run_folder(run)}/head.json")
        except FileNotFoundError:
            raise NotFound(f"there is no run {run}") from None
        return _record(session, head)
    matching = [id_ for id_ in _ids(session) if id_.startswith(run)] if run else []
    if len(matching) == 1:
        return run_of(session, matching[0])
    if matching:
        raise NotFound(f"{len(matching)} runs begin with {run!r}", matching[:3])
    raise NotFound(f"no run begins with {run!r}", near(run, _ids(session)))


def points_of(session: Session, run: str) -> Points:
    """Return everything that was logged to a run."""
    found = run_of(session, run)
    return read_points(storage.read_lines(session.files, f"{run_folder(found.id)}/", POINTS))


def all_runs(session: Session, experiment: str | None = None) -> Iterator[records.Run]:
    """Yield the runs of an experiment, or of the project, oldest first; those dropped are passed over."""
    view = session.view()
    for run in _ids(session):
        if view.is_marked("run", run, "dropped"):
            continue
        head = _head(session, run)
        if head is None or (experiment is not None and head["experiment"] != experiment):
            continue
        if session.at is None or head["entry"] <= view.n:
            yield _record(session, head)


def _ids(session: Session) -> list[str]:
    found = {item.key.split("/")[2] for item in session.files.list("runs/") if item.key.count("/") >= 3}
    return sorted(run for run in found if len(run) == 32)


def _head(session: Session, run: str) -> Doc | None:
    try:
        return session.depot.remember(f"head:{run}", lambda: _read(session, f"{run_folder(run)}/head.json"))
    except (FileNotFoundError, ValueError):
        return None


def _read(session: Session, key: str) -> Doc:
    document: Doc = json.loads(session.files.read(key))
    return document


def _record(session: Session, head: Doc) -> records.Run:
    folder = run_folder(head["id"])
    try:
        end = session.depot.remember(f"end:{head['id']}", lambda: _read(session, f"{folder}/end.json"))
    except FileNotFoundError:
        end = _unended(session, folder)
    model = end["model"]
    return records.Run(
        id=head["id"],
        experiment=head["experiment_name"],
        name=head["name"],
        status=end["status"],
        params=json_value(head["params"]),
        metrics=from_json(end["metrics"]),
        uses=tuple(head["uses"]),
        artifacts={name: records.FileRef(**file) for name, file in end["artifacts"].items()},
        model=model,
        code=_code(session, head["code"]),
        environment=_environment(session, head["environment"]),
        error=end["error"],
        author=head["author"],
        started_at=head["started_at"],
        ended_at=end["ended_at"],
        entry=head["entry"],
        points=end["points"],
        failures=end["failures"],
    )


def _stored_blob(session: Session, stored_object: str) -> Doc | None:
    """Return where a blob that runs share is, or None if it could not be stored."""
    view = session.view()
    return view.place(stored_object, stored_object).files[0] if view.is_placed(stored_object) else None


def _code(session: Session, stored: Doc) -> records.Code:
    facts = {name: value for name, value in stored.items() if name != "diff"}
    file = _stored_blob(session, stored["diff"]) if stored["diff"] else None
    return records.Code(**facts, diff_file=records.FileRef(**file) if file else None)


def _environment(session: Session, digest: str) -> records.Environment:
    file = _stored_blob(session, f"environment:{digest}")
    if file is None:
        return records.Environment(digest=digest)
    return records.Environment(**session.depot.read_document(file, "the environment of a run"))


def _unended(session: Session, folder: str) -> Doc:
    """Say what is known of a run without an end: what it logged, and whether its owner still lives."""
    points = read_points(storage.read_lines(session.files, f"{folder}/", POINTS))
    alive = storage.owner_alive(session.files, f"{folder}/", POINTS)
    if alive is None:
        seen = max((item.mtime for item in session.files.list(f"{folder}/")), default=0.0)
        silent = datetime.now(UTC).timestamp() - seen
        status = "probably lost" if silent > _SILENT_SECONDS else "running"
    else:
        status = "running" if alive else "lost"
    return {
        "status": status,
        "ended_at": None,
        "metrics": to_json(points.last),
        "points": points.count,
        "failures": 0,
        "artifacts": points.artifacts,
        "model": points.model,
        "error": None,
    }
