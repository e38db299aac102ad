"""The datasets of a project, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._ids import check_name
from mlcycle._text import printable
from mlcycle._typing import UNCHANGED, Unchanged
from mlcycle.lifecycle._history import history_frame
from mlcycle.lifecycle._versioned import Versioned
from mlcycle.lifecycle.datasets._adding import add
from mlcycle.lifecycle.datasets._record import dataset_record
from mlcycle.lifecycle.datasets._rollback import go_back

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from mlcycle._typing import Moment
    from mlcycle.state import Version, View

__all__ = ["Datasets"]


@printable
class Datasets(Versioned[records.DatasetVersion]):
    """The datasets of one project, a mapping by name; lives as long as the project handle it hangs on.

    ``datasets["customers"]`` is the newest version, ``["customers@3"]`` that one, ``["customers.train"]`` a part; all
    verbs about one version stand on it.

    Examples
    --------
    >>> import mlcycle as mc, pandas as pd
    >>> project = mc.open("memory://docs-datasets")
    >>> frame = pd.DataFrame({"id": range(8), "age": [23, 41, 35, 58, 29, 44, 61, 38], "left": [0, 1] * 4})
    >>> customers = project.datasets.add("customers", frame, target="left", key="id")
    >>> train, test = customers.split(test=0.25)
    >>> len(train.load()), len(test.load())
    (6, 2)
    >>> list(project.datasets), project.datasets["customers.test"].ref, "suppliers" in project.datasets
    (['customers', 'customers.test', 'customers.train'], 'customers.test@1', False)
    """

    _of = "dataset"
    _each, _one = records.DatasetVersion, "version: project.datasets['customers@3']"

    # adding --------------------------------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        data: Any,
        *,
        target: str | int | Unchanged | None = UNCHANGED,
        key: str | int | Unchanged | None = UNCHANGED,
        time: str | int | Unchanged | None = UNCHANGED,
        group: str | int | Unchanged | None = UNCHANGED,
        parents: Sequence[str | records.DatasetVersion] = (),
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.DatasetVersion:
        """Add a table as the next version of a dataset.

        A table equal to the current version in content and roles *is* the current version: nothing is written, and
        that version comes back, in the container and with the pandas dtypes it was first added with. Content are column
        names, logical types and values: text is text whether NumPy, pandas or Arrow holds it, a category what it stands
        for, ``Int64`` without gaps ``int64``, a missing float missing whether pandas has NaN for it or Arrow null. Not
        equal are other types, and an index other than 0, 1, 2, …, because it is stored with the columns.

        What is odd stands in `DatasetVersion.notes`, in full in `DatasetVersion.decisions`, and blocks nothing unless a
        criterion of the scope asks for it, such as `mlcycle.Unique`: keys that are missing or not unique, rows without
        target, time or group, a target of one value, and, against the current version, roles and columns that are
        gone, and types that changed.

        Parameters
        ----------
        name : str
            Name of the dataset.
        data : pandas.DataFrame, pyarrow.Table, or any frame with the Arrow PyCapsule interface (polars, DuckDB)
            At least one row and one column; column names are unique.
        target, key, time, group : str or int, optional
            Columns with a role: what is predicted, what identifies a row, when it happened, what belongs together.
            A role not given stays with the column it has in the current version; None takes it away. A role whose
            column is not there is lost with it, which is noted, and comes back in the next version that has the column.
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
        roles = {"target": target, "key": key, "time": time, "group": group}
        given = {role: column for role, column in roles.items() if not isinstance(column, Unchanged)}
        return add(self._session, name, data, given, parents, message=message, override_until=override_until, op=op)

    def rollback(
        self,
        name: str,
        *,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.DatasetVersion:
        """Go back to the version before the current one, which is ``latest`` no longer, and its parts with it.

        The parts of one split go back together, whichever is named, because a training part beside the test part of
        another split would share rows with it. What was rolled back stays addressable by its number. To undo it,
        `Project.rollback` to the entry before.

        Parameters
        ----------
        name : str
            The dataset, or a part of it.
        override_until, message, op
            As in `add`.

        Returns
        -------
        DatasetVersion
            The version of that name which is current now.

        Raises
        ------
        NotFound
            When there is no version to go back to.
        ConflictError
            When another version became current while this was done: who did it, when and why.
        """
        return go_back(self._session, name, message=message, override_until=override_until, op=op)

    def history(
        self,
        name: str,
        *,
        author: str | Iterable[str] | None = None,
        kind: str | Iterable[str] | None = None,
        since: int | Moment | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return who did what to a dataset, when and why: its part of `Project.history`, narrowed as there."""
        of = f"dataset:{self._known(self._session.view(), name)}"
        return history_frame(self._session, author=author, of=of, kind=kind, since=since, limit=limit)

    # looking -------------------------------------------------------------------------------------------------------

    def _made_of(self, view: View, found: Version) -> records.DatasetVersion:
        return dataset_record(self._session, view, found)
