"""What a summary costs to make, keep and compare, and what power is lost by not having the rows.

``python tests/benchmarks/bench_summary.py [--rows 100000] [--columns 50] [--rounds 5] [--runs 600]``: one column in
five has 20 levels, the others are normal. The floor of making one is sorting every column once. Power is measured
with one normal column against another that is moved so far that the rows are called drift in 80 % of the runs (level
0.05, as a single column), with the same rows for every way to keep them; the standard error of a loss is given.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from mlcycle.stats.two_sample import _ordered
from mlcycle.stats.two_sample._drift import drift
from mlcycle.stats.two_sample._sketch import Sketch, SortedSample, least_ks, widest_shift
from mlcycle.stats.two_sample._summary import Summary, summarise, summarise_chunks

ALPHA = 0.05
LEVELS = [f"level {i}" for i in range(20)]


def frame(rows: int, columns: int, seed: int) -> pd.DataFrame:
    """Return the table."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {f"c{i}": rng.choice(LEVELS, rows) if i % 5 == 4 else rng.normal(size=rows) for i in range(columns)}
    )


def floor(data: pd.DataFrame) -> None:
    """Sort every column once; levels by their codes."""
    for name in data:
        column = data[name]
        np.sort(column.to_numpy() if column.dtype == np.float64 else column.factorize()[0])


def timed(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return median seconds of each call; they take turns, so that a busy machine is busy for all."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def speed(rows: int, columns: int, rounds: int) -> None:
    """Measure and print what summaries cost."""
    before, after = frame(rows, columns, 0), frame(rows, columns, 1)
    kept, other = summarise(before), summarise(after)
    parts = [before.iloc[start : start + rows // 10] for start in range(0, rows, rows // 10)]
    found = timed(
        {
            "sort every column once (floor)": lambda: floor(before),
            "summarise": lambda: summarise(before),
            "summarise in 10 chunks": lambda: summarise_chunks(parts),
            "merge two summaries": lambda: kept + other,
            "drift(frame, frame)": lambda: drift(before, after),
            "drift(summary, frame)": lambda: drift(kept, after),
            "drift(summary, summary)": lambda: drift(kept, other),
            "to JSON and back": lambda: Summary.from_dict(json.loads(json.dumps(kept.as_dict()))),
        },
        rounds,
    )
    least = found["sort every column once (floor)"]
    for name, seconds in found.items():
        print(f"{name:32} {1000 * seconds:10.1f} ms {seconds / least:8.2f} x floor")
    sizes = sorted(len(json.dumps(column.as_dict())) for column in kept.columns)
    merged = sorted(len(json.dumps(column.as_dict())) for column in summarise_chunks(parts).columns)
    print(f"JSON of the largest column       {sizes[-1]:10d} bytes, in 10 chunks {merged[-1]} bytes")


def verdict(a: Sketch | SortedSample, b: Sketch | SortedSample, margin: float) -> bool:
    """Return whether a column is called drift at the level."""
    if widest_shift(a, b, 1.0, 1 - ALPHA).low <= margin:
        return False
    return _ordered.ks_p_value(least_ks(a, b), a.n, b.n)[0] <= ALPHA


def half_way(n: int, m: int, margin: float, rng: np.random.Generator, power: float = 0.8) -> float:
    """Return the shift at which rows are called drift in 80 % of the runs, by bisection over 200 of them."""
    pairs = [(SortedSample(np.sort(rng.normal(size=n))), np.sort(rng.normal(size=m))) for _ in range(200)]
    low, high = 0.0, 2 * _ordered.detectable_shift(n, m, ALPHA, 1 - ALPHA, margin)
    for _ in range(8):
        middle = (low + high) / 2
        enough = np.mean([verdict(a, SortedSample(b + middle), margin) for a, b in pairs]) >= power
        low, high = (low, middle) if enough else (middle, high)
    return (low + high) / 2


def merged(values: np.ndarray, parts: int) -> Sketch:
    """Return the sketch of rows that came in parts."""
    return reduce(Sketch.merge, [Sketch.of(np.sort(part)) for part in np.array_split(values, parts)])


def power(n: int, m: int, margin: float, runs: int) -> None:
    """Measure and print the power of rows and what each way to keep them loses, in percentage points."""
    rng = np.random.default_rng([n, m])
    shift = half_way(n, m, margin, rng)
    hits = []
    for _ in range(runs):
        x, y = rng.normal(size=n), np.sort(rng.normal(shift, 1, m))
        a, b, once = SortedSample(np.sort(x)), SortedSample(y), Sketch.of(np.sort(x))
        ways = [(a, b), (once, b), (once, Sketch.of(y)), (merged(x, 10), b), (merged(x, 100), b)]
        hits.append([verdict(*way, margin) for way in ways])
    found = np.array(hits, float)
    lost = 100 * (found[:, :1] - found[:, 1:])
    cells = [f"{mean:5.2f} ± {sd / math.sqrt(runs):4.2f}" for mean, sd in zip(lost.mean(0), lost.std(0), strict=True)]
    print(f"{n:8d} {m:8d} {margin:6g} {shift:7.4f} {100 * found[:, 0].mean():6.1f}  " + "  ".join(cells), flush=True)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--columns", type=int, default=50)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--runs", type=int, default=600, help="of each pair of sizes; 0 leaves power out")
    chosen = options.parse_args()
    print(f"numpy {np.__version__}, pandas {pd.__version__}, {chosen.rows} rows, {chosen.columns} columns")
    speed(chosen.rows, chosen.columns, chosen.rounds)
    if not chosen.runs:
        return
    print("\npower of rows in %, and percentage points lost with a summary of the reference")
    print("reference current margin   shift  rows  once, rows    both kept     10 merged     100 merged")
    for n, m in [(2000, 2000), (10_000, 2000), (20_000, 20_000), (100_000, 10_000)]:
        for margin in (0.1, 0.0):
            power(n, m, margin, chosen.runs)


if __name__ == "__main__":
    main()
