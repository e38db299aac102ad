"""The models of a project: versions, the aliases that point at them, and the gate in between."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._ids import check_name, new_id
from mlcycle._text import printable
from mlcycle.errors import ConflictError, GateBlocked, InvalidInput, MlcycleWarning, NotFound
from mlcycle.lifecycle import _gate as gate
from mlcycle.lifecycle._active_run import ActiveRun
from mlcycle.lifecycle._model_files import (
    PackedModel,
    card_of,
    check_model,
    files_of,
    keep_model,
    load_version,
    store_model,
)
from mlcycle.lifecycle._runs import run_of
from mlcycle.lifecycle._session import draft
from mlcycle.lifecycle._view import View, doc_ref
from mlcycle.storage import Draft

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd

    from mlcycle.lifecycle._session import Session

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
        self._session.check_writable()
        with self._session.view() as view:
            view.check_free("models", name)
            trained_on = [doc_ref(view.version("datasets", one if isinstance(one, str) else one.ref)) for one in data]
        if isinstance(source, (ActiveRun, records.Run, str)):
            upload, facts = self._from_run(source, trained_on)
        else:
            upload, facts = self._from_estimator(source, trained_on, example, format)

        def plan(view: View, stored: tuple[str, list[Doc]]) -> Draft:
            identity, files = stored
            view.check_free("models", name)
            if facts["run"] in view.logical["dropped_runs"]:
                raise NotFound(f"run {facts['run']} was dropped; project.store.restore('run:{facts['run']}') first")
            number = view.next_number("models", name)
            change = {
                "kind": "model.add",
                "name": name,
                "number": number,
                "id": identity,
                "object": f"model:{identity}",
            }
            return draft([{"kind": "place", "object": f"model:{identity}", "files": files}, change | facts])

        commit = self._session.publish(upload, plan, message=message, op=op)
        assert commit.entry is not None
        added = next(c for c in commit.entry["changes"] if c["kind"] == "model.add")
        return self.get(f"{added['name']}@{added['number']}")

    def _from_run(self, source: Any, data: list[str]) -> tuple[Any, Doc]:
        run = run_of(self._session, source if isinstance(source, str) else source.id)
        if run.model is None:
            raise InvalidInput(
                f"run {run.id} has no model; call run.save_model(model, example=X[:5]) before registering"
            )
        model = run.model
        with self._session.view() as view:
            used = [one for one in run.uses if not one.startswith("model:")]
            used = [doc_ref(view.version("datasets", one, dropped=True)) for one in used]

        def upload() -> tuple[str, list[Doc]]:
            identity = new_id()
            return identity, [*model["files"], self._session.depot.store_document(identity, "card", model["card"])]

        environment = run.environment.digest if run.environment else None
        return upload, {"run": run.id, "data": data or used, "environment": environment}

    def _from_estimator(self, model: Any, data: list[str], example: Any, format: str | None) -> tuple[Any, Doc]:
        check_model(model)

        def pack() -> PackedModel:
            try:
                return PackedModel(model, example, format)
            except InvalidInput as error:
                raise InvalidInput(f"{error}{keep_model(model)}") from error

        def upload() -> tuple[str, list[Doc]]:
            identity = new_id()
            with pack() as packed:
                if packed.lost:
                    warnings.warn(f"{packed.card['class']}: {packed.lost}", MlcycleWarning, stacklevel=4)
                files = store_model(self._session, f"files/{identity}", packed)
            return identity, [*files, self._session.depot.store_document(identity, "card", packed.card)]

        return upload, {"run": None, "data": data, "environment": None}

    def get(self, ref: str | records.ModelVersion) -> records.ModelVersion:
        """Return the version a ref means: ``"churn@7"``, ``"churn@production"``, ``"churn"`` for the latest."""
        with self._session.view() as view:
            doc = view.version("models", _text(ref))
        return self._record(doc)

    def names(self) -> list[str]:
        """Return the names of the models, sorted."""
        with self._session.view() as view:
            return view.names("models")

    def versions(self, name: str) -> list[records.ModelVersion]:
        """Return the versions of a model that were not dropped, oldest first."""
        with self._session.view() as view:
            doc = view.named("models", check_name(name, "model name"))
            standing = [v for number, v in doc["versions"].items() if int(number) not in doc["dropped"]]
        return [self._record(version) for version in sorted(standing, key=lambda version: version["number"])]

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
        with self._session.view() as view:
            doc = view.version("models", _text(ref))
        return load_version(self._session, doc, trust=trust, reason=reason)

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
        self._session.check_writable()
        with self._session.view() as view:
            doc = view.version("models", _text(version))
            before, scope = view.alias(doc["name"], alias), view.scope()
            verdict = gate.decide(self._session, view, "promote", doc, reason=reason, override=override)
        move = {"name": doc["name"], "alias": alias, "before": before, "after": doc["number"], "how": "promote"}
        meant = {"kind": "alias.move", **move}

        def upload() -> Doc:
            return self._session.depot.store_document(verdict.id, "decision", records.to_json(verdict))

        def plan(view: View, file: Doc) -> Draft:
            view.version("models", doc_ref(doc))
            self._expect_scope(view, scope)
            changes = gate.decision_changes(verdict, file)
            if verdict.allowed:
                self._expect(view, doc["name"], alias, before)
                changes.append(meant)
            return draft(changes)

        why = reason or (override.reason if override else "")
        commit = self._session.publish(upload, plan, message=why, op=op, meant=(meant,))
        assert commit.entry is not None
        decided = gate.decision_of(self._session, commit.entry)
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

        def plan(view: View) -> Draft:
            doc = view.named("models", name)
            stack = doc["aliases"].get(alias, {}).get("stack", [])
            if len(stack) < 2 or stack[-2]["to"] is None:
                raise NotFound(f"{name}@{alias} has no earlier version to go back to")
            before, after = stack[-1]["to"], stack[-2]["to"]
            view.version("models", f"{name}@{after}")
            move = {"name": doc["name"], "alias": alias, "before": before, "after": after, "how": "rollback"}
            return draft([{"kind": "alias.move", **move}])

        self._session.check_writable()
        commit = self._session.commit(plan, message=reason, op=op)
        assert commit.entry is not None
        return self.get(f"{name}@{next(c['after'] for c in commit.entry['changes'])}")

    def aliases(self, name: str) -> dict[str, str]:
        """Return the aliases of a model and the versions they point at."""
        with self._session.view() as view:
            doc = view.named("models", name)
            found = {alias: view.alias(doc["name"], alias) for alias in sorted(doc["aliases"])}
        return {alias: f"{doc['name']}@{number}" for alias, number in found.items() if number is not None}

    def history(self, name: str, alias: str | None = None) -> pd.DataFrame:
        """Return the moves of a model's aliases, oldest first: who pointed what at which version, when and why."""
        import pandas as pd

        with self._session.view() as view:
            doc = view.named("models", name)
            moves: list[Doc] = [
                {
                    "entry": move["entry"],
                    "at": pd.Timestamp(move["at"]),
                    "alias": label,
                    "before": None if move["before"] is None else f"{doc['name']}@{move['before']}",
                    "after": None if move["after"] is None else f"{doc['name']}@{move['after']}",
                    "how": move["how"],
                    "author": move["author"],
                    "reason": move["message"],
                }
                for label, pointer in doc["aliases"].items()
                if alias in (None, label)
                for move in pointer["moves"]
            ]
        columns = ["entry", "at", "alias", "before", "after", "how", "author", "reason"]
        moves.sort(key=lambda move: int(move["entry"]))
        return pd.DataFrame(moves, columns=columns)

    def evaluations(self, ref: str | records.ModelVersion | None = None) -> list[records.Evaluation]:
        """Return what was found by `Project.evaluate`, about one version or about all, oldest first."""
        with self._session.view() as view:
            subject = None if ref is None else doc_ref(view.version("models", _text(ref), dropped=True))
            docs = [doc for doc in view.logical["evaluations"] if subject in (None, doc["subject"])]
        return [gate.evaluation_record(self._session, doc) for doc in docs]

    def decisions(self, ref: str | records.ModelVersion | None = None) -> list[records.Decision]:
        """Return what gates decided, about one version or about all, oldest first."""
        with self._session.view() as view:
            subject = None if ref is None else doc_ref(view.version("models", _text(ref), dropped=True))
            docs = [doc for doc in view.logical["decisions"] if subject in (None, doc["subject"])]
        return [gate.decision_record(self._session, doc) for doc in docs]

    def _expect_scope(self, view: View, expected: Doc | None) -> None:
        found = view.scope()
        if found is not None and found != expected:
            winner = {field: found[field] for field in ("author", "at", "message")} | {"n": found["entry"]}
            raise ConflictError(
                f"{found['author']} set scope {found['number']} while the gate was judging by the one before "
                f"(entry {found['entry']}); evaluate under it and promote again",
                winner,
            )

    def _expect(self, view: View, name: str, alias: str, expected: int | None) -> None:
        found = view.alias(name, alias)
        if found == expected:
            return
        move = view.named("models", name)["aliases"][alias]["moves"][-1]
        winner = {field: move[field] for field in ("author", "at", "message")} | {"n": move["entry"]}
        raise ConflictError(
            f"{name}@{alias} was {expected and f'{name}@{expected}'} when this began and is now {name}@{found}, set by "
            f"{move['author']} at {move['at']} (entry {move['entry']}): {move['message'] or 'no reason given'}; "
            "evaluate against it and promote again",
            winner,
        )

    def _record(self, doc: Doc) -> records.ModelVersion:
        files = files_of(self._session, doc)
        example = next((file for file in files if file["kind"] == "example"), None)
        card = card_of(self._session, doc)
        return records.ModelVersion(
            name=doc["name"],
            number=doc["number"],
            id=doc["id"],
            format=card["format"],
            class_name=card["class"],
            files=tuple(records.FileRef(**file) for file in files),
            signature=_signature(card["signature"]),
            example=records.FileRef(**example) if example else None,
            run=doc["run"],
            data=tuple(doc["data"]),
            params=card["params"],
            environment=doc["environment"],
            packages=card["packages"],
            untrusted=tuple(card["untrusted"]),
            message=doc["message"],
            author=doc["author"],
            at=doc["at"],
            entry=doc["entry"],
        )


def _text(ref: str | records.ModelVersion) -> str:
    return ref.ref if isinstance(ref, records.ModelVersion) else ref


def _signature(stored: Doc | None) -> records.Signature | None:
    if stored is None:
        return None
    fields = {"inputs", "task", "classes", "methods", "n_outputs"}
    known = {field: value for field, value in stored.items() if field in fields and value is not None}
    detail = {field: value for field, value in stored.items() if field not in fields}
    return records.Signature(**known, detail=detail)
