"""Real processes: killed in a loop, forked in the middle, many at once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlcycle.storage import SegmentWriter, open_files, owner_alive, read_lines, recover_spools

if TYPE_CHECKING:
    from pathlib import Path

    from mlcycle.storage import Files

PREFIX, STEM = "runs/2026-11/a/", "points-"

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")

WRITES_FOR_EVER = """
import itertools, json, os, sys
from mlcycle.storage import SegmentWriter, open_files
url, options, prefix, stem = json.loads(sys.argv[1])
writer = SegmentWriter(open_files(url, storage_options=options), prefix, stem, intervals=(0.05, 0.1))
for number in itertools.count():
    writer.write(b'{"number": %d}\\n' % number)
    os.write(1, b"%d\\n" % number)
"""


def numbers(files: Files) -> list[int]:
    """Return the numbers of all lines; each must be whole."""
    return [json.loads(text)["number"] for _, text in read_lines(files, PREFIX, STEM)]


def killed_after(url: str, options: dict[str, Any], lines: int, spool: Path) -> int:
    """Kill a process that writes when it has acknowledged so many lines; return how many it did."""
    argument = json.dumps([url, options, PREFIX, STEM])
    child = subprocess.Popen(
        [sys.executable, "-c", WRITES_FOR_EVER, argument],
        stdout=subprocess.PIPE,
        env={**os.environ, "MLCYCLE_SPOOL": str(spool)},
    )
    assert child.stdout is not None
    with child:
        for _ in range(lines):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        return lines + child.stdout.read().count(b"\n")


def kill_loop(folder: Path, rounds: int) -> None:
    """Kill writers at random moments; every line they acknowledged is there, and at most one more."""
    source = random.Random(rounds)
    for number in range(rounds):
        url = str(folder / str(number))
        acknowledged = killed_after(url, {}, source.randrange(1, 400), folder)
        files = open_files(url)
        found = numbers(files)
        assert list(range(len(found))) == found
        assert acknowledged <= len(found) <= acknowledged + 1
        assert owner_alive(files, PREFIX, STEM) is False


def test_killed_writers_lose_nothing(tmp_path: Path) -> None:
    """Ten processes killed with SIGKILL lose no line they acknowledged."""
    kill_loop(tmp_path, 10)


@pytest.mark.deep
def test_many_killed_writers_lose_nothing(tmp_path: Path) -> None:
    """Two hundred processes killed with SIGKILL lose no line they acknowledged."""
    kill_loop(tmp_path, 200)


def test_killed_writer_on_s3_is_recovered(s3_url: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
    """What a killed process had not uploaded yet is uploaded by the next process on the machine."""
    url, options = s3_url
    spool = tmp_path / "spool"
    acknowledged = killed_after(url, options, 300, spool)
    files = open_files(url, storage_options=options)
    assert owner_alive(files, PREFIX, STEM, spool=spool) is False
    recover_spools(files, spool=spool)
    found = numbers(files)
    assert list(range(len(found))) == found
    assert acknowledged <= len(found) <= acknowledged + 1
    assert list(spool.iterdir()) == []
    assert owner_alive(files, PREFIX, STEM, spool=spool) is False


def run_child(work: Any) -> int:
    """Fork, do the work in the child, and return how it ended."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child must never go on as a second pytest
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_child_writes_its_own_segment(tmp_path: Path) -> None:
    """Parent and child go on writing the same stream, and both are complete."""
    files = open_files(tmp_path)
    writer = SegmentWriter(files, PREFIX, STEM, heartbeat=b'{"number": -1}\n')
    writer.write(b'{"number": 0}\n')
    mine = writer.writer

    def work() -> None:
        for number in range(100, 200):
            writer.write(b'{"number": %d}\n' % number)
        writer.close()

    assert run_child(work) == 0
    writer.write(b'{"number": 1}\n')
    assert owner_alive(files, PREFIX, STEM) is True
    writer.close()
    found = list(read_lines(files, PREFIX, STEM))
    assert [json.loads(text)["number"] for name, text in found if name == mine] == [0, 1]
    assert list(range(100, 200)) == [json.loads(text)["number"] for name, text in found if name != mine]
    assert owner_alive(files, PREFIX, STEM) is False


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_child_that_writes_nothing_leaves_nothing(tmp_path: Path) -> None:
    """A child that only works adds no file, and does not keep its parent's lock when the parent ends."""
    files = open_files(tmp_path)
    writer = SegmentWriter(files, PREFIX, STEM)
    writer.write(b'{"number": 0}\n')
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write_end)
        os.read(read_end, 1)
        os._exit(0)
    os.close(read_end)
    writer.close()
    alive, keys = owner_alive(files, PREFIX, STEM), [one.key for one in files.list("")]
    os.close(write_end)
    os.waitpid(child, 0)
    assert alive is False
    assert len(keys) == 1


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_child_on_s3_is_complete(s3_url: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
    """A child that logs to S3 and just ends is uploaded by its parent when that closes; one that closes, by itself."""
    files = open_files(s3_url[0], storage_options=s3_url[1])
    writer = SegmentWriter(files, PREFIX, STEM, spool=tmp_path, intervals=(0.05, 0.1))
    writer.write(b'{"number": 0}\n')
    time.sleep(0.2)  # the parent's thread and file system are at work when it forks

    def closing() -> None:
        writer.write(b'{"number": 1}\n')
        writer.close()

    assert run_child(closing) == 0
    assert run_child(lambda: writer.write(b'{"number": 2}\n')) == 0
    writer.write(b'{"number": 3}\n')
    writer.close()
    assert sorted(numbers(files)) == [0, 1, 2, 3]
    assert list(tmp_path.iterdir()) == []
    assert writer.failures == 0


@needs_fork
def test_child_does_not_outlive_its_dead_parent(tmp_path: Path) -> None:
    """When a process is killed, a worker it forked does not make its stream look alive."""
    script = """
import os, signal, sys
from mlcycle.storage import SegmentWriter, open_files
writer = SegmentWriter(open_files(sys.argv[1]), sys.argv[2], sys.argv[3])
writer.write(b'{"number": 0}\\n')
read_end, write_end = os.pipe()
if os.fork() == 0:
    os.write(write_end, b"1")
    os.read(0, 1)
    os._exit(0)
os.read(read_end, 1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-c", script, str(tmp_path), PREFIX, STEM]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as parent:
        assert parent.wait() == -signal.SIGKILL
        alive = owner_alive(open_files(tmp_path), PREFIX, STEM)
    assert alive is False


def test_processes_write_at_once(tmp_path: Path) -> None:
    """Four processes write one stream and nobody waits for another or loses a line."""
    script = """
import sys
from mlcycle.storage import SegmentWriter, open_files
writer = SegmentWriter(open_files(sys.argv[1]), sys.argv[2], sys.argv[3])
for number in range(500):
    writer.write(b'{"number": %d}\\n' % number)
"""
    command = [sys.executable, "-c", script, str(tmp_path), PREFIX, STEM]
    children = [subprocess.Popen(command) for _ in range(4)]
    assert [child.wait() for child in children] == [0] * 4
    assert sorted(list(range(500)) * 4) == sorted(numbers(open_files(tmp_path)))
