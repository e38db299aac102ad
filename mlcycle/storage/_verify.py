"""Is the store what its log says: the chain of entries, every file in its size, every byte."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from mlcycle._digest import sha256_bytes
from mlcycle._text import printable
from mlcycle.errors import AccessDenied, Corrupt, InvalidInput, SchemaError, StoreError
from mlcycle.storage._checkpoints import Hint, later_than, list_marks, read_hint
from mlcycle.storage._entries import decode, entry_key
from mlcycle.storage._files import KeyNotFound
from mlcycle.storage._links import links_in
from mlcycle.storage._replay import ROLLUP, Reader, missing, rollup_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlcycle.storage._files import Files
    from mlcycle.storage._log import Log
    from mlcycle.storage._replay import State

    FileRefs = Mapping[str, Mapping[str, Any]]
    Progress = Callable[[int, int], None]

__all__ = ["LEVELS", "Problem", "Verification", "verify"]

LEVELS = ("chain", "files", "bytes")

_ENTRY = re.compile(r"log/(\d{10})\.json")
_AT_ONCE = 256
_PIECE = 8 * 1024 * 1024

Answer = TypeVar("Answer")


@printable
@frozen
class Problem:
    """One thing that is not as the log says.

    Attributes
    ----------
    kind : str
        ``"missing"``, ``"damaged"``, ``"chain"``, ``"doubled"``, ``"rollup"``, ``"size"``, ``"digest"``,
        ``"unreadable"`` or ``"link"``.
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


@printable
@frozen
class Verification:
    """How a verification ended.

    Attributes
    ----------
    level : str
        How deep it looked.
    entries, files, bytes : int
        How many entries and files were looked at, and how many bytes of files were read.
    problems : tuple of Problem
        Everything found.
    """

    level: str
    entries: int
    files: int
    bytes: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems

    def __str__(self) -> str:
        looked = f"{self.entries} entries, {self.files} files, {self.bytes:,} bytes read"
        found = f"{len(self.problems)} problem{'s' * (len(self.problems) != 1)}"
        return "\n".join([f"{'ok' if self.ok else found}: {looked}", *map(str, self.problems)])


def verify(
    log: Log,
    files: Files,
    named: Callable[[State], FileRefs],
    *,
    level: str = "chain",
    begun: bool = False,
    owners: Callable[[State, str], Sequence[str]] | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Check a store, and go on after every problem so as to name them all; nothing is changed.

    Parameters
    ----------
    log : Log
        The log of the store.
    files : Files
        The storage.
    named : callable
        State to the files it names: key to a description with ``size`` and ``sha256``.
    level : {"chain", "files", "bytes"}
        The chain of entries and their rollups; also that every named file exists in its size, and that there are no
        links; also every byte.
    begun : bool, default False
        Whether the log has begun, so that an empty one is damage.
    owners : callable, optional
        State and key to the versions that need the file.
    progress : callable, optional
        Called with how many entries or files are done, and how many there are.

    Returns
    -------
    Verification

    Raises
    ------
    InvalidInput
        For another level.

    Examples
    --------
    >>> from mlcycle.storage import Draft, Log, open_files
    >>> class Kept:
    ...     version, kinds, needs = 1, {"keep"}, set()
    ...     def empty(self):
    ...         return {"files": {}}
    ...     def apply(self, state, entry):
    ...         state["files"].update({change["file"]["key"]: change["file"] for change in entry["changes"]})
    >>> files = open_files("memory://doc-verify")
    >>> log = Log(files, Kept())
    >>> lost = {"key": "files/a.bin", "size": 3, "sha256": "sha256:…"}
    >>> log.commit(lambda now: Draft([{"kind": "keep", "file": lost}])).n
    0
    >>> print(verify(log, files, lambda state: state["files"], level="files"))
    1 problem: 1 entries, 1 files, 0 bytes read
    files/a.bin: it is not there; put it back from a copy of the store
    """
    if level not in LEVELS:
        raise InvalidInput(f"a store is verified to the level {' or '.join(map(repr, LEVELS))}, not {level!r}")
    tell = progress or (lambda done, total: None)
    links = sorted(links_in(files, "log" if level == "chain" else ""))
    chain = _Chain(files, {*links})
    problems = [*map(_link, links), *chain.check(tell, begun=begun)]
    if level == "chain":
        return Verification(level, chain.length, 0, 0, tuple(problems))
    try:
        refs = _named(log, named)
    except (Corrupt, SchemaError) as error:
        if not problems:
            problems.append(Problem("chain", "log/", str(error)))
        return Verification(level, chain.length, 0, 0, tuple(problems))
    found, read = _check_files(files, refs, tell, deep=level == "bytes")
    found = [_behind(problem, links) for problem in found]
    if found:  # a sweep may have passed meanwhile: what nothing names any more is not missed
        still = _named(log, named)
        with log.lock:
            state = log.snapshot(refresh=False).state
            hurt = [evolve(p, hurts=tuple(owners(state, p.key)) if owners else ()) for p in found if p.key in still]
        hurt_links = {problem.key for problem in hurt}
        problems = [problem for problem in problems if problem.key not in hurt_links] + hurt
    return Verification(level, chain.length, len(refs), read, tuple(problems))


def _named(log: Log, named: Callable[[State], FileRefs]) -> FileRefs:
    with log.lock:
        # A key that begins with @ lies at a place of the user's own, outside this store.
        return {key: ref for key, ref in named(log.snapshot().state).items() if not key.startswith("@")}


def _link(key: str) -> Problem:
    return Problem(
        "link", key, "it is a link, which is never followed; put what it leads to in its place, or remove it"
    )


def _behind(problem: Problem, links: list[str]) -> Problem:
    """Say of a file that is missed because of a link that it lies behind one."""
    link = next((key for key in links if problem.key == key or problem.key.startswith(f"{key}/")), None)
    if link is None:
        return problem
    where = "it is a link" if link == problem.key else f"it lies behind the link {link!r}"
    return evolve(problem, kind="link", what=f"{where}, which is not followed; put the file itself in its place")


class _Chain:
    """The entries as they lie there, each looked at for itself and as a link."""

    def __init__(self, files: Files, links: set[str]) -> None:
        self._files, self._links = files, links
        self._reader = Reader(files)
        self._digests: dict[int, str] = {}
        self._rolled: dict[int, str] = {}
        self.length = 0

    def check(self, tell: Progress, *, begun: bool) -> list[Problem]:
        self.length = self._count()
        if self.length == 0 and begun:
            what = "entry 0 is missing, and all that came after it; put log/ back from a copy of the store"
            return [Problem("missing", entry_key(0), what)]
        self._rolled = self._read_rollups()
        problems: list[Problem] = []
        operations: dict[str, int] = {}
        prev: str | None = ""
        for n, data in self._stored():
            if data is None:
                if entry_key(n) not in self._links:
                    problems.append(Problem("missing", entry_key(n), f"entry {n} is missing{self._remedy(n)}"))
                prev = None
                continue
            self._digests[n] = sha256_bytes(data)
            problems += self._look(n, data, prev, operations)
            prev = self._digests[n]
            tell(n + 1, self.length)
        return problems + self._check_end() + self._compare_rollups()

    def _check_end(self) -> list[Problem]:
        """Report that the newest entries are gone, where the caches still speak of them."""
        hint = read_hint(self._files) or Hint()
        known = Hint(hint.n, tuple(list_marks(self._files)), hint.rolled)
        proof = later_than(self._files, self.length - 1, known)
        if proof is None or self._reader.one(self.length) is not None:  # somebody committed meanwhile
            return []
        return [Problem("missing", entry_key(self.length), str(missing(self.length, proof)))]

    def _count(self) -> int:
        """Return one more than the last entry: by listing, so that a gap is seen, else by name and hint."""
        try:
            numbers = [int(match[1]) for item in self._files.list("log/") if (match := _ENTRY.fullmatch(item.key))]
            return max(numbers, default=-1) + 1
        except AccessDenied:
            hint = read_hint(self._files)
            start = hint.n if hint and self._reader.one(hint.n) else 0
            return max((stored.n for stored in self._reader.run(start, rollups=False)), default=-1) + 1

    def _stored(self) -> Iterator[tuple[int, bytes | None]]:
        for first in range(0, self.length, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, self.length))
            if any(entry_key(n) in self._links for n in numbers):
                yield from ((n, None if entry_key(n) in self._links else self._reader.one(n)) for n in numbers)
            else:
                yield from zip(numbers, self._reader.many(numbers), strict=True)

    def _look(self, n: int, data: bytes, prev: str | None, operations: dict[str, int]) -> list[Problem]:
        try:
            entry = decode(data, n)
        except Corrupt as error:
            return [Problem("damaged", entry_key(n), f"{error}{self._remedy(n)}")]
        except SchemaError as error:
            return [Problem("unreadable", entry_key(n), str(error))]
        problems = []
        if prev is not None and entry["prev"] != prev:
            what = f"it follows {entry['prev'] or 'nothing'}, but the bytes before it are {prev or 'absent'}"
            problems.append(Problem("chain", entry_key(n), what + self._remedy(n - 1)))
        first = operations.setdefault(entry["op"], n)
        if first != n:
            what = f"its operation {entry['op']} was committed as {entry_key(first)} already"
            problems.append(Problem("doubled", entry_key(n), what))
        return problems

    def _read_rollups(self) -> dict[int, str]:
        rolled = {}
        for first in range(0, self.length - ROLLUP + 1, ROLLUP):
            for i, line in enumerate(self._reader.rollup(first) or ()):
                rolled[first + i] = sha256_bytes(line)
        return rolled

    def _remedy(self, n: int) -> str:
        if n not in self._rolled or self._rolled[n] == self._digests.get(n):
            return ""
        return (
            f"; line {n % ROLLUP + 1} of {rollup_key(n - n % ROLLUP)} holds other bytes of entry {n}, maybe good ones"
        )

    def _compare_rollups(self) -> list[Problem]:
        """Report each rollup once, for the first entry in which it differs."""
        differ: dict[int, int] = {}
        for n, digest in self._rolled.items():
            if self._digests.get(n, digest) != digest:
                differ.setdefault(n - n % ROLLUP, n)
        what = "it holds other bytes of entry {0} than {1}; delete the rollup, if that entry is good"
        return [Problem("rollup", rollup_key(first), what.format(n, entry_key(n))) for first, n in differ.items()]


def _check_files(files: Files, refs: FileRefs, tell: Progress, *, deep: bool) -> tuple[list[Problem], int]:
    """Look at every named file; return what is wrong, and how many bytes were read."""
    sizes = _sizes(files, refs)
    problems: list[Problem] = []
    read = 0
    answers = _map(files, lambda key: _look_at(files, key, refs[key], sizes, deep=deep), sorted(refs))
    for done, (problem, size) in enumerate(answers, 1):
        read += size
        problems += [problem] if problem else []
        tell(done, len(refs))
    return problems, read


def _sizes(files: Files, refs: FileRefs) -> dict[str, int] | None:
    """Return the size of every file in the folders that matter, or None where listing is not allowed."""
    folders = sorted({key.split("/")[0] + "/" for key in refs})
    try:
        return {item.key: item.size for folder in folders for item in files.list(folder)}
    except AccessDenied:
        return None


def _look_at(
    files: Files, key: str, ref: Mapping[str, Any], sizes: dict[str, int] | None, *, deep: bool
) -> tuple[Problem | None, int]:
    size = sizes.get(key) if sizes is not None else ref["size"]
    if size is None:
        return Problem("missing", key, "it is not there; put it back from a copy of the store"), 0
    digest = ref["sha256"]
    read = 0
    if deep or sizes is None:
        try:
            size, digest = _hash(files, key)
        except KeyNotFound:
            return Problem("missing", key, "it is not there; put it back from a copy of the store"), 0
        except StoreError as error:
            return Problem("unreadable", key, str(error)), 0
        read = size
    if size != ref["size"]:
        return Problem("size", key, f"it has {size} bytes, {ref['size']} were stored; put a good copy back"), read
    if digest != ref["sha256"]:
        what = f"its bytes have the digest {digest}, {ref['sha256']} were stored; put a good copy back"
        return Problem("digest", key, what), read
    return None, read


def _hash(files: Files, key: str) -> tuple[int, str]:
    hasher, size = hashlib.sha256(), 0
    while True:
        piece = files.read(key, size, size + _PIECE)
        hasher.update(piece)
        size += len(piece)
        if len(piece) < _PIECE:
            return size, "sha256:" + hasher.hexdigest()


def _map(files: Files, look: Callable[[str], Answer], keys: list[str]) -> Iterator[Answer]:
    if files.can_append:  # a disk is read in order; over a network it is the waiting that counts
        yield from map(look, keys)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8, thread_name_prefix="mlcycle-verify") as pool:
        yield from pool.map(look, keys)
