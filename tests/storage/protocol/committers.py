"""Who commits: look, plan, upload, create entry n + 1; after a lost race fold the winner and validate again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.storage.protocol.checker import Move, Told
from tests.storage.protocol.files import OLD, RUN, Entry, Rules, State, World, contents, doomed, fold


class Plan(NamedTuple):
    """An entry to commit, with the keys it rests on, uploaded or found at entry u, and the object it found one in."""

    entry: Entry
    u: int = 0
    uploaded: tuple[str, ...] = ()
    reused: tuple[str, ...] = ()
    found_in: str = ""


class Mine(NamedTuple):
    """Where a committing actor stands: what it has folded up to, and from which checkpoint."""

    at: str = "look"
    view: int = 0
    base: int = 0
    plan: Plan | None = None
    uploads: int = 0


class Seen(NamedTuple):
    """What one sees when one has folded: how far, from which checkpoint, and the state."""

    world: World
    view: int
    base: int

    @property
    def state(self) -> State:
        """The state there."""
        return fold(self.world.log[: self.view])

    def swept(self, u: int = 0) -> frozenset[str]:
        """Return the keys that sweeps after entry u name, as far as one knows them."""
        return doomed(self.world.log[max(u, self.base) : self.view])


class Committer(Told):
    """Commits one operation."""

    start = Mine()

    def __init__(self, name: str) -> None:
        self.name = name

    def plans(self, seen: Seen, rules: Rules) -> Iterator[Plan]:
        """Yield what could be committed with nothing uploaded."""
        yield from ()

    def uploads(self, seen: Seen, mine: Mine, rules: Rules) -> Iterator[Plan]:
        """Yield what could be committed with a file uploaded for it."""
        yield from ()

    def holds(self, plan: Plan, seen: Seen, rules: Rules) -> bool:
        """Return whether the keys of a plan may be named on the state seen: one rule for all of them."""
        if rules.base_check and seen.base > plan.u and (plan.uploaded or plan.reused):
            return False
        swept = seen.swept(plan.u)
        if swept & set(plan.uploaded):
            return False
        if not rules.reuse_by_file and plan.found_in:
            return plan.found_in in seen.state.placed
        return not swept & set(plan.reused)

    def moves(self, world: World, mine: Mine, rules: Rules) -> Iterator[Move]:
        """Take the next step, or die."""
        if mine.at in ("done", "dead", "failed", "refused"):
            return
        if rules.crashes:
            yield world, Mine("dead")
        if mine.at in ("look", "fold"):
            yield from self._fold(world, mine, rules)
        elif mine.at == "upload":
            yield from self._upload(world, mine, rules)
        elif mine.at == "put":
            yield from self._put(world, mine, rules)
        elif mine.at == "unsure":
            yield from self._unsure(world, mine, rules)

    def _fold(self, world: World, mine: Mine, rules: Rules) -> Iterator[Move]:
        """Fold on by name, or take any checkpoint and go on from there; keep to the plan, or make another."""
        for base in {mine.base, *world.checkpoints}:
            seen = Seen(world, len(world.log), base)
            now = mine._replace(view=seen.view, base=base)
            plan = mine.plan if rules.keeps_u or mine.plan is None else mine.plan._replace(u=seen.view)
            if mine.at == "fold" and plan is not None and self.holds(plan, seen, rules):
                yield world, now._replace(at="put", plan=plan)
                continue
            plans = [plan for plan in self.plans(seen, rules) if self.holds(plan, seen, rules)]
            for plan in plans:
                yield world, now._replace(at="put", plan=plan)
            if mine.uploads < rules.uploads and any(self.uploads(seen, mine, rules)):
                yield world, now._replace(at="upload", plan=None)
            elif not plans:
                yield world, Mine("refused")

    def _upload(self, world: World, mine: Mine, rules: Rules) -> Iterator[Move]:
        for plan in self.uploads(Seen(world, mine.view, mine.base), mine, rules):
            files = world.files | set(plan.uploaded)
            yield world._replace(files=files), mine._replace(at="put", plan=plan, uploads=mine.uploads + 1)

    def _put(self, world: World, mine: Mine, rules: Rules) -> Iterator[Move]:
        assert mine.plan is not None
        if len(world.log) > mine.view:  # "exists": a winner's, or one's own that arrived late
            yield world, mine._replace(at="unsure" if rules.read_back else "fold")
            return
        written = world.append(mine.plan.entry)
        yield self._acknowledge(written), Mine("done")
        if rules.lost_answers:
            yield written, mine._replace(at="unsure")
            late = world.late | {(mine.view, mine.plan.entry)}
            yield world._replace(late=late), mine._replace(at="unsure")

    def _unsure(self, world: World, mine: Mine, rules: Rules) -> Iterator[Move]:
        if not rules.read_back:  # taken for a lost race, or for a failure
            yield world, mine._replace(at="fold")
            yield world._replace(failed=world.failed | {self.name}), Mine("failed")
        elif len(world.log) == mine.view:
            yield world, mine._replace(at="put")  # the same bytes again
        elif world.log[mine.view].op == self.name:
            yield self._acknowledge(world), Mine("done")
        else:
            yield world, mine._replace(at="fold")

    def _acknowledge(self, world: World) -> World:
        return world._replace(acknowledged=world.acknowledged | {self.name})


class Writer(Committer):
    """Adds an object: in a file that is placed already, or in a private copy uploaded for it.

    Parameters
    ----------
    name : str
        Its operation, and the object.
    reuses, writes : bool
        Which of the two it may do.
    """

    def __init__(self, name: str, *, reuses: bool = True, writes: bool = True) -> None:
        super().__init__(name)
        self._reuses, self._writes = reuses, writes

    def plans(self, seen: Seen, rules: Rules) -> Iterator[Plan]:
        """Use the file of the first object again."""
        for name, file in sorted(seen.state.placed.items())[: self._reuses]:
            yield Plan(Entry("add", self.name, (file,)), seen.view, reused=(file,), found_in=name)

    def uploads(self, seen: Seen, mine: Mine, rules: Rules) -> Iterator[Plan]:
        """Upload a file of its own."""
        if self._writes:
            file = f"{self.name}.{mine.uploads}" if rules.unique_names else OLD
            yield Plan(Entry("add", self.name, (file,)), seen.view, uploaded=(file,))


class BlockWriter(Committer):
    """Adds an object whose manifest it uploads, and which points into the file of v0."""

    def uploads(self, seen: Seen, mine: Mine, rules: Rules) -> Iterator[Plan]:
        """Upload a manifest over the block that v0 lies in."""
        if "v0" in seen.state.placed:
            block = contents(seen.state.placed["v0"])[-1]
            file = f"{self.name}.{mine.uploads}>{block}"
            yield Plan(Entry("add", self.name, (file,)), seen.view, (file,), (block,), "v0")


class Registrar(Committer):
    """Registers a model: names the file of a run that has ended, where it lies."""

    def plans(self, seen: Seen, rules: Rules) -> Iterator[Plan]:
        """Name the run's file."""
        yield Plan(Entry("add", self.name, (RUN,)), seen.view, reused=(RUN,))

    def holds(self, plan: Plan, seen: Seen, rules: Rules) -> bool:
        """Hold as long as the run is not marked swept, and no sweep one knows has named its file."""
        return RUN not in seen.state.gone and RUN not in seen.swept() and super().holds(plan, seen, rules)


class Restorer(Committer):
    """Restores what was dropped, which is validated like adding it.

    Parameters
    ----------
    name : str
        Its operation.
    back : str
        The object, or `RUN`.
    """

    def __init__(self, name: str, back: str) -> None:
        super().__init__(name)
        self._back = back

    def plans(self, seen: Seen, rules: Rules) -> Iterator[Plan]:
        """Restore it; the entry names no key, so nothing of sweeps need be known."""
        yield Plan(Entry("restore", self.name, (self._back,)), seen.view)

    def holds(self, plan: Plan, seen: Seen, rules: Rules) -> bool:
        """Hold as long as it is dropped, and still placed; a run, as long as it is not marked swept."""
        run = RUN not in seen.state.gone and RUN not in seen.swept()
        there = run if self._back == RUN else self._back in seen.state.placed
        return there and self._back in seen.state.dropped


class Compactor(Committer):
    """Copies the file of v0, with what it points into, and moves the placement to the copy."""

    def uploads(self, seen: Seen, mine: Mine, rules: Rules) -> Iterator[Plan]:
        """Copy what is live, once."""
        state = seen.state
        if "v0" in state.placed and "v0" not in state.dropped and not mine.uploads:
            old = state.placed["v0"]
            new = f"{self.name}>{self.name}.block" if ">" in old else self.name
            yield Plan(Entry("move", self.name, (old, new)), seen.view, uploaded=contents(new))

    def holds(self, plan: Plan, seen: Seen, rules: Rules) -> bool:
        """Hold as long as something lives in the old file, too."""
        return plan.entry.what[0] in seen.state.live and super().holds(plan, seen, rules)


class Dropper(Told):
    """Drops something, once; fold and create are one step here, because nothing lies between them."""

    start = "drop"

    def __init__(self, what: str) -> None:
        self.name = f"drop {what}"
        self._what = what

    def moves(self, world: World, mine: str, rules: Rules) -> Iterator[Move]:
        """Commit the drop, at any time."""
        if mine == "drop" and (self._what == RUN or self._what in fold(world.log).added):
            yield world.append(Entry("drop", self.name, (self._what,))), "done"
