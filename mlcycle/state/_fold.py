"""Entries folded into the index, in order, and nothing else."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from mlcycle.state._change_kinds import KINDS, MARKS
from mlcycle.state._index import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["ProjectFold"]

Doc = dict[str, Any]


class ProjectFold:
    """What the log means; handed to `mlcycle.storage.Log`, which knows only that entries have changes.

    Attributes
    ----------
    version : str
        Raised when a kind folds differently, or the index gains what old kinds fill: a checkpoint of another version
        would lack it, and is not believed.
    kinds, needs : collection of str
        What this library knows.
    """

    version = "mlcycle-py/1"
    kinds = frozenset(KINDS)
    needs: frozenset[str] = frozenset({"gates"})

    def empty(self) -> State:
        """Return the state before the first entry."""
        return State()

    def hold(self, state: State, entry: Doc | None = None) -> None:
        """Read what is still in a checkpoint: all of it, or what folding an entry will change."""
        if entry is None:
            state.hold()
            return
        for change in entry["changes"] if state.parted else ():
            with contextlib.suppress(LookupError, TypeError, ValueError):  # `apply` says what is wrong with it
                for shelf, of, key in KINDS[change["kind"]].read(change).touches():
                    getattr(state, shelf).hold(of, key)

    def apply(self, state: State, entry: Doc) -> None:
        """Fold one entry into the state, in place; kinds of a newer library are passed over and remembered."""
        n = entry["n"]
        for change in entry["changes"]:
            kind = KINDS.get(change["kind"])
            if kind is not None:
                kind.read(change).fold(state, n)
            elif change["kind"] not in state.skipped:
                state.skipped.append(change["kind"])
        state.n = n

    def obstacles(self, entry: Doc) -> list[str]:
        """Return what in an entry forbids this library to write after it, as words for a message.

        Examples
        --------
        >>> ProjectFold().obstacles({"changes": [{"kind": "teleport"}], "needs_write": []})
        ["change 'teleport'"]
        """
        found = {f"need {need!r}" for need in entry["needs_write"] if need not in self.needs}
        for change in entry["changes"]:
            if change["kind"] not in self.kinds and change.get("optional") is not True:
                found.add(f"change {change['kind']!r}")
            mark = change.get("mark", "dropped")  # one without a mark is damaged, which folding it tells
            if change["kind"] == "version.mark" and mark not in MARKS:
                found.add(f"mark {mark!r}")
        return sorted(found)

    def skipped(self, state: State) -> Collection[str]:
        """Return the kinds that were passed over: who knows one of them must fold for himself."""
        return state.skipped

    def dump(self, state: State) -> dict[str, bytes]:
        """Return the parts of a checkpoint."""
        return state.dump()

    def load(self, parts: Collection[str], read: Callable[[str], bytes]) -> State:
        """Return the state in a checkpoint; a part is read when something asks for what is in it."""
        return State(parts, read)
