"""What one logged number costs, against a floor measured beside it, and whether it survives ``kill -9``.

``python tests/benchmarks/bench_points.py [--points 100000] [--rounds 5]``: the floor is one ``json.dumps`` line and one
``os.write`` per point to a file on the same disk. The figure to stay under is 2.5 times that.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mlcycle.lifecycle.runs._points import PointsWriter, read_points
from mlcycle.lifecycle.runs._summary import Summary
from mlcycle.storage._files import open_files
from mlcycle.storage._streams import SegmentWriter, read_lines

PREFIX, STEM = "runs/2026-11/benchmark/", "points-"
REACH = 2.5

CHILD = """
import os, signal, sys
from mlcycle.lifecycle.runs._points import PointsWriter
from mlcycle.storage._files import open_files
from mlcycle.storage._streams import SegmentWriter
log = PointsWriter(SegmentWriter(open_files(sys.argv[1]), sys.argv[2], sys.argv[3])).log_values
for step in range(int(sys.argv[4])):
    log(loss=0.31 + step, step=step)
os.kill(os.getpid(), signal.SIGKILL)
"""


def floor(folder: Path, points: int) -> float:
    """Return the seconds that plain Python needs for so many points."""
    handle = os.open(folder / "floor.jsonl", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    start = time.perf_counter()
    for step in range(points):
        os.write(handle, json.dumps({"t": time.time(), "s": step, "m": {"loss": 0.31 + step}}).encode() + b"\n")
    taken = time.perf_counter() - start
    os.close(handle)
    return taken


def ours(folder: Path, points: int) -> float:
    """Return the seconds that `run.log` needs for so many points."""
    writer = SegmentWriter(open_files(folder), PREFIX, STEM, heartbeat=Summary())
    log = PointsWriter(writer).log_values
    start = time.perf_counter()
    for step in range(points):
        log(loss=0.31 + step, step=step)
    taken = time.perf_counter() - start
    writer.close()
    return taken


def median(measure: Callable[[Path, int], float], points: int, rounds: int) -> float:
    """Return the median time of so many rounds, each in a folder of its own."""
    taken = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            taken.append(measure(Path(folder), points))
    return statistics.median(taken)


def survivors(points: int) -> int:
    """Return how many points of a process that killed itself are found."""
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.run([sys.executable, "-c", CHILD, folder, PREFIX, STEM, str(points)], check=False)
        assert child.returncode == -signal.SIGKILL
        found = read_points(read_lines(open_files(folder), PREFIX, STEM))
    assert found.step == list(range(points))
    return found.count


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--points", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    # the two take turns, so that a busy machine is busy for both
    pairs = [(median(floor, chosen.points, 1), median(ours, chosen.points, 1)) for _ in range(chosen.rounds)]
    floors, taken = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(mine / least for least, mine in pairs)
    print(f"floor   {floors / chosen.points * 1e6:8.2f} µs a point   one json.dumps line and one write")
    print(f"run.log {taken / chosen.points * 1e6:8.2f} µs a point")
    print(f"ratio   {ratio:8.2f}              reach: at most {REACH}")
    print(f"kill -9 {survivors(chosen.points):8d} of {chosen.points} points found")


if __name__ == "__main__":
    main()
