"""A run: create, ten params, five metrics, finish, fsynced at the end; against one JSON file with fsync per run.

python tests/benchmarks/bench_run.py [--runs 200] [--store URL]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import mlcycle


def floor_run(folder: Path, number: int) -> None:
    """Write what a run says as one JSON file, fsynced."""
    document = {"params": {f"p{i}": i for i in range(10)}, "metrics": {f"m{i}": 0.1 for i in range(5)}}
    handle = os.open(folder / f"{number}.json", os.O_CREAT | os.O_WRONLY)
    os.write(handle, json.dumps(document).encode())
    os.fsync(handle)
    os.close(handle)


def our_run(experiment: mlcycle.Experiment) -> None:
    """Make a run as a user would."""
    with experiment.start(params={f"p{i}": i for i in range(10)}) as run:
        for i in range(5):
            run.log(**{f"m{i}": 0.1})


def timed(action: Callable[[], None]) -> float:
    """Return the milliseconds an action takes."""
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    """Print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--store", help="a store to use instead of a folder on this disk")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        project = mlcycle.open(arguments.store or f"{folder}/store")
        experiment = project.experiments.open("bench")
        our_run(experiment)  # code and environment are captured once a process
        floors, ours = [], []
        for number in range(arguments.runs):  # turn by turn, so that a noisy disk is noisy for both
            floors.append(timed(lambda number=number: floor_run(Path(folder), number)))
            ours.append(timed(lambda: our_run(experiment)))
    floor, own = statistics.median(floors), statistics.median(ours)
    print(f"floor {floor:.3f} ms   mlcycle {own:.3f} ms   ratio {own / floor:.2f}   ({arguments.runs} runs)")


if __name__ == "__main__":
    main()
