"""What every kind of change has in common: how it is read and written, folded, and put in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from attrs import NOTHING, field, fields, frozen
from attrs.validators import instance_of

from mlcycle._ids import name_key
from mlcycle.state._nouns import noun

if TYPE_CHECKING:
    from mlcycle.state._index import State
    from mlcycle.state._topics import Topic

__all__ = ["TEXT", "Change", "Moved", "MovesTo", "read_changes", "texts", "whole"]

Doc = dict[str, Any]
C = TypeVar("C", bound="Change")


class Moved(NamedTuple):
    """What a pointer stood at, and what it stands at then; `latest` too, which is no pointer but moves like one."""

    of: str
    name: str
    pointer: str
    before: int | None
    after: int | None

    def words(self) -> str:
        """Say it, as in the history: what points, at what now, at what before."""
        only = self.pointer == noun(self.of).pointer  # people do not know the one pointer of a name by its own name
        shown = "revision {}" if only else f"{self.name}@{{}}"
        told = f"{self.name if only else f'{self.name}@{self.pointer}'} → "
        told += "nothing" if self.after is None else shown.format(self.after)
        return told if self.before is None else f"{told} (was {shown.format(self.before)})"


MovesTo = Callable[[int, Sequence[str]], Iterable[Moved]]
"""From an entry and names kept to what a rollback of the project to that entry moved."""

TEXT = instance_of(str)


def texts(change: Any, attribute: Any, value: Any) -> None:
    if type(value) is not list or not all(type(one) is str for one in value):
        raise TypeError(f"{attribute.name} is a list of texts, not {value!r:.60}")


def whole(change: Any, attribute: Any, value: Any) -> None:
    if type(value) is not int:  # JSON tells 1 from true
        raise TypeError(f"{attribute.name} is a whole number, not {value!r:.60}")


@frozen(kw_only=True)
class Change:
    """One thing that happened.

    Attributes
    ----------
    says : dict
        All that stands in the document beside the fields of its kind: what a version or a fact is, and what a newer
        library wrote. It is written back as it was read.
    """

    kind: ClassVar[str]
    says: Doc = field(factory=dict, validator=instance_of(dict))

    def __getitem__(self, name: str) -> Any:
        return self.says[name]

    @classmethod
    def read(cls: type[C], doc: Doc) -> C:
        """Return the change in a document of this kind.

        Raises
        ------
        TypeError
            When a field is missing, or is not what it should be.
        """
        own, given, says = _own(cls), {}, {}
        for name, value in doc.items():  # read for every change of every fold
            if name in own:
                given[name] = value
            elif name != "kind":
                says[name] = value
        return cls(**given, says=says)

    def doc(self) -> Doc:
        """Return what an entry holds; fields that say nothing are left out."""
        own = {name: value for name, empty in _own(type(self)).items() if (value := getattr(self, name)) != empty}
        return {"kind": self.kind, **self.says, **own}

    def objects(self) -> Iterable[str]:
        """Return the stored objects it names."""
        return ()

    def touches(self) -> Iterable[tuple[str, str, str]]:
        """Return the lines that `fold` will change: shelf of the index, noun and key. A name's own, if it is of one."""
        of, name = getattr(self, "of", None), getattr(self, "name", None)
        return [("names", of, name_key(name))] if of and name else []

    def fold(self, state: State, n: int) -> None:
        """Put it into the index, as a change of entry `n`."""
        raise NotImplementedError

    def words(self, moves_to: MovesTo) -> str:
        """Say what happened, in a few words; nothing where what stands beside it in the entry says it."""
        return ""

    def words_alone(self) -> str:
        """Say it where nothing stands beside it."""
        return self.kind

    def concerns(self, topic: Topic, moves_to: MovesTo) -> bool:
        """Say whether it is about a topic; by default, if it is of a name and all of the name is asked for."""
        of, name = getattr(self, "of", None), getattr(self, "name", None)
        return topic.whole and of is not None and name is not None and topic.is_of(of, name)


_FIELDS: dict[type[Change], dict[str, Any]] = {}


def _own(cls: type[Change]) -> dict[str, Any]:
    """Return the fields of a kind with what they are when nothing is said."""
    found = _FIELDS.get(cls)
    if found is None:
        own = [one for one in fields(cls) if one.name != "says"]
        found = _FIELDS[cls] = {one.name: _default(one.default) for one in own}
    return found


def _default(default: Any) -> Any:
    return default.factory() if hasattr(default, "factory") and default is not NOTHING else default


def read_changes(entry: Doc, kind: type[C], *, name: str | None = None, **having: Any) -> list[C]:
    """Return the changes of one kind in an entry, in order: all, or those of a name whose fields are so.

    An entry may hold hundreds of names and be asked for each of them, so they are told apart before any is read.
    """
    asked, key = having.items(), None if name is None else name_key(name)
    return [
        kind.read(change)
        for change in entry["changes"]
        if change["kind"] == kind.kind
        and all(change.get(field) == value for field, value in asked)
        and (key is None or name_key(change["name"]) == key)
    ]
