"""A storage that fails where a plan says so: walk a fault over every call of a scenario."""

from __future__ import annotations

import enum
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from mlcycle.errors import StorageUnavailable
from mlcycle.storage._files import Appender, Files, Listed, Outcome
from mlcycle.storage._symlinks import links_in

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Crash", "Fault", "FaultyFiles", "Plan", "fail_at", "fail_on", "fail_randomly"]


class Fault(enum.Enum):
    """What goes wrong with one call. Where a fault does not fit the call, the nearest one that does happens.

    Attributes
    ----------
    BEFORE
        Nothing is done, and the call raises `StorageUnavailable`.
    AFTER
        It is done, and the call raises `StorageUnavailable`.
    UNKNOWN
        It is done, and the answer is lost: `create` says `Outcome.UNKNOWN`; elsewhere as `AFTER`.
    UNDONE
        Nothing is done, and the answer is lost: `create` says `Outcome.UNKNOWN`; elsewhere as `BEFORE`.
    SHORT
        A write to an appender takes half of the bytes, and says so; elsewhere as `BEFORE`.
    STALE
        A listing is the one of the call before for this prefix, empty if there was none; elsewhere nothing happens.
    CRASH
        Nothing is done, and the process is gone: this and every later call raises `Crash`.
    CRASH_AFTER
        It is done, and the process is gone.
    """

    BEFORE = "before"
    AFTER = "after"
    UNKNOWN = "unknown"
    UNDONE = "undone"
    SHORT = "short"
    STALE = "stale"
    CRASH = "crash"
    CRASH_AFTER = "crash after"


T = TypeVar("T")
Plan = Callable[[int, str, str], "Fault | None"]

_DONE_FIRST = (Fault.AFTER, Fault.UNKNOWN, Fault.CRASH_AFTER)


class Crash(BaseException):
    """Stands for the death of the process: no ``except Exception`` survives it, no clean-up reaches the storage."""


def fail_at(index: int, fault: Fault) -> Plan:
    """Return the plan in which only the call of this number (from 0) fails.

    Examples
    --------
    >>> plan = fail_at(3, Fault.BEFORE)
    >>> plan(3, "read", "hint.json"), plan(4, "read", "hint.json")
    (<Fault.BEFORE: 'before'>, None)
    """
    return lambda number, op, key: fault if number == index else None


def fail_on(op: str, fault: Fault, prefix: str = "", times: int | None = None) -> Plan:
    """Return the plan in which one kind of call fails.

    Parameters
    ----------
    op : str
        One of ``create put read list delete append write sync``.
    fault : Fault
        What goes wrong.
    prefix : str, default ""
        Only for keys that begin with this.
    times : int, optional
        Only this often; always by default.

    Examples
    --------
    >>> plan = fail_on("create", Fault.UNKNOWN, "log/", times=1)
    >>> plan(0, "create", "log/0000000000.json"), plan(1, "create", "log/0000000000.json")
    (<Fault.UNKNOWN: 'unknown'>, None)
    """
    left = times

    def plan(number: int, called: str, key: str) -> Fault | None:
        nonlocal left
        if called != op or not key.startswith(prefix) or left == 0:
            return None
        if left is not None:
            left -= 1
        return fault

    return plan


def fail_randomly(seed: int, rate: float, faults: Iterable[Fault] = (Fault.BEFORE, Fault.AFTER, Fault.UNKNOWN)) -> Plan:
    """Return the plan in which a share `rate` of all calls fails, the same ones for the same seed.

    Examples
    --------
    >>> plan = fail_randomly(0, 1.0, [Fault.AFTER])
    >>> plan(0, "put", "hint.json")
    <Fault.AFTER: 'after'>
    """
    choices = tuple(faults)

    def plan(number: int, op: str, key: str) -> Fault | None:
        source = random.Random(f"{seed}:{number}")
        return source.choice(choices) if source.random() < rate else None

    return plan


class FaultyFiles:
    """Any storage, failing where the plan says so, and remembering what was asked of it.

    Parameters
    ----------
    files : Files
        The storage underneath.
    plan : callable, optional
        ``(number of the call from 0, op, key) -> Fault or None``; without one nothing fails.
    local_paths : bool, default True
        Whether `local_path` answers; False sends every read through `read`, where it is counted and can fail.

    Attributes
    ----------
    calls : list of (str, str)
        Operation and key (a prefix for ``list``, the first key for ``delete``) of every call, in order.
    plan : callable or None
        May be exchanged at any time.

    Examples
    --------
    >>> from mlcycle.storage import open_files
    >>> files = FaultyFiles(open_files("memory://example-faults"), fail_at(0, Fault.UNKNOWN))
    >>> files.create("a", b"1"), files.create("a", b"2")
    (<Outcome.UNKNOWN: 'unknown'>, <Outcome.LOST: 'lost'>)
    >>> files.calls
    [('create', 'a'), ('create', 'a')]
    """

    def __init__(self, files: Files, plan: Plan | None = None, *, local_paths: bool = True) -> None:
        self.files, self.plan = files, plan
        self.url, self.protocol, self.storage_options = files.url, files.protocol, files.storage_options
        self.can_append, self.shared = files.can_append, files.shared
        self.calls: list[tuple[str, str]] = []
        self._local_paths, self._crashed = local_paths, False
        self._listings: dict[str, list[Listed]] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"FaultyFiles({self.files!r}, {len(self.calls)} calls)"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.files,)  # a plan is this process's own business

    def create(self, key: str, data: bytes) -> Outcome:
        """As `Files.create`; ``UNKNOWN`` and ``UNDONE`` lose the answer."""
        fault = self._called("create", key)
        if fault is Fault.UNDONE:
            return Outcome.UNKNOWN
        if fault is Fault.UNKNOWN:
            self.files.create(key, data)
            return Outcome.UNKNOWN
        return self._carry_out(fault, f"create {key!r}", lambda: self.files.create(key, data))

    def put(self, key: str, data: bytes | Path, *, durable: bool = True, move: bool = False) -> None:
        """As `Files.put`."""
        fault = self._called("put", key)
        self._carry_out(fault, f"put {key!r}", lambda: self.files.put(key, data, durable=durable, move=move))

    def read(self, key: str, start: int | None = None, stop: int | None = None) -> bytes:
        """As `Files.read`."""
        fault = self._called("read", key)
        return self._carry_out(fault, f"read {key!r}", lambda: self.files.read(key, start, stop))

    def list(self, prefix: str) -> Iterator[Listed]:
        """As `Files.list`; ``STALE`` gives the listing of the call before."""
        fault = self._called("list", prefix)
        found = self._carry_out(fault, f"list {prefix!r}", lambda: [*self.files.list(prefix)])
        with self._lock:
            before = self._listings.get(prefix, [])
            self._listings[prefix] = found
        return iter(before if fault is Fault.STALE else found)

    def delete(self, keys: Iterable[str]) -> None:
        """As `Files.delete`."""
        doomed = [*keys]
        fault = self._called("delete", doomed[0] if doomed else "")
        self._carry_out(fault, f"delete {doomed!r}", lambda: self.files.delete(doomed))

    def append(self, key: str) -> Appender:
        """As `Files.append`; what it returns counts as ``write`` and ``sync``."""
        fault = self._called("append", key)
        return _FaultyAppender(self, self._carry_out(fault, f"append {key!r}", lambda: self.files.append(key)), key)

    def local_path(self, key: str) -> Path | None:
        """As `Files.local_path`; not counted, because it asks the storage nothing."""
        return self.files.local_path(key) if self._local_paths else None

    def _links(self, prefix: str) -> Iterator[str]:
        return links_in(self.files, prefix)

    def revive(self) -> None:
        """Undo a crash: the next process starts, over the same storage; calls go on being counted."""
        self._crashed = False

    def _called(self, op: str, key: str) -> Fault | None:
        with self._lock:
            if self._crashed:
                raise Crash(f"{op} {key!r}: the process is gone")
            number = len(self.calls)
            self.calls.append((op, key))
        return self.plan(number, op, key) if self.plan else None

    def _carry_out(self, fault: Fault | None, what: str, do: Callable[[], T]) -> T:
        if fault is None or fault is Fault.STALE:
            return do()
        if fault in _DONE_FIRST:
            do()
        if fault in (Fault.CRASH, Fault.CRASH_AFTER):
            self._crashed = True
            raise Crash(f"{what}: {fault.value}")
        raise StorageUnavailable(f"{what}: a fault was planned here ({fault.value})")


class _FaultyAppender:
    def __init__(self, owner: FaultyFiles, opened: Appender, key: str) -> None:
        self._owner, self._opened, self._key = owner, opened, key

    @property
    def offset(self) -> int:
        return self._opened.offset

    def write(self, data: bytes) -> int:
        fault = self._owner._called("write", self._key)
        if fault is Fault.SHORT:
            return self._opened.write(data[: len(data) // 2])
        return self._owner._carry_out(fault, f"write {self._key!r}", lambda: self._opened.write(data))

    def sync(self) -> None:
        self._owner._carry_out(self._owner._called("sync", self._key), f"sync {self._key!r}", self._opened.sync)

    def close(self) -> None:
        self._opened.close()

    def __getattr__(self, name: str) -> Any:  # fileno(), where the file underneath has one
        return getattr(self._opened, name)
