"""The thread that looks after open writers: there when one needs care, gone some time after, and anew after a fork."""

from __future__ import annotations

import gc
import math
import threading
import time
from typing import TYPE_CHECKING

import pytest

from mlcycle.storage import _writer_thread
from mlcycle.storage._writer_thread import WriterThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Writer:
    """What the keeper needs of a writer.

    Parameters
    ----------
    due : float
        When it wants its first tick, from now on.
    again : float, default infinity
        How long after a tick it wants the next.

    Attributes
    ----------
    ticks : list of float
        When it was looked after.
    hurried, forked : bool
    """

    def __init__(self, due: float, again: float = math.inf) -> None:
        self.at, self.again = time.monotonic() + due, again
        self.ticks: list[float] = []
        self.hurried = self.forked = False

    def _due(self) -> float:
        return self.at

    def _tick(self, now: float) -> None:
        self.ticks.append(now)
        self.at = now + self.again

    def _hurry(self) -> None:
        self.hurried = True
        if self.at < math.inf:
            self.at = -math.inf

    def _after_fork(self) -> None:
        self.forked = True


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def writer_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[WriterThread]:
    """Return a keeper of its own, whose thread has ended when the test has."""
    monkeypatch.setattr(_writer_thread, "_IDLE", 0.01)
    writer_thread = WriterThread()
    yield writer_thread
    for writer in writer_thread.writers():
        writer.at = math.inf  # type: ignore[attr-defined]
    with writer_thread._changed:
        writer_thread._changed.notify_all()
    _until(lambda: writer_thread._thread is None)


def _threads() -> int:
    return sum(thread.name == "mlcycle-writers" for thread in threading.enumerate())


def test_a_writer_is_looked_after_when_it_is_due(writer_thread: WriterThread) -> None:
    """No earlier, and again as long as it wants to be."""
    writer = Writer(0.02, 0.005)
    first = writer.at
    writer_thread.watch(writer)
    _until(lambda: len(writer.ticks) >= 3)
    assert writer.ticks[0] >= first
    assert all(later - earlier >= 0.005 for earlier, later in zip(writer.ticks, writer.ticks[1:], strict=False))
    assert not writer.hurried


def test_a_writer_that_is_never_due_costs_no_thread(writer_thread: WriterThread) -> None:
    """It is known all the same, for as long as it lives."""
    before, writer = _threads(), Writer(math.inf)
    writer_thread.watch(writer)
    assert (writer_thread.writers(), _threads()) == ([writer], before)
    del writer
    gc.collect()
    assert writer_thread.writers() == []


def test_one_that_is_due_sooner_wakes_the_thread(writer_thread: WriterThread) -> None:
    """It sleeps until the soonest it knows of; one thread serves all."""
    before = _threads()
    late, soon = Writer(600), Writer(0)
    writer_thread.watch(late)
    _until(lambda: writer_thread._asleep_until > time.monotonic())
    writer_thread.watch(soon)
    _until(lambda: bool(soon.ticks))
    assert (late.ticks, _threads() - before) == ([], 1)


def test_with_nothing_to_do_the_thread_ends_and_another_begins(writer_thread: WriterThread) -> None:
    """It stays for a while first: it costs more to start than to keep."""
    one = Writer(0)
    writer_thread.watch(one)
    first = writer_thread._thread
    _until(lambda: writer_thread._thread is None)
    assert first is not None
    assert len(one.ticks) == 1
    other = Writer(0)
    writer_thread.watch(other)
    _until(lambda: bool(other.ticks))
    assert writer_thread._thread is not first


def test_at_the_end_everything_is_due_at_once(writer_thread: WriterThread) -> None:
    """Leaving waits for it, and writers that go on afterwards are looked after as before."""
    writer = Writer(600)
    writer_thread.watch(writer)
    writer_thread.leave()
    assert (writer.hurried, len(writer.ticks)) == (True, 1)
    later = Writer(0)
    writer_thread.watch(later)
    _until(lambda: bool(later.ticks))
    assert not later.hurried


def test_leaving_waits_only_so_long(writer_thread: WriterThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a storage does not take stays in the spool; without a thread there is nothing to wait for."""
    begun = time.monotonic()
    monkeypatch.setattr(_writer_thread, "_GOODBYE", 20)
    writer_thread.leave()
    assert time.monotonic() - begun < 10
    monkeypatch.setattr(_writer_thread, "_GOODBYE", 0.02)
    go_on = threading.Event()
    writer = Writer(600)
    writer._tick = lambda now: (go_on.wait(20), setattr(writer, "at", math.inf))  # type: ignore[method-assign,assignment]
    writer_thread.watch(writer)
    begun = time.monotonic()
    writer_thread.leave()
    assert 0.02 <= time.monotonic() - begun < 10
    go_on.set()


def test_a_child_begins_anew(writer_thread: WriterThread) -> None:
    """Its writers forget what is the parent's; nobody held the lock while the process was copied."""
    writer = Writer(600)
    writer_thread.watch(writer)
    changed, thread = writer_thread._changed, writer_thread._thread
    assert thread is not None
    writer_thread.before_fork()
    others = threading.Thread(target=writer_thread.writers, daemon=True)
    others.start()
    others.join(0.02)
    assert others.is_alive()
    writer_thread.in_parent()
    others.join()
    assert not writer.forked
    child = WriterThread()
    child._writers = writer_thread._writers
    child.before_fork()
    child.in_child()
    asked = threading.Thread(target=child.writers, daemon=True)
    asked.start()
    asked.join(20)
    assert not asked.is_alive()
    assert (writer.forked, child._thread, child.writers()) == (True, None, [writer])
    assert (writer_thread._changed, writer_thread._thread) == (changed, thread)
