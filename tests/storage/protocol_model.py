"""The commit protocol as a model small enough to look at every interleaving.

A world is a log, the files there are, and creates whose answer was lost and that may still arrive. Actors move it one
storage call at a time; `explore` visits every order of their moves, with crashes and lost answers, and checks after
each that

- every live object lies in a file that exists and that no sweep has named;
- no operation is in the log twice, none that was acknowledged is missing, none that was said to have failed is there;
- the files of a run stay as long as the run stands;
- a reader is never told that a standing version was deleted.

`Rules` switches single parts of the protocol off. Each of those variants breaks, and the tests show it.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from functools import cache
from typing import NamedTuple, Protocol

from attrs import frozen

OLD = "old"  # the file of v0, which everyone would like to use again
RUN = "run"  # the file of an unlogged run


@frozen
class Rules:
    """The protocol, and what becomes of it without one of its parts.

    Attributes
    ----------
    logged_sweep : bool
        A sweep commits an entry before it deletes; otherwise it lists, compares and deletes.
    age_grace : bool
        An unlogged sweep spares young files.
    unique_names : bool
        Files uploaded again get a new name; otherwise the name is that of the content.
    read_back : bool
        After a lost answer the entry is read back and its operation id compared.
    recheck : bool
        A sweep that lost the race for an entry looks anew at what is garbage.
    refold : bool
        A reader that finds a file missing folds again and resolves once more.
    crashes, lost_answers : bool
        What the world does to the actors.
    sweeps : int
        How many sweep entries at most.
    """

    logged_sweep: bool = True
    age_grace: bool = False
    unique_names: bool = True
    read_back: bool = True
    recheck: bool = True
    refold: bool = True
    crashes: bool = True
    lost_answers: bool = True
    sweeps: int = 1


class Entry(NamedTuple):
    """One entry: its kind, its operation id, and what it names."""

    kind: str
    op: str
    what: tuple[str, ...]


Log = tuple[Entry, ...]


class World(NamedTuple):
    """All that is shared."""

    log: Log = (Entry("add", "v0", (OLD,)),)
    files: frozenset[str] = frozenset([OLD])
    late: frozenset[tuple[int, Entry]] = frozenset()
    acknowledged: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()

    def append(self, entry: Entry) -> World:
        """Return the world with one more entry; late creates of that number have lost."""
        log = (*self.log, entry)
        return self._replace(log=log, late=frozenset(late for late in self.late if late[0] >= len(log)))


class State(NamedTuple):
    """What a log folds to."""

    placed: dict[str, str]
    dropped: frozenset[str]
    doomed: frozenset[str]
    known: frozenset[str]
    harmed: frozenset[str]

    @property
    def live(self) -> frozenset[str]:
        """The files that live objects lie in."""
        return frozenset(file for name, file in self.placed.items() if name not in self.dropped)

    def garbage(self, files: frozenset[str]) -> frozenset[str]:
        """Return what nothing names; the files of a run are its own until it is dropped."""
        return files - self.live - self.doomed - ({RUN} - self.dropped)


@cache
def fold(log: Log) -> State:
    """Fold a log: logical state (live or dropped) and placement (where an object lies, what is doomed)."""
    placed: dict[str, str] = {}
    dropped: set[str] = set()
    doomed: set[str] = set()
    known: set[str] = set()
    harmed: set[str] = set()
    for entry in log:
        if entry.kind == "add":
            placed[entry.op] = entry.what[0]
            known.add(entry.what[0])
        elif entry.kind == "drop":
            dropped.add(entry.what[0])
        elif entry.kind == "restore":
            dropped.discard(entry.what[0])
        elif entry.kind == "move":
            old, new = entry.what
            placed = {name: new if file == old else file for name, file in placed.items()}
            known.add(new)
        elif entry.kind == "sweep":
            doomed.update(entry.what)
            harmed.update(name for name, file in placed.items() if file in doomed and name not in dropped)
            placed = {name: file for name, file in placed.items() if file not in doomed}
    return State(placed, frozenset(dropped), frozenset(doomed), frozenset(known), frozenset(harmed))


Move = tuple[World, Hashable]


class Actor(Protocol):
    """Somebody who does one storage call at a time."""

    start: Hashable

    def moves(self, world: World, mine: Hashable, rules: Rules) -> Iterator[Move]:
        """Yield every next step: the world after it, and one's own state after it."""
        ...

    def trouble(self, world: World, mine: Hashable) -> str | None:
        """Return what one has been told wrongly, if anything."""
        ...


class Mine(NamedTuple):
    """Where a committing actor stands."""

    at: str = "look"
    view: int = 0
    plan: Entry | None = None
    uploads: int = 0


class Committer:
    """Look, decide, upload, create entry n + 1; after a lost race fold the winner and validate again."""

    start: Hashable = Mine()

    def __init__(self, op: str) -> None:
        self.op = op

    def choices(self, state: State, mine: Mine, rules: Rules) -> Iterator[tuple[Entry, str | None]]:
        """Yield what could be committed, each with the file to upload for it, if any."""
        raise NotImplementedError

    def valid(self, plan: Entry, state: State) -> bool:
        """Return whether the plan still holds after others have committed."""
        raise NotImplementedError

    def trouble(self, world: World, mine: Hashable) -> str | None:
        """Committers are judged by the world."""
        return None

    def moves(self, world: World, mine: Hashable, rules: Rules) -> Iterator[Move]:
        """Take the next step, or die."""
        assert isinstance(mine, Mine)
        if mine.at in ("done", "dead", "failed", "refused"):
            return
        if rules.crashes:
            yield world, Mine("dead")
        if mine.at == "look":
            yield world, mine._replace(at="decide", view=len(world.log))
        elif mine.at == "decide":
            yield from self._decide(world, mine, rules)
        elif mine.at == "check":
            assert mine.plan is not None
            ok = self.valid(mine.plan, fold(world.log[: mine.view]))
            yield world, mine._replace(at="put" if ok else "decide", plan=mine.plan if ok else None)
        elif mine.at == "put":
            yield from self._put(world, mine, rules)
        elif mine.at == "unsure":
            yield from self._unsure(world, mine, rules)

    def _decide(self, world: World, mine: Mine, rules: Rules) -> Iterator[Move]:
        choices = list(self.choices(fold(world.log[: mine.view]), mine, rules))
        for plan, upload in choices:
            files = world.files | {upload} if upload else world.files
            after = mine._replace(at="put", plan=plan, uploads=mine.uploads + bool(upload))
            yield world._replace(files=files), after
        if not choices:
            yield world, Mine("refused")

    def _put(self, world: World, mine: Mine, rules: Rules) -> Iterator[Move]:
        assert mine.plan is not None
        if len(world.log) > mine.view:  # "exists": a winner's, or one's own that arrived late
            yield world, mine._replace(at="unsure") if rules.read_back else self._beaten(world, mine)
            return
        written = world.append(mine.plan)
        yield self._acknowledge(written), Mine("done")
        if rules.lost_answers:
            yield written, mine._replace(at="unsure")
            yield world._replace(late=world.late | {(mine.view, mine.plan)}), mine._replace(at="unsure")

    def _unsure(self, world: World, mine: Mine, rules: Rules) -> Iterator[Move]:
        if not rules.read_back:  # taken for a lost race, or for a failure
            yield world, self._beaten(world, mine)
            yield world._replace(failed=world.failed | {self.op}), Mine("failed")
        elif len(world.log) == mine.view:
            yield world, mine._replace(at="put")  # the same bytes again
        elif world.log[mine.view].op == self.op:
            yield self._acknowledge(world), Mine("done")
        else:
            yield world, self._beaten(world, mine)

    def _beaten(self, world: World, mine: Mine) -> Mine:
        return mine._replace(at="check", view=len(world.log))

    def _acknowledge(self, world: World) -> World:
        return world._replace(acknowledged=world.acknowledged | {self.op})


class Writer(Committer):
    """Adds an object: in a file that is known and not doomed, or in a private copy uploaded for it."""

    def choices(self, state: State, mine: Mine, rules: Rules) -> Iterator[tuple[Entry, str | None]]:
        """Use the first known file again, or upload, at most twice."""
        known = sorted(state.known - state.doomed)
        if known:
            yield Entry("add", self.op, (known[0],)), None
        if mine.uploads < 2:
            name = f"{self.op}.{mine.uploads}" if rules.unique_names else OLD
            yield Entry("add", self.op, (name,)), name

    def valid(self, plan: Entry, state: State) -> bool:
        """Hold as long as no sweep has named the file."""
        return plan.what[0] not in state.doomed


class Registrar(Committer):
    """Registers a model: names the file of a run that has ended, where it lies."""

    def choices(self, state: State, mine: Mine, rules: Rules) -> Iterator[tuple[Entry, str | None]]:
        """Name the run's file, unless a sweep has."""
        if RUN not in state.doomed:
            yield Entry("add", self.op, (RUN,)), None

    def valid(self, plan: Entry, state: State) -> bool:
        """Hold as long as no sweep has named the file."""
        return RUN not in state.doomed


class Restorer(Committer):
    """Restores what was dropped, which is validated like adding it."""

    def __init__(self, op: str, name: str) -> None:
        super().__init__(op)
        self.name = name

    def choices(self, state: State, mine: Mine, rules: Rules) -> Iterator[tuple[Entry, str | None]]:
        """Restore where the object still lies somewhere."""
        plan = Entry("restore", self.op, (self.name,))
        if self.valid(plan, state):
            yield plan, None

    def valid(self, plan: Entry, state: State) -> bool:
        """Hold as long as it is dropped and no sweep has named its file."""
        there = RUN not in state.doomed if self.name == RUN else self.name in state.placed
        return there and self.name in state.dropped


class Compactor(Committer):
    """Copies the file of v0 and moves the placement to the copy."""

    def choices(self, state: State, mine: Mine, rules: Rules) -> Iterator[tuple[Entry, str | None]]:
        """Move what is live."""
        if "v0" in state.placed and state.placed["v0"] in state.live and not mine.uploads:
            yield Entry("move", self.op, (state.placed["v0"], self.op)), self.op

    def valid(self, plan: Entry, state: State) -> bool:
        """Hold as long as something lives in the old file and no sweep has named the new one."""
        old, new = plan.what
        return old in state.live and new not in state.doomed


class Dropper:
    """Drops something, once; `fold` and create are one step here, because nothing lies between them."""

    start: Hashable = "drop"

    def __init__(self, name: str) -> None:
        self.name = name

    def moves(self, world: World, mine: Hashable, rules: Rules) -> Iterator[Move]:
        """Commit the drop, at any time."""
        if mine == "drop":
            yield world.append(Entry("drop", f"drop {self.name}", (self.name,))), "done"

    def trouble(self, world: World, mine: Hashable) -> str | None:
        """Droppers are told nothing."""
        return None


class Network:
    """Delivers creates whose answer was lost, late or never."""

    start: Hashable = ""

    def moves(self, world: World, mine: Hashable, rules: Rules) -> Iterator[Move]:
        """Deliver one."""
        for n, entry in world.late:
            if n == len(world.log):
                yield world.append(entry), mine

    def trouble(self, world: World, mine: Hashable) -> str | None:
        """Judge nothing: the network is told nothing."""
        return None


class Sweeping(NamedTuple):
    """Where a sweep stands: the entries it has seen, what it means to remove."""

    at: str = "idle"
    view: int = 0
    doom: tuple[str, ...] = ()


class Sweeper:
    """Lists, computes what nothing names, commits that, deletes; finishes what died between the two."""

    start: Hashable = Sweeping()

    def trouble(self, world: World, mine: Hashable) -> str | None:
        """Sweeps are judged by the world."""
        return None

    def moves(self, world: World, mine: Hashable, rules: Rules) -> Iterator[Move]:
        """Take the next step, or die and begin again."""
        assert isinstance(mine, Sweeping)
        if mine.at == "idle":
            yield from self._begin(world, rules)
        elif mine.at == "list":
            yield from self._list(world, mine, rules)
        elif mine.at == "commit":
            yield from self._commit(world, mine, rules)
        elif mine.at == "delete":
            for file in mine.doom:
                left = tuple(other for other in mine.doom if other != file)
                yield world._replace(files=world.files - {file}), mine._replace(doom=left)
            if not mine.doom:
                yield world, Sweeping("done")
            elif rules.crashes:
                yield world, Sweeping()

    def _begin(self, world: World, rules: Rules) -> Iterator[Move]:
        if not rules.logged_sweep or sum(entry.kind == "sweep" for entry in world.log) < rules.sweeps:
            yield world, Sweeping("list", len(world.log))
        left = tuple(sorted(fold(world.log).doomed & world.files))
        if left:
            yield world, Sweeping("delete", len(world.log), left)

    def _list(self, world: World, mine: Sweeping, rules: Rules) -> Iterator[Move]:
        garbage = fold(world.log[: mine.view]).garbage(world.files)
        if rules.age_grace:
            garbage &= {OLD}
        after = "commit" if rules.logged_sweep else "delete"
        for size in range(1, len(garbage) + 1):  # a listing may be stale: any part of it
            for doom in itertools.combinations(sorted(garbage), size):
                yield world, Sweeping(after, mine.view, doom)

    def _commit(self, world: World, mine: Sweeping, rules: Rules) -> Iterator[Move]:
        if len(world.log) > mine.view and rules.recheck:
            yield world, Sweeping()
            return
        written = world.append(Entry("sweep", f"sweep {len(world.log)}", mine.doom))
        yield written, mine._replace(at="delete")
        if rules.crashes or rules.lost_answers:
            yield written, Sweeping()


class Reading(NamedTuple):
    """Where a reader stands."""

    at: str = "look"
    file: str = ""
    tries: int = 0


class Reader:
    """Resolves v0 and reads its file; folds again once where that is missing, then says that v0 was deleted."""

    start: Hashable = Reading()

    def moves(self, world: World, mine: Hashable, rules: Rules) -> Iterator[Move]:
        """Resolve or read."""
        assert isinstance(mine, Reading)
        if mine.at == "look":
            state = fold(world.log)
            here = "v0" in state.placed and "v0" not in state.dropped
            yield world, Reading("read", state.placed["v0"], mine.tries) if here else Reading("done")
        elif mine.at == "read" and mine.file in world.files:
            yield world, Reading("done")
        elif mine.at == "read" and rules.refold and not mine.tries:
            yield world, Reading("look", tries=1)
        elif mine.at == "read":
            yield world, Reading("deleted")

    def trouble(self, world: World, mine: Hashable) -> str | None:
        """Say whether one was told of a deletion that never was."""
        assert isinstance(mine, Reading)
        state = fold(world.log)
        if mine.at == "deleted" and "v0" in state.placed and "v0" not in state.dropped:
            return "a reader was told that v0 was deleted, and it was not"
        return None


@frozen
class Outcome:
    """What exploring found: how many states, and the first violation with the shortest way to it."""

    states: int
    violation: str | None
    trace: tuple[World, ...] = ()


def trouble(world: World, rules: Rules) -> str | None:
    """Return what is wrong with a world, or None."""
    state = fold(world.log)
    if state.harmed:
        return "a sweep named the file of a live object"
    if state.live & state.doomed:
        return "a live object lies in a doomed file"
    if not state.live <= world.files:
        return f"dangling: {sorted(state.live - world.files)} is named and gone"
    ops = [entry.op for entry in world.log]
    if len(ops) != len(set(ops)):
        return "an operation was committed twice"
    if not world.acknowledged <= set(ops):
        return "an acknowledged commit is not in the log"
    if world.failed & set(ops):
        return "a commit that was said to have failed is in the log"
    if RUN not in state.dropped and RUN in state.doomed:
        return "the file of a standing run was swept"
    return None


def explore(actors: Sequence[Actor], rules: Rules, *, run: bool = False, limit: int = 5_000_000) -> Outcome:
    """Visit every interleaving, breadth first, until one breaks a promise.

    Parameters
    ----------
    actors : sequence of Actor
        Who takes part.
    rules : Rules
        The protocol.
    run : bool, default False
        Whether an unlogged run has left its file.
    limit : int
        States after which exploring has failed to end.
    """
    world = World()
    world = world._replace(files=world.files | {RUN}) if run else world
    first = (world, tuple(actor.start for actor in actors))
    before: dict[tuple[World, tuple[Hashable, ...]], tuple[World, tuple[Hashable, ...]] | None] = {first: None}
    queue = deque([first])
    while queue:
        now = queue.popleft()
        world, states = now
        for i, actor in enumerate(actors):
            for after, mine in actor.moves(world, states[i], rules):
                new = (after, (*states[:i], mine, *states[i + 1 :]))
                if new in before:
                    continue
                before[new] = now
                found = trouble(after, rules) or actor.trouble(after, mine)
                if found:
                    trace = [new]
                    while (parent := before[trace[-1]]) is not None:
                        trace.append(parent)
                    return Outcome(len(before), found, tuple(state[0] for state in reversed(trace)))
                queue.append(new)
        if len(before) > limit:
            raise RuntimeError(f"more than {limit} states")
    return Outcome(len(before), None)
