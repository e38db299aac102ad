"""Versions of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle.records._committed import Committed, stamp_last
from mlcycle.records._data import Column, Roles
from mlcycle.records._part import Part
from mlcycle.records._record import listed, texts

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping
    from datetime import timedelta

    import pandas as pd

    from mlcycle._typing import Moment, Splitter
    from mlcycle.records._decisions import Decision
    from mlcycle.records._evaluations import Evaluation
    from mlcycle.records._folds import Folds
    from mlcycle.records._listing import Listing
    from mlcycle.records._parts import Parts

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
    part : Part or None
        How its rows were chosen, of a part; None of a whole table.
    parents : tuple of str
        Versions it was made from, as refs.
    notes : tuple of str
        What was odd when it was added, a sentence each; `decisions` has the results.

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
    part: Part | None = None
    parents: tuple[str, ...] = field(default=(), converter=texts, metadata={"ref": "dataset"})
    notes: tuple[str, ...] = field(default=(), converter=texts)

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

    def profile(self) -> Any:
        """Return the summary of its columns that was made when it was added: no row is read.

        Returns
        -------
        mlcycle.stats.Summary
            Of the columns, without the index: nulls, means, quantiles, levels and their counts, with bounds where not
            all is known. ``profile().frame()`` is a table, ``profile()["age"].top()`` the commonest values of a column,
            and `mlcycle.stats.drift` takes it in place of the rows.

        Examples
        --------
        >>> import mlcycle as mc, pandas as pd
        >>> project = mc.open("memory://docs-profile")
        >>> version = project.datasets.add("plans", pd.DataFrame({"plan": ["free", "pro", "pro", None]}))
        >>> print(version.profile())
        Summary(4 rows, 1 columns)
          plan (categorical): 4 rows, 1 nulls, top pro (66.7%)
        """
        return self._do("profile")

    def split(
        self,
        parts: Mapping[str, float] | Iterable[str] | None = None,
        *,
        test: float = 0.25,
        by: str | int | Iterable[Any] | Splitter | None = None,
        gap: int | str | timedelta | None = None,
        stratify: bool | str | int | None = None,
        seed: int = 0,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> Parts[DatasetVersion]:
        """Split the rows into parts such as ``name.train`` and ``name.test``, as the roles of the columns ask.

        Parts are selections over this version: no row is copied. The same version and arguments give the same parts
        anywhere, because rows are placed by a published hash and not by a random generator. Whatever is given, the
        rows of one group, where a column has that role, are in one part.

        Parameters
        ----------
        parts : mapping of str to float, optional
            Shares by name, in order, with the sum 1: ``{"train": 0.7, "valid": 0.15, "test": 0.15}``. By default
            there are ``train`` and ``test``. For a mask or a splitter, names alone.
        test : float, default 0.25
            The share of ``test``, where there are no `parts`.
        by : str, int, array-like or splitter, optional
            What decides where a row goes. By default the time role does, else the group role; else classes keep
            their shares, where the target has at most 50 of them; else rows are drawn.

            ``"time"``: parts follow each other in time, in their order. Rows of one moment stay together. Groups go by
            their last moment, so that nothing trained on is later than the cut.

            ``"group"``, ``"key"``, or a column: rows with one value stay together, missing values being one, and go by
            its hash: a row keeps its part in later versions with more rows, and shares hold on average.

            An array with a value for each row: whether it is in the last part, or the name of its part.

            An object with scikit-learn's ``split(X, y, groups)``: its first answer. It is asked twice, and has to
            answer the same.
        gap : int, str or timedelta, optional
            In time order, what is left out between parts, at the end of the earlier one: so many rows at least, or a
            span such as ``"7d"``. Such rows are in no part.
        stratify : bool, str or int, optional
            True for the target, or a column: its values have the same share in every part. False keeps rows from being
            stratified by themselves. Shares are exact up to rounding where single rows are drawn; where a group, key
            or column stays together, they are as near as those let them, and a row may change its part in a later
            version.
        seed : int, default 0
            Another seed, another split, where a hash decides; refused where it does not: in time order, and with a mask
            or a splitter.
        override_until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Passes a hook that blocks, with a `message`; until when. A bare date means the end of that day (UTC),
            ``"30d"`` or a timedelta so long from now.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Returns
        -------
        Parts
            In the order of `parts`, and by name: ``train, test = …`` or ``…["test"]``.

        Raises
        ------
        InvalidInput
            For shares that do not fit the groups or the time, a role that no column has, missing times, a mask of
            another length, a splitter whose answers overlap or divide a group; for a version that was rejected or
            rolled back.

        Examples
        --------
        >>> import mlcycle as mc, pandas as pd
        >>> project = mc.open("memory://docs-split")
        >>> frame = pd.DataFrame({"day": pd.date_range("2026-01-01", periods=10), "sold": range(10)})
        >>> sales = project.datasets.add("sales", frame, time="day", target="sold")
        >>> train, test = sales.split(test=0.3, gap="2d")
        >>> train.load()["day"].max().day, test.load()["day"].min().day
        (6, 8)
        >>> print(test.part)
        time 'day', gap 2d
        """
        return self._do(
            "split",
            parts=parts,
            test=test,
            by=by,
            gap=gap,
            stratify=stratify,
            seed=seed,
            override_until=override_until,
            message=message,
            op=op,
        )

    def folds(
        self,
        n: int = 5,
        *,
        by: str | int | Iterable[Any] | Splitter | None = None,
        gap: int | str | timedelta | None = None,
        stratify: bool | str | int | None = None,
        seed: int = 0,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> Folds[DatasetVersion]:
        """Split the rows into folds to test on in turn, for cross-validation: parts ``name.fold1`` and so on.

        No row is tested on twice. Folds are of equal size, as far as groups allow, by whatever they are made. In time
        order, each fold is tested on by what lies before it; before ``fold1`` lies ``fold0``, which is only trained on.

        Parameters
        ----------
        n : int, default 5
            How many folds are tested on.
        by, gap, stratify, seed, override_until, message, op
            As in `split`; of a splitter, all its answers, which have to be `n`.

        Returns
        -------
        Folds
            What scikit-learn takes as ``cv=``, with the ``.parts``.

        Raises
        ------
        InvalidInput
            As in `split`.
        """
        return self._do(
            "folds",
            n=n,
            by=by,
            gap=gap,
            stratify=stratify,
            seed=seed,
            override_until=override_until,
            message=message,
            op=op,
        )

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

    def __str__(self) -> str:
        return "\n".join([self.ref, *(f"  ! {note}" for note in self.notes)])

    def __format__(self, spec: str) -> str:
        return format(self.ref, spec)  # within a sentence or an address it is its ref

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("rows", self.rows),
            ("columns", len(self.columns) or None),
            ("kind", self.kind),
            ("target", self.roles.target),
            ("key", self.roles.key),
            ("time", self.roles.time),
            ("group", self.roles.group),
            ("part", None if self.part is None else str(self.part)),
            ("parents", self.parents),
            ("notes", self.notes),
            *super()._facts(),
        ]

    def _repr_html_(self) -> str:
        rows = [[column.name, column.type, column.nulls] for column in self.columns[:40]]
        more = len(self.columns) - len(rows)
        caption = f"the first {len(rows)} of {len(self.columns)} columns" if more else ""
        columns = _html.table(["column", "type", "missing"], rows, caption=caption) if rows else ""
        told = [(name, "; ".join(value) if name == "notes" else value) for name, value in self._facts()]
        facts = [(name, ", ".join(value) if isinstance(value, tuple) else value) for name, value in told]
        if self.part is not None:
            share = f"{self.part.share:.3g}, part {self.part.place} of {self.part.of}"
            facts.insert([name for name, _ in facts].index("part") + 1, ("share", share))
        return _html.card(self.ref, facts, columns)
