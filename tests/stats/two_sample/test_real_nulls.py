"""Random halves of real tables: nothing has changed, and whole rows keep their columns as dependent as they are."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from mlcycle import stats
from tests.benchmarks.real_data import table

SIZES = [("iris", 75, 75), ("wine", 60, 118), ("breast_cancer", 284, 284)]


@cache
def halves(name: str, n: int, m: int, times: int) -> list[stats.Drift]:
    """Return what `drift` finds in random disjoint parts of a table with `n` and `m` rows."""
    frame = table(name)
    rng = np.random.default_rng([n, m, len(frame)])
    drawn = (rng.choice(len(frame), n + m, replace=False) for _ in range(times))
    return [stats.drift(frame.iloc[rows[:n]], frame.iloc[rows[n:]], seed=seed) for seed, rows in enumerate(drawn)]


def rates(found: list[stats.Drift]) -> tuple[float, float, float]:
    """Return the shares of frames called drifted and of significant global tests, and the most either may be."""
    times = len(found)
    most = 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)
    return float(np.mean([f.drifted for f in found])), float(np.mean([f.p <= f.alpha for f in found])), most


@pytest.mark.parametrize(("name", "n", "m"), SIZES)
def test_parts_of_one_table_raise_no_alarm(name: str, n: int, m: int) -> None:
    """At most 5 % of frames drift, and of global tests are significant (within 3 standard errors of the runs)."""
    drifted, significant, most = rates(halves(name, n, m, 12 if name == "breast_cancer" else 30))
    assert (drifted <= most, significant <= most) == (True, True)


def test_the_check_can_fail() -> None:
    """Without control over many tests the same halves of a wide table would have raised alarms far more often."""
    found = halves("breast_cancer", 284, 284, 12)
    alarms = [any(shift.p <= f.alpha for column in f.columns for shift in column.shifts) for f in found]
    assert np.mean(alarms) > 0.3


@pytest.mark.deep
@pytest.mark.parametrize(
    ("name", "n", "m"),
    [
        *SIZES,
        ("diabetes", 221, 221),
        ("digits", 50, 250),
        ("iris", 50, 100),
        ("wine", 50, 50),
        ("wine", 89, 89),
        ("diabetes", 50, 392),
        ("diabetes", 332, 110),
        ("breast_cancer", 50, 50),
        ("breast_cancer", 142, 427),
        ("digits", 500, 500),
        ("digits", 1000, 50),
    ],
)
def test_parts_of_one_table_raise_no_alarm_in_many_runs(name: str, n: int, m: int) -> None:
    """The same over 600 frames (300 of the widest), within 3 standard errors."""
    drifted, significant, most = rates(halves(name, n, m, 300 if name == "digits" else 600))
    assert (drifted <= most, significant <= most) == (True, True)
