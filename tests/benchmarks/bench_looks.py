"""Table T4: a year of daily looks at nothing, and at a small shift that comes in the middle of the year.

python -m tests.benchmarks.bench_looks [--streams 24] [--rows 100] [--days 365] [--reference 1000] [--seed 0]
    [--data synthetic elec2 weather]

Every stream has a reference and a year of days, some rows a day. Null years draw all rows at random from one pool, so
that nothing changes by construction. In years with a shift, from the middle on, synthetic rows are 0.1 standard
deviations larger, and half of the rows of a real table come from its last quarter, the pool being its first half;
columns take turns.

=================== =================================================================================================
ours                a growing `ConformalMartingale` and an `EDetector`, one false alarm a year allowed, over 1 stream
                    and over 40 (the budget of each is the only difference)
ours, conditional   the same against the reference only, ``conditional=0.05``
KS .05              Kolmogorov-Smirnov of the day against the reference, below 0.05
KS .05 / 365        the same with Bonferroni over the year
ADWIN, Page-Hinkley of each row in standard deviations of the reference, default settings
DDM                 of "above the 90 % quantile of the reference", default settings
=================== =================================================================================================

*Alarms a year* are days with an alarm. *Seen* is the share of years with a shift that have an alarm after it, *delay*
the median days until the first one (a method that fires at random has a short one). ADWIN, DDM and Page-Hinkley are our
own; the last lines say whether river, in its environment, has the same alarms on the same rows.
"""

from __future__ import annotations

import argparse
import math
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import numpy as np
from scipy.stats import kstwo

from mlcycle import stats
from tests.benchmarks.peers import PeerMissing, ask
from tests.benchmarks.real_data import DataMissing, table

MANY = 40
_Days = np.ndarray[Any, Any]

_RIVER = """
from river import drift

def days(make, rows, day):
    found = []
    for stream in rows.tolist():
        detector, alarms = make(), set()
        for at, x in enumerate(stream):
            detector.update(x)
            if detector.drift_detected:
                alarms.add(at // day)
        found.append(sorted(alarms))
    return found

answer = {
    "ADWIN": days(drift.ADWIN, numbers, day),
    "DDM": days(drift.binary.DDM, errors, day),
    "Page-Hinkley": days(drift.PageHinkley, numbers, day),
}
"""


def streams_of(name: str, options: argparse.Namespace) -> Iterator[tuple[_Days, _Days, _Days]]:
    """Yield so many streams: a reference, a year of nothing, a year with a shift from its middle on."""
    rng = np.random.default_rng([options.seed, len(name)])
    size, changed = (options.days, options.rows), np.arange(options.days)[:, None] >= options.days // 2
    if name != "synthetic":
        # The period of the day is a clock: it does not change from one year to the next.
        frame = table(name).select_dtypes("number").drop(columns="period", errors="ignore")
        columns = [frame[c].to_numpy(float) for c in frame if frame[c][: len(frame) // 2].nunique() > 10]
    for at in range(options.streams):
        if name == "synthetic":
            yield rng.normal(size=options.reference), rng.normal(size=size), rng.normal(size=size) + 0.1 * changed
            continue
        values = columns[at % len(columns)]
        values = values[np.isfinite(values)]
        pool, later = values[: len(values) // 2], values[-len(values) // 4 :]
        new = changed & (rng.random(size) < 0.5)
        years = rng.choice(pool, size), np.where(new, rng.choice(later, size), rng.choice(pool, size))
        yield rng.choice(pool, options.reference), *years


def ours(reference: _Days, year: _Days, streams: list[int], **setting: Any) -> list[list[int]]:
    """Return the days with an alarm, for the budget of each number of streams."""
    watch = stats.ConformalMartingale(reference, **setting)
    detectors = [stats.EDetector(stats.Budget(1, "1d", streams=some)) for some in streams]
    for day in year:
        watch.update(day)
        for detector in detectors:
            detector.update(watch.factor)
    return [[day - 1 for day in detector.alarms] for detector in detectors]


def kolmogorov_smirnov(reference: _Days, year: _Days) -> _Days:
    """Return the p-value of every day."""
    ordered = np.sort(reference)
    n, m = len(ordered), year.shape[1]
    found = []
    for day in year:
        every = np.concatenate([ordered, np.sort(day)])
        apart = np.searchsorted(ordered, every, "right") / n - np.searchsorted(np.sort(day), every, "right") / m
        found.append(np.abs(apart).max())
    p: _Days = kstwo.sf(np.array(found), round(n * m / (n + m)))
    return p


def in_units(reference: _Days, year: _Days) -> tuple[_Days, _Days]:
    """Return the rows in standard deviations of the reference, and which are above its 90 % quantile."""
    scale = reference.std() or 1.0
    return (year - reference.mean()) / scale, (year > np.quantile(reference, 0.9)).astype(float)


def alarms(reference: _Days, year: _Days, seed: int) -> dict[str, list[int]]:
    """Return every method's days with an alarm."""
    one, many = ours(reference, year, [1, MANY], seed=seed)
    one_given, many_given = ours(reference, year, [1, MANY], seed=seed, conditional=0.05)
    p = kolmogorov_smirnov(reference, year)
    return {
        "ours, 1 stream": one,
        f"ours, {MANY} streams": many,
        "ours, conditional, 1 stream": one_given,
        f"ours, conditional, {MANY} streams": many_given,
        "KS .05": np.flatnonzero(p <= 0.05).tolist(),
        "KS .05 / 365": np.flatnonzero(p <= 0.05 / len(year)).tolist(),
    }


def rows_of(null: list[dict[str, list[int]]], shifted: list[dict[str, list[int]]], change: int) -> Iterator[list[str]]:
    """Yield a row of the table for every method."""
    for name in null[0]:
        counts = [len(one[name]) for one in null]
        mean, error = statistics.fmean(counts), statistics.stdev(counts) / math.sqrt(len(counts))
        after = [min((day - change + 1 for day in one[name] if day >= change), default=math.inf) for one in shifted]
        seen = [delay for delay in after if math.isfinite(delay)]
        delay = statistics.median(after)
        over = MANY * mean
        told = f"{over:.1f}" if over < 100 else f"{over:,.0f}"
        yield [
            name, f"{mean:.2f} ± {error:.2f}", "" if name.endswith(", 1 stream") else told,
            f"{100 * len(seen) / len(after):.0f} %", f"{delay:.0f}" if math.isfinite(delay) else "not seen",
        ]  # fmt: skip


def with_river(streams: list[tuple[_Days, _Days, _Days]], found: list[dict[str, list[int]]], side: int) -> str:
    """Add the alarm days of river's detectors on null years (side 1) or shifted ones (2), and return its version."""
    pairs = [in_units(one[0], one[side]) for one in streams]
    numbers, errors = (np.stack([pair[at].ravel() for pair in pairs]) for at in (0, 1))
    try:
        answer = ask("river", _RIVER, {"numbers": numbers, "errors": errors, "day": streams[0][1].shape[1]})
    except PeerMissing as missing:
        return f"river: {missing}"
    for name in answer.keys() - {"versions"}:
        for mine, days in zip(found, answer[name], strict=True):
            mine[f"{name} of river"] = days
    return f"river {answer['versions']['river']}"


def update_time(make: Callable[[], Any], values: list[float], rounds: int = 5) -> float:
    """Return the median microseconds of one update."""
    taken = []
    for _ in range(rounds):
        update = make().update
        # Of this process, so that a busy machine does not count.
        start = time.process_time()
        for value in values:
            update(value)
        taken.append((time.process_time() - start) / len(values) * 1e6)
    return statistics.median(taken)


def print_speed(seed: int) -> None:
    """Print what one update costs."""
    rng = np.random.default_rng(seed)
    values = rng.random(2000).tolist()
    print("\n| update | µs |\n|---|---|")
    for size in (1_000, 10_000, 100_000, 1_000_000):
        seen = rng.random(size)
        taken = update_time(lambda seen=seen: stats.ConformalMartingale(seen), values)  # type: ignore[misc]
        print(f"| ConformalMartingale, {size:,} seen | {taken:.1f} |")
    others: dict[str, Callable[[], Any]] = {
        "EDetector": lambda: stats.EDetector(1e6),
        "ConfidenceSequence": stats.ConfidenceSequence,
    }
    for name, make in others.items():
        print(f"| {name} | {update_time(make, values):.1f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=24)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--reference", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", nargs="+", default=["synthetic", "elec2", "weather"])
    options = parser.parse_args()
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("mlcycle", "numpy", "scipy"))
    print(
        f"Seed {options.seed}; {options.streams} stream-years of {options.days} days with {options.rows} rows for each "
        f"cell, reference of {options.reference:,}; Python {platform.python_version()}, {versions}"
    )
    for name in options.data:
        try:
            streams = list(streams_of(name, options))
        except DataMissing as missing:
            print(f"\n{name}: {missing}")
            continue
        null = [alarms(reference, year, at) for at, (reference, year, _) in enumerate(streams)]
        shifted = [alarms(reference, year, at) for at, (reference, _, year) in enumerate(streams)]
        river = {with_river(streams, null, 1), with_river(streams, shifted, 2)}
        print(f"\n| {name} | alarms a year, 1 stream | over {MANY} streams | shift seen | delay in days |")
        print("|---|---|---|---|---|")
        for row in rows_of(null, shifted, options.days // 2):
            print(f"| {' | '.join(row)} |")
        print(f"\n{', '.join(river)}", flush=True)
    print_speed(options.seed)


if __name__ == "__main__":
    main()
