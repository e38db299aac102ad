"""The models of a project, by name: their versions, and the aliases that point at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._text import printable
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle._history import history_frame
from mlcycle.lifecycle._versioned import Versioned
from mlcycle.lifecycle.models._models_table import models_frame
from mlcycle.lifecycle.models._promoting import rollback_alias
from mlcycle.lifecycle.models._record import model_record
from mlcycle.lifecycle.models._registering import RegisterSpec, register
from mlcycle.lifecycle.runs import ActiveRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from mlcycle._typing import Moment
    from mlcycle.state import Version, View

__all__ = ["Models"]


@printable
class Models(Versioned[records.ModelVersion]):
    """The models of one project, a mapping by name; lives as long as the project handle it hangs on.

    ``models["churn"]`` is the newest version, ``["churn@7"]`` that one, ``["churn@production"]`` where an alias points;
    all verbs about one version stand on it.

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

    _of = "model"
    _each, _one = records.ModelVersion, "version: project.models['churn@7']"

    # versions ------------------------------------------------------------------------------------------------------

    def register(
        self,
        name: str,
        model: Any,
        *,
        uses: Sequence[str | records.DatasetVersion | records.ModelVersion] = (),
        example: Any = None,
        format: str | None = None,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.ModelVersion:
        """Register a fitted estimator as the next version of a name; `Run.register` does it for the model of a run.

        Parameters
        ----------
        name : str
            Name of the model.
        model : estimator
            A fitted estimator.
        uses : sequence of refs, optional
            What it was trained on: data, and models it goes on from (``"model:churn@7"``).
        example : DataFrame, array, sparse matrix, Arrow or polars table, list of rows, dicts or texts, optional
            A few rows of input, which give the signature. The first 20 are kept.
        format : {"skops", "joblib"}, optional
            Force a format for an estimator.
        override_until : moment, optional
            Passes a hook that blocks, as in `ModelVersion.promote`.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.
        """
        if isinstance(model, (records.Run, ActiveRun)):
            raise InvalidInput(f"a run registers the model that was saved with it: run.register({name!r})")
        asked = RegisterSpec(model, uses, example, format)
        return register(self._session, name, asked, message=message, override_until=override_until, op=op)

    # aliases -------------------------------------------------------------------------------------------------------

    def rollback(
        self,
        name: str,
        alias: str = "production",
        *,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.ModelVersion:
        """Point an alias back at the newest version it had that was not itself rolled back.

        Parameters
        ----------
        name, alias : str
            Model and alias.
        override_until : moment, optional
            Passes a hook that blocks, as in `ModelVersion.promote`; the gate itself lets everybody go back.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Raises
        ------
        NotFound
            When there is nothing to go back to, or no such alias.
        ConflictError
            When the alias was moved while this was done: who did it, when and why.
        """
        return rollback_alias(self._session, name, alias, message=message, override_until=override_until, op=op)

    def aliases(self, name: str) -> dict[str, str]:
        """Return the aliases of a model and the versions they point at."""
        view = self._session.view()
        known = self._known(view, name)
        found = {alias: view.pointers.at("model", name, alias) for alias in view.pointers.names("model", name)}
        return {alias: f"{known}@{number}" for alias, number in found.items() if number is not None}

    def history(
        self,
        name: str,
        alias: str | None = None,
        *,
        author: str | Iterable[str] | None = None,
        kind: str | Iterable[str] | None = None,
        since: int | Moment | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return who did what to a model, when and why: its part of `Project.history`, narrowed as there.

        With an `alias`, only its moves.
        """
        of = f"model:{self._known(self._session.view(), name)}"
        return history_frame(self._session, author=author, of=of, kind=kind, since=since, limit=limit, pointer=alias)

    def frame(self, name: str | None = None) -> pd.DataFrame:
        """Return the versions of a model, or of all, one row each: what they are, and how they stand by today's scope.

        No model is loaded: what was measured on the data that criteria are judged on is weighed by the criteria of
        today.

        Columns: ``version, aliases, class_name, run, data, verdict, judged_on``; then for each criterion its value,
        under what it asks, and behind it its limits and verdict (``"roc_auc ≥ 0.8"``, ``"roc_auc ≥ 0.8 low"``,
        ``"… high"``, ``"… verdict"``), of slices those of the worst; then ``author, at, age, message``. What nobody
        measured is missing, and so is a ``verdict`` that hangs on it. Where the scope asks nothing of models, they are
        what the newest evaluation of each version found.
        """
        view = self._session.view()
        return models_frame(self._session, view, self._names(view) if name is None else [self._known(view, name)])

    # looking -------------------------------------------------------------------------------------------------------

    def _made_of(self, view: View, found: Version) -> records.ModelVersion:
        return model_record(self._session, found)
