"""Opening a project of 10 000 entries, cold, checkpointed, against reading and parsing the same JSON.

Run: ``python tests/benchmarks/bench_open.py [--entries N] [--json]``. To reach: at most 2 times the
floor, which is all JSON of the state and of the entries since. The checkpoint
is as old as it is on average: half of the longest tail that is allowed.
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

import mlcycle
from mlcycle._digest import sha256_bytes
from mlcycle._ids import new_id
from mlcycle.state import Change, FactAdd, Place, PointerMove, ProjectCreate, ProjectFold, VersionAdd
from mlcycle.storage import Log, open_files
from mlcycle.storage._checkpoints import Hint, list_marks, read_hint, write_checkpoint, write_hint
from mlcycle.storage._entries import encode_entry, entry_key
from mlcycle.storage._entry_reader import EntryReader
from mlcycle.storage._replay import Replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.storage import Files

REACH = 2.0
AT = "2026-11-23T12:00:00.000000Z"
ROUNDS = 15


def changes(n: int) -> list[dict[str, Any]]:
    """Return what entry `n` changes: a dataset, a model, an evaluation or an alias, in turn."""
    if n == 0:
        return [ProjectCreate(id=new_id()).doc()]
    turn, thing, number, name = (n - 1) % 4, new_id(), (n - 1) // 80 + 1, f"churn-{(n - 1) // 4 % 20}"
    if turn == 3:
        stands = {"before": number - 1 or None, "after": number}
        return [PointerMove(of="model", name=name, pointer="production", how="promote", **stands).doc()]
    content = sha256_bytes(thing.encode())
    change: Change
    if turn == 2:
        said = {"data": "dataset:customers.test@3", "scope": 1, "verdict": "pass"}
        stored, about = f"evaluation:{thing}", [said["data"], sha256_bytes(b"")]
        subject = f"model:{name}@{number}"
        change = FactAdd(of="evaluation", id=thing, subject=subject, about=about, needs=[stored], says=said)
    elif turn == 1:
        stored, said = f"model:{thing}", {"run": f"run:{new_id()}", "environment": sha256_bytes(b"")}
        made_from = [f"dataset:customers.train@{number}"]
        change = VersionAdd(of="model", name=name, number=number, needs=[stored], made_from=made_from, says=said)
    else:
        stored = f"table:{content}:{sha256_bytes(b'')}"
        said = {"content": content, "presentation": sha256_bytes(b""), "rows": n, "columns": 20, "layout": "blocks"}
        said["roles"] = {"target": "churned", "key": "customer_id", "time": None, "group": None}
        change = VersionAdd(of="dataset", name=name, number=number, needs=[stored], says=said)
    file = {"key": f"files/{thing}/{new_id()}.zip", "size": 1000 + n, "sha256": content, "enc": None, "kind": "model"}
    return [Place(object=stored, files=[file]).doc(), change.doc()]


def build(files: Files, entries: int) -> tuple[int, bytes]:
    """Write entries, rollups, a hint, and a checkpoint of average age; return the length of the tail, and the floor."""
    prev, sizes = "", []
    fold, said = ProjectFold(), {"verb": "nightly", "author": "ann", "at": AT, "message": "nightly"}
    for n in range(entries):
        data = encode_entry(n, prev, op=f"auto:{new_id()}", changes=changes(n), **said)
        files.put(entry_key(n), data, durable=False)
        prev = sha256_bytes(data)
        sizes.append(len(data))
    log = Log(files, fold, author="bench")
    log.snapshot()
    for _ in range(entries // 1024 + 1):
        log.flush()
    hint, mark = read_hint(files), list_marks(files)[0]
    tail = max(32, round(mark.size / 4 / statistics.mean(max(size, 2048) for size in sizes) / 2))
    reader = EntryReader(files)
    replay = Replay(fold, reader)
    for stored in reader.run(0, entries - tail):
        replay.apply(stored)
    files.delete([mark.key])
    mark = write_checkpoint(files, fold, replay)
    assert hint is not None
    write_hint(files, Hint(entries - 1, (mark,), hint.rolled, fold.version))
    parts = [part for name, part in replay.now.state.dump().items() if "/" in name]  # the others are one text, or bytes
    texts = [line.partition(b"\t")[2] for part in parts for line in part.splitlines()]
    return tail, b"[" + b",".join(texts) + b"]"


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
    tail, whole = build(open_files(store), entries)
    state.write_bytes(whole)

    def opened() -> mlcycle.Project:
        project = mlcycle.open(store, create=False)
        list(project.datasets)
        return project

    def floor() -> list[Any]:
        since = (store / entry_key(n) for n in range(entries - tail, entries))
        return [json.loads(path.read_bytes()) for path in (state, *since)]

    opens, floors = [], []
    for _ in range(ROUNDS):
        opens.append(timed(opened))
        floors.append(timed(floor))
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
