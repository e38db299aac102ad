"""What a table of runs costs: the first in a process, the next, and what is kept in memory of each run.

python tests/benchmarks/bench_runs_table.py [--runs 10000] [--rounds 5] [--before FOLDER] [--keep FOLDER]

Every run has a head, an end and a segment of points in a folder of a local disk: ten parameters, five metrics. The
floor lists the folders, reads heads and ends as plain files, and takes them for JSON, in one process with nothing else.
Each round is a process of its own, with a page cache that is warm; `--before` is another checkout of this library, and
takes turns with this one, so that a busy machine is busy for both. Times are medians.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

Found = dict[str, float]
HERE = Path(__file__).resolve().parents[2]


def build(store: Path, runs: int) -> None:
    """Make one run with the library, and copies of it under ids of their own."""
    import mlcycle
    from mlcycle._ids import new_id

    experiment = mlcycle.open(store, create=True, author="ann").experiments.open("bench")
    with experiment.start(params={f"p{i}": i / 7 for i in range(10)}, name="tried") as run:
        for step in range(4):
            run.log({f"m{i}": 1 / (step + 1 + i) for i in range(5)}, step)
    folder = next((store / "runs").glob(f"*/{run.id}"))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    for _ in range(runs - 1):
        copy = new_id()
        (folder.parent / copy).mkdir()
        for name, data in files.items():
            (folder.parent / copy / name).write_bytes(data.replace(run.id.encode(), copy.encode()))


def resident() -> float:
    """Return the bytes this process holds."""
    gc.collect()
    return float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def measure(store: str) -> Found:
    """Return the seconds of the first table and of the next, and bytes kept for each run."""
    import pandas as pd

    import mlcycle

    pd.DataFrame([{"a": 1, "b": pd.Timestamp("2026-11-27T00:00:00Z")}])
    experiment = mlcycle.open(store, mode="r").experiments["bench"]
    before = resident()
    taken = []
    for _ in range(4):
        began = time.perf_counter()
        rows = len(experiment.frame())
        taken.append(time.perf_counter() - began)
    return {"first": taken[0], "again": statistics.median(taken[1:]), "bytes": (resident() - before) / rows}


def floor(store: str) -> Found:
    """Return the seconds it takes to list the files, and to read and parse heads and ends, too."""
    began = time.perf_counter()
    listed = []
    for month in os.scandir(f"{store}/runs"):
        for folder in os.scandir(month.path):
            with os.scandir(folder.path) as entries:
                listed += [(entry.path, entry.stat().st_size) for entry in entries]
    again = time.perf_counter() - began
    for path, size in listed:
        if path.endswith(("head.json", "end.json")):
            handle = os.open(path, os.O_RDONLY)
            json.loads(os.read(handle, size))
            os.close(handle)
    return {"first": time.perf_counter() - began, "again": again, "bytes": 0.0}


def in_process(library: Path, what: str, store: Path) -> Found:
    """Return what a process of its own measures with a library."""
    code = f"import json, runpy; print(json.dumps(runpy.run_path({str(Path(__file__))!r})[{what!r}]({str(store)!r})))"
    environment = {**os.environ, "PYTHONPATH": str(library)}
    command = [sys.executable, "-P", "-c", code]  # not the checkout this is run from
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: Found = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", type=Path, help="another checkout of this library")
    parser.add_argument("--keep", type=Path, help="where the store is kept, and found the next time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        store = (options.keep or Path(folder, "store")).resolve()
        if not store.exists():
            build(store, options.runs)
        sides = {"floor": (HERE, "floor"), "mlcycle": (HERE, "measure")}
        if options.before:
            sides["before"] = (options.before.resolve(), "measure")
        taken: dict[str, list[Found]] = {name: [] for name in sides}
        for _ in range(options.rounds):
            for name, (library, what) in sides.items():
                taken[name].append(in_process(library, what, store))
    for name, found in taken.items():
        first, again, kept = (statistics.median(one[key] for one in found) for key in ("first", "again", "bytes"))
        print(f"{name:8} first {1e3 * first:7.0f} ms   again {1e3 * again:7.0f} ms   {kept:7.0f} bytes a run")


if __name__ == "__main__":
    main()
