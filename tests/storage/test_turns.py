"""Threads of one process: readers wait for nobody, committers take turns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from mlcycle.errors import MlcycleError
from mlcycle.storage import Draft, Files, Snapshot, open_files
from mlcycle.testing import FaultyFiles
from tests.storage.shelf import Shelf, ShelfLog, tick


@pytest.fixture
def memory(memory_url: tuple[str, dict[str, Any]]) -> Files:
    """Empty files in memory."""
    return open_files(memory_url[0])


def a_log(files: Files, **options: Any) -> ShelfLog:
    """Return a log of ann's."""
    return ShelfLog(files, author="ann", **options)


def together(*jobs: Callable[[], Any]) -> None:
    """Run jobs in threads; what one raises is raised here."""
    failed: list[BaseException] = []

    def guarded(job: Callable[[], Any]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failed:
        raise failed[0]
    assert not any(thread.is_alive() for thread in threads)


def test_committers_of_one_process_do_not_race(memory: Files) -> None:
    """Eight threads write a hundred and sixty entries with as many creates, and each entry is another's."""
    files = FaultyFiles(memory)
    log = a_log(files, caches=False)
    log.commit(tick("first"))
    files.calls.clear()
    numbers: list[int] = []

    def work(who: str) -> None:
        for i in range(20):
            numbers.append(log.commit(tick(f"{who}{i}")).n)

    together(*(lambda who=who: work(who) for who in "abcdefgh"))
    assert sorted(numbers) == [*range(1, 161)]
    assert [op for op, _ in files.calls] == ["create"] * 160


def test_a_reader_waits_for_no_writer(memory: Files) -> None:
    """While one thread stands in the storage's create, another looks, and sees what is there."""
    inside, free = threading.Event(), threading.Event()

    def slow(number: int, op: str, key: str) -> None:
        if op == "create" and key.endswith("2.json"):
            inside.set()
            assert free.wait(60)

    log = a_log(FaultyFiles(memory, slow), caches=False)
    log.commit(tick("a"))
    log.commit(tick("b"))
    seen: list[int] = []

    def look() -> None:
        assert inside.wait(60)
        try:
            a_log(memory, caches=False).snapshot()
            seen.append(log.snapshot().n)
            seen.append(log.entry(0)["n"])
        finally:
            free.set()

    together(lambda: log.commit(tick("c")), look)
    assert seen == [1, 0]


def test_an_entry_is_folded_once_however_many_look(memory: Files) -> None:
    """Four threads look at once where thirty entries are new."""
    log, other = a_log(memory, caches=False), a_log(memory, caches=False)
    log.snapshot()
    for i in range(30):
        other.commit(tick(str(i)))
    together(*[log.snapshot] * 4)
    assert log.snapshot().state["ticks"] == [str(i) for i in range(30)]


def test_a_fold_that_fails_in_one_thread_fails_no_other(memory: Files) -> None:
    """The state it left is of no use, and the others open the log anew."""

    class Once(Shelf):
        failures = 1

        def apply(self, state: dict[str, Any], entry: dict[str, Any]) -> None:
            super().apply(state, entry)
            if entry["n"] == 1 and self.failures:
                self.failures -= 1
                raise KeyboardInterrupt

    log = ShelfLog(memory, Once(), author="ann", caches=False)
    a_log(memory, caches=False).commit(tick("a"))
    log.snapshot()
    for name in ("b", "c"):
        a_log(memory, caches=False).commit(tick(name))
    interrupted = 0

    def look() -> None:
        nonlocal interrupted
        try:
            log.snapshot()
        except KeyboardInterrupt:
            interrupted += 1

    together(*[look] * 4)
    assert (interrupted, log.snapshot().state["ticks"]) == (1, ["a", "b", "c"])


def test_a_refusal_leaves_the_op_unused(memory: Files) -> None:
    """What says why something was not done is kept under an id of its own; what was done is found again."""
    log = a_log(memory)

    def refuse(now: Snapshot) -> Draft:
        return Draft([{"kind": "tick", "by": "no"}], refusal=True)

    first, second = log.commit(refuse, op="mine"), log.commit(refuse, op="mine")
    assert (first.n, second.n, first.mine, second.mine) == (0, 1, True, True)
    done = log.commit(tick("yes"), op="mine")
    assert (done.n, log.commit(refuse, op="mine").n, log.commit(tick("yes"), op="mine").mine) == (2, 2, False)
    assert a_log(memory).commit(refuse, op="mine").n == 2


def test_who_is_behind_learns_it_by_losing(memory: Files) -> None:
    """A commit does not look first: it decides by what it has seen, loses, and decides again."""
    log, other = a_log(memory, caches=False), a_log(memory, caches=False)
    log.commit(tick("a"))
    other.commit(tick("b"))
    seen: list[int] = []

    def propose(now: Snapshot) -> Draft:
        seen.append(now.n)
        return Draft([{"kind": "tick", "by": "c"}])

    assert log.commit(propose).n == 2
    assert seen == [0, 1]


def test_a_plan_that_gives_up_leaves_nothing(memory: Files) -> None:
    """Its error comes out, and the next committer is not kept waiting."""
    log = a_log(memory)

    def propose(now: Snapshot) -> Draft:
        raise MlcycleError("not so")

    with pytest.raises(MlcycleError, match="not so"):
        log.commit(propose)
    assert log.commit(tick("a")).n == 0
