"""What makes opening quick and may be deleted at any time: the hint, checkpoints, rollups of old entries."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import time
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle._digest import sha256_bytes
from mlcycle._ids import new_id
from mlcycle.errors import StoreError
from mlcycle.storage._entries import decode, entry_key
from mlcycle.storage._files import KeyNotFound
from mlcycle.storage._replay import ROLLUP, Reader, Snapshot, rollup_key

if TYPE_CHECKING:
    from mlcycle.storage._files import Files
    from mlcycle.storage._replay import Fold

__all__ = [
    "HINT",
    "Caches",
    "Hint",
    "Mark",
    "later_than",
    "list_marks",
    "read_checkpoint",
    "read_hint",
    "write_checkpoint",
]

HINT = "hint.json"

_KEPT = 2
_TAIL = 64
_SHARE = 4
# Opening and checking one more small file takes as long as parsing this many bytes of a checkpoint.
_ENTRY_COST = 2048
_HINT_SECONDS = 1.0
_AFTER_FAILURE = 30.0
_MOST = 10**10  # the digits of a key
_NAME = re.compile(r"checkpoints/(\d{10})\.[0-9a-f]{32}\.json")
_UNUSABLE = (StoreError, OSError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError)
_STATE = b'"state":'


@frozen(order=True)
class Mark:
    """Where a checkpoint is: the entry it stands after, its key, its size in bytes."""

    n: int
    key: str
    size: int


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
    fold : int
        The version of the fold whose checkpoints these are.
    """

    n: int = -1
    marks: tuple[Mark, ...] = ()
    rolled: int = 0
    fold: int = 0


def read_hint(files: Files) -> Hint | None:
    """Return the hint, or None where there is none that can be read."""
    try:
        said = json.loads(files.read(HINT))
        marks = sorted(
            (Mark(int(mark["n"]), _checked(mark["key"]), int(mark["size"])) for mark in said["marks"]), reverse=True
        )
        n, rolled, fold = int(said["n"]), int(said["rolled"]), int(said["fold"])
        if not (-1 <= n < _MOST and rolled >= 0):
            return None
        return Hint(n, tuple(marks[:_KEPT]), rolled - rolled % ROLLUP, fold)
    except _UNUSABLE:
        return None


def write_hint(files: Files, hint: Hint) -> None:
    """Replace the hint."""
    marks = [{"n": mark.n, "key": mark.key, "size": mark.size} for mark in hint.marks]
    said = {"v": 1, "n": hint.n, "fold": hint.fold, "marks": marks, "rolled": hint.rolled}
    files.put(HINT, _json(said), durable=False)


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
    if hint.n > n and _is_there(files, entry_key(hint.n)):
        return entry_key(hint.n)
    checkpoint = next((mark.key for mark in hint.marks if mark.n > n and _is_whole(files, mark)), None)
    if checkpoint is None and hint.rolled > n + 1:
        first = hint.rolled - ROLLUP
        return rollup_key(first) if Reader(files).rollup(first) is not None else None
    return checkpoint


def _is_whole(files: Files, mark: Mark) -> bool:
    try:
        data = files.read(mark.key)
        begin = data.index(_STATE) + len(_STATE)
        head = json.loads(data[:begin] + b"0}")
        return bool(head["n"] == mark.n and head["sha256"] == sha256_bytes(memoryview(data)[begin:-1]))
    except _UNUSABLE:
        return False


def _is_there(files: Files, key: str) -> bool:
    try:
        return len(files.read(key, 0, 1)) == 1
    except KeyNotFound:
        return False


def write_checkpoint(files: Files, fold: Fold, now: Snapshot) -> Mark:
    """Store a folded state, marked with what could fold it, and return where."""
    state = _json(now.state)
    head = {
        "v": 1,
        "fold": fold.version,
        "kinds": sorted(fold.kinds),
        "needs": sorted(fold.needs),
        "n": now.n,
        "digest": now.digest,
        "at": now.at,
        "sha256": sha256_bytes(state),
    }
    data = _json(head)[:-1] + b"," + _STATE + state + b"}"
    key = f"checkpoints/{now.n:010d}.{new_id()}.json"
    files.put(key, data, durable=False)
    return Mark(now.n, key, len(data))


def read_checkpoint(files: Files, fold: Fold, mark: Mark) -> Snapshot | None:
    """Return the state in a checkpoint, or None unless it is whole, of this fold, and stands on the log as it is."""
    try:
        data = files.read(mark.key)
        begin = data.index(_STATE) + len(_STATE)
        head = json.loads(data[:begin] + b"0}")
        ours = head["fold"] == fold.version and {*head["kinds"]} <= {*fold.kinds} and {*head["needs"]} <= {*fold.needs}
        if not ours or head["sha256"] != sha256_bytes(memoryview(data)[begin:-1]):
            return None
        entry = files.read(entry_key(mark.n))
        if head["n"] != mark.n or head["digest"] != sha256_bytes(entry):
            return None
        return Snapshot(mark.n, json.loads(data[begin:-1]), head["digest"], decode(entry, mark.n)["at"])
    except _UNUSABLE:
        return None


class Caches:
    """Keeps hint, checkpoints and rollups fresh behind the commits of one log; nothing here is ever needed.

    Parameters
    ----------
    files : Files
        The storage.
    fold : Fold
        What entries mean.
    """

    def __init__(self, files: Files, fold: Fold) -> None:
        self._files, self._fold = files, fold
        self._marks: tuple[Mark, ...] = ()
        self._entries = self._bytes = self._rolled = 0
        self._due = 0.0
        self._failed = False

    def opened(self, hint: Hint) -> None:
        """Take note of what the log was opened from."""
        self._marks, self._rolled = hint.marks, hint.rolled
        self._entries = self._bytes = 0

    def folded(self, size: int) -> None:
        """Take note of one entry of `size` bytes after the newest checkpoint known."""
        self._entries += 1
        self._bytes += max(size, _ENTRY_COST)

    def committed(self, now: Snapshot) -> None:
        """Do what is due after a commit; a failure is forgotten and tried again after a while."""
        if time.monotonic() >= self._due or (self._outgrown() and not self._failed):
            self.flush(now)

    def flush(self, now: Snapshot) -> None:
        """Write the hint, and a checkpoint and a rollup where they are due."""
        self._failed, self._due = True, time.monotonic() + _AFTER_FAILURE
        with contextlib.suppress(*_UNUSABLE):
            self._learn(read_hint(self._files), now)
            if self._outgrown() and now.read_only is None:
                self._checkpoint(now)
            if now.n + 1 - self._rolled >= ROLLUP:
                self._roll()
            write_hint(self._files, Hint(now.n, self._marks, self._rolled, self._fold.version))
            self._failed, self._due = False, time.monotonic() + _HINT_SECONDS

    def _outgrown(self) -> bool:
        size = self._marks[0].size if self._marks else 0
        return self._entries >= _TAIL and self._bytes * _SHARE >= size

    def _learn(self, hint: Hint | None, now: Snapshot) -> None:
        """Take over what others have done, so that eight writers make one checkpoint and not eight."""
        if hint is None:
            return
        self._rolled = max(self._rolled, min(hint.rolled, (now.n + 1) // ROLLUP * ROLLUP))
        newest = self._marks[0].n if self._marks else -1
        if hint.fold == self._fold.version and hint.marks and newest < hint.marks[0].n <= now.n:
            self._marks = hint.marks
            left = now.n - hint.marks[0].n
            self._bytes = self._bytes * left // max(1, self._entries)
            self._entries = left

    def _checkpoint(self, now: Snapshot) -> None:
        mark = write_checkpoint(self._files, self._fold, now)
        self._marks, self._entries, self._bytes = (mark, *self._marks)[:_KEPT], 0, 0
        known = list_marks(self._files)
        self._files.delete(old.key for old in known[_KEPT:] if old not in self._marks)

    def _roll(self) -> None:
        """Write one rollup, the first that is missing."""
        while _is_there(self._files, rollup_key(self._rolled)):
            self._rolled += ROLLUP
        end = self._rolled + ROLLUP
        lines = [
            stored.data + b"\n" for stored in Reader(self._files).run(self._rolled, end, expect=end - 1, rollups=False)
        ]
        if len(lines) == ROLLUP:
            self._files.put(rollup_key(self._rolled), gzip.compress(b"".join(lines), 6, mtime=0), durable=False)
            self._rolled = end


def _json(document: Any) -> bytes:
    # Unlike entries these keep the order of keys, so that a state read back lists things as the live one does.
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _checked(key: Any) -> str:
    if not isinstance(key, str) or not _NAME.fullmatch(key):
        raise ValueError(key)
    return key
