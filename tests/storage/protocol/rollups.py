"""Rollups of entries, and single entries that are emptied behind them.

A world has the history as it truly is (an entry joins it when its create wins at the end), what lies under the name of
each single entry, and what lies under the name of each rollup; a rollup covers two entries. Promised after every step:

- the bytes of every entry are to be had, from its single or from its rollup;
- nobody folds an entry that is not the history, or believes in an end that is none;
- no operation is in the history twice, none that was acknowledged is missing or was acknowledged as another entry;
- entry 0 has a single of its own: it is what a place is proved with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from attrs import frozen

from tests.storage.protocol.checker import Move, Told

SIZE = 2  # entries of a rollup
ENTRIES = 8
ABSENT, EMPTY, TORN = "absent", "empty", "torn"


@frozen
class Rules:
    """The protocol, and what becomes of it without one of its parts.

    Attributes
    ----------
    empty : str
        How a single is done away with: ``"replace"`` (an atomic overwrite by nothing), ``"in place"`` (cut, torn for a
        while), ``"delete, write"`` or ``"delete"``.
    write : str
        How a rollup is written: ``"create"`` (put-if-absent), ``"put"`` (an atomic overwrite) or ``"in place"``.
    durable : bool
        A rollup survives a loss of power before anything is emptied behind it.
    stop_at_empty : bool
        Maintenance that meets an empty single stops collecting; otherwise it takes the bytes as they are.
    spare_first : bool
        Entry 0 is never emptied.
    ask_when_torn : bool
        A damaged single is taken from its rollup, or read again; otherwise it counts as damage.
    read_back_asks : bool
        A committer that finds an empty single under its number asks the rollup; otherwise it takes it for another's.
    trust_unsealed : bool
        An empty single is taken from any rollup; otherwise only from one that an entry folded before has sealed.
    seal : bool
        Singles are emptied only behind an entry that seals the rollup.
    ask_when_absent : bool
        An absent single is the end of the log only if no rollup has it; and who won a create asks, too.
    crashes, lost_answers : bool
        What the world does to the actors.
    """

    empty: str = "replace"
    write: str = "create"
    durable: bool = True
    stop_at_empty: bool = True
    spare_first: bool = True
    ask_when_torn: bool = True
    read_back_asks: bool = True
    trust_unsealed: bool = True
    seal: bool = False
    ask_when_absent: bool = False
    crashes: bool = True
    lost_answers: bool = True


class Rollup(NamedTuple):
    """A rollup: its lines (None while it is torn), and whether it survives a loss of power."""

    lines: tuple[str, ...] | None
    durable: bool


class World(NamedTuple):
    """All that is shared; `wrong` is what somebody was led to believe."""

    history: tuple[str, ...]
    singles: tuple[str, ...]
    rollups: tuple[Rollup | None, ...] = (None,) * (ENTRIES // SIZE)
    late: frozenset[tuple[int, str]] = frozenset()
    acknowledged: frozenset[str] = frozenset()
    power: int = 0
    damage: int = 0
    wrong: str | None = None

    @classmethod
    def beginning(cls, *, power: int = 0, damage: int = 0) -> World:
        """Return a world of one entry, in which power may fail and single files may be damaged some times."""
        return cls(("e0",), ("e0",) + (ABSENT,) * (ENTRIES - 1), power=power, damage=damage)

    def single(self, n: int, found: str) -> World:
        """Return the world with something else under the name of one entry."""
        return self._replace(singles=(*self.singles[:n], found, *self.singles[n + 1 :]))

    def rollup(self, i: int, found: Rollup) -> World:
        """Return the world with something else under the name of one rollup."""
        return self._replace(rollups=(*self.rollups[:i], found, *self.rollups[i + 1 :]))

    def created(self, n: int, op: str) -> World:
        """Return the world after a create that won, by whatever right."""
        history = (*self.history, op) if n == len(self.history) else self.history
        late = frozenset(late for late in self.late if late[0] != n)
        return self.single(n, op)._replace(history=history, late=late)

    def line(self, n: int) -> str | None:
        """Return what a whole rollup says of an entry."""
        found = self.rollups[n // SIZE]
        return found.lines[n % SIZE] if found is not None and found.lines is not None else None


def trouble(world: World) -> str | None:
    """Return what is wrong with a world, or None."""
    if world.wrong:
        return world.wrong
    if len(world.history) != len(set(world.history)):
        return "an operation was committed twice"
    if not world.acknowledged <= set(world.history):
        return "an acknowledged commit is not in the history"
    for n, op in enumerate(world.history):
        if op not in (world.singles[n], world.line(n)):
            return f"the bytes of entry {n} are gone"
    if world.singles[0] in (ABSENT, EMPTY):
        return "entry 0 has no single of its own: nothing to prove the place with"
    return None


class Folder(Told):
    """Folds entry after entry: shared by all who read.

    Reading an entry tells what it is, that it is absent, or that its rollup must be asked, which is a call of its own.
    """

    def look(self, world: World, n: int, rules: Rules) -> tuple[str, str]:
        """Read the single of an entry."""
        found = world.singles[n]
        if found == ABSENT:
            return ("ask", ABSENT) if rules.ask_when_absent else ("absent", "")
        if found == EMPTY and not rules.trust_unsealed and f"seal {n // SIZE}" not in world.history[:n]:
            return "wrong", f"entry {n} is empty, and its reader knows of no rollup yet"
        if found == EMPTY:
            return "ask", EMPTY
        if found == TORN:
            return ("ask", TORN) if rules.ask_when_torn else ("wrong", "an entry was taken for damaged")
        return "is", found

    def ask(self, world: World, n: int, why: str) -> tuple[str, str]:
        """Read an entry from its rollup."""
        line = world.line(n)
        if line is not None:
            return "is", line
        if why == EMPTY:
            return "wrong", f"entry {n} is empty and no rollup has it"
        return ("absent", "") if why == ABSENT else ("again", "")


class Reading(NamedTuple):
    """Where one who folds stands: the last entry folded, and why one asks the rollup for the next."""

    at: str = "read"
    n: int = 0
    why: str = ""
    done: int = 0


class Client(Folder):
    """Commits some operations, one after the other; may sleep anywhere, as everybody.

    Parameters
    ----------
    name : str
        Its operations are this and a number.
    count : int, default 1
        How many.
    """

    start = Reading()

    def __init__(self, name: str, count: int = 1) -> None:
        self.name, self._count = name, count

    def moves(self, world: World, mine: Reading, rules: Rules) -> Iterator[Move]:
        """Take the next step, or die."""
        if mine.at in ("done", "dead") or mine.n + 1 >= ENTRIES:
            return
        if rules.crashes:
            yield world, Reading("dead")
        if mine.at in ("read", "unsure"):
            yield self._took(world, mine, self.look(world, mine.n + 1, rules), rules)
        elif mine.at == "ask":
            yield self._took(world, mine, self.ask(world, mine.n + 1, mine.why), rules)
        elif mine.at == "check":
            line = world.line(mine.n + 1)
            yield self._won(world, mine) if line is None else self._took(world, mine, ("is", line), rules)
        elif mine.at == "put":
            yield from self._put(world, mine, rules)

    def _took(self, world: World, mine: Reading, told: tuple[str, str], rules: Rules) -> Move:
        """Go on after reading entry n + 1, which may be one's own under an answer that was lost."""
        how, what = told
        if how == "absent":
            return world, mine._replace(at="put", why="")
        if how == "again":
            return world, mine._replace(at="read", why="")
        if how == "ask" and what == EMPTY and mine.at == "unsure" and not rules.read_back_asks:
            return world, mine._replace(at="read", n=mine.n + 1)
        if how == "ask":
            return world, mine._replace(at="ask", why=what)
        if how == "wrong":
            return world._replace(wrong=what), Reading("dead")
        if what == self._op(mine):
            return self._won(world, mine)
        if world.history[mine.n + 1 : mine.n + 2] != (what,):
            return world._replace(wrong=f"{self.name} folds another entry {mine.n + 1} than the history has"), mine
        return world, mine._replace(at="read", n=mine.n + 1, why="")

    def _op(self, mine: Reading) -> str:
        return f"{self.name}{mine.done}"

    def _won(self, world: World, mine: Reading) -> Move:
        n, op = mine.n + 1, self._op(mine)
        if world.history[n : n + 1] != (op,):
            return world._replace(wrong=f"{op} is acknowledged as entry {n}, in the past"), Reading("dead")
        after = world._replace(acknowledged=world.acknowledged | {op})
        return after, Reading("read" if mine.done + 1 < self._count else "done", n, "", mine.done + 1)

    def _put(self, world: World, mine: Reading, rules: Rules) -> Iterator[Move]:
        n, op = mine.n + 1, self._op(mine)
        if world.singles[n] != ABSENT:
            yield world, mine._replace(at="unsure")
            return
        written = world.created(n, op)
        yield (written, mine._replace(at="check")) if rules.ask_when_absent else self._won(written, mine)
        if rules.lost_answers:
            yield written, mine._replace(at="unsure")
            yield world._replace(late=world.late | {(n, op)}), mine._replace(at="unsure")


class Reader(Folder):
    """Folds from a stale hint; may take a rollup whole before it looks at any single."""

    name = "reader"
    start = Reading()

    def moves(self, world: World, mine: Reading, rules: Rules) -> Iterator[Move]:
        """Take the next step."""
        n = mine.n + 1
        if mine.at == "end" or n >= ENTRIES:
            return
        if mine.at == "ask":
            yield self._took(world, mine, self.ask(world, n, mine.why), rules)
            return
        yield self._took(world, mine, self.look(world, n, rules), rules)
        if world.line(n) is not None:
            yield world, Reading("read", n // SIZE * SIZE + SIZE - 1)

    def _took(self, world: World, mine: Reading, told: tuple[str, str], rules: Rules) -> Move:
        how, what = told
        n = mine.n + 1
        if how == "absent" and len(world.history) > n and not rules.ask_when_absent:
            return world._replace(wrong=f"a reader believes that the log ends at {mine.n}, and it does not"), mine
        if how in ("absent", "again", "ask"):
            return world, Reading({"absent": "end", "again": "read", "ask": "ask"}[how], mine.n, what)
        if how == "is" and world.history[n : n + 1] != (what,):
            return world._replace(wrong=f"a reader folds {what} as entry {n}, which the history has not"), mine
        return (world, Reading("read", n)) if how == "is" else (world._replace(wrong=what), mine)


class Rolling(NamedTuple):
    """Where maintenance stands: which rollup, the lines collected, which of its singles."""

    at: str = "idle"
    i: int = 0
    lines: tuple[str, ...] = ()
    k: int = 0


class Maintenance(Told):
    """Rolls a full range up and empties its singles; may die and begin again."""

    start = Rolling()

    def __init__(self, name: str = "maintenance") -> None:
        self.name = name

    def moves(self, world: World, mine: Rolling, rules: Rules) -> Iterator[Move]:
        """Take the next step, or die and begin again."""
        if mine.at != "idle" and rules.crashes:
            yield world, self.start
        if mine.at == "idle":
            for i in range(len(world.history) // SIZE):
                yield world, Rolling("collect", i)
        elif mine.at == "collect":
            yield self._collect(world, mine, rules) if mine.k < SIZE else self._write(world, mine, rules)
        elif mine.at == "rest":
            yield world.rollup(mine.i, Rollup(mine.lines, True)), mine._replace(at="confirm")
        elif mine.at == "confirm":
            found = world.rollups[mine.i]
            bad = found is None or found.lines is None or (mine.lines and found.lines != mine.lines)
            yield world, self.start if bad else Rolling("seal" if rules.seal else "empty", mine.i)
        elif mine.at == "seal":
            sealed = f"seal {mine.i}" in world.history
            if sealed or len(world.history) < ENTRIES:
                after = world if sealed else world.created(len(world.history), f"seal {mine.i}")
                yield after, Rolling("empty", mine.i)
        elif mine.at in ("empty", "emptying"):
            yield self._empty(world, mine, rules)

    def _collect(self, world: World, mine: Rolling, rules: Rules) -> Move:
        found = world.singles[mine.i * SIZE + mine.k]
        if found == ABSENT:
            return world, self.start
        if found in (EMPTY, TORN) and rules.stop_at_empty:  # the rollup is there
            return world, Rolling("confirm", mine.i)
        return world, Rolling("collect", mine.i, (*mine.lines, found), mine.k + 1)

    def _write(self, world: World, mine: Rolling, rules: Rules) -> Move:
        if rules.write == "in place":
            return world.rollup(mine.i, Rollup(None, True)), mine._replace(at="rest")
        if rules.write == "create" and world.rollups[mine.i] is not None:
            return world, mine._replace(at="confirm")
        return world.rollup(mine.i, Rollup(mine.lines, rules.durable)), mine._replace(at="confirm")

    def _empty(self, world: World, mine: Rolling, rules: Rules) -> Move:
        n = mine.i * SIZE + mine.k
        if mine.k == SIZE:
            return world, self.start
        following = Rolling("empty", mine.i, (), mine.k + 1)
        if n == 0 and rules.spare_first:
            return world, following
        if mine.at == "emptying" or rules.empty == "replace":
            return world.single(n, EMPTY), following
        if rules.empty == "delete":
            return world.single(n, ABSENT), following
        return world.single(n, TORN if rules.empty == "in place" else ABSENT), mine._replace(at="emptying")


class Delivery(Told):
    """Delivers creates whose answer was lost, late or never."""

    name = "network"
    start = ""

    def moves(self, world: World, mine: Any, rules: Rules) -> Iterator[Move]:
        """Deliver one."""
        for n, op in world.late:
            if world.singles[n] == ABSENT:
                yield world.created(n, op), mine


class Power(Told):
    """Fails: what was not durable is gone. Whoever was at work may go on meaning what it meant, or have died."""

    name = "power"
    start = ""

    def moves(self, world: World, mine: Any, rules: Rules) -> Iterator[Move]:
        """Fail once."""
        if world.power:
            left = tuple(found if found is None or found.durable else None for found in world.rollups)
            yield world._replace(rollups=left, power=world.power - 1), mine


class Damage(Told):
    """Damages the single file of an entry that a rollup holds, too."""

    name = "damage"
    start = ""

    def moves(self, world: World, mine: Any, rules: Rules) -> Iterator[Move]:
        """Damage one."""
        for n, found in enumerate(world.singles):
            if world.damage and found not in (ABSENT, TORN) and world.line(n) is not None:
                yield world.single(n, TORN)._replace(damage=world.damage - 1), mine
