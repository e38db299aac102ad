"""Reading the log in order, and folding what is read into a state."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from attrs import frozen

from mlcycle._digest import sha256_bytes
from mlcycle.errors import Corrupt, SchemaError
from mlcycle.storage._entries import MAX_BYTES, Entry, decode, entry_key, unknown_kinds
from mlcycle.storage._files import KeyNotFound

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from mlcycle.storage._files import Files

__all__ = ["ROLLUP", "Fold", "Reader", "Replay", "Snapshot", "State", "Stored", "rollup_key"]

State = dict[str, Any]

ROLLUP = 1024
_FAR = 256
_WIDEST = 32


class Fold(Protocol):
    """What the log means: how each entry changes the state.

    Attributes
    ----------
    version : int
        Raised when an existing kind folds differently; checkpoints marked with another version are ignored.
    kinds : collection of str
        The kinds of change understood.
    needs : collection of str
        The needs understood.
    """

    @property
    def version(self) -> int: ...
    @property
    def kinds(self) -> Collection[str]: ...
    @property
    def needs(self) -> Collection[str]: ...

    def empty(self) -> State:
        """Return the state before entry 0; the keys ``n`` and ``ops`` belong to the log."""
        ...

    def apply(self, state: State, entry: Entry) -> None:
        """Fold one entry into the state, in place; an entry may hold kinds that are not understood."""
        ...


@frozen
class Snapshot:
    """The project as it stands after one entry.

    Attributes
    ----------
    n : int
        The last entry folded, -1 for an empty log.
    state : dict
        What was folded. It is the log's own and moves on with it: read it while holding `Log.lock`, never change it.
    digest : str
        The digest of the stored bytes of entry `n`, ``""`` for an empty log.
    at : str
        When entry `n` was committed (UTC), ``""`` for an empty log.
    read_only : str or None
        Why this library must not write to the project, if it must not.
    """

    n: int
    state: State
    digest: str
    at: str
    read_only: str | None = None


class Stored(NamedTuple):
    """The bytes of one entry as they are stored."""

    n: int
    data: bytes


class Replay:
    """A state on its way through the log; each entry must follow the one before it.

    Parameters
    ----------
    fold : Fold
        What entries mean.
    start : Snapshot, optional
        Where to go on from; by default the empty log.
    """

    def __init__(self, fold: Fold, start: Snapshot | None = None) -> None:
        self._fold = fold
        if start is None:
            start = Snapshot(n=-1, state={**fold.empty(), "n": -1, "ops": {}}, digest="", at="")
        self.now = start

    def apply(self, stored: Stored) -> Entry:
        """Fold the next entry and return it.

        Raises
        ------
        Corrupt
            When it is damaged, does not follow, or contradicts the state; the replay is then of no more use.
        SchemaError
            When it needs what this library does not understand.
        """
        now, fold = self.now, self._fold
        entry = decode(stored.data, stored.n, now.digest)
        missing = [need for need in entry["needs_read"] if need not in fold.needs]
        if missing:
            raise SchemaError(
                f"{entry_key(stored.n)} needs {', '.join(missing)}, which this mlcycle does not know: "
                "upgrade mlcycle to open this project"
            )
        state = now.state
        try:
            fold.apply(state, entry)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Corrupt(
                f"{entry_key(stored.n)} does not fit what was committed before it ({type(error).__name__}: {error}); "
                "put the file back from a copy of the store, project.store.verify() lists what is hurt"
            ) from error
        state["n"] = stored.n
        if entry["op"].startswith("user:"):
            state["ops"].setdefault(entry["op"], stored.n)
        reason = now.read_only
        if reason is None and (unknown := unknown_kinds(entry, fold.kinds, fold.needs)):
            reason = (
                f"{entry_key(stored.n)} holds {', '.join(unknown)}, written by a newer mlcycle: "
                "this version can read the project but not write to it; upgrade mlcycle"
            )
        self.now = Snapshot(stored.n, state, sha256_bytes(stored.data), entry["at"], reason)
        return entry


def missing(n: int, later: str) -> Corrupt:
    """Return the error that says that an entry is missing, and which file proves that there were more."""
    cache = later.startswith(("checkpoints/", "log/rollup-"))
    older = f". If an older log was put back on purpose, delete {later} and hint.json" if cache else ""
    return Corrupt(
        f"{entry_key(n)} is missing, though {later} is there. Put the file back from a copy of the store "
        f"(log/rollup-*.jsonl.gz may hold it); project.store.verify() lists all damage{older}"
    )


def rollup_key(first: int) -> str:
    """Return the key of the rollup that begins with entry `first`.

    Examples
    --------
    >>> rollup_key(1024)
    'log/rollup-1024-2047.jsonl.gz'
    """
    return f"log/rollup-{first}-{first + ROLLUP - 1}.jsonl.gz"


class Reader:
    """The stored entries, by name: one at a time where that is quick, many at once where each takes a while.

    Parameters
    ----------
    files : Files
        The storage.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        # Local reads take microseconds, less than handing them to a thread; elsewhere it is the waiting that counts.
        self._widest = 1 if files.can_append else _WIDEST

    def one(self, n: int) -> bytes | None:
        """Return the stored bytes of entry `n`, or None where there is none."""
        try:
            return self._files.read(entry_key(n))
        except KeyNotFound:
            return None

    def rollup(self, first: int) -> list[bytes] | None:
        """Return the stored bytes of the `ROLLUP` entries from `first`, or None where no good rollup has them."""
        try:
            unpack = zlib.decompressobj(wbits=31)
            lines = unpack.decompress(self._files.read(rollup_key(first)), ROLLUP * (MAX_BYTES + 1)).split(b"\n")
        except (OSError, Corrupt, zlib.error):  # Corrupt: it is a link
            return None
        return lines[:-1] if unpack.eof and len(lines) == ROLLUP + 1 and not lines[-1] else None

    def run(
        self, start: int, stop: int | None = None, *, expect: int = -1, rollups: bool = True, ahead: int = 0
    ) -> Iterator[Stored]:
        """Yield entries in order from `start` until one is absent; the storage is never listed.

        Parameters
        ----------
        start : int
            The first entry wanted.
        stop : int, optional
            The first entry no longer wanted.
        expect : int, default -1
            An entry believed to exist; how far to reach for many at once. Being wrong costs time only.
        rollups : bool, default True
            Take old entries from rollups where there are any.
        ahead : int, default 0
            How many numbers behind the absent one to look at.

        Raises
        ------
        Corrupt
            When there is an entry behind the absent one.
        """
        n = start
        while stop is None or n < stop:
            far = expect - n >= _FAR if expect >= n else n % ROLLUP == 0 and n - start >= _FAR
            if rollups and far:
                first = n - n % ROLLUP
                lines = self.rollup(first)
                if lines is not None:
                    end = first + ROLLUP if stop is None else min(stop, first + ROLLUP)
                    yield from (Stored(i, lines[i - first]) for i in range(n, end))
                    n = end
                    continue
            end = n - n % ROLLUP + ROLLUP
            end = end if stop is None else min(stop, end)
            for stored in self._singles(n, end, expect=expect, width=max(1, n - start), ahead=ahead):
                yield stored
                n = stored.n + 1
            if n < end:
                return

    def _singles(self, start: int, end: int, *, expect: int, width: int, ahead: int) -> Iterator[Stored]:
        """Yield entries from `start` up to before `end` or an absent one, reading ever more of them at once."""
        n = start
        while n < end and self._widest > 1:
            width = min(self._widest, max(width, expect - n + 2) + ahead, end - n)
            found = self.many(range(n, n + width))
            for i, data in enumerate(found):
                if data is None:
                    rest = found[i + 1 :]
                    self._check_end(n, [*rest, *self.many(range(n + 1 + len(rest), n + 1 + ahead))])
                    return
                yield Stored(n, data)
                n += 1
            width *= 2
        while n < end:
            data = self.one(n)
            if data is None:
                self._check_end(n, self.many(range(n + 1, n + 1 + ahead)))
                return
            yield Stored(n, data)
            n += 1

    def _check_end(self, n: int, behind: Iterable[bytes | None]) -> None:
        """Refuse an end of the log that is a gap; who was writing just now has filled it when it is looked at again."""
        later = next((i for i, data in enumerate(behind, n + 1) if data is not None), None)
        if later is not None and self.one(n) is None:
            raise missing(n, entry_key(later))

    def many(self, numbers: range) -> list[bytes | None]:
        """Return the stored bytes of several entries, None for each that is absent."""
        if self._widest == 1 or len(numbers) <= 1:
            return [self.one(n) for n in numbers]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(16, len(numbers)), thread_name_prefix="mlcycle-log") as pool:
            return list(pool.map(self.one, numbers))
