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

from mlcycle.lifecycle._fold import ProjectFold

import mlcycle
from mlcycle._digest import sha256_bytes
from mlcycle._ids import new_id
from mlcycle.storage import Log, open_files
from mlcycle.storage._checkpoints import Hint, read_hint, write_checkpoint, write_hint
from mlcycle.storage._entries import encode, entry_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.storage import Files

REACH = 2.0
AT = "2026-11-23T12:00:00.000000Z"
ROUNDS = 15


def changes(n: int) -> list[dict[str, Any]]:
    """Return what entry `n` changes: a dataset, a model, an evaluation or an alias, in turn."""
    if n == 0:
        return [{"kind": "project.create", "id": new_id()}]
    thing, number, name = new_id(), n // 80 + 1, f"churn-{n // 4 % 20}"
    if n % 4 == 3:
        move = {"name": name, "before": number - 1 or None, "after": number, "how": "promote"}
        return [{"kind": "alias.move", "alias": "production", **move}]
    if n % 4 == 2:
        judged = {"subject": f"{name}@{number}", "data": "customers.test@3", "content": sha256_bytes(b""), "scope": 1}
        change = {"kind": "evaluation.add", "id": thing, **judged, "verdict": "pass", "object": f"evaluation:{thing}"}
    elif n % 4 == 1:
        lineage = {"run": new_id(), "data": [f"customers.train@{number}"], "environment": sha256_bytes(b"")}
        change = {
            "kind": "model.add",
            "name": name,
            "number": number,
            "id": thing,
            "object": f"model:{thing}",
            **lineage,
        }
    else:
        content = {"content": sha256_bytes(thing.encode()), "presentation": sha256_bytes(b""), "rows": n, "columns": 20}
        roles = {"target": "churned", "key": "customer_id", "time": None, "group": None}
        change = {"kind": "dataset.add", "name": name, "number": number, "id": thing, "type": "blocks", **content}
        change |= {"roles": roles, "parents": [], "object": f"table:{content['content']}:{content['presentation']}"}
    file = {
        "key": f"files/{thing}/{new_id()}.zip",
        "size": 1000 + n,
        "sha256": sha256_bytes(thing.encode()),
        "enc": None,
    }
    return [{"kind": "place", "object": change["object"], "files": [{**file, "kind": "model"}]}, change]


def build(files: Files, entries: int) -> int:
    """Write entries, the rollups, a hint, and a checkpoint of average age; return the length of the tail."""
    prev, sizes = "", []
    for n in range(entries):
        data = encode(n, prev, op=f"auto:{new_id()}", author="ann", at=AT, message="nightly", changes=changes(n))
        files.put(entry_key(n), data, durable=False)
        prev = sha256_bytes(data)
        sizes.append(len(data))
    log = Log(files, ProjectFold(), author="bench")
    mark = write_checkpoint(files, ProjectFold(), log.snapshot())
    tail = max(32, round(mark.size / 4 / statistics.mean(max(size, 2048) for size in sizes) / 2))
    for _ in range(entries // 1024):
        log.flush()
    hint = read_hint(files)
    assert hint is not None
    mark = write_checkpoint(files, ProjectFold(), log.as_of(entries - 1 - tail))
    write_hint(files, Hint(entries - 1, (mark,), hint.rolled, ProjectFold.version))
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
    mlcycle.open(store, create=True)
    (store / entry_key(0)).unlink()
    tail = build(open_files(store), entries)

    def opened() -> mlcycle.Project:
        project = mlcycle.open(store, create=False)
        project.datasets.names()
        return project

    state.write_text(
        json.dumps(Log(open_files(store), ProjectFold()).snapshot().state, ensure_ascii=False, separators=(",", ":"))
    )
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
