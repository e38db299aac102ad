"""Verify everything a store says of itself; remove what nothing names.

A sweep is a commit: an entry names the files, and only then are they deleted. A writer that meant to use one of them
sees the entry before it can commit, and uploads again. A sweep that died between the two is finished by the next.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import frozen

from mlcycle._text import printable
from mlcycle.storage._log import Draft, Log, Settled

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from mlcycle.storage._files import Files, Listed
    from mlcycle.storage._log import Snapshot
    from mlcycle.storage._replay import State

    Named = Callable[[State], Mapping[str, Mapping[str, Any]]]
    Doomed = Callable[[State], Collection[str]]
    Prefixes = Collection[str] | Callable[[State], Collection[str]]

__all__ = ["WEEK", "Garbage", "SweepResult", "garbage", "sweep"]

WEEK = 7 * 24 * 3600.0

# Keys of one sweep entry; an entry has 64 KB.
_KEY_BYTES = 48 * 1024


class Garbage(NamedTuple):
    """What a sweep would remove.

    Attributes
    ----------
    fresh : list of Listed
        Files nothing names, old enough.
    left : list of Listed
        Files an earlier sweep named and did not get to delete.
    """

    fresh: list[Listed]
    left: list[Listed]


@printable
@frozen
class SweepResult:
    """What a sweep removed, or would remove.

    Attributes
    ----------
    keys : tuple of str
        The files, in order.
    bytes : int
        Their size together.
    dry_run : bool
        Whether they are all still there.
    """

    keys: tuple[str, ...]
    bytes: int
    dry_run: bool

    def __str__(self) -> str:
        verb = "would remove" if self.dry_run else "removed"
        return f"{verb} {len(self.keys)} files, {self.bytes:,} bytes"


def garbage(
    files: Files, snapshot: Snapshot, named: Named, doomed: Doomed, prefixes: Prefixes, *, min_age: float = WEEK
) -> Garbage:
    """Return what nothing names below some prefixes.

    Parameters
    ----------
    files : Files
        The storage.
    snapshot : Snapshot
        The state to go by; a stale one is safe, because the commit of a sweep looks again.
    named : callable
        State to the files it names, by key: all that must stay.
    doomed : callable
        State to the keys that earlier sweeps named.
    prefixes : collection of str, or callable
        Where to look, or a function of the state that says so. What lies outside is never touched.
    min_age : float, default 7 days
        Seconds; younger files are left, which spares writers at work a second upload. Safety does not rest on it.
    """
    keep, gone = named(snapshot.state), doomed(snapshot.state)
    fresh, left = [], []
    youngest = time.time() - min_age
    for prefix in sorted(set(_at(prefixes, snapshot.state))):
        for item in files.list(prefix):
            if item.key in gone:
                left.append(item)
            elif item.key not in keep and (min_age <= 0 or item.mtime <= youngest):
                fresh.append(item)
    return Garbage(fresh, left)


def sweep(
    log: Log,
    files: Files,
    named: Named,
    *,
    doomed: Doomed,
    prefixes: Prefixes,
    author: str | None = None,
    message: str = "",
    dry_run: bool = False,
    min_age: float = WEEK,
) -> SweepResult:
    """Remove what nothing names: commit an entry that says so, then delete; finish what earlier sweeps began.

    Parameters
    ----------
    log : Log
        The log of the store. Its fold must know the change ``{"kind": "sweep", "keys": […]}`` and show the keys
        in `doomed` from then on.
    files : Files
        The storage.
    named, doomed, prefixes, min_age
        As for `garbage`.
    author : str, optional
        Who sweeps.
    message : str, default ""
        Why.
    dry_run : bool, default False
        Change nothing, only say what would be removed.

    Returns
    -------
    SweepResult

    Raises
    ------
    AccessDenied
        Where listing is not allowed; nothing can be swept then.

    Examples
    --------
    >>> from mlcycle.storage import Log, open_files
    >>> class Swept:
    ...     version, kinds, needs = 1, {"sweep"}, set()
    ...     def empty(self):
    ...         return {"doomed": []}
    ...     def apply(self, state, entry):
    ...         state["doomed"] += [key for change in entry["changes"] for key in change["keys"]]
    >>> files = open_files("memory://doc-sweep")
    >>> files.put("files/loose.bin", b"nobody names me")
    >>> log = Log(files, Swept(), author="ann")
    >>> found = sweep(
    ...     log, files, lambda state: {}, doomed=lambda state: state["doomed"], prefixes=["files/"], min_age=0
    ... )
    >>> print(found)
    removed 1 files, 15 bytes
    """
    with log.lock:
        found = garbage(files, log.snapshot(), named, doomed, prefixes, min_age=min_age)
    sizes = {item.key: item.size for item in (*found.left, *found.fresh)}
    if dry_run:
        return _result(sizes, sizes, dry_run=True)
    removed = [item.key for item in found.left]
    files.delete(removed)
    for keys in _chunks(item.key for item in found.fresh):
        swept = _commit(log, keys, named, prefixes, author, message)
        files.delete(swept)
        removed += swept
    return _result(removed, sizes, dry_run=False)


def _commit(log: Log, keys: list[str], named: Named, prefixes: Prefixes, author: str | None, message: str) -> list[str]:
    """Commit the sweep of those keys that nothing names at the newest entry, and return them."""
    going: list[str] = []

    def propose(now: Snapshot) -> Draft | Settled:
        keep, within = named(now.state), tuple(_at(prefixes, now.state))
        going[:] = [key for key in keys if key not in keep and key.startswith(within)]
        return Draft([{"kind": "sweep", "keys": list(going)}]) if going else Settled()

    log.commit(propose, author=author, message=message)
    return going


def _at(prefixes: Prefixes, state: State) -> Collection[str]:
    return prefixes(state) if callable(prefixes) else prefixes


def _chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for key in keys:
        cost = len(key.encode()) + 3
        if chunk and size + cost > _KEY_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(key)
        size += cost
    if chunk:
        yield chunk


def _result(keys: Iterable[str], sizes: Mapping[str, int], *, dry_run: bool) -> SweepResult:
    ordered = tuple(sorted(keys))
    return SweepResult(ordered, sum(sizes[key] for key in ordered), dry_run)
