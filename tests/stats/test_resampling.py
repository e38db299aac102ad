"""How rows are drawn: one record, the same from keywords, checked once."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput

Y, A, B = np.random.default_rng(0).normal(size=(3, 60))
OTHER = stats.Resampling(confidence=0.9, resamples=200, groups=np.arange(60) // 2, seed=4)
FIELDS: dict[str, Any] = {"confidence": 0.9, "resamples": 200, "groups": np.arange(60) // 2, "seed": 4}


def test_the_record_and_its_fields_as_keywords_are_one() -> None:
    """Every function that resamples takes either, and gives the same."""
    calls: list[Any] = [
        lambda **how: stats.metric_interval(Y, A, "mae", **how),
        lambda **how: stats.compare(Y, A, B, "rmse", margin=0.1, **how),
        lambda **how: stats.best_of(Y, {"a": A, "b": B}, "r2", **how),
        lambda **how: stats.interval(lambda rows: float(A[rows].mean()), 60, **how),
    ]
    for call in calls:
        assert call(resampling=OTHER) == call(**FIELDS) != call()


def test_a_keyword_goes_before_the_records_field() -> None:
    """So that one record serves calls that differ in the seed."""
    found = stats.metric_interval(Y, A, "mae", resampling=OTHER, seed=5)
    assert found == stats.metric_interval(Y, A, "mae", **{**FIELDS, "seed": 5})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"resamples": "many"}, "resamples is a whole number of at least 1, got 'many'"),
        ({"resamples": None}, "resamples is a whole number of at least 1, got None"),
        ({"resamples": 30}, "resamples=30 cannot carry a 0.95 interval; use at least 40"),
        ({"confidence": 95}, "confidence is a share between 0 and 1 such as 0.95, got 95"),
        ({"confidence": None}, "confidence is a share between 0 and 1 such as 0.95, got None"),
        ({"blocks": "day"}, "blocks, the rows of a block, is a whole number of at least 1, got 'day'"),
        ({"seed": "x"}, "seed is a whole number of at least 0, got 'x'"),
        ({"groups": [1] * 60, "blocks": 5}, "give groups= or blocks=, not both"),
        ({"groups": [1, 2]}, "groups needs one label per row, shape (60,), got shape (2,)"),
        ({"resampling": 1000}, "resampling is a stats.Resampling, got int"),
    ],
)
def test_what_does_not_fit_is_named(wrong: dict[str, Any], message: str) -> None:
    """Each with what was expected, by whichever function."""
    for call in (
        lambda: stats.metric_interval(Y, A, "mae", **wrong),
        lambda: stats.compare(Y, A, B, "mae", **wrong),
        lambda: stats.best_of(Y, {"a": A, "b": B}, "mae", **wrong),
        lambda: stats.interval(lambda rows: 1.0, 60, **wrong),
    ):
        with pytest.raises(InvalidInput, match=re.escape(message)):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.metric_interval(None, None, "mae"), "y has one value per row, got shape ()"),
        (lambda: stats.metric_interval([], [], "f1_micr"), "there is no metric 'f1_micr'"),
        (lambda: stats.metric_interval(Y, A[:5], "mae"), "predictions need 60 rows as y has, got shape (5,)"),
        (lambda: stats.compare(Y, A, B, "mae", margin="0.1"), "margin is an amount of the metric"),
        (lambda: stats.compare(Y, A, B, "mae", superiority=-1), "superiority is an amount of the metric"),
        (lambda: stats.best_of(Y, None, "mae"), "predictions maps names to predictions, got NoneType"),
        (lambda: stats.interval(None, 5), "measure is a function of row indices, got NoneType"),
        (lambda: stats.interval(lambda rows: 1.0, "n"), "n is a whole number of at least 0, got 'n'"),
        (lambda: stats.interval(lambda rows: 1.0, 9, bounds=(1, 0)), "bounds are the smallest and the largest"),
        (lambda: stats.interval(lambda rows: 1.0, 9, bounds="x"), "bounds are the smallest and the largest"),
    ],
)
def test_bad_input_says_what_is_expected(call: Any, message: str) -> None:
    """In words of the argument, never as an error from within."""
    with pytest.raises(InvalidInput, match=re.escape(message)):
        call()


def test_no_rows_and_one_row_are_answered_in_words() -> None:
    """Without rows nothing is measured; one row has a value and no limits."""
    for metric in ("mae", "f1", "roc_auc", "r2", "log_loss", "accuracy"):
        assert "undefined" in stats.metric_interval([], [], metric).reason
    assert stats.metric_interval([1.0], [2.0], "mae").reason == "1 rows are too few for an interval; 6 would do"
