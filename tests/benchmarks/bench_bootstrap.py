"""A metric with its interval: what an evaluation of many rows costs, and two models compared on the same rows.

python tests/benchmarks/bench_bootstrap.py [--rows 600000] [--paired 20000] [--resamples 1000] [--repeats 5]

The floor of an evaluation is to compute the metric once, by scikit-learn, from the same kept answers. The floor of a
comparison draws the rows with the same generators and does nothing with them; up to 20 000 rows they are drawn. The
loop calls roc_auc_score twice a resample; a few resamples are timed and multiplied. On a machine that is shared,
processor seconds are the fairer figure. Everything is timed turn by turn, and medians are printed.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy
import sklearn
from sklearn.metrics import roc_auc_score

from mlcycle import stats
from mlcycle.checks import EvaluationData, cache_predictions, find_metric, measure
from mlcycle.stats.models import units_of

_LOOPED = 5
_OF_CLASSES = ("accuracy", "log_loss", "brier_score", "roc_auc", "average_precision", "f1")
_OF_NUMBERS = ("mean_absolute_error", "rmse", "r2")

Action = Callable[[], Any]


class Told:
    """A model that answers what it is told, one answer a row."""

    def __init__(self, answers: Any) -> None:
        self._answers = answers

    def predict(self, X: Any) -> Any:
        """Return numbers."""
        return self._answers


class ToldChances(Told):
    """A classifier that is as sure as it is told of the second of two classes."""

    classes_ = np.array([0, 1])

    def predict(self, X: Any) -> Any:
        """Return labels."""
        return (self._answers > 0.5).astype(int)

    def predict_proba(self, X: Any) -> Any:
        """Return how sure it is of each."""
        return np.column_stack([1 - self._answers, self._answers])


def timed(action: Action) -> tuple[float, float]:
    """Return the seconds an action takes on the clock, and of the processor."""
    began, worked = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - began, time.process_time() - worked


def medians(actions: dict[str, Action], repeats: int) -> dict[str, tuple[float, float]]:
    """Return median seconds of every action, on the clock and of the processor, timed turn by turn."""
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            took[name].append(timed(action))
    return {
        name: (statistics.median(clock for clock, _ in runs), statistics.median(worked for _, worked in runs))
        for name, runs in took.items()
    }


def evaluations(rows: int) -> dict[str, tuple[Action, Action]]:
    """Return, for every metric, what computes it once, and what evaluates it with its interval."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, rows)
    chances = 1 / (1 + np.exp(-(2 * y - 1 + rng.normal(0, 1.2, rows))))
    target = rng.normal(size=rows)
    frame = pd.DataFrame({"x": np.arange(rows)})
    found: dict[str, tuple[Action, Action]] = {}
    for names, model, truth in (
        (_OF_CLASSES, ToldChances(chances), y),
        (_OF_NUMBERS, Told(target + rng.normal(size=rows)), target),
    ):
        kept, data = cache_predictions(model, frame), EvaluationData("data@1", frame, frame, truth)
        for name in names:
            metric = find_metric(name)
            found[name] = (
                partial(metric, kept, truth, np.arange(rows)),
                partial(measure, name, data, "model:m@1", kept),
            )
    return found


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


def comparisons(rows: int, resamples: int) -> dict[str, Action]:
    """Return what compares two areas, after what only draws the rows and before the plain loop."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, rows)
    a, b = y + rng.normal(0, 1.2, rows), y + rng.normal(0, 1.3, rows)
    compare = partial(stats.compare, resamples=resamples)
    return {
        "floor: rows drawn": lambda: drawn(rows, resamples),
        "roc_auc": lambda: compare(y, a, b, "roc_auc"),
        "roc_auc, tied scores": lambda: compare(y, np.round(a, 1), np.round(b, 1), "roc_auc"),
        "roc_auc, blocks of 100": lambda: compare(y, a, b, "roc_auc", blocks=100),
        "average_precision": lambda: compare(y, a, b, "average_precision"),
        "f1": lambda: compare(y, (a > 0.5).astype(int), (b > 0.5).astype(int), "f1"),
        "scikit-learn in a loop": lambda: looped(y, a, b),
    }


def main() -> None:
    """Print two tables of medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--paired", type=int, default=20_000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    found = evaluations(given.rows)
    for once, whole in found.values():  # the model answers, and modules are imported, before anything is timed
        once(), whole()
    took = medians(
        {f"{name} {part}": action for name, pair in found.items() for part, action in zip("fw", pair, strict=True)},
        given.repeats,
    )
    print(f"Evaluated on {given.rows:,} rows, seed 0, median of {given.repeats}\n")
    print("| metric | computed once | with interval | processor seconds | times once |\n|---|---:|---:|---:|---:|")
    for name in found:
        (once, _), (clock, worked) = took[f"{name} f"], took[f"{name} w"]
        print(f"| {name} | {once:.2f} | {clock:.2f} | {worked:.2f} | {clock / once:.1f} |")
    actions = comparisons(given.paired, given.resamples)
    took = medians(actions, given.repeats)
    clock, worked = took["scikit-learn in a loop"]
    took["scikit-learn in a loop"] = clock * given.resamples / _LOOPED, worked * given.resamples / _LOOPED
    print(f"\nTwo models compared on {given.paired:,} rows, {given.resamples:,} resamples, seed 0\n")
    print("| compare | seconds | processor seconds | times the floor |\n|---|---:|---:|---:|")
    for name, (clock, worked) in took.items():
        print(f"| {name} | {clock:.2f} | {worked:.2f} | {worked / took['floor: rows drawn'][1]:.1f} |")
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    print(f"\nPython {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, ", end="")
    print(f"scikit-learn {sklearn.__version__}; {os.cpu_count()} cores, load {load} at the end")


if __name__ == "__main__":
    sys.exit(main())
