"""One row through a service that captures to a local store; against the estimator's own predict.

python tests/benchmarks/bench_predict.py [--calls 2000]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlcycle.codecs import infer_signature
from mlcycle.records import Revision
from mlcycle.serving import LoadedModel, Service
from mlcycle.storage import SegmentWriter, open_files


class Standing:
    """A route that never changes."""

    def current(self) -> Revision:
        """Return it."""
        return Revision(deployment="bench", number=1, weights={"bench@1": 1})


def medians(first: Callable[[], Any], second: Callable[[], Any], calls: int) -> tuple[float, float]:
    """Return median microseconds of two actions, made turn by turn so that a noisy machine is noisy for both."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(calls):
        for action, kept in zip((first, second), times, strict=True):
            began = time.perf_counter()
            action()
            kept.append((time.perf_counter() - began) * 1e6)
    return statistics.median(times[0]), statistics.median(times[1])


def measure(folder: Path, name: str, model: Any, calls: int) -> None:
    """Print what one model costs alone and in a service, a row at a time and a thousand rows at once."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X = X.iloc[:, :10]
    model.fit(X, y)
    files = open_files(folder / name)
    sink = SegmentWriter(files, "traffic/bench/")
    loaded = LoadedModel("bench@1", model, infer_signature(X, model))
    many = X.sample(1000, replace=True, random_state=0)
    with Service("bench", routes=Standing(), load=lambda ref: loaded, sink=sink) as service:
        for rows, times in ((X.iloc[:1], calls), (many, max(20, calls // 100))):
            ids = [f"id-{position}" for position in range(len(rows))]
            alone, served = medians(
                lambda rows=rows: model.predict(rows), lambda rows=rows, ids=ids: service.predict(rows, ids=ids), times
            )
            print(
                f"{name:<10} {len(rows):>5} rows   alone {alone:9.0f} us   served and kept {served:9.0f} us   "
                f"ratio {served / alone:.2f}   {'' if service.failures['capture'] == 0 else service.failures}"
            )


def main() -> None:
    """Measure three models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    calls = parser.parse_args().calls
    with tempfile.TemporaryDirectory(dir=".") as folder:
        measure(Path(folder), "logistic", LogisticRegression(max_iter=5000), calls)
        measure(Path(folder), "pipeline", make_pipeline(StandardScaler(), LogisticRegression()), calls)
        measure(Path(folder), "forest", RandomForestClassifier(50, random_state=0), max(100, calls // 10))


if __name__ == "__main__":
    main()
