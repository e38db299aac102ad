"""Table T2: how often a shift is found, at equal measured false-alarm rates, over the shifts of "Failing Loudly".

python -m tests.benchmarks.bench_power [--rows 200] [--repeats 20] [--nulls 100] [--alpha 0.05] [--seed 0]
    [--permutations 199] [--tables digits breast_cancer elec2] [--no-peers]

Two samples are drawn from one table without replacement and the second one is shifted (Rabanser, Günnemann and Lipton
2019, Failing Loudly, NeurIPS). A shift is found when the method's p-value is below what all but a share `alpha` of its
p-values on unshifted pairs stay above (equal ones of permutation tests are told apart by the effect); a cell is the
per cent found with 10 / 50 / 100 % of rows shifted.

============ ========================================================================================================
noise        normal noise on every value, of 1, 10 or 100 / 78 standard deviations (78 is that of MNIST's pixels, to
             which the paper adds 1, 10 and 100); pixels stay whole numbers between 0 and 16
image        digits: turned by up to 10, 40, 90 degrees, moved by up to 5, 20, 40 % and zoomed by up to 10, 20, 40 %
columns      tables: a random half of the columns moved by 0.1, 0.3, 1 standard deviations, up or down
knock-out    10 / 50 / 100 % of one class missing from the second sample
============ ========================================================================================================

============ ========================================================================================================
drift        ``stats.drift(a, b).p``, the global test over columns
classifier   ``stats.domain_classifier(a, b)``
KS           univariate Kolmogorov-Smirnov with Bonferroni, the best of the paper on raw columns
alibi KS     ``alibi_detect.cd.KSDrift``
alibi LR, RF ``alibi_detect.cd.ClassifierDrift`` with logistic regression in 5 folds, a random forest out of bag
============ ========================================================================================================

``MMDDrift`` of alibi-detect needs PyTorch or TensorFlow and is passed over. The verdict ``stats.drift(a, b).drifted``,
which also asks whether a change is large enough to matter, has a column of its own, without any threshold.
"""

from __future__ import annotations

import argparse
import platform
import time
import zlib
from importlib import metadata
from typing import Any

import numpy as np
from attrs import frozen
from scipy import ndimage
from scipy import stats as scipy_stats

from mlcycle import stats
from tests.benchmarks.peers import PeerMissing, ask
from tests.benchmarks.real_data import TARGETS, table

SHARES = (0.1, 0.5, 1.0)
SIZES = ("small", "medium", "large")
NOISE = (1 / 78, 10 / 78, 100 / 78)
COLUMNS = (0.1, 0.3, 1.0)
# Degrees, share of the width, zoom.
IMAGE = ((10, 0.05, 0.1), (40, 0.2, 0.2), (90, 0.4, 0.4))
METHODS = ("drift", "classifier", "KS", "alibi KS", "alibi LR", "alibi RF")

_ALIBI = """
import warnings
warnings.simplefilter("ignore")
import numpy as np
from alibi_detect.cd import ClassifierDrift, KSDrift
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

def judged(a, b):
    set_up = dict(backend="sklearn", preds_type="probs", binarize_preds=False, seed=0)
    forest = RandomForestClassifier(100, random_state=0)
    spread = pairs.std(axis=(0, 1)) + 1e-9
    line = ClassifierDrift(a / spread, LogisticRegression(max_iter=200), n_folds=5, **set_up)
    return [
        float(KSDrift(a).predict(b)["data"]["p_val"].min()) * a.shape[1],
        float(line.predict(b / spread)["data"]["p_val"]),
        float(ClassifierDrift(a, forest, use_oob=True, **set_up).predict(b)["data"]["p_val"]),
    ]

answer = {"p": [judged(pair[:rows], pair[rows:]) for pair in pairs]}
"""


@frozen(eq=False)
class Table:
    """Rows and classes of a table, and whether the rows are images."""

    name: str
    rows: np.ndarray
    labels: np.ndarray

    @classmethod
    def named(cls, name: str) -> Table:
        """Read a table; its target is the class that is knocked out, and no column."""
        frame = table(name)
        target = TARGETS[name]
        return cls(name, frame.drop(columns=target).to_numpy(np.float64), frame[target].to_numpy())

    def most(self) -> int:
        """Return the rows a sample can have so that the second still finds enough without the most common class."""
        others = len(self.labels) - np.unique(self.labels.astype(str), return_counts=True)[1].max()
        return int(0.9 * others / (1 + others / len(self.labels)))

    def pair(self, rows: int, rng: np.random.Generator, knocked: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Draw two samples, the second without a share of the most common class."""
        order = rng.permutation(len(self.rows))
        rest = order[rows:]
        values, counts = np.unique(self.labels.astype(str), return_counts=True)
        missing = (self.labels[rest].astype(str) == values[counts.argmax()]) & (rng.random(len(rest)) < knocked)
        return self.rows[order[:rows]], self.rows[rest[~missing][:rows]]


def shifts(name: str) -> list[tuple[str, int, float]]:
    """Return the shifts of a table: its kind, its size, the share of rows."""
    by_value = "image" if name == "digits" else "columns"
    found = [(kind, size, share) for kind in ("noise", by_value) for size in range(3) for share in SHARES]
    return [*found, *(("knock-out", 0, share) for share in SHARES)]


def shifted(data: Table, rows: int, shift: tuple[str, int, float], rng: np.random.Generator) -> np.ndarray:
    """Return a pair of samples, one below the other, the second one shifted."""
    kind, size, share = shift
    if kind == "knock-out":
        return np.vstack(data.pair(rows, rng, share))
    before, after = data.pair(rows, rng)
    after = after.copy()
    chosen = np.sort(rng.permutation(len(after))[: round(share * len(after))])
    spread = np.full(data.rows.shape[1], data.rows.std()) if data.name == "digits" else data.rows.std(axis=0)
    if kind == "noise":
        after[chosen] += rng.normal(size=(len(chosen), len(spread))) * spread * NOISE[size]
        after = np.clip(np.round(after), 0, 16) if data.name == "digits" else after
    elif kind == "columns":
        moves = rng.choice([-1.0, 1.0], len(spread)) * (rng.permutation(len(spread)) < max(len(spread) // 2, 1))
        after[chosen] += moves * spread * COLUMNS[size]
    elif kind == "image":
        after[chosen] = [moved(image.reshape(8, 8), IMAGE[size], rng).ravel() for image in after[chosen]]
    return np.vstack([before, after])


def moved(image: np.ndarray, reach: tuple[float, float, float], rng: np.random.Generator) -> np.ndarray:
    """Return an image turned, moved and zoomed at random within these reaches."""
    angle, shift, zoom = rng.uniform(-1, 1, 3) * [np.deg2rad(reach[0]), 1, reach[2]]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / (1 + zoom)
    centre = np.full(2, (len(image) - 1) / 2)
    offset = centre - turn @ centre + rng.uniform(-1, 1, 2) * reach[1] * len(image) * abs(shift)
    found: np.ndarray = np.clip(ndimage.affine_transform(image, turn, offset, order=1), 0, 16)
    return found


def ours(pair: np.ndarray, rows: int, permutations: int, seed: int) -> tuple[dict[str, float], bool]:
    """Return the p-values of our methods and of plain KS, and the verdict of `drift`."""
    a, b = pair[:rows], pair[rows:]
    found = stats.drift(a, b, seed=seed)
    alone = [scipy_stats.ks_2samp(u, v, method="asymp").pvalue for u, v in zip(a.T, b.T, strict=True)]
    p = {"drift": found.p, "KS": float(np.min(alone)) * len(alone)}
    one = stats.domain_classifier(a, b, permutations=permutations, seed=seed)
    p["classifier"] = one.p - 1e-6 * one.effect
    return {name: 1.0 if np.isnan(value) else value for name, value in p.items()}, found.drifted


def measured(data: Table, options: argparse.Namespace) -> tuple[list[dict[str, Any]], str]:
    """Return the p-values of every method on every pair, and what the peer said."""
    rng = np.random.default_rng([options.seed, zlib.crc32(data.name.encode())])
    rows = min(options.rows, data.most())
    plan: list[tuple[str, int, float]] = [("none", 0, 0.0)] * options.nulls
    plan += [shift for shift in shifts(data.name) for _ in range(options.repeats)]
    pairs = [shifted(data, rows, shift, rng) for shift in plan]
    found = []
    for seed, (shift, pair) in enumerate(zip(plan, pairs, strict=True)):
        p, verdict = ours(pair, rows, options.permutations, seed)
        found.append({"shift": shift, "p": p, "drifted": verdict})
    if options.no_peers:
        return found, "peers not asked"
    try:
        answer = ask("alibi-detect", _ALIBI, {"pairs": np.stack(pairs), "rows": rows})
    except (PeerMissing, RuntimeError) as error:
        return found, f"alibi-detect: skipped, {str(error).splitlines()[-1]}"
    for one, values in zip(found, answer["p"], strict=True):
        one["p"] |= dict(zip(("alibi KS", "alibi LR", "alibi RF"), values, strict=True))
    return found, f"alibi-detect {answer['versions']['alibi-detect']}"


def threshold(nulls: np.ndarray, alpha: float) -> float:
    """Return the p-value below which at most a share `alpha` of the nulls lies."""
    return float(np.sort(nulls)[int(alpha * len(nulls))])


def show(name: str, found: list[dict[str, Any]], alpha: float, totals: dict[str, list[float]]) -> None:
    """Print the lines of one table, and add its shares to the totals."""
    nulls = [one for one in found if one["shift"][0] == "none"]
    methods = [method for method in METHODS if method in found[0]["p"]]
    limits = {m: threshold(np.array([one["p"][m] for one in nulls]), alpha) for m in methods}

    def line(label: str, cells: list[str]) -> None:
        print(f"| {name} | {label} | " + " | ".join(cells) + " |")

    for kind, size in dict.fromkeys(one["shift"][:2] for one in found if one["shift"][0] != "none"):
        cells = []
        for method in [*methods, "drifted"]:
            shares = []
            for share in SHARES:
                some = [one for one in found if one["shift"] == (kind, size, share)]
                hits = [one["drifted"] if method == "drifted" else one["p"][method] < limits[method] for one in some]
                shares.append(float(np.mean(hits)))
            totals.setdefault(method, []).extend(shares)
            cells.append(" / ".join(f"{100 * share:.0f}" for share in shares))
        line(kind if kind == "knock-out" else f"{kind}, {SIZES[size]}", cells)
    rates = [f"{100 * np.mean([one['p'][m] <= alpha for one in nulls]):.0f}" for m in methods]
    line(f"*nothing*, at p ≤ {alpha:g}", [*rates, f"{100 * np.mean([one['drifted'] for one in nulls]):.0f}"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--nulls", type=int, default=100)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--permutations", type=int, default=199)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tables", nargs="*", default=["digits", "breast_cancer", "elec2"], choices=list(TARGETS))
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    began = time.perf_counter()
    totals: dict[str, list[float]] = {}
    notes: dict[str, None] = {}
    for at, name in enumerate(options.tables):
        found, note = measured(Table.named(name), options)
        notes[note] = None
        if not at:
            heads = [m for m in METHODS if m in found[0]["p"]] + ["drift, verdict"]
            print("| table | shift | " + " | ".join(heads) + " |\n|---|---|" + "---|" * len(heads))
        show(name, found, options.alpha, totals)
    print("| all | mean of shifts | " + " | ".join(f"{100 * np.mean(shares):.1f}" for shares in totals.values()) + " |")
    libraries = ("mlcycle", "numpy", "scipy", "pandas", "scikit-learn")
    versions = ", ".join([*(f"{library} {metadata.version(library)}" for library in libraries), *notes])
    print(f"\n{options.rows} rows on either side, {options.repeats} pairs a shift and share, {options.nulls} without;")
    print(f"{options.permutations} permutations; seed {options.seed}. Python {platform.python_version()}, {versions}.")
    print(f"{time.perf_counter() - began:.0f} s.")


if __name__ == "__main__":
    main()
