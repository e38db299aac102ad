"""The project log: numbered entries, and whoever creates the next number first wins.

Nothing else decides a commit: no clock, no lease, no lock. A commit asks what should be written given the newest state
this process has seen, and creates entry `n + 1`, which fails where there is one: creating is the second look. When
somebody else was quicker, the winner is folded and the question is asked again. When the storage's answer is lost, the
entry is read back: its operation id says whose it is.

Calls to the storage, kept by a test: a look that finds nothing new is one read; a commit is one create; a lost race
adds one read and one create; at most once a second one read and one put for the hint; once a process and place one
create of entry 0, which must lose (`mlcycle.storage._put_if_absent`), before the first commit. An entry that was
emptied or is damaged is taken from its rollup, also when a lost answer is read back (`mlcycle.storage._entry_reader`).

Two locks, and no call to the storage under the first: one while an entry is folded (`mlcycle.storage._replay`), and the
turn of this process's own committers, who would only race one another. Who looks at a state waits for neither.
"""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle._cache import Cache
from mlcycle._digest import sha256_bytes
from mlcycle._ids import new_id, now
from mlcycle.errors import InvalidInput, NotFound, ReadOnly, StorageUnavailable
from mlcycle.storage._backoff import Backoff
from mlcycle.storage._compaction import Compaction, compact
from mlcycle.storage._entries import decode_entry, encode_entry, entry_key
from mlcycle.storage._entry_reader import EntryReader, Stored, missing
from mlcycle.storage._files import Outcome
from mlcycle.storage._log_caches import LogCaches
from mlcycle.storage._opening import Opening
from mlcycle.storage._prefetch import fetch, run_prefetched
from mlcycle.storage._put_if_absent import prove_put_if_absent
from mlcycle.storage._replay import Fold, Replay, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlcycle.storage._entries import Entry
    from mlcycle.storage._files import Files

__all__ = ["Commit", "Draft", "Fold", "Log", "Snapshot", "UpToDate"]

_PATIENCE = 120.0  # seconds
_RECENT = 4 * 1024 * 1024  # bytes: some 5 000 entries, small beside the 20 MB an open project may take


@frozen
class Draft:
    """What should be written, given a snapshot.

    Attributes
    ----------
    changes : list of dict
        The changes, each with its ``kind``; they take effect together.
    reuses : list of str
        Keys of files that the changes name and do not place.
    needs_read, needs_write : sequence of str
        What a library must understand to read on, or to write on.
    refusal : bool
        This only says why something was not done: an `op` of the caller's stays unused, for when it is.

    Examples
    --------
    >>> Draft([{"kind": "tag.set", "name": "launch", "to": 41}]).reuses
    []
    """

    changes: list[dict[str, Any]]
    reuses: list[str] = field(factory=list)
    needs_read: Sequence[str] = ()
    needs_write: Sequence[str] = ()
    refusal: bool = False


@frozen
class UpToDate:
    """Nothing needs to be written: what was asked for is there already, and this is it."""

    value: Any = None


@frozen
class Commit:
    """How a commit ended.

    Attributes
    ----------
    n : int
        The entry: the one written, or the earlier one of the same operation; for `UpToDate` the entry looked at.
    entry : dict or None
        What is stored under `n`; None for `UpToDate`.
    value : object
        What `UpToDate` held.
    snapshot : Snapshot
        The project afterwards.
    mine : bool
        Whether this call wrote the entry.
    """

    n: int
    entry: Entry | None
    value: Any
    snapshot: Snapshot
    mine: bool


class Log:
    """The log of one store, and the state it folds to.

    Keep one for as long as the store is open: it remembers the state and reads only what is new. Threads may share it;
    a process forked off must make its own.

    Parameters
    ----------
    files : Files
        The storage.
    fold : Fold
        What entries mean.
    author : str, default ""
        Who commits, where `commit` is not told.
    caches : bool, default True
        Keep hint, checkpoints and rollups fresh behind commits. False writes nothing but entries.
    patience : float, default 120
        Seconds for which a commit goes on while it loses every race or gets no answer.

    Examples
    --------
    >>> from mlcycle.storage import open_files
    >>> class Names:
    ...     version, kinds, needs = "names/1", {"name"}, set()
    ...     def empty(self):
    ...         return []
    ...     def hold(self, state, entry=None):
    ...         pass
    ...     def apply(self, state, entry):
    ...         state += [change["name"] for change in entry["changes"]]
    ...     def obstacles(self, entry):
    ...         return []
    ...     def skipped(self, state):
    ...         return []
    ...     def dump(self, state):
    ...         return {"names": ",".join(state).encode()}
    ...     def load(self, parts, read):
    ...         return read("names").decode().split(",")
    >>> log = Log(open_files("memory://doc-log"), Names(), author="ann")
    >>> log.commit(lambda now: Draft([{"kind": "name", "name": "churn"}]), verb="name.add", message="first").n
    0
    >>> log.snapshot().state
    ['churn']
    """

    def __init__(
        self, files: Files, fold: Fold, *, author: str = "", caches: bool = True, patience: float = _PATIENCE
    ) -> None:
        self.files, self.fold = files, fold
        self._opening, self._turn = threading.Lock(), threading.Lock()
        self._author = author
        self._reader = EntryReader(files)
        self._recent: Cache[bytes] = Cache(_RECENT)
        self._caches = LogCaches(files, self._reader, fold)
        self._keep = caches
        self._patience = patience
        self._replay: Replay | None = None
        self._zero: bytes | None = None  # entry 0, which every fold and every proof begins with

    def snapshot(self, *, refresh: bool = True) -> Snapshot:
        """Return the project as it stands after the newest entry.

        Parameters
        ----------
        refresh : bool, default True
            Look for newer entries first; False returns what is known, if anything is.

        Raises
        ------
        Corrupt
            Naming the entry that is damaged or missing, and the remedy.
        SchemaError
            When an entry needs a newer mlcycle to be read.
        """
        replay = self._replay
        if replay is None:
            replay = self._open()
        elif refresh:
            for stored in self._reader.run(replay.now.n + 1):
                self._take(replay, stored)
        return replay.now

    def _open(self) -> Replay:
        with self._opening:
            if self._replay is None:
                self._replay = Opening(self.files, self._reader, self.fold, self._caches, self._note).replay()
            return self._replay

    def commit(
        self,
        propose: Callable[[Snapshot], Draft | UpToDate],
        *,
        verb: str,
        author: str | None = None,
        message: str = "",
        op: str | None = None,
    ) -> Commit:
        """Write the next entry, or find that nothing need be written.

        Parameters
        ----------
        propose : callable
            Given the newest snapshot seen, returns what to write or `UpToDate`; raises to give up. It is asked again
            after every lost race, so it must decide from the snapshot alone: what it needs and this process does not
            hold is read outside it, and it is asked again (`mlcycle.storage._prefetch`).
        verb : str
            What is done, for the history: ``"model.promote"``.
        author : str, optional
            Who commits; by default the author of this log.
        message : str, default ""
            Why.
        op : str, optional
            An operation id of the caller's. A second commit with the same one, from any process, writes nothing and
            returns the first: a script that is run again does not do its work twice. A refusal leaves it unused.

        Returns
        -------
        Commit

        Raises
        ------
        ReadOnly
            When a newer mlcycle wrote something this one does not understand.
        ConflictError
            When every race was lost for as long as `patience` allows.
        UnsupportedStorage
            When the storage does not keep the promise that commits rest on; nothing was committed.
        StorageUnavailable
            When the storage fails. Should the message say that the outcome is unknown, repeat the commit with the
            same `op`.
        """
        who = self._author if author is None else author
        waits, behind = Backoff(self.files.can_append, self._patience), False
        while True:
            replay = self._replay or self._open()
            before = replay.now
            done = self.done(op)
            if done is not None:
                return Commit(done["n"], done, None, replay.now, mine=False)
            if before.read_only is not None:
                raise ReadOnly(before.read_only)
            wanted = run_prefetched(lambda: propose(before))  # noqa: B023 - asked at once
            if isinstance(wanted, UpToDate):
                return Commit(before.n, None, wanted.value, before, mine=False)
            drafted = self._draft(wanted, before, op=op, verb=verb, author=who, message=message)
            self.fold.hold(before.state, {"changes": wanted.changes})  # fails before it is committed, not behind it
            prove_put_if_absent(self.files, self.first if before.n >= 0 else None, waits)
            winner = self._won(replay, before, drafted, waits)
            if winner == drafted:
                return self._committed(replay, winner)
            if winner is not None and behind:  # a race lost for each entry of others would never catch up with them
                waits.lost(self.entry(winner.n))
                self.snapshot()
            behind = behind or winner is not None  # what was lost first may only have been old

    def first(self) -> bytes:
        """Return the stored bytes of entry 0; read only where a checkpoint spared it.

        Raises
        ------
        Corrupt
            When it is missing: what comes later does not make up for it.
        """
        if self._zero is None:
            self._zero = self._reader.one(0)
            if self._zero is None:
                raise missing(0, entry_key(self.snapshot(refresh=False).n))
        return self._zero

    def entry(self, n: int) -> Entry:
        """Return entry `n`, a copy of one's own; what was folded or read lately is read from memory.

        Raises
        ------
        NotFound
            When the log has no such entry.
        Corrupt
            When it is missing or damaged.
        """
        data = self._recent.known(n)
        if data is not None:  # it was looked at before
            known: Entry = json.loads(data)
            return known
        return fetch((self.files.url, n), lambda: self._read(n))

    def _read(self, n: int) -> Entry:
        data = self._reader.one(n) if n >= 0 else None
        if data is None:
            raise self._absent(n)
        entry = decode_entry(data, n, canonical=False)
        self._recent.put(n, data, len(data))
        return entry

    def _absent(self, n: int) -> Exception:
        newest = self.snapshot().n
        if 0 <= n <= newest:
            return missing(n, entry_key(newest))
        return NotFound(f"the log of {self.files.url} has no entry {n}; its newest is {newest}")

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Yield the entries from `start` to before `stop`, each a copy of one's own, checked as a chain."""
        last = self.snapshot(refresh=False).n
        expect = last if stop is None else min(stop - 1, last)
        digest = "" if start == 0 else None
        for stored in self._reader.run(start, stop, expect=expect):
            entry, good = self._reader.believed(stored, digest)
            yield entry
            digest = sha256_bytes(good.data)

    def swept_since(self, n: int) -> set[str] | None:
        """Return the keys that sweeps after entry `n` name; None where that is not known, and any key may be gone.

        Who stood at entry `n` when a file was uploaded or read may name it in a commit only if it is not among these.
        """
        replay = self._replay
        if replay is None or replay.now.base > n:
            return None
        found: set[str] = set()
        for at, keys in reversed(list(replay.sweeps)):
            if at <= n:
                break
            if keys is None:
                return None
            found.update(keys)
        return found

    def number_at(self, moment: str) -> int:
        """Return the last entry seen that was committed by a moment (UTC text), -1 if that is before the first.

        Moments never decrease along the log, whatever the clocks of the writers said.
        """
        low, high = -1, self.snapshot(refresh=False).n
        while low < high:
            middle = (low + high + 1) // 2
            if self.entry(middle)["at"] <= moment:
                low = middle
            else:
                high = middle - 1
        return low

    def flush(self) -> None:
        """Write the hint now, and a checkpoint or a rollup where one is due; failures are passed over."""
        now = self.snapshot(refresh=False)
        if self._keep and now.n >= 0 and self._replay is not None:
            self._caches.flush(self._replay)

    def compact(self) -> Compaction:
        """Write every rollup that is missing, and empty the files of the entries they hold; whatever `caches` said.

        Raises
        ------
        Corrupt
            When an entry or a rollup is damaged; what came before it is done.
        ReadOnly
            When a newer mlcycle wrote something this one does not understand.
        """
        now = self.snapshot()
        if now.read_only is not None:
            raise ReadOnly(now.read_only)
        done = compact(self.files, self._reader, now.n + 1)
        self.flush()
        return done

    def _take(self, replay: Replay, stored: Stored, *, ours: bool = False) -> None:
        """Fold an entry, unless another thread has; what fails half-way is of no use, and the next look opens anew."""
        try:
            taken = replay.apply(stored, ours=ours)
        except BaseException:
            if self._replay is replay:
                self._replay = None
            raise
        if taken is not None:
            self._note(taken)

    def _note(self, stored: Stored) -> None:
        if stored.n == 0:
            self._zero = stored.data
        self._recent.put(stored.n, stored.data, len(stored.data))
        self._caches.folded(len(stored.data))

    # committing

    def done(self, op: str | None) -> Entry | None:
        """Return the entry of an operation of a caller's, where it was committed as far as this process has seen."""
        replay = self._replay
        if op is None or replay is None:
            return None
        n = replay.ops.get(f"user:{op}")
        entry = None if n is None else self.entry(n)
        return entry if entry is not None and entry["op"] == f"user:{op}" else None

    def _draft(
        self, wanted: Draft, before: Snapshot, *, op: str | None, verb: str, author: str, message: str
    ) -> Stored:
        clock = now()
        data = encode_entry(
            before.n + 1,
            before.digest,
            op=f"auto:{new_id()}" if op is None or wanted.refusal else f"user:{op}",
            verb=verb,
            author=author,
            at=max(clock, before.at),
            clock=clock,
            message=message,
            changes=wanted.changes,
            reuses=wanted.reuses,
            needs_read=wanted.needs_read,
            needs_write=wanted.needs_write,
        )
        unknown = self.fold.obstacles({"changes": wanted.changes, "needs_write": wanted.needs_write})
        unknown += [f"need {need!r}" for need in wanted.needs_read if need not in self.fold.needs]
        if unknown:
            raise InvalidInput(f"this library could not read back {', '.join(unknown)}; its fold does not know it")
        return Stored(before.n + 1, data)

    def _won(self, replay: Replay, before: Snapshot, drafted: Stored, waits: Backoff) -> Stored | None:
        """Create the entry and fold what stands under its number: the draft, or a winner; None for one of ours."""
        with self._turn:
            if replay.now is not before or self._replay is not replay:
                return None
            winner = self._create(drafted, waits)
            self._take(replay, winner, ours=winner == drafted)
            return winner

    def _create(self, drafted: Stored, waits: Backoff) -> Stored:
        """Create the entry, and return what is stored under its number afterwards: the draft, or a winner's."""
        unsure = False
        while True:
            failure: StorageUnavailable | None = None
            try:
                if self.files.create(entry_key(drafted.n), drafted.data) is Outcome.WON:
                    return drafted
                unsure = True
            except StorageUnavailable as error:
                failure = error
            with contextlib.suppress(StorageUnavailable):
                found = self._reader.one(drafted.n)
                if found is not None:
                    return Stored(drafted.n, found)
            if failure is not None and not unsure:
                raise failure
            waits.unanswered(drafted.n)

    def _committed(self, replay: Replay, won: Stored) -> Commit:
        if self._keep:
            self._caches.committed(replay)
        return Commit(won.n, json.loads(won.data), None, replay.now, mine=True)
