"""Real processes on one store: they commit at once, and they are killed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlcycle.storage import open_files, verify
from tests.storage.shelf import ShelfLog, named, tick

ROOT = Path(__file__).parents[2]


def start(store: Path, who: str, count: int) -> subprocess.Popen[bytes]:
    """Start a process that commits; its pipe is unbuffered, so that no line is read ahead and lost."""
    command = [sys.executable, "-m", "tests.storage.committer", store, who, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)


def check(store: Path, said: dict[str, int]) -> list[str]:
    """Check that the log is whole and holds what was acknowledged where it was said; return its ticks."""
    files = open_files(store)
    log = ShelfLog(files)
    ticks: list[str] = log.snapshot().state["ticks"]
    assert len(ticks) == len(set(ticks))
    assert said == {tick: n for n, tick in enumerate(ticks) if tick in said}
    assert verify(log, files, named, level="files").ok
    return ticks


def acknowledged(said: bytes) -> dict[str, int]:
    """Read what a process said; a line cut by its death was not said."""
    lines = [line.decode().split() for line in said.splitlines(keepends=True) if line.endswith(b"\n")]
    return {name: int(n) for name, n in lines}


def race(store: Path, processes: int, count: int) -> None:
    """Let processes commit at once; none of their commits is lost, doubled or out of order."""
    running = [start(store, str(who), count) for who in range(processes)]
    said: dict[str, int] = {}
    for process in running:
        out, err = process.communicate(timeout=600)
        assert (process.returncode, err) == (0, b"")
        said |= acknowledged(out)
    assert processes * count == len(said)
    ticks = check(store, said)
    assert processes * count == len(ticks)
    for who in range(processes):
        assert [f"{who}.{i}" for i in range(count)] == [name for name in ticks if name.split(".")[0] == str(who)]


def kill_in_a_loop(store: Path, kills: int) -> None:
    """Kill one of two committing processes again and again: what it acknowledged is there, all else is whole."""
    source = random.Random(7)
    said: dict[str, int] = {}
    running = [start(store, "k0", 10**6)]
    for kill in range(kills):
        running.append(start(store, f"k{kill + 1}", 10**6))
        victim = running.pop(0)
        assert victim.stdout is not None
        said |= acknowledged(victim.stdout.readline())  # it is at work
        time.sleep(source.uniform(0, 0.05))
        victim.kill()
        out, _ = victim.communicate()
        said |= acknowledged(out)
        if kill % 10 == 9:
            ShelfLog(open_files(store)).commit(tick(f"between.{kill}"))
    running[0].kill()
    said |= acknowledged(running[0].communicate()[0])
    ticks = check(store, said)
    # Unacknowledged is at most the one commit each process was at when it died.
    assert len(ticks) - len(said) <= kills + 1 + kills // 10
    ShelfLog(open_files(store)).commit(tick("after"))
    assert [*ticks, "after"] == check(store, said)


def test_processes_commit_at_once(tmp_path: Path) -> None:
    """Four processes, forty commits each."""
    race(tmp_path / "store", 4, 40)


@pytest.mark.deep
def test_eight_processes_commit_at_once(tmp_path: Path) -> None:
    """Eight processes, two hundred commits each."""
    race(tmp_path / "store", 8, 200)


def test_killed_processes(tmp_path: Path) -> None:
    """Ten kills."""
    kill_in_a_loop(tmp_path / "store", 10)


@pytest.mark.deep
def test_many_killed_processes(tmp_path: Path) -> None:
    """Two hundred kills."""
    kill_in_a_loop(tmp_path / "store", 200)
