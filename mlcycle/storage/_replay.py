"""Folding what is read of the log into a state."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from attrs import frozen

from mlcycle._compact_index import CompactIndex
from mlcycle._digest import sha256_bytes
from mlcycle.errors import Corrupt, SchemaError, StoreError
from mlcycle.storage._entries import Entry, entry_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from mlcycle.storage._entry_reader import EntryReader, Stored

__all__ = ["OPS", "Base", "Fold", "Replay", "Snapshot", "State"]

State = Any
OPS = "ops"  # the part of a checkpoint that holds the operations of callers

_TIME = len("2026-11-23T10:00:00.000000Z")


class Fold(Protocol):
    """What the log means: how each entry changes the state, which only the fold looks into.

    Attributes
    ----------
    version : str
        The implementation and its version, such as ``"mlcycle-py/1"``. Another one whenever known kinds fold
        differently, or a state has something new that they fill: checkpoints of another version are not believed.
    kinds : collection of str
        The kinds of change understood.
    needs : collection of str
        The needs understood.
    """

    @property
    def version(self) -> str: ...
    @property
    def kinds(self) -> Collection[str]: ...
    @property
    def needs(self) -> Collection[str]: ...

    def empty(self) -> State:
        """Return the state before entry 0."""
        ...

    def hold(self, state: State, entry: Entry | None = None) -> None:
        """Bring into memory what folding an entry will change; without one, all of the state.

        The only one of these that may read, so it is never asked under a lock. What it cannot make sense of it passes
        over: `apply` will tell.
        """
        ...

    def apply(self, state: State, entry: Entry) -> None:
        """Fold one entry into the state, in place; an entry may hold kinds that are not understood.

        Raises
        ------
        LookupError, TypeError, ValueError, AttributeError
            Where the entry contradicts what was committed before it. The state is then of no more use.
        """
        ...

    def obstacles(self, entry: Entry) -> list[str]:
        """Return what in an entry forbids this library to write after it, in words: ``"change 'teleport'"``."""
        ...

    def skipped(self, state: State) -> Collection[str]:
        """Return the optional kinds passed over so far; who knows one of them does not believe this checkpoint."""
        ...

    def dump(self, state: State) -> dict[str, bytes]:
        """Return the named parts of a checkpoint; those asked for first at an opening should stand first.

        The same entries give the same parts, byte for byte, whether they were folded from entry 0 or from a
        checkpoint: a part that is gone or damaged is made again from the log, and `verify` compares them.
        """
        ...

    def load(self, parts: Collection[str], read: Callable[[str], bytes]) -> State:
        """Return the state of a checkpoint; `read` gives a part and may be called later, from any thread.

        It is right or raises; what raised may be asked again.
        """
        ...


@frozen
class Snapshot:
    """The project as it stands after one entry.

    Attributes
    ----------
    n : int
        The last entry folded, -1 for an empty log.
    state : object
        What was folded. It is the log's own and moves on with it: whoever reads it looks at it as of `n`, and never
        changes it.
    digest : str
        The digest of the stored bytes of entry `n`, ``""`` for an empty log.
    at : str
        When entry `n` was committed (UTC), ``""`` for an empty log.
    read_only : str or None
        Why this library must not write to the project, if it must not.
    base : int
        The entry of the checkpoint it was folded from, -1 from the start: of sweeps up to it nothing is known.
    """

    n: int
    state: State
    digest: str
    at: str
    read_only: str | None = None
    base: int = -1


class Base(NamedTuple):
    """What a checkpoint holds: a snapshot, and the operations of callers up to it."""

    now: Snapshot
    ops: CompactIndex


class Replay:
    """A state on its way through the log; each entry must follow the one before it. Threads may share it.

    An entry is folded under a lock, and nothing is read under it. Who reads the state takes none.

    Parameters
    ----------
    fold : Fold
        What entries mean.
    reader : EntryReader
        Where an entry that is damaged may be had once more.
    base : Base, optional
        Where to go on from; by default the empty log.

    Attributes
    ----------
    now : Snapshot
        Where it stands.
    ops : CompactIndex
        The entries of operations with an id of the caller's.
    sweeps : list of (int, list of str or None)
        The entries after the base that sweep, and the keys they name; None where they stand in a file.
    """

    def __init__(self, fold: Fold, reader: EntryReader, base: Base | None = None) -> None:
        self._fold, self._reader = fold, reader
        if base is None:
            base = Base(Snapshot(n=-1, state=fold.empty(), digest="", at=""), CompactIndex())
        self.now, self.ops = base
        self.sweeps: list[tuple[int, list[str] | None]] = []
        self._folding = Lock()
        self._torn = False

    def apply(self, stored: Stored, *, ours: bool = False) -> Stored | None:
        """Fold the next entry, and return its bytes as they were believed; `ours` were encoded here a moment ago.

        Returns
        -------
        Stored or None
            None where another thread has folded it meanwhile.

        Raises
        ------
        Corrupt
            When it is damaged, does not follow, or contradicts the state; the replay is then of no more use.
        SchemaError
            When it needs what this library does not understand.
        """
        now = self.now
        if now.n + 1 != stored.n:
            return None
        entry: Entry
        if ours:
            entry = json.loads(stored.data)
        else:
            entry, stored = self._reader.believed(stored, now.digest)
        reason = self._read_only(entry, now)
        digest = sha256_bytes(stored.data)
        with self._fitting(stored.n):
            self._fold.hold(now.state, entry)
            with self._folding:
                if self.now is not now or self._torn:
                    return None
                self._torn = True  # until all of it is there: an error or an interrupt leaves a state of no use
                self._note(entry)
                self._fold.apply(now.state, entry)
                self._torn = False
                self.now = Snapshot(stored.n, now.state, digest, entry["at"], reason, now.base)
        return stored

    def _read_only(self, entry: Entry, now: Snapshot) -> str | None:
        """Say why nothing may be written after an entry, if so."""
        key, needs = entry_key(now.n + 1), self._fold.needs
        if missing := [need for need in entry["needs_read"] if need not in needs]:
            raise SchemaError(
                f"{key} needs {', '.join(missing)}, which this mlcycle does not know: "
                "upgrade mlcycle to open this project"
            )
        if now.read_only is None and (unknown := self._fold.obstacles(entry)):
            return (
                f"{key} holds {', '.join(unknown)}, written by a newer mlcycle: "
                "this version can read the project but not write to it; upgrade mlcycle"
            )
        return now.read_only

    @contextlib.contextmanager
    def _fitting(self, n: int) -> Iterator[None]:
        """Say of an entry that contradicts the state that it does."""
        try:
            yield
        except StoreError:  # a part of the state could not be read: not this entry's fault
            raise
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Corrupt(
                f"{entry_key(n)} does not fit what was committed before it ({type(error).__name__}: {error}); "
                "put the file back from a copy of the store, project.store.verify() lists what is hurt"
            ) from error

    def parts(self) -> tuple[Snapshot, dict[str, bytes]]:
        """Return where it stands, and the parts of a checkpoint there: those of the fold, and callers' operations."""
        self._fold.hold(self.now.state)
        self.ops.hold()
        with self._folding:
            return self.now, {**self._fold.dump(self.now.state), OPS: self.ops.dump()}

    def _note(self, entry: Entry) -> None:
        n, at = entry["n"], entry["at"]
        datetime.fromisoformat(at)  # raises ValueError
        if len(at) != _TIME or at[-1] != "Z" or at < self.now.at:  # moments are looked up by halving
            raise ValueError(
                f"its time {at!r:.60} should be UTC to the microsecond, and not before that of the entry before it"
            )
        if entry["op"].startswith("user:"):  # of a caller's: committed once
            self.ops.set(entry["op"], n)
        for change in entry["changes"]:
            if change["kind"] == "sweep":
                # Those in a list file come on top of those named here.
                listed = "keys" not in change or change.get("listed") is not None
                self.sweeps.append((n, None if listed else list(change["keys"])))
