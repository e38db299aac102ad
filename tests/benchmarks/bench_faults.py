"""Table T5: whether each fault of a catalogue is found, its column named first, and what kind of fault it is.

python -m tests.benchmarks.bench_faults [--tables elec2 weather covtype flights] [--sizes 500 5000 50000:3]
    [--shares 1 10 100] [--kinds "× 1000" nulls ...] [--repeats 10] [--nulls 30] [--peers 500:1 5000:3]
    [--peer-nulls 5] [--no-peers] [--seed 0] [--misses] [--write]

A size may say how often each fault is drawn, where that is not `--repeats`; peers are asked at the sizes, and about as
many of the draws, as `--peers` says (texts of 500 rows take Evidently some seven seconds each).

Rows of one real table are split at random into a reference and current rows, so that nothing differs but the fault:
one of `fault_kinds.FAULTS`, in one column drawn among those that it changes, on a share of the current rows, drawn at
random, or the last ones where a column gets stuck or repeats itself. A table with fewer rows than a size asks for is
split into halves, where these are at least `FEWEST` of the size. The same pair serves every fault, and without any
fault it is what the rows *nothing* stand on, with more such pairs for ours.

============ ========================================================================================================
found        the frame is called different; for rows that come twice, the report says so
first        and the column named first is one that the fault is in (either one of two that were swapped; that of the
             segment where a segment is missing; none where rows come twice)
family       and the fault is called by its name
============ ========================================================================================================

============ ========================================================================================================
ours         ``stats.drift(reference, current)`` with defaults
Evidently    its drift preset with defaults: half of the columns; and any column, the first one by p or by distance
NannyML      its univariate calculator with defaults, an alert of any column in any chunk, first by distance; it takes
             no texts
alibi-detect ``TabularDrift`` with defaults (Bonferroni), first by p; it takes no texts
============ ========================================================================================================
"""

from __future__ import annotations

import argparse
import platform
import re
import sys
import time
import warnings
import zlib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
from attrs import evolve, frozen

from mlcycle import stats
from tests.benchmarks.fault_kinds import FAULTS, Fault, hit, right_columns
from tests.benchmarks.fault_peers import peer_answers
from tests.benchmarks.fault_report import Call, Outcome, report
from tests.benchmarks.fault_tables import TABLES, fault_table

FEWEST = 0.45
_TWICE = re.compile(r"\brows?\b.*(duplicat|repeat|twice)|(duplicat|repeat).*\brows?\b", re.I)


@frozen(eq=False)
class Case:
    """One pair of frames, and the fault between them, if any."""

    table: str
    asked: int
    at: int
    reference: pd.DataFrame
    current: pd.DataFrame
    fault: Fault | None = None
    share: float = 0.0
    column: str = ""
    right: frozenset[object] = frozenset()

    def outcome(self) -> Outcome:
        """Return what is kept of it, without the frames."""
        rows = len(self.reference)
        return Outcome(self.table, self.asked, rows, self.fault.name if self.fault else "", self.share)


def pair(name: str, rows: int, seed: int, at: int) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return a reference and current rows, whole rows of one table at random; None where it has too few."""
    frame = fault_table(name)
    size = min(rows, len(frame) // 2)
    if size < FEWEST * rows:
        return None
    drawn = np.random.default_rng([seed, zlib.crc32(name.encode()), rows, at]).permutation(len(frame))
    a, b = (frame.iloc[side].reset_index(drop=True) for side in (drawn[:size], drawn[size : 2 * size]))
    return a, b


@cache
def fitting(name: str, fault: Fault) -> list[str]:
    """Return the columns of a table that a fault changes, as some of its rows show."""
    frame = fault_table(name)
    return fault.columns(frame.iloc[np.random.default_rng(0).permutation(len(frame))[:2000]].reset_index(drop=True))


def with_fault(nothing: Case, fault: Fault, share: float, seed: int) -> Case | None:
    """Return the pair with a fault on a share of rows, of the same column at every share; None if there is none.

    Where the rows that were drawn hold nothing that the fault would change, others are drawn.
    """
    before = nothing.current
    marks = [seed, zlib.crc32(f"{nothing.table} {fault.name}".encode()), nothing.asked, nothing.at]
    columns = fitting(nothing.table, fault)
    for again in range(50 if columns else 0):
        column = columns[np.random.default_rng(marks).integers(len(columns))]
        rows = hit(fault, len(before), share, np.random.default_rng([*marks, again]))
        after = fault.apply(before, column, rows, np.random.default_rng([*marks, 1]))
        right = right_columns(fault, column, before, after)
        if len(after) != len(before) or (right and not fault.rows_only):
            return evolve(nothing, current=after, fault=fault, share=share, column=column, right=frozenset(right))
    return None


def ours(case: Case) -> tuple[Call, str]:
    """Return what `drift` makes of a case, and the line it puts first."""
    found = stats.drift(case.reference, case.current)
    first = found.findings[0] if found.drifted else None
    line = "nothing" if first is None else f"{first.name}, {first.family or 'no family'}: {first.told}"
    says = any(_TWICE.search(note) for note in found.notes)
    if case.fault is None:
        # Where nothing is, the second place tells whether rows are said to come twice.
        return (found.drifted, says, False), line
    if case.fault.name == "rows duplicated":
        return (says, says, says), "; ".join(found.notes) or line
    is_right = first is not None and first.name in case.right
    is_named = first is not None and first.family in case.fault.families
    return (found.drifted, is_right, is_right and is_named), line


def cases(options: argparse.Namespace, name: str, rows: int, repeats: int) -> Iterator[Case]:
    """Yield the pairs of a table and a size: each without a fault, and with every fault on every share of rows."""
    for at in range(max(repeats, options.nulls)):
        sides = pair(name, rows, options.seed, at)
        if sides is None:
            return
        nothing = Case(name, rows, at, *sides)
        if at < options.nulls:
            yield nothing
        for fault in FAULTS if at < repeats else ():
            for share in options.shares if fault.name in options.kinds else ():
                if (case := with_fault(nothing, fault, share / 100, options.seed)) is not None:
                    yield case


def judged(options: argparse.Namespace, name: str, rows: int, repeats: int, notes: dict[str, str]) -> list[Outcome]:
    """Return what every method makes of all cases of a table and a size; peers add their versions to the notes."""
    found: list[Outcome] = []
    shared: list[tuple[Case, Outcome]] = []
    for case in cases(options, name, rows, repeats or options.repeats):
        outcome = case.outcome()
        outcome.calls["ours"], line = ours(case)
        found.append(outcome)
        if options.misses and case.fault is not None and not all(outcome.calls["ours"]):
            what = ("not found", "not first", "not named")[sum(outcome.calls["ours"])]
            print(f"{what}: {case.fault.name}, {100 * case.share:g} % of {rows} of {name}.{case.column}: {line}")
        asked = options.peers.get(rows, 0)
        if asked and case.at < (asked if case.fault else options.peer_nulls):
            shared.append((case, outcome))
    if shared:
        notes |= by_peers(shared)
    return found


def by_peers(shared: list[tuple[Case, Outcome]]) -> dict[str, str]:
    """Add to each outcome what the peers make of its case, and return their versions, or why they are missing."""
    without = {case.at: case.current for case, _ in shared if case.fault is None}
    frames = [(case.at, case.reference, without[case.at], case.current if case.fault else None) for case, _ in shared]
    notes = {}
    for peer, note, answers in peer_answers(frames):
        notes[peer] = note
        for (case, outcome), (is_called, columns) in zip(shared if answers else (), answers, strict=True):
            first = bool(columns) and columns[0] in case.right
            if peer == "evidently":
                outcome.calls["Evidently, any"] = (bool(columns), first, False)
                outcome.calls["Evidently, dataset"] = (is_called, is_called and first, False)
            else:
                outcome.calls["NannyML" if peer == "nannyml" else peer] = (is_called, is_called and first, False)
    return notes


def arguments() -> argparse.Namespace:
    """Read the command line."""
    names = [fault.name for fault in FAULTS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="*", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--sizes", type=size, nargs="*", default=[(500, 0), (5000, 0), (50_000, 3)])
    parser.add_argument("--shares", type=float, nargs="*", default=[1.0, 10.0, 100.0], help="per cent of rows")
    parser.add_argument("--kinds", nargs="*", default=names, choices=names, metavar="KIND", help=", ".join(names))
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--nulls", type=int, default=30, help="pairs without a fault, for each table and size")
    parser.add_argument("--peers", type=size, nargs="*", default=[(500, 1), (5000, 3)])
    parser.add_argument("--peer-nulls", type=int, default=5, help="pairs without a fault that peers are asked about")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--misses", action="store_true", help="print each case that ours misses")
    parser.add_argument("--write", action="store_true", help="put the table into docs/measured.md")
    options = parser.parse_args()
    options.peers = {} if options.no_peers else dict(options.peers)
    if options.peers:
        # What a peer makes of a fault stands on what it makes of the same pair without one.
        options.peer_nulls = max(options.peer_nulls, *options.peers.values())
        options.nulls = max(options.nulls, options.peer_nulls)
    return options


def size(text: str) -> tuple[int, int]:
    """Read ``rows`` or ``rows:repeats``, no repeats as 0."""
    rows, _, repeats = text.partition(":")
    return int(rows), int(repeats or 0)


def write(text: str) -> None:
    """Put the table between its marks in docs/measured.md."""
    page = Path(__file__).parents[2] / "docs" / "measured.md"
    before, rest = page.read_text().split("<!-- T5: begin -->\n")
    after = rest.split("<!-- T5: end -->")[1]
    page.write_text(f"{before}<!-- T5: begin -->\n{text}\n<!-- T5: end -->{after}")


def main() -> None:
    """Print the table."""
    options = arguments()
    warnings.simplefilter("ignore")
    began = time.perf_counter()
    found: list[Outcome] = []
    notes: dict[str, str] = {}
    for name in options.tables:
        for rows, repeats in options.sizes:
            some = judged(options, name, rows, repeats, notes)
            print(f"{name}, {rows} rows: {len(some)} pairs, {time.perf_counter() - began:.0f} s", file=sys.stderr)
            found += some
    libraries = ("mlcycle", "numpy", "scipy", "pandas")
    versions = [*(f"{library} {metadata.version(library)}" for library in libraries), *map(" ".join, notes.items())]
    about = f"Python {platform.python_version()}, {', '.join(versions)}. Seed {options.seed}."
    text = f"{about} {time.perf_counter() - began:.0f} s.\n\n{report(found)}"
    print(text)
    if options.write:
        write(text)


if __name__ == "__main__":
    main()
