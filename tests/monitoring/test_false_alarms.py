"""Looks every day at what does not change: no more alarms than the budget; at what broke: an alarm at the first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlcycle import stats
from mlcycle.checks import EvaluationContext
from mlcycle.monitoring import ReferenceRows, Window, run_signals, signals_at
from mlcycle.monitoring._certain_alarms import certain_alarms
from mlcycle.records import Result, Revision
from mlcycle.serving import decode_traffic, encode_labels
from mlcycle.serving._capture import encode_predictions
from tests.monitoring.windows import WINDOW

SHOP = Revision(deployment="shop", number=1, weights={"m@1": 100}, at=WINDOW["since"])
FACTS = {"v": "m@1", "r": 1, "role": "live", "ms": 1.0}


def drawn(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return rows of one law, what a model answers there, and the truth, right in nine of ten."""
    frame = pd.DataFrame(
        {"age": rng.normal(40, 10, n), "paid": rng.lognormal(3, 1, n), "city": rng.choice(list("abc"), n)}
    )
    out = (frame["age"] > 40).to_numpy().astype(int)
    return frame, out, np.where(rng.random(n) < 0.9, out, 1 - out)


def judge(ref: str, rows: pd.DataFrame) -> Iterable[Result]:
    """Hold accuracy against what it is: the nearest to a fault that is none."""
    right = stats.wilson(int((rows["output"] == rows["label"]).sum()), len(rows))
    limits = {"value": right.value, "low": right.low, "high": right.high, "threshold": 0.9, "n": right.n}
    yield Result(check="accuracy ≥ 0.9", subject=ref, verdict="fail" if right.high < 0.9 else "inconclusive", **limits)


def looked(reference: pd.DataFrame, expected: Any, lines: list[bytes], level: float) -> list[Result]:
    """Return the alarms of a look at some traffic at a level."""
    captured = decode_traffic(lines)
    evidence: dict[str, Any] = {
        "reference": lambda: ReferenceRows(reference),
        "expected": lambda: expected,
        "judge": judge,
    }
    seen = Window(revision=SHOP, captured=captured, **WINDOW, **evidence)
    found = run_signals(signals_at(level), "deployment:shop", EvaluationContext(traffic=seen))
    return [one for one in found if one.verdict in ("warn", "fail", "error")]


def days(seed: int, looks: int, level: float, window: int) -> Iterator[list[Result]]:
    """Yield the alarms of each day that brings eighty rows of the same law, looked at in windows of some days."""
    rng = np.random.default_rng(seed)
    (reference, _, _), (_, expected, _) = drawn(rng, 400), drawn(rng, 400)
    lines: list[list[bytes]] = []
    for day in range(looks):
        frame, out, truth = drawn(rng, 80)
        ids = [f"{day}-{i}" for i in range(80)]
        answers = encode_predictions(ids, frame, {"out": out}, FACTS)
        lines.append([*answers.splitlines(), *encode_labels(ids, truth).splitlines()])
        yield looked(reference, expected, [line for one in lines[-window:] for line in one], level)


def test_sixty_days_of_nothing_raise_no_alarm() -> None:
    """With one false alarm a year, of which sixty looks at windows that overlap may use a sixth."""
    level = stats.Budget(false_alarms_per_year=1).level_after()
    assert [day for day, alarms in enumerate(days(0, 60, level, window=3)) if alarms] == []


def test_as_many_alarms_as_the_budget_at_most() -> None:
    """At 18 a year, 80 looks at nothing may raise 3.9 alarms; 3 standard errors are granted."""
    level = stats.Budget(false_alarms_per_year=18).level_after()
    alarms = sum(bool(one) for seed in (1, 2) for one in days(seed, 40, level, window=1))
    assert alarms <= 80 * level + 3 * math.sqrt(80 * level)


@pytest.mark.deep
@pytest.mark.parametrize(("window", "rate"), [(7, 1), (1, 18), (7, 18)])
def test_alarms_of_a_year_at_length(window: int, rate: float) -> None:
    """Fifteen references, sixty looks each: at most as many alarms as expected, and 3 standard errors."""
    level = stats.Budget(false_alarms_per_year=rate).level_after()
    counts = [sum(bool(one) for one in days(seed, 60, level, window)) for seed in range(15)]
    spread = max(float(np.std(counts, ddof=1)), math.sqrt(60 * level)) / math.sqrt(len(counts))
    assert np.mean(counts) <= 60 * level + 3 * spread


def test_what_is_broken_alarms_at_the_first_look() -> None:
    """A unit changed, answers all alike, and half of the answers wrong: each is told at the strictest level."""
    level = stats.Budget(false_alarms_per_year=1).level_after(1e-4, pd.Timedelta(0))
    rng = np.random.default_rng(0)
    (reference, _, _), (_, expected, _), (frame, out, truth) = (drawn(rng, 400) for _ in range(3))
    ids = [str(i) for i in range(400)]
    labels = encode_labels(ids, np.where(rng.random(400) < 0.5, truth, 1 - truth)).splitlines()

    def alarms(rows: pd.DataFrame, said: np.ndarray) -> set[tuple[str | None, str]]:
        lines = [*encode_predictions(ids, rows, {"out": said}, FACTS).splitlines(), *labels]
        return {(one.look, one.check) for one in looked(reference, expected, lines, level)}

    assert alarms(frame.assign(paid=frame["paid"] * 1000), out) == {
        ("data drift", "paid"),
        ("quality", "accuracy ≥ 0.9"),
    }
    assert ("prediction drift", "prediction") in alarms(frame, np.zeros(400, int))


def test_what_is_less_certain_than_the_budget_asks_is_no_alarm() -> None:
    """A value keeps its interval and says that it is no alarm yet; several share the level; without limits all stay."""
    limits = {"value": 0.8, "low": 0.74, "high": 0.86, "threshold": 0.9, "n": 200, "confidence": 0.95}
    short = Result(check="accuracy ≥ 0.9", verdict="fail", **limits)  # 3.3 standard errors
    told = Result(check="loss", verdict="warn", value=0.4, threshold=0.3)
    assert list(certain_alarms([short, told], 0.001)) == [short, told]
    [found] = certain_alarms([short], 0.0001)
    assert (found.verdict, found.value, found.low, found.high) == ("inconclusive", 0.8, 0.74, 0.86)
    assert found.detail == "no alarm yet: looked at as often as this, so much comes of nothing now and then"
    assert [one.verdict for one in certain_alarms([short] * 9, 0.001)] == ["inconclusive"] * 9
