"""Visit every interleaving of a few actors, each move of theirs being one storage call.

All local work rides along with the call before it, so everybody may sleep between any two calls, for ever. States are
kept exactly, breadth first: what is reported is a shortest way to it. What holds here holds in every order of these
actors' moves; it is no proof for more of them.
"""

from __future__ import annotations

import itertools
import struct
from array import array
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from attrs import frozen

Move = tuple[Any, Hashable]
State = tuple[Hashable, ...]


class Actor(Protocol):
    """Somebody who does one storage call at a time.

    Attributes
    ----------
    name : str
        For the trace.
    start : hashable
        What one knows at the beginning.
    """

    name: str
    start: Hashable

    def moves(self, world: Any, mine: Any, rules: Any) -> Iterator[Move]:
        """Yield every next step: the world after it, and what one knows after it."""
        ...

    def trouble(self, world: Any, mine: Any) -> str | None:
        """Return what one has been told wrongly, if anything."""
        ...


class Told:
    """An actor that is never told anything a promise could rest on: it is judged by the world alone."""

    def trouble(self, world: Any, mine: Any) -> str | None:
        """Judge nothing."""
        return None


class Step(NamedTuple):
    """One step of a trace: who moved, what it knew after it, and the world after it."""

    who: str
    mine: Hashable
    world: Any


@frozen
class Outcome:
    """What exploring found: how many states, and the first violation with a shortest way to it."""

    states: int
    violation: str | None
    trace: tuple[Step, ...] = ()


class _Seen:
    """The states seen, each part of a state stored once and named by a number."""

    def __init__(self, first: State) -> None:
        self._packer = struct.Struct(f"<{len(first)}I")
        self._numbers: list[dict[Hashable, int]] = [{part: 0} for part in first]
        self._values: list[list[Hashable]] = [[part] for part in first]
        self._keys = [self._packer.pack(*(0 for _ in first))]
        self._index = set(self._keys)
        self._parents = array("I", [0])
        self._movers = array("B", [0])

    def __len__(self) -> int:
        return len(self._keys)

    def numbers(self, i: int) -> tuple[int, ...]:
        """Return what names the parts of the state number `i`."""
        return self._packer.unpack(self._keys[i])

    def state(self, i: int) -> State:
        """Return the state number `i`."""
        return tuple(values[n] for values, n in zip(self._values, self.numbers(i), strict=True))

    def add(self, changed: Iterator[tuple[int, Hashable]], numbers: Sequence[int], parent: int, mover: int) -> bool:
        """Remember what came of a state by one move, the parts that changed; return whether it is new."""
        found = [*numbers]
        for k, part in changed:
            known = self._numbers[k]
            number = known.get(part)
            if number is None:
                number = known[part] = len(known)
                self._values[k].append(part)
            found[k] = number
        key = self._packer.pack(*found)
        if key in self._index:
            return False
        self._index.add(key)
        self._keys.append(key)
        self._parents.append(parent)
        self._movers.append(mover)
        return True

    def way(self) -> Iterator[tuple[int, State]]:
        """Yield who moved, and the state after it, from the first step to the newest state."""
        chain = [len(self) - 1]
        while chain[-1]:
            chain.append(self._parents[chain[-1]])
        for i in reversed(chain[:-1]):
            yield self._movers[i], self.state(i)


def explore(
    world: Any,
    actors: Sequence[Actor],
    rules: Any,
    trouble: Callable[[Any], str | None],
    *,
    limit: int = 12_000_000,
) -> Outcome:
    """Visit every interleaving, until one breaks a promise.

    Parameters
    ----------
    world : NamedTuple
        All that is shared, at the beginning; its fields are hashable.
    actors : sequence of Actor
        Who takes part.
    rules : object
        The protocol, handed to every move.
    trouble : callable
        World to what is wrong with it, or None.
    limit : int
        States after which exploring has failed to end.
    """
    width, make = len(world), type(world)._make
    judged = [(k, actor) for k, actor in enumerate(actors, start=width) if not isinstance(actor, Told)]
    seen = _Seen((*world, *(actor.start for actor in actors)))
    i = 0
    while i < len(seen):
        now, numbers = seen.state(i), seen.numbers(i)
        here = make(now[:width])
        for who, actor in enumerate(actors, start=width):
            for after, mine in actor.moves(here, now[who], rules):
                # What a move leaves alone is the very same object, which spares hashing it again.
                changed = ((k, part) for k, part in enumerate(after) if part is not here[k])
                if not seen.add(itertools.chain(changed, [(who, mine)]), numbers, i, who):
                    continue
                told = (one.trouble(after, mine if k == who else now[k]) for k, one in judged)
                if found := trouble(after) or next(filter(None, told), None):
                    steps = (Step(actors[k - width].name, end[k], make(end[:width])) for k, end in seen.way())
                    return Outcome(len(seen), found, tuple(steps))
        i += 1
        if len(seen) > limit:
            raise RuntimeError(f"more than {limit} states")
    return Outcome(len(seen), None)
