"""What one call of `run.log` costs, against a floor measured beside it, and whether it survives ``kill -9``.

``python tests/benchmarks/bench_points.py [--points 100000] [--rounds 5] [--values 1]``: the floor is one ``json.dumps``
line and one ``os.write`` per call to a file on the same disk. The figure to stay under is 2.5 times that, for a call
with one number; ``--values 10`` measures calls with ten.
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

import mlcycle as mc
from mlcycle.lifecycle.runs._points import read_points
from mlcycle.storage._files import open_files
from mlcycle.storage._streams import read_lines

PREFIX, STEM = "runs/2026-11/benchmark/", "points-"
REACH = 2.5

CHILD = """
import os, signal, sys
from mlcycle.lifecycle.runs._points import PointsWriter
from mlcycle.storage._files import open_files
from mlcycle.storage._streams import SegmentWriter
log = PointsWriter(SegmentWriter(open_files(sys.argv[1]), sys.argv[2], sys.argv[3])).log
for step in range(int(sys.argv[4])):
    log({"loss": 0.31 + step}, step)
os.kill(os.getpid(), signal.SIGKILL)
"""


def numbers(step: int, values: int) -> dict[str, float]:
    """Return what one call logs."""
    return {f"loss{number}": 0.31 + step for number in range(values)}


def floor(folder: Path, points: int, values: int) -> float:
    """Return the seconds that plain Python needs for so many calls."""
    handle = os.open(folder / "floor.jsonl", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    calls = [numbers(step, values) for step in range(points)]
    start = time.perf_counter()
    for step, call in enumerate(calls):
        os.write(handle, json.dumps({"t": time.time(), "s": step, "m": call}).encode() + b"\n")
    taken = time.perf_counter() - start
    os.close(handle)
    return taken


def ours(folder: Path, points: int, values: int) -> float:
    """Return the seconds that `run.log` needs for so many calls."""
    run = mc.open(folder / "project").experiments.open("benchmark").start()
    calls = [numbers(step, values) for step in range(points)]
    start = time.perf_counter()
    for step, call in enumerate(calls):
        run.log(**call, step=step)
    taken = time.perf_counter() - start
    run.finish()
    return taken


def once(measure: Callable[[Path, int, int], float], points: int, values: int) -> float:
    """Return the time of one round, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), points, values)


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
    options.add_argument("--values", type=int, default=1, help="numbers a call")
    chosen = options.parse_args()
    # the two take turns, so that a busy machine is busy for both
    size = (chosen.points, chosen.values)
    pairs = [(once(floor, *size), once(ours, *size)) for _ in range(chosen.rounds)]
    floors, taken = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(mine / least for least, mine in pairs)
    print(f"floor   {floors / chosen.points * 1e6:8.2f} µs a call   one json.dumps line and one write")
    print(f"run.log {taken / chosen.points * 1e6:8.2f} µs a call")
    print(f"ratio   {ratio:8.2f}              reach: at most {REACH}")
    print(f"kill -9 {survivors(chosen.points):8d} of {chosen.points} points found")


if __name__ == "__main__":
    main()
