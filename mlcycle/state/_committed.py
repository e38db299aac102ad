"""What entries say, as values: a version, a fact, a move, each with who said it, when and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from mlcycle.errors import Corrupt

if TYPE_CHECKING:
    from mlcycle.state._change_kinds import FactAdd, VersionAdd

__all__ = ["Fact", "PointerChange", "Stamp", "Version", "stamp_of"]

Doc = dict[str, Any]


@frozen
class Stamp:
    """Who committed, when (UTC text) and why, and the entry."""

    author: str
    at: str
    message: str
    entry: int

    def facts(self) -> Doc:
        """Return the fields of a `mlcycle.records.Committed`, by name."""
        return attrs.asdict(self)

    def winner(self) -> Doc:
        """Return the facts of a `ConflictError`."""
        return {"author": self.author, "at": self.at, "message": self.message, "n": self.entry}


def stamp_of(entry: Doc) -> Stamp:
    """Return the stamp of an entry."""
    return Stamp(entry["author"], entry["at"], entry["message"], entry["n"])


def _field_of(says: Doc, field: str, stamp: Stamp, ref: str) -> Any:
    if field not in says:
        raise Corrupt(
            f"entry {stamp.entry} is damaged: it does not say the {field!r} of {ref}; put its file back from a copy of "
            "the store"
        )
    return says[field]


@frozen
class Version:
    """One version of one name, as its entry says it.

    Attributes
    ----------
    of, name, number
        Noun, name and number.
    id : str or None
        Of the name: the folder its files lie in.
    needs, uses, made_from : tuple of str
        Stored objects it lives by, its own first; versions it answers with; versions it was made from.
    says : dict
        What it is, by its noun: ``version["content"]``.
    stamp : Stamp
    """

    of: str
    name: str
    number: int
    id: str | None
    needs: tuple[str, ...]
    uses: tuple[str, ...]
    made_from: tuple[str, ...]
    says: Doc
    stamp: Stamp

    @classmethod
    def from_change(cls, change: VersionAdd, identity: str | None, stamp: Stamp) -> Version:
        """Return the version a change adds."""
        needs, uses, made_from = tuple(change.needs), tuple(change.uses), tuple(change.made_from)
        return cls(change.of, change.name, change.number, identity, needs, uses, made_from, change.says, stamp)

    def __getitem__(self, field: str) -> Any:
        return _field_of(self.says, field, self.stamp, self.ref)

    @property
    def ref(self) -> str:
        """The full ref: ``model:churn@7``."""
        return f"{self.of}:{self.name}@{self.number}"

    @property
    def shown(self) -> str:
        """The ref as people see it: ``churn@7``."""
        return f"{self.name}@{self.number}"


@frozen
class Fact:
    """One fact, as its entry says it.

    Attributes
    ----------
    of, id, subject
        Noun, id, and the full ref of what it is about.
    about, needs : tuple of str
        What else it is found by; stored objects it lives by.
    says : dict
        What was found: ``fact["verdict"]``.
    stamp : Stamp
    """

    of: str
    id: str
    subject: str
    about: tuple[str, ...]
    needs: tuple[str, ...]
    says: Doc
    stamp: Stamp

    @classmethod
    def from_change(cls, change: FactAdd, stamp: Stamp) -> Fact:
        """Return the fact a change adds."""
        return cls(change.of, change.id, change.subject, tuple(change.about), tuple(change.needs), change.says, stamp)

    def __getitem__(self, field: str) -> Any:
        return _field_of(self.says, field, self.stamp, f"{self.of}:{self.id}")


@frozen
class PointerChange:
    """One move of a pointer: from which number to which, how, by whom."""

    before: int | None
    after: int | None
    how: str
    stamp: Stamp
