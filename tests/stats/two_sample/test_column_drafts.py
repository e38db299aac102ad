"""What two columns are compared as: of any type, few rows or none, a verdict and a reason in words."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlcycle import stats
from tests.stats.two_sample.samples import column, most_alarms

DAY = pd.Timestamp("2020-01-01")
FEW = "too few rows for any verdict; 11 with values on either side would do"
CLOCK = "every value is new and later than before: a running id or a clock always moves on"


@pytest.mark.parametrize(
    ("reference", "current", "kind", "verdict", "note"),
    [
        ([5.0] * 40, [5.0] * 40, "numeric", "not seen", "constant: 5 on every row of both sides"),
        (
            [5.0] * 40,
            [5.0] * 10 + [6.0] * 30,
            "numeric",
            "drifted",
            "75 % of rows above 5, the largest ever",
        ),
        ([None] * 40, [None] * 40, "empty", "within margin", "nothing but nulls"),
        ([1.5] * 20 + [2.5] * 20, [None] * 40, "discrete", "drifted", "no value: 0 % -> 100 % of rows"),
        ([], [], "empty", "within margin", "nothing but nulls"),
        ([1.0], [1.0], "numeric", "not seen", f"constant: 1 on every row of both sides; {FEW}"),
        ([1.0], [2.0], "numeric", "not seen", FEW),
        (["a"], ["a"], "categorical", "not seen", "constant: 'a' on every row of both sides; too few rows"),
        ([DAY] * 60, [DAY] * 60, "datetime", "not seen", "constant: 2020-01-01T00:00:00 on every row of both sides"),
        ([DAY] * 60, [DAY + pd.Timedelta("1D")] * 60, "datetime", "not seen", CLOCK),
        ([np.inf] * 60, [np.inf] * 60, "numeric", "within margin", "no finite value on either side"),
        ([np.inf] * 60, [-np.inf] * 60, "numeric", "drifted", "+inf: 100 % -> 0 % of rows"),
        ([1, "a"] * 20, [1, "a"] * 20, "mixed", "not seen", "it holds values of no one kind (mixed-integer)"),
        ([1j] * 40, [1j] * 40, "mixed", "not seen", "complex"),
        (list(range(100)), list(range(100, 200)), "numeric", "not seen", CLOCK),
        ([*range(60), None], [*range(100, 160), None], "numeric", "not seen", CLOCK),
        ([f"id-{i}" for i in range(99)], [f"id-{i}" for i in range(99, 198)], "text", "not seen", "an id says nothing"),
    ],
)
def test_odd_columns_get_an_explicit_verdict(
    reference: list[object], current: list[object], kind: str, verdict: str, note: str
) -> None:
    """Constant, empty, single, mixed and running columns each get a verdict and a reason, never a silent number."""
    found = column(pd.Series(reference), pd.Series(current))
    assert (found.kind, found.verdict) == (kind, verdict)
    assert note in found.leading.note


@pytest.mark.parametrize(
    ("reference", "current", "says"),
    [
        ([1.5] * 40, ["a"] * 40, "it was numeric and is text"),
        (
            pd.Series([1, 2, 3] * 30, dtype="category"),
            ["1", "2", "3"] * 30,
            "it was levels of type integer and is levels of type string",
        ),
        (pd.to_timedelta(range(50), unit="s").to_series(), range(50), "it was durations and is numbers"),
        (
            pd.date_range("2026-01-01", periods=50),
            pd.date_range("2026-01-01", periods=50, tz="UTC"),
            "it was moments without a time zone and is moments with a time zone",
        ),
    ],
)
def test_a_column_of_another_type_has_drifted(reference: object, current: object, says: str) -> None:
    """Numbers that became text, durations and numbers, moments with and without a zone: it is said, without a test."""
    found = column(pd.Series(reference).reset_index(drop=True), pd.Series(current).reset_index(drop=True))
    assert (found.kind, found.verdict, found.leading.aspect, found.family) == ("changed", "drifted", "column", "")
    assert (found.leading.note.startswith(says), found.leading.certain) == (True, True)


def test_columns_of_one_side_have_drifted_by_name() -> None:
    """A lost and a new column need no test; the frame has drifted, and says which."""
    rng = np.random.default_rng(0)
    before = pd.DataFrame(rng.normal(size=(200, 2)), columns=["x", "y"])
    for after, kind, note in (
        (before[["x"]], "lost", "the column is gone"),
        (before.assign(z=1.0), "new", "a column the reference does not have"),
    ):
        found = stats.drift(before, after)
        [one] = found.findings
        assert (found.verdict, found.drifted, one.kind, one.told) == ("drifted", True, kind, note)
        assert f"{one.name}: {note} ({kind})" in str(found)
    assert (stats.drift(before, before[["x"]]).only_reference, found.only_current) == (("y",), ("z",))


@pytest.mark.parametrize(("rows", "level"), [(1, 0.05), (2, 0.01)])
def test_a_reference_that_is_constant_by_chance_is_no_drift(rows: int, level: float) -> None:
    """One row, or two that happen to be alike, hold one value whatever the distribution."""
    rng = np.random.default_rng(0)
    p = [column(rng.integers(0, 10, rows), rng.integers(0, 10, 500)).shifts[0].p for _ in range(150)]
    p = [value for value in p if not math.isnan(value)]
    assert np.mean(np.array(p) <= level) <= most_alarms(150, level)
    kept = [
        stats.drift(stats.summarise({"x": rng.integers(0, 10, rows)}), {"x": rng.integers(0, 10, 500)}).columns[0]
        for _ in range(50)
    ]
    assert not any(one.verdict == "drifted" for one in kept)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([np.nan] * 30),
        pd.Series([pd.NaT] * 30, dtype="datetime64[ns]"),
        pd.Series([None] * 30, dtype=pd.ArrowDtype(pa.null())),
    ],
)
def test_nothing_but_nulls_is_within_margin_in_every_dtype(values: pd.Series) -> None:
    """Whatever the type of the nulls, there is nothing that could have drifted."""
    assert (column(values, values).verdict, column(values, values).kind) == ("within margin", "empty")
    assert stats.drift(stats.summarise({"x": values}), {"x": values}).columns[0].verdict == "within margin"


def test_arrow_dictionaries_are_levels_and_large_integers_keep_their_digits() -> None:
    """What parquet brings back is compared by level; values beyond float64 are not rounded onto each other."""
    levels = pd.Series(["a", "b", "c"] * 40, dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))
    assert column(levels, levels).kind == "categorical"
    large = pd.Series([2**63 - 1 - i for i in range(60)], dtype="UInt64")
    assert "9223372036854775748" in column(large, large - 30).told


def test_whole_numbers_that_never_repeat_are_asked_about() -> None:
    """Random ids get the question beside their verdict; counts and measurements do not."""
    rng = np.random.default_rng(0)
    ids = rng.permutation(10**6)[:1000]
    assert "is it an id?" in column(ids[:500], ids[500:]).shifts[0].note
    assert "id" not in column(rng.poisson(50, 500), rng.poisson(50, 500)).shifts[0].note
    assert "id" not in column(rng.normal(size=500), rng.normal(size=500)).shifts[0].note


@pytest.mark.parametrize(
    "convert",
    [
        lambda values: pd.Series(values, dtype="Float64"),
        lambda values: pd.Series(values, dtype="float32"),
        lambda values: pd.Series(values, dtype=object),
        lambda values: pd.Series(values, dtype=pd.ArrowDtype(pa.float64())),
        lambda values: pd.to_timedelta(values, unit="s").to_series(),
        lambda values: pd.Series(pd.Timestamp("2026-01-01", tz="Europe/Berlin") + pd.to_timedelta(values, unit="D")),
    ],
)
def test_the_same_values_give_the_same_verdict_in_every_dtype(convert) -> None:  # type: ignore[no-untyped-def]
    """Nullable, Arrow, object, duration and time zone columns all take the ordered path."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=400), rng.normal(1, 1, size=400)
    found = column(convert(before), convert(after)).shifts[0]
    plain = column(before, after).shifts[0]
    assert (found.verdict, found.p) == ("drifted", pytest.approx(plain.p))
    assert found.effect == pytest.approx(plain.effect, rel=1e-3)


def test_a_column_of_objects_is_compared_by_its_types() -> None:
    """One text among hundreds of numbers is no change of type; a third of them is, and says so."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=1200).round(2).astype(object)
    values[7] = "N/A"
    before, after = values[:600], values[600:]
    assert not stats.drift({"v": before}, {"v": after}).drifted
    [found] = stats.drift({"v": before}, {"v": np.where(rng.random(600) < 0.3, "N/A", after)}).columns
    assert (found.verdict, found.leading.aspect) == ("drifted", "types")
    assert found.leading.note.startswith(("text: 0", "numbers: 100", "numbers: 99"))


def test_what_is_broken_in_a_clock_is_seen() -> None:
    """Later moments are no drift; moments that got stuck, or lost their time, are."""
    rng = np.random.default_rng(0)

    def month(number: int) -> pd.Series:
        start = pd.Timestamp(f"2024-{number:02}-01")
        return pd.Series(start + pd.to_timedelta(rng.integers(0, 28 * 86_400, 3000), unit="s"))

    before, after = month(1), month(2)
    assert not stats.drift({"at": before}, {"at": after}).drifted
    aspects = [
        stats.drift({"at": before}, {"at": odd}).columns[0] for odd in (after.dt.floor("D"), after[:1].repeat(3000))
    ]
    assert [one.leading.aspect for one in aspects] == ["granularity", "frequent values"]


def test_rows_of_one_group_are_too_few() -> None:
    """However many rows a group has, it is one witness: no verdict, and no error."""
    frame = pd.DataFrame({"c": list("ab") * 30, "g": [1] * 60})
    assert stats.drift(frame, frame, groups="g").columns[0].verdict == "not seen"


def test_a_column_may_have_any_name_and_ids_a_form() -> None:
    """Names that cannot be kept can be compared; an id in another form is seen, another id is not."""
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame(rng.normal(size=(60, 2)), columns=pd.MultiIndex.from_tuples([("p", "mean"), ("p", "max")]))
    assert not stats.drift(numbers, numbers).drifted
    ids = [[f"u{i}" for i in rng.integers(10**8, 10**9, 2000)] for _ in range(2)]
    assert not stats.drift({"id": ids[0]}, {"id": ids[1]}).drifted
    assert stats.drift({"id": ids[0]}, {"id": [one.replace("u", "U-") for one in ids[1]]}).drifted


def test_of_a_summary_texts_are_told_to_be_compared_by_length() -> None:
    """Nobody takes a text for compared of which no word was kept; flags are told as what they are."""
    rng = np.random.default_rng(0)
    before, after = (
        pd.DataFrame({"text": [" ".join(rng.choice(["ab", "cde", "f"], 9)) for _ in range(300)], "flag": flags})
        for flags in (rng.random(300) < 0.3, True)
    )
    found = stats.drift(stats.summarise(before), after)
    assert found.notes == ("of texts only the lengths were compared, as a summary keeps no words: text",)
    assert found.findings[0].leading.note.startswith("'true': ")
