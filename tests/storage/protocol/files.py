"""The log and the files it names: what a commit and a sweep owe each other, with checkpoints that forget sweeps.

A world is a log, the files there are, the checkpoints of it, and creates whose answer was lost and that may still
arrive. Promised after every step:

- every standing object is placed, in files that exist and that no sweep has ever named (a key is never used twice, so
  a file that was named may go at any later time);
- no operation is in the log twice, none that was acknowledged is missing, none that was said to have failed is there;
- the file of a run stays as long as the run stands.

A process folds on from what it knows, or takes any checkpoint there is: then it knows nothing of the sweeps below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from attrs import frozen

from tests.storage.protocol.checker import Move, Told

OLD = "old"  # the file of v0, which everyone would like to use again
RUN = "run"  # the run that no entry names, and its file


@frozen
class Rules:
    """The protocol, and what becomes of it without one of its parts.

    Attributes
    ----------
    logged_sweep : bool
        A sweep commits an entry before it deletes; otherwise it lists, compares and deletes.
    age_grace : bool
        An unlogged sweep spares young files.
    recheck : bool
        A sweep that lost the race for an entry looks anew at what is garbage.
    swept_objects : bool
        The entry of a sweep lists every object of whose files it names any; otherwise the fold infers them from the
        first file of an object, all that it sees.
    swept_in_plan : bool
        That list is made of the state the entry is committed on, not of the one the sweep began with.
    run_mark : bool
        A run of which a sweep named a file is marked for ever.
    unique_names : bool
        Files uploaded again get a new name; otherwise the name is that of the content.
    read_back : bool
        After a lost answer the entry is read back and its operation id compared.
    base_check : bool
        What was uploaded or read at entry u is not named on a state folded from a checkpoint above u.
    keeps_u : bool
        That u stays what it was when a race is lost and the plan validated again; otherwise it is taken anew each time.
    reuse_by_file : bool
        A file used again must be named by no sweep since; otherwise it is enough that its object is placed.
    refold : bool
        A reader that finds a file missing folds again and resolves once more.
    crashes, lost_answers : bool
        What the world does to the actors.
    sweeps, checkpoints, uploads : int
        How many sweep entries and checkpoints at most, and how many uploads of one writer.
    """

    logged_sweep: bool = True
    age_grace: bool = False
    recheck: bool = True
    swept_objects: bool = True
    swept_in_plan: bool = True
    run_mark: bool = True
    unique_names: bool = True
    read_back: bool = True
    base_check: bool = True
    keeps_u: bool = True
    reuse_by_file: bool = True
    refold: bool = True
    crashes: bool = True
    lost_answers: bool = True
    sweeps: int = 1
    checkpoints: int = 0
    uploads: int = 2


class Entry(NamedTuple):
    """One entry: its kind, its operation id, what it names, and the objects and runs it ends."""

    kind: str
    op: str
    what: tuple[str, ...]
    ends: tuple[str, ...] = ()


Log = tuple[Entry, ...]


def contents(file: str) -> tuple[str, ...]:
    """Return the keys of a file: ``m>L`` is a manifest that points into L, which only readers of bytes know."""
    return (file, file.split(">")[1]) if ">" in file else (file,)


class World(NamedTuple):
    """All that is shared. A checkpoint is the number of entries it covers, and keeps nothing of sweeps."""

    log: Log
    files: frozenset[str]
    run: bool = False
    checkpoints: frozenset[int] = frozenset()
    late: frozenset[tuple[int, Entry]] = frozenset()
    acknowledged: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()

    @classmethod
    def beginning(cls, first: str = OLD, *, run: bool = False) -> World:
        """Return a world with v0 in one file, and with or without a run that has ended."""
        files = frozenset([*contents(first), *([RUN] if run else ())])
        return cls((Entry("add", "v0", (first,)),), files, run)

    def append(self, entry: Entry) -> World:
        """Return the world with one more entry; late creates of that number have lost."""
        log = (*self.log, entry)
        return self._replace(log=log, late=frozenset(late for late in self.late if late[0] >= len(log)))

    def live(self, view: int | None = None) -> frozenset[str]:
        """Return the keys that something standing lies in; those of a run are its own until it is dropped."""
        state = fold(self.log[:view])
        run = self.run and RUN not in state.dropped
        return state.live | {RUN} if run else state.live


class State(NamedTuple):
    """What a log folds to; `harmed` are objects that a sweep ended though they stood."""

    placed: dict[str, str]
    dropped: frozenset[str]
    added: frozenset[str]
    gone: frozenset[str]
    harmed: frozenset[str]
    live: frozenset[str]


@cache
def fold(log: Log) -> State:
    """Fold a log: logical state (live or dropped) and placement (where an object lies)."""
    placed: dict[str, str] = {}
    dropped: set[str] = set()
    added: set[str] = set()
    gone: set[str] = set()
    harmed: set[str] = set()
    for entry in log:
        if entry.kind == "add":
            placed[entry.op] = entry.what[0]
            added.add(entry.op)
        elif entry.kind == "drop":
            dropped.add(entry.what[0])
        elif entry.kind == "restore":
            dropped.discard(entry.what[0])
        elif entry.kind == "move":
            old, new = entry.what
            placed = {name: new if file == old else file for name, file in placed.items()}
        elif entry.kind == "sweep":
            ended = {name for name, file in placed.items() if file in entry.what or name in entry.ends}
            harmed |= ended - dropped
            gone |= {RUN} & set(entry.ends)
            placed = {name: file for name, file in placed.items() if name not in ended}
    live = frozenset(key for name, file in placed.items() if name not in dropped for key in contents(file))
    return State(placed, frozenset(dropped), frozenset(added), frozenset(gone), frozenset(harmed), live)


@cache
def doomed(entries: Log) -> frozenset[str]:
    """Return the keys that sweeps among some entries name."""
    return frozenset(key for entry in entries if entry.kind == "sweep" for key in entry.what)


def trouble(world: World) -> str | None:
    """Return what is wrong with a world, or None."""
    state = fold(world.log)
    live = world.live()
    if state.harmed:
        return "a sweep named the file of a live object"
    if not state.added - state.dropped <= state.placed.keys():
        return f"{min(state.added - state.dropped - state.placed.keys())} stands and is placed nowhere"
    if not live <= world.files:
        return f"dangling: {sorted(live - world.files)} is named and gone"
    if live & doomed(world.log):
        return "a live object lies in a doomed file"
    ops = [entry.op for entry in world.log]
    if len(ops) != len(set(ops)):
        return "an operation was committed twice"
    if not world.acknowledged <= set(ops):
        return "an acknowledged commit is not in the log"
    if world.failed & set(ops):
        return "a commit that was said to have failed is in the log"
    return None


class Network(Told):
    """Delivers creates whose answer was lost, late or never."""

    name = "network"
    start = ""

    def moves(self, world: World, mine: Any, rules: Rules) -> Iterator[Move]:
        """Deliver one."""
        for n, entry in world.late:
            if n == len(world.log):
                yield world.append(entry), mine


class Caches(Told):
    """Writes checkpoints, of any entry there is and at any time."""

    name = "caches"
    start = ""

    def moves(self, world: World, mine: Any, rules: Rules) -> Iterator[Move]:
        """Write one."""
        if len(world.checkpoints) < rules.checkpoints:
            for n in {*range(1, len(world.log) + 1)} - world.checkpoints:
                yield world._replace(checkpoints=world.checkpoints | {n}), mine
