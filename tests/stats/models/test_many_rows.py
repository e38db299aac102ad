"""Of very many rows none are drawn: how far each pulls the metric says the same, in a fraction of the time."""

from __future__ import annotations

import numpy as np
import pytest

from mlcycle import stats
from mlcycle.stats.models._rankings import roc_auc_form

N = 24_000
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, N)
SCORE = np.round(1 / (1 + np.exp(-(2 * Y - 1 + RNG.normal(0, 1.2, N)))), 2)
OTHER = np.clip(SCORE + RNG.normal(0, 0.1, N), 0.01, 0.99)
TARGET = RNG.normal(size=N)
GUESS = TARGET + RNG.normal(size=N)
CASES = {
    **dict.fromkeys(("roc_auc", "average_precision", "log_loss", "brier"), (Y, SCORE, OTHER)),
    **dict.fromkeys(("f1", "matthews_corrcoef", "balanced_accuracy"), (Y, SCORE > 0.5, OTHER > 0.5)),
    **dict.fromkeys(("mae", "rmse", "r2"), (TARGET, GUESS, GUESS + RNG.normal(0, 0.3, N))),
}


@pytest.mark.parametrize("metric", CASES)
def test_pulls_of_rows_have_the_spread_of_drawn_ones(metric: str) -> None:
    """The standard error of one model and of a difference is that of 200 drawn resamples within 15 %."""
    y, a, b = (np.asarray(values) for values in CASES[metric])
    y, a, b = (values.astype(int) if values.dtype == bool else values for values in (y, a, b))
    found = stats.compare(y, a, b, metric)
    drawn = stats.best_of(y, {"a": a, "b": b}, metric, resamples=200)  # draws rows, as it measures those left out
    plain = {one.name: one for one in drawn.models}
    assert found.a.value == pytest.approx(plain["a"].value.value)
    assert found.a.standard_error == pytest.approx(plain["a"].value.standard_error, rel=0.15)
    behind = next(one.behind for one in drawn.models if one.name != drawn.winner)
    assert found.gain.standard_error == pytest.approx(behind.standard_error, rel=0.15)


@pytest.mark.parametrize("kind", [{"groups": np.arange(N) // 40}, {"blocks": 40}])
def test_groups_and_blocks_pull_together(kind: dict[str, object]) -> None:
    """Scores that rows of a unit share make the interval as much wider as drawing whole units does."""
    noise = np.repeat(RNG.normal(0, 1, N // 40), 40)
    found = stats.metric_interval(Y, Y + noise, "roc_auc", resamples=400, **kind)  # type: ignore[arg-type]
    plain = stats.metric_interval(Y, Y + noise, "roc_auc")
    drawn = stats.best_of(Y, {"a": Y + noise, "b": noise}, "roc_auc", resamples=150, **kind)  # type: ignore[arg-type]
    assert found.standard_error == pytest.approx(drawn.models[0].value.standard_error, rel=0.2)
    assert found.standard_error > 0.9 * plain.standard_error


def test_pulls_of_an_area_are_delongs_placements() -> None:
    """Computed by ranks or by all pairs, their variance is DeLong's."""
    y, score = Y[:1000] == 1, SCORE[:1000]
    form = roc_auc_form(y, score)
    high, low = score[y], score[~y]
    wins = (high[:, None] > low) + 0.5 * (high[:, None] == low)
    variance = wins.mean(1).var() / len(high) + wins.mean(0).var() / len(low)
    assert form.pulls is not None
    assert (form.pulls() ** 2).sum() / 1000**2 == pytest.approx(variance)


def test_a_perfect_score_of_many_rows_still_has_a_limit() -> None:
    """What no row says is still allowed for: up to so many rows unlike all of these."""
    found = stats.metric_interval(Y, Y, "f1")
    assert found.low == pytest.approx(0.025 ** (1 / min(np.bincount(Y))), abs=1e-4)
    assert found.high == 1
