"""Rows that hang together: said when nothing was told of it, and no reason for alarms when it was."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats.two_sample._dependence import design_by_groups, design_in_order
from tests.stats.two_sample.samples import column, most_alarms

Sides = tuple[pd.DataFrame, pd.DataFrame]
SIZE = {"small": 30, "large": 400}


def mixed(values: np.ndarray, prefix: str = "x") -> pd.DataFrame:
    """Return numbers, a level and a column with nulls of independent normal numbers."""
    frame = pd.DataFrame(values).add_prefix(prefix)
    first, second = frame.columns[:2]
    frame[first] = pd.cut(frame[first], [-np.inf, -0.5, 0.8, np.inf], labels=list("abc")).astype(str)
    return frame.assign(**{second: frame[second].where(frame[second] > -1)})


def tripled(rng: np.random.Generator) -> Sides:
    """Return two frames of 120 customers, each on three rows."""
    halves = (mixed(np.repeat(rng.normal(size=(120, 5)), 3, axis=0)) for _ in range(2))
    before, after = (half.assign(customer=np.repeat(np.arange(120), 3)) for half in halves)
    return before, after


def alike(rng: np.random.Generator) -> Sides:
    """Return two frames of 80 customers of three rows that are alike, but not the same."""
    found = []
    for _ in range(2):
        customers = np.repeat(rng.normal(size=(80, 5)), 3, axis=0)
        rows = mixed(np.sqrt(0.7) * customers + np.sqrt(0.3) * rng.normal(size=(240, 5)))
        found.append(rows.assign(customer=np.repeat(np.arange(80), 3)))
    return found[0], found[1]


def series(rng: np.random.Generator) -> Sides:
    """Return a smooth series, AR(1) with 0.9, cut in two."""
    noise = rng.normal(size=(1300, 3))
    x = np.column_stack([lfilter([np.sqrt(0.19)], [1, -0.9], noise[:, i])[300:] for i in range(3)])
    frame = mixed(x).assign(time=np.arange(1000))
    return frame[:500], frame[500:].reset_index(drop=True)


def alarms(make: Callable[[np.random.Generator], Sides], times: int, **options: object) -> tuple[float, float]:
    """Return the share of frames called drifted on nothing, and of those with a note."""
    found = []
    for seed in range(times):
        before, after = make(np.random.default_rng(seed))
        columns = [name for name in before.columns if name not in ("customer", "time")]
        found.append(stats.drift(before, after, columns=columns, **options))  # type: ignore[arg-type]
    return float(np.mean([one.drifted for one in found])), float(np.mean([bool(one.notes) for one in found]))


@pytest.mark.parametrize("times", [SIZE["small"], pytest.param(SIZE["large"], marks=pytest.mark.deep)])
@pytest.mark.parametrize(
    ("make", "options"),
    [(tripled, {"groups": "customer"}), (alike, {"groups": "customer"}), (series, {"blocks": "time"})],
)
def test_rows_that_hang_together_raise_no_alarm(
    make: Callable[[np.random.Generator], Sides], options: dict[str, object], times: int
) -> None:
    """With groups or blocks at most 5 % of frames drift on nothing (3 standard errors of the runs)."""
    assert alarms(make, times, **options)[0] <= most_alarms(times)


@pytest.mark.parametrize(("make", "words"), [(tripled, "repeat another row in full"), (series, "in their order")])
def test_without_a_word_it_is_said(make: Callable[[np.random.Generator], Sides], words: str) -> None:
    """Where rows hang together and nothing was told, false alarms are many, and a note says why and what to give."""
    drifted, noted = alarms(make, 12)
    assert (drifted > 0.2, noted) == (True, 1.0)
    before, after = (
        side.drop(columns=["customer", "time"], errors="ignore") for side in make(np.random.default_rng(0))
    )
    found = stats.drift(before, after)
    assert len(found.notes) == 2
    assert all(words in note and "groups=" in note for note in found.notes)
    assert found.notes[0] in str(found)


def test_rows_that_do_not_hang_together_get_no_note() -> None:
    """Independent rows, also of few columns with few values, and hardly equal ones."""
    rng = np.random.default_rng(0)
    for make in (
        lambda: pd.DataFrame(rng.normal(size=(500, 3))),
        lambda: pd.DataFrame({"a": rng.choice(list("ab"), 500), "b": rng.integers(0, 5, 500)}),
        lambda: pd.DataFrame({"a": rng.poisson(3, 500), "b": rng.random(500) < 0.1}),
        lambda: pd.DataFrame({"a": rng.gamma(4, 9, 3000).round(1), "b": rng.choice(list("abc"), 3000)}),
    ):
        assert stats.drift(make(), make()).notes == ()


def test_a_change_is_seen_through_groups_and_blocks() -> None:
    """Fewer rows' worth, but a change of a standard deviation is seen all the same."""
    rng = np.random.default_rng(0)
    for make, options in ((tripled, {"groups": "customer"}), (series, {"blocks": "time"})):
        before, after = make(rng)
        after = after.assign(x4=after["x4"] + 2.5) if "x4" in after else after.assign(x2=after["x2"] + 3.5)
        found = stats.drift(before, after, **options)  # type: ignore[arg-type]
        assert {"x4", "x2"} & {one.name for one in found.findings}


def test_groups_may_be_given_as_arrays() -> None:
    """A value for every row of either side does what a column of both does."""
    before, after = tripled(np.random.default_rng(0))
    sides = before["customer"].to_numpy(), after["customer"].to_numpy()
    rest = [side.drop(columns="customer") for side in (before, after)]
    given = stats.drift(*rest, groups=sides).frame()
    named = stats.drift(before, after, groups="customer", columns=list(rest[0])).frame()
    pd.testing.assert_frame_equal(given, named)


def test_groups_widen_every_interval() -> None:
    """Whatever is measured, three rows that are one tell no more than one."""
    before, after = tripled(np.random.default_rng(0))
    wide = stats.drift(before, after, groups="customer", columns=["x3"]).columns[0].shifts
    narrow = stats.drift(before, after, columns=["x3"]).columns[0].shifts
    for one, other in zip(wide[:2], narrow[:2], strict=True):
        assert one.high - one.low > 1.3 * (other.high - other.low)
        assert one.detectable > other.detectable


def test_summaries_do_not_know_their_groups() -> None:
    """What was kept of rows has no groups; that is said."""
    kept = stats.summarise({"x": [1.0, 2.0], "g": [1, 2]})
    with pytest.raises(InvalidInput, match="groups and blocks need the rows of both sides, got a summary"):
        stats.drift(kept, kept, groups="g")


def test_design_effects_are_those_of_theory() -> None:
    """Rows × k are worth one each; AR(1) of 0.5 in its sign forgets as long as the sum of its correlations."""
    rng = np.random.default_rng(0)
    found = [
        design_by_groups(np.repeat(rng.random((1, 500)) < 0.5, k, axis=1), np.repeat(np.arange(500), k)) for k in (1, 4)
    ]
    assert found == pytest.approx([1, 4], rel=0.15)
    held = [design_in_order(np.repeat(rng.random((1, 800)) < 0.5, k, axis=1)) for k in (1, 5)]
    assert held == pytest.approx([1, 5], rel=0.3)
    assert column([1.0, np.inf] * 250, [1.0, np.inf] * 250).verdict != "drifted"


def test_no_row_is_worth_less_than_one_of_all() -> None:
    """One half of the rows at one value, then the other: all hang together, and no more than all."""
    marks = (np.arange(400) < 200)[None, :]
    assert design_in_order(marks) <= 400
    assert design_by_groups(marks, np.zeros(400, np.intp)) == 400


def test_what_says_how_rows_hang_together_is_not_compared() -> None:
    """New customers and later times are no drift; a column that is asked for is compared all the same."""
    rng = np.random.default_rng(0)
    before, after = (
        pd.DataFrame({"x": rng.normal(size=600), "customer": np.repeat(np.arange(start, start + 200), 3)})
        for start in (0, 1000)
    )
    assert [one.name for one in stats.drift(before, after, groups="customer").columns] == ["x"]
    asked = stats.drift(before, after, groups="customer", columns=["x", "customer"])
    assert [one.name for one in asked.columns] == ["x", "customer"]


def test_a_fault_that_lasts_does_not_hide_itself() -> None:
    """A series that is a thousandfold from some row on looks as if it never forgot; it is found all the same."""
    rng = np.random.default_rng(1)
    series = np.zeros(8000)
    for at in range(1, 8000):
        series[at] = 0.9 * series[at - 1] + rng.normal()
    before = pd.DataFrame({"x": 20 + series[:4000], "at": range(4000)})
    after = pd.DataFrame({"x": 20 + series[4000:], "at": range(4000, 8000)})
    after.loc[2500:, "x"] *= 1000
    found = stats.drift(before, after, blocks="at")
    assert (found.drifted, found.findings[0].family) == (True, "unit change")
