"""What became of runs: from their files to whatever is made of them, a record or the row of a table.

A run without an end is running, or lost. Where its owner holds a lock on this machine, that says which. A free lock
says that the owner is gone, and not whether it wrote an end before: only a listing made afterwards does, so a run is
lost that was without an end in one. Of other machines' runs the time of the last line speaks.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from mlcycle import storage
from mlcycle.errors import Corrupt, SchemaError, StorageUnavailable
from mlcycle.lifecycle.runs._files import POINTS, run_folder
from mlcycle.lifecycle.runs._head_and_end import known_end, known_head
from mlcycle.lifecycle.runs._listing import TRIES, list_runs
from mlcycle.lifecycle.runs._log_lines import encode_values
from mlcycle.lifecycle.runs._summary import read_summary
from mlcycle.storage import KeyNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.runs._files import RunFiles
    from mlcycle.lifecycle.runs._listing import RunListing
    from mlcycle.lifecycle.runs._summary import RunSummary

__all__ = ["Making", "Outcomes"]

Doc = dict[str, Any]
T = TypeVar("T")
Made = TypeVar("Made", covariant=True)
_SILENT_SECONDS = 300.0
_AT_ONCE = 16  # runs read in parallel where every read is a journey
_GONE = 256  # bytes it takes to remember that the owner of a run is gone
_DAMAGE = (AttributeError, LookupError, TypeError, ValueError)  # ValueError: Corrupt and SchemaError, too


def _any_run(head: Doc | None) -> bool:
    return True


@frozen
class Making(Generic[Made]):
    """What is to be made of a run.

    Attributes
    ----------
    whole : callable
        Makes it of the files, the head, and what the end says, or what is known without one; may find damage.
    broken : callable
        Makes it of the id, the head, if that can be read, and the status and error of a run that cannot be told whole.
    wanted : callable
        Whether a run of this head is asked for; of None, one whose head cannot be read.
    keep : bool, default True
        Whether the documents stay in memory.
    """

    whole: Callable[[RunFiles, Doc, Doc], Made]
    broken: Callable[[str, Doc | None, Doc], Made]
    wanted: Callable[[Doc | None], bool] = _any_run
    keep: bool = True


class Outcomes:
    """What became of the runs of a store; lives as long as one look at it.

    Parameters
    ----------
    session : Session
        Who looks.
    look : RunListing
        What there is; a run that is not as it says any more is looked at anew.
    """

    def __init__(self, session: Session, look: RunListing) -> None:
        self._session, self._look = session, look
        self._checked_files = session.blobs.checked_files
        self._spooled: dict[tuple[str, str], dict[str, Path]] | None = None

    def each(self, runs: Sequence[str], making: Making[T]) -> Iterator[T | None]:
        """Yield what is made of each run, in order; None of one that is not there (any more), or is not wanted."""
        if self._session.log.files.can_append or len(runs) < 2:
            yield from (self.of(run, making) for run in runs)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(_AT_ONCE, len(runs)), thread_name_prefix="mlcycle-runs") as pool:
            yield from pool.map(lambda run: self.of(run, making), runs)

    def of(self, run: str, making: Making[T]) -> T | None:
        """Return what is made of a run, or None."""
        folder, look = f"{run_folder(run)}/", self._look
        for _ in range(TRIES):
            try:
                return self._made(run, look.files, making)
            except KeyNotFound:
                look = list_runs(self._session, folder)
            if not any(look.files.list(folder)):
                return None
        where = self._session.url
        raise StorageUnavailable(f"{where}: files of run {run} are listed and not there, {TRIES} times; try again")

    def fate(self, run: str, files: RunFiles) -> str:
        """Return the status of a run that is listed without an end.

        Raises
        ------
        KeyNotFound
            When it has ended since it was listed: look again.
        """
        sizes, gone = files.sizes(run), f"gone:{run}"
        if self._checked_files.rows.known(gone) == sizes:  # these writers were gone before it was listed
            return "lost"
        folder = f"{run_folder(run)}/"
        listed = list(files.list(folder))
        if self._spooled is None:
            self._spooled = storage.spooled_owners(self._checked_files.files)
        alive = storage.owner_alive(self._checked_files.files, folder, POINTS, listed=listed, spooled=self._spooled)
        if alive is False:  # the spools were looked through for all runs at once: this one may be of a later look
            alive = storage.owner_alive(self._checked_files.files, folder, POINTS, listed=listed)
        if alive is None:
            silent = datetime.now(UTC).timestamp() - max((item.mtime for item in listed), default=0.0)
            return "probably lost" if silent > _SILENT_SECONDS else "running"
        if alive:
            return "running"
        later = list_runs(self._session, folder).files
        if later.may_hold(f"{folder}end.json") or not any(later.list(folder)):
            raise KeyNotFound(f"run {run} has ended since it was listed")
        if later.sizes(run) == sizes:
            self._checked_files.rows.put(gone, sizes, _GONE)
        return "lost"

    def _made(self, run: str, files: RunFiles, making: Making[T]) -> T | None:
        key = f"{run_folder(run)}/head.json"
        try:
            head = known_head(self._checked_files, files, run, keep=making.keep)
        except KeyNotFound:
            if files.may_hold(key):
                raise
            lost = Corrupt(f"{key} is missing; put it back, or drop the run: project.store.drop('run:{run}')")
            return making.broken(run, None, _trouble(run, lost)) if making.wanted(None) else None
        except (Corrupt, SchemaError) as error:
            return making.broken(run, None, _trouble(run, error)) if making.wanted(None) else None
        if not making.wanted(head):
            return None
        try:
            return making.whole(files, head, self._end(run, files, making.keep))
        except _DAMAGE as error:
            return self._without_end(head, error, making)

    def _end(self, run: str, files: RunFiles, keep: bool) -> Doc:
        if files.may_hold(f"{run_folder(run)}/end.json"):
            return known_end(self._checked_files, files, run, keep=keep)
        status = self.fate(run, files)
        return _logged(_summary(files, run)) | {"status": status, "error": None}

    def _without_end(self, head: Doc, error: Exception, making: Making[T]) -> T:
        """Make of a run whose end cannot be read what else is known of it."""
        run = head["id"]
        try:
            files = list_runs(self._session, f"{run_folder(run)}/").files
            return making.whole(files, head, _logged(_summary(files, run)) | _trouble(run, error))
        except _DAMAGE:
            return making.broken(run, head, _trouble(run, error))


def _summary(files: RunFiles, run: str) -> RunSummary:
    return read_summary(files, f"{run_folder(run)}/", POINTS)


def _trouble(run: str, error: Exception) -> Doc:
    if isinstance(error, SchemaError):
        return {"status": "unreadable", "error": str(error)}
    if not isinstance(error, Corrupt) or run_folder(run) not in str(error):  # a record says what, and not where
        where = f"{run_folder(run)}/end.json or head.json"
        what = f"it holds what cannot be ({type(error).__name__}: {error})"
        error = Corrupt(f"{where} is damaged: {what}; put a good copy back, or drop the run")
    return {"status": "damaged", "error": str(error)}


def _logged(summary: RunSummary) -> Doc:
    return {
        "ended_at": None,
        "metrics": encode_values(summary.last),
        "points": summary.count,
        "failures": 0,
        **summary.kept(),
    }
