"""Streams: lines that must not go through the log, such as the points of a run and captured traffic.

Every writer owns the names of its segments (see `mlcycle.storage._segments`), so writers never wait for one another.
Where the store can append, a line is in the file when `SegmentWriter.write` returns and survives ``kill -9``; elsewhere
it is in a local spool by then (`mlcycle.storage._spool`), which is uploaded every 5 to 60 seconds. One thread for the
whole process does that, and writes heartbeats.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from typing import TYPE_CHECKING, Any

from mlcycle._warn import warn
from mlcycle.errors import MlcycleWarning, StorageUnavailable, StoreError
from mlcycle.storage import _flock
from mlcycle.storage._files import open_files
from mlcycle.storage._flock import Flock, host_tag
from mlcycle.storage._segments import new_writer, read_lines, segment_key, segments
from mlcycle.storage._spool import Spool, recover_spools, spool_folder, spooled_owners
from mlcycle.storage._writer_thread import writer_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from mlcycle.storage._files import Appender, Files, Listed

__all__ = ["SegmentWriter", "owner_alive", "read_lines", "recover_spools", "spooled_owners"]

_BEAT = 60.0  # seconds of silence after which a heartbeat is written
_GROWTH = 1.5  # by which the pause between uploads grows, up to its end
_TRIES = 8  # short writes of one line before we call the disk full
_YOUNG = 5.0  # seconds in which an empty, unlocked segment may be one whose owner is just about to lock it


class SegmentWriter:
    r"""One writer of one stream; lives as long as what it records, and is closed with `close`.

    Any thread may write. A child made by ``fork`` goes on under a name of its own; a copy sent to another process by
    pickle is a new writer of the same stream.

    Parameters
    ----------
    files : Files
        The store.
    prefix : str
        The folder of the stream, ending in ``/``.
    stem : str, default ""
        What the names of its segments begin with.
    strict : bool, default False
        Raise when a line cannot be stored, instead of counting and warning once.
    heartbeat : bytes or callable returning bytes, optional
        A line written when there was none for 60 seconds, also before the first; called while `lock` is held. Default:
        none.
    spool : Path, optional
        Folder of the spool for stores that cannot append. Default: the user's folder for state, or ``MLCYCLE_SPOOL``.
    intervals : tuple of float, default (5.0, 60.0)
        Seconds between uploads from the spool: at first, and in the end.

    Attributes
    ----------
    failures : int
        How often something could not be stored.
    heartbeat : bytes, callable or None
        As given.
    lock : threading.RLock
        Held while a line is written; hold it to do what must be seen together with the line.
    stored : dict
        What this writer has uploaded, by key, with size and digest; nothing where the store can append.
    writer : str
        The name of this writer; another one after a fork.
    strict : bool
        As given.

    Examples
    --------
    >>> from mlcycle.storage._files import open_files
    >>> files = open_files("memory://streams-example")
    >>> writer = SegmentWriter(files, "runs/1/", "points-")
    >>> writer.write(b'{"loss": 0.31}\n')
    >>> writer.close()
    >>> [line for _, line in read_lines(files, "runs/1/", "points-")]
    [b'{"loss": 0.31}']
    """

    failures: int
    lock: threading.RLock
    stored: dict[str, dict[str, Any]]
    writer: str
    _target: Appender | Spool | None
    _flock: Flock | None

    def __init__(
        self,
        files: Files,
        prefix: str,
        stem: str = "",
        *,
        strict: bool = False,
        heartbeat: bytes | Callable[[], bytes] | None = None,
        spool: Path | None = None,
        intervals: tuple[float, float] = (5.0, 60.0),
    ) -> None:
        self._files, self._prefix, self._stem = files, prefix, stem
        self.strict, self.heartbeat, self._spool, self._intervals = strict, heartbeat, spool, intervals
        self._closed = self._forked = False
        self._begin_anew()
        segment_key(prefix, stem, self.writer, 0)  # a wrong prefix is the caller's mistake and is told at once
        if files.can_append:  # its first line or beat opens it: until then there is nothing to keep
            writer_thread.watch(self)
        else:
            self._guarded(self._open)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<SegmentWriter {self._prefix}{self._stem}{self.writer} {state}, {self.failures} failures>"

    def __reduce__(self) -> tuple[Any, ...]:
        options = (self.strict, self.heartbeat, self._spool, self._intervals)
        return _unpickle, (self._files, self._prefix, self._stem, options)

    def write(self, lines: bytes) -> None:
        """Store whole lines, each ended by a newline, in one write.

        Raises
        ------
        StoreError
            Only if strict, when they could not be stored.
        """
        if not lines:
            return
        try:
            with self.lock:
                self._put(lines if lines[-1] == 10 else lines + b"\n")
                self._last = time.monotonic()
        except Exception as error:  # noqa: BLE001 - whatever the storage throws must not stop a training
            self._failed(error)

    def flush(self) -> None:
        """Upload what waits in the spool; nothing to do where the store can append."""
        self._guarded(self._send)

    def close(self, *, sync: bool = False) -> None:
        """End this writer; it stops being alive. Safe to call twice.

        Parameters
        ----------
        sync : bool, default False
            Bring the bytes to the disk first, so that they survive a power failure.
        """
        if self._closed:
            return
        try:
            self._guarded(self._send)
        finally:
            self._end(sync)

    def __del__(self) -> None:
        target = getattr(self, "_target", None)
        if target is not None and not isinstance(target, Spool):
            with contextlib.suppress(Exception):
                target.close()

    def _end(self, sync: bool) -> None:
        with self.lock:
            self._closed, target, self._target = True, self._target, None
        with contextlib.ExitStack() as steps:  # runs them from the last to the first, whatever fails
            if self._flock is not None:
                steps.callback(self._flock.release)
            if target is not None:
                steps.callback(self._guarded, target.close)
                if sync:
                    steps.callback(self._guarded, target.sync)
        if isinstance(target, Spool) and not target.unsent:
            # children that were forked and ended without closing have left theirs here
            recover_spools(self._files, only=self._prefix, spool=self._spool)

    def _begin_anew(self) -> None:
        self.lock, self._sending = threading.RLock(), threading.Lock()
        self._target = None
        self._flock = None
        self.stored = {}
        self._torn = False
        self._warned = False
        self.failures = 0
        self.writer = new_writer()
        self._last = time.monotonic()
        self._pause = self._intervals[0]
        self._next_upload = math.inf

    def _after_fork(self) -> None:
        """Forget, in the child, everything that is the parent's."""
        target, lock = self._target, self._flock
        if isinstance(target, Spool):
            target.abandon()
        if lock is not None:
            lock.release()
        self._begin_anew()
        self._forked = True

    def _open(self) -> Appender | Spool:
        if self._closed:
            raise StorageUnavailable(f"the writer of {self._prefix}{self._stem}* is closed and takes no more lines")
        if self._forked:
            self._files, self._forked = _reopened(self._files), False
        files = self._files
        if files.can_append:
            key = segment_key(self._prefix, self._stem, self.writer, 0)
            self._target = files.append(key)
            path = files.local_path(key)
            self._flock = None if path is None else Flock.hold(path)
        else:
            folder = self._spool or spool_folder()
            self._target = spool = Spool(files, self._prefix, self._stem, self.writer, folder)
            self.stored = spool.stored
            self._next_upload = time.monotonic() + self._pause
        writer_thread.watch(self)
        return self._target

    def _put(self, data: bytes) -> None:
        target = self._target or self._open()
        if self._torn:
            data = b"\n" + data
        self._torn = True  # until the whole is known to be there
        done, tries = target.write(data), 1
        while done < len(data):
            if tries == _TRIES:
                name = f"{self._prefix}{self._stem}{self.writer}"
                raise StorageUnavailable(f"{name}: only a part of a line was taken, {_TRIES} times; is the disk full?")
            data = _rest(data, done)
            done, tries = target.write(data), tries + 1
        self._torn = False

    def _send(self) -> None:
        target = self._target
        if isinstance(target, Spool):
            with self._sending:
                if target.unsent:
                    target.send()

    def _guarded(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - see write
            self._failed(error, kept=isinstance(self._target, Spool))

    def _failed(self, error: Exception, *, kept: bool = False, background: bool = False) -> None:
        with self.lock:
            self.failures += 1
        if self.strict and not background:
            if isinstance(error, StoreError):
                raise error
            raise StorageUnavailable(f"{self._files.url}: {self._prefix}{self._stem}*: {error}") from error
        if self._warned:
            return
        self._warned = True
        fate = "is kept on this machine and sent later" if kept else "is lost; later failures are only counted"
        message = f"{self._files.url}: {self._prefix}{self._stem}*: what was recorded {fate}: {error}"
        try:
            warn(message)
        except MlcycleWarning:
            if not background:
                raise
            self._warned = (
                False  # warnings are errors here and nobody catches them in this thread: the next call says it
            )

    def _due(self) -> float:
        if self._closed or (self._target is None and self._forked):  # a child that writes nothing is no writer
            return math.inf
        return min(self._next_upload, self._last + _BEAT if self.heartbeat else math.inf)

    def _hurry(self) -> None:
        if isinstance(self._target, Spool):
            self._next_upload = 0.0

    def _tick(self, now: float) -> None:
        try:
            if self.heartbeat and now >= self._last + _BEAT:
                self._last = now
                with self.lock:
                    if not self._closed:
                        self._put(self.heartbeat if isinstance(self.heartbeat, bytes) else self.heartbeat())
        except Exception as error:  # noqa: BLE001 - see write
            self._failed(error, background=True)
        if now >= self._next_upload:
            self._pause = min(self._pause * _GROWTH, self._intervals[1])
            self._next_upload = now + self._pause
            try:
                self._send()
            except Exception as error:  # noqa: BLE001 - see write
                self._failed(error, kept=True, background=True)


def _unpickle(files: Files, prefix: str, stem: str, options: tuple[Any, ...]) -> SegmentWriter:
    strict, heartbeat, spool, intervals = options
    return SegmentWriter(files, prefix, stem, strict=strict, heartbeat=heartbeat, spool=spool, intervals=intervals)


def _reopened(files: Files) -> Files:
    """Return the same store over a file system object of a child's own; a disk and our memory have none to share."""
    if files.can_append:
        return files
    return open_files(files.url, single_writer=not files.shared, storage_options=files.storage_options, fresh=True)


def _rest(data: bytes, done: int) -> bytes:
    """Return what to write after only `done` bytes of the data were taken."""
    if data[done : done + 1] == b"\n":  # the line is whole but for its end
        return data[done:]
    line = data.rfind(b"\n", 0, done) + 1
    return data[done:] if line == done else b"\n" + data[line:]


def owner_alive(
    files: Files,
    prefix: str,
    stem: str = "",
    *,
    listed: Iterable[Listed] | None = None,
    spooled: Mapping[tuple[str, str], Mapping[str, Path]] | None = None,
    spool: Path | None = None,
) -> bool | None:
    """Say whether a living process is writing this stream; given a listing, the storage is not asked.

    Parameters
    ----------
    files : Files
        The store.
    prefix, stem : str
        Which stream.
    listed : iterable of Listed, optional
        A listing already made, to spare the call.
    spooled : mapping, optional
        What `spooled_owners` said, to spare looking through all spools for each of many streams.
    spool : Path, optional
        Where spools are. Default: as for `SegmentWriter`.

    Returns
    -------
    bool or None
        True: a process on this machine holds it. False: all its writers were on this machine, and are gone. None: it
        cannot be known from here; look at the time of its last line.
    """
    if files.can_append:
        states = [
            _segment_alive(files, one[0].writer, one[0].key, one[0].size, one[0].mtime)
            for one in segments(files, prefix, stem, listed=listed).values()
        ]
    else:
        spools = (spooled_owners(files, spool) if spooled is None else spooled).get((prefix, stem), {})
        held = {writer: _flock.held(path) for writer, path in spools.items()}
        if True in held.values():
            return True
        here = host_tag() if _flock.supported else "?"
        stored = segments(files, prefix, stem, listed=listed)
        states = [held.get(writer, False if writer.endswith(here) else None) for writer in {*held, *stored}]
    if True in states:
        return True
    return None if None in states or not states else False


def _segment_alive(files: Files, writer: str, key: str, size: int, mtime: float) -> bool | None:
    path = files.local_path(key)
    if path is None:
        return any(
            isinstance(other, SegmentWriter) and other.writer == writer and not other._closed
            for other in writer_thread.writers()
        )
    locked = _flock.held(path)
    if locked is False and (not writer.endswith(host_tag()) or (size == 0 and time.time() - mtime < _YOUNG)):
        return None
    return locked
