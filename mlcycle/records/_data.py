"""Facts about data: files, columns, roles and versions of datasets."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle.records._record import Committed, Record, copied, listed, stamp_last, texts

__all__ = ["Column", "DatasetVersion", "FileRef", "Roles"]


@frozen(kw_only=True, repr=False)
class FileRef(Record):
    """One stored file, the way a file is always described.

    Attributes
    ----------
    key : str
        Where it is, relative to the store.
    size : int
        Bytes.
    sha256 : str
        Digest of its bytes, ``"sha256:<hex>"``.
    enc : str or None, default None
        How the bytes are encrypted; ``None`` for not at all.
    kind : str, default "file"
        What it is: ``"table"``, ``"manifest"``, ``"model"``, ``"artifact"``, …

    Examples
    --------
    >>> FileRef(key="files/a/b.zip", size=12, sha256="sha256:00", kind="artifact")
    FileRef('files/a/b.zip', size=12, kind='artifact')
    """

    key: str
    size: int
    sha256: str
    enc: str | None = None
    kind: str = "file"

    def _title(self) -> str:
        return self.key

    def _facts(self) -> list[tuple[str, Any]]:
        return [("size", self.size), ("kind", self.kind)]


@frozen(kw_only=True, repr=False)
class Column(Record):
    """One column of a dataset: its name, logical type and number of missing values.

    Examples
    --------
    >>> Column(name="age", type="int64", nulls=3)
    Column('age', type='int64', nulls=3)
    """

    name: str
    type: str
    nulls: int = 0

    def _title(self) -> str:
        return self.name

    def _facts(self) -> list[tuple[str, Any]]:
        return [("type", self.type), ("nulls", self.nulls)]


@frozen(kw_only=True, repr=False)
class Roles(Record):
    """Which columns play a part: what is predicted, who a row is, when it was, what it belongs to.

    Examples
    --------
    >>> Roles(target="churned", key="customer_id")
    Roles(target='churned', key='customer_id')
    """

    target: str | int | None = None
    key: str | int | None = None
    time: str | int | None = None
    group: str | int | None = None

    def _facts(self) -> list[tuple[str, Any]]:
        return [("target", self.target), ("key", self.key), ("time", self.time), ("group", self.group)]


@frozen(kw_only=True, repr=False, field_transformer=stamp_last)
class DatasetVersion(Committed):
    """One version of a dataset, or of a part of one.

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

    name: str
    number: int
    id: str
    kind: str = "blocks"
    content: str = ""
    presentation: str = ""
    rows: int = 0
    columns: tuple[Column, ...] = field(default=(), converter=listed)
    roles: Roles = Roles()
    parents: tuple[str, ...] = field(default=(), converter=texts, metadata={"ref": "dataset"})
    profile: dict[str, Any] = field(factory=dict, converter=copied, hash=False)

    @property
    def ref(self) -> str:
        """The address of exactly this version."""
        return f"{self.name}@{self.number}"

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
