"""Opening a store: finding what is at a place, or making a project there."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlcycle import storage
from mlcycle._digest import canonical_json
from mlcycle._ids import new_id, now
from mlcycle.checks import Hook
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
from mlcycle.lifecycle._connection import Connection, absent
from mlcycle.lifecycle._home import Home
from mlcycle.lifecycle._hook_context import hook_context
from mlcycle.lifecycle._session import Session
from mlcycle.lifecycle._session_hooks import Hooks
from mlcycle.lifecycle.evaluation import criteria_on
from mlcycle.lifecycle.project import Project
from mlcycle.state import ProjectCreate

if TYPE_CHECKING:
    from os import PathLike

    from mlcycle.state import State
    from mlcycle.storage import Draft, Snapshot, UpToDate

__all__ = ["open"]

Doc = dict[str, Any]
_FORMAT = {"format": "mlcycle-store", "v": 1}
_BEGINNING = "log/0000000000.json"


def open(
    url: str | PathLike[str],
    create: bool | None = None,
    mode: str = "rw",
    *,
    author: str | None = None,
    single_writer: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    hooks: Sequence[Hook] = (),
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
    hooks : sequence of Hook, optional
        Who judges what is committed through this project, ``mlcycle.before("dataset.commit", fn)``, and is told of it,
        ``mlcycle.after("model.promote", fn)``.

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
    hooks = list(hooks) if isinstance(hooks, Iterable) else [hooks]
    if not all(isinstance(hook, Hook) for hook in hooks):
        raise InvalidInput(f"hooks= is a list such as [mlcycle.before('dataset.commit', fn)], got {hooks!r:.80}")
    connection = Connection(url, caches=mode == "rw", single_writer=single_writer, storage_options=storage_options)
    return _begin(connection, create, mode, author, Hooks(tuple(hooks), hook_context, criteria_on))


def _begin(
    connection: Connection,
    create: bool | None,
    mode: str = "rw",
    author: str | None = None,
    hooks: Hooks | None = None,
) -> Project:
    """Open the store at a connection, or make it there."""
    session = Session(connection, mode=mode, author=author, hooks=hooks, make_home=Home)
    try:
        found = _read_store_document(connection)
    except AccessDenied:
        if create is not True:
            raise
        found = None  # without permission to list, S3 answers 403 for what is absent; creating will tell
    if found is not None and create is True:
        raise StoreExists(f"there is a project at {connection.url} already; open it without create=True")
    if found is None:
        if create is False or mode == "r":
            _check_lost(connection)
            remedy = "" if connection.url.startswith("memory:") else "; open it with create=True to make one"
            raise NotAStore(absent(connection.url) + remedy)
        found = _create(connection, session.author, forced=create is True)
    connection.look()  # a store without a beginning is damaged, and is not begun anew
    connection.log.first()
    if found.get("needs_write"):
        needs = ", ".join(map(str, found["needs_write"]))
        refusal = f"writing to {connection.url} needs a newer mlcycle (one that knows {needs}); upgrade it"
        session = Session(connection, author=author, hooks=hooks, refusal=refusal, make_home=Home)
    if mode == "rw" and not connection.files.can_append:
        with contextlib.suppress(MlcycleError, OSError):  # what a killed process left here is worth a try
            storage.recover_spools(connection.files)
    return Project(session)


def _read_store_document(connection: Connection) -> Doc | None:
    try:
        document: Doc = json.loads(connection.files.read("store.json"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"{connection.url}/store.json is damaged ({error}); put back a good copy of it") from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT["format"]:
        raise NotAStore(f"{connection.url} has a store.json, but not one of mlcycle")
    if document.get("v") != _FORMAT["v"] or document.get("needs_read"):
        raise SchemaError(
            f"{connection.url} was made by a newer mlcycle (format {document.get('v')}, needs "
            f"{document.get('needs_read')}); upgrade mlcycle to read it"
        )
    return document


def _create(connection: Connection, author: str, *, forced: bool) -> Doc:
    """Make a store, or find the one that somebody else made meanwhile; return its document."""
    import mlcycle

    found = _check_place(connection, forced)
    if found is not None:
        return found
    document: Doc = {
        **_FORMAT,
        "id": new_id(),
        "created_at": now(),
        "by": f"mlcycle {mlcycle.__version__}",
        "needs_read": [],
        "needs_write": [],
        "probe": storage.probe(connection.files),
    }
    storage.prove_new(connection.files)
    # The log begins first, so that a store without entry 0 is damaged, whatever else there is of it.
    document["id"], ours = _first_entry(connection, author, document["id"])
    if forced and not ours:
        raise StoreExists(f"somebody made a project at {connection.url} just now; open it without create=True")
    if connection.files.create("store.json", canonical_json(document)) is not storage.Outcome.WON:
        found = _read_store_document(connection)
        if found is None:
            raise StorageUnavailable(f"{connection.url} did not answer while a project was being made there; try again")
        return found
    if not forced:
        print(f"mlcycle: made a new project at {connection.url}", file=sys.stderr)
    return document


def _check_place(connection: Connection, forced: bool) -> Doc | None:
    """Refuse a place that has something else in it, or lies inside another store.

    What a probe left there counts as nothing: somebody may be making this project too, or died while making it. A
    store that was made meanwhile comes back.
    """
    for above in storage.parents_of(connection.url):
        try:
            parent = storage.open_files(above, single_writer=True, storage_options=connection.files.storage_options)
            parent.read("store.json")
        except (FileNotFoundError, AccessDenied, StorageUnavailable):
            continue
        except Corrupt:  # it is a link, and a store that is damaged is one
            pass
        raise StoreExists(f"{connection.url} lies inside the project at {above}; choose a place outside it")
    try:
        listed = (item.key for item in connection.files.list(""))
        links = storage.links_in(connection.files, "")  # which are not listed, and are somebody's
        present = next((key for key in itertools.chain(listed, links) if not storage.is_litter(key)), None)
    except AccessDenied:
        if forced or _check_lost(connection):
            return None
        raise NotAStore(
            f"{connection.url} may not be listed, so whether it is empty cannot be seen; "
            "open it with create=True to make a project"
        ) from None
    if present is None:
        return None
    found = None if forced else _read_store_document(connection)
    if found is None and not _check_lost(connection, forced=forced):
        raise NotAStore(
            f"{connection.url} is not empty ({present}) and is not an mlcycle project; choose an empty or a new place"
        )
    return found


def _check_lost(connection: Connection, *, forced: bool = False) -> bool:
    """Say whether a log begins where store.json is missing: somebody is making a project, or died while making it.

    Raises
    ------
    Corrupt
        There is more than a beginning.
    StoreExists
        There is a beginning, and `forced` asks for a new one.
    """
    try:
        connection.files.read(_BEGINNING, 0, 1)
    except FileNotFoundError:
        return False
    if forced:
        raise StoreExists(f"somebody began a project at {connection.url}; open it without create=True")
    more = None
    with contextlib.suppress(AccessDenied):
        keys = (item.key for item in connection.files.list(""))
        more = next((key for key in keys if key not in (_BEGINNING, "hint.json") and not storage.is_litter(key)), None)
    if more is not None and _read_store_document(connection) is None:
        raise Corrupt(
            f"store.json is missing in {connection.url}, though {_BEGINNING} and {more} are there; put it back from a "
            "copy of the store"
        )
    return True


def _first_entry(connection: Connection, author: str, identity: str) -> tuple[str, bool]:
    """Make entry 0, which gives the project its identity; return the one there is, and whether it is this one."""

    def propose(now: Snapshot) -> Draft | UpToDate:
        return storage.Draft([ProjectCreate(id=identity).doc()]) if now.n < 0 else storage.UpToDate()

    commit = connection.log.commit(propose, verb="project.create", author=author, message="project created")
    state: State = commit.snapshot.state
    return state.id or "", commit.mine
