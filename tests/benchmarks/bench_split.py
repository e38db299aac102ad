"""A split of a million rows by each method, commit included, in memory: what a part costs beside what it is.

Run ``python tests/benchmarks/bench_split.py --rows 1000000``.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import mlcycle as mc

if TYPE_CHECKING:
    from collections.abc import Callable


def make_frame(rows: int) -> pd.DataFrame:
    """Make rows with a key, ten to a group, out of order in time, of three classes."""
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "pair": np.arange(rows) // 2,
            "group": random.integers(0, rows // 10, rows),
            "at": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 10**7, rows), unit="s"),
            "x": random.normal(size=rows),
            "y": random.integers(0, 3, rows),
        }
    )


def measure(rows: int) -> dict[str, Any]:
    """Return seconds by method."""
    frame = make_frame(rows)
    datasets = mc.open("memory://bench-split", create=True).datasets
    plain = datasets.add("plain", frame, target="y", key="id")
    grouped = datasets.add("grouped", frame, target="y", key="id", group="group")
    dated = datasets.add("dated", frame, target="y", time="at")
    both = datasets.add("both", frame, target="y", time="at", group="group")
    calls: dict[str, Callable[[], Any]] = {
        "random": lambda: plain.split(stratify=False),
        "stratified": lambda: plain.split(seed=1),
        "key": lambda: plain.split(by="key"),
        "group": grouped.split,
        "key in groups": lambda: grouped.split(by="key", seed=1),
        "groups, stratified": lambda: grouped.split(stratify=True),
        "mask": lambda: grouped.split(by=frame["group"] > 0.7 * rows / 10),
        "time, gap": lambda: dated.split(gap="1d"),
        "time, groups": both.split,
        "5 folds of groups": grouped.folds,
        "5 folds of pairs": lambda: plain.folds(by="pair"),
        "5 folds in time": dated.folds,
    }
    taken = {}
    for name, call in calls.items():
        start = time.perf_counter()
        call()
        taken[name] = round(time.perf_counter() - start, 2)
    return {"rows": rows, **taken}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    print(json.dumps(measure(parser.parse_args().rows), indent=2))
