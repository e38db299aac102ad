"""What a folded log is: an index that only grows, every item of which carries the entry it came with.

So the project as it stood after entry n is the same state looked at with n (`mlcycle.state._view`), and nothing is
folded twice. What a version or a fact *says* stays in its entry, which never changes; the index knows where, and how it
stands.
"""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING, Any

from mlcycle._compact_index import CompactIndex
from mlcycle._ids import name_key
from mlcycle.state._lazy_mappings import LazyMapping, NounMappings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

__all__ = ["Name", "State"]


class Name:
    """All that is indexed of one name; also of a run or a fact once it bears a mark.

    Attributes
    ----------
    name : str
        As it was first written.
    since : int
        The entry that first spoke of it.
    id : str or None
        Of what is stored under it.
    fixed : int or None
        From which entry on a rollback of the whole project leaves it.
    said : array of int
        Entries whose ``name.set`` say what it is.
    made : array of int
        The entry of each version, number 1 first.
    origins : dict
        Number to the refs that version was made from.
    marks : list of (entry, mark, on, first, last)
    moves : dict
        Pointer to its moves (entry, number or None, pops).
    guards : list of (entry, guards)
    """

    __slots__ = ("fixed", "guards", "id", "made", "marks", "moves", "name", "origins", "said", "since")

    def __init__(self, name: str = "", since: int = -1) -> None:
        self.name, self.since = name, since
        self.id: str | None = None
        self.fixed: int | None = None
        self.said, self.made = array("Q"), array("Q")
        self.origins: dict[int, list[str]] = {}
        self.marks: list[tuple[int, str, bool, int, int]] = []
        self.moves: dict[str, list[tuple[int, int | None, int]]] = {}
        self.guards: list[tuple[int, dict[str, list[str]]]] = []

    def plain(self) -> list[Any]:
        """Return it as JSON data; what is empty at the end is left out."""
        made, last = [], 0
        for n in self.made:  # entries ascend: differences are short
            made.append(n - last)
            last = n
        plain: list[Any] = [
            self.name,
            self.since,
            self.id,
            list(self.said),
            made,
            [[number, *refs] for number, refs in self.origins.items()],
            self.moves,
            self.marks,
            self.fixed,
            self.guards,
        ]
        while plain[-1] in (None, [], {}):  # entry 0 says something
            plain.pop()
        return plain

    @classmethod
    def parse(cls, plain: list[Any]) -> Name:
        """Return what `plain` gave."""
        found = cls(plain[0], plain[1])
        full = [*plain[2:], *[None] * (10 - len(plain))]
        found.id = full[0]
        found.said.extend(full[1] or ())
        last = 0
        for step in full[2] or ():
            last += step
            found.made.append(last)
        found.origins = {number: refs for number, *refs in full[3] or ()}
        found.moves = {pointer: [(n, to, pops) for n, to, pops in moves] for pointer, moves in (full[4] or {}).items()}
        found.marks = [(n, mark, on, first, final) for n, mark, on, first, final in full[5] or ()]
        found.fixed = full[6]
        found.guards = [(n, guards) for n, guards in full[7] or ()]
        return found


def _numbers(plain: list[int]) -> array[int]:
    return array("Q", plain)


class State:
    """What the log means, after entry `n`; grown in place by `mlcycle.state.ProjectFold`.

    Attributes
    ----------
    n : int
        The last entry folded.
    id : str or None
        Of the project.
    tags : dict
        Tag to (entry, entry it names).
    backs : list of (entry, entry gone back to, names kept)
        Rollbacks of the whole project.
    guarded : int
        How many guards were ever set; without any, a commit need not look for them.
    skipped : list of str
        Optional kinds passed over.
    names : NounMappings of Name
        By noun and by key of the name.
    facts : NounMappings of array
        By noun and by subject (or what else a fact is found by): an entry a fact.
    uses : LazyMapping of list
        Ref of a version to the versions (noun, key, number) that answer with it.
    placed : CompactIndex
        Stored object to the entry that says where its files are; always read at the newest entry.
    """

    def __init__(self, parts: Collection[str] = (), read: Callable[[str], bytes] = lambda part: b"") -> None:
        small: dict[str, Any] = json.loads(read("small")) if "small" in parts else {}
        self.n: int = small.get("n", -1)
        self.id: str | None = small.get("id")
        self.tags: dict[str, list[tuple[int, int]]] = {
            tag: [(n, to) for n, to in moves] for tag, moves in small.get("tags", {}).items()
        }
        self.backs: list[tuple[int, int, list[str]]] = [(n, to, keep) for n, to, keep in small.get("backs", ())]
        self.guarded: int = small.get("guarded", 0)
        self.skipped: list[str] = small.get("skipped", [])
        listed = sorted(parts)
        self.names: NounMappings[Name] = NounMappings("names", _names, listed, read)
        self.facts: NounMappings[array[int]] = NounMappings("facts", _facts, listed, read)
        self.uses: NounMappings[list[list[Any]]] = NounMappings("uses", _uses, listed, read)
        self.placed = CompactIndex(lambda: read("placed")) if "placed" in parts else CompactIndex()

    def name(self, of: str, name: str, n: int) -> Name:
        """Return what is indexed of a name, begun with entry `n` where it is new."""
        found = self.names.need(of).need(name_key(name))
        if found.since < 0:
            found.name, found.since = name, n
        return found

    @property
    def parted(self) -> bool:
        """Whether names, facts or uses are still in parts of a checkpoint that nobody has read."""
        return self.names.parted or self.facts.parted or self.uses.parted

    def hold(self) -> None:
        """Read every part of a checkpoint that is still to be read."""
        for shelf in (self.names, self.facts, self.uses):
            shelf.hold()
        self.placed.hold()

    def dump(self) -> dict[str, bytes]:
        """Return the parts of a checkpoint; they follow from the log up to `n` alone."""
        small: dict[str, Any] = {"n": self.n, "id": self.id, "tags": self.tags, "backs": self.backs}
        small |= {"guarded": self.guarded, "skipped": self.skipped}
        return {
            "small": json.dumps(small, ensure_ascii=False, separators=(",", ":")).encode(),
            **self.names.dump(),
            **self.facts.dump(),
            **self.uses.dump(),
            "placed": self.placed.dump(),
        }


def _names(parts: Sequence[tuple[str, Callable[[], bytes]]]) -> LazyMapping[Name]:
    return LazyMapping(Name, Name.parse, Name.plain, parts)


def _facts(parts: Sequence[tuple[str, Callable[[], bytes]]]) -> LazyMapping[array[int]]:
    return LazyMapping(lambda: array("Q"), _numbers, lambda numbers: list(numbers), parts)


def _uses(parts: Sequence[tuple[str, Callable[[], bytes]]]) -> LazyMapping[list[list[Any]]]:
    return LazyMapping(list, list, list, parts)
