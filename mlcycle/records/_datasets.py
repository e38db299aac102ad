"""Versions of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle.records._committed import Committed, stamp_last
from mlcycle.records._data import Column, Roles
from mlcycle.records._record import copied, listed, texts

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    import pandas as pd

    from mlcycle._typing import Moment
    from mlcycle.records._decisions import Decision
    from mlcycle.records._evaluations import Evaluation
    from mlcycle.records._listing import Listing

__all__ = ["DatasetVersion"]


@frozen(kw_only=True, repr=False, field_transformer=stamp_last)
class DatasetVersion(Committed):
    """One version of a dataset, or of a part of one: what is known of it, and what can be done with it.

    Attributes
    ----------
    name : str
        ``"customers"``, a part ``"customers.train"``.
    number : int
        1 for the first; never reused.
    id : str
        Identifier of this version.
    kind : str, default "blocks"
        How it is stored: ``"blocks"`` (columns), ``"selection"`` (rows of its parent, no data copied).
    content : str, default ""
        Digest of the values, whatever file they lie in.
    presentation : str, default ""
        Digest of what surrounds them: pandas types, index, attributes.
    rows : int, default 0
    columns : tuple of Column
    roles : Roles
    parents : tuple of str
        Versions it was made from, as refs.
    profile : dict
        Summary statistics; may be empty.

    Examples
    --------
    >>> version = DatasetVersion(name="customers.train", number=3, id="0a", rows=900)
    >>> version.ref
    'customers.train@3'
    >>> version
    DatasetVersion('customers.train@3', rows=900, kind='blocks')
    """

    _contents = "its rows are in load()"

    name: str
    number: int
    id: str
    kind: str = "blocks"
    content: str = ""
    presentation: str = ""
    rows: int = 0
    columns: tuple[Column, ...] = field(default=(), converter=listed)
    roles: Roles = field(factory=Roles)
    parents: tuple[str, ...] = field(default=(), converter=texts, metadata={"ref": "dataset"})
    profile: dict[str, Any] = field(factory=dict, converter=copied, hash=False)

    @property
    def ref(self) -> str:
        """The address of exactly this version."""
        return f"{self.name}@{self.number}"

    # verbs ---------------------------------------------------------------------------------------------------------

    def load(self, *, columns: Iterable[Hashable] | None = None) -> pd.DataFrame:
        """Read the rows as they were added.

        Parameters
        ----------
        columns : iterable, optional
            Only these columns, in this order.
        """
        return self._do("load", columns=columns)

    def xy(self, *, columns: Iterable[Hashable] | None = None) -> tuple[pd.DataFrame, pd.Series[Any]]:
        """Return the features, without the columns that have a role, and the target.

        Parameters
        ----------
        columns : iterable, optional
            Only these features, in this order.

        Raises
        ------
        InvalidInput
            Where no column is the target, or one of `columns` has a role.
        """
        return self._do("xy", columns=columns)

    def split(
        self,
        *,
        test: float = 0.25,
        validation: float = 0.0,
        method: str = "auto",
        by: str | int | None = None,
        seed: int = 0,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> tuple[DatasetVersion, ...]:
        """Split the rows into parts ``name.train``, ``name.test`` and, if asked for, ``name.validation``.

        Parts are selections over this version: no row is copied. The same version, arguments and seed give the same
        parts anywhere, because rows are chosen by a published hash and not by a random generator.

        Parameters
        ----------
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
        override_until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Passes a hook that blocks, with a `message`; until when. A bare date means the end of that day (UTC),
            ``"30d"`` or a timedelta so long from now.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Returns
        -------
        tuple of DatasetVersion
            ``(train, test)``, or ``(train, validation, test)``.

        Raises
        ------
        InvalidInput
            For shares that leave a part without rows, a column that is not there, or one whose values, such as
            lists, cannot be classes or keys; for a version that was rejected or rolled back.
        """
        drawn = {"test": test, "validation": validation, "method": method, "by": by, "seed": seed}
        return self._do("split", **drawn, override_until=override_until, message=message, op=op)

    def evaluate(
        self,
        *,
        checks: Iterable[Any] = (),
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> Evaluation:
        """Judge this data by the scope's criteria on data and by checks, and keep what was found.

        Parameters
        ----------
        checks : iterable of criteria and callables, optional
            More questions: a criterion such as `mlcycle.Unique`, or ``(subject, context) -> Result | number | bool``,
            or several of these.
        override_until, message, op
            As in `split`.

        Raises
        ------
        InvalidInput
            Where no criterion is about this data and no check is given.
        """
        return self._do("evaluate", checks=checks, override_until=override_until, message=message, op=op)

    def evaluations(self) -> Listing[Evaluation]:
        """Return what `evaluate` found of this version, oldest first."""
        return self._do("evaluations")

    def decisions(self) -> Listing[Decision]:
        """Return what was decided about this version, oldest first."""
        return self._do("decisions")

    # looks ---------------------------------------------------------------------------------------------------------

    @property
    def _address(self) -> str:
        return f"dataset:{self.ref}"

    def _title(self) -> str:
        return self.ref

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("rows", self.rows),
            ("columns", len(self.columns) or None),
            ("kind", self.kind),
            ("target", self.roles.target),
            ("key", self.roles.key),
            ("time", self.roles.time),
            ("group", self.roles.group),
            ("parents", self.parents),
            *super()._facts(),
        ]

    def _repr_html_(self) -> str:
        rows = [[column.name, column.type, column.nulls] for column in self.columns[:40]]
        more = len(self.columns) - len(rows)
        caption = f"the first {len(rows)} of {len(self.columns)} columns" if more else ""
        columns = _html.table(["column", "type", "missing"], rows, caption=caption) if rows else ""
        facts = [(name, ", ".join(value) if isinstance(value, tuple) else value) for name, value in self._facts()]
        return _html.card(self.ref, facts, columns)
