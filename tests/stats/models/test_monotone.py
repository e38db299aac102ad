"""A mistake less never makes a model look less sure: limits of a score only rise, those of a loss only fall."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlcycle import stats

OF_LABELS = ["accuracy", "f1", "precision", "recall", "jaccard", "balanced_accuracy", "f1_macro"]
OF_SCORES = ["roc_auc", "average_precision", "log_loss", "brier"]
OF_NUMBERS = ["mae", "mse", "rmse", "r2", "mape", "rmsle", "neg_mean_squared_error"]
LOSSES = {"log_loss", "brier", "mae", "mse", "rmse", "mape", "rmsle"}


def limits(y: Any, guess: Any, metric: str, groups: Any) -> tuple[float, float]:
    """Return the limits, turned so that more is better."""
    found = stats.metric_interval(y, guess, metric, resamples=100, groups=groups)
    assume(found.conclusive)
    assert found.low <= found.value <= found.high
    return (-found.high, -found.low) if metric in LOSSES else (found.low, found.high)


def assert_no_worse(before: tuple[float, float], after: tuple[float, float]) -> None:
    """Both limits are at least what they were, but for rounding."""
    assert after[0] >= before[0] - 1e-9
    assert after[1] >= before[1] - 1e-9


@pytest.mark.parametrize("metric", OF_LABELS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(14, 70), share=st.floats(0.02, 0.5), grouped=st.booleans())
def test_a_label_put_right_never_lowers_a_limit(metric: str, seed: int, n: int, share: float, grouped: bool) -> None:
    """Whatever the labels, and whichever mistake is put right; of rows and of groups."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    guess = np.where(rng.random(n) < share, 1 - y, y)
    assume((guess != y).any())
    better = guess.copy()
    mended = rng.choice(np.flatnonzero(guess != y))
    better[mended] = y[mended]
    groups = np.arange(n) // 2 if grouped else None
    assert_no_worse(limits(y, guess, metric, groups), limits(y, better, metric, groups))


@pytest.mark.parametrize("metric", OF_SCORES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(14, 70), to=st.floats(0, 1))
def test_a_better_score_never_lowers_a_limit(metric: str, seed: int, n: int, to: float) -> None:
    """A positive row that gets a higher score, or a negative one that gets a lower."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    score = np.round(np.clip(0.3 * y + 0.7 * rng.random(n), 0.01, 0.99), 2)
    better, row = score.copy(), int(rng.integers(n))
    better[row] = max(score[row], to) if y[row] else min(score[row], to)
    assert_no_worse(limits(y, score, metric, None), limits(y, better, metric, None))


@pytest.mark.parametrize("metric", OF_NUMBERS)
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(8, 70),
    law=st.sampled_from(["normal", "heavy", "alike"]),
    share=st.floats(0, 1),
    grouped=st.booleans(),
)
def test_a_smaller_error_never_lowers_a_limit(
    metric: str, seed: int, n: int, law: str, share: float, grouped: bool
) -> None:
    """Of light and of heavy tails, and where all errors are one; the largest error or any other."""
    rng = np.random.default_rng(seed)
    y = rng.uniform(10, 20, n)
    error = {"normal": rng.normal(size=n), "heavy": rng.lognormal(0, 2, n), "alike": np.ones(n)}[law]
    better, row = error.copy(), int(rng.integers(n))
    better[row] *= share
    groups = np.arange(n) // 2 if grouped and n > 14 else None
    guesses = (y + np.maximum(error, -10), y + np.maximum(better, -10))
    assert_no_worse(*(limits(y, guess, metric, groups) for guess in guesses))
