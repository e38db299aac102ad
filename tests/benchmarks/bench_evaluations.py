"""An evaluation after many others of the same data, against the measuring alone, and what the gate adds.

Every look at rows of the test is counted, so an evaluation grows with those before it; the rows of each part that was
judged on are compared once a process.

python tests/benchmarks/bench_evaluations.py [--evaluations 400] [--rows 20000] [--parts 10]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc


def seconds(action: Callable[[], Any]) -> float:
    """Return how long an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> None:
    """Print medians of the first ten and the last ten, and their ratios to the floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=int, default=400)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--parts", type=int, default=10)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(given.rows, 8)), columns=list("abcdefgh"))
    frame = frame.assign(id=range(given.rows), y=(frame["a"] + rng.normal(size=given.rows) > 0).astype(int))
    with tempfile.TemporaryDirectory() as place:
        project = mc.open(f"{place}/store", create=True)
        whole = project.datasets.add("d", frame, target="y", key="id")
        train, test = whole.split(test=0.3)
        for seed in range(1, given.parts):
            whole.split(test=0.3, seed=seed)
        project.scope.set(criteria=[mc.AtLeast("accuracy", 0.5)], test="d.test@1")
        X, y = train.xy()
        model = DecisionTreeClassifier(max_depth=5).fit(X, y)
        version = project.models.register("m", model, example=X[:5], uses=[train])
        rows, truth = test.xy()
        floor = statistics.median(seconds(lambda: accuracy_score(truth, model.predict(rows))) for _ in range(10))
        took = []
        for number in range(given.evaluations):
            part = f"d.test@{number % given.parts + 1}"
            took.append(seconds(lambda part=part: version.evaluate(part)))
        version.promote("first")
        gate = statistics.median(seconds(lambda i=i: version.promote(f"alias{i}")) for i in range(5))
    for name, value in (
        ("predict and score", floor),
        ("evaluate, the first ten", statistics.median(took[:10])),
        ("evaluate, the last ten", statistics.median(took[-10:])),
        ("promote after all", gate),
    ):
        print(f"{name:<25} {value * 1e3:8.1f} ms  {value / floor:7.1f} x floor")


if __name__ == "__main__":
    main()
