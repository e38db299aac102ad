"""Metrics kept as source: who runs them, that the text does what the function does, and that nothing else runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from attrs import evolve

from mlcycle.checks import EvaluationData, LoadedMetrics, find_metric, judge, measure, validate
from mlcycle.checks._written_metrics import runnable
from mlcycle.errors import InvalidInput, UntrustedModel
from mlcycle.records import AtLeast, AtMost, MetricSource, NotWorseThan
from tests.checks.contexts import context_of
from tests.checks.test_cost_rows import answering

if TYPE_CHECKING:
    from pathlib import Path

Y, SAID = np.array([0, 1, 1, 1] * 50), np.array([0, 1, 1, 0] * 50)
FRAME = pd.DataFrame({"x": range(200), "half": [0, 1] * 100, "y": Y})
ROWS = EvaluationData("d@1", FRAME, FRAME[["x"]], FRAME["y"])
CONTEXT = context_of(lambda ref: ROWS, lambda ref: answering(SAID, [0, 1]))


def elsewhere(marker: Path, name: str = "profit") -> MetricSource:
    """Return a metric of another process, which leaves a mark where it runs."""
    return MetricSource(
        f"import pathlib\n\npathlib.Path({str(marker)!r}).touch()\n\n"
        f"def {name}(y_true, y_pred):\n    return float((y_true == y_pred).mean())\n"
    )


def test_what_was_written_here_is_judged_like_any() -> None:
    """Value, interval, slices; a name that says loss is better when lower."""
    weight = 2.0

    def weighted_loss(y_true: Any, y_pred: Any) -> float:
        return weight * float(np.mean(y_true != y_pred))

    criterion = AtMost(weighted_loss, 0.9, slices="half")
    validate(criterion)
    assert not find_metric(criterion.metric).higher_is_better  # type: ignore[arg-type]
    found = judge(criterion, "model:m@1", CONTEXT)
    assert [(one.slice, one.value) for one in found] == [("half=0", 0.0), ("half=1", 1.0)]
    [whole] = judge(evolve(criterion, slices=()), "model:m@1", CONTEXT)
    assert (whole.verdict, whole.value, whole.check) == ("pass", 0.5, "weighted_loss ≤ 0.9")


def test_what_was_written_elsewhere_is_not_run(tmp_path: Path) -> None:
    """Not by looking, validating, judging or measuring; the reason names the metric and the line that trusts it."""
    marker = tmp_path / "marker"
    criterion = AtLeast(elsewhere(marker), 0.5)
    validate(criterion)
    [found] = judge(criterion, "model:m@1", CONTEXT)
    assert found.verdict == "error"
    assert "the metric profit is kept as source" in found.detail
    assert found.detail.endswith(
        f"project.models['m@1'].evaluate(trust='{criterion.metric.digest}'), or mlcycle.trust(…) for every time"
    )
    assert found.detail.count("sha256") == 1
    assert measure(criterion.metric, ROWS, "m@1", answering(SAID, [0, 1])).verdict == "error"
    with pytest.raises(UntrustedModel):
        find_metric(criterion.metric).function(Y, SAID)  # type: ignore[misc]
    assert not marker.exists()


def test_trust_is_of_one_text(tmp_path: Path) -> None:
    """The caller's word runs the text it names, and no other."""
    marker = tmp_path / "marker"
    metric = elsewhere(marker)
    trusting = evolve(CONTEXT, metrics=LoadedMetrics(trusts=lambda digest: digest == metric.digest))
    [found] = judge(AtLeast(elsewhere(marker, "gain"), 0.5), "model:m@1", trusting)
    assert (found.verdict, marker.exists()) == ("error", False)
    [found] = judge(AtLeast(metric, 0.5), "model:m@1", trusting)
    assert (found.verdict, found.value, marker.exists()) == ("pass", 0.75, True)


def test_who_wrote_it_is_told() -> None:
    """Whoever decides whether to trust it has to know."""
    context = evolve(CONTEXT, metrics=LoadedMetrics(who=lambda metric: f"ada wrote {metric.name}"))
    [found] = judge(AtLeast(MetricSource("def gain(y_true, y_pred):\n    return 1\n"), 0.5), "model:m@1", context)
    assert "whatever it holds; ada wrote gain. To trust it: " in found.detail


def test_a_text_that_cannot_run_says_why() -> None:
    """A package that is missing here is named."""
    metric = MetricSource("import nowhere_at_all\n\ndef gain(y_true, y_pred):\n    return 1\n")
    with pytest.raises(InvalidInput, match=r"the metric gain cannot be run here: ModuleNotFoundError.*nowhere_at_all"):
        runnable(metric, lambda digest: True)


def test_a_text_that_does_something_else_is_refused() -> None:
    """A constant that changed after the criterion was made, and a metric that is another each time."""
    costs = [3.0]

    def total_cost(y_true: Any, y_pred: Any) -> float:
        return costs[0] * float(np.mean(y_true != y_pred))

    agreed = NotWorseThan("production", total_cost)
    validate(agreed)
    costs[0] = 3.5
    criterion = NotWorseThan("production", total_cost)
    costs[0] = 4.0
    validate(agreed)  # it did hold, and what stands in a scope is not tried anew
    with pytest.raises(
        InvalidInput, match=r"total_cost gives 1.5 and the source kept of it 1.3125.*make the criterion"
    ):
        validate(criterion)

    def noisy(y_true: Any, y_pred: Any) -> float:
        return float(np.random.default_rng().random())

    with pytest.raises(InvalidInput, match="noisy gives another value each time"):
        validate(AtLeast(noisy, 0.5))


def test_labels_a_function_speaks_of_are_tried() -> None:
    """So that a difference which numbers do not show is found."""
    dear = {"leave": 10.0}

    def churn_cost(y_true: Any, y_pred: Any) -> float:
        return dear["leave"] * float(np.mean((y_true == "leave") & (y_pred == "stay")))

    criterion = AtMost(churn_cost, 0.5)
    dear["leave"] = 5.0
    with pytest.raises(InvalidInput, match=r"churn_cost gives .* make the criterion anew"):
        validate(criterion)
