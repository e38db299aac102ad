"""Bootstrap intervals: the right draws, the right width, and honest words where there is nothing to say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from mlcycle import stats
from mlcycle.errors import InvalidInput


def test_percentile_limits_agree_with_scipy() -> None:
    """With many rows the limits and the standard error are those of scipy's percentile bootstrap."""
    x = np.random.default_rng(3).exponential(size=2000)
    found = stats.interval(lambda rows: x[rows].mean(), len(x), resamples=4000)
    theirs = scipy_stats.bootstrap((x,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(0))
    assert [found.low, found.high, found.standard_error] == pytest.approx(
        [*theirs.confidence_interval, theirs.standard_error], abs=0.004
    )


def test_bca_limits_agree_with_scipy() -> None:
    """BCa limits are scipy's, within the noise of the draws, on a skewed sample."""
    x = np.random.default_rng(4).lognormal(size=60)
    found = stats.metric_interval(np.zeros(60), x, lambda y, p: float(p.mean()), resamples=8000)
    assert found.method == "BCa bootstrap"
    theirs = scipy_stats.bootstrap((x,), np.mean, method="BCa", n_resamples=8000, rng=np.random.default_rng(0))
    assert [found.low, found.high] == pytest.approx(list(theirs.confidence_interval), abs=0.05)


def test_the_seed_decides_the_draws() -> None:
    """The same seed gives the same estimate, another seed another, and the global generator is left alone."""
    x = np.random.default_rng(0).normal(size=100)
    np.random.seed(1)
    before = np.random.get_state()[1].tolist()  # type: ignore[index]
    one, same, other = (stats.interval(lambda rows: x[rows].mean(), 100, seed=seed) for seed in (1, 1, 2))
    assert (one == same, one == other) == (True, False)
    assert before == np.random.get_state()[1].tolist()  # type: ignore[index]


def test_groups_are_drawn_whole() -> None:
    """Rows that repeat one value per group carry the error of the groups, not of the rows."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(50), 20)
    x = rng.normal(size=50)[groups]
    by_row = stats.interval(lambda rows: x[rows].mean(), 1000)
    by_group = stats.interval(lambda rows: x[rows].mean(), 1000, groups=groups)
    assert by_group.standard_error / by_row.standard_error == pytest.approx(math.sqrt(20), rel=0.1)
    assert by_group.method == "percentile bootstrap of 50 groups"


def test_every_resample_holds_whole_groups() -> None:
    """A measure never sees part of a group, whatever order the rows come in."""
    groups = np.array(["b", "a", None, "c", "a", "d", "e", "f", "b", "a", None], dtype=object)
    sizes = {name: int(np.sum(groups == name)) for name in groups}
    torn: list[object] = []

    def measure(rows: np.ndarray) -> float:
        for name, size in sizes.items():
            if np.sum(groups[rows] == name) % size:
                torn.append(name)
        return float(rows.mean())

    stats.interval(measure, len(groups), groups=groups, resamples=100)
    assert torn == []


def test_undefined_resamples_are_reported() -> None:
    """A measure that needs both classes is left out where it has one, and the estimate says how often."""
    y = np.array([1] + [0] * 11)

    def positives_needed(rows: np.ndarray) -> float:
        if not y[rows].any():
            raise ValueError("one class")
        return float(rows.mean())

    found = stats.interval(positives_needed, 12, resamples=400)
    lost = int(found.reason.split()[0])
    assert found.reason == f"{lost} of 400 resamples were undefined and left out"
    assert lost / 400 == pytest.approx((11 / 12) ** 12, abs=0.08)


def test_a_mostly_undefined_measure_has_no_limits() -> None:
    """When most resamples are undefined there is a value and a reason, and no interval."""
    rare = np.arange(40) == 0
    found = stats.interval(lambda rows: 1.0 if rare[rows].sum() == 1 or len(set(rows)) == 40 else math.nan, 40)
    assert (found.value, found.conclusive, "undefined" in found.reason) == (1.0, False, True)


def test_an_error_on_all_rows_is_passed_on() -> None:
    """A measure that fails on the data itself is the caller's bug and is not swallowed."""
    with pytest.raises(ValueError, match="no such column"):
        stats.interval(lambda rows: float(_fail()), 50)


def _fail() -> float:
    raise ValueError("no such column")


@pytest.mark.parametrize(
    ("n", "reason"), [(0, "there are no rows"), (5, "5 rows are too few for an interval; 6 would do")]
)
def test_too_few_rows_have_no_limits(n: int, reason: str) -> None:
    """Below the fewest rows there are nan limits and the number that would do."""
    found = stats.interval(lambda rows: 1.5, n)
    assert (found.reason, found.conclusive) == (reason, False)


def test_a_perfect_score_gets_a_limit_not_a_width_of_nothing() -> None:
    """A constant 1 is a share: the lower limit is that of Clopper and Pearson."""
    found = stats.interval(lambda rows: 1.0, 50)
    exact = scipy_stats.binomtest(50, 50).proportion_ci(0.95, method="exact").low
    assert (found.low, found.high) == (pytest.approx(exact), 1.0)


def test_a_constant_measure_without_bounds_has_no_limits() -> None:
    """A measure that never varies says nothing about its error; bounds given, it does."""
    assert not stats.interval(lambda rows: 3.0, 50).conclusive
    found = stats.interval(lambda rows: 3.0, 50, bounds=(0, 10))
    unseen = 1 - 0.025 ** (1 / 50)  # of the rows may be unlike all fifty, and be at the end of the range
    assert (found.low, found.high) == pytest.approx((3 - 3 * unseen, 3 + 7 * unseen))


def test_two_measures_that_agree_differ_by_nothing() -> None:
    """The same numbers twice have the difference 0 with both limits 0, and it says so."""
    y, guess = np.random.default_rng(0).normal(size=(2, 100))
    found = stats.compare(y, guess, guess, "mae").gain
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    assert found.reason == "the two differ by exactly this on every resample"


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    """What the rows have in common cancels."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=500)
    a, b = common + rng.normal(0, 0.1, 500), common + rng.normal(0, 0.1, 500)
    alone = stats.interval(lambda r: a[r].mean(), 500)
    paired = stats.interval(lambda r: a[r].mean() - b[r].mean(), 500)
    assert paired.standard_error < alone.standard_error / 4


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"confidence": 95}, "share between 0 and 1"),
        ({"resamples": 10}, "use at least 40"),
        ({"resamples": "many"}, "resamples is a whole number of at least 1, got 'many'"),
        ({"seed": -1}, "seed is a whole number of at least 0, got -1"),
        ({"resampling": {"seed": 1}}, "resampling is a stats.Resampling, got dict"),
        ({"groups": [1, 2]}, "one label per row"),
    ],
)
def test_arguments_out_of_range_are_refused(wrong: dict[str, object], message: str) -> None:
    """Each bad argument is named with what would do."""
    with pytest.raises(InvalidInput, match=message):
        stats.interval(lambda rows: float(rows.mean()), 50, **wrong)  # type: ignore[arg-type]


def test_an_estimate_prints_with_the_digits_its_width_carries() -> None:
    """Two digits of the half width, no more."""
    found = stats.Estimate(0.81234, 0.79011, 0.8301, 0.95, 1000, 0.01, 0.028, "x")
    assert str(found) == "0.812, 95 % interval 0.790 to 0.830, n = 1000"
    assert found.as_dict()["n"] == 1000


def test_detectable_change_has_80_percent_power() -> None:
    """A change as large as `detectable` is seen in about 80 % of samples."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    seen = stats.interval(lambda rows: x[rows].mean(), 200, resamples=2000).detectable
    shifted = rng.normal(seen, 1, size=(4000, 200))
    error = shifted.std(axis=1, ddof=1) / math.sqrt(200)
    assert np.mean(shifted.mean(axis=1) - 1.96 * error > 0) == pytest.approx(0.8, abs=0.08)


@pytest.mark.parametrize("n", [10, 30, 100])
def test_bootstrap_intervals_cover_the_mean(n: int) -> None:
    """Of 300 intervals of a normal mean, 95 % hold it (tolerance: 3.5 standard errors, 10 rows may lose 3 points)."""
    rng = np.random.default_rng(n)
    held = 0
    for seed in range(300):
        x = rng.normal(size=n)
        found = stats.interval(lambda rows, x=x: x[rows].mean(), n, resamples=300, seed=seed)
        held += found.low <= 0 <= found.high
    floor = 0.95 - 3.5 * math.sqrt(0.95 * 0.05 / 300) - (0.03 if n == 10 else 0)
    assert held / 300 >= floor


@pytest.mark.parametrize("wrong", [0, 1, 2, 5, 20])
def test_with_bounds_a_share_has_the_exact_interval_near_its_ends(wrong: int) -> None:
    """For a share of rows the interval is that of Clopper and Pearson: exactly without a mistake, nearly with a few."""
    n, right = 124, np.arange(124) >= wrong
    found = stats.interval(lambda rows: right[rows].mean(), n, bounds=(0, 1), resamples=4000)
    exact = scipy_stats.binomtest(n - wrong, n).proportion_ci(method="exact")
    assert found.low == pytest.approx(exact.low, abs=1e-12 if wrong == 0 else 0.006)
    assert found.high == pytest.approx(exact.high, abs=0.006)


def test_a_row_put_right_never_lowers_a_limit() -> None:
    """With bounds both limits of a mean only rise as one row after another gets the best value."""
    values = np.random.default_rng(0).random(60)
    limits = []
    for better in range(0, 61, 5):
        x = np.where(np.arange(60) < better, 1.0, values)
        found = stats.interval(lambda rows, x=x: x[rows].mean(), 60, bounds=(0, 1), resamples=300)  # type: ignore[misc]
        limits.append((found.low, found.high))
    assert sorted(limits) == limits
    assert sorted(high for _, high in limits) == [high for _, high in limits]


def test_limits_that_do_not_hold_the_value_are_none() -> None:
    """A measure that drawing rows twice changes gets no limits, for one model and for the difference of two."""
    found = stats.interval(lambda rows: len(np.unique(rows)) / len(rows), 80)
    assert (found.value, found.conclusive) == (1, False)
    assert "the resamples lie beside the value (around 0.6" in found.reason
    assert not stats.interval(lambda rows: len(np.unique(rows)) / 80 - 0.5, 80).conclusive


def test_near_perfect_predictions_are_no_surer_than_perfect_ones() -> None:
    """One pair out of order, or one label wrong, does not raise the limit of an area or an accuracy."""
    y = np.arange(124) % 2
    score = y + np.linspace(0, 0.5, 124)
    swapped = score.copy()
    swapped[[0, 1]] = 0.6, 0.55
    for metric, perfect, nearly in (
        ("roc_auc", score, swapped),
        ("accuracy", y, np.where(np.arange(124) < 1, 1 - y, y)),
    ):
        assert stats.metric_interval(y, nearly, metric).low <= stats.metric_interval(y, perfect, metric).low
