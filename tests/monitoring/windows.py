"""Windows of traffic to look at, of one population and one model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from mlcycle import stats
from mlcycle.checks import EvaluationContext
from mlcycle.monitoring import ReferenceRows, Window, run_signals, signals_at
from mlcycle.monitoring._window import inputs_of
from mlcycle.records import Evaluation, Result, Revision, from_json, to_json
from mlcycle.serving import CapturedTraffic, decode_traffic, encode_labels
from mlcycle.serving._capture import encode_predictions

COLUMNS = list("abcdef")
WINDOW = {"since": "2026-01-01T00:00:00.000000Z", "until": "2026-02-01T00:00:00.000000Z"}


def people(n: int, seed: int) -> tuple[pd.DataFrame, Any]:
    """Return rows of one population, with a category and a moment, and the truth."""
    X, y = make_classification(6000, 6, n_informative=4, random_state=7)
    rows = np.random.default_rng(seed).choice(6000, n, replace=False)
    frame = pd.DataFrame(X[rows], columns=COLUMNS).round(3)
    frame["region"] = pd.Categorical(np.where(X[rows, 5] > 0, "EU", "US"))
    frame["since"] = pd.Timestamp("2026-01-01") + pd.to_timedelta((X[rows, 4] * 100).round(), unit="h")
    return frame, y[rows]


TRAIN, TRUTH = people(2000, 0)
MODEL = LogisticRegression().fit(TRAIN[COLUMNS], TRUTH)
REVISION = Revision(deployment="shop", number=3, weights={"m@1": 90, "m@2": 10}, at=WINDOW["since"])


def serve(frame: pd.DataFrame, y: Any = None, *, version: str = "m@1", ms: Any = 1.0, first: int = 0) -> list[bytes]:
    """Return the lines of traffic as a service writes them."""
    ids = [str(first + i) for i in range(len(frame))]
    out = MODEL.predict(frame[COLUMNS])
    times = np.broadcast_to(ms, len(frame))
    lines: list[bytes] = []
    for i, identity in enumerate(ids):
        facts = {"v": version, "r": 3, "role": "live", "ms": float(times[i])}
        lines.append(encode_predictions([identity], frame.iloc[[i]], {"out": out[i : i + 1]}, facts))
    return lines + ([] if y is None else encode_labels(ids, y).splitlines())


def judge(ref: str, rows: pd.DataFrame) -> Iterable[Result]:
    """Hold accuracy against 0.7."""
    right = MODEL.predict(inputs_of(rows)[COLUMNS]) == rows["label"].to_numpy()
    found = stats.wilson(int(right.sum()), len(right))
    verdict = "pass" if found.low >= 0.7 else "fail" if found.high < 0.7 else "inconclusive"
    limits = {"value": found.value, "low": found.low, "high": found.high, "threshold": 0.7, "n": found.n}
    yield Result(check="accuracy ≥ 0.7", subject=ref, verdict=verdict, **limits)


def check(lines: Iterable[bytes], signals: Any = None, **changes: Any) -> Evaluation:
    """Return what is found in some lines."""
    expected = MODEL.predict(people(2000, 1)[0][COLUMNS])
    evidence = {"reference": lambda: TRAIN, "expected": lambda: expected, "judge": judge, **changes}
    known = evidence["reference"]
    evidence["reference"] = lambda: rows_of(known())
    captured = lines if isinstance(lines, CapturedTraffic) else decode_traffic(lines)
    seen = EvaluationContext(traffic=Window(revision=REVISION, captured=captured, **WINDOW, **evidence))
    results = run_signals(signals_at(0.05) if signals is None else signals, "deployment:shop", seen)
    found = Evaluation(id="e", subject="deployment:shop", results=results, revision=3, **WINDOW)
    assert from_json(to_json(found)) == found
    return found


def rows_of(frame: pd.DataFrame | None) -> ReferenceRows | None:
    """Return a frame as the rows a model was made from, with nothing said of how they hang together."""
    return None if frame is None else ReferenceRows(frame)


def kinds(found: Evaluation) -> list[tuple[str | None, str, str, str | None]]:
    """Return signal, check, verdict and phase of the findings."""
    return [(one.look, one.check, one.verdict, one.phase) for one in found.findings]


def serve_changed(frame: pd.DataFrame, column: str, change: Any) -> list[bytes]:
    """Serve rows whose captured column was changed after the model answered."""
    out = MODEL.predict(frame[COLUMNS])
    frame = frame.assign(**{column: change(frame[column])})
    facts = {"v": "m@1", "r": 3, "role": "live", "ms": 1.0}
    return encode_predictions([str(i) for i in range(len(frame))], frame, {"out": out}, facts).splitlines()
