"""The project: one object through which everything in a store is reached."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from mlcycle import _html, records, storage
from mlcycle._digest import canonical_json
from mlcycle._ids import new_id, now, parse_ref
from mlcycle._text import printable
from mlcycle.errors import (
    AccessDenied,
    Corrupt,
    InvalidInput,
    MlcycleError,
    NotAStore,
    SchemaError,
    StorageUnavailable,
    StoreExists,
)
from mlcycle.lifecycle._history import history_frame
from mlcycle.lifecycle._moments import entry_number
from mlcycle.lifecycle._rollback import moves_of, new_models
from mlcycle.lifecycle._session import Session
from mlcycle.lifecycle.datasets import Datasets
from mlcycle.lifecycle.deployments import Deployments
from mlcycle.lifecycle.evaluation import evaluate, judged_today
from mlcycle.lifecycle.experiments import Experiments
from mlcycle.lifecycle.models import Models
from mlcycle.lifecycle.scope import ScopeHandle
from mlcycle.lifecycle.store import Store
from mlcycle.state import Change, ProjectCreate, ProjectRollback, View, read_changes, roll_project_back, status_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date, datetime
    from os import PathLike

    import pandas as pd

    from mlcycle.state import State
    from mlcycle.storage import Draft, Settled, Snapshot

__all__ = ["Project", "open"]

Doc = dict[str, Any]
_FORMAT = {"format": "mlcycle-store", "v": 1}
_BEGINNING = "log/0000000000.json"


@printable
class Project:
    """An open project; lives as long as you work with it, in one process, and is made by `mlcycle.open`.

    Handles are cheap and safe to share between threads. A project pickles to its URL (with its storage options), so
    that it travels to workers.

    Attributes
    ----------
    scope, datasets, experiments, models, deployments : handles
        The phases of the cycle.
    store : Store
        The store underneath: verify, sweep, tag, drop, restore.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.scope = ScopeHandle(session)
        self.datasets = Datasets(session)
        self.experiments = Experiments(session)
        self.models = Models(session)
        self.deployments = Deployments(session)
        self.store = Store(session)

    def __repr__(self) -> str:
        past = "" if self._session.at is None else f" as of entry {self._session.at}"
        return f"<mlcycle project {self._session.url}{past}>"

    def _repr_html_(self) -> str:
        view = self._session.view()  # what files there are takes a pass over the log: `Store.info`
        facts = [("entries", view.n + 1), *((f"{of}s", len(view.names.of(of))) for of in ("dataset", "model"))]
        return _html.card(repr(self)[1:-1], facts, _html.Markup(self.status()._repr_html_()))

    def __reduce__(self) -> tuple[Any, ...]:
        return Project, (self._session,)

    def load(
        self,
        what: records.DatasetVersion | records.ModelVersion | str,
        *,
        columns: Iterable[Any] | None = None,
        xy: bool = False,
        trust: bool | Collection[str] = (),
        reason: str | None = None,
    ) -> Any:
        """Load what a record stands for: a DataFrame for a dataset, an estimator for a model.

        Parameters
        ----------
        what : DatasetVersion, ModelVersion or str
            Text says its kind: ``"dataset:churn@3"``, ``"model:churn@production"``.
        columns, xy
            For datasets, as in `Datasets.load`.
        trust, reason
            For models, as in `Models.load`.
        """
        if isinstance(what, records.ModelVersion) or (isinstance(what, str) and what.startswith("model:")):
            if columns is not None or xy:
                raise InvalidInput("columns= and xy= are for datasets, and this is a model")
            return self.models.load(what, trust=trust, reason=reason)
        if isinstance(what, records.DatasetVersion) or (isinstance(what, str) and what.startswith("dataset:")):
            return self.datasets.load(what, columns=columns, xy=xy)
        if isinstance(what, str):
            parse_ref(what)
            raise InvalidInput(f"say what {what!r} is: 'dataset:{what}' or 'model:{what}'")
        raise InvalidInput(f"load takes a DatasetVersion, a ModelVersion or text, got {type(what).__name__}")

    def evaluate(
        self,
        subject: str | records.ModelVersion,
        data: str | records.DatasetVersion | None = None,
        *,
        checks: Sequence[Any] = (),
        trust: bool | Collection[str] = (),
        reason: str | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.Evaluation:
        """Judge a model version on data by the criteria of the scope, and keep what was found.

        Parameters
        ----------
        subject : ref or ModelVersion
            What is judged.
        data : ref or DatasetVersion, optional
            On what; defaults to the scope's ``test``.
        checks : sequence of criteria and callables, optional
            More questions: a criterion, or ``(subject, context) -> Result | number | bool | iterable of them``.
        trust, reason
            As in `Models.load`.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Returns
        -------
        Evaluation
            Values, intervals, verdicts, and how often this test set has been used.

        Raises
        ------
        InvalidInput
            For a check that is neither, and a criterion that could never fail or never pass.
        """
        return evaluate(self._session, subject, data, checks, trust=trust, reason=reason, message=message, op=op)

    def status(self) -> records.Status:
        """Return, per phase, what is missing, stale, blocked or due."""
        return status_of(self._session.view(), now())

    def history(self, *, limit: int | None = None) -> pd.DataFrame:
        """Return who did what, when and why: one row per entry of the log, oldest first.

        Parameters
        ----------
        limit : int, optional
            Only the newest so many.
        """
        return history_frame(self._session, limit)

    def at(self, moment: int | str | date | datetime) -> Project:
        """Return the project as it stood, read-only.

        Parameters
        ----------
        moment : int, str, date, datetime or timedelta, or one of numpy or pandas
            A log entry, a tag, a date (its end) or time (UTC unless it says otherwise), or a span back from now such
            as ``"7d"``.
        """
        return Project(self._session.sibling(entry_number(self._session, moment)))

    def rollback(
        self,
        to: int | str | date | datetime,
        *,
        reason: str = "",
        dry_run: bool = False,
        override: records.Override | None = None,
        op: str | None = None,
    ) -> list[records.Move]:
        """Set datasets, aliases and routes together to what they were, as one entry.

        Versions made later are retracted: no longer ``latest``, still addressable. Scope, runs, evaluations,
        decisions, labels and reports are facts and stay. To undo a rollback, roll back to the entry before it.

        Parameters
        ----------
        to : int, str, date, datetime or timedelta
            A log entry, a tag, or a moment, as in `at`.
        reason : str
            Why, for the history.
        dry_run : bool, default False
            Only list what would move; nothing is judged and nothing refused.
        override : Override, optional
            Goes back even to a model that fails today's scope.
        op : str, optional
            An id of yours for this operation, so that a restarted script does not repeat it.

        Returns
        -------
        list of Move
            Pointer, from, to, and who had set it.

        Raises
        ------
        VersionDeleted
            When a target is gone.
        GateBlocked
            When a target fails today's scope and there is no override.
        """
        entry = entry_number(self._session, to)

        def plan(view: View) -> list[Change] | Settled:
            changes = roll_project_back(view, entry)
            judged_today(self._session, view, new_models(view, entry), override)
            return [_overridden(one, override) for one in changes] or storage.Settled(view.n)

        if dry_run:
            return moves_of(self._session.view(), entry)
        commit = self._session.commit(plan, verb="project.rollback", message=reason, op=op)
        if commit.entry is None:
            return []
        (done,) = read_changes(commit.entry, ProjectRollback)
        return moves_of(self._session.view(refresh=False).then(commit.n - 1), done.to)


def _overridden(change: Change, override: records.Override | None) -> Change:
    """Return a rollback that says what let it pass."""
    return change if override is None else attrs.evolve(change, says={"override": records.to_json(override)})


def open(
    url: str | PathLike[str],
    create: bool | None = None,
    mode: str = "rw",
    *,
    author: str | None = None,
    single_writer: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> Project:
    """Open the project at a URL; make it where the place is absent or empty.

    Parameters
    ----------
    url : str or path
        A folder, or any fsspec URL: ``"churn"``, ``"s3://team/churn"``, ``"memory://churn"``. A ``file:`` URI is read
        as `pathlib.Path.as_uri` writes it, with ``%20`` for a space; in a plain path a percent sign is one.
    create : bool, optional
        None opens what is there and creates only in an absent or empty place, saying so on stderr; ``.DS_Store`` and
        its like, ``lost+found``, ``.gitkeep`` and markers of folders in a bucket leave a place empty. False never
        creates. True creates, and refuses a place that has a store.
    mode : {"rw", "r"}
        ``"r"`` writes nothing at all.
    author : str, optional
        Who commits; defaults to ``MLCYCLE_AUTHOR``, else to the user of this machine.
    single_writer : bool, default False
        Allow storage without a safe way to commit, on your word that nobody else writes.
    storage_options : mapping, optional
        Passed to fsspec.

    Raises
    ------
    NotAStore
        Nothing is there and `create` is False, or something is there that is not a store.
    StoreExists
        A store is there already and `create` is True, or lies above this place.
    Corrupt
        The log is missing, or store.json, though there is more of a store: no history is begun over another.
    UnsupportedStorage
        For a URL that cannot be read or storage that cannot commit safely.
    InvalidInput
        For what is neither text nor a path.

    Examples
    --------
    >>> import mlcycle
    >>> mlcycle.open("memory://docs-open")
    <mlcycle project memory://docs-open>
    """
    if mode not in ("rw", "r"):
        raise InvalidInput(f"mode={mode!r} is unknown; 'rw' to work, 'r' to only read")
    if storage_options is not None and not isinstance(storage_options, Mapping):
        kind = type(storage_options).__name__
        raise InvalidInput(f"storage_options= is a mapping such as {{'endpoint_url': 'https://…'}}, got {kind}")
    session = Session(url, mode=mode, author=author, single_writer=single_writer, storage_options=storage_options)
    return _begin(session, create)


def _begin(session: Session, create: bool | None) -> Project:
    """Open the store a session stands on, or make it there."""
    try:
        found = _read_store_document(session)
    except AccessDenied:
        if create is not True:
            raise
        found = None  # without permission to list, S3 answers 403 for what is absent; creating will tell
    if found is not None and create is True:
        raise StoreExists(f"there is a project at {session.url} already; open it without create=True")
    if found is None:
        if create is False or session.mode == "r":
            _check_lost(session)
            raise NotAStore(f"there is no mlcycle project at {session.url}; open it with create=True to make one")
        found = _create(session, forced=create is True)
    session.view()  # a store without a beginning is damaged, and is not begun anew
    session.log.first()
    if found.get("needs_write"):
        needs = ", ".join(map(str, found["needs_write"]))
        session.refuse_writing(f"writing to {session.url} needs a newer mlcycle (one that knows {needs}); upgrade it")
    if session.mode == "rw" and not session.files.can_append:
        with contextlib.suppress(MlcycleError, OSError):  # what a killed process left here is worth a try
            storage.recover_spools(session.files)
    return Project(session)


def _read_store_document(session: Session) -> Doc | None:
    import json

    try:
        document: Doc = json.loads(session.files.read("store.json"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"{session.url}/store.json is damaged ({error}); put back a good copy of it") from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT["format"]:
        raise NotAStore(f"{session.url} has a store.json, but not one of mlcycle")
    if document.get("v") != _FORMAT["v"] or document.get("needs_read"):
        raise SchemaError(
            f"{session.url} was made by a newer mlcycle (format {document.get('v')}, needs "
            f"{document.get('needs_read')}); upgrade mlcycle to read it"
        )
    return document


def _create(session: Session, *, forced: bool) -> Doc:
    """Make a store, or find the one that somebody else made meanwhile; return its document."""
    import mlcycle

    found = _check_place(session, forced)
    if found is not None:
        return found
    document: Doc = {
        **_FORMAT,
        "id": new_id(),
        "created_at": now(),
        "by": f"mlcycle {mlcycle.__version__}",
        "needs_read": [],
        "needs_write": [],
        "probe": storage.probe(session.files),
    }
    storage.prove_new(session.files)
    # The log begins first, so that a store without entry 0 is damaged, whatever else there is of it.
    document["id"], ours = _first_entry(session, document["id"])
    if forced and not ours:
        raise StoreExists(f"somebody made a project at {session.url} just now; open it without create=True")
    if session.files.create("store.json", canonical_json(document)) is not storage.Outcome.WON:
        found = _read_store_document(session)
        if found is None:
            raise StorageUnavailable(f"{session.url} did not answer while a project was being made there; try again")
        return found
    if not forced:
        print(f"mlcycle: made a new project at {session.url}", file=sys.stderr)
    return document


def _check_place(session: Session, forced: bool) -> Doc | None:
    """Refuse a place that has something else in it, or lies inside another store.

    What a probe left there counts as nothing: somebody may be making this project too, or died while making it. A
    store that was made meanwhile comes back.
    """
    for above in storage.parents_of(session.url):
        try:
            parent = storage.open_files(above, single_writer=True, storage_options=session.files.storage_options)
            parent.read("store.json")
        except (FileNotFoundError, AccessDenied, StorageUnavailable):
            continue
        except Corrupt:  # it is a link, and a store that is damaged is one
            pass
        raise StoreExists(f"{session.url} lies inside the project at {above}; choose a place outside it")
    try:
        listed = (item.key for item in session.files.list(""))
        links = storage.links_in(session.files, "")  # which are not listed, and are somebody's
        present = next((key for key in itertools.chain(listed, links) if not storage.is_litter(key)), None)
    except AccessDenied:
        if forced or _check_lost(session):
            return None
        raise NotAStore(
            f"{session.url} may not be listed, so whether it is empty cannot be seen; "
            "open it with create=True to make a project"
        ) from None
    if present is None:
        return None
    found = None if forced else _read_store_document(session)
    if found is None and not _check_lost(session, forced=forced):
        raise NotAStore(
            f"{session.url} is not empty ({present}) and is not an mlcycle project; choose an empty or a new place"
        )
    return found


def _check_lost(session: Session, *, forced: bool = False) -> bool:
    """Say whether a log begins where store.json is missing: somebody is making a project, or died while making it.

    Raises
    ------
    Corrupt
        There is more than a beginning.
    StoreExists
        There is a beginning, and `forced` asks for a new one.
    """
    try:
        session.files.read(_BEGINNING, 0, 1)
    except FileNotFoundError:
        return False
    if forced:
        raise StoreExists(f"somebody began a project at {session.url}; open it without create=True")
    more = None
    with contextlib.suppress(AccessDenied):
        keys = (item.key for item in session.files.list(""))
        more = next((key for key in keys if key not in (_BEGINNING, "hint.json") and not storage.is_litter(key)), None)
    if more is not None and _read_store_document(session) is None:
        raise Corrupt(
            f"store.json is missing in {session.url}, though {_BEGINNING} and {more} are there; put it back from a "
            "copy of the store"
        )
    return True


def _first_entry(session: Session, identity: str) -> tuple[str, bool]:
    """Make entry 0, which gives the project its identity; return the one there is, and whether it is this one."""

    def propose(now: Snapshot) -> Draft | Settled:
        return storage.Draft([ProjectCreate(id=identity).doc()]) if now.n < 0 else storage.Settled()

    commit = session.log.commit(propose, verb="project.create", author=session.author, message="project created")
    state: State = commit.snapshot.state
    return state.id or "", commit.mine
