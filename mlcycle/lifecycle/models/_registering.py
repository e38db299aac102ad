"""Registering a model: from a run that saved one, or from a fitted estimator."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import frozen

from mlcycle import records
from mlcycle._ids import bare, check_name, new_id, refs_of
from mlcycle._warn import warn
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.lifecycle._gate_request import GateRequest
from mlcycle.lifecycle._model_files import StagedModel, check_model, keep_model, store_model
from mlcycle.lifecycle.models._record import model_record
from mlcycle.lifecycle.runs import ActiveRun, documents_of, missing_model, used_ref
from mlcycle.state import Change, NameSet, Place, VersionAdd, View, every_ref, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlcycle._typing import Moment
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs

__all__ = ["RegisterSpec", "register", "register_run"]

Doc = dict[str, Any]


@frozen
class RegisterSpec:
    """What is to be registered, as its caller gives it: see `Models.register`."""

    source: Any
    uses: Sequence[str | records.DatasetVersion | records.ModelVersion]
    example: Any = None
    format: str | None = None


def register(
    session: Session, name: str, spec: RegisterSpec, *, message: str, override_until: Moment | None, op: str | None
) -> records.ModelVersion:
    """Register as `Models.register` documents."""
    name = check_name(name, "model name")
    named = every_ref(spec.uses, "uses")
    with contextlib.ExitStack() as kept:
        take = _preparing(session, spec, kept)

        def work(do: Operation) -> records.ModelVersion:
            do.view.names.check_free("model", name)
            taken = take(do.view, [used_ref(do.view, one) for one in named])
            do.judge(lambda: _request(name, taken))
            identity = new_id()
            stored = do.upload(lambda: _store(session.blobs, identity, taken))
            done = do.commit(lambda view: _registration(view, name, stored, taken))
            return model_record(session, done.versions("model")[0])

        return session.operate("model.register", work, message=message, op=op, override_until=override_until)


def register_run(
    session: Session,
    run: records.Run | ActiveRun,
    *,
    name: str,
    uses: Sequence[str | records.DatasetVersion | records.ModelVersion],
    message: str,
    override_until: Moment | None,
    op: str | None,
) -> records.ModelVersion:
    """Register as `Run.register` documents."""
    return register(session, name, RegisterSpec(run, uses), message=message, override_until=override_until, op=op)


def _request(name: str, taken: _Prepared) -> GateRequest:
    """Return what is judged of a model that is to be registered: what is known of it before it is uploaded."""

    def proposal() -> Doc:
        size, card = taken.shown()
        data, base = (refs_of(noun, taken.made_from) for noun in ("dataset", "model"))
        lineage = {"data": data, "reads": taken.says["reads"], "base": base}
        shown = {field: tuple(map(bare, refs)) for field, refs in lineage.items()}
        return {"name": name, "run": taken.says["run"], **shown, "size": size, **card}

    return GateRequest(
        verb="model.register",
        action="register",
        subject=taken.says["run"] or f"model:{name}",
        proposal=proposal,
        about=(f"model:{name}",),
        premise=lambda view: (taken.made_from, taken.says["reads"]),
    )


def _store(blobs: Blobs, identity: str, taken: _Prepared) -> Place:
    folder = f"files/{identity}"
    files, card = taken.store(folder)
    return blobs.place(f"model:{identity}", [*files, blobs.checked_files.store_document(folder, "card", card)], folder)


def _preparing(
    session: Session, spec: RegisterSpec, kept: contextlib.ExitStack
) -> Callable[[View, list[str]], _Prepared]:
    """Return what says what to register, given a view and what its caller says it uses; it may be asked again."""
    source = spec.source
    if isinstance(source, (ActiveRun, records.Run)):
        return lambda view, uses: _from_run(session, view, source, uses)
    check_model(source)

    @functools.cache
    def packed() -> StagedModel:  # once, however often it is stored
        found = kept.enter_context(_packed(source, spec.example, spec.format))
        if found.lost:
            warn(f"{found.card['class']}: {found.lost}")
        return found

    def store(folder: str) -> tuple[list[Doc], Doc]:
        return store_model(session.blobs.checked_files, folder, packed()), packed().card

    def shown() -> tuple[int, Doc]:
        return packed().path.stat().st_size, _card(packed().card)

    says: Doc = {"run": None, "environment": None, "reads": []}
    return lambda view, uses: _Prepared(store, shown, says, uses)


def _from_run(session: Session, view: View, source: Any, uses: list[str]) -> _Prepared:
    head, end = documents_of(session, source, view)
    model = end["model"]
    if model is None:
        raise InvalidInput(missing_model(source, end))
    used, reads = ([resolve(view, one, dropped=True).ref for one in refs] for refs in (head["uses"], end["reads"]))
    # what the run declared stands: who names more adds to it, and takes nothing back
    every = list(dict.fromkeys([*used, *uses]))
    made_from = [*refs_of("dataset", every), *refs_of("model", every)]
    environment = head["environment"] and bare(head["environment"])
    said = {"run": f"run:{head['id']}", "environment": environment, "reads": reads}
    files, card = model["files"], model["card"]
    size = next(file["size"] for file in files if file["kind"] == "model")
    return _Prepared(lambda folder: (files, card), lambda: (size, _card(card)), said, made_from)


def _card(card: Doc) -> Doc:
    """Return what a card says of a model to whoever judges it: all but where its files are."""
    shown = ("class", "format", "packages", "untrusted", "local", "signature", "params")
    return {field: card[field] for field in shown}


class _Prepared(NamedTuple):
    """What is to be registered.

    What stores its files below a folder, and makes its card; what tells the size of the model and what is known of it;
    what is said, its lineage.
    """

    store: Callable[[str], tuple[list[Doc], Doc]]
    shown: Callable[[], tuple[int, Doc]]
    says: Doc
    made_from: list[str]


def _packed(model: Any, example: Any, format: str | None) -> StagedModel:
    try:
        return StagedModel(model, example, format)
    except InvalidInput as error:
        raise InvalidInput(f"{error}{keep_model(model)}") from error


def _registration(view: View, name: str, stored: Place, taken: _Prepared) -> list[Change]:
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
