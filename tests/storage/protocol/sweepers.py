"""Who takes files away, and who reads them meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from tests.storage.protocol.checker import Move, Told
from tests.storage.protocol.files import OLD, RUN, Entry, Rules, World, contents, fold


class Sweeping(NamedTuple):
    """Where a sweep stands: the entries it has seen, what it means to remove, what that ends."""

    at: str = "idle"
    view: int = 0
    doom: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()


class Sweeper(Told):
    """Lists, computes what nothing names, commits that, deletes.

    One that died between the two leaves files that the next listing shows again: they are named again and deleted
    again, which is harmless, because a key is never used twice. So nobody remembers what sweeps have named.
    """

    start = Sweeping()

    def __init__(self, name: str = "sweeper") -> None:
        self.name = name

    def moves(self, world: World, mine: Sweeping, rules: Rules) -> Iterator[Move]:
        """Take the next step, or die and begin again."""
        if mine.at == "idle":
            if not rules.logged_sweep or sum(entry.kind == "sweep" for entry in world.log) < rules.sweeps:
                yield world, Sweeping("list", len(world.log))
        elif mine.at == "list":
            yield from self._list(world, mine, rules)
        elif mine.at == "commit":
            yield from self._commit(world, mine, rules)
        elif mine.at == "delete":
            for file in mine.doom:
                left = tuple(other for other in mine.doom if other != file)
                gone = world._replace(files=world.files - {file})
                yield gone, mine._replace(doom=left) if left else self.start
            if rules.crashes:
                yield world, self.start

    def _list(self, world: World, mine: Sweeping, rules: Rules) -> Iterator[Move]:
        garbage = world.files - world.live(mine.view)
        if rules.age_grace:
            garbage &= {OLD}
        after = "commit" if rules.logged_sweep else "delete"
        for size in range(1, len(garbage) + 1):  # a listing may be stale: any part of it
            for doom in itertools.combinations(sorted(garbage), size):
                yield world, Sweeping(after, mine.view, doom, _ends(world, mine.view, doom, rules))

    def _commit(self, world: World, mine: Sweeping, rules: Rules) -> Iterator[Move]:
        n = len(world.log)
        if n > mine.view and rules.recheck:
            doom = tuple(key for key in mine.doom if key not in world.live())
            yield world, mine._replace(view=n, doom=doom) if doom else self.start
            return
        ends = _ends(world, n, mine.doom, rules) if rules.swept_in_plan else mine.ends
        written = world.append(Entry("sweep", f"sweep {n}", mine.doom, ends))
        yield written, Sweeping("delete", n, mine.doom)
        if rules.crashes or rules.lost_answers:
            yield written, self.start


def _ends(world: World, view: int, doom: tuple[str, ...], rules: Rules) -> tuple[str, ...]:
    """Return the objects, dropped ones too, of whose files some are to go, and the run."""
    keys, placed = set(doom), fold(world.log[:view]).placed
    objects = sorted(name for name, file in placed.items() if keys & {*contents(file)}) if rules.swept_objects else []
    return (*objects, RUN) if RUN in keys and rules.run_mark else (*objects,)


class Reading(NamedTuple):
    """Where a reader stands."""

    at: str = "look"
    file: str = ""
    tries: int = 0


class Reader:
    """Resolves v0 and reads its file; folds again once where that is missing, then says that v0 was deleted."""

    name = "reader"
    start = Reading()

    def moves(self, world: World, mine: Reading, rules: Rules) -> Iterator[Move]:
        """Resolve or read."""
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

    def trouble(self, world: World, mine: Reading) -> str | None:
        """Say whether one was told of a deletion that never was."""
        state = fold(world.log)
        if mine.at == "deleted" and "v0" in state.placed and "v0" not in state.dropped:
            return "a reader was told that v0 was deleted, and it was not"
        return None
