"""The store under a project: is it whole, what can go, what is it called at this point."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mlcycle import records, storage
from mlcycle._ids import check_name, parse_ref
from mlcycle._text import printable
from mlcycle._times import parse_span
from mlcycle.errors import ConflictError, InvalidInput, VersionDeleted
from mlcycle.lifecycle._moments import entry_number
from mlcycle.lifecycle._progress import watched
from mlcycle.lifecycle._run_files import run_folder
from mlcycle.lifecycle._runs import run_of
from mlcycle.lifecycle._session import draft
from mlcycle.lifecycle._view import View, doc_ref, named_files, owners_of
from mlcycle.storage import Draft, Settled

if TYPE_CHECKING:
    from datetime import date, datetime

    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle._view import Collection

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

    def __repr__(self) -> str:
        return f"<store {self.url}>"

    @property
    def url(self) -> str:
        """Where the project lives."""
        return self._session.url

    def info(self) -> dict[str, Any]:
        """Return what the store says of itself: url, id, entries, files and bytes the log names."""
        with self._session.view() as view:
            files = named_files({"logical": view.logical, "placement": view.placement})
            facts = {"id": view.logical["id"], "entries": view.n + 1}
        size = sum(file["size"] for file in files.values())
        shared = self._session.files.shared
        return {"url": self.url, **facts, "files": len(files), "bytes": size, "shared": shared}

    def verify(self, level: str = "files") -> storage.Verification:
        """Check the store, and name the versions that are hurt.

        Parameters
        ----------
        level : {"chain", "files", "bytes"}
            The chain of the log; also that every file the log names is there in the right size; also that its bytes
            have the right digest.
        """
        with watched("verify", "files") as progress:
            return storage.verify(
                self._session.log,
                self._session.files,
                named_files,
                level=level,
                begun=True,
                owners=owners_of,
                progress=progress,
            )

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

        def prefixes(state: Doc) -> list[str]:
            return [*_SWEPT_FOLDERS, *(f"{run_folder(run)}/" for run in state["logical"]["dropped_runs"])]

        return storage.sweep(
            self._session.log,
            self._session.files,
            named_files,
            doomed=lambda state: state["placement"]["doomed"],
            prefixes=prefixes,
            shape=_SHAPE,
            author=self._session.author,
            dry_run=dry_run,
            min_age=oldest.total_seconds(),
        )

    def drop(self, ref: str | records.Record, *, reason: str = "", op: str | None = None) -> None:
        """Mark a version or a run as dropped; its files stay until a sweep, and `restore` brings it back.

        Parameters
        ----------
        ref : str or record
            ``"dataset:customers@2"``, ``"model:churn@3"`` or ``"run:<id>"``, or the version or run itself.
        reason, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Raises
        ------
        ConflictError
            When an alias, a deployment or a part still needs the version.
        """
        kind, target = self._target(ref)

        def plan(view: View) -> Draft | Settled:
            if kind == "runs":
                if target in view.logical["dropped_runs"]:
                    return Settled(None)
                return draft([{"kind": "version.drop", "of": "runs", "id": target}])
            doc = view.version(kind, target, dropped=True)
            if doc["number"] in view.named(kind, doc["name"])["dropped"]:
                return Settled(None)
            if needed := _needed_by(view, kind, doc):
                raise ConflictError(f"{doc_ref(doc)} is needed by {', '.join(needed)}; move or drop those first")
            return draft([{"kind": "version.drop", "of": kind, "name": doc["name"], "number": doc["number"]}])

        self._session.commit(plan, message=reason, op=op)

    def restore(self, ref: str | records.Record, *, reason: str = "", op: str | None = None) -> None:
        """Bring back what was dropped, if no sweep has removed its files.

        Raises
        ------
        VersionDeleted
            When a sweep was faster.
        """
        kind, target = self._target(ref)

        def plan(view: View) -> Draft | Settled:
            if kind == "runs":
                return self._restore_run(view, target)
            doc = view.version(kind, target, dropped=True)
            if doc["number"] not in view.named(kind, doc["name"])["dropped"]:
                return Settled(None)
            files = view.files(doc["object"], doc_ref(doc))
            for parent in doc["parents"] if doc.get("type") == "selection" else ():
                view.files(
                    view.version("datasets", parent, dropped=True)["object"],
                    f"{parent}, of which {doc_ref(doc)} is a part,",
                )
            change = {"kind": "version.restore", "of": kind, "name": doc["name"], "number": doc["number"]}
            return draft([change], [file["key"] for file in files])

        self._session.commit(plan, message=reason, op=op)

    def _restore_run(self, view: View, run: str) -> Draft | Settled:
        if run not in view.logical["dropped_runs"]:
            return Settled(None)
        folder = f"{run_folder(run)}/"
        if any(key.startswith(folder) for key in view.placement["doomed"]):
            raise VersionDeleted(f"run {run} has been removed by a sweep")
        return draft([{"kind": "version.restore", "of": "runs", "id": run}])

    def tag(self, name: str, to: int | str | date | datetime | None = None) -> int:
        """Give an entry a name that `Project.at` and `Project.rollback` understand.

        Parameters
        ----------
        name : str
            The tag; given again, it moves.
        to : int, str, date, datetime or timedelta, optional
            The entry, as in `Project.at`; defaults to the newest.

        Returns
        -------
        int
            The entry the tag names.
        """
        name = check_name(name, "tag")
        if name.isdigit():
            raise InvalidInput(f"the tag {name!r} would read as an entry number; use a word")

        wanted = None if to is None else entry_number(self._session, to)

        def plan(view: View) -> Draft | Settled:
            entry = view.n if wanted is None else wanted
            if view.logical["tags"].get(name) == entry:
                return Settled(entry)
            return draft([{"kind": "tag.set", "name": name, "to": entry}])

        commit = self._session.commit(plan, message=f"tag {name}")
        return int(commit.value if commit.entry is None else commit.entry["changes"][0]["to"])

    def sync(self) -> list[str]:
        """Upload what killed or disconnected processes of this machine left in their spools; return the new keys."""
        self._session.check_writable()
        return storage.recover_spools(self._session.files)

    def compact(self) -> None:
        """Write the caches of the log now, checkpoint, rollups and hint, so that the next cold open is fast."""
        self._session.check_writable()
        self._session.log.flush()

    def _target(self, ref: str | records.Record) -> tuple[Any, str]:
        self._session.check_writable()
        if isinstance(ref, records.Run):
            ref = f"run:{ref.id}"
        elif isinstance(ref, (records.DatasetVersion, records.ModelVersion)):
            ref = f"{'dataset' if isinstance(ref, records.DatasetVersion) else 'model'}:{ref.ref}"
        if isinstance(ref, str) and ref.startswith("run:"):
            run = ref.removeprefix("run:")
            with self._session.view() as view:
                known = run in view.logical["dropped_runs"]  # a sweep may have taken what run_of would read
            return "runs", run if known else run_of(self._session, run).id
        parsed = parse_ref(ref)  # type: ignore[arg-type]
        if parsed.kind is None:
            raise InvalidInput(f"say what {ref!r} is: 'dataset:{ref}', 'model:{ref}' or 'run:<id>'")
        return f"{parsed.kind}s", str(ref)


def _needed_by(view: View, kind: Collection, doc: Doc) -> list[str]:
    """Return the pointers and parts that would hang in the air without a version."""
    if kind == "models":
        aliases = view.named("models", doc["name"])["aliases"]
        pointing = [f"{doc['name']}@{alias}" for alias in aliases if view.alias(doc["name"], alias) == doc["number"]]
        return pointing + [f"deployment {name}" for name in _deployed(view, doc_ref(doc))]
    return []


def _deployed(view: View, ref: str) -> list[str]:
    current = {d["name"]: view.revision(d) for d in view.logical["deployments"].values()}
    return [name for name, rev in current.items() if rev and (ref in rev["weights"] or ref == rev["shadow"])]
