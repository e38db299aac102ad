"""Conformal regions: the coverage asked, by the exact law, and honest words where there are too few rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from mlcycle import stats
from mlcycle.errors import InvalidInput


@pytest.mark.parametrize(("n", "coverage"), [(39, 0.9), (100, 0.8), (199, 0.95)])
def test_coverage_follows_the_beta_law(n: int, coverage: float) -> None:
    """Over 2 000 calibration sets the true coverage has the law Beta(rank, n + 1 - rank), by Kolmogorov's test."""
    rng, true = np.random.default_rng(n), []
    for _ in range(2000):
        found = stats.conformal_interval(rng.normal(size=n), np.zeros(n), [0.0], coverage=coverage)
        true.append(1 - 2 * scipy_stats.norm.sf(found.high[0]))
    promise = found.promise
    law = scipy_stats.beta(promise.rank, n + 1 - promise.rank)
    assert scipy_stats.kstest(true, law.cdf).pvalue > 0.001
    assert promise.expected == pytest.approx(law.mean())
    assert promise.assured == pytest.approx(law.ppf(0.05))
    assert promise.expected >= coverage


@pytest.mark.parametrize("kind", ["scaled", "quantiles"])
def test_uneven_spread_is_followed(kind: str) -> None:
    """With a scale, or with quantiles, wide rows get wide intervals and both halves are covered alike."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 2, 6000)
    y = x * rng.normal(size=6000)
    guess = np.zeros(6000) if kind == "scaled" else np.column_stack([-x, x])
    scales = {"scale_calibration": x[:3000], "scale": x[3000:]} if kind == "scaled" else {}
    found = stats.conformal_interval(y[:3000], guess[:3000], guess[3000:], coverage=0.8, **scales)
    measured = stats.coverage(y[3000:], found, groups=np.where(x[3000:] > 1, "wide", "narrow"))
    # Quantiles that are all too low by a share are moved by one amount, so narrow rows get a little much.
    assert all(
        each.share.value == pytest.approx(0.8, abs=0.03 if kind == "scaled" else 0.09) for each in measured.groups
    )
    plain = stats.conformal_interval(y[:3000], np.zeros(3000), np.zeros(3000), coverage=0.8)
    assert measured.size < float(np.mean(plain.high - plain.low))


def test_too_few_rows_bound_nothing() -> None:
    """Eight rows cannot promise 90 %: infinite intervals, full sets, and the number that would do, which does."""
    found = stats.conformal_interval(np.zeros(8), np.zeros(8), [1.0])
    assert (found.low[0], found.high[0]) == (-math.inf, math.inf)
    assert found.promise.reason == "8 calibration rows cannot bound 90 %; 9 would do"
    assert stats.conformal_interval(np.zeros(9), np.zeros(9), [1.0]).promise.reason == ""
    sets = stats.conformal_sets(["a"] * 3, [[0.5, 0.5]] * 3, [[1.0, 0.0]], labels=["a", "b"])
    assert sets.sets() == [("a", "b")]
    assert str(sets).endswith("9 would do")


@pytest.mark.parametrize("method", ["lac", "aps"])
def test_sets_hold_the_truth_as_often_as_asked(method: str) -> None:
    """Over 300 calibrations of 50 rows the mean coverage of 100 new rows is 80 to 82 % (rank 41 of 51; 3 errors)."""
    rng, shares = np.random.default_rng(1), []
    for seed in range(300):
        table = rng.dirichlet([1, 1, 0.5, 0.5], 150)
        y = (table.cumsum(axis=1) < rng.random(150)[:, None]).sum(axis=1).clip(max=3)
        wrong = table**2 / (table**2).sum(axis=1, keepdims=True)
        found = stats.conformal_sets(
            y[:50], wrong[:50], wrong[50:], labels=range(4), coverage=0.8, method=method, seed=seed
        )
        shares.append(stats.coverage(y[50:], found).share.value)
    error = np.std(shares) / math.sqrt(300)
    assert np.mean(shares) == pytest.approx(41 / 51, abs=3 * error)


def test_aps_covers_hard_rows_better_than_lac() -> None:
    """Rows with a flat table are held less often by lac than by aps, which pays with larger sets."""
    rng = np.random.default_rng(0)
    hard = rng.random(8000) < 0.3
    table = np.where(hard[:, None], rng.dirichlet([3] * 4, 8000), rng.dirichlet([20, 1, 0.3, 0.3], 8000))
    y = (table.cumsum(axis=1) < rng.random(8000)[:, None]).sum(axis=1).clip(max=3)
    worst = {}
    for method in ("lac", "aps"):
        sets = stats.conformal_sets(y[:4000], table[:4000], table[4000:], labels=range(4), method=method)
        found = stats.coverage(y[4000:], sets, groups=np.where(hard[4000:], "hard", "easy"))
        worst[method] = (next(each.share.value for each in found.groups if each.name == "hard"), found.size)
    assert worst["aps"] > worst["lac"]
    assert worst["aps"][0] > worst["lac"][0] + 0.02


def test_lac_sets_are_those_above_one_threshold() -> None:
    """By hand: nine rows, the true label's probabilities 0.1 to 0.9, so at 80 % everything from 0.2 up is in."""
    own = np.arange(1, 10) / 10
    found = stats.conformal_sets(
        ["x"] * 9, np.column_stack([own, 1 - own]), [[0.21, 0.79], [0.1, 0.9]], labels=["x", "y"], coverage=0.8
    )
    assert found.sets() == [("x", "y"), ("y",)]


def test_coverage_of_groups_holds_at_once() -> None:
    """Of 200 simulations of eight groups at 90 %, 95 % have every interval hold 0.9 (3 standard errors)."""
    rng, held = np.random.default_rng(0), 0
    groups = np.repeat(list("abcdefgh"), 60)
    for _ in range(200):
        inside = np.where(rng.random(480) < 0.9, 0.0, 2.0)
        found = stats.coverage(inside, np.full(480, -1.0), np.ones(480), groups=groups)
        held += all(each.share.low <= 0.9 <= each.share.high for each in found.groups)
    assert held / 200 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 200)


def test_coverage_is_a_table() -> None:
    """All rows first, then groups, the least covered first."""
    found = stats.coverage([0.0, 1.0, 5.0, 0.0], [0.0] * 4, [2.0] * 4, groups=["a", "a", "b", "b"])
    frame = found.frame()
    assert frame.index.tolist() == ["all", "b", "a"]
    assert frame["coverage"].tolist() == [0.75, 0.5, 1.0]
    assert (found.size, found._repr_html_().count("<svg")) == (2.0, 3)
    assert "least in b" in str(found)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.conformal_interval([1.0], [1.0], [1.0], coverage=1.0), "share between 0 and 1"),
        (lambda: stats.conformal_interval([1.0, np.nan], [1.0, 1.0], [1.0]), "missing"),
        (lambda: stats.conformal_interval([1.0, 2.0], [1.0, 1.0], [np.inf]), "missing or infinite"),
        (lambda: stats.conformal_interval([1.0, 2.0], [1.0], [1.0]), "need 2 rows"),
        (lambda: stats.conformal_interval([1.0], [1.0], [[1.0, 2.0]]), "two quantiles, on both sides"),
        (lambda: stats.conformal_interval([1.0], [1.0], [1.0], scale=[1.0]), "together"),
        (lambda: stats.conformal_interval([1.0], [1.0], [1.0], scale=[0.0], scale_calibration=[1.0]), "above 0"),
        (lambda: stats.conformal_sets(["a"], [[0.5, 0.4]], [[0.5, 0.5]], labels=["a", "b"]), "sum to one, got 0.9"),
        (lambda: stats.conformal_sets(["a"], [[1.5, -0.5]], [[0.5, 0.5]], labels=["a", "b"]), "lie in"),
        (lambda: stats.conformal_sets(["c"], [[0.5, 0.5]], [[0.5, 0.5]], labels=["a", "b"]), "not among"),
        (lambda: stats.conformal_sets(["a"], [[0.5, 0.5]], [[0.5, 0.5]], labels=["a", "a"]), "once"),
        (lambda: stats.conformal_sets(["a"], [[0.5, 0.5]], [[1.0]], labels=["a", "b"]), "one column a label"),
        (
            lambda: stats.conformal_sets(["a"], [[0.5, 0.5]], [[0.5, 0.5]], labels=["a", "b"], method="raps"),
            "'lac' or 'aps'",
        ),
        (lambda: stats.coverage([1.0], [2.0], [1.0]), "above high in 1"),
        (lambda: stats.coverage([1.0], [2.0]), "both limits"),
        (lambda: stats.coverage([1.0, 2.0], [0.0], [1.0]), "one number per row"),
        (lambda: stats.coverage([1.0], [0.0], [1.0], groups=["a", "b"]), "one label per row"),
    ],
)
def test_what_does_not_fit_is_refused(call: object, message: str) -> None:
    """Each mistake is named with what came."""
    with pytest.raises(InvalidInput, match=message):
        call()  # type: ignore[operator]


def test_quantiles_that_cross_give_an_interval_of_no_width() -> None:
    """Predicted quantiles that are too far apart are drawn together, and never past each other."""
    rng = np.random.default_rng(0)
    x = rng.random(500)
    y, quantiles = rng.normal(0, x), np.column_stack([-3 * x, 3 * x])
    found = stats.conformal_interval(y[:300], quantiles[:300], quantiles[300:])
    assert np.all(found.low <= found.high)
    assert stats.coverage(y[300:], found).share.value > 0.8


def test_groups_hold_at_once_near_one() -> None:
    """Twenty groups covered in 98 %: all their intervals hold that in 95 % of samples (within 3 standard errors)."""
    rng = np.random.default_rng(0)
    group, times, held = np.repeat(np.arange(20), 30), 200, 0
    for _ in range(times):
        y = (rng.random(600) > 0.98).astype(float)
        found = stats.coverage(y, np.full(600, -0.5), np.full(600, 0.5), groups=group)
        held += all(one.share.low <= 0.98 <= one.share.high for one in found.groups)
    assert held / times >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / times)


def test_labels_that_no_set_can_hold_are_refused() -> None:
    """Labels of another kind are a mistake, not a coverage of 0."""
    table = np.random.default_rng(0).dirichlet([1, 1, 1], 100)
    truth = np.array(list("abc"))[table.argmax(axis=1)]
    sets = stats.conformal_sets(truth[:50], table[:50], table[50:], labels=["a", "b", "c"])
    with pytest.raises(InvalidInput, match="labels the sets do not know"):
        stats.coverage(np.zeros(50, int), sets)
