"""Quality of labelled rows, and what each result of it means."""

from __future__ import annotations

from collections.abc import Iterable

from mlcycle.records import Result
from tests.monitoring.windows import (
    check,
    people,
    serve,
)


def test_lost_quality_is_a_failure_of_the_model() -> None:
    """Where labelled rows prove the criterion is missed, that is said with the numbers."""
    frame, y = people(600, 8)
    report = check(serve(frame, 1 - y))
    [finding] = [one for one in report.findings if one.look == "quality"]
    assert (finding.verdict, finding.phase, finding.subject) == ("fail", "model", "model:m@1")
    assert finding.detail.startswith("m@1 no longer meets accuracy ≥ 0.7: ")
    assert finding.high < 0.7
    assert finding.n == 600


def test_what_stops_no_gate_is_an_alarm_all_the_same() -> None:
    """Traffic has no gate that a criterion could keep shut or leave open."""
    failed = Result(check="accuracy ≥ 0.7", verdict="fail", value=0.1, low=0.05, high=0.2, n=600, blocking=False)
    frame, y = people(60, 8)
    report = check(serve(frame, y), judge=lambda ref, rows: [failed])
    assert report.verdict == "fail"


def test_undecided_quality_says_how_many_labels_would_do() -> None:
    """An interval across the threshold is no verdict, and comes with a number of rows."""
    report = check(serve(*people(60, 8)), judge=lambda ref, rows: undecided())
    [finding] = [one for one in report.findings if one.look == "quality"]
    assert (finding.verdict, finding.phase) == ("inconclusive", "data")
    # 60 rows, times six, and one
    assert any(f"about {needed} labelled rows would do" in finding.detail for needed in (361, 362))


def undecided() -> Iterable[Result]:
    """Return a result whose interval must shrink by the square root of six."""
    limits = {"value": 0.65, "low": 0.65 - 0.1225, "high": 0.65 + 0.05 * 6**0.5, "threshold": 0.7, "n": 60}
    yield Result(check="accuracy ≥ 0.7", verdict="inconclusive", **limits)


def test_each_version_is_judged_on_its_own_rows() -> None:
    """Rows of a canary count for the canary; an id that was asked twice counts once."""
    frame, y = people(600, 9)
    lines = serve(frame[:400], y[:400]) + serve(frame[400:], 1 - y[400:], version="m@2", first=400)
    report = check([*lines, *serve(frame[:400])])
    quality = report.frame().query("look == 'quality'").set_index("subject")
    assert quality["n"].to_dict() == {"model:m@1": 400, "model:m@2": 200}
    assert [one.subject for one in report.findings if one.look == "quality"] == ["model:m@2"]
