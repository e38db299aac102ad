"""Code and environment of runs, which the heads of runs name, and no entry of the log.

A world has one such blob, the log, the files there are, and the heads of runs. A pin is a fact in the log that needs
the blob; it has an id of its own, and a mark on it is never lifted: who wants the blob again pins it again. Promised
after every step: the blob of every run that stands, and whose starter was not killed before it had looked again, is
placed, and its file is there.

A commit is one step here, planned and created: nothing lies between the two that the log would not show (`files` looks
at what does).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from attrs import frozen

from tests.storage.protocol.checker import Move, Told


@frozen
class Rules:
    """The handshake, and what becomes of it without one of its parts.

    Attributes
    ----------
    look_first : bool
        A starter pins the blob where no unmarked pin holds it, before it puts its head.
    look_again : bool
        A starter that has put its head looks again, and pins the blob anew where no unmarked pin holds it.
    ask_first : bool
        A sweeper marks the pins, by an entry, before it lists heads.
    list_after : bool
        It begins to list after it has folded that entry.
    same_pins : bool
        It sweeps only if the pins that stand are those it saw marked before it listed; otherwise if all are marked.
    drop_in_plan : bool
        Whether a run is dropped that names the blob is judged on the state the sweep is committed on, not when listing.
    restore_looks : bool
        A run is restored only if the blob its head names is placed.
    keeping_mark : bool
        The mark of a sweeper is one that leaves alive what the pin needs (retracted), not one that ends it (dropped).
    crashes : bool
        Whether everybody may die.
    rounds : int
        How often each sweeper begins.
    """

    look_first: bool = True
    look_again: bool = True
    ask_first: bool = True
    list_after: bool = True
    same_pins: bool = True
    drop_in_plan: bool = True
    restore_looks: bool = True
    keeping_mark: bool = True
    crashes: bool = True
    rounds: int = 1


class Entry(NamedTuple):
    """One entry: its kind, the file it places, the pins or the run it is about."""

    kind: str
    file: str = ""
    about: tuple[str, ...] = ()


class World(NamedTuple):
    """All that is shared; the run r0 has begun, and its head names the blob."""

    log: tuple[Entry, ...] = (Entry("pin", "blob", ("p0",)),)
    files: frozenset[str] = frozenset(["blob"])
    heads: frozenset[str] = frozenset(["r0"])

    def append(self, entry: Entry) -> World:
        """Return the world with one more entry."""
        return self._replace(log=(*self.log, entry))


class State(NamedTuple):
    """What a log folds to: the file of the blob, pins that stand, those of them that are marked, dropped runs."""

    placed: str
    pins: frozenset[str]
    marked: frozenset[str]
    dropped: frozenset[str]

    @property
    def pinned(self) -> bool:
        """Whether the blob is placed and a pin without a mark holds it."""
        return bool(self.placed and self.pins - self.marked)


@cache
def fold(log: tuple[Entry, ...]) -> State:
    """Fold a log."""
    placed = ""
    pins: set[str] = set()
    marked: set[str] = set()
    dropped: set[str] = set()
    for entry in log:
        if entry.kind == "pin":
            placed = entry.file or placed
            pins.update(entry.about)
        elif entry.kind == "ask":
            marked.update(entry.about)
        elif entry.kind == "sweep":
            placed = "" if entry.file == placed else placed
            pins.difference_update(entry.about)
        elif entry.kind == "drop":
            dropped.update(entry.about)
        elif entry.kind == "restore":
            dropped.difference_update(entry.about)
    return State(placed, frozenset(pins), frozenset(marked & pins), frozenset(dropped))


def _lost(world: World, run: str) -> str | None:
    """Say whether a run has lost its blob."""
    state = fold(world.log)
    if run in state.dropped or (state.placed and state.placed in world.files):
        return None
    return f"{run} stands, and its environment is gone"


def trouble(world: World) -> str | None:
    """Return what is wrong with a world, or None."""
    return _lost(world, "r0")


class Starting(NamedTuple):
    """Where a starter stands: the file it has uploaded, how many it has, how many pins it has made."""

    at: str = "look"
    file: str = ""
    uploads: int = 0
    pins: int = 0


class Starter:
    """Looks, pins where it must, puts its head, looks again, pins where it must."""

    start = Starting()

    def __init__(self, name: str) -> None:
        self.name = name

    def trouble(self, world: World, mine: Starting) -> str | None:
        """Say whether a run that has looked again has lost its blob."""
        return _lost(world, self.name) if mine.at == "runs" else None

    def moves(self, world: World, mine: Starting, rules: Rules) -> Iterator[Move]:
        """Take the next step, or die, which a run that has looked again survives."""
        if mine.at in ("runs", "dead"):
            return
        if rules.crashes:
            yield world, Starting("dead")
        state = fold(world.log)
        if mine.at == "look":
            yield world, mine._replace(at="head" if state.pinned or not rules.look_first else "pin first")
        elif mine.at == "head":
            headed = world._replace(heads=world.heads | {self.name})
            yield headed, mine._replace(at="look again" if rules.look_again else "runs")
        elif mine.at == "look again":
            yield world, mine._replace(at="runs" if state.pinned else "pin again")
        elif not state.placed and not mine.file:  # an upload, before which one has looked at the placement
            file = f"{self.name}.{mine.uploads}"
            yield world._replace(files=world.files | {file}), mine._replace(file=file, uploads=mine.uploads + 1)
        else:
            yield self._pin(world, mine)

    def _pin(self, world: World, mine: Starting) -> Move:
        """Commit a pin with an id of its own, and place what was uploaded where nothing is placed."""
        state = fold(world.log)
        after = Starting("head" if mine.at == "pin first" else "runs", "", mine.uploads, mine.pins + 1)
        if state.pinned:
            return world, after
        entry = Entry("pin", "" if state.placed else mine.file, (f"{self.name}-p{mine.pins}",))
        return world.append(entry), after


class Sweeping(NamedTuple):
    """Where a sweeper stands: pins it saw marked, runs whose heads it listed, those of them that stood, the round."""

    at: str = "idle"
    pins: frozenset[str] = frozenset()
    heads: frozenset[str] = frozenset()
    standing: frozenset[str] = frozenset()
    doom: str = ""
    round: int = 0


class Sweeper(Told):
    """Marks the pins, then lists heads, sweeps what no standing run names, and deletes."""

    start = Sweeping()

    def __init__(self, name: str = "sweeper") -> None:
        self.name = name

    def moves(self, world: World, mine: Sweeping, rules: Rules) -> Iterator[Move]:
        """Take the next step, or die and begin again."""
        state = fold(world.log)
        idle = Sweeping(round=mine.round)
        if mine.at != "idle" and rules.crashes:
            yield world, idle
        if mine.at == "idle":
            if mine.round < rules.rounds and state.placed:
                begun = idle._replace(at="ask" if rules.list_after else "list", round=mine.round + 1)
                yield world, begun
        elif mine.at == "ask":
            yield self._ask(world, state, rules), mine._replace(at="look")
        elif mine.at == "look":
            after = "list" if rules.list_after else "sweep"
            ready = state.pins <= state.marked or not rules.ask_first
            yield world, mine._replace(at=after, pins=state.pins) if ready else idle
        elif mine.at == "list":
            after = "sweep" if rules.list_after else "ask"
            yield world, mine._replace(at=after, heads=world.heads, standing=world.heads - state.dropped)
        elif mine.at == "sweep":
            yield from self._sweep(world, state, mine, rules)
        elif mine.at == "delete":
            yield world._replace(files=world.files - {mine.doom}), idle

    def _ask(self, world: World, state: State, rules: Rules) -> World:
        unmarked = state.pins - state.marked
        return world.append(Entry("ask", "", tuple(sorted(unmarked)))) if unmarked and rules.ask_first else world

    def _sweep(self, world: World, state: State, mine: Sweeping, rules: Rules) -> Iterator[Move]:
        named = mine.heads - state.dropped if rules.drop_in_plan else mine.standing
        spoken_for = mine.pins if rules.same_pins else state.marked
        if not state.placed or named or (rules.ask_first and not state.pins <= spoken_for):
            yield world, Sweeping(round=mine.round)
            return
        swept = world.append(Entry("sweep", state.placed, tuple(sorted(state.pins))))
        yield swept, Sweeping("delete", doom=state.placed, round=mine.round)


class Stranger(Told):
    """Sweeps by the log alone, as one that knows nothing of heads: what no standing fact needs."""

    name = "stranger"
    start = ""

    def moves(self, world: World, mine: str, rules: Rules) -> Iterator[Move]:
        """Sweep, or delete what one has swept."""
        state = fold(world.log)
        kept = state.pins if rules.keeping_mark else state.pins - state.marked
        if mine:
            yield world._replace(files=world.files - {mine}), ""
        elif state.placed and not kept:
            yield world.append(Entry("sweep", state.placed, tuple(sorted(state.pins)))), state.placed


class Dropper(Told):
    """Drops a run that has a head, once."""

    start = "drop"

    def __init__(self, run: str) -> None:
        self.name, self._run = f"drop {run}", run

    def moves(self, world: World, mine: str, rules: Rules) -> Iterator[Move]:
        """Commit the drop, at any time."""
        if mine == "drop" and self._run in world.heads:
            yield world.append(Entry("drop", "", (self._run,))), "done"


class Restorer(Told):
    """Restores a run that was dropped, once."""

    start = "restore"

    def __init__(self, run: str) -> None:
        self.name, self._run = f"restore {run}", run

    def moves(self, world: World, mine: str, rules: Rules) -> Iterator[Move]:
        """Commit the restore, if what the head names is still placed."""
        state = fold(world.log)
        if mine == "restore" and self._run in state.dropped and (state.placed or not rules.restore_looks):
            yield world.append(Entry("restore", "", (self._run,))), "done"
