"""The models of a project, by name: their versions, and the aliases that point at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._ids import check_name
from mlcycle._text import printable
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle._decisions import decision_records, full_ref
from mlcycle.lifecycle._evaluations import evaluation_records
from mlcycle.lifecycle._model_files import load_version
from mlcycle.lifecycle.blobs import readable
from mlcycle.lifecycle.models._promoting import go_back, promote
from mlcycle.lifecycle.models._record import model_record
from mlcycle.lifecycle.models._registering import Asked, register
from mlcycle.state import pointer_moves, resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime, timedelta

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
    >>> model.promote("production", message="the first").allowed
    True
    >>> project.models["iris@production"].load().predict(X[:1])
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
        override_until: str | date | datetime | timedelta | None = None,
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
        override_until : moment, optional
            Passes a hook that blocks, as in `promote`.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.
        """
        name = check_name(name, "model name")
        asked = Asked(source, data, example, format)
        return register(self._session, name, asked, message=message, override_until=override_until, op=op)

    def get(self, ref: str | records.ModelVersion) -> records.ModelVersion:
        """Return the version a ref means: ``"churn@7"``, ``"churn@production"``, ``"churn"`` for the latest."""
        return model_record(self._session.blobs, resolve(self._session.view(), ref, "model"))

    def names(self) -> list[str]:
        """Return the names of the models, sorted."""
        return self._session.view().names.of("model")

    def versions(self, name: str) -> list[records.ModelVersion]:
        """Return the versions of a model that were not dropped, oldest first."""
        standing = self._session.view().versions.standing("model", check_name(name, "model name"))
        return readable(lambda one: model_record(self._session.blobs, one), standing)

    def load(
        self, ref: str | records.ModelVersion, *, trust: bool | Collection[str] = ()
    ) -> Any:
        """Load the estimator of a version.

        Parameters
        ----------
        ref : ref or ModelVersion
            What to load.
        trust : bool or collection of str, default ()
            Types outside the library's own list that may be built, or True for a pickle format. Loading such a file
            runs code of whoever wrote it.

        Raises
        ------
        UntrustedModel
            Naming the types and the call that would load them.
        Corrupt
            When the bytes are not those the log names.
        """
        version = resolve(self._session.view(), ref, "model")
        return load_version(self._session.blobs, version, trust=trust)

    # aliases -------------------------------------------------------------------------------------------------------

    def promote(
        self,
        version: str | records.ModelVersion,
        alias: str = "production",
        *,
        override_until: str | date | datetime | timedelta | None = None,
        message: str = "",
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
        override_until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Passes a gate that blocks, with a `message`; until when. A bare date means the end of that day (UTC),
            ``"30d"`` or a timedelta so long from now.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

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
        return promote(self._session, version, alias, message=message, override_until=override_until, op=op)

    def rollback(
        self,
        name: str,
        alias: str = "production",
        *,
        override_until: str | date | datetime | timedelta | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.ModelVersion:
        """Point an alias back at the newest version it had that was not itself rolled back.

        Parameters
        ----------
        name, alias : str
            Model and alias.
        override_until : moment, optional
            Passes a hook that blocks, as in `promote`; the gate itself never keeps anybody from going back.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Raises
        ------
        NotFound
            When there is nothing to go back to.
        """
        return go_back(self._session, name, alias, message=message, override_until=override_until, op=op)

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
                "message": move.stamp.message,
            }
            for label in view.pointers.names("model", name)
            if alias in (None, label)
            for move in pointer_moves(view, "model", name, label)
        ]
        columns = ["entry", "at", "alias", "before", "after", "how", "author", "message"]
        moves.sort(key=lambda move: int(move["entry"]))
        return pd.DataFrame(moves, columns=columns)

    def evaluations(self, ref: str | records.ModelVersion | None = None) -> list[records.Evaluation]:
        """Return what was found by `Project.evaluate`, about one version or about all, oldest first."""
        view = self._session.view()
        return evaluation_records(
            self._session.blobs, view, "model", None if ref is None else resolve(view, ref, "model", dropped=True).ref
        )

    def decisions(self, ref: str | records.ModelVersion | None = None) -> list[records.Decision]:
        """Return what was decided about a version, a name or all models, oldest first; of routes, too."""
        view = self._session.view()
        return decision_records(self._session.blobs, view, "model", full_ref(view, ref, "model"))
