"""The store under a project: is it whole, what can go, what is it called at this point."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlcycle import records, storage
from mlcycle._ids import check_name
from mlcycle._text import printable
from mlcycle._times import parse_span, written
from mlcycle.errors import InvalidInput, SchemaError, VersionDeleted
from mlcycle.lifecycle._points_in_time import entry_number
from mlcycle.lifecycle._progress import watched
from mlcycle.lifecycle.runs import (
    ActiveRun,
    ask_for_pins,
    blobs_of,
    head_of,
    packs_in_force,
    run_folder,
    run_ref,
    verify_runs,
)
from mlcycle.state import (
    NOUNS,
    Change,
    LiveFiles,
    TagSet,
    VersionMark,
    View,
    drop,
    find_live_files,
    noun,
    read_ref,
    resolve,
    restore,
)
from mlcycle.storage import UpToDate, fetch

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from mlcycle._typing import Moment
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.storage import Snapshot

__all__ = ["Store"]

Doc = dict[str, Any]
_SWEPT_FOLDERS = ("tables/", "files/", "leaves/")

# The keys this library writes there, and has ever written. People and programs put things of their own into a folder
# (a README, .DS_Store, a copy of a notebook): what does not look like ours is not ours to remove.
_ID = "[0-9a-f]{32}"
_SHAPE = re.compile(
    rf"tables/{_ID}/{_ID}\.parquet"
    rf"|leaves/{_ID}\.(?:parquet|json)"
    rf"|files/(?:{_ID}|environment|code)/{_ID}\.[^/]+"
    rf"|runs/[0-9]{{4}}-[0-9]{{2}}/{_ID}/(?:head\.json|end\.json|files/{_ID}\.[^/]+"
    r"|points-[0-9a-f]{40}-[0-9]+(?:-[0-9]+)?\.jsonl)"
)


@printable
class Store:
    """The store of one project; lives as long as the project handle it hangs on.

    Examples
    --------
    >>> import mlcycle as mc, pandas as pd
    >>> project = mc.open("memory://docs-store")
    >>> version = project.datasets.add("d", pd.DataFrame({"a": [1, 2]}))
    >>> project.store.tag("first")
    1
    >>> project.store.verify("bytes").ok
    True
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._counted: tuple[tuple[int, int], LiveFiles] | None = None
        self._size = ((-1, -1), 0, 0)

    def __repr__(self) -> str:
        return f"<store {self.url}>"

    @property
    def url(self) -> str:
        """Where the project lives."""
        return self._session.url

    def info(self) -> dict[str, Any]:
        """Return what the store says of itself: url, id, entries, files and bytes the log names."""
        view = self._session.view()
        looked = view.n, view.state.n  # what stood then, in files as they are now
        if self._size[0] != looked:
            with self._counting():
                files = self._live_files(view).live()
            self._size = looked, len(files), sum(file["size"] for file in files.values())
        facts = {"id": view.state.id, "entries": view.n + 1, "files": self._size[1], "bytes": self._size[2]}
        return {"url": self.url, **facts, "shared": self._session.log.files.shared}

    def _at(self, now: Snapshot) -> View:
        return View(now.state, self._session.log.entry, now.n)

    def _live_files(self, view: View) -> LiveFiles:
        """Return what stands by a view, in one pass over the log; while counting, what was found by it is known."""
        looked = view.n, view.state.n
        if self._counted is None or self._counted[0] != looked:
            self._counted = looked, fetch(("census", self.url, looked), lambda: self._find_live_files(view))
        return self._counted[1]

    def _find_live_files(self, view: View) -> LiveFiles:
        checked_files = self._session.blobs.checked_files
        return find_live_files(
            view, self._session.log.entries(0, view.n + 1), lambda one: checked_files.listed(one, "a list")
        )

    def _newest(self) -> View:
        """Return the project by its newest entry, also for who looks at the past: files are there now or not at all."""
        return self._at(self._session.log.snapshot())

    @contextlib.contextmanager
    def _counting(self) -> Iterator[None]:
        """Keep the last census until this ends, and no longer: of 100 000 entries it takes 150 MB."""
        try:
            yield
        finally:
            self._counted = None

    def verify(self, level: str = "files") -> storage.Verification:
        """Check the store, and name the versions that are hurt.

        Parameters
        ----------
        level : {"chain", "files", "bytes"}
            The chain of the log; also that every file the log names is there in the right size; also that its bytes
            have the right digest.
        """
        with self._counting(), watched("verify", "files") as progress:
            return storage.verify(
                self._session.log,
                self._session.log.files,
                lambda now: self._live_files(self._at(now)).live(),
                level=level,
                begun=True,
                owners=lambda now: self._live_files(self._at(now)).owners_of(),
                extra=lambda: self._further(deep=level == "bytes") if level != "chain" else (),
                progress=progress,
            )

    def _further(self, *, deep: bool) -> Iterator[storage.Problem]:
        """Yield what is wrong with runs, and the lists of files that a newer library wrote."""
        now = self._newest()
        live_files = self._live_files(now)
        for one in sorted(live_files.unread.keys() & live_files.owners.keys()):
            if isinstance(live_files.unread[one], SchemaError):
                key = live_files.files[one][-1]["key"]
                yield storage.Problem("unreadable", key, str(live_files.unread[one]), tuple(live_files.owners[one]))
        listed = list(self._session.log.files.list("runs/"))  # before the log: a pack made meanwhile is in it
        now = self._newest()
        packs, passed = packs_in_force(self._session.blobs, now), self._dropped_runs(now)
        yield from verify_runs(self._session.blobs.checked_files, listed, packs, deep=deep, passed=passed)

    def sweep(
        self, *, dry_run: bool = False, min_age: timedelta | str | int = timedelta(days=7)
    ) -> storage.SweepResult:
        """Remove files that nothing standing names: of dropped versions and runs, and of commits that never came.

        Only files of the library's own are removed; what somebody else put into the folder stays, and a link is never
        followed.

        Parameters
        ----------
        dry_run : bool, default False
            Only say what would go, and how many bytes.
        min_age : timedelta, str or 0, default 7 days
            Leave younger files alone, for thrift: a writer at work would have to upload them again. Safety does not
            rest on it.
        """
        none = isinstance(min_age, int) and not isinstance(min_age, bool) and min_age == 0
        oldest = timedelta(0) if none else parse_span(min_age, "min_age")
        if not dry_run:
            self._session.check_writable()

        with self._counting():
            return self._swept(oldest, dry_run=dry_run)

    def _swept(self, min_age: timedelta, *, dry_run: bool) -> storage.SweepResult:
        young = written(datetime.now(UTC) - min_age)
        asked = ask_for_pins(self._session, self._live_files(self._newest()), young, dry_run=dry_run)

        def kept(now: Snapshot) -> Container[str]:
            view = self._at(now)
            live_files = self._live_files(view)
            return live_files.without(asked.free(view, live_files)).kept()

        def prefixes(now: Snapshot) -> list[str]:
            return [*_SWEPT_FOLDERS, *(f"{run_folder(run)}/" for run in self._dropped_runs(self._at(now)))]

        def swept(now: Snapshot, keys: list[str]) -> tuple[list[str], list[Doc]]:
            view = self._at(now)
            objects = self._live_files(view).objects_with(keys)
            gone = [run for run in self._dropped_runs(view) if any(run in key for key in keys)]
            marks = [VersionMark(of="run", name=run, mark="swept") for run in gone]
            return objects, [one.doc() for one in (*marks, *asked.marks(view, objects))]

        return storage.sweep(
            self._session.log,
            self._session.log.files,
            kept,
            prefixes=prefixes,
            swept=swept,
            shape=_SHAPE,
            author=self._session.author,
            dry_run=dry_run,
            min_age=min_age.total_seconds(),
        )

    def _dropped_runs(self, view: View) -> list[str]:
        return [run.name for run in view.names.every("run") if 0 in view.marks.numbers("run", run, "dropped")]

    def drop(self, ref: str | records.Record | ActiveRun, *, message: str = "", op: str | None = None) -> None:
        """Mark a version or a run as dropped; its files stay until a sweep, and `restore` brings it back.

        Parts of a dropped version of data stay and keep loading, and so do the files they share with it.

        Parameters
        ----------
        ref : str or record
            The version or run itself, or its address: ``"customers@2"``, ``"model:churn@3"`` where data has the same
            name, ``"run:<id>"``. A name without a version is refused.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Raises
        ------
        ConflictError
            When an alias or a deployment still needs the version.
        InvalidInput
            For a name without a version, and one that several things have.
        """

        def work(do: Operation) -> None:
            target = self._target(do.view, ref)
            run = target.removeprefix("run:") if target.startswith("run:") else None

            def plan(view: View) -> list[Change] | UpToDate:
                if run:
                    dropped = view.marks.has("run", run, "dropped")
                    return UpToDate() if dropped else [VersionMark(of="run", name=run, mark="dropped")]
                return drop(view, resolve(view, target, dropped=True)) or UpToDate()

            do.commit(plan)

        self._session.operate("store.drop", work, message=message, op=op)

    def restore(self, ref: str | records.Record | ActiveRun, *, message: str = "", op: str | None = None) -> None:
        """Bring back what was dropped, if no sweep has removed its files.

        Raises
        ------
        VersionDeleted
            When a sweep was faster.
        """

        def work(do: Operation) -> None:
            target = self._target(do.view, ref)
            run = target.removeprefix("run:") if target.startswith("run:") else None
            head = head_of(self._session, run) if run else None  # written once: the plan may go by it

            def plan(view: View) -> list[Change] | UpToDate:
                if run:
                    return _restore_run(view, run, head)
                return restore(view, resolve(view, target, dropped=True)) or UpToDate()

            do.commit(plan)

        self._session.operate("store.restore", work, message=message, op=op)

    def tag(self, name: str, to: int | Moment | None = None, *, message: str = "", op: str | None = None) -> int:
        """Give an entry a name that `Project.at` and `Project.rollback` understand.

        Parameters
        ----------
        name : str
            The tag; given again, it moves.
        to : int, str, date, datetime or timedelta, optional
            The entry, as in `Project.at`; defaults to the newest.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Returns
        -------
        int
            The entry the tag names.
        """
        name = check_name(name, "tag")
        if name.isdigit():
            raise InvalidInput(f"the tag {name!r} would read as an entry number; use a word")

        def work(do: Operation) -> int:
            wanted = None if to is None else entry_number(self._session.log, do.view, to)

            def plan(view: View) -> list[Change] | UpToDate:
                entry = view.n if wanted is None else wanted
                return UpToDate(entry) if view.tag(name) == entry else [TagSet(name=name, to=entry)]

            done = do.commit(plan)
            return int(done.value) if done.entry is None else done.change(TagSet).to

        return self._session.operate("store.tag", work, message=message or f"tag {name}", op=op)

    def sync(self) -> list[str]:
        """Upload what killed or disconnected processes of this machine left in their spools; return the new keys."""
        self._session.check_writable()
        return storage.recover_spools(self._session.log.files)

    def compact(self) -> None:
        """Write the caches of the log now, so that the next cold open is fast, and make the log small.

        Old entries, 1 024 to a file, stand in rollups then, and their own files are emptied behind them (never removed:
        an absent one would let a writer who slept commit into the past).
        """
        self._session.check_writable()
        self._session.log.compact()

    def _target(self, view: View, ref: str | records.Record | ActiveRun) -> str:
        """Return the full ref of what is meant: of a version, or of a run."""
        if isinstance(ref, (records.Run, ActiveRun)):
            ref = f"run:{ref.id}"
        if isinstance(ref, str) and ref.startswith("run:"):
            return run_ref(self._session, ref, view)
        said = read_ref(ref, view).kind is not None
        version = resolve(view, ref, *(() if said else _dropped_one_by_one(view)), dropped=True)
        if noun(version.of).kept:
            raise InvalidInput(
                f"{version.ref} stays; what can be dropped are versions of datasets and models, and runs"
            )
        if isinstance(ref, str) and "@" not in ref:  # the newest may be another one tomorrow
            raise InvalidInput(f"{ref!r} names no version; say which version: {version.ref!r}")
        return version.ref


def _dropped_one_by_one(view: View) -> list[str]:
    """Return the nouns whose versions can be dropped."""
    nouns = dict.fromkeys([*NOUNS, *view.names.nouns()])
    return [of for of in nouns if noun(of).versioned and not noun(of).kept]


def _restore_run(view: View, run: str, head: Doc | None) -> list[Change] | UpToDate:
    if not view.marks.has("run", run, "dropped"):
        return UpToDate()
    if head is None or view.marks.has("run", run, "swept"):
        raise VersionDeleted(f"run {run} has been removed by a sweep")
    if gone := [blob for blob in blobs_of(head) if not view.placed.has(blob)]:
        raise VersionDeleted(f"the {gone[0].partition(':')[0]} of run {run} has been removed by a sweep")
    return [VersionMark(of="run", name=run, mark="dropped", on=False)]
