"""Captured answers judged by criteria, by what was evaluated, or by nothing and said so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from attrs import define, frozen

from mlcycle.checks import LoadedMetrics
from mlcycle.monitoring import AnswersJudge
from mlcycle.records import AtLeast, AtMost, Cost, Criterion, MetricSource, NotWorseThan, Result, UnknownCriterion


@define
class Known:
    """What is known of versions, without a store: nothing that could be asked, and perhaps an evaluation."""

    before: Result | None = None
    fetched: int = 0

    def signature(self, ref: str) -> None:
        """Have none."""

    def fetch(self, ref: str) -> None:
        """Count."""
        self.fetched += 1

    def ask(self, ref: str, method: str, rows: Any) -> Any:
        """Be no model."""
        raise AssertionError(method)

    def evaluated(self, ref: str, metric: str) -> Result | None:
        """Return it for accuracy."""
        return self.before if metric == "accuracy" else None


def rows(right: int, wrong: int) -> pd.DataFrame:
    """Return labelled rows of traffic, so many right and wrong."""
    count = right + wrong
    output = np.arange(count) % 2
    label = np.where(np.arange(count) < right, output, 1 - output)
    values = {"output": output.tolist(), "scores": [None] * count, "label": label.tolist()}
    return pd.DataFrame(values, dtype=object).assign(**{"in.a": range(count)})


def judged(criteria: Any, seen: pd.DataFrame, before: Result | None = None) -> list[Result]:
    """Judge them."""
    known = Known(before)
    found = list(AnswersJudge(criteria, known)("m@1", seen))
    assert known.fetched == 1  # scores are missing, so the model may be needed
    return found


@pytest.mark.parametrize(("right", "verdict"), [(300, "pass"), (150, "fail"), (240, "inconclusive")])
def test_a_criterion_with_a_threshold_is_held_against(right: int, verdict: str) -> None:
    """As in an evaluation, on the rows that have labels."""
    [found] = judged([AtLeast("accuracy", 0.8)], rows(right, 300 - right))
    assert (found.check, found.verdict, found.n, found.subject) == ("accuracy ≥ 0.8", verdict, 300, "model:m@1")


@pytest.mark.parametrize(("right", "verdict"), [(300, "pass"), (150, "fail")])
@pytest.mark.parametrize(("slices", "rest"), [("region", ""), (("a", "region"), " in every a")])
def test_slices_that_traffic_cannot_tell_apart_are_left_out(slices: Any, rest: str, right: int, verdict: str) -> None:
    """It is no error of anybody's; what remains of the criterion is judged, and it says so."""
    seen = rows(right, 300 - right).assign(**{"in.a": 1})
    left_out, found, *others = judged([AtLeast("accuracy", 0.8, slices=slices)], seen)
    assert (left_out.verdict, left_out.subject) == ("not_applicable", "model:m@1")
    instead = f"accuracy ≥ 0.8{rest} is judged instead"
    assert left_out.detail == f"captured traffic has no column 'region' to slice by: {instead}"
    assert (found.check, found.verdict, found.n) == (f"accuracy ≥ 0.8{rest}", verdict, 300)
    assert others == []


@pytest.mark.parametrize(
    ("criteria", "note"),
    [
        ([], "not judged: no criterion"),
        ([NotWorseThan("production", "accuracy")], "not judged: no criterion holds it against a value over all rows"),
        ([UnknownCriterion({"type": "Calibrated"})], "not judged: no criterion holds it against a value over all rows"),
    ],
)
def test_without_anything_to_hold_it_against_the_value_is_given(criteria: Any, note: str) -> None:
    """The usual metric of the task, and why there is no verdict."""
    found = judged(criteria, rows(200, 100))
    assert [one.verdict for one in found] == ["not_applicable"] * (len(criteria) + 1)
    assert (found[-1].check, found[-1].value, found[-1].threshold) == ("accuracy", pytest.approx(2 / 3), None)
    assert found[-1].detail.startswith(note)


@pytest.mark.parametrize(("right", "verdict"), [(295, "pass"), (200, "warn"), (288, "inconclusive")])
def test_an_evaluation_is_held_against(right: int, verdict: str) -> None:
    """The difference has an interval of both samples, and a margin."""
    before = Result(check="accuracy", verdict="pass", value=0.97, low=0.95, high=0.98, n=2000, data="d.test@1")
    [found] = judged([], rows(right, 300 - right), before)
    assert (found.verdict, found.threshold) == (verdict, -0.02)
    assert found.check == "accuracy not worse than 0.97 on d.test@1"
    assert found.low < found.value < found.high
    assert found.comparison == {"reference": "dataset:d.test@1", "subject": right / 300, "reference_value": 0.97}


@frozen
class Opaque(Criterion):
    """A criterion of a user's that asks nothing anybody could measure, and names no data."""

    level: float = 0.5


@frozen
class Broken(Opaque):
    """And one that breaks wherever it is asked."""

    @property
    def needs(self) -> frozenset[str]:
        """Break."""
        raise RuntimeError("boom")


@pytest.mark.parametrize(("other", "why"), [(Opaque(), "nothing measures what Opaque asks"), (Broken(), "boom")])
def test_a_criterion_that_cannot_be_asked_hides_no_other(other: Criterion, why: str) -> None:
    """It is an error of its own, and what the others find stands."""
    error, found = judged([other, AtLeast("accuracy", 0.8)], rows(150, 150))
    assert error.verdict == "error"
    assert why in error.detail
    assert (found.check, found.verdict) == ("accuracy ≥ 0.8", "fail")


def test_a_metric_kept_as_source_needs_trust_here_too() -> None:
    """Without it there is an error that says so; with the word of the user it is judged like any."""
    source = MetricSource("def hit_rate(y_true, y_pred):\n    return float((y_true == y_pred).mean())\n")
    error, usual = judged([AtLeast(source, 0.8)], rows(300, 20))
    assert (error.verdict, usual.check) == ("error", "accuracy")
    assert "the metric hit_rate is kept as source" in error.detail
    trusting = LoadedMetrics(trusts=lambda digest: digest == source.digest)
    [found] = AnswersJudge([AtLeast(source, 0.8)], Known(), trusting)("m@1", rows(300, 20))
    assert (found.check, found.verdict) == ("hit_rate ≥ 0.8", "pass")


def test_costs_are_judged() -> None:
    """They are a metric like any; without classes a miss is of 1."""
    [found] = judged([AtMost(Cost(false_negative=10, false_positive=0), 4)], rows(200, 100))
    assert (found.value, found.verdict) == (pytest.approx(10 * 50 / 300), "pass")
