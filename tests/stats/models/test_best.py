"""The best of many: the winner's curse is taken off, and who may be the best is said."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from attrs import frozen
from scipy.stats import norm

from mlcycle import stats
from mlcycle.errors import InvalidInput


@frozen
class Curse:
    """What a simulation of the choice found, in standard errors and shares."""

    naive: float
    corrected: float
    covered: float
    best_kept: float
    kept: float


def curse(ahead: np.ndarray, n: int, shared: float, samples: int, metric: str = "mae") -> Curse:
    """Choose among models that are `ahead` by so many standard errors (of `mae`), or have such scores (of an AUC)."""
    rng, rows = np.random.default_rng(5), []
    for seed in range(samples):
        noise = math.sqrt(shared) * rng.normal(size=n) + math.sqrt(1 - shared) * rng.normal(size=(len(ahead), n))
        if metric == "mae":
            y, guess, truth, sign = (
                np.zeros(n),
                20 - ahead[:, None] / math.sqrt(n) + noise,
                20 - ahead / math.sqrt(n),
                -1,
            )
        else:
            y = np.arange(n) % 2
            guess, truth, sign = ahead[:, None] * y + noise, norm.cdf(ahead / math.sqrt(2)), 1
        found = stats.best_of(y, {str(k): row for k, row in enumerate(guess)}, metric, resamples=200, seed=seed)
        true, error = truth[int(found.winner)], found.naive.standard_error
        kept = str(int(np.argmax(ahead))) in found.tied
        held = found.corrected.low <= true <= found.corrected.high
        biases = [sign * (one.value - true) / error for one in (found.naive, found.corrected)]
        rows.append([*biases, held, kept, len(found.tied)])
    return Curse(*np.mean(rows, axis=0))


def floor(share: float, samples: int) -> float:
    """Return three standard errors below a share."""
    return share - 3 * math.sqrt(share * (1 - share) / samples)


def test_the_curse_of_twenty_equal_models_is_taken_off() -> None:
    """Naively 1.8 standard errors too good; corrected within 0.25; 95 % covered; the best kept in 95 %."""
    found = curse(np.zeros(20), 150, 0.0, 100)
    assert found.naive > 1.5
    assert abs(found.corrected) < 0.25
    assert found.covered >= floor(0.95, 100)
    assert found.best_kept >= floor(0.95, 100)


def test_a_clear_winner_loses_nothing() -> None:
    """Eight standard errors ahead of nineteen others it stands alone, with the value it had."""
    found = curse(np.append(8.0, np.zeros(19)), 150, 0.5, 60)
    assert (abs(found.corrected - found.naive) < 0.05, found.kept < 1.05) == (True, True)
    assert found.covered >= floor(0.95, 60)


def test_a_high_area_is_covered_after_the_choice() -> None:
    """Ten models with an area of 0.92 on 150 rows: a winner that looks too good also looks too sure; covered still."""
    found = curse(np.full(10, 2.0), 150, 0.5, 100, "roc_auc")
    assert found.covered >= floor(0.95, 100)
    assert abs(found.corrected) < 0.4 < found.naive


@pytest.mark.deep
@pytest.mark.parametrize("shared", [0.0, 0.8])
@pytest.mark.parametrize("lead", [0.0, 2.0, 4.0])
@pytest.mark.parametrize("models", [2, 30])
def test_the_choice_is_covered_on_a_grid(models: int, lead: float, shared: float) -> None:
    """Whatever the lead, 95 % are covered, the best is kept, and the correction is never optimistic by much."""
    found = curse(np.append(lead, np.zeros(models - 1)), 200, shared, 300)
    assert min(found.covered, found.best_kept) >= floor(0.95, 300)
    assert -1.2 < found.corrected < 0.25


def test_models_that_agree_are_tied() -> None:
    """A copy of the winner can never be told from it, and a far worse one is told at once."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    good = y + rng.normal(0, 0.7, 300)
    found = stats.best_of(y, {"good": good, "copy": good.copy(), "bad": rng.normal(size=300)}, "roc_auc")
    assert found.tied == ("good", "copy")
    assert found.frame().loc["copy", "behind"] == 0


def test_a_perfect_winner_has_the_limit_of_many() -> None:
    """All right on 50 rows: the lower limit is Wilson's at a third of the level for three models."""
    y = np.arange(50) % 2
    found = stats.best_of(y, {"a": y, "b": 1 - y, "c": np.zeros(50, int)}, "accuracy")
    assert (found.winner, found.corrected.low) == ("a", stats.wilson(50, 50, 1 - 0.05 / 3).low)


def test_lower_is_better_for_losses() -> None:
    """The winner has the smallest error, and the limits enclose it the right way round."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    guesses = {f"noise {s}": y + rng.normal(0, s, 200) for s in (0.5, 1.0, 0.2)}
    for metric, low in (("mae", 0.1), ("neg_mean_absolute_error", -0.25)):
        found = stats.best_of(y, guesses, metric)
        assert (found.winner, found.tied) == ("noise 0.2", ("noise 0.2",))
        assert low < found.corrected.low < found.corrected.value < found.corrected.high < low + 0.15


def test_stretches_of_time_are_left_out_whole() -> None:
    """Blocks make the interval as wide as the memory of the errors; they exclude groups."""
    rng = np.random.default_rng(0)
    day = np.repeat(rng.normal(size=40), 10)
    guesses = {name: 20 + day + rng.normal(0, 0.1, 400) for name in "ab"}
    wide, narrow = (stats.best_of(np.zeros(400), guesses, "mae", blocks=blocks) for blocks in (10, None))
    assert wide.corrected.standard_error > 2 * narrow.corrected.standard_error
    with pytest.raises(InvalidInput, match="not both"):
        stats.best_of(np.zeros(400), guesses, "mae", blocks=10, groups=np.arange(400))


def test_nothing_to_choose_is_refused() -> None:
    """One model is no choice, and a metric that is undefined cannot choose."""
    with pytest.raises(InvalidInput, match="two models or more, got 1"):
        stats.best_of([0, 1], {"only": [0, 1]}, "accuracy")
    with pytest.raises(InvalidInput, match="undefined on these rows for a, b"):
        stats.best_of(np.zeros(9, int), {"a": np.arange(9.0), "b": np.arange(9.0)}, "roc_auc")


def test_few_rows_choose_but_promise_nothing() -> None:
    """With four rows there is a winner, no interval, and everybody may be the best."""
    found = stats.best_of(np.zeros(4), {"a": np.ones(4), "b": np.full(4, 2.0)}, "mae")
    assert (found.winner, found.corrected.conclusive, found.tied) == ("a", False, ("a", "b"))


def test_the_choice_prints_and_is_drawn() -> None:
    """One sentence, one table of all models."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    found = stats.best_of(y, {k: y + rng.normal(0, 1, 200) for k in "abc"}, "roc_auc")
    assert str(found).startswith(f"{found.winner}, best of 3 by roc_auc: ")
    assert found._repr_html_().count("<svg") == 3
    assert list(found.frame().columns) == ["value", "low", "high", "behind", "behind_low", "behind_high", "p", "tied"]
    assert found.as_dict()["models"][0]["name"] == found.winner


def test_models_may_be_the_columns_of_a_frame() -> None:
    """A frame with a column a model is what one has; anything without names is refused."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 100)
    frame = pd.DataFrame({0: y, 1: 1 - y})
    assert stats.best_of(y, frame, "accuracy").winner == "0"
    with pytest.raises(InvalidInput, match="predictions maps names"):
        stats.best_of(y, [y, y], "accuracy")  # type: ignore[arg-type]
