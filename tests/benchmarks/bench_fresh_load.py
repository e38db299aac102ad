"""A forest loaded by a fresh Python, the first time and the next, against a Python that imports scikit-learn.

The first imports pandas, pyarrow and skops too, and is to take at most twice the floor; the next, at most a tenth of it
and the time to load.

python tests/benchmarks/bench_fresh_load.py [--trees 100] [--rows 60000] [--times 5]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

from mlcycle.codecs import _fresh_interpreter, dump_model, infer_signature, load_afresh, load_model


def seconds(action: Callable[[], Any]) -> float:
    """Return how long an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> None:
    """Print medians and their ratios to the floor, measured in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    X, y = make_classification(given.rows, 20, n_informative=12, flip_y=0.3, random_state=0)
    frame = pd.DataFrame(X).rename(columns=str)
    model = RandomForestClassifier(given.trees, n_jobs=2, random_state=0).fit(frame, y)
    with tempfile.TemporaryDirectory() as place:
        file, example = Path(place, "model"), Path(place, "example.parquet")
        packed = dump_model(model, file, example=frame[:20])
        frame[:20].to_parquet(example)
        signature = infer_signature(frame[:20], model)

        def afresh() -> None:
            found = load_afresh(file, packed.format, signature=signature, example=example)
            assert found.answered, found

        def first() -> None:
            _fresh_interpreter._end()
            afresh()

        actions: dict[str, Callable[[], Any]] = {
            "import sklearn": lambda: subprocess.run([sys.executable, "-c", "import sklearn"], check=True),
            "load here": lambda: load_model(file, packed.format),
            "first": first,
            "next": afresh,
        }
        for action in actions.values():
            action()
        found: dict[str, list[float]] = {name: [] for name in actions}
        for _ in range(given.times):
            for name, action in actions.items():
                found[name].append(seconds(action))
        floor = statistics.median(found["import sklearn"])
        print(f"a file of {file.stat().st_size / 1e6:.1f} MB")
        for name, values in found.items():
            took = statistics.median(values)
            print(f"{name:<15} {took * 1e3:8.1f} ms  {took / floor:5.2f} x floor")


if __name__ == "__main__":
    main()
