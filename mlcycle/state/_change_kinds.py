"""The kinds of change an entry may hold: ten for the project's life, and one for a copy of it that goes on alone.

Each is one frozen class that knows how to fold itself into the index, how to put itself in words, what it is about, and
which stored objects it names. They stay for ever; what a project is about (datasets, models, gates) is data: a row of
`mlcycle.state._nouns`. A kind that is not here makes a project read-only, unless the change says ``optional``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from attrs.validators import instance_of, optional

from mlcycle._ids import name_key
from mlcycle.state._change import TEXT, Change, Moved, MovesTo, texts, whole
from mlcycle.state._file_changes import Place, Sweep
from mlcycle.state._nouns import noun

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlcycle.state._index import State
    from mlcycle.state._topics import Topic

__all__ = [
    "KINDS",
    "MARKS",
    "FactAdd",
    "NameSet",
    "PointerMove",
    "ProjectCreate",
    "ProjectRollback",
    "StoreCopied",
    "TagSet",
    "VersionAdd",
    "VersionMark",
]

Doc = dict[str, Any]

MARKS = ("dropped", "rejected", "retracted", "swept")
"""The one closed enumeration: who meets another mark cannot know what it hides, and writes no more."""


def _ranges(change: Any, attribute: Any, value: Any) -> None:
    pairs = value if type(value) is list else [value]
    if not all(type(one) is list and len(one) == 2 and {*map(type, one)} == {int} for one in pairs):
        raise TypeError(f"{attribute.name} are ranges [first, last], not {value!r:.60}")


def _guards(change: Any, attribute: Any, value: Any) -> None:
    if type(value) is not dict:
        raise TypeError(f"{attribute.name} are an object, not {value!r:.60}")
    for needs in value.values():
        texts(change, attribute, needs)


@frozen(kw_only=True)
class ProjectCreate(Change):
    """A project begins: entry 0."""

    kind = "project.create"
    id: str = field(validator=TEXT)

    def fold(self, state: State, n: int) -> None:
        """Take the id.

        Raises
        ------
        ValueError
            When the project has begun already.
        """
        if n > 0:
            raise ValueError(f"a project begins in entry 0, not again in {n}")
        state.id = self.id

    def words(self, moves_to: MovesTo) -> str:
        """Say it."""
        return "project created"


@frozen(kw_only=True)
class StoreCopied(Change):
    """A copy of a project goes on by itself, under an id of its own; ``from`` says whose copy it is."""

    kind = "store.copied"
    id: str = field(validator=TEXT)

    def fold(self, state: State, n: int) -> None:
        """Take the new id."""
        state.id = self.id

    def words(self, moves_to: MovesTo) -> str:
        """Say it."""
        return "a copy of the project goes on by itself"


@frozen(kw_only=True)
class NameSet(Change):
    """A name exists, and is so; given again, its fields are merged over those before (null takes one away).

    It stands before the first version of its name, and is the only place of an id.

    Attributes
    ----------
    of, name : str
        Noun and name.
    id : str, optional
        Of what is stored under the name; folders carry it.
    fixed : bool
        A rollback of the whole project leaves the name as it is.
    needs : list of str
        Stored objects it lives by.
    guards : dict, optional
        What a writer must know to do something here: ``{"pointer.move:production": ["gates"]}``; those of the name
        ``project`` guard a noun everywhere: ``{"dataset/version.add": ["data-checks"]}``. Set again, they replace all.
    """

    kind = "name.set"
    of: str = field(validator=TEXT)
    name: str = field(validator=TEXT)
    id: str | None = field(default=None, validator=optional(TEXT))
    fixed: bool = field(default=False, validator=instance_of(bool))
    needs: list[str] = field(factory=list, validator=texts)
    guards: dict[str, list[str]] | None = field(default=None, validator=optional(_guards))

    def objects(self) -> Iterable[str]:
        """Return what it lives by."""
        return self.needs

    def fold(self, state: State, n: int) -> None:
        """Note the entry; the first id stays."""
        name = state.name(self.of, self.name, n)
        name.said.append(n)
        name.id = name.id or self.id
        if self.fixed and name.fixed is None:
            name.fixed = n
        if self.guards is not None:
            name.guards.append((n, self.guards))
            state.guarded += 1

    def words(self, moves_to: MovesTo) -> str:
        """Say it."""
        return noun(self.of).named(self)

    def words_alone(self) -> str:
        """Say which name: what was set of it is its noun's."""
        return f"set up {self.of} {self.name}"


@frozen(kw_only=True)
class VersionAdd(Change):
    """The next version of a name.

    Attributes
    ----------
    of, name : str
        Noun and name.
    number : int
        One more than the last.
    needs : list of str
        Stored objects that stay while it stands, its own first.
    uses : list of str
        Versions it answers with: not to be dropped while a pointer stands here.
    made_from : list of str
        The versions it was made from.
    """

    kind = "version.add"
    of: str = field(validator=TEXT)
    name: str = field(validator=TEXT)
    number: int = field(validator=whole)
    needs: list[str] = field(factory=list, validator=texts)
    uses: list[str] = field(factory=list, validator=texts)
    made_from: list[str] = field(factory=list, validator=texts)

    def objects(self) -> Iterable[str]:
        """Return what it lives by."""
        return self.needs

    def touches(self) -> Iterable[tuple[str, str, str]]:
        """Return its name, and what it answers with."""
        return [*super().touches(), *(("uses", ref.partition(":")[0], ref) for ref in self.uses)]

    def fold(self, state: State, n: int) -> None:
        """Count the version.

        Raises
        ------
        ValueError
            When its number is not the next.
        """
        name = state.name(self.of, self.name, n)
        if self.number != len(name.made) + 1:
            raise ValueError(f"{self.of} {self.name} has {len(name.made)} versions, and this is number {self.number}")
        name.made.append(n)
        if self.made_from:
            name.origins[self.number] = self.made_from
        for ref in self.uses:
            state.uses.need(ref.partition(":")[0]).need(ref).append([self.of, name_key(self.name), self.number])

    def words(self, moves_to: MovesTo) -> str:
        """Say it."""
        return noun(self.of).added(self)

    def concerns(self, topic: Topic, moves_to: MovesTo) -> bool:
        """Say whether it is the version, answers with it, or came from the run asked for."""
        itself = topic.is_of(self.of, self.name) and topic.takes(self.number)
        return itself or any(map(topic.means, [*self.uses, self.says.get("run")]))


@frozen(kw_only=True)
class PointerMove(Change):
    """A pointer moves: an alias of a model, the route of a deployment.

    Attributes
    ----------
    of, name, pointer : str
        Which.
    before, after : int or None
        The version numbers; null points at nothing.
    pops : int
        How many of its states are undone first; `after` is then put on top, unless it is there.
    how : str
        For people: ``promote``, ``route``, ``rollback``. Nothing depends on it.
    """

    kind = "pointer.move"
    of: str = field(validator=TEXT)
    name: str = field(validator=TEXT)
    pointer: str = field(validator=TEXT)
    before: int | None = field(default=None, validator=optional(whole))
    after: int | None = field(default=None, validator=optional(whole))
    pops: int = field(default=0, validator=whole)
    how: str = field(default="", validator=TEXT)

    def fold(self, state: State, n: int) -> None:
        """Note the move.

        Raises
        ------
        ValueError
            When there is no such version, or it undoes fewer states than none.
        """
        name = state.name(self.of, self.name, n)
        if self.after is not None and not 1 <= self.after <= len(name.made):
            raise ValueError(
                f"{self.of} {name.name} has {len(name.made)} versions, a pointer cannot stand at number {self.after}"
            )
        if self.pops < 0:
            raise ValueError(f"a move undoes 0 states or more, not {self.pops}")
        name.moves.setdefault(self.pointer, []).append((n, self.after, self.pops))

    def words(self, moves_to: MovesTo) -> str:
        """Say it; a route is told by its revision."""
        return "" if self.how == "route" else self.words_alone()

    def words_alone(self) -> str:
        """Say it."""
        return self._moved().words()

    def concerns(self, topic: Topic, moves_to: MovesTo) -> bool:
        """Say whether it moves what is asked for, to it or away from it."""
        return topic.is_moved(*self._moved())

    def _moved(self) -> Moved:
        return Moved(self.of, self.name, self.pointer, self.before, self.after)


@frozen(kw_only=True)
class VersionMark(Change):
    """Versions, or the thing itself, are (or are no more) dropped, rejected, retracted, swept.

    Attributes
    ----------
    of, name : str
        Noun and name; for a run or a fact, its id.
    mark : str
        One of `MARKS`.
    on : bool
        False takes the mark away.
    numbers : list of [first, last], optional
        Ranges of versions; by default the name, run or fact itself.
    """

    kind = "version.mark"
    of: str = field(validator=TEXT)
    name: str = field(validator=TEXT)
    mark: str = field(validator=TEXT)
    on: bool = field(default=True, validator=instance_of(bool))
    numbers: list[list[int]] = field(factory=list, validator=_ranges)

    def fold(self, state: State, n: int) -> None:
        """Note the marks; 0 is the thing itself.

        Raises
        ------
        ValueError
            When a range does not begin with 1 or more, or ends before it begins.
        """
        name = state.name(self.of, self.name, n)
        for first, last in self.numbers:
            if not 1 <= first <= last:
                raise ValueError(
                    f"{self.of} {self.name} has no versions {first} to {last}; a range begins with 1 or more"
                )
        name.marks += [(n, self.mark, self.on, first, last) for first, last in self.numbers or ((0, 0),)]

    def words(self, moves_to: MovesTo) -> str:
        """Say it."""
        return noun(self.of).marked(self)

    def words_alone(self) -> str:
        """Say which mark."""
        return f"{self.mark} {self.of} {self.name}"

    def concerns(self, topic: Topic, moves_to: MovesTo) -> bool:
        """Say whether it marks the name or the version."""
        if not topic.is_of(self.of, self.name):
            return False
        return topic.whole or any(first <= (topic.number or 0) <= last for first, last in self.numbers)


@frozen(kw_only=True)
class FactAdd(Change):
    """Something that was found or decided, and is so for ever.

    Attributes
    ----------
    of : str
        The noun: ``evaluation``, ``decision``, ``report``, ``pin``, ``annotation``.
    id : str
        Its id.
    subject : str
        The full ref of what it is about.
    about : list of str
        What else it is to be found by: refs, digests.
    needs : list of str
        Stored objects it lives by.
    """

    kind = "fact.add"
    of: str = field(validator=TEXT)
    id: str = field(validator=TEXT)
    subject: str = field(validator=TEXT)
    about: list[str] = field(factory=list, validator=texts)
    needs: list[str] = field(factory=list, validator=texts)

    def objects(self) -> Iterable[str]:
        """Return what it lives by."""
        return self.needs

    def touches(self) -> Iterable[tuple[str, str, str]]:
        """Return all it is found by."""
        return [("facts", self.of, key) for key in {self.subject, *self.about}]

    def fold(self, state: State, n: int) -> None:
        """Note where it is, under all it is found by."""
        facts = state.facts.need(self.of)
        for key in {self.subject, *self.about}:
            facts.need(key).append(n)

    def words(self, moves_to: MovesTo) -> str:
        """Say it."""
        return noun(self.of).added(self)

    def words_alone(self) -> str:
        """Say of which noun."""
        return f"added {self.of} {self.id}"

    def concerns(self, topic: Topic, moves_to: MovesTo) -> bool:
        """Say whether it was found or decided about what is asked for."""
        return any(map(topic.means, [self.subject, *self.about]))


@frozen(kw_only=True)
class ProjectRollback(Change):
    """Everything that is not fixed stands as it did after entry `to`; versions made since are retracted.

    One change, however many names there are: moves of 480 names fill an entry, and a fold must never need a file.

    Attributes
    ----------
    to : int
        The entry gone back to.
    keep : list of str
        Names (``of:name``) that stay as they are.
    """

    kind = "project.rollback"
    to: int = field(validator=whole)
    keep: list[str] = field(factory=list, validator=texts)

    def fold(self, state: State, n: int) -> None:
        """Note the rollback.

        Raises
        ------
        ValueError
            When it does not go back.
        """
        if not 0 <= self.to < n:
            raise ValueError(f"a rollback in entry {n} goes to an earlier one, not to {self.to}")
        state.backs.append((n, self.to, self.keep))

    def words(self, moves_to: MovesTo) -> str:
        """Say where to, and what moved."""
        moves = (moved.words() for moved in moves_to(self.to, self.keep))
        return "; ".join([f"project rolled back to entry {self.to}", *moves])

    def concerns(self, topic: Topic, moves_to: MovesTo) -> bool:
        """Say whether it moved what is asked for."""
        return any(topic.is_moved(*moved) for moved in moves_to(self.to, self.keep))


@frozen(kw_only=True)
class TagSet(Change):
    """A name for an entry; set again, it moves."""

    kind = "tag.set"
    name: str = field(validator=TEXT)
    to: int = field(validator=whole)

    def fold(self, state: State, n: int) -> None:
        """Note the tag.

        Raises
        ------
        ValueError
            When there is no such entry yet.
        """
        if not 0 <= self.to <= n:
            raise ValueError(f"a tag in entry {n} names one up to it, not {self.to}")
        state.tags.setdefault(self.name, []).append((n, self.to))

    def words(self, moves_to: MovesTo) -> str:
        """Say it."""
        return f"tagged entry {self.to} as {self.name}"


KINDS: dict[str, type[Change]] = {
    one.kind: one
    for one in (
        ProjectCreate,
        StoreCopied,
        NameSet,
        VersionAdd,
        PointerMove,
        VersionMark,
        FactAdd,
        ProjectRollback,
        TagSet,
        Place,
        Sweep,
    )
}
