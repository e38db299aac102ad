"""What probably happened: of one table of numbers, levels, text and moments, each fault is found and named."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from mlcycle import stats
from tests.benchmarks.fault_kinds import FAULTS, Fault, hit, right_columns

ROWS = 5000


@cache
def shop(seed: int) -> pd.DataFrame:
    """Return orders of a shop: numbers, levels, text and moments, in the order they came in."""
    rng = np.random.default_rng(seed)
    city = rng.choice(["Berlin", "Hamburg", "Köln", "Leipzig"], ROWS, p=[0.4, 0.3, 0.2, 0.1])
    words = ["please", "deliver", "parcel", "Monday", "door", "late", "thanks", "garden", "Friday", "ring"]
    texts = rng.choice(words, (ROWS, 9))
    return pd.DataFrame(
        {
            "temperature": rng.normal(62, 18, ROWS).round(1),
            "amount": rng.lognormal(4, 0.8, ROWS).round(2),
            "weight": rng.gamma(4, 0.7, ROWS).round(3),
            "city": city,
            "note": [
                f"{' '.join(text)} {number}"
                for text, number in zip(texts, rng.integers(10**6, 10**7, ROWS), strict=True)
            ],
            "at": pd.Timestamp("2026-03-01")
            + pd.to_timedelta(86_400 * rng.integers(0, 28, ROWS) + rng.integers(7 * 3600, 19 * 3600, ROWS), unit="s"),
        }
    )


COLUMN = {"number": "temperature", "level": "city", "text": "note", "moment": "at"}
# Of other faults the frame, or the note on its rows, tells.
NAMED = [fault for fault in FAULTS if not fault.rows_only]


def found_after(fault: Fault, column: str, share: float) -> tuple[stats.Drift, set[object]]:
    """Return what drift finds after a fault, and the columns that are right to name."""
    rng = np.random.default_rng(0)
    reference, current = shop(0), shop(1)
    if column != "note":  # texts take longest to compare
        reference, current = (side.drop(columns="note") for side in (reference, current))
    changed = fault.apply(current, column, hit(fault, ROWS, share, rng), rng)
    return stats.drift(reference, changed), right_columns(fault, column, current, changed)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [pytest.param(fault, fault.on[0], id=fault.name) for fault in NAMED]
    + [pytest.param(fault, "text", id=f"{fault.name}, text") for fault in NAMED if "text" in fault.on[1:]],
)
def test_faults_of_every_row_are_found_and_named(fault: Fault, kind: str) -> None:
    """Of 5 000 rows: the first column named is the right one, and so is what happened to it."""
    found, right = found_after(fault, COLUMN[kind], 1.0)
    first = found.findings[0]
    assert (found.drifted, first.name in right) == (True, True)
    assert first.family in fault.families


@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, id=fault.name) for fault in NAMED if not fault.faint and fault.on != ("moment",)],
)
def test_faults_of_a_tenth_of_the_rows_are_found_first(fault: Fault) -> None:
    """Of 5 000 rows a tenth: the first column named is the right one.

    Five hours of a day of twelve move 4 % of rows past any hour, which is within the margin.
    """
    kind = fault.on[0]
    found, right = found_after(fault, "amount" if kind == "number" else COLUMN[kind], 0.1)
    assert (found.drifted, bool(found.findings) and found.findings[0].name in right) == (True, True)


def test_nothing_has_no_family() -> None:
    """Orders of the same shop: no finding, and no guess at one."""
    found = stats.drift(shop(0), shop(2))
    assert (found.drifted, {one.family for one in found.columns}) == (False, {""})


def test_swapped_columns_name_each_other() -> None:
    """Two columns of numbers whose values changed places on a third of the rows."""
    before, after = shop(0), shop(1).copy()
    rows = np.arange(ROWS) < ROWS // 3
    after.loc[rows, ["temperature", "weight"]] = after.loc[rows, ["weight", "temperature"]].to_numpy()
    found = {one.name: (one.family, one.guess) for one in stats.drift(before, after).findings}
    assert set(found) == {"temperature", "weight"}
    assert found["weight"][0] == found["temperature"][0] == "swapped"
    assert found["weight"][1].startswith("swapped with temperature on 3")


@pytest.mark.parametrize(
    ("factor", "shift", "words"),
    [
        (1000.0, 0.0, "x 1000"),
        (0.01, 0.0, "/ 100"),
        (1 / 1.8, -32 / 1.8, "°F to °C"),
        (1.0, 273.15, "°C to kelvin"),
        (60.0, 0.0, "x 60"),
        (2.54, 0.0, "inches to cm"),
    ],
)
def test_units_are_named(factor: float, shift: float, words: str) -> None:
    """Powers of ten and degrees, on all rows or on a fifth of them; the other units on all."""
    for share in (1.0, 0.2) if words in ("x 1000", "/ 100", "°F to °C") else (1.0,):
        rows = np.arange(ROWS) < share * ROWS
        after = shop(1)["temperature"].where(~rows, factor * shop(1)["temperature"] + shift)
        [found] = stats.drift({"t": shop(0)["temperature"]}, {"t": after}).columns
        assert (found.family, words in found.guess) == ("unit change", True)


def test_what_adds_is_not_told_as_another_unit() -> None:
    """Ages 400 too large on a tenth of rows lie where no change of unit puts them."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(40, 10, size=(2, 6000))
    after[rng.random(6000) < 0.1] += 400
    [column] = stats.drift({"age": before}, {"age": after}).findings
    assert column.family in ("shifted", "")
