"""The faults of the catalogue in small: which rows each changes, and into what."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.fault_kinds import FAULTS, Fault, changed_rows, hit, right_columns
from tests.benchmarks.fault_report import Outcome, report

BY_NAME = {fault.name: fault for fault in FAULTS}
NAMES = list(BY_NAME)


def frame() -> pd.DataFrame:
    """Return eighty rows with numbers, levels, texts and moments."""
    rng = np.random.default_rng(0)
    towns = np.array(["New York", "Lyon", "Oslo", "Bonn"], object)[np.arange(80) % 4]
    return pd.DataFrame(
        {
            "length": rng.normal(50, 9, 80).round(2),
            "count": 100 + rng.permutation(80),
            "town": towns,
            "report": [f"The {at}th Parcel went to {town}" for at, town in enumerate(towns)],
            "seen": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(80), unit="D"),
        }
    )


def rows_after(fault: Fault, column: str, share: float) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the rows hit, and the frame with the fault in them."""
    rows = hit(fault, 80, share, np.random.default_rng(1))
    return rows, fault.apply(frame(), column, rows, np.random.default_rng(2))


@pytest.mark.parametrize("name", [name for name in NAMES if not BY_NAME[name].rows_only])
def test_a_fault_changes_only_the_rows_it_hits(name: str) -> None:
    """In each column that it fits, only rows that were hit change, and no other column does unless two are swapped."""
    fault = BY_NAME[name]
    columns = fault.columns(frame())
    assert columns
    for column in columns:
        rows, after = rows_after(fault, column, 0.5)
        changed = changed_rows(frame(), after)
        assert set(np.flatnonzero(changed.any(axis=1))) <= set(rows)
        right = set(changed.columns[changed.any()])
        assert right_columns(fault, column, frame(), after) == right
        assert column in right
        assert len(right) == (2 if name == "two swapped" else 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_leaves_the_given_frame_as_it_is(name: str) -> None:
    """The frame that it is given is the same afterwards."""
    before = frame()
    fault = BY_NAME[name]
    fault.apply(before, fault.columns(before)[0], np.arange(20), np.random.default_rng(0))
    pd.testing.assert_frame_equal(frame(), before)


@pytest.mark.parametrize(
    ("name", "column", "expected"),
    [
        ("× 1000", "count", [10, 1000]),
        ("÷ 1000", "count", [10, 0.001]),
        ("°F → °C", "count", [10, -31 / 1.8]),
        ("sign turned", "count", [10, -1]),
        ("−999 for missing", "count", [10, -999]),
        ("zeros for missing", "count", [10, 0]),
        ("stuck", "count", [10, 10]),
        ("lower-cased", "town", ["Oslo", "lyon"]),
        ("upper-cased", "town", ["Oslo", "LYON"]),
    ],
)
def test_a_fault_puts_what_its_name_says(name: str, column: str, expected: list[object]) -> None:
    """The row that is hit becomes what is expected, the one before stays."""
    two = pd.DataFrame({"count": [10, 1], "town": ["Oslo", "Lyon"]})
    assert BY_NAME[name].apply(two, column, np.array([1]), np.random.default_rng(0))[column].tolist() == expected


def test_a_clipped_column_ends_at_its_own_quantile() -> None:
    """Clipping every row leaves nothing beyond the outermost tenth at that end."""
    _, above = rows_after(BY_NAME["clipped above"], "count", 1.0)
    _, below = rows_after(BY_NAME["clipped below"], "count", 1.0)
    assert (above["count"].max(), below["count"].min()) == (171, 108)


def test_repeated_rows_take_the_value_of_one_before() -> None:
    """Of four rows in a run the last three are as the first."""
    rows, after = rows_after(BY_NAME["repeated"], "count", 0.5)
    assert after["count"].to_numpy()[rows].reshape(10, 4).tolist() == [[first] * 4 for first in frame()["count"][40::4]]


def test_rows_that_are_missing_are_of_one_level() -> None:
    """A segment missing drops rows of one level only, and rows that come twice are those that were hit."""
    _, after = rows_after(BY_NAME["segment missing"], "town", 1.0)
    assert sorted(after["town"].value_counts().tolist()) == [20, 20, 20]
    rows, twice = rows_after(BY_NAME["rows duplicated"], "town", 0.5)
    pd.testing.assert_frame_equal(frame().iloc[rows].reset_index(drop=True), twice[80:].reset_index(drop=True))


def test_whole_numbers_have_nothing_to_round() -> None:
    """A fault that would change nothing in a column is not tried there."""
    assert BY_NAME["rounded to whole"].columns(frame()) == ["length"]


def test_a_share_hits_so_many_rows_at_least_one() -> None:
    """A tenth of forty rows are four, a thousandth is one; a stuck column's are the last."""
    rng = np.random.default_rng(0)
    assert [len(hit(BY_NAME["nulls"], 40, share, rng)) for share in (0.1, 0.001)] == [4, 1]
    assert hit(BY_NAME["stuck"], 40, 0.1, rng).tolist() == [36, 37, 38, 39]


def test_the_report_counts_found_first_and_named() -> None:
    """Shares of two cases, one found with another column first; false alarms beside them, and what is to be reached."""
    outcomes = [
        Outcome("t", 5000, 5000, "nulls", 1.0, {"ours": (True, True, True)}),
        Outcome("t", 5000, 5000, "nulls", 1.0, {"ours": (True, False, False)}),
        Outcome("t", 5000, 5000, "", 0.0, {"ours": (False, False, False)}),
    ]
    text = report(outcomes)
    assert "| 5000 | ours | 100 / 50 / 50 | 0 of 1 |" in text
    assert "50.0 % of cells, to reach 95 %. Kinds below it:\n\n- nulls: 50.0 %" in text
