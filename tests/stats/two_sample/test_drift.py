"""Drift of two frames: known shifts are found, nothing is found in nothing, whatever the frames are made of."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput, NotFound
from tests.stats.two_sample.samples import KINDS, column, frame, make, most_alarms

EVERY = [*KINDS, "moments", "text"]


def alarms(n: int, m: int, columns: int, times: int, kinds: list[str] | None = None) -> tuple[float, float]:
    """Return how often nothing was called drift, and how often anything was significant."""
    rng = np.random.default_rng([n, m, columns])
    drifted = significant = 0
    for seed in range(times):
        found = stats.drift(frame(n, columns, rng, kinds), frame(m, columns, rng, kinds), seed=seed)
        drifted += found.drifted
        significant += bool((found.frame(every=True)["adjusted_p"] <= 0.05).any())
    return drifted / times, significant / times


@pytest.mark.parametrize(("n", "m", "columns"), [(30, 30, 9), (100, 40, 9), (1000, 1000, 1)])
def test_nothing_raises_no_alarm(n: int, m: int, columns: int) -> None:
    """On the same distribution any alarm at all stays at 5 % a frame (tolerance: 3 standard errors of the runs)."""
    times = 40
    drifted, significant = alarms(n, m, columns, times)
    most = most_alarms(times)
    assert (drifted <= most, significant <= most) == (True, True)


@pytest.mark.deep
@pytest.mark.parametrize(
    ("n", "m", "columns"),
    [(30, 30, 9), (300, 300, 18), (100, 1000, 27), (1000, 1000, 50), (1000, 300, 9), (10_000, 10_000, 9)],
)
def test_nothing_raises_no_alarm_in_many_runs(n: int, m: int, columns: int) -> None:
    """The same over 1 000 frames (200 of the largest), within 2.5 standard errors."""
    times = 1000 if n * columns < 20_000 else 200
    drifted, significant = alarms(n, m, columns, times)
    most = 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / times)
    assert (drifted <= most, significant <= most) == (True, True)


@pytest.mark.parametrize("kind", EVERY)
def test_no_kind_of_column_raises_alarms(kind: str) -> None:
    """A frame of one column of each kind drifts on nothing in at most 5 % (3 standard errors of the runs)."""
    times = 40
    assert max(alarms(120, 90, 1, times, [kind])) <= most_alarms(times)


@pytest.mark.parametrize("kind", KINDS)
def test_known_shifts_are_found(kind: str) -> None:
    """A shift of about one standard deviation among nine columns of 500 rows is found at least seven times in eight."""
    rng = np.random.default_rng(11)
    found = 0
    for seed in range(8):
        before, after = frame(500, 9, rng), frame(500, 9, rng)
        name = f"c{KINDS.index(kind)}"
        after[name] = make(kind, 500, rng, shift=0.8)
        columns = {c.name: c.verdict for c in stats.drift(before, after, seed=seed).columns}
        found += columns[name] == "drifted"
    assert found >= 7


def test_none_is_not_a_frame() -> None:
    """What is missing is named by its side."""
    with pytest.raises(
        InvalidInput, match="reference is a frame, an array, a mapping of columns or a Summary, got None"
    ):
        stats.drift(None, None)
    with pytest.raises(InvalidInput, match="current is a frame"):
        stats.drift({"x": [1]}, None)


def test_two_series_are_one_column() -> None:
    """Two columns given as such are compared whatever they are called; frames without a common column are refused."""
    rng = np.random.default_rng(0)
    found = stats.drift(pd.Series(rng.normal(size=99), name="age"), pd.Series(rng.normal(3, 1, 99), name="age_now"))
    assert (found.columns[0].name, found.drifted) == ("age", True)
    for other in ({"b": [1]}, stats.summarise({"a": [1.0]}).as_dict()):
        with pytest.raises(InvalidInput, match="no column in common"):
            stats.drift({"a": [1.0, 2.0]}, other)
    assert found.as_dict()["verdict"] == "drifted"


def test_a_column_does_not_depend_on_its_neighbours() -> None:
    """With the same seed a column's own p-value is the same alone and among others, in any order."""
    rng = np.random.default_rng(0)
    before, after = frame(60, 9, rng), frame(60, 9, rng)
    together = {c.name: [s.p for s in c.shifts] for c in stats.drift(before, after, control="none").columns}
    alone = stats.drift(before, after, columns=["c6"], control="none").columns[0]
    assert [s.p for s in alone.shifts] == pytest.approx(together["c6"], nan_ok=True)
    assert stats.drift(before, after, seed=3).frame().equals(stats.drift(before, after, seed=3).frame())


def test_arrays_and_arrow_tables_are_frames() -> None:
    """numpy, Arrow, Series and mappings go in as they are."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(200, 2)), rng.normal([0, 2], size=(200, 2))
    assert [c.verdict for c in stats.drift(a, b).columns] == ["not seen", "drifted"]
    tables = [pa.table({"x": x[:, 1]}) for x in (a, b)]
    assert stats.drift(*tables).drifted
    assert stats.drift(pd.Series(a[:, 1], name="x"), pd.Series(b[:, 1], name="x")).columns[0].name == "x"


def test_inputs_are_left_as_they_were() -> None:
    """Nothing is sorted or converted in place."""
    rng = np.random.default_rng(0)
    before, after = frame(50, 9, rng), frame(50, 9, rng)
    copies = before.copy(deep=True), after.copy(deep=True)
    stats.drift(before, after)
    pd.testing.assert_frame_equal(before, copies[0])
    pd.testing.assert_frame_equal(after, copies[1])


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"alpha": 5}, InvalidInput, "alpha is a share between 0 and 1"),
        ({"alpha": "0.05"}, InvalidInput, "got '0.05'"),
        ({"control": "bonferroni"}, InvalidInput, "holm, bh, by, none"),
        ({"control": ["bh"]}, InvalidInput, "control is one of"),
        ({"margin": -1}, InvalidInput, "0 or more"),
        ({"margin": "0.1"}, InvalidInput, "margin is the smallest change"),
        ({"margin": {"x": None}}, InvalidInput, "margin of 'x'"),
        ({"margin": {"y": 0.1}}, NotFound, "margin names 'y'"),
        ({"margin": {"x": {"numeric": 0.1}}}, NotFound, "margin of 'x' names 'numeric', which is not an aspect"),
        ({"margin": "120 %"}, InvalidInput, "a share of rows such as '5 %'"),
        ({"groups": "customer"}, NotFound, "groups names a column 'customer' that the reference does not have"),
        ({"groups": 1.5}, InvalidInput, "groups is a column of both sides, or a pair of arrays"),
        ({"blocks": ([1], [1])}, InvalidInput, "blocks of the reference has 1 values for 40 rows"),
        ({"margin": 2}, InvalidInput, "margin 2 is a share of rows for column 'x'"),
        ({"seed": None}, InvalidInput, "seed is a whole number"),
        ({"seed": -1}, InvalidInput, "seed is a whole number"),
        ({"kinds": {"x": "number"}}, InvalidInput, "is one of numeric"),
        ({"kinds": ["numeric"]}, InvalidInput, "kinds is a mapping"),
        ({"kinds": {"z": "numeric"}}, NotFound, "'z'"),
        ({"columns": ["z"]}, NotFound, "no column 'z'"),
        ({"columns": "x"}, InvalidInput, "put one column in a list"),
        ({"columns": [["x"]]}, InvalidInput, "columns is a list of column names"),
        ({"columns": []}, InvalidInput, "columns is a list of columns to compare, got an empty one"),
        ({"kinds": {"x": "datetime"}}, InvalidInput, "cannot be read as datetime"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(wrong: dict[str, object], error: type, message: str) -> None:
    """Each names the argument, what came and what would do."""
    with pytest.raises(error, match=message):
        column(["a", "b"] * 20, ["a", "b"] * 20, **wrong)


def test_frames_with_twins_are_refused() -> None:
    """Two columns of one name cannot be told apart."""
    with pytest.raises(InvalidInput, match="columns of the same name"):
        stats.drift(pd.DataFrame([[1, 2]], columns=["a", "a"]), pd.DataFrame({"a": [1]}))


def test_the_global_test_backs_the_verdict_of_the_frame() -> None:
    """P is Simes' for bh and Bonferroni's for holm; without control columns may alarm where the frame does not."""
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=(80, 40)), rng.normal(size=(80, 40))
    after[:, 0] += 0.7  # significant alone, not among forty
    loose = stats.drift(before, after, control="none")
    each = loose.frame(every=True).dropna(subset="p")
    p = np.sort(each[each["aspect"] != "share"]["p"])  # values and share are two measures of one test
    simes = float(np.min(p * len(p) / np.arange(1, len(p) + 1)))
    assert (loose.p, stats.drift(before, after).p) == (pytest.approx(simes), pytest.approx(simes))
    assert stats.drift(before, after, control="holm").p == pytest.approx(min(1.0, p[0] * len(p)))
    assert stats.drift(before, after, control="by").p >= simes
    assert [c.name for c in loose.columns if c.verdict == "drifted"] == [0]
    assert (loose.p > 0.05, loose.drifted, loose.verdict) == (True, False, "not seen")
    assert math.isnan(stats.drift({"x": [None]}, {"x": [None]}).p)


@pytest.mark.parametrize(("control", "rate"), [("bh", 0.05), pytest.param("holm", 0.05, marks=pytest.mark.deep)])
def test_claims_beyond_the_margin_are_held_to_alpha(control: str, rate: float) -> None:
    """Twenty columns moved by just their margin have changed for certain; any is called drift in 5 % of frames."""
    rng = np.random.default_rng(2)
    margin, times, alarms_ = 0.3, 40, 0
    for _ in range(times):
        before, after = rng.normal(size=(1000, 20)), rng.normal(margin, 1, size=(1000, 20))
        found = stats.drift(before, after, control=control, margin=dict.fromkeys(range(20), margin))
        assert min(c.shifts[0].adjusted_p for c in found.columns) < 0.05
        alarms_ += found.drifted
    assert alarms_ / times <= most_alarms(times, rate)


def test_intervals_are_as_wide_as_the_number_of_claims_asks() -> None:
    """One drifted column among fifty has an interval of confidence 1 - 0.05 / 50, half of them one of 97.5 %."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(2, 500, 50))
    after[:, 0] += 2
    assert stats.drift(before, after).confidence == pytest.approx(1 - 0.05 / 50)
    after[:, 1:25] += 2
    assert stats.drift(before, after).confidence == pytest.approx(1 - 0.05 / 2)
    assert stats.drift(before, after, control="none").confidence == pytest.approx(0.95)


def test_a_summary_stands_in_for_either_side() -> None:
    """Of few rows nothing is lost: verdict, p and effect are those of the rows, whichever side was summarised."""
    rng = np.random.default_rng(4)
    # Of text that hardly repeats (c6) a summary names only what occurs twice.
    before, after = (frame(n, 9, rng).drop(columns="c6") for n in (150, 120))
    after["c0"] += 1
    rows = stats.drift(before, after, control="none").frame(every=True)
    kept = stats.summarise(before), stats.summarise(after)
    for sides in ((kept[0], after), (before, kept[1]), kept):
        found = stats.drift(*sides, control="none").frame(every=True)
        assert found["verdict"].tolist() == rows["verdict"].tolist()
        exact = ~rows["test"].str.contains("permutation|levels")  # the others are drawn
        assert found.loc[exact, "p"].tolist() == pytest.approx(rows.loc[exact, "p"].tolist(), nan_ok=True)
        assert found["effect"].tolist() == pytest.approx(rows["effect"].tolist(), nan_ok=True)


def test_a_summary_is_compared_by_name() -> None:
    """Columns that only the summary or only the frame has are named; unknown ones are refused."""
    kept = stats.summarise({"a": [1.0, 2.0], "b": ["x", "y"]})
    found = stats.drift(kept, {"b": ["x"], "c": [1]})
    assert ([c.name for c in found.columns], found.only_reference, found.only_current) == (
        ["b", "a", "c"],
        ("a",),
        ("c",),
    )
    with pytest.raises(NotFound, match="no column 'z'"):
        stats.drift(kept, kept, columns=["z"])
    with pytest.raises(InvalidInput, match="name kinds in summarise"):
        stats.drift(kept, kept, kinds={"a": "categorical"})
