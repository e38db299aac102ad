"""Inputs and predictions against what they were: quiet on nothing, loud on something."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlcycle.serving._capture import encode_predictions
from tests.monitoring.windows import (
    COLUMNS,
    MODEL,
    TRAIN,
    check,
    kinds,
    people,
    serve,
    serve_changed,
)


@pytest.mark.parametrize(
    ("column", "change", "words"),
    [
        ("a", lambda values: values + 2.0, "a: rows up to "),
        (
            "region",
            lambda values: np.where(np.arange(len(values)) % 2, "EU", "MARS"),
            "region: 300 rows of 1 new level",
        ),
        ("since", lambda values: values + pd.Timedelta(days=30), "since: 98.7 % of rows were below 2026-01-12T"),
        ("b", lambda values: values.where(np.arange(len(values)) % 3 > 0), "b: no value: 0 % -> 33.3 % of rows"),
    ],
)
def test_a_shifted_column_is_named(column: str, change: Any, words: str) -> None:
    """A moved number, an unseen level, later moments, missing values: found after their way through JSON."""
    frame, _ = people(600, 6)
    report = check(serve_changed(frame, column, change))
    [finding] = [one for one in report.findings if one.look == "data drift"]
    assert (finding.check, finding.verdict, finding.phase) == (column, "warn", "data")
    assert finding.detail.startswith(words)
    assert finding.low > finding.threshold
    assert report.frame().query("look == 'data drift'")["verdict"].tolist() == ["warn", *["pass"] * 7]


def test_without_a_reference_that_is_said() -> None:
    """A model without lineage, or of other columns, cannot be compared with anything."""
    frame, y = people(300, 3)
    for reference, phase in ((None, "model"), (pd.DataFrame({"other": [1.0] * 50}), "data")):
        report = check(serve(frame, y), reference=lambda one=reference: one, expected=lambda: None)
        assert kinds(report) == [("data drift", "reference", "skipped", phase)]


def test_arrays_are_compared_by_place() -> None:
    """A model of unnamed columns captures x0, x1, …; they are the columns of its training data in order."""
    frame, _ = people(400, 4)
    facts = {"v": "m@1", "r": 3, "role": "live", "ms": 1.0}
    out = MODEL.predict(frame[COLUMNS])
    lines = encode_predictions([str(i) for i in range(400)], frame[COLUMNS].to_numpy() + 1.5, {"out": out}, facts)
    report = check(lines.splitlines(), reference=lambda: TRAIN[COLUMNS])
    assert {one.check for one in report.findings if one.look == "data drift"} == set(COLUMNS)


def test_prediction_drift_is_of_the_main_version() -> None:
    """Other answers than on the reference are the model's matter; a canary's answers are not mixed in."""
    frame, y = people(600, 4)
    facts = {"r": 3, "role": "live", "ms": 1.0}
    ids = [str(i) for i in range(600)]
    ones = np.ones(600, dtype=int)
    for version, expected in (("m@1", ["prediction drift"]), ("m@2", [])):
        lines = [*serve(frame, y), *encode_predictions(ids, frame, {"out": ones}, {"v": version, **facts}).splitlines()]
        found = check(lines, judge=lambda *_: ()).findings
        assert [one.look for one in found] == expected
        assert all((one.subject, one.phase) == ("model:m@1", "model") for one in found)


def test_predictions_of_several_targets_are_left_out() -> None:
    """They are named as not compared, and the rest of the report stands."""
    report = check(serve(*people(300, 3)), expected=lambda: np.zeros((50, 2)))
    row = report.frame().query("look == 'prediction drift'").iloc[0]
    assert row["verdict"] == "not_applicable"


def test_on_nothing_it_fires_at_its_rate() -> None:
    """Over forty windows of the same population, drift is claimed no more often than alpha allows."""
    alarms = 0
    for seed in range(40):
        frame, _ = people(300, 100 + seed)
        out = MODEL.predict(frame[COLUMNS])
        facts = {"v": "m@1", "r": 3, "role": "live", "ms": 1.0}
        lines = encode_predictions([str(i) for i in range(300)], frame, {"out": out}, facts)
        alarms += any("drift" in one.look and one.verdict == "warn" for one in check(lines.splitlines()).findings)
    assert alarms <= 6  # 2 are expected at most; more than 6 has a chance below 1 in 200
