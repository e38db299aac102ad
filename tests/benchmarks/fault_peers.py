"""What other libraries make of the catalogue of faults, each in an environment of its own.

Moments are left out where a library does not judge them, and texts too. All three judge each column by itself. So the
columns that a fault left alone are judged once a pair of frames, and of a case only those are that it changed; the
verdict for the frame is then made of all of them as the library makes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from tests.benchmarks.fault_tables import kind_of_column
from tests.benchmarks.peers import PeerMissing, ask

__all__ = ["PeerAnswer", "peer_answers"]

# `judged` returns for each column how strong its drift is, the larger the worse, and whether it is called drifted.
_EVIDENTLY = """
import warnings
warnings.simplefilter("ignore")
import numpy as np
np.seterr(all="ignore")
from evidently import Report
from evidently.presets import DataDriftPreset

def judged(reference, current):
    # It stops at a column of nothing but nulls, by name: that counts as called drifted.
    found = {name: [np.inf, True] for name in current.columns if current[name].isna().all()}
    kept = [name for name in reference.columns if name not in found and reference[name].dtype.kind != "M"]
    if not kept:
        return found
    metrics = Report([DataDriftPreset()]).run(current[kept], reference[kept]).dict()["metrics"]
    for metric in metrics:
        settings = metric["config"]
        if "column" in settings:
            value, threshold, method = float(metric["value"]), settings["threshold"], settings["method"]
            if method.endswith("p_value"):
                found[settings["column"]] = [-value, value < threshold]
            else:
                # A percentile is one less a p-value; distances have different thresholds, which they are counted in.
                strength = value - 1 if method.startswith("Percentile") else value / threshold
                found[settings["column"]] = [strength, value >= threshold]
    return found

def verdict(scores):
    return sum(called for _, called in scores.values()) >= 0.5 * len(scores)
"""

_NANNYML = """
import contextlib, io, logging, warnings
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
import numpy as np
np.seterr(all="ignore")
import nannyml

fitted = {}

def judged(reference, current):
    found = {}
    for name in reference.columns:
        # It knows no text: as levels, nearly all of which occur once, it would call it drifted on nothing.
        if reference[name].dtype.kind == "M" or name in texts:
            continue
        key = at, name
        if key not in fitted:
            fitted[key] = nannyml.UnivariateDriftCalculator(column_names=[name]).fit(reference[[name]])
        table = fitted[key].calculate(current[[name]]).filter(period="analysis").to_df()
        values = [table[column].max() for column in table.columns if column[0] == name and column[-1] == "value"]
        called = [table[column].any() for column in table.columns if column[0] == name and column[-1] == "alert"]
        found[name] = [float(max(values)), bool(any(called))]
    return found

def verdict(scores):
    return any(called for _, called in scores.values())
"""

_ALIBI = """
import numpy as np
import pandas as pd
from alibi_detect.cd import TabularDrift

def judged(reference, current):
    found = {}
    for name in reference.columns:
        a, b = reference[name], current[name]
        if name in texts:
            continue
        levels = a.dtype.kind not in "iufM" or a.nunique() <= 10
        if a.dtype.kind == "M":
            a, b = a.astype("int64").where(a.notna()), b.astype("int64").where(b.notna())
        if levels:
            codes = pd.factorize(pd.concat([a, b]).astype(str))[0].astype(float)
        else:
            codes = pd.concat([a, b]).astype(float).to_numpy()
            codes = np.where(np.isnan(codes), np.nanmin(codes) - 1, codes)
        # It takes no nulls, which become the smallest number; and it wants to be told all levels.
        known = {0: sorted(set(codes.tolist()))} if levels else None
        x, y = codes[: len(a), None], codes[len(a) :, None]
        p = TabularDrift(x, p_val=0.05, categories_per_feature=known).predict(y)["data"]["p_val"][0]
        found[name] = [-float(p), bool(p < 0.05 / judging)]
    return found

def verdict(scores):
    return any(called for _, called in scores.values())
"""

_CASES = """
answer = {"cells": []}
whole = {}
for at, place in plan:
    reference, current = globals()[f"reference_{at}"], globals()[f"current_{at}"]
    if at not in whole:
        whole[at] = judged(reference, current)
    scores = dict(whole[at])
    if place >= 0:
        after = globals()[f"case_{place}"]
        scores |= judged(reference[list(after.columns)], after)
    called = [name for name, (_, is_called) in scores.items() if is_called]
    called.sort(key=lambda name: -scores[name][0])
    answer["cells"].append([bool(verdict(scores)), called])
"""

PEERS = {"evidently": _EVIDENTLY, "nannyml": _NANNYML, "alibi-detect": _ALIBI}

# Whether the frame is called different, and the columns that are, the strongest first.
PeerAnswer = tuple[bool, list[str]]
# The number of its pair, its frames before and after the fault; None where nothing was changed.
_Frames = tuple[int, pd.DataFrame, pd.DataFrame, pd.DataFrame | None]


def peer_answers(cases: Sequence[_Frames]) -> Iterator[tuple[str, str, list[PeerAnswer]]]:
    """Yield for each peer its name, its version or why it is missing, and its answer to each case (none if missing).

    Parameters
    ----------
    cases : sequence of tuple
        For each case the number of its pair, the reference, the current rows without a fault, and those with it.
    """
    frames: dict[str, pd.DataFrame] = {}
    plan = []
    for place, (at, reference, current, after) in enumerate(cases):
        frames |= {f"reference_{at}": reference, f"current_{at}": current}
        if after is not None:
            frames[f"case_{place}"] = after[_changed(current, after)]
        plan.append([at, -1 if after is None else place])
    texts = [name for name, column in cases[0][1].items() if _is_text(column)]
    about = {"plan": plan, "texts": texts, "judging": cases[0][1].shape[1] - len(texts)}
    for name, script in PEERS.items():
        try:
            answer = ask(name, script + _CASES, {**frames, **about})
        except (PeerMissing, RuntimeError) as error:
            yield name, f"skipped, {str(error).splitlines()[-1]}", []
        else:
            yield name, answer["versions"][name], [(bool(found), called) for found, called in answer["cells"]]


def _changed(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    return [str(name) for name in before.columns if not before[name].equals(after[name])]


def _is_text(column: pd.Series) -> bool:
    return kind_of_column(column) == "text"
