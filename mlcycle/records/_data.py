"""What versions are described by: files, columns and roles."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from mlcycle.records._record import Record

__all__ = ["Column", "FileRef", "Roles"]


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
