"""What statistics found of columns and shares, as results."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from mlcycle import stats
from mlcycle.checks import drift_result, share_result
from mlcycle.records import from_json, to_json


def column(before: list[float], now: list[float]) -> stats.ColumnDrift:
    """Compare one column."""
    return stats.drift(pd.DataFrame({"age": before}), pd.DataFrame({"age": now})).columns[0]


@pytest.mark.parametrize(
    ("now", "verdict", "words", "phase"),
    [
        ([float(i) for i in range(150, 350)], "warn", "age: ", "data"),
        ([float(i) for i in range(200)], "pass", "age was not seen to move: ", None),
        ([21.0, 103.0, 187.0], "inconclusive", "no verdict yet on age: ", "data"),
    ],
)
def test_a_column_is_a_result(now: list[float], verdict: str, words: str, phase: str | None) -> None:
    """With its effect, interval, margin and power, and a line in words; what did not move needs no phase."""
    compared = column([float(i) for i in range(200)], now)
    found = drift_result(compared, look="data drift", subject="deployment:eu", phase="data")
    assert (found.check, found.look, found.verdict, found.phase) == ("age", "data drift", verdict, phase)
    assert (found.subject, found.n) == ("deployment:eu", len(now))
    assert found.detail.startswith(words)
    if verdict != "inconclusive":
        shift = compared.leading
        assert (found.value, found.low, found.high, found.threshold) == (
            shift.effect,
            shift.low,
            shift.high,
            shift.margin,
        )
        assert all(text in found.detail for text in (shift.unit, shift.test, "adjusted p = "))


def test_what_is_not_known_of_a_column_is_none() -> None:
    """Nothing of a column without values is a number, and the record goes out and comes back."""
    found = drift_result(column([math.nan] * 40, [math.nan] * 40), look="data drift", subject="deployment:eu")
    assert from_json(to_json(found)) == found
    assert not any(one is not None and math.isnan(one) for one in (found.value, found.low, found.high))


@pytest.mark.parametrize(("count", "verdict"), [(0, "pass"), (4, "inconclusive"), (60, "fail")])
def test_a_share_is_held_against_the_most_it_should_be(count: int, verdict: str) -> None:
    """By its interval, which decides both ways."""
    found = share_result(count, 400, at_most=0.01, check="failures", subject="model:m@1")
    assert (found.verdict, found.value, found.threshold, found.n) == (verdict, count / 400, 0.01, 400)
    share = stats.wilson(count, 400)
    assert (found.low, found.high, found.confidence) == (share.low, share.high, 0.95)
