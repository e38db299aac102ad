"""Every exception mlcycle raises on purpose, drawn as a tree.

Catch the branch that matches what you would do about it::

    MlcycleError
    ├── StoreError                  the place itself is the problem
    │   ├── NotAStore               (FileNotFoundError) nothing here, or something that is not a store
    │   ├── StoreExists             (FileExistsError) a store is here already, or around, or below
    │   ├── UnsupportedStorage      (ValueError) a URL we cannot read, or storage that cannot commit safely
    │   ├── ReadOnly                (PermissionError) the project is open for reading only
    │   ├── AccessDenied            (PermissionError) the storage refuses us
    │   ├── StorageUnavailable      (OSError) the storage failed: disk full, network, timeout; try again
    │   ├── Corrupt                 (ValueError) bytes are not what the log says they are
    │   └── SchemaError             (ValueError) written by a newer mlcycle: upgrade to read it
    ├── NotFound                    (KeyError) no such name, version, alias, entry
    │   └── VersionDeleted          it was there, and its files have been removed
    ├── ConflictError               somebody else committed first, and the two do not fit together
    ├── InvalidInput                (ValueError) an argument is not usable; says what came and what would do
    │   └── InvalidName             a name that could not live on every storage
    ├── GateBlocked                 the evidence does not meet the criteria; `.decision` says by how much
    ├── UntrustedModel              (PermissionError) loading this file would run code nobody vouched for
    ├── UnsafePath                  (ValueError) a path in an archive or a manifest leaves its folder
    └── MissingExtra                (ImportError) an optional package is needed; gives the pip line

Warnings are of one kind, `MlcycleWarning` (a `UserWarning`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AccessDenied",
    "ConflictError",
    "Corrupt",
    "GateBlocked",
    "InvalidInput",
    "InvalidName",
    "MissingExtra",
    "MlcycleError",
    "MlcycleWarning",
    "NotAStore",
    "NotFound",
    "ReadOnly",
    "SchemaError",
    "StorageUnavailable",
    "StoreError",
    "StoreExists",
    "UnsafePath",
    "UnsupportedStorage",
    "UntrustedModel",
    "VersionDeleted",
]


class MlcycleError(Exception):
    """The root of everything mlcycle raises on purpose."""

    def __str__(self) -> str:
        return shown(Exception.__str__(self))  # that of a KeyError is a repr

    def __repr__(self) -> str:
        return shown(super().__repr__())


class MlcycleWarning(UserWarning):
    """Something worth knowing that did not stop the work."""


class StoreError(MlcycleError):
    """The place a project lives in is the problem."""


class NotAStore(StoreError, FileNotFoundError):
    """There is no mlcycle store at this URL."""


class StoreExists(StoreError, FileExistsError):
    """A store is here already, or inside or above this place."""


class UnsupportedStorage(StoreError, ValueError):
    """A URL that cannot be read, or storage that has no safe way to commit."""


class ReadOnly(StoreError, PermissionError):
    """The project is open for reading only, by choice or because a newer mlcycle wrote to it."""


class AccessDenied(StoreError, PermissionError):
    """The storage refuses to read or write this key."""


class StorageUnavailable(StoreError, OSError):
    """The storage failed: disk full, network gone, timeout. Nothing was committed; it can be tried again."""


class Corrupt(StoreError, ValueError):
    """Stored bytes are not what the log says they are."""


class SchemaError(StoreError, ValueError):
    """A document was written by a newer mlcycle than this one."""


class NotFound(MlcycleError, KeyError):
    """No such name, version, alias or entry.

    Parameters
    ----------
    message : str
        What was looked for.
    near : iterable of str, optional
        What exists and looks alike; appended to the message.
    """

    def __init__(self, message: str, near: Iterable[str] = ()) -> None:
        self.near = tuple(near)
        hint = f"Did you mean {' or '.join(repr(name) for name in self.near)}?"
        super().__init__(f"{message.removesuffix('.')}. {hint}" if self.near else message)


class VersionDeleted(NotFound):
    """The version was there, and its files have been removed."""


class ConflictError(MlcycleError):
    """Somebody else committed first, and this change no longer fits.

    Attributes
    ----------
    winner : dict
        Who, when and what won: ``{"n", "author", "at", "message"}``.
    """

    def __init__(self, message: str, winner: dict[str, Any] | None = None) -> None:
        self.winner = dict(winner or {})
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.args[0], self.winner)


class InvalidInput(MlcycleError, ValueError):
    """An argument is not usable; the message says what was expected, what came, and the remedy."""


class InvalidName(InvalidInput):
    """A name that could not live on every storage."""


class GateBlocked(MlcycleError):
    """The evidence does not meet the criteria.

    Attributes
    ----------
    decision : Decision
        The recorded decision: every result, by how much it failed, and how to override.
    """

    def __init__(self, message: str, decision: Any = None) -> None:
        self.decision = decision
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.args[0], self.decision)


class UntrustedModel(MlcycleError, PermissionError):
    """Loading this file, or computing this metric, would run code nobody vouched for."""


class UnsafePath(MlcycleError, ValueError):
    """A path in an archive or a manifest leaves its folder."""


class MissingExtra(MlcycleError, ImportError):
    """An optional package is needed.

    Parameters
    ----------
    what : str
        What the package is needed for, e.g. ``"s3:// stores"``.
    package : str
        The import that failed.
    extra : str
        The extra of mlcycle that brings it.
    """

    def __init__(self, what: str, package: str, extra: str) -> None:
        self.what, self.package, self.extra = what, package, extra
        super().__init__(f"{what} need the package {package!r}: pip install 'mlcycle[{extra}]'")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.package, self.extra)
