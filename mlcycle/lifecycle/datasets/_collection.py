"""The datasets of a project, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._ids import check_name
from mlcycle._text import printable
from mlcycle.lifecycle._decisions import decision_records, full_ref
from mlcycle.lifecycle._evaluations import evaluation_records
from mlcycle.lifecycle.blobs import readable
from mlcycle.lifecycle.datasets import tables
from mlcycle.lifecycle.datasets._adding import add
from mlcycle.lifecycle.datasets._record import dataset_record
from mlcycle.lifecycle.datasets._splits import check_seed, check_shares
from mlcycle.lifecycle.datasets._splitting import Draw, split
from mlcycle.state import resolve

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence
    from datetime import date, datetime, timedelta

    from mlcycle.lifecycle._session import Session

__all__ = ["Datasets"]


@printable
class Datasets:
    """The datasets of one project; lives as long as the project handle it hangs on.

    Examples
    --------
    >>> import mlcycle as mc, pandas as pd
    >>> project = mc.open("memory://docs-datasets")
    >>> frame = pd.DataFrame({"id": range(8), "age": [23, 41, 35, 58, 29, 44, 61, 38], "left": [0, 1] * 4})
    >>> project.datasets.add("customers", frame, target="left", key="id").ref
    'customers@1'
    >>> train, test = project.datasets["customers"].split(test=0.25, method="stratified")
    >>> len(project.load(train)), len(project.load(test))
    (6, 2)
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def __repr__(self) -> str:
        names = self.names()
        return f"<datasets of {self._session.url}: {', '.join(names) or 'none yet'}>"

    # adding --------------------------------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        data: Any,
        *,
        target: str | int | None = None,
        key: str | int | None = None,
        time: str | int | None = None,
        group: str | int | None = None,
        parents: Sequence[str | records.DatasetVersion] = (),
        override_until: str | date | datetime | timedelta | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.DatasetVersion:
        """Add a table as the next version of a dataset.

        A table equal to the current version in content, presentation and roles *is* the current version: nothing is
        written and that version comes back.

        Parameters
        ----------
        name : str
            Name of the dataset.
        data : pandas.DataFrame, pyarrow.Table, or any frame with the Arrow PyCapsule interface (polars, DuckDB)
            At least one row and one column; column names are unique.
        target, key, time, group : str or int, optional
            Columns with a role: what is predicted, what identifies a row, when it happened, what belongs together.
            Roles not given are taken from the current version where its columns still exist.
        parents : sequence of refs, optional
            The versions this one was made from.
        override_until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Passes a hook that blocks, with a `message`; until when. A bare date means the end of that day (UTC),
            ``"30d"`` or a timedelta so long from now.
        message : str, optional
            Why, for the history.
        op : str, optional
            An id of yours for this operation; repeated in a restarted script, it returns what was committed before.

        Returns
        -------
        DatasetVersion

        Raises
        ------
        InvalidInput
            For a frame that would not come back as it is, with the column, or a role that names no column.
        GateBlocked
            When a hook blocks it; the version is kept as rejected: not the latest, and found by its number.
        """
        name = check_name(name, "dataset name")
        self._session.check_writable()
        given = {"target": target, "key": key, "time": time, "group": group}
        return add(self._session, name, data, given, parents, message=message, override_until=override_until, op=op)

    def split(
        self,
        version: str | records.DatasetVersion,
        *,
        test: float = 0.25,
        validation: float = 0.0,
        method: str = "auto",
        by: str | int | None = None,
        seed: int = 0,
        override_until: str | date | datetime | timedelta | None = None,
        message: str = "",
        op: str | None = None,
    ) -> tuple[records.DatasetVersion, ...]:
        """Split a version into parts ``name.train``, ``name.test`` and, if asked for, ``name.validation``.

        Parts are selections over their parent: no row is copied. The same version, arguments and seed give the same
        parts anywhere, because rows are chosen by a published hash and not by a random generator.

        Parameters
        ----------
        version : ref or DatasetVersion
            What to split; may be a part itself.
        test, validation : float
            Shares of the rows, each in [0, 1), together below 1.
        method : {"auto", "random", "stratified", "key"}
            ``"key"`` sends a row by the hash of its key, so that rows with one key stay together and a row keeps its
            part in later versions; shares hold only on average. ``"random"`` keeps the shares exactly, up to
            rounding; so does ``"stratified"``, and each class is within a row or so of its own share. ``"auto"``
            takes ``"key"`` with a column `by` or a group role, else ``"stratified"`` for a target of at most 50
            classes, else ``"random"``.
        by : str or int, optional
            The column to hash or to stratify by; defaults to the group or key role, or to the target.
        seed : int, default 0
            Another seed, another split.
        override_until, message, op : str, optional
            As in `add`.

        Returns
        -------
        tuple of DatasetVersion
            ``(train, test)``, or ``(train, validation, test)``.

        Raises
        ------
        InvalidInput
            For shares that leave a part without rows, a column that is not there, or one whose values, such as
            lists, are no classes or no keys.
        """
        shares = check_shares(test, validation)
        drawn = Draw(shares, method, by, check_seed(seed))
        return split(self._session, version, drawn, message=message, override_until=override_until, op=op)

    # reading -------------------------------------------------------------------------------------------------------

    def get(self, ref: str | records.DatasetVersion) -> records.DatasetVersion:
        """Return the version a ref means: ``"customers@3"``, ``"customers.train"``, or a record."""
        view = self._session.view()
        return dataset_record(self._session.blobs, view, resolve(view, ref, "dataset"))

    def latest(self, name: str) -> records.DatasetVersion:
        """Return the current version of a name: the newest not dropped, rejected or rolled back."""
        return self.get(name)

    def names(self) -> list[str]:
        """Return the names of datasets and parts, sorted."""
        return self._session.view().names.of("dataset")

    def versions(self, name: str) -> list[records.DatasetVersion]:
        """Return the versions of a name that were not dropped, oldest first."""
        view = self._session.view()
        standing = view.versions.standing("dataset", check_name(name, "dataset name", parts=True))
        return readable(lambda version: dataset_record(self._session.blobs, view, version), standing)

    def load(
        self, ref: str | records.DatasetVersion, *, columns: Iterable[Hashable] | None = None, xy: bool = False
    ) -> Any:
        """Read a version as it was added.

        Parameters
        ----------
        ref : ref or DatasetVersion
            What to read.
        columns : iterable, optional
            Only these columns, in this order.
        xy : bool, default False
            Return ``(X, y)``: the features without columns that have a role, and the target.

        Returns
        -------
        pandas.DataFrame, or (pandas.DataFrame, pandas.Series)
        """
        view = self._session.view()
        version = resolve(view, ref, "dataset")
        frame = tables.frame_of(self._session.blobs, view, version, columns)
        return tables.features_and_target(frame, version["roles"], version.shown) if xy else frame

    def evaluations(self, ref: str | records.DatasetVersion | None = None) -> list[records.Evaluation]:
        """Return what checks found that `Project.evaluate` asked of one version or of all, oldest first."""
        view = self._session.view()
        return evaluation_records(
            self._session.blobs,
            view,
            "dataset",
            None if ref is None else resolve(view, ref, "dataset", dropped=True).ref,
        )

    def decisions(self, ref: str | records.DatasetVersion | None = None) -> list[records.Decision]:
        """Return what was decided about a version, a name or all datasets, oldest first, of what was rejected too."""
        view = self._session.view()
        return decision_records(self._session.blobs, view, "dataset", full_ref(view, ref, "dataset"))
