"""The one thread of a process that looks after open writers, and what a fork means for them."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TendedWriter", "writer_thread"]

_IDLE = 30.0  # seconds to stay with nothing to do: a thread costs more to start than to keep through many short runs
_GOODBYE = 10.0  # seconds the interpreter waits at exit for last uploads; what is left stays in the spool


class TendedWriter(Protocol):
    """What the thread needs of a writer."""

    def _due(self) -> float:
        """Return when it next wants a tick, on the monotonic clock; infinity for never."""

    def _tick(self, now: float) -> None:
        """Do what is due; raises nothing."""

    def _hurry(self) -> None:
        """Make everything that must not be lost due at once."""

    def _after_fork(self) -> None:
        """Forget, in a child, what is the parent's."""


class WriterThread:
    """Knows every open writer of the process; its thread starts when one needs care, and ends some time after."""

    def __init__(self) -> None:
        self._writers: weakref.WeakSet[TendedWriter] = weakref.WeakSet()
        self._without_thread()
        self._takes_leave = False

    def _without_thread(self) -> None:
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._asleep_until = -math.inf
        self._leaving = False
        self._left = threading.Event()

    def watch(self, writer: TendedWriter) -> None:
        """Look after the writer from now on, for as long as it lives."""
        with self._changed:
            self._writers.add(writer)
            if writer._due() == math.inf:
                return
            if not self._takes_leave:
                self._takes_leave = True
                _before_the_end(self.leave)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mlcycle-writers", daemon=True)
                self._thread.start()
            elif writer._due() < self._asleep_until:
                self._changed.notify_all()

    def writers(self) -> list[TendedWriter]:
        """Return the writers that are looked after."""
        with self._changed:
            return list(self._writers)

    def _run(self) -> None:
        while self._wait():
            self._round()
            if self._leaving:
                # threads of the user's may go on for hours after the main one: so do we
                self._leaving = False
                self._left.set()
        self._left.set()

    def _round(self) -> None:
        now = time.monotonic()
        for writer in self.writers():
            if self._leaving:
                writer._hurry()
            if writer._due() <= now:
                writer._tick(now)

    def _wait(self) -> bool:
        """Sleep until a writer is due; False when none ever will be."""
        with self._changed:
            if self._next_due() == math.inf:
                self._sleep(_IDLE)
            due = self._next_due()
            if due == math.inf and not self._leaving:
                self._thread = None
                return False
            self._sleep(due - time.monotonic())
            return True

    def _next_due(self) -> float:
        return min((writer._due() for writer in self._writers), default=math.inf)

    def _sleep(self, seconds: float) -> None:
        if seconds > 0 and not self._leaving:
            self._asleep_until = time.monotonic() + seconds if self._next_due() < math.inf else math.inf
            self._changed.wait(seconds)
            self._asleep_until = -math.inf

    def before_fork(self) -> None:
        """Keep the set of writers whole while the process is copied."""
        self._changed.acquire()

    def in_parent(self) -> None:
        """Go on after a fork."""
        self._changed.release()

    def in_child(self) -> None:
        """Begin anew after a fork: there is no thread here, and no writer of ours yet."""
        self._without_thread()
        for writer in list(self._writers):
            writer._after_fork()

    def leave(self) -> None:
        """Give what still waits in spools a last chance before the interpreter ends."""
        with self._changed:
            if self._thread is None:
                return
            self._leaving = True
            self._left.clear()
            self._changed.notify_all()
        self._left.wait(_GOODBYE)


def _before_the_end(farewell: Callable[[], None]) -> None:
    """Have it called when the interpreter ends, while file systems still work.

    They run their requests in executors, and those refuse work from the moment that `concurrent.futures` learns of
    the end, which is before `atexit`. What is registered with `threading` after it is called before it. Where that is
    not to be had, lines stay in the spool and the next process sends them.
    """
    import concurrent.futures.thread  # noqa: F401 - registers itself, and must have done so first

    with contextlib.suppress(RuntimeError):  # the end has begun
        getattr(threading, "_register_atexit", atexit.register)(farewell)


writer_thread = WriterThread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=writer_thread.before_fork, after_in_parent=writer_thread.in_parent, after_in_child=writer_thread.in_child
    )
