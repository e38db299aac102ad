"""Drift of two frames: known shifts are found, nothing is found in nothing, and every odd column gets a word."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats as scipy_stats

from mlcycle import stats
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.stats.two_sample import _levels, _ordered


def column(reference: object, current: object, **options: object) -> stats.ColumnDrift:
    """Return the drift of one column."""
    found = stats.drift({"x": reference}, {"x": current}, **options)  # type: ignore[arg-type]
    return found.columns[0]


def make(kind: str, n: int, rng: np.random.Generator, shift: float = 0.0) -> object:
    """Return a column of a kind, moved by about `shift` standard deviations."""
    if kind == "normal":
        return rng.normal(shift, 1, n)
    if kind == "heavy":
        return rng.standard_t(1.5, n) + shift
    if kind == "ties":
        return np.round(rng.normal(shift, 1, n), 1)
    if kind == "counts":
        return rng.poisson(2 * (1 + 0.7 * shift), n)
    if kind == "zeros":
        return np.where(rng.random(n) < 0.6 - 0.3 * shift, 0.0, rng.lognormal(size=n))
    if kind == "levels":
        weights = np.array([0.5, 0.25, 0.12, 0.08, 0.04, 0.01]) ** (1 - 0.8 * shift)
        return rng.choice(list("abcdef"), n, p=weights / weights.sum())
    if kind == "many":
        weights = (1 / np.arange(1, 301)) ** (1 - 0.8 * shift)
        return rng.choice([f"level {i}" for i in range(300)], n, p=weights / weights.sum())
    if kind == "boolean":
        return rng.random(n) < 0.2 + 0.25 * shift
    assert kind == "nulls"
    return np.where(rng.random(n) < 0.05 + 0.2 * shift, np.nan, rng.normal(size=n))


KINDS = ["normal", "heavy", "ties", "counts", "zeros", "levels", "many", "boolean", "nulls"]


def frame(n: int, columns: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return a frame whose columns go round the kinds."""
    return pd.DataFrame({f"c{i}": make(KINDS[i % len(KINDS)], n, rng) for i in range(columns)})


def alarms(n: int, m: int, columns: int, times: int) -> tuple[float, float]:
    """Return how often nothing was called drift, and how often anything was significant."""
    rng = np.random.default_rng([n, m, columns])
    drifted = significant = 0
    for seed in range(times):
        found = stats.drift(frame(n, columns, rng), frame(m, columns, rng), seed=seed)
        drifted += found.drifted
        significant += bool((found.frame(every=True)["adjusted_p"] <= 0.05).any())
    return drifted / times, significant / times


@pytest.mark.parametrize(("n", "m", "columns"), [(30, 30, 9), (100, 40, 9), (1000, 1000, 1)])
def test_nothing_raises_no_alarm(n: int, m: int, columns: int) -> None:
    """On the same distribution any alarm at all stays at 5 % a frame (tolerance: 3 standard errors of the runs)."""
    times = 120
    drifted, significant = alarms(n, m, columns, times)
    most = 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)
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


@pytest.mark.parametrize("kind", KINDS)
def test_known_shifts_are_found(kind: str) -> None:
    """A shift of about one standard deviation among nine columns of 500 rows is found at least nine times in ten."""
    rng = np.random.default_rng(11)
    found = 0
    for seed in range(20):
        before, after = frame(500, 9, rng), frame(500, 9, rng)
        name = f"c{KINDS.index(kind)}"
        after[name] = make(kind, 500, rng, shift=0.8)
        columns = {c.name: c.verdict for c in stats.drift(before, after, seed=seed).columns}
        found += columns[name] == "drifted"
    assert found >= 18


@pytest.mark.parametrize(("n", "m"), [(100, 100), (400, 150), (2000, 2000)])
def test_detectable_shifts_are_found_with_their_power(n: int, m: int) -> None:
    """A normal column moved by `detectable` is called drift at least three times in four."""
    rng = np.random.default_rng(n)
    size = column(rng.normal(size=n), rng.normal(size=m)).leading.detectable
    hits = [column(rng.normal(size=n), rng.normal(size, 1, m)).verdict == "drifted" for _ in range(150)]
    assert np.mean(hits) >= 0.75


@pytest.mark.parametrize("kind", ["levels", "boolean"])
def test_detectable_distances_are_found_with_their_power(kind: str) -> None:
    """Levels moved by `detectable` are called drift at least three times in four."""
    rng = np.random.default_rng(3)
    shares = np.array([0.4, 0.3, 0.2, 0.1] if kind == "levels" else [0.6, 0.4])
    draw = lambda p: rng.choice(len(p), 800, p=p).astype(str)  # noqa: E731
    size = column(draw(shares), draw(shares)).leading.detectable
    moved = shares + size * (np.array([-0.6, -0.4, 0.6, 0.4]) if kind == "levels" else np.array([-1, 1]))
    hits = [column(draw(shares), draw(moved)).verdict == "drifted" for _ in range(100)]
    assert np.mean(hits) >= 0.75


@pytest.mark.parametrize("shift", [0.0, 0.15, 1.0])
def test_quantile_shift_intervals_cover(shift: float) -> None:
    """The largest quantile shift of a moved normal is `shift`; its interval holds it in 93 % of 300 samples."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        a, b = np.sort(rng.normal(size=300)), np.sort(rng.normal(shift, 1, 200))
        found = _ordered.quantile_shift(a, b)
        # The unit is the sample's own scale, so the truth is measured with it.
        held += found.low <= shift / found.scale <= found.high
    assert held / 300 >= 0.93


@pytest.mark.parametrize("size", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("levels", [3, 30])
def test_total_variation_is_debiased_and_covers(size: float, levels: int) -> None:
    """The estimate halves the bias of the plain one, or is within 0.03, and the interval holds the truth in 94 %."""
    rng = np.random.default_rng(levels)
    before = np.full(levels, 1 / levels)
    step = np.where(np.arange(levels) < levels // 2, 1.0, 0.0)
    after = before + size * (step / step.sum() - (1 - step) / (1 - step).sum())
    after = np.maximum(after, 0) / np.maximum(after, 0).sum()
    truth = np.abs(after - before).sum() / 2
    plain, effects, held = [], [], 0
    for _ in range(300):
        table = np.stack([rng.multinomial(400, before), rng.multinomial(300, after)])
        found = _levels.total_variation(table)
        plain.append(np.abs(table[0] / 400 - table[1] / 300).sum() / 2)
        effects.append(found.effect)
        held += found.low <= truth <= found.high
    assert held / 300 >= 0.94
    assert abs(np.mean(effects) - truth) < max(abs(np.mean(plain) - truth) / 2, 0.03)


@pytest.mark.parametrize(("n", "m"), [(4, 9), (30, 30), (70, 200), (3000, 2000), (6000, 50), (3000, 3000), (6, 9000)])
def test_ks_is_scipys(n: int, m: int) -> None:
    """Distance and p-value are scipy's, with ties and without, exact and asymptotic."""
    rng = np.random.default_rng(n)
    for decimals in (1, 8):
        a, b = np.sort(np.round(rng.normal(size=n), decimals)), np.sort(np.round(rng.normal(0.05, 1.1, m), decimals))
        statistic = _ordered.ks_statistic(a, b)
        theirs = scipy_stats.ks_2samp(a, b, method="exact")
        assert statistic == pytest.approx(theirs.statistic, abs=1e-12)
        p, test = _ordered.ks_p_value(statistic, n, m)
        assert p == pytest.approx(theirs.pvalue, rel=1e-6 if "exact" in test else 0.03)


def test_ks_p_values_hold_far_out() -> None:
    """Of equal sizes the smallest p-values are scipy's, and no p-value is 0."""
    for statistic, n in ((0.4, 3000), (0.2, 500), (1.0, 30)):
        exact = scipy_stats.ks_2samp(np.arange(n), np.arange(n) + round(statistic * n), method="exact").pvalue
        assert _ordered.ks_p_value(statistic, n, n)[0] == pytest.approx(exact, rel=1e-6)
    assert 0 < _ordered.ks_p_value(1.0, 5000, 4999)[0] < 1e-300


def test_contingency_tests_are_scipys() -> None:
    """Chi-square without correction, Fisher's exact test, and a permutation p near the exact one."""
    rng = np.random.default_rng(0)
    wide = np.array([[50, 30, 20], [30, 30, 40]])
    assert _levels.level_test(wide, 999, rng)[0] == pytest.approx(scipy_stats.chi2_contingency(wide).pvalue)
    small = np.array([[1, 8], [9, 2]])
    assert _levels.level_test(small, 999, rng)[0] == pytest.approx(scipy_stats.fisher_exact(small)[1])
    sparse = np.array([[6, 1, 0, 3], [1, 5, 3, 1]])
    p, test = _levels.level_test(sparse, 20_000, rng)
    theirs = scipy_stats.chi2_contingency(
        sparse, correction=False, method=scipy_stats.PermutationMethod(n_resamples=20_000, rng=np.random.default_rng(1))
    )
    assert (p, test) == (pytest.approx(theirs.pvalue, rel=0.3), "chi-square permutation")


@pytest.mark.deep
@pytest.mark.parametrize(("totals", "n"), [([130, 5070], 5000), ([130, 2535, 2535], 5000), ([130, 2535, 2535], 200)])
def test_contingency_tests_hold_at_levels_that_many_columns_ask_for(totals: list[int], n: int) -> None:
    """Random tables with an expected count of 5 fall below 0.0002 no oftener than that (tolerance: 3 standard errors).

    Only tables that chi-square finds striking are tested; the others cannot come near.
    """
    rng = np.random.default_rng(0)
    sizes, level, times = np.array(totals), 2e-4, 200_000
    tables = rng.multivariate_hypergeometric(sizes, n, size=times)
    share = tables * (1 / sizes) - n / sizes.sum()
    chi_square = (share**2 * sizes).sum(axis=1) * sizes.sum() ** 2 / (n * (sizes.sum() - n))
    striking = tables[chi_square > scipy_stats.chi2.isf(0.001, len(totals) - 1)]
    low = [_levels.level_test(np.stack([row, sizes - row]), 99_999, rng)[0] <= level for row in striking[:250]]
    found = np.mean(low) * len(striking) / times
    assert found <= level + 3 * math.sqrt(level * len(striking) / times / max(len(low), 1) + level / times)


def test_pooling_does_not_know_the_sides() -> None:
    """Swapping the two sides or the order of the levels pools the same rows."""
    rng = np.random.default_rng(0)
    a, b = rng.poisson(1, 300), rng.poisson(1, 300)
    table = _levels.pooled_levels(a, b)
    order = rng.permutation(300)
    assert np.sort(table, axis=1).tolist() == np.sort(_levels.pooled_levels(b[order], a[order])[::-1], axis=1).tolist()


@pytest.mark.parametrize(
    ("reference", "current", "kind", "verdict", "note"),
    [
        ([5.0] * 40, [5.0] * 40, "numeric", "stable", "constant: 5.0"),
        ([5.0] * 40, [5.0] * 10 + [6.0] * 30, "numeric", "drifted", "now 30 others"),
        ([None] * 40, [None] * 40, "empty", "stable", "nothing but nulls"),
        ([1.5] * 20 + [2.5] * 20, [None] * 40, "discrete", "drifted", "0.00% -> 100.00%"),
        ([1.0], [2.0], "numeric", "inconclusive", "too few rows for any verdict"),
        ([], [], "empty", "stable", "nothing but nulls"),
        ([1, "a"] * 20, ["a"] * 40, "mixed", "inconclusive", "values of no one kind"),
        ([1.5] * 40, ["a"] * 40, "mixed", "inconclusive", "the reference is numeric and the current data text"),
        ([1j] * 40, [1j] * 40, "mixed", "inconclusive", "complex"),
        (list(range(100)), list(range(100, 200)), "numeric", "inconclusive", "a running id or a clock"),
        (
            [f"id-{i}" for i in range(100)],
            [f"id-{i}" for i in range(100, 200)],
            "text",
            "inconclusive",
            "an id says nothing",
        ),
    ],
)
def test_odd_columns_get_an_explicit_verdict(
    reference: list[object], current: list[object], kind: str, verdict: str, note: str
) -> None:
    """Constant, empty, single, mixed and running columns each get a verdict and a reason, never a silent number."""
    found = column(pd.Series(reference), pd.Series(current))
    assert (found.kind, found.verdict) == (kind, verdict)
    assert note in found.leading.note


@pytest.mark.parametrize(("rows", "level"), [(1, 0.05), (2, 0.01)])
def test_a_reference_that_is_constant_by_chance_is_no_drift(rows: int, level: float) -> None:
    """One row, or two that happen to be alike, hold one value whatever the distribution."""
    rng = np.random.default_rng(0)
    p = [column(rng.integers(0, 10, rows), rng.integers(0, 10, 500)).leading.p for _ in range(300)]
    p = [value for value in p if not math.isnan(value)]
    assert np.mean(np.array(p) <= level) <= level + 3 * math.sqrt(level / 300)
    kept = [
        stats.drift(stats.summarise({"x": rng.integers(0, 10, rows)}), {"x": rng.integers(0, 10, 500)}).columns[0]
        for _ in range(100)
    ]
    assert not any(one.verdict == "drifted" for one in kept)


@pytest.mark.parametrize(
    ("reference", "current", "says"),
    [
        (pd.Series([1, 2, 3] * 30, dtype="category"), pd.Series(["1", "2", "3"] * 30), "type integer and those"),
        (pd.to_timedelta(range(50), unit="s").to_series(), pd.Series(range(50)), "durations and the other numbers"),
        (
            pd.Series(pd.date_range("2026-01-01", periods=50)),
            pd.Series(pd.date_range("2026-01-01", periods=50, tz="UTC")),
            "knows its time zone",
        ),
        (pd.Series([*range(60), None]), pd.Series([*range(100, 160), None]), "a running id"),
    ],
)
def test_what_only_looks_alike_is_refused(reference: object, current: object, says: str) -> None:
    """Levels of two types, durations and numbers, moments with and without a zone, ids that nulls made floats."""
    found = column(pd.Series(reference).reset_index(drop=True), pd.Series(current).reset_index(drop=True))
    assert (found.verdict, says in found.leading.note) == ("inconclusive", True)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([np.nan] * 30),
        pd.Series([pd.NaT] * 30, dtype="datetime64[ns]"),
        pd.Series([None] * 30, dtype=pd.ArrowDtype(pa.null())),
    ],
)
def test_nothing_but_nulls_is_stable_in_every_dtype(values: pd.Series) -> None:
    """Whatever the type of the nulls, there is nothing that could have drifted."""
    assert (column(values, values).verdict, column(values, values).kind) == ("stable", "empty")
    assert stats.drift(stats.summarise({"x": values}), {"x": values}).columns[0].verdict == "stable"


def test_arrow_dictionaries_are_levels_and_large_integers_keep_their_digits() -> None:
    """What parquet brings back is compared by level; values beyond float64 are not rounded onto each other."""
    levels = pd.Series(["a", "b", "c"] * 40, dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))
    assert column(levels, levels).kind == "categorical"
    large = pd.Series([2**64 - 1 - i for i in range(60)], dtype="UInt64")
    assert "constant" not in column(large, large[:50]).leading.note


def test_margins_are_in_the_unit_of_what_they_judge() -> None:
    """A margin in standard deviations does not excuse a constant that changed; numpy numbers are numbers."""
    assert column([1.0] * 50, [2.0] * 50, margin=1.0).verdict == "drifted"
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=5000), rng.normal(0.06, 1, 5000)
    assert column(before, after, margin=np.int64(0)).leading.margin == 0
    named = stats.drift(
        {"nulls": before, "x": [1.0, np.nan] * 2500}, {"nulls": after, "x": before}, margin={"nulls": 9}
    )
    assert {s.aspect: s.margin for s in named.columns[1].shifts}["nulls"] == 0.02


def test_whole_numbers_that_never_repeat_are_asked_about() -> None:
    """Random ids get the question beside their verdict; counts and measurements do not."""
    rng = np.random.default_rng(0)
    ids = rng.permutation(10**6)[:1000]
    assert "is it an id?" in column(ids[:500], ids[500:]).leading.note
    assert "id" not in column(rng.poisson(50, 500), rng.poisson(50, 500)).leading.note
    assert "id" not in column(rng.normal(size=500), rng.normal(size=500)).leading.note


def test_two_series_are_one_column() -> None:
    """Two columns given as such are compared whatever they are called; frames without a common column are refused."""
    rng = np.random.default_rng(0)
    found = stats.drift(pd.Series(rng.normal(size=99), name="age"), pd.Series(rng.normal(3, 1, 99), name="age_now"))
    assert (found.columns[0].name, found.drifted) == ("age", True)
    for other in ({"b": [1]}, stats.summarise({"a": [1.0]}).as_dict()):
        with pytest.raises(InvalidInput, match="no column in common"):
            stats.drift({"a": [1.0, 2.0]}, other)
    assert found.as_dict()["columns"][0]["shifts"][0]["verdict"] == "drifted"


def test_infinite_values_are_a_test_of_their_own() -> None:
    """Infinities are counted apart; the finite values stay comparable."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=300), rng.normal(size=300)
    after[:40] = np.inf
    found = column(before, after)
    assert {s.aspect: s.verdict for s in found.shifts} == {"values": "stable", "infinite": "drifted"}


def test_unseen_levels_are_a_test_of_their_own() -> None:
    """A new level is named as such, and rare levels that are only missing by chance are not."""
    rng = np.random.default_rng(0)
    before, after = rng.choice(list("abc"), 300), rng.choice(list("abcd"), 300, p=[0.3, 0.3, 0.3, 0.1])
    found = {s.aspect: (s.verdict, s.note) for s in column(before, after).shifts}
    assert found["unseen levels"] == ("drifted", "1 levels the reference never had")
    names = [f"n{i}" for i in range(300)]
    assert column(rng.choice(names, 700), rng.choice(names, 700)).verdict == "stable"


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
    found = column(convert(before), convert(after)).leading
    plain = column(before, after).leading
    assert (found.verdict, found.p) == ("drifted", pytest.approx(plain.p))
    assert found.effect == pytest.approx(plain.effect, rel=1e-3)


@pytest.mark.parametrize("dtype", ["category", "object", "str", "string", "large"])
def test_levels_are_the_same_in_every_dtype(dtype: str) -> None:
    """Categories of different order, strings and objects count the same."""
    rng = np.random.default_rng(0)
    sides = [pd.Series(rng.choice(list("abc"), 300)), pd.Series(rng.choice(list("abc"), 300, p=[0.2, 0.3, 0.5]))]
    arrow = pd.ArrowDtype(pa.large_string())
    typed = [side.astype(arrow if dtype == "large" else dtype) for side in sides]
    if dtype == "category":
        typed[1] = typed[1].cat.reorder_categories(["c", "a", "b"])
    assert column(*typed).leading.p == pytest.approx(column(*sides).leading.p)


def test_categories_without_rows_are_no_levels() -> None:
    """A categorical column with one level in use is constant, however many categories it could have."""
    constant = pd.Series(["a"] * 50).astype(pd.CategoricalDtype(list("abc")))
    assert column(constant, constant).leading.note == "constant: one level on both sides"


def test_large_samples_that_are_alike_cost_no_more() -> None:
    """Of the same values, or nearly, the distance is known to be negligible without comparing every value."""
    rng = np.random.default_rng(0)
    a = np.sort(rng.normal(size=50_000))
    b = np.sort(np.append(a[:-3], [0.1, 0.2, 0.3]))
    exact = _ordered.ks_statistic(a, b)
    assert _ordered.ks_statistic(a, a) == 0
    assert exact == pytest.approx(scipy_stats.ks_2samp(a, b).statistic)
    assert _ordered.ks_statistic(a, b, negligible=0.01) <= exact < 0.01
    assert column(a, b).leading.p == pytest.approx(1)


def test_text_is_compared_by_length() -> None:
    """Texts that are nearly all different are compared by how long they are."""
    rng = np.random.default_rng(0)
    texts = lambda n: ["".join(rng.choice(list("abcdefg "), size)) for size in rng.poisson(n, 300)]  # noqa: E731
    found = column(texts(20), texts(35))
    assert (found.kind, found.leading.aspect, found.verdict) == ("text", "length", "drifted")


def test_columns_of_one_side_are_named() -> None:
    """They are listed, not judged, and appear in what is printed."""
    found = stats.drift(pd.DataFrame({"a": [1.0] * 9, "b": 1}), pd.DataFrame({"c": [1], "a": [1.0]}))
    assert (found.only_reference, found.only_current) == (("b",), ("c",))
    assert "only in the reference: b" in str(found)


def test_a_column_does_not_depend_on_its_neighbours() -> None:
    """With the same seed a column's own p-value is the same alone and among others, in any order."""
    rng = np.random.default_rng(0)
    before, after = frame(60, 9, rng), frame(60, 9, rng)
    together = {c.name: [s.p for s in c.shifts] for c in stats.drift(before, after, control="none").columns}
    alone = stats.drift(before, after, columns=["c6"], control="none").columns[0]
    assert [s.p for s in alone.shifts] == pytest.approx(together["c6"], nan_ok=True)
    assert stats.drift(before, after, seed=3).frame().equals(stats.drift(before, after, seed=3).frame())


def test_a_small_certain_change_is_not_drift() -> None:
    """With enough rows a change below the margin is significant and stable; a smaller margin makes it drift."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=200_000), rng.normal(0.04, 1, 200_000)
    found = column(before, after)
    assert (found.leading.adjusted_p < 1e-6, found.verdict) == (True, "stable")
    assert column(before, after, margin=0.005).verdict == "drifted"
    assert column(before, after, margin={"x": 0.005}).verdict == "drifted"
    assert column(before, after, margin={"numeric": 0.04}).verdict == "inconclusive"


def test_arrays_and_arrow_tables_are_frames() -> None:
    """numpy, Arrow, Series and mappings go in as they are."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(200, 2)), rng.normal([0, 2], size=(200, 2))
    assert [c.verdict for c in stats.drift(a, b).columns] == ["stable", "drifted"]
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
        ({"margin": 2}, InvalidInput, "margin 2 is a share of rows for column 'x'"),
        ({"seed": None}, InvalidInput, "seed is a whole number"),
        ({"seed": -1}, InvalidInput, "seed is a whole number"),
        ({"kinds": {"x": "number"}}, InvalidInput, "is one of numeric"),
        ({"kinds": ["numeric"]}, InvalidInput, "kinds is a mapping"),
        ({"kinds": {"z": "numeric"}}, NotFound, "'z'"),
        ({"columns": ["z"]}, NotFound, "no column 'z'"),
        ({"columns": "x"}, InvalidInput, "put one column in a list"),
        ({"columns": [["x"]]}, InvalidInput, "columns is a list of column names"),
        ({"columns": []}, InvalidInput, "no column in common"),
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


def test_results_print_pickle_and_become_tables() -> None:
    """One row a column, one a test with every=True, HTML with the names escaped, and a pickle that is equal."""
    rng = np.random.default_rng(0)
    before = pd.DataFrame({"<b>": rng.normal(size=100), "y": rng.normal(size=100)})
    after = pd.DataFrame({"<b>": rng.normal(3, 1, 100), "y": np.where(np.arange(100) < 50, np.nan, 0.1)})
    found = stats.drift(before, after)
    assert found.frame()["column"].tolist() == ["<b>", "y"]
    assert len(found.frame(every=True)) == 3
    assert "&lt;b&gt;" in found._repr_html_()
    assert repr(found).startswith("Drift(drifted: 2 of 2 columns drifted (alpha 0.05, bh; global test: Simes, p 5")
    assert str(pickle.loads(pickle.dumps(found))) == str(found)
    assert found.columns[0].as_dict()["verdict"] == "drifted"
    assert stats.drift(before[[]], after[[]]).frame().shape[0] == 0


def test_the_global_test_backs_the_verdict_of_the_frame() -> None:
    """P is Simes' for bh and Bonferroni's for holm; without control columns may alarm where the frame does not."""
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=(80, 40)), rng.normal(size=(80, 40))
    after[:, 0] += 0.7  # significant alone, not among forty
    loose = stats.drift(before, after, control="none")
    p = np.sort(loose.frame(every=True)["p"].dropna())
    simes = float(np.min(p * len(p) / np.arange(1, len(p) + 1)))
    assert (loose.p, stats.drift(before, after).p) == (pytest.approx(simes), pytest.approx(simes))
    assert stats.drift(before, after, control="holm").p == pytest.approx(min(1.0, p[0] * len(p)))
    assert stats.drift(before, after, control="by").p >= simes
    assert [c.name for c in loose.columns if c.verdict == "drifted"] == [0]
    assert (loose.p > 0.05, loose.drifted, loose.verdict) == (True, False, "stable")
    assert math.isnan(stats.drift({"x": [None]}, {"x": [None]}).p)


@pytest.mark.parametrize(("control", "rate"), [("bh", 0.05), ("holm", 0.05)])
def test_claims_beyond_the_margin_are_held_to_alpha(control: str, rate: float) -> None:
    """Twenty columns moved by just their margin have changed for certain; any is called drift in 5 % of frames."""
    rng = np.random.default_rng(2)
    margin, times, alarms_ = 0.2, 150, 0
    for _ in range(times):
        before, after = rng.normal(size=(1000, 20)), rng.normal(margin, 1, size=(1000, 20))
        # The unit is the sample's own scale; measured with it, no column moved further than its margin.
        scales = [_ordered.robust_scale(np.sort(before[:, i])) for i in range(20)]
        found = stats.drift(before, after, control=control, margin={i: margin / scales[i] for i in range(20)})
        assert min(c.leading.adjusted_p for c in found.columns) < 0.05
        alarms_ += found.drifted
    assert alarms_ / times <= rate + 3 * math.sqrt(rate * (1 - rate) / times)


def test_intervals_are_as_wide_as_the_number_of_claims_asks() -> None:
    """One drifted column among fifty has an interval of confidence 1 - 0.05 / 50, half of them one of 97.5 %."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(2, 500, 50))
    after[:, 0] += 2
    assert stats.drift(before, after).confidence == pytest.approx(1 - 0.05 / 50)
    after[:, 1:25] += 2
    assert stats.drift(before, after).confidence == pytest.approx(1 - 0.05 / 2)
    assert stats.drift(before, after, control="none").confidence == pytest.approx(0.95)


def texts(n: int, rng: np.random.Generator, words: list[str], weights: list[float] | None = None) -> list[str]:
    """Return texts of twelve words, all different from each other."""
    return [" ".join([*rng.choice(words, 12, p=weights), str(i), str(rng.integers(10**9))]) for i in range(n)]


def test_vocabulary_of_texts_is_a_test_of_its_own() -> None:
    """Texts of the same length that speak of something else have drifted in vocabulary, and the word is named."""
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(40)]
    other = [*words[:-1], "refund"]
    weights = [0.02] * 39 + [0.22]
    found = {s.aspect: s for s in column(texts(300, rng, words), texts(300, rng, other, weights)).shifts}
    assert {aspect: s.verdict for aspect, s in found.items()}["vocabulary"] == "drifted"
    assert "'refund' in 0.00% -> 9" in found["vocabulary"].note


def test_texts_of_one_kind_raise_no_alarm() -> None:
    """Words that hang together within a text are no reason for an alarm (tolerance: 3 standard errors)."""
    rng = np.random.default_rng(1)
    topics = [[f"t{t}w{i}" for i in range(15)] for t in range(6)]
    draw = lambda n: [" ".join(rng.choice(topics[rng.integers(6)], 12)) + f" {rng.random()}" for _ in range(n)]  # noqa: E731
    times = 100
    rate = np.mean([column(draw(100), draw(150)).leading.adjusted_p <= 0.05 for _ in range(times)])
    assert rate <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)


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
        exact = ~rows["test"].str.contains("permutation|unseen")  # the others are drawn
        assert found.loc[exact, "p"].tolist() == pytest.approx(rows.loc[exact, "p"].tolist(), nan_ok=True)
        assert found["effect"].tolist() == pytest.approx(rows["effect"].tolist(), nan_ok=True)


def test_a_summary_is_compared_by_name() -> None:
    """Columns that only the summary or only the frame has are named; unknown ones are refused."""
    kept = stats.summarise({"a": [1.0, 2.0], "b": ["x", "y"]})
    found = stats.drift(kept, {"b": ["x"], "c": [1]})
    assert ([c.name for c in found.columns], found.only_reference, found.only_current) == (["b"], ("a",), ("c",))
    with pytest.raises(NotFound, match="no column 'z'"):
        stats.drift(kept, kept, columns=["z"])
    with pytest.raises(InvalidInput, match="name kinds in summarise"):
        stats.drift(kept, kept, kinds={"a": "categorical"})
