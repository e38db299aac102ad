"""Joint tests by distances and kernels: against references, exact at their level, and honest about effects."""

from __future__ import annotations

import itertools
import math
import pickle
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats as scipy_stats
from sklearn.metrics.pairwise import laplacian_kernel, rbf_kernel

from mlcycle.errors import InvalidInput, NotFound
from mlcycle.stats import JointDrift, energy_distance, mmd

TESTS = [energy_distance, mmd]
Test = Callable[..., JointDrift]


def rows(kind: str, n: int, d: int, rng: np.random.Generator, shift: float = 0.0) -> object:
    """Return a sample of a kind, moved by `shift`."""
    if kind == "normal":
        return rng.normal(shift, 1, (n, d))
    if kind == "cauchy":
        return rng.standard_cauchy((n, d)) + shift
    if kind == "ties":
        return np.round(rng.normal(shift, 1, (n, d)))
    if kind == "binary":
        return (rng.random((n, d)) < 0.2 + shift).astype(int)
    assert kind == "mixed"
    return pd.DataFrame(
        {
            "number": np.where(rng.random(n) < 0.1, np.nan, rng.normal(shift, 1, n)),
            "level": rng.choice(list("abcdefgh"), n, p=[0.4, 0.3, 0.1, 0.1, 0.05, 0.03, 0.01, 0.01]),
            "flag": rng.random(n) < 0.1,
            "words": [" ".join(["word"] * k) for k in rng.integers(1, 9, n)],
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D"),
        }
    )


@pytest.mark.parametrize(("n", "m"), [(50, 40), (7, 200)])
def test_the_energy_distance_is_that_of_scipy(n: int, m: int) -> None:
    """In one dimension the statistic is `scipy.stats.energy_distance`."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=n), rng.gamma(1.0, size=m)
    found = energy_distance(a, b, scale="none")
    assert found.statistic == pytest.approx(scipy_stats.energy_distance(a, b), rel=1e-9)


@pytest.mark.parametrize("kernel", ["gaussian", "laplace"])
def test_mmd_is_the_unbiased_one_by_its_definition(kernel: str) -> None:
    """The statistic is made of scikit-learn's kernel, a row never compared with itself."""
    rng = np.random.default_rng(1)
    a, b, width = rng.normal(size=(30, 3)), rng.normal(0.5, 1, (20, 3)), 1.7
    if kernel == "gaussian":
        k = rbf_kernel(np.vstack([a, b]), gamma=1 / (2 * width**2))
    else:
        k = np.exp(-np.linalg.norm(np.vstack([a, b])[:, None] - np.vstack([a, b])[None], axis=2) / width)
    within = [(part.sum() - np.trace(part)) / (len(part) * (len(part) - 1)) for part in (k[:30, :30], k[30:, 30:])]
    expected = sum(within) - 2 * k[:30, 30:].mean()
    found = mmd(a, b, kernel=kernel, bandwidth=width, scale="none")
    assert found.statistic == pytest.approx(expected, rel=1e-9)
    assert found.effect == pytest.approx(expected / sum(within), rel=1e-9)


def test_a_laplace_kernel_of_one_column_is_that_of_sklearn() -> None:
    """In one dimension Euclidean and city-block distances are the same, so scikit-learn's kernel is ours."""
    a, b = np.arange(8.0), np.arange(8.0) ** 2
    k = laplacian_kernel(np.append(a, b)[:, None], gamma=0.5)
    expected = (k[:8, :8].sum() - 8 + k[8:, 8:].sum() - 8) / 56 - 2 * k[:8, 8:].mean()
    assert mmd(a, b, kernel="laplace", bandwidth=2.0, scale="none").statistic == pytest.approx(expected, rel=1e-9)


def test_a_few_rows_are_permuted_in_every_way() -> None:
    """With four against five rows the p-value is the share of all 126 arrangements, counted one by one."""
    rng = np.random.default_rng(4)
    x = np.append(rng.normal(size=4), rng.normal(1.2, 1, 5))
    apart = np.abs(x[:, None] - x[None, :])

    def unbiased(chosen: tuple[int, ...]) -> float:
        a, b = list(chosen), [i for i in range(9) if i not in chosen]
        return float(2 * apart[np.ix_(a, b)].mean() - apart[np.ix_(a, a)].sum() / 12 - apart[np.ix_(b, b)].sum() / 20)

    every = np.array([unbiased(chosen) for chosen in itertools.combinations(range(9), 4)])
    expected = float(np.mean(every >= unbiased((0, 1, 2, 3)) - 1e-12))
    assert energy_distance(x[:4], x[4:], scale="none").p == pytest.approx(expected)


@pytest.mark.parametrize("test", TESTS)
def test_ties_count_as_large(test: Test) -> None:
    """Where most permutations give the very same statistic, none of them is passed over by rounding."""
    a, b = np.array([0.1, 0.1, 0.1, 0.1, 0.7]), np.array([0.1, 0.1, 0.1, 0.1, 0.1])
    found = test(a, b, scale="none")
    assert (found.p, found.verdict) == (1.0, "inconclusive")


LEVELS = [
    ("normal", 30, 30, 1),
    ("normal", 30, 30, 200),
    ("ties", 30, 100, 5),
    ("binary", 8, 40, 3),
    ("mixed", 40, 60, 5),
]


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(("kind", "n", "m", "d"), LEVELS)
def test_nothing_is_found_in_nothing(test: Test, kind: str, n: int, m: int, d: int) -> None:
    """On the same distribution p-values are at most 5 % in 5 % of runs, and 20 % in 20 % (3 standard errors)."""
    times, rng = 120 if d < 100 else 40, np.random.default_rng([n, m, d])
    p = np.array([test(rows(kind, n, d, rng), rows(kind, m, d, rng), permutations=99, seed=s).p for s in range(times)])
    for level in (0.05, 0.2):
        assert np.mean(p <= level) <= level + 3 * math.sqrt(level * (1 - level) / times)


@pytest.mark.deep
@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(
    ("kind", "n", "m", "d"), [*LEVELS, ("cauchy", 60, 40, 4), ("binary", 30, 300, 10), ("normal", 1000, 200, 20)]
)
def test_nothing_is_found_in_nothing_in_many_runs(test: Test, kind: str, n: int, m: int, d: int) -> None:
    """The same over 1 000 runs."""
    times, rng = 1000 if n < 1000 else 200, np.random.default_rng([n, m, d])
    p = np.array([test(rows(kind, n, d, rng), rows(kind, m, d, rng), permutations=99, seed=s).p for s in range(times)])
    for level in (0.05, 0.2):
        assert np.mean(p <= level) <= level + 3 * math.sqrt(level * (1 - level) / times)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(("kind", "shift"), [("normal", 0.3), ("cauchy", 0.8), ("ties", 0.4), ("binary", 0.15)])
def test_shifts_of_all_columns_are_found(test: Test, kind: str, shift: float) -> None:
    """A moderate move of five columns of 100 rows is drift at least eight times in ten."""
    rng = np.random.default_rng(7)
    hits = [test(rows(kind, 100, 5, rng), rows(kind, 100, 5, rng, shift), permutations=99).drifted for _ in range(30)]
    assert np.mean(hits) >= 0.8


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(("d", "shift"), [(1, 1.0), (40, 0.15)])
def test_the_interval_holds_the_coefficient(test: Test, d: int, shift: float) -> None:
    """At most 2.5 % of lower ends lie above the true coefficient, and 2.5 % of upper ones below (3 standard errors)."""
    rng, times = np.random.default_rng([3, d]), 100
    large = [test(rows("normal", 1000, d, rng), rows("normal", 1000, d, rng, shift), permutations=19, scale="robust")
             for _ in range(4)]  # fmt: skip
    truth = float(np.mean([one.effect for one in large]))
    found = [test(rows("normal", 60, d, rng), rows("normal", 60, d, rng, shift), permutations=19, scale="robust")
             for _ in range(times)]  # fmt: skip
    most = 0.025 + 3 * math.sqrt(0.025 * 0.975 / times)
    assert np.mean([one.low > truth for one in found]) <= most
    assert np.mean([one.high < truth for one in found]) <= most


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(("p", "q"), [(0.1, 0.2), (0.4, 0.4)])
def test_the_interval_holds_the_coefficient_of_rare_events(test: Test, p: float, q: float) -> None:
    """Where the truth is known by a formula, and samples may look alike by chance, no end misses it too often.

    At most 5 % of lower ends lie above it, where the test itself errs as often at most, and 2.5 % of upper ones below
    (3 standard errors); the interval claims no difference that the test does not see, and is never one of nothing.
    """
    times, rng, alike = 100, np.random.default_rng([7, round(10 * p)]), math.exp(-0.5)
    options = {"bandwidth": 1.0} if test is mmd else {}
    if test is mmd:
        truth = (1 - alike) * (q - p) ** 2 / (1 - (1 - alike) * (p * (1 - p) + q * (1 - q)))
    else:
        truth = (q - p) ** 2 / (p * (1 - q) + q * (1 - p))
    found = [
        test(1.0 * (rng.random(60) < p), 1.0 * (rng.random(60) < q), scale="none", permutations=99, **options)
        for _ in range(times)
    ]
    assert np.mean([one.low > truth for one in found]) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)
    assert np.mean([one.high < truth for one in found]) <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / times)
    assert not any(one.low > 0 and one.p > one.alpha for one in found)
    assert all(one.high > 0 for one in found)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(("n", "m", "d"), [(60, 60, 3), (50, 150, 20)])
def test_detectable_coefficients_are_found_with_their_power(test: Test, n: int, m: int, d: int) -> None:
    """All columns moved so that the coefficient is `detectable` are drift in 80 % of runs (3 standard errors)."""
    rng = np.random.default_rng([n, m])
    size = float(np.median([test(rows("normal", n, d, rng), rows("normal", m, d, rng)).detectable for _ in range(5)]))
    shift = 2 * math.sqrt(size)
    hits = [
        test(rows("normal", n, d, rng), rows("normal", m, d, rng, shift), permutations=199).drifted for _ in range(100)
    ]
    assert 0.68 <= np.mean(hits) <= 0.95


def test_a_broken_dependence_is_found() -> None:
    """Columns that stay the same one by one, but no longer go together, are drift of the whole."""
    rng = np.random.default_rng(0)
    before = rng.multivariate_normal([0, 0], [[1, 0.95], [0.95, 1]], 300)
    after = rng.normal(size=(300, 2))
    assert [test(before, after).verdict for test in TESTS] == ["drifted", "drifted"]


@pytest.mark.parametrize("test", TESTS)
def test_groups_change_sides_as_a_whole(test: Test) -> None:
    """Rows of one person are alike; without groups that passes for drift, with them at most at the nominal rate."""
    rng, times = np.random.default_rng(5), 60
    alone, together = [], []
    for _ in range(times):
        person = np.repeat(np.arange(24), 6)
        x = rng.normal(size=(24, 2))[person] + 0.3 * rng.normal(size=(144, 2))
        a, b = x[:72], x[72:]
        alone.append(test(a, b, permutations=99).p <= 0.05)
        together.append(test(a, b, permutations=99, groups=(person[:72], person[72:])).p <= 0.05)
    assert np.mean(alone) > 0.3
    assert np.mean(together) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)


def test_groups_of_one_row_change_nothing() -> None:
    """A group a row is no group at all."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(20, 2)), rng.normal(size=(30, 2))
    assert energy_distance(a, b, groups=(np.arange(20), np.arange(20, 50))) == energy_distance(a, b)


def test_order_and_units_do_not_matter() -> None:
    """Monotone changes of columns leave a comparison by ranks as it is, and so does swapping the sides."""
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(40, 3)), rng.normal(0.3, 1, (50, 3))
    plain, stretched, swapped = energy_distance(a, b), energy_distance(np.exp(a), np.exp(b)), energy_distance(b, a)
    assert plain == stretched
    assert plain.effect == pytest.approx(swapped.effect)


def test_a_result_depends_on_the_seed_only() -> None:
    """The same seed gives the same record, whatever was drawn before; it travels by pickle."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(60, 2)), rng.normal(0.3, 1, (60, 2))
    first = mmd(a, b, most=40, seed=3)
    np.random.seed(1)
    assert pickle.loads(pickle.dumps(first)) == mmd(a, b, most=40, seed=3)
    assert first.used == (40, 40)
    assert "chosen at random" in first.note


def test_odd_columns_are_named() -> None:
    """Constants, ids, mixtures and columns of one side are left out, and each gets a word."""
    rng = np.random.default_rng(0)
    n = 60
    a = pd.DataFrame({"x": rng.normal(size=n), "one": 1, "id": range(n), "odd": ["a", 2] * (n // 2), "gone": 0.5})
    b = a.assign(x=rng.normal(size=n), id=range(n, 2 * n), new=1).drop(columns="gone")
    found = energy_distance(a, b)
    assert found.columns == ("x",)
    assert [name for name, _ in found.dropped] == ["one", "id", "odd"]
    assert (found.only_reference, found.only_current) == (("gone",), ("new",))
    text = str(found)
    assert all(word in text for word in ("constant", "later than before", "no one kind", "gone", "new"))
    assert "inconclusive" in str(energy_distance(a[["one"]], b[["one"]]))


@pytest.mark.parametrize("column", [[1.0, np.nan, np.inf, -np.inf] * 5, [np.nan] * 20, ["a", None, "b", "c"] * 5])
def test_odd_values_pass(column: list[object]) -> None:
    """Nulls and infinities do not disturb; the same rows on both sides are no drift."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=20), "odd": column})
    for test in TESTS:
        assert test(frame, frame).verdict == "stable"


def test_more_nulls_are_drift() -> None:
    """Values that went missing are a difference."""
    rng = np.random.default_rng(0)
    a = pd.DataFrame({"x": rng.normal(size=200), "y": np.where(rng.random(200) < 0.1, np.nan, rng.normal(size=200))})
    b = a.assign(y=np.where(rng.random(200) < 0.6, np.nan, rng.normal(size=200)))
    assert energy_distance(a, b).drifted


def test_too_few_rows_are_inconclusive() -> None:
    """Three rows cannot be different from anything; the record says how many would do."""
    found = mmd(np.arange(3.0), np.arange(30.0))
    assert (found.verdict, math.isnan(found.p), math.isnan(found.effect)) == ("inconclusive", True, True)
    assert "4 on either side" in found.note


def test_a_margin_is_kept() -> None:
    """A difference for certain that may be smaller than the margin is no drift."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(400, 2)), rng.normal(0.4, 1, (400, 2))
    assert energy_distance(a, b).drifted
    small = energy_distance(a, b, margin=0.5)
    assert (small.p, small.verdict) == (0.001, "stable")
    assert energy_distance(a, b, margin=small.effect).verdict == "inconclusive"


def test_a_record_shows_itself() -> None:
    """It is a row of a table, a line, and a card that escapes names."""
    rng = np.random.default_rng(0)
    a = pd.DataFrame({"<b>": [1] * 30, "x": rng.normal(size=30)})
    found = energy_distance(a, a)
    assert pd.DataFrame([found.as_dict()]).loc[0, "verdict"] == "stable"
    assert "&lt;b&gt;" in found._repr_html_()
    assert "<b>:" not in found._repr_html_()
    assert repr(found).startswith("JointDrift(stable: energy distance")
    assert "could have seen" in str(found)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"scale": "z"}, "scale"),
        ({"alpha": 0}, "alpha"),
        ({"margin": -1}, "margin"),
        ({"permutations": 10}, "permutations"),
        ({"most": 1}, "most"),
        ({"groups": (np.zeros(3), np.ones(20))}, "groups"),
        ({"groups": (np.zeros(20), np.zeros(20))}, "both sides"),
        ({"kernel": "cosine"}, "kernel"),
        ({"bandwidth": 0}, "bandwidth"),
        ({"bandwidth": "wide"}, "bandwidth"),
        ({"bandwidth": None}, "bandwidth is .* got None"),
        ({"bandwidth": math.nan}, "bandwidth is .* got nan"),
        ({"alpha": "x"}, "alpha is .* got 'x'"),
        ({"alpha": None}, "alpha is .* got None"),
        ({"margin": "x"}, "margin is .* got 'x'"),
        ({"margin": {"a": 1}}, "margin is .* got {'a': 1}"),
        ({"margin": 1}, "margin is .* got 1"),
        ({"permutations": "x"}, "permutations is .* got 'x'"),
        ({"permutations": math.nan}, "permutations is .* got nan"),
        ({"most": "x"}, "most is .* got 'x'"),
        ({"most": None}, "most is .* got None"),
        ({"seed": -1}, "seed is .* got -1"),
        ({"seed": None}, "seed is .* got None"),
        ({"seed": "a"}, "seed is .* got 'a'"),
        ({"columns": "age"}, "columns is a list .*'age'"),
        ({"columns": 0}, "columns is a list .*got 0"),
        ({"columns": [[0]]}, "columns is a list"),
        ({"groups": "ab"}, "groups are two lists"),
        ({"groups": [np.zeros(20)]}, "groups are two lists"),
    ],
)
def test_bad_arguments_are_named(options: dict[str, object], word: str) -> None:
    """An argument that cannot be used is named, with what would do and what came."""
    x = np.arange(20.0)
    with pytest.raises(InvalidInput, match=word):
        mmd(x, x, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [np.float32(2), np.int64(2), 2])
def test_a_bandwidth_is_any_number(width: object) -> None:
    """The numbers of numpy are numbers, and one next to nothing makes rows unlike rather than a warning."""
    x, y = np.arange(20.0), np.arange(5.0, 30.0)
    assert mmd(x, y, bandwidth=width) == mmd(x, y, bandwidth=2.0)  # type: ignore[arg-type]
    assert math.isfinite(mmd(x, y, bandwidth=1e-300).statistic)


def test_a_column_asked_for_twice_counts_once() -> None:
    """Names are a set in their order."""
    frame = pd.DataFrame({"age": np.arange(20.0), "size": np.arange(20.0) ** 2 % 7})
    assert energy_distance(frame, frame, columns=["age", "age"]) == energy_distance(frame, frame, columns=["age"])


def test_what_is_left_out_has_its_own_reason() -> None:
    """Nulls are no constant and ids no levels; no advice that these functions do not take."""
    n = 40
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(2 * n), unit="D")
    both = pd.DataFrame(
        {
            "x": np.arange(2 * n) % 7,
            "nulls": np.full(2 * n, np.nan),
            "nothing": [None] * (2 * n),
            "ids": pd.Categorical([f"id {i}" for i in range(2 * n)]),
            "names": [f"id{i}" for i in range(2 * n)],
            "day": day,
            "one": 1,
        }
    )
    found = energy_distance(both[:n], both[n:].reset_index(drop=True))
    reasons = dict(found.dropped)
    assert (reasons["nulls"], reasons["nothing"], reasons["one"]) == (*["nothing but nulls"] * 2, "constant")
    assert "no level occurs twice; is it an id?" in str(reasons["ids"])
    assert all("turn it into numbers" in str(reasons[name]) for name in ("ids", "names", "day"))
    assert "name its kind" not in str(found)


@pytest.mark.parametrize("level", ["\ud800", "a\udfff"])
def test_text_that_is_no_text_is_a_level(level: str) -> None:
    """Half a surrogate pair, as a broken decoder leaves it, is compared like any other level."""
    a = pd.Series(["a", level] * 20, dtype=object)
    assert energy_distance(a, a).verdict == "stable"
    assert energy_distance(a, pd.Series(["a"] * 40, dtype=object)).p < 0.05


def test_columns_that_are_not_there_are_named() -> None:
    """Asking for a column that a side lacks says which."""
    with pytest.raises(NotFound, match="no column 'y'"):
        energy_distance(pd.DataFrame({"x": [1.0]}), pd.DataFrame({"x": [1.0]}), columns=["y"])


@pytest.mark.parametrize("test", TESTS)
def test_columns_of_any_dtype_are_read(test: Test) -> None:
    """Nullable, categorical, dated, decimal and Arrow columns are compared like the plain ones they stand for."""
    rng = np.random.default_rng(0)
    count, flag = rng.integers(0, 9, 60), rng.random(60) < 0.5
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 30, 60), unit="D")
    plain = pd.DataFrame({"count": count.astype(float), "flag": flag, "day": day})
    other = pd.DataFrame(
        {
            "count": pd.array(count, dtype="Int64"),
            "flag": pd.array(flag, dtype="boolean"),
            "day": day.tz_localize("UTC").astype(object),
        }
    )
    half = slice(0, 30), slice(30, 60)
    assert test(*(plain.iloc[rows] for rows in half)) == test(*(other.iloc[rows] for rows in half))
    assert test(*(plain.iloc[rows] for rows in half)) == test(*(pa.table(plain.iloc[rows]) for rows in half))
