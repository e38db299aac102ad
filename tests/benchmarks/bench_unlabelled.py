"""T3, without labels: how far estimated metrics are from the realised ones, chunk by chunk in order of time.

python -m tests.benchmarks.bench_unlabelled [--chunks 10] [--rows 1000] [--tables elec2 weather covtype flights]

A model is trained on the first fifth of a table; the second fifth is the reference; chunks lie evenly over the rest.
``as it comes`` keeps the labels of the table, with whatever concept drift there is; ``fixed`` draws all labels from one
model of the whole table, so only the inputs drift. ``constant`` says of every chunk what the reference had;
``audit of 50`` is the unbiased figure from 50 labels a chunk, ``cbpe + audit`` the two combined.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

import mlcycle
from mlcycle import stats
from tests.benchmarks import peers, real_data

MOST_ROWS, AUDITED, SEED = 60_000, 50, 0
METHODS = ("constant", "cbpe", "pape", "audit of 50", "cbpe + audit", "nannyml CBPE")
NANNYML = """
import nannyml

estimator = nannyml.CBPE(
    y_pred_proba="score", y_pred="decided", y_true="y", problem_type="classification_binary",
    metrics=["roc_auc", "accuracy"], chunk_size=rows,
)
estimator.fit(reference)
found = estimator.estimate(analysis).filter(period="analysis").to_df()
answer = {metric: [float(x) for x in found[(metric, "value")]] for metric in ("roc_auc", "accuracy")}
"""


def binary(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return inputs and a target of 0 and 1, in order of time, thinned evenly to at most 60 000 rows."""
    frame = real_data.table(name)
    if name == "flights":
        frame = frame[frame["CANCELLED"] == 0].dropna(subset=["DEPARTURE_DELAY"]).drop(columns="CANCELLED")
        frame["weekday"] = frame["DATE"].dt.day_of_week
        frame["AIRLINE"] = pd.factorize(frame["AIRLINE"], sort=True)[0]
        frame = frame.drop(columns="DATE")
    frame = frame.iloc[:: max(1, -(-len(frame) // MOST_ROWS))].reset_index(drop=True)
    target = frame.pop(real_data.TARGETS[name])
    if name == "flights":
        target = target > 15
    if name == "covtype":
        target = target == 2
    return frame.astype(float), target.to_numpy().astype(int)


def estimates(
    X: pd.DataFrame, y: np.ndarray, chunks: int, rows: int
) -> tuple[dict[Any, list[float]], Any, dict[str, str]]:
    """Return, for every method and metric, the errors of all chunks; intervals that held; and the peer's versions."""
    fifth = len(y) // 5
    model = HistGradientBoostingClassifier(random_state=SEED).fit(X[:fifth], y[:fifth])
    score = model.predict_proba(X)[:, 1]
    old = slice(fifth, 2 * fifth)
    starts = np.linspace(2 * fifth, len(y) - rows, chunks).astype(int)
    errors, held = defaultdict(list), defaultdict(list)
    truths = []
    for number, start in enumerate(starts):
        new = slice(start, start + rows)
        sample = stats.audit_sample(score[new], AUDITED, seed=number)
        known = y[new][sample.indices]
        truth = {
            "roc_auc": float(roc_auc_score(y[new], score[new])),
            "accuracy": float(np.mean((score[new] >= 0.5) == y[new])),
        }
        truths.append(truth)
        for metric in truth:
            options = {"metric": metric, "resamples": 200}
            plain = stats.cbpe(y[old], score[old], score[new], **options)
            found = {
                "cbpe": plain,
                "pape": stats.pape(X[old], y[old], score[old], X[new], score[new], **options),
                "audit of 50": stats.audit(sample, known, metric=metric, estimate=plain),
            }
            errors["cbpe + audit", metric].append(abs(found["audit of 50"].combined - truth[metric]))
            errors["constant", metric].append(abs(plain.reference - truth[metric]))
            for method, one in found.items():
                errors[method, metric].append(abs(one.value - truth[metric]))
                if one.interval.conclusive:
                    held[method, metric].append(one.interval.low <= truth[metric] <= one.interval.high)
    versions = against_nannyml(y, score, old, starts, rows, truths, errors)
    return errors, held, versions


def against_nannyml(
    y: np.ndarray, score: np.ndarray, old: slice, starts: np.ndarray, rows: int, truths: list[Any], errors: Any
) -> dict[str, str]:
    """Add NannyML's errors on the same chunks, or say that it is missing."""
    new = np.concatenate([np.arange(start, start + rows) for start in starts])

    def frame(at: Any) -> pd.DataFrame:
        return pd.DataFrame({"score": score[at], "decided": (score[at] >= 0.5).astype(int), "y": y[at]})

    try:
        answer = peers.ask("nannyml", NANNYML, {"reference": frame(old), "analysis": frame(new), "rows": rows})
    except (peers.PeerMissing, RuntimeError) as error:
        print(f"nannyml passed over: {error}", file=sys.stderr)
        return {}
    for metric in ("roc_auc", "accuracy"):
        values = zip(answer[metric], truths, strict=True)
        errors["nannyml CBPE", metric] = [abs(value - truth[metric]) for value, truth in values]
    return dict(answer["versions"])


def cell(errors: list[float], held: list[bool]) -> str:
    """Return the mean absolute error, the share of intervals that held the truth, and how many were refused."""
    values = np.array(errors)
    if not len(values):
        return "–"
    refused = int(np.isnan(values).sum())
    text = f"{np.nanmean(values):.4f}" if refused < len(values) else "–"
    text += f" ({np.mean(held):.0%})" if held else ""
    return text + (f", {refused} refused" if refused else "")


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=10)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--tables", nargs="+", default=["elec2", "weather", "covtype", "flights"])
    given = parser.parse_args()
    began, versions = time.perf_counter(), {}
    print(f"| table | labels | metric | {' | '.join(METHODS)} |")
    print(f"|---|---|---|{'---|' * len(METHODS)}")
    for name in given.tables:
        try:
            X, y = binary(name)
        except real_data.DataMissing as error:
            print(f"{name} passed over: {error}", file=sys.stderr)
            continue
        chance = HistGradientBoostingClassifier(random_state=SEED).fit(X, y).predict_proba(X)[:, 1]
        fixed = (np.random.default_rng(SEED).random(len(y)) < chance).astype(int)
        rows = min(given.rows, len(y) // 5 // 2)
        for labels, target in (("as it comes", y), ("fixed", fixed)):
            errors, held, seen = estimates(X, target, given.chunks, rows)
            versions.update(seen)
            for metric in ("roc_auc", "accuracy"):
                cells = [cell(errors[method, metric], held[method, metric]) for method in METHODS]
                print(f"| {name} | {labels} | {metric} | {' | '.join(cells)} |", flush=True)
    ours = f"mlcycle {mlcycle.__version__}, scikit-learn {sklearn.__version__}, numpy {np.__version__}"
    theirs = f"; nannyml {versions['nannyml']} with numpy {versions['numpy']}" if versions else ""
    print(f"\nMean absolute error over {given.chunks} chunks of {given.rows} rows; in brackets the share of 95 % "
          f"intervals that held the realised value. Python {platform.python_version()}, {ours}{theirs}; seed {SEED}; "
          f"{time.perf_counter() - began:.0f} s.")  # fmt: skip


if __name__ == "__main__":
    main()
