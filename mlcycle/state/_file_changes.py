"""The two kinds of change that say where files lie: an object is placed, or files are swept and it is nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from attrs.validators import instance_of, optional

from mlcycle.state._change import TEXT, Change, MovesTo, texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlcycle.state._index import State

__all__ = ["Place", "Sweep"]

Doc = dict[str, Any]


@frozen(kw_only=True)
class Place(Change):
    """A stored object lies in these files, or in those a list file names, or below a prefix it owns.

    Attributes
    ----------
    object : str
        Its name: ``model:<id>``.
    files : list of dict
        Descriptions ``{key, size, sha256, enc, kind}``.
    listed : dict, optional
        The description of a list file, where there are too many for an entry.
    prefix : str, optional
        All keys below it are the object's.
    """

    kind = "place"
    object: str = field(validator=TEXT)
    files: list[Doc] = field(factory=list, validator=instance_of(list))
    listed: Doc | None = field(default=None, validator=optional(instance_of(dict)))
    prefix: str | None = field(default=None, validator=optional(TEXT))

    def __attrs_post_init__(self) -> None:
        for file in self.named():
            if type(file) is not dict or type(file.get("key")) is not str:
                raise TypeError(f"a file of {self.object} has no key")

    def objects(self) -> Iterable[str]:
        """Return the object."""
        return (self.object,)

    def named(self) -> list[Doc]:
        """Return the files that stand in the change itself, the list file among them."""
        return [*self.files, *([self.listed] if self.listed else [])]

    def fold(self, state: State, n: int) -> None:
        """Note where it is now."""
        state.placed.set(self.object, n)

    def words_alone(self) -> str:
        """Say it."""
        return "stored files"


@frozen(kw_only=True)
class Sweep(Change):
    """These keys are about to go and are never used again; the objects they belonged to go with them.

    Attributes
    ----------
    keys : list of str
        The files.
    listed : dict, optional
        The description of a list file that names more of them.
    swept : list of str
        Every object of whose files it names any, so that folding costs what the entry holds.
    """

    kind = "sweep"
    keys: list[str] = field(factory=list, validator=texts)
    listed: Doc | None = field(default=None, validator=optional(instance_of(dict)))
    swept: list[str] = field(factory=list, validator=texts)

    def fold(self, state: State, n: int) -> None:
        """Forget where the objects were."""
        for stored_object in self.swept:
            state.placed.pop(stored_object)

    def words(self, moves_to: MovesTo) -> str:
        """Say it."""
        if self.listed is not None:  # how many stands in a file, and a history reads none
            return "removed files that nothing named"
        count = len(self.keys)
        return f"removed {count} file{'' if count == 1 else 's'} that nothing named"
