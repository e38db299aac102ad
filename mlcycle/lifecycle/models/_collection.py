"""The models of a project: versions, the aliases that point at them, and the gate in between."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from mlcycle import records
from mlcycle._ids import check_name, new_id
from mlcycle._text import printable
from mlcycle._warn import warn
from mlcycle.errors import ConflictError, GateBlocked, InvalidInput, NotFound
from mlcycle.lifecycle._model_files import (
    PackedModel,
    card_of,
    check_model,
    keep_model,
    load_version,
    store_model,
)
from mlcycle.lifecycle.blobs import file_record, readable
from mlcycle.lifecycle.evaluation import decide, decision_changes, decision_record, evaluation_record
from mlcycle.lifecycle.runs import ActiveRun, run_of
from mlcycle.state import (
    Change,
    NameSet,
    Place,
    PointerMove,
    Version,
    VersionAdd,
    View,
    bare,
    pointer_moves,
    resolve,
    roll_back,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import pandas as pd

    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.state import Fact

__all__ = ["Models"]

Doc = dict[str, Any]


@printable
class Models:
    """The models of one project; lives as long as the project handle it hangs on.

    Examples
    --------
    >>> import mlcycle as mc
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> project = mc.open("memory://docs-models")
    >>> model = project.models.register("iris", LogisticRegression(max_iter=500).fit(X, y), example=X)
    >>> model.ref
    'iris@1'
    >>> project.models.promote(model, "production", reason="the first").allowed
    True
    >>> project.models.load("iris@production").predict(X[:1])
    array([0])
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def __repr__(self) -> str:
        return f"<models of {self._session.url}: {', '.join(self.names()) or 'none yet'}>"

    # versions ------------------------------------------------------------------------------------------------------

    def register(
        self,
        name: str,
        source: Any,
        *,
        data: Sequence[str | records.DatasetVersion] = (),
        example: Any = None,
        format: str | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.ModelVersion:
        """Register the model of a run, or a fitted estimator, as the next version of a name.

        Parameters
        ----------
        name : str
            Name of the model.
        source : ActiveRun, Run, run id or estimator
            A run that called `save_model`, or the estimator itself.
        data : sequence of refs, optional
            What it was trained on; a run says so itself (its ``uses``).
        example : DataFrame, array, sparse matrix, Arrow or polars table, list of rows, dicts or texts, optional
            A few rows of input for an estimator, which give the signature; a run has its own. The first 20 are kept.
        format : {"skops", "joblib"}, optional
            Force a format for an estimator.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.
        """
        name = check_name(name, "model name")
        with contextlib.ExitStack() as kept:
            take = self._taking(source, example, format, kept)

            def work(do: Operation) -> records.ModelVersion:
                do.view.names.check_free("model", name)
                taken = take(do.view, [resolve(do.view, one, "dataset").ref for one in data])
                identity = new_id()
                stored = do.upload(lambda: self._store(identity, taken))
                done = do.commit(lambda view: _registration(view, name, stored, taken))
                return self._record(done.versions("model")[0])

            return self._session.operate("model.register", work, message=message, op=op)

    def _store(self, identity: str, taken: _Taken) -> Place:
        blobs, folder = self._session.blobs, f"files/{identity}"
        files, card = taken.store(folder)
        return blobs.place(f"model:{identity}", [*files, blobs.depot.store_document(folder, "card", card)], folder)

    def _taking(
        self, source: Any, example: Any, format: str | None, kept: contextlib.ExitStack
    ) -> Callable[[View, list[str]], _Taken]:
        """Return what says what to register, given a view and the data its caller names; it may be asked again."""
        if isinstance(source, (ActiveRun, records.Run, str)):
            run = source if isinstance(source, str) else source.id
            return lambda view, data: self._from_run(view, run, data)
        check_model(source)

        @functools.cache
        def packed() -> PackedModel:  # once, however often it is stored
            found = kept.enter_context(_packed(source, example, format))
            if found.lost:
                warn(f"{found.card['class']}: {found.lost}")
            return found

        def store(folder: str) -> tuple[list[Doc], Doc]:
            return store_model(self._session.blobs.depot, folder, packed()), packed().card

        return lambda view, data: _Taken(store, {"run": None, "environment": None}, data)

    def _from_run(self, view: View, identity: str, data: list[str]) -> _Taken:
        run = run_of(self._session, identity, view)
        if run.model is None:
            raise InvalidInput(
                f"run {run.id} has no model; call run.save_model(model, example=X[:5]) before registering"
            )
        files: list[Doc] = run.model["files"]
        used = [one for one in run.uses if not one.startswith("model:")]
        used = [resolve(view, one, "dataset", dropped=True).ref for one in used]
        said = {"run": f"run:{run.id}", "environment": run.environment.digest if run.environment else None}
        card: Doc = run.model["card"]
        return _Taken(lambda folder: (files, card), said, data or used)

    def get(self, ref: str | records.ModelVersion) -> records.ModelVersion:
        """Return the version a ref means: ``"churn@7"``, ``"churn@production"``, ``"churn"`` for the latest."""
        return self._record(resolve(self._session.view(), ref, "model"))

    def names(self) -> list[str]:
        """Return the names of the models, sorted."""
        return self._session.view().names.of("model")

    def versions(self, name: str) -> list[records.ModelVersion]:
        """Return the versions of a model that were not dropped, oldest first."""
        standing = self._session.view().versions.standing("model", check_name(name, "model name"))
        return readable(self._record, standing)

    def load(
        self, ref: str | records.ModelVersion, *, trust: bool | Collection[str] = (), reason: str | None = None
    ) -> Any:
        """Load the estimator of a version.

        Parameters
        ----------
        ref : ref or ModelVersion
            What to load.
        trust : bool or collection of str, default ()
            Types outside the library's own list that may be built, or True for a pickle format. Loading such a file
            runs code of whoever wrote it.
        reason : str, optional
            Why it is trusted; required with `trust`.

        Raises
        ------
        UntrustedModel
            Naming the types and the call that would load them.
        Corrupt
            When the bytes are not those the log names.
        """
        version = resolve(self._session.view(), ref, "model")
        return load_version(self._session.blobs, version, trust=trust, reason=reason)

    # aliases -------------------------------------------------------------------------------------------------------

    def promote(
        self,
        version: str | records.ModelVersion,
        alias: str = "production",
        *,
        reason: str = "",
        override: records.Override | None = None,
        op: str | None = None,
    ) -> records.Decision:
        """Point an alias at a version, if the gate allows it.

        The gate reads the criteria of today's scope and the evaluations made by `Project.evaluate`. Its decision is
        committed with the move, or without one when it blocks.

        Parameters
        ----------
        version : ref or ModelVersion
            What to promote.
        alias : str, default "production"
            The alias to move.
        reason : str
            Why, for the history.
        override : Override, optional
            Passes a gate that blocks; needs a reason and an end.
        op : str, optional
            An id of yours for this operation, so that a restarted script does not repeat it.

        Returns
        -------
        Decision

        Raises
        ------
        GateBlocked
            Saying what failed, by how much, and how to override.
        ConflictError
            When somebody moved the alias meanwhile; names who.
        """
        alias = check_name(alias, "alias")
        if alias.isdigit() or alias == "latest":
            raise InvalidInput(f"{alias!r} cannot be an alias: numbers and 'latest' already mean a version")

        def work(do: Operation) -> records.Decision:
            standing, scope = resolve(do.view, version, "model"), do.view.versions.newest("scope", "scope")
            before = do.view.pointers.at("model", standing.name, alias)
            verdict = decide(
                self._session.blobs, do.view, "promote", standing, author=do.author, message=reason, override=override
            )
            folder = f"files/{verdict.id}"
            file = do.upload(
                lambda: self._session.blobs.depot.store_document(folder, "decision", records.to_json(verdict))
            )
            move = PointerMove(
                of="model", name=standing.name, pointer=alias, before=before, after=standing.number, how="promote"
            )

            def plan(view: View) -> list[Change]:
                resolve(view, standing.ref, "model")
                _expect_scope(view, scope)
                changes = decision_changes(verdict, file)
                if verdict.allowed:
                    _expect(view, standing.name, alias, before)
                    changes.append(move)
                return changes

            why = override.reason if override else ""
            done = do.commit(plan, message=why, refusal=not verdict.allowed, meant=(move,))
            return decision_record(self._session.blobs, done.fact("decision"))

        decided = self._session.operate("model.promote", work, message=reason, op=op)
        if not decided.allowed:
            raise GateBlocked(decided.why, decided)
        return decided

    def rollback(
        self, name: str, alias: str = "production", *, reason: str = "", op: str | None = None
    ) -> records.ModelVersion:
        """Point an alias back at the newest version it had that was not itself rolled back.

        Parameters
        ----------
        name, alias : str
            Model and alias.
        reason, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Raises
        ------
        NotFound
            When there is nothing to go back to.
        """

        def plan(view: View) -> list[Change]:
            nothing = f"{name}@{alias} has no earlier version to go back to"
            return [roll_back(view, "model", name, alias, nothing)]

        def work(do: Operation) -> records.ModelVersion:
            done = do.commit(plan)
            move = done.change(PointerMove)
            return self._record(resolve(done.view, f"model:{move.name}@{move.after}"))

        return self._session.operate("model.rollback", work, message=reason, op=op)

    def aliases(self, name: str) -> dict[str, str]:
        """Return the aliases of a model and the versions they point at."""
        view = self._session.view()
        known = view.names.known("model", name).name
        found = {alias: view.pointers.at("model", name, alias) for alias in view.pointers.names("model", name)}
        return {alias: f"{known}@{number}" for alias, number in found.items() if number is not None}

    def history(self, name: str, alias: str | None = None) -> pd.DataFrame:
        """Return the moves of a model's aliases, oldest first: who pointed what at which version, when and why."""
        import pandas as pd

        view = self._session.view()
        known = view.names.known("model", name).name
        moves: list[Doc] = [
            {
                "entry": move.stamp.entry,
                "at": pd.Timestamp(move.stamp.at),
                "alias": label,
                "before": None if move.before is None else f"{known}@{move.before}",
                "after": None if move.after is None else f"{known}@{move.after}",
                "how": move.how,
                "author": move.stamp.author,
                "reason": move.stamp.message,
            }
            for label in view.pointers.names("model", name)
            if alias in (None, label)
            for move in pointer_moves(view, "model", name, label)
        ]
        columns = ["entry", "at", "alias", "before", "after", "how", "author", "reason"]
        moves.sort(key=lambda move: int(move["entry"]))
        return pd.DataFrame(moves, columns=columns)

    def evaluations(self, ref: str | records.ModelVersion | None = None) -> list[records.Evaluation]:
        """Return what was found by `Project.evaluate`, about one version or about all, oldest first."""
        return readable(lambda fact: evaluation_record(self._session.blobs, fact), self._facts("evaluation", ref))

    def decisions(self, ref: str | records.ModelVersion | None = None) -> list[records.Decision]:
        """Return what gates decided, about one version or about all, oldest first."""
        return readable(lambda fact: decision_record(self._session.blobs, fact), self._facts("decision", ref))

    def _facts(self, of: str, ref: str | records.ModelVersion | None) -> Iterator[Fact]:
        view = self._session.view()
        subject = None if ref is None else resolve(view, ref, "model", dropped=True).ref
        return (fact for fact in view.facts.of(of, subject) if subject in (None, fact.subject))

    def _record(self, version: Version) -> records.ModelVersion:
        files = self._session.blobs.files_of(version.needs[0], version.shown)
        example = next((file for file in files if file["kind"] == "example"), None)
        card = card_of(self._session.blobs, version)
        return records.ModelVersion(
            name=version.name,
            number=version.number,
            id=bare(version.needs[0]),
            format=card["format"],
            class_name=card["class"],
            files=tuple(map(file_record, files)),
            signature=_signature(card["signature"]),
            example=file_record(example) if example else None,
            run=version["run"] and bare(version["run"]),
            data=tuple(map(bare, version.made_from)),
            params=card["params"],
            environment=version["environment"],
            packages=card["packages"],
            untrusted=tuple(card["untrusted"]),
            **version.stamp.facts(),
        )


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


def _expect_scope(view: View, expected: Version | None) -> None:
    found = view.versions.newest("scope", "scope")
    if found is not None and found != expected:
        raise ConflictError(
            f"{found.stamp.author} set scope {found.number} while the gate was judging by the one before "
            f"(entry {found.stamp.entry}); evaluate under it and promote again",
            found.stamp.winner(),
        )


def _expect(view: View, name: str, alias: str, expected: int | None) -> None:
    found = view.pointers.at("model", name, alias)
    if found == expected:
        return
    by = next(pointer_moves(view, "model", name, alias, newest_first=True)).stamp
    raise ConflictError(
        f"{name}@{alias} was {expected and f'{name}@{expected}'} when this began and is now {name}@{found}, set by "
        f"{by.author} at {by.at} (entry {by.entry}): {by.message or 'no reason given'}; "
        "evaluate against it and promote again",
        by.winner(),
    )


def _signature(stored: Doc | None) -> records.Signature | None:
    if stored is None:
        return None
    fields = {"inputs", "task", "classes", "methods", "n_outputs"}
    known = {field: value for field, value in stored.items() if field in fields and value is not None}
    detail = {field: value for field, value in stored.items() if field not in fields}
    return records.Signature(**known, detail=detail)
