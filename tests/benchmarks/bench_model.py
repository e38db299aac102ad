"""A forest to a file and back, against pickle with fsync (writing) and pickle (reading).

python tests/benchmarks/bench_model.py [--trees 100] [--rows 60000] [--times 5]
"""

from __future__ import annotations

import argparse
import os
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import skops.io
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

from mlcycle.codecs import check_inputs, infer_signature
from mlcycle.codecs._models import dump_model, load_model


def seconds(action: Callable[[], Any]) -> float:
    """Return how long an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def pickled(model: Any, path: Path) -> None:
    """Pickle to a file that is safe when this returns: the floor of writing."""
    with path.open("wb") as file:
        pickle.dump(model, file, pickle.HIGHEST_PROTOCOL)
        os.fsync(file.fileno())


def synced(path: Path) -> None:
    """Flush a written file to the disk, as storing it does."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def main() -> None:
    """Print medians and their ratios to the floors, measured in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    X, y = make_classification(given.rows, 20, n_informative=12, flip_y=0.3, random_state=0)
    model = RandomForestClassifier(given.trees, n_jobs=-1, random_state=0).fit(X, y)
    with tempfile.TemporaryDirectory() as place:
        room = Path(place)
        files = {name: room / name for name in ("pickle", "joblib", "skops", "ours")}
        writers: dict[str, Callable[[], Any]] = {
            "pickle": lambda: pickled(model, files["pickle"]),
            "joblib": lambda: (joblib.dump(model, files["joblib"]), synced(files["joblib"])),
            "skops": lambda: (skops.io.dump(model, files["skops"]), synced(files["skops"])),
            "ours": lambda: (dump_model(model, files["ours"]), synced(files["ours"])),
        }
        trusted = ["sklearn.tree._tree.Tree"]
        readers: dict[str, Callable[[], Any]] = {
            "pickle": lambda: pickle.loads(files["pickle"].read_bytes()),
            "joblib": lambda: joblib.load(files["joblib"]),
            "skops": lambda: skops.io.load(files["skops"], trusted=trusted),
            "ours": lambda: load_model(files["ours"], "skops"),
        }
        for what, actions in (("write", writers), ("read", readers)):
            for action in actions.values():
                action()
            found = {name: [0.0] * given.times for name in actions}
            for i in range(given.times):
                for name, action in actions.items():
                    found[name][i] = seconds(action)
            floor = statistics.median(found["pickle"])
            for name, values in found.items():
                took = statistics.median(values)
                size = files[name].stat().st_size / 1e6
                print(f"{what:<6} {name:<7} {took * 1e3:8.1f} ms  {took / floor:5.2f} x floor  {size:7.1f} MB")
    frame = X[:1]
    signature = infer_signature(frame, model)
    took = statistics.median(seconds(lambda: check_inputs(signature, frame)) for _ in range(1000))
    print(f"check of one row that fits: {took * 1e6:.1f} us")


if __name__ == "__main__":
    main()
