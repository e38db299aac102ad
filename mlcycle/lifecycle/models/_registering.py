"""Registering a model: from a run that saved one, or from a fitted estimator."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from mlcycle import records
from mlcycle._ids import new_id
from mlcycle._warn import warn
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.lifecycle._model_files import PackedModel, check_model, keep_model, store_model
from mlcycle.lifecycle.models._record import model_record
from mlcycle.lifecycle.runs import ActiveRun, documents_of
from mlcycle.state import Change, NameSet, Place, VersionAdd, View, bare, every_ref, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs

__all__ = ["register"]

Doc = dict[str, Any]


def register(
    session: Session,
    name: str,
    source: Any,
    data: Sequence[str | records.DatasetVersion],
    example: Any,
    format: str | None,
    *,
    message: str,
    op: str | None,
) -> records.ModelVersion:
    """Register as `Models.register` documents."""
    named = every_ref(data, "data")
    with contextlib.ExitStack() as kept:
        take = _taking(session, source, example, format, kept)

        def work(do: Operation) -> records.ModelVersion:
            do.view.names.check_free("model", name)
            taken = take(do.view, [resolve(do.view, one, "dataset").ref for one in named])
            identity = new_id()
            stored = do.upload(lambda: _store(session.blobs, identity, taken))
            done = do.commit(lambda view: _registration(view, name, stored, taken))
            return model_record(session.blobs, done.versions("model")[0])

        return session.operate("model.register", work, message=message, op=op)


def _store(blobs: Blobs, identity: str, taken: _Taken) -> Place:
    folder = f"files/{identity}"
    files, card = taken.store(folder)
    return blobs.place(f"model:{identity}", [*files, blobs.depot.store_document(folder, "card", card)], folder)


def _taking(
    session: Session, source: Any, example: Any, format: str | None, kept: contextlib.ExitStack
) -> Callable[[View, list[str]], _Taken]:
    """Return what says what to register, given a view and the data its caller names; it may be asked again."""
    if isinstance(source, (ActiveRun, records.Run, str)):
        return lambda view, data: _from_run(session, view, source, data)
    check_model(source)

    @functools.cache
    def packed() -> PackedModel:  # once, however often it is stored
        found = kept.enter_context(_packed(source, example, format))
        if found.lost:
            warn(f"{found.card['class']}: {found.lost}")
        return found

    def store(folder: str) -> tuple[list[Doc], Doc]:
        return store_model(session.blobs.depot, folder, packed()), packed().card

    return lambda view, data: _Taken(store, {"run": None, "environment": None}, data)


def _from_run(session: Session, view: View, source: Any, data: list[str]) -> _Taken:
    head, end = documents_of(session, source, view)
    model = end["model"]
    if model is None:
        raise InvalidInput(
            f"run {head['id']} has no model; call run.save_model(model, example=X[:5]) before registering"
        )
    used = [resolve(view, one, "dataset", dropped=True).ref for one in head["uses"] if one.startswith("dataset:")]
    said = {"run": f"run:{head['id']}", "environment": head["environment"] and bare(head["environment"])}
    return _Taken(lambda folder: (model["files"], model["card"]), said, data or used)


class _Taken(NamedTuple):
    """What is to be registered: what stores its files below a folder, and makes its card; what is said, its lineage."""

    store: Callable[[str], tuple[list[Doc], Doc]]
    says: Doc
    made_from: list[str]


def _packed(model: Any, example: Any, format: str | None) -> PackedModel:
    try:
        return PackedModel(model, example, format)
    except InvalidInput as error:
        raise InvalidInput(f"{error}{keep_model(model)}") from error


def _registration(view: View, name: str, stored: Place, taken: _Taken) -> list[Change]:
    """Return the changes that add a model as the next version of a name."""
    view.names.check_free("model", name)
    run = bare(taken.says["run"] or "")
    if run and view.marks.has("run", run, "dropped"):
        raise NotFound(f"run {run} was dropped; project.store.restore('run:{run}') first")
    begun: list[Change] = [] if view.names.get("model", name) else [NameSet(of="model", name=name, id=new_id())]
    environment = f"environment:{taken.says['environment']}"  # it outlives the run it was captured for
    needs = [stored.object, environment] if view.placed.has(environment) else [stored.object]
    number = view.versions.next_number("model", name)
    made = VersionAdd(of="model", name=name, number=number, needs=needs, made_from=taken.made_from, says=taken.says)
    return [*begun, stored, made]
