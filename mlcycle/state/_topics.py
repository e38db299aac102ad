"""What a history may be narrowed to: a name, one version of it, one of its pointers, or a run."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from mlcycle._ids import name_key

__all__ = ["Topic"]


@frozen
class Topic:
    """One thing that entries may be about; every kind of change knows whether it is (`Change.concerns`).

    Attributes
    ----------
    of, name : str
        Noun and name, as it was first written; of a run, its id.
    number : int, optional
        One version; by default the name with all its versions, pointers and facts.
    pointer : str, optional
        Only the moves of this pointer.

    Examples
    --------
    >>> topic = Topic("model", "churn")
    >>> topic.means("model:churn@7"), topic.means("model:churners@7")
    (True, False)
    """

    of: str
    name: str
    number: int | None = None
    pointer: str | None = None

    @property
    def whole(self) -> bool:
        """Whether all of the name is meant."""
        return self.number is None and self.pointer is None

    def is_of(self, of: str, name: str) -> bool:
        """Say whether a noun and a name are those of the topic."""
        return of == self.of and name_key(name) == name_key(self.name)

    def takes(self, number: int) -> bool:
        """Say whether a version of the name is meant."""
        return self.pointer is None and self.number in (None, number)

    def means(self, ref: Any) -> bool:
        """Say whether a full ref is of what is meant."""
        whole = f"{self.of}:{self.name}"
        if not isinstance(ref, str) or self.pointer is not None:
            return False
        return ref == f"{whole}@{self.number}" if self.number else ref == whole or ref.startswith(f"{whole}@")

    def is_moved(self, of: str, name: str, pointer: str, before: int | None, after: int | None) -> bool:
        """Say whether a move is of what is meant: of the name, of the pointer, or to or from the version."""
        mine = self.is_of(of, name) and self.pointer in (None, pointer)
        return mine and (self.number is None or self.number in (before, after))
