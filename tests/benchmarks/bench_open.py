"""Opening a project of 10 000 entries, cold, checkpointed, against reading and parsing one JSON of that state.

Run: ``python tests/benchmarks/bench_open.py [--entries N] [--json]``. To reach: at most 2 times the floor.
The checkpoint is as old as it is on average: half of the longest tail that is allowed.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlcycle._digest import sha256_bytes
from mlcycle._ids import new_id
from mlcycle.storage import Log, open_files
from mlcycle.storage._checkpoints import Hint, read_hint, write_checkpoint, write_hint
from mlcycle.storage._entries import encode, entry_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.storage import Entry, Files, State

REACH = 2.0
AT = "2026-11-23T12:00:00.000000Z"
ROUNDS = 15


class Versions:
    """A fold as a project has it: versions of datasets and models, aliases, evaluations, where files lie."""

    version = 1
    kinds = frozenset({"dataset.add", "model.add", "alias.move", "evaluation.add", "place"})
    needs: frozenset[str] = frozenset()

    def empty(self) -> State:
        """Return an empty project."""
        return {"logical": {"datasets": {}, "models": {}, "aliases": {}, "evaluations": []}, "placement": {}}

    def apply(self, state: State, entry: Entry) -> None:
        """Fold one entry."""
        logical = state["logical"]
        stamp = {"author": entry["author"], "at": entry["at"], "message": entry["message"], "entry": entry["n"]}
        for change in entry["changes"]:
            facts = {key: value for key, value in change.items() if key != "kind"} | stamp
            kind = change["kind"]
            if kind == "place":
                state["placement"][change["object"]] = change["files"]
            elif kind == "alias.move":
                logical["aliases"].setdefault(change["alias"], []).append(facts)
            elif kind == "evaluation.add":
                logical["evaluations"].append(facts)
            else:
                logical[kind.split(".")[0] + "s"].setdefault(change["name"], {})[str(change["number"])] = facts


def changes(n: int) -> list[dict[str, Any]]:
    """Return what entry `n` changes: a dataset, a model, an evaluation or an alias, in turn."""
    if n % 4 == 3:
        return [{"kind": "alias.move", "name": "churn", "alias": f"alias-{n % 7}", "before": n - 4, "after": n}]
    if n % 4 == 2:
        values = {"roc_auc": 0.8 + n * 1e-6, "low": 0.79, "high": 0.83, "rows": 25_000, "verdict": "pass"}
        return [{"kind": "evaluation.add", "id": new_id(), "subject": f"churn@{n}", "on": "customers.test@3", **values}]
    thing, number = new_id(), n // 4 + 1
    kind, name = ("dataset.add", f"customers-{n % 20}") if n % 4 == 0 else ("model.add", f"churn-{n % 20}")
    file = {
        "key": f"files/{thing}/{new_id()}.zip",
        "size": 1000 + n,
        "sha256": sha256_bytes(thing.encode()),
        "enc": None,
    }
    return [
        {"kind": kind, "name": name, "number": number, "object": thing, "rows": n, "parents": [f"customers@{number}"]},
        {"kind": "place", "object": thing, "files": [{**file, "kind": "model"}]},
    ]


def build(files: Files, entries: int) -> int:
    """Write entries, the rollups, a hint, and a checkpoint of average age; return the length of the tail."""
    prev, sizes = "", []
    for n in range(entries):
        data = encode(n, prev, op=f"auto:{new_id()}", author="ann", at=AT, message="nightly", changes=changes(n))
        files.put(entry_key(n), data, durable=False)
        prev = sha256_bytes(data)
        sizes.append(len(data))
    log = Log(files, Versions(), author="bench")
    mark = write_checkpoint(files, Versions(), log.snapshot())
    tail = max(32, round(mark.size / 4 / statistics.mean(max(size, 2048) for size in sizes) / 2))
    for _ in range(entries // 1024):
        log.flush()
    hint = read_hint(files)
    assert hint is not None
    mark = write_checkpoint(files, Versions(), log.as_of(entries - 1 - tail))
    write_hint(files, Hint(entries - 1, (mark,), hint.rolled, Versions.version))
    return tail


def timed(do: Callable[[], Any]) -> float:
    """Return how many seconds it takes; what it returns is thrown away afterwards."""
    gc.collect()
    began = time.perf_counter()
    kept = do()
    took = time.perf_counter() - began
    del kept
    return took


def measure(folder: Path, entries: int) -> dict[str, float]:
    """Return medians in seconds: opening and floor in turns, so that both meet the same machine."""
    store, state = folder / "store", folder / "state.json"
    tail = build(open_files(store), entries)

    def opened() -> Log:
        log = Log(open_files(store), Versions())
        log.snapshot()
        return log

    state.write_text(json.dumps(opened().snapshot().state, ensure_ascii=False, separators=(",", ":")))
    opens, floors = [], []
    for _ in range(ROUNDS):
        opens.append(timed(opened))
        floors.append(timed(lambda: json.loads(state.read_bytes())))
    return {
        "open": statistics.median(opens),
        "floor": statistics.median(floors),
        "state_bytes": state.stat().st_size,
        "tail_entries": tail,
    }


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000, help="entries in the log (default 10000)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), options.entries)
    found["ratio"] = found["open"] / found["floor"]
    if options.json:
        print(json.dumps({**found, "reach": REACH}))
    else:
        print(
            f"open a project of {options.entries} entries: {found['open'] * 1e3:.1f} ms, "
            f"floor {found['floor'] * 1e3:.1f} ms, ratio {found['ratio']:.2f} (reach {REACH:g}); "
            f"state {found['state_bytes'] / 1e6:.1f} MB, tail {found['tail_entries']} entries"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
