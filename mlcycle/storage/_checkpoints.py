"""What makes opening quick and may be deleted at any time: the hint, and checkpoints of the folded state.

A checkpoint is one file: a head line of JSON that says what could fold it and where its parts lie, then the parts. An
opening reads the beginning; a part is read when somebody asks for it. By then the file may be gone, because its writer
keeps a few, or prove damaged: what it held follows from the log, so it is folded once more and the answer is right.
"""

from __future__ import annotations

import json
import re
from threading import Lock
from typing import TYPE_CHECKING

from attrs import frozen

from mlcycle._compact_index import CompactIndex
from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle._ids import new_id
from mlcycle.errors import Corrupt, SchemaError, StoreError
from mlcycle.storage._entries import decode_entry, entry_key
from mlcycle.storage._entry_reader import EntryReader
from mlcycle.storage._files import KeyNotFound, is_there
from mlcycle.storage._prefetch import fetch
from mlcycle.storage._replay import OPS, Base, Snapshot
from mlcycle.storage._rollups import ROLLUP, rollup_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mlcycle.storage._files import Files
    from mlcycle.storage._replay import Fold, Replay

    Again = Callable[[int], dict[str, bytes]]

__all__ = [
    "HINT",
    "KEPT",
    "UNUSABLE",
    "Checkpoint",
    "Hint",
    "Mark",
    "later_than",
    "list_marks",
    "read_checkpoint",
    "read_hint",
    "write_checkpoint",
    "write_hint",
]

HINT = "hint.json"

KEPT = 4
UNUSABLE = (StoreError, OSError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError)
_FIRST = 64 * 1024  # bytes of the first read: the head, and all of a small checkpoint, in one request
_MOST = 10**10  # the digits of a key
_NAME = re.compile(r"checkpoints/(\d{10})\.[0-9a-f]{32}\.bin")


@frozen(order=True)
class Mark:
    """Where a checkpoint is: the entry it stands after, its key, its size in bytes."""

    n: int
    key: str
    size: int

    @property
    def written(self) -> float:
        """When it was written, in seconds since 1970 by the clock of who wrote it: ids begin with milliseconds."""
        return int(self.key.split(".")[1][:12], 16) / 1000


@frozen
class Hint:
    """What somebody saw some time ago: may be stale, torn, absent or wrong, and costs only time then.

    Attributes
    ----------
    n : int
        The last entry seen.
    marks : tuple of Mark
        The newest checkpoints known, newest first.
    rolled : int
        How many entries from 0 are in rollups.
    fold : str
        The version of the fold whose checkpoints these are.
    """

    n: int = -1
    marks: tuple[Mark, ...] = ()
    rolled: int = 0
    fold: str = ""


def read_hint(files: Files) -> Hint | None:
    """Return the hint, or None where there is none that can be read."""
    try:
        said = json.loads(files.read(HINT))
        marks = sorted(
            (Mark(int(mark["n"]), _checked(mark["key"]), int(mark["size"])) for mark in said["marks"]), reverse=True
        )
        n, rolled, fold = int(said["n"]), int(said["rolled"]), said["fold"]
        if said["needs_read"] or not (-1 <= n < _MOST and rolled >= 0 and isinstance(fold, str)):
            return None
        return Hint(n, tuple(marks[:KEPT]), rolled - rolled % ROLLUP, fold)
    except UNUSABLE:
        return None


def _checked(key: object) -> str:
    if not isinstance(key, str) or not _NAME.fullmatch(key):
        raise ValueError(key)
    return key


def write_hint(files: Files, hint: Hint) -> None:
    """Replace the hint."""
    marks = [{"n": mark.n, "key": mark.key, "size": mark.size} for mark in hint.marks]
    said = {"v": 1, "needs_read": [], "n": hint.n, "fold": hint.fold, "marks": marks, "rolled": hint.rolled}
    files.put(HINT, canonical_json(said), durable=False)


def list_marks(files: Files) -> list[Mark]:
    """Return every checkpoint in the storage, newest first; nothing where listing is not allowed."""
    try:
        found = [(_NAME.fullmatch(item.key), item) for item in files.list("checkpoints/")]
    except (StoreError, OSError):
        return []
    return sorted((Mark(int(match[1]), item.key, item.size) for match, item in found if match), reverse=True)


def later_than(files: Files, n: int, hint: Hint) -> str | None:
    """Return the key of something whole that could not be there if entry `n` were the last, or None.

    What the hint says proves nothing by itself; what it speaks of does, when it is there.
    """
    if hint.n > n and is_there(files, entry_key(hint.n)):
        return entry_key(hint.n)
    checkpoint = next((mark.key for mark in hint.marks if mark.n > n and _is_whole(files, mark)), None)
    if checkpoint is None and hint.rolled > n + 1:
        first = hint.rolled - ROLLUP
        return rollup_key(first) if EntryReader(files).rollup(first) is not None else None
    return checkpoint


def _is_whole(files: Files, mark: Mark) -> bool:
    try:
        Checkpoint(files, mark).check()
    except UNUSABLE:
        return False
    return True


def write_checkpoint(files: Files, fold: Fold, replay: Replay) -> Mark:
    """Store a folded state, marked with what could fold it, and return where."""
    now, parts = replay.parts()
    ends, at = {}, 0
    for name, part in parts.items():
        ends[name] = [at, at + len(part), sha256_bytes(part)]
        at += len(part)
    head = {
        "v": 1,
        "needs_read": [],
        "fold": fold.version,
        "kinds": sorted(fold.kinds),
        "needs": sorted(fold.needs),
        "skipped": sorted(fold.skipped(now.state)),
        "n": now.n,
        "digest": now.digest,
        "at": now.at,
        "parts": ends,
    }
    data = b"".join([canonical_json(head), b"\n", *parts.values()])
    key = f"checkpoints/{now.n:010d}.{new_id()}.bin"
    files.put(key, data, durable=False)
    return Mark(now.n, key, len(data))


def read_checkpoint(files: Files, fold: Fold, mark: Mark, again: Again | None = None) -> Base | None:
    """Return the state in a checkpoint, or None unless it is whole, of this fold, and stands on the log as it is.

    Parameters
    ----------
    files : Files
        The storage.
    fold : Fold
        What entries mean.
    mark : Mark
        Where it is.
    again : callable, optional
        From an entry to the parts of a checkpoint there, made from the log: for parts that turn out to be gone later.
    """
    try:
        found = Checkpoint(files, mark)
        entry = EntryReader(files).one(mark.n)
        if not found.is_of(fold) or entry is None or found.digest != sha256_bytes(entry):
            return None
        at = decode_entry(entry, mark.n, canonical=False)["at"]
        state = fold.load([name for name in found.parts if name != OPS], found.read)
        now = Snapshot(mark.n, state, found.digest, at, base=mark.n)
        ops = CompactIndex(lambda: found.read(OPS))
        found.again = again
        return Base(now, ops)
    except UNUSABLE:
        return None


class Checkpoint:
    """One checkpoint file; lives as long as a state that was folded from it.

    Parameters
    ----------
    files : Files
        The storage.
    mark : Mark
        Where it is.

    Attributes
    ----------
    n : int
        The entry it stands after.
    digest : str
        The digest of that entry.
    parts : collection of str
        Their names.
    again : callable or None
        See `read_checkpoint`; without it a part that is not what it was written as raises.

    Raises
    ------
    Corrupt, LookupError, TypeError, ValueError
        When it has no head, or is torn.
    """

    def __init__(self, files: Files, mark: Mark) -> None:
        self._files, self._key = files, mark.key
        first = files.read(mark.key, 0, _FIRST)
        if b"\n" not in first:  # a head of many parts
            first = files.read(mark.key)
        line, _, self._first = first.partition(b"\n")
        head = json.loads(line)
        if head["v"] != 1 or head["needs_read"]:
            raise SchemaError(f"{mark.key} was written by a newer mlcycle; upgrade mlcycle, or delete that file")
        if head["n"] != mark.n or OPS not in head["parts"]:
            raise Corrupt(f"{mark.key} is not what was written as the checkpoint of entry {mark.n}")
        self._head, self._start = head, len(line) + 1
        self._ends: dict[str, tuple[int, int, str]] = {
            name: (int(begin), int(end), str(digest)) for name, (begin, end, digest) in head["parts"].items()
        }
        if any(not 0 <= begin <= end for begin, end, _ in self._ends.values()):
            raise Corrupt(f"{mark.key} has a part that ends before it begins")
        self.n, self.digest = mark.n, str(head["digest"])
        self.again: Again | None = None
        self._made: dict[str, bytes] = {}
        self._lock = Lock()
        if mark.size != self._start + max(end for _, end, _ in self._ends.values()):
            raise Corrupt(f"{mark.key} has {mark.size} bytes, which is not what its head says")
        for name, (_, end, _) in self._ends.items():
            if end <= len(self._first):
                self.read(name)

    @property
    def parts(self) -> Collection[str]:
        """The names of its parts."""
        return self._ends.keys()

    def is_of(self, fold: Fold) -> bool:
        """Return whether a fold may believe it: its own version, nothing in it unknown, nothing known passed over."""
        head = self._head
        known, skipped = {*head["kinds"]} <= {*fold.kinds}, {*head["skipped"]} & {*fold.kinds}
        return bool(head["fold"] == fold.version and known and {*head["needs"]} <= {*fold.needs} and not skipped)

    def check(self) -> None:
        """Raise `Corrupt` unless every part is what it was written as."""
        for name in self.parts:
            self.read(name)

    def read(self, name: str) -> bytes:
        """Return a part: from the file, or made again from the log where the file is gone or damaged."""
        return fetch((self._key, name), lambda: self._read(name))

    def _read(self, name: str) -> bytes:
        begin, end, digest = self._ends[name]
        if name in self._made:
            return self._made[name]
        try:
            data = self._slice(begin, end)
            if sha256_bytes(data) == digest:
                return data
            trouble = Corrupt(f"the part {name!r} of {self._key} is not what was written; delete that file")
        except KeyNotFound as error:
            if self.again is None:
                raise
            trouble = Corrupt(str(error))
        if self.again is None:
            raise trouble
        with self._lock:
            self._made = self._made or self.again(self.n)
        return self._made[name]

    def _slice(self, begin: int, end: int) -> bytes:
        if end <= len(self._first):
            return self._first[begin:end]
        return self._files.read(self._key, self._start + begin, self._start + end)
