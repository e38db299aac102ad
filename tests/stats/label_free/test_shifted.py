"""Estimates that weight the reference: PAPE for classifiers, DLE for regressions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats.label_free._calibration import effective_rows
from mlcycle.stats.label_free._density import density, feature_pair


def rows(rng: np.random.Generator, n: int, shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs, labels and scores of a model that is worse the larger the first input."""
    X = rng.normal(0, 1, (n, 3))
    X[:, 0] += shift
    log_odds = X[:, 0] + X[:, 1]
    y = rng.random(n) < 1 / (1 + np.exp(-log_odds * (1.5 - 0.7 * X[:, 0])))
    return X, y, 1 / (1 + np.exp(-log_odds))


def noisy(rng: np.random.Generator, n: int, shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs, targets and predictions whose errors grow with the first input."""
    X = rng.normal(0, 1, (n, 3))
    X[:, 0] += shift
    return X, X[:, 1] + rng.normal(0, 0.5, n) * np.exp(X[:, 0] / 2), X[:, 1]


def test_pape_follows_inputs_that_shift_where_cbpe_cannot() -> None:
    """Over four draws the mean error of PAPE is within 0.02, that of CBPE above 0.03; most limits hold."""
    weighted, plain, held = [], [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        (X, y, score), (X_new, y_new, score_new) = rows(rng, 2000, 0.0), rows(rng, 800, 0.7)
        truth = np.mean((score_new >= 0.5) == y_new)
        found = stats.pape(X, y, score, X_new, score_new, metric="accuracy", resamples=60)
        weighted.append(found.value - truth)
        plain.append(stats.cbpe(y, score, score_new, metric="accuracy", resamples=60).value - truth)
        held.append(found.interval.low <= truth <= found.interval.high)
    assert abs(np.mean(weighted)) < 0.02 < 0.03 < np.mean(plain)
    assert np.mean(held) >= 0.65


@pytest.mark.deep
@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_limits_of_pape_hold(metric: str) -> None:
    """At 4 000 reference rows 95 % limits hold in at least 95 % less 3 standard errors."""
    held = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        (X, y, score), (X_new, y_new, score_new) = rows(rng, 4000, 0.0), rows(rng, 1000, 0.7)
        found = stats.pape(X, y, score, X_new, score_new, metric=metric, resamples=80)
        truth = stats.metric_interval(y_new, score_new if metric == "roc_auc" else score_new >= 0.5, metric).value
        held.append(found.interval.low <= truth <= found.interval.high)
    assert np.mean(held) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 100)


def test_density_ratios_are_those_of_the_normal() -> None:
    """For N(0, 1) against N(1, 1) the weights follow exp(x - 1/2); no shift leaves most of the reference."""
    rng = np.random.default_rng(0)
    old, new = rng.normal(0, 1, (3000, 1)), rng.normal(1, 1, (3000, 1))
    weights, _ = density(old, new, seed=0)
    inner = np.abs(old[:, 0]) < 1.5
    assert np.corrcoef(np.log(weights[inner]), old[inner, 0])[0, 1] > 0.95
    assert effective_rows(density(old, rng.normal(0, 1, (3000, 1)), seed=0)[0]) > 2000


def test_rows_where_the_reference_has_none_are_refused() -> None:
    """PAPE and DLE give no number far from the reference, and say why."""
    rng = np.random.default_rng(0)
    (X, y, score), (X_new, _, score_new) = rows(rng, 500, 0.0), rows(rng, 300, 6.0)
    X_new[:, 1] -= 6
    found = stats.pape(X, y, score, X_new, np.clip(score_new, 0.1, 0.9), metric="accuracy")
    assert found.refused
    assert "the reference has hardly any" in found.reason
    lost = stats.dle(X, y.astype(float), score, X_new, score_new)
    assert lost.refused
    assert "the reference has hardly any" in lost.reason
    few = stats.pape(X[:50], y[:50], score[:50], X_new, score_new, metric="accuracy")
    assert "100 each would do" in few.reason


def test_frames_with_text_dates_and_nulls() -> None:
    """Inputs of any kind become numbers the same way on both sides; other columns are named."""
    old = pd.DataFrame(
        {"a": ["x", None, "y"], "b": pd.to_datetime(["2026-01-01", None, "2026-01-02"]), "c": [True] * 3}
    )
    new = pd.DataFrame({"a": ["y"], "b": pd.to_datetime(["2026-01-01"]), "c": [False]})
    found = feature_pair(old, new)
    left, right = found.old, found.new
    assert left[:, 0].tolist() == pytest.approx([0, math.nan, 1], nan_ok=True)
    assert right[0, 0] == 1
    assert right[0, 1] == left[0, 1]
    with pytest.raises(InvalidInput, match="differ in \\['c'\\]"):
        feature_pair(old, new.drop(columns="c"))
    with pytest.raises(InvalidInput, match="X needs 2 rows"):
        stats.pape([[1.0], [2.0]], [0, 1], [0.5, 0.5], [[1.0]], [0.5, 0.4])


def dated(rows: np.ndarray, **clocks: Any) -> pd.DataFrame:
    """Return inputs with columns that only move on."""
    return pd.DataFrame(rows, columns=list("abc")).assign(**clocks)


def test_clocks_and_ids_are_left_out_by_name() -> None:
    """A year, a week, a running id and a moment of which no value lies within the other side do not refuse."""
    rng = np.random.default_rng(0)
    (X, y, score), (X_new, _, score_new) = rows(rng, 400, 0.0), rows(rng, 300, 0.2)
    days = pd.date_range("2025-01-01", periods=700, freq="h")
    old = dated(X, year=rng.integers(2022, 2025, 400), week=7.0, id=range(400), at=days[:400])
    new = dated(X_new, year=2025, week=rng.integers(8, 12, 300), id=range(400, 700), at=days[400:])
    found = stats.pape(old, y, score, new, score_new, metric="accuracy", resamples=40)
    assert found.reason == "left out, as clocks or ids that only move on: year, week, id, at"
    plain = stats.pape(X, y, score, X_new, score_new, metric="accuracy", resamples=40)
    assert (found.value, found.refused) == (plain.value, False)
    lost = stats.dle(old, y.astype(float), score, new, score_new, resamples=40)
    assert (lost.refused, "year, week, id, at" in lost.reason) == (False, True)


def test_inputs_that_are_no_clocks_stay() -> None:
    """Numbers with fractions and levels that the reference never had are what they are, and the refusal names them."""
    rng = np.random.default_rng(0)
    X, y, score = rows(rng, 400, 0.0)
    old, new = dated(X, country="DE"), dated(X, country="US")
    assert feature_pair(old, new).left_out == ()
    assert feature_pair(dated(X, far=0.5), dated(X, far=1.5)).left_out == ()
    assert feature_pair(dated(X, year=2024)[:19], dated(X, year=2025)[:19]).left_out == ()
    found = stats.pape(old, y, score, new, score, metric="accuracy")
    assert "the reference has hardly any (most by country)" in found.reason


def test_dle_follows_errors_that_grow_with_the_inputs() -> None:
    """Over four draws the mean error is small beside the move from the reference, and most limits hold."""
    errors, moves, held = [], [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        (X, y, guess), (X_new, y_new, guess_new) = noisy(rng, 1500, 0.0), noisy(rng, 500, 0.7)
        truth = np.abs(y_new - guess_new).mean()
        found = stats.dle(X, y, guess, X_new, guess_new, resamples=60)
        errors.append(found.value - truth)
        moves.append(truth - found.reference)
        held.append(found.interval.low <= truth <= found.interval.high)
    assert abs(np.mean(errors)) < 0.2 * np.mean(moves)
    assert np.mean(held) >= 0.75


def test_losses_are_those_of_scikit_learn() -> None:
    """The reference's losses are the usual ones, and the estimated mse is the square of the estimated rmse."""
    X, y, guess = noisy(np.random.default_rng(0), 400, 0.0)
    found = {m: stats.dle(X, y, guess, X, guess, metric=m, resamples=40) for m in ("mse", "rmse")}
    assert found["mse"].reference == pytest.approx(metrics.mean_squared_error(y, guess))
    assert found["rmse"].value ** 2 == pytest.approx(found["mse"].value)


@pytest.mark.deep
def test_limits_of_dle_hold() -> None:
    """At 4 000 reference rows 95 % limits hold in at least 95 % less 3 standard errors."""
    held = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        (X, y, guess), (X_new, y_new, guess_new) = noisy(rng, 4000, 0.0), noisy(rng, 1000, 0.7)
        found = stats.dle(X, y, guess, X_new, guess_new, resamples=80)
        held.append(found.interval.low <= np.abs(y_new - guess_new).mean() <= found.interval.high)
    assert np.mean(held) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 100)


def test_dle_says_what_it_cannot_do() -> None:
    """Missing numbers, unknown losses and perfect references."""
    rng = np.random.default_rng(0)
    X, y, guess = noisy(rng, 200, 0.0)
    with pytest.raises(InvalidInput, match="y_reference has 1 missing"):
        stats.dle(X, np.append(y[1:], math.nan), guess, X, guess)
    with pytest.raises(InvalidInput, match="no loss 'mape'"):
        stats.dle(X, y, guess, X, guess, metric="mape")
    assert "no loss at all" in stats.dle(X, guess, guess, X, guess).reason
    assert "too few" in stats.dle(X[:9], y[:9], guess[:9], X, guess).reason


def test_losses_that_a_few_rows_carry_are_refused() -> None:
    """Where three rows in a thousand have any loss, the limits would be those of luck."""
    rng = np.random.default_rng(0)
    X, guess = rng.normal(size=(1500, 1)), np.zeros(1500)
    y = rng.poisson(0.005, 1500).astype(float)
    found = stats.dle(X[:1000], y[:1000], guess[:1000], X[1000:], guess[1000:])
    assert (found.refused, "the whole loss rests on" in found.reason) == (True, True)
