"""How many blocks of real tables an edit changes, and what the cut costs beside the digests it saves.

Run ``python -m tests.benchmarks.bench_cut``; ``--rows 5000000`` for the made table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd

from mlcycle import codecs
from tests.benchmarks.bench_dataset import make_frame
from tests.benchmarks.real_data import table

_KEYS = {
    "covtype": (["Elevation"], ["Cover_Type"], None),
    "flights": (["DISTANCE", "AIR_TIME", "TAXI_OUT"], ["DATE"], None),
    "elec2": (["nswprice", "nswdemand"],),
}


def _edits(frame: pd.DataFrame, key: list[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give, by name, what a table becomes; the last hundredth of its rows is what is appended."""
    random = np.random.default_rng(1)
    before, middle = frame[: int(len(frame) / 1.01)], len(frame) // 2
    some = random.choice(len(before), 20, replace=False)
    last = next((column for column in reversed(frame.columns) if column not in key), frame.columns[-1])
    cells = before[last].to_numpy().copy()
    few = np.sort(random.choice(len(before), len(before) // 1000, replace=False))
    cells[few] = cells[few[::-1]]
    yield "as it was", before
    yield "append 1 %", frame
    yield "delete 1 row", pd.concat([before[:middle], before[middle + 1 :]])
    yield "delete 20 rows at random", before.drop(index=before.index[some])
    yield "insert 50 rows", pd.concat([before[:middle], frame[-50:], before[middle:]])
    yield "drop the first 5 %", before[len(before) // 20 :]
    yield f"change .1 % of {last}", before.assign(**{last: cells})
    yield f"change all of {last}", before.assign(**{last: before[last].to_numpy()[::-1]})


def _blocks(frame: pd.DataFrame, key: list[str]) -> list[tuple[int, tuple[str, ...]]]:
    encoded = codecs.encode(frame.reset_index(drop=True), key=key)
    return list(zip(encoded.header["blocks"], encoded.blocks, strict=True))


def measure(frame: pd.DataFrame, key: list[str]) -> dict[str, str]:
    """Say for each edit how many row blocks have anything new, and which share of the cells lies in new blocks."""
    (_, before), *edits = _edits(frame, key)
    old = _blocks(before, key)
    sizes = [rows for rows, _ in old]
    known = {digest for _, digests in old for digest in digests}
    said = {"blocks": f"{len(old)} of {min(sizes)} to {max(sizes)} rows"}
    for name, edited in edits:
        new = _blocks(edited, key)
        cells = sum(rows for rows, digests in new for digest in digests if digest not in known)
        touched = sum(not known.issuperset(digests) for _, digests in new)
        said[name] = f"{touched} of {len(new)} blocks, {100 * cells / edited.size:.1f} % of the cells"
    return said


def cost(rows: int) -> dict[str, float]:
    """Measure seconds: the digests of a table of 20 columns, and its cut by one column, of three sorts, and by all."""
    encoded = codecs.encode(make_frame(rows, 20))
    columns = dict(zip(encoded.table.column_names, encoded.table.columns, strict=True))

    def seconds(work: Callable[[], Any]) -> float:
        start = time.perf_counter()
        work()
        return round(time.perf_counter() - start, 2)

    keys = {"numbers": ["c4"], "text": ["c8"], "moments": ["c6"], "all 20": list(columns)}
    taken = {
        f"cut by {name}": seconds(lambda key=key: codecs.cut({name: columns[name] for name in key}, rows))  # type: ignore[misc]
        for name, key in keys.items()
    }
    ends = list(accumulate(codecs.cut({"c4": columns["c4"]}, rows)))
    digests = seconds(lambda: [codecs.block_digest(column) for column in columns.values()])
    return {"rows": rows, "blocks": len(ends), "digests, one thread": digests, **taken}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    chosen = parser.parse_args()
    print(json.dumps(cost(chosen.rows), indent=2))
    for name, keys in _KEYS.items():
        frame = table(name)
        for key in keys:
            key = key or list(frame.columns)
            print(name, "by", key if len(key) < 9 else "all columns", json.dumps(measure(frame, key), indent=2))
