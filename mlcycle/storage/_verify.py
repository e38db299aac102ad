"""Is the store what its log says: every file in its size, every byte; the log itself is looked at in `_verify_log`."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from mlcycle._text import printable
from mlcycle.errors import AccessDenied, Corrupt, InvalidInput, SchemaError, StoreError, UnsafePath
from mlcycle.storage._files import KeyNotFound, check_key
from mlcycle.storage._symlinks import links_in
from mlcycle.storage._verify_log import Chain, Problem, check_checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mlcycle.storage._commit_log import Log
    from mlcycle.storage._files import Files
    from mlcycle.storage._replay import Snapshot
    from mlcycle.storage._verify_log import Progress

    FileRefs = Mapping[str, Mapping[str, Any]]

__all__ = ["LEVELS", "Problem", "Verification", "verify"]

LEVELS = ("chain", "files", "bytes")

_PIECE = 8 * 1024 * 1024

Answer = TypeVar("Answer")


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
    named: Callable[[Snapshot], FileRefs],
    *,
    level: str = "chain",
    begun: bool = False,
    owners: Callable[[Snapshot], Mapping[str, Sequence[str]]] | None = None,
    extra: Callable[[], Iterable[Problem]] | None = None,
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
        Snapshot to the files it names: key to a description with ``size`` and ``sha256``.
    level : {"chain", "files", "bytes"}
        The chain of entries and their rollups; also that every named file exists in its size, that there are no links,
        and that checkpoints say what the entries say; also every byte.
    begun : bool, default False
        Whether the log has begun, so that an empty one is damage.
    owners : callable, optional
        Snapshot to the versions that need each file, by key; asked once.
    extra : callable, optional
        Gives problems the caller looked for, beyond the level ``"chain"``.
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
    ...     version, kinds, needs = "kept/1", {"keep"}, set()
    ...     def empty(self):
    ...         return {}
    ...     def hold(self, state, entry=None):
    ...         pass
    ...     def apply(self, state, entry):
    ...         state.update({change["file"]["key"]: change["file"] for change in entry["changes"]})
    ...     def obstacles(self, entry):
    ...         return []
    >>> files = open_files("memory://doc-verify")
    >>> log = Log(files, Kept())
    >>> lost = {"key": "files/a.bin", "size": 3, "sha256": "sha256:…"}
    >>> log.commit(lambda now: Draft([{"kind": "keep", "file": lost}]), verb="keep").n
    0
    >>> print(verify(log, files, lambda now: now.state, level="files"))
    1 problem: 1 entries, 1 files, 0 bytes read
    files/a.bin: it is not there; put it back from a copy of the store
    """
    if level not in LEVELS:
        raise InvalidInput(f"a store is verified to the level {' or '.join(map(repr, LEVELS))}, not {level!r}")
    tell = progress or (lambda done, total: None)
    links = sorted(links_in(files, "log" if level == "chain" else ""))
    chain = Chain(files, {*links})
    problems = [*map(_link, links), *chain.check(tell, begun=begun)]
    if level == "chain":
        return Verification(level, chain.length, 0, 0, tuple(problems))
    try:
        refs = _named(log.snapshot(), named)
        problems += check_checkpoints(files, log.fold)
    except (Corrupt, SchemaError) as error:
        if not problems:
            problems.append(Problem("chain", "log/", str(error)))
        return Verification(level, chain.length, 0, 0, tuple(problems))
    found, read = _check_files(files, refs, tell, deep=level == "bytes")
    problems = _joined(problems, _hurt(log, [_behind(problem, {*links}) for problem in found], named, owners))
    problems += extra() if extra else ()
    return Verification(level, chain.length, len(refs), read, tuple(problems))


def _hurt(
    log: Log,
    found: list[Problem],
    named: Callable[[Snapshot], FileRefs],
    owners: Callable[[Snapshot], Mapping[str, Sequence[str]]] | None,
) -> list[Problem]:
    """Return the problems of files that are still named, with what they hurt: a sweep may have passed meanwhile."""
    if not found:
        return []
    now = log.snapshot()
    still, whose = _named(now, named), owners(now) if owners else {}
    return [evolve(one, hurts=tuple(whose.get(one.key, ()))) for one in found if one.key in still]


def _joined(problems: list[Problem], hurt: list[Problem]) -> list[Problem]:
    keys = {problem.key for problem in hurt}  # a link that is a file is said once, with what it hurts
    return [problem for problem in problems if problem.key not in keys] + hurt


def _named(now: Snapshot, named: Callable[[Snapshot], FileRefs]) -> FileRefs:
    # A key that begins with @ lies at a place of the user's own, outside this store.
    return {key: ref for key, ref in named(now).items() if not key.startswith("@")}


def _link(key: str) -> Problem:
    return Problem(
        "link", key, "it is a link, which is never followed; put what it leads to in its place, or remove it"
    )


def _behind(problem: Problem, links: set[str]) -> Problem:
    """Say of a file that is missed because of a link that it lies behind one."""
    names = problem.key.split("/")
    link = next((key for i in range(len(names)) if (key := "/".join(names[: i + 1])) in links), None)
    if link is None:
        return problem
    where = "it is a link" if link == problem.key else f"it lies behind the link {link!r}"
    return evolve(problem, kind="link", what=f"{where}, which is not followed; put the file itself in its place")


def _check_files(files: Files, refs: FileRefs, tell: Progress, *, deep: bool) -> tuple[list[Problem], int]:
    """Look at every named file; return what is wrong, and how many bytes were read."""
    odd = {key: trouble for key, ref in refs.items() if (trouble := _undescribed(key, ref))}
    sizes = _sizes(files, refs.keys() - odd.keys())
    problems = [Problem("damaged", key, f"the log says of it what cannot be: {odd[key]}") for key in sorted(odd)]
    read = 0
    keys = sorted(refs.keys() - odd.keys())
    answers = _map(files, lambda key: _look_at(files, key, refs[key], sizes, deep=deep), keys)
    for done, (problem, size) in enumerate(answers, 1):
        read += size
        problems += [problem] if problem else []
        tell(done, len(refs))
    return problems, read


def _undescribed(key: str, ref: Mapping[str, Any]) -> str | None:
    """Return why a file that the log names cannot be looked at, or None: what is odd must not hide the others."""
    try:
        check_key(key)
    except UnsafePath as error:
        return str(error)
    if type(ref.get("size")) is not int or type(ref.get("sha256")) is not str:
        return f"its size is {ref.get('size')!r:.60}, its digest {ref.get('sha256')!r:.60}"
    return None


def _sizes(files: Files, refs: Iterable[str]) -> dict[str, int] | None:
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
