"""What a project costs that has grown for years: memory, opening, looking back, rolling back, verifying, sweeping.

Run: ``python tests/benchmarks/bench_growth.py [--entries N] [--rounds N] [--keep FOLDER] [--json]``. The default is
100 000 entries: 10 000 names, 54 000 versions, 10 000 evaluations, 28 000 promotes. Each measure runs in a process of
its own; memory is what the resident set grew by. Times are of the processor, so that a busy machine tells the same,
but those of opening and promoting, which wait for the disk (in a warm page cache). A question is also asked of the
small project that the large one grew from, because what does not depend on size costs the same.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from sklearn.dummy import DummyClassifier

import mlcycle
from mlcycle.state import Place, ProjectFold, Sweep
from mlcycle.storage import open_files
from mlcycle.storage._checkpoints import list_marks
from mlcycle.storage._entries import entry_key
from mlcycle.storage._entry_reader import EntryReader
from mlcycle.storage._replay import Replay

sys.path.insert(0, str(Path(__file__).parent))
from growth_log import Growth, write_log

if TYPE_CHECKING:
    from collections.abc import Callable

Found = dict[str, float]
ROUNDS = 7
FRAME = pd.DataFrame({"age": range(40), "churned": [0, 1] * 20})
GONE = 4_000

REACH: Found = {
    "memory after folding, MB": 50,
    "memory after a cold open, MB": 20,
    "cold open, ms": 20,
    "at(half) and its names, ms": 10,
    "bytes a version in a checkpoint": 100,
    "entries of a rollback of all": 1,
    "verify(chain), time of twice the size": 2.5,
    "verify(files), time of twice the size": 2.5,
    "verify(files), 4000 missing cost more, s": 1,
    "fold a sweep of 100 keys, 100000 objects over 1000": 2,
}


# building ----------------------------------------------------------------------------------------------------


def build(folder: Path, entries: int) -> None:
    """Make a small project with the library, a copy of it that grew, and two of other sizes with all their files."""
    begin(folder / "small")
    shutil.copytree(folder / "small", folder / "large")
    grown = grow(folder / "large", entries)
    log = mlcycle.open(folder / "large", create=False)._session.log
    for _ in range(entries // 1024 + 1):
        log.flush()  # writes a checkpoint, and one rollup at a time
    (folder / "grown.json").write_text(json.dumps(grown))
    for name, size in {"half": entries // 25, "whole": entries // 12}.items():
        mlcycle.open(folder / name, create=True)
        grow(folder / name, size)
        store_files(folder / name)


def begin(store: Path) -> None:
    """Make a project whose dataset and model have all their files."""
    project = mlcycle.open(store, create=True, author="ann")
    whole = project.datasets.add("people", FRAME, target="churned")
    train, _ = whole.split()
    for _ in range(10):
        model = DummyClassifier().fit(FRAME[["age"]], FRAME["churned"])
        project.models.register("leavers", model, example=FRAME[["age"]][:5], uses=[train])
    project.models["leavers@1"].promote()


def grow(store: Path, entries: int) -> Found:
    """Go on writing a project, straight into its folder."""
    log = mlcycle.open(store, create=False)._session.log
    now = log.snapshot()
    growth = Growth(entries, now.n + 1)
    size = write_log(store, growth, now.n + 1, now.digest, now.at)
    names = len(growth.datasets) + len(growth.models) + len(growth.deployments)
    return {"versions": growth.versions + 13, "begun": growth.begun, "bytes": size, "names": names + 4}


def store_files(store: Path) -> None:
    """Make every file the log names, in its size."""
    for key, size in named(store).items():
        path = store / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(size)


def named(store: Path) -> dict[str, int]:
    """Return key and size of the files that must be there."""
    log = mlcycle.open(store, create=False)._session.log
    entries = log.entries(0, log.snapshot().n + 1)
    placed = (change for entry in entries for change in entry["changes"] if change["kind"] == "place")
    return {file["key"]: file["size"] for change in placed for file in change["files"]}


# measuring ---------------------------------------------------------------------------------------------------


def memory() -> float:
    """Return the resident megabytes of this process, which only Linux says so simply."""
    gc.collect()
    status = Path("/proc/self/status")
    if not status.exists():
        return math.nan
    lines = status.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def timed(do: Callable[[], Any], times: int = 1, *, clock: Callable[[], float] = time.process_time) -> float:
    """Return how many milliseconds it takes by a clock, the median of several times."""
    taken = []
    for _ in range(times):
        began = clock()
        kept = do()
        taken.append((clock() - began) * 1e3)
        del kept
    return statistics.median(taken)


def open_large(folder: Path) -> mlcycle.Project:
    """Open the large project."""
    return mlcycle.open(folder / "large", create=False, author="ann")


def floor(folder: Path) -> Found:
    """Read and parse every entry, and nothing else."""
    reader = EntryReader(open_files(folder / "large"))
    taken = timed(lambda: [json.loads(stored.data)["n"] for stored in reader.run(0)])
    return {"read and parse every entry, s": taken / 1e3}


def folding(folder: Path) -> Found:
    """Fold everything from entry 0."""
    reader = EntryReader(open_files(folder / "large"))
    replay = Replay(ProjectFold(), reader)
    before = memory()

    def fold() -> None:
        for stored in reader.run(0):
            replay.apply(stored)

    taken = timed(fold)
    grown = json.loads((folder / "grown.json").read_text())
    (mark, *_) = list_marks(open_files(folder / "large"))
    return {
        "memory after folding, MB": memory() - before,
        "fold every entry, s": taken / 1e3,
        "bytes a version in a checkpoint": mark.size / grown["versions"],
    }


def opening(folder: Path) -> Found:
    """Open cold, and look around."""
    list(mlcycle.open(folder / "small", create=False).datasets)  # imports belong to no store
    before, projects = memory(), []
    busy = time.process_time()
    taken = timed(lambda: projects.append(open_large(folder)), clock=time.perf_counter)
    busy = (time.process_time() - busy) * 1e3
    after = memory() - before
    project = projects[0]
    half = project._session.log.snapshot().n // 2
    return {
        "cold open, ms": taken,
        "cold open, of the processor, ms": busy,
        "memory after a cold open, MB": after,
        "names, first time, ms": timed(lambda: list(project.datasets)),
        "at(half) and its names, ms": timed(lambda: list(project.at(half).datasets), 5),
        "memory after looking at names, MB": memory() - before,
    }


def asking(folder: Path) -> Found:
    """Ask the usual questions of the large project, and of the small one it grew from."""
    found: Found = {}
    for which in ("large", "small"):
        project = mlcycle.open(folder / which, create=False, author="ann")
        view = project._session.view()
        subject = "model:churn-0@1" if which == "large" else "model:leavers@1"
        questions: dict[str, tuple[Callable[[], Any], int]] = {
            "status": (project.status, 3),
            "history(limit=20)": (lambda project=project: project.history(limit=20), 5),
            "a model by its alias": (lambda project=project: project.models["leavers@production"], 9),
            "models.versions": (lambda project=project: project.models.versions("leavers"), 9),
            "names of models": (lambda project=project: list(project.models), 5),
            "facts of a model": (lambda view=view, about=subject: [*view.facts.of("evaluation", about)], 9),
            "datasets.add, there already": (lambda project=project: _add(project), 5),
            "promote": (lambda project=project: project.models["leavers@2"].promote(), 7),
            "info, first": (project.store.info, 1),
            "info, again": (project.store.info, 3),
            "all evaluations": (lambda view=view: [*view.facts.of("evaluation")], 1),
        }
        for name, (ask, times) in questions.items():
            clock = time.perf_counter if name == "promote" else time.process_time
            found[f"{name} ({which}), ms"] = timed(ask, times, clock=clock)
    return found


def _add(project: mlcycle.Project) -> Any:
    return project.datasets.add("people", FRAME, target="churned")


def verifying(folder: Path) -> Found:
    """Verify two projects of which one is twice as large, then the larger with files missing."""
    taken: dict[str, list[float]] = {"chain": [], "files": []}
    mlcycle.open(folder / "small", create=False).store.verify()  # imports belong to no store
    for name in ("half", "whole"):
        store = mlcycle.open(folder / name, create=False).store
        for level, times in taken.items():
            times.append(timed(lambda store=store, level=level: store.verify(level)) / 1e3)
    for key in [*named(folder / "whole")][:GONE]:
        (folder / "whole" / key).unlink()
    missing = timed(lambda: mlcycle.open(folder / "whole", create=False).store.verify("files")) / 1e3
    store_files(folder / "whole")
    shape = {f"verify({level}), time of twice the size": times[1] / times[0] for level, times in taken.items()}
    seconds = {f"verify({level}), s": times[1] for level, times in taken.items()}
    return {**seconds, **shape, "verify(files), 4000 missing cost more, s": missing - taken["files"][1]}


def sweeping(folder: Path) -> Found:
    """Fold sweeps of 100 keys where there are few objects, and where there are many."""
    taken = {}
    for objects in (1_000, 100_000):
        fold, swept = ProjectFold(), [f"model:{i}" for i in range(100)]
        state = fold.empty()
        for first in range(0, objects, 100):
            placed = [Place(object=f"model:{i}", files=[{"key": f"{i}"}]).doc() for i in range(first, first + 100)]
            fold.apply(state, {"n": first, "changes": placed})
        entry = {"n": objects, "changes": [Sweep(keys=swept, swept=swept).doc()]}
        taken[objects] = timed(lambda fold=fold, state=state, entry=entry: fold.apply(state, entry), 99)
    return {
        "fold a sweep of 100 keys, ms": taken[100_000],
        "fold a sweep of 100 keys, 100000 objects over 1000": taken[100_000] / taken[1_000],
    }


def going_back(folder: Path) -> Found:
    """Roll the whole project back to where every name had its first version."""
    grown = json.loads((folder / "grown.json").read_text())
    project = open_large(folder)
    before, to = project._session.view().n, int(grown["begun"])
    moves: list[Any] = []
    dry = timed(lambda: moves.extend(project.rollback(to=to, dry_run=True)))
    real = timed(lambda: project.rollback(to=to, message="as it was"))
    after = project._session.view().n
    size = (folder / "large" / entry_key(after)).stat().st_size
    (folder / "large" / entry_key(after)).unlink()  # nobody has seen it: the project is what it was
    return {
        "names that a rollback moves": len({(move.kind, move.name) for move in moves}),
        "rollback of all, dry run, s": dry / 1e3,
        "rollback of all, s": real / 1e3,
        "entries of a rollback of all": after - before,
        "bytes of its entry": size,
    }


MEASURES = (floor, folding, opening, asking, verifying, sweeping, going_back)  # what changes the project is last
AGAIN = (floor, opening)


def in_process(measure: Callable[[Path], Found], folder: Path) -> Found:
    """Return what a process of its own measures."""
    command = [sys.executable, __file__, "--measure", measure.__name__, "--keep", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: Found = json.loads(done.stdout)
    return found


def measure_all(folder: Path, entries: int, rounds: int) -> Found:
    """Build what is not there, measure, and return medians."""
    if not (folder / "grown.json").exists():
        build(folder, entries)
    found = json.loads((folder / "grown.json").read_text())
    found["entries"] = entries
    for measure in MEASURES:
        each = [in_process(measure, folder) for _ in range(rounds if measure in AGAIN else 1)]
        found |= {name: statistics.median(one[name] for one in each) for name in each[0]}
    found["fold, times the floor"] = found["fold every entry, s"] / found["read and parse every entry, s"]
    return found


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000, help="entries in the log (default 100000)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"openings to measure (default {ROUNDS})")
    parser.add_argument("--keep", type=Path, help="a folder for the projects, used again if they are there")
    parser.add_argument("--measure", help="measure one thing in the folder --keep (internal)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    if options.measure:
        measure = next(one for one in MEASURES if one.__name__ == options.measure)
        print(json.dumps(measure(options.keep)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        found = measure_all(options.keep or Path(folder), options.entries, options.rounds)
    if options.json:
        print(json.dumps({**found, "reach": REACH}))
        return 0
    for name, value in found.items():
        reach = f"   reach: at most {REACH[name]:g}" if name in REACH else ""
        print(f"{name:55}{value:12,.2f}{reach}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
