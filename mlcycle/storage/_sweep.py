"""Remove what nothing names.

A sweep is a commit: an entry names the files, and only then are they deleted. A writer that meant to use one of them
sees the entry before it can commit, and uploads again (`Log.swept_since`). A sweep that died between the two is found
again by listing, named again and deleted: harmless, because a key is never used a second time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle._digest import canonical_json
from mlcycle._text import printable
from mlcycle.storage._commit_log import Draft, Log, UpToDate
from mlcycle.storage._entries import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Mapping
    from re import Pattern

    from mlcycle.storage._commit_log import Snapshot
    from mlcycle.storage._files import Files

    Named = Callable[[Snapshot], Container[str]]
    Prefixes = Callable[[Snapshot], Collection[str]]
    SweepChanges = Callable[[Snapshot, list[str]], tuple[list[str], list[dict[str, Any]]]]

__all__ = ["SweepResult", "sweep"]

_WEEK = 7 * 24 * 3600.0

_ENTRY_BYTES = MAX_BYTES - 8 * 1024  # left for envelope and message
_AT_ONCE = 1000  # keys; more never fit into one entry


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


def sweep(
    log: Log,
    files: Files,
    named: Named,
    *,
    prefixes: Prefixes,
    swept: SweepChanges | None = None,
    shape: Pattern[str] | None = None,
    author: str | None = None,
    message: str = "",
    dry_run: bool = False,
    min_age: float = _WEEK,
) -> SweepResult:
    """Remove what nothing names: commit an entry that says so, then delete.

    Parameters
    ----------
    log : Log
        The log of the store. Its fold must know the change ``{"kind": "sweep", "keys": […], "swept": […]}``.
    files : Files
        The storage.
    named : callable
        Snapshot to the keys that must stay; what it reads for that goes through `mlcycle.storage.fetch`.
    prefixes : callable
        Snapshot to where to look. What lies outside is never touched.
    swept : callable, optional
        Snapshot and keys to the objects of whose files these are any, dropped ones too, and to further changes for the
        same entry. Asked within the commit, so it must decide from the snapshot alone.
    shape : re.Pattern, optional
        What the keys look like that are written here. Others are somebody else's, and stay; by default there are none.
    author : str, optional
        Who sweeps.
    message : str, default ""
        Why.
    dry_run : bool, default False
        Change nothing, only say what would be removed.
    min_age : float, default 7 days
        Seconds; younger files are left, which spares writers at work a second upload. Safety does not rest on it.

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
    >>> class NamedKeys:
    ...     version, kinds, needs = "swept/1", {"sweep"}, set()
    ...     def empty(self):
    ...         return {}
    ...     def hold(self, state, entry=None):
    ...         pass
    ...     def apply(self, state, entry):
    ...         pass
    ...     def obstacles(self, entry):
    ...         return []
    ...     def skipped(self, state):
    ...         return []
    ...     def dump(self, state):
    ...         return {}
    ...     def load(self, parts, read):
    ...         return {}
    >>> files = open_files("memory://doc-sweep")
    >>> files.put("files/loose.bin", b"nobody names me")
    >>> log = Log(files, NamedKeys(), author="ann")
    >>> print(sweep(log, files, lambda now: {}, prefixes=lambda now: ["files/"], min_age=0))
    removed 1 files, 15 bytes
    """
    now = log.snapshot()  # one that grows stale meanwhile is safe: the commit decides by the newest
    keep, within = named(now), sorted({*prefixes(now)})
    youngest = time.time() - min_age
    sizes = {
        item.key: item.size
        for prefix in within
        for item in files.list(prefix)
        if (shape is None or shape.fullmatch(item.key))
        and item.key not in keep
        and (min_age <= 0 or item.mtime <= youngest)
    }
    if dry_run:
        return _result(sizes, sizes, dry_run=True)
    removed: list[str] = []
    left = [*sizes]
    while left:
        going, rest = _commit(log, left[:_AT_ONCE], named, prefixes, swept, author, message)
        files.delete(going)
        removed += going
        left = rest + left[_AT_ONCE:]
    return _result(removed, sizes, dry_run=False)


def _commit(
    log: Log,
    keys: list[str],
    named: Named,
    prefixes: Prefixes,
    swept: SweepChanges | None,
    author: str | None,
    message: str,
) -> tuple[list[str], list[str]]:
    """Commit the sweep of those keys that nothing names at the newest entry; return them, and those left for a next."""
    going: list[str] = []
    rest: list[str] = []

    def propose(now: Snapshot) -> Draft | UpToDate:
        keep, within = named(now), tuple(prefixes(now))
        going[:] = [key for key in keys if key not in keep and key.startswith(within)]
        rest.clear()
        while going:
            objects, further = swept(now, going) if swept else ([], [])
            changes = [{"kind": "sweep", "keys": list(going), "swept": objects}, *further]
            if len(going) == 1 or len(canonical_json(changes)) <= _ENTRY_BYTES:
                return Draft(changes)
            half = len(going) // 2
            rest[:0] = going[half:]
            del going[half:]
        return UpToDate()

    log.commit(propose, verb="store.sweep", author=author, message=message)
    return going, rest


def _result(keys: Iterable[str], sizes: Mapping[str, int], *, dry_run: bool) -> SweepResult:
    ordered = tuple(sorted(keys))
    return SweepResult(ordered, sum(sizes[key] for key in ordered), dry_run)
