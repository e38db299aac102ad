"""Too little traffic is said, and with how much would do."""

from __future__ import annotations

from tests.monitoring.windows import (
    check,
    kinds,
    people,
    serve,
)


def test_too_little_is_said_not_passed_over() -> None:
    """No traffic, few rows, no labels, few values: each is a finding with the number that would do."""
    assert kinds(check([])) == [("traffic", "predictions", "inconclusive", "deployment")]
    few = check(serve(*people(12, 3))).findings[0]
    assert (few.value, few.threshold, few.detail.partition(";")[0]) == (
        12.0,
        30.0,
        "12 predictions are too few for any verdict",
    )
    [finding] = check(serve(people(500, 3)[0])).findings
    assert (finding.check, finding.verdict, finding.value, finding.n) == ("labelled rows", "inconclusive", 0.0, 500)
    assert (finding.phase, "report outcomes with label(ids, outcomes)" in finding.detail) == ("data", True)


def test_unreadable_lines_are_told() -> None:
    """Torn lines do not vanish."""
    told = kinds(check([*serve(*people(100, 3)), b'{"t":1']))
    assert ("traffic", "unreadable lines", "inconclusive", "deployment") in told
