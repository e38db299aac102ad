"""A commit of one small entry, against writing one file with fsync and link.

Run: ``python tests/benchmarks/bench_commit.py [--entries N] [--json]``. To reach: at most 4 times the floor.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlcycle.storage import Draft, Log, open_files

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mlcycle.storage import Entry, Snapshot, State

REACH = 4.0


class Notes:
    """A fold that keeps one small document a change."""

    version = "notes/1"
    kinds = frozenset({"note"})
    needs: frozenset[str] = frozenset()

    def empty(self) -> State:
        """Return no notes."""
        return {"notes": {}}

    def hold(self, state: State, entry: Entry | None = None) -> None:
        """Nothing is read late."""

    def apply(self, state: State, entry: Entry) -> None:
        """Keep the notes of the entry."""
        for change in entry["changes"]:
            state["notes"][change["name"]] = {"value": change["value"], "entry": entry["n"]}

    def obstacles(self, entry: Entry) -> list[str]:
        """Understand everything."""
        return []

    def skipped(self, state: State) -> list[str]:
        """Pass over nothing."""
        return []

    def dump(self, state: State) -> dict[str, bytes]:
        """Return one part."""
        return {"notes": json.dumps(state["notes"]).encode()}

    def load(self, parts: Collection[str], read: Callable[[str], bytes]) -> State:
        """Read it."""
        return {"notes": json.loads(read("notes"))}


def floor(folder: Path, i: int, data: bytes) -> None:
    """Write one file, fsync it, link it to its name."""
    scratch, target = folder / f".tmp-{i}", folder / f"{i:010d}.json"
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(descriptor, data)
    os.fsync(descriptor)
    os.close(descriptor)
    os.link(scratch, target)
    os.unlink(scratch)  # noqa: PTH108 - the floor should not pay for Path


def timed(do: Callable[[], Any]) -> float:
    """Return how many seconds it takes."""
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def measure(folder: Path, entries: int) -> dict[str, float]:
    """Return medians in seconds: commits and floor in turns, so that both meet the same disk."""
    log = Log(open_files(folder / "store"), Notes(), author="bench")
    (folder / "floor").mkdir()
    commits, floors = [], []
    for i in range(entries):

        def propose(snapshot: Snapshot, i: int = i) -> Draft:
            return Draft([{"kind": "note", "name": f"note-{i}", "value": i}])

        commits.append(timed(lambda propose=propose: log.commit(propose, verb="note", message="a small entry")))  # type: ignore[misc]
        data = b"x" * 400
        floors.append(timed(lambda i=i, data=data: floor(folder / "floor", i, data)))  # type: ignore[misc]
    return {"commit": statistics.median(commits), "floor": statistics.median(floors)}


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=500, help="commits to make (default 500)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), options.entries)
    found["ratio"] = found["commit"] / found["floor"]
    if options.json:
        print(json.dumps({**found, "reach": REACH}))
    else:
        print(
            f"commit of one small entry: {found['commit'] * 1e3:.2f} ms, floor {found['floor'] * 1e3:.2f} ms, "
            f"ratio {found['ratio']:.2f} (reach {REACH:g})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
