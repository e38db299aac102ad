"""Failures against the share there may be."""

from __future__ import annotations

from mlcycle.serving._capture import encode_failures
from tests.monitoring.windows import (
    check,
    people,
    serve,
)


def test_failures_are_counted_against_one_in_a_hundred() -> None:
    """Single failures are information, many are a failure of the deployment."""
    frame, y = people(400, 3)
    for count, role, verdict in ((2, "live", "inconclusive"), (60, "live", "fail"), (60, "shadow", "warn")):
        broken = encode_failures(["x"] * count, ValueError("no"), {"v": "m@1", "r": 3, "role": role})
        [finding] = check([*serve(frame, y), *broken.splitlines()]).findings
        assert (finding.look, finding.slice, finding.verdict, finding.phase) == (
            "failures",
            role,
            verdict,
            "deployment",
        )
        rows = count + 400 * (role == "live")
        assert finding.detail == f"m@1 ({role}) gave no answer for {count} of {rows} rows: ValueError: no"
