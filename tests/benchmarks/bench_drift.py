"""Two wide frames, 12 columns of the second shifted: `drift` and its peers against sorting every column once.

python -m tests.benchmarks.bench_drift [--rows 100000] [--numeric 40] [--levels 10] [--rounds 5] [--peer-rounds 1]
    [--long-rows 1000000] [--seed 0] [--peers evidently nannyml alibi-detect deepchecks whylogs]

The floor is one thread that sorts each column of both frames: ``np.sort`` of numbers, ``sort_values`` of text. Numbers
are normal, log-normal, Student's t with 3 degrees of freedom, uniform, counts and rounded to two digits, in turn; text
has 2 to 5 000 levels whose shares fall as 1 / rank. A shifted number moves by about 0.3 standard deviations; shifted
text has its shares fall as 1 / sqrt(rank). Nothing else differs, so what a method calls drifted beyond these 12
columns is a false alarm.

A second, longer pair of frames (16 columns of numbers, 4 of text) gives `drift`'s time and the memory that it takes at
its peak beyond the two frames, in a process of its own. Times are medians of rounds in which every method has its turn;
a peer is timed inside its own process, without imports and with its frames already read; turning text into the codes
that alibi-detect wants counts.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata

import numpy as np
import pandas as pd
import psutil

from mlcycle import stats
from tests.benchmarks.peers import PeerMissing, ask

FLOOR = "sort every column"
LEVELS = (2, 3, 5, 10, 20, 50, 100, 300, 1000, 5000)

_TIMED = """
import contextlib, io, logging, time, warnings
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
import numpy as np
np.seterr(all="ignore")
{imports}
silence = io.StringIO()
with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
    clock, processor = time.perf_counter(), time.process_time()
{work}
    took = [time.perf_counter() - clock, time.process_time() - processor]
answer = {{"clock": took[0], "processor": took[1], "found": sorted(str(name) for name in found)}}
"""

# Imports, and the work with each library's defaults, which leaves the drifted columns in `found`.
PEERS = {
    "evidently": (
        "from evidently import Report\nfrom evidently.presets import DataDriftPreset",
        """
    metrics = Report([DataDriftPreset()]).run(current, reference).dict()["metrics"]
    found = []
    for metric in metrics:
        settings = metric["config"]
        if "column" in settings:
            is_p = settings["method"].endswith("p_value")
            if (metric["value"] < settings["threshold"]) if is_p else (metric["value"] >= settings["threshold"]):
                found.append(settings["column"])
""",
    ),
    "nannyml": (
        "import nannyml",
        """
    calculator = nannyml.UnivariateDriftCalculator(column_names=list(reference.columns)).fit(reference)
    table = calculator.calculate(current).filter(period="analysis").to_df()
    found = {column[0] for column in table.columns if column[-1] == "alert" and table[column].any()}
""",
    ),
    "alibi-detect": (
        "import pandas as pd\nfrom alibi_detect.cd import TabularDrift",
        """
    both = pd.concat([reference, current], ignore_index=True)
    text = both.columns[[dtype.kind not in "iuf" for dtype in both.dtypes]]
    for name in text:
        both[name] = pd.factorize(both[name])[0]
    levels = {both.columns.get_loc(name): None for name in text}
    values = both.to_numpy(dtype=np.float64)
    detector = TabularDrift(values[: len(reference)], p_val=0.05, categories_per_feature=levels)
    result = detector.predict(values[len(reference) :])["data"]
    found = both.columns[result["p_val"] < result["threshold"]]
""",
    ),
    "deepchecks": (
        "from deepchecks.tabular import Dataset\nfrom deepchecks.tabular.checks import FeatureDrift",
        """
    text = [name for name, dtype in reference.dtypes.items() if dtype.kind not in "iuf"]
    sides = [Dataset(frame, cat_features=text) for frame in (reference, current)]
    scores = FeatureDrift().run(*sides).value
    found = [name for name, of in scores.items() if of["Drift score"] and of["Drift score"] >= 0.2]
""",
    ),
    "whylogs": (
        "import whylogs\nfrom whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores",
        """
    views = [whylogs.log(frame).view() for frame in (current, reference)]
    scores = calculate_drift_scores(*views, with_thresholds=True)
    found = [name for name, of in scores.items() if of and of["drift_category"] == "DRIFT"]
""",
    ),
}


def number(at: int, rows: int, shift: float, rng: np.random.Generator) -> np.ndarray:
    """Return a column of numbers whose distribution goes round six."""
    match at % 6:
        case 0:
            return rng.normal(shift, 1, rows)
        case 1:
            return rng.lognormal(shift, 1, rows)
        case 2:
            return rng.standard_t(3, rows) + shift
        case 3:
            return rng.uniform(shift * 0.29, 1 + shift * 0.29, rows)
        case 4:
            return rng.poisson(25 + 5 * shift, rows)
        case _:
            return np.round(rng.normal(shift, 1, rows), 2)


def text(at: int, rows: int, tilt: float, rng: np.random.Generator) -> np.ndarray:
    """Return a column of text whose number of levels goes round ten."""
    count = LEVELS[at % len(LEVELS)]
    weights = (1 / np.arange(1, count + 1)) ** tilt
    names = np.array([f"level {level}" for level in range(count)], dtype=object)
    return names[rng.choice(count, rows, p=weights / weights.sum())]


def frames(rows: int, numeric: int, levels: int, seed: int, shifted: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two frames that differ in columns called "moved …", a quarter of them text, spread over the frame."""
    rng = np.random.default_rng(seed)
    in_text = min(shifted // 4, levels)
    moved_text = set(np.linspace(0, levels - 1, in_text).round().astype(int))
    moved_numbers = set(np.linspace(0, numeric - 1, min(shifted - in_text, numeric)).round().astype(int))
    sides = []
    for is_current in (False, True):
        columns: dict[str, np.ndarray] = {}
        for at in range(numeric):
            name = f"{'moved ' if at in moved_numbers else ''}number {at}"
            columns[name] = number(at, rows, 0.3 * (is_current and at in moved_numbers), rng)
        for at in range(levels):
            name = f"{'moved ' if at in moved_text else ''}text {at}"
            columns[name] = text(at, rows, 1 - 0.5 * (is_current and at in moved_text), rng)
        sides.append(pd.DataFrame(columns))
    return sides[0], sides[1]


def floor(sides: tuple[pd.DataFrame, pd.DataFrame], with_text: bool) -> None:
    """Sort every column of both frames once."""
    for frame in sides:
        for _, column in frame.items():
            if column.dtype.kind in "iuf":
                np.sort(column.to_numpy())
            elif with_text:
                column.sort_values()


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return seconds of the clock and seconds of all processors."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def ours(sides: tuple[pd.DataFrame, pd.DataFrame]) -> set[str]:
    """Return the columns that `drift` calls drifted."""
    return {str(column.name) for column in stats.drift(*sides).columns if column.verdict == "drifted"}


def works_on(sides: tuple[pd.DataFrame, pd.DataFrame]) -> dict[str, Callable[[], object]]:
    """Return what is timed in this process."""
    return {
        "sort numbers": lambda: floor(sides, with_text=False),
        FLOOR: lambda: floor(sides, with_text=True),
        "ours": lambda: ours(sides),
    }


def asked(name: str, sides: tuple[pd.DataFrame, pd.DataFrame]) -> tuple[tuple[float, float] | None, set[str], str]:
    """Return what a peer took, found, and its version; or nothing, and why."""
    imports, work = PEERS[name]
    payload = {"reference": sides[0], "current": sides[1]}
    try:
        answer = ask(name, _TIMED.format(imports=imports, work=work.strip("\n")), payload)
    except (PeerMissing, RuntimeError) as error:
        return None, set(), f"{name}: skipped, {str(error).splitlines()[-1]}"
    return (answer["clock"], answer["processor"]), set(answer["found"]), f"{name} {answer['versions'][name]}"


def race(sides: tuple[pd.DataFrame, pd.DataFrame], peers: list[str], rounds: int, peer_rounds: int) -> None:
    """Print what every method took and found."""
    works = works_on(sides)
    found = {"ours": ours(sides)}  # warms up, too
    took: dict[str, list[tuple[float, float]]] = {}
    notes: dict[str, None] = {}
    for at in range(rounds):
        for name, work in works.items():
            took.setdefault(name, []).append(timed(work))
        for name in peers if at < peer_rounds else ():
            times, found[name], note = asked(name, sides)
            took.setdefault(name, []).extend([times] if times else [])
            notes[note] = None
    moved = {name for name in sides[0].columns if name.startswith("moved")}
    print(f"| work | seconds | of sorting | processor seconds | found of {len(moved)} | false alarms |")
    print("|---|---|---|---|---|---|")
    for line in times_of(took):
        name = line.split(" | ")[0]
        print(
            f"| {line} | {len(found[name] & moved)} | {len(found[name] - moved)} |"
            if name in found
            else f"| {line} | | |"
        )
    print(f"\n{', '.join(notes)}. Medians of {rounds} rounds, of {peer_rounds} for peers.")


def times_of(took: dict[str, list[tuple[float, float]]]) -> Iterator[str]:
    """Yield a line for each work: median seconds, their ratio to the floor, and median processor seconds."""
    base = statistics.median(clock for clock, _ in took[FLOOR])
    for name, times in took.items():
        if times:
            clock, processor = (statistics.median(column) for column in zip(*times, strict=True))
            yield f"{name} | {clock:.2f} | {clock / base:.2f} × | {processor:.2f}"


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """Yield a list whose only value becomes the most memory this process held beyond what it holds now."""
    process, stop, most = psutil.Process(), threading.Event(), [0]
    before = process.memory_info().rss

    def watch() -> None:
        while not stop.wait(0.002):
            most[0] = max(most[0], process.memory_info().rss - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield most
    stop.set()
    watcher.join()


def long_frames(rows: int, seed: int, rounds: int) -> None:
    """Print time and memory of `drift` on 16 columns of numbers and 4 of text."""
    sides = frames(rows, 16, 4, seed)
    held = sum(int(side.memory_usage(deep=True).sum()) for side in sides)
    stats.drift(*(side.iloc[:1000] for side in sides))  # imports are not part of the work
    with peak_memory() as most:
        ours(sides)
    took: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for name, work in works_on(sides).items():
            took.setdefault(name, []).append(timed(work))
    print("| work | seconds | of sorting | processor seconds |\n|---|---|---|---|")
    for line in times_of(took):
        print(f"| {line} |")
    print(f"\nThe two frames hold {held / 1e6:.0f} MB; at its peak `drift` held {most[0] / 1e6:.0f} MB more,", end=" ")
    print(f"{most[0] / held:.2f} × the frames. Medians of {rounds} rounds.")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--numeric", type=int, default=40)
    parser.add_argument("--levels", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-rounds", type=int, default=1)
    parser.add_argument("--long-rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=PEERS)
    parser.add_argument("--only-long", action="store_true", help="only the longer pair, in this very process")
    options = parser.parse_args()
    if options.only_long:
        long_frames(options.long_rows, options.seed, options.rounds)
        return
    libraries = ("mlcycle", "numpy", "scipy", "pandas")
    versions = ", ".join(f"{library} {metadata.version(library)}" for library in libraries)
    print(f"Python {platform.python_version()}, {versions}; {os.cpu_count()} processors, seed {options.seed}\n")
    print(f"{options.rows} rows, {options.numeric} columns of numbers and {options.levels} of text\n")
    sides = frames(options.rows, options.numeric, options.levels, options.seed)
    race(sides, options.peers, options.rounds, options.peer_rounds)
    if options.long_rows:
        print(f"\n{options.long_rows} rows, 16 columns of numbers and 4 of text\n", flush=True)
        again = [sys.executable, "-m", "tests.benchmarks.bench_drift", "--only-long"]
        sizes = ["--long-rows", str(options.long_rows), "--rounds", str(options.rounds)]
        subprocess.run([*again, *sizes, "--seed", str(options.seed)], check=True)


if __name__ == "__main__":
    main()
