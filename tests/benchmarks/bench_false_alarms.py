"""Table T1: how often two random halves of one real table are called different; nothing has changed, by construction.

python -m tests.benchmarks.bench_false_alarms [--frames 100] [--other-frames 20] [--columns 50] [--seed 0]
    [--sizes 50 500 5000] [--unequal 50:1000 1000:50 5000:500] [--tables iris elec2 ...]

Rows of one table are drawn without replacement and split at random, whole rows, so that columns stay as dependent as
they are. A cell is the share of such pairs that a method calls different, with Wilson's 95 % limits.

=============== =====================================================================================================
ours            ``stats.drift(a, b).drifted`` with defaults; its stated rate is 5 % of frames
ours, p alone   its global test, ``p <= 0.05``, and columns significant after control, whatever the size of the change
Evidently       the verdict of its drift preset, defaults, no pictures: half of the columns; and any column
W 0.1           Wasserstein distance over the reference's sd of any column above 0.1
JS 0.1          Jensen-Shannon distance of any column above 0.1 (Doane's bins of the reference, outermost open)
PSI 0.2         population stability index of any column above 0.2 (tenths of the reference; empty bins as 0.0001)
KS .05          Kolmogorov-Smirnov, or chi-square for levels and at most 10 numbers, below 0.05 in any column
alibi-detect    ``TabularDrift`` with defaults (Bonferroni); nulls as a value below all others, as it takes none
=============== =====================================================================================================
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
import time
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats
from scipy.spatial.distance import jensenshannon

from mlcycle import stats
from tests.benchmarks.peers import PeerMissing, ask
from tests.benchmarks.real_data import NAMES, table

_EVIDENTLY = """
import warnings
import numpy as np
warnings.simplefilter("ignore")
np.seterr(all="ignore")
from evidently import Dataset, Report
from evidently.metrics import DriftedColumnsCount

about = Dataset.from_pandas(frame).data_definition
judged = len([*about.get_numerical_columns(), *about.get_categorical_columns(), *about.get_text_columns()])

def counted(reference, current):
    found = Report([DriftedColumnsCount()]).run(current, reference).dict()["metrics"][0]["value"]
    return [int(found["count"]), judged, bool(found["share"] >= 0.5)]

answer = {"cells": []}
for at, (n, m) in enumerate(sizes):
    rows = globals()[f"rows_{at}"]
    answer["cells"].append([counted(frame.iloc[r[:n]], frame.iloc[r[n:]]) for r in rows])
"""

_ALIBI = """
import numpy as np
from alibi_detect.cd import TabularDrift

answer = {"cells": []}
values = frame.to_numpy(dtype=np.float64)
levels = {at: None for at in levels} or None
for at, (n, m) in enumerate(sizes):
    cell = []
    for r in globals()[f"rows_{at}"]:
        found = TabularDrift(values[r[:n]], p_val=0.05, categories_per_feature=levels).predict(values[r[n:]])["data"]
        cell.append([int((found["p_val"] < found["threshold"]).sum()), values.shape[1], bool(found["is_drift"])])
    answer["cells"].append(cell)
"""

METHODS = (
    "ours", "ours, p alone", "Evidently, dataset", "Evidently, any", "W 0.1", "JS 0.1", "PSI 0.2", "KS .05",
    "alibi-detect",
)  # fmt: skip

# For each method, and each pair of frames: columns called different, columns judged, verdict for the frame.
Call = tuple[int, int, bool]
Calls = dict[str, list[Call]]
# Table, rows on either side, columns, and what every method called different.
Line = tuple[str, str, str, Calls]


def ours(a: pd.DataFrame, b: pd.DataFrame, seed: int) -> Iterator[tuple[str, Call]]:
    """Yield what `drift` calls different."""
    found = stats.drift(a, b, seed=seed)
    count = sum(column.verdict == "drifted" for column in found.columns)
    yield "ours", (count, len(found.columns), found.drifted)
    alone = sum(any(shift.adjusted_p <= found.alpha for shift in column.shifts) for column in found.columns)
    yield "ours, p alone", (alone, len(found.columns), found.p <= found.alpha)


def usual(a: pd.DataFrame, b: pd.DataFrame) -> Iterator[tuple[str, Call]]:
    """Yield what fixed thresholds and uncorrected tests call different."""
    called = {"W 0.1": 0, "JS 0.1": 0, "PSI 0.2": 0, "KS .05": 0}
    for name in a.columns:
        u, v = (side[name].dropna().to_numpy() for side in (a, b))
        is_number = u.dtype.kind in "iufM"
        if u.dtype.kind == "M":
            u, v = u.astype(np.int64), v.astype(np.int64)
        counts = level_counts(u, v)
        if min(len(u), len(v)) < 2 or counts.shape[1] < 2:
            continue
        if is_number:
            called["W 0.1"] += scipy_stats.wasserstein_distance(u, v) > 0.1 * np.std(u)
        for_distance = binned(u, v, np.histogram_bin_edges(u, "doane")[1:-1]) if is_number else counts
        called["JS 0.1"] += distance(for_distance) > 0.1
        for_psi = binned(u, v, np.unique(np.quantile(u, np.arange(1, 10) / 10))) if is_number else counts
        called["PSI 0.2"] += psi(for_psi) > 0.2
        called["KS .05"] += p_value(u, v, counts, is_number) < 0.05
    for method, count in called.items():
        yield method, (int(count), a.shape[1], count > 0)


def p_value(u: np.ndarray, v: np.ndarray, counts: np.ndarray, is_number: bool) -> float:
    """Return the p-value of the usual test of one column."""
    if not is_number or counts.shape[1] <= 10:
        return float(scipy_stats.chi2_contingency(counts).pvalue)
    return float(scipy_stats.ks_2samp(u, v, method="exact" if len(u) * len(v) <= 250_000 else "asymp").pvalue)


def level_counts(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return how often each level occurs on either side."""
    codes, levels = pd.factorize(np.concatenate([u, v]))
    return np.stack([np.bincount(side, minlength=len(levels)) for side in (codes[: len(u)], codes[len(u) :])])


def binned(u: np.ndarray, v: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return counts of both sides between edges, and beyond the first and the last."""
    return np.stack([np.bincount(np.searchsorted(edges, side, "right"), minlength=len(edges) + 1) for side in (u, v)])


def distance(counts: np.ndarray) -> float:
    """Return the Jensen-Shannon distance of two rows of counts, with logarithms to base 2."""
    return float(jensenshannon(counts[0], counts[1], base=2))


def psi(counts: np.ndarray) -> float:
    """Return the population stability index of two rows of counts."""
    p, q = np.maximum(counts / counts.sum(axis=1, keepdims=True), 1e-4)
    return float(((q - p) * np.log(q / p)).sum())


def for_alibi(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[int]]:
    """Return a frame of numbers, nulls below all others, and the places of its levels."""
    numbers, levels = {}, []
    for at, (name, column) in enumerate(frame.items()):
        if column.dtype.kind == "M":
            numbers[name] = column.astype("int64").astype(float)
        elif column.dtype.kind in "iuf":
            numbers[name] = column.astype(float).fillna(column.min() - 1)
        else:
            numbers[name] = pd.Series(pd.factorize(column)[0].astype(float))
        if column.dtype.kind not in "iufM" or column.nunique() <= 10:
            levels.append(at)
    return pd.DataFrame(numbers), levels


def peer_calls(
    frame: pd.DataFrame, sizes: list[tuple[int, int]], draws: list[np.ndarray]
) -> tuple[list[Calls], list[str]]:
    """Return what the peers call different, a `Calls` for each size, and their versions or why they are missing."""
    cells: list[Calls] = [{} for _ in sizes]
    notes: list[str] = []
    if not len(draws[0]):
        return cells, notes
    rows = {f"rows_{at}": drawn for at, drawn in enumerate(draws)}
    numbers, levels = for_alibi(frame)
    asked = (
        ("evidently", _EVIDENTLY, {"frame": frame}),
        ("alibi-detect", _ALIBI, {"frame": numbers, "levels": levels}),
    )
    for name, script, payload in asked:
        try:
            answer = ask(name, script, {**payload, **rows, "sizes": sizes})
        except (PeerMissing, RuntimeError) as error:
            notes.append(f"{name}: skipped, {str(error).splitlines()[-1]}")
            continue
        notes.append(f"{name} {answer['versions'][name]}")
        for cell, found in zip(cells, answer["cells"], strict=True):
            if name == "evidently":
                cell["Evidently, dataset"] = [tuple(pair) for pair in found]
                cell["Evidently, any"] = [(count, judged, count > 0) for count, judged, _ in found]
            else:
                cell["alibi-detect"] = [tuple(pair) for pair in found]
    return cells, notes


def measured(name: str, sizes: list[tuple[int, int]], options: argparse.Namespace) -> tuple[list[Line], list[str]]:
    """Return the calls of every method on one table, a line for each size, and notes on peers."""
    print(f"{name}: {', '.join(f'{n} / {m}' for n, m in sizes)}", file=sys.stderr)
    frame = table(name).iloc[:, : options.columns]
    frame.columns = frame.columns.astype(str)
    rng = np.random.default_rng([options.seed, zlib.crc32(name.encode())])
    draws = [np.stack([rng.choice(len(frame), n + m, replace=False) for _ in range(options.frames)]) for n, m in sizes]
    cells: list[Calls] = [{} for _ in sizes]
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(peer_calls, frame, sizes, [drawn[: options.other_frames] for drawn in draws])
        for (n, _), drawn, calls in zip(sizes, draws, cells, strict=True):
            for seed, rows in enumerate(drawn):
                a, b = frame.iloc[rows[:n]], frame.iloc[rows[n:]]
                for found in (ours(a, b, seed), usual(a, b) if seed < options.other_frames else ()):
                    for method, call in found:
                        calls.setdefault(method, []).append(call)
    peers, notes = asked.result()
    both = zip(sizes, cells, peers, strict=True)
    return [(name, f"{n} / {m}", str(frame.shape[1]), own | others) for (n, m), own, others in both], notes


def possible(rows: int, options: argparse.Namespace) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the equal and unequal sizes a table has the rows for; a small table is split into all of its rows."""
    most = rows // 2
    equal = sorted({(min(n, most), min(n, most)) for n in options.sizes})
    unequal = [(n, m) for n, m in options.unequal if n + m <= rows] or [(rows // 4, rows - rows // 4)]
    return equal, unequal


def share(hits: int, times: int) -> str:
    """Return a share in per cent with Wilson's limits."""
    found = stats.wilson(hits, times)
    return f"{100 * found.value:.1f} ({100 * found.low:.0f}–{100 * found.high:.0f})"


def show(title: str, what: str, lines: list[Line]) -> None:
    """Print a table of shares, of frames or of columns; columns of one frame depend, so their share has no limits."""
    methods = [method for method in METHODS if what == "frames" or method != "Evidently, dataset"]
    total: Calls = {method: [call for line in lines for call in line[3].get(method, [])] for method in methods}
    print(f"\n{title}: per cent of {what} called different\n")
    print("| table | rows | columns | " + " | ".join(methods) + " |")
    print("|---|---|---|" + "---|" * len(methods))
    for name, rows, columns, calls in [*lines, ("all", "", "", total)]:
        cells = []
        for method in methods:
            found = calls.get(method, [])
            if not found:
                cells.append("—")
            elif what == "frames":
                cells.append(share(sum(verdict for _, _, verdict in found), len(found)))
            else:
                cells.append(f"{100 * sum(count for count, _, _ in found) / sum(judged for _, judged, _ in found):.2f}")
        print(f"| {name} | {rows} | {columns} | " + " | ".join(cells) + " |")


def above(lines: list[Line], frames: int) -> Iterator[str]:
    """Yield the cells where ours is above its stated rate by more than three standard errors."""
    most = 0.05 + 3 * math.sqrt(0.05 * 0.95 / frames)
    for name, rows, _, calls in lines:
        for method in ("ours", "ours, p alone"):
            rate = np.mean([verdict for _, _, verdict in calls[method]])
            if rate > most:
                yield f"ABOVE ITS RATE: {method} on {name}, {rows} rows: {rate:.3f} > {most:.3f}"


def size(text: str) -> tuple[int, int]:
    """Read ``n:m``."""
    n, m = text.split(":")
    return int(n), int(m)


def main() -> None:
    """Print the two blocks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--other-frames", type=int, default=20)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs="*", default=[50, 500, 5000])
    parser.add_argument("--unequal", type=size, nargs="*", default=[(50, 1000), (1000, 50), (5000, 500)])
    parser.add_argument("--tables", nargs="*", default=list(NAMES), choices=NAMES)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    began = time.perf_counter()
    halves: list[Line] = []
    uneven: list[Line] = []
    heard: dict[str, None] = {}
    for name in options.tables:
        equal, unequal = possible(len(table(name)), options)
        lines, notes = measured(name, [*equal, *unequal], options)
        halves, uneven = halves + lines[: len(equal)], uneven + lines[len(equal) :]
        heard |= dict.fromkeys(notes)
    for what in ("frames", "columns"):
        show("Random halves", what, halves)
        show("Unequal sizes", what, uneven)
    libraries = ("mlcycle", "numpy", "scipy", "pandas", "scikit-learn")
    versions = [f"{library} {metadata.version(library)}" for library in libraries]
    print(f"\nPython {platform.python_version()}, {', '.join([*versions, *heard])}. Seed {options.seed};", end=" ")
    print(f"{options.frames} pairs a cell for ours, {options.other_frames} for the others.", end=" ")
    print(f"{time.perf_counter() - began:.0f} s.")
    print(*above(halves + uneven, options.frames), sep="\n")


if __name__ == "__main__":
    main()
