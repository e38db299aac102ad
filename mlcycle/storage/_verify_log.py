"""Is the log whole: every entry as a link of the chain, every rollup, every checkpoint; nothing is changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from mlcycle._digest import sha256_bytes
from mlcycle._text import printable
from mlcycle.errors import AccessDenied, Corrupt, SchemaError, StorageUnavailable
from mlcycle.storage._checkpoints import (
    UNUSABLE,
    Checkpoint,
    Hint,
    later_than,
    list_marks,
    read_hint,
)
from mlcycle.storage._entries import Entry, decode_entry, entry_key
from mlcycle.storage._entry_reader import EntryReader, missing
from mlcycle.storage._files import is_there
from mlcycle.storage._replay import Replay
from mlcycle.storage._rollups import ROLLUP, rollup_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlcycle.storage._checkpoints import Mark
    from mlcycle.storage._files import Files
    from mlcycle.storage._replay import Fold

    Progress = Callable[[int, int], None]

__all__ = ["Chain", "Problem", "check_checkpoints"]

_ENTRY = re.compile(r"log/(\d{10})\.json")
_AT_ONCE = 256


@printable
@frozen
class Problem:
    """One thing that is not as the log says.

    Attributes
    ----------
    kind : str
        ``"missing"``, ``"damaged"``, ``"chain"``, ``"doubled"``, ``"rollup"``, ``"checkpoint"``, ``"size"``,
        ``"digest"``, ``"unreadable"`` or ``"link"``.
    key : str
        The entry or file.
    what : str
        What was expected, and what came.
    hurts : tuple of str
        The versions that need the file.
    """

    kind: str
    key: str
    what: str
    hurts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.key}: {self.what}" + (f" (hurts {', '.join(self.hurts)})" if self.hurts else "")


class Chain:
    """The entries as they lie there, each looked at for itself and as a link.

    Parameters
    ----------
    files : Files
        The storage.
    links : set of str
        Keys that are links, and are not followed.

    Attributes
    ----------
    length : int
        How many entries there are, known once they were checked.
    """

    def __init__(self, files: Files, links: set[str]) -> None:
        self._files, self._links = files, links
        self._reader = EntryReader(files)
        self._operations: dict[str, int] = {}
        self._prev: str | None = ""
        self._differs: dict[int, bool] = {}  # entries of which the rollup has other bytes; whether theirs can be read
        self.length = 0

    def check(self, tell: Progress, *, begun: bool) -> list[Problem]:
        """Return what is wrong with the entries and their rollups.

        Parameters
        ----------
        tell : callable
            Told how many entries are done, and how many there are.
        begun : bool
            Whether the log has begun, so that an empty one is damage.
        """
        self.length = self._count()
        if self.length == 0 and begun:
            what = "entry 0 is missing, and all that came after it; put log/ back from a copy of the store"
            return [Problem("missing", entry_key(0), what)]
        problems: list[Problem] = []
        for first in range(0, self.length, ROLLUP):
            problems += self._check_block(range(first, min(first + ROLLUP, self.length)), tell)
        return problems + self._check_end()

    def _check_block(self, numbers: range, tell: Progress) -> Iterator[Problem]:
        """Yield what is wrong with the entries of one rollup, and with the rollup."""
        first = numbers[0]
        whole = len(numbers) == ROLLUP
        lines = self._reader.rollup(first) if whole else None
        if whole and lines is None and is_there(self._files, rollup_key(first)):
            what = "it is damaged; put it back from a copy of the store, or delete it if no entry is reported beside it"
            yield Problem("rollup", rollup_key(first), what)
        self._differs = {}
        for n, data in self._singles(numbers):
            yield from self._check_entry(n, data, lines[n - first] if lines else None)
            tell(n + 1, self.length)
        wrong = next((n for n, entry_is_good in self._differs.items() if entry_is_good), None)
        if wrong is not None:
            what = f"it holds other bytes of entry {wrong} than {entry_key(wrong)}"
            yield Problem("rollup", rollup_key(first), f"{what}; delete the rollup, if that entry is good")

    def _check_entry(self, n: int, data: bytes | None, line: bytes | None) -> Iterator[Problem]:
        """Yield what is wrong with an entry, given what lies under its name and what a rollup has of it."""
        if data is None:
            if entry_key(n) not in self._links:
                yield Problem("missing", entry_key(n), f"entry {n} is missing{_remedy(n) if line else ''}")
            self._prev = None
            return
        if line is not None:
            if data and data != line:
                self._differs[n] = True
            data = data or line  # emptied, as compaction does
        try:
            entry = decode_entry(data, n)
        except Corrupt as error:
            yield Problem("damaged", entry_key(n), f"{error}{_remedy(n) if n in self._differs else ''}")
            found = _whole(n, line)
            if found is None or line is None:
                self._prev = sha256_bytes(data)
                return
            self._differs[n] = False
            entry, data = found, line
        except SchemaError as error:
            yield Problem("unreadable", entry_key(n), str(error))
            self._prev = sha256_bytes(data)
            return
        yield from self._check_link(entry)
        self._prev = sha256_bytes(data)

    def _check_link(self, entry: Entry) -> Iterator[Problem]:
        n, prev = entry["n"], self._prev
        if prev is not None and entry["prev"] != prev:
            what = f"it follows {entry['prev'] or 'nothing'}, but the bytes before it are {prev or 'absent'}"
            yield Problem("chain", entry_key(n), what + (_remedy(n - 1) if n - 1 in self._differs else ""))
        first = self._operations.setdefault(entry["op"], n)
        if first != n:
            what = f"its operation {entry['op']} was committed as {entry_key(first)} already"
            yield Problem("doubled", entry_key(n), what)

    def _singles(self, numbers: range) -> Iterator[tuple[int, bytes | None]]:
        for start in range(numbers[0], numbers[-1] + 1, _AT_ONCE):
            some = range(start, min(start + _AT_ONCE, numbers[-1] + 1))
            if any(entry_key(n) in self._links for n in some):
                yield from ((n, None if entry_key(n) in self._links else self._reader.single(n)) for n in some)
            else:
                yield from zip(some, self._reader.many(some), strict=True)

    def _check_end(self) -> list[Problem]:
        """Report that the newest entries are gone, where the caches still speak of them."""
        hint = read_hint(self._files) or Hint()
        known = Hint(hint.n, tuple(list_marks(self._files)), hint.rolled)
        proof = later_than(self._files, self.length - 1, known)
        if proof is None or self._reader.single(self.length) is not None:  # somebody committed meanwhile
            return []
        return [Problem("missing", entry_key(self.length), str(missing(self.length, proof)))]

    def _count(self) -> int:
        """Return one more than the last entry: by listing, so that a gap is seen, else by name and hint."""
        try:
            numbers = [int(match[1]) for item in self._files.list("log/") if (match := _ENTRY.fullmatch(item.key))]
            return max(numbers, default=-1) + 1
        except AccessDenied:
            hint = read_hint(self._files)
            start = hint.n if hint and self._reader.single(hint.n) is not None else 0
            return max((stored.n for stored in self._reader.run(start, rollups=False)), default=-1) + 1


def _whole(n: int, line: bytes | None) -> Entry | None:
    try:
        return None if line is None else decode_entry(line, n)
    except (Corrupt, SchemaError):
        return None


def _remedy(n: int) -> str:
    return f"; line {n % ROLLUP + 1} of {rollup_key(n - n % ROLLUP)} holds other bytes of entry {n}, maybe good ones"


def check_checkpoints(files: Files, fold: Fold) -> list[Problem]:
    """Fold the log from entry 0, and return the checkpoints that do not hold what it says there.

    Only those that this library would believe are compared; a part is right if it has the bytes the fold gives now.
    """
    problems: list[Problem] = []
    believed: list[tuple[Mark, Checkpoint]] = []
    for mark in reversed(list_marks(files)):
        try:
            found = Checkpoint(files, mark)
            found.check()
            believed += [(mark, found)] if found.is_of(fold) else []
        except (SchemaError, StorageUnavailable, AccessDenied):  # of a newer library; deleted meanwhile; not ours
            continue
        except UNUSABLE as error:
            problems.append(Problem("checkpoint", mark.key, f"it is damaged ({error}); delete it"))
    try:
        return problems + list(_compare(files, fold, believed))
    except (Corrupt, SchemaError):  # said of the chain already, or of the snapshot
        return problems


def _compare(files: Files, fold: Fold, believed: list[tuple[Mark, Checkpoint]]) -> Iterator[Problem]:
    if not believed:
        return
    last = believed[-1][0].n
    reader = EntryReader(files)
    replay = Replay(fold, reader)
    for stored in reader.run(0, last + 1, expect=last):
        replay.apply(stored)
        for mark, found in believed:
            if mark.n == stored.n and (wrong := _wrong(found, replay)):
                what = f"it does not hold what the entries up to {mark.n} say ({', '.join(wrong)}); delete it"
                yield Problem("checkpoint", mark.key, what)


def _wrong(found: Checkpoint, replay: Replay) -> list[str]:
    """Return the names of the parts that differ."""
    if found.digest != replay.now.digest:
        return ["the digest of that entry"]
    expected = replay.parts()[1]
    return sorted(
        name
        for name in {*expected, *found.parts}
        if name not in expected or name not in found.parts or expected[name] != found.read(name)
    )
