"""The paired bootstrap of an area under the curve; against drawing the rows alone, and against scikit-learn in a loop.

python tests/benchmarks/bench_bootstrap.py [--rows 100000] [--resamples 1000] [--repeats 5]

On a machine that is shared, processor seconds are the fairer figure; every line uses one core.

The floor draws the same rows with the same generators and does nothing with them. The loop calls roc_auc_score twice a
resample; a few resamples are timed and multiplied. Everything is timed turn by turn, and medians are printed.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
import sklearn
from sklearn.metrics import roc_auc_score

from mlcycle import stats
from mlcycle.stats.models._units import units_of

_LOOPED = 5


def timed(action: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds an action takes on the clock, and of the processor."""
    began, worked = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - began, time.process_time() - worked


def looped(y: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Measure both models on a few resamples the plain way."""
    rng = np.random.default_rng(0)
    for _ in range(_LOOPED):
        rows = rng.integers(0, len(y), len(y))
        roc_auc_score(y[rows], a[rows])
        roc_auc_score(y[rows], b[rows])


def drawn(rows: int, resamples: int) -> None:
    """Draw the rows of every resample."""
    for _ in units_of(rows).draws(resamples, 0):
        pass


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, given.rows)
    a, b = y + rng.normal(0, 1.2, given.rows), y + rng.normal(0, 1.3, given.rows)
    tied = np.round(a, 1), np.round(b, 1)
    options: dict[str, Any] = {"resamples": given.resamples}
    actions: dict[str, tuple[Callable[[], Any], float]] = {
        "floor: rows drawn": (lambda: drawn(given.rows, given.resamples), 1),
        "metric_difference": (lambda: stats.metric_difference(y, a, b, "roc_auc", **options), 1),
        "compare": (lambda: stats.compare(y, a, b, "roc_auc", **options), 1),
        "compare, tied scores": (lambda: stats.compare(y, *tied, "roc_auc", **options), 1),
        "compare, BCa": (lambda: stats.compare(y, a, b, "roc_auc", method="bca", **options), 1),
        "compare, blocks of 100": (lambda: stats.compare(y, a, b, "roc_auc", blocks=100, **options), 1),
        f"scikit-learn in a loop ({_LOOPED} resamples, multiplied)": (
            lambda: looped(y, a, b),
            given.resamples / _LOOPED,
        ),
    }
    stats.compare(y[:100], a[:100], b[:100], "roc_auc")  # imports are not timed
    took: dict[str, list[tuple[float, ...]]] = {name: [] for name in actions}
    for _ in range(given.repeats):
        for name, (action, times) in actions.items():
            took[name].append(tuple(times * seconds for seconds in timed(action)))
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    print(f"{given.rows:,} rows, {given.resamples:,} resamples, seed 0, median of {given.repeats}")
    print(f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, ", end="")
    print(f"scikit-learn {sklearn.__version__}; {os.cpu_count()} cores, load {load} at the end\n")
    print("| what | seconds | processor seconds | times the floor |\n|---|---:|---:|---:|")
    medians = {name: [statistics.median(column) for column in zip(*runs, strict=True)] for name, runs in took.items()}
    floor = medians["floor: rows drawn"][1]
    for name, (clock, worked) in medians.items():
        print(f"| {name} | {clock:.2f} | {worked:.2f} | {worked / floor:.1f} |")


if __name__ == "__main__":
    sys.exit(main())
