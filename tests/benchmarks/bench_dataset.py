"""A frame to a dataset and back, against a floor: write_table, fsync, SHA-256 of the file; and read_table to pandas.

Run ``python tests/benchmarks/bench_dataset.py --rows 5000000 --columns 20``.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlcycle import codecs
from mlcycle._digest import canonical_json, sha256_file
from mlcycle.lifecycle.datasets._summaries import summary_of


class _File:
    def __init__(self, folder: Path, key: str, kind: str) -> None:
        self.path, self.key, self.kind = folder / key, key, kind

    def done(self) -> dict[str, Any]:
        _fsync(self.path)
        size = self.path.stat().st_size
        return {"key": self.key, "size": size, "sha256": sha256_file(self.path), "enc": None, "kind": self.kind}


class _Folder:
    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, itertools.count()

    def open(self, key: str) -> Path:
        return self.folder / key

    def find(self, digest: str) -> None:
        return None

    def new(self, kind: str) -> _File:
        return _File(self.folder, f"{kind}-{next(self.count)}.parquet", kind)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def make_frame(rows: int, columns: int) -> pd.DataFrame:
    """Make columns of ten kinds in turn: noise, rounded, small and large integers, text, categories, moments, gaps."""
    random = np.random.default_rng(0)
    kinds = [
        lambda: random.normal(size=rows),
        lambda: random.normal(size=rows),
        lambda: np.round(random.normal(size=rows) * 100, 2),
        lambda: random.integers(0, 50, rows),
        lambda: np.arange(rows),
        lambda: random.random(rows) < 0.3,
        lambda: pd.Timestamp("2026-01-01") + pd.to_timedelta(np.sort(random.integers(0, 10**7, rows)), unit="s"),
        lambda: pd.Categorical.from_codes(random.integers(0, 200, rows), [f"city {i}" for i in range(200)]),
        lambda: np.array([f"segment-{i}" for i in range(1000)], dtype=object)[random.integers(0, 1000, rows)],
        lambda: np.where(random.random(rows) < 0.1, np.nan, random.normal(size=rows)),
    ]
    return pd.DataFrame({f"c{i}": kinds[i % len(kinds)]() for i in range(columns)})


def _seconds(work: Any) -> tuple[float, Any]:
    os.sync()
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _floor(frame: pd.DataFrame, path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
    _fsync(path)
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def _first(encoded: codecs.Encoded, blocks: _Folder) -> None:
    """Store a table and summarise it, as adding a version does."""
    columns = dict(zip(encoded.table.column_names, encoded.table.columns, strict=True))
    with ThreadPoolExecutor(1) as pool:
        summary = pool.submit(summary_of, columns, encoded.header)
        codecs.write(encoded, blocks)
        (blocks.folder / "profile").write_bytes(canonical_json(summary.result().as_dict()))


def _once(frame: pd.DataFrame, folder: Path) -> tuple[dict[str, float], dict[str, int]]:
    path, blocks, taken = folder / "floor.parquet", _Folder(folder), {}
    taken["floor: write"], _ = _seconds(lambda: _floor(frame, path))
    taken["encode"], encoded = _seconds(lambda: codecs.encode(frame))
    taken["write"], written = _seconds(lambda: codecs.write(encoded, blocks))
    taken["floor: read"], _ = _seconds(lambda: pq.read_table(path).to_pandas())
    manifest = codecs.read_manifest(blocks.open(written.manifest["key"]))
    taken["load"], _ = _seconds(lambda: codecs.load(manifest, blocks))
    columns = dict(zip(encoded.table.column_names, encoded.table.columns, strict=True))
    taken["write and profile at once"], _ = _seconds(lambda: _first(encoded, blocks))
    taken["profile"], found = _seconds(lambda: canonical_json(summary_of(columns, encoded.header).as_dict()))
    stored = sum(file["size"] for file in written.files)
    return taken, {"floor": path.stat().st_size, "stored": stored, "profile": len(found)}


def measure(rows: int, columns: int, repeats: int) -> dict[str, Any]:
    """Measure both ways in turn; return medians in seconds and sizes in MB."""
    frame = make_frame(rows, columns)
    runs = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as place:
            runs.append(_once(frame, Path(place)))
    medians = {name: round(statistics.median(taken[name] for taken, _ in runs), 3) for name in runs[0][0]}
    medians["(encode + write) / floor"] = round((medians["encode"] + medians["write"]) / medians["floor: write"], 2)
    first = medians["encode"] + medians["write and profile at once"]
    medians["first version with profile / floor"] = round(first / medians["floor: write"], 2)
    medians["load / floor"] = round(medians["load"] / medians["floor: read"], 2)
    sizes = {f"{name} MB": round(size / 1e6, 1) for name, size in runs[0][1].items()}
    return {"rows": rows, "columns": columns, **medians, **sizes}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    print(json.dumps(measure(chosen.rows, chosen.columns, chosen.repeats), indent=2))
