"""Summaries of frames: they merge, keep, and compare without ever claiming more than the rows would."""

from __future__ import annotations

import json
import math
from functools import reduce
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle import stats
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.stats.two_sample._column_drafts import column_drafts, compared_as, kind_of_both
from mlcycle.stats.two_sample._column_summary import ColumnSummary, Moments
from mlcycle.stats.two_sample._drafts import Draft, Measure, Plan
from mlcycle.stats.two_sample._level_counts import LevelCounts, compared
from mlcycle.stats.two_sample._summarising import column_summary
from mlcycle.stats.two_sample._summary import Summary, summarise, summarise_chunks

PLAN = Plan(0.01, 999)
CONFIDENCE = 0.95


def make(kind: str, n: int, rng: np.random.Generator, shift: float = 0.0) -> pd.Series:
    """Return a column of a kind, moved a little."""
    if kind == "numeric":
        values = pd.Series(rng.normal(shift, 1, n))
        values[rng.random(n) < 0.1] = np.nan
        values[rng.random(n) < 0.02] = np.inf
    elif kind == "zeros":
        values = pd.Series(np.where(rng.random(n) < 0.8, 0.0, rng.lognormal(shift, 1, n)))
    elif kind == "constant":
        values = pd.Series(np.where(rng.random(n) < 0.1 * shift, 1.0, 7.0))
    elif kind == "discrete":
        values = pd.Series(rng.choice([1, 2, 3, 4], n, p=np.array([4, 3, 2, 1 + shift]) / (10 + shift)))
    elif kind == "boolean":
        values = pd.Series(rng.random(n) < 0.3 + 0.1 * shift)
    elif kind == "datetime":
        start = pd.Timestamp("2024-01-01", tz="Europe/Paris")
        values = pd.Series(start + pd.to_timedelta(rng.integers(0, 10_000_000, n) + int(1e6 * shift), "s"))
    elif kind == "categorical":
        values = pd.Series(rng.choice(["a", "b", "c", "d" if shift else "a"], n)).astype("category")
    elif kind == "levels":
        values = pd.Series(rng.choice([f"level {i}" for i in range(40)], n)).where(rng.random(n) < 0.9, None)
    else:
        assert kind == "text"
        lengths = rng.poisson(20 * (1 + 0.2 * shift), n)
        values = pd.Series([f"{rng.integers(10**12)} {'x' * length}" for length in lengths])
    return values.rename("x")


KINDS = ["numeric", "zeros", "constant", "discrete", "boolean", "datetime", "categorical", "levels", "text"]


def frame(n: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Return a frame with a column of every kind."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({kind: make(kind, n, rng, shift) for kind in KINDS})


def drafts(a: ColumnSummary, b: ColumnSummary) -> list[Draft]:
    """Return the tests of two summaries."""
    return column_drafts(a, b, PLAN, np.random.default_rng(0))[1]


def of_rows(a: pd.Series, b: pd.Series) -> tuple[str, list[Draft]]:
    """Return the tests of the rows themselves, without those of what texts say."""
    sides = (column_summary(side, size=None) for side in (a, b))
    return column_drafts(*sides, PLAN, np.random.default_rng(0))


def measured(found: list[Draft]) -> list[tuple[Draft, Measure]]:
    """Return every measure beside its test."""
    return [(draft, measure) for draft in found for measure in draft.measures]


def aspects(found: list[Draft]) -> list[str]:
    """Return what is compared, in order."""
    return [measure.aspect for _, measure in measured(found)]


def numbers(draft: Draft, measure: Measure) -> list[float]:
    """Return what a draft found."""
    found = measure.sized(CONFIDENCE)
    return [draft.p, found.effect, found.low, found.high, measure.detectable(0.01, 0.1), draft.rows_needed]


def drawn(draft: Draft, measure: Measure) -> bool:
    """Return whether the p-value of a test is one of random draws."""
    return "permutation" in draft.test or measure.aspect in ("unseen levels", "lost levels")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_columns_that_fit_are_compared_as_their_rows(kind: str, shift: float) -> None:
    """Up to 1 000 values nothing is lost: every test, effect, interval and note is that of the rows."""
    rng = np.random.default_rng(3)
    a, b = make(kind, 600, rng), make(kind, 400, rng, shift)
    expected_kind, expected = of_rows(a, b)
    for x in (column_summary(a), column_summary(a, size=None)):
        for y in (column_summary(b), column_summary(b, size=None)):
            found_kind, found = column_drafts(x, y, PLAN, np.random.default_rng(0))
            assert (found_kind, aspects(found)) == (expected_kind, aspects(expected))
            for (draft, one), (other, its) in zip(measured(found), measured(expected), strict=True):
                assert (draft.test.split(" perm")[0], one.unit) == (other.test.split(" perm")[0], its.unit)
                if not drawn(other, its):
                    assert numbers(draft, one) == pytest.approx(numbers(other, its), rel=1e-6, nan_ok=True)
                    assert one.sized(CONFIDENCE).note == its.sized(CONFIDENCE).note


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [0, 1, 12])
def test_few_rows_or_none_get_the_words_the_rows_get(kind: str, rows: int) -> None:
    """Nulls only, no row at all, one row: the same kind, tests, notes and rows needed as without summaries."""
    rng = np.random.default_rng(6)
    full = make(kind, 50, rng)
    for part in (full.iloc[:rows], full.iloc[:rows].where(pd.Series(data=False, index=full.index[:rows]))):
        if kind == "categorical":
            part = part.cat.remove_unused_categories()
        for a, b in ((full, part), (part, full), (part, part)):
            expected_kind, expected = of_rows(a, b)
            found_kind, found = column_drafts(column_summary(a), column_summary(b), PLAN, np.random.default_rng(0))
            assert found_kind == expected_kind
            for (draft, one), (other, its) in zip(measured(found), measured(expected), strict=True):
                assert (one.aspect, draft.rows_needed) == (its.aspect, other.rows_needed)
                assert one.sized(CONFIDENCE).note == its.sized(CONFIDENCE).note


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parts", [1, 6])
def test_large_columns_never_claim_more_than_their_rows(kind: str, parts: int) -> None:
    """Of 6 000 rows, merged or not, no p-value is smaller and no interval narrower than those of the rows.

    But for what is looked at elsewhere: shares below a value at those the sketch kept, repeats without those at seams,
    grids on more values.
    """
    rng = np.random.default_rng(4)
    a, b = make(kind, 6000, rng), make(kind, 3000, rng, 0.15)
    cuts = np.linspace(0, 6000, parts + 1).astype(int)
    x = reduce(ColumnSummary.merge, [column_summary(a[i:j], size=200) for i, j in pairwise(cuts)])
    expected_kind, expected = of_rows(a, b)
    for y in (column_summary(b, size=200), column_summary(b, size=None)):
        found_kind, found = column_drafts(x, y, PLAN, np.random.default_rng(0))
        assert (found_kind, aspects(found)) == (expected_kind, aspects(expected))
        for (draft, one), (other, its) in zip(measured(found), measured(expected), strict=True):
            if drawn(other, its) or not other.test:
                continue
            mine, exact = one.sized(CONFIDENCE), its.sized(CONFIDENCE)
            if its.aspect in ("share", "time of day", "repeated", "granularity"):
                assert mine.high >= exact.high - 0.005, one.aspect
                continue
            assert its.aspect in ("values", "length") or draft.p >= other.p * (1 - 1e-9), one.aspect
            assert mine.low <= exact.low * (1 + 1e-6), one.aspect
            assert mine.high >= exact.high * (1 - 1e-6), one.aspect


def test_merging_is_summarising_together() -> None:
    """Counts, moments, ends and levels of merged parts are those of the whole."""
    whole = frame(900, 0)
    found = summarise_chunks(whole.iloc[start : start + 200] for start in range(0, 900, 200))
    expected = summarise(whole)
    assert repr(found) == "Summary(900 rows, 9 columns)"
    for one, other in zip(found.columns, expected.columns, strict=True):
        counts = ("name", "kind", "rows", "nulls", "infinite", "few", "spaced")
        assert [getattr(one, name) for name in counts] == [getattr(other, name) for name in counts]
        if one.moments is not None:
            assert other.moments is not None
            assert (one.moments.mean, one.moments.sd) == pytest.approx((other.moments.mean, other.moments.sd))
            assert one.values is not None
            assert other.values is not None
            assert one.values.ends() == other.values.ends()
        if one.levels is not None and one.kind == "categorical":
            assert other.levels is not None
            assert dict(zip(one.levels.names, one.levels.low, strict=True)) == dict(
                zip(other.levels.names, other.levels.low, strict=True)
            )


def test_moments_match_numpy() -> None:
    """Merged mean and standard deviation are numpy's, also far from zero."""
    values = np.random.default_rng(0).normal(1e9, 1, 10_000)
    found = reduce(Moments.merge, [Moments.of(part) for part in np.array_split(values, 7)])
    assert (found.n, found.mean) == (10_000, pytest.approx(values.mean(), abs=1e-6))
    assert found.sd == pytest.approx(values.std(), rel=1e-6)
    assert Moments.of(np.empty(0)).merge(found) == found


@pytest.mark.parametrize("parts", [1, 5])
def test_json_brings_back_the_same(parts: int) -> None:
    """A summary survives strict JSON, and so do its verdicts."""
    whole, other = frame(3000, 1), summarise(frame(2000, 2, 0.3))
    found = reduce(Summary.merge, [summarise(whole.iloc[i::parts]) for i in range(parts)])
    back = Summary.from_dict(json.loads(json.dumps(found.as_dict(), allow_nan=False)))
    assert back.as_dict() == found.as_dict()
    for one, same, its in zip(found.columns, back.columns, other.columns, strict=True):
        assert [draft.p for draft in drafts(one, its)] == [draft.p for draft in drafts(same, its)]


def test_numbers_that_are_not_finite_survive_json() -> None:
    """A mean of nothing, and moments beyond floats, are spelled as text and read back."""
    odd = {"nothing": pd.Series([np.inf, np.nan]), "huge": pd.Series([1.7e308, -1.7e308])}
    found = summarise(pd.DataFrame(odd))
    back = Summary.from_dict(json.loads(json.dumps(found.as_dict(), allow_nan=False)))
    assert (back["nothing"].infinite, back["nothing"].nulls) == (1, 1)
    assert back["nothing"].moments is not None
    assert math.isnan(back["nothing"].moments.mean)
    assert back["huge"].moments is not None
    assert back["huge"].moments.m2 == math.inf


def test_a_column_takes_a_few_tens_of_kilobytes() -> None:
    """Whatever the rows, a column is at most 45 kB of JSON; an id or free text hardly any."""
    rng = np.random.default_rng(0)
    n = 30_000
    data = pd.DataFrame(
        {
            "numeric": rng.normal(size=n),
            "levels": rng.choice([f"a fairly long name of a level, number {i}" for i in range(1000)], n),
            "id": [f"{i:032x}" for i in rng.permutation(n)],
            "text": [f"{'word ' * 50}{i}" for i in range(n)],
        }
    )
    found = reduce(Summary.merge, [summarise(part) for part in (data[:10_000], data[10_000:20_000], data[20_000:])])
    sizes = {column.name: len(json.dumps(column.as_dict())) for column in found.columns}
    assert sizes["numeric"] <= 45_000
    assert sizes["levels"] <= 60_000
    assert max(sizes["id"], sizes["text"]) <= 1000


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 6), st.floats(0.3, 1.5))
def test_level_bounds_hold_for_any_division(seed: int, parts: int, steepness: float) -> None:
    """With 1 500 levels in a Zipf law, merged counts lie within their bounds and what is not named below its own."""
    rng = np.random.default_rng(seed)
    weights = np.arange(1, 1501) ** -steepness
    pieces = rng.multinomial(3000, weights / weights.sum(), size=parts)
    found = reduce(LevelCounts.merge, [LevelCounts.of(range(1500), piece) for piece in pieces])
    exact = pieces.sum(axis=0)
    low, high = found.counts_of(tuple(range(1500)))
    assert ((low <= exact) & (exact <= high)).all()
    assert found.n == exact.sum()
    assert found.distinct[0] <= np.count_nonzero(exact) <= found.distinct[1]
    assert LevelCounts.from_dict(json.loads(json.dumps(found.as_dict()))).as_dict() == found.as_dict()


@pytest.mark.parametrize(("steepness", "n", "m"), [(0.0, 200_000, 2000), (0.5, 30_000, 6000), (1.0, 5000, 5000)])
@pytest.mark.parametrize("whole", [True, False])
def test_many_levels_raise_no_alarm(steepness: float, n: int, m: int, whole: bool) -> None:
    """With 3 000 levels, most of them not named, nothing is significant in at most 5 % (3 standard errors of it)."""
    rng, times, alarms = np.random.default_rng(n), 40, 0
    weights = np.arange(1, 3001) ** -steepness
    for _ in range(times):
        counts = [rng.multinomial(rows, weights / weights.sum()) for rows in (n, m)]
        a, b = LevelCounts.of(range(3000), counts[0]), LevelCounts.of(range(3000), counts[1], whole=whole)
        x, y = (ColumnSummary("x", "categorical", side.n, 0, levels=side) for side in (a, b))
        alarms += drafts(x, y)[0].p <= 0.05
    assert alarms / times <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)


@pytest.mark.parametrize("parts", [1, pytest.param(5, marks=pytest.mark.deep)])
def test_nothing_raises_no_alarm(parts: int) -> None:
    """A summary of rows of all kinds against new ones of the same: at most 5 % of frames (3 standard errors of it)."""
    times, alarms = 20, 0
    for seed in range(times):
        whole, rng = frame(600, seed), np.random.default_rng([seed, 1])
        kept = reduce(Summary.merge, [summarise(whole.iloc[i::parts], size=200) for i in range(parts)])
        found = stats.drift(kept, pd.DataFrame({kind: make(kind, 300, rng) for kind in KINDS}), seed=seed)
        alarms += bool((found.frame(every=True)["adjusted_p"] <= 0.05).any())
    assert alarms / times <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)


@pytest.mark.parametrize(("margin", "shift"), [(0.1, 0.2), (0.0, 0.1)])
def test_a_summary_has_nearly_the_power_of_its_rows(margin: float, shift: float) -> None:
    """Where rows find a shift in about 80 %, a summary of 10 000 of them misses at most 2 more in 50."""
    rng, hits = np.random.default_rng(2), np.zeros(2, int)
    for _ in range(50):
        a, b = {"x": rng.normal(size=10_000)}, {"x": rng.normal(shift, 1, 2000)}
        found = [stats.drift(side, b, margin=margin).drifted for side in (a, summarise(a))]
        hits += found
    assert 33 <= hits[0] <= 47
    assert hits[0] - hits[1] <= 2


def test_a_common_level_that_goes_or_comes_is_seen() -> None:
    """Among 3 000 levels one that held 5 % of the rows is missed where it vanished and seen where it is new."""
    rng = np.random.default_rng(0)
    weights = 1 / np.arange(1, 3001)
    counts = rng.multinomial(20_000, weights / weights.sum(), size=2)
    moved = counts[1].copy()
    moved[2] = 0
    for a, b in ((counts[0], moved), (moved, counts[0])):
        x, y = (
            ColumnSummary("x", "categorical", int(c.sum()), 0, levels=LevelCounts.of(range(3000), c)) for c in (a, b)
        )
        found = drafts(x, y)[0]
        assert found.p < 1e-9
        assert found.measures[0].sized(CONFIDENCE).low > 0.02


def test_unseen_levels_need_a_reference_that_names_all() -> None:
    """New levels are tested against a complete set of levels only, also when there are too many of them to name."""
    known = column_summary(pd.Series(list("abcd") * 100, name="x"))
    ids = column_summary(pd.Series([f"id{i}" for i in range(3000)], name="x"))
    found = {draft.measures[0].aspect: draft.p < 0.01 for draft in drafts(known, ids)}
    assert (found["values"], found["unseen levels"], "lost levels" in found) == (True, True, False)
    many = pd.Series([f"l{i}" for i in range(1500)] * 3, name="x")
    assert aspects(drafts(column_summary(many), column_summary(many))) == ["values"]


def test_levels_fit_to_compare_add_up() -> None:
    """Whatever is known of the two sides, the compared counts are all of their rows."""
    rng = np.random.default_rng(0)
    for steepness in (0.3, 1.0, 2.0):
        weights = np.arange(1, 2001) ** -steepness
        draw = [rng.multinomial(4000, weights / weights.sum()) for _ in range(6)]
        a = reduce(LevelCounts.merge, [LevelCounts.of(range(2000), one) for one in draw[:5]])
        b = LevelCounts.of(range(2000), np.roll(draw[5], 7))
        x, y = compared(a, b)
        assert (x.sum(), y.sum(), bool((x >= 0).all() and (y >= 0).all())) == (20_000, 4000, True)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1.5, 2.5], [True, False]),
        ([1, 2], ["a", "b"]),
        (["a", "b"], [f"t{i}" for i in range(90)]),
        ([f"t{i}" for i in range(90)], ["a", "b"] * 20),
        ([None, None], [1, 2]),
        ([None], [None]),
        (["a", 1], [1, 2]),
        (["2020-01-01"], [pd.Timestamp("2020-01-01")]),
        (pd.Categorical(["a", "b"]), ["a", "c"]),
    ],
    ids=str,
)
def test_the_kind_of_both_sides_is_that_of_the_rows(a: object, b: object) -> None:
    """What two columns are compared as does not depend on whether they were summarised."""
    one, other = pd.Series(a, name="x"), pd.Series(b, name="x")  # type: ignore[call-overload]
    assert kind_of_both(column_summary(one), column_summary(other)) == compared_as(one, other)


def test_a_named_kind_holds_for_both_sides() -> None:
    """Numbers named categorical, or discrete, are compared as levels with numbers that were not named."""
    rng = np.random.default_rng(0)
    a, b = pd.Series(rng.integers(0, 30, 900), name="x"), pd.Series(rng.integers(0, 30, 700), name="x")
    found = []
    for kind in ("categorical", "discrete"):
        sides = column_summary(a, kind=kind), column_summary(b)
        found_kind, some = column_drafts(*sides, PLAN, np.random.default_rng(0))
        assert found_kind == kind
        found.append(some[0].measures[0].sized(0.9))
    assert (found[0].effect, found[0].low, found[0].high) == (found[1].effect, found[1].low, found[1].high)
    with pytest.raises(InvalidInput, match="cannot be read as datetime"):
        summarise({"x": ["no", "date"]}, kinds={"x": "datetime"})


def test_parts_of_different_kinds_are_mixed() -> None:
    """Parts that cannot be one column say so in its kind, in any order; parts with nothing but nulls do not count."""
    parts = [summarise({"x": values}) for values in ([1, 2], [None, None], ["a", "b"], [3])]
    assert reduce(Summary.merge, parts)["x"].kind == "mixed: numeric and text"
    assert reduce(Summary.merge, parts[::-1])["x"].kind == "mixed: numeric and text"
    assert (parts[0] + parts[1])["x"].kind == "numeric"
    mixed = (parts[0] + parts[2])["x"]
    kind, found = column_drafts(mixed, mixed, PLAN, np.random.default_rng(0))
    assert (kind, found[0].rows_needed) == ("mixed", -1)
    assert "no one kind (numeric and text)" in found[0].measures[0].sized(0.9).note
    kind, found = column_drafts(mixed, parts[3]["x"], PLAN, np.random.default_rng(0))
    assert (kind, found[0].rows_needed) == ("mixed", -1)


def test_ids_and_clocks_are_recognised() -> None:
    """What only runs on is named as such, as for rows; numbers that overlap or repeat are not."""
    ids = [pd.Series(np.arange(start, start + 3000), name="x") for start in (0, 3000, 2000)]
    clock = pd.Series(pd.date_range("2024", periods=100, freq="h"), name="x")
    text = pd.Series([f"id{i}" for i in range(50)], name="x")

    def words(a: ColumnSummary, b: ColumnSummary) -> str:
        draft = drafts(a, b)[0]
        return draft.measures[0].sized(CONFIDENCE).note if draft.rows_needed < 0 else ""

    for a, b, says in ((ids[0], ids[1], "new and later"), (ids[0], ids[2], ""), (clock, clock, ""), (text, text, "id")):
        for size in (None, 1000):
            found = words(column_summary(a, size=size), column_summary(b, size=size))
            assert (says in found, bool(found)) == (True, bool(says))
    merged = column_summary(ids[0]).merge(column_summary(ids[1]))
    assert words(merged, column_summary(ids[1] + 3000)) != ""


@pytest.mark.parametrize("give", [lambda f: f, pa.Table.from_pandas, lambda f: f.to_dict("list")])
def test_any_frame_will_do(give: object) -> None:
    """Pandas, Arrow and mappings give the same summary."""
    data = pd.DataFrame({"x": [1.0, 2.0, 2.0], "y": ["a", "b", "b"]})
    assert summarise(give(data)).as_dict() == summarise(data).as_dict()  # type: ignore[operator]


def test_the_frame_shows_one_row_a_column() -> None:
    """The table has numbers where there are any, lengths for text, moments in time as dates."""
    shown = summarise(frame(500, 0)).frame().set_index("column")
    assert shown.index.tolist() == KINDS
    assert shown.loc["discrete", ["min", "50%", "max", "distinct"]].tolist() == [1.0, 2.0, 4.0, 4]
    assert str(shown.loc["datetime", "min"]).startswith("2023-12-31 2") or str(shown.loc["datetime", "min"]) > "2024"
    assert shown.loc["levels", "kind"] == "categorical"
    assert shown.loc["categorical", "top"].endswith("%)")
    assert str(summarise({"x": [1, 2, None]})["x"]) == "x (numeric): 3 rows, 1 nulls, min 1, 50% 1, max 2"
    html = summarise({"<b>": [1, 2]})._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert summarise(pd.DataFrame())._repr_html_()


def cut(summary: Summary) -> dict[str, object]:
    """Return the record of a summary with a point that has no count."""
    found = summary.as_dict()
    found["columns"][0]["values"]["points"].append(2)
    return found


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: summarise({"x": [1]}, size=10), "size is a number of points, 200 or more, got 10"),
        (lambda: summarise({"x": [1]}, kinds={"x": "number"}), "kind of column 'x' is one of numeric"),
        (lambda: summarise(pd.DataFrame({("a", 1): [1]})), "named by text or a whole number"),
        (lambda: summarise({"x": [1]}) + summarise({"y": [1]}), "only one of the two summaries has x, y"),
        (lambda: summarise_chunks([]), "no chunk"),
        (lambda: Summary.from_dict({"format": 99}), "written by a newer mlcycle"),
        (lambda: Summary.from_dict({"format": 1, "rows": 3}), "not what Summary.as_dict writes"),
        (
            lambda: Summary.from_dict(cut(summarise({"x": [1]}))),
            "not what Summary.as_dict writes: .*2 points, but 1 counts",
        ),
        (lambda: Summary.from_dict([]), "not what Summary.as_dict writes"),  # type: ignore[arg-type]
        (lambda: column_summary(pd.Series([1], name="x"), size=None).as_dict(), "kept whole"),
    ],
)
def test_bad_input_says_what_would_do(call: object, message: str) -> None:
    """Every misuse has an error that names it."""
    with pytest.raises(InvalidInput, match=message):
        call()  # type: ignore[operator]


def test_a_column_that_is_not_there_is_named() -> None:
    """Asking for a column the summary does not have names those it has."""
    with pytest.raises(NotFound, match=r"no column 'z' in the summary; there are \['x'\]"):
        summarise({"x": [1]})["z"]
    with pytest.raises(NotFound, match="kinds names a column 'z'"):
        summarise({"x": [1]}, kinds={"z": "numeric"})
